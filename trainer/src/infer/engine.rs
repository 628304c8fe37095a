//! The thread that owns the model: it takes requests in as rows become free, and tells what comes of them.
//!
//! It knows neither HTTP nor JSON. A client that goes away drops its end of the channel; before the next
//! pass its rows are free.

use super::metrics::Metrics;
use model::{Completion, Generator, Job, ModelError, ScoredToken, Told};
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

/// A prompt that is asked, with where its answers go.
pub struct Ask {
    pub job: Job,
    /// What its events are told by: its place among the prompts of its request.
    pub prompt: usize,
    /// Whether [`What::Token`] is wanted.
    pub wants_tokens: bool,
    /// What is told is bounded by the tokens that the request may have.
    pub events: UnboundedSender<Event>,
    pub asked_at: Instant,
    pub deadline: Instant,
}

/// What comes of a prompt.
#[derive(Debug)]
pub struct Event {
    pub prompt: usize,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    /// The log-probabilities of its own tokens after the first.
    Scores(Vec<ScoredToken>),
    /// A token of a sample, and what it adds to the sample's text.
    Token {
        sample: usize,
        token: ScoredToken,
        text: String,
    },
    Done {
        sample: usize,
        completion: Completion,
    },
    /// Nothing more comes.
    Failed(Failed),
}

/// Why nothing comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    TimedOut,
    Stopped,
    /// The log says why.
    Broken,
}

/// More requests wait than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A way to the engine; any number of them may be had.
#[derive(Clone)]
pub struct Engine {
    asks: Sender<Queued>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Prompts that no row was found for yet.
    waiting: AtomicUsize,
    queue_max: usize,
    /// All that is asked is to be ended.
    stop: AtomicBool,
    metrics: Arc<Metrics>,
    is_alive: watch::Sender<bool>,
}

/// A prompt in the queue. It holds a place there until it is dropped.
struct Queued {
    ask: Ask,
    place: Place,
}

struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Engine {
    /// Starts the thread. `make` makes the generator, and another where a computation has failed.
    ///
    /// # Errors
    /// Where none can be made, or the system has no thread.
    pub fn start(
        make: impl Fn() -> Result<Generator, ModelError> + Send + 'static,
        queue_max: usize,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let (asks, receiver) = channel();
        let shared = Arc::new(Shared {
            waiting: AtomicUsize::new(0),
            queue_max,
            stop: AtomicBool::new(false),
            metrics,
            is_alive: watch::Sender::new(true),
        });
        let mut turning = Turning {
            generator: make()?,
            receiver,
            queue: VecDeque::new(),
            running: BTreeMap::new(),
            next: 0,
            shared: shared.clone(),
        };
        let thread = std::thread::Builder::new().name("model".into());
        thread.spawn(move || {
            // A panic is a fault of the program; whoever waits is told by the channels' ends.
            let outcome = catch_unwind(AssertUnwindSafe(|| turning.run(&make)));
            if outcome.is_err() {
                tracing::error!("the model's thread has panicked");
            }
            turning.shared.is_alive.send_replace(false);
        })?;
        Ok(Engine { asks, shared })
    }

    /// Hands the prompts of a request over, or none of them.
    ///
    /// # Errors
    /// [`Full`] where they would make more wait than may.
    pub fn ask(&self, asks: Vec<Ask>) -> Result<(), Full> {
        let count = asks.len();
        let fits = |waiting: usize| {
            let all = waiting + count;
            (all <= self.shared.queue_max || waiting == 0).then_some(all)
        };
        self.shared
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .map_err(|_| Full)?;
        for ask in asks {
            let place = Place(self.shared.clone());
            // Where the thread has ended, the ask is dropped, and its channel's end tells so.
            let _ = self.asks.send(Queued { ask, place });
        }
        Ok(())
    }

    /// Prompts that wait for a row.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Whether one more would be turned away.
    pub fn is_full(&self) -> bool {
        self.waiting() >= self.shared.queue_max.max(1)
    }

    pub fn is_alive(&self) -> bool {
        *self.shared.is_alive.borrow()
    }

    /// Waits until the thread has ended, which it does by a fault alone.
    pub async fn ended(&self) {
        let mut is_alive = self.shared.is_alive.subscribe();
        // An error would say that the sender is gone, and `self` holds it.
        let _ = is_alive.wait_for(|is_alive| !is_alive).await;
    }

    /// Ends all that is asked, now and from now on: [`Failed::Stopped`].
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

/// The thread's own.
struct Turning {
    generator: Generator,
    receiver: Receiver<Queued>,
    queue: VecDeque<Queued>,
    /// By number of the job.
    running: BTreeMap<usize, Running>,
    next: usize,
    shared: Arc<Shared>,
}

/// A prompt that the generator has.
struct Running {
    prompt: usize,
    wants_tokens: bool,
    events: UnboundedSender<Event>,
    asked_at: Instant,
    deadline: Instant,
    /// When each sample's last token came.
    last_tokens: Vec<Option<Instant>>,
    /// Samples that have not ended, and the prompt where its scores are wanted.
    left: usize,
}

impl Running {
    fn tell(&self, what: What) {
        let prompt = self.prompt;
        // The client may be gone: that is seen before the next pass.
        let _ = self.events.send(Event { prompt, what });
    }
}

impl Turning {
    /// Until there is nobody any more who could ask.
    fn run(&mut self, make: &dyn Fn() -> Result<Generator, ModelError>) {
        while self.take_asks() {
            self.forget_gone();
            let Err(error) = self.turn() else {
                continue;
            };
            tracing::error!("a computation failed: {error}");
            self.fail_running(Failed::Broken);
            match make() {
                Ok(generator) => self.generator = generator,
                Err(error) => {
                    tracing::error!("the model cannot be used any more: {error}");
                    return;
                }
            }
        }
    }

    /// Takes in what was asked; waits for it where there is nothing else to do. `false`: nobody can ask.
    fn take_asks(&mut self) -> bool {
        if self.generator.is_idle() && self.queue.is_empty() {
            self.note_state();
            match self.receiver.recv() {
                Ok(queued) => self.queue.push_back(queued),
                Err(_) => return false,
            }
        }
        self.queue.extend(self.receiver.try_iter());
        true
    }

    /// Ends what nobody waits for any more, and what has taken too long.
    fn forget_gone(&mut self) {
        let metrics = self.shared.metrics.clone();
        let stop = self.shared.stop.load(Ordering::Relaxed);
        let now = Instant::now();
        let failure = |deadline: Instant| match (stop, now >= deadline) {
            (true, _) => Some(Failed::Stopped),
            (false, true) => Some(Failed::TimedOut),
            (false, false) => None,
        };
        let is_gone = |events: &UnboundedSender<Event>, prompt: usize, deadline: Instant| {
            if events.is_closed() {
                metrics.cancelled.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            let Some(failed) = failure(deadline) else {
                return false;
            };
            if failed == Failed::TimedOut {
                metrics.timed_out.fetch_add(1, Ordering::Relaxed);
            }
            let what = What::Failed(failed);
            let _ = events.send(Event { prompt, what });
            true
        };
        self.queue
            .retain(|Queued { ask, .. }| !is_gone(&ask.events, ask.prompt, ask.deadline));
        let generator = &mut self.generator;
        self.running.retain(|number, running| {
            let goes = is_gone(&running.events, running.prompt, running.deadline);
            if goes {
                generator.cancel(*number);
            }
            !goes
        });
    }

    /// Starts samples, takes requests in, and computes one pass.
    fn turn(&mut self) -> Result<(), ModelError> {
        let metrics = self.shared.metrics.clone();
        let Turning {
            generator, running, ..
        } = self;
        let mut on_told = |told: Told<'_>| {
            hear(running, told, &metrics);
            ControlFlow::Continue(())
        };
        if generator.start_samples(&mut on_told).is_break() {
            return Ok(());
        }
        self.admit();
        self.note_state();
        if self.generator.is_idle() {
            return Ok(());
        }
        let Turning {
            generator, running, ..
        } = self;
        let mut on_told = |told: Told<'_>| {
            hear(running, told, &metrics);
            ControlFlow::Continue(())
        };
        metrics.passes.fetch_add(1, Ordering::Relaxed);
        // Nobody breaks off.
        let _ = generator.pass(&mut on_told)?;
        Ok(())
    }

    /// Hands prompts over to the generator, in the order of their coming, as far as it has room.
    fn admit(&mut self) {
        while let Some(first) = self.queue.front()
            && self.generator.has_room_for(&first.ask.job.request)
        {
            let Some(Queued { ask, place }) = self.queue.pop_front() else {
                return;
            };
            drop(place);
            let Ask {
                job,
                prompt,
                wants_tokens,
                events,
                asked_at,
                deadline,
            } = ask;
            let samples = job.request.samples.len();
            let tokens = job.request.prompt.len();
            let running = Running {
                prompt,
                wants_tokens,
                events,
                asked_at,
                deadline,
                last_tokens: vec![None; samples],
                left: samples + usize::from(job.scores_prompt),
            };
            let metrics = &self.shared.metrics;
            let number = self.next;
            self.next += 1;
            match self.generator.add(number, job) {
                Ok(()) => {
                    metrics
                        .prompt_tokens
                        .fetch_add(tokens as u64, Ordering::Relaxed);
                    self.running.insert(number, running);
                }
                // It was checked before it was asked.
                Err(error) => {
                    tracing::error!("a request cannot be taken in: {error}");
                    metrics.failed.fetch_add(1, Ordering::Relaxed);
                    running.tell(What::Failed(Failed::Broken));
                }
            }
        }
    }

    fn fail_running(&mut self, failed: Failed) {
        for running in std::mem::take(&mut self.running).into_values() {
            self.shared.metrics.failed.fetch_add(1, Ordering::Relaxed);
            running.tell(What::Failed(failed));
        }
    }

    fn note_state(&self) {
        let Turning {
            generator, shared, ..
        } = self;
        let rows = generator.rows_under_way();
        shared.metrics.rows.store(rows, Ordering::Relaxed);
        let tokens = generator.tokens_reserved();
        shared
            .metrics
            .tokens_reserved
            .store(tokens, Ordering::Relaxed);
        let tokens = generator.tokens_held();
        shared.metrics.tokens_held.store(tokens, Ordering::Relaxed);
    }
}

/// Tells a client, and counts.
fn hear(running: &mut BTreeMap<usize, Running>, told: Told<'_>, metrics: &Metrics) {
    let (number, what) = match told {
        Told::Prompt { job, tokens } => (job, What::Scores(tokens)),
        Told::Token {
            job,
            sample,
            token,
            text,
        } => {
            let Some(one) = running.get_mut(&job) else {
                return;
            };
            let now = Instant::now();
            match one.last_tokens[sample].replace(now) {
                None => metrics.first_token(now - one.asked_at),
                Some(last) => metrics.token(now - last),
            }
            if one.wants_tokens {
                one.tell(What::Token {
                    sample,
                    token,
                    text: text.to_owned(),
                });
            }
            return;
        }
        Told::Done {
            job,
            sample,
            completion,
        } => (job, What::Done { sample, completion }),
    };
    let Some(one) = running.get_mut(&number) else {
        return;
    };
    one.tell(what);
    one.left -= 1;
    if one.left == 0 {
        metrics.request(one.asked_at.elapsed());
        running.remove(&number);
    }
}
