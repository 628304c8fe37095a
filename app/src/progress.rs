//! Where a run stands, in words: the same on the server and in the browser.

use crate::format;
use crate::view::RunState;

/// What a progress bar shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    /// One line for the eyes: `sample: 120 of 300 questions, about 4 min left`.
    pub(crate) line: String,
    /// A coarser one, read out when it changes: stage and tens of percent.
    pub(crate) spoken: String,
    /// 0..=1000; absent while nothing is known.
    pub(crate) per_mille: Option<u64>,
    /// The run is over, one way or the other: the page as it stands is old.
    pub(crate) over: bool,
}

impl Shown {
    pub(crate) fn new(state: &RunState) -> Self {
        match state {
            RunState::Waiting => Shown {
                line: "Waiting for its turn.".into(),
                spoken: "Waiting.".into(),
                ..Shown::default()
            },
            RunState::Running {
                stage,
                done,
                total,
                unit,
                seconds_left,
            } => {
                let mut line = [
                    stage,
                    ": ",
                    &format::count(*done),
                    " of ",
                    &format::count(*total),
                    " ",
                    unit,
                ]
                .concat();
                if let Some(seconds) = seconds_left {
                    line.push_str(", about ");
                    line.push_str(&format::duration(*seconds));
                    line.push_str(" left");
                }
                let per_mille = (*total > 0).then(|| (done * 1000 / total).min(1000));
                let tens = per_mille.unwrap_or(0) / 100 * 10;
                Shown {
                    line,
                    spoken: [stage, ": ", &tens.to_string(), "% done"].concat(),
                    per_mille,
                    over: false,
                }
            }
            RunState::Finished => over("Finished."),
            RunState::Failed { stage, .. } => over(&["Failed in ", stage, "."].concat()),
            RunState::Damaged { .. } => over("Its directory cannot be read."),
        }
    }
}

fn over(line: &str) -> Shown {
    Shown {
        line: line.to_owned(),
        spoken: line.to_owned(),
        per_mille: None,
        over: true,
    }
}
