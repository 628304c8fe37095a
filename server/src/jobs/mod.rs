//! Jobs: `sayself run` as a child process, one at a time, with a log, cancelled and started again
//! at will. A job outlives a server that is killed: the next one finds its process again.

pub mod form;
pub mod log;
mod process;
mod queue;
mod request;
pub mod secret;
pub mod stage;

pub use queue::{JobError, Jobs, Place};
pub use request::{JobRequest, RequestError};
