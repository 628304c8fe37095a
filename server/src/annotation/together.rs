//! Writes what many send at once in one transaction: fifty ratings wait for the disk once, not fifty times,
//! and each is acknowledged after it was committed.

use super::Annotation;
use super::desk::{self, HandAsk, KeepAsk};
use super::opened::Opened;
use super::refusal::{Fault, Refusal};
use crate::db::annotation::retried;
use crate::db::{Database, DatabaseError};
use crate::limits::{WRITES_WAITING_MAX, WRITTEN_TOGETHER_MAX};
use app::view::WorkBatch;
use datasets::annotation::RatingSaved;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Something to be written.
#[derive(Clone, Debug)]
pub enum Ask {
    Hand(HandAsk),
    Keep(KeepAsk),
}

impl Ask {
    fn project(&self) -> &str {
        match self {
            Ask::Hand(ask) => &ask.project,
            Ask::Keep(ask) => &ask.project,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Told {
    Handed(WorkBatch),
    Saved(RatingSaved),
}

/// One who waits.
struct Waiting {
    ask: Ask,
    answer: oneshot::Sender<Result<Told, Refusal>>,
}

/// Those who wait, in order.
#[derive(Default)]
pub struct Queue {
    waiting: Vec<Waiting>,
    /// Whether somebody works them off.
    is_worked: bool,
}

impl Annotation {
    /// Hands items out.
    ///
    /// # Errors
    /// Why none are; then nothing was written.
    pub async fn hand(
        self: &Arc<Self>,
        database: &Database,
        ask: HandAsk,
    ) -> Result<WorkBatch, Refusal> {
        match self.write(database, Ask::Hand(ask)).await? {
            Told::Handed(batch) => Ok(batch),
            Told::Saved(_) => Err(Refusal::Lost),
        }
    }

    /// Keeps a rating; done once it is committed.
    ///
    /// # Errors
    /// Why it is not; whether it was written is not known after [`Refusal::Lost`] and failures of the
    /// database, so that it is to be sent again.
    pub async fn keep(
        self: &Arc<Self>,
        database: &Database,
        ask: KeepAsk,
    ) -> Result<RatingSaved, Refusal> {
        match self.write(database, Ask::Keep(ask)).await? {
            Told::Saved(saved) => Ok(saved),
            Told::Handed(_) => Err(Refusal::Lost),
        }
    }

    async fn write(self: &Arc<Self>, database: &Database, ask: Ask) -> Result<Told, Refusal> {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut queue = self.queue();
            if queue.waiting.len() >= WRITES_WAITING_MAX {
                return Err(Refusal::Busy);
            }
            queue.waiting.push(Waiting { ask, answer });
            !std::mem::replace(&mut queue.is_worked, true)
        };
        if begins {
            // On its own, so that it does not end with whoever happened to come first.
            tokio::spawn(Arc::clone(self).work_off(database.clone()));
        }
        answered.await.unwrap_or(Err(Refusal::Lost))
    }

    async fn work_off(self: Arc<Self>, database: Database) {
        let given_up = GivenUp(&self);
        loop {
            let batch = {
                let mut queue = self.queue();
                let count = queue.waiting.len().min(WRITTEN_TOGETHER_MAX);
                let batch: Vec<Waiting> = queue.waiting.drain(..count).collect();
                if batch.is_empty() {
                    queue.is_worked = false;
                    std::mem::forget(given_up);
                    return;
                }
                batch
            };
            self.answer_all(&database, batch).await;
        }
    }

    async fn answer_all(&self, database: &Database, batch: Vec<Waiting>) {
        let (asks, answers): (Vec<Ask>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.ask, waiting.answer))
            .unzip();
        match retried(|| self.write_once(database, &asks)).await {
            Ok(told) => {
                for (answer, told) in answers.into_iter().zip(told) {
                    // Whoever does not wait any more asks again.
                    let _ = answer.send(told);
                }
            }
            // Alone, or in others' way: each would fare alike.
            Err(error) if asks.len() == 1 || error.is_passing() || error.is_full() => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(Refusal::Database(Arc::clone(&error))));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "annotation: {} at once were not written: {error}", asks.len());
                // One among them may be what fails: each alone.
                for (ask, answer) in asks.iter().zip(answers) {
                    let alone = std::slice::from_ref(ask);
                    let told = match retried(|| self.write_once(database, alone)).await {
                        Ok(told) => told.into_iter().next().unwrap_or(Err(Refusal::Lost)),
                        Err(error) => Err(error.into()),
                    };
                    let _ = answer.send(told);
                }
            }
        }
    }

    /// All in one transaction: what is refused writes nothing, what fails undoes all.
    async fn write_once(
        &self,
        database: &Database,
        asks: &[Ask],
    ) -> Result<Vec<Result<Told, Refusal>>, DatabaseError> {
        let mut opened: HashMap<&str, Arc<Opened>> = HashMap::new();
        for ask in asks {
            if !opened.contains_key(ask.project()) {
                opened.insert(ask.project(), self.opened(database, ask.project()).await?);
            }
        }
        let projects: Vec<&str> = opened.keys().copied().collect();
        let mut turn = database.turn(&projects).await?;
        // Asked once the turn is ours: leases are counted from when they are given.
        let now_ms = self.clock.now();
        let mut told = Vec::with_capacity(asks.len());
        for ask in asks {
            let Some(opened) = opened.get(ask.project()) else {
                continue;
            };
            let one = match ask {
                Ask::Hand(ask) => desk::hand(&mut turn, opened, ask, now_ms)
                    .await
                    .map(Told::Handed),
                Ask::Keep(ask) => desk::keep(&mut turn, opened, ask, now_ms)
                    .await
                    .map(Told::Saved),
            };
            match one {
                Err(Fault::Database(error)) => return Err(error),
                Err(Fault::Refused(refusal)) => told.push(Err(refusal)),
                Ok(one) => told.push(Ok(one)),
            }
        }
        turn.commit().await?;
        Ok(told)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A list and a flag: whoever panicked left both as they are.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next one begin anew after a panic; those who waited are told.
struct GivenUp<'a>(&'a Annotation);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.is_worked = false;
        queue.waiting.clear();
    }
}
