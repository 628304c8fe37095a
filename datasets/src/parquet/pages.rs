//! A file's pages, counted between the crate `parquet` that unpacks them and the crate that decodes them.
//!
//! The crate makes room for as many values as a page says that it has, of which a few bytes can say
//! billions: of a dictionary at once, of a list before the record is there.

use super::compact::Compact;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, Type};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Elements of lists and entries of dictionaries at most, of all columns that are read, in one row
/// group. A record that holds them all takes some 200 bytes for each.
const VALUES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes at most, unpacked, of the pages that are open at once: a dictionary and a page of each column
/// that is read.
const OPEN_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// A file whose pages are counted.
pub(super) struct CountedFile(pub SerializedFileReader<Bytes>);

impl FileReader for CountedFile {
    fn metadata(&self) -> &ParquetMetaData {
        self.0.metadata()
    }

    fn num_row_groups(&self) -> usize {
        self.0.num_row_groups()
    }

    fn get_row_group(&self, index: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(CountedGroup {
            group: self.0.get_row_group(index)?,
            held: Arc::default(),
        }))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

/// What the columns of a row group hold together.
#[derive(Default)]
struct Held {
    values: AtomicU64,
    open_bytes: AtomicU64,
}

struct CountedGroup<'a> {
    group: Box<dyn RowGroupReader + 'a>,
    held: Arc<Held>,
}

impl RowGroupReader for CountedGroup<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group.metadata()
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, index: usize) -> Result<Box<dyn PageReader>> {
        Ok(Box::new(CountedPages {
            pages: self.group.get_column_page_reader(index)?,
            column: self.group.metadata().column(index).column_descr_ptr(),
            held: Arc::clone(&self.held),
            open_bytes: 0,
        }))
    }

    fn get_column_bloom_filter(&self, index: usize) -> Option<&Sbbf> {
        self.group.get_column_bloom_filter(index)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

struct CountedPages {
    pages: Box<dyn PageReader>,
    column: ColumnDescPtr,
    held: Arc<Held>,
    /// Of the page that was read last, a dictionary left out.
    open_bytes: u64,
}

impl CountedPages {
    fn counted(&mut self, page: Option<Page>) -> Result<Option<Page>> {
        if let Some(page) = &page {
            self.count_bytes(page)?;
            self.count_values(page)?;
            check_deltas(page, &self.column)?;
        }
        Ok(page)
    }

    fn count_bytes(&mut self, page: &Page) -> Result<()> {
        let bytes = page.buffer().len() as u64;
        if !page.is_dictionary_page() {
            let closed = std::mem::replace(&mut self.open_bytes, bytes);
            self.held.open_bytes.fetch_sub(closed, Ordering::Relaxed);
        }
        let open = self.held.open_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match open > OPEN_BYTES_MAX {
            true => refused(format!(
                "{open} bytes of pages to be held at once, over {OPEN_BYTES_MAX}"
            )),
            false => Ok(()),
        }
    }

    fn count_values(&self, page: &Page) -> Result<()> {
        // Other columns are decoded a few records at a time.
        if !page.is_dictionary_page() && self.column.max_rep_level() == 0 {
            return Ok(());
        }
        let more = u64::from(page.num_values());
        let values = self.held.values.fetch_add(more, Ordering::Relaxed) + more;
        match values > VALUES_MAX {
            true => refused(format!(
                "{values} values of lists and dictionaries in a row group, over {VALUES_MAX}"
            )),
            false => Ok(()),
        }
    }
}

fn refused<T>(found: String) -> Result<T> {
    Err(ParquetError::General(found))
}

impl Iterator for CountedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CountedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        self.counted(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.pages.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        let page = self.pages.take_deferred_dictionary()?;
        self.counted(page)
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

/// Lengths of texts that are packed as differences say themselves how many they are, whatever the page
/// says: they must not be more than its values.
fn check_deltas(page: &Page, column: &ColumnDescriptor) -> Result<()> {
    let lists = match page.encoding() {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        // How much is as in the text before, and how much follows.
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Ok(()),
    };
    let values_max = u64::from(page.num_values()).min(VALUES_MAX);
    let rest = values_of(page, column)
        .and_then(|bytes| (0..lists).try_fold(bytes, |bytes, _| after_deltas(bytes, values_max)));
    match rest {
        Some(_) => Ok(()),
        None => refused(format!(
            "damaged lengths of texts in column {}",
            column.path()
        )),
    }
}

/// The bytes of a page behind its levels.
fn values_of<'a>(page: &'a Page, column: &ColumnDescriptor) -> Option<&'a [u8]> {
    match page {
        Page::DataPage {
            buf,
            def_level_encoding,
            rep_level_encoding,
            ..
        } => {
            let levels = [
                (column.max_rep_level(), rep_level_encoding),
                (column.max_def_level(), def_level_encoding),
            ];
            let mut bytes: &[u8] = buf;
            for (_, encoding) in levels.into_iter().filter(|(highest, _)| *highest > 0) {
                if *encoding != Encoding::RLE {
                    return None;
                }
                let (length, rest) = bytes.split_first_chunk::<4>()?;
                bytes = rest.get(u32::from_le_bytes(*length) as usize..)?;
            }
            Some(bytes)
        }
        Page::DataPageV2 {
            buf,
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => buf.get(*rep_levels_byte_len as usize + *def_levels_byte_len as usize..),
        Page::DictionaryPage { .. } => None,
    }
}

/// What follows a list of numbers that are packed as differences (parquet-format, `Encodings.md`, 5);
/// none where it has more than `values_max`, or breaks off.
fn after_deltas(bytes: &[u8], values_max: u64) -> Option<&[u8]> {
    let mut bytes = Compact(bytes);
    let block_values = bytes.varint()?;
    let parts = bytes.varint()?;
    let part_values = block_values.checked_div(parts)?;
    let values = bytes.varint()?;
    if values > values_max {
        return None;
    }
    let _first_value = bytes.zigzag()?;
    let mut left = values.saturating_sub(1);
    while left > 0 {
        let _least_difference = bytes.zigzag()?;
        for width in bytes.take(usize::try_from(parts).ok()?)? {
            // Parts behind the last value have no bytes, whatever their width.
            if left > 0 {
                let bits = part_values.checked_mul(u64::from(*width))?;
                bytes.take(usize::try_from(bits / 8).ok()?)?;
            }
            left = left.saturating_sub(part_values);
        }
    }
    Some(bytes.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    struct Pages(std::vec::IntoIter<Page>);

    impl Iterator for Pages {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.0.next().map(Ok)
        }
    }

    impl PageReader for Pages {
        fn get_next_page(&mut self) -> Result<Option<Page>> {
            Ok(self.0.next())
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
            Ok(None)
        }

        fn skip_next_page(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What is wrong with these pages of a column; none where nothing is.
    fn wrong(column: &str, pages: Vec<Page>) -> Option<String> {
        let schema = parse_message_type(&format!("message m {{ {column}; }}")).unwrap();
        let mut counted = CountedPages {
            pages: Box::new(Pages(pages.into_iter())),
            column: SchemaDescriptor::new(Arc::new(schema)).column(0),
            held: Arc::default(),
            open_bytes: 0,
        };
        let error = counted.find_map(|page| page.err())?;
        Some(error.to_string())
    }

    fn data(num_values: u32, encoding: Encoding, bytes: &'static [u8]) -> Page {
        Page::DataPage {
            buf: Bytes::from_static(bytes),
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        }
    }

    fn dictionary(num_values: u32) -> Page {
        Page::DictionaryPage {
            buf: Bytes::new(),
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        }
    }

    #[test]
    fn lists_and_dictionaries_have_a_limit() {
        let most = i32::MAX.unsigned_abs();
        let plain = |values| data(values, Encoding::PLAIN, b"");
        for (column, pages) in [
            ("repeated boolean a", vec![plain(most)]),
            (
                "repeated boolean a",
                vec![plain(9_000_000), plain(9_000_000)],
            ),
            (
                "repeated binary a",
                vec![dictionary(9_000_000), plain(9_000_000)],
            ),
            ("required binary a", vec![dictionary(most)]),
        ] {
            let told = wrong(column, pages).unwrap();
            assert!(told.contains("over 16777216"), "{column}: {told}");
        }
        assert_eq!(wrong("required boolean a", vec![plain(most)]), None);
        assert_eq!(wrong("repeated boolean a", vec![plain(9_000_000)]), None);
    }

    #[test]
    fn lengths_have_the_limit_of_their_page() {
        // Blocks of 128 in 4 parts, the number of lengths, the first.
        const ONE: &[u8] = &[0x80, 1, 4, 1, 0];
        const BILLIONS: &[u8] = &[0x80, 1, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0];
        const ONE_AND_BILLIONS: &[u8] = &[
            0x80, 1, 4, 1, 0, 0x80, 1, 4, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0,
        ];
        let told = |encoding, bytes| wrong("required binary a", vec![data(1, encoding, bytes)]);
        assert_eq!(told(Encoding::DELTA_LENGTH_BYTE_ARRAY, ONE), None);
        for (encoding, bytes) in [
            (Encoding::DELTA_LENGTH_BYTE_ARRAY, BILLIONS),
            (Encoding::DELTA_BYTE_ARRAY, BILLIONS),
            (Encoding::DELTA_BYTE_ARRAY, ONE_AND_BILLIONS),
            (Encoding::DELTA_BYTE_ARRAY, ONE),
        ] {
            assert!(told(encoding, bytes).is_some_and(|told| told.contains("lengths")));
        }
    }

    #[test]
    fn texts_of_every_packing_come_back() {
        let texts: Vec<String> = (0..1_000)
            .map(|row| format!("{}{row}", "text ".repeat(row % 70)))
            .collect();
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for encoding in [
                Encoding::PLAIN,
                Encoding::DELTA_LENGTH_BYTE_ARRAY,
                Encoding::DELTA_BYTE_ARRAY,
            ] {
                let file = written(&texts, version, encoding);
                let rows = super::super::read(&file, "q.parquet", &["a"])
                    .unwrap_or_else(|error| panic!("{error}"));
                let read: Vec<String> = rows
                    .map(|row| row.unwrap()["a"].as_str().unwrap().to_owned())
                    .collect();
                assert!(read == texts, "{encoding}");
            }
        }
    }

    fn written(texts: &[String], version: WriterVersion, encoding: Encoding) -> Vec<u8> {
        let schema = parse_message_type("message m { optional binary a (UTF8); }").unwrap();
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(false)
            .set_encoding(encoding)
            .build();
        let mut writer =
            SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = texts.iter().map(|text| text.as_str().into()).collect();
        let levels: Vec<i16> = vec![1; values.len()];
        column
            .typed::<ByteArrayType>()
            .write_batch(&values, Some(&levels), None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.into_inner().unwrap()
    }
}
