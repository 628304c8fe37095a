//! Tags and notes: given by a form or a program, kept in the database alone.

use crate::made_run::{HOSTILE, MadeRun};
use crate::served::{Served, folder};
use serde_json::json;

#[test]
fn tags_and_notes_are_kept_by_the_database_and_found() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    MadeRun::finished(runs.path(), "other", "");
    let server = Served::over(runs.path());
    let labels = "/api/runs/made/labels";
    assert_eq!(server.get(labels).json(), json!({"tags": [], "note": ""}));
    let request = json!({"tags": [" Best  run", "base", "BASE", ""], "note": "the first\r\none"});
    let noted = server.patch(labels, &request).json();
    assert_eq!(
        noted,
        json!({"tags": ["Best run", "base"], "note": "the first\none"})
    );
    // What is absent stays.
    assert_eq!(
        server.patch(labels, &json!({"tags": ["base"]})).json()["note"],
        "the first\none"
    );
    assert_eq!(server.patch(labels, &json!({})).json()["tags"][0], "base");
    server.stop();

    let server = Served::over(runs.path());
    let list = server.get("/api/runs?tag=Base").json();
    assert_eq!(list["matching"], 1);
    assert_eq!(list["runs"][0]["tags"], json!(["base"]));
    assert_eq!(list["runs"][0]["note"], "the first\none");
    assert_eq!(server.get("/api/runs?q=FIRST%20one").json()["matching"], 1);
    assert_eq!(server.get("/api/runs?q=base").json()["matching"], 1);
    assert_eq!(server.get("/api/runs?tag=none").json()["matching"], 0);
    assert!(server.get("/").text.contains(">base (1)<"));
    // Nothing is written to the run.
    let files = std::fs::read_dir(runs.path().join("made")).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("label"))
    );
}

#[test]
fn a_run_that_was_moved_keeps_what_was_noted_of_it() {
    let (first, second) = (folder(), folder());
    let database = folder();
    let database = database.path().join("kept.db");
    let over = |folder: &std::path::Path| {
        Served::with(&[
            "--runs",
            folder.to_str().unwrap(),
            "--database",
            database.to_str().unwrap(),
        ])
    };
    MadeRun::finished(first.path(), "made", "");
    let server = over(first.path());
    server.patch("/api/runs/made/labels", &json!({"tags": ["mine"]}));
    server.stop();
    std::fs::rename(first.path().join("made"), second.path().join("made")).unwrap();
    let server = over(second.path());
    assert_eq!(server.get("/api/runs?tag=mine").json()["matching"], 1);
    let noted = server.patch("/api/runs/made/labels", &json!({"note": "moved"}));
    assert_eq!(noted.json(), json!({"tags": ["mine"], "note": "moved"}));
}

#[test]
fn a_form_changes_them_and_leads_back() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let answer = server.send_form(
        "/runs/made/labels",
        &[("tags", "a, b"), ("note", HOSTILE), ("back", "/?sort=ece")],
    );
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.header("location"), Some("/?sort=ece#run-made"));
    let page = server.get("/?sort=ece").text;
    assert!(page.contains("value=\"a, b\"") && page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains("<script>alert(1)") && !page.contains("<img src=x"));
    // An emptied field is empty afterwards.
    server.send_form("/runs/made/labels", &[("tags", ""), ("note", "")]);
    assert_eq!(
        server.get("/api/runs/made/labels").json(),
        json!({"tags": [], "note": ""})
    );
    for back in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let answer = server.send_form("/runs/made/labels", &[("tags", "a"), ("back", back)]);
        assert_eq!(
            answer.header("location"),
            Some("/runs/made#run-made"),
            "{back}"
        );
    }
    // A failure is a page, and says what to do.
    let answer = server.send_form("/runs/made/labels", &[("tags", &"x".repeat(41))]);
    assert!(
        answer.status == 422 && answer.text.contains("41 characters"),
        "{}",
        answer.text
    );
    assert!(answer.text.starts_with("<!DOCTYPE html>"));
    assert_eq!(
        server
            .send_form("/runs/none/labels", &[("tags", "a")])
            .status,
        404
    );
}

#[test]
fn what_breaks_a_limit_or_comes_from_elsewhere_changes_nothing() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let labels = "/api/runs/made/labels";
    server.patch(labels, &json!({"tags": ["kept"], "note": "kept"}));
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    for request in [
        json!({"tags": ["a,b"]}),
        json!({"tags": ["ä".repeat(41)]}),
        json!({"tags": many}),
        json!({"note": "x".repeat(4_001)}),
        json!({"tags": "a"}),
        json!({"note": 3}),
        json!([]),
    ] {
        let answer = server.patch(labels, &request);
        assert_eq!(answer.status, 422, "{request}: {}", answer.text);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    for headers in [
        [("origin", "http://evil.example")],
        [("sec-fetch-site", "cross-site")],
        [("origin", "null")],
    ] {
        let answer = server.post_with("/runs/made/labels", &json!({}), &headers);
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    // A form, and nothing else.
    assert_eq!(
        server
            .post("/runs/made/labels", &json!({"tags": "a"}))
            .status,
        415
    );
    assert_eq!(
        server.patch("/api/runs/none/labels", &json!({})).status,
        404
    );
    assert_eq!(server.get("/api/runs/none/labels").status, 404);
    assert_eq!(
        server.get(labels).json(),
        json!({"tags": ["kept"], "note": "kept"})
    );
}

#[test]
fn without_a_database_or_before_others_they_can_be_read_alone() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let runs = runs.path().to_str().unwrap();
    let away = Served::with(&[
        "--runs",
        runs,
        "--database",
        "postgres://nobody@127.0.0.1:1/none",
    ]);
    assert_eq!(
        away.patch("/api/runs/made/labels", &json!({"tags": ["a"]}))
            .status,
        503
    );
    let page = away.get("/").text;
    assert!(page.contains("kept in the database") && !page.contains("method=\"post\""));
    assert_eq!(away.get("/api/runs/made/labels").status, 200);

    // Before others, by those who signed in alone.
    let public = Served::with(&["--runs", runs, "--listen", "0.0.0.0:0"]);
    assert_eq!(
        public
            .patch("/api/runs/made/labels", &json!({"tags": ["a"]}))
            .status,
        401
    );
    assert_eq!(
        public
            .send_form("/runs/made/labels", &[("tags", "a")])
            .header("location"),
        Some("/sign-in")
    );
    assert!(!public.get("/").text.contains("method=\"post\""));
}
