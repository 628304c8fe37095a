//! The pages of jobs as a browser without scripts uses them.

use crate::jobs::{CONFIG, Scene, add, job, wait_started, wait_state};
use crate::made_run::MadeRun;
use crate::served::{Served, folder, wait_for};
use serde_json::json;

/// The value of a hidden field.
fn hidden<'page>(page: &'page str, name: &str) -> Option<&'page str> {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1)?;
    rest.split('"').next()
}

/// The text between two marks, from the first on.
fn between<'page>(page: &'page str, start: &str, end: &str) -> &'page str {
    let rest = page.split(start).nth(1).unwrap_or_default();
    rest.split(end).next().unwrap_or_default()
}

#[test]
fn a_form_is_shown_looked_at_and_started() {
    let scene = Scene::new();
    let server = scene.serve();
    let page = server.get("/jobs/new?config=world-facts/demo&stage=cluster");
    assert_eq!(page.status, 200, "{}", page.text);
    for wanted in [
        "name=\"sft.epochs\"",
        "name=\"rl.ppo.gamma\"",
        "type=\"number\"",
        "min=\"1\"",
        "max=\"1000\"",
        "name=\"evaluate[1].method\"",
        "name=\"build.shuffle_targets\"",
        "value=\"world-facts-demo\"",
        "the configuration world-facts/demo",
    ] {
        assert!(page.text.contains(wanted), "no {wanted}");
    }
    assert!(
        page.text.contains("<option value=\"cluster\" selected"),
        "the stage is chosen"
    );
    let fields = [
        ("mode", "fields"),
        ("stage", "cluster"),
        ("out", "mine"),
        ("title", "Mine & yours"),
        ("sample.samples", "20"),
        ("sft.epochs", "3"),
        ("cluster.by", "embedding"),
        ("rl.ppo.whiten", "true"),
        ("rl.ppo.scale_rewards", "true"),
        ("table", "evaluate[1]"),
        ("evaluate[1].method", "direct-prompting"),
    ];
    let looked = server.send_form("/jobs/new", &[&fields[..], &[("do", "preview")]].concat());
    assert_eq!(looked.status, 200, "{}", looked.text);
    let toml = between(
        &looked.text,
        "aria-label=\"Configuration as TOML\"><code>",
        "</code>",
    );
    assert_eq!(
        toml,
        "title = \"Mine &amp; yours\"\n\n[sample]\nsamples = 20\n\n[cluster]\nby = \"embedding\"\n\n[[evaluate]]\nmethod = \"direct-prompting\"\n"
    );
    assert!(looked.text.contains("--until cluster"));
    // Unseen, it is shown again in place of started.
    let start = [("do", "start")];
    let unseen = server.send_form("/jobs/new", &[&fields[..], &start].concat());
    assert_eq!(unseen.status, 200);
    let changed = [("do", "start"), ("seen", "something else")];
    let changed = server.send_form("/jobs/new", &[&fields[..], &changed].concat());
    assert!(changed.text.contains("it was changed after it was shown"));
    assert_eq!(server.get("/api/jobs").json()["jobs"], json!([]));
    let seen = hidden(&looked.text, "seen").unwrap();
    let started = server.send_form(
        "/jobs/new",
        &[&fields[..], &start, &[("seen", seen)]].concat(),
    );
    assert_eq!(started.status, 303, "{}", started.text);
    let place = started.header("location").unwrap();
    let id = place.strip_prefix("/jobs/").unwrap();
    let made = job(&server, id);
    assert_eq!(
        (made["run"].as_str(), made["stage"].as_str()),
        (Some("mine"), Some("cluster"))
    );
    assert!(made["config"].as_str().unwrap().contains("samples = 20"));
    wait_started(&server, id);
    let shown = server.get(place);
    assert!(shown.text.contains("cluster of mine") && shown.text.contains("started as"));
    // The run is busy, and then it is there.
    let again = server.send_form("/jobs/new", &[&fields[..], &[("do", "preview")]].concat());
    assert_eq!(again.status, 422);
    assert!(again.text.contains("has a job already"), "{}", again.text);
}

#[test]
fn what_is_wrong_stands_beside_its_field() {
    let scene = Scene::new();
    let server = scene.serve();
    let page = server.send_form(
        "/jobs/new",
        &[
            ("mode", "fields"),
            ("do", "start"),
            ("out", "../evil"),
            ("sft.epochs", "0"),
            ("seed", "<b>many"),
            ("table", "endpoint"),
            ("endpoint.key_variable", "sk-123"),
        ],
    );
    assert_eq!(page.status, 422);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let field = between(&page.text, "id=\"field-sft-epochs\"", "</div>");
    assert!(field.contains("aria-invalid=\"true\""), "{field}");
    assert!(
        field.contains("found 0, expected a whole number from 1 to 1000"),
        "{field}"
    );
    assert!(page.text.contains("href=\"#field-sft-epochs\""));
    assert!(page.text.contains("&lt;b&gt;many"));
    assert!(!page.text.contains("sk-123"));
    let name = server.send_form(
        "/jobs/new",
        &[("mode", "fields"), ("do", "preview"), ("out", "../evil")],
    );
    assert!(name.text.contains("is no name for a run"));
    let stage = server.send_form(
        "/jobs/new",
        &[
            ("mode", "fields"),
            ("do", "preview"),
            ("stage", "faithfulness"),
        ],
    );
    assert!(
        stage.status == 422 && stage.text.contains("needs [faithfulness]"),
        "{}",
        stage.text
    );
}

#[test]
fn tables_are_added_and_removed_by_buttons() {
    let scene = Scene::new();
    let server = scene.serve();
    let post = |fields: &[(&str, &str)]| {
        let page = server.send_form("/jobs/new", &[&[("mode", "fields")][..], fields].concat());
        assert_eq!(page.status, 200, "{}", page.text);
        page.text
    };
    let one = post(&[("do", "add evaluate[1]"), ("sft.epochs", "7")]);
    assert!(one.contains("name=\"table\" value=\"evaluate[1]\"") && one.contains("value=\"7\""));
    let entries = [
        ("table", "evaluate[1]"),
        ("evaluate[1].method", "first"),
        ("table", "evaluate[2]"),
        ("evaluate[2].method", "second"),
    ];
    let judged = post(&[&entries[..], &[("do", "add evaluate[2].judge")]].concat());
    assert!(judged.contains("name=\"evaluate[2].judge.url\""));
    let left = post(&[&entries[..], &[("do", "remove evaluate[1]")]].concat());
    assert!(
        left.contains("name=\"evaluate[1].method\" value=\"second\""),
        "{left}"
    );
    assert!(!left.contains("value=\"first\"") && !left.contains("evaluate[2].method"));
}

#[test]
fn the_configuration_may_be_edited_as_text() {
    let scene = Scene::new();
    let server = scene.serve();
    let text = server.send_form(
        "/jobs/new",
        &[("mode", "fields"), ("do", "text"), ("sft.epochs", "7")],
    );
    assert!(text.text.contains("name=\"toml\"") && text.text.contains("[sft]\nepochs = 7\n"));
    let toml = "# mine\r\n[sft]\r\nepoch = 3\r\nepochs = 4\r\n";
    let looked = server.send_form(
        "/jobs/new",
        &[
            ("mode", "text"),
            ("do", "preview"),
            ("toml", toml),
            ("out", "t"),
        ],
    );
    assert_eq!(looked.status, 200);
    assert!(
        looked
            .text
            .contains("these keys, and they are ignored: sft.epoch"),
        "{}",
        looked.text
    );
    let fields = server.send_form(
        "/jobs/new",
        &[("mode", "text"), ("do", "fields"), ("toml", toml)],
    );
    let field = between(&fields.text, "id=\"field-sft-epochs\"", "/>");
    assert!(field.contains("value=\"4\""), "{field}");
    let wrong = server.send_form(
        "/jobs/new",
        &[
            ("mode", "text"),
            ("do", "fields"),
            ("toml", "seed = </textarea>"),
        ],
    );
    assert!(wrong.status == 422 && wrong.text.contains("seed = &lt;/textarea&gt;"));
    let seen = hidden(&looked.text, "seen").unwrap();
    let started = server.send_form(
        "/jobs/new",
        &[
            ("mode", "text"),
            ("do", "start"),
            ("toml", toml),
            ("out", "t"),
            ("seen", seen),
        ],
    );
    assert_eq!(started.status, 303, "{}", started.text);
    let id = started
        .header("location")
        .unwrap()
        .strip_prefix("/jobs/")
        .unwrap()
        .to_owned();
    // As it was typed, with its comment.
    assert!(
        job(&server, &id)["config"]
            .as_str()
            .unwrap()
            .starts_with("# mine\n[sft]\n")
    );
    let large = "x".repeat(70_000);
    let refused = server.send_form(
        "/jobs/new",
        &[("mode", "text"), ("do", "preview"), ("toml", &large)],
    );
    assert!(refused.status == 422 && refused.text.contains("longer than 65536 bytes"));
}

#[test]
fn a_run_is_gone_on_with_by_its_own_configuration_alone() {
    let scene = Scene::new();
    let server = scene.serve();
    let id = add(&server, "run");
    wait_started(&server, &id);
    scene.touch("run/go");
    wait_state(&server, &id, "finished");
    // The folders are looked at from time to time.
    let page = wait_for("the run to be found", || {
        Some(server.get("/jobs/new?run=run")).filter(|page| page.status == 200)
    });
    assert!(
        page.text.contains("the configuration of the run run"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("name=\"out\" value=\"run\"")
            || page.text.contains("value=\"run\" maxlength")
    );
    let fields = [
        ("mode", "fields"),
        ("out", "run"),
        ("resume", "true"),
        ("stage", "evaluate"),
        ("title", "A job"),
        ("rl.ppo.whiten", "true"),
        ("rl.ppo.scale_rewards", "true"),
        ("table", "evaluate[1]"),
        ("do", "preview"),
    ];
    let same = server.send_form("/jobs/new", &fields);
    assert_eq!(same.status, 200, "{}", same.text);
    let other = server.send_form("/jobs/new", &[&fields[..], &[("sft.epochs", "9")]].concat());
    assert_eq!(other.status, 422);
    assert!(
        other.text.contains("sft.epochs: 3 there, 9 here"),
        "{}",
        other.text
    );
    assert_eq!(server.get("/jobs/new?run=none").status, 404);
    assert_eq!(server.get("/jobs/new?config=none").status, 404);
    assert_eq!(server.get("/jobs/new?job=none").status, 404);
    let from_job = server.get(&format!("/jobs/new?job={id}"));
    assert!(from_job.text.contains("run-2"));
}

#[test]
fn the_queue_and_a_job_are_pages_with_buttons() {
    let scene = Scene::new();
    let server = scene.serve();
    let empty = server.get("/jobs");
    assert!(empty.text.contains("No jobs yet") && empty.text.contains("/jobs/new?config="));
    let first = add(&server, "first");
    let second = add(&server, "second");
    wait_started(&server, &first);
    let page = server.get("/jobs").text;
    assert!(
        page.contains(&format!("/jobs/{first}")) && page.contains(">next<"),
        "{page}"
    );
    let queued = server.get("/jobs?state=queued").text;
    assert!(queued.contains(&second) && !queued.contains(&first));
    assert_eq!(server.get("/jobs?state=asleep").status, 400);
    let paged = server.get("/jobs?limit=1").text;
    assert!(paged.contains("rel=\"next\"") && !paged.contains(&first));
    let cancelled = server.send_form(&format!("/jobs/{second}/cancel"), &[]);
    assert_eq!(
        (cancelled.status, cancelled.header("location")),
        (303, Some(format!("/jobs/{second}").as_str()))
    );
    let shown = server.get(&format!("/jobs/{second}")).text;
    assert!(shown.contains("It was cancelled.") && shown.contains(">Resume</button>"));
    let resumed = server.send_form(&format!("/jobs/{second}/retry"), &[]);
    assert_eq!(resumed.status, 303);
    assert_eq!(job(&server, &second)["attempt"], 2);
    // What cannot be done is told on a page.
    let over = server.send_form(&format!("/jobs/{second}/retry"), &[]);
    assert!(over.status == 409 && over.text.starts_with("<!DOCTYPE html>"));
    assert_eq!(server.get("/jobs/none").status, 404);
}

#[test]
fn other_sites_and_other_bodies_are_refused() {
    let scene = Scene::new();
    let server = scene.serve();
    let host = server.address.trim_start_matches("http://").to_owned();
    let post = |headers: &str, body: &str| {
        server.raw(&format!(
            "POST /jobs/new HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ))
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let other = post(
        &format!("{form}Origin: http://evil.example\r\n"),
        "do=preview",
    );
    assert!(other.starts_with("HTTP/1.1 403"), "{other}");
    let null = post(&format!("{form}Origin: null\r\n"), "do=preview");
    assert!(null.starts_with("HTTP/1.1 403"), "{null}");
    let text = post("Content-Type: text/plain\r\n", "do=preview");
    assert!(text.starts_with("HTTP/1.1 415"), "{text}");
    let many = post(form, &"a=&".repeat(5_001));
    assert!(many.starts_with("HTTP/1.1 413"), "{}", &many[..200]);
    let large = post(form, &format!("toml={}", "x".repeat(300_000)));
    assert!(large.starts_with("HTTP/1.1 413"), "{}", &large[..200]);
}

#[test]
fn where_jobs_are_off_their_pages_say_why() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::with(&[
        "--runs",
        runs.path().to_str().unwrap(),
        "--database",
        "postgres://nobody@127.0.0.1:1/none",
    ]);
    for path in ["/jobs", "/jobs/new", "/jobs/any"] {
        let page = server.get(path);
        assert_eq!(page.status, 503, "{path}");
        assert!(page.text.contains("Jobs are off"), "{path}");
    }
}

#[test]
fn the_schema_is_served() {
    let runs = folder();
    let server = Served::over(runs.path());
    let answer = server.get("/api/config-schema");
    assert_eq!(
        answer.header("content-type"),
        Some("application/schema+json")
    );
    let schema = answer.json();
    assert_eq!(
        schema["properties"]["sft"]["properties"]["epochs"]["default"],
        3
    );
    assert!(CONFIG.contains("title"));
}
