//! Values in 16 bits, for what is kept a while and not computed with.

use crate::features::for_each_instruction_set;
use crate::parallel::made;
use half::bf16;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 15;

/// The nearest values of 8 bits of mantissa, ties to even; NaN stays NaN.
pub fn to_bf16(values: &[f32]) -> Vec<bf16> {
    made(values.len(), TASK_ELEMENTS, bf16::ZERO, |start, rounded| {
        round(&values[start..][..rounded.len()], rounded)
    })
}

/// The same values in 32 bits.
pub fn from_bf16(rounded: &[bf16]) -> Vec<f32> {
    made(rounded.len(), TASK_ELEMENTS, 0.0, |start, values| {
        widen(&rounded[start..][..values.len()], values);
    })
}

for_each_instruction_set! {
    fn round(values: &[f32], rounded: &mut [bf16]) {
        for (rounded, value) in rounded.iter_mut().zip(values) {
            let bits = value.to_bits();
            let nearest = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) >> 16;
            *rounded = bf16::from_bits(if value.is_nan() { 0x7FC0 } else { nearest as u16 });
        }
    }
}

for_each_instruction_set! {
    fn widen(rounded: &[bf16], values: &mut [f32]) {
        for (value, rounded) in values.iter_mut().zip(rounded) {
            *value = f32::from_bits(u32::from(rounded.to_bits()) << 16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_half() {
        let mut values: Vec<f32> = (0..100_000_u32)
            .map(|i| f32::from_bits(i.wrapping_mul(2_654_435_761)))
            .collect();
        values.extend([0.0, -0.0, 1.0, f32::MAX, f32::INFINITY, f32::NEG_INFINITY]);
        for (ours, value) in to_bf16(&values).into_iter().zip(&values) {
            let theirs = bf16::from_f32(*value);
            assert!(
                ours == theirs || (ours.is_nan() && value.is_nan()),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_rounded_stays_as_it_is() {
        let values: Vec<f32> = (0..70_000).map(|i| (i % 256) as f32 - 128.0).collect();
        assert_eq!(from_bf16(&to_bf16(&values)), values);
    }
}
