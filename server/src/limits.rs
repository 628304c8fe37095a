//! A limit on everything that comes from outside, each with its unit.

use std::num::NonZeroU64;

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
/// Connections open at once; one more waits until another ends.
pub const CONNECTIONS_MAX: usize = 2_048;
/// Seconds in which a connection must bring the head of a request, counted from its opening or from the
/// end of the last answer: more than proxies keep one open that is asked nothing.
pub const IDLE_SECONDS_MAX: u64 = 75;
/// Seconds that a visitor may leave what is sent to him unread.
pub const UNREAD_SECONDS_MAX: u64 = 30;

/// Bytes of a value that a list of runs is narrowed to.
pub const FACET_BYTES_MAX: usize = 200;
/// Values that are offered to narrow a list of runs by, of one kind.
pub const FACET_VALUES_MAX: usize = 200;
/// Characters of a text that count where a list of runs is sorted by it.
pub const SORT_CHARACTERS_MAX: usize = 64;

/// Tags of one run.
pub const TAGS_MAX: usize = 20;
/// Characters of one tag.
pub const TAG_CHARACTERS_MAX: usize = 40;
/// Characters of a run's note.
pub const NOTE_CHARACTERS_MAX: usize = 4_000;
/// Milliseconds for which tags and notes are taken as current: other servers may change them too.
pub const LABELS_EVERY_MS: u64 = 1_000;
/// Milliseconds that a list of runs waits for them.
pub const LABELS_WAITED_MS_MAX: u64 = 1_000;

/// Rows of a list that did not ask for a number.
pub const PAGE_ROWS_DEFAULT: usize = 50;
/// Rows of a list.
pub const PAGE_ROWS_MAX: usize = 200;
/// Evaluations drawn over one another.
pub const SHOWN_MAX: usize = 2;

/// Visitors that follow a run at once.
pub const WATCHERS_MAX: usize = 256;
/// Runs that one visitor follows in one stream.
pub const FOLLOWED_RUNS_MAX: usize = 50;
/// Seconds after which a watcher's stream ends; browsers then resume by themselves.
pub const WATCH_SECONDS_MAX: u64 = 3_600;
/// Milliseconds between two looks at a followed file.
pub const FOLLOW_EVERY_MS: u64 = 500;
/// Seconds between two signs of life on a stream that has nothing to say.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// Bytes of the event log sent to a watcher at one look.
pub const FOLLOW_BYTES_MAX: usize = 256 * 1024;

/// Milliseconds for which a visitor waits for the first look at the runs, before he is shown those
/// that are read so far.
pub const FIRST_LOOK_MS: u64 = 2_000;
/// Milliseconds for which a list of run directories is taken as current.
pub const SCAN_EVERY_MS: u64 = 1_000;
/// Runs of which all are looked at while a visitor waits; of more, only what is new or under way is,
/// and the rest beside the answers.
pub const LOOKED_AT_WHOLE_MAX: usize = 200;
/// Runs under way that are looked at while a visitor waits.
pub const LOOKED_AT_AGAIN_MAX: usize = 256;
/// The share of time that looks at all runs may take: one part in so many.
pub const LOOKING_ONE_IN: u32 = 10;
/// Milliseconds between two looks where a run that is asked for was not there.
pub const SCAN_AGAIN_MS: u64 = 100;
/// Run directories served, of all folders together.
pub const RUNS_MAX: usize = 50_000;
/// Evaluations read of one run.
pub const EVALUATIONS_MAX: usize = 64;
/// Bytes of `run.toml` and of `metrics.json`.
pub const SMALL_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of one record (one line of a `*.jsonl`).
pub const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Records indexed of one file; more are not shown.
pub const RECORDS_PER_FILE_MAX: usize = 4_000_000;
/// Templates told apart in one file.
pub const TEMPLATES_PER_FILE_MAX: usize = 10_000;
/// Bytes of memory for the indices of all files together, 18 to 27 a record; the one in use is kept even
/// where it alone is larger.
pub const INDEX_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of a file that are indexed while a page waits; more are read in the background.
pub const INDEX_AT_ONCE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Files that are indexed in the background at once.
pub const INDEXING_AT_ONCE_MAX: usize = 2;
/// Records that enter an index at once.
pub const INDEX_BATCH_RECORDS: usize = 4_096;
/// Milliseconds that a page waits for an index before it shows what is read so far.
pub const INDEX_PAGE_MS_MAX: u64 = 200;
/// Milliseconds that an answer of the API waits for it.
pub const INDEX_API_MS_MAX: u64 = 20_000;

/// Bytes read for one page of a search through answers; the next page goes on from there.
pub const SEARCH_READ_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Characters of each text of an answer in a list; the rest is told.
pub const LIST_TEXT_CHARACTERS_MAX: usize = 2_000;
/// Templates offered to narrow a list by, the most frequent first.
pub const TEMPLATES_OFFERED_MAX: usize = 200;
/// Samples shown of one question.
pub const SAMPLES_SHOWN_MAX: usize = 1_000;
/// Characters of one sample on a page; the rest is told.
pub const SAMPLE_CHARACTERS_MAX: usize = 1_000;
/// Characters of each text of an answer on the Question page; the rest is told.
pub const TEXT_CHARACTERS_MAX: usize = 19_000;
/// Questions of a template whose answers are looked for as names in a rationale.
pub const NAMES_QUESTIONS_MAX: usize = 1_500;
/// Bytes read at once of a record that is sent as it stands.
pub const RAW_READ_BYTES: usize = 64 * 1024;
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

/// Bytes of an event log that learning curves are read from; later values are not drawn.
pub const LEARNING_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Notes and failures of a run that are told, the last ones.
pub const NOTES_MAX: usize = 50;
/// Bytes of an `answers.jsonl` that groups of answers are counted from; of a larger one, evenly
/// spaced parts are read.
pub const BREAKDOWN_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Those parts.
pub const BREAKDOWN_PARTS: u64 = 64;
/// Templates counted of one evaluation; further ones are counted together.
pub const TEMPLATES_KEPT_MAX: usize = 2_000;
/// Templates shown of one evaluation, the largest ones.
pub const TEMPLATES_SHOWN_MAX: usize = 100;
/// Bytes of `skipped.jsonl` that reasons are counted from.
pub const SKIPPED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Reasons told apart.
pub const SKIPPED_REASONS_MAX: usize = 50;
/// Records named for each reason.
pub const SKIPPED_EXAMPLES_MAX: usize = 3;
/// Runs whose learning curves and groups are remembered.
pub const DIRECTORIES_REMEMBERED_MAX: usize = 64;
/// Files of a run that are listed.
pub const FILES_LISTED_MAX: usize = 300;
/// Entries of a run's folders that are looked at for them.
pub const FILES_LOOKED_AT_MAX: usize = 5_000;
/// Parts of a listed file's path.
pub const FILE_DEPTH_MAX: usize = 6;
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
pub const COMPARED_CHARACTERS_MAX: usize = 4_000;
/// Runs offered for a comparison.
pub const CHOICES_MAX: usize = 50;
/// Runs in the paper's tables.
pub const TABLED_RUNS_MAX: usize = 200;

/// Bytes of the model that the demo hands out; a browser holds no more.
pub const DEMO_MODEL_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes of its adapter.
pub const DEMO_ADAPTER_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Milliseconds for which what the demo offers is taken as current.
pub const DEMO_EVERY_MS: u64 = 2_000;
/// Finished runs, the newest ones, among which the demo looks for an adapter.
pub const DEMO_RUNS_LOOKED_AT_MAX: usize = 200;
/// Answers of an evaluation that the demo's record counts, and bytes read of a file for it.
pub const DEMO_ANSWERS_MAX: usize = 50_000;
pub const DEMO_ANSWERS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Typical questions that the demo offers of each kind, and others to draw from.
pub const DEMO_EXAMPLES: usize = 3;
pub const DEMO_QUESTIONS_MAX: usize = 240;
/// Characters of an offered question and of what was said of the doubt about it.
pub const DEMO_EXAMPLE_CHARACTERS_MAX: usize = 400;
/// Questions of the demo that are answered here at once.
pub const DEMO_AT_ONCE: usize = 4;
/// Those that wait, of all addresses, and that wait or are answered of one.
pub const DEMO_WAITING_MAX: usize = 64;
pub const DEMO_WAITING_OF_ONE_MAX: usize = 4;
/// Questions from one address within a minute.
pub const DEMO_ASKS_A_MINUTE: usize = 20;
/// Addresses that are remembered.
pub const DEMO_KNOWN_ADDRESSES_MAX: usize = 10_000;
/// Seconds for one answer, from its turn on.
pub const DEMO_ANSWER_SECONDS_MAX: u64 = 120;
/// Bytes of one event of a model's server, and of its words on a refusal.
pub const DEMO_EVENT_BYTES_MAX: usize = 256 * 1024;
/// Milliseconds between two words of what is being written.
pub const DEMO_TOLD_EVERY_MS: u64 = 100;
/// Seconds for the model's process to say its address.
pub const DEMO_START_SECONDS_MAX: u64 = 120;
/// Seconds after a start that failed, for which none is tried.
pub const DEMO_START_AGAIN_SECONDS: u64 = 10;
/// Seconds without a question after which the model's process is ended.
pub const DEMO_IDLE_SECONDS_MAX: u64 = 600;
/// Bytes of the file in which questions are kept.
pub const DEMO_KEPT_BYTES_MAX: u64 = 1 << 30;
/// Characters of an answer that is read or set beside samples, and samples that are set side by side.
pub const DEMO_TEXT_CHARACTERS_MAX: usize = 8_000;

/// Drawn pages kept.
pub const PAGES_KEPT_MAX: usize = 64;
/// Bytes of drawn pages kept.
pub const PAGES_KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a page that is packed once and kept so; a larger one is packed as it leaves.
pub const PAGE_PACKED_BYTES_MAX: usize = 1024 * 1024;

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

/// Characters of the name that somebody signs in by.
pub const PERSON_NAME_CHARACTERS_MAX: usize = 60;
/// Characters of a password.
pub const PASSWORD_CHARACTERS_MIN: usize = 10;
pub const PASSWORD_CHARACTERS_MAX: usize = 200;
/// Passwords that are hashed or compared at once: each takes 19 MiB and some 20 ms of a core.
pub const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// Passwords that wait for that.
pub const PASSWORDS_WAITING_MAX: usize = 64;
/// Tries to sign in by one name, and from one address, within [`TRIES_SECONDS`].
pub const TRIES_MAX: usize = 10;
pub const TRIES_SECONDS: u64 = 300;
/// Names and addresses whose tries are remembered.
pub const TRIES_REMEMBERED_MAX: usize = 10_000;
/// Bytes of a token: 256 random bits.
pub const TOKEN_BYTES: usize = 32;
/// Days for which somebody stays signed in.
pub const SESSION_DAYS: i64 = 30;
/// Days for which a program's token works, at most, and where nothing is said.
pub const PROGRAM_DAYS_MAX: i64 = 366;
pub const PROGRAM_DAYS_DEFAULT: i64 = 90;
/// Sessions of one person, programs' tokens among them; the one that was used longest ago goes.
pub const SESSIONS_MAX: usize = 50;
/// Characters of what a program's token is called.
pub const SESSION_LABEL_CHARACTERS_MAX: usize = 80;
/// Milliseconds between two notes of when somebody was seen.
pub const SEEN_EVERY_MS: i64 = 60_000;
/// Milliseconds for which who somebody is is taken as current: other servers may change it too.
pub const KNOWN_EVERY_MS: u64 = 1_000;
/// People and programs that are remembered so.
pub const KNOWN_MAX: usize = 10_000;
/// Milliseconds for which accounts, published runs and open projects are taken as current.
pub const RULES_EVERY_MS: u64 = 1_000;
/// Milliseconds that a request waits for them.
pub const RULES_WAITED_MS_MAX: u64 = 2_000;
/// Hours for which the first admin's link works.
pub const FIRST_LINK_HOURS: i64 = 24;
/// Days for which an invitation works, at most, and where nothing is said.
pub const INVITATION_DAYS_MAX: i64 = 366;
pub const INVITATION_DAYS_DEFAULT: i64 = 14;
/// People who come by one invitation.
pub const INVITATION_USES_MAX: i64 = 1_000;
/// Invitations that work at once.
pub const INVITATIONS_MAX: i64 = 1_000;
/// Characters of an invitation's note.
pub const INVITATION_NOTE_CHARACTERS_MAX: usize = 200;
/// People that a server knows.
pub const PEOPLE_MAX: i64 = 10_000;
/// Rows of the audit on its page.
pub const AUDIT_ROWS: usize = 100;
/// Characters of what one line of the audit says besides.
pub const AUDIT_CHARACTERS_MAX: usize = 1_000;
/// Rows of each kind in what a person takes away of his own.
pub const OWN_ROWS_MAX: i64 = 1_000_000;

/// Characters of a project's title.
pub const PROJECT_TITLE_CHARACTERS_MAX: usize = 200;
/// Characters of a rubric, of instructions and of a consent, in Markdown.
pub const PROJECT_TEXT_CHARACTERS_MAX: usize = 20_000;
/// Characters of a contact.
pub const CONTACT_CHARACTERS_MAX: usize = 500;
/// Runs whose rationales are rated in pairs.
pub const RATED_RUNS_MAX: usize = 6;
/// Main items of a project.
pub const ITEMS_MAX: u32 = 5_000;
/// Ratings wanted of one item.
pub const OVERLAP_MAX: u8 = 50;
/// Shares of gold items; of attention items and of repeats, each; of all three together.
pub const GOLD_SHARE_MAX: f64 = 0.5;
pub const ATTENTION_SHARE_MAX: f64 = 0.2;
pub const REPEAT_SHARE_MAX: f64 = 0.2;
pub const MIXED_SHARE_MAX: f64 = 0.8;
/// Training items, and gold items that are named.
pub const TRAINING_MAX: usize = 50;
pub const GOLD_MAX: usize = 1_000;
/// Gold items, and attention items, that are made from runs.
pub const MADE_MAX: usize = 200;
/// Characters of a training item's explanation.
pub const EXPLANATION_CHARACTERS_MAX: usize = 4_000;
/// Minutes of a lease: a week.
pub const LEASE_MINUTES_MAX: u32 = 7 * 24 * 60;
/// Items handed out ahead.
pub const AHEAD_MAX: u8 = 20;
/// Items that one person has at once, those counted whose ratings wait in his browser.
pub const LEASED_MAX: u32 = 100;
/// Items that one person may be allowed.
pub const PER_PERSON_MAX: u32 = 100_000;
/// Projects kept.
pub const PROJECTS_MAX: usize = 1_000;
/// Projects whose items are held in memory.
pub const PROJECTS_REMEMBERED_MAX: usize = 8;

/// Answers of an evaluation that items are drawn from, the first ones of the file.
pub const RATED_ANSWERS_MAX: usize = 100_000;
/// Bytes read of a file of samples or of clusters for a project; what stands behind them is left out.
pub const RATED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Clusters that an item shows, the largest ones.
pub const EVIDENCE_CLUSTERS_MAX: usize = 100;
/// Responses that an item shows of each cluster.
pub const EVIDENCE_EXAMPLES_MAX: usize = 3;
/// Characters of such a response, and of a cluster's answer.
pub const EVIDENCE_CHARACTERS_MAX: usize = 500;
/// Characters of a question and of a rationale that are rated.
pub const RATED_CHARACTERS_MAX: usize = 8_000;

/// Characters of a rating's note, and of an adjudication's.
pub const RATING_NOTE_CHARACTERS_MAX: usize = 4_000;
/// Characters of the reason of a skip.
pub const SKIP_CHARACTERS_MAX: usize = 500;
/// Spans of one rating.
pub const SPANS_MAX: usize = 100;
/// Milliseconds at one item that count: a day.
pub const ACTIVE_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Ratings that are shown again.
pub const LAST_RATINGS_MAX: usize = 50;
/// Ratings and requests for items that are written together.
pub const WRITTEN_TOGETHER_MAX: usize = 64;
/// Ratings and requests for items that wait to be written.
pub const WRITES_WAITING_MAX: usize = 2_048;
/// Tries of a write that another one was in the way of.
pub const WRITE_TRIES_MAX: u32 = 8;
/// Milliseconds after which such a write is not tried again.
pub const WRITE_MS_MAX: u128 = 4_000;
/// Resamples behind an interval of agreement; drawn rows together, all resamples and items.
pub const AGREEMENT_BOOTSTRAPS_MAX: usize = 1_000;
pub const AGREEMENT_BOOTSTRAPS_MIN: usize = 100;
pub const AGREEMENT_ROWS_DRAWN: usize = 1_000_000;
/// Reports of agreement computed at once, and kept.
pub const AGREEMENTS_AT_ONCE_MAX: usize = 2;
pub const AGREEMENTS_KEPT_MAX: usize = 16;
/// Bytes of Markdown that one text may become as HTML.
pub const MARKDOWN_BYTES_MAX: usize = 1024 * 1024;

/// Pairs of annotators, and annotators, that agreement is told of; those with the most items.
pub const AGREEMENT_PAIRS_MAX: usize = 300;
pub const AGREEMENT_ANNOTATORS_MAX: usize = 300;
/// Items that annotators differ on in the queue, the worst of those that are not settled first.
pub const DISAGREEMENTS_MAX: usize = 50;
/// Questions read of one file of measures of rationales.
pub const FAITHFULNESS_RECORDS_MAX: usize = 200_000;

/// Bytes of one line of a backup: a row with its longest text.
pub const BACKUP_LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Connections to the database.
pub const DATABASE_CONNECTIONS_MAX: u32 = 8;
/// Seconds to wait for a connection to the database.
pub const DATABASE_SECONDS_MAX: u64 = 5;
/// Ports tried after a taken one.
pub const PORTS_TRIED_MAX: u16 = 100;

/// Milliseconds that a page which becomes a file waits for the index of its run's records.
pub const SITE_INDEX_MS_MAX: u64 = 10 * 60 * 1_000;
/// Answers of each list of a site of files: a list is a page, and there are some forty of a run.
pub const SITE_ANSWERS_OF_PAGE: usize = 10;
/// Lists of answers of one run that become files: those behind the bars of both histograms.
pub const SITE_LISTS_OF_RUN_MAX: usize = 44;
/// Questions that become files: of one run, and of those that one list of answers leads to.
pub const SITE_QUESTIONS_OF_RUN_MAX: usize = 120;
pub const SITE_QUESTIONS_OF_LIST_MAX: usize = 1;
/// Pages of runs that become files, runs themselves, and comparisons.
pub const SITE_PAGES_OF_RUNS_MAX: usize = 20;
pub const SITE_RUNS_MAX: usize = 1_000;
pub const SITE_COMPARISONS_MAX: usize = 1_100;
/// Forms of the paper's tables that become files.
pub const SITE_TABLES_MAX: usize = 100;
/// Charts and records of one run, and charts of comparisons, that become files.
pub const SITE_DOWNLOADS_MAX: usize = 2_000;
/// Bytes of a page that becomes a file; one is held at a time.
pub const SITE_PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Characters of a part of a file's name that an address gives.
pub const SITE_NAME_CHARACTERS_MAX: usize = 60;
/// Tries at packing a module of a site smaller: each takes seconds, and later ones gain a thousandth.
pub const SITE_PACKING_TRIES: NonZeroU64 = NonZeroU64::MIN;
/// Files of a site that are told by their size.
pub const SITE_LARGEST_TOLD: usize = 5;
/// Milliseconds between two words of how far it is.
pub const SITE_PROGRESS_MS: u64 = 100;
