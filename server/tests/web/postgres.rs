//! The same migrations and queries on PostgreSQL.

use crate::made_run::MadeRun;
use crate::served::{Served, folder, wait_for};
use crate::simulated::cluster::Cluster;
use serde_json::json;
use std::path::Path;

#[test]
fn postgresql_serves_as_sqlite_does() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let database = cluster.new_database();
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "nul: \u{0}");
    let script = runs.path().join("fake-sayself");
    std::fs::write(
        &script,
        "#!/bin/sh\nmkdir -p \"$4\"\ncp \"$2\" \"$4/run.toml\"\nprintf 'error: a\\000b\\n'\nexit 3\n",
    )
    .unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let serve = || {
        Served::with(&[
            "--runs",
            runs.path().to_str().unwrap(),
            "--database",
            &database,
            "--sayself",
            Path::new(&script).to_str().unwrap(),
        ])
    };
    let server = serve();
    assert_eq!(server.get("/readyz").json()["status"], "ready");
    assert_eq!(server.get("/api/runs").json()["runs"][0]["id"], "made");
    let id = server
        .post("/api/jobs", &json!({"config": "seed = 1", "out": "job"}))
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let failed = || {
        wait_for("the job's end", || {
            Some(server.get(&format!("/api/jobs/{id}")).json())
                .filter(|job| job["state"] == "failed")
        })
    };
    let job = failed();
    assert_eq!(
        (job["exit_code"].as_i64(), job["attempt"].as_i64()),
        (Some(3), Some(1))
    );
    assert_eq!(
        server
            .post(&format!("/api/jobs/{id}/retry"), &json!({}))
            .status,
        200
    );
    assert_eq!(failed()["attempt"], 2);
    assert_eq!(
        server.get("/api/jobs").json()["jobs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let note = json!({"tags": ["a", "b"], "note": "nul: \u{0}, ünï"});
    let noted = server.patch("/api/runs/made/labels", &note);
    assert_eq!(noted.status, 200, "{}", noted.text);
    let again = server.patch("/api/runs/made/labels", &json!({"tags": ["b"]}));
    assert_eq!(again.json(), json!({"tags": ["b"], "note": "nul: , ünï"}));
    server.stop();
    let server = serve();
    assert_eq!(server.get("/api/runs/made/labels").json(), again.json());
    assert_eq!(server.get("/api/runs?tag=B").json()["matching"], 1);
    assert_eq!(
        server.get("/api/runs").json()["runs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        server.get(&format!("/api/jobs/{id}")).json()["state"],
        "failed"
    );
}
