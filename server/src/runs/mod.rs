//! Run directories, read: the only truth about a run. Nothing here writes, and nothing here knows of
//! HTTP or SQL.

pub mod answers;
pub mod browse;
pub mod columns;
pub mod contained;
pub mod evaluation;
pub mod facts;
pub mod indexing;
pub mod library;
pub mod lines;
pub mod log;
pub mod naming;
pub mod progress;
pub mod question;
pub mod raw;
pub mod records;
pub mod scan;

pub use facts::Facts;
pub use library::{Library, Run};
pub use scan::Root;
