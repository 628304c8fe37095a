//! Annotation: projects as researchers see them, and work as annotators do.

use datasets::annotation::{
    Item, ItemKind, ProjectKind, ProjectSpec, Rating, RatingSaved, WorkItem, WorkProgress,
};
use serde::{Deserialize, Serialize};

/// Where a project stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProjectState {
    /// Seen by researchers alone.
    #[default]
    Draft,
    /// Items are handed out.
    Open,
    /// None is handed out; ratings that are on their way are kept.
    Paused,
    /// Over: its annotators may see its runs again.
    Closed,
}

impl ProjectState {
    pub const ALL: [ProjectState; 4] = [
        ProjectState::Draft,
        ProjectState::Open,
        ProjectState::Paused,
        ProjectState::Closed,
    ];

    pub fn word(self) -> &'static str {
        match self {
            ProjectState::Draft => "draft",
            ProjectState::Open => "open",
            ProjectState::Paused => "paused",
            ProjectState::Closed => "closed",
        }
    }

    pub fn from_word(word: &str) -> Option<ProjectState> {
        ProjectState::ALL
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// A project in the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectRow {
    pub id: String,
    pub title: String,
    pub kind: ProjectKind,
    pub state: ProjectState,
    /// Main items.
    pub items: u64,
    /// Ratings that count, and those wanted (items × overlap).
    pub rated: u64,
    pub wanted: u64,
    pub annotators: u64,
    pub created_ms: i64,
}

/// `GET /api/projects`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectList {
    pub projects: Vec<ProjectRow>,
}

/// `GET /api/projects/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectDetail {
    pub row: ProjectRow,
    pub spec: ProjectSpec,
    /// SHA-256 by what: `spec`, `rubric`, `consent`, and each run's file of answers.
    pub hashes: Vec<(String, String)>,
    pub members: Vec<MemberRow>,
    /// Items by kind.
    pub kinds: Vec<(ItemKind, u64)>,
    /// Items by stratum, with the ratings that they have.
    pub strata: Vec<StratumRow>,
    /// What drawing the items had to leave out, a sentence each.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StratumRow {
    pub stratum: String,
    pub items: u64,
    pub rated: u64,
}

/// An annotator of a project, by pseudonym.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberRow {
    pub annotator: String,
    /// `invited`, `training`, `at work`, `paused`, `refused`, `withdrawn`.
    pub state: String,
    pub rated: u64,
    pub skipped: u64,
    /// Of gold items rated: right ones, all.
    pub gold_right: u64,
    pub gold: u64,
    pub attention_right: u64,
    pub attention: u64,
    /// Of items rated twice: mean distance (single) or share equal (pairs); absent without any.
    pub repeats: u64,
    pub repeat_agreement: Option<f64>,
    /// Milliseconds, and the median an item.
    pub active_ms: u64,
    pub active_ms_median: u64,
}

/// A measure of people with its interval; absent where it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    pub value: f64,
    /// Bootstrap over items.
    pub interval: Option<[f64; 2]>,
    pub n: u64,
}

/// `GET /api/projects/{id}/agreement`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgreementReport {
    pub project: ProjectRow,
    /// Main items with at least two ratings.
    pub items: u64,
    pub ratings: u64,
    pub annotators: u64,
    /// Krippendorff's alpha; for pairs nominal alone.
    pub alpha_nominal: Option<Estimate>,
    pub alpha_ordinal: Option<Estimate>,
    pub alpha_interval: Option<Estimate>,
    /// Fleiss' kappa over items with as many ratings as most have.
    pub fleiss_kappa: Option<Estimate>,
    /// Of each two annotators with items in common: Cohen's kappa (quadratic weights for scores), share
    /// equal, n.
    pub between: Vec<BetweenRow>,
    /// Each annotator against the mean (or most frequent choice) of the others.
    pub by_annotator: Vec<AnnotatorAgreement>,
    /// The items that raters differ on most, the worst first.
    pub disagreements: Vec<Disagreement>,
    /// Of pairs: a Bradley-Terry ranking of methods; of single ratings: their means.
    pub ranking: Vec<RankedMethod>,
    /// How people, judge, SelfReflect and names agree, where the run has them.
    pub with_measures: Vec<MeasureAgreement>,
    /// What could not be told, a sentence each.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BetweenRow {
    pub first: String,
    pub second: String,
    pub kappa: Option<Estimate>,
    pub share_equal: f64,
    pub n: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnnotatorAgreement {
    pub annotator: String,
    pub n: u64,
    /// Alpha of all with and without him: he lowers it where the second is higher.
    pub alpha_without: Option<f64>,
    /// Mean of his ratings minus that of the others on the same items (single).
    pub bias: Option<Estimate>,
    /// Correlation with the others' means (single), share equal to their choice (pairs).
    pub with_others: Option<Estimate>,
}

/// An item that its raters differ on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disagreement {
    pub item: Item,
    pub ratings: Vec<Rating>,
    /// Standard deviation of the scores, or 1 − share of the most frequent choice.
    pub spread: f64,
    /// The adjudicated rating in words, where there is one.
    pub settled: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RankedMethod {
    /// `METHOD (RUN)`.
    pub name: String,
    /// Bradley-Terry log-strength, mean 0 over methods; or the mean rating 0..=10.
    pub strength: Estimate,
    pub wins: u64,
    pub ties: u64,
    pub losses: u64,
    /// Ratings `both bad` that it was part of.
    pub both_bad: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeasureAgreement {
    /// `people`, `judge`, `self-reflect` or `names`, all turned so that more is better.
    pub first: String,
    pub second: String,
    pub pearson: Option<Estimate>,
    pub spearman: Option<Estimate>,
    /// Items that both have a figure of.
    pub n: u64,
}

/// `POST /api/projects/{id}/items/{item}/settle`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settlement {
    #[serde(default)]
    pub score: Option<u8>,
    #[serde(default)]
    pub choice: Option<datasets::annotation::Choice>,
    #[serde(default)]
    pub note: String,
}

/// A project as its annotators see it: `GET /api/work`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkRow {
    pub project: String,
    pub title: String,
    pub kind: ProjectKind,
    pub standing: WorkStanding,
    pub progress: WorkProgress,
    pub contact: String,
}

/// What the annotator can do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WorkStanding {
    /// Read and agree.
    #[default]
    Consent,
    Training,
    /// Rate.
    Ready,
    /// Nothing is left for this person now; more may come when others' leases end.
    NothingLeft,
    /// The qualification was missed.
    Refused,
    /// The project is paused or not open yet.
    Waiting,
    /// The person paused, until he asks for items again.
    Paused,
    Closed,
    Withdrawn,
}

/// `POST /api/work/{project}/leases`, and what the rating page begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkBatch {
    pub standing: WorkStanding,
    /// Those already handed out first, in the person's order.
    pub items: Vec<WorkItem>,
    pub progress: WorkProgress,
    /// The server's clock: milliseconds since the epoch.
    pub now_ms: i64,
}

/// The rating page: `/annotate/{project}/work`.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkPage {
    pub project: String,
    pub title: String,
    pub kind: ProjectKind,
    pub contact: String,
    /// Sanitised HTML, made by the server from Markdown.
    pub rubric_html: String,
    pub instructions_html: String,
    pub consent_html: String,
    pub spans: bool,
    pub ahead: u8,
    pub batch: WorkBatch,
    /// A fresh key for the plain forms (UUID); scripts make their own.
    pub key: String,
    /// What was saved last, where a plain form led here.
    pub saved: Option<RatingSaved>,
    /// Shown to a researcher who looks at it as an annotator would: nothing is kept.
    pub preview: bool,
    /// Of a preview: which of the project's items stands first, from 0.
    pub turn: usize,
}

/// `/annotate/{project}`: the project, and what its forms answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectPage {
    pub detail: ProjectDetail,
    /// The link of the invitation that was just made; shown this once.
    pub invitation: Option<String>,
    /// Why nothing was changed, a sentence each.
    pub wrong: Vec<String>,
}

/// `/annotate`: what one can rate, and the projects where one may see them.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotateHome {
    pub work: Vec<WorkRow>,
    /// `None` for those who may not see projects.
    pub projects: Option<Vec<ProjectRow>>,
}

/// `/annotate/new`: the form, with what was typed and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewProject {
    pub spec: ProjectSpec,
    /// Runs to choose from: (run id, label, words).
    pub runs: Vec<(String, String, String)>,
    pub wrong: Vec<String>,
    /// Default texts, shown where a field is empty.
    pub rubric_single: String,
    pub rubric_pairs: String,
    pub consent: String,
}
