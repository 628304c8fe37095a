//! Why records were left out.

use super::lines::Lines;
use crate::limits::{
    LOG_LINE_CHARACTERS_MAX, RECORD_BYTES_MAX, SKIPPED_BYTES_MAX, SKIPPED_EXAMPLES_MAX,
    SKIPPED_REASONS_MAX,
};
use app::view::SkippedReason;
use datasets::Skipped;
use std::collections::HashMap;
use std::io::{self, BufReader, Read};

/// The file.
pub const SKIPPED: &str = "skipped.jsonl";

/// Counts the reasons, the most frequent first. Beyond [`SKIPPED_REASONS_MAX`] of them the rest is
/// counted together.
///
/// # Errors
/// Those of reading.
pub fn read(file: impl Read) -> io::Result<Vec<SkippedReason>> {
    let reader = BufReader::new(file.take(SKIPPED_BYTES_MAX));
    let mut lines = Lines::new(reader, 0, RECORD_BYTES_MAX);
    let mut reasons: HashMap<(String, String), SkippedReason> = HashMap::new();
    while let Some(line) = lines.next_line()? {
        let Some(Ok(skipped)) = line.bytes.map(serde_json::from_slice::<Skipped>) else {
            continue;
        };
        let mut key = (skipped.stage, skipped.reason);
        if !reasons.contains_key(&key) && reasons.len() >= SKIPPED_REASONS_MAX {
            key = (String::new(), "other reasons".to_owned());
        }
        let reason = reasons.entry(key.clone()).or_insert_with(|| SkippedReason {
            stage: key.0,
            reason: cut(key.1),
            n: 0,
            examples: Vec::new(),
        });
        reason.n += 1;
        if reason.examples.len() < SKIPPED_EXAMPLES_MAX {
            reason.examples.push(cut(skipped.record));
        }
    }
    let mut reasons: Vec<SkippedReason> = reasons.into_values().collect();
    reasons.sort_by(|left, right| {
        let by_name = left
            .stage
            .cmp(&right.stage)
            .then_with(|| left.reason.cmp(&right.reason));
        right.n.cmp(&left.n).then(by_name)
    });
    Ok(reasons)
}

fn cut(text: String) -> String {
    text.chars().take(LOG_LINE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_with_examples() {
        let one = |record: usize, reason: &str| {
            format!("{{\"stage\":\"sample\",\"record\":\"q{record}\",\"reason\":\"{reason}\"}}\n")
        };
        let mut text = one(0, "no answer");
        text.push_str("noise\n");
        text.extend((1..9).map(|record| one(record, "too long")));
        let reasons = read(text.as_bytes()).unwrap();
        assert_eq!((reasons.len(), reasons[0].n, reasons[1].n), (2, 8, 1));
        assert_eq!(reasons[0].examples, ["q1", "q2", "q3"]);
        let many: String = (0..SKIPPED_REASONS_MAX + 5)
            .map(|index| one(index, &format!("reason {index}")))
            .collect();
        let reasons = read(many.as_bytes()).unwrap();
        assert_eq!((reasons.len(), reasons[0].n), (SKIPPED_REASONS_MAX + 1, 5));
    }
}
