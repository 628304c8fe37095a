//! Seeded draws. The same seed gives the same numbers on every machine, 32-bit ones included.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of many streams of the same seed, each independent of the others.
    pub fn stream(seed: u64, stream: u64) -> Random {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Random(random)
    }

    /// Uniform on 0..1, 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform on 0..limit, without bias (Lemire 2019); 0 for a limit of 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        let mut product = u64::from(self.0.next_u32()) * u64::from(limit);
        if (product as u32) < limit {
            let threshold = limit.wrapping_neg() % limit.max(1);
            while (product as u32) < threshold {
                product = u64::from(self.0.next_u32()) * u64::from(limit);
            }
        }
        (product >> 32) as u32
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            // Longer slices than 2^32 do not fit the callers' indices.
            let other = self.below(u32::try_from(at + 1).unwrap_or(u32::MAX));
            items.swap(at, other as usize);
        }
    }

    /// The number of successes in `n` trials of probability `p`; its cost does not grow with `n`.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        if n == 0 || p <= 0.0 {
            0
        } else if n as f64 * p < 10.0 {
            self.binomial_by_inversion(n, p)
        } else {
            self.binomial_by_rejection(n, p)
        }
    }

    /// Splits `n` at random over the cells; `weights` are their probabilities, on any scale.
    pub fn multinomial(&mut self, n: u64, weights: &[u64], counts: &mut [u64]) {
        let mut left = n;
        let mut weight_left: u64 = weights.iter().sum();
        for (count, &weight) in counts.iter_mut().zip(weights) {
            // The last cell with weight takes all that is left: its probability is 1.
            *count = if weight == 0 {
                0
            } else {
                self.binomial(left, weight as f64 / weight_left as f64)
            };
            left -= *count;
            weight_left -= weight;
        }
    }

    /// Walks up the distribution from 0 (Kachitvichyanukul and Schmeiser 1988, BINV).
    fn binomial_by_inversion(&mut self, n: u64, p: f64) -> u64 {
        let q = 1.0 - p;
        let odds = p / q;
        let none = (n as f64 * q.ln()).exp();
        loop {
            let mut u = self.uniform();
            let mut probability = none;
            for k in 0..=n {
                if u < probability {
                    return k;
                }
                u -= probability;
                probability *= odds * (n - k) as f64 / (k + 1) as f64;
                // So far out that only rounding can lead there: draw again.
                if probability < 1e-300 {
                    break;
                }
            }
        }
    }

    /// Transformed rejection (Hörmann 1993, BTRS), for n·p ≥ 10 and p ≤ ½.
    fn binomial_by_rejection(&mut self, n: u64, p: f64) -> u64 {
        let trials = n as f64;
        let spread = (trials * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = trials * p + 0.5;
        let squeeze = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let log_odds = (p / (1.0 - p)).ln();
        let mode = ((trials + 1.0) * p).floor();
        let at_mode = ln_factorial(mode) + ln_factorial(trials - mode);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform();
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + centre).floor();
            if us >= 0.07 && v <= squeeze {
                return k as u64;
            }
            if !(0.0..=trials).contains(&k) {
                continue;
            }
            let bound =
                at_mode - ln_factorial(k) - ln_factorial(trials - k) + (k - mode) * log_odds;
            if (v * alpha / (a / (us * us) + b)).ln() <= bound {
                return k as u64;
            }
        }
    }
}

/// ln k!, by Stirling's series above 15.
fn ln_factorial(k: f64) -> f64 {
    if k < 16.0 {
        return (2..=k as u64).map(|i| i as f64).product::<f64>().ln();
    }
    let x = k + 1.0;
    let tail = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / 1260.0 / (x * x)) / (x * x)) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_never_changes() {
        let mut random = Random::new(42);
        let draws: Vec<u32> = (0..5).map(|_| random.below(1000)).collect();
        assert_eq!(draws, [224, 681, 146, 950, 772]);
    }

    #[test]
    fn below_is_uniform() {
        let mut random = Random::new(1);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[random.below(7) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_600..10_400).contains(count)),
            "{counts:?}"
        );
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn binomials_have_their_mean_and_variance() {
        let mut random = Random::new(2);
        for (n, p) in [
            (1u64, 0.3),
            (20, 0.5),
            (40, 0.1),
            (300, 0.2),
            (1_000, 0.97),
            (1_000_000, 0.4),
            (5, 1.0),
            (5, 0.0),
        ] {
            let draws: Vec<f64> = (0..20_000).map(|_| random.binomial(n, p) as f64).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance =
                draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let true_variance = n as f64 * p * (1.0 - p);
            let standard_error = (true_variance / draws.len() as f64).sqrt();
            assert!(
                (mean - n as f64 * p).abs() <= 5.0 * standard_error,
                "{n} {p}: mean {mean}"
            );
            assert!(
                (variance - true_variance).abs() <= 0.06 * true_variance + 1e-12,
                "{n} {p}: variance {variance}"
            );
        }
    }

    #[test]
    fn multinomials_sum_up() {
        let mut random = Random::new(3);
        let mut counts = [0; 4];
        for _ in 0..200 {
            random.multinomial(1_000, &[1, 0, 3, 6], &mut counts);
            assert_eq!(counts.iter().sum::<u64>(), 1_000);
            assert_eq!(counts[1], 0);
        }
    }

    #[test]
    fn ln_factorials() {
        for (k, expected) in [
            (0.0, 0.0),
            (1.0, 0.0),
            (5.0, 120f64.ln()),
            (20.0, 2_432_902_008_176_640_000f64.ln()),
        ] {
            assert!((ln_factorial(k) - expected).abs() < 1e-12, "{k}");
        }
    }
}
