//! A model's own record: how often it was right where it stated a level, in an evaluation of the same
//! files by the same prompt and the same sampling.

use crate::error::bad_input;
use crate::evaluations::EvaluationFolder;
use crate::pull::checksum;
use crate::run_dir::{Provenance, read_records};
use crate::stages::evaluate::{ANSWERS, Method};
use crate::stages::run::prompt;
use calibration::Confidence;
use calibration::reliability::wilson;
use datasets::config::{Decoding, EvaluateConfig};
use datasets::prompts::{Message, Prompt};
use datasets::{Answer, Question, RunConfig};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// An evaluation's answers, counted by the level that they state.
#[derive(Clone, Debug)]
pub struct TrackRecord {
    /// The question set's name.
    questions: String,
    split: String,
    /// How the questions were put.
    prompt: Prompt,
    decoding: Decoding,
    /// By level less 1: answers, and right ones among them.
    levels: [(u64, u64); 10],
}

/// The record at one level, as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtLevel {
    /// Answers that stated it.
    pub n: u64,
    /// Share of right ones among them, and its 95% interval (Wilson).
    pub accuracy: f64,
    pub accuracy_ci: [f64; 2],
    /// Whose questions: the set's name, and the split.
    pub questions: String,
    pub split: String,
}

/// What an evaluation asked: SHA-256 of the weights, and of the adapter's, in hex; empty for none. The
/// second is absent where the run no longer holds the adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub model_sha256: String,
    pub adapter_sha256: Option<String>,
}

impl TrackRecord {
    /// Reads an evaluation: its folder, or a file in it (`answers.jsonl`, `metrics.json`).
    ///
    /// # Errors
    /// Exit code 2 where it is none, has no answers, or does not say by which prompt it asked.
    pub fn read(path: &Path) -> anyhow::Result<(TrackRecord, Asked)> {
        let folder: PathBuf = match path.is_file() {
            true => path.parent().unwrap_or(Path::new("")).to_path_buf(),
            false => path.to_path_buf(),
        };
        let folder = match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder,
        };
        let wrong = |what: &str| bad_input(format!("{}: {what}", path.display()));
        if !folder.join(ANSWERS).is_file() {
            return Err(wrong(&format!(
                "expected an evaluation's folder with {ANSWERS}: what was right is counted from it"
            )));
        }
        let found = crate::evaluations::find(&[&folder])?;
        let [evaluation] = found.as_slice() else {
            return Err(wrong("expected one evaluation"));
        };
        let config = evaluation
            .config()
            .ok_or_else(|| wrong("no run.toml says how it was asked"))?;
        let (asked_how, adapter) = how(evaluation, &config)
            .ok_or_else(|| wrong("its run.toml does not name this evaluation"))?;
        let method = Method::named(&asked_how.method)?;
        if !method.states_a_level() {
            return Err(wrong(&format!(
                "method {} states no level, so that there is no record at one",
                asked_how.method
            )));
        }
        let answers: Vec<Answer> = read_records(&folder.join(ANSWERS))?;
        let metrics = evaluation.metrics()?;
        let of_metrics = metrics
            .as_ref()
            .and_then(|metrics| metrics.get("questions")?.as_str());
        let record = TrackRecord {
            questions: of_metrics.map_or_else(
                || crate::stages::questions::name_of(&config.questions.source),
                ToOwned::to_owned,
            ),
            split: asked_how.split.clone(),
            prompt: prompt(asked_how.prompt.as_deref().or(method.prompt_name()))?,
            decoding: asked_how.decoding.clone(),
            levels: by_level(&answers),
        };
        Ok((record, asked(evaluation, adapter)?))
    }

    /// What it says of a level; `None` where no answer stated it.
    pub fn at(&self, level: Confidence) -> Option<AtLevel> {
        let (n, right) = self.levels[usize::from(level.level()) - 1];
        (n > 0).then(|| AtLevel {
            n,
            accuracy: right as f64 / n as f64,
            accuracy_ci: wilson(right, n),
            questions: self.questions.clone(),
            split: self.split.clone(),
        })
    }

    /// Whether a conversation puts a question as the evaluation did, and is answered as there.
    pub fn is_of(&self, messages: &[Message], decoding: &Decoding) -> bool {
        self.is_drawn_so(decoding) && self.is_put_so(messages)
    }

    fn is_drawn_so(&self, other: &Decoding) -> bool {
        let own = &self.decoding;
        let is_greedy = own.temperature == 0.0;
        own.temperature == other.temperature
            && own.stop == other.stop
            && (is_greedy || (own.top_p == other.top_p && own.top_k == other.top_k))
    }

    fn is_put_so(&self, messages: &[Message]) -> bool {
        let Some(last) = messages.last() else {
            return false;
        };
        let (before, after) = match &self.prompt.user {
            Some(user) => match user.split_once("{question}") {
                Some(parts) => parts,
                None => return false,
            },
            None => (self.prompt.before.as_str(), self.prompt.after.as_str()),
        };
        let question = last
            .content
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        let Some(question) = question else {
            return false;
        };
        let of_template = |template: Option<String>| {
            let question = Question {
                id: String::new(),
                question: question.to_owned(),
                answers: Vec::new(),
                negative_answers: Vec::new(),
                template,
                entity: None,
                split: None,
                judge: Default::default(),
            };
            self.prompt.messages_for(&question) == messages
        };
        of_template(None)
            || self
                .prompt
                .template_shots
                .keys()
                .any(|template| of_template(Some(template.clone())))
    }
}

fn by_level(answers: &[Answer]) -> [(u64, u64); 10] {
    let mut levels = [(0, 0); 10];
    for answer in answers {
        if let Some(level) = answer.confidence {
            let (n, right) = &mut levels[usize::from(level.level()) - 1];
            *n += 1;
            *right += u64::from(answer.correct);
        }
    }
    levels
}

/// How an evaluation was asked, and the stage and seed of its adapter where the run taught it.
fn how(
    evaluation: &EvaluationFolder,
    config: &RunConfig,
) -> Option<(EvaluateConfig, Option<(&'static str, u64)>)> {
    let is_alone = evaluation.path == evaluation.root;
    match config.evaluate.as_slice() {
        [only] if is_alone => Some((only.clone(), None)),
        _ => {
            let planned = config.evaluations();
            let found = planned.iter().find(|one| one.label == evaluation.label)?;
            Some((found.config.clone(), found.adapter))
        }
    }
}

/// What was asked, by the hashes that the run wrote down and by the adapter that lies in it.
fn asked(
    evaluation: &EvaluationFolder,
    taught: Option<(&'static str, u64)>,
) -> anyhow::Result<Asked> {
    #[derive(Deserialize)]
    struct Head {
        provenance: Provenance,
    }
    let path = evaluation.root.join("run.toml");
    let text = crate::evaluations::small_text(&path)?.unwrap_or_default();
    let head: Head =
        toml::from_str(&text).map_err(|error| bad_input(format!("{}: {error}", path.display())))?;
    let adapter_sha256 = match taught {
        None => Some(head.provenance.adapter_sha256),
        Some((stage, seed)) => {
            let folder = format!("{stage}/seed-{seed}/adapter/adapter_model.safetensors");
            let weights = evaluation.root.join(folder);
            weights
                .is_file()
                .then(|| checksum::of_file(&weights))
                .transpose()?
        }
    };
    Ok(Asked {
        model_sha256: head.provenance.model_sha256,
        adapter_sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(prompt: Prompt) -> TrackRecord {
        TrackRecord {
            questions: "world-facts".into(),
            split: "test".into(),
            prompt,
            decoding: Decoding {
                temperature: 0.0,
                ..Decoding::default()
            },
            levels: [(0, 0); 10],
        }
    }

    #[test]
    fn a_record_is_of_one_prompt_and_one_sampling() {
        let greedy = record(Prompt::default()).decoding;
        let bare = record(Prompt::default());
        let question = [Message::user("Where is Oslo?")];
        assert!(bare.is_of(&question, &greedy));
        let nucleus = Decoding {
            top_p: 0.5,
            ..greedy.clone()
        };
        assert!(bare.is_of(&question, &nucleus), "greedy cuts nothing");
        let warm = Decoding {
            temperature: 1.0,
            ..greedy.clone()
        };
        assert!(!bare.is_of(&question, &warm));
        let more = [
            Message::system("Be brief."),
            Message::user("Where is Oslo?"),
        ];
        assert!(!bare.is_of(&more, &greedy) && !bare.is_of(&[], &greedy));

        let shipped = prompt(Some("few-shot-confidence")).unwrap();
        let shots = record(shipped.clone());
        assert!(shots.is_of(&shipped.messages("Where is Oslo?"), &greedy));
        assert!(!shots.is_of(&question, &greedy));
    }

    #[test]
    fn the_shipped_evaluation_is_counted_by_level() {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../datasets/results/world-facts-smollm2-135m/evaluate/sayself"
        );
        let (record, asked) = TrackRecord::read(Path::new(folder)).unwrap();
        assert!(asked.model_sha256.starts_with("b179c952"));
        // A recorded run is kept without weights.
        assert_eq!(asked.adapter_sha256, None);
        let n: u64 = record.levels.iter().map(|(n, _)| n).sum();
        assert!(n > 4_000, "{n}");
        let nine = record.at(Confidence::new(9).unwrap()).unwrap();
        assert!(nine.accuracy_ci[0] < nine.accuracy && nine.accuracy < nine.accuracy_ci[1]);
        assert_eq!(
            (nine.questions.as_str(), nine.split.as_str()),
            ("world-facts", "test")
        );
        let by_file = TrackRecord::read(&Path::new(folder).join("metrics.json")).unwrap();
        assert_eq!(by_file.0.levels, record.levels);
        let silent = Path::new(folder).with_file_name("sequence-likelihood");
        let error = TrackRecord::read(&silent).unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 2);
    }
}
