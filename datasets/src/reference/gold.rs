//! Gold answers as the files hold them, and how they are to be judged.

use crate::Judge;
use serde_json::Value;
use std::collections::HashSet;

/// Median words of a file's gold answers from which they count as sentences. TruthfulQA's is 9,
/// those of ParaRel, HotpotQA and HaluEval are 1 to 2.
const SENTENCE_WORDS_MIN: usize = 6;

const LABELS: [&str; 5] = ["true", "false", "unknown", "yes", "no"];

/// A text, or what a careless writer put for one (StrategyQA's `true`); `None` for other values.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}

/// One text, or a list of them, perhaps inside SQuAD's `{"text": […]}` or TriviaQA's
/// `{"value", "aliases"}`; each once. `None` where something else is found, or nothing in a text.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let mut texts: Vec<String> = match value {
        Value::Array(list) => list.iter().map(text).collect::<Option<_>>()?,
        Value::Object(fields) => match (fields.get("text"), fields.get("value")) {
            (Some(inner @ (Value::Array(_) | Value::String(_))), _) => texts(inner)?,
            (None, Some(Value::String(gold))) => {
                let aliases = match fields.get("aliases") {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => {
                        list.iter().map(text).collect::<Option<Vec<_>>>()?
                    }
                    Some(_) => return None,
                };
                std::iter::once(gold.trim().to_owned())
                    .chain(aliases.into_iter().filter(|alias| !alias.is_empty()))
                    .collect()
            }
            _ => return None,
        },
        other => vec![text(other)?],
    };
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    (!texts.is_empty() && texts.iter().all(|text| !text.is_empty())).then_some(texts)
}

/// Negative answers: joined by `/`, or a list, or nothing.
pub(super) fn negatives(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(joined)) => Some(
            joined
                .split('/')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        ),
        Some(Value::Array(list)) if list.is_empty() => Some(Vec::new()),
        Some(value) => texts(value),
    }
}

/// The gold answer in an assistant's message: what stands after `Answer:`, else what stands before
/// a last `I am` (R-Tuning's "I am sure."), else all of it.
pub(super) fn of_response(response: &str) -> String {
    if let Some(answer) = calibration::parse::response(response).answer {
        return answer;
    }
    let before = response
        .rfind("I am")
        .map_or("", |end| response[..end].trim());
    // A gold answer that starts so ("I Am Legend") is no closing word.
    if before.is_empty() {
        response.trim().to_owned()
    } else {
        before.to_owned()
    }
}

/// How a file's answers are judged, where it does not say.
///
/// All golds are labels (`true`, `false`, `unknown`, `yes`, `no`: FEVER, StrategyQA): by label. The
/// file is named for TruthfulQA, or its golds have 6 words or more in the median: sentences, which
/// strings cannot judge. Else: short answers.
pub(super) fn judge<'a>(file: &str, golds: impl Iterator<Item = &'a str> + Clone) -> Judge {
    if golds
        .clone()
        .all(|gold| LABELS.contains(&gold.to_lowercase().trim_end_matches('.')))
    {
        return Judge::Label;
    }
    let name = file
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(file)
        .to_lowercase();
    let mut words: Vec<usize> = golds.map(|gold| gold.split_whitespace().count()).collect();
    words.sort_unstable();
    let median = words.get(words.len() / 2).copied().unwrap_or(0);
    if median >= SENTENCE_WORDS_MIN || name.contains("truthful") {
        Judge::Sentence
    } else {
        Judge::ShortAnswer
    }
}
