//! A line of `samples_TASK_DATE.jsonl`, as lm-evaluation-harness 0.4 writes it with `--log_samples`
//! (EleutherAI/lm-evaluation-harness, `EvaluationTracker.save_results_samples`, read at 034ab03).
//!
//! A line has `doc_id`, `doc`, `target` (a text), `arguments` (`gen_args_I` with `arg_0`, the context,
//! and `arg_1`, the continuation or the generation's options), `resps` and `filtered_resps` (all
//! numbers in them written as texts), `filter`, `metrics` (names), `doc_hash`, and each metric by its
//! name. Of a multiple choice `resps` holds a `[log-likelihood, is greedy]` for each choice; of a
//! generation the generated texts.

use super::{
    Imported, NotImported, Source, cut, id_of, likeliest, number_of, stated, text_of, verdict_of,
};
use crate::{Answer, Judge, Question, Split};
use calibration::Confidence;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Metrics that say right or wrong, the first that a line has is taken.
pub const VERDICTS: [&str; 5] = ["acc", "exact_match", "em", "correct", "is_correct"];
/// Keys of `doc` that hold the question.
const QUESTION_KEYS: [&str; 9] = [
    "question", "query", "input", "problem", "prompt", "text", "goal", "ctx", "sentence",
];
/// Keys of `doc` that say which kind of question it is.
const TEMPLATE_KEYS: [&str; 3] = ["subject", "category", "template"];

/// Which of the samples are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The task's name, part of each question's id.
    pub task: String,
    /// The filter whose lines are taken; `None`: lines of any.
    pub filter: Option<String>,
    /// The metric that says right or wrong; `None`: the first of [`VERDICTS`].
    pub metric: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    doc_id: Value,
    #[serde(default)]
    doc: Value,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    arguments: Value,
    #[serde(default)]
    resps: Value,
    #[serde(default)]
    filtered_resps: Value,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    doc_hash: Option<String>,
    /// The metrics among them.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What a file's name says: the task of `samples_TASK_2026-01-31T….jsonl`.
///
/// ```
/// use datasets::import::lm_eval::task_of;
/// assert_eq!(task_of("samples_arc_easy_2026-01-31T10-20-30.123456.jsonl"), "arc_easy");
/// assert_eq!(task_of("mine.jsonl"), "mine");
/// ```
pub fn task_of(file_name: &str) -> &str {
    let name = file_name.strip_suffix(".jsonl").unwrap_or(file_name);
    let name = name.strip_prefix("samples_").unwrap_or(name);
    match name.rsplit_once('_') {
        Some((task, date)) if is_date(date) && !task.is_empty() => task,
        _ => name,
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 11
        && bytes[10] == b'T'
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// The filter of a line, where it names one: to take the first file's first by default.
pub fn filter_of(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Filter {
        filter: Option<String>,
    }
    serde_json::from_slice::<Filter>(line).ok()?.filter
}

/// Reads a line.
///
/// # Errors
/// [`NotImported::Malformed`] where it is no such line; [`NotImported::LeftOut`] where it holds no
/// confidence or no verdict, or is of another filter.
pub fn sample(line: &[u8], selection: &Selection) -> Result<Imported, NotImported> {
    let line: Line = serde_json::from_slice(line).map_err(|error| {
        NotImported::Malformed(format!("not a JSON object of a sample: {error}"))
    })?;
    if line.resps.is_null() && line.filtered_resps.is_null() {
        return Err(NotImported::Malformed(
            "found no `resps`, expected a line that lm-evaluation-harness wrote with --log_samples"
                .into(),
        ));
    }
    if let (Some(wanted), Some(found)) = (&selection.filter, &line.filter)
        && wanted != found
    {
        return Err(NotImported::LeftOut(format!(
            "of the filter {found:?}; {wanted:?} is taken (--filter)"
        )));
    }
    let (metric, correct) = verdict(&line, selection)?;
    let parts = id_parts(&line);
    let id = id_of(
        &selection.task,
        &parts.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let choices = choices(&line);
    if choices.len() == 1 {
        return Err(NotImported::LeftOut(
            "one log-likelihood: of the target alone, which is no confidence in an answer".into(),
        ));
    }
    if choices.is_empty() {
        return of_generation(&line, id, correct);
    }
    if metric == "acc_norm" {
        return Err(NotImported::LeftOut(
            "acc_norm chooses by likelihood a byte, which is no probability; use --metric acc"
                .into(),
        ));
    }
    of_choices(&line, id, correct, &choices)
}

fn id_parts(line: &Line) -> Vec<String> {
    let hash = match &line.doc_hash {
        Some(hash) => hash.clone(),
        None => line.doc.to_string(),
    };
    vec![line.doc_id.to_string(), hash]
}

/// Which metric says whether the answer is right, and what it says.
fn verdict<'a>(line: &'a Line, selection: &'a Selection) -> Result<(&'a str, bool), NotImported> {
    let metric = match &selection.metric {
        Some(metric) => metric.as_str(),
        None => {
            let found = VERDICTS
                .iter()
                .find(|name| line.others.contains_key(**name));
            found.copied().ok_or_else(|| {
                NotImported::LeftOut(format!(
                    "none of {} says whether it is right; name one by --metric",
                    VERDICTS.join(", ")
                ))
            })?
        }
    };
    let value = line
        .others
        .get(metric)
        .ok_or_else(|| NotImported::LeftOut(format!("it has no metric {metric}")))?;
    let correct = verdict_of(value).ok_or_else(|| {
        NotImported::LeftOut(format!(
            "{metric} is {}, neither right (1) nor wrong (0)",
            cut_short(value)
        ))
    })?;
    Ok((metric, correct))
}

fn cut_short(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

/// One choice: its log-likelihood, and its text where the log says it.
struct Choice {
    log: f64,
    text: String,
}

/// The choices of a multiple choice; empty for a generation. Likelihoods without a context, which
/// `acc_mutual_info` asks for beside the others, are passed over; a task such as BLiMP, which gives
/// no context at all, has no others.
fn choices(line: &Line) -> Vec<Choice> {
    let responses = match line.resps.as_array() {
        Some(responses) if !responses.is_empty() => responses,
        _ => match line.filtered_resps.as_array() {
            Some(responses) => responses,
            None => return Vec::new(),
        },
    };
    let argument = |place: usize, name: &str| {
        let arguments = line.arguments.get(format!("gen_args_{place}"))?;
        arguments.get(name)?.as_str()
    };
    let has_context = argument(0, "arg_0") != Some("");
    let mut choices = Vec::new();
    for (place, response) in responses.iter().enumerate() {
        let Some(log) = log_likelihood(response) else {
            return Vec::new();
        };
        if has_context && argument(place, "arg_0") == Some("") {
            continue;
        }
        choices.push(Choice {
            log,
            text: cut(argument(place, "arg_1").unwrap_or("").trim()),
        });
    }
    choices
}

/// Of `[[log, greedy]]` or `[log, greedy]`.
fn log_likelihood(response: &Value) -> Option<f64> {
    let pair = response.as_array()?;
    match pair.as_slice() {
        [Value::Array(only)] => log_likelihood(&Value::Array(only.clone())),
        [log, greedy] => {
            let is_greedy = match greedy {
                Value::Bool(_) => true,
                Value::String(text) => text == "True" || text == "False",
                _ => false,
            };
            is_greedy.then(|| number_of(log)).flatten()
        }
        _ => None,
    }
}

fn of_choices(
    line: &Line,
    id: String,
    correct: bool,
    choices: &[Choice],
) -> Result<Imported, NotImported> {
    let logs: Vec<f64> = choices.iter().map(|choice| choice.log).collect();
    let Some((best, probability)) = likeliest(&logs) else {
        return Err(NotImported::LeftOut(
            "its log-likelihoods are no numbers".into(),
        ));
    };
    let name = |place: usize| match choices.get(place) {
        Some(choice) if !choice.text.is_empty() => choice.text.clone(),
        _ => format!("choice {place}"),
    };
    let gold = match number_of(&line.target) {
        Some(place) if place >= 0.0 && place.fract() == 0.0 && place < choices.len() as f64 => {
            name(place as usize)
        }
        _ => text_of(&line.target),
    };
    let response = name(best);
    let (question, template) = (question(line), template(line));
    Ok(Imported {
        question: made_question(&id, question.clone(), &gold, template.clone()),
        answer: Answer {
            id: id.clone(),
            question_id: id,
            template,
            entity: None,
            question,
            answer: Some(response.clone()),
            response,
            rationale: None,
            confidence: None,
            probability,
            correct,
            failure: None,
            gold: Some(gold),
            levels: None,
        },
        source: Source::Likelihood,
    })
}

fn of_generation(line: &Line, id: String, correct: bool) -> Result<Imported, NotImported> {
    let Some(response) = first_text(&line.resps).or_else(|| first_text(&line.filtered_resps))
    else {
        return Err(NotImported::Malformed(
            "`resps` holds neither log-likelihoods nor texts".into(),
        ));
    };
    let Some(stated) = stated(response) else {
        return Err(NotImported::LeftOut(
            "no log-likelihoods of choices, and no `Confidence:` in the response".into(),
        ));
    };
    let (question, template) = (question(line), template(line));
    let gold = text_of(&line.target);
    let filtered = first_text(&line.filtered_resps).map(cut);
    Ok(Imported {
        question: made_question(&id, question.clone(), &gold, template.clone()),
        answer: Answer {
            id: id.clone(),
            question_id: id,
            template,
            entity: None,
            question,
            response: cut(response),
            answer: stated.answer.or(filtered),
            rationale: stated.rationale,
            confidence: stated.confidence,
            probability: stated
                .confidence
                .map_or(0.0, |level: Confidence| level.probability().get()),
            correct,
            failure: stated.failure,
            gold: Some(gold),
            levels: None,
        },
        source: Source::Stated,
    })
}

/// The first text in nested lists.
fn first_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(values) => values.first().and_then(first_text),
        _ => None,
    }
}

fn question(line: &Line) -> String {
    let of_doc = QUESTION_KEYS
        .iter()
        .find_map(|key| line.doc.get(key)?.as_str());
    let of_prompt = || {
        let arguments = line.arguments.get("gen_args_0")?;
        Some(text_of(arguments.get("arg_0")?)).filter(|prompt| !prompt.is_empty())
    };
    match of_doc {
        Some(text) => cut(text),
        None => of_prompt().unwrap_or_else(|| text_of(&line.doc)),
    }
}

fn template(line: &Line) -> Option<String> {
    TEMPLATE_KEYS
        .iter()
        .find_map(|key| line.doc.get(key)?.as_str())
        .map(ToOwned::to_owned)
}

fn made_question(id: &str, question: String, gold: &str, template: Option<String>) -> Question {
    Question {
        id: id.to_owned(),
        question,
        answers: vec![gold.to_owned()],
        negative_answers: Vec::new(),
        template,
        entity: None,
        split: Some(Split::Test),
        judge: Judge::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn selection() -> Selection {
        Selection {
            task: "t".into(),
            ..Selection::default()
        }
    }

    fn read(line: &Value) -> Result<Imported, NotImported> {
        sample(line.to_string().as_bytes(), &selection())
    }

    fn choice_line() -> Value {
        json!({
            "doc_id": 3, "doc": {"question": "Which?", "subject": "letters"}, "target": "1",
            "arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": " a"}, "gen_args_1": {"arg_0": "Q", "arg_1": " b"}},
            "resps": [[["-2.0", "False"]], [["-1.0", "True"]]],
            "filtered_resps": [["-2.0", "False"], ["-1.0", "True"]],
            "filter": "none", "metrics": ["acc"], "doc_hash": "h", "acc": 1.0
        })
    }

    #[test]
    fn a_multiple_choice_has_the_share_of_its_likelihood() {
        let found = read(&choice_line()).unwrap();
        assert_eq!(found.source, Source::Likelihood);
        let wanted = 1.0 / (1.0 + (-1.0_f64).exp());
        assert!((found.answer.probability - wanted).abs() < 1e-12);
        assert_eq!(found.answer.answer.as_deref(), Some("b"));
        assert_eq!(found.answer.gold.as_deref(), Some("b"));
        assert_eq!(found.answer.template.as_deref(), Some("letters"));
        assert!(found.answer.correct && found.question.id == found.answer.question_id);
        // The same question of another model's log has the same id; another task's has not.
        let mut other = choice_line();
        other["resps"][0][0][0] = json!(-0.5);
        assert_eq!(read(&other).unwrap().question.id, found.question.id);
        let elsewhere = Selection {
            task: "u".into(),
            ..Selection::default()
        };
        let there = sample(choice_line().to_string().as_bytes(), &elsewhere).unwrap();
        assert_ne!(there.question.id, found.question.id);
    }

    #[test]
    fn likelihoods_without_context_are_no_choices() {
        let mut line = choice_line();
        line["arguments"]["gen_args_2"] = json!({"arg_0": "", "arg_1": " a"});
        line["arguments"]["gen_args_3"] = json!({"arg_0": "", "arg_1": " b"});
        line["resps"] = json!([
            [["-2.0", "False"]],
            [["-1.0", "True"]],
            [["-0.1", "False"]],
            [["-9", "False"]]
        ]);
        let found = read(&line).unwrap();
        assert_eq!(found.answer.answer.as_deref(), Some("b"));
    }

    #[test]
    fn choices_of_a_task_without_context_count() {
        let mut line = choice_line();
        line["doc"] = json!({"sentence_good": "They sleep.", "sentence_bad": "They sleeps."});
        line["target"] = json!("0");
        line["arguments"] = json!({
            "gen_args_0": {"arg_0": "", "arg_1": "They sleep."},
            "gen_args_1": {"arg_0": "", "arg_1": "They sleeps."}
        });
        let found = read(&line).unwrap();
        assert_eq!(found.source, Source::Likelihood);
        assert_eq!(found.answer.answer.as_deref(), Some("They sleeps."));
        assert_eq!(found.answer.gold.as_deref(), Some("They sleep."));
        assert!(found.question.question.contains("sentence_good"));
    }

    #[test]
    fn a_generation_has_what_it_states() {
        let line = |text: &str| {
            json!({
                "doc_id": 0, "doc": {"input": "Which?"}, "target": "Paris",
                "arguments": {"gen_args_0": {"arg_0": "Which?", "arg_1": {"until": []}}},
                "resps": [[text]], "filtered_resps": ["paris"], "filter": "none", "exact_match": 0.0
            })
        };
        let found = read(&line("Answer: Lyon\nConfidence: 7/10")).unwrap();
        assert_eq!(
            (found.source, found.answer.probability),
            (Source::Stated, 0.7)
        );
        assert_eq!(found.answer.answer.as_deref(), Some("Lyon"));
        assert!(!found.answer.correct);
        let failed = read(&line("Confidence: very")).unwrap().answer;
        assert_eq!(
            (failed.probability, failed.answer.as_deref()),
            (0.0, Some("paris"))
        );
        assert!(failed.failure.is_some());
        assert!(matches!(read(&line("Lyon")), Err(NotImported::LeftOut(_))));
    }

    #[test]
    fn what_holds_no_confidence_or_no_verdict_says_why() {
        let with = |key: &str, value: Value| {
            let mut line = choice_line();
            line[key] = value;
            match read(&line) {
                Err(NotImported::LeftOut(reason)) => reason,
                other => panic!("{key}: {other:?}"),
            }
        };
        assert!(with("acc", json!(0.4)).contains("neither right"));
        assert!(with("resps", json!([[["-1.0", "True"]]])).contains("one log-likelihood"));
        assert!(
            with("resps", json!([[["nan", "True"]], [["-1", "False"]]])).contains("no numbers")
        );
        let mut without = choice_line();
        without.as_object_mut().unwrap().remove("acc");
        assert!(matches!(read(&without), Err(NotImported::LeftOut(_))));
        let other_filter = Selection {
            filter: Some("strict".into()),
            ..selection()
        };
        let line = choice_line().to_string();
        assert!(matches!(
            sample(line.as_bytes(), &other_filter),
            Err(NotImported::LeftOut(_))
        ));
        assert!(matches!(
            read(&json!({"a": 1})),
            Err(NotImported::Malformed(_))
        ));
        assert!(matches!(
            sample(b"{", &selection()),
            Err(NotImported::Malformed(_))
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_sample_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = sample(&bytes, &selection());
        }
    }
}
