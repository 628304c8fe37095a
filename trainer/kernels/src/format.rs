//! The storage formats of weights, as GGUF files hold them, and their exact dequantization.
//!
//! Formulas and bit layouts follow ggml (`ggml-quants.c`) and are checked against the Python
//! package `gguf` (`tests/golden/kernels`).

use half::f16;

/// Why weights were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// A row is not a whole number of blocks.
    #[error("{format:?} holds blocks of {block_len} values, but a row has {columns}")]
    PartialBlock {
        /// The format.
        format: Format,
        /// Values a block.
        block_len: usize,
        /// Values a row.
        columns: usize,
    },
    /// The bytes are not as many as the shape needs.
    #[error("{rows} x {columns} values in {format:?} need {expected} bytes, found {found}")]
    Length {
        /// The format.
        format: Format,
        /// Rows of the matrix.
        rows: usize,
        /// Values a row.
        columns: usize,
        /// Bytes that the shape needs.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The shape is empty, or its size does not fit in memory's address range.
    #[error("a matrix of {rows} x {columns} values cannot be held")]
    Shape {
        /// Rows of the matrix.
        rows: usize,
        /// Values a row.
        columns: usize,
    },
}

/// A storage format of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, reason = "the formats' own names")]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// Blocks of 32: scale and 4-bit values less 8.
    Q4_0,
    /// Blocks of 32: scale, minimum and 4-bit values.
    Q4_1,
    /// Blocks of 32: scale and 5-bit values less 16, their fifth bits apart.
    Q5_0,
    /// Blocks of 32: scale and signed 8-bit values.
    Q8_0,
    /// Blocks of 256: eight sub-blocks of 32 with 6-bit scales and minima, 4-bit values.
    Q4K,
    /// Blocks of 256: sixteen sub-blocks of 16 with 8-bit scales, 6-bit values less 32.
    Q6K,
}

impl Format {
    /// Values in a block.
    pub const fn block_len(self) -> usize {
        match self {
            Format::F32 | Format::F16 => 1,
            Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q8_0 => 32,
            Format::Q4K | Format::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::F16 => 2,
            Format::Q4_0 => 18,
            Format::Q4_1 => 20,
            Format::Q5_0 => 22,
            Format::Q8_0 => 34,
            Format::Q4K => 144,
            Format::Q6K => 210,
        }
    }

    /// The format of a ggml type number, if it is one of those supported.
    pub const fn from_ggml(kind: u32) -> Option<Self> {
        Some(match kind {
            0 => Format::F32,
            1 => Format::F16,
            2 => Format::Q4_0,
            3 => Format::Q4_1,
            6 => Format::Q5_0,
            8 => Format::Q8_0,
            12 => Format::Q4K,
            14 => Format::Q6K,
            _ => return None,
        })
    }

    /// Bytes of a matrix of `rows` x `columns` values; an error if a row is not whole blocks or
    /// the size overflows.
    pub fn bytes(self, rows: usize, columns: usize) -> Result<usize, KernelError> {
        if !columns.is_multiple_of(self.block_len()) {
            return Err(KernelError::PartialBlock {
                format: self,
                block_len: self.block_len(),
                columns,
            });
        }
        (columns / self.block_len())
            .checked_mul(self.block_bytes())
            .and_then(|row| row.checked_mul(rows))
            .filter(|_| rows > 0 && columns > 0)
            .ok_or(KernelError::Shape { rows, columns })
    }
}

/// Dequantizes whole blocks: `out` gets as many values as `bytes` holds, exactly as ggml does.
///
/// # Errors
/// If `bytes` is not what `out.len()` values take in `format`.
pub fn dequantize(format: Format, bytes: &[u8], out: &mut [f32]) -> Result<(), KernelError> {
    let expected = format.bytes(1, out.len())?;
    if expected != bytes.len() {
        return Err(KernelError::Length {
            format,
            rows: 1,
            columns: out.len(),
            expected,
            found: bytes.len(),
        });
    }
    let blocks = bytes
        .chunks_exact(format.block_bytes())
        .zip(out.chunks_exact_mut(format.block_len()));
    match format {
        Format::F32 => {
            blocks.for_each(|(b, y)| y[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        }
        Format::F16 => blocks.for_each(|(b, y)| y[0] = half_at(b, 0)),
        Format::Q4_0 => blocks.for_each(|(b, y)| q4_0(b, y)),
        Format::Q4_1 => blocks.for_each(|(b, y)| q4_1(b, y)),
        Format::Q5_0 => blocks.for_each(|(b, y)| q5_0(b, y)),
        Format::Q8_0 => blocks.for_each(|(b, y)| q8_0(b, y)),
        Format::Q4K => blocks.for_each(|(b, y)| q4_k(b, y)),
        Format::Q6K => blocks.for_each(|(b, y)| q6_k(b, y)),
    }
    Ok(())
}

/// The 16-bit float at a byte offset.
pub(crate) fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn q4_0(block: &[u8], y: &mut [f32]) {
    let d = half_at(block, 0);
    for (i, &q) in block[2..].iter().enumerate() {
        y[i] = d * (i32::from(q & 15) - 8) as f32;
        y[i + 16] = d * (i32::from(q >> 4) - 8) as f32;
    }
}

fn q4_1(block: &[u8], y: &mut [f32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (i, &q) in block[4..].iter().enumerate() {
        y[i] = d * f32::from(q & 15) + m;
        y[i + 16] = d * f32::from(q >> 4) + m;
    }
}

/// The 32 5-bit values (less 16) of a Q5_0 block, in order.
pub(crate) fn q5_0_values(block: &[u8]) -> [i8; 32] {
    let fifths = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    std::array::from_fn(|i| {
        let byte = block[6 + i % 16];
        let low = if i < 16 { byte & 15 } else { byte >> 4 };
        let fifth = (fifths >> i) as u8 & 1;
        (low | (fifth << 4)) as i8 - 16
    })
}

fn q5_0(block: &[u8], y: &mut [f32]) {
    let d = half_at(block, 0);
    for (y, q) in y.iter_mut().zip(q5_0_values(block)) {
        *y = d * f32::from(q);
    }
}

fn q8_0(block: &[u8], y: &mut [f32]) {
    let d = half_at(block, 0);
    for (y, &q) in y.iter_mut().zip(&block[2..]) {
        *y = d * f32::from(q as i8);
    }
}

/// The 6-bit scale and minimum of sub-block `j` (0..8) out of the 12 packed bytes.
pub(crate) fn q4_k_scale_min(packed: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
            (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4),
        )
    }
}

fn q4_k(block: &[u8], y: &mut [f32]) {
    let (d, d_min) = (half_at(block, 0), half_at(block, 2));
    let (scales, quants) = (&block[4..16], &block[16..144]);
    for j in 0..8 {
        let (scale, min) = q4_k_scale_min(scales, j);
        let (scale, min) = (d * f32::from(scale), d_min * f32::from(min));
        let bytes = &quants[j / 2 * 32..][..32];
        for (y, &q) in y[j * 32..][..32].iter_mut().zip(bytes) {
            let q = if j % 2 == 0 { q & 15 } else { q >> 4 };
            *y = scale * f32::from(q) - min;
        }
    }
}

/// The 256 6-bit values (less 32) of a Q6_K block, in order.
pub(crate) fn q6_k_values(block: &[u8]) -> [i8; 256] {
    let (low, high) = (&block[..128], &block[128..192]);
    let mut values = [0i8; 256];
    for half in 0..2 {
        for i in 0..32 {
            let h = high[half * 32 + i];
            let (a, b) = (low[half * 64 + i], low[half * 64 + 32 + i]);
            let quads = [
                (a & 15) | ((h & 3) << 4),
                (b & 15) | (((h >> 2) & 3) << 4),
                (a >> 4) | (((h >> 4) & 3) << 4),
                (b >> 4) | ((h >> 6) << 4),
            ];
            for (part, q) in quads.into_iter().enumerate() {
                values[half * 128 + part * 32 + i] = q as i8 - 32;
            }
        }
    }
    values
}

fn q6_k(block: &[u8], y: &mut [f32]) {
    let d = half_at(block, 208);
    let scales = &block[192..208];
    for (i, (y, q)) in y.iter_mut().zip(q6_k_values(block)).enumerate() {
        *y = d * f32::from(scales[i / 16] as i8) * f32::from(q);
    }
}
