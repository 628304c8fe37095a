//! A writer of safetensors whose bytes depend on its arguments alone: the crate `safetensors`
//! writes its metadata in the order of a hash map.

use crate::ModelError;
use candle_core::{DType, Tensor};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Data starts at a multiple of this many bytes.
const ALIGNMENT: usize = 8;

/// The file of these tensors, all written as `f32`, in the order of their names.
pub(crate) fn write(
    tensors: &BTreeMap<String, Tensor>,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ModelError> {
    let shapes = tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()));
    let mut bytes = head(shapes, metadata);
    for tensor in tensors.values() {
        let values: Vec<f32> = tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        values
            .iter()
            .for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    }
    Ok(bytes)
}

/// What stands before the values of `f32` tensors of these names and shapes, which follow in this
/// order.
pub(crate) fn head(
    tensors: impl IntoIterator<Item = (String, Vec<usize>)>,
    metadata: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + shape.iter().product::<usize>() * size_of::<f32>();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]});
        header.insert(name, entry);
        start = end;
    }
    let mut header = Json::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes
}
