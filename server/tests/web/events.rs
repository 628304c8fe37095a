use crate::made_run::{MadeRun, now_ms};
use crate::served::{Served, folder};
use datasets::event::EventKind;
use serde_json::{Value, json};
use std::io::BufRead;

#[derive(Debug, Default, PartialEq)]
struct Message {
    name: String,
    id: String,
    data: String,
}

fn next(stream: &mut impl BufRead) -> Message {
    let mut message = Message::default();
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        let line = line.trim_end_matches('\n');
        match line.split_once(':') {
            // An empty line ends a message; a heartbeat has none.
            None if message != Message::default() => return message,
            None => {}
            Some(("event", value)) => message.name = value.trim().into(),
            Some(("id", value)) => message.id = value.trim().into(),
            Some(("data", value)) => message.data = value.trim().into(),
            Some(_) => {}
        }
    }
}

/// Until the next state, which has no name.
fn next_state(stream: &mut impl BufRead) -> Value {
    loop {
        let message = next(stream);
        if message.name.is_empty() {
            return serde_json::from_str(&message.data).unwrap();
        }
    }
}

#[test]
fn a_run_is_followed_as_it_goes() {
    let runs = folder();
    let run = MadeRun {
        directory: runs.path().join("live"),
    };
    run.write(
        "run.toml",
        "title = 'live'\n[[evaluate]]\nmethod = 'sayself'\n",
    );
    let server = Served::over(runs.path());
    let mut stream = server.follow("/api/runs/live/events", None);
    assert_eq!(next_state(&mut stream), json!({"state": "waiting"}));
    let start = now_ms();
    run.event(
        start,
        "sample",
        EventKind::Started {
            done: 0,
            total: 10,
            unit: "questions".into(),
        },
    );
    let first = next(&mut stream);
    assert_eq!(first.name, "event");
    assert_eq!(
        serde_json::from_str::<Value>(&first.data).unwrap()["kind"],
        "started"
    );
    assert_eq!(next_state(&mut stream)["state"], "running");
    // Half a line is no event yet.
    let whole = crate::made_run::line(&datasets::Event {
        time_ms: start + 1_000,
        stage: "sample".into(),
        kind: EventKind::Progress { done: 5, total: 10 },
    });
    run.append("events.jsonl", &whole[..20]);
    std::thread::sleep(std::time::Duration::from_millis(700));
    run.append("events.jsonl", &whole[20..]);
    let state = next_state(&mut stream);
    assert_eq!(
        (state["done"].as_u64(), state["seconds_left"].as_f64()),
        (Some(5), Some(1.0))
    );
    drop(stream);
    // Who comes back hears what he has missed, and nothing twice.
    let mut stream = server.follow("/api/runs/live/events", Some(&first.id));
    let missed = next(&mut stream);
    assert_eq!(
        serde_json::from_str::<Value>(&missed.data).unwrap()["kind"],
        "progress"
    );
    run.event(
        start + 2_000,
        "sample",
        EventKind::Finished { seconds: 2.0 },
    );
    run.metrics("sayself", 10);
    loop {
        if next_state(&mut stream)["state"] == "finished" {
            break;
        }
    }
    assert_eq!(server.get("/api/runs/none/events").status, 404);
    // A follower does not hold the server up.
    assert!(server.stop().success());
}

#[test]
fn a_silent_run_whose_lock_is_free_has_lost_its_process() {
    let runs = folder();
    let run = MadeRun {
        directory: runs.path().join("lost"),
    };
    run.write("run.toml", "[[evaluate]]\nmethod = 'sayself'\n");
    run.write(".lock", "");
    run.event(
        now_ms() - 60_000,
        "sft/seed-1",
        EventKind::Started {
            done: 0,
            total: 10,
            unit: "steps".into(),
        },
    );
    let server = Served::over(runs.path());
    let state = || server.get("/api/runs/lost").json()["summary"]["state"].clone();
    assert_eq!(state()["state"], "failed");
    let lock = std::fs::File::open(run.directory.join(".lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(state()["state"], "running");
}
