//! Whether a project can be made as it is asked for; what it leaves out is filled in.

use crate::limits::{
    AHEAD_MAX, ATTENTION_SHARE_MAX, CONTACT_CHARACTERS_MAX, EXPLANATION_CHARACTERS_MAX, GOLD_MAX,
    GOLD_SHARE_MAX, ITEMS_MAX, LEASE_MINUTES_MAX, MIXED_SHARE_MAX, OVERLAP_MAX, PER_PERSON_MAX,
    PROJECT_TEXT_CHARACTERS_MAX, PROJECT_TITLE_CHARACTERS_MAX, RATED_RUNS_MAX, REPEAT_SHARE_MAX,
    RUN_ID_CHARACTERS_MAX, TRAINING_MAX,
};
use datasets::annotation::{
    CONSENT, KnownItem, ProjectKind, ProjectSpec, RUBRIC_PAIRS, RUBRIC_SINGLE, SCORE_MAX,
};
use datasets::hash::sha256_hex;
use std::collections::HashSet;
use std::ops::RangeInclusive;

/// Seeds that are chosen here are below this, so that every reader of JSON reads them.
const SEEDS: u64 = 1 << 32;

/// The words of a project that may still be changed while it is a draft; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub title: Option<String>,
    pub rubric: Option<String>,
    pub instructions: Option<String>,
    pub consent: Option<String>,
    pub contact: Option<String>,
}

/// The project with its texts tidied, shipped ones in place of empty ones, and a seed.
///
/// # Errors
/// All that is wrong with it, a sentence each.
pub fn checked(mut spec: ProjectSpec) -> Result<ProjectSpec, Vec<String>> {
    tidy(&mut spec);
    let mut wrong = Vec::new();
    check_words(&spec, &mut wrong);
    check_runs(&spec, &mut wrong);
    check_numbers(&spec, &mut wrong);
    check_known(&spec, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    spec.seed
        .get_or_insert_with(|| uuid::Uuid::new_v4().as_u64_pair().0 % SEEDS);
    Ok(spec)
}

/// The project with other words.
///
/// # Errors
/// What is wrong with them, a sentence each.
pub fn reworded(mut spec: ProjectSpec, words: Words) -> Result<ProjectSpec, Vec<String>> {
    let Words {
        title,
        rubric,
        instructions,
        consent,
        contact,
    } = words;
    for (place, word) in [
        (&mut spec.title, title),
        (&mut spec.rubric, rubric),
        (&mut spec.instructions, instructions),
        (&mut spec.consent, consent),
        (&mut spec.contact, contact),
    ] {
        if let Some(word) = word {
            *place = word;
        }
    }
    tidy(&mut spec);
    let mut wrong = Vec::new();
    check_words(&spec, &mut wrong);
    match wrong.is_empty() {
        true => Ok(spec),
        false => Err(wrong),
    }
}

/// SHA-256 in hex, by what: of all of it, of the rubric and of the consent.
pub fn hashes(spec: &ProjectSpec) -> Vec<(String, String)> {
    // Plain data with text keys: it always has a JSON form.
    let whole = serde_json::to_string(spec).unwrap_or_default();
    [
        ("spec", whole.as_str()),
        ("rubric", &spec.rubric),
        ("consent", &spec.consent),
    ]
    .map(|(name, text)| (name.to_owned(), sha256_hex(text.as_bytes())))
    .into()
}

fn tidy(spec: &mut ProjectSpec) {
    spec.title = line(&spec.title);
    spec.contact = line(&spec.contact);
    for text in [&mut spec.rubric, &mut spec.instructions, &mut spec.consent] {
        *text = block(text);
    }
    for known in spec.training.iter_mut().chain(&mut spec.gold) {
        known.explanation = block(&known.explanation);
    }
    if spec.rubric.is_empty() {
        spec.rubric = match spec.kind {
            ProjectKind::Single => RUBRIC_SINGLE,
            ProjectKind::Pairs => RUBRIC_PAIRS,
        }
        .trim()
        .to_owned();
    }
    if spec.consent.is_empty() {
        spec.consent = CONSENT.trim().to_owned();
    }
    for run in &mut spec.runs {
        run.label = run.label.take().filter(|label| !label.is_empty());
    }
    let mut seen = Vec::new();
    spec.stratify.retain(|stratum| {
        let is_new = !seen.contains(stratum);
        seen.push(*stratum);
        is_new
    });
}

/// On one line, without control characters.
fn line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<&str>>()
        .join(" ")
        .replace(char::is_control, "")
}

/// Without control characters but for line breaks and tabs.
fn block(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'))
        .collect::<String>()
        .trim()
        .to_owned()
}

fn check_words(spec: &ProjectSpec, wrong: &mut Vec<String>) {
    if spec.title.is_empty() {
        wrong.push("The title is empty: give the project one.".into());
    }
    for (name, text, most) in [
        ("title", &spec.title, PROJECT_TITLE_CHARACTERS_MAX),
        ("rubric", &spec.rubric, PROJECT_TEXT_CHARACTERS_MAX),
        (
            "instructions",
            &spec.instructions,
            PROJECT_TEXT_CHARACTERS_MAX,
        ),
        ("consent", &spec.consent, PROJECT_TEXT_CHARACTERS_MAX),
        ("contact", &spec.contact, CONTACT_CHARACTERS_MAX),
    ] {
        let characters = text.chars().count();
        if characters > most {
            wrong.push(format!(
                "`{name}` has {characters} characters, expected {most} at most."
            ));
        }
    }
}

fn check_runs(spec: &ProjectSpec, wrong: &mut Vec<String>) {
    let runs = spec.runs.len();
    match spec.kind {
        ProjectKind::Single if runs != 1 => {
            wrong.push(format!(
                "Single rationales are rated of one run, found {runs}: choose one, or rate pairs."
            ));
        }
        ProjectKind::Pairs if !(2..=RATED_RUNS_MAX).contains(&runs) => {
            wrong.push(format!(
                "Pairs need 2 to {RATED_RUNS_MAX} runs or evaluations, found {runs}."
            ));
        }
        ProjectKind::Single | ProjectKind::Pairs => {}
    }
    let mut seen = HashSet::new();
    for run in &spec.runs {
        if run.run.is_empty() || run.run.chars().count() > RUN_ID_CHARACTERS_MAX {
            wrong.push(format!("No run has the id {:?}.", run.run));
        }
        if !seen.insert((&run.run, &run.label)) {
            wrong.push(format!(
                "{} is there twice: a rationale is not compared with itself.",
                run.run
            ));
        }
    }
}

fn check_numbers(spec: &ProjectSpec, wrong: &mut Vec<String>) {
    for (name, value, bounds) in [
        ("sample_size", spec.sample_size, 1..=ITEMS_MAX),
        ("overlap", spec.overlap.into(), 1..=OVERLAP_MAX.into()),
        (
            "training_size",
            spec.training_size.into(),
            0..=TRAINING_MAX as u32,
        ),
        ("lease_minutes", spec.lease_minutes, 1..=LEASE_MINUTES_MAX),
        ("ahead", spec.ahead.into(), 1..=AHEAD_MAX.into()),
        ("per_person_max", spec.per_person_max, 0..=PER_PERSON_MAX),
    ] {
        let bounds: RangeInclusive<u32> = bounds;
        if !bounds.contains(&value) {
            wrong.push(format!(
                "`{name}` is {value}, expected {} to {}.",
                bounds.start(),
                bounds.end()
            ));
        }
    }
    for (name, value, most) in [
        ("gold_share", spec.gold_share, GOLD_SHARE_MAX),
        ("attention_share", spec.attention_share, ATTENTION_SHARE_MAX),
        ("repeat_share", spec.repeat_share, REPEAT_SHARE_MAX),
        ("qualification", spec.qualification, 1.0),
    ] {
        if !(0.0..=most).contains(&value) {
            wrong.push(format!("`{name}` is {value}, expected 0 to {most}."));
        }
    }
    let mixed = spec.gold_share + spec.attention_share + spec.repeat_share;
    if mixed > MIXED_SHARE_MAX + 1e-9 {
        wrong.push(format!(
            "Gold, attention and repeats together are a share of {mixed}, expected {MIXED_SHARE_MAX} at most: the rest is the work."
        ));
    }
}

fn check_known(spec: &ProjectSpec, wrong: &mut Vec<String>) {
    for (name, known, most) in [
        ("training", &spec.training, TRAINING_MAX),
        ("gold", &spec.gold, GOLD_MAX),
    ] {
        if known.len() > most {
            wrong.push(format!(
                "`{name}` names {} questions, expected {most} at most.",
                known.len()
            ));
        }
        let mut seen = HashSet::new();
        for one in known {
            if !seen.insert(&one.question_id) {
                wrong.push(format!(
                    "`{name}` names the question {} twice.",
                    one.question_id
                ));
            }
            if let Some(trouble) = trouble_of(one, spec.kind) {
                wrong.push(format!("`{name}`, question {}: {trouble}", one.question_id));
            }
        }
    }
    let gold: HashSet<&String> = spec.gold.iter().map(|known| &known.question_id).collect();
    if let Some(both) = spec
        .training
        .iter()
        .find(|known| gold.contains(&known.question_id))
    {
        wrong.push(format!(
            "The question {} is named by both `training` and `gold`: who was told the answer is not tested by it.",
            both.question_id
        ));
    }
}

fn trouble_of(known: &KnownItem, kind: ProjectKind) -> Option<String> {
    if known.explanation.chars().count() > EXPLANATION_CHARACTERS_MAX {
        return Some(format!(
            "its explanation is longer than {EXPLANATION_CHARACTERS_MAX} characters."
        ));
    }
    match kind {
        ProjectKind::Single => {
            let (low, high) = (known.low.unwrap_or(0), known.high.unwrap_or(SCORE_MAX));
            if known.low.is_none() && known.high.is_none() {
                return Some("`low` or `high` says which ratings are right.".into());
            }
            (low > high || high > SCORE_MAX)
                .then(|| format!("{low} to {high} are no ratings, expected 0 to {SCORE_MAX}."))
        }
        ProjectKind::Pairs => known
            .choice
            .is_none()
            .then(|| "`choice` says which is right, in the order of the runs.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::annotation::{RatedRun, Stratum};

    fn spec() -> ProjectSpec {
        ProjectSpec {
            title: " Is  it\ttrue? ".into(),
            runs: vec![RatedRun {
                run: "made".into(),
                label: Some(String::new()),
            }],
            stratify: vec![Stratum::Correctness, Stratum::Correctness],
            ..ProjectSpec::default()
        }
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        let checked = checked(spec()).unwrap();
        assert_eq!(checked.title, "Is it true?");
        assert_eq!(checked.rubric, RUBRIC_SINGLE.trim());
        assert!(checked.consent.contains("You may stop at any time"));
        assert!(checked.seed.is_some_and(|seed| seed < SEEDS));
        assert_eq!(checked.runs[0].label, None);
        assert_eq!(checked.stratify, [Stratum::Correctness]);
        let hashes = hashes(&checked);
        assert_eq!(hashes.len(), 3);
        assert_eq!(hashes[1].1, sha256_hex(RUBRIC_SINGLE.trim().as_bytes()));
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        let wrong = |change: fn(&mut ProjectSpec), words: &str| {
            let mut spec = spec();
            change(&mut spec);
            let wrong = checked(spec).unwrap_err();
            assert!(
                wrong.iter().any(|one| one.contains(words)),
                "{words}: {wrong:?}"
            );
        };
        wrong(|spec| spec.title = "\u{0}".into(), "title");
        wrong(|spec| spec.runs.clear(), "one run");
        wrong(|spec| spec.kind = ProjectKind::Pairs, "2 to 6");
        wrong(|spec| spec.sample_size = 0, "sample_size");
        wrong(|spec| spec.overlap = 0, "overlap");
        wrong(|spec| spec.gold_share = f64::NAN, "gold_share");
        wrong(|spec| spec.qualification = 1.1, "qualification");
        wrong(
            |spec| (spec.gold_share, spec.attention_share, spec.repeat_share) = (0.5, 0.2, 0.2),
            "together",
        );
        wrong(|spec| spec.rubric = "x".repeat(20_001), "rubric");
        wrong(
            |spec| {
                spec.gold.push(KnownItem {
                    question_id: "q".into(),
                    low: Some(8),
                    high: Some(3),
                    choice: None,
                    explanation: String::new(),
                });
            },
            "8 to 3",
        );
        let mut twice = spec();
        twice.title.clear();
        twice.ahead = 0;
        assert_eq!(checked(twice).unwrap_err().len(), 2);
    }

    #[test]
    fn words_of_a_draft_are_changed_one_by_one() {
        let before = checked(spec()).unwrap();
        let words = Words {
            rubric: Some("# Mine".into()),
            consent: Some(String::new()),
            ..Words::default()
        };
        let after = reworded(before.clone(), words).unwrap();
        assert_eq!(
            (after.rubric.as_str(), &after.consent),
            ("# Mine", &before.consent)
        );
        assert_eq!(after.title, before.title);
        let empty = Words {
            title: Some(String::new()),
            ..Words::default()
        };
        assert!(reworded(before, empty).is_err());
    }
}
