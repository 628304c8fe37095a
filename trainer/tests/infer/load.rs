//! Many clients at once, some of which hang up: nothing is stuck, nothing leaks, and what is answered is
//! what is answered alone.

use crate::client::{Asked, chat, streamed_text};
use crate::models::{Files, greedy};
use crate::served::Served;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 64;
const PROMPTS: usize = 24;
const TOKENS: usize = 64;
/// Growth of memory over the second half of a long run, in MB.
const GROWTH_MB_MAX: f64 = 24.0;

#[test]
fn many_clients_for_some_seconds() {
    load(Duration::from_secs(6));
}

/// `cargo test --release -p sayself --test infer -- --ignored many_clients_for_ten_minutes`; other
/// minutes by `SAYSELF_INFER_MINUTES`.
#[test]
#[ignore = "takes ten minutes"]
fn many_clients_for_ten_minutes() {
    let minutes = std::env::var("SAYSELF_INFER_MINUTES").ok();
    let minutes = minutes.and_then(|text| text.parse().ok()).unwrap_or(10.0);
    load(Duration::from_secs_f64(60.0 * minutes));
}

/// A prompt of a model, and what it says of it greedily.
struct Known {
    body: Value,
    text: String,
}

fn known(files: &Files) -> Vec<Known> {
    (0..PROMPTS)
        .map(|at| {
            let model = ["tiny", "a", "b"][at % 3];
            // Some have a beginning in common, some are long.
            let question = format!("{}{}", "Tell me of it. ".repeat(at / 3 * 4), at % 7);
            let alone = files.alone(model, files.prompt(&question), 0, greedy(TOKENS));
            let body = json!({
                "model": model, "temperature": 0, "max_tokens": TOKENS,
                "messages": [{ "role": "user", "content": question }],
            });
            Known {
                body,
                text: alone.text,
            }
        })
        .collect()
}

fn load(time: Duration) {
    let files = Files::write();
    let known = known(&files);
    let served = Served::start(&files, &["--rows", "24", "--queue", "256"]);
    let (answered, hung_up) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    let mut half = None;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (known, served, answered, hung_up) = (&known, &served, &answered, &hung_up);
            scope.spawn(move || {
                let mut random = ChaCha8Rng::seed_from_u64(client);
                while begun.elapsed() < time {
                    let one = &known[random.next_u32() as usize % known.len()];
                    let count = match random.next_u32() % 10 {
                        0..3 => &hung_up,
                        _ => &answered,
                    };
                    match std::ptr::eq(*count, hung_up) {
                        true => hang_up(served, one, &mut random),
                        false => ask(served, one, random.next_u32().is_multiple_of(2)),
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            std::thread::sleep(time / 2);
            half = served.memory_mb();
        });
    });
    served.wait_for("sayself_infer_rows", 0.0);
    served.wait_for("sayself_infer_queue", 0.0);
    assert_eq!(served.metric("sayself_infer_tokens_reserved"), 0.0);
    assert_eq!(served.metric("sayself_infer_failed_total"), 0.0);
    // What is kept of prompts, and no row's.
    assert!(served.metric("sayself_infer_tokens_held") <= 4_096.0);
    let (answered, hung_up) = (answered.into_inner(), hung_up.into_inner());
    let end = served.memory_mb();
    eprintln!(
        "{answered} answers and {hung_up} that hung up in {:.0} s; MB at half {half:?}, at the end {end:?}; {} cancelled",
        begun.elapsed().as_secs_f64(),
        served.metric("sayself_infer_cancelled_total"),
    );
    assert!(answered as u64 > CLIENTS, "{answered}");
    if let (Some(half), Some(end)) = (half, end) {
        assert!(end - half < GROWTH_MB_MAX, "from {half} MB to {end}");
    }
}

fn ask(served: &Served, one: &Known, is_streamed: bool) {
    let text = match is_streamed {
        false => {
            let answer = chat(&served.address, &one.body);
            let content = &answer["choices"][0]["message"]["content"];
            content.as_str().unwrap_or_default().to_owned()
        }
        true => {
            let mut body = one.body.clone();
            body["stream"] = true.into();
            let events = Asked::post(&served.address, "/v1/chat/completions", &body).events();
            streamed_text(&events, 0).0
        }
    };
    assert_eq!(text, one.text, "{}", one.body);
}

/// Asks for more than it waits for.
fn hang_up(served: &Served, one: &Known, random: &mut ChaCha8Rng) {
    let mut body = one.body.clone();
    body["n"] = (random.next_u32() % 6 + 1).into();
    body["temperature"] = 1.into();
    body["max_tokens"] = 500.into();
    body["stream"] = random.next_u32().is_multiple_of(2).into();
    let mut asked = Asked::post(&served.address, "/v1/chat/completions", &body);
    if body["stream"] == true && asked.head().status == 200 {
        for _ in 0..random.next_u32() % 8 {
            asked.event();
        }
    } else {
        let pause = u64::from(random.next_u32() % 60);
        std::thread::sleep(Duration::from_millis(pause));
    }
}
