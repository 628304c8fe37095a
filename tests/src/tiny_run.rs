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

[faithfulness]
labels = ["sayself"]
samples = 4
max_tokens = 24
self_reflect_answers = 1
"#;

/// Writes the configuration into a folder.
pub fn config(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.toml");
    fs::write(&path, CONFIG).expect("a test's folder can be written");
    path
}

/// `sayself run` of it into a run directory.
pub fn command(config: &Path, run: &Path) -> Command {
    let mut command = sayself();
    command.arg("run").arg(config).arg("--out").arg(run);
    command
}
