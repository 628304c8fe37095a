//! What each page shows, as plain data: the server fills it, the pages draw it, and the REST API
//! sends it as it is.

mod annotate;
mod answers;
mod api;
mod compare;
mod demo;
mod directory;
mod jobs;
mod people;
mod question;
mod runs;

pub use annotate::*;
pub use answers::*;
pub use api::*;
pub use chart::level_bin;
pub use compare::*;
pub use demo::*;
pub use jobs::*;
pub use people::*;
pub use question::*;
pub use runs::*;
use serde::{Deserialize, Serialize};

pub use directory::*;

/// A measure with its 95% interval; `None` where it is not defined (one class only).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Figure {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RunState {
    /// Has been configured, has no event.
    Waiting,
    /// `stage` is at `done` of `total` units.
    Running {
        stage: String,
        done: u64,
        total: u64,
        unit: String,
        seconds_left: Option<f64>,
    },
    Finished,
    /// A stage failed, or its process went away.
    Failed {
        stage: String,
        error: String,
    },
    /// The directory cannot be read: what is wrong, and where.
    Damaged {
        error: String,
    },
}

/// One evaluation of a run: `metrics.json` of `evaluate/LABEL`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evaluation {
    pub label: String,
    pub method: String,
    pub n: u64,
    pub parse_failures: u64,
    pub accuracy: Figure,
    pub ece: Figure,
    pub smece: Figure,
    pub brier: Figure,
    pub auroc: Figure,
    /// AUROC among pairs of the same template, weighted by their number.
    pub within_template_auroc: Figure,
    /// 1 − Brier / Brier of the template's base rate.
    pub brier_skill: Figure,
    /// The whole of `metrics.json`; null in a run's summary.
    pub metrics: serde_json::Value,
}

/// What a list says of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    /// The directory's name; unique among the served runs.
    pub id: String,
    pub title: String,
    pub model: String,
    /// The method of the headline evaluation.
    pub method: String,
    /// The question set's name.
    pub questions: String,
    /// The n of the headline evaluation.
    pub n: u64,
    /// The headline evaluation: `sayself` where there is one, else the last.
    pub metrics: Option<Evaluation>,
    pub state: RunState,
    pub started_ms: Option<u64>,
    /// Recorded runs (`datasets/results`) are read-only.
    pub recorded: bool,
}

/// The Run page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDetail {
    pub summary: RunSummary,
    pub evaluations: Vec<Evaluation>,
    /// (probability, correct) of each evaluation of `evaluations`, same order, sorted by
    /// probability.
    pub points: Vec<Vec<(f64, bool)>>,
    /// Which evaluations are drawn: indices into `evaluations`, at most two (before, after).
    pub shown: Vec<usize>,
    /// `run.toml` as it stands.
    pub config: String,
    /// The last lines of the event log, newest last, in words.
    pub log: Vec<String>,
    pub skipped: u64,
    /// What the run directory tells besides.
    #[serde(default)]
    pub directory: RunDirectory,
    /// For who may publish it, where there are people to publish it to.
    #[serde(skip)]
    pub published: Option<Published>,
}

/// An error page: what happened and what to do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    pub status: u16,
    pub title: String,
    pub detail: String,
    pub next: String,
}
