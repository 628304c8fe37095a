//! What a project is: all that one needs to understand the other files, or to make it again.

use super::columns::columns;
use super::{ExportData, What};
use serde_json::{Map, Value, json};

/// The version of the exports' form.
const FORMAT_VERSION: u32 = 1;

/// One JSON object.
pub fn text(data: &ExportData) -> String {
    let mut about = about(data);
    let tables = What::ALL.into_iter().filter(|what| what.is_table());
    let meanings: Map<String, Value> = tables
        .map(|what| {
            let of_table: Map<String, Value> = columns(what)
                .iter()
                .map(|(column, meaning)| ((*column).to_owned(), json!(meaning)))
                .collect();
            (what.word().to_owned(), of_table.into())
        })
        .collect();
    if let Value::Object(about) = &mut about {
        about.insert("columns".into(), meanings.into());
    }
    // A value that was made here can always be written.
    let mut text = serde_json::to_string_pretty(&about).unwrap_or_default();
    text.push('\n');
    text
}

/// Spec, rubric, seed and hashes.
pub fn about(data: &ExportData) -> Value {
    let detail = &data.detail;
    let hashes: Map<String, Value> = detail
        .hashes
        .iter()
        .map(|(of, hash)| (of.clone(), json!(hash)))
        .collect();
    let kinds: Map<String, Value> = detail
        .kinds
        .iter()
        .map(|(kind, count)| (kind.word().to_owned(), json!(count)))
        .collect();
    json!({
        "format": "sayself annotation",
        "format_version": FORMAT_VERSION,
        "sayself_version": env!("CARGO_PKG_VERSION"),
        "project": detail.row,
        "seed": data.seed(),
        "rubric": data.rubric(),
        "sha256": hashes,
        "items": kinds,
        "spec": detail.spec,
        "remarks": detail.remarks,
    })
}
