//! The Agreement page, its charts as files, and what is measured beside people.

use super::{LABELS, RUN, Study, ok, problem, served, spec};
use crate::person::Person;
use crate::served::Served;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What `sayself faithfulness` leaves of an evaluation.
fn measured(runs: &Path) {
    let folder = runs.join(RUN).join("faithfulness").join(LABELS[0]);
    fs::create_dir_all(&folder).unwrap();
    let lines: String = (0..40)
        .map(|at| {
            let own = |score: Value| json!({"own": score, "shuffled": null, "constant": null});
            let score = json!({
                "id": format!("q{at}"), "clusters": 2, "names": own(json!({"score": at % 11})),
                "self_reflect": own(json!(0.1 * f64::from(at % 7))), "judge": own(json!(at % 5)),
            });
            format!("{score}\n")
        })
        .collect();
    fs::write(folder.join("scores.jsonl"), lines).unwrap();
}

#[test]
fn agreement_is_told_drawn_settled_and_taken_away() {
    let (runs, server) = served(None);
    let study = Study::open(&server, &spec("single"));
    let page = || study.admin.get(&study.page("/agreement"));
    let empty = page();
    assert_eq!(empty.status, 200);
    assert!(empty.text.contains("Nothing to agree on yet"));
    let (ann, ben) = (study.agreed("ann"), study.agreed("ben"));
    study.work_off(&ann);
    // The last words of all, so that the two differ whatever their order was.
    study.work_off(&ben);
    let report = ok(study.admin.get(&study.api("/agreement")));
    for key in [
        "alpha_nominal",
        "alpha_ordinal",
        "alpha_interval",
        "fleiss_kappa",
    ] {
        let figure = &report[key];
        assert_eq!(figure["n"], 10, "{key}: {figure}");
        let end = |at: usize| figure["interval"][at].as_f64().unwrap();
        assert!(end(0) <= end(1), "{key}: {figure}");
    }
    assert_eq!(report["between"][0]["n"], 10);
    assert_eq!(report["by_annotator"].as_array().unwrap().len(), 2);
    assert_eq!(
        report["ranking"][0]["name"],
        format!("{} ({RUN})", LABELS[0])
    );
    // What was not measured is remarked; once it is, it is told without another rating.
    assert!(report["with_measures"].as_array().unwrap().is_empty());
    let remarks = report["remarks"].to_string();
    assert!(
        remarks.contains("sayself faithfulness RUN --label"),
        "{remarks}"
    );
    measured(runs.path());
    let report = ok(study.admin.get(&study.api("/agreement")));
    let pairs = report["with_measures"].as_array().unwrap();
    assert_eq!(pairs.len(), 6, "{pairs:?}");
    assert_eq!(
        (&pairs[0]["first"], &pairs[0]["second"]),
        (&json!("people"), &json!("judge"))
    );
    assert_eq!(pairs[0]["n"], 10);

    let shown = page().text;
    for words in [
        "Krippendorff&#39;s alpha, interval",
        "Who agrees with whom?",
        "Who stands apart?",
        "Do people and measures say the same?",
        "To settle",
        "What is the capital of land",
    ] {
        assert!(
            shown.contains(words) || shown.contains(&words.replace("&#39;", "'")),
            "{words}"
        );
    }
    // Neither of the two by name.
    assert!(!shown.contains(">ann<") && !shown.contains(">ben<"));
    for chart in ["agreement", "between", "annotators", "ranking", "measures"] {
        let file = |ending: &str| {
            study
                .admin
                .get(&study.page(&format!("/agreement/charts/{chart}.{ending}")))
        };
        let (svg, csv) = (file("svg"), file("csv"));
        assert_eq!((svg.status, csv.status), (200, 200), "{chart}");
        assert!(
            svg.text.starts_with("<svg") || svg.text.starts_with("<?xml"),
            "{chart}"
        );
        assert!(
            csv.text.starts_with("name,value,low,high,n\n"),
            "{chart}: {}",
            csv.text
        );
        assert!(
            svg.header("content-disposition")
                .is_some_and(|value| value.contains("attachment"))
        );
    }
    assert_eq!(
        study
            .admin
            .get(&study.page("/agreement/charts/none.svg"))
            .status,
        404
    );

    // Those who rate see none of it.
    problem(&ann.get(&study.api("/agreement")), 403);
    problem(&ann.get(&study.api("/export?what=ratings")), 403);
    for path in ["/agreement", "/agreement/charts/ranking.csv"] {
        assert_eq!(ann.get(&study.page(path)).status, 403, "{path}");
    }

    // Every rating of a main item, once, by the question's id.
    let rows: Vec<Value> = study
        .export("what=ratings")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| {
        row["id"].as_str().unwrap().starts_with('q') && row["score"].as_u64().unwrap() <= 10
    }));
    let worst = report["disagreements"][0]["item"]["id"].as_str().unwrap();
    let settle = study.page(&format!("/items/{worst}/settle"));
    assert_eq!(
        study.admin.post_form(&settle, &[("score", "4")]).status,
        303
    );
    let settled = study.export("what=settled");
    assert_eq!(settled.lines().count(), 10);
    assert_eq!(settled.matches("\"settled\":\"adjudicated\"").count(), 1);
    assert!(page().text.contains("settled: 4"));
    // Settled once more here, it is told by another server that has made its report before.
    let other = Served::over(runs.path());
    let elsewhere = Person {
        server: &other,
        cookie: study.admin.cookie.clone(),
        token: None,
    };
    let told = || elsewhere.get(&study.page("/agreement")).text;
    assert!(told().contains("settled: 4"));
    assert_eq!(
        study.admin.post_form(&settle, &[("score", "6")]).status,
        303
    );
    assert!(told().contains("settled: 6"));
}
