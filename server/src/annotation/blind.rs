//! Takes stated confidence out of a rationale: annotators rate what it says of the doubt, and a number
//! would tell them the method, or how much to believe.
//!
//! Weights of answers ("Sydney (30%)") stay: they are what is rated.

/// Stands where something was taken out.
const GAP: &str = "…";

/// What one is, of a confidence.
const ADJECTIVES: [&str; 5] = ["sure", "certain", "confident", "convinced", "positive"];
/// What one has.
const NOUNS: [&str; 6] = [
    "confidence",
    "certainty",
    "sureness",
    "conviction",
    "confidences",
    "certainties",
];
/// Words that lead to a number before an adjective: "I am about 80% sure".
const LEADS: [&str; 24] = [
    "i",
    "am",
    "i'm",
    "i’m",
    "im",
    "i'd",
    "would",
    "say",
    "feel",
    "be",
    "being",
    "about",
    "around",
    "approximately",
    "roughly",
    "only",
    "nearly",
    "almost",
    "at",
    "least",
    "most",
    "with",
    "a",
    "perhaps",
];
/// Words between a noun and its number: "confidence level of about 8".
const JOINTS: [&str; 20] = [
    "level",
    "score",
    "rating",
    "value",
    "is",
    "was",
    "of",
    "at",
    "to",
    "be",
    "in",
    "this",
    "answer",
    "about",
    "around",
    "approximately",
    "roughly",
    "my",
    "a",
    "would",
];
/// Words before a noun that go with it.
const OWNERS: [&str; 10] = [
    "my", "the", "a", "an", "with", "overall", "stated", "at", "i", "have",
];
/// Tokens from a noun or an adjective to its number at most: in "confidence in this answer is about 80%"
/// it is the sixth.
const NUMBER_AFTER_MAX: usize = 8;
const NUMBER_WORDS: [&str; 30] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "half",
];

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// In lower case.
    Word(String),
    Number,
    Sign(char),
}

/// A part of a text, `start..end` in bytes.
#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Token {
    fn is_one_of(&self, words: &[&str]) -> bool {
        matches!(&self.kind, Kind::Word(word) if words.contains(&word.as_str()))
    }

    fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// The text without any stated confidence: `Confidence: 8` with its line, and phrases such as "I am 80%
/// sure" or "my confidence is 8/10", in whose place stands "…".
pub fn blind(text: &str) -> String {
    let text = calibration::parse::without_confidence(text);
    let tokens = tokens(&text);
    let mut told = String::with_capacity(text.len());
    let (mut from, mut at) = (0, 0);
    while at < tokens.len() {
        let Some((first, after)) = phrase(&tokens, at) else {
            at += 1;
            continue;
        };
        told.push_str(&text[from..tokens[first].start.max(from)]);
        if !told.trim_end().ends_with(GAP) {
            told.push_str(GAP);
        }
        from = tokens[after - 1].end;
        at = after;
    }
    told.push_str(&text[from..]);
    told.trim().to_owned()
}

/// The phrase that states a confidence around the token at `at`: its first token and the one after it.
fn phrase(tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    if let Some((after, with_unit)) = number(tokens, at) {
        // "80% sure", "0.8 confidence"
        let next = tokens.get(after)?;
        let states = (with_unit && next.is_one_of(&ADJECTIVES)) || next.is_one_of(&NOUNS);
        return states.then(|| (led_by(tokens, at, &LEADS), after + 1));
    }
    let is_noun = tokens[at].is_one_of(&NOUNS);
    if !is_noun && !tokens[at].is_one_of(&ADJECTIVES) {
        return None;
    }
    // "confidence level: 8", "certain (90%)"
    let mut here = at + 1;
    while here < tokens.len() && here - at <= NUMBER_AFTER_MAX {
        if let Some((mut after, with_unit)) = number(tokens, here) {
            // "sure 2 of the samples" states nothing.
            if !is_noun && !with_unit {
                return None;
            }
            let in_brackets = tokens[at + 1..here].iter().any(|token| token.is_sign('('));
            if in_brackets && tokens.get(after).is_some_and(|token| token.is_sign(')')) {
                after += 1;
            }
            let leads: &[&str] = if is_noun { &OWNERS } else { &LEADS };
            return Some((led_by(tokens, at, leads), after));
        }
        let joins = match &tokens[here].kind {
            Kind::Word(_) => is_noun && tokens[here].is_one_of(&JOINTS),
            Kind::Sign(sign) => matches!(sign, ':' | '=' | '(' | '*' | '~' | '≈'),
            Kind::Number => false,
        };
        if !joins {
            return None;
        }
        here += 1;
    }
    None
}

/// The first token of the words that lead to `at`.
fn led_by(tokens: &[Token], at: usize, leads: &[&str]) -> usize {
    let leading = tokens[..at]
        .iter()
        .rev()
        .take_while(|token| token.is_one_of(leads) || token.is_sign('~'))
        .count();
    at - leading
}

/// A number with its unit: the token after it, and whether it has one ("80%", "8/10", "eight out of ten").
fn number(tokens: &[Token], at: usize) -> Option<(usize, bool)> {
    let mut after = figure(tokens, at)?;
    // "80-90%", "eighty to ninety percent"
    if let Some(next) = tokens.get(after)
        && (next.is_sign('-') || next.is_sign('–') || next.is_one_of(&["to"]))
        && let Some(second) = figure(tokens, after + 1)
    {
        after = second;
    }
    let unit = |place: usize, words: &[&str]| {
        tokens
            .get(place)
            .is_some_and(|token| token.is_one_of(words))
    };
    let sign =
        |place: usize, sign: char| tokens.get(place).is_some_and(|token| token.is_sign(sign));
    if sign(after, '%') || unit(after, &["percent", "percents", "pct"]) {
        return Some((after + 1, true));
    }
    if unit(after, &["per"]) && unit(after + 1, &["cent"]) {
        return Some((after + 2, true));
    }
    if sign(after, '/')
        && let Some(whole) = figure(tokens, after + 1)
    {
        return Some((whole, true));
    }
    if unit(after, &["out"])
        && unit(after + 1, &["of"])
        && let Some(whole) = figure(tokens, after + 2)
    {
        return Some((whole, true));
    }
    Some((after, false))
}

/// Digits, or a number in words ("ninety-five").
fn figure(tokens: &[Token], at: usize) -> Option<usize> {
    let token = tokens.get(at)?;
    if token.kind == Kind::Number {
        return Some(at + 1);
    }
    if !token.is_one_of(&NUMBER_WORDS) {
        return None;
    }
    let mut after = at + 1;
    loop {
        let dash = usize::from(tokens.get(after).is_some_and(|token| token.is_sign('-')));
        match tokens.get(after + dash) {
            Some(token) if token.is_one_of(&NUMBER_WORDS) => after += dash + 1,
            _ => return Some(after),
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((start, letter)) = letters.next() {
        let mut end = start + letter.len_utf8();
        let kind = if letter.is_ascii_digit() {
            while let Some((place, next)) = letters.peek().copied() {
                let goes_on = next.is_ascii_digit()
                    || (matches!(next, '.' | ',')
                        && text[place + 1..].starts_with(|after: char| after.is_ascii_digit()));
                if !goes_on {
                    break;
                }
                end = place + next.len_utf8();
                letters.next();
            }
            Kind::Number
        } else if letter.is_alphabetic() {
            while let Some((place, next)) = letters.peek().copied() {
                if !(next.is_alphabetic() || matches!(next, '\'' | '’')) {
                    break;
                }
                end = place + next.len_utf8();
                letters.next();
            }
            Kind::Word(text[start..end].to_lowercase())
        } else if letter.is_whitespace() {
            continue;
        } else {
            Kind::Sign(letter)
        };
        tokens.push(Token { kind, start, end });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stated_confidence_is_taken_out() {
        for (text, blinded) in [
            (
                "Confidence: 8\nI waver between A and B.",
                "I waver between A and B.",
            ),
            ("I am 80% sure that it is Paris.", "… that it is Paris."),
            ("It is Paris. I am 80% sure.", "It is Paris. …."),
            ("I'm about 90 percent certain of it", "… of it"),
            ("I am eighty-five per cent sure", "…"),
            ("I would say 8 out of 10 confident", "…"),
            ("eight out of ten sure", "…"),
            (
                "It may be Rome; my confidence is 7/10, not more.",
                "It may be Rome; …, not more.",
            ),
            ("with 80% confidence, Rome", "…, Rome"),
            ("with a confidence level of about 0.8.", "…."),
            ("My confidence in this answer is 70-80%.", "…."),
            ("My confidence in this answer is about 80%.", "…."),
            (
                "My confidence level in this answer would be about 8/10.",
                "….",
            ),
            ("I am certain (90%) of it", "… of it"),
            ("confidence score = **8**", "…**"),
        ] {
            assert_eq!(blind(text), blinded, "{text}");
        }
    }

    #[test]
    fn what_is_rated_stays() {
        for text in [
            "Most of my answers say Canberra (70%), but some say Sydney (30%): I am not certain which city it is.",
            "I am not sure; 3 of 10 say Rome.",
            "I am sure 2 of the samples are wrong.",
            "30% of my answers say Sydney",
            "I lack confidence in the year 1912",
            "All of my answers say 7: I do not waver on this.",
            "I am not certain. 80% say Rome.",
        ] {
            assert_eq!(blind(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_goes_through(text in "(?s)(.|80%| sure|confidence|[0-9]{1,3}|/10| out of ten|I am |certain|:|\n){0,20}") {
            let once = blind(&text);
            prop_assert!(once.chars().count() <= text.chars().count());
        }

        #[test]
        fn every_level_is_hidden(level in 1u8..=10, percent in 0u8..=100, before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
            for phrase in [
                format!("confidence is {level}/10"),
                format!("I am {percent}% sure"),
                format!("{percent} percent certain"),
                format!("certainty: {percent}%"),
            ] {
                let told = blind(&format!("{before}. {phrase}. {after}"));
                prop_assert!(!told.contains(|letter: char| letter.is_ascii_digit()), "{}", told);
            }
        }
    }
}
