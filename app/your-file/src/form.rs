//! Which form a file has, by its first bytes.

use crate::trouble::Trouble;
use serde_json::Value;

/// The forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Rows under a line of names.
    Csv { delimiter: u8 },
    /// One JSON object a line.
    JsonLines,
    /// The same as lm-evaluation-harness writes it with `--log_samples`.
    LmEval,
    /// A log of Inspect that is one JSON document.
    InspectDocument,
    /// A log of Inspect that is a ZIP archive.
    InspectArchive,
}

impl Form {
    /// In words: `CSV, separated by semicolons`.
    pub fn words(self) -> &'static str {
        match self {
            Form::Csv { delimiter: b',' } => "CSV",
            Form::Csv { delimiter: b';' } => "CSV, separated by semicolons",
            Form::Csv { delimiter: b'\t' } => "CSV, separated by tabs",
            Form::Csv { .. } => "CSV, separated by another mark",
            Form::JsonLines => "JSONL, one object a line",
            Form::LmEval => "a log of lm-evaluation-harness",
            Form::InspectDocument | Form::InspectArchive => "a log of Inspect",
        }
    }

    /// Whether it must lie in memory as a whole before it can be read.
    pub fn is_whole(self) -> bool {
        matches!(self, Form::InspectDocument | Form::InspectArchive)
    }
}

/// First bytes of files that are none of the forms, with what they are.
const OTHERS: [(&[u8], &str, &str); 6] = [
    (b"\x1f\x8b", "It is packed by gzip.", "Unpack it first."),
    (
        b"\x28\xb5\x2f\xfd",
        "It is packed by Zstandard.",
        "Unpack it first.",
    ),
    (
        b"PAR1",
        "It is a Parquet file.",
        "Write confidence and correct as CSV.",
    ),
    (b"\xff\xfe", "It is UTF-16 text.", "Save it as UTF-8."),
    (b"\xfe\xff", "It is UTF-16 text.", "Save it as UTF-8."),
    (b"%PDF", "It is a PDF.", "Choose the file of its numbers."),
];

/// What is wanted instead.
pub const WANTED: &str = "Expected CSV with a line of names, JSONL with one object a line, or a log of Inspect or lm-evaluation-harness.";

/// The form of a file that begins with `head`.
///
/// # Errors
/// In words, where it is none of them.
pub fn form_of(head: &[u8]) -> Result<Form, Trouble> {
    let text = head
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(head)
        .trim_ascii_start();
    if head.is_empty() || text.is_empty() {
        return Err(Trouble::new(
            "The file is empty.",
            WANTED,
            "Choose another file.",
        ));
    }
    for (start, words, next) in OTHERS {
        if head.starts_with(start) {
            return Err(wrong(words, next));
        }
    }
    if head.starts_with(b"PK\x03\x04") {
        return Ok(Form::InspectArchive);
    }
    match text[0] {
        b'{' => Ok(form_of_object(text)),
        b'[' => Err(wrong(
            "It is one JSON list.",
            "Write one object a line, for example by: jq -c '.[]' FILE",
        )),
        b'<' => Err(wrong(
            "It is a page or XML.",
            "Choose the file of its numbers.",
        )),
        _ if text.contains(&0) => Err(wrong(
            "It holds bytes that are no text.",
            "Choose a text file.",
        )),
        _ => Ok(Form::Csv {
            delimiter: delimiter_of(text),
        }),
    }
}

fn wrong(found: &str, next: &str) -> Trouble {
    Trouble::new(
        "This is not a file of the right form.",
        format!("{found} {WANTED}"),
        next,
    )
}

fn form_of_object(text: &[u8]) -> Form {
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    match serde_json::from_slice::<Value>(first) {
        Ok(object) if object.get("eval").is_some_and(Value::is_object) => Form::InspectDocument,
        Ok(object)
            if object.get("resps").is_some_and(Value::is_array)
                || object.get("filtered_resps").is_some_and(Value::is_array) =>
        {
            Form::LmEval
        }
        Ok(_) => Form::JsonLines,
        // An object that goes on over lines, or is longer than the head.
        Err(error) if error.is_eof() => Form::InspectDocument,
        Err(_) => Form::JsonLines,
    }
}

/// The mark that the line of names is cut at most often by.
fn delimiter_of(text: &[u8]) -> u8 {
    let names = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
    let times = |mark: u8| names.iter().filter(|&&byte| byte == mark).count();
    let mut best = b',';
    for mark in [b';', b'\t'] {
        if times(mark) > times(best) {
            best = mark;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_their_start() {
        for (head, wanted) in [
            (&b"confidence,correct\n"[..], Form::Csv { delimiter: b',' }),
            (&b"a;b,c;d\n1;2"[..], Form::Csv { delimiter: b';' }),
            (&b"\xEF\xBB\xBFa\tb\n"[..], Form::Csv { delimiter: b'\t' }),
            (&b"{\"a\":1}\n{\"a\":2}"[..], Form::JsonLines),
            (&b"{\"resps\":[[\"a\"]]}\n"[..], Form::LmEval),
            (&b"{\"version\":2,\"eval\":{}}"[..], Form::InspectDocument),
            (&b"{\n  \"version\": 2,\n"[..], Form::InspectDocument),
            (&b"{not json}\n"[..], Form::JsonLines),
            (&b"PK\x03\x04"[..], Form::InspectArchive),
        ] {
            assert_eq!(form_of(head), Ok(wanted), "{head:?}");
        }
    }

    #[test]
    fn other_files_say_what_they_are() {
        for (head, wanted) in [
            (&b""[..], "empty"),
            (&b" \n"[..], "empty"),
            (&b"[{}]"[..], "list"),
            (&b"\x1f\x8b\x08"[..], "gzip"),
            (&b"<html>"[..], "XML"),
            (&b"ab\0c"[..], "no text"),
            (&b"PAR1"[..], "Parquet"),
        ] {
            let trouble = form_of(head).unwrap_err();
            let told = format!("{} {}", trouble.title, trouble.text);
            assert!(told.contains(wanted), "{told}");
        }
    }
}
