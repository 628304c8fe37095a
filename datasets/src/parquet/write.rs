//! Tables as Parquet files, in the form that the `datasets` library writes: one row group, Snappy.

use crate::hub::{Column, Table, Values};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// The bytes of a table. The same table gives the same bytes.
///
/// # Errors
/// None that a [`Table`] can hold.
pub fn write(table: &Table) -> std::result::Result<Vec<u8>, ParquetError> {
    let fields = table
        .columns()
        .iter()
        .map(|(name, column)| field(name, column).map(Arc::new))
        .collect::<Result<_>>()?;
    let schema = Type::group_type_builder("schema")
        .with_fields(fields)
        .build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("sayself".to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let mut put = |values: &Values, lengths: Option<&[usize]>| -> Result<()> {
        let mut column = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("more columns than the schema".to_owned()))?;
        write_leaf(&mut column, values, lengths)?;
        column.close()
    };
    for (_, column) in table.columns() {
        match column {
            Column::Single(values) => put(values, None)?,
            Column::List(lengths, values) => put(values, Some(lengths))?,
            Column::Records(lengths, fields) => {
                for (_, values) in fields {
                    put(values, Some(lengths))?;
                }
            }
        }
    }
    group.close()?;
    writer.into_inner()
}

fn field(name: &str, column: &Column) -> Result<Type> {
    let list = |element: Type| {
        let repeated = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![Arc::new(element)])
            .build()?;
        Type::group_type_builder(name)
            .with_repetition(Repetition::REQUIRED)
            .with_converted_type(ConvertedType::LIST)
            .with_logical_type(Some(LogicalType::List))
            .with_fields(vec![Arc::new(repeated)])
            .build()
    };
    match column {
        Column::Single(values) => leaf(name, values),
        Column::List(_, values) => list(leaf("element", values)?),
        Column::Records(_, fields) => {
            let fields: Vec<TypePtr> = fields
                .iter()
                .map(|(name, values)| leaf(name, values).map(Arc::new))
                .collect::<Result<_>>()?;
            let element = Type::group_type_builder("element")
                .with_repetition(Repetition::REQUIRED)
                .with_fields(fields)
                .build()?;
            list(element)
        }
    }
}

fn leaf(name: &str, values: &Values) -> Result<Type> {
    let physical = match values {
        Values::Text(_) => Physical::BYTE_ARRAY,
        Values::Integer(_) => Physical::INT64,
        Values::Number(_) => Physical::DOUBLE,
        Values::Truth(_) => Physical::BOOLEAN,
    };
    let builder =
        Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    match values {
        Values::Text(_) => builder
            .with_converted_type(ConvertedType::UTF8)
            .with_logical_type(Some(LogicalType::String))
            .build(),
        _ => builder.build(),
    }
}

fn write_leaf(
    column: &mut SerializedColumnWriter<'_>,
    values: &Values,
    lengths: Option<&[usize]>,
) -> Result<()> {
    match values {
        Values::Text(texts) => {
            let bytes = |text: &String| ByteArray::from(text.as_str());
            write_typed::<ByteArrayType, _>(column, texts, bytes, lengths)
        }
        Values::Integer(numbers) => {
            write_typed::<Int64Type, _>(column, numbers, |number| *number, lengths)
        }
        Values::Number(numbers) => {
            write_typed::<DoubleType, _>(column, numbers, |number| *number, lengths)
        }
        Values::Truth(truths) => {
            write_typed::<BoolType, _>(column, truths, |truth| *truth, lengths)
        }
    }
}

/// Values with their definition levels (whether there is one) and, in lists, repetition levels
/// (whether it goes on with the row before).
fn write_typed<D: DataType, T>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[Option<T>],
    convert: impl Fn(&T) -> D::T,
    lengths: Option<&[usize]>,
) -> Result<()> {
    let present: Vec<D::T> = values.iter().flatten().map(convert).collect();
    let mut definition: Vec<i16> = Vec::with_capacity(values.len());
    let mut repetition: Vec<i16> = Vec::new();
    match lengths {
        None => definition.extend(values.iter().map(|value| i16::from(value.is_some()))),
        Some(lengths) => {
            let mut values = values.iter();
            for &length in lengths {
                if length == 0 {
                    definition.push(0);
                    repetition.push(0);
                }
                for (index, value) in values.by_ref().take(length).enumerate() {
                    definition.push(1 + i16::from(value.is_some()));
                    repetition.push(i16::from(index > 0));
                }
            }
        }
    }
    let repetition = lengths.map(|_| repetition.as_slice());
    column
        .typed::<D>()
        .write_batch(&present, Some(&definition), repetition)?;
    Ok(())
}
