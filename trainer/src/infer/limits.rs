//! A limit on everything that comes from outside, each with its unit. Those that an operator may want
//! otherwise are flags of the command, with the defaults here.

/// Bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Seconds that a body may take to come.
pub const BODY_SECONDS_MAX: u64 = 30;
/// Seconds in which a connection must bring the head of a request, counted from its opening or from the
/// end of the last answer.
pub const IDLE_SECONDS_MAX: u64 = 75;
/// Seconds that a client may leave what is sent to it unread.
pub const UNREAD_SECONDS_MAX: u64 = 30;
/// Seconds between two signs of life on a stream that has nothing to say.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// Seconds that connections have to close once all answers were given.
pub const CLOSING_SECONDS_MAX: u64 = 2;
/// Threads that turn texts into tokens.
pub const TOKENIZING_THREADS: usize = 2;

/// Messages of a conversation.
pub const MESSAGES_MAX: usize = 1_024;
/// Choices of one request: its prompts times `n`.
pub const CHOICES_MAX: usize = 128;
/// Stop texts of one request.
pub const STOPS_MAX: usize = 16;
/// Bytes of one of them.
pub const STOP_BYTES_MAX: usize = 256;
/// Tokens told beside a chosen one.
pub const TOP_LOGPROBS_MAX: u64 = 20;
/// The greatest temperature.
pub const TEMPERATURE_MAX: f64 = 2.0;

/// Tokens of prompts in one pass: what a long prompt holds up those that are answered, some 50 ms of two
/// slow threads.
pub const PROMPT_TOKENS_PASS: usize = 128;
/// Tokens of a completion of `/v1/completions` that asks for no number, as OpenAI has it.
pub const COMPLETION_TOKENS_DEFAULT: usize = 16;

/// Requests that wait for a row; one more is told to come later.
pub const QUEUE_DEFAULT: usize = 128;
pub const QUEUE_MAX: usize = 65_536;
/// Samples under way at once.
pub const ROWS_DEFAULT: usize = 64;
/// Most tokens of one completion.
pub const TOKENS_DEFAULT: usize = 1_024;
/// Seconds that a request may take, its waiting included.
pub const REQUEST_SECONDS_DEFAULT: u64 = 600;
/// Seconds that requests under way have to end when the server is stopped.
pub const DRAIN_SECONDS_DEFAULT: u64 = 30;
/// Connections open at once; one more waits until another ends.
pub const CONNECTIONS_DEFAULT: usize = 1_024;
pub const CONNECTIONS_MAX: usize = 65_536;
/// Adapters served at once.
pub const ADAPTERS_MAX: usize = 64;
/// Evaluations whose record is told.
pub const RECORDS_MAX: usize = 256;

/// Seconds after which a client that was sent away may come again.
pub const RETRY_SECONDS_MIN: u64 = 1;
pub const RETRY_SECONDS_MAX: u64 = 60;
