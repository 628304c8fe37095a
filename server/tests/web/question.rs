//! The Question page with its threshold and marks, the list of answers, records as they stand.

use crate::made_run::{HOSTILE, MadeRun, answer, line, samples};
use crate::served::{Served, folder, wait_for};
use calibration::heights::Step;
use datasets::{Answer, Cluster, Clustering, Judge, MergeHeights, Question};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A run whose question `q1` was clustered by embedding: two near ones, and one that joins below 0.4.
fn by_embedding(folder: &Path) -> MadeRun {
    let run = MadeRun::finished(folder, "made", "");
    let samples = samples(&["Paris", "It is Paris.", "Lyon"]);
    run.write("sample/samples.jsonl", &samples);
    let cluster = |answer: &str, members: &[u32], correct| Cluster {
        answer: answer.into(),
        members: members.into(),
        share: members.len() as f64 / 3.0,
        correct,
    };
    run.write(
        "cluster/clusters.jsonl",
        &line(&Clustering {
            id: "q1".into(),
            question: "What is the capital of France?".into(),
            template: Some("capital".into()),
            method: "embedding: all-MiniLM-L6-v2, cosine above 0.84".into(),
            clusters: vec![
                cluster("Paris", &[0, 1], true),
                cluster("Lyon", &[2], false),
            ],
        }),
    );
    let step = |height, leader| Step { height, leader };
    run.write(
        "cluster/heights.jsonl",
        &line(&MergeHeights {
            id: "q1".into(),
            samples: vec![0, 1, 2],
            heights: vec![vec![], vec![step(0.9, 0)], vec![step(0.4, 0)]],
        }),
    );
    let question = |id: &str, answers: &[&str]| {
        line(&Question {
            id: id.into(),
            question: "What is the capital of France?".into(),
            answers: answers.iter().map(|one| (*one).to_owned()).collect(),
            negative_answers: Vec::new(),
            template: Some("capital".into()),
            entity: None,
            split: None,
            judge: Judge::default(),
        })
    };
    let questions = question("q1", &["Paris"]) + &question("q2", &["Rome"]);
    run.write("questions.jsonl", &questions);
    let said = Answer {
        question_id: "q1".into(),
        answer: Some("Paris".into()),
        rationale: Some("Paris, or perhaps Rome? I am not sure.".into()),
        ..answer(1, "")
    };
    run.write("evaluate/sayself/answers.jsonl", &line(&said));
    run
}

#[test]
fn the_server_draws_the_threshold_that_the_address_asks_for() {
    let runs = folder();
    by_embedding(runs.path());
    let server = Served::over(runs.path());
    let page = |query: &str| server.get(&format!("/runs/made/questions/q1{query}")).text;
    assert!(page("").contains("3 samples in 2 clusters"));
    assert!(page("?threshold=0.9").contains("3 samples in 3 clusters"));
    assert!(page("?threshold=0.3").contains("3 samples in 1 cluster<"));
    assert!(page("").contains("0.84: 2 clusters, the largest Paris with 67%"));
    let wrong = server.get("/runs/made/questions/q1?threshold=high");
    assert!(wrong.status == 400 && wrong.text.contains("cosine similarity"));
    let question = server
        .get("/api/runs/made/questions/q1?threshold=0.3")
        .json();
    assert_eq!(question["threshold"], 300_000);
    assert_eq!(question["clustering"]["threshold"], 840_000);
    assert_eq!(
        question["heights"]["steps"][1],
        serde_json::json!([[900_000, 0]])
    );
    assert_eq!(question["samples"][1]["response"], "It is Paris.");
    // The clusters stay the stored ones.
    assert_eq!(question["clusters"].as_array().unwrap().len(), 2);
}

#[test]
fn the_line_of_clusters_is_a_file() {
    let runs = folder();
    by_embedding(runs.path());
    let server = Served::over(runs.path());
    let get = |question: &str, file: &str| {
        server.get(&format!("/runs/made/questions/{question}/charts/{file}"))
    };
    let svg = get("q1", "cluster-counts.svg?threshold=0.3");
    assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
    let file = "attachment; filename=\"made-q1-cluster-counts.svg\"";
    assert_eq!(svg.header("content-disposition"), Some(file));
    assert!(svg.text.contains("chosen 0.30") && svg.text.contains("stored 0.84"));
    assert_eq!(
        get("q1", "cluster-counts.csv").text,
        "threshold_from,clusters\n-1,1\n0.4,2\n0.9,3\n"
    );
    for (question, file, status) in [
        ("q1", "cluster-counts.svg?threshold=high", 400),
        ("q1", "cluster-counts.png", 404),
        ("q1", "clusters.svg", 404),
        // It was not sampled.
        ("q2", "cluster-counts.svg", 404),
        ("none", "cluster-counts.svg", 404),
    ] {
        assert_eq!(get(question, file).status, status, "{question} {file}");
    }
}

#[test]
fn rationales_say_what_they_name_invent_and_leave_out() {
    let runs = folder();
    by_embedding(runs.path());
    let server = Served::over(runs.path());
    let question = server.get("/api/runs/made/questions/q1").json();
    let rationale = question["rationales"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["writer"] == "sayself")
        .unwrap();
    assert_eq!(rationale["named"][0]["answer"], "Paris");
    // Rome is an answer to another question of the template; no sample says it.
    assert_eq!(rationale["invented"], serde_json::json!(["Rome"]));
    assert_eq!(rationale["left_out"][0]["answer"], "Lyon");
    let page = server.get("/runs/made/questions/q1").text;
    assert!(page.contains("<mark class=\"named\">") && page.contains("<mark class=\"invented\">"));
    assert!(page.contains("67% of 3 samples"));
}

#[test]
fn grouping_by_answer_has_no_threshold_and_says_so() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    MadeRun::bare_sample(runs.path(), "sample");
    let server = Served::over(runs.path());
    let page = server.get("/runs/made/questions/q7").text;
    assert!(page.contains("there is no threshold to move") && !page.contains("name=\"threshold\""));
    let page = server.get("/runs/sample/questions/q1").text;
    assert!(page.contains("not clustered yet") && page.contains("3 samples in 2 clusters"));
}

/// Ids of all answers, by turning pages from the first to the last.
fn turned(server: &Served, query: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server
            .get(&format!("/api/runs/made/answers?limit=7{query}{cursor}"))
            .json();
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

fn ids(page: &Value) -> Vec<String> {
    let answers = page["answers"].as_array().unwrap().iter();
    answers
        .map(|answer| answer["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn lists_are_ordered_and_turned_both_ways() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let level = |id: &String| id[1..].parse::<u64>().unwrap() % 10;
    for (sort, sorted) in [
        ("file", None),
        ("surest", Some(true)),
        ("least-sure", Some(false)),
    ] {
        let all = turned(&server, &format!("&sort={sort}"));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 200, "{sort}");
        if let Some(descending) = sorted {
            let in_order = all.windows(2).all(|pair| {
                let (left, right) = (level(&pair[0]), level(&pair[1]));
                if descending {
                    left >= right
                } else {
                    left <= right
                }
            });
            assert!(in_order, "{sort}: {all:?}");
        }
        // From the third page back to the first, the same answers come again.
        let page = |query: &str| {
            server
                .get(&format!(
                    "/api/runs/made/answers?limit=7&sort={sort}{query}"
                ))
                .json()
        };
        let first = page("");
        assert_eq!(first["previous"], Value::Null);
        let second = page(&format!("&after={}", first["next"].as_str().unwrap()));
        let third = page(&format!("&after={}", second["next"].as_str().unwrap()));
        let back = page(&format!("&before={}", third["previous"].as_str().unwrap()));
        assert_eq!(ids(&back), ids(&second), "{sort}");
        let start = page(&format!("&before={}", back["previous"].as_str().unwrap()));
        assert_eq!(ids(&start), ids(&first), "{sort}");
        assert_eq!(start["previous"], Value::Null, "{sort}");
    }
}

#[test]
fn lists_are_narrowed_by_template_failure_and_search() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let other = |index: u64| Answer {
        template: Some("currency".into()),
        failure: Some("no confidence".into()),
        answer: Some("Zloty é".into()),
        ..answer(index, "")
    };
    let lines: String = (0..5).map(|index| line(&other(200 + index))).collect();
    run.append("evaluate/sayself/answers.jsonl", &lines);
    let server = Served::over(runs.path());
    let total = |query: &str| {
        server
            .get(&format!("/api/runs/made/answers?{query}"))
            .json()["total"]
            .clone()
    };
    assert_eq!(total("template=currency"), 5);
    assert_eq!(total("template=none-has-it"), 0);
    assert_eq!(total("failed=yes"), 5);
    assert_eq!(total("failed=no"), 200);
    assert_eq!(total("failed=yes&bin=1"), 1);
    let found = server.get("/api/runs/made/answers?q=zLOTY%20%C3%89").json();
    assert_eq!(ids(&found).len(), 5);
    assert_eq!(found["searched"]["answers"], 205);
    assert_eq!(found["searched"]["stopped"], false);
    assert_eq!(turned(&server, "&q=answer%201").len(), 111);
    assert_eq!(turned(&server, "&q=answer%201&sort=surest").len(), 111);
    let templates = &found["templates"];
    assert_eq!(templates[0]["template"], "capital");
    assert_eq!(templates[1]["answers"], 5);
    let page = server
        .get("/runs/made/answers?q=zloty&sort=surest&failed=yes")
        .text;
    assert!(page.contains("Zloty") && page.contains("value=\"zloty\""));
    assert_eq!(server.get("/runs/made/answers?sort=random").status, 400);
    assert_eq!(server.get("/runs/made/answers?before=x").status, 400);
}

#[test]
fn a_file_of_answers_grows_is_torn_and_is_replaced() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let total = || server.get("/api/runs/made/answers?label=sayself").json()["total"].clone();
    let path = "evaluate/sayself/answers.jsonl";
    assert_eq!(total(), 200);
    let next = line(&answer(200, ""));
    let (start, end) = next.split_at(60);
    run.append(path, start);
    assert_eq!(total(), 200);
    assert_eq!(server.get("/runs/made/questions/q200").status, 404);
    run.append(path, end);
    assert_eq!(total(), 201);
    assert_eq!(server.get("/runs/made/questions/q200").status, 200);
    run.write(path, &line(&answer(7, "")));
    assert_eq!(total(), 1);
    std::fs::remove_file(run.directory.join(path)).unwrap();
    // Its measures are there, its answers are not.
    assert_eq!(total(), 0);
}

#[test]
fn long_records_are_cut_on_pages_and_whole_as_they_stand() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let long = format!("{HOSTILE}{}", "long ".repeat(250_000));
    let record = line(&answer(0, &long));
    run.write("evaluate/sayself/answers.jsonl", &record);
    let server = Served::over(runs.path());
    for path in [
        "/runs/made/answers?label=sayself",
        "/runs/made/questions/q0",
        "/api/runs/made/answers?label=sayself",
    ] {
        let page = server.get(path);
        assert_eq!(page.status, 200);
        assert!(
            page.text.len() < 300_000,
            "{path}: {} bytes",
            page.text.len()
        );
        assert!(page.text.contains("characters more)"), "{path}");
    }
    let list = server.get("/runs/made/answers?label=sayself").text;
    assert!(list.contains("the whole record, "), "its size is told");
    for start in ["/runs", "/api/runs"] {
        let whole = server.get(&format!(
            "{start}/made/questions/q0/records/answers?label=sayself"
        ));
        assert_eq!(whole.status, 200);
        assert!(whole.text == record, "byte for byte");
        let kind = whole.header("content-type").unwrap();
        assert!(kind.starts_with("text/plain"), "{kind}");
        let disposition = whole.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment"), "{disposition}");
    }
    for path in [
        "answers?label=none",
        "answers?label=..%2F..",
        "secrets",
        "samples",
        "..%2Frun.toml",
    ] {
        let answer = server.get(&format!("/runs/made/questions/q0/records/{path}"));
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(
        server
            .get("/runs/made/questions/none/records/questions")
            .status,
        404
    );
}

#[test]
fn a_file_is_indexed_beside_the_pages() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let filler = "x".repeat(4_000);
    let lines: String = (0..10_000)
        .map(|index| line(&answer(index, &filler)))
        .collect();
    run.write("evaluate/sayself/answers.jsonl", &lines);
    let server = Served::over(runs.path());
    // Whatever is read by then, the page is there.
    let started = std::time::Instant::now();
    let page = server.get("/runs/made/answers?label=sayself&sort=surest");
    assert_eq!(page.status, 200);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    wait_for("the index", || {
        let page = server.get("/runs/made/answers?label=sayself").text;
        (!page.contains("being indexed") && page.contains("10,000 answers")).then_some(())
    });
    // The API waits for it.
    let list = server.get("/api/runs/made/answers?label=sayself").json();
    assert_eq!(
        (list["total"].as_u64(), &list["indexing"]),
        (Some(10_000), &Value::Null)
    );
}
