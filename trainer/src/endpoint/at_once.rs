//! Many things asked at once, answered in any order, heard one after the other.

use super::Unanswered;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};

/// Where the work on an item puts what came of it.
pub struct Outbox<'a, T> {
    sender: SyncSender<T>,
    ended: &'a AtomicBool,
}

impl<T> Outbox<'_, T> {
    pub fn put(&self, message: T) {
        // Nobody listens any more once the whole has been ended.
        let _ = self.sender.send(message);
    }

    /// Set once all is to end.
    pub fn ended(&self) -> &AtomicBool {
        self.ended
    }
}

/// Does `work(index, item, outbox)` for each item, on at most `workers` threads, and hands each message
/// to `hear` on this one, until it breaks.
///
/// # Errors
/// The first [`Unanswered::Endpoint`] that `work` gives ends all; what is under way is heard first, so
/// that nothing is lost that was answered.
pub fn at_once<I: Sync, T: Send>(
    items: &[I],
    workers: usize,
    work: impl Fn(usize, &I, &Outbox<'_, T>) -> Result<(), Unanswered> + Sync,
    hear: &mut dyn FnMut(T) -> ControlFlow<()>,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    let fatal: Mutex<Option<String>> = Mutex::new(None);
    let workers = workers.min(items.len());
    // Bounded, so that a slow disk slows the asking.
    let (sender, receiver) = mpsc::sync_channel(workers.max(1));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let outbox = Outbox {
                sender: sender.clone(),
                ended: &ended,
            };
            let (next, work, fatal) = (&next, &work, &fatal);
            scope.spawn(move || {
                while !outbox.ended.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else {
                        break;
                    };
                    if let Err(Unanswered::Endpoint(reason)) = work(index, item, &outbox) {
                        let mut fatal = fatal.lock().unwrap_or_else(PoisonError::into_inner);
                        fatal.get_or_insert(reason);
                        outbox.ended.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        drop(sender);
        for message in &receiver {
            if hear(message).is_break() {
                ended.store(true, Ordering::Relaxed);
                break;
            }
        }
        // Workers that wait to be heard must see that nobody listens.
        drop(receiver);
    });
    match fatal.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(reason) => Err(anyhow::anyhow!(reason)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_heard_once_whatever_the_workers() {
        for workers in [1, 3, 50] {
            let items: Vec<u32> = (0..20).collect();
            let mut heard = Vec::new();
            at_once(
                &items,
                workers,
                |_, item, outbox| {
                    outbox.put(item * 2);
                    Ok(())
                },
                &mut |message| {
                    heard.push(message);
                    ControlFlow::Continue(())
                },
            )
            .unwrap();
            heard.sort_unstable();
            assert_eq!(heard, (0..20).map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_end_of_the_endpoint_ends_all_and_loses_nothing() {
        let items: Vec<usize> = (0..1000).collect();
        let mut heard = Vec::new();
        let error = at_once(
            &items,
            4,
            |index, item, outbox| match index {
                7 => Err(Unanswered::Endpoint("gone".into())),
                _ => {
                    outbox.put(*item);
                    Ok(())
                }
            },
            &mut |message| {
                heard.push(message);
                ControlFlow::Continue(())
            },
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "gone");
        assert!((0..7).all(|item| heard.contains(&item)));
        assert!(heard.len() < 1000);
    }
}
