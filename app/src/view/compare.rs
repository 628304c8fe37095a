//! What the Compare page and the Tables page show.

pub use comparison::changes::Change;
use comparison::tables::Tables;
use comparison::words::Stretch;
use serde::Serialize;

/// Evaluations that are compared at least and at most.
pub const COMPARED_MIN: usize = 2;
pub const COMPARED_MAX: usize = 6;

/// The Compare page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// In the address's order; fewer than two: nothing is compared yet.
    pub entries: Vec<ComparedEvaluation>,
    /// What of the address cannot be compared, and why.
    pub left_out: Vec<LeftOut>,
    /// What the others are compared with: a place in `entries`.
    pub base: usize,
    /// Whose questions are set beside the base's: a place in `entries`.
    pub with: usize,
    /// Questions that all entries answered.
    pub shared_by_all: u64,
    /// Each other entry against the base, in the order of `entries`.
    pub pairs: Vec<Pair>,
    /// p-values that Holm's method corrected together.
    pub family: u64,
    /// Resamples behind each interval, and the seed that they were drawn with.
    pub bootstraps: u64,
    pub seed: u64,
    /// Question by question, base against `with`; absent where they share none.
    pub changes: Option<Changes>,
    /// What else could be compared, the newest run first.
    pub choices: Vec<Choice>,
    /// What narrows the choices.
    pub query: String,
    /// Whether there are more runs than choices.
    pub more_choices: bool,
}

/// One evaluation that is compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparedEvaluation {
    /// As an address names it: `RUN:LABEL`.
    pub entry: String,
    pub run: String,
    pub title: String,
    pub label: String,
    pub model: String,
    /// The question set's name.
    pub questions: String,
    /// Answers that were read.
    pub n: u64,
    /// Answers whose confidence could not be read.
    pub failures: u64,
    /// Lines that are no answers.
    pub bad_lines: u64,
    /// Whether the evaluation has more answers than were read.
    pub is_cut: bool,
    /// (confidence 0..=1, right, wrong), by confidence.
    pub tallies: Vec<(f64, u64, u64)>,
}

impl ComparedEvaluation {
    /// How it is called among others: its label, with its run where that is needed to tell them apart.
    pub fn name(&self, among: &[ComparedEvaluation]) -> String {
        let is_one_run = among.iter().all(|other| other.run == self.run);
        let is_one_label = among.iter().all(|other| other.label == self.label);
        match (is_one_run, is_one_label) {
            (true, _) => self.label.clone(),
            (false, true) => self.run.clone(),
            (false, false) => format!("{}: {}", self.run, self.label),
        }
    }
}

/// What cannot be compared, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeftOut {
    pub name: String,
    /// A sentence.
    pub reason: String,
}

/// One entry against the base, on the questions that both answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pair {
    /// A place in `entries`.
    pub entry: usize,
    /// Questions that both answered.
    pub n: u64,
    /// Empty where they share no question.
    pub differences: Vec<PairedDifference>,
}

/// How one measure differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PairedDifference {
    /// As `sayself metrics` calls it.
    pub measure: String,
    pub base: f64,
    pub other: f64,
    /// other − base.
    pub difference: f64,
    /// The ends of its 95% interval, by bootstraps of whole entities.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Two-sided, of no difference.
    pub p_value: Option<f64>,
    /// The same, corrected by Holm's method for all that are shown.
    pub p_holm: Option<f64>,
}

/// Confidence before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Questions that both answered.
    pub n: u64,
    pub counts: Vec<(Change, u64)>,
    pub cells: Vec<LevelCell>,
    /// The one list that was asked for, long; else the beginnings of all.
    pub chosen: Option<Change>,
    pub lists: Vec<ChangeList>,
}

/// Questions by their levels before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LevelCell {
    /// [`crate::view::level_bin`]'s levels, 0..=10.
    pub before: u8,
    pub after: u8,
    /// Whose answer after is right, and wrong.
    pub right: u64,
    pub wrong: u64,
}

/// Questions that changed in one way, the most changed first.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeList {
    pub change: Change,
    /// All of them.
    pub total: u64,
    pub questions: Vec<ChangedQuestion>,
}

/// One question, before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedQuestion {
    pub id: String,
    pub question: String,
    pub gold: Option<String>,
    pub before: Said,
    pub after: Said,
}

/// What one evaluation says of a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Said {
    /// `None`: no answer could be read.
    pub answer: Option<String>,
    pub probability: f64,
    pub correct: bool,
    /// Why its confidence could not be read.
    pub failure: Option<String>,
    /// The rationale, cut into what stands in both and what differs; empty where there is none.
    pub rationale: Vec<Stretch>,
}

/// A run that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Choice {
    pub run: String,
    pub title: String,
    pub model: String,
    pub questions: String,
    /// Evaluations with measures.
    pub labels: Vec<String>,
}

/// The Tables page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaperTables {
    pub tables: Tables,
    /// The runs whose figures stand in them.
    pub runs: Vec<TabledRun>,
    /// Whether the address named them; else they are all finished ones.
    pub is_chosen: bool,
    /// What could not be read, and runs beyond the limit.
    pub left_out: Vec<LeftOut>,
}

/// A run in the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TabledRun {
    pub id: String,
    pub title: String,
    /// Evaluations that stand in the tables.
    pub evaluations: u64,
    /// Whether it is one of those shown.
    pub is_shown: bool,
}
