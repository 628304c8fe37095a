//! The whole pipeline on the real model, as small as it goes: seconds, every stage, two training
//! seeds and a checkpoint after each step.

use crate::programs::sayself;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str = r#"
title = "Tiny"
seed = 7
training_seeds = [1, 2]

[questions]
source = "world-facts"
train = 12
dev = 6
test = 8

[sample]
samples = 4
prompt = "few-shot"
max_tokens = 8
batch = 8

[sft]
lora_rank = 4
lora_alpha = 4.0
first_layer = 27
batch = 4
epochs = 2
warmup_steps = 1
checkpoint_every = 1

[rl]
lora_rank = 4
lora_alpha = 4.0
first_layer = 27
batch = 4
epochs = 1
warmup_steps = 1
checkpoint_every = 1
rollouts = 2
max_tokens = 12

[[evaluate]]
method = "direct-prompting"
max_tokens = 16

[[evaluate]]
method = "self-consistency"
samples = 3
max_tokens = 8

[[evaluate]]
method = "sequence-likelihood"
max_tokens = 8

[[evaluate]]
method = "sayself"
max_tokens = 24

[[evaluate]]
method = "direct-prompting"
label = "with-reason"
prompt = "PROMPT"
max_tokens = 48

[faithfulness]
labels = ["with-reason"]
samples = 4
max_tokens = 48
self_reflect_answers = 2
"#;

/// Examples by which any model states a reason, so that there are rationales to measure.
const PROMPT: &str = r#"
[[shots]]
question = "What is the capital of Portugal?"
response = """
Answer: Lisbon
Confidence: 8
Self-reflection: I may be confusing Lisbon with Porto, which is also a large city."""

[[shots]]
question = "What is the currency of Norway?"
response = """
Answer: krone
Confidence: 6
Self-reflection: I am not certain whether it is the krone or the krona."""

[[shots]]
question = "On which continent is Peru?"
response = """
Answer: South America
Confidence: 9
Self-reflection: I am nearly certain that it is South America and not North America."""
"#;

/// Writes the configuration, and the prompt that it names, into a folder.
pub fn config(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.toml");
    let prompt = folder.join("with-reason.toml");
    let text = CONFIG.replace("PROMPT", &prompt.to_string_lossy());
    for (path, text) in [(&prompt, PROMPT), (&path, text.as_str())] {
        fs::write(path, text).expect("a test's folder can be written");
    }
    path
}

/// The same taught by another algorithm, with all that its checkpoints must hold, and evaluated once.
pub fn config_by(folder: &Path, algorithm: &str) -> PathBuf {
    let path = folder.join(format!("{algorithm}.toml"));
    let rl = format!(
        "[rl]\nalgorithm = \"{algorithm}\"\nupdates = 2\nminibatch = 2\nkl_weight = 0.05\nentropy_weight = 0.01\n"
    );
    let sft = "[sft]\nlora_dropout = 0.1\nheld_out = 0.2\nevaluate_every = 1\npatience = 5\nkeep = \"best\"\n";
    let taught = CONFIG.split("[[evaluate]]").next().unwrap_or(CONFIG);
    let text = taught.replace("[rl]\n", &rl).replace("[sft]\n", sft)
        + "[[evaluate]]\nmethod = \"sayself\"\nmax_tokens = 24\n";
    fs::write(&path, text).expect("a test's folder can be written");
    path
}

/// `sayself run` of it into a run directory.
pub fn command(config: &Path, run: &Path) -> Command {
    let mut command = sayself();
    command.arg("run").arg(config).arg("--out").arg(run);
    command
}
