//! Another tool's log, imported, on the server's pages.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use sayself_tests::folders::root;
use sayself_tests::programs::{Served, run_sayself};
use serde_json::Value;

#[test]
fn an_imported_run_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cities");
    let log = root().join("datasets/fixtures/import/inspect/cities.json");
    let (log, out_text) = (log.to_str().unwrap(), out.to_str().unwrap());
    run_sayself(&["import", "inspect", log, "--out", out_text]).ends_with(0);

    let served = Served::start(folder.path());
    let get = |path: &str| {
        let mut response = ureq::get(format!("{}{path}", served.address))
            .call()
            .unwrap();
        response.body_mut().read_to_string().unwrap()
    };
    let runs: Value = serde_json::from_str(&get("/api/runs")).unwrap();
    let run = &runs["runs"][0];
    assert_eq!(
        (run["id"].as_str(), run["n"].as_u64()),
        (Some("cities"), Some(28))
    );
    assert_eq!(run["state"]["state"], "finished", "{run}");
    assert_eq!(run["method"], "inspect");
    let page = get("/runs/cities");
    assert!(page.contains("cities, imported from inspect"), "{page}");
    let answers = get("/runs/cities/answers?label=cities");
    assert!(
        answers.contains("Which city has the number 1?"),
        "{answers}"
    );
}
