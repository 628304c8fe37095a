//! The report and the paper's tables of the recorded runs in datasets/results.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use support::{run, sayself};

const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../datasets/results/world-facts-smollm2-135m"
);

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    html.split(&start)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn the_report_of_a_recorded_run_is_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let asked = [
        "report",
        RECORDED,
        "--bootstrap",
        "40",
        "--questions",
        "5",
        "--json",
    ];
    let (code, stdout, stderr) = run(sayself().args(asked).arg("--out").arg(&page));
    assert_eq!(code, 0, "{stderr}");
    let written: Value = serde_json::from_str(&stdout).unwrap();
    let html = std::fs::read_to_string(&page).unwrap();
    assert_eq!(written["bytes"], html.len());
    // Six evaluations with answers, three drawings each.
    assert_eq!(written["drawings"], 18);
    assert_eq!(written["evaluations"].as_array().unwrap().len(), 10);

    // No script, no link to elsewhere: anchors within the page alone, each with its place.
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<link"));
    let ids: BTreeSet<&str> = values(&html, "id").into_iter().collect();
    assert_eq!(
        ids.len(),
        values(&html, "id").len(),
        "an id stands there twice"
    );
    for address in values(&html, "href")
        .into_iter()
        .chain(values(&html, "src"))
    {
        let place = address.strip_prefix('#');
        assert!(place.is_some_and(|place| ids.contains(place)), "{address}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    assert!(html.contains("light-dark(") && html.contains("@media print"));
    assert_eq!(
        html.matches("<table").count(),
        html.matches("</table>").count()
    );
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());

    for words in [
        "The numbers",
        "its baselines",
        "Answering only what is sure",
        "by Holm",
        "Table 1b",
        "not run; paper 0.3558",
        "Surest, and wrong",
        "Least sure, and right",
        "most changed",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Limits",
        "sayself-seed-2, sayself-seed-3",
    ] {
        assert!(html.contains(words), "{words}");
    }
    // README's figures of seed 1.
    assert!(html.contains(">0.867<") && html.contains("0.856 to 0.878"));

    // The same seed gives the same bytes; another tells other questions among equals.
    let again = folder.path().join("again.html");
    run(sayself().args(asked).arg("--out").arg(&again));
    assert!(std::fs::read_to_string(&again).unwrap() == html);
}

#[test]
fn the_papers_tables_of_the_recorded_run() {
    let tables = |form: &str| {
        let (code, stdout, stderr) = run(sayself().args(["compare", RECORDED, "--tables", form]));
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    insta::assert_snapshot!("tables-markdown", tables("markdown"));
    insta::assert_snapshot!("tables-latex", tables("latex"));
    let csv = tables("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() > 200);
    assert!(
        rows.iter()
            .all(|row| !row[4].is_empty() && !row[11].is_empty())
    );
    let sayself = rows
        .iter()
        .find(|row| &row[0] == "2" && &row[2] == "sayself" && &row[3] == "world-facts")
        .unwrap();
    assert_eq!((&sayself[8], &sayself[11]), ("3", "not in the paper"));
    assert!(
        (sayself[4].parse::<f64>().unwrap() - 0.8618).abs() < 0.001,
        "{sayself:?}"
    );
}

#[test]
fn each_methods_own_figures_of_the_recorded_run() {
    let values = |more: &[&str]| {
        let asked = ["compare", RECORDED, "--values"];
        let (code, stdout, stderr) = run(sayself().args(asked).args(more));
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    insta::assert_snapshot!("values-markdown", values(&["--format", "markdown"]));
    let json: Value = serde_json::from_str(&values(&["--json"])).unwrap();
    let mut all = json.as_array().unwrap().iter();
    let sayself = all.find(|one| one["name"] == "sayself").unwrap();
    assert_eq!(sayself["seeds"], 3);
    let auroc = sayself["figures"]["auroc"]["value"].as_f64().unwrap();
    assert!((auroc - 0.8618).abs() < 0.001, "{sayself}");
    let each_seed = values(&["--each-seed", "--format", "csv"]);
    assert!(each_seed.contains("\nsayself-seed-3,4753,"), "{each_seed}");
}

#[test]
fn differences_are_written_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("differences.csv");
    let asked = [
        "compare",
        RECORDED,
        "--measure",
        "brier",
        "--bootstrap",
        "20",
        "--format",
        "csv",
    ];
    let (code, stdout, stderr) = run(sayself().args(asked).arg("--out").arg(&out));
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    let text = std::fs::read_to_string(out).unwrap();
    // Four methods on the test questions and two on the held-out ones: six pairs and one.
    assert_eq!(text.lines().count(), 1 + 6 + 1, "{text}");
    assert!(text.starts_with("evaluation,against,n,measure,value,its value,difference"));
    assert!(
        stderr.contains("no question was answered by both"),
        "{stderr}"
    );
}

#[test]
fn what_cannot_be_reported_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    for (runs, code_wanted) in [("/no/such/run", 1), (env!("CARGO_MANIFEST_DIR"), 2)] {
        let (code, stdout, stderr) = run(sayself().args(["report", runs]).arg("--out").arg(&page));
        assert_eq!((code, stdout.as_str()), (code_wanted, ""), "{stderr}");
        assert!(stderr.contains(runs), "{stderr}");
    }
    let (code, _, stderr) = run(sayself()
        .args(["report", RECORDED, "--questions", "1000"])
        .arg("--out")
        .arg(&page));
    assert_eq!(code, 2, "{stderr}");
    assert!(!page.exists());
}
