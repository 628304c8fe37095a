//! Which columns of a table are the confidence, the verdict, the group and the id: by their names, and
//! by what stands in the first rows.

use crate::head::Head;
use crate::value::{Scale, number, verdict_of_text};

/// Which columns are read, and how; `None`: none was found, or none is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    pub confidence: Option<usize>,
    pub scale: Scale,
    pub correct: Option<usize>,
    /// Rows that share a value are drawn together by bootstraps.
    pub group: Option<usize>,
    /// Names rows that are left out.
    pub id: Option<usize>,
}

/// Names that mean a confidence, the surest first.
const CONFIDENCE: [&str; 12] = [
    "confidence",
    "probability",
    "conf",
    "prob",
    "confidence_score",
    "stated_confidence",
    "verbalized_confidence",
    "p_correct",
    "p_true",
    "certainty",
    "p",
    "score",
];
/// Parts of names that hint at one.
const CONFIDENCE_PARTS: [&str; 4] = ["confiden", "prob", "certain", "conf_"];
/// Names that mean right or wrong, the surest first.
const CORRECT: [&str; 14] = [
    "correct",
    "is_correct",
    "correctness",
    "right",
    "label",
    "acc",
    "exact_match",
    "em",
    "verdict",
    "passed",
    "outcome",
    "hit",
    "y",
    "score",
];
const CORRECT_PARTS: [&str; 3] = ["correct", "match", "right"];
/// Names of groups, as `sayself metrics` has it.
const GROUP: [&str; 3] = ["group", "group_id", "cluster"];
const ID: [&str; 8] = [
    "id",
    "question_id",
    "qid",
    "doc_id",
    "uid",
    "key",
    "index",
    "name",
];
/// Of the cells that are not empty, so many must be of the right kind, in hundredths.
const RIGHT_KIND_MIN: usize = 90;

/// The columns of a table that begins with `head`.
pub fn columns_of(head: &Head) -> Columns {
    if let Some(columns) = own_answers(head) {
        return columns;
    }
    let names: Vec<String> = head
        .names
        .iter()
        .map(|name| name.trim().to_lowercase().replace([' ', '-'], "_"))
        .collect();
    let confidence = best(&names, |at, name| {
        let scale = scale_of(head, at)?;
        let points = points(name, &CONFIDENCE, &CONFIDENCE_PARTS);
        let is_verdict = is_verdict(head, at);
        match (points, is_verdict) {
            // A column of ones and noughts is the verdict unless its name says the other.
            (0..=2, true) => None,
            (0, false) => (scale == Scale::One).then_some(1),
            (points, _) => Some(points),
        }
    });
    let correct = best(&names, |at, name| {
        if Some(at) == confidence || !is_verdict(head, at) {
            return None;
        }
        Some(points(name, &CORRECT, &CORRECT_PARTS).max(1))
    });
    let named = |wanted: &[&str]| {
        wanted
            .iter()
            .find_map(|wanted| names.iter().position(|name| name == wanted))
            .filter(|at| Some(*at) != confidence && Some(*at) != correct)
    };
    Columns {
        confidence,
        scale: confidence
            .and_then(|at| scale_of(head, at))
            .unwrap_or(Scale::One),
        correct,
        group: named(&GROUP),
        id: named(&ID),
    }
}

/// A run's own answers: the probability is what its measures use, and the entity is the group.
fn own_answers(head: &Head) -> Option<Columns> {
    let (confidence, correct) = (head.place("probability")?, head.place("correct")?);
    head.place("question_id")?;
    Some(Columns {
        confidence: Some(confidence),
        scale: Scale::One,
        correct: Some(correct),
        group: head.place("entity"),
        id: head.place("id"),
    })
}

/// The column with most points, the first among equals.
fn best(names: &[String], points: impl Fn(usize, &str) -> Option<usize>) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (at, name) in names.iter().enumerate() {
        if let Some(points) = points(at, name)
            && best.is_none_or(|(most, _)| points > most)
        {
            best = Some((points, at));
        }
    }
    best.map(|(_, at)| at)
}

/// How surely a name means it: a known name by its place in the list, a part of one, or nothing.
fn points(name: &str, known: &[&str], parts: &[&str]) -> usize {
    if let Some(place) = known.iter().position(|known| *known == name) {
        // `score` may be either: its values decide.
        return if name == "score" { 2 } else { 100 - place };
    }
    usize::from(parts.iter().any(|part| name.contains(part))) * 50
}

fn is_mostly(head: &Head, at: usize, is_right: impl Fn(&str) -> bool) -> bool {
    let (mut all, mut right) = (0, 0);
    for cell in head.column(at).filter(|cell| !cell.is_empty()) {
        all += 1;
        right += usize::from(is_right(cell));
    }
    all > 0 && 100 * right >= RIGHT_KIND_MIN * all
}

fn is_verdict(head: &Head, at: usize) -> bool {
    is_mostly(head, at, |cell| verdict_of_text(cell).is_some())
}

/// The scale that a column's numbers lie on; `None` where they are no confidences.
pub fn scale_of(head: &Head, at: usize) -> Option<Scale> {
    if !is_mostly(head, at, |cell| number(cell).is_some()) {
        return None;
    }
    let (mut least, mut most, mut is_percent) = (f64::INFINITY, f64::NEG_INFINITY, false);
    for (number, has_sign) in head.column(at).filter_map(number) {
        least = least.min(number);
        most = most.max(number);
        is_percent |= has_sign;
    }
    if least < 0.0 || most > 100.0 {
        None
    } else if is_percent || most > 10.0 {
        Some(Scale::Hundred)
    } else if most > 1.0 {
        Some(Scale::Ten)
    } else {
        Some(Scale::One)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::form_of;
    use crate::head::head_of;

    fn guessed(text: &str) -> Columns {
        let form = form_of(text.as_bytes()).unwrap();
        columns_of(&head_of(form, text.as_bytes(), true).unwrap())
    }

    #[test]
    fn names_and_values_decide() {
        let found = guessed("id,Confidence,correct,group\na,0.9,1,x\nb,0.2,0,x\n");
        assert_eq!(
            found,
            Columns {
                confidence: Some(1),
                scale: Scale::One,
                correct: Some(2),
                group: Some(3),
                id: Some(0)
            }
        );
        let found = guessed("question;Stated confidence;Right?\nx;85%;yes\ny;20%;no\n");
        assert_eq!((found.confidence, found.correct), (Some(1), Some(2)));
        assert_eq!(found.scale, Scale::Hundred);
        let found = guessed(
            "{\"level\":7,\"certainty\":7,\"acc\":1.0}\n{\"level\":3,\"certainty\":3,\"acc\":0.0}\n",
        );
        assert_eq!((found.confidence, found.scale), (Some(1), Scale::Ten));
    }

    #[test]
    fn without_names_the_values_decide() {
        let found = guessed("a,b\n1,0.7\n0,0.2\n");
        assert_eq!((found.confidence, found.correct), (Some(1), Some(0)));
    }

    #[test]
    fn a_runs_own_answers_have_their_probability() {
        let text = b"{\"id\":\"a\",\"question_id\":\"a\",\"entity\":\"x\",\"confidence\":9,\"probability\":0.9,\"correct\":true}\n";
        let head = head_of(crate::form::Form::JsonLines, text, true).unwrap();
        let found = columns_of(&head);
        assert_eq!(found.confidence, head.place("probability"));
        assert_eq!(found.group, head.place("entity"));
        assert_eq!(found.scale, Scale::One);
    }

    #[test]
    fn what_is_not_there_is_not_guessed() {
        let found = guessed("question,answer\nx,y\n");
        assert_eq!((found.confidence, found.correct), (None, None));
        assert_eq!(guessed("confidence,correct\n500,1\n").confidence, None);
    }
}
