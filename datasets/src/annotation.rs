//! What people are asked to rate, and what they said: the types that the server, its pages, the command
//! line and exports share.

mod spec_toml;

pub use spec_toml::{SPEC_EXAMPLE, SpecError, spec_from_toml};

use serde::{Deserialize, Serialize};

/// The rubric of the paper's judge (Table 4), for people.
pub const RUBRIC_SINGLE: &str = include_str!("../annotation/rubric-single.md");
/// The same for two rationales side by side.
pub const RUBRIC_PAIRS: &str = include_str!("../annotation/rubric-pairs.md");

/// What annotators agree to where a project says nothing else.
pub const CONSENT: &str = include_str!("../annotation/consent.md");

/// Ratings are whole numbers 0..=SCORE_MAX.
pub const SCORE_MAX: u8 = 10;

/// What is rated at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProjectKind {
    /// One rationale, 0 to 10.
    #[default]
    Single,
    /// Two rationales to one question: left, right, tie, both bad.
    Pairs,
}

/// What items are spread over, so that rare ones are rated too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stratum {
    /// The stated level, 1 to 10.
    Confidence,
    Correctness,
    /// One cluster, two, three or more.
    ClusterCount,
}

/// Whose rationales are rated: an evaluation of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatedRun {
    /// The run's id.
    pub run: String,
    /// The evaluation's label; the headline's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A question whose right rating is known; for pairs `choice` is of the runs' order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KnownItem {
    /// A question of the run that was answered and sampled.
    pub question_id: String,
    /// The ratings that count as right, 0..=10, both ends inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Shown after the answer, in training.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub explanation: String,
}

/// A project as it is asked for: `POST /api/projects`, and the TOML of `sayself annotate new`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ProjectSpec {
    pub title: String,
    pub kind: ProjectKind,
    /// One for single ratings, 2 to 6 for pairs.
    pub runs: Vec<RatedRun>,
    /// Items drawn from the questions that were answered and sampled; all where there are fewer.
    pub sample_size: u32,
    /// Of the draw, the order and the sides; chosen by the server where absent, and logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    pub stratify: Vec<Stratum>,
    /// Ratings wanted of each item, by different people.
    pub overlap: u8,
    /// Share of a person's items whose right rating is known, 0..=0.5.
    pub gold_share: f64,
    /// Share that asks for a given rating in words, 0..=0.2.
    pub attention_share: f64,
    /// Share that the person has rated before, 0..=0.2.
    pub repeat_share: f64,
    /// Markdown; the shipped one where empty.
    pub rubric: String,
    /// Markdown, shown before the first item.
    pub instructions: String,
    /// Markdown; what the annotator agrees to. The shipped one where empty.
    pub consent: String,
    /// Whom annotators ask, and where they complain.
    pub contact: String,
    /// Items with explained answers before the work begins; made from the runs where empty.
    pub training: Vec<KnownItem>,
    /// Training items asked, 0: none.
    pub training_size: u8,
    /// Share of the training items to be rated right before work begins, 0..=1; 0: everybody is
    /// admitted.
    pub qualification: f64,
    /// Gold items; made from the runs where empty.
    pub gold: Vec<KnownItem>,
    /// Minutes until an item that was handed out and not rated goes to another.
    pub lease_minutes: u32,
    /// Items handed out ahead, so that work goes on while the network is away.
    pub ahead: u8,
    /// Items that one person rates at most; 0: no limit.
    pub per_person_max: u32,
    /// Whether people also mark words of the rationale that the samples bear out or contradict.
    pub spans: bool,
}

impl Default for ProjectSpec {
    fn default() -> Self {
        ProjectSpec {
            title: String::new(),
            kind: ProjectKind::Single,
            runs: Vec::new(),
            sample_size: 100,
            seed: None,
            stratify: vec![Stratum::Confidence, Stratum::Correctness],
            overlap: 2,
            gold_share: 0.1,
            attention_share: 0.02,
            repeat_share: 0.05,
            rubric: String::new(),
            instructions: String::new(),
            consent: String::new(),
            contact: String::new(),
            training: Vec::new(),
            training_size: 4,
            qualification: 0.5,
            gold: Vec::new(),
            lease_minutes: 30,
            ahead: 3,
            per_person_max: 0,
            spans: true,
        }
    }
}

/// The better of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    Left,
    Right,
    Tie,
    BothBad,
}

impl Choice {
    /// In the order of the page and of the nominal scale.
    pub const ALL: [Choice; 4] = [Choice::Left, Choice::Right, Choice::Tie, Choice::BothBad];

    /// As it stands in files and addresses.
    pub fn word(self) -> &'static str {
        match self {
            Choice::Left => "left",
            Choice::Right => "right",
            Choice::Tie => "tie",
            Choice::BothBad => "both-bad",
        }
    }

    /// The same seen with the sides exchanged.
    pub fn turned(self) -> Choice {
        match self {
            Choice::Left => Choice::Right,
            Choice::Right => Choice::Left,
            other => other,
        }
    }
}

/// Words of a rationale that an annotator marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Span {
    /// 0 of the left or only rationale, 1 of the right one.
    pub side: u8,
    /// UTF-16 code units from the rationale's start, as browsers count; `end` exclusive.
    pub start: u32,
    pub end: u32,
    pub verdict: Verdict,
}

impl Span {
    /// The marked words of a rationale; half a character, as a script may cut it, is U+FFFD.
    ///
    /// ```
    /// use datasets::annotation::{Span, Verdict};
    /// let span = Span { side: 0, start: 3, end: 7, verdict: Verdict::BornOut };
    /// // The face takes two of the browser's units.
    /// assert_eq!(span.words("😀 Rome or Oslo"), "Rome");
    /// assert_eq!(span.characters("😀 Rome or Oslo"), (2, 6));
    /// ```
    pub fn words(&self, rationale: &str) -> String {
        let units: Vec<u16> = rationale.encode_utf16().collect();
        let at = |place: u32| (place as usize).min(units.len());
        let marked = units.get(at(self.start)..at(self.end));
        String::from_utf16_lossy(marked.unwrap_or_default())
    }

    /// Where they lie in characters (Unicode scalar values), as Python counts; `end` exclusive.
    pub fn characters(&self, rationale: &str) -> (usize, usize) {
        let place = |units: u32| {
            let mut left = units as usize;
            let before = rationale.chars().take_while(|character| {
                let is_before = left > 0;
                left = left.saturating_sub(character.len_utf16());
                is_before
            });
            before.count()
        };
        (place(self.start), place(self.end))
    }
}

/// What the samples say of the marked words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    BornOut,
    Contradicted,
}

/// What an annotator said of one item: `PUT /api/work/{project}/ratings/{key}`. Exactly one of `score`,
/// `choice` and `skip` is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatingRequest {
    /// The assignment that was handed out.
    pub assignment: String,
    /// 1 for the first; one more for each later word on the same assignment (undo, correction).
    pub revision: u32,
    /// 0..=10, of a single rationale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// Of a pair, as the sides stood on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// Why it was not rated, 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    /// 100 at most.
    #[serde(default)]
    pub spans: Vec<Span>,
    /// 4,000 characters at most.
    #[serde(default)]
    pub note: String,
    /// Milliseconds with the item in view and somebody at it.
    #[serde(default)]
    pub active_ms: u64,
    /// When it was made, by the annotator's clock: milliseconds since the epoch. Told, never trusted.
    #[serde(default)]
    pub made_ms: u64,
}

/// The answer to a rating; it comes after the commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatingSaved {
    /// The attempt's key: the same key is saved once, and answered alike each time.
    pub key: String,
    pub assignment: String,
    pub revision: u32,
    /// When the server kept it: milliseconds since the epoch.
    pub saved_ms: i64,
    /// Whether it was this request that saved it, not an earlier one of the same key.
    pub fresh: bool,
    /// Of a training item: what would have been right, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<Explained>,
    pub progress: WorkProgress,
}

/// What a training item's right rating would have been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explained {
    pub right: bool,
    /// In words: `7 to 10`, `left`.
    pub expected: String,
    pub explanation: String,
}

/// How far one person and all are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkProgress {
    /// Items that this person rated, skipped ones apart.
    pub own_rated: u64,
    pub own_skipped: u64,
    /// Training items rated and asked.
    pub training_rated: u64,
    pub training: u64,
    /// Ratings by all that count towards the overlap, and those wanted.
    pub rated: u64,
    pub wanted: u64,
}

/// What stands on the page of a rating: nothing of method, model, run, confidence or kind of item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkItem {
    /// The assignment's id; random.
    pub assignment: String,
    /// Revisions that are kept of it; the next rating's is one more.
    pub revisions: u32,
    pub question: String,
    /// Samples in all.
    pub samples: u32,
    /// Largest first.
    pub evidence: Vec<EvidenceCluster>,
    /// One, or left and right.
    pub rationales: Vec<String>,
    /// Whether it is a training item, which says so and is explained afterwards.
    pub training: bool,
    /// When it goes to another, by the server's clock: milliseconds since the epoch.
    pub lease_ends_ms: i64,
    /// What was said of it last, where it is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<RatingRequest>,
}

/// One group of samples that say the same, as annotators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EvidenceCluster {
    pub answer: String,
    /// Of the samples.
    pub count: u32,
    /// 0..=1.
    pub share: f64,
    /// Some of its responses, 3 at most.
    pub examples: Vec<String>,
}

/// What kind of item it is; never told to annotators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    Main,
    Training,
    Gold,
    Attention,
}

impl ItemKind {
    pub const ALL: [ItemKind; 4] = [
        ItemKind::Main,
        ItemKind::Training,
        ItemKind::Gold,
        ItemKind::Attention,
    ];

    /// As it stands in files and in the database.
    pub fn word(self) -> &'static str {
        match self {
            ItemKind::Main => "main",
            ItemKind::Training => "training",
            ItemKind::Gold => "gold",
            ItemKind::Attention => "attention",
        }
    }
}

/// An item as it is kept: what annotators see, and what they must not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// Random.
    pub id: String,
    /// Place in the project's order, from 0.
    pub position: u32,
    pub kind: ItemKind,
    pub question_id: String,
    pub question: String,
    pub samples: u32,
    pub evidence: Vec<EvidenceCluster>,
    /// One, or the two of a pair in the project's order of runs.
    pub rationales: Vec<ItemRationale>,
    /// Of the strata: `confidence 8 · wrong · 2 clusters`.
    pub stratum: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// A rationale and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemRationale {
    pub text: String,
    pub run: String,
    pub label: String,
    pub method: String,
    /// The stated level, 1..=10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
}

/// The right rating of an item, where it is known. A choice is of the order of `Item::rationales`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Known {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    #[serde(default)]
    pub explanation: String,
}

impl Known {
    /// Whether a rating is right; the choice with sides as in `Item::rationales`. A skip is neither: it
    /// gives `None`.
    pub fn is_right(&self, score: Option<u8>, choice: Option<Choice>) -> Option<bool> {
        match (score, choice) {
            (Some(score), _) => {
                let (low, high) = (self.low.unwrap_or(0), self.high.unwrap_or(SCORE_MAX));
                Some((low..=high).contains(&score))
            }
            (None, Some(choice)) => Some(self.choice == Some(choice)),
            (None, None) => None,
        }
    }
}

/// A rating that counts: the last revision of an assignment, with sides turned back to the order of
/// `Item::rationales`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rating {
    pub item: String,
    pub assignment: String,
    /// The annotator's pseudonym.
    pub annotator: String,
    pub revision: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<u8>,
    /// `left`: the first of the item's rationales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
    #[serde(default)]
    pub spans: Vec<Span>,
    #[serde(default)]
    pub note: String,
    pub active_ms: u64,
    pub saved_ms: i64,
    /// Whether the person had rated the item before: tells of the person, not of the item.
    pub is_repeat: bool,
    /// Whether the first of the rationales stood on the left.
    pub first_left: bool,
}
