//! Reading the score out of a judge's reply.

use serde::Serialize;

/// The highest score.
pub const SCORE_MAX: f64 = 10.0;
/// Characters of a reply that is read: 200 words of reasoning take some 1,500.
pub const REPLY_CHARACTERS_MAX: usize = 20_000;
/// Characters of what was found that are shown.
const FOUND_CHARACTERS_MAX: usize = 40;

/// Why a reply holds no score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum ReplyFailure {
    #[error("the reply is empty")]
    Empty,
    #[error("the reply has more than {REPLY_CHARACTERS_MAX} characters")]
    TooLong,
    #[error("no `score:` in the reply")]
    Missing,
    #[error("found {0:?} after `score:`, expected a number from 0 to 10")]
    Malformed(String),
}

/// The score, 0..=10, after the last `score:` (case-blind, Markdown marks ignored): `8`, `8.`, `**8**`,
/// `7.5`, `8/10`, `8 out of 10`. Anything else is a failure with its reason, never a guess.
///
/// ```
/// use calibration::faithfulness::judge_reply::score;
/// assert_eq!(score("reason: It names both. score: 8"), Ok(8.0));
/// assert_eq!(score("Score: 7 out of 10"), Ok(7.0));
/// assert!(score("score: high").is_err());
/// assert!(score("score: 11").is_err());
/// ```
pub fn score(reply: &str) -> Result<f64, ReplyFailure> {
    if reply.trim().is_empty() {
        return Err(ReplyFailure::Empty);
    }
    if reply.chars().nth(REPLY_CHARACTERS_MAX).is_some() {
        return Err(ReplyFailure::TooLong);
    }
    // ASCII lower case keeps every byte where it is.
    let lower = reply.to_ascii_lowercase();
    let said = lower
        .match_indices("score")
        .filter(|(at, _)| !lower[..*at].ends_with(char::is_alphanumeric))
        .filter_map(|(at, word)| {
            let rest = lower[at + word.len()..].trim_start_matches(is_mark_or_space);
            rest.strip_prefix([':', '：'])
        })
        .last()
        .ok_or(ReplyFailure::Missing)?;
    let line = said.trim_start_matches(is_mark_or_space);
    let line = line.split(['\n', '\r']).next().unwrap_or_default();
    let bare = line.trim_end_matches(|c: char| is_mark_or_space(c) || c == '.');
    let number = ["/10", "/ 10", "out of 10"]
        .iter()
        .find_map(|ending| bare.strip_suffix(ending))
        .unwrap_or(bare)
        .trim_end_matches(is_mark_or_space);
    let is_plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    match number.parse::<f64>() {
        Ok(score) if is_plain && (0.0..=SCORE_MAX).contains(&score) => Ok(score),
        _ => Err(ReplyFailure::Malformed(
            line.chars().take(FOUND_CHARACTERS_MAX).collect(),
        )),
    }
}

fn is_mark_or_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '`' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_and_failures() {
        for (reply, expected) in [
            ("reason: good. score: 10", Some(10.0)),
            ("reason: the score: of 3 … \n**Score:** 4/10.", Some(4.0)),
            ("score : `0`", Some(0.0)),
            ("score: 7.5", Some(7.5)),
            ("underscore: 7", None),
            ("score: 8 because", None),
            ("score: -1", None),
            ("score: 1e1", None),
            ("score: NaN", None),
            ("score: 10.5", None),
            ("score:", None),
            ("8", None),
            (" \n", None),
            ("<html>502</html>", None),
        ] {
            assert_eq!(score(reply).ok(), expected, "{reply:?}");
        }
        let long = format!("{}score: 5", "word ".repeat(5_000));
        assert_eq!(score(&long), Err(ReplyFailure::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_gives_a_score_in_range_or_a_reason(text in "\\PC{0,60}") {
            for reply in [text.clone(), format!("score: {text}")] {
                if let Ok(score) = score(&reply) {
                    prop_assert!((0.0..=SCORE_MAX).contains(&score));
                }
            }
        }

        #[test]
        fn whole_scores_are_read(level in 0u8..=10, before in "[a-z ]{0,20}") {
            let reply = format!("reason: {before}. score: {level}");
            prop_assert_eq!(score(&reply), Ok(f64::from(level)));
        }
    }
}
