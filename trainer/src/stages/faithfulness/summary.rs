//! Sample and summarise: the sampled rationales of a question in one to three sentences, written without
//! sight of the clusters.

use super::ask::{Endpoint, Outcome};
use crate::events::Progress;
use crate::run_dir::{RecordLog, read_records};
use crate::sampler::{SampleRequest, Sampler};
use crate::stages::StageContext;
use crate::stages::sample::seed_of;
use datasets::config::Decoding;
use datasets::prompts::{Message, Prompt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The records of the summaries.
pub const SUMMARIES: &str = "summaries.jsonl";
const TOKENS_MAX: usize = 160;
/// Characters of a summary: one to three sentences.
const CHARACTERS_MAX: usize = 4_000;
/// Characters of the rationales that are summarised; those that do not fit are left out.
const RATIONALES_CHARACTERS_MAX: usize = 24_000;

/// Who writes.
pub enum Writer<'a> {
    /// A model in this process, or one that answers like it.
    Model {
        sampler: &'a dyn Sampler,
        name: &'a str,
    },
    Judge(Endpoint<'a>),
}

impl Writer<'_> {
    fn name(&self) -> &str {
        match self {
            Writer::Model { name, .. } => name,
            Writer::Judge(endpoint) => &endpoint.model,
        }
    }
}

/// The rationales of a question's samples.
pub struct Sampled {
    /// The question's id.
    pub id: String,
    pub rationales: Vec<String>,
}

/// One summary (`summaries.jsonl`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Summary {
    /// The question's id.
    id: String,
    /// Absent where none could be had.
    summary: Option<String>,
    failure: Option<String>,
    /// The model that wrote it.
    by: String,
    prompt_sha256: String,
}

/// The summary of each question, by its id, or why there is none.
///
/// # Errors
/// Of the model, the endpoint and the disk; what was written is kept.
pub fn summarise(
    context: &StageContext<'_>,
    prompt: &Prompt,
    writer: &Writer<'_>,
    sampled: &[Sampled],
) -> anyhow::Result<HashMap<String, Outcome<String>>> {
    let path = context.records.join(SUMMARIES);
    let mut log = RecordLog::open(&path, |summary: &Summary| summary.id.clone())?;
    let record = |id: &str, outcome: Outcome<String>| {
        let (summary, failure) = match outcome {
            Ok(summary) => (Some(summary), None),
            Err(failure) => (None, Some(failure)),
        };
        Summary {
            id: id.to_owned(),
            summary,
            failure,
            by: writer.name().to_owned(),
            prompt_sha256: prompt.sha256(),
        }
    };
    let mut missing: Vec<(&str, Vec<Message>)> = Vec::new();
    for one in sampled {
        if log.contains(&one.id) {
            continue;
        }
        match listed(&one.rationales) {
            Some(text) => missing.push((&one.id, prompt.render(&[("rationales", &text)])?)),
            None => log.append(&record(&one.id, Err("no sample has a rationale".into())))?,
        }
    }
    // What an endpoint did not answer is asked again when the command is started again.
    let mut unanswered: HashMap<String, Outcome<String>> = HashMap::new();
    match writer {
        Writer::Judge(endpoint) => {
            let asked: Vec<Vec<Message>> = missing.iter().map(|one| one.1.clone()).collect();
            let outcomes = endpoint.ask(context, &asked, TOKENS_MAX, &|reply| read(reply))?;
            for ((id, _), outcome) in missing.into_iter().zip(outcomes) {
                match outcome {
                    Ok(_) => log.append(&record(id, outcome))?,
                    Err(_) => {
                        unanswered.insert(id.to_owned(), outcome);
                    }
                }
            }
        }
        Writer::Model { sampler, .. } => {
            let mut progress =
                Progress::start(context, log.len() as u64, sampled.len() as u64, "questions")?;
            let requests: Vec<SampleRequest> = missing
                .iter()
                .map(|(id, messages)| SampleRequest {
                    messages: messages.clone(),
                    seeds: vec![seed_of(context.seed, id, 0)],
                    decoding: Decoding {
                        temperature: 0.0,
                        max_tokens: TOKENS_MAX,
                        ..Decoding::default()
                    },
                    forced_prefix: None,
                })
                .collect();
            let mut failure = None;
            sampler.sample(&requests, &mut |request, _, response| {
                let written = log
                    .append(&record(missing[request].0, read(&response.text)))
                    .and_then(|()| progress.advance(1));
                match written {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            if let Some(error) = failure {
                return Err(error);
            }
            progress.finish()?;
        }
    }
    log.finish_in_order(sampled.iter().map(|one| one.id.as_str()))?;
    let outcome_of = |summary: Summary| match (summary.summary, summary.failure) {
        (Some(text), _) => (summary.id, Ok(text)),
        (None, failure) => (summary.id, Err(failure.unwrap_or_default())),
    };
    unanswered.extend(read_records::<Summary>(&path)?.into_iter().map(outcome_of));
    Ok(unanswered)
}

/// The rationales, one a line, as many as fit.
fn listed(rationales: &[String]) -> Option<String> {
    let mut text = String::new();
    for rationale in rationales {
        let line = rationale.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || text.len() + line.len() > RATIONALES_CHARACTERS_MAX {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    (!text.is_empty()).then_some(text)
}

/// What stands after the last `Reason:`; the whole where a model leaves that out.
fn read(reply: &str) -> Outcome<String> {
    let after = reply
        .to_ascii_lowercase()
        .rfind("reason:")
        .map_or(reply, |at| &reply[at + "reason:".len()..]);
    let text = calibration::parse::without_confidence(after);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.chars().count() {
        0 => Err("the summary is empty".into()),
        1..=CHARACTERS_MAX => Ok(text),
        more => Err(format!(
            "the summary has {more} characters, expected at most {CHARACTERS_MAX}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_with_or_without_their_form() {
        assert_eq!(
            read("Sure.\nREASON: I waver\nthere.").unwrap(),
            "I waver there."
        );
        assert_eq!(read(" I waver. ").unwrap(), "I waver.");
        assert_eq!(read("Reason: I waver. Confidence: 3").unwrap(), "I waver.");
        assert!(read("Reason: ").is_err());
        assert!(read(&"x".repeat(CHARACTERS_MAX + 1)).is_err());
    }

    #[test]
    fn rationales_are_a_line_each() {
        let of = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).into()).collect();
            listed(&texts)
        };
        assert_eq!(of(&["a\nb", " ", "c"]).as_deref(), Some("a b\nc"));
        assert_eq!(of(&[" "]), None);
        let long = "x".repeat(RATIONALES_CHARACTERS_MAX);
        assert_eq!(of(&["a", &long, "b"]).as_deref(), Some("a\nb"));
    }
}
