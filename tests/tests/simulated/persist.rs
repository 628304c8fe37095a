//! Asking again until there is an answer.

use super::client::{Client, Reply};
use super::draws::Draws;
use super::work::{Work, count};
use datasets::annotation::{RatingRequest, RatingSaved};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that has given no answer for so long is not coming back.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The server's last word on one key.
pub enum Verdicted {
    Saved(RatingSaved),
    /// Another key's rating stands there.
    Conflict(Option<RatingRequest>),
}

/// Sends a word until there is a last word on it.
pub fn submit(
    client: &Client,
    draws: &mut Draws,
    work: &Work,
    key: &str,
    request: &RatingRequest,
) -> Verdicted {
    let path = format!("/api/work/{}/ratings/{key}", work.project);
    let body = serde_json::to_value(request).unwrap();
    let began = Instant::now();
    let (reply, tries) = persist(client, draws, work, |client| {
        client.send("PUT", &path, &body)
    });
    if reply.status == 409 {
        let kept = reply.json()["kept"].clone();
        return Verdicted::Conflict(serde_json::from_value(kept).ok());
    }
    if tries == 1 {
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        work.counts.submit_ms.lock().unwrap().push(took);
    }
    Verdicted::Saved(serde_json::from_value(reply.ok()).unwrap())
}

/// Asks until there is an answer that is not only "not now"; how often it was asked.
pub fn persist(
    client: &Client,
    draws: &mut Draws,
    work: &Work,
    mut ask: impl FnMut(&Client) -> Result<Reply, String>,
) -> (Reply, u32) {
    let began = Instant::now();
    for tries in 1.. {
        let trouble = match ask(client) {
            Ok(reply) if reply.status < 500 && reply.status != 429 => return (reply, tries),
            Ok(reply) => format!("status {}: {}", reply.status, reply.text),
            Err(error) => error,
        };
        assert!(
            began.elapsed() < PATIENCE && !work.is_over.load(Ordering::Relaxed),
            "no answer in {} s and {tries} tries: {trouble}",
            PATIENCE.as_secs()
        );
        count(&work.counts.resends);
        let most = 20 << tries.min(5);
        sleep(Duration::from_millis(5 + draws.below(most) as u64));
    }
    unreachable!("the loop ends by its assertion")
}
