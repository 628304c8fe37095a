//! The order in which weights lie for the kernels.
//!
//! Sixteen output rows form a group. A group's block of 32 inner values holds, for each run of 4
//! inner values, 4 bytes of each of the 16 rows: 64 bytes that one integer dot product takes.
//! 4-bit weights hold run `r` in the low and run `r + 4` in the high halves of the same 64 bytes.
//! Scales (and minima) of a block lie apart, 16 side by side.

use std::ops::Range;

use half::f16;

use super::activations::BLOCK;
use crate::features::for_each_instruction_set;
use crate::format::{Format, half_at, q4_k_scale_min, q5_0_values, q6_k_values};

/// Output rows of a group.
pub(super) const GROUP: usize = 16;

/// How the weights of a packed matrix are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 4 bits less 8; 16-bit scales.
    Nibbles8,
    /// 4 bits; 16-bit scales and minima.
    NibblesMin,
    /// 4 bits; 32-bit scales and minima.
    NibblesWideMin,
    /// 8 bits, signed; 16-bit scales.
    Bytes,
    /// 8 bits, signed; 32-bit scales, one for each half of a block.
    BytesHalves,
}

/// The kinds, for kernels that are compiled for each.
#[cfg(target_arch = "x86_64")]
pub(super) const KINDS: [Kind; 5] = [
    Kind::Nibbles8,
    Kind::NibblesMin,
    Kind::NibblesWideMin,
    Kind::Bytes,
    Kind::BytesHalves,
];

impl Kind {
    const fn of(format: Format) -> Option<Self> {
        Some(match format {
            Format::Q4_0 => Kind::Nibbles8,
            Format::Q4_1 => Kind::NibblesMin,
            Format::Q4K => Kind::NibblesWideMin,
            // Five bits take eight here: read as fast as Q8_0, for half as much again of memory.
            Format::Q5_0 | Format::Q8_0 => Kind::Bytes,
            Format::Q6K => Kind::BytesHalves,
            Format::F16 | Format::F32 => return None,
        })
    }

    pub(super) const fn nibbles(self) -> bool {
        matches!(
            self,
            Kind::Nibbles8 | Kind::NibblesMin | Kind::NibblesWideMin
        )
    }

    /// Bytes of a group's block of weights.
    pub(super) const fn quant_bytes(self) -> usize {
        if self.nibbles() { 256 } else { 512 }
    }

    /// Bytes of a group's block of scales and minima.
    pub(super) const fn scale_bytes(self) -> usize {
        match self {
            Kind::Nibbles8 | Kind::Bytes => 32,
            Kind::NibblesMin => 64,
            Kind::NibblesWideMin | Kind::BytesHalves => 128,
        }
    }
}

/// A cache line, so that vectors do not straddle two.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

#[derive(Clone, Debug)]
struct Lines(Vec<Line>);

impl Lines {
    fn zeroed(bytes: usize) -> Self {
        Self(vec![Line([0; 64]); bytes.div_ceil(64)])
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_flattened_lines()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.0.len() * 64;
        // SAFETY: a `Line` is 64 bytes without padding.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

trait Flatten {
    fn as_flattened_lines(&self) -> &[u8];
}

impl Flatten for Vec<Line> {
    fn as_flattened_lines(&self) -> &[u8] {
        // SAFETY: a `Line` is 64 bytes without padding.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len() * 64) }
    }
}

/// A matrix packed for the kernels.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub kind: Kind,
    /// Blocks of 32 a row.
    pub blocks: usize,
    groups: usize,
    quants: Lines,
    scales: Lines,
}

/// One block of 32 weights of one row, unpacked: its numbers and its scales and minima.
struct Unpacked {
    numbers: [i8; BLOCK],
    /// As stored: for 16-bit kinds their bits, for 32-bit kinds the floats' bits.
    scales: [u32; 2],
}

impl Packed {
    /// Repacks bytes of a known right length; the format is one of the quantized ones.
    pub fn new(format: Format, rows: usize, columns: usize, bytes: &[u8]) -> Self {
        let kind = Kind::of(format).expect("the caller keeps F16 and F32 unpacked");
        let groups = rows.div_ceil(GROUP);
        let blocks = columns / BLOCK;
        let row_bytes = columns / format.block_len() * format.block_bytes();
        let mut quants = Lines::zeroed(groups * blocks * kind.quant_bytes());
        let mut scales = Lines::zeroed(groups * blocks * kind.scale_bytes());
        let (to_quants, to_scales) = (quants.bytes_mut(), scales.bytes_mut());
        for (row, bytes) in bytes.chunks_exact(row_bytes).enumerate() {
            let (group, lane) = (row / GROUP, row % GROUP);
            for block in 0..blocks {
                let at = group * blocks + block;
                let to_quants = &mut to_quants[at * kind.quant_bytes()..][..kind.quant_bytes()];
                let to_scales = &mut to_scales[at * kind.scale_bytes()..][..kind.scale_bytes()];
                let unpacked = unpack(format, bytes, block);
                store(kind, &unpacked, lane, to_quants, to_scales);
            }
        }
        Self {
            kind,
            blocks,
            groups,
            quants,
            scales,
        }
    }

    pub fn groups(&self) -> usize {
        self.groups
    }

    pub fn memory_bytes(&self) -> usize {
        self.quants.bytes().len() + self.scales.bytes().len()
    }

    /// A group's weights and scales, all blocks.
    pub fn group(&self, group: usize) -> (&[u8], &[u8]) {
        let (q, s) = (
            self.blocks * self.kind.quant_bytes(),
            self.blocks * self.kind.scale_bytes(),
        );
        (
            &self.quants.bytes()[group * q..][..q],
            &self.scales.bytes()[group * s..][..s],
        )
    }

    /// Asks for the share `part` of `whole` of a group's weights and scales, which may be past the
    /// last, so that they come from memory while another group is multiplied.
    pub fn ask_for(&self, group: usize, part: Range<usize>, whole: usize) {
        for (lines, bytes) in [
            (&self.quants, self.blocks * self.kind.quant_bytes()),
            (&self.scales, self.blocks * self.kind.scale_bytes()),
        ] {
            let start = group * bytes;
            let share = |at: usize| (start + bytes * at / whole) / 64;
            let end = share(part.end).min(lines.0.len());
            for line in lines.0.get(share(part.start)..end).unwrap_or_default() {
                crate::features::prefetch(line);
            }
        }
    }

    /// 32 inputs of a group's outputs in `f32`, input by input, with the bits of
    /// [`Packed::dequantize_row`].
    pub fn dequantize_tile(&self, group: usize, block: usize, out: &mut [[f32; GROUP]; BLOCK]) {
        let (quants, scales) = self.group(group);
        let (of_quants, of_scales) = (self.kind.quant_bytes(), self.kind.scale_bytes());
        let quants = &quants[block * of_quants..][..of_quants];
        let scales = &scales[block * of_scales..][..of_scales];
        dequantize_tile(self.kind, quants, scales, out);
    }

    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        let (quants, scales) = self.group(row / GROUP);
        let lane = row % GROUP;
        let blocks = quants
            .chunks_exact(self.kind.quant_bytes())
            .zip(scales.chunks_exact(self.kind.scale_bytes()));
        for (out, (quants, scales)) in out.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
            let numbers = numbers(self.kind, quants, lane);
            let (first, second) = scale_pair(self.kind, scales, lane);
            for (i, (out, n)) in out.iter_mut().zip(numbers).enumerate() {
                *out = match self.kind {
                    Kind::Nibbles8 => first * (f32::from(n) - 8.0),
                    Kind::Bytes => first * f32::from(n),
                    Kind::NibblesMin | Kind::NibblesWideMin => first * f32::from(n) + second,
                    Kind::BytesHalves => (if i < 16 { first } else { second }) * f32::from(n),
                };
            }
        }
    }
}

for_each_instruction_set! {
fn dequantize_tile(kind: Kind, quants: &[u8], scales: &[u8], out: &mut [[f32; GROUP]; BLOCK]) {
    let (mut first, mut second) = ([0.0f32; GROUP], [0.0f32; GROUP]);
    for lane in 0..GROUP {
        (first[lane], second[lane]) = scale_pair(kind, scales, lane);
    }
    for (run, quants) in quants.as_chunks::<64>().0.iter().enumerate() {
        let words = quants.as_chunks::<4>().0;
        let words: [u32; GROUP] = std::array::from_fn(|lane| u32::from_le_bytes(words[lane]));
        for i in 0..4 {
            let at = run * 4 + i;
            if kind.nibbles() {
                for half in 0..2 {
                    let shift = 8 * i + 4 * half;
                    let out = &mut out[16 * half + at];
                    for lane in 0..GROUP {
                        let number = ((words[lane] >> shift) & 15) as i32 as f32;
                        out[lane] = match kind {
                            Kind::Nibbles8 => first[lane] * (number - 8.0),
                            _ => first[lane] * number + second[lane],
                        };
                    }
                }
            } else {
                let scale = match kind {
                    Kind::BytesHalves if at >= 16 => &second,
                    _ => &first,
                };
                for lane in 0..GROUP {
                    let number = ((words[lane] << (24 - 8 * i)) as i32 >> 24) as f32;
                    out[at][lane] = scale[lane] * number;
                }
            }
        }
    }
}
}

/// The `block`th 32 values of a row.
fn unpack(format: Format, row: &[u8], block: usize) -> Unpacked {
    let of_format = format.block_len() / BLOCK;
    let bytes = &row[block / of_format * format.block_bytes()..][..format.block_bytes()];
    let part = block % of_format;
    let bits = |at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let nibbles = |bytes: &[u8]| {
        std::array::from_fn(|i| {
            (if i < 16 {
                bytes[i] & 15
            } else {
                bytes[i - 16] >> 4
            }) as i8
        })
    };
    match format {
        Format::Q4_0 => Unpacked {
            numbers: nibbles(&bytes[2..]),
            scales: [bits(0), 0],
        },
        Format::Q4_1 => Unpacked {
            numbers: nibbles(&bytes[4..]),
            scales: [bits(0), bits(2)],
        },
        Format::Q5_0 => Unpacked {
            numbers: q5_0_values(bytes),
            scales: [bits(0), 0],
        },
        Format::Q8_0 => Unpacked {
            numbers: std::array::from_fn(|i| bytes[2 + i] as i8),
            scales: [bits(0), 0],
        },
        Format::Q4K => {
            let (scale, min) = q4_k_scale_min(&bytes[4..16], part);
            let scale = half_at(bytes, 0) * f32::from(scale);
            let min = -(half_at(bytes, 2) * f32::from(min));
            let from = &bytes[16 + part / 2 * 32..][..32];
            let shift = part % 2 * 4;
            Unpacked {
                numbers: std::array::from_fn(|i| ((from[i] >> shift) & 15) as i8),
                scales: [scale.to_bits(), min.to_bits()],
            }
        }
        Format::Q6K => {
            let values = q6_k_values(bytes);
            let scale = |half: usize| {
                (half_at(bytes, 208) * f32::from(bytes[192 + part * 2 + half] as i8)).to_bits()
            };
            Unpacked {
                numbers: std::array::from_fn(|i| values[part * BLOCK + i]),
                scales: [scale(0), scale(1)],
            }
        }
        Format::F16 | Format::F32 => unreachable!("these are not packed"),
    }
}

fn store(kind: Kind, unpacked: &Unpacked, lane: usize, quants: &mut [u8], scales: &mut [u8]) {
    let numbers = &unpacked.numbers;
    for run in 0..quants.len() / 64 {
        for i in 0..4 {
            quants[run * 64 + lane * 4 + i] = if kind.nibbles() {
                numbers[run * 4 + i] as u8 | ((numbers[16 + run * 4 + i] as u8) << 4)
            } else {
                numbers[run * 4 + i] as u8
            };
        }
    }
    let [first, second] = unpacked.scales;
    match kind {
        Kind::Nibbles8 | Kind::Bytes => {
            scales[lane * 2..][..2].copy_from_slice(&(first as u16).to_le_bytes());
        }
        Kind::NibblesMin => {
            scales[lane * 2..][..2].copy_from_slice(&(first as u16).to_le_bytes());
            scales[32 + lane * 2..][..2].copy_from_slice(&(second as u16).to_le_bytes());
        }
        Kind::NibblesWideMin | Kind::BytesHalves => {
            scales[lane * 4..][..4].copy_from_slice(&first.to_le_bytes());
            scales[64 + lane * 4..][..4].copy_from_slice(&second.to_le_bytes());
        }
    }
}

/// The numbers of one row of a group's block, as they are stored (nibbles from 0).
pub(super) fn numbers(kind: Kind, quants: &[u8], lane: usize) -> [i8; BLOCK] {
    std::array::from_fn(|i| {
        if kind.nibbles() {
            let byte = quants[i % 16 / 4 * 64 + lane * 4 + i % 4];
            (if i < 16 { byte & 15 } else { byte >> 4 }) as i8
        } else {
            quants[i / 4 * 64 + lane * 4 + i % 4] as i8
        }
    })
}

/// The scale and minimum (or the scales of the halves) of one row of a group's block.
pub(super) fn scale_pair(kind: Kind, scales: &[u8], lane: usize) -> (f32, f32) {
    let narrow = |at: usize| f16::from_le_bytes([scales[at], scales[at + 1]]).to_f32();
    let wide = |at: usize| {
        f32::from_le_bytes([scales[at], scales[at + 1], scales[at + 2], scales[at + 3]])
    };
    match kind {
        Kind::Nibbles8 | Kind::Bytes => (narrow(lane * 2), 0.0),
        Kind::NibblesMin => (narrow(lane * 2), narrow(32 + lane * 2)),
        Kind::NibblesWideMin | Kind::BytesHalves => (wide(lane * 4), wide(64 + lane * 4)),
    }
}
