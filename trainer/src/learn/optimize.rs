//! The optimizer loop of `sft` and `rl`: schedule, accumulation, clipping, checkpoints, resume.

use crate::error::Error;
use crate::events::Progress;
use crate::model_source::{copy_adapter, save_adapter};
use crate::run_dir::write_atomically;
use crate::stages::StageContext;
use anyhow::Context;
use candle_core::{Device, Tensor, Var};
use datasets::config::{Keep, Schedule, TrainingConfig};
use model::{AdamW, AdamWConfig, Gradients, Lora, LoraConfig};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// The folder of a trained adapter, in PEFT's form.
pub const ADAPTER: &str = "adapter";

/// The adapter with the least loss on held-out records, and the last one, where the other is handed on.
pub const BEST_ADAPTER: &str = "adapter-best";
pub const LAST_ADAPTER: &str = "adapter-last";

/// The learning rate at a step: linear warm-up, then as the schedule has it.
pub fn learning_rate(config: &TrainingConfig, step: usize, steps: usize) -> f64 {
    let warmup = match config.warmup_share {
        share if share > 0.0 => (share * steps as f64).ceil() as usize,
        _ => config.warmup_steps.min(steps),
    };
    if step < warmup {
        return config.learning_rate * (step + 1) as f64 / warmup as f64;
    }
    let progress = (step - warmup) as f64 / (steps - warmup).max(1) as f64;
    let share = match config.schedule {
        Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        Schedule::Linear => 1.0 - progress,
        Schedule::Constant => 1.0,
    };
    config.learning_rate * share
}

/// A look at records that no step learns from.
pub struct HeldOut<'a> {
    /// Steps between two looks; the last step has one too.
    pub every: usize,
    /// Looks without a lower loss after which the training ends; 0: it does not end early.
    pub patience: usize,
    pub keep: Keep,
    /// The loss with what is learnt so far.
    pub loss: &'a mut dyn FnMut() -> anyhow::Result<f64>,
}

/// What the looks have shown so far; a checkpoint has it.
struct Looks {
    /// (the least loss, looks since)
    state: Var,
}

impl Looks {
    fn new() -> anyhow::Result<Self> {
        let state = Var::from_tensor(&Tensor::new(&[f64::INFINITY, 0.0], &Device::Cpu)?)?;
        Ok(Looks { state })
    }

    /// Takes a loss in; whether it is the least, and how many looks had no lower one since.
    fn take(&self, loss: f64) -> anyhow::Result<(bool, usize)> {
        let state = self.state.to_vec1::<f64>()?;
        let is_best = loss < state[0];
        let (best, since) = match is_best {
            true => (loss, 0.0),
            false => (state[0], state[1] + 1.0),
        };
        self.state
            .set(&Tensor::new(&[best, since], &Device::Cpu)?)?;
        Ok((is_best, since as usize))
    }
}

/// Values of a step for the event log, by name.
pub type StepValues = Vec<(&'static str, f64)>;

/// What is trained, and what else a run goes on from.
pub struct Trained<'a> {
    pub lora: &'a Arc<Lora>,
    /// Variables trained beside the adapter, by name; not part of it.
    pub others: Vec<(String, Var)>,
    /// What the steps change themselves.
    pub kept: Vec<(String, Var)>,
    /// Steps that belong together: a checkpoint is written only after the last of them.
    pub round: usize,
}

impl<'a> Trained<'a> {
    /// An adapter alone, each step on its own.
    pub fn adapter(lora: &'a Arc<Lora>) -> Self {
        Trained {
            lora,
            others: Vec::new(),
            kept: Vec::new(),
            round: 1,
        }
    }

    fn vars(&self) -> Vec<(String, Var)> {
        [self.lora.vars(), self.others.clone()].concat()
    }

    /// All that a checkpoint holds.
    fn all(&self) -> Vec<(String, Var)> {
        [self.vars(), self.kept.clone()].concat()
    }
}

/// Trains for `steps` steps; `step(index, gradients)` adds the step's gradients and returns
/// what is worth logging. The step must depend on its index and on what is trained and kept alone,
/// at the start of its round: so a run that was killed goes on from the last checkpoint and ends
/// with the same bytes.
///
/// Writes `checkpoint/` while it runs and `adapter/` at its end, both in `context.records`; with
/// `held_out` also the best adapter, or the last, beside it.
///
/// # Errors
/// Of the disk, and where the loss or the gradient is no longer a number: then the last checkpoint
/// stands, and the message says what to change.
pub fn optimize(
    context: &StageContext<'_>,
    config: &TrainingConfig,
    trained: &Trained<'_>,
    steps: usize,
    mut held_out: Option<HeldOut<'_>>,
    step: &mut dyn FnMut(usize, &mut Gradients) -> anyhow::Result<StepValues>,
) -> anyhow::Result<()> {
    let looks = Looks::new()?;
    let trained = &Trained {
        kept: match held_out {
            Some(_) => [
                trained.kept.clone(),
                vec![("looks".into(), looks.state.clone())],
            ]
            .concat(),
            None => trained.kept.clone(),
        },
        others: trained.others.clone(),
        ..*trained
    };
    let best = context.records.join(BEST_ADAPTER);
    let checkpoint = Checkpoint {
        path: context.records.join("checkpoint").join("state.safetensors"),
    };
    let adamw = AdamWConfig {
        weight_decay: config.weight_decay,
        ..AdamWConfig::default()
    };
    let (mut optimizer, mut done) = checkpoint.load(trained, adamw)?;
    let mut progress = Progress::start(context, done as u64, steps as u64, "steps")?;
    while done < steps {
        let mut gradients = Gradients::default();
        let mut values = step(done, &mut gradients)?;
        let norm = gradients.clip(config.clip)?;
        if !norm.is_finite() {
            anyhow::bail!(
                "{}: the gradient is not a number at step {done}; lower learning_rate ({}) and start \
                 again: the last checkpoint stands",
                context.stage,
                config.learning_rate
            );
        }
        let rate = learning_rate(config, done, steps);
        optimizer.step(&trained.vars(), &gradients, rate)?;
        values.extend([("gradient_norm", norm), ("learning_rate", rate)]);
        if let Some((name, value)) = values.first() {
            progress.message(format!("{name} {value:.4}"));
        }
        let mut ends_early = false;
        let next = done + 1;
        if let Some(look) = &mut held_out
            && (next % look.every == 0 || next == steps)
        {
            let loss = (look.loss)()?;
            let (is_best, since) = looks.take(loss)?;
            if is_best {
                save_adapter(&best, trained.lora)?;
            }
            values.push(("held_out_loss", loss));
            ends_early = look.patience > 0 && since >= look.patience;
        }
        progress.metrics(done as u64, values)?;
        done = next;
        progress.set(done as u64)?;
        if ends_early {
            progress.note(&format!(
                "ended after step {done} of {steps}: the loss on held-out records has not fallen"
            ))?;
            break;
        }
        let every = config
            .checkpoint_every
            .max(1)
            .next_multiple_of(trained.round);
        if done % every == 0 && done < steps {
            checkpoint.save(trained, &optimizer)?;
        }
    }
    let hands_on_best = held_out.is_some_and(|look| look.keep == Keep::Best) && best.exists();
    let last = match hands_on_best {
        true => LAST_ADAPTER,
        false => ADAPTER,
    };
    save_adapter(&context.records.join(last), trained.lora)?;
    if hands_on_best {
        copy_adapter(&best, &context.records.join(ADAPTER))?;
    }
    checkpoint.remove()?;
    progress.finish()
}

const TRAINED_PART: &str = "trained";
const OPTIMIZER_PART: &str = "optimizer";

/// What is trained and kept, moments and the number of steps done, in one file, so that it is whole or absent.
struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    fn save(&self, trained: &Trained<'_>, optimizer: &AdamW) -> anyhow::Result<()> {
        let tensors: BTreeMap<String, Tensor> = trained
            .all()
            .into_iter()
            .map(|(name, variable)| (name, variable.as_tensor().clone()))
            .collect();
        let tensors = safetensors::serialize(tensors, None)?;
        let optimizer = optimizer.to_bytes()?;
        let parts: [(&str, &[u8]); 2] = [(TRAINED_PART, &tensors), (OPTIMIZER_PART, &optimizer)];
        let views = parts.map(|(name, bytes)| {
            safetensors::tensor::TensorView::new(safetensors::Dtype::U8, vec![bytes.len()], bytes)
                .map(|view| (name, view))
        });
        let views = views.into_iter().collect::<Result<Vec<_>, _>>()?;
        write_atomically(&self.path, &safetensors::serialize(views, None)?)
    }

    /// The optimizer and the number of steps done, with the variables set; a fresh one
    /// where there is no checkpoint.
    fn load(&self, trained: &Trained<'_>, adamw: AdamWConfig) -> anyhow::Result<(AdamW, usize)> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((AdamW::new(adamw), 0));
            }
            Err(source) => {
                return Err(Error::Read {
                    path: self.path.clone(),
                    source,
                }
                .into());
            }
        };
        self.restore(&bytes, trained, adamw).with_context(|| {
            format!(
                "{}: damaged; remove it to start the stage anew",
                self.path.display()
            )
        })
    }

    fn restore(
        &self,
        bytes: &[u8],
        trained: &Trained<'_>,
        adamw: AdamWConfig,
    ) -> anyhow::Result<(AdamW, usize)> {
        let parts = safetensors::SafeTensors::deserialize(bytes)?;
        let tensors = candle_core::safetensors::load_buffer(
            parts.tensor(TRAINED_PART)?.data(),
            &Device::Cpu,
        )?;
        for (name, variable) in trained.all() {
            let tensor = tensors
                .get(&name)
                .with_context(|| format!("no tensor {name}"))?;
            variable.set(
                &tensor
                    .to_dtype(variable.dtype())?
                    .to_device(variable.device())?,
            )?;
        }
        let optimizer = AdamW::from_bytes(adamw, parts.tensor(OPTIMIZER_PART)?.data())?;
        let done = usize::try_from(optimizer.steps())?;
        Ok((optimizer, done))
    }

    fn remove(&self) -> anyhow::Result<()> {
        match self.path.parent().map(fs::remove_dir_all) {
            Some(Err(source)) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Write {
                    path: self.path.clone(),
                    source,
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}

/// The adapter's metadata key for how it was trained: a METHOD's name.
const LABEL: &str = "sayself_label";

/// Says in the adapter how it was trained.
pub fn set_label(lora: &mut Lora, label: &str) {
    lora.metadata_mut().insert(LABEL.into(), label.into());
}

/// How the adapter was trained, where it says so.
pub fn label(lora: &Lora) -> Option<&str> {
    lora.metadata().get(LABEL).map(String::as_str)
}

/// The adapter's shape, as the configuration asks for it.
pub fn lora_config(config: &TrainingConfig) -> anyhow::Result<LoraConfig> {
    let targets = config
        .lora_targets
        .iter()
        .map(|name| model::Projection::from_name(name).ok_or_else(|| crate::error::bad_use(format!(
            "lora_targets: unknown projection {name:?}; expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj"
        ))))
        .collect::<anyhow::Result<_>>()?;
    Ok(LoraConfig {
        rank: config.lora_rank,
        alpha: config.lora_alpha,
        targets,
        first_layer: config.first_layer,
        dropout: config.lora_dropout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_remember_the_least_loss() {
        let looks = Looks::new().unwrap();
        let shown: Vec<(bool, usize)> = [0.5, 0.6, 0.5, 0.4]
            .into_iter()
            .map(|loss| looks.take(loss).unwrap())
            .collect();
        assert_eq!(shown, [(true, 0), (false, 1), (false, 2), (true, 0)]);
    }

    #[test]
    fn the_rate_warms_up_and_falls_to_zero() {
        let config = TrainingConfig {
            learning_rate: 1.0,
            warmup_steps: 10,
            ..TrainingConfig::default()
        };
        assert!((learning_rate(&config, 0, 110) - 0.1).abs() < 1e-12);
        assert!((learning_rate(&config, 9, 110) - 1.0).abs() < 1e-12);
        assert!((learning_rate(&config, 60, 110) - 0.5).abs() < 1e-12);
        assert!(learning_rate(&config, 109, 110) < 0.001);
        let with = |schedule| TrainingConfig {
            schedule,
            ..config.clone()
        };
        assert!((learning_rate(&with(Schedule::Linear), 35, 110) - 0.75).abs() < 1e-12);
        assert_eq!(learning_rate(&with(Schedule::Constant), 109, 110), 1.0);
        let by_share = TrainingConfig {
            warmup_share: 0.2,
            ..config.clone()
        };
        assert!((learning_rate(&by_share, 10, 110) - 0.5).abs() < 1e-12);
        // Fewer steps than warm-up steps.
        assert!((learning_rate(&config, 4, 5) - 1.0).abs() < 1e-12);
    }
}
