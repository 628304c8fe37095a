//! A writer of small GGUF files.

/// A value of the metadata.
pub enum Meta {
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(&'static str),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Ints(Vec<i32>),
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn list<T>(out: &mut Vec<u8>, kind: u32, items: &[T], mut one: impl FnMut(&mut Vec<u8>, &T)) {
    out.extend(9u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((items.len() as u64).to_le_bytes());
    items.iter().for_each(|item| one(out, item));
}

/// A file of this metadata and of `f32` tensors (shape with the slowest axis first).
pub fn write(metadata: &[(String, Meta)], tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        text(&mut out, key);
        let mut scalar = |kind: u32, bytes: &[u8]| {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        };
        match value {
            Meta::U32(value) => scalar(4, &value.to_le_bytes()),
            Meta::I32(value) => scalar(5, &value.to_le_bytes()),
            Meta::F32(value) => scalar(6, &value.to_le_bytes()),
            Meta::Bool(value) => scalar(7, &[u8::from(*value)]),
            Meta::Text(value) => {
                scalar(8, &[]);
                text(&mut out, value);
            }
            Meta::Texts(items) => list(&mut out, 8, items, |out, item| text(out, item)),
            Meta::Floats(items) => list(&mut out, 6, items, |out, item| {
                out.extend(item.to_le_bytes())
            }),
            Meta::Ints(items) => list(&mut out, 5, items, |out, item| {
                out.extend(item.to_le_bytes())
            }),
        }
    }
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        text(&mut out, name);
        out.extend((shape.len() as u32).to_le_bytes());
        shape
            .iter()
            .rev()
            .for_each(|&size| out.extend((size as u64).to_le_bytes()));
        out.extend(0u32.to_le_bytes());
        out.extend((data.len() as u64).to_le_bytes());
        values
            .iter()
            .for_each(|value| data.extend(value.to_le_bytes()));
        data.resize(data.len().next_multiple_of(32), 0);
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out.extend(data);
    out
}
