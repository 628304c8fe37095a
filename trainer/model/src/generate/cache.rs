//! Keys and values of tokens that were computed.

use crate::config::Window;
use crate::decoder::Attend;
use crate::decoder::sight::Sight;
use crate::ops::plain;
use crate::{Decoder, ModelError};
use candle_core::{Device, Tensor};
use kernels::{AttentionShape, KeyValues, Span, Spans};
use std::collections::HashMap;
use std::ops::Range;

/// Rows that a full chunk grows by.
const GROWTH: usize = 32;

/// Which chunk of a [`Cache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ChunkId(usize);

#[cfg(test)]
impl ChunkId {
    pub(super) fn numbered(number: usize) -> Self {
        Self(number)
    }
}

/// Rows of a chunk.
pub(super) type ChunkRows = (ChunkId, Range<usize>);

/// Keys and values, in chunks that grow by rows and that several sequences may see.
pub(super) struct Cache {
    shape: AttentionShape,
    window: Option<Window>,
    layers: usize,
    plain: bool,
    device: Device,
    chunks: Vec<Chunk>,
    free: Vec<ChunkId>,
}

#[derive(Default)]
struct Chunk {
    /// By layer, each (rows, kv_heads · head_dim).
    layers: Vec<LayerRows>,
    rows: usize,
}

enum LayerRows {
    Host { keys: Vec<f32>, values: Vec<f32> },
    Plain(Option<(Tensor, Tensor)>),
}

impl Cache {
    pub(super) fn new(decoder: &Decoder) -> Self {
        Self {
            shape: decoder.attention_shape(),
            window: decoder.config().window.clone(),
            layers: decoder.config().layers,
            plain: decoder.is_plain(),
            device: decoder.device().clone(),
            chunks: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Bytes of a token's keys and values, all layers.
    pub(super) fn token_bytes(&self) -> usize {
        let width = self.shape.kv_heads * self.shape.head_dim;
        self.layers * 2 * width * size_of::<f32>()
    }

    /// An empty chunk.
    pub(super) fn chunk(&mut self) -> ChunkId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk::default());
            ChunkId(self.chunks.len() - 1)
        });
        let empty = || match self.plain {
            true => LayerRows::Plain(None),
            false => LayerRows::Host {
                keys: Vec::new(),
                values: Vec::new(),
            },
        };
        self.chunks[id.0].layers = (0..self.layers).map(|_| empty()).collect();
        id
    }

    /// Rows of a chunk.
    pub(super) fn rows(&self, id: ChunkId) -> usize {
        self.chunks[id.0].rows
    }

    /// Rows of all chunks.
    pub(super) fn rows_held(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows).sum()
    }

    /// Gives a chunk's memory back.
    pub(super) fn drop_chunk(&mut self, id: ChunkId) {
        self.chunks[id.0] = Chunk::default();
        self.free.push(id);
    }
}

/// One pass over a flat batch: which rows go into which chunk, and what each row sees.
#[derive(Default)]
pub(super) struct Step {
    writes: Vec<ChunkRows>,
    sources: Vec<ChunkId>,
    source_of: HashMap<ChunkId, usize>,
    spans: Spans,
}

impl Step {
    /// The batch's rows `rows` are appended to `chunk`.
    pub(super) fn write(&mut self, chunk: ChunkId, rows: Range<usize>) {
        self.writes.push((chunk, rows));
    }

    /// The next row sees these rows, its own among them.
    pub(super) fn see(&mut self, rows: impl IntoIterator<Item = ChunkRows>) {
        let Self {
            sources,
            source_of,
            spans,
            ..
        } = self;
        spans.push(rows.into_iter().map(|(chunk, rows)| {
            let source = *source_of.entry(chunk).or_insert_with(|| {
                sources.push(chunk);
                sources.len() - 1
            });
            Span { source, rows }
        }));
    }
}

/// A [`Step`] over a [`Cache`].
pub(super) struct CachedAttention<'a> {
    cache: &'a mut Cache,
    writes: Vec<ChunkRows>,
    sources: Vec<ChunkId>,
    sight: Sight,
}

impl<'a> CachedAttention<'a> {
    pub(super) fn new(cache: &'a mut Cache, step: Step) -> Self {
        let Step {
            writes,
            sources,
            spans,
            ..
        } = step;
        for (chunk, rows) in &writes {
            cache.chunks[chunk.0].rows += rows.len();
        }
        Self {
            sight: Sight::new(spans, cache.window.as_ref()),
            cache,
            writes,
            sources,
        }
    }
}

impl Attend for CachedAttention<'_> {
    fn attend_plain(
        &mut self,
        layer: usize,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let Self {
            cache,
            writes,
            sources,
            sight,
        } = self;
        for (chunk, rows) in writes {
            let k = k.narrow(0, rows.start, rows.len())?;
            let v = v.narrow(0, rows.start, rows.len())?;
            if let LayerRows::Plain(rows) = &mut cache.chunks[chunk.0].layers[layer] {
                let grown = match rows {
                    None => (k.copy()?, v.copy()?),
                    Some((keys, values)) => (
                        Tensor::cat(&[&*keys, &k], 0)?,
                        Tensor::cat(&[&*values, &v], 0)?,
                    ),
                };
                *rows = Some(grown);
            }
        }
        let (mut keys, mut values, mut starts, mut total) = (vec![], vec![], vec![], 0);
        for chunk in sources {
            starts.push(total);
            if let LayerRows::Plain(Some((k, v))) = &cache.chunks[chunk.0].layers[layer] {
                total += k.dims2()?.0;
                keys.push(k.clone());
                values.push(v.clone());
            }
        }
        let mask = sight.mask(layer, &starts, total, &cache.device)?;
        let (keys, values) = (Tensor::cat(&keys, 0)?, Tensor::cat(&values, 0)?);
        Ok(plain::attention(cache.shape, q, &keys, &values, mask)?)
    }

    fn attend_host(
        &mut self,
        layer: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
    ) -> Result<(), ModelError> {
        let Self {
            cache,
            writes,
            sources,
            sight,
        } = self;
        let width = cache.shape.kv_heads * cache.shape.head_dim;
        for (chunk, rows) in writes {
            let part = rows.start * width..rows.end * width;
            if let LayerRows::Host { keys, values } = &mut cache.chunks[chunk.0].layers[layer] {
                for (rows, new) in [(keys, &k[part.clone()]), (values, &v[part])] {
                    // Doubling would leave half of the memory unused.
                    if rows.capacity() < rows.len() + new.len() {
                        rows.reserve_exact(new.len().max(GROWTH * width));
                    }
                    rows.extend_from_slice(new);
                }
            }
        }
        let sources: Vec<_> = sources
            .iter()
            .filter_map(|chunk| match &cache.chunks[chunk.0].layers[layer] {
                LayerRows::Host { keys, values } => Some(KeyValues { keys, values }),
                LayerRows::Plain(_) => None,
            })
            .collect();
        kernels::attention(cache.shape, q, &sources, sight.of(layer), out, None);
        Ok(())
    }
}
