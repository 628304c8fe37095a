//! Run directories, read: the only truth about a run. Nothing here writes, and nothing here knows of
//! HTTP or SQL.

pub mod answered;
pub mod answers;
pub mod breakdown;
pub mod browse;
pub mod catalogue;
pub mod columns;
pub mod comparison;
pub mod contained;
pub mod directory;
pub mod evaluation;
pub mod facts;
pub mod faithfulness;
pub mod files;
pub mod indexing;
pub mod learning;
pub mod library;
pub mod lines;
pub mod log;
pub mod look;
pub mod naming;
pub mod progress;
pub mod provenance;
pub mod question;
pub mod rated;
pub mod raw;
pub mod records;
pub mod remembered;
pub mod scan;
pub mod skipped;
pub mod tabled;

pub use facts::Facts;
pub use library::{Library, Run};
pub use scan::Root;
