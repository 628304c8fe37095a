//! The schema in a file's footer, looked at before the crate `parquet` reads it.
//!
//! The crate makes room for as many children as a group says that it has, calls itself for a group
//! inside a group, and gives each column a copy of its path: a small file could make it run out of
//! memory or stack, which ends the process. A field that the crate reads by its number, whatever its
//! kind, must here be of its kind: else the same bytes could be one schema here and another there.

use super::compact::{BINARY, BYTE, Compact, I32, LIST, STRUCT};
use super::read::EXPECTED;
use crate::read_error::ReadError;

/// Columns and groups at most.
const ELEMENTS_MAX: usize = 40_000;
/// Groups inside one another at most.
const DEPTH_MAX: usize = 32;
/// Bytes of the paths of all columns at most.
const PATHS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Structs inside one another at most, in fields that are passed over.
const SKIPPED_DEPTH_MAX: usize = 8;

/// A column, or a group of them.
#[derive(Default)]
struct Element {
    name_bytes: usize,
    /// None: a column.
    children: usize,
}

/// A group whose children are being read.
struct Group {
    children_left: usize,
    path_bytes: usize,
}

/// Looks whether the crate can read the schema of a file.
///
/// # Errors
/// Where it is over a limit, or no schema. A file without an end is left to the crate.
pub(super) fn check_schema(bytes: &[u8], file: &str) -> Result<(), ReadError> {
    let refused = |found: String, expected: String| Err(ReadError::of_file(file, found, expected));
    let Some(footer) = footer(bytes) else {
        return Ok(());
    };
    let mut footer = Compact(footer);
    let Some(count) = elements(&mut footer) else {
        return refused("a footer without a schema".into(), EXPECTED.into());
    };
    if count > ELEMENTS_MAX {
        return refused(
            format!("{count} columns and groups"),
            format!("at most {ELEMENTS_MAX}"),
        );
    }
    let mut open: Vec<Group> = Vec::new();
    let mut paths_bytes = 0;
    for _ in 0..count {
        let Some(element) = element(&mut footer) else {
            return refused("a damaged schema".into(), EXPECTED.into());
        };
        while open.last().is_some_and(|group| group.children_left == 0) {
            open.pop();
        }
        let mut path_bytes = element.name_bytes;
        if let Some(group) = open.last_mut() {
            group.children_left -= 1;
            path_bytes += group.path_bytes;
        }
        match element.children {
            0 => paths_bytes += path_bytes,
            children if children < count => open.push(Group {
                children_left: children,
                path_bytes,
            }),
            children => {
                let found = format!("a group of {children} among {count} columns and groups");
                return refused(found, EXPECTED.into());
            }
        }
        if open.len() > DEPTH_MAX {
            return refused(
                format!("more than {DEPTH_MAX} groups inside one another"),
                format!("at most {DEPTH_MAX}"),
            );
        }
        if paths_bytes > PATHS_BYTES_MAX {
            return refused(
                format!("more than {PATHS_BYTES_MAX} bytes of columns' paths"),
                format!("at most {PATHS_BYTES_MAX}"),
            );
        }
    }
    Ok(())
}

/// The footer: before its length and the mark at the end of the file.
fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, length) = bytes.strip_suffix(b"PAR1")?.split_last_chunk::<4>()?;
    let start = rest
        .len()
        .checked_sub(u32::from_le_bytes(*length) as usize)?;
    rest.get(start..)
}

/// How many elements the schema has: all writers put the version first, the schema after it.
fn elements(footer: &mut Compact<'_>) -> Option<usize> {
    let is_version = footer.field(0)? == (1, I32);
    footer.varint()?;
    let is_schema = footer.field(1)? == (2, LIST);
    (is_version && is_schema)
        .then(|| footer.structs())
        .flatten()
}

/// `SchemaElement` of parquet-format's `parquet.thrift`.
fn element(schema: &mut Compact<'_>) -> Option<Element> {
    let mut element = Element::default();
    let mut last = 0;
    loop {
        let (id, kind) = schema.field(last)?;
        match (id, kind) {
            (_, 0) => return Some(element),
            (4, BINARY) => element.name_bytes = schema.binary()?.len(),
            // A negative number is refused by the crate.
            (5, I32) => element.children = usize::try_from(schema.zigzag()? as i32).unwrap_or(0),
            (10, STRUCT) => logical_type(schema)?,
            (1..=3 | 6..=9, I32) => schema.skip(kind, 0)?,
            (1..=10, _) => return None,
            _ => schema.skip(kind, SKIPPED_DEPTH_MAX)?,
        }
        last = id;
    }
}

/// `LogicalType`: a union, of one struct.
fn logical_type(schema: &mut Compact<'_>) -> Option<()> {
    let (variant, kind) = schema.field(0)?;
    if kind != STRUCT {
        return None;
    }
    let mut last = 0;
    loop {
        let (id, kind) = schema.field(last)?;
        // Decimals; times; integers, variants; geometries and geographies.
        let expected = match (variant, id) {
            (5, 1 | 2) | (18, 2) => I32,
            (7 | 8, 2) => STRUCT,
            (10 | 16, 1) => BYTE,
            (17 | 18, 1) => BINARY,
            _ => kind,
        };
        match kind {
            0 => break,
            _ if kind != expected => return None,
            STRUCT if matches!(variant, 7 | 8) => time_unit(schema)?,
            _ => schema.skip(kind, SKIPPED_DEPTH_MAX)?,
        }
        last = id;
    }
    is_end(schema.field(variant)?)
}

/// `TimeUnit`: a union, of one struct that is empty.
fn time_unit(schema: &mut Compact<'_>) -> Option<()> {
    let (unit, kind) = schema.field(0)?;
    if kind != STRUCT {
        return None;
    }
    is_end(schema.field(0)?)?;
    is_end(schema.field(unit)?)
}

fn is_end((_, kind): (i16, u8)) -> Option<()> {
    (kind == 0).then_some(())
}

#[cfg(test)]
mod tests {
    /// A required group of one letter, with a child.
    const GROUP: [u8; 8] = [0x35, 0, 0x18, 1, b'a', 0x15, 2, 0];

    fn file(count: u8, elements: &[u8]) -> Vec<u8> {
        // Version 1; a list of `count` structs times 128, and 1.
        let start = [0x15, 2, 0x19, 0xFC, 0x81, count];
        let length = u32::try_from(start.len() + elements.len()).unwrap();
        [
            b"PAR1".as_slice(),
            &start,
            elements,
            &length.to_le_bytes(),
            b"PAR1",
        ]
        .concat()
    }

    fn found(file: &[u8]) -> String {
        let error = super::super::read(file, "q.parquet", &["a"]).err().unwrap();
        error.found
    }

    #[test]
    fn groups_too_deep_for_the_stack_are_refused() {
        let deep = file(127, &GROUP.repeat(127 * 128 + 1));
        assert_eq!(found(&deep), "more than 32 groups inside one another");
    }

    #[test]
    fn children_that_are_not_there_are_refused() {
        let most = [
            0x35, 0, 0x18, 1, b'a', 0x15, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 0,
        ];
        let children = [most.as_slice(), &[0; 129]].concat();
        assert_eq!(
            found(&file(1, &children)),
            "a group of 2147483647 among 129 columns and groups"
        );
    }

    #[test]
    fn fields_of_another_kind_are_refused() {
        // The children as a text, the scale of a decimal as one, a unit of time as a number.
        for element in [
            [0x48, 1, b'a', 0x18, 0, 0, 0, 0],
            [0x48, 1, b'a', 0x6C, 0x5C, 0x18, 0, 0],
            [0x48, 1, b'a', 0x6C, 0x8C, 0x25, 0, 0],
        ] {
            let damaged = file(1, &[element.as_slice(), &[0; 129]].concat());
            assert_eq!(found(&damaged), "a damaged schema", "{element:?}");
        }
    }

    #[test]
    fn long_paths_of_many_columns_are_refused() {
        let name = vec![b'a'; 65_536];
        let mut group = vec![0x35, 0, 0x18, 0x80, 0x80, 4];
        group.extend(&name);
        // With 1,500 children.
        group.extend([0x15, 0xB8, 0x17, 0]);
        let column = [0x35, 0, 0x18, 1, b'b', 0];
        let wide = [group.as_slice(), &column.repeat(1_500)].concat();
        assert!(found(&file(15, &wide)).contains("bytes of columns' paths"));
    }
}
