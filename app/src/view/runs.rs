//! The list of runs: what a visitor asks for, and what is shown.

use super::{RunState, RunSummary};
use serde::{Deserialize, Serialize};

/// What people note of a run. It stands in the server's database alone, never in the run directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Labels {
    /// In the order in which they were given; no two are the same but for case.
    pub tags: Vec<String>,
    /// Plain text; empty where there is none.
    pub note: String,
}

/// A run with its tags and its note: a row of the Runs page and of `GET /api/runs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunRow {
    #[serde(flatten)]
    pub run: RunSummary,
    #[serde(flatten)]
    pub labels: Labels,
}

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunSort {
    #[default]
    Started,
    Title,
    State,
    Model,
    Method,
    Questions,
    N,
    Accuracy,
    Ece,
    Smece,
    Brier,
    Auroc,
}

impl RunSort {
    pub const ALL: [RunSort; 12] = [
        RunSort::Started,
        RunSort::Title,
        RunSort::State,
        RunSort::Model,
        RunSort::Method,
        RunSort::Questions,
        RunSort::N,
        RunSort::Accuracy,
        RunSort::Ece,
        RunSort::Smece,
        RunSort::Brier,
        RunSort::Auroc,
    ];

    /// As it stands in an address.
    pub fn word(self) -> &'static str {
        match self {
            RunSort::Started => "started",
            RunSort::Title => "title",
            RunSort::State => "state",
            RunSort::Model => "model",
            RunSort::Method => "method",
            RunSort::Questions => "questions",
            RunSort::N => "n",
            RunSort::Accuracy => "accuracy",
            RunSort::Ece => "ece",
            RunSort::Smece => "smece",
            RunSort::Brier => "brier",
            RunSort::Auroc => "auroc",
        }
    }

    /// As a page says it.
    pub fn name(self) -> &'static str {
        match self {
            RunSort::Started => "Started",
            RunSort::Title => "Title",
            RunSort::State => "State",
            RunSort::Model => "Model",
            RunSort::Method => "Method",
            RunSort::Questions => "Data set",
            RunSort::N => "n",
            RunSort::Accuracy => "Accuracy",
            RunSort::Ece => "ECE",
            RunSort::Smece => "smECE",
            RunSort::Brier => "Brier",
            RunSort::Auroc => "AUROC",
        }
    }

    /// The sort of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        RunSort::ALL.into_iter().find(|sort| sort.word() == word)
    }

    /// The direction that is asked for first: the newest and the best at the top, names from A.
    pub fn usual(self) -> Direction {
        match self {
            RunSort::Started | RunSort::N | RunSort::Accuracy | RunSort::Auroc => {
                Direction::Descending
            }
            _ => Direction::Ascending,
        }
    }
}

/// Up or down. What has no figure stands last either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Ascending,
    #[default]
    Descending,
}

impl Direction {
    /// As it stands in an address and in `aria-sort`.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        }
    }
}

/// What the list can be narrowed by, besides a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facet {
    Model,
    Method,
    Questions,
    State,
    Tag,
}

impl Facet {
    pub const ALL: [Facet; 5] = [
        Facet::Model,
        Facet::Method,
        Facet::Questions,
        Facet::State,
        Facet::Tag,
    ];

    /// As it stands in an address.
    pub fn word(self) -> &'static str {
        match self {
            Facet::Model => "model",
            Facet::Method => "method",
            Facet::Questions => "questions",
            Facet::State => "state",
            Facet::Tag => "tag",
        }
    }

    /// As a page says it.
    pub fn name(self) -> &'static str {
        match self {
            Facet::Model => "Model",
            Facet::Method => "Method",
            Facet::Questions => "Data set",
            Facet::State => "State",
            Facet::Tag => "Tag",
        }
    }
}

/// What a visitor asks of the list; [`crate::link::runs`] writes it as an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunChoice {
    /// Text in title, id, model, method, data set, tags or note, whatever the case; empty: all.
    pub search: String,
    /// At most one value a facet.
    pub narrowed: Vec<(Facet, String)>,
    pub sort: RunSort,
    pub direction: Direction,
    /// Runs on the same data set stand together, the data sets in the order of their names.
    pub grouped: bool,
}

impl RunChoice {
    /// The value that a facet is narrowed to.
    pub fn value(&self, facet: Facet) -> Option<&str> {
        self.narrowed
            .iter()
            .find(|(known, _)| *known == facet)
            .map(|(_, value)| value.as_str())
    }

    /// The same list with this facet narrowed to a value, or not at all.
    pub fn with(&self, facet: Facet, value: Option<&str>) -> Self {
        let mut choice = self.clone();
        choice.narrowed.retain(|(known, _)| *known != facet);
        if let Some(value) = value {
            choice.narrowed.push((facet, value.to_owned()));
        }
        choice
    }

    /// The same runs in another order: the usual direction of a new sort, the other of the present
    /// one.
    pub fn sorted(&self, sort: RunSort) -> Self {
        let direction = if self.sort == sort {
            self.direction.other()
        } else {
            sort.usual()
        };
        RunChoice {
            sort,
            direction,
            ..self.clone()
        }
    }

    /// The same order without search and facets.
    pub fn widened(&self) -> Self {
        RunChoice {
            search: String::new(),
            narrowed: Vec::new(),
            ..self.clone()
        }
    }

    pub fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || !self.narrowed.is_empty()
    }
}

/// What there is to choose from in a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetChoices {
    pub facet: Facet,
    /// A value and how many of all runs have it, in the order of the values.
    pub choices: Vec<(String, u64)>,
}

/// The runs on one data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunGroup {
    /// The data set; empty where the runs name none.
    pub name: String,
    /// Rows of this page.
    pub rows: usize,
    /// Runs that match, on whatever page.
    pub runs: u64,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunsPage {
    pub rows: Vec<RunRow>,
    pub choice: RunChoice,
    pub facets: Vec<FacetChoices>,
    /// Where the list is grouped: the data sets of `rows`, in their order.
    pub groups: Vec<RunGroup>,
    /// Whether the first of `groups` began on an earlier page.
    pub continued: bool,
    /// All runs, matching or not.
    pub total: u64,
    /// Runs that match, on whatever page.
    pub matching: u64,
    /// Of those, the ones before this page.
    pub before: u64,
    /// The cursor of this page and of the next one.
    pub after: Option<String>,
    pub next: Option<String>,
    /// Where the scale of ECE, smECE and Brier ends, the same on every page: 0.5, or 1 where a run
    /// needs it.
    pub errors_to: f64,
    /// Why tags and notes cannot be changed here, and what to do; `None`: they can.
    pub locked: Option<String>,
}

/// A run's state in one word, as `state` has it in the API.
pub fn state_word(state: &RunState) -> &'static str {
    match state {
        RunState::Waiting => "waiting",
        RunState::Running { .. } => "running",
        RunState::Finished => "finished",
        RunState::Failed { .. } => "failed",
        RunState::Damaged { .. } => "damaged",
    }
}

/// The words of [`state_word`].
pub const STATE_WORDS: [&str; 5] = ["running", "waiting", "finished", "failed", "damaged"];
