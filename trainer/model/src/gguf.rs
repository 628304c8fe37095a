//! A bounds-checked reader of GGUF files (versions 2 and 3, little-endian).
//!
//! The bytes may be torn or hostile: every length is checked against what is left before it is
//! used, and memory grows only with bytes really read, never with a count that the file claims. No byte
//! belongs to two tensors.
//! Form: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use crate::ModelError;
use kernels::Format;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Most metadata entries.
const ENTRIES_MAX: u64 = 65_536;
/// Most tensors.
const TENSORS_MAX: u64 = 65_536;
/// Deepest nesting of arrays in metadata.
const ARRAY_DEPTH_MAX: usize = 4;
/// Most axes of a tensor.
const AXES_MAX: u32 = 4;
/// Alignment of tensor data in bytes where the file names none.
const ALIGNMENT_DEFAULT: u64 = 32;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text; bytes that are not UTF-8 are replaced.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "an unsigned integer",
            Self::Signed(_) => "a signed integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a truth value",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }
}

/// Where a tensor lies and what it is.
#[derive(Clone, Debug)]
pub struct TensorInfo<'a> {
    /// Sizes, the slowest axis first (the file has them the other way round).
    pub shape: Vec<usize>,
    /// The type number of ggml.
    pub kind: u32,
    /// The file's bytes from the tensor's first to the next tensor's.
    rest: &'a [u8],
    offset: u64,
}

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Gguf<'a> {
    metadata: BTreeMap<String, Value<'a>>,
    /// Each entry's type and value as the file has them, in its order.
    entries: Vec<(String, &'a [u8])>,
    tensors: BTreeMap<String, TensorInfo<'a>>,
}

/// A tensor that is a matrix (out, in), or a vector (one row), in a known format.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// How the bytes are coded.
    pub format: Format,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Exactly the tensor's bytes.
    pub bytes: &'a [u8],
}

impl<'a> Gguf<'a> {
    /// Reads metadata and the table of tensors.
    ///
    /// # Errors
    /// Says at which byte the file stops making sense, what was expected and what was found. Two tensors
    /// in one place make no sense.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let mut reader = Reader { bytes, at: 0 };
        let magic = reader.take(4, "the magic \"GGUF\"")?;
        if magic != b"GGUF" {
            return Err(format_error(
                0,
                "the magic \"GGUF\"",
                format!("{magic:02x?}"),
            ));
        }
        let version = reader.u32("a version")?;
        if !(2..=3).contains(&version) {
            return Err(format_error(4, "version 2 or 3", version));
        }
        let tensor_count = reader.u64("the number of tensors")?;
        let entry_count = reader.u64("the number of metadata entries")?;
        if tensor_count > TENSORS_MAX {
            return Err(format_error(
                8,
                format!("at most {TENSORS_MAX} tensors"),
                tensor_count,
            ));
        }
        if entry_count > ENTRIES_MAX {
            return Err(format_error(
                16,
                format!("at most {ENTRIES_MAX} entries"),
                entry_count,
            ));
        }
        let (mut metadata, mut entries) = (BTreeMap::new(), Vec::new());
        for _ in 0..entry_count {
            let key = reader.text("a metadata key")?.into_owned();
            let start = reader.at;
            let kind = reader.u32("a metadata type")?;
            let value = reader.value(kind, 0)?;
            entries.push((key.clone(), &bytes[start..reader.at]));
            metadata.insert(key, value);
        }
        let mut infos = Vec::new();
        for _ in 0..tensor_count {
            infos.push(reader.tensor_info()?);
        }
        let alignment = match metadata.get("general.alignment") {
            None => ALIGNMENT_DEFAULT,
            Some(Value::Unsigned(n)) if (1..=1 << 20).contains(n) => *n,
            Some(other) => {
                return Err(ModelError::unsupported(
                    "GGUF, general.alignment",
                    "1 to 1048576",
                    format!("{other:?}"),
                ));
            }
        };
        // `at` is at most the file's length, so this cannot overflow.
        let data = (reader.at as u64).next_multiple_of(alignment);
        let tensors = tensors(bytes, data, infos)?;
        Ok(Self {
            metadata,
            entries,
            tensors,
        })
    }

    /// The metadata as the file codes it, in its order: each key with the bytes of its type and value.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &'a [u8])> {
        self.entries
            .iter()
            .map(|(key, bytes)| (key.as_str(), *bytes))
    }

    /// A metadata value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.metadata.get(key)
    }

    /// A metadata integer.
    ///
    /// # Errors
    /// If the key is absent, or is no integer that fits.
    pub fn integer(&self, key: &str) -> Result<usize, ModelError> {
        self.optional_integer(key)?
            .ok_or_else(|| missing(key, "an integer"))
    }

    /// A metadata integer that may be absent.
    ///
    /// # Errors
    /// If the key holds no integer that fits.
    pub fn optional_integer(&self, key: &str) -> Result<Option<usize>, ModelError> {
        let number = match self.get(key) {
            None => return Ok(None),
            Some(Value::Unsigned(n)) => usize::try_from(*n).ok(),
            Some(Value::Signed(n)) => usize::try_from(*n).ok(),
            Some(other) => return Err(wrong_kind(key, "an integer", other)),
        };
        number.map(Some).ok_or_else(|| {
            ModelError::unsupported(metadata_key(key), "a small integer", "one out of range")
        })
    }

    /// A metadata float.
    ///
    /// # Errors
    /// If the key is absent or no number.
    pub fn float(&self, key: &str) -> Result<f64, ModelError> {
        match self.get(key) {
            Some(Value::Float(x)) => Ok(*x),
            Some(Value::Unsigned(n)) => Ok(*n as f64),
            Some(other) => Err(wrong_kind(key, "a number", other)),
            None => Err(missing(key, "a number")),
        }
    }

    /// A metadata text that may be absent.
    ///
    /// # Errors
    /// If the key holds something else.
    pub fn optional_text(&self, key: &str) -> Result<Option<&str>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_kind(key, "a text", other)),
        }
    }

    /// A metadata truth value that may be absent.
    ///
    /// # Errors
    /// If the key holds something else.
    pub fn optional_bool(&self, key: &str) -> Result<Option<bool>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(other) => Err(wrong_kind(key, "a truth value", other)),
        }
    }

    /// A metadata list that may be absent.
    ///
    /// # Errors
    /// If the key holds something else.
    pub fn optional_list(&self, key: &str) -> Result<Option<&[Value<'a>]>, ModelError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(other) => Err(wrong_kind(key, "a list", other)),
        }
    }

    /// Whether the file has a tensor.
    #[must_use]
    pub fn has_tensor(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor of exactly this shape, the last axis being the columns.
    ///
    /// # Errors
    /// If it is absent, of another shape, of an unknown type, torn, or reaches into the next.
    pub fn matrix(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Matrix<'a>, ModelError> {
        let tensor = self.tensors.get(name).ok_or_else(|| {
            ModelError::unsupported("GGUF", format!("a tensor {name}"), "none of that name")
        })?;
        let wanted: &[usize] = if rows == 1 {
            &[columns]
        } else {
            &[rows, columns]
        };
        let trimmed = tensor.shape.iter().position(|&size| size != 1).unwrap_or(0);
        if &tensor.shape[trimmed..] != wanted && tensor.shape != wanted {
            return Err(ModelError::unsupported(
                format!("GGUF, tensor {name}"),
                format!("the shape {wanted:?}"),
                format!("{:?}", tensor.shape),
            ));
        }
        let format = Format::from_ggml(tensor.kind).ok_or_else(|| {
            ModelError::unsupported(
                format!("GGUF, tensor {name}"),
                "F32, F16, Q4_0, Q4_1, Q5_0, Q8_0, Q4_K or Q6_K",
                format!("ggml type {}", tensor.kind),
            )
        })?;
        let length = format.bytes(rows, columns)?;
        let bytes = tensor.rest.get(..length).ok_or_else(|| {
            format_error(
                tensor.offset,
                format!("{length} bytes of tensor {name}"),
                format!(
                    "{} before the end of the file or the next tensor",
                    tensor.rest.len()
                ),
            )
        })?;
        Ok(Matrix {
            format,
            rows,
            columns,
            bytes,
        })
    }
}

type Info = (String, Vec<usize>, u32, u64);

/// Gives each tensor the bytes up to the next one, so that together they hold no more than the file. Its
/// data starts at byte `data`.
fn tensors(
    bytes: &[u8],
    data: u64,
    infos: Vec<Info>,
) -> Result<BTreeMap<String, TensorInfo<'_>>, ModelError> {
    let starts = starts(bytes, data, &infos)?;
    let mut named = BTreeMap::new();
    for (name, shape, kind, offset) in infos {
        // `starts` has checked that it lies in the file, so it fits a usize.
        let start = data + offset;
        let next = starts.partition_point(|&other| other <= start);
        let end = starts.get(next).map_or(bytes.len(), |&next| next as usize);
        let tensor = TensorInfo {
            shape,
            kind,
            rest: &bytes[start as usize..end],
            offset: start,
        };
        named.insert(name, tensor);
    }
    Ok(named)
}

/// Where the tensors that hold anything start in the file, ascending; tensors may be listed in any order.
fn starts(bytes: &[u8], data: u64, infos: &[Info]) -> Result<Vec<u64>, ModelError> {
    let mut starts = Vec::new();
    for (name, shape, _, offset) in infos {
        let start = data
            .checked_add(*offset)
            .filter(|&start| start <= bytes.len() as u64);
        let Some(start) = start else {
            return Err(format_error(
                data,
                format!("tensor {name} at {offset} bytes into the data"),
                format!("a file of {} bytes", bytes.len()),
            ));
        };
        if !shape.contains(&0) {
            starts.push(start);
        }
    }
    starts.sort_unstable();
    match starts.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format_error(pair[0], "one tensor", "two that start here")),
        None => Ok(starts),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64, expected: &str) -> Result<&'a [u8], ModelError> {
        let left = self.bytes.len() - self.at;
        if length > left as u64 {
            return Err(format_error(
                self.at as u64,
                format!("{expected} ({length} bytes)"),
                format!("{left} bytes before the end of the file"),
            ));
        }
        // Not more than what is left, so it fits a usize.
        let taken = &self.bytes[self.at..self.at + length as usize];
        self.at += length as usize;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &str) -> Result<[u8; N], ModelError> {
        let taken = self.take(N as u64, expected)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    fn u32(&mut self, expected: &str) -> Result<u32, ModelError> {
        self.array(expected).map(u32::from_le_bytes)
    }

    fn u64(&mut self, expected: &str) -> Result<u64, ModelError> {
        self.array(expected).map(u64::from_le_bytes)
    }

    fn text(&mut self, expected: &str) -> Result<Cow<'a, str>, ModelError> {
        let length = self.u64(expected)?;
        Ok(String::from_utf8_lossy(self.take(length, expected)?))
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value<'a>, ModelError> {
        let what = "a metadata value";
        let at = self.at as u64;
        Ok(match kind {
            0 => Value::Unsigned(self.array::<1>(what)?[0].into()),
            1 => Value::Signed(i8::from_le_bytes(self.array(what)?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array(what)?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.array(what)?).into()),
            4 => Value::Unsigned(self.u32(what)?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.array(what)?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array(what)?).into()),
            7 => match self.array::<1>(what)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => return Err(format_error(at, "a truth value, 0 or 1", other)),
            },
            8 => Value::Text(self.text("a metadata text")?),
            9 if depth < ARRAY_DEPTH_MAX => {
                let item_kind = self.u32("a type of list items")?;
                let count = self.u64("a length of a list")?;
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(item_kind, depth + 1)?);
                }
                Value::List(items)
            }
            9 => return Err(format_error(at, "lists at most 4 deep", "a deeper one")),
            10 => Value::Unsigned(self.u64(what)?),
            11 => Value::Signed(i64::from_le_bytes(self.array(what)?)),
            12 => Value::Float(f64::from_le_bytes(self.array(what)?)),
            other => return Err(format_error(at, "a metadata type from 0 to 12", other)),
        })
    }

    fn tensor_info(&mut self) -> Result<Info, ModelError> {
        let name = self.text("a tensor's name")?.into_owned();
        let at = self.at as u64;
        let axes = self.u32("a tensor's number of axes")?;
        if axes > AXES_MAX {
            return Err(format_error(
                at,
                format!("at most {AXES_MAX} axes of tensor {name}"),
                axes,
            ));
        }
        let mut shape = Vec::new();
        for _ in 0..axes {
            let at = self.at as u64;
            let size = self.u64("a tensor's size")?;
            let size = usize::try_from(size)
                .map_err(|_| format_error(at, format!("a size of tensor {name}"), size))?;
            shape.push(size);
        }
        shape.reverse();
        let kind = self.u32("a tensor's type")?;
        let offset = self.u64("a tensor's offset")?;
        Ok((name, shape, kind, offset))
    }
}

fn format_error(
    offset: u64,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> ModelError {
    ModelError::Format {
        file: "GGUF".to_owned(),
        offset,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

fn metadata_key(key: &str) -> String {
    format!("GGUF metadata, {key}")
}

fn missing(key: &str, expected: &str) -> ModelError {
    ModelError::unsupported(metadata_key(key), expected, "no such key")
}

fn wrong_kind(key: &str, expected: &str, found: &Value<'_>) -> ModelError {
    ModelError::unsupported(metadata_key(key), expected, found.kind())
}
