//! Numbers that follow from a project's seed and what they are for: the same on every machine and after
//! every restart, and told to nobody who rates.

use sha2::{Digest, Sha256};

/// A number that follows from the seed and these words, as good as random among others.
pub fn number(seed: u64, words: &[&str]) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    for word in words {
        // With its length, so that ("ab", "c") and ("a", "bc") differ.
        hasher.update((word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The same on 0..1.
pub fn share(seed: u64, words: &[&str]) -> f64 {
    (number(seed, words) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        assert_eq!(number(1, &["a", "b"]), number(1, &["a", "b"]));
        assert_ne!(number(1, &["ab", "c"]), number(1, &["a", "bc"]));
        assert_ne!(number(1, &["a"]), number(2, &["a"]));
        let mean = (0..1_000)
            .map(|index| share(7, &[&index.to_string()]))
            .sum::<f64>()
            / 1_000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
    }
}
