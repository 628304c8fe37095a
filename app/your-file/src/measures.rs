//! What each measure is called, what it says, and on which scale its bar is drawn.

use std::ops::Range;

/// A measure in words.
pub struct Words {
    /// As `sayself metrics --json` names it.
    pub name: &'static str,
    pub label: &'static str,
    pub meaning: &'static str,
    /// Of its bar.
    pub scale: Range<f64>,
}

const ERROR: Range<f64> = 0.0..0.5;
const SHARE: Range<f64> = 0.0..1.0;

/// In the order in which they are shown, which is that of [`calibration::metrics::MEASURES`].
pub const WORDS: [Words; 16] = [
    Words {
        name: "accuracy",
        label: "Accuracy",
        meaning: "Share of right answers.",
        scale: SHARE,
    },
    Words {
        name: "ece_10",
        label: "ECE, 10 bins",
        meaning: "Mean distance of confidence and accuracy, over ten bins of equal width.",
        scale: ERROR,
    },
    Words {
        name: "ece_15",
        label: "ECE, 15 bins",
        meaning: "The same over fifteen bins.",
        scale: ERROR,
    },
    Words {
        name: "ece_equal_mass_15",
        label: "ECE, equal mass",
        meaning: "The same over fifteen bins of as many answers each.",
        scale: ERROR,
    },
    Words {
        name: "debiased_l2_equal_mass_15",
        label: "Debiased L2 error",
        meaning: "Root mean square of that distance, less what chance adds.",
        scale: ERROR,
    },
    Words {
        name: "ece_sweep",
        label: "ECE-sweep",
        meaning: "Over as many bins as the accuracies still rise in.",
        scale: ERROR,
    },
    Words {
        name: "smece",
        label: "smECE",
        meaning: "Smooth calibration error: without bins.",
        scale: ERROR,
    },
    Words {
        name: "brier",
        label: "Brier score",
        meaning: "Mean squared distance of confidence and truth: MCB − DSC + UNC.",
        scale: ERROR,
    },
    Words {
        name: "mcb",
        label: "Miscalibration (MCB)",
        meaning: "What recalibration would take away of it.",
        scale: ERROR,
    },
    Words {
        name: "dsc",
        label: "Discrimination (DSC)",
        meaning: "What telling right from wrong has earned; more is better.",
        scale: ERROR,
    },
    Words {
        name: "unc",
        label: "Uncertainty (UNC)",
        meaning: "The Brier score of always saying the accuracy.",
        scale: ERROR,
    },
    Words {
        name: "auroc",
        label: "AUROC",
        meaning: "Chance that a right answer has more confidence than a wrong one; more is better.",
        scale: SHARE,
    },
    Words {
        name: "aurc",
        label: "AURC",
        meaning: "Mean risk when only the surest are answered.",
        scale: SHARE,
    },
    Words {
        name: "augrc",
        label: "AUGRC",
        meaning: "The same, each wrong answer counted once.",
        scale: ERROR,
    },
    Words {
        name: "log_score",
        label: "Log score",
        meaning: "Mean surprise in nats, of probabilities clipped to 0.01 … 0.99.",
        scale: 0.0..2.0,
    },
    Words {
        name: "mae_sayself",
        label: "Mean absolute error",
        meaning: "Mean distance of confidence and truth: SaySelf's own ECE, and no calibration error.",
        scale: SHARE,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_its_words() {
        let names = WORDS.iter().map(|words| words.name);
        assert!(names.eq(calibration::metrics::MEASURES.iter().map(|(name, _)| *name)));
    }
}
