//! Progress and metrics of a run, append-only (`events.jsonl`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The stage that speaks, e.g. `sample`, `sft`, `evaluate/sayself`.
    pub stage: String,
    #[serde(flatten)]
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// The stage starts, or starts again with `done` of `total` units there.
    Started { done: u64, total: u64, unit: String },
    /// `done` of `total` units.
    Progress { done: u64, total: u64 },
    /// Values at a step, e.g. `loss`, `reward`, `mean_confidence`.
    Metrics {
        step: u64,
        values: BTreeMap<String, f64>,
    },
    /// A word worth a person's notice.
    Note { message: String },
    /// The stage is done.
    Finished { seconds: f64 },
    /// The stage failed; it can be resumed.
    Failed { error: String },
}
