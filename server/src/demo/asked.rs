//! How a run asked its models, and how often they were right at each level.

use super::chosen::{Chosen, config_of, folder_of};
use crate::limits::{DEMO_ANSWERS_BYTES_MAX, DEMO_ANSWERS_MAX};
use crate::runs::Run;
use crate::runs::contained;
use crate::runs::facts::{ANSWERS, EVALUATE};
use datasets::config::{Decoding, EvaluateConfig};
use datasets::demo::{Record, Way};
use datasets::prompts::{Prompt, builtin};
use datasets::{Answer, jsonl};
use std::io::{self, BufReader, Read};

/// The prompt of the model as it is where no run says: short answers and levels after three examples.
const PROMPT: &str = "few-shot-confidence";
/// That of evaluations that name none.
const PROMPT_OF_METHOD: &str = "direct-prompting";
/// Methods that let the model as it is state a level.
const STATING: [&str; 2] = ["direct-prompting", "verbalized"];
/// The split whose answers are the record.
const SPLIT: &str = "test";
/// Tokens of an answer where no run says: of the model as it is, and of the taught one.
const TOKENS_BEFORE: usize = 32;
const TOKENS_AFTER: usize = 72;

/// Both ways, and the answers that they gave.
pub struct Asked {
    pub before: Way,
    /// There where a run has taught a model, or an adapter is handed out.
    pub after: Option<Way>,
    answers_before: Vec<Answer>,
    answers_after: Vec<Answer>,
}

impl Asked {
    /// Of what was chosen; what no run tells is as usual, and has no record. `taught_here`: whether this
    /// server has a taught model to ask, whatever was chosen.
    pub fn of(chosen: &Chosen, taught_here: bool) -> Asked {
        let mut asked = Asked {
            before: Way {
                prompt: builtin(PROMPT).unwrap_or_default(),
                decoding: greedy(TOKENS_BEFORE),
                record: None,
            },
            after: (chosen.adapter.is_some() || taught_here).then(|| Way {
                prompt: Prompt::default(),
                decoding: greedy(TOKENS_AFTER),
                record: None,
            }),
            answers_before: Vec::new(),
            answers_after: Vec::new(),
        };
        let Some(run) = &chosen.run else {
            return asked;
        };
        let Some(config) = config_of(run) else {
            return asked;
        };
        let evaluations = config.evaluations();
        let mut of_test = evaluations.iter().filter(|one| one.config.split == SPLIT);
        let before = of_test
            .clone()
            .find(|one| one.adapter.is_none() && STATING.contains(&one.config.method.as_str()));
        let after = of_test.find(|one| match (one.adapter, &chosen.adapter) {
            (Some((stage, seed)), Some(adapter)) => folder_of(run, stage, seed) == adapter.folder,
            (Some(_), None) => true,
            (None, _) => false,
        });
        if let Some(one) = before
            && let Some((way, answers)) = way(run, &one.label, one.config)
        {
            (asked.before, asked.answers_before) = (way, answers);
        }
        if let Some(one) = after
            && let Some((way, answers)) = way(run, &one.label, one.config)
        {
            (asked.after, asked.answers_after) = (Some(way), answers);
        }
        asked
    }

    /// The taught model's answers, else those of the model as it is.
    pub fn answers(&self) -> &[Answer] {
        match self.answers_after.is_empty() {
            true => &self.answers_before,
            false => &self.answers_after,
        }
    }
}

fn greedy(max_tokens: usize) -> Decoding {
    Decoding {
        temperature: 0.0,
        max_tokens,
        ..Decoding::default()
    }
}

/// How an evaluation asked, and its answers; `None` where there are none, or it was asked in a way that
/// cannot be repeated here (a prompt from a file).
fn way(run: &Run, label: &str, config: &EvaluateConfig) -> Option<(Way, Vec<Answer>)> {
    let named = config.prompt.as_deref();
    let usual = STATING
        .contains(&config.method.as_str())
        .then_some(PROMPT_OF_METHOD);
    let prompt = match named.or(usual) {
        Some(name) => builtin(name)?,
        None => Prompt::default(),
    };
    let answers = answers(run, label)
        .map_err(|error| {
            tracing::warn!("the answers of {label} cannot be read for the demo: {error}")
        })
        .ok()?;
    let mut record = Record {
        label: label.to_owned(),
        ..Record::default()
    };
    answers.iter().for_each(|answer| record.add(answer));
    let way = Way {
        prompt,
        decoding: config.decoding.clone(),
        record: (!answers.is_empty()).then_some(record),
    };
    Some((way, answers))
}

fn answers(run: &Run, label: &str) -> io::Result<Vec<Answer>> {
    let directory = &run.found.directory;
    let path = directory.join(EVALUATE).join(label).join(ANSWERS);
    let (file, _) = contained::open(directory, &path)?;
    let lines = BufReader::new(file.take(DEMO_ANSWERS_BYTES_MAX));
    // A torn or wrong line is told elsewhere.
    let records = jsonl::Reader::<_, Answer>::new(lines, ANSWERS).skip_invalid();
    let answers = records.filter_map(|record| Some(record.ok()?.value));
    Ok(answers.take(DEMO_ANSWERS_MAX).collect())
}
