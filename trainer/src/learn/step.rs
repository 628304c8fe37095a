//! One forward pass of a training step: frozen layers by the fast kernels, trained layers with
//! gradients, logits only at the rows that are trained.

use crate::learn::example::Targets;
use crate::learn::loss::{self, Levels};
use candle_core::Tensor;
use model::{Decoder, LevelTokens, Lora, Segments};
use std::sync::Arc;

/// A decoder that learns.
pub struct Learner {
    /// Computes the layers below the first trained one; the weights as the file holds them.
    frozen: Decoder,
    /// Dense weights, with the adapter.
    trained: Decoder,
    first_layer: usize,
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
}

impl Learner {
    /// `frozen` may hold quantized weights; `trained` must be dense.
    pub fn new(frozen: &Decoder, trained: &Decoder, lora: &Arc<Lora>, levels: LevelTokens) -> Self {
        Learner {
            frozen: frozen.without_adapter(),
            trained: trained.with_adapter(lora.clone()),
            first_layer: lora.config().first_layer.min(trained.config().layers),
            levels,
        }
    }

    /// The levels' distributions and the trained tokens' losses of one tree of examples.
    pub fn forward(&self, segments: &Segments, targets: &Targets) -> anyhow::Result<Outputs> {
        let embedded = self.frozen.embed(segments.tokens())?;
        let below = self
            .frozen
            .layers(&embedded, segments, 0..self.first_layer)?
            .detach();
        let hidden = self.trained.layers(
            &below,
            segments,
            self.first_layer..self.trained.config().layers,
        )?;

        let parts = [
            &targets.before_level,
            &targets.after_one,
            &targets.answer_rows,
            &targets.rationale_rows,
        ];
        let rows: Vec<u32> = parts.iter().flat_map(|rows| rows.iter().copied()).collect();
        let rows = Tensor::new(rows, hidden.device())?;
        let logits = self.trained.logits(&hidden.index_select(&rows, 0)?)?;

        let branches = targets.before_level.len();
        let levels = loss::levels(
            &logits.narrow(0, 0, branches)?,
            &logits.narrow(0, branches, branches)?,
            &self.levels,
        )?;
        let tokens_loss = |start: usize, tokens: &[u32]| -> anyhow::Result<Option<Tensor>> {
            if tokens.is_empty() {
                return Ok(None);
            }
            Ok(Some(loss::next_token(
                &logits.narrow(0, start, tokens.len())?,
                tokens,
            )?))
        };
        let answers = 2 * branches;
        Ok(Outputs {
            levels,
            answer: tokens_loss(answers, &targets.answer_tokens)?,
            rationale: tokens_loss(
                answers + targets.answer_tokens.len(),
                &targets.rationale_tokens,
            )?,
        })
    }
}
