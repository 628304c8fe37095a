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
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut data = Vec::new();
    for (name, tensor) in tensors {
        let start = data.len();
        let values: Vec<f32> = tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        values
            .iter()
            .for_each(|value| data.extend_from_slice(&value.to_le_bytes()));
        let entry =
            json!({"dtype": "F32", "shape": tensor.dims(), "data_offsets": [start, data.len()]});
        header.insert(name.clone(), entry);
    }
    let mut header = Json::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    Ok(bytes)
}
