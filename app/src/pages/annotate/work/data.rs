//! What the page's script is given: the items at hand, as the API sends them.

use crate::link;
use crate::view::WorkPage;
use serde_json::json;
use std::fmt::Write;

/// JSON for a `<script type="application/json">`.
pub fn block(page: &WorkPage) -> String {
    let value = json!({
        "project": page.project,
        "kind": page.kind,
        "spans": page.spans,
        "ahead": page.ahead,
        "preview": page.preview,
        "api": link::work_api(&page.project),
        "page": link::work(&page.project),
        "batch": page.batch,
    });
    harmless(&value.to_string())
}

/// Only letters, digits and JSON's own marks stand for themselves: nothing ends the script or turns
/// the text about, and the script reads each character as it was.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.chars() {
        let is_plain = match character {
            '<' | '>' | '&' => false,
            ' '..='~' => true,
            other => other.is_alphanumeric(),
        };
        if is_plain {
            text.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut units) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back_and_none_ends_the_script() {
        let text = "</script>&\u{202e}\u{2028}\u{0}\u{7f}é漢😀\"\\";
        let block = harmless(&json!({ "text": text }).to_string());
        assert!(
            !block.contains('<') && !block.contains('\u{202e}'),
            "{block}"
        );
        assert_eq!(crate::format::visible(&block), block);
        let back: serde_json::Value = serde_json::from_str(&block).expect("it is JSON");
        assert_eq!(back["text"], text);
    }
}
