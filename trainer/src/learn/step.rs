//! One forward pass of a training step: frozen layers by the fast kernels, trained layers with
//! gradients, logits only at the rows that are trained.

use crate::learn::Student;
use crate::learn::example::Targets;
use crate::learn::frozen::FrozenLayers;
use crate::learn::loss::{self, LevelRows, Levels};
use candle_core::{Tensor, Var};
use datasets::config::Precision;
use model::{Decoder, Gradients, LevelTokens, Lora, Segments, Tape};
use std::sync::Arc;

/// A decoder that learns.
pub struct Learner {
    /// Computes the layers below the first trained one.
    frozen: Arc<FrozenLayers>,
    /// Dense weights, with the adapter.
    trained: Decoder,
    lora: Arc<Lora>,
    levels: LevelTokens,
}

/// What a step's losses are computed from.
pub struct Outputs {
    /// The distribution over the levels of each branch.
    pub levels: Levels,
    /// Cross-entropy of each token of an answer that is trained; absent where there is none.
    pub answer: Option<Tensor>,
    /// Cross-entropy of each token of a self-reflection that is trained.
    pub rationale: Option<Tensor>,
    /// Hidden states of the rows, kind by kind as [`Targets`] has them.
    hidden: Tensor,
    branches: usize,
    /// Takes a loss of these to the adapter's gradients.
    tape: Tape,
}

impl Outputs {
    /// Adds the gradients of `loss`, a scalar made of these outputs and of `others`.
    pub fn add_gradients(
        self,
        loss: &Tensor,
        others: &[(String, Var)],
        gradients: &mut Gradients,
    ) -> anyhow::Result<()> {
        Ok(gradients.add(&self.tape.backward_with(loss, others)?)?)
    }

    /// The hidden states before each choice, those of the answers' tokens first, then those before
    /// each level: (tokens + branches, hidden).
    pub fn states(&self) -> candle_core::Result<Tensor> {
        let before_level = self.hidden.narrow(0, 0, self.branches)?;
        let tokens = self.answer.as_ref().map_or(Ok(0), |answer| answer.dim(0))?;
        match tokens {
            0 => Ok(before_level),
            _ => {
                let of_answers = self.hidden.narrow(0, 4 * self.branches, tokens)?;
                Tensor::cat(&[&of_answers, &before_level], 0)
            }
        }
    }
}

impl Learner {
    /// The final norm of hidden states: what a value head reads.
    pub fn normed(&self, hidden: &Tensor) -> anyhow::Result<Tensor> {
        Ok(self.trained.normed(hidden)?)
    }

    /// A student that learns `lora`, by products of `precision`.
    pub fn new(student: &Student, lora: &Arc<Lora>, precision: Precision) -> Self {
        let precision = match precision {
            Precision::F32 => model::Precision::F32,
            Precision::Bf16 => model::Precision::Bf16,
            Precision::Int8 => model::Precision::Int8,
        };
        Learner {
            frozen: student.frozen(lora.config().first_layer),
            trained: student
                .dense
                .with_adapter(lora.clone())
                .with_precision(precision),
            lora: lora.clone(),
            levels: student.levels.clone(),
        }
    }

    /// For one pass, what the adapter's pairs read is dropped by its share, at random by `seed`.
    pub fn dropping(&self, seed: u64) -> Self {
        let trained = match self.lora.config().dropout > 0.0 {
            true => self
                .trained
                .with_adapter(Arc::new(self.lora.with_dropout(seed))),
            false => self.trained.clone(),
        };
        Learner {
            frozen: self.frozen.clone(),
            trained,
            lora: self.lora.clone(),
            levels: self.levels.clone(),
        }
    }

    /// The levels' distributions and the trained tokens' losses of one tree of examples.
    pub fn forward(&self, segments: &Segments, targets: &Targets) -> anyhow::Result<Outputs> {
        let below = self.frozen.forward(segments)?;
        let tape = self.trained.train_layers(
            &below,
            segments,
            self.frozen.end()..self.trained.config().layers,
        )?;

        let parts = [
            &targets.before_level,
            &targets.after_one,
            &targets.after_ten,
            &targets.after_digit,
            &targets.answer_rows,
            &targets.rationale_rows,
        ];
        let rows: Vec<u32> = parts.iter().flat_map(|rows| rows.iter().copied()).collect();
        let hidden = model::ops::rows(tape.output(), &rows)?;

        let branches = targets.before_level.len();
        let level_rows = LevelRows::first(branches as u32);
        let of_levels = level_rows.places(&self.levels);
        let tokens = targets
            .answer_tokens
            .iter()
            .chain(&targets.rationale_tokens);
        let of_tokens = (level_rows.after_digit.end..).zip(tokens.copied());
        let places: Vec<(u32, u32)> = of_levels.iter().copied().chain(of_tokens).collect();
        let logprobs = self.trained.logprobs_at(&hidden, &places)?;

        let part = |start: usize, count: usize| logprobs.narrow(0, start, count);
        let tokens_loss = |start: usize, count: usize| match count {
            0 => Ok(None),
            _ => part(start, count)?.neg().map(Some),
        };
        let answers = targets.answer_tokens.len();
        Ok(Outputs {
            levels: loss::levels(&part(0, of_levels.len())?, branches, &self.levels)?,
            answer: tokens_loss(of_levels.len(), answers)?,
            rationale: tokens_loss(of_levels.len() + answers, targets.rationale_tokens.len())?,
            hidden,
            branches,
            tape,
        })
    }
}
