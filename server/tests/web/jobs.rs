//! Jobs, with a script in the place of `sayself`: what is tested is who starts, watches and stops it.

use crate::made_run::now_ms;
use crate::served::{Served, folder, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes the events of a run of 3 steps; then waits for `DIR/go`, or fails at `DIR/fail`.
const SCRIPT: &str = r#"#!/bin/sh
set -e
[ "$1" = run ] && [ "$3" = --out ]
mkdir -p "$4"
cp "$2" "$4/run.toml"
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

const CONFIG: &str = "title = 'A job'\n[[evaluate]]\nmethod = 'sayself'\n";

struct Scene {
    _folder: tempfile::TempDir,
    runs: PathBuf,
    script: PathBuf,
}

impl Scene {
    fn new() -> Self {
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

    fn serve(&self) -> Served {
        Served::with(&[
            "--runs",
            self.runs.to_str().unwrap(),
            "--sayself",
            self.script.to_str().unwrap(),
        ])
    }

    fn touch(&self, path: &str) {
        fs::write(self.runs.join(path), "").unwrap();
    }
}

fn add(server: &Served, out: &str) -> String {
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

fn job(server: &Served, id: &str) -> Value {
    server.get(&format!("/api/jobs/{id}")).json()
}

fn wait_state(server: &Served, id: &str, state: &str) -> Value {
    wait_for(&format!("the job to be {state}"), || {
        Some(job(server, id)).filter(|job| job["state"] == state)
    })
}

/// Until its process has said its first word.
fn wait_started(server: &Served, id: &str) -> u32 {
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

fn is_alive(pid: u32) -> bool {
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
