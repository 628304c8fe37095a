use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use serde_json::json;

#[test]
fn every_answer_has_its_policy() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let nonce = |path: &str| {
        let page = server.get(path);
        let policy = page.header("content-security-policy").unwrap().to_owned();
        assert!(
            !policy.contains("unsafe-inline") && policy.contains("'wasm-unsafe-eval'"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'"));
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned();
        // Every script on the page and its style sheet carry it; none is without.
        assert_eq!(
            page.text.matches("<script").count() + page.text.matches("<style").count(),
            page.text.matches(&format!("nonce=\"{nonce}\"")).count(),
            "{path}"
        );
        assert!(
            !page.text.contains(" style=\""),
            "{path} has an inline style, which the policy forbids"
        );
        nonce
    };
    assert_ne!(nonce("/runs/made"), nonce("/runs/made"));
    nonce("/");
    nonce("/runs/made/answers");
    nonce("/runs/made/questions/q7");
    nonce("/nowhere");
    for path in [
        "/",
        "/api/runs",
        "/healthz",
        "/nowhere",
        "/api/nowhere",
        "/assets/style.css",
    ] {
        let answer = server.get(path);
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
    assert_eq!(
        server.get("/assets/style.css").header("content-type"),
        Some("text/css; charset=utf-8")
    );
}

#[test]
fn other_hosts_and_other_sites_are_refused() {
    let runs = folder();
    let server = Served::over(runs.path());
    let with_host = |host: &str| server.get_with("/api/runs", &[("host", host)]).status;
    assert_eq!(with_host("evil.example"), 421);
    assert_eq!(with_host("127.0.0.1.evil.example"), 421);
    assert_eq!(with_host("localhost:1"), 200);
    let answer = server.raw("GET / HTTP/1.0\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.0 421") || answer.starts_with("HTTP/1.1 421"),
        "{answer}"
    );
    let job = json!({"config": "no such configuration"});
    for headers in [
        [("origin", "http://evil.example")],
        [("sec-fetch-site", "cross-site")],
        [("origin", "null")],
    ] {
        let answer = server.post_with("/api/jobs", &job, &headers);
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(answer.json()["status"], 403);
    }
    assert_eq!(
        server
            .post_with("/api/jobs", &job, &[("origin", &server.address)])
            .status,
        422
    );
    // A form of another site cannot say that it is JSON.
    let host = server.address.trim_start_matches("http://");
    let form = server.raw(&format!(
        "POST /api/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    ));
    assert!(form.starts_with("HTTP/1.1 415"), "{form}");
}

#[test]
fn strangers_start_nothing_where_others_can_reach_the_server() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--listen",
        "0.0.0.0:0",
    ]);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let answer = server.raw(&format!(
        "GET /api/jobs HTTP/1.1\r\nHost: any.example:{port}\r\nConnection: close\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(
        server.post("/api/jobs", &json!({"config": "demo"})).status,
        401
    );
    // Nothing is shown that nobody has published.
    assert_eq!(server.get("/runs/made").status, 404);
    let page = server.get("/");
    assert!(page.status == 200 && page.text.contains("No run is published here"));
}

#[test]
fn what_is_too_large_or_unknown_is_refused_in_one_envelope() {
    let runs = folder();
    let server = Served::over(runs.path());
    let is_problem = |answer: crate::served::Answer, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        for field in ["title", "detail", "next"] {
            assert!(!problem[field].as_str().unwrap().is_empty(), "{field}");
        }
    };
    is_problem(server.get("/api/runs/none"), 404);
    is_problem(server.get("/api/none"), 404);
    is_problem(server.get("/api/runs?limit=x"), 400);
    is_problem(server.post("/api/runs", &json!({})), 405);
    // Refused by its announced length, before a byte of it is read.
    let host = server.address.trim_start_matches("http://");
    let large = server.raw(&format!(
        "POST /api/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n"
    ));
    assert!(
        large.starts_with("HTTP/1.1 413") && large.contains("application/problem+json"),
        "{large}"
    );
    is_problem(server.post("/api/jobs", &json!({"config": 3})), 422);
    is_problem(
        server.get(&format!("/api/runs?q={}", "x".repeat(5_000))),
        414,
    );
    is_problem(server.get("/api/jobs/none"), 404);
    let page = server.get("/runs/none");
    assert!(page.status == 404 && page.text.starts_with("<!DOCTYPE html>"));
}
