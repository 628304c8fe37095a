//! Jobs: what the queue, a job's page and the form for a new one show.

use super::RunState;
use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    Queued,
    Running,
    Finished,
    Failed,
    Cancelled,
    /// The server stopped while it ran; it can be started again where it was.
    Interrupted,
}

impl JobState {
    pub const ALL: [JobState; 6] = [
        JobState::Running,
        JobState::Queued,
        JobState::Failed,
        JobState::Interrupted,
        JobState::Cancelled,
        JobState::Finished,
    ];

    /// As the API and the database call it.
    pub fn word(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Finished => "finished",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Interrupted => "interrupted",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        JobState::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing more happens to it by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, JobState::Queued | JobState::Running)
    }

    /// Whether it can be started again where it stopped.
    pub fn is_resumable(self) -> bool {
        self.is_over() && self != JobState::Finished
    }
}

/// A job: one stage, or all, of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Job {
    pub id: String,
    /// The id of the run that it writes.
    pub run: String,
    /// `run`, the whole pipeline, or the stage after which it stops.
    pub stage: String,
    pub state: JobState,
    /// 1 for the first.
    pub attempt: i64,
    pub exit_code: Option<i64>,
    pub error: Option<String>,
    /// Whether it can be started again where it stopped.
    pub resumable: bool,
    /// Of a job that waits: how many start before it, and itself; 1 is next.
    pub place: Option<u64>,
    /// Of a job that runs: where its run stands.
    pub progress: Option<RunState>,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
}

/// `GET /api/jobs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobList {
    /// The newest first.
    pub jobs: Vec<Job>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// The Jobs page.
#[derive(Clone, Debug, PartialEq)]
pub struct JobQueue {
    pub list: JobList,
    /// What narrows the list.
    pub state: Option<JobState>,
    /// How many jobs are in each state that any job is in.
    pub counts: Vec<(JobState, u64)>,
    /// Jobs that run at once.
    pub at_once: u64,
}

/// Lines of a job's log: `GET /api/jobs/{id}/log`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobLog {
    /// Newest last.
    pub lines: Vec<String>,
    /// `before` of the lines before these; absent where these are the first.
    pub older: Option<u64>,
    /// The byte after the last of them.
    pub end: u64,
}

/// A job with its configuration and the end of its log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobDetail {
    #[serde(flatten)]
    pub job: Job,
    /// The command line as one would type it.
    pub command: String,
    /// TOML.
    pub config: String,
    /// Newest last.
    pub log: Vec<String>,
    /// `before` of the log's lines before these; absent where these are the first.
    pub older: Option<u64>,
}

/// The page of one job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobShown {
    pub detail: JobDetail,
    /// Whether these are the log's last lines; else older ones are looked at.
    pub newest: bool,
    /// The byte after the last line that is shown.
    pub end: u64,
    /// Whether the run's page is there already.
    pub run_exists: bool,
}

/// A stage that can be started: `GET /api/stages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageChoice {
    pub name: String,
    /// What it makes, in a sentence.
    pub description: String,
}

/// `GET /api/stages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageList {
    /// The whole pipeline first, then its stages in their order.
    pub stages: Vec<StageChoice>,
}

/// The form for a new job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewJob {
    /// What the form began with, in words; empty: the defaults.
    pub from: String,
    /// The shipped configurations.
    pub configs: Vec<String>,
    /// Runs whose configuration may be taken, newest first: id and title.
    pub runs: Vec<(String, String)>,
    pub stages: Vec<StageChoice>,
    pub stage: String,
    /// The run to write.
    pub out: String,
    /// Go on with the run `out`, which is there.
    pub resume: bool,
    /// The configuration as text is edited in place of the fields.
    pub as_text: bool,
    pub tables: Vec<FormTable>,
    /// What the fields make, or what was typed.
    pub toml: String,
    /// What is wrong with the job as a whole.
    pub problems: Vec<String>,
    /// What is odd but can be started.
    pub warnings: Vec<String>,
    /// Whether `toml` is shown to be started: asked for and without a problem.
    pub preview: bool,
    /// The command line as it will be typed.
    pub command: String,
}

impl NewJob {
    /// What was looked at, as a short mark: another configuration, stage or run has another.
    pub fn seen(&self) -> String {
        let parts = [self.toml.as_str(), &self.stage, &self.out];
        let resume = if self.resume { "\nresume" } else { "" };
        let text = [parts.join("\n").as_str(), resume].concat();
        datasets::hash::sha256_hex(text.as_bytes())
    }
}

/// A table of the configuration, as a group of fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormTable {
    /// `sft`, `evaluate[1].judge`; empty: the configuration itself.
    pub path: String,
    pub description: String,
    /// May be left out.
    pub optional: bool,
    /// Is one of a list of tables (`evaluate[1]`), or its head (`evaluate`), which has no fields.
    pub list: Listed,
    /// Whether it is there.
    pub present: bool,
    pub fields: Vec<FormField>,
    /// Tables within.
    pub tables: Vec<FormTable>,
    pub problem: Option<String>,
}

impl FormTable {
    /// Whether a field of it, or of a table within, is wrong.
    pub fn has_problems(&self) -> bool {
        self.problem.is_some()
            || self.fields.iter().any(|field| field.problem.is_some())
            || self.tables.iter().any(FormTable::has_problems)
    }

    /// Fields that differ from their default, in it and within.
    pub fn changed(&self) -> u64 {
        let own = self.fields.iter().filter(|field| field.is_set).count() as u64;
        own + self.tables.iter().map(FormTable::changed).sum::<u64>()
    }
}

/// How a table belongs to a list of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listed {
    #[default]
    No,
    /// The list: its `tables` are the entries.
    Head,
    Entry,
}

/// One key of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormField {
    /// The path as in errors: `sft.epochs`, `evaluate[2].split`.
    pub path: String,
    pub description: String,
    pub input: FormInput,
    /// As typed; empty: the default.
    pub value: String,
    /// The default as it would be typed; empty where there is none.
    pub default: String,
    /// Whether it differs from the default.
    pub is_set: bool,
    pub problem: Option<String>,
}

/// How a key is put in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FormInput {
    #[default]
    Text,
    Checkbox,
    Number {
        /// Whole numbers alone.
        whole: bool,
        min: Option<String>,
        max: Option<String>,
    },
    /// Each with what it means, where the schema says so.
    Choice(Vec<(String, String)>),
    /// One a line; of these alone, where there are any.
    Lines(Vec<(String, String)>),
}
