//! One value of each item: what a researcher settled, else what follows from the ratings.

use super::rows::{choice_word, evaluation};
use super::table::{Row, Table};
use super::{ExportData, moment};
use datasets::annotation::{Choice, Item, ProjectKind, Rating};

/// What is written in place of an annotator, so that the file is read as ratings are.
const ANNOTATOR: &str = "settled";

pub fn table(data: &ExportData) -> Table {
    let of_kind: &[&'static str] = match data.kind() {
        ProjectKind::Single => &["run", "label", "method", "correct", "rationale"],
        ProjectKind::Pairs => &[
            "choice",
            "first",
            "second",
            "first_rationale",
            "second_rationale",
        ],
    };
    let texts: Vec<&'static str> = ["id", "annotator", "item", "question", "stratum", "settled"]
        .into_iter()
        .chain(["settled_by", "settled_at", "note"])
        .chain(of_kind.iter().copied())
        .collect();
    let numbers: &[&'static str] = match data.kind() {
        ProjectKind::Single => &[
            "score",
            "ratings",
            "mean",
            "median",
            "low",
            "high",
            "spread",
            "confidence",
        ],
        ProjectKind::Pairs => &[
            "ratings",
            "first_votes",
            "second_votes",
            "ties",
            "both_bad",
            "spread",
        ],
    };
    let mut table = Table::new(&texts, numbers);
    let by_item = data.ratings_by_item(false);
    for item in data.main_items() {
        let ratings = by_item.get(item.id.as_str()).map_or(&[][..], Vec::as_slice);
        if ratings.is_empty() && !data.settled.contains_key(&item.id) {
            continue;
        }
        table.push(match data.kind() {
            ProjectKind::Single => single(data, item, ratings),
            ProjectKind::Pairs => pair(data, item, ratings),
        });
    }
    table
}

/// The columns that both kinds begin with.
fn begun(data: &ExportData, item: &Item, how: &str) -> Row {
    let settled = data.settled.get(&item.id);
    Row::default()
        .text(&item.question_id)
        .text(ANNOTATOR)
        .text(&item.id)
        .text(&item.question)
        .text(&item.stratum)
        .text(how)
        .text_if(settled.map(|settled| &settled.by))
        .text_if(settled.map(|settled| moment(settled.at_ms)))
        .text_if(settled.map(|settled| &settled.note))
}

fn single(data: &ExportData, item: &Item, ratings: &[&Rating]) -> Row {
    let mut scores: Vec<f64> = ratings
        .iter()
        .filter_map(|rating| rating.score)
        .map(f64::from)
        .collect();
    scores.sort_unstable_by(f64::total_cmp);
    let n = scores.len() as f64;
    let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / n);
    let spread = mean.map(|mean| {
        let squares: f64 = scores.iter().map(|score| (score - mean).powi(2)).sum();
        (squares / n).sqrt()
    });
    let adjudicated = data.settled.get(&item.id).and_then(|settled| settled.score);
    let how = match (adjudicated, mean) {
        (Some(_), _) => "adjudicated",
        (None, Some(_)) => "mean",
        (None, None) => "",
    };
    let rationale = item.rationales.first();
    begun(data, item, how)
        .text_if(rationale.map(|one| &one.run))
        .text_if(rationale.map(|one| &one.label))
        .text_if(rationale.map(|one| &one.method))
        .text_if(
            rationale
                .and_then(|one| one.correct)
                .map(|correct| correct.to_string()),
        )
        .text_if(rationale.map(|one| &one.text))
        .of_project(data)
        .number(adjudicated.map(f64::from).or(mean))
        .number(Some(n))
        .number(mean)
        .number(mean.map(|_| calibration::bootstrap::quantile(&scores, 0.5)))
        .number(scores.first().copied())
        .number(scores.last().copied())
        .number(spread)
        .number(rationale.and_then(|one| one.confidence).map(f64::from))
}

fn pair(data: &ExportData, item: &Item, ratings: &[&Rating]) -> Row {
    let votes = Choice::ALL.map(|choice| {
        let votes = ratings
            .iter()
            .filter(|rating| rating.choice == Some(choice));
        (choice, votes.count())
    });
    let all: usize = votes.iter().map(|(_, votes)| votes).sum();
    let most = votes.iter().map(|(_, votes)| *votes).max().unwrap_or(0);
    let mut of_most = votes.iter().filter(|(_, votes)| *votes == most && most > 0);
    let majority = match (of_most.next(), of_most.next()) {
        (Some((choice, _)), None) => Some(*choice),
        _ => None,
    };
    let adjudicated = data
        .settled
        .get(&item.id)
        .and_then(|settled| settled.choice);
    let how = match (adjudicated, majority) {
        (Some(_), _) => "adjudicated",
        (None, Some(_)) => "majority",
        (None, None) => "",
    };
    let (first, second) = (item.rationales.first(), item.rationales.get(1));
    let [left, right, ties, both_bad] = votes.map(|(_, votes)| Some(votes as f64));
    begun(data, item, how)
        .text_if(adjudicated.or(majority).map(choice_word))
        .text_if(first.map(evaluation))
        .text_if(second.map(evaluation))
        .text_if(first.map(|one| &one.text))
        .text_if(second.map(|one| &one.text))
        .of_project(data)
        .number(Some(all as f64))
        .number(left)
        .number(right)
        .number(ties)
        .number(both_bad)
        .number((all > 0).then(|| 1.0 - most as f64 / all as f64))
}
