use crate::made_run::{HOSTILE, MadeRun};
use crate::served::{Served, folder};
use datasets::event::EventKind;
use std::collections::BTreeMap;

/// A finished run that also says how training went, what was left out and where it came from.
fn told(folder: &std::path::Path, id: &str, text: &str) -> MadeRun {
    let run = MadeRun::finished(folder, id, text);
    let config = std::fs::read_to_string(run.directory.join("run.toml")).unwrap();
    run.write(
        "run.toml",
        &format!("{config}\n[provenance]\nformat_version = 1\nsayself_version = \"0.1.0\"\nstage = \"run\"\nmodel_sha256 = \"ab12\"\n"),
    );
    for step in 0..50 {
        for seed in ["sft/seed-1", "sft/seed-2"] {
            let loss = 2.0 / (1.0 + step as f64);
            run.event(
                3_000 + step,
                seed,
                EventKind::Metrics {
                    step,
                    values: BTreeMap::from([("loss".into(), loss)]),
                },
            );
        }
    }
    run.event(
        4_000,
        "rl/seed-1",
        EventKind::Note {
            message: format!("round 12: accuracy fell {text}"),
        },
    );
    let skipped = |record: usize| {
        let record = serde_json::json!({"stage": "sample", "record": format!("q{record}"), "reason": format!("no answer {text}")});
        format!("{record}\n")
    };
    run.write("skipped.jsonl", &(0..4).map(skipped).collect::<String>());
    run
}

#[test]
fn the_page_and_the_api_tell_the_rest_of_the_directory() {
    let runs = folder();
    told(runs.path(), "told", HOSTILE);
    let server = Served::over(runs.path());
    let page = server.get("/runs/told");
    assert_eq!(page.status, 200);
    for words in [
        "How training went",
        "round 12: accuracy fell",
        "4 records left out",
        "ab12",
        "By template",
        "Files to download",
        "What if it answers only when it is sure?",
    ] {
        assert!(page.text.contains(words), "{words}");
    }
    assert!(!page.text.contains("<script>alert(1)"));
    let directory = &server.get("/api/runs/told").json()["directory"];
    assert_eq!(
        directory["curves"][0]["places"].as_array().unwrap().len(),
        50
    );
    assert_eq!(directory["curves"].as_array().unwrap().len(), 2);
    assert_eq!(directory["notes"][0]["alarm"], true);
    assert_eq!(directory["skipped"][0]["n"], 4);
    assert_eq!(directory["provenance"]["hashes"][0]["sha256"], "ab12");
    let breakdown = &directory["breakdowns"][1];
    assert_eq!(breakdown["label"], "sayself");
    assert_eq!(breakdown["templates"][0]["n"], 200);
    assert_eq!(breakdown["whole"], true);
}

#[test]
fn the_diagram_is_chosen_by_the_address() {
    let runs = folder();
    told(runs.path(), "told", "");
    let server = Served::over(runs.path());
    let page = |query: &str| server.get(&format!("/runs/told?{query}")).text;
    assert!(page("diagram=smooth").contains("smoothed as smECE does"));
    assert!(page("diagram=levels").contains("the number beside each"));
    assert!(page("above=70").contains("value=\"70\""));
    assert_eq!(
        server.get("/runs/told?diagram=%3Cscript%3E&above=x").status,
        200
    );
}

#[test]
fn charts_are_files() {
    let runs = folder();
    told(runs.path(), "told", "");
    let server = Served::over(runs.path());
    for name in [
        "reliability",
        "histogram",
        "risk-coverage",
        "events",
        "templates",
        "question-lengths",
    ] {
        let svg = server.get(&format!(
            "/runs/told/charts/{name}.svg?diagram=levels&label=sayself"
        ));
        assert_eq!(svg.status, 200, "{name}");
        assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
        assert_eq!(svg.header("x-content-type-options"), Some("nosniff"));
        let file = format!("attachment; filename=\"told-{name}.svg\"");
        assert_eq!(svg.header("content-disposition"), Some(file.as_str()));
        assert!(svg.text.starts_with("<?xml") && !svg.text.contains("\"var("));
        let csv = server.get(&format!("/runs/told/charts/{name}.csv"));
        assert!(csv.text.lines().count() > 2, "{name}: {}", csv.text);
    }
    let groups = server
        .get("/runs/told/charts/templates.csv?label=sayself")
        .text;
    assert!(groups.contains("sayself,capital,200,"), "{groups}");
    for name in [
        "absent.svg",
        "reliability.png",
        "templates.png",
        "reliability",
        "..%2f..%2fa.svg",
    ] {
        assert_eq!(
            server.get(&format!("/runs/told/charts/{name}")).status,
            404,
            "{name}"
        );
    }
    assert_eq!(server.get("/runs/absent/charts/events.svg").status, 404);
}

#[test]
fn files_of_a_run_can_be_downloaded_in_parts_and_nothing_else() {
    let runs = folder();
    let run = told(runs.path(), "told", "");
    std::fs::write(runs.path().join("secret.json"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.json", run.directory.join("inside.json")).unwrap();
    let outside = folder();
    std::fs::write(outside.path().join("secret.json"), "secret").unwrap();
    std::os::unix::fs::symlink(
        outside.path().join("secret.json"),
        run.directory.join("out.json"),
    )
    .unwrap();
    run.write(".hidden.json", "secret");
    run.write("sft/seed-1/checkpoint/state.json", "secret");
    let server = Served::over(runs.path());
    let answers = server.get("/runs/told/files/evaluate/sayself/answers.jsonl");
    let whole =
        std::fs::read_to_string(run.directory.join("evaluate/sayself/answers.jsonl")).unwrap();
    assert_eq!((answers.status, answers.text), (200, whole.clone()));
    let part = server.get_with(
        "/runs/told/files/evaluate/sayself/answers.jsonl",
        &[("range", "bytes=10-19"), ("accept-encoding", "identity")],
    );
    assert_eq!((part.status, part.text.as_str()), (206, &whole[10..20]));
    let file = server.get("/runs/told/files/run.toml");
    assert_eq!(
        file.header("content-disposition"),
        Some("attachment; filename=\"told-run.toml\"")
    );
    assert_eq!(
        file.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(
        file.header("content-security-policy"),
        Some("default-src 'none'; frame-ancestors 'none'")
    );
    for path in [
        "absent.json",
        ".hidden.json",
        ".lock",
        "sft/seed-1/checkpoint/state.json",
        "..%2fsecret.json",
        "evaluate",
        "",
    ] {
        let answer = server.get(&format!("/runs/told/files/{path}"));
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text.contains("secret\n"));
    }
    for link in ["out.json", "inside.json"] {
        assert_eq!(
            server.get(&format!("/runs/told/files/{link}")).status,
            403,
            "{link}"
        );
    }
    let host = server.address.trim_start_matches("http://");
    for path in [
        "/runs/told/files/../../secret.json",
        "/runs/told/files/%2e%2e/secret.json",
        "/runs/told/files//etc/passwd",
    ] {
        let answer = server.raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}

#[test]
fn a_huge_log_is_thinned_and_not_held_in_memory() {
    let runs = folder();
    let run = told(runs.path(), "told", "");
    let mut log = String::new();
    for step in 0..300_000_u64 {
        let loss = 1.0 / (1.0 + step as f64 / 1_000.0);
        log.push_str(&format!(
            "{{\"time_ms\":5000,\"stage\":\"sft/seed-3\",\"kind\":\"metrics\",\"step\":{step},\"values\":{{\"loss\":{loss},\"gradient_norm\":1.5,\"learning_rate\":0.001}}}}\n"
        ));
    }
    for _ in 0..3 {
        run.append("events.jsonl", &log);
    }
    let server = Served::over(runs.path());
    let curves = &server.get("/api/runs/told").json()["directory"]["curves"];
    let third = curves
        .as_array()
        .unwrap()
        .iter()
        .find(|curve| curve["stage"] == "sft/seed-3")
        .unwrap();
    let places = third["places"].as_array().unwrap();
    assert!(places.len() <= app::chart::curves::BUCKETS_MAX);
    let values: u64 = places
        .iter()
        .map(|place| place["n"].as_u64().unwrap())
        .sum();
    assert_eq!(values, 900_000);
    #[cfg(target_os = "linux")]
    {
        let peak_kib = server.peak_memory_kib();
        assert!(peak_kib < 128 * 1024, "{peak_kib} KiB");
    }
}
