//! Values to the blocks of a storage format, exactly as ggml's reference functions do it
//! (`quantize_row_q4_0_ref`, `quantize_row_q4_1_ref` and `quantize_row_q8_0_ref` of `ggml-quants.c`).

use crate::ModelError;
use half::f16;
use kernels::Format;

/// Values of a block of Q4_0, Q4_1 and Q8_0.
const BLOCK: usize = 32;

/// The bytes of whole rows of `values` in `format`: F32, F16, Q4_0, Q4_1 or Q8_0.
///
/// ```
/// use kernels::{Format, dequantize};
/// let values: Vec<f32> = (0..32).map(|i| i as f32 - 16.0).collect();
/// let bytes = model::export::quantize(Format::Q8_0, &values)?;
/// let mut again = vec![0.0; 32];
/// dequantize(Format::Q8_0, &bytes, &mut again)?;
/// assert!(values.iter().zip(&again).all(|(a, b)| (a - b).abs() < 0.1));
/// # Ok::<(), model::ModelError>(())
/// ```
///
/// # Errors
/// If the values are no whole blocks, one of them is not finite or too large for the format's 16
/// bits, or the format is one that is only read (Q5_0, Q4_K, Q6_K).
pub fn quantize(format: Format, values: &[f32]) -> Result<Vec<u8>, ModelError> {
    if let Some(wrong) = values.iter().find(|value| !value.is_finite()) {
        return Err(ModelError::unsupported(
            "a weight",
            "a finite number",
            wrong,
        ));
    }
    let mut bytes = Vec::with_capacity(format.bytes(1, values.len())?);
    match format {
        Format::F32 => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Format::F16 => {
            for &value in values {
                push_half(value, &mut bytes)?;
            }
        }
        Format::Q4_0 => {
            for block in values.chunks_exact(BLOCK) {
                q4_0(block, &mut bytes)?;
            }
        }
        Format::Q4_1 => {
            for block in values.chunks_exact(BLOCK) {
                q4_1(block, &mut bytes)?;
            }
        }
        Format::Q8_0 => {
            for block in values.chunks_exact(BLOCK) {
                q8_0(block, &mut bytes)?;
            }
        }
        Format::Q5_0 | Format::Q4K | Format::Q6K => {
            return Err(ModelError::unsupported(
                "a format to write",
                "F32, F16, Q4_0, Q4_1 or Q8_0",
                format!("{format:?}"),
            ));
        }
    }
    Ok(bytes)
}

/// A number in 16 bits.
fn push_half(value: f32, bytes: &mut Vec<u8>) -> Result<(), ModelError> {
    let half = f16::from_f32(value);
    if !half.is_finite() {
        return Err(ModelError::unsupported(
            "a weight, or a block's scale, in 16 bits",
            format!("at most {}", f16::MAX),
            value,
        ));
    }
    bytes.extend(half.to_le_bytes());
    Ok(())
}

/// 1 / scale, and 0 for a block of zeros.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// The low four bits are of the first half of the block, the high four of the second.
fn push_nibbles(block: &[f32], level: impl Fn(f32) -> u8, bytes: &mut Vec<u8>) {
    let (low, high) = block.split_at(BLOCK / 2);
    bytes.extend(
        low.iter()
            .zip(high)
            .map(|(&low, &high)| level(low) | (level(high) << 4)),
    );
}

fn q4_0(block: &[f32], bytes: &mut Vec<u8>) -> Result<(), ModelError> {
    // The value of the greatest size, with its sign: it becomes level 0, which stands for −8.
    let (mut greatest, mut size) = (0.0f32, 0.0f32);
    for &value in block {
        if value.abs() > size {
            (greatest, size) = (value, value.abs());
        }
    }
    let scale = greatest / -8.0;
    let inverse = inverse(scale);
    push_half(scale, bytes)?;
    push_nibbles(
        block,
        |value| ((value * inverse + 8.5) as u8).min(15),
        bytes,
    );
    Ok(())
}

fn q4_1(block: &[f32], bytes: &mut Vec<u8>) -> Result<(), ModelError> {
    let least = block.iter().copied().fold(f32::MAX, f32::min);
    let greatest = block.iter().copied().fold(f32::MIN, f32::max);
    let scale = (greatest - least) / 15.0;
    let inverse = inverse(scale);
    push_half(scale, bytes)?;
    push_half(least, bytes)?;
    push_nibbles(
        block,
        |value| (((value - least) * inverse + 0.5) as u8).min(15),
        bytes,
    );
    Ok(())
}

fn q8_0(block: &[f32], bytes: &mut Vec<u8>) -> Result<(), ModelError> {
    let size = block
        .iter()
        .fold(0.0f32, |size, value| size.max(value.abs()));
    let scale = size / 127.0;
    let inverse = inverse(scale);
    push_half(scale, bytes)?;
    bytes.extend(
        block
            .iter()
            .map(|value| ((value * inverse).round() as i8).to_le_bytes()[0]),
    );
    Ok(())
}
