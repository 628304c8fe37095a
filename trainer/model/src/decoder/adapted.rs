//! Adapters of a pass whose rows have different ones: what all share is computed once for all rows, and
//! each adapter adds its own to its rows.

use crate::ops::{Linear, Scratch};
use crate::{Lora, Projection};
use candle_core::{Result, Tensor};
use std::ops::Range;

/// The adapter of some rows of a pass. Those of a pass lie one after the other and cover all of its rows.
#[derive(Clone, Debug)]
pub(crate) struct AdapterRows<'a> {
    pub rows: Range<usize>,
    /// `None` for the model itself.
    pub adapter: Option<&'a Lora>,
}

/// Adds what the adapters make of `x` (n, in) to `y` (n, out), each to its rows.
pub(super) fn add(
    adapters: &[AdapterRows<'_>],
    layer: usize,
    projection: Projection,
    linear: &Linear,
    (x, y): (&[f32], &mut [f32]),
    scratch: &mut Scratch,
) -> Result<()> {
    for AdapterRows { rows, adapter } in adapters {
        let Some(pair) = adapter.and_then(|adapter| adapter.pair(layer, projection)) else {
            continue;
        };
        let x = &x[rows.start * linear.columns()..rows.end * linear.columns()];
        let y = &mut y[rows.start * linear.rows()..rows.end * linear.rows()];
        linear.add_pair(x, pair, scratch, y)?;
    }
    Ok(())
}

/// `each` of the rows of `x` of each adapter, one after the other.
pub(super) fn by_adapter(
    adapters: &[AdapterRows<'_>],
    x: &Tensor,
    each: impl Fn(Option<&Lora>, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if let [all] = adapters {
        return each(all.adapter, x);
    }
    let parts = adapters
        .iter()
        .map(|AdapterRows { rows, adapter }| {
            each(
                *adapter,
                &x.narrow(0, rows.start, rows.len())?.contiguous()?,
            )
        })
        .collect::<Result<Vec<_>>>()?;
    Tensor::cat(&parts, 0)
}
