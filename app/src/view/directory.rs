//! What a run directory tells besides its evaluations.

use serde::{Deserialize, Serialize};

/// Read for the Run page, each part as far as it is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDirectory {
    /// Of the evaluations that are drawn, in the order of `shown`.
    pub breakdowns: Vec<Breakdown>,
    /// In the order of the events.
    pub curves: Vec<LearningCurve>,
    /// What the stages found worth a person's notice, oldest first; the last ones where there are
    /// many.
    pub notes: Vec<RunNote>,
    /// Where the run came from; `None` where `run.toml` does not say.
    pub provenance: Option<Provenance>,
    /// Why records were left out, the most frequent reason first.
    pub skipped: Vec<SkippedReason>,
    /// The files that can be downloaded, by path.
    pub files: Vec<RunFile>,
    /// Whether there are more files than are listed.
    pub files_cut: bool,
}

/// How one evaluation did on kinds of questions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Breakdown {
    pub label: String,
    /// By template, the largest first.
    pub templates: Vec<AnswerGroup>,
    /// By the question's words, the shortest first.
    pub question_lengths: Vec<AnswerGroup>,
    /// By the answer's words, the shortest first.
    pub answer_lengths: Vec<AnswerGroup>,
    /// Answers that the lengths were taken of: all of them, or of a very large file evenly spaced
    /// parts.
    pub read: u64,
    /// Whether those are all.
    pub whole: bool,
}

/// Some answers of one evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnswerGroup {
    pub name: String,
    pub n: u64,
    /// 0..=n.
    pub right: u64,
    /// 0..=1.
    pub mean_confidence: f64,
}

impl AnswerGroup {
    /// 0..=1; 0 for no answers.
    pub fn accuracy(&self) -> f64 {
        self.right as f64 / self.n.max(1) as f64
    }

    /// Wilson's 95% interval of the accuracy.
    pub fn interval(&self) -> (f64, f64) {
        let [low, high] = calibration::reliability::wilson(self.right, self.n);
        (low, high)
    }

    /// Mean confidence minus accuracy, -1..=1, with the interval that the accuracy's leaves.
    pub fn gap(&self) -> (f64, f64, f64) {
        let (low, high) = self.interval();
        let said = self.mean_confidence;
        (said - self.accuracy(), said - high, said - low)
    }
}

/// A value that training said of itself, over its steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LearningCurve {
    /// E.g. `sft/seed-1`.
    pub stage: String,
    /// E.g. `loss`.
    pub name: String,
    /// Steps that a place spans; above 1 where neighbouring steps were put together.
    pub steps: u64,
    pub places: Vec<CurvePlace>,
}

impl LearningCurve {
    /// As the charts need it.
    pub fn curve(&self) -> chart::curves::Curve {
        let places = self.places.iter();
        chart::curves::Curve::of(
            &self.stage,
            &self.name,
            self.steps,
            places.map(|place| (place.step, place.n, place.mean, place.low, place.high)),
        )
    }
}

impl From<&chart::curves::Curve> for LearningCurve {
    fn from(curve: &chart::curves::Curve) -> Self {
        LearningCurve {
            stage: curve.stage.clone(),
            name: curve.name.clone(),
            steps: curve.stride(),
            places: curve
                .buckets()
                .map(|bucket| CurvePlace {
                    step: bucket.step,
                    n: bucket.count,
                    mean: bucket.mean(),
                    low: bucket.low,
                    high: bucket.high,
                })
                .collect(),
        }
    }
}

/// One step, or the mean of neighbouring ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CurvePlace {
    /// The first step.
    pub step: u64,
    /// Values that were said.
    pub n: u64,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// A word of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunNote {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    pub stage: String,
    pub message: String,
    /// Something went wrong: training raised an alarm, or the stage failed.
    pub alarm: bool,
}

/// `[provenance]` of `run.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provenance {
    /// The version of the program that wrote the run.
    pub sayself_version: String,
    /// The command that wrote it, e.g. `run`.
    pub stage: String,
    /// Of model, questions, adapter and other files.
    pub hashes: Vec<FileHash>,
}

/// A file's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileHash {
    /// What was hashed, in words.
    pub of: String,
    /// In hex.
    pub sha256: String,
}

/// Records that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkippedReason {
    pub stage: String,
    pub reason: String,
    pub n: u64,
    /// Some of them, by id or `FILE:LINE`.
    pub examples: Vec<String>,
}

/// A file of the run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunFile {
    /// Below the run directory, with `/`.
    pub path: String,
    pub bytes: u64,
}
