//! From a level, or the distribution over the ten, to a probability.

use calibration::{Confidence, level};
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
        Readout::Expected => level::expected(levels),
        Readout::Stated | Readout::Mode => level::mode(levels).probability().get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readouts_of_a_distribution() {
        let mut levels = [0.0; 10];
        levels[1] = 0.4;
        levels[8] = 0.6;
        assert_eq!(of_levels(Readout::Mode, &levels), 0.9);
        assert!((of_levels(Readout::Expected, &levels) - 0.62).abs() < 1e-12);
        let stated = Confidence::new(7);
        assert_eq!(read_out(Readout::Stated, stated, Some(&levels)), 0.7);
        assert_eq!(read_out(Readout::Mode, stated, Some(&levels)), 0.9);
        assert_eq!(read_out(Readout::Expected, stated, None), 0.7);
        assert_eq!(read_out(Readout::Expected, None, Some(&levels)), 0.0);
    }
}
