//! Whether confidences are levels or a continuum.

use crate::metrics::MetricsError;
use crate::tally::{Row, Tally};
use serde::{Deserialize, Serialize};
use std::fmt;

/// More distinct values than this are no levels.
pub const LEVELS_MAX: usize = 20;
/// Levels need this many rows each, on average.
pub const ROWS_PER_LEVEL_MIN: u64 = 5;

/// What the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binning {
    /// [`Mode::Levels`] when there are at most 20 distinct values and at least 5 rows for each.
    #[default]
    Auto,
    Levels,
    Continuous,
}

/// What was decided, once for the whole file; bootstraps inherit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Each distinct value is its own bin, and never cut by a bin's edge.
    Levels,
    /// Values are binned.
    Continuous,
}

impl Mode {
    /// Decides for the rows of `tally`.
    pub fn decide(tally: &Tally, binning: Binning) -> Mode {
        match binning {
            Binning::Levels => Mode::Levels,
            Binning::Continuous => Mode::Continuous,
            Binning::Auto => {
                let levels = tally.values().len();
                if levels <= LEVELS_MAX && tally.totals().0 >= ROWS_PER_LEVEL_MIN * levels as u64 {
                    Mode::Levels
                } else {
                    Mode::Continuous
                }
            }
        }
    }
}

/// Decides for `rows`; an error where [`Tally::of`] has one.
pub fn mode(rows: &[Row], binning: Binning) -> Result<Mode, MetricsError> {
    Ok(Mode::decide(&Tally::of(rows)?, binning))
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Levels => "levels",
            Mode::Continuous => "continuous",
        })
    }
}
