//! The most telling questions: where the model was surest and wrong, least sure and right, and where
//! two evaluations differ most.

use super::html::Html;
use super::{Evaluation, Options, open_section};
use chart::format::fixed;
use datasets::Answer;
use datasets::hash::sha256_hex;
use std::collections::HashMap;

/// Tells them; returns how many.
pub fn section(html: &mut Html, evaluations: &[Evaluation], options: &Options) -> usize {
    open_section(html, "telling", "The most telling questions");
    let words = format!(
        "At most {} of a kind. Among equals the choice is by seed {}: the same runs tell the same questions.",
        options.questions, options.seed
    );
    html.element("p", &words);
    let mut told = 0;
    for one in evaluations {
        let Some(answers) = &one.answers else {
            continue;
        };
        let sure = chosen(answers, options, |answer| {
            (!answer.correct).then_some(-answer.probability)
        });
        let unsure = chosen(answers, options, |answer| {
            (answer.correct && answer.failure.is_none()).then_some(answer.probability)
        });
        html.element("h3", &one.name);
        for (heading, found) in [
            ("Surest, and wrong", sure),
            ("Least sure, and right", unsure),
        ] {
            told += found.len();
            list(html, heading, &found);
        }
    }
    for (before, after) in pairs(evaluations) {
        told += changed(html, before, after, options);
    }
    html.close("section");
    told
}

/// The answers with the least ranks, `None` leaving one out; equal ranks in an order of the seed's.
fn chosen<'a>(
    answers: &'a [Answer],
    options: &Options,
    rank: impl Fn(&Answer) -> Option<f64>,
) -> Vec<&'a Answer> {
    let mut ranked: Vec<(f64, String, &Answer)> = answers
        .iter()
        .filter_map(|answer| Some((rank(answer)?, lot(options.seed, &answer.id), answer)))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    ranked.truncate(options.questions);
    ranked.into_iter().map(|(_, _, answer)| answer).collect()
}

/// The same on every machine and in every version.
fn lot(seed: u64, id: &str) -> String {
    sha256_hex(format!("{seed}/{id}").as_bytes())
}

fn list(html: &mut Html, heading: &str, answers: &[&Answer]) {
    html.open("details open");
    html.element("summary", heading);
    if answers.is_empty() {
        html.element("p", "None.");
    }
    html.open("ol");
    for answer in answers {
        html.open("li");
        html.open("p").foreign(&answer.question).close("p");
        html.open("p");
        html.markup("said ");
        said(html, answer);
        gold(html, answer);
        html.close("p");
        if let Some(rationale) = &answer.rationale {
            html.open("blockquote")
                .foreign(rationale)
                .close("blockquote");
        }
        html.close("li");
    }
    html.close("ol");
    html.close("details");
}

/// The answer in bold, right or wrong, and how sure.
fn said(html: &mut Html, answer: &Answer) {
    html.markup("<strong>");
    match &answer.answer {
        Some(text) => html.foreign(text),
        None => html.text("no answer"),
    };
    html.markup("</strong>, ");
    let (class, word) = match answer.correct {
        true => ("right", "✓ right"),
        false => ("wrong", "✗ wrong"),
    };
    html.markup(&format!("<span class=\"outcome {class}\">{word}</span>"));
    let sure = match (&answer.failure, answer.confidence) {
        (Some(failure), _) => format!(", confidence not readable: {failure}"),
        (None, Some(level)) => format!(
            ", confidence {level} of 10 (counted as {})",
            fixed(answer.probability, 2)
        ),
        (None, None) => format!(", confidence {}", fixed(answer.probability, 2)),
    };
    html.text(&sure);
}

fn gold(html: &mut Html, answer: &Answer) {
    if let Some(gold) = answer.gold.as_ref().filter(|_| !answer.correct) {
        html.markup("; gold: ");
        html.foreign(gold);
    }
}

/// Which evaluations are set beside each other: in each run the first and its `sayself`, or else its
/// last; and the first run's with those of the others.
fn pairs(evaluations: &[Evaluation]) -> Vec<(&Evaluation, &Evaluation)> {
    let mut runs: Vec<Vec<&Evaluation>> = Vec::new();
    for one in evaluations.iter().filter(|one| one.answers.is_some()) {
        let known = runs
            .iter_mut()
            .find(|run| run.iter().any(|other| other.folder.root == one.folder.root));
        match known {
            Some(run) => run.push(one),
            None => runs.push(vec![one]),
        }
    }
    let main = |run: &[&'_ Evaluation]| -> usize {
        let taught = run.iter().position(|one| one.measured.label == "sayself");
        taught.unwrap_or(run.len() - 1)
    };
    let mut pairs = Vec::new();
    for run in &runs {
        let after = main(run);
        if after > 0 {
            pairs.push((run[0], run[after]));
        }
    }
    if let Some((first, others)) = runs.split_first() {
        for other in others {
            pairs.push((first[main(first)], other[main(other)]));
        }
    }
    pairs
}

fn changed(html: &mut Html, before: &Evaluation, after: &Evaluation, options: &Options) -> usize {
    let (Some(first), Some(second)) = (&before.answers, &after.answers) else {
        return 0;
    };
    let by_question: HashMap<&str, &Answer> = first
        .iter()
        .map(|answer| (answer.question_id.as_str(), answer))
        .collect();
    let common = |answer: &Answer| by_question.get(answer.question_id.as_str()).copied();
    let found = chosen(second, options, |answer| {
        let change = (answer.probability - common(answer)?.probability).abs();
        // What stayed as it was is not told.
        (change > 0.0).then_some(-change)
    });
    let heading = format!("From {} to {}: most changed", before.name, after.name);
    html.element("h3", &heading);
    if found.is_empty() {
        html.element("p", "No question in common, or none that changed.");
        return 0;
    }
    html.open("ol");
    for answer in &found {
        html.open("li");
        html.open("p").foreign(&answer.question).close("p");
        html.open("p");
        if let Some(earlier) = common(answer) {
            html.markup("before ");
            said(html, earlier);
        }
        html.markup("<br>after ");
        said(html, answer);
        gold(html, answer);
        html.close("p");
        html.close("li");
    }
    html.close("ol");
    found.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, probability: f64, correct: bool) -> Answer {
        Answer {
            id: id.into(),
            question_id: id.into(),
            template: None,
            entity: None,
            question: format!("<b>{id}</b>?"),
            response: String::new(),
            answer: Some("<i>x</i>".into()),
            rationale: None,
            confidence: None,
            probability,
            correct,
            failure: None,
            gold: Some("g".into()),
            levels: None,
        }
    }

    #[test]
    fn the_surest_come_first_and_lots_decide_among_equals() {
        let answers: Vec<Answer> = (0..30)
            .map(|at| answer(&format!("q{at}"), if at < 20 { 0.9 } else { 0.95 }, false))
            .collect();
        let ids = |seed: u64| -> Vec<String> {
            let options = Options {
                seed,
                questions: 15,
                ..Options::default()
            };
            let found = chosen(&answers, &options, |answer| Some(-answer.probability));
            found.iter().map(|answer| answer.id.clone()).collect()
        };
        let found = ids(1);
        assert_eq!(found.len(), 15);
        assert!(
            found[..10]
                .iter()
                .all(|id| id.as_str() > "q19" && id.len() == 3),
            "{found:?}"
        );
        assert_eq!(found, ids(1));
        assert_ne!(found, ids(2));
    }

    #[test]
    fn what_a_model_wrote_is_text() {
        let mut html = Html::new();
        list(&mut html, "h", &[&answer("q", 0.9, false)]);
        let html = html.finish();
        assert!(!html.contains("<b>") && !html.contains("<i>"), "{html}");
        assert!(
            html.contains("&lt;i&gt;x&lt;/i&gt;") && html.contains("gold: "),
            "{html}"
        );
    }
}
