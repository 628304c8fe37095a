use crate::made_run::{HOSTILE, MadeRun};
use crate::served::{Served, folder};

#[test]
fn a_finished_run_is_shown_on_all_pages_and_in_the_api() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let list = server.get("/api/runs").json();
    assert_eq!(list["next"], serde_json::Value::Null);
    let run = &list["runs"][0];
    assert_eq!(
        (
            run["id"].as_str(),
            run["method"].as_str(),
            run["n"].as_u64()
        ),
        (Some("made"), Some("sayself"), Some(200))
    );
    assert_eq!(run["state"]["state"], "finished");
    assert_eq!(run["metrics"]["auroc"]["high"], 0.8);

    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text.starts_with("<!DOCTYPE html>") && page.text.contains("Title of made"));
    assert_eq!(server.get("/runs").header("location"), Some("/"));
    assert_eq!(server.get("/?q=nothing-like-it").status, 200);
    assert!(
        !server
            .get("/?q=nothing-like-it")
            .text
            .contains("Title of made")
    );

    let detail = server.get("/api/runs/made?label=sayself").json();
    assert_eq!(detail["shown"], serde_json::json!([1]));
    assert_eq!(detail["points"][1].as_array().unwrap().len(), 200);
    assert_eq!(
        server.get("/api/runs/made").json()["shown"],
        serde_json::json!([0, 1])
    );
    assert!(detail["config"].as_str().unwrap().contains("Title of made"));
    assert_eq!(detail["log"].as_array().unwrap().len(), 4);
    assert_eq!(server.get("/runs/made").status, 200);

    let page = server.get("/runs/made/questions/q7");
    assert!(page.status == 200 && page.text.contains("The teacher says"));
    let question = server.get("/api/runs/made/questions/q7").json();
    assert_eq!(question["clusters"][0]["share"], 0.75);
    assert_eq!(question["answers"].as_array().unwrap().len(), 2);
    assert_eq!(question["gold"][0], "gold");
    assert_eq!(server.get("/runs/made/questions/none").status, 404);
}

#[test]
fn answers_are_narrowed_and_paged() {
    let runs = folder();
    MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let all = server
        .get("/api/runs/made/answers?label=sayself&limit=200")
        .json();
    assert_eq!(
        (
            all["total"].as_u64(),
            all["answers"].as_array().unwrap().len()
        ),
        (Some(200), 200)
    );
    let wrong = |answers: &serde_json::Value| {
        answers["answers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|answer| answer["correct"] == false)
            .count()
    };
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server
            .get(&format!(
                "/api/runs/made/answers?label=sayself&bin=7&limit=3{cursor}"
            ))
            .json();
        assert_eq!(page["total"], 20);
        assert_eq!(page["filter"], "confidence 7 of 10");
        seen.extend(
            page["answers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|answer| answer["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<String> = (0..20).map(|tens| format!("q{}", tens * 10 + 6)).collect();
    assert_eq!(seen, expected);
    let page = server
        .get("/api/runs/made/answers?bin=7&outcome=wrong&limit=200")
        .json();
    assert_eq!(page["total"].as_u64(), Some(wrong(&page) as u64));
    assert_eq!(
        server.get("/api/runs/made/answers?low=0.95&high=1").json()["total"],
        20
    );
    assert_eq!(
        server
            .get("/runs/made/answers?label=sayself&bin=7&outcome=wrong")
            .status,
        200
    );
    assert_eq!(server.get("/runs/made/answers?label=absent").status, 404);
    assert_eq!(server.get("/runs/made/answers?bin=eleven").status, 400);
}

#[test]
fn runs_are_paged_newest_first() {
    let runs = folder();
    for id in ["a", "b", "c", "d", "e"] {
        MadeRun::bare_evaluation(runs.path(), id);
    }
    let server = Served::over(runs.path());
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/runs?limit=2{cursor}")).json();
        seen.extend(
            page["runs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    assert_eq!(server.get("/api/runs?cursor=nonsense").status, 400);
    assert_eq!(server.get("/api/runs?limit=1000").status, 400);
}

#[test]
fn bare_stage_directories_are_runs_too() {
    let runs = folder();
    MadeRun::bare_evaluation(runs.path(), "evaluation");
    MadeRun::bare_sample(runs.path(), "sample");
    let server = Served::over(runs.path());
    let detail = server.get("/api/runs/evaluation").json();
    assert_eq!(
        (
            detail["summary"]["method"].as_str(),
            detail["summary"]["model"].as_str()
        ),
        (Some("verbalized"), Some("m"))
    );
    assert_eq!(
        server.get("/api/runs/evaluation/answers").json()["total"],
        20
    );
    let question = server.get("/api/runs/sample/questions/q1").json();
    assert_eq!(
        question["clusters"][0]["members"],
        serde_json::json!([0, 2])
    );
    assert_eq!(server.get("/runs/sample").status, 200);
    // One run directory can be named instead of a folder of them.
    let one = Served::with(&[
        "--runs",
        runs.path().join("evaluation").to_str().unwrap(),
        "--database",
        "sqlite::memory:",
    ]);
    assert_eq!(one.get("/api/runs").json()["runs"][0]["id"], "evaluation");
}

#[test]
fn hostile_text_is_shown_as_text() {
    let runs = folder();
    MadeRun::finished(runs.path(), "hostile", HOSTILE);
    let server = Served::over(runs.path());
    for path in [
        "/",
        "/runs/hostile",
        "/runs/hostile/answers?label=sayself",
        "/runs/hostile/questions/q7",
        "/?q=%3Cscript%3Ealert(1)",
    ] {
        let page = server.get(path);
        assert_eq!(page.status, 200, "{path}");
        for raw in ["<script>alert(1)", "<img src=x", "\u{1b}[31m"] {
            assert!(!page.text.contains(raw), "{path} holds {raw:?}");
        }
    }
    // A question's id and a label come from the address: the error page says them as text, or not at all.
    let page = server.get("/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(page.status == 404 && !page.text.contains("<script>alert(1)"));
}

#[test]
fn a_page_that_the_browser_has_is_not_sent_again() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "made", "");
    let server = Served::over(runs.path());
    let page = server.get("/runs/made");
    let tag = page.header("etag").unwrap().to_owned();
    let again = server.get_with("/runs/made", &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    // The browser keeps the policy whose nonce its copy has.
    assert_eq!(again.header("content-security-policy"), None);
    run.metrics("sayself", 199);
    assert_eq!(
        server
            .get_with("/runs/made", &[("if-none-match", &tag)])
            .status,
        200
    );
}

#[test]
fn a_large_file_is_not_held_in_memory() {
    let runs = folder();
    let run = MadeRun::finished(runs.path(), "large", "");
    // 256 MiB of answers: 4,096 records of 64 KiB.
    let filler = "x".repeat(64 * 1024);
    let mut file = std::io::BufWriter::new(
        std::fs::File::create(run.directory.join("evaluate/sayself/answers.jsonl")).unwrap(),
    );
    for index in 0..4_096 {
        std::io::Write::write_all(
            &mut file,
            crate::made_run::line(&crate::made_run::answer(index, &filler[..16_000])).as_bytes(),
        )
        .unwrap();
    }
    std::io::Write::flush(&mut file).unwrap();
    let server = Served::over(runs.path());
    let page = server
        .get("/api/runs/large/answers?label=sayself&bin=3&limit=2")
        .json();
    assert_eq!(page["total"], 410);
    assert_eq!(
        server.get("/api/runs/large/questions/q4000").json()["answers"][0][1]["id"],
        "q4000"
    );
    #[cfg(target_os = "linux")]
    {
        let peak_kib = server.peak_memory_kib();
        assert!(peak_kib < 128 * 1024, "{peak_kib} KiB");
    }
}
