//! What the server counts, as Prometheus reads it (text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds in seconds.
const FIRST_TOKEN_BOUNDS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
const TOKEN_BOUNDS: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0];
const REQUEST_BOUNDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];
/// The share of a new request in the mean by which a client is told when to come again.
const NEW_SHARE: f64 = 0.1;

/// All counts. Those of the engine are written by its thread alone.
pub struct Metrics {
    /// Answers by address and status.
    answers: Mutex<BTreeMap<(&'static str, u16), u64>>,
    pub rows: AtomicUsize,
    pub rows_max: usize,
    pub tokens_reserved: AtomicUsize,
    pub tokens_held: AtomicUsize,
    pub queue_max: usize,
    pub prompt_tokens: AtomicU64,
    pub completion_tokens: AtomicU64,
    pub passes: AtomicU64,
    /// Requests whose client went away.
    pub cancelled: AtomicU64,
    /// Requests that were given up, since they took too long.
    pub timed_out: AtomicU64,
    /// Requests that failed in the engine.
    pub failed: AtomicU64,
    first_token: Histogram<12>,
    token: Histogram<10>,
    request: Histogram<10>,
    /// Milliseconds that a request takes, as a moving mean.
    request_ms: AtomicU64,
}

impl Metrics {
    pub fn new(rows_max: usize, queue_max: usize) -> Self {
        Metrics {
            answers: Mutex::default(),
            rows: AtomicUsize::new(0),
            rows_max,
            tokens_reserved: AtomicUsize::new(0),
            tokens_held: AtomicUsize::new(0),
            queue_max,
            prompt_tokens: AtomicU64::new(0),
            completion_tokens: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            first_token: Histogram::new(FIRST_TOKEN_BOUNDS),
            token: Histogram::new(TOKEN_BOUNDS),
            request: Histogram::new(REQUEST_BOUNDS),
            request_ms: AtomicU64::new(0),
        }
    }

    /// An answer was begun at this address, with this status.
    pub fn answer(&self, address: &'static str, status: u16) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry((address, status)).or_default() += 1;
    }

    /// A sample's first token, so long after its request came.
    pub fn first_token(&self, after: Duration) {
        self.first_token.observe(after);
        self.completion_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// A further token, so long after the one before it.
    pub fn token(&self, after: Duration) {
        self.token.observe(after);
        self.completion_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered, so long after it came.
    pub fn request(&self, after: Duration) {
        self.request.observe(after);
        let ms = after.as_secs_f64() * 1e3;
        let mean = match self.request_ms.load(Ordering::Relaxed) {
            0 => ms,
            mean => mean as f64 * (1.0 - NEW_SHARE) + ms * NEW_SHARE,
        };
        self.request_ms.store(mean.ceil() as u64, Ordering::Relaxed);
    }

    /// How long a request takes, as far as is known.
    pub fn request_mean(&self) -> Duration {
        Duration::from_millis(self.request_ms.load(Ordering::Relaxed))
    }

    /// All of them as text; `waiting` requests are in the queue.
    pub fn text(&self, waiting: usize) -> String {
        let mut text = String::new();
        let counter = |text: &mut String, name: &str, help: &str, value: &AtomicU64| {
            family(text, name, "counter", help);
            line(text, name, "", value.load(Ordering::Relaxed));
        };
        let gauge = |text: &mut String, name: &str, help: &str, value: usize| {
            family(text, name, "gauge", help);
            line(text, name, "", value);
        };
        let name = "sayself_infer_requests_total";
        family(
            &mut text,
            name,
            "counter",
            "Answers begun, by address and status.",
        );
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for ((address, status), count) in answers.iter() {
            let labels = format!("{{address=\"{address}\",status=\"{status}\"}}");
            line(&mut text, name, &labels, count);
        }
        drop(answers);
        let rows = self.rows.load(Ordering::Relaxed);
        gauge(&mut text, "sayself_infer_rows", "Samples under way.", rows);
        gauge(
            &mut text,
            "sayself_infer_rows_max",
            "Samples under way at most.",
            self.rows_max,
        );
        gauge(
            &mut text,
            "sayself_infer_queue",
            "Prompts that wait for a row.",
            waiting,
        );
        gauge(
            &mut text,
            "sayself_infer_queue_max",
            "Prompts that wait at most.",
            self.queue_max,
        );
        gauge(
            &mut text,
            "sayself_infer_tokens_reserved",
            "Tokens that memory is reckoned for, samples at their longest.",
            self.tokens_reserved.load(Ordering::Relaxed),
        );
        gauge(
            &mut text,
            "sayself_infer_tokens_held",
            "Tokens whose keys and values are in memory.",
            self.tokens_held.load(Ordering::Relaxed),
        );
        for (name, help, value) in [
            (
                "sayself_infer_prompt_tokens_total",
                "Tokens of prompts taken in.",
                &self.prompt_tokens,
            ),
            (
                "sayself_infer_completion_tokens_total",
                "Tokens drawn, end tokens left out.",
                &self.completion_tokens,
            ),
            (
                "sayself_infer_passes_total",
                "Passes over the model.",
                &self.passes,
            ),
            (
                "sayself_infer_cancelled_total",
                "Prompts whose client went away.",
                &self.cancelled,
            ),
            (
                "sayself_infer_timed_out_total",
                "Prompts given up after the time limit.",
                &self.timed_out,
            ),
            (
                "sayself_infer_failed_total",
                "Prompts that failed in the model.",
                &self.failed,
            ),
        ] {
            counter(&mut text, name, help, value);
        }
        self.first_token.write(
            &mut text,
            "sayself_infer_first_token_seconds",
            "From a request to a sample's first token.",
        );
        self.token.write(
            &mut text,
            "sayself_infer_token_seconds",
            "From a sample's token to its next.",
        );
        self.request.write(
            &mut text,
            "sayself_infer_request_seconds",
            "From a prompt to the end of its last sample.",
        );
        text
    }
}

/// Writing into a text cannot fail.
fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name}{labels} {value}");
}

/// Durations by upper bounds in seconds.
struct Histogram<const N: usize> {
    bounds: [f64; N],
    /// Those within each bound and no lower one, and those beyond all.
    counts: [AtomicU64; N],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [f64; N]) -> Self {
        Histogram {
            bounds,
            counts: [const { AtomicU64::new(0) }; N],
            beyond: AtomicU64::new(0),
            sum_us: AtomicU64::new(0),
        }
    }

    fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let place = self.bounds.iter().position(|bound| seconds <= *bound);
        let count = place.map_or(&self.beyond, |place| &self.counts[place]);
        count.fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        family(text, name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut total = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            total += count.load(Ordering::Relaxed);
            line(text, &bucket, &format!("{{le=\"{bound}\"}}"), total);
        }
        total += self.beyond.load(Ordering::Relaxed);
        line(text, &bucket, "{le=\"+Inf\"}", total);
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        line(text, &format!("{name}_sum"), "", sum);
        line(text, &format!("{name}_count"), "", total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_prometheus_form() {
        let metrics = Metrics::new(8, 16);
        metrics.answer("/v1/models", 200);
        metrics.answer("/v1/models", 200);
        metrics.first_token(Duration::from_millis(40));
        metrics.first_token(Duration::from_secs(100));
        metrics.token(Duration::from_millis(5));
        metrics.request(Duration::from_secs(2));
        let text = metrics.text(3);
        for expected in [
            "sayself_infer_requests_total{address=\"/v1/models\",status=\"200\"} 2\n",
            "# TYPE sayself_infer_queue gauge\nsayself_infer_queue 3\n",
            "sayself_infer_rows_max 8\n",
            "sayself_infer_completion_tokens_total 3\n",
            "sayself_infer_first_token_seconds_bucket{le=\"0.025\"} 0\n",
            "sayself_infer_first_token_seconds_bucket{le=\"0.05\"} 1\n",
            "sayself_infer_first_token_seconds_bucket{le=\"+Inf\"} 2\n",
            "sayself_infer_first_token_seconds_sum 100.04\n",
            "sayself_infer_token_seconds_count 1\n",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert_eq!(metrics.request_mean(), Duration::from_secs(2));
    }
}
