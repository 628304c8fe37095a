//! What cannot be made, and why.

use super::{LABELS, RUN, ok, problem, served};
use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use serde_json::{Value, json};

#[test]
fn what_cannot_be_made_says_why() {
    let (runs, server) = served(None);
    MadeRun::finished(runs.path(), "unsampled", "");
    let refused = |spec: Value, words: &str| {
        let told = problem(&server.post("/api/projects", &spec), 422);
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    };
    refused(json!({"title": "x", "runs": []}), "one run");
    refused(json!({"runs": [{"run": RUN}]}), "title");
    refused(json!({"title": "x", "runs": [{"run": "none"}]}), "no run");
    refused(
        json!({"title": "x", "runs": [{"run": RUN, "label": "odd"}]}),
        "no evaluation",
    );
    refused(
        json!({"title": "x", "runs": [{"run": "unsampled"}]}),
        "sampled at least twice",
    );
    refused(
        json!({"title": "x", "kind": "pairs", "runs": [{"run": RUN}]}),
        "2 to 6",
    );
    refused(
        json!({"title": "x", "runs": [{"run": RUN}], "gold": [{"question_id": "absent", "low": 1}]}),
        "absent",
    );
    refused(
        json!({"title": "x", "runs": [{"run": RUN}], "overlap": 0, "ahead": 0}),
        "ahead",
    );
    problem(&server.get("/api/projects/none"), 404);
    problem(&server.get("/api/projects/none/agreement"), 404);
    problem(&server.get("/api/projects/none/export"), 404);
    assert_eq!(server.get("/annotate/none").status, 404);
    assert_eq!(ok(server.get("/api/projects"))["projects"], json!([]));
}

#[test]
fn without_a_database_nobody_rates() {
    let runs = folder();
    MadeRun::rated(runs.path(), RUN, 6, LABELS);
    let path = runs.path().to_str().unwrap();
    let server = Served::with(&[
        "--runs",
        path,
        "--database",
        "postgres://nobody@127.0.0.1:1/none",
    ]);
    problem(&server.get("/api/projects"), 503);
    assert_eq!(server.get("/annotate").status, 503);
}
