//! Whether an answer is right, by comparing strings.
//!
//! Only the answer part of a response is judged ([`crate::parse`]): a gold answer that stands in the
//! rationale or in the question proves nothing.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// How an answer to a question is judged.
///
/// [`ShortAnswer`](Judge::ShortAnswer), [`Label`](Judge::Label) and [`Sentence`](Judge::Sentence)
/// look at the whole answer. [`Exact`](Judge::Exact) and [`Number`](Judge::Number), which only the
/// shipped `world-facts` need, look at its first comma segment ([`first_segment`]). Short answers to
/// a bare prompt are cut there too, but where they are read ([`crate::parse::bare_answer`]): an
/// answer that a model marked as such is judged as it stands, so that one judge serves all sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// Equal to a gold answer after normalisation; or a gold answer stands in it as a run of whole
    /// words, it has at most 12 words, and no negative answer stands in it.
    #[default]
    ShortAnswer,
    /// Equal to a gold answer up to surrounding white space and punctuation; case counts (symbols).
    Exact,
    /// The answer holds exactly one number, and it is the gold one.
    Number,
    /// The first word that is a label (`true`/`false`/`unknown` or `yes`/`no`, whichever the gold
    /// is of) is the gold label.
    Label,
    /// Golds are sentences: a string judge is not valid, an LLM judge is needed. Judged as
    /// [`ShortAnswer`](Judge::ShortAnswer), and to be marked "not valid".
    Sentence,
}

impl Judge {
    /// Whether a string judge's verdict means something; if not, tables say "not valid".
    pub fn is_valid_for_strings(self) -> bool {
        self != Judge::Sentence
    }
}

/// An answer that holds a gold answer among more words than this is not a short answer.
pub const ANSWER_WORDS_MAX: usize = 12;

/// Whether `answer` is right: equal to one of `golds` (the gold answer and its aliases) as `judge`
/// has it. `negatives` are answers known to be wrong.
///
/// ```
/// use calibration::judge::{Judge, is_correct};
/// let golds = ["Washington, D.C."];
/// let none: [&str; 0] = [];
/// assert!(is_correct(Judge::ShortAnswer, "It is Washington DC", &golds, &none));
/// assert!(!is_correct(Judge::ShortAnswer, "Washington", &golds, &none));
/// assert!(!is_correct(Judge::Exact, "AU", &["Au"], &none));
/// assert!(is_correct(Judge::Number, "It has 79 protons", &["79"], &none));
/// ```
pub fn is_correct<G: AsRef<str>, N: AsRef<str>>(
    judge: Judge,
    answer: &str,
    golds: &[G],
    negatives: &[N],
) -> bool {
    match judge {
        Judge::ShortAnswer | Judge::Sentence => is_short_answer(answer, golds, negatives),
        Judge::Exact => golds.iter().any(|gold| is_exact(answer, gold.as_ref())),
        Judge::Number => golds.iter().any(|gold| is_number(answer, gold.as_ref())),
        Judge::Label => golds.iter().any(|gold| is_label(answer, gold.as_ref())),
    }
}

/// Normalises as SQuAD does: NFKC, lower case, punctuation removed (not replaced by a space), the
/// articles a, an and the removed, white space collapsed. Text that is nothing but articles keeps
/// them; text that is nothing but punctuation becomes empty.
///
/// ```
/// assert_eq!(calibration::judge::normalise(" The  U.S.A.!"), "usa");
/// assert_eq!(calibration::judge::normalise("A"), "a");
/// ```
pub fn normalise(text: &str) -> String {
    let text: String = text
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|&c| !is_punctuation(c))
        .collect();
    let words = || text.split_whitespace();
    let kept: Vec<&str> = words()
        .filter(|word| !matches!(*word, "a" | "an" | "the"))
        .collect();
    if kept.is_empty() {
        words().collect::<Vec<_>>().join(" ")
    } else {
        kept.join(" ")
    }
}

/// What stands before the first comma, white space trimmed; commas inside numbers (`1,234`) do not
/// count. The rule of `world-facts`: what follows is a second guess or an addition.
///
/// ```
/// assert_eq!(calibration::judge::first_segment("1,234, or so"), "1,234");
/// ```
pub fn first_segment(answer: &str) -> &str {
    let bytes = answer.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let in_number = |at: usize| {
        at > 0 && is_digit(at - 1) && (1..=3).all(|ahead| is_digit(at + ahead)) && !is_digit(at + 4)
    };
    let end = answer
        .match_indices(',')
        .map(|(at, _)| at)
        .find(|&at| !in_number(at));
    let segment = answer[..end.unwrap_or(answer.len())].trim();
    // A leading comma leaves nothing to judge.
    if segment.is_empty() {
        answer.trim()
    } else {
        segment
    }
}

fn is_short_answer<G: AsRef<str>, N: AsRef<str>>(
    answer: &str,
    golds: &[G],
    negatives: &[N],
) -> bool {
    let normal = normalise(answer);
    if normal.is_empty() {
        // Symbols alone ("+", "?"): nothing is left to normalise.
        let answer = answer.trim();
        return !answer.is_empty() && golds.iter().any(|gold| gold.as_ref().trim() == answer);
    }
    let golds: Vec<String> = golds.iter().map(|gold| normalise(gold.as_ref())).collect();
    if golds.contains(&normal) {
        return true;
    }
    answer.split_whitespace().count() <= ANSWER_WORDS_MAX
        && golds.iter().any(|gold| stands_in(gold, &normal))
        && !negatives
            .iter()
            .any(|negative| stands_in(&normalise(negative.as_ref()), &normal))
}

/// Whether `part` stands in `whole` as a run of whole words; both normalised.
fn stands_in(part: &str, whole: &str) -> bool {
    !part.is_empty() && format!(" {whole} ").contains(&format!(" {part} "))
}

fn is_exact(answer: &str, gold: &str) -> bool {
    let gold = bare_symbol(gold);
    !gold.is_empty()
        && [answer, first_segment(answer)]
            .into_iter()
            .any(|text| bare_symbol(text) == gold)
}

/// Without surrounding white space and punctuation; a symbol that is nothing else keeps it.
fn bare_symbol(text: &str) -> String {
    let text: String = text.trim().nfkc().collect();
    let bare = text.trim_matches(|c: char| c.is_whitespace() || is_punctuation(c));
    if bare.is_empty() {
        text
    } else {
        bare.to_owned()
    }
}

fn is_number(answer: &str, gold: &str) -> bool {
    match numbers(gold).as_slice() {
        [gold] => numbers(first_segment(answer)) == [*gold],
        // A gold that is no number can only be met in words.
        _ => !normalise(gold).is_empty() && normalise(answer) == normalise(gold),
    }
}

/// The numbers in a text: digits, thousands set apart by commas, a fraction after a point, a minus
/// sign that does not join words.
fn numbers(text: &str) -> Vec<f64> {
    let text: Vec<char> = text.nfkc().collect();
    let is_digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !is_digit(at) {
            at += 1;
            continue;
        }
        let mut literal = String::new();
        if at > 0
            && matches!(text[at - 1], '-' | '−')
            && (at == 1 || !text[at - 2].is_alphanumeric())
        {
            literal.push('-');
        }
        let mut has_point = false;
        while at < text.len() {
            let thousands = !has_point
                && text[at] == ','
                && (1..=3).all(|ahead| is_digit(at + ahead))
                && !is_digit(at + 4);
            let point = !has_point && text[at] == '.' && is_digit(at + 1);
            if is_digit(at) || point {
                has_point |= point;
                literal.push(text[at]);
            } else if !thousands {
                break;
            }
            at += 1;
        }
        // Digits with at most one point always parse.
        numbers.extend(literal.parse::<f64>());
    }
    numbers
}

const LABEL_FAMILIES: [&[&str]; 2] = [&["true", "false", "unknown"], &["yes", "no"]];

fn is_label(answer: &str, gold: &str) -> bool {
    let (answer, gold) = (normalise(answer), normalise(gold));
    let first_of = |family: &[&str], text: &str| {
        text.split(' ')
            .find(|word| family.contains(word))
            .map(str::to_owned)
    };
    for family in LABEL_FAMILIES {
        if let Some(gold) = first_of(family, &gold) {
            return first_of(family, &answer) == Some(gold);
        }
    }
    !gold.is_empty() && answer == gold
}

/// ASCII punctuation and symbols as SQuAD removes them, and the punctuation of other scripts that
/// NFKC leaves. The fraction slash stays: without it ½ would read 12.
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c,
            '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '\u{2bc}'
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{205e}'
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301f}' | '\u{30fb}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: [&str; 0] = [];

    #[test]
    fn short_answers() {
        let judge =
            |answer: &str, golds: &[&str]| is_correct(Judge::ShortAnswer, answer, golds, &NONE);
        assert!(judge("the Netherlands.", &["Netherlands"]));
        assert!(judge("Ｐａｒｉｓ", &["Paris"]));
        assert!(judge("Côte d’Ivoire", &["Cote d'Ivoire", "Côte d'Ivoire"]));
        assert!(judge("I think it is Paris, in France", &["Paris"]));
        assert!(!judge("Parisian", &["Paris"]));
        assert!(!judge("Pari", &["Paris"]));
        assert!(!judge("", &["Paris"]));
        assert!(!judge("...", &["the"]));
        assert!(!judge("something", &[""]));
        assert!(!judge("what?", &["?"]));
        assert!(judge("A", &["a"]));
        let words = |n: usize| format!("Paris{}", " so".repeat(n - 1));
        assert!(judge(&words(12), &["Paris"]));
        assert!(!judge(&words(13), &["Paris"]));
    }

    #[test]
    fn a_negative_answer_spoils_containment_and_not_equality() {
        let golds = ["Congo Republic"];
        let negatives = ["Congo", "Gabon"];
        assert!(is_correct(
            Judge::ShortAnswer,
            "Congo Republic",
            &golds,
            &negatives
        ));
        assert!(!is_correct(
            Judge::ShortAnswer,
            "the Congo Republic or Gabon",
            &golds,
            &negatives
        ));
    }

    #[test]
    fn symbols_are_exact() {
        let judge = |answer: &str, gold: &str| is_correct(Judge::Exact, answer, &[gold], &NONE);
        assert!(judge(" Au. ", "Au"));
        assert!(judge("Au, which is gold", "Au"));
        assert!(judge("fr", ".fr"));
        assert!(judge("$", "$"));
        assert!(!judge("au", "Au"));
        assert!(!judge("Au gold", "Au"));
        assert!(!judge("Gold, Au", "Au"));
        assert!(!judge("", ""));
    }

    #[test]
    fn one_number_and_the_right_one() {
        let judge = |answer: &str, gold: &str| is_correct(Judge::Number, answer, &[gold], &NONE);
        assert!(judge("79", "79"));
        assert!(judge("It is 79.", "79"));
        assert!(judge("79, as gold has 79", "79"));
        assert!(judge("about 1,234,567 people", "1234567"));
        assert!(judge("2.50", "2.5"));
        assert!(judge("+33", "33"));
        assert!(!judge("78 or 79", "79"));
        assert!(!judge("78, 79", "79"));
        assert!(!judge("179", "79"));
        assert!(!judge("-79", "79"));
        assert!(!judge("seventy-nine", "79"));
        assert!(judge("Seventy", "seventy"));
    }

    #[test]
    fn the_first_label_counts() {
        let judge = |answer: &str, gold: &str| is_correct(Judge::Label, answer, &[gold], &NONE);
        assert!(judge("Yes, it is not false", "yes"));
        assert!(!judge("No. Yes!", "yes"));
        assert!(judge("No, this is true.", "True"));
        assert!(judge("The claim is unknown", "unknown"));
        assert!(!judge("untrue", "true"));
        assert!(!judge("", "true"));
    }

    #[test]
    fn segments() {
        for (answer, segment) in [
            ("Paris, France", "Paris"),
            ("1,234", "1,234"),
            ("1,2", "1"),
            (", Paris", ", Paris"),
            ("1,2345", "1"),
            ("", ""),
        ] {
            assert_eq!(first_segment(answer), segment, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(answer in "(?s).{0,20}", gold in "(?s).{0,8}") {
            for judge in [Judge::ShortAnswer, Judge::Exact, Judge::Number, Judge::Label, Judge::Sentence] {
                is_correct(judge, &answer, &[&gold], &[&answer]);
            }
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "[a-zA-Z0-9 .,'’é-]{0,20}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn a_gold_is_right(gold in "[A-Za-z0-9]{1,8}( [A-Za-z]{1,8}){0,3}") {
            prop_assert!(is_correct(Judge::ShortAnswer, &gold, &[&gold], &NONE));
            prop_assert!(is_correct(Judge::Exact, &gold, &[&gold], &NONE));
        }
    }
}
