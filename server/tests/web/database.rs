use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use serde_json::json;
use std::path::Path;

/// Pages work, jobs do not, and everybody is told.
fn is_degraded(runs: &Path, database: &str) {
    let server = Served::with(&["--runs", runs.to_str().unwrap(), "--database", database]);
    let ready = server.get("/readyz").json();
    assert_eq!(ready["status"], "degraded", "{database}");
    assert_ne!(ready["database"], "ok");
    assert!(ready["jobs"].as_str().unwrap().starts_with("Jobs are off"));
    let page = server.get("/");
    assert!(
        page.status == 200
            && page.text.contains("Title of made")
            && page.text.contains("cannot be used"),
        "{database}"
    );
    assert_eq!(server.get("/runs/made").status, 200);
    let job = server.post("/api/jobs", &json!({"config": "demo"}));
    assert_eq!(job.status, 503);
    assert_eq!(job.header("content-type"), Some("application/problem+json"));
    assert!(server.stop().success());
}

#[test]
fn pages_need_no_database() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let other = folder();
    let path = |name: &str| other.path().join(name).to_str().unwrap().to_owned();
    // A folder, noise, a torn database, one in a place that cannot be, one that may not be written, none at all.
    std::fs::create_dir(path("folder")).unwrap();
    is_degraded(runs.path(), &path("folder"));
    std::fs::write(
        path("noise"),
        "this is no database, whatever its name says".repeat(100),
    )
    .unwrap();
    is_degraded(runs.path(), &path("noise"));
    std::fs::write(path("file"), "").unwrap();
    is_degraded(runs.path(), &path("file/within"));
    Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--database",
        &path("good"),
    ])
    .stop();
    is_degraded(runs.path(), &format!("sqlite://{}?mode=ro", path("good")));
    let good = std::fs::read(path("good")).unwrap();
    std::fs::write(path("torn"), &good[..good.len() / 2]).unwrap();
    is_degraded(runs.path(), &path("torn"));
    is_degraded(runs.path(), "postgres://nobody@127.0.0.1:1/none");
}

#[test]
fn the_index_is_kept_and_can_be_thrown_away() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let database = runs.path().join(".sayself.db");
    for start in 0..3 {
        let server = Served::over(runs.path());
        assert_eq!(server.get("/readyz").json()["status"], "ready");
        assert_eq!(server.get("/api/runs").json()["runs"][0]["n"], 200 - start);
        server.stop();
        run.metrics("sayself", 199 - start);
        if start == 1 {
            std::fs::remove_file(&database).unwrap();
        }
    }
    assert!(database.exists());
}

#[test]
fn a_taken_port_is_told_or_passed_over() {
    let runs = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sayself-server"))
        .args([
            "--runs",
            runs.path().to_str().unwrap(),
            "--listen",
            &address,
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--port-search"));
    let server = Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--listen",
        &address,
        "--port-search",
    ]);
    assert_ne!(server.address, format!("http://{address}"));
    assert_eq!(server.get("/healthz").json()["status"], "ok");
}
