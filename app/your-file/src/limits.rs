//! A limit on everything that comes from a file or an address, each with its unit.

/// Bytes of a file that is read row by row.
pub const TABLE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of a log that is one document, or of an archive: it lies in memory as a whole.
pub const WHOLE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes at the start of a file by which its form and its columns are guessed.
pub const HEAD_BYTES: usize = 1024 * 1024;
/// Rows at the start of a file by which its columns are guessed.
pub const HEAD_ROWS: usize = 200;
/// Rows that are shown before anything is measured.
pub const PREVIEW_ROWS: usize = 5;
/// Columns that are shown there.
pub const PREVIEW_COLUMNS: usize = 8;
/// Characters of a cell or a name that are shown.
pub const CELL_CHARACTERS_MAX: usize = 60;
/// Rows that are measured.
pub const ROWS_MAX: usize = 5_000_000;
/// Columns of a table.
pub const COLUMNS_MAX: usize = 2_000;
/// Bytes of one line, or of one row of a CSV file.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows that were left out and are shown with their reason.
pub const REJECTED_SHOWN: usize = 5;
/// Bytes that measuring needs for a row at most: they are asked for before it begins.
pub const MEASURING_BYTES_A_ROW: usize = 100;
/// Samples of an archive that are read at one go.
pub const SAMPLES_AT_ONCE: usize = 100;
/// Resamples of the intervals.
pub const RESAMPLES: usize = 1_000;
/// Characters of a title.
pub const TITLE_CHARACTERS_MAX: usize = 120;
/// Distinct confidences that figures are drawn from; more are put together.
pub const TALLIES_MAX: usize = 160;
/// Places of a curve or a band.
pub const PLACES_MAX: usize = 120;
/// Characters of the part of an address that keeps the figures.
pub const FRAGMENT_CHARACTERS_MAX: usize = 16 * 1024;
