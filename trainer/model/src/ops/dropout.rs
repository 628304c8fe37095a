//! Dropout of what an adapter's pairs read, as PEFT has it: on the way to A alone.

/// Values are dropped at random, each by the same random number wherever it is asked for: the backward
/// pass makes again what the forward pass had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share that is dropped, 0..1.
    rate: f64,
    seed: u64,
}

impl Dropout {
    /// Drops a share `rate`, 0 to below 1; none at 0.
    pub(crate) fn new(rate: f64, seed: u64) -> Option<Self> {
        (rate > 0.0).then_some(Self { rate, seed })
    }

    /// Sets values to 0 or scales them by 1 / (1 − rate), so that their mean stays.
    pub(crate) fn apply(&self, values: &mut [f32]) {
        // A draw below it, of 2^32, is a drop.
        let dropped = (self.rate * f64::from(u32::MAX)) as u32;
        let scale = (1.0 / (1.0 - self.rate)) as f32;
        for (pair, values) in (0u64..).zip(values.chunks_mut(2)) {
            let draws = mixed(self.seed ^ pair.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            for (value, draw) in values.iter_mut().zip([draws as u32, (draws >> 32) as u32]) {
                *value *= if draw < dropped { 0.0 } else { scale };
            }
        }
    }

    /// What [`Dropout::apply`] makes of `values`.
    pub(crate) fn of(&self, values: &[f32]) -> Vec<f32> {
        let mut dropped = values.to_vec();
        self.apply(&mut dropped);
        dropped
    }
}

/// SplitMix64's finaliser: 64 random bits for each number.
pub(crate) fn mixed(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_dropped_and_the_mean_stays() {
        let ones = vec![1.0f32; 100_001];
        let dropped = Dropout::new(0.1, 5).unwrap().of(&ones);
        let zeros = dropped.iter().filter(|value| **value == 0.0).count();
        assert!((zeros as f64 / 100_001.0 - 0.1).abs() < 0.005, "{zeros}");
        let mean = dropped.iter().sum::<f32>() / 100_001.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert_eq!(dropped, Dropout::new(0.1, 5).unwrap().of(&ones));
        assert_ne!(dropped, Dropout::new(0.1, 6).unwrap().of(&ones));
        assert_eq!(Dropout::new(0.0, 5), None);
    }
}
