//! How often one may try to sign in: so many tries by one name, and from one address, in so many
//! seconds. Those that succeed do not count.

use crate::limits::{TRIES_MAX, TRIES_REMEMBERED_MAX, TRIES_SECONDS};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SPAN: Duration = Duration::from_secs(TRIES_SECONDS);

/// The tries of the last [`TRIES_SECONDS`], in memory: a server that starts again forgets them.
#[derive(Debug, Default)]
pub struct Tries {
    by: Mutex<HashMap<Source, VecDeque<Instant>>>,
}

/// Whose tries are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    Name(String),
    Address(IpAddr),
}

impl Tries {
    /// Counts a try before it is made, so that many at once are counted too.
    ///
    /// # Errors
    /// How long to wait, where there were too many.
    pub fn begin(&self, name: &str, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut by = self.lock();
        let sources = sources(name, address);
        let wait = sources
            .iter()
            .filter_map(|source| wait(by.get_mut(source)?, now))
            .max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        if by.len() + sources.len() > TRIES_REMEMBERED_MAX {
            forget(&mut by, now);
        }
        for source in sources {
            by.entry(source).or_default().push_back(now);
        }
        Ok(())
    }

    /// Takes a try back that began at `began` and succeeded.
    pub fn succeeded(&self, name: &str, address: IpAddr, began: Instant) {
        let mut by = self.lock();
        for source in sources(name, address) {
            if let Some(tries) = by.get_mut(&source) {
                if let Some(place) = tries.iter().position(|at| *at == began) {
                    tries.remove(place);
                }
                if tries.is_empty() {
                    by.remove(&source);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, VecDeque<Instant>>> {
        // Only counts: after a panic elsewhere the worst is a try too many or too few.
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room: what is over goes; and where somebody sends ever new names from ever new addresses, the
/// older half.
fn forget(by: &mut HashMap<Source, VecDeque<Instant>>, now: Instant) {
    by.retain(|_, tries| {
        tries
            .back()
            .is_some_and(|last| now.duration_since(*last) < SPAN)
    });
    if by.len() < TRIES_REMEMBERED_MAX / 2 {
        return;
    }
    let mut last: Vec<Instant> = by
        .values()
        .filter_map(|tries| tries.back().copied())
        .collect();
    last.sort();
    if let Some(middle) = last.get(last.len() / 2).copied() {
        by.retain(|_, tries| tries.back().is_some_and(|last| *last >= middle));
    }
}

/// How long until another try may be made; `None`: now.
fn wait(tries: &mut VecDeque<Instant>, now: Instant) -> Option<Duration> {
    while tries
        .front()
        .is_some_and(|first| now.duration_since(*first) >= SPAN)
    {
        tries.pop_front();
    }
    let first = tries.front().filter(|_| tries.len() >= TRIES_MAX)?;
    Some(SPAN.saturating_sub(now.duration_since(*first)))
}

fn sources(name: &str, address: IpAddr) -> [Source; 2] {
    [
        Source::Name(name.to_owned()),
        Source::Address(network_of(address)),
    ]
}

/// Of IPv6 the first 64 bits: one household has them all.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn ten_tries_in_five_minutes_by_name_and_by_address() {
        let (tries, start) = (Tries::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert!(
                tries
                    .begin("ada", address(second as u8), at(second))
                    .is_ok()
            );
        }
        // Of that name from anywhere; of others not.
        let wait = tries.begin("ada", address(99), at(10)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(290));
        assert!(tries.begin("ben", address(99), at(10)).is_ok());
        for name in 0..9 {
            assert!(tries.begin(&name.to_string(), address(99), at(10)).is_ok());
        }
        assert!(tries.begin("eva", address(99), at(10)).is_err());
        // They are forgotten one by one.
        assert!(tries.begin("ada", address(1), at(300)).is_ok());
        assert!(tries.begin("ada", address(1), at(300)).is_err());
    }

    #[test]
    fn tries_that_succeed_do_not_count() {
        let (tries, now) = (Tries::default(), Instant::now());
        for name in 0..100 {
            let name = name.to_string();
            assert!(tries.begin(&name, address(1), now).is_ok());
            tries.succeeded(&name, address(1), now);
        }
        assert!(tries.lock().is_empty());
    }

    #[test]
    fn a_household_is_one_address() {
        let (tries, now) = (Tries::default(), Instant::now());
        for host in 0..10 {
            let address: IpAddr = format!("2001:db8::{host}").parse().unwrap();
            assert!(tries.begin(&host.to_string(), address, now).is_ok());
        }
        let other: IpAddr = "2001:db8::ffff".parse().unwrap();
        assert!(tries.begin("x", other, now).is_err());
        assert!(
            tries
                .begin("x", "2001:db9::1".parse().unwrap(), now)
                .is_ok()
        );
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (tries, now) = (Tries::default(), Instant::now());
        for number in 0..2 * TRIES_REMEMBERED_MAX {
            let address = IpAddr::from((number as u32).to_be_bytes());
            let at = now + Duration::from_millis(number as u64);
            assert!(tries.begin(&number.to_string(), address, at).is_ok());
        }
        assert!(tries.lock().len() <= TRIES_REMEMBERED_MAX);
    }
}
