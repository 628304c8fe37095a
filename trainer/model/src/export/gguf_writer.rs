//! A writer of GGUF files (version 3, little-endian).
//!
//! Form: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use crate::ModelError;
use kernels::Format;
use std::io::{self, Write};

/// Tensor data starts at multiples of this many bytes, the form's own default.
const ALIGNMENT: u64 = 32;

/// A metadata value, in the types that models use.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// An unsigned integer of 32 bits.
    Integer(u32),
    /// A float of 32 bits.
    Float(f32),
    /// A truth value.
    Truth(bool),
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of signed integers of 32 bits.
    Integers(Vec<i32>),
    /// Type and value as another file codes them.
    Coded(Vec<u8>),
}

impl Entry {
    fn write(&self, out: &mut Vec<u8>) {
        let mut scalar = |kind: u32, bytes: &[u8]| {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        };
        match self {
            Self::Integer(value) => scalar(4, &value.to_le_bytes()),
            Self::Float(value) => scalar(6, &value.to_le_bytes()),
            Self::Truth(value) => scalar(7, &[u8::from(*value)]),
            Self::Text(value) => {
                scalar(8, &[]);
                text(value, out);
            }
            Self::Texts(items) => list(8, items, out, |item, out| text(item, out)),
            Self::Integers(items) => {
                list(5, items, out, |item, out| out.extend(item.to_le_bytes()));
            }
            Self::Coded(bytes) => out.extend(bytes),
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn list<T>(kind: u32, items: &[T], out: &mut Vec<u8>, mut one: impl FnMut(&T, &mut Vec<u8>)) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((items.len() as u64).to_le_bytes());
    for item in items {
        one(item, out);
    }
}

/// ggml's number of a format.
#[must_use]
pub fn ggml_kind(format: Format) -> u32 {
    match format {
        Format::F32 => 0,
        Format::F16 => 1,
        Format::Q4_0 => 2,
        Format::Q4_1 => 3,
        Format::Q5_0 => 6,
        Format::Q8_0 => 8,
        Format::Q4K => 12,
        Format::Q6K => 14,
    }
}

/// What a file will hold: metadata, and a table of tensors whose bytes come when it is written.
#[derive(Clone, Debug, Default)]
pub struct GgufWriter {
    entries: Vec<(String, Entry)>,
    tensors: Vec<Tensor>,
    /// Bytes of the data so far, padding included.
    data_bytes: u64,
}

#[derive(Clone, Debug)]
struct Tensor {
    name: String,
    /// The slowest axis first.
    shape: Vec<usize>,
    format: Format,
    offset: u64,
    bytes: u64,
}

impl GgufWriter {
    /// Sets a metadata entry; one of that key is replaced.
    pub fn set(&mut self, key: impl Into<String>, entry: Entry) {
        let key = key.into();
        match self.entries.iter_mut().find(|(there, _)| *there == key) {
            Some((_, there)) => *there = entry,
            None => self.entries.push((key, entry)),
        }
    }

    /// Adds a tensor of (rows, columns), or a vector where `rows` is 1.
    ///
    /// # Errors
    /// If a row is no whole number of the format's blocks, or the size overflows.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        (rows, columns): (usize, usize),
        format: Format,
    ) -> Result<(), ModelError> {
        let bytes = format.bytes(rows, columns)? as u64;
        let shape = match rows {
            1 => vec![columns],
            rows => vec![rows, columns],
        };
        self.tensors.push(Tensor {
            name: name.into(),
            shape,
            format,
            offset: self.data_bytes,
            bytes,
        });
        self.data_bytes += bytes.next_multiple_of(ALIGNMENT);
        Ok(())
    }

    /// Metadata and table, up to the first tensor's first byte.
    fn head(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.entries.len() as u64).to_le_bytes());
        for (key, entry) in &self.entries {
            text(key, &mut out);
            entry.write(&mut out);
        }
        for tensor in &self.tensors {
            text(&tensor.name, &mut out);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            for &size in tensor.shape.iter().rev() {
                out.extend((size as u64).to_le_bytes());
            }
            out.extend(ggml_kind(tensor.format).to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT as usize), 0);
        out
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.head().len() as u64 + self.data_bytes
    }

    /// Writes the file; `bytes_of` is asked for the bytes of each tensor, by its place, in the order
    /// in which they were added.
    ///
    /// # Errors
    /// Of `out`; what `bytes_of` fails with, and bytes of a wrong length, as [`io::Error::other`].
    pub fn write(
        &self,
        out: &mut impl Write,
        mut bytes_of: impl FnMut(usize) -> Result<Vec<u8>, ModelError>,
    ) -> io::Result<()> {
        out.write_all(&self.head())?;
        for (index, tensor) in self.tensors.iter().enumerate() {
            let mut bytes = bytes_of(index).map_err(io::Error::other)?;
            if bytes.len() as u64 != tensor.bytes {
                return Err(io::Error::other(ModelError::unsupported(
                    format!("tensor {}", tensor.name),
                    format!("{} bytes", tensor.bytes),
                    bytes.len(),
                )));
            }
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}
