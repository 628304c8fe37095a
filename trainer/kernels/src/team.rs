//! A team of threads that wait for the next kernel by spinning a short while, then sleep.
//!
//! One token takes some 200 products of some 20 microseconds each. Handing such work to a pool
//! whose threads sleep costs as much as the work itself; a thread that still spins starts within
//! a fraction of a microsecond. The caller works too and never waits for a thread that has not
//! begun, so a thread that the system has put aside costs nothing.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

#[cfg(target_arch = "wasm32")]
pub use lent::{expect_helpers, help, threads};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use own::threads;

/// Looks at the state between two looks at the clock.
const LOOKS: usize = 64;

/// Threads that the team starts, as many as processors.
#[cfg(not(target_arch = "wasm32"))]
mod own {
    use super::Team;
    use std::time::{Duration, Instant};

    /// How long a thread without work spins before it sleeps.
    pub(super) const SPIN: Duration = Duration::from_micros(100);

    /// Most threads in a team.
    const THREADS_MAX: usize = 64;

    pub(crate) fn threads() -> usize {
        rayon::current_num_threads()
    }

    /// Helpers besides the caller.
    pub(super) fn helpers() -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        threads().max(processors).min(THREADS_MAX) - 1
    }

    pub(super) fn start(team: &'static Team) {
        for index in 0..team.helpers {
            // A system that gives no more threads leaves the work to those that there are.
            let _ = std::thread::Builder::new()
                .name(format!("kernels-{index}"))
                .spawn(move || team.help(index as u64));
        }
    }

    /// Whether a thread has spun for long enough: asked again and again, and each time it is.
    pub(super) fn spun() -> impl FnMut() -> bool {
        let start = Instant::now();
        move || start.elapsed() > SPIN
    }
}

/// Threads that a browser's workers lend: a module cannot start any.
#[cfg(target_arch = "wasm32")]
mod lent {
    use super::{Team, team};
    use std::sync::atomic::{AtomicUsize, Ordering};

    static HELPERS: AtomicUsize = AtomicUsize::new(0);

    /// Times that a thread without work looks, by [`super::LOOKS`], before it sleeps: some 100 microseconds.
    /// There is no clock.
    const SPINS: usize = 1000;

    /// Says how many threads will [`help`]; to be called before all else that computes. Work does not
    /// wait for one that has not come.
    pub fn expect_helpers(helpers: usize) {
        HELPERS.store(helpers, Ordering::SeqCst);
    }

    /// Lends the calling thread to the kernels, for good, as helper `index` of those that are expected.
    pub fn help(index: usize) -> ! {
        team().help(index as u64)
    }

    pub fn threads() -> usize {
        HELPERS.load(Ordering::Relaxed) + 1
    }

    pub(super) fn helpers() -> usize {
        HELPERS.load(Ordering::SeqCst)
    }

    pub(super) fn start(_: &'static Team) {}

    /// Whether a thread has spun for long enough: asked again and again, and each time it is.
    pub(super) fn spun() -> impl FnMut() -> bool {
        let mut spins = 0;
        move || {
            spins += 1;
            spins > SPINS
        }
    }
}
#[cfg(target_arch = "wasm32")]
use lent::{helpers, spun, start};
#[cfg(not(target_arch = "wasm32"))]
use own::{helpers, spun, start};

/// Fields of `Team::state`: whether the job is open to helpers, how many helpers are in it, how
/// many may be, and the job's number.
const OPEN: u64 = 1;
const ACTIVE: u64 = 1 << 1;
const ACTIVE_MASK: u64 = 0xFFFE;
const LIMIT_SHIFT: u32 = 16;
const NUMBER_SHIFT: u32 = 32;

type Task<'a> = &'a (dyn Fn(usize) + Sync);
type Panic = Box<dyn Any + Send>;

struct Job {
    task: Task<'static>,
    tasks: usize,
}

struct Team {
    helpers: usize,
    /// One caller at a time.
    taken: AtomicBool,
    state: AtomicU64,
    /// Written by the caller while the job is closed and no helper is active; read by helpers
    /// that have entered.
    job: UnsafeCell<Option<Job>>,
    next: AtomicUsize,
    /// Of a helper in the job; nothing while the team is free.
    panic: Mutex<Option<Panic>>,
    sleepers: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
}

// SAFETY: `job` is the only field that is not already safe to share, and its comment says who
// touches it when: `state` orders the accesses.
unsafe impl Sync for Team {}

/// Calls `task` once for each of `0..tasks` on at most `threads` threads, the caller's among them.
/// If the team is at work for another caller (or for this one, a level up), the caller does it
/// alone.
pub(crate) fn run(threads: usize, tasks: usize, task: Task<'_>) {
    let team = team();
    let helpers = (threads - 1).min(team.helpers).min(tasks - 1);
    if helpers == 0 || team.taken.swap(true, Ordering::Acquire) {
        (0..tasks).for_each(task);
        return;
    }
    team.lead(helpers, tasks, task);
}

fn team() -> &'static Team {
    static TEAM: OnceLock<&'static Team> = OnceLock::new();
    TEAM.get_or_init(|| {
        // The team lives as long as the process.
        let team: &'static Team = Box::leak(Box::new(Team::new(helpers())));
        start(team);
        team
    })
}

/// Closes the job and waits until the helpers have left it, also when the caller's own part
/// panics: the job borrows from the caller's stack. Takes a helper's panic before the team is free, so
/// that it reaches no other caller.
struct Closing<'a> {
    team: &'a Team,
    panic: &'a mut Option<Panic>,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let team = self.team;
        team.state.fetch_and(!OPEN, Ordering::SeqCst);
        let mut spins = 0u32;
        while team.state.load(Ordering::Acquire) & ACTIVE_MASK != 0 {
            spins += 1;
            if spins.is_multiple_of(4096) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        *self.panic = team
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        team.taken.store(false, Ordering::Release);
    }
}

impl Team {
    fn new(helpers: usize) -> Self {
        Self {
            helpers,
            taken: AtomicBool::new(false),
            state: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            next: AtomicUsize::new(0),
            panic: Mutex::new(None),
            sleepers: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Does a job with so many helpers; the caller has taken the team, and it is free again after.
    fn lead(&self, helpers: usize, tasks: usize, task: Task<'_>) {
        // SAFETY: only the lifetime is changed. The job is closed, and no helper is in it, before
        // this function returns or unwinds (`Closing`), so the borrow outlives its use.
        let task = unsafe { std::mem::transmute::<Task<'_>, Task<'static>>(task) };
        // SAFETY: `taken` makes this the only caller; the last job was closed and left by all.
        unsafe { *self.job.get() = Some(Job { task, tasks }) };
        self.next.store(0, Ordering::Relaxed);
        let number = (self.state.load(Ordering::Relaxed) >> NUMBER_SHIFT).wrapping_add(1);
        let state = (number << NUMBER_SHIFT) | ((helpers as u64) << LIMIT_SHIFT) | OPEN;
        self.state.store(state, Ordering::SeqCst);
        let mut panic = None;
        {
            let _closing = Closing {
                team: self,
                panic: &mut panic,
            };
            if self.sleepers.load(Ordering::SeqCst) > 0 {
                let _sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
                self.wake.notify_all();
            }
            self.work(task, tasks);
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    fn work(&self, task: Task<'_>, tasks: usize) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= tasks {
                return;
            }
            task(index);
        }
    }

    fn help(&self, index: u64) -> ! {
        let mut seen = 0;
        loop {
            let state = self.wait(index, seen);
            seen = state >> NUMBER_SHIFT;
            let entered = self
                .state
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, |now| {
                    (now & OPEN != 0 && now >> NUMBER_SHIFT == seen).then_some(now + ACTIVE)
                })
                .is_ok();
            if !entered {
                continue;
            }
            // SAFETY: this thread is counted as active in an open job, so the caller neither
            // writes `job` nor lets the task's borrow end until it is counted out below.
            let job = unsafe { &*self.job.get() };
            if let Some(job) = job {
                let result = catch_unwind(AssertUnwindSafe(|| self.work(job.task, job.tasks)));
                if let Err(panic) = result {
                    *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
                }
            }
            self.state.fetch_sub(ACTIVE, Ordering::Release);
        }
    }

    /// Whether `state` holds an open job, other than number `seen`, that helper `index` may join.
    fn offers(state: u64, index: u64, seen: u64) -> bool {
        state & OPEN != 0
            && state >> NUMBER_SHIFT != seen
            && index < (state >> LIMIT_SHIFT) & 0xFFFF
    }

    /// Waits for a job for this helper; returns the state that offered it.
    fn wait(&self, index: u64, seen: u64) -> u64 {
        let mut spun = spun();
        loop {
            for _ in 0..LOOKS {
                let state = self.state.load(Ordering::Relaxed);
                if Self::offers(state, index, seen) {
                    return state;
                }
                std::hint::spin_loop();
            }
            if spun() {
                break;
            }
        }
        let mut sleep = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        // Counted before the state is read again: either the caller sees the sleeper, or the
        // sleeper sees the job.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let state = loop {
            let state = self.state.load(Ordering::SeqCst);
            if Self::offers(state, index, seen) {
                break state;
            }
            sleep = self
                .wake
                .wait(sleep)
                .unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::own::SPIN;
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn each_task_runs_once_and_panics_reach_the_caller() {
        for round in 0..20_000 {
            let tasks = round % 7 + 2;
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            run(4, tasks, &|i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
            if round % 5_000 == 0 {
                std::thread::sleep(SPIN * 3);
            }
        }
        for guilty in 0..4 {
            let result = catch_unwind(|| run(2, 4, &|i| assert!(i != guilty, "guilty")));
            assert!(result.is_err());
        }
        run(2, 2, &|_| run(2, 3, &|_| ()));
    }

    #[test]
    fn a_panic_of_a_helper_reaches_no_later_caller() {
        let team: &'static Team = Box::leak(Box::new(Team::new(1)));
        std::thread::spawn(move || team.help(0));
        let both = Barrier::new(2);
        let lead = |task: Task<'_>| {
            assert!(
                !team.taken.swap(true, Ordering::Acquire),
                "the team is free"
            );
            catch_unwind(AssertUnwindSafe(|| team.lead(1, 2, task)))
        };
        let guilty = lead(&|_| {
            both.wait();
            panic!("guilty");
        });
        assert!(guilty.is_err());
        assert!(lead(&|_| ()).is_ok());
    }

    #[test]
    fn many_callers_at_once() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let sum = AtomicUsize::new(0);
                        run(3, 5, &|i| {
                            sum.fetch_add(i, Ordering::Relaxed);
                        });
                        assert_eq!(sum.load(Ordering::Relaxed), 10);
                    }
                });
            }
        });
    }
}
