//! Parquet files, on bytes: rows read as JSON objects, tables written.

mod compact;
mod pages;
mod panics;
mod read;
mod schema;
mod write;

pub use read::{FILE_BYTES_MAX, ParquetRows, read};
pub use write::write;
