//! Clients that go away, queues that are full, time that runs out, and the end.

use crate::client::{Asked, chat, get, post, streamed_text};
use crate::models::{Files, greedy};
use crate::served::Served;
use model::Finish;
use serde_json::{Value, json};
use std::time::Duration;

const CHAT: &str = "/v1/chat/completions";
const ROWS: &str = "sayself_infer_rows";
const QUEUE: &str = "sayself_infer_queue";

/// Tokens of an answer that does not end by itself.
const MANY: usize = 7_000;

/// A question that a model answers greedily without an end.
fn endless_question(files: &Files, model: &str) -> String {
    (0..100)
        .map(|at| format!("Go on, {at}"))
        .find(|question| {
            let answer = files.alone(model, files.prompt(question), 0, greedy(MANY));
            answer.finish == Finish::Length
        })
        .unwrap()
}

/// A conversation that takes minutes: many choices, one row at a time.
fn endless(question: &str, is_streamed: bool) -> Value {
    json!({
        "model": "a", "n": 128, "max_tokens": 8_000, "temperature": 0, "stream": is_streamed,
        "messages": [{ "role": "user", "content": question }],
    })
}

fn short() -> Value {
    json!({
        "model": "tiny", "max_tokens": 3, "temperature": 0,
        "messages": [{ "role": "user", "content": "Hi" }],
    })
}

fn start(files: &Files, more: &[&str]) -> Served {
    let few = ["--rows", "1", "--max-tokens", "8000"];
    Served::start(files, &[&few, more].concat())
}

#[test]
fn a_client_that_goes_away_frees_its_row_at_once() {
    let files = Files::write();
    let question = endless_question(&files, "a");
    let long = |is_streamed| endless(&question, is_streamed);
    let served = start(&files, &[]);
    for (gone, is_streamed) in [(1.0, true), (2.0, false)] {
        let mut asked = Asked::post(&served.address, CHAT, &long(is_streamed));
        if is_streamed {
            asked.head();
            asked.event();
        }
        served.wait_for(ROWS, 1.0);
        drop(asked);
        served.wait_for("sayself_infer_cancelled_total", gone);
        served.wait_for(ROWS, 0.0);
        assert_eq!(served.metric("sayself_infer_tokens_reserved"), 0.0);
    }
    // One that waits behind another goes too.
    let first = Asked::post(&served.address, CHAT, &long(true));
    served.wait_for(ROWS, 1.0);
    let second = Asked::post(&served.address, CHAT, &long(false));
    served.wait_for(QUEUE, 1.0);
    drop(second);
    served.wait_for(QUEUE, 0.0);
    drop(first);
    served.wait_for(ROWS, 0.0);
    let expected = files.alone("tiny", files.prompt("Hi"), 0, greedy(3));
    let answer = chat(&served.address, &short());
    assert_eq!(answer["choices"][0]["message"]["content"], expected.text);
}

#[test]
fn who_comes_too_late_is_told_when_to_come_again() {
    let files = Files::write();
    let question = endless_question(&files, "a");
    let long = |is_streamed| endless(&question, is_streamed);
    let served = start(&files, &["--queue", "2"]);
    let running = Asked::post(&served.address, CHAT, &long(true));
    served.wait_for(ROWS, 1.0);
    let waiting: Vec<Asked> = (0..2)
        .map(|_| Asked::post(&served.address, CHAT, &long(false)))
        .collect();
    served.wait_for(QUEUE, 2.0);
    let refused = post(&served.address, CHAT, &short());
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    drop(waiting);
    served.wait_for(QUEUE, 0.0);
    drop(running);
    assert_eq!(post(&served.address, CHAT, &short()).status, 200);
}

#[test]
fn what_takes_too_long_is_given_up() {
    let files = Files::write();
    let question = endless_question(&files, "a");
    let long = |is_streamed| endless(&question, is_streamed);
    let served = start(&files, &["--request-seconds", "1"]);
    let reply = post(&served.address, CHAT, &long(false));
    assert_eq!(reply.status, 504);
    assert_eq!(reply.json()["error"]["code"], "timeout");
    let mut asked = Asked::post(&served.address, CHAT, &long(true));
    assert_eq!(asked.head().status, 200);
    let mut last = String::new();
    while let Some(event) = asked.event() {
        last = event;
    }
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["error"]["code"], "timeout");
    served.wait_for(ROWS, 0.0);
    assert_eq!(served.metric("sayself_infer_timed_out_total"), 2.0);
}

#[test]
fn what_is_under_way_ends_before_the_server_does() {
    let files = Files::write();
    let mut served = start(&files, &[]);
    let question = endless_question(&files, "b");
    let body = json!({
        "model": "b", "max_tokens": MANY, "temperature": 0, "stream": true,
        "messages": [{ "role": "user", "content": question }],
    });
    let expected = files.alone("b", files.prompt(&question), 0, greedy(MANY));
    let asked = Asked::post(&served.address, CHAT, &body);
    served.wait_for(ROWS, 1.0);
    served.terminate();
    // Still there, and takes nothing new.
    let mut refused = false;
    for _ in 0..50 {
        let Ok(stream) = std::net::TcpStream::connect(&served.address) else {
            break;
        };
        drop(stream);
        let reply = get(&served.address, "/readyz");
        if reply.status == 503 {
            assert_eq!(reply.json()["status"], "stopping");
            let reply = post(&served.address, CHAT, &short());
            assert_eq!(
                (reply.status, reply.header("retry-after")),
                (503, Some("1"))
            );
            refused = true;
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let (text, _) = streamed_text(&asked.events(), 0);
    assert_eq!(text, expected.text);
    assert!(refused, "it was never seen stopping");
    let (code, _) = served.ended();
    assert_eq!(code, Some(0), "{}", served.stderr());
}

#[test]
fn what_does_not_end_in_time_is_broken_off() {
    let files = Files::write();
    let question = endless_question(&files, "a");
    let long = |is_streamed| endless(&question, is_streamed);
    let mut served = start(&files, &["--drain-seconds", "1"]);
    let mut asked = Asked::post(&served.address, CHAT, &long(true));
    asked.head();
    served.wait_for(ROWS, 1.0);
    served.terminate();
    let mut last = String::new();
    while let Some(event) = asked.event() {
        last = event;
    }
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["error"]["code"], "stopping");
    let (code, took) = served.ended();
    assert_eq!(code, Some(0), "{}", served.stderr());
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn it_ends_with_whoever_started_it_where_that_is_wanted() {
    let files = Files::write();
    let mut tied = Served::start(&files, &["--end-with-stdin"]);
    chat(&tied.address, &short());
    tied.end_stdin();
    let (code, _) = tied.ended();
    assert_eq!(code, Some(0), "{}", tied.stderr());
    // Else it goes on, as in the background of a shell.
    let mut loose = Served::start(&files, &[]);
    loose.end_stdin();
    std::thread::sleep(Duration::from_millis(300));
    chat(&loose.address, &short());
}
