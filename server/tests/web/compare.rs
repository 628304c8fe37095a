use crate::made_run::{HOSTILE, MadeRun, answer, line};
use crate::served::{Served, folder};
use serde_json::Value;

/// A run whose evaluation `sayself` is surer of right answers and less sure of wrong ones than
/// `direct-prompting`, on `questions`.
fn taught(
    folder: &std::path::Path,
    id: &str,
    questions: std::ops::Range<u64>,
    text: &str,
) -> MadeRun {
    let run = MadeRun::finished(folder, id, text);
    for label in ["direct-prompting", "sayself"] {
        let answers: String = questions
            .clone()
            .map(|index| {
                let mut answer = answer(index, text);
                // Right in one of two; the taught one corrects every tenth.
                answer.correct = index % 2 == 0 || (label == "sayself" && index % 10 == 1);
                answer.probability = match (label, answer.correct) {
                    ("sayself", true) => 0.9,
                    ("sayself", false) => 0.2,
                    _ => 0.7,
                };
                answer.rationale = Some(match label {
                    "sayself" => format!("I am sure of answer {index} {text}"),
                    _ => format!("I waver over answer {index} {text}"),
                });
                line(&answer)
            })
            .collect();
        run.write(&format!("evaluate/{label}/answers.jsonl"), &answers);
        run.metrics(label, questions.end - questions.start);
    }
    run
}

const PAIR: &str = "run=made:direct-prompting&run=made:sayself";

#[test]
fn two_evaluations_are_compared_question_by_question() {
    let runs = folder();
    taught(runs.path(), "made", 0..400, "");
    let server = Served::over(runs.path());
    let found = server.get(&format!("/api/compare?{PAIR}")).json();
    assert_eq!(found["shared_by_all"], 400);
    assert_eq!(found["entries"][1]["tallies"].as_array().unwrap().len(), 2);
    let pair = &found["pairs"][0];
    assert_eq!(
        (pair["entry"].as_u64(), pair["n"].as_u64()),
        (Some(1), Some(400))
    );
    let brier = pair["differences"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["measure"] == "brier")
        .unwrap();
    assert!(brier["difference"].as_f64().unwrap() < -0.1, "{brier}");
    assert!(brier["high"].as_f64().unwrap() < 0.0 && brier["p_holm"].as_f64().unwrap() < 0.05);
    let counts = found["changes"]["counts"].as_array().unwrap();
    let total = |name: &str| {
        counts
            .iter()
            .find(|one| one[0] == name)
            .and_then(|one| one[1].as_u64())
            .unwrap()
    };
    assert_eq!(
        [
            "became-right",
            "right-surer",
            "wrong-less-sure",
            "became-wrong"
        ]
        .map(total),
        [40, 200, 160, 0]
    );
    let first = &found["changes"]["lists"][0];
    assert_eq!(
        (first["change"].as_str(), first["total"].as_u64()),
        (Some("became-right"), Some(40))
    );
    let said = &first["questions"][0]["after"]["rationale"];
    let differing: Vec<&str> = said
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["differs"] == true)
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(differing, ["am sure of "]);

    let page = server.get(&format!("/compare?{PAIR}"));
    assert_eq!(page.status, 200);
    for words in [
        "is better than",
        "Brier",
        "Right and surer",
        "<ins>",
        "/runs/made/questions/q1\"",
    ] {
        assert!(page.text.contains(words), "{words}");
    }
    // The other way round, the better is the base.
    let turned = server.get(&format!("/compare?{PAIR}&base=made:sayself"));
    assert!(turned.text.contains("is worse than"));
    let tag = page.header("etag").unwrap().to_owned();
    let again = server.get_with(&format!("/compare?{PAIR}"), &[("If-None-Match", &tag)]);
    assert_eq!(again.status, 304);
}

#[test]
fn charts_are_files() {
    let runs = folder();
    taught(runs.path(), "made", 0..400, "");
    taught(runs.path(), "apart", 900..950, "");
    let server = Served::over(runs.path());
    let get = |path: &str| server.get(&format!("/compare/charts/{path}"));
    for name in ["overlay", "histograms", "differences", "changes"] {
        let svg = get(&format!("{name}.svg?{PAIR}&base=made:sayself"));
        assert_eq!(svg.status, 200, "{name}");
        assert_eq!(svg.header("content-type"), Some("image/svg+xml"));
        let file = format!("attachment; filename=\"compare-{name}.svg\"");
        assert_eq!(svg.header("content-disposition"), Some(file.as_str()));
        assert!(svg.text.starts_with("<?xml") && !svg.text.contains("\"var("));
        let csv = get(&format!("{name}.csv?{PAIR}"));
        assert!(csv.text.lines().count() > 2, "{name}: {}", csv.text);
    }
    let changes = get(&format!("changes.csv?{PAIR}&base=made:sayself")).text;
    assert!(
        changes.contains("\nB sayself,A direct-prompting,0.9,0.7,200,40\n"),
        "{changes}"
    );
    for (path, status) in [
        ("overlay.png?run=made&run=apart", 404),
        ("absent.svg?run=made&run=apart", 404),
        // They share no question.
        ("changes.svg?run=made&run=apart", 404),
        ("overlay.svg?run=made&run=gone", 404),
        ("overlay.svg?run=made", 400),
    ] {
        assert_eq!(get(path).status, status, "{path}");
    }
}

#[test]
fn one_way_of_changing_is_listed_longer() {
    let runs = folder();
    taught(runs.path(), "made", 0..400, "");
    let server = Served::over(runs.path());
    let found = server
        .get(&format!("/api/compare?{PAIR}&change=right-surer"))
        .json();
    let lists = found["changes"]["lists"].as_array().unwrap();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0]["questions"].as_array().unwrap().len(), 50);
    assert_eq!(
        server.get(&format!("/compare?{PAIR}&change=odd")).status,
        400
    );
}

fn reasons(found: &Value) -> Vec<String> {
    found["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reason"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_cannot_be_compared_is_said_and_the_rest_is_compared() {
    let runs = folder();
    taught(runs.path(), "made", 0..300, "");
    taught(runs.path(), "part", 250..350, "");
    taught(runs.path(), "apart", 900..950, "");
    let bare = MadeRun::bare_sample(runs.path(), "samples");
    drop(bare);
    let figures = taught(runs.path(), "figures", 0..100, "");
    for label in ["direct-prompting", "sayself"] {
        std::fs::remove_file(
            figures
                .directory
                .join(format!("evaluate/{label}/answers.jsonl")),
        )
        .unwrap();
    }
    let server = Served::over(runs.path());
    let get = |query: &str| server.get(&format!("/api/compare?{query}")).json();

    let found = get("run=made&run=part&run=gone&run=made&run=samples");
    assert_eq!(found["entries"].as_array().unwrap().len(), 2);
    assert_eq!(found["entries"][0]["entry"], "made:sayself");
    assert_eq!(found["shared_by_all"], 50);
    let told = reasons(&found).join(" ");
    for words in ["no such run", "same evaluation", "no evaluation yet"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(
        reasons(&get("run=made&run=figures"))
            .join(" ")
            .contains("figures alone")
    );
    assert!(
        reasons(&get("run=made&run=made:odd"))
            .join(" ")
            .contains("there are direct-prompting, sayself")
    );

    let none = get("run=made&run=apart");
    assert_eq!(none["pairs"][0]["n"], 0);
    assert_eq!(none["changes"], Value::Null);
    let page = server.get("/compare?run=made&run=apart").text;
    assert!(
        page.contains("share no question") && page.contains("did not answer the same questions")
    );
    let page = server.get("/compare?run=made&run=part").text;
    assert!(page.contains("Few questions."));
    for choosing in [
        "/compare",
        "/compare?run=made",
        "/compare?run=gone&run=made",
        "/compare?q=zzz",
    ] {
        let page = server.get(choosing);
        assert_eq!(page.status, 200, "{choosing}");
        assert!(
            page.text.contains("Choose 2 to 6") || page.text.contains("choose 1 to 5"),
            "{choosing}"
        );
    }
    let seven = ["run=made"; 7].join("&");
    assert_eq!(server.get(&format!("/compare?{seven}")).status, 400);
    assert_eq!(server.get(&format!("/api/compare?{seven}")).status, 400);
    assert_eq!(server.get("/api/compare?run=made").status, 400);
}

#[test]
fn model_text_is_text_in_comparisons_and_tables() {
    let runs = folder();
    taught(runs.path(), "made", 0..120, HOSTILE);
    let server = Served::over(runs.path());
    for path in [
        format!("/compare?{PAIR}"),
        format!("/compare?run={}", "%3Cscript%3E"),
        "/tables".into(),
    ] {
        let text = server.get(&path).text;
        for forbidden in ["<script>alert", "<img src=x", "\u{202e}", "\u{1b}"] {
            assert!(!text.contains(forbidden), "{path}: {forbidden:?}");
        }
    }
}

#[test]
fn tables_are_filled_from_the_finished_runs() {
    let runs = folder();
    let made = taught(runs.path(), "made", 0..100, "");
    taught(runs.path(), "other", 0..100, "");
    made.write(
        "faithfulness/sayself/metrics.json",
        r#"{"names": {"mean": 6.5, "mean_ci": [6.0, 7.0], "n": 90}}"#,
    );
    let server = Served::over(runs.path());
    let all = server.get("/api/tables").json();
    assert_eq!(all["runs"].as_array().unwrap().len(), 2);
    assert_eq!(all["is_chosen"], false);
    let numbers: Vec<&str> = all["tables"]["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["number"].as_str().unwrap())
        .collect();
    assert_eq!(numbers, ["1", "1b", "2", "3", "4"]);

    let one = server.get("/api/tables?run=made&run=gone").json();
    assert_eq!(one["left_out"][0]["name"], "gone");
    let page = server.get("/tables?run=made");
    assert_eq!(page.status, 200);
    for words in [
        "0.500",
        "0.400 to 0.600",
        "not run",
        "0.3272",
        "6.500",
        "/tables.md?run=made&amp;table=1b",
    ] {
        assert!(page.text.contains(words), "{words}");
    }
    let file = |form: &str| server.get(&format!("/tables.{form}?run=made"));
    let markdown = file("md");
    assert!(
        markdown
            .header("content-type")
            .unwrap()
            .starts_with("text/markdown")
    );
    assert!(
        markdown.text.contains("| sayself |")
            && markdown.text.contains("not run; paper 0.4473 (a)")
    );
    assert!(file("csv").text.starts_with("table,title,method"));
    assert!(file("tex").text.contains("\\begin{tabular}"));
    let second = server.get("/tables.md?run=made&table=2").text;
    assert!(second.contains("Table 2.") && !second.contains("Table 3."));
    assert_eq!(server.get("/tables.md?table=7").status, 404);
}

#[test]
fn tables_without_runs_hold_the_papers_figures_alone() {
    let runs = folder();
    let server = Served::over(runs.path());
    let page = server.get("/tables").text;
    assert!(
        page.contains("No finished run") && page.contains("0.3272") && page.contains("not run")
    );
    assert!(
        server
            .get("/compare")
            .text
            .contains("nothing to compare yet")
    );
}
