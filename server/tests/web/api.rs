//! What all of the API shares: tags, one envelope for failures, and the page that describes it.

use crate::made_run::MadeRun;
use crate::served::{Served, folder, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An answer as it came over the wire.
struct Raw {
    status: u16,
    head: String,
    body: String,
}

impl Raw {
    fn of(server: &Served, method: &str, path: &str, headers: &str, body: &str) -> Self {
        let host = server.address.trim_start_matches("http://");
        let text = server.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n{body}"
        ));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Raw {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn assert_problem(&self, status: u16, what: &str) {
        assert_eq!(self.status, status, "{what}: {}\n{}", self.head, self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(self.header("etag"), None, "{what}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(problem["type"], "about:blank", "{what}");
        for field in ["title", "detail", "next"] {
            assert!(!problem[field].as_str().unwrap().is_empty(), "{what}");
        }
    }
}

#[test]
fn every_address_that_is_read_has_a_tag_and_is_sent_once() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let document = server.get("/api/openapi.json").json();
    let mut read = vec!["/api/openapi.json".to_owned()];
    for (path, methods) in document["paths"].as_object().unwrap() {
        let get = &methods["get"];
        let streams = get["responses"]["200"]["content"]["text/event-stream"].is_object();
        // A job has to be started first: it has a test of its own.
        if !get.is_object() || streams || path.starts_with("/api/jobs/") {
            continue;
        }
        let path = path.replace("{id}", "made").replace("{question_id}", "q7");
        if !path.contains('{') && server.get(&path).status == 200 {
            read.push(path);
        }
    }
    assert!(read.len() >= 7, "{read:?}");
    for path in read {
        let whole = Raw::of(&server, "GET", &path, "", "");
        assert_eq!(whole.status, 200, "{path}");
        assert_eq!(
            whole.header("cache-control"),
            Some("private, no-cache"),
            "{path}"
        );
        let tag = whole.header("etag").unwrap().to_owned();
        let known = format!("If-None-Match: \"x\", {tag}\r\n").replace("w/", "W/");
        let again = Raw::of(&server, "GET", &path, &known, "");
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
        assert_eq!(again.header("content-type"), None, "{path}");
        let head = Raw::of(&server, "HEAD", &path, "", "");
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["etag", "content-type", "cache-control", "content-length"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
        let other = Raw::of(&server, "GET", &path, "If-None-Match: \"x\"\r\n", "");
        assert_eq!(other.status, 200, "{path}");
    }
}

#[test]
fn a_tag_changes_with_what_it_stands_for() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let tag = server
        .get("/api/runs/made")
        .header("etag")
        .unwrap()
        .to_owned();
    let ask = || {
        server
            .get_with("/api/runs/made", &[("if-none-match", &tag)])
            .status
    };
    assert_eq!(ask(), 304);
    run.metrics("sayself", 199);
    assert_eq!(ask(), 200);
}

#[test]
fn every_failure_is_one_envelope() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let json = "Content-Type: application/json\r\n";
    let send = |body: &str, headers: &str| {
        let length = format!("Content-Length: {}\r\n{headers}", body.len());
        Raw::of(&server, "POST", "/api/jobs", &length, body)
    };
    let get = |path: &str| Raw::of(&server, "GET", path, "", "");

    for path in [
        "/api/none",
        "/api/",
        "/api/runs/",
        "/api/runs/none",
        "/api/runs/none/answers",
        "/api/runs/none/events",
        "/api/runs/made/answers?label=none",
        "/api/runs/made/questions/none",
        "/api/jobs/none",
        "/api/runs/..%2F..%2Fetc",
    ] {
        get(path).assert_problem(404, path);
    }
    for path in [
        // Not UTF-8.
        "/api/runs/%FF",
        "/api/runs/made/questions/%C3%28",
        "/api/runs?limit=x",
        "/api/runs?cursor=x",
        "/api/runs/made/answers?bin=11",
        "/api/runs/made/answers?cursor=-1",
        "/api/runs/made/answers?low=NaN",
    ] {
        get(path).assert_problem(400, path);
    }
    for (method, path) in [
        ("POST", "/api/runs"),
        ("PUT", "/api/jobs"),
        ("DELETE", "/api/runs/made"),
        ("PATCH", "/healthz"),
        ("POST", "/api/openapi.json"),
        ("GET", "/api/jobs/none/cancel"),
    ] {
        let refused = Raw::of(&server, method, path, "Content-Length: 0\r\n", "");
        refused.assert_problem(405, path);
        let allow = refused.header("allow").unwrap_or("");
        assert!(allow.contains("get") || allow.contains("post"), "{allow}");
    }
    send("{\"config\":", json).assert_problem(400, "half of an object");
    send("", json).assert_problem(400, "no body");
    send("\u{0}", json).assert_problem(400, "no JSON");
    send("[]", json).assert_problem(422, "a list");
    send("{\"config\": 3}", json).assert_problem(422, "a number for a text");
    send("{\"config\": \"none\"}", json).assert_problem(422, "no such configuration");
    send("{}", "").assert_problem(415, "no content type");
    send("{}", "Content-Type: text/plain\r\n").assert_problem(415, "text");
    send("{}", "Content-Type: application/x-www-form-urlencoded\r\n").assert_problem(415, "a form");
    let large = "x".repeat(256 * 1024 + 1);
    let announced = format!("{json}Content-Length: 300000\r\n");
    Raw::of(&server, "POST", "/api/jobs", &announced, "").assert_problem(413, "announced");
    let chunked = format!("{json}Transfer-Encoding: chunked\r\n");
    let body = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    Raw::of(&server, "POST", "/api/jobs", &chunked, &body).assert_problem(413, "in pieces");
    get(&format!("/api/runs?q={}", "x".repeat(5_000))).assert_problem(414, "a long address");
    send("{}", &format!("{json}Origin: http://evil.example\r\n"))
        .assert_problem(403, "a foreign site");
    let host =
        server.raw("GET /api/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(
        host.starts_with("HTTP/1.1 421") && host.contains("application/problem+json"),
        "{host}"
    );
    // The head of a failure says the same, without its body.
    let head = Raw::of(&server, "HEAD", "/api/none", "", "");
    assert_eq!((head.status, head.body.as_str()), (404, ""));
    assert_eq!(
        head.header("content-type"),
        Some("application/problem+json")
    );
}

#[test]
fn a_full_queue_is_told_with_when_to_try_again() {
    let folder = folder();
    let script = folder.path().join("slow");
    fs::write(&script, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let runs = folder.path().join("runs");
    let server = Served::with(&[
        "--runs",
        runs.to_str().unwrap(),
        "--sayself",
        script.to_str().unwrap(),
    ]);
    let request = json!({"config": "title = 'slow'\n"});
    let mut id = None;
    let full = wait_for("a full queue", || {
        let answer = server.post("/api/jobs", &request);
        if answer.status == 201 {
            id.get_or_insert(answer.json()["id"].as_str().unwrap().to_owned());
            return None;
        }
        Some(answer)
    });
    assert_eq!(full.status, 429, "{}", full.text);
    assert_eq!(
        full.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(full.header("retry-after"), Some("5"));
    assert_eq!(full.json()["status"], 429);
    // What was started is tagged as all else; what was asked to be done is never kept.
    let path = format!("/api/jobs/{}", id.unwrap());
    let queued = server.get("/api/jobs?limit=2");
    for (path, answer) in [
        (path.as_str(), server.get(&path)),
        ("/api/jobs?limit=2", queued),
    ] {
        assert!(answer.header("etag").is_some(), "{path}");
    }
    let cancelled = server.post(&format!("{path}/cancel"), &json!({}));
    assert_eq!(cancelled.header("cache-control"), Some("no-store"));
    assert_eq!(cancelled.header("etag"), None);
    assert!(server.stop().success());
}

#[test]
fn the_api_page_has_every_operation_and_its_line() {
    let runs = folder();
    let server = Served::over(runs.path());
    let page = server.get("/api");
    assert_eq!(page.status, 200);
    assert!(page.text.starts_with("<!DOCTYPE html>"));
    let document = server.get("/api/openapi.json").json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let words: Vec<&str> = path
                .split(|letter: char| !letter.is_ascii_alphanumeric())
                .filter(|word| !word.is_empty())
                .collect();
            let anchor = format!("id=\"{method}-{}\"", words.join("-"));
            assert!(page.text.contains(&anchor), "{anchor}");
        }
    }
    assert!(
        page.text
            .contains(&format!("curl {}/api/runs", server.address))
    );
    // Every link within the page leads somewhere.
    for part in page.text.split("href=\"#").skip(1) {
        let anchor = part.split('"').next().unwrap();
        assert!(
            page.text.contains(&format!("id=\"{anchor}\"")),
            "#{anchor} is nowhere"
        );
    }
    let tag = page.header("etag").unwrap().to_owned();
    assert_eq!(
        server.get_with("/api", &[("if-none-match", &tag)]).status,
        304
    );
}
