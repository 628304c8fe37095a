//! A limit on everything that comes from outside, each with its unit.

/// Bytes of a request's body; a configuration is the largest thing that is sent.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a request's path and query.
pub const ADDRESS_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a search.
pub const SEARCH_BYTES_MAX: usize = 200;
/// Seconds until a request is given up; streams of events are exempt.
pub const REQUEST_SECONDS_MAX: u64 = 30;
/// Seconds that requests under way have to end when the server stops.
pub const SHUTDOWN_SECONDS_MAX: u64 = 10;
/// Connections open at once.
pub const CONNECTIONS_MAX: usize = 2_048;

/// Rows of a list that did not ask for a number.
pub const PAGE_ROWS_DEFAULT: usize = 50;
/// Rows of a list.
pub const PAGE_ROWS_MAX: usize = 200;
/// Evaluations drawn over one another.
pub const SHOWN_MAX: usize = 2;

/// Visitors that follow a run at once.
pub const WATCHERS_MAX: usize = 256;
/// Seconds after which a watcher's stream ends; browsers then resume by themselves.
pub const WATCH_SECONDS_MAX: u64 = 3_600;
/// Milliseconds between two looks at a followed file.
pub const FOLLOW_EVERY_MS: u64 = 500;
/// Seconds between two signs of life on a stream that has nothing to say.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// Bytes of the event log sent to a watcher at one look.
pub const FOLLOW_BYTES_MAX: usize = 256 * 1024;

/// Milliseconds for which a list of run directories is taken as current.
pub const SCAN_EVERY_MS: u64 = 1_000;
/// Milliseconds between two looks where a run that is asked for was not there.
pub const SCAN_AGAIN_MS: u64 = 100;
/// Run directories served from one folder.
pub const RUNS_MAX: usize = 50_000;
/// Evaluations read of one run.
pub const EVALUATIONS_MAX: usize = 64;
/// Bytes of `run.toml` and of `metrics.json`.
pub const SMALL_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of one record (one line of a `*.jsonl`).
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Records indexed of one file; more are not shown.
pub const RECORDS_PER_FILE_MAX: usize = 4_000_000;
/// Records whose places are held in memory at once, over all files (40 bytes each).
pub const RECORDS_INDEXED_MAX: usize = 6_000_000;
/// Stages told apart in one event log.
pub const STAGES_MAX: usize = 256;
/// Lines of the event log on the Run page, and of a job's log.
pub const LOG_LINES_MAX: usize = 100;
/// Bytes read from the end of a log for them.
pub const LOG_BYTES_MAX: u64 = 64 * 1024;
/// Characters of one line of a log; the rest is cut.
pub const LOG_LINE_CHARACTERS_MAX: usize = 500;
/// Milliseconds without an event after which a run is taken to have lost its process.
pub const SILENT_MS_MAX: u64 = 15 * 60 * 1_000;

/// Answers read of one evaluation that is compared; more are left out with a word.
pub const COMPARED_ANSWERS_MAX: usize = 20_000;
/// Resamples behind the intervals of a comparison: as many as [`COMPARED_ROWS_DRAWN`] allows, within these.
pub const COMPARED_BOOTSTRAPS_MIN: usize = 1_000;
pub const COMPARED_BOOTSTRAPS_MAX: usize = 4_000;
/// Rows drawn for one comparison, all resamples and evaluations together: some 5 seconds.
pub const COMPARED_ROWS_DRAWN: usize = 400_000_000;
/// Comparisons computed or waiting for their turn.
pub const COMPARISONS_AT_ONCE_MAX: usize = 16;
/// Comparisons whose differences are kept.
pub const COMPARISONS_KEPT_MAX: usize = 128;
/// Questions of each way of changing on the Compare page, and where one way alone is listed.
pub const CHANGED_ROWS_SHORT: usize = 3;
pub const CHANGED_ROWS_MAX: usize = 50;
/// Characters of a question, an answer or a rationale on the Compare page.
pub const TEXT_CHARACTERS_MAX: usize = 4_000;
/// Runs offered for a comparison.
pub const CHOICES_MAX: usize = 50;
/// Runs in the paper's tables.
pub const TABLED_RUNS_MAX: usize = 200;

/// Drawn pages kept.
pub const PAGES_KEPT_MAX: usize = 64;
/// Bytes of drawn pages kept.
pub const PAGES_KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Jobs waiting for their turn.
pub const JOBS_QUEUED_MAX: i64 = 32;
/// Characters of a run's id.
pub const RUN_ID_CHARACTERS_MAX: usize = 100;
/// Seconds between a job's polite and its hard end.
pub const JOB_GRACE_SECONDS: u64 = 10;
/// Milliseconds between two looks at a process that is not a child of this server.
pub const ADOPTED_EVERY_MS: u64 = 500;

/// Connections to the database.
pub const DATABASE_CONNECTIONS_MAX: u32 = 8;
/// Seconds to wait for a connection to the database.
pub const DATABASE_SECONDS_MAX: u64 = 5;
/// Ports tried after a taken one.
pub const PORTS_TRIED_MAX: u16 = 100;
