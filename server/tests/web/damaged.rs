use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use std::fs;

#[test]
fn damaged_runs_are_told_and_the_others_work() {
    let runs = folder();
    MadeRun::finished(runs.path(), "good", "");
    MadeRun::finished(runs.path(), "bad-config", "").write("run.toml", "title = [");
    MadeRun::finished(runs.path(), "bad-metrics", "")
        .write("evaluate/sayself/metrics.json", "{\"n\": 20");
    MadeRun::finished(runs.path(), "bad-events", "")
        .append("events.jsonl", "\u{0}\u{1}not an event\n");
    MadeRun::finished(runs.path(), "binary", "").write("run.toml", "\u{0}");
    let torn = MadeRun::finished(runs.path(), "torn", "");
    torn.append("events.jsonl", "{\"time_ms\":3000,\"stage\":\"sam");
    torn.append("evaluate/sayself/answers.jsonl", "{\"id\":\"q200\",\"que");
    let empty = MadeRun::finished(runs.path(), "empty", "");
    empty.write("run.toml", "");
    empty.write("events.jsonl", "");
    empty.write("evaluate/sayself/answers.jsonl", "");
    let server = Served::over(runs.path());
    let list = server.get("/api/runs").json();
    let state = |id: &str| {
        let run = list["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["id"] == id)
            .unwrap_or_else(|| panic!("{id}"));
        (
            run["state"]["state"].as_str().unwrap().to_owned(),
            run["state"]["error"].as_str().unwrap_or("").to_owned(),
        )
    };
    for (id, word) in [
        ("bad-config", "run.toml"),
        ("bad-metrics", "evaluate/sayself/metrics.json"),
        ("bad-events", "events.jsonl"),
        ("binary", "run.toml"),
    ] {
        let (state, error) = state(id);
        assert_eq!(state, "damaged", "{id}");
        assert!(error.contains(word), "{id}: {error}");
    }
    for id in ["good", "torn", "empty"] {
        assert_eq!(state(id).0, "finished", "{id}");
    }
    for id in [
        "good",
        "bad-config",
        "bad-metrics",
        "bad-events",
        "binary",
        "torn",
        "empty",
    ] {
        assert_eq!(server.get(&format!("/runs/{id}")).status, 200, "{id}");
        assert_eq!(
            server.get(&format!("/runs/{id}/questions/q7")).status,
            200,
            "{id}"
        );
    }
    assert_eq!(
        server.get("/api/runs/torn/answers?label=sayself").json()["total"],
        200
    );
}

#[test]
fn links_out_of_the_folder_are_refused() {
    let runs = folder();
    let outside = folder();
    fs::write(outside.path().join("secret"), "top secret").unwrap();
    MadeRun::finished(outside.path(), "elsewhere", "top secret");
    std::os::unix::fs::symlink(
        outside.path().join("elsewhere"),
        runs.path().join("linked-run"),
    )
    .unwrap();
    std::os::unix::fs::symlink("nowhere", runs.path().join("dangling")).unwrap();
    let linked_file = MadeRun::finished(runs.path(), "linked-file", "");
    for path in [
        "run.toml",
        "evaluate/sayself/answers.jsonl",
        "evaluate/sayself/metrics.json",
    ] {
        fs::remove_file(linked_file.directory.join(path)).unwrap();
        std::os::unix::fs::symlink(
            outside.path().join("elsewhere").join(path),
            linked_file.directory.join(path),
        )
        .unwrap();
    }
    let server = Served::over(runs.path());
    for run in server.get("/api/runs").json()["runs"].as_array().unwrap() {
        assert_eq!(run["state"]["state"], "damaged", "{run}");
    }
    for path in [
        "/",
        "/runs/linked-run",
        "/runs/linked-file",
        "/runs/linked-run/questions/q7",
        "/api/runs/linked-run",
        "/api/runs/linked-file",
        "/api/runs/linked-file/answers?label=sayself",
    ] {
        assert!(!server.get(path).text.contains("top secret"), "{path}");
    }
    let host = server.address.trim_start_matches("http://");
    for path in [
        "/runs/../secret",
        "/runs/..%2fsecret",
        "/runs/%2e%2e/secret",
        "/api/runs/..%2F..%2Fetc%2Fpasswd",
        "/runs/linked-file/answers?label=../../secret",
        "/runs/linked-file/questions/..%2f..%2fsecret",
        "/assets/../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let answer = server.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((400..500).contains(&status), "{path}: {status}");
        assert!(
            !answer.contains("top secret") && !answer.contains("root:"),
            "{path}"
        );
    }
}

#[test]
fn a_missing_folder_is_a_warning_and_is_served_once_it_is_there() {
    let runs = folder();
    let missing = runs.path().join("datasets/results");
    let own = runs.path().join("own");
    MadeRun::finished(&own, "own", "");
    let server = Served::with(&["--runs", missing.to_str().unwrap(), own.to_str().unwrap()]);
    let ready = server.get("/readyz").json();
    assert_eq!(ready["status"], "degraded");
    assert!(
        ready["warnings"][0]
            .as_str()
            .unwrap()
            .contains("datasets/results")
    );
    assert!(server.get("/").text.contains("cannot be read"));
    MadeRun::finished(&missing, "recorded", "");
    let run = crate::served::wait_for("the recorded run", || {
        let list = server.get("/api/runs").json();
        list["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["id"] == "recorded")
            .cloned()
    });
    assert_eq!(run["id"], "recorded");
    assert_eq!(server.get("/readyz").json()["status"], "ready");
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let runs = folder();
    let server = Served::over(runs.path());
    assert_eq!(
        server.get("/api/runs").json(),
        serde_json::json!({"runs": [], "matching": 0, "next": null})
    );
    let page = server.get("/");
    assert!(page.status == 200 && page.text.contains("sayself run"));
}
