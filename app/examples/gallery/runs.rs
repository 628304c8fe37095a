//! The list of runs in its states.

use crate::{running, summary};
use app::page::Page;
use app::view::*;

pub fn pages() -> Vec<(&'static str, Page)> {
    let all = page(rows());
    let mut narrowed = page(rows().split_off(2));
    narrowed.choice = narrowed
        .choice
        .with(Facet::Questions, Some("world-facts"))
        .with(Facet::Tag, Some("paper"))
        .sorted(RunSort::Ece);
    narrowed.matching = narrowed.rows.len() as u64;
    let mut grouped = page(rows());
    grouped.choice.grouped = true;
    grouped.continued = true;
    grouped.after = Some("cursor".into());
    grouped.before = 50;
    let group = |name: &str, rows, runs| RunGroup {
        name: name.into(),
        rows,
        runs,
    };
    grouped.groups = vec![group("trivia", 2, 12), group("world-facts", 4, 88)];
    for row in &mut grouped.rows[..2] {
        row.run.questions = "trivia".into();
    }
    let mut locked = page(rows());
    locked.locked = Some(
        "Tags and notes are kept in the database, and this server has none. Name a file for it by --database FILE, and start the server again.".into(),
    );
    let nothing = RunsPage {
        total: 0,
        matching: 0,
        next: None,
        ..page(Vec::new())
    };
    let mut unmatched = page(Vec::new());
    unmatched.matching = 0;
    unmatched.next = None;
    unmatched.choice.search = "<b>x</b>".into();
    unmatched.choice = unmatched.choice.with(Facet::State, Some("failed"));
    let gone = RunsPage {
        matching: 50,
        before: 50,
        after: Some("cursor".into()),
        next: None,
        ..page(Vec::new())
    };
    vec![
        ("runs", list(all)),
        ("runs-narrowed", list(narrowed)),
        ("runs-grouped", list(grouped)),
        ("runs-locked", list(locked)),
        ("runs-empty", list(nothing)),
        ("runs-nothing-found", list(unmatched)),
        ("runs-gone", list(gone)),
    ]
}

fn list(page: RunsPage) -> Page {
    Page::Runs(Box::new(page))
}

fn page(rows: Vec<RunRow>) -> RunsPage {
    let facet = |facet, choices: &[(&str, u64)]| FacetChoices {
        facet,
        choices: choices
            .iter()
            .map(|(value, runs)| ((*value).to_owned(), *runs))
            .collect(),
    };
    RunsPage {
        rows,
        choice: RunChoice::default(),
        facets: vec![
            facet(Facet::Model, &[("gemma3-270m", 12), ("smollm2-135m", 76)]),
            facet(Facet::Method, &[("direct-prompting", 31), ("sayself", 57)]),
            facet(Facet::Questions, &[("trivia", 12), ("world-facts", 76)]),
            facet(Facet::State, &[("running", 1), ("finished", 87)]),
            facet(Facet::Tag, &[("paper", 4)]),
        ],
        groups: Vec::new(),
        continued: false,
        total: 88,
        matching: 88,
        before: 0,
        after: None,
        next: Some("cursor".into()),
        errors_to: 0.5,
        locked: None,
    }
}

fn rows() -> Vec<RunRow> {
    let mut waiting = summary("queued", RunState::Waiting);
    waiting.title = "queued behind the demo".into();
    let mut small = summary("small", RunState::Finished);
    if let Some(metrics) = &mut small.metrics {
        metrics.n = 40;
        metrics.auroc = Figure::default();
    }
    let failed = RunState::Failed {
        stage: "rl".into(),
        error: "the reward is hackable: `linear` pays for wrong answers".into(),
    };
    let damaged = RunState::Damaged {
        error: "events.jsonl, line 3: found `{\"time`, expected an event".into(),
    };
    let noted = Labels {
        tags: vec!["paper".into(), "seed 1".into()],
        note: "The one in the paper's table; the learning rate of the others is too high.".into(),
    };
    [
        (summary("demo", running()), Labels::default()),
        (waiting, Labels::default()),
        (summary("world-facts", RunState::Finished), noted),
        (small, Labels::default()),
        (summary("failed", failed), Labels::default()),
        (summary("damaged", damaged), Labels::default()),
    ]
    .into_iter()
    .map(|(run, labels)| RunRow { run, labels })
    .collect()
}
