//! From a level, or the distribution over the ten, to a probability.

use calibration::Confidence;
use datasets::config::Readout;

/// What is written down of a probability: more digits would be most of the file.
pub fn to_millionths(probability: f64) -> f64 {
    (probability * 1e6).round() / 1e6
}

/// The confidence as a probability: 0 where no level could be read; the stated level where the
/// distribution is not known.
pub fn read_out(readout: Readout, stated: Option<Confidence>, levels: Option<&[f64; 10]>) -> f64 {
    match (readout, stated, levels) {
        (_, None, _) => 0.0,
        (Readout::Mode | Readout::Expected, Some(_), Some(levels)) => of_levels(readout, levels),
        (_, Some(level), _) => level.probability().get(),
    }
}

/// Of a distribution from which no level was drawn: the expected level, or else the most probable.
pub fn of_levels(readout: Readout, levels: &[f64; 10]) -> f64 {
    match readout {
        Readout::Expected => expected(levels),
        Readout::Stated | Readout::Mode => mode(levels),
    }
}

/// The level with the greatest probability, / 10; the lower one of equals.
fn mode(levels: &[f64; 10]) -> f64 {
    let mut best = 0;
    for (index, probability) in levels.iter().enumerate() {
        if *probability > levels[best] {
            best = index;
        }
    }
    (best + 1) as f64 / 10.0
}

/// Σ k/10 · P(k).
pub fn expected(levels: &[f64; 10]) -> f64 {
    let sum: f64 = levels
        .iter()
        .zip(1..)
        .map(|(probability, level)| probability * f64::from(level) / 10.0)
        .sum();
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readouts_of_a_distribution() {
        let mut levels = [0.0; 10];
        levels[1] = 0.4;
        levels[8] = 0.6;
        assert!((mode(&levels) - 0.9).abs() < 1e-12);
        assert!((expected(&levels) - 0.62).abs() < 1e-12);
        assert!((mode(&[0.1; 10]) - 0.1).abs() < 1e-12);
    }
}
