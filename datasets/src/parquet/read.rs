//! Rows of a Parquet file as JSON objects.

use super::pages::CountedFile;
use super::panics::caught;
use super::schema::check_schema;
use crate::read_error::{ReadError, quoted};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Number, Value};

/// Bytes of a Parquet file at most.
pub const FILE_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Bytes of one column's part of a row group at most, decompressed.
const CHUNK_BYTES_MAX: i64 = 2 * 1024 * 1024 * 1024;
/// Columns at most, those inside others counted.
const COLUMNS_MAX: usize = 10_000;
/// Bytes of a value at most, in a column of values of one length: room is made for 1,024 of them.
const FIXED_BYTES_MAX: i32 = 64 * 1024;

pub(super) const EXPECTED: &str = "a whole Parquet file";

/// The rows of a file, one after the other.
pub struct ParquetRows {
    /// None once the file has ended, or could not be read on.
    rows: Option<RowIter<'static>>,
    file: String,
    row: u64,
}

/// Opens a file and reads those of its columns that have one of the names in `columns`, whatever
/// their case; a row's absent values are left out.
///
/// # Errors
/// If it is damaged, over a limit, compressed in a way that is not known (known: none, Snappy, Zstandard,
/// gzip), or has none of the columns; a row that cannot be read ends the iterator with an error of the
/// file.
pub fn read(bytes: &[u8], file: &str, columns: &[&str]) -> Result<ParquetRows, ReadError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(ReadError::of_file(
            file,
            format!("{} bytes", bytes.len()),
            format!("a Parquet file of at most {FILE_BYTES_MAX}: split it"),
        ));
    }
    check_schema(bytes, file)?;
    let bytes = Bytes::copy_from_slice(bytes);
    let reader = told(file, caught(|| SerializedFileReader::new(bytes)))?;
    let schema = told(
        file,
        caught(|| wanted(reader.metadata(), columns).transpose()),
    )?;
    let Some(schema) = schema else {
        let root = reader.metadata().file_metadata().schema();
        let names: Vec<&str> = root.get_fields().iter().map(|field| field.name()).collect();
        return Err(ReadError::of_file(
            file,
            format!("columns {}", quoted(&names.join(", "))),
            "columns `question` and `answer`, or `messages`",
        ));
    };
    check_sizes(reader.metadata(), &schema, file)?;
    let rows = told(
        file,
        caught(|| RowIter::from_file_into(Box::new(CountedFile(reader))).project(Some(schema))),
    )?;
    Ok(ParquetRows {
        rows: Some(rows),
        file: file.to_owned(),
        row: 0,
    })
}

fn told<T>(file: &str, outcome: Result<Result<T, ParquetError>, String>) -> Result<T, ReadError> {
    let found = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic,
    };
    Err(ReadError::of_file(file, found, EXPECTED))
}

/// The schema of those columns alone; none where there are none.
fn wanted(metadata: &ParquetMetaData, columns: &[&str]) -> Option<Result<Type, ParquetError>> {
    let root = metadata.file_metadata().schema();
    let mut names = Vec::new();
    let mut fields = Vec::new();
    for field in root.get_fields() {
        let name = field.name().to_lowercase();
        if columns.contains(&name.as_str()) && !names.contains(&name) {
            names.push(name);
            fields.push(field.clone());
        }
    }
    let builder = Type::group_type_builder(root.name()).with_fields(fields);
    (!names.is_empty()).then(|| builder.build())
}

fn check_sizes(metadata: &ParquetMetaData, schema: &Type, file: &str) -> Result<(), ReadError> {
    let over = |found: String, limit: String| Err(ReadError::of_file(file, found, limit));
    let count = metadata.file_metadata().schema_descr().num_columns();
    if count > COLUMNS_MAX {
        return over(format!("{count} columns"), format!("at most {COLUMNS_MAX}"));
    }
    let names: Vec<&str> = schema
        .get_fields()
        .iter()
        .map(|field| field.name())
        .collect();
    for group in metadata.row_groups() {
        for column in group.columns() {
            let first = column.column_path().parts().first();
            let is_read = first.is_some_and(|name| names.contains(&name.as_str()));
            if !is_read {
                continue;
            }
            let fixed_bytes = column.column_descr().type_length();
            if fixed_bytes > FIXED_BYTES_MAX {
                return over(
                    format!(
                        "{fixed_bytes} bytes a value in column {}",
                        column.column_path()
                    ),
                    format!("at most {FIXED_BYTES_MAX}"),
                );
            }
            if column.uncompressed_size() > CHUNK_BYTES_MAX {
                return over(
                    format!(
                        "{} bytes of column {} in a row group",
                        column.uncompressed_size(),
                        column.column_path()
                    ),
                    format!("at most {CHUNK_BYTES_MAX}"),
                );
            }
        }
    }
    Ok(())
}

impl Iterator for ParquetRows {
    type Item = Result<Map<String, Value>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.as_mut()?;
        let next = caught(|| rows.next().map(|row| row.map(object)).transpose());
        match told(&self.file, next) {
            Ok(Some(object)) => {
                self.row += 1;
                Some(Ok(object))
            }
            Ok(None) => {
                self.rows = None;
                None
            }
            Err(error) => {
                self.rows = None;
                let found = format!("after {} records: {}", self.row, error.found);
                Some(Err(ReadError::of_file(&self.file, found, error.expected)))
            }
        }
    }
}

fn object(row: Row) -> Map<String, Value> {
    row.into_columns()
        .into_iter()
        .map(|(name, field)| (name.to_lowercase(), value(field)))
        .filter(|(_, value)| !value.is_null())
        .collect()
}

fn value(field: Field) -> Value {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => truth.into(),
        Field::Byte(number) => number.into(),
        Field::Short(number) => number.into(),
        Field::Int(number) => number.into(),
        Field::Long(number) => number.into(),
        Field::UByte(number) => number.into(),
        Field::UShort(number) => number.into(),
        Field::UInt(number) => number.into(),
        Field::ULong(number) => number.into(),
        Field::Float16(number) => float(f64::from(number)),
        Field::Float(number) => float(f64::from(number)),
        Field::Double(number) => float(number),
        Field::Str(text) => text.into(),
        // Some writers do not mark their texts as such.
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned().into(),
        Field::Group(row) => {
            let fields = row.into_columns().into_iter();
            Value::Object(fields.map(|(name, field)| (name, value(field))).collect())
        }
        Field::ListInternal(list) => list.elements().iter().cloned().map(value).collect(),
        other => other.to_string().into(),
    }
}
