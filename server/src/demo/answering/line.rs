//! Who is answered next. Of those who wait, whoever's address was answered longest ago comes first, so
//! that nobody who asks much holds up one who asks once.

use crate::limits::{
    DEMO_ASKS_A_MINUTE, DEMO_AT_ONCE, DEMO_KNOWN_ADDRESSES_MAX, DEMO_WAITING_MAX,
    DEMO_WAITING_OF_ONE_MAX,
};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

const MINUTE: Duration = Duration::from_secs(60);

/// Why somebody may not stand in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many wait, whoever they are.
    Full,
    /// Too many wait of his address.
    TooManyAtOnce,
    /// His address has asked too often; this many seconds later it may again.
    TooOften { seconds: u64 },
}

/// The line.
#[derive(Debug)]
pub struct Line {
    state: Mutex<State>,
    /// Grows with each change of what stands there.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    next_number: u64,
    next_turn: u64,
    under_way: usize,
    waiting: Vec<Waiting>,
    known: HashMap<IpAddr, Known>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: u64,
    address: IpAddr,
}

/// What is remembered of an address.
#[derive(Debug, Default)]
struct Known {
    /// When it was answered last; 0: never.
    turn: u64,
    waiting: usize,
    under_way: usize,
    /// When it asked, within the last minute.
    asked: VecDeque<Instant>,
}

/// A place in the line; given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    line: Arc<Line>,
    number: u64,
    address: IpAddr,
    has_turn: bool,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Line {
    /// A place at the end.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn join(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Place, Refused> {
        let address = household(address);
        let mut state = self.lock();
        if state.waiting.len() >= DEMO_WAITING_MAX {
            return Err(Refused::Full);
        }
        state.forget(now);
        let known = state.known.entry(address).or_default();
        while known
            .asked
            .front()
            .is_some_and(|at| now.duration_since(*at) >= MINUTE)
        {
            known.asked.pop_front();
        }
        if known.waiting + known.under_way >= DEMO_WAITING_OF_ONE_MAX {
            return Err(Refused::TooManyAtOnce);
        }
        if known.asked.len() >= DEMO_ASKS_A_MINUTE
            && let Some(first) = known.asked.front()
        {
            let left = MINUTE.saturating_sub(now.duration_since(*first));
            let seconds = left.as_secs_f64().ceil() as u64;
            return Err(Refused::TooOften { seconds });
        }
        known.asked.push_back(now);
        known.waiting += 1;
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push(Waiting { number, address });
        drop(state);
        self.note_change();
        Ok(Place {
            line: Arc::clone(self),
            number,
            address,
            has_turn: false,
        })
    }

    fn note_change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts alone: after a panic elsewhere the worst is a place too many or too few.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The numbers of those who wait, in the order in which they will be answered.
    fn order(&self) -> Vec<u64> {
        let mut turns: HashMap<IpAddr, u64> = HashMap::new();
        let mut left = self.waiting.clone();
        let mut order = Vec::with_capacity(left.len());
        let mut turn = self.next_turn;
        while !left.is_empty() {
            let turn_of = |one: &Waiting| {
                let known = || self.known.get(&one.address).map_or(0, |known| known.turn);
                turns.get(&one.address).copied().unwrap_or_else(known)
            };
            let first = (0..left.len()).min_by_key(|at| (turn_of(&left[*at]), left[*at].number));
            let one = left.remove(first.unwrap_or(0));
            turn += 1;
            turns.insert(one.address, turn);
            order.push(one.number);
        }
        order
    }

    /// Lets go of addresses that matter no more, where many are known.
    fn forget(&mut self, now: Instant) {
        if self.known.len() < DEMO_KNOWN_ADDRESSES_MAX {
            return;
        }
        let asked_lately = |known: &Known| {
            let last = known.asked.back();
            last.is_some_and(|at| now.duration_since(*at) < MINUTE)
        };
        self.known
            .retain(|_, known| known.waiting + known.under_way > 0 || asked_lately(known));
        if self.known.len() >= DEMO_KNOWN_ADDRESSES_MAX {
            // Ever new addresses: what they asked is forgotten rather than that memory grows.
            self.known
                .retain(|_, known| known.waiting + known.under_way > 0);
        }
    }
}

impl Place {
    /// Waits until it is this one's turn; `told` hears of each place before that, the first being 1.
    pub async fn turn(&mut self, mut told: impl FnMut(usize)) {
        let mut changes = self.line.changes.subscribe();
        let mut last = 0;
        loop {
            changes.mark_unchanged();
            match self.look() {
                None => return,
                Some(place) if place != last => {
                    last = place;
                    told(place);
                }
                Some(_) => {}
            }
            // Its sender is the line, which this place holds.
            let _ = changes.changed().await;
        }
    }

    /// Takes the turn if it is this one's; else its place.
    fn look(&mut self) -> Option<usize> {
        let mut state = self.line.lock();
        let order = state.order();
        let before = order.iter().position(|number| *number == self.number)?;
        if state.under_way + before >= DEMO_AT_ONCE {
            return Some(before + 1);
        }
        state.waiting.retain(|one| one.number != self.number);
        state.under_way += 1;
        state.next_turn += 1;
        let turn = state.next_turn;
        let known = state.known.entry(self.address).or_default();
        known.turn = turn;
        known.waiting -= 1;
        known.under_way += 1;
        self.has_turn = true;
        drop(state);
        self.line.note_change();
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        match self.has_turn {
            true => state.under_way -= 1,
            false => state.waiting.retain(|one| one.number != self.number),
        }
        if let Some(known) = state.known.get_mut(&self.address) {
            match self.has_turn {
                true => known.under_way -= 1,
                false => known.waiting -= 1,
            }
        }
        drop(state);
        self.line.note_change();
    }
}

/// What counts as one address: of IPv6, the network that one household has.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn joined(line: &Arc<Line>, address: u8) -> Place {
        line.join(at(address), Instant::now()).unwrap()
    }

    /// All the turns that may be taken.
    fn fill(line: &Arc<Line>) -> Vec<Place> {
        let mut places: Vec<Place> = (0..DEMO_AT_ONCE)
            .map(|one| joined(line, 100 + one as u8))
            .collect();
        assert!(places.iter_mut().all(|place| place.look().is_none()));
        places
    }

    #[test]
    fn who_asks_once_comes_before_who_asks_much() {
        let line = Arc::new(Line::default());
        let mut under_way = fill(&line);
        let mut much: Vec<Place> = (0..3).map(|_| joined(&line, 1)).collect();
        let mut once = joined(&line, 2);
        assert_eq!(
            much.iter_mut().map(Place::look).collect::<Vec<_>>(),
            [Some(1), Some(3), Some(4)]
        );
        assert_eq!(once.look(), Some(2));
        under_way.pop();
        assert_eq!(once.look(), Some(2), "it is the turn of another");
        assert_eq!(much[0].look(), None);
        assert_eq!(once.look(), Some(1));
        // Who leaves makes room.
        drop(once);
        assert_eq!(much[1].look(), Some(1));
        drop(under_way);
        assert_eq!(much[1].look(), None);
    }

    #[test]
    fn too_many_and_too_often_are_refused() {
        let line = Arc::new(Line::default());
        let mut places: Vec<Place> = (0..DEMO_WAITING_OF_ONE_MAX)
            .map(|_| joined(&line, 1))
            .collect();
        assert_eq!(
            line.join(at(1), Instant::now()).unwrap_err(),
            Refused::TooManyAtOnce
        );
        places.clear();
        let now = Instant::now();
        for _ in DEMO_WAITING_OF_ONE_MAX..DEMO_ASKS_A_MINUTE {
            line.join(at(1), now).unwrap();
        }
        let Refused::TooOften { seconds } = line.join(at(1), now).unwrap_err() else {
            panic!("it was let in");
        };
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(line.join(at(2), now).is_ok());
        assert!(line.join(at(1), now + MINUTE).is_ok());
        let all: Vec<Place> = (0..DEMO_WAITING_MAX)
            .map(|one| {
                line.join(Ipv4Addr::new(10, 1, 0, one as u8).into(), now)
                    .unwrap()
            })
            .collect();
        assert_eq!(line.join(at(3), now).unwrap_err(), Refused::Full);
        drop(all);
        assert!(line.join(at(3), now).is_ok());
    }

    #[test]
    fn one_household_is_one_address() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[tokio::test]
    async fn turns_come_as_others_leave() {
        let line = Arc::new(Line::default());
        let mut under_way = fill(&line);
        let (first, second) = (joined(&line, 1), joined(&line, 2));
        let waits = |mut place: Place| {
            tokio::spawn(async move {
                let mut places = Vec::new();
                place.turn(|at| places.push(at)).await;
                (place, places)
            })
        };
        let (first, second) = (waits(first), waits(second));
        tokio::task::yield_now().await;
        under_way.pop();
        let (first, places) = first.await.unwrap();
        assert_eq!(places, [1]);
        assert!(!second.is_finished());
        drop(first);
        let (_, places) = second.await.unwrap();
        assert!(places.starts_with(&[2]), "{places:?}");
    }
}
