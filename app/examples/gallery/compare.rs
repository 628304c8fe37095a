//! The Compare page and the Tables page in every state.

use crate::{calibrated, continuous, overconfident};
use app::page::Page;
use app::view::*;
use comparison::changes::{self, Both};
use comparison::tables::{self, Measured};
use comparison::words;
use datasets::paper::Paper;
use serde_json::json;
use std::collections::BTreeMap;

type Points = Vec<(f64, bool)>;

pub fn pages() -> Vec<(&'static str, Page)> {
    let six: Vec<(&str, Points)> = vec![
        ("direct-prompting", overconfident(4000)),
        ("sayself", calibrated(4000)),
        ("self-consistency", continuous(4000)),
        ("sayself-seed-2", calibrated(3990)),
        ("without-rationale", squeezed(calibrated(3980), 0.6)),
        ("linear-reward", squeezed(overconfident(4000), 0.85)),
    ];
    let mut alone = comparison(&six[..2]);
    alone.changes = alone.changes.map(|mut changes| {
        changes.chosen = Some(Change::BecameWrong);
        changes
            .lists
            .retain(|list| list.change == Change::BecameWrong);
        changes
    });
    let mut apart = comparison(&six[..2]);
    apart.shared_by_all = 0;
    apart.changes = None;
    for pair in &mut apart.pairs {
        pair.n = 0;
        pair.differences.clear();
    }
    let mut small = comparison(&[
        ("direct-prompting", overconfident(40)),
        ("sayself", vec![(0.9, true); 40]),
    ]);
    small.left_out = vec![
        LeftOut {
            name: "demo-7".into(),
            reason: "There is no such run here: it may have been moved or removed. Choose another below.".into(),
        },
        LeftOut {
            name: "demo:sayself".into(),
            reason: "It is the same evaluation as one before it. To compare a run with itself, name another of its evaluations as RUN:LABEL; it has direct-prompting, sayself.".into(),
        },
    ];
    vec![
        ("compare", Page::Compare(Box::new(comparison(&six[..2])))),
        ("compare-six", Page::Compare(Box::new(comparison(&six)))),
        ("compare-one-change", Page::Compare(Box::new(alone))),
        ("compare-apart", Page::Compare(Box::new(apart))),
        ("compare-small", Page::Compare(Box::new(small))),
        (
            "compare-choose",
            Page::Compare(Box::new(Comparison {
                choices: choices(),
                more_choices: true,
                ..Comparison::default()
            })),
        ),
        ("compare-empty", Page::Compare(Box::default())),
        ("tables", Page::Tables(Box::new(paper_tables(true)))),
        ("tables-empty", Page::Tables(Box::new(paper_tables(false)))),
    ]
}

fn squeezed(points: Points, by: f64) -> Points {
    let squeeze = |confidence: f64| ((confidence * by * 10.0).round() / 10.0).clamp(0.0, 1.0);
    points
        .into_iter()
        .map(|(confidence, correct)| (squeeze(confidence), correct))
        .collect()
}

fn choices() -> Vec<Choice> {
    [
        "demo",
        "world-facts",
        "a-run-with-a-very-long-name-that-does-not-fit-on-a-phone",
    ]
    .map(|run| Choice {
        run: run.into(),
        title: format!("{run}, SmolLM2-135M taught to say how sure it is"),
        model: "smollm2-135m".into(),
        questions: "world-facts".into(),
        labels: ["direct-prompting", "sayself", "sayself-seed-2"]
            .map(String::from)
            .to_vec(),
    })
    .to_vec()
}

fn comparison(evaluations: &[(&str, Points)]) -> Comparison {
    let entries: Vec<ComparedEvaluation> = evaluations
        .iter()
        .map(|(label, points)| entry(label, points))
        .collect();
    let base = &evaluations[0].1;
    let pairs = evaluations.iter().enumerate().skip(1);
    let shared = evaluations.iter().map(|(_, points)| points.len()).min();
    Comparison {
        shared_by_all: shared.unwrap_or(0) as u64,
        pairs: pairs
            .map(|(place, (_, points))| pair(place, base, points))
            .collect(),
        family: 5 * (evaluations.len() as u64 - 1),
        bootstraps: 200,
        seed: 42,
        base: 0,
        with: 1,
        changes: Some(changed(base, &evaluations[1].1)),
        choices: choices(),
        entries,
        ..Comparison::default()
    }
}

fn entry(label: &str, points: &Points) -> ComparedEvaluation {
    let mut tallies: BTreeMap<u64, (f64, u64, u64)> = BTreeMap::new();
    for &(confidence, correct) in points {
        let tally = tallies
            .entry(confidence.to_bits())
            .or_insert((confidence, 0, 0));
        tally.1 += u64::from(correct);
        tally.2 += u64::from(!correct);
    }
    ComparedEvaluation {
        entry: format!("demo:{label}"),
        run: "demo".into(),
        title: "demo, SmolLM2-135M taught to say how sure it is".into(),
        label: label.into(),
        model: "smollm2-135m".into(),
        questions: "world-facts".into(),
        n: points.len() as u64,
        failures: if label == "direct-prompting" { 31 } else { 0 },
        tallies: tallies.into_values().collect(),
        ..ComparedEvaluation::default()
    }
}

fn pair(entry: usize, base: &Points, other: &Points) -> Pair {
    let n = base.len().min(other.len());
    let rows = |points: &Points| -> Vec<calibration::Row> {
        points[..n].iter().map(|&point| point.into()).collect()
    };
    let options = calibration::metrics::Options {
        bootstraps: 200,
        ..Default::default()
    };
    let found = calibration::compare::paired(&rows(base), &rows(other), options)
        .expect("made-up rows are valid");
    Pair {
        entry,
        n: n as u64,
        differences: found
            .into_iter()
            .filter(|one| comparison::pairs::DEFAULT_MEASURES.contains(&one.measure))
            .map(|one| PairedDifference {
                measure: one.measure.into(),
                base: one.a,
                other: one.b,
                difference: one.difference,
                low: one.ci.map(|ends| ends[0]),
                high: one.ci.map(|ends| ends[1]),
                p_value: one.p_value,
                p_holm: one.p_value.map(|p| (5.0 * p).min(1.0)),
            })
            .collect(),
    }
}

fn changed(base: &Points, with: &Points) -> Changes {
    let both: Vec<Both> = base
        .iter()
        .zip(with)
        .map(|(before, after)| Both {
            before: *before,
            after: *after,
        })
        .collect();
    let mut cells: BTreeMap<(u8, u8), (u64, u64)> = BTreeMap::new();
    for one in &both {
        let cell = cells
            .entry((level_bin(one.before.0), level_bin(one.after.0)))
            .or_default();
        cell.0 += u64::from(one.after.1);
        cell.1 += u64::from(!one.after.1);
    }
    let counts = changes::counts(&both);
    let lists = Change::MOVED
        .into_iter()
        .filter_map(|change| {
            let (_, total) = counts.iter().find(|(known, _)| *known == change)?;
            let questions: Vec<ChangedQuestion> = changes::most(&both, change, 3)
                .into_iter()
                .map(|place| question(place, both[place]))
                .collect();
            (!questions.is_empty()).then_some(ChangeList {
                change,
                total: *total,
                questions,
            })
        })
        .collect();
    Changes {
        n: both.len() as u64,
        counts,
        cells: cells
            .into_iter()
            .map(|((before, after), (right, wrong))| LevelCell {
                before,
                after,
                right,
                wrong,
            })
            .collect(),
        chosen: None,
        lists,
    }
}

fn question(place: usize, both: Both) -> ChangedQuestion {
    let answer = |correct: bool| if correct { "Canberra" } else { "Sydney" };
    let before = if place.is_multiple_of(7) {
        "Sydney is the largest city of Australia, so it is the capital.<b>\u{202e}"
    } else {
        "Sydney is the largest city of Australia, so it is the capital."
    };
    let after = "Most of my answers say Sydney is the capital, but some say Canberra: I am not certain which city it is.";
    let (left, right) = words::marked(before, after);
    let said = |(probability, correct): (f64, bool), rationale| Said {
        answer: Some(answer(correct).into()),
        probability,
        correct,
        failure: (probability == 0.0).then(|| "no confidence".into()),
        rationale,
    };
    ChangedQuestion {
        id: format!("q{place}"),
        question: "What is the capital of Australia?".into(),
        gold: Some("Canberra".into()),
        before: said(both.before, left),
        after: said(both.after, right),
    }
}

fn paper_tables(is_filled: bool) -> PaperTables {
    let measured = |label: &str, questions: &str, ece: f64| {
        let metrics = json!({
            "n": 4000, "method": label, "model": "smollm2-135m", "questions": questions,
            "ece_15": ece, "ece_15_ci": [ece - 0.01, ece + 0.02], "mae_sayself": ece + 0.1,
            "mae_sayself_ci": [ece + 0.08, ece + 0.12], "auroc": 0.9 - ece, "auroc_ci": [0.88 - ece, 0.92 - ece],
            "accuracy": 0.31, "accuracy_ci": [0.29, 0.33], "judge_valid": questions != "truthful_qa",
        });
        let faithfulness = json!({
            "names": {"mean": 6.5, "mean_ci": [6.0, 7.0], "n": 90, "shuffled": {"mean": 1.5, "n": 90}},
        });
        Measured::new(
            "demo",
            label,
            false,
            metrics,
            (label == "sayself").then_some(faithfulness),
            None,
        )
    };
    let all = match is_filled {
        false => Vec::new(),
        true => vec![
            measured("direct-prompting", "world-facts", 0.45),
            measured("sayself", "world-facts", 0.03),
            measured("sayself-seed-2", "world-facts", 0.04),
            measured("sayself", "pararel_data", 0.12),
            measured("direct-prompting", "truthful_qa", 0.4),
            measured("dinco", "world-facts", 0.2),
        ],
    };
    let run = |id: &str, is_shown: bool| TabledRun {
        id: id.into(),
        title: format!("{id}, SmolLM2-135M taught to say how sure it is"),
        evaluations: 6,
        is_shown,
    };
    PaperTables {
        tables: tables::tables(&all, &Paper::shipped()),
        runs: match is_filled {
            false => Vec::new(),
            true => vec![run("demo", true), run("world-facts", false)],
        },
        is_chosen: is_filled,
        left_out: match is_filled {
            false => Vec::new(),
            true => vec![LeftOut {
                name: "demo-7".into(),
                reason: "There is no such run here: it may have been moved or removed.".into(),
            }],
        },
    }
}
