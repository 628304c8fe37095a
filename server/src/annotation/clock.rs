//! The time of leases. It never goes back while the server runs, whatever the machine's clock does.

use crate::runs::library::now_ms;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A clock that goes on steadily from the latest time it has told.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Option<(i64, Instant)>>);

impl Clock {
    /// Milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.told(now_ms() as i64, Instant::now())
    }

    fn told(&self, wall_ms: i64, at: Instant) -> i64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.map_or(wall_ms, |(last_ms, last_at)| {
            last_ms + at.saturating_duration_since(last_at).as_millis() as i64
        });
        let now = due.max(wall_ms);
        *last = Some((now, at));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_is_set_back_goes_on() {
        let clock = Clock::default();
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(clock.told(1_000, start), 1_000);
        assert_eq!(clock.told(1_500, after(500)), 1_500);
        // Back by a day: time goes on as it passes.
        assert_eq!(clock.told(-86_400_000, after(600)), 1_600);
        assert_eq!(clock.told(-86_399_000, after(1_600)), 2_600);
        // Ahead: believed.
        assert_eq!(clock.told(10_000, after(1_700)), 10_000);
    }
}
