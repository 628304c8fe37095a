//! Jobs, with a script in the place of `sayself`: what is tested is who starts, watches and stops it.

use crate::made_run::now_ms;
use crate::served::{Served, folder, wait_for};
use crate::tampered::{execute, number};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes the events of a run of 3 steps; then waits for `DIR/go`, or fails at `DIR/fail`.
const SCRIPT: &str = r#"#!/bin/sh
set -e
trap 'kill "$(cat "$4/child")" 2> /dev/null' EXIT
[ "$1" = run ] && [ "$3" = --out ]
mkdir -p "$4"
cp "$2" "$4/run.toml"
echo "arguments: $3 $5 $6"
[ -n "$SAYSELF_API_KEY" ] && echo "asked with $SAYSELF_API_KEY"
# A process of its own, as a server of a model would be.
sleep 60 &
echo "$!" > "$4/child"
echo "started as $$ with $2"
echo "{\"time_ms\":$(date +%s)000,\"stage\":\"sample\",\"kind\":\"started\",\"done\":0,\"total\":3,\"unit\":\"steps\"}" >> "$4/events.jsonl"
while [ ! -e "$4/go" ]; do
  if [ -e "$4/fail" ]; then echo "error: the disk is full" >&2; exit 1; fi
  [ -e "$0" ] || exit 1 # the test is over
  sleep 0.05
done
mkdir -p "$4/evaluate/sayself"
echo '{"n": 3, "method": "sayself"}' > "$4/evaluate/sayself/metrics.json"
echo "{\"time_ms\":$(date +%s)000,\"stage\":\"sample\",\"kind\":\"finished\",\"seconds\":1.0}" >> "$4/events.jsonl"
"#;

pub const CONFIG: &str = "title = 'A job'\n[[evaluate]]\nmethod = 'sayself'\n";

pub struct Scene {
    _folder: tempfile::TempDir,
    pub runs: PathBuf,
    pub script: PathBuf,
}

impl Scene {
    pub fn new() -> Self {
        let folder = folder();
        let script = folder.path().join("fake-sayself");
        fs::write(&script, SCRIPT).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Scene {
            runs: folder.path().join("runs"),
            script,
            _folder: folder,
        }
    }

    pub fn serve(&self) -> Served {
        Served::with(&[
            "--runs",
            self.runs.to_str().unwrap(),
            "--sayself",
            self.script.to_str().unwrap(),
        ])
    }

    pub fn touch(&self, path: &str) {
        fs::write(self.runs.join(path), "").unwrap();
    }
}

pub fn add(server: &Served, out: &str) -> String {
    let answer = server.post("/api/jobs", &json!({"config": CONFIG, "out": out}));
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.json()["run"], out);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/jobs/{id}").as_str())
    );
    id
}

pub fn job(server: &Served, id: &str) -> Value {
    server.get(&format!("/api/jobs/{id}")).json()
}

pub fn wait_state(server: &Served, id: &str, state: &str) -> Value {
    wait_for(&format!("the job to be {state}"), || {
        Some(job(server, id)).filter(|job| job["state"] == state)
    })
}

/// Until its process has said its first word.
pub fn wait_started(server: &Served, id: &str) -> u32 {
    wait_for("the job's first word", || {
        let log = job(server, id)["log"].clone();
        let line = log.as_array()?.last()?.as_str()?.to_owned();
        line.strip_prefix("started as ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    })
}

pub fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_job_runs_one_at_a_time_and_shows_on_the_page() {
    let scene = Scene::new();
    let server = scene.serve();
    let first = add(&server, "first");
    let second = add(&server, "second");
    wait_started(&server, &first);
    assert_eq!(job(&server, &second)["state"], "queued");
    wait_for("the run", || {
        let run = server.get("/api/runs/first");
        (run.status == 200 && run.json()["summary"]["state"]["state"] == "running").then_some(())
    });
    // One run, one job; and a run that is there is not written over unasked.
    assert_eq!(
        server
            .post("/api/jobs", &json!({"config": CONFIG, "out": "first"}))
            .status,
        409
    );
    assert_eq!(
        server
            .post("/api/jobs", &json!({"config": CONFIG, "out": "../evil"}))
            .status,
        422
    );
    assert_eq!(
        server
            .post("/api/jobs", &json!({"config": "seed = 'x'", "out": "x"}))
            .status,
        422
    );
    scene.touch("first/go");
    let done = wait_state(&server, &first, "finished");
    assert_eq!(
        (done["exit_code"].as_i64(), done["resumable"].as_bool()),
        (Some(0), Some(false))
    );
    assert_eq!(done["config"].as_str().unwrap().trim(), CONFIG.trim());
    assert_eq!(
        server.get("/api/runs/first").json()["summary"]["state"]["state"],
        "finished"
    );
    wait_state(&server, &second, "running");
    assert_eq!(
        server
            .post(&format!("/api/jobs/{first}/cancel"), &json!({}))
            .status,
        409
    );
    assert_eq!(
        server
            .post(&format!("/api/jobs/{first}/retry"), &json!({}))
            .status,
        409
    );
    assert_eq!(
        server
            .post("/api/jobs", &json!({"config": CONFIG, "out": "first"}))
            .status,
        422
    );
    let named = server.post("/api/jobs", &json!({"config": CONFIG, "name": "first"}));
    assert_eq!(named.json()["run"], "first-2");
    let list = server.get("/api/jobs?limit=2").json();
    assert_eq!(list["jobs"][0]["run"], "first-2");
    let rest = server
        .get(&format!(
            "/api/jobs?limit=2&cursor={}",
            list["next"].as_str().unwrap()
        ))
        .json();
    assert_eq!(
        (rest["jobs"][0]["run"].as_str(), &rest["next"]),
        (Some("first"), &Value::Null)
    );
}

#[test]
fn a_job_fails_is_cancelled_and_goes_on() {
    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    let waiting = add(&server, "waiting");
    wait_started(&server, &id);
    assert_eq!(
        server
            .post(&format!("/api/jobs/{waiting}/cancel"), &json!({}))
            .json()["state"],
        "cancelled"
    );
    scene.touch("run/fail");
    let failed = wait_state(&server, &id, "failed");
    assert_eq!(failed["exit_code"], 1);
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("the disk is full"),
        "{failed}"
    );
    // The list of runs may be a moment old.
    wait_for("the failed run", || {
        let run = server.get("/api/runs/run");
        (run.status == 200 && run.json()["summary"]["state"]["state"] == "failed").then_some(())
    });
    fs::remove_file(scene.runs.join("run/fail")).unwrap();
    let again = server
        .post(&format!("/api/jobs/{id}/retry"), &json!({}))
        .json();
    assert_eq!(again["attempt"], 2);
    let running = wait_state(&server, &id, "running");
    assert_eq!(
        (&running["exit_code"], &running["error"]),
        (&Value::Null, &Value::Null)
    );
    let pid = wait_for("the second process", || {
        let log = job(&server, &id)["log"].as_array()?.clone();
        let starts: Vec<u32> = log
            .iter()
            .filter_map(|line| {
                line.as_str()?
                    .strip_prefix("started as ")?
                    .split(' ')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        starts.get(1).copied()
    });
    let cancelled = server
        .post(&format!("/api/jobs/{id}/cancel"), &json!({}))
        .json();
    assert_eq!(
        (
            cancelled["state"].as_str(),
            cancelled["resumable"].as_bool()
        ),
        (Some("cancelled"), Some(true))
    );
    assert!(!is_alive(pid));
    let state = server.get("/api/runs/run").json()["summary"]["state"].clone();
    assert_eq!(state["state"], "failed");
    assert!(state["error"].as_str().unwrap().contains("cancelled"));
}

#[test]
fn a_job_outlives_a_killed_server() {
    let scene = Scene::new();
    let server = scene.serve();
    let lives = add(&server, "lives");
    let pid = wait_started(&server, &lives);
    let queued = add(&server, "queued");
    server.kill();
    assert!(is_alive(pid));
    let server = scene.serve();
    assert_eq!(job(&server, &lives)["state"], "running");
    assert_eq!(job(&server, &queued)["state"], "queued");
    scene.touch("lives/go");
    wait_state(&server, &lives, "finished");
    let pid = wait_started(&server, &queued);
    // Both die: the job says so, and can be taken up again.
    server.kill();
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait_for("its end", || (!is_alive(pid)).then_some(()));
    let server = scene.serve();
    let orphan = job(&server, &queued);
    assert_eq!(
        (orphan["state"].as_str(), orphan["resumable"].as_bool()),
        (Some("interrupted"), Some(true))
    );
    scene.touch("queued/go");
    assert_eq!(
        server
            .post(&format!("/api/jobs/{queued}/retry"), &json!({}))
            .status,
        200
    );
    wait_state(&server, &queued, "finished");
}

#[test]
fn a_process_that_cannot_be_noted_is_watched_and_noted_later() {
    let scene = Scene::new();
    let server = scene.serve();
    let url = format!("sqlite://{}", scene.runs.join(".sayself.db").display());
    let refusing = "CREATE TRIGGER refusing BEFORE UPDATE OF pid ON jobs WHEN NEW.pid IS NOT NULL \
                    BEGIN SELECT RAISE(ABORT, 'not now'); END";
    execute(&url, &[refusing]);
    let first = add(&server, "first");
    wait_started(&server, &first);
    scene.touch("first/go");
    // Who did not watch it would not know.
    let done = wait_state(&server, &first, "finished");
    assert_eq!(done["exit_code"], 0);
    let second = add(&server, "second");
    wait_started(&server, &second);
    execute(&url, &["DROP TRIGGER refusing"]);
    wait_for("the process to be noted", || {
        let noted = "SELECT COUNT(*) FROM jobs WHERE pid IS NOT NULL AND state = 'running'";
        (number(&url, noted) == 1).then_some(())
    });
}

#[test]
fn a_stopping_server_stops_its_jobs() {
    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    let pid = wait_started(&server, &id);
    assert!(server.stop().success());
    assert!(!is_alive(pid));
    let server = scene.serve();
    assert_eq!(job(&server, &id)["state"], "interrupted");
}

#[test]
fn a_missing_program_is_told() {
    let scene = Scene::new();
    let absent = scene.runs.join("absent");
    let server = Served::with(&[
        "--runs",
        scene.runs.to_str().unwrap(),
        "--sayself",
        absent.to_str().unwrap(),
    ]);
    let id = add(&server, "run");
    let failed = wait_state(&server, &id, "failed");
    assert!(
        failed["error"].as_str().unwrap().contains("--sayself"),
        "{failed}"
    );
}

#[test]
fn the_queue_has_an_end() {
    let scene = Scene::new();
    let server = scene.serve();
    let first = add(&server, "run");
    wait_started(&server, &first);
    let mut statuses = Vec::new();
    for _ in 0..34 {
        statuses.push(
            server
                .post("/api/jobs", &json!({"config": CONFIG, "name": "more"}))
                .status,
        );
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 32);
    assert_eq!(statuses.last(), Some(&429));
    assert!(Path::new(&scene.runs).join(".jobs").is_dir());
    assert!(now_ms() > 0);
}

#[test]
fn a_job_stops_after_its_stage() {
    let scene = Scene::new();
    let server = scene.serve();
    let stages = server.get("/api/stages").json();
    let names: Vec<&str> = stages["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["name"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "run");
    assert!(names.contains(&"cluster") && names.contains(&"faithfulness"));
    let ask = |stage: &str, out: &str| {
        let request = json!({"config": CONFIG, "out": out, "stage": stage});
        server.post("/api/jobs", &request)
    };
    assert_eq!(ask("dance", "a").status, 422);
    // The configuration has no [faithfulness].
    assert_eq!(ask("faithfulness", "a").status, 422);
    let answer = ask("cluster", "a");
    assert_eq!(
        (answer.status, answer.json()["stage"].as_str()),
        (201, Some("cluster"))
    );
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    wait_started(&server, &id);
    let now = job(&server, &id);
    assert!(
        now["command"]
            .as_str()
            .unwrap()
            .ends_with("--until cluster"),
        "{now}"
    );
    assert_eq!(now["log"][0], "arguments: --out --until cluster");
    scene.touch("a/go");
    wait_state(&server, &id, "finished");
    // Another stage of the same run, where it stands.
    let more = json!({"config": CONFIG, "out": "a", "stage": "evaluate", "resume": true});
    assert_eq!(server.post("/api/jobs", &more).status, 201);
}

#[test]
fn a_killed_process_is_told_and_its_job_resumes() {
    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    let pid = wait_started(&server, &id);
    signal("-KILL", pid);
    let failed = wait_state(&server, &id, "failed");
    assert_eq!(
        (&failed["exit_code"], failed["resumable"].as_bool()),
        (&Value::Null, Some(true))
    );
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .starts_with("it was killed")
    );
    let page = server.get(&format!("/jobs/{id}")).text;
    assert!(page.contains(">Resume</button>"), "{page}");
    scene.touch("run/go");
    let again = server.post(&format!("/api/jobs/{id}/retry"), &json!({}));
    assert_eq!(again.json()["attempt"], 2);
    let done = wait_state(&server, &id, "finished");
    assert_eq!(done["attempt"], 2);
}

#[test]
fn cancelling_stops_all_that_the_job_started() {
    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    let pid = wait_started(&server, &id);
    let child = fs::read_to_string(scene.runs.join("run/child")).unwrap();
    let child: u32 = child.trim().parse().unwrap();
    assert!(is_alive(pid) && is_alive(child));
    let cancelled = server.post(&format!("/api/jobs/{id}/cancel"), &json!({}));
    assert_eq!(cancelled.json()["state"], "cancelled");
    wait_for("both to end", || {
        (!is_alive(pid) && !is_alive(child)).then_some(())
    });
}

#[test]
fn two_servers_share_a_queue_and_start_each_job_once() {
    let scene = Scene::new();
    let (left, right) = (scene.serve(), scene.serve());
    let ids: Vec<String> = ["a", "b", "c"].map(|out| add(&left, out)).into();
    wait_started(&left, &ids[0]);
    // Long enough for the other to look at the queue several times.
    std::thread::sleep(std::time::Duration::from_secs(8));
    assert_eq!(job(&right, &ids[0])["state"], "running");
    for id in &ids {
        let log = job(&right, id)["log"].clone();
        let starts = log.as_array().unwrap().iter();
        let starts = starts.filter(|line| line.as_str().unwrap().starts_with("started as"));
        assert!(starts.count() <= 1, "{log}");
    }
    // Either may stop what either started.
    let cancelled = right.post(&format!("/api/jobs/{}/cancel", ids[0]), &json!({}));
    assert_eq!(cancelled.json()["state"], "cancelled", "{}", cancelled.text);
    wait_for("the other server to know", || {
        (job(&left, &ids[0])["state"] == "cancelled").then_some(())
    });
    // What one leaves behind, the other goes on with.
    wait_state(&right, &ids[1], "running");
    for out in ["b", "c"] {
        fs::create_dir_all(scene.runs.join(out)).unwrap();
        scene.touch(&format!("{out}/go"));
    }
    left.kill();
    wait_state(&right, &ids[1], "finished");
    wait_state(&right, &ids[2], "finished");
}

#[test]
fn a_log_is_read_backwards_and_holds_no_key() {
    let scene = Scene::new();
    let key = "sk-0123456789abcdef";
    let server = Served::within(
        &[
            "--runs",
            scene.runs.to_str().unwrap(),
            "--sayself",
            scene.script.to_str().unwrap(),
        ],
        &[("SAYSELF_API_KEY", key)],
    );
    let id = add(&server, "run");
    wait_started(&server, &id);
    let log = server.get(&format!("/api/jobs/{id}/log")).json();
    assert_eq!(log["older"], Value::Null);
    let lines = log["lines"].to_string();
    assert!(
        lines.contains("asked with [the key of SAYSELF_API_KEY]"),
        "{lines}"
    );
    for path in [format!("/jobs/{id}"), format!("/api/jobs/{id}")] {
        assert!(!server.get(&path).text.contains(key), "{path}");
    }
    let path = scene.runs.join(".jobs").join(format!("{id}.log"));
    let more: String = (0..1_000)
        .map(|line| format!("line {line} \u{1b}[31m\n"))
        .collect();
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, more.as_bytes()).unwrap();
    let newest = server.get(&format!("/api/jobs/{id}/log")).json();
    let newest_lines = newest["lines"].as_array().unwrap();
    assert_eq!(newest_lines.last().unwrap(), "line 999 \u{1b}[31m");
    let before = newest["older"].as_u64().unwrap();
    let older = server
        .get(&format!("/api/jobs/{id}/log?before={before}"))
        .json();
    let last = older["lines"].as_array().unwrap().last().unwrap().clone();
    let first = newest_lines[0].as_str().unwrap();
    let number = |line: &str| line.split(' ').nth(1).unwrap().parse::<u32>().unwrap();
    assert_eq!(number(last.as_str().unwrap()) + 1, number(first));
    assert_eq!(
        server.get(&format!("/api/jobs/{id}/log?before=x")).status,
        400
    );
    assert_eq!(server.get("/api/jobs/none/log").status, 404);
    // Control characters are shown as what they are.
    let page = server.get(&format!("/jobs/{id}?before={before}")).text;
    assert!(page.contains("␛[31m") && !page.contains('\u{1b}'));
}

#[test]
fn a_job_is_followed_as_it_happens() {
    use std::io::BufRead;

    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    wait_started(&server, &id);
    let mut lines = server
        .follow(&format!("/api/jobs/{id}/events"), None)
        .lines();
    let mut until = |wanted: &str| {
        let found = lines.find(|line| line.as_ref().unwrap().contains(wanted));
        assert!(found.is_some(), "no {wanted}");
    };
    until("data: started as");
    until("data: running");
    scene.touch("run/go");
    until("data: finished");
    assert!(
        lines.all(|line| line.unwrap().is_empty()),
        "the stream ends"
    );
    assert_eq!(server.get("/api/jobs/none/events").status, 404);
}

fn signal(kind: &str, pid: u32) {
    let sent = std::process::Command::new("kill")
        .args([kind, &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}
