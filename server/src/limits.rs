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

/// Drawn pages kept.
pub const PAGES_KEPT_MAX: usize = 64;
/// Bytes of drawn pages kept.
pub const PAGES_KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of a job's configuration.
pub const CONFIG_BYTES_MAX: usize = 64 * 1024;
/// Fields of a form that is posted.
pub const FORM_FIELDS_MAX: usize = 5_000;
/// Runs that the form for a new job offers.
pub const FORM_RUNS_MAX: usize = 50;
/// Milliseconds between two looks at the queue, which other servers may change too.
pub const QUEUE_EVERY_MS: u64 = 3_000;
/// Milliseconds within which a server that has taken a job notes its process.
pub const CLAIM_MS_MAX: i64 = 10_000;
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
