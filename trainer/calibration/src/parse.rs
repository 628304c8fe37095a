//! Reading a response: its answer, its rationale, its stated confidence.
//!
//! A response holds its parts one a line, after free thinking, in either order:
//!
//! ```text
//! Answer: Canberra                    Answer: Canberra
//! Confidence: 8                       Self-reflection: I am not certain …
//! Self-reflection: I am not certain … Confidence: 8
//! ```
//!
//! The rules are strict, because a lenient reader invents confidences ("8/10" read as 0, a year
//! read as a confidence): what is not clearly one of ten levels is a [`ParseFailure`].

use crate::{Confidence, judge};
use serde::{Serialize, Serializer};

/// Why no confidence could be read. Displays, and serialises, as a short sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFailure {
    #[error("no `Confidence:`")]
    Missing,
    #[error("nothing after `Confidence:`")]
    Empty,
    #[error("`{0}` is not a number")]
    NotANumber(String),
    #[error("`{0}` is not a whole number")]
    NotWhole(String),
    #[error("`{0}` is not from 1 to 10")]
    OutOfRange(String),
    #[error("`{0}` is not a multiple of 10%")]
    NotATenth(String),
    #[error("`{0}` is not out of 10")]
    WrongScale(String),
    #[error("`{0}` names more than one confidence")]
    Ambiguous(String),
}

impl Serialize for ParseFailure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What stands in a response; serialises to the object that `sayself parse` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parsed {
    /// Without surrounding white space and Markdown marks; never empty.
    pub answer: Option<String>,
    /// The same.
    pub rationale: Option<String>,
    pub confidence: Option<Confidence>,
    /// Why `confidence` is absent: exactly one of the two is there.
    pub failure: Option<ParseFailure>,
}

/// Reads a response in either order.
///
/// - Confidence: the last `Confidence:` wins, case-blind, Markdown marks ignored. `8`, `8.`,
///   `**8**`, `8/10`, `8 out of 10` and `80%` are level 8; anything else is a failure.
/// - Answer: after the last `Answer:`, up to the end of the line or the next part.
/// - Rationale: after the last `Self-reflection:`, up to the next part or the end.
///
/// ```
/// let parsed = calibration::parse::response("Answer: Paris\nConfidence: **8**/10");
/// assert_eq!(parsed.answer.as_deref(), Some("Paris"));
/// assert_eq!(parsed.confidence.map(|c| c.level()), Some(8));
///
/// let parsed = calibration::parse::response("Answer: Paris\nConfidence: 8.5");
/// assert_eq!(parsed.failure.map(|f| f.to_string()), Some("`8.5` is not a whole number".into()));
/// ```
pub fn response(text: &str) -> Parsed {
    let labels = labels(text);
    let last = |kind| labels.iter().rposition(|label| label.kind == kind);
    // The text of a part: from its label to the next one, or to the end.
    let part = |at: usize| {
        let end = labels.get(at + 1).map_or(text.len(), |next| next.start);
        &text[labels[at].end..end]
    };
    let answer = last(LabelKind::Answer).and_then(|at| cleaned(first_line(part(at))));
    let rationale = last(LabelKind::Rationale).and_then(|at| cleaned(part(at)));
    let level = match last(LabelKind::Confidence) {
        Some(at) => level(first_line(part(at))),
        None => Err(ParseFailure::Missing),
    };
    let (confidence, failure) = match level {
        Ok(confidence) => (Some(confidence), None),
        Err(failure) => (None, Some(failure)),
    };
    Parsed {
        answer,
        rationale,
        confidence,
        failure,
    }
}

/// R-Tuning's readout: the last of `I am sure` (true) and `I am unsure` (false), case-blind;
/// `None` when neither was said. A probability of 1 or 0, not a level.
///
/// ```
/// assert_eq!(calibration::parse::sure("Paris. I am unsure."), Some(false));
/// assert_eq!(calibration::parse::sure("Paris."), None);
/// ```
pub fn sure(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let last = |words: &str| {
        text.match_indices(words)
            .map(|(at, _)| at)
            .filter(|&at| {
                let before = text[..at].chars().next_back();
                let after = text[at + words.len()..].chars().next();
                !before.is_some_and(char::is_alphanumeric)
                    && !after.is_some_and(char::is_alphanumeric)
            })
            .last()
    };
    match (last("i am sure"), last("i am unsure")) {
        (None, None) => None,
        (sure, unsure) => Some(sure > unsure),
    }
}

/// The answer in a response to a prompt that asks for nothing but a short answer: what stands
/// after `Answer:` if that is there, else the first line that is not empty, cut at its first comma
/// ([`judge::first_segment`]), since such a model tends to go on ("Paris, France", "Paris, which…").
///
/// ```
/// use calibration::parse::bare_answer;
/// assert_eq!(bare_answer("\n Paris, France\nQuestion: ...").as_deref(), Some("Paris"));
/// assert_eq!(bare_answer("Paris Confidence: 8").as_deref(), Some("Paris"));
/// assert_eq!(bare_answer("Let me think.\nAnswer:"), None);
/// assert_eq!(bare_answer(" \n"), None);
/// ```
pub fn bare_answer(text: &str) -> Option<String> {
    let labels = labels(text);
    if labels.iter().any(|label| label.kind == LabelKind::Answer) {
        return response(text).answer;
    }
    // A stated confidence or a rationale is no part of the answer.
    let end = labels.first().map_or(text.len(), |label| label.start);
    let line = text[..end]
        .split(['\n', '\r'])
        .find(|line| !line.trim().is_empty())?;
    cleaned(judge::first_segment(line))
}

/// The text without what stands after each `Confidence:`, label included, to the next part or the end
/// of its line: for judges and annotators, who must not see it.
///
/// ```
/// let blind = calibration::parse::without_confidence("Answer: Paris\nConfidence: 8\nSelf-reflection: …");
/// assert_eq!(blind, "Answer: Paris\nSelf-reflection: …");
/// ```
pub fn without_confidence(text: &str) -> String {
    let labels = labels(text);
    let mut blind = String::new();
    let mut from = 0;
    for (at, label) in labels.iter().enumerate() {
        if label.kind != LabelKind::Confidence {
            continue;
        }
        blind.push_str(&text[from..label.start.max(from)]);
        let part_end = labels.get(at + 1).map_or(text.len(), |next| next.start);
        let line_end = text[label.end..part_end]
            .find('\n')
            .map_or(part_end, |length| label.end + length + 1);
        from = line_end.max(from);
    }
    blind.push_str(&text[from..]);
    blind
}

/// What a response says before it speaks of its doubt: up to the first `Confidence:` or
/// `Self-reflection:`, white space around it removed. What a judge of correctness may see of a response
/// without an `Answer:`.
///
/// ```
/// use calibration::parse::before_doubt;
/// assert_eq!(before_doubt("It is Paris.\n**Confidence:** 8"), "It is Paris.");
/// assert_eq!(before_doubt("It is Paris."), "It is Paris.");
/// ```
pub fn before_doubt(text: &str) -> &str {
    let end = labels(text)
        .iter()
        .find(|label| label.kind != LabelKind::Answer)
        .map_or(text.len(), |label| label.start);
    text[..end].trim_matches(|c: char| is_mark(c) || c == '#' || c == '>' || c.is_whitespace())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LabelKind {
    Answer,
    Rationale,
    Confidence,
}

/// A part's label in a text: `start..end` in bytes, the colon and the marks after it included.
struct Label {
    kind: LabelKind,
    start: usize,
    end: usize,
}

/// The labels of all parts, in order of appearance.
fn labels(text: &str) -> Vec<Label> {
    let mut labels = Vec::new();
    let mut word_before = false;
    for (start, c) in text.char_indices() {
        if !word_before && let Some((kind, length)) = label_at(&text[start..]) {
            labels.push(Label {
                kind,
                start,
                end: start + length,
            });
        }
        word_before = c.is_alphanumeric();
    }
    labels
}

/// The label that `text` begins with, and its length in bytes.
fn label_at(text: &str) -> Option<(LabelKind, usize)> {
    let (kind, rest) = if let Some(rest) = without_prefix(text, "answer") {
        (LabelKind::Answer, rest)
    } else if let Some(rest) = without_prefix(text, "confidence") {
        (LabelKind::Confidence, rest)
    } else {
        let rest = without_prefix(text, "self")?;
        // Hyphen, non-breaking hyphen, en dash, space, or nothing.
        let rest = rest
            .strip_prefix(['-', '\u{2011}', '\u{2013}', ' '])
            .unwrap_or(rest);
        (LabelKind::Rationale, without_prefix(rest, "reflection")?)
    };
    let rest = rest
        .trim_start_matches(is_mark_or_space)
        .strip_prefix([':', '：'])?;
    let rest = rest.trim_start_matches(is_mark_or_space);
    Some((kind, text.len() - rest.len()))
}

/// Case-blind; `prefix` in ASCII lower case.
fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

fn is_mark(c: char) -> bool {
    matches!(c, '*' | '_' | '`')
}

/// A line break is no such space: a part stands on its label's line.
fn is_mark_or_space(c: char) -> bool {
    is_mark(c) || matches!(c, ' ' | '\t' | '\u{a0}')
}

fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or("")
}

/// Without the white space and the Markdown marks around it; `None` if nothing is left.
fn cleaned(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| is_mark(c) || c.is_whitespace());
    // The marks of a heading or a quotation before the next part's label.
    let bare = text.trim_end_matches(['#', '>', ' ']);
    let text = if bare.ends_with('\n') {
        bare.trim_end()
    } else {
        text
    };
    (!text.is_empty()).then(|| text.to_owned())
}

/// The level that stands after `Confidence:`, on its line.
fn level(line: &str) -> Result<Confidence, ParseFailure> {
    let line: String = line
        .chars()
        .filter(|&c| !matches!(c, '*' | '_' | '`' | '#'))
        .collect();
    let text = line.trim();
    if text.is_empty() {
        return Err(ParseFailure::Empty);
    }
    let found = shortened(text);
    let (digits, rest) = split_digits(text);
    if digits.is_empty() || starts_with_word(rest) || (digits.len() > 1 && digits.starts_with('0'))
    {
        return Err(ParseFailure::NotANumber(found));
    }
    if starts_with_fraction(rest) {
        return Err(ParseFailure::NotWhole(found));
    }
    // More than three digits are out of every range here, and need not fit a number.
    let number: u16 = if digits.len() > 3 {
        1000
    } else {
        digits.parse().unwrap_or(1000)
    };
    let rest = rest.trim_start();
    let (number, rest) = if let Some(rest) = rest.strip_prefix('%') {
        if number == 0 || number > 100 {
            return Err(ParseFailure::OutOfRange(found));
        }
        if !number.is_multiple_of(10) {
            return Err(ParseFailure::NotATenth(found));
        }
        (number / 10, rest)
    } else if let Some(scale) = rest
        .strip_prefix('/')
        .or_else(|| without_prefix(rest, "out of "))
    {
        let (scale, rest) = split_digits(scale.trim_start());
        if scale != "10"
            || starts_with_word(rest)
            || starts_with_fraction(rest)
            || rest.starts_with(['/', '%'])
        {
            return Err(ParseFailure::WrongScale(found));
        }
        (number, rest)
    } else {
        (number, rest)
    };
    if goes_on_with_number(rest) {
        return Err(ParseFailure::Ambiguous(found));
    }
    u8::try_from(number)
        .ok()
        .and_then(Confidence::new)
        .ok_or(ParseFailure::OutOfRange(found))
}

/// The ASCII digits that `text` begins with, and the rest.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// "8th", "8x": no number stands there.
fn starts_with_word(rest: &str) -> bool {
    rest.starts_with(char::is_alphanumeric)
}

/// "8.5", "8,5".
fn starts_with_fraction(rest: &str) -> bool {
    rest.strip_prefix(['.', ','])
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// "8 9", "8-9", "8 to 9", "8 or 9".
fn goes_on_with_number(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.strip_prefix(['-', '–', '—', '~'])
        .or_else(|| without_prefix(rest, "to "))
        .or_else(|| without_prefix(rest, "or "))
        .unwrap_or(rest)
        .trim_start()
        .starts_with(|c: char| c.is_ascii_digit())
}

/// At most 40 characters, for an error's text.
fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level_of(text: &str) -> Result<u8, ParseFailure> {
        let parsed = response(text);
        match (parsed.confidence, parsed.failure) {
            (Some(confidence), None) => Ok(confidence.level()),
            (None, Some(failure)) => Err(failure),
            other => panic!("exactly one of confidence and failure: {other:?}"),
        }
    }

    #[test]
    fn levels() {
        for text in [
            "8",
            "8.",
            " 8 ",
            "**8**",
            "8/10",
            "8 / 10",
            "8 out of 10",
            "8 OUT OF 10",
            "80%",
            "80 %",
            "`8`",
            "**8**/10",
            "8/10.",
            "8, since I know it",
            "8 (fairly sure)",
            "8\nand more 9",
        ] {
            assert_eq!(level_of(&format!("Confidence: {text}")), Ok(8), "{text}");
        }
        for label in [
            "Confidence:",
            "confidence:",
            "CONFIDENCE: ",
            "**Confidence:** ",
            "**Confidence**: ",
            "### Confidence: ",
            "My confidence :\t",
        ] {
            assert_eq!(
                level_of(&format!("Answer: x\n{label}10")),
                Ok(10),
                "{label}"
            );
        }
        assert_eq!(level_of("Confidence: 100%"), Ok(10));
        assert_eq!(level_of("Confidence: 3\nConfidence: 4"), Ok(4));
    }

    #[test]
    fn failures_have_reasons() {
        type Failure = fn(String) -> ParseFailure;
        let cases: [(&str, Failure); 21] = [
            ("8.5", ParseFailure::NotWhole),
            ("8,5", ParseFailure::NotWhole),
            ("8.0", ParseFailure::NotWhole),
            ("0.8", ParseFailure::NotWhole),
            ("85%", ParseFailure::NotATenth),
            ("0%", ParseFailure::OutOfRange),
            ("110%", ParseFailure::OutOfRange),
            ("0", ParseFailure::OutOfRange),
            ("11", ParseFailure::OutOfRange),
            ("85", ParseFailure::OutOfRange),
            ("1999", ParseFailure::OutOfRange),
            ("99999999999999999999999", ParseFailure::OutOfRange),
            ("8/100", ParseFailure::WrongScale),
            ("4/5", ParseFailure::WrongScale),
            ("8 out of ten", ParseFailure::WrongScale),
            ("eight", ParseFailure::NotANumber),
            ("-8", ParseFailure::NotANumber),
            ("8th", ParseFailure::NotANumber),
            ("8-9", ParseFailure::Ambiguous),
            ("8 9", ParseFailure::Ambiguous),
            ("8 or 9", ParseFailure::Ambiguous),
        ];
        for (text, failure) in cases {
            assert_eq!(
                level_of(&format!("Confidence: {text}")),
                Err(failure(text.into())),
                "{text}"
            );
        }
        assert_eq!(level_of("Answer: 1999"), Err(ParseFailure::Missing));
        assert_eq!(level_of("Overconfidence: 8"), Err(ParseFailure::Missing));
        assert_eq!(level_of("Confidence:"), Err(ParseFailure::Empty));
        assert_eq!(level_of("Confidence:\n8"), Err(ParseFailure::Empty));
        assert_eq!(
            level_of("Confidence: 8\nConfidence: "),
            Err(ParseFailure::Empty)
        );
        assert_eq!(
            level_of("Confidence: Self-reflection: 7 of my answers"),
            Err(ParseFailure::Empty)
        );
        assert_eq!(level_of(""), Err(ParseFailure::Missing));
    }

    #[test]
    fn answers_end_at_their_line_or_the_next_part() {
        let answer = |text: &str| response(text).answer;
        assert_eq!(
            answer("Answer: Rome\nAnswer: Paris \nnot this").as_deref(),
            Some("Paris")
        );
        assert_eq!(
            answer("thinking. **Answer:** **Paris** Self-reflection: none").as_deref(),
            Some("Paris")
        );
        assert_eq!(answer("answer: C# Confidence: 8").as_deref(), Some("C#"));
        assert_eq!(answer("Answer:\nParis"), None);
        assert_eq!(answer("Paris"), None);
    }

    #[test]
    fn rationales_end_at_the_next_part() {
        let rationale = |text: &str| response(text).rationale;
        let paper =
            "Answer: Paris\nSelf-reflection: I am unsure.\nIt may be Rome.\n**Confidence:** 8";
        assert_eq!(
            rationale(paper).as_deref(),
            Some("I am unsure.\nIt may be Rome.")
        );
        let ours = "Answer: Paris\nConfidence: 8\nSelf-reflection: I am unsure.\n";
        assert_eq!(rationale(ours).as_deref(), Some("I am unsure."));
        assert_eq!(response(ours).confidence, response(paper).confidence);
        let headings = "### Self-reflection: I am unsure.\n\n### Confidence: 8";
        assert_eq!(rationale(headings).as_deref(), Some("I am unsure."));
        assert_eq!(rationale("Self-reflection:\nConfidence: 8"), None);
    }

    #[test]
    fn the_last_word_on_being_sure_counts() {
        assert_eq!(sure("I am sure."), Some(true));
        assert_eq!(sure("I am sure… no, i am UNSURE"), Some(false));
        assert_eq!(sure("I am unsure. I am sure"), Some(true));
        for text in ["", "I am surely right", "I am not sure", "Miami am sure"] {
            assert_eq!(sure(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_shown_to_a_judge_states_no_confidence() {
        for (text, blind) in [
            ("Confidence: 8\nAnswer: Rome", "Answer: Rome"),
            ("Answer: Rome Confidence: **8**/10", "Answer: Rome "),
            (
                "Rome. Confidence: 3 Confidence: 4\nno more",
                "Rome. no more",
            ),
            ("I have no confidence in it", "I have no confidence in it"),
        ] {
            assert_eq!(without_confidence(text), blind);
        }
        assert_eq!(before_doubt(" so, Rome\nConfidence: 2"), "so, Rome");
        assert_eq!(before_doubt("Rome "), "Rome");
    }

    proptest! {
        #[test]
        fn nothing_blind_can_be_read_as_a_confidence(text in "(Confidence: |Answer: |[a-z0-9]{0,3}|[\\n ]){0,12}") {
            let blind = without_confidence(&text);
            prop_assert_eq!(response(&blind).failure, Some(ParseFailure::Missing));
        }

        #[test]
        fn never_panics(text in "(?s)(.|Confidence:|Answer:|Self-reflection:|[0-9%/. *_]){0,12}") {
            let parsed = response(&text);
            prop_assert!(parsed.confidence.is_some() != parsed.failure.is_some());
            sure(&text);
            bare_answer(&text);
        }

        #[test]
        fn reads_back_what_was_written(
            answer in "[A-Za-z][a-z ]{0,20}[a-z]",
            rationale in "[A-Z][a-z ]{0,40}[.]",
            level in 1u8..=10,
            confidence_first: bool,
        ) {
            let text = if confidence_first {
                format!("Answer: {answer}\nConfidence: {level}\nSelf-reflection: {rationale}")
            } else {
                format!("Thinking.\nAnswer: {answer}\nSelf-reflection: {rationale}\nConfidence: {level}")
            };
            let parsed = response(&text);
            prop_assert_eq!(parsed.answer, Some(answer));
            prop_assert_eq!(parsed.rationale, Some(rationale));
            prop_assert_eq!(parsed.confidence.map(Confidence::level), Some(level));
        }
    }
}
