//! What each row of a pass sees, and how it is rotated: everything before it, or in layers with a
//! window only what lies just before it.

use crate::config::{Rotation, Window};
use crate::ops::plain;
use crate::{Config, ModelError};
use candle_core::{Device, Tensor};
use kernels::{RopeTable, Spans};

/// The spans of both kinds of layers.
pub(crate) struct Sight {
    everything: Spans,
    /// Where a row sees more than the window.
    window: Option<Windowed>,
    /// By kind of layer, once plain compositions have asked for them.
    masks: [Option<Tensor>; 2],
}

struct Windowed {
    spans: Spans,
    /// Whether each layer has the window.
    layers: Vec<bool>,
}

impl Sight {
    /// Of rows that see `everything`, each its own row last.
    pub(crate) fn new(everything: Spans, window: Option<&Window>) -> Self {
        let window = window.and_then(|window| {
            Some(Windowed {
                spans: everything.last(window.tokens)?,
                layers: window.layers.clone(),
            })
        });
        Self {
            everything,
            window,
            masks: [None, None],
        }
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.everything.len()
    }

    /// What rows see in a layer.
    pub(crate) fn of(&self, layer: usize) -> &Spans {
        match &self.window {
            Some(window) if window.layers[layer] => &window.spans,
            _ => &self.everything,
        }
    }

    /// 0 where a row sees a key in a layer, -∞ where not: (n, keys). Source `s` starts at key
    /// `starts[s]`.
    pub(crate) fn mask(
        &mut self,
        layer: usize,
        starts: &[usize],
        keys: usize,
        device: &Device,
    ) -> Result<&Tensor, ModelError> {
        let Self {
            everything,
            window,
            masks: [of_everything, of_window],
        } = self;
        let (spans, mask) = match window {
            Some(window) if window.layers[layer] => (&window.spans, of_window),
            _ => (&*everything, of_everything),
        };
        Ok(match mask {
            Some(mask) => mask,
            None => mask.insert(mask_of(spans, starts, keys, device)?),
        })
    }
}

/// 0 where a row sees a key, -∞ where not: (n, keys). Source `s` starts at key `starts[s]`.
pub(crate) fn mask_of(
    spans: &Spans,
    starts: &[usize],
    keys: usize,
    device: &Device,
) -> Result<Tensor, ModelError> {
    let mut mask = vec![f32::NEG_INFINITY; spans.len() * keys];
    for (row, mask) in mask.chunks_exact_mut(keys.max(1)).enumerate() {
        for span in spans.of(row) {
            let start = starts[span.source];
            mask[start + span.rows.start..start + span.rows.end].fill(0.0);
        }
    }
    Ok(Tensor::from_vec(mask, (spans.len(), keys), device)?)
}

/// The rotations of both kinds of layers, `T` for each.
pub(crate) struct Rotations<T> {
    everything: T,
    /// Where the window's layers rotate in another way.
    window: Option<T>,
}

impl<T> Rotations<T> {
    /// That of a layer.
    pub(crate) fn of(&self, config: &Config, layer: usize) -> &T {
        match &self.window {
            Some(window) if config.is_local(layer) => window,
            _ => &self.everything,
        }
    }
}

/// How the window's layers rotate, where that is another way.
fn rotation_in_window(config: &Config) -> Option<Rotation> {
    let rotation = config.window.as_ref()?.rotation;
    (rotation != config.rotation).then_some(rotation)
}

impl Rotations<RopeTable> {
    /// For the kernels.
    pub(crate) fn host(config: &Config, positions: &[u32]) -> Self {
        let table = |rotation: Rotation| rotation.table(positions, config.head_dim);
        Self {
            everything: table(config.rotation),
            window: rotation_in_window(config).map(table),
        }
    }
}

impl Rotations<(Tensor, Tensor)> {
    /// Cosines and sines for plain compositions.
    pub(crate) fn plain(
        config: &Config,
        positions: &[u32],
        device: &Device,
    ) -> Result<Self, ModelError> {
        let table = |rotation| plain::rope_table(positions, config.head_dim, rotation, device);
        Ok(Self {
            everything: table(config.rotation)?,
            window: rotation_in_window(config).map(table).transpose()?,
        })
    }
}
