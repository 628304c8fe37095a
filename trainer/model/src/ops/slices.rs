//! The values of CPU tensors as slices.

use candle_core::{CpuStorage, Device, Layout, Result, Storage, Tensor, bail};

/// The values of a contiguous CPU storage.
pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("a custom operation needs contiguous tensors, found {layout:?}"),
    }
}

/// Calls `f` with the values of a CPU tensor of `f32`.
pub(crate) fn with_slice<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(slice(storage, layout)?)),
        _ => bail!(
            "expected a tensor on the CPU, found one on {:?}",
            tensor.device().location()
        ),
    }
}

/// A CPU tensor of these values.
pub(crate) fn tensor_from_vec(values: Vec<f32>, shape: (usize, usize)) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
}
