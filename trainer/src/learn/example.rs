//! How a question and its answers become tokens, and which rows are trained for what.
//!
//! All examples of a step share one tree of segments: the text common to every prompt is its
//! root, each question branches off it, with what its answers have in common (`Answer:`), each
//! answer off its question, and the level and the self-reflection off its answer. So nothing that
//! is shared is computed twice.

use calibration::Confidence;
use datasets::config::Order;
use model::{LevelTokens, Segments};

/// One answer whose confidence is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// All that is written before the level: `Answer: Paris\nConfidence: `.
    pub before_level: Vec<u32>,
    /// Target of the confidence, 0..=1: own correctness, or the group's accuracy.
    pub target: f32,
    /// Weight of the confidence loss.
    pub weight: f32,
    /// Whether the tokens of `before_level` are trained too.
    pub train_answer: bool,
    /// What follows, from the level on: `7\nSelf-reflection: …` and the end of the turn; trained
    /// from the first token after the level.
    pub after: Option<After>,
}

/// The level as written, and what comes after it.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    pub level: Vec<u32>,
    pub rationale: Vec<u32>,
}

/// One question with its answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub prompt: Vec<u32>,
    pub branches: Vec<Branch>,
}

/// Rows of the flat batch, and what each is trained for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// Row just before the level, of each branch.
    pub before_level: Vec<u32>,
    /// Row of the token `1` after it, of each branch; the same as `before_level` where "10" is one
    /// token.
    pub after_one: Vec<u32>,
    /// Row of the token `0` after that, of each branch; the same as `before_level` where "10" is one
    /// token.
    pub after_ten: Vec<u32>,
    /// Row of another token that is a level, of each branch: where no further digit belongs.
    pub after_digit: Vec<u32>,
    pub confidence: Vec<f32>,
    pub confidence_weight: Vec<f32>,
    /// Rows that predict a token of an answer, and that token.
    pub answer_rows: Vec<u32>,
    pub answer_tokens: Vec<u32>,
    /// Rows that predict a token of a self-reflection, and that token.
    pub rationale_rows: Vec<u32>,
    pub rationale_tokens: Vec<u32>,
}

/// The response's parts up to and after the level, as text. In the paper's order the
/// self-reflection stands before the confidence.
pub fn text_before_level(answer: &str, rationale: Option<&str>, order: Order) -> String {
    match (order, rationale) {
        (Order::Paper, Some(rationale)) => {
            format!("Answer: {answer}\nSelf-reflection: {rationale}\nConfidence: ")
        }
        _ => format!("Answer: {answer}\nConfidence: "),
    }
}

/// What follows the level in the response.
pub fn text_after_level(rationale: Option<&str>, order: Order) -> String {
    match (order, rationale) {
        (Order::ConfidenceFirst, Some(rationale)) => format!("\nSelf-reflection: {rationale}"),
        _ => String::new(),
    }
}

/// A whole response: what a stage-1 record holds.
pub fn response_text(
    answer: &str,
    rationale: Option<&str>,
    confidence: Confidence,
    order: Order,
) -> String {
    format!(
        "{}{}{}",
        text_before_level(answer, rationale, order),
        confidence.level(),
        text_after_level(rationale, order)
    )
}

/// Length of the longest prefix common to all texts, at least one token short of each.
fn common_prefix<'a>(texts: impl IntoIterator<Item = &'a [u32]>) -> usize {
    let mut texts = texts.into_iter();
    let Some(first) = texts.next() else {
        return 0;
    };
    texts.fold(first.len().saturating_sub(1), |length, text| {
        let same = first.iter().zip(text).take_while(|(a, b)| a == b).count();
        length.min(same).min(text.len().saturating_sub(1))
    })
}

/// Lays the examples of one step out as one tree.
pub fn lay_out(examples: &[&Example], levels: &LevelTokens) -> (Segments, Targets) {
    let mut segments = Segments::default();
    let mut targets = Targets::default();
    let shared = common_prefix(examples.iter().map(|example| &example.prompt[..]));
    let root = (shared > 0).then(|| segments.push(None, &examples[0].prompt[..shared]));
    for example in examples {
        let answers = example
            .branches
            .iter()
            .map(|branch| &branch.before_level[..]);
        let begun = common_prefix(answers);
        let start: &[u32] = example
            .branches
            .first()
            .map_or(&[], |branch| &branch.before_level[..begun]);
        let stem = segments.push(root, &[&example.prompt[shared..], start].concat());
        let end_of_stem = segments.range(stem).end as u32;
        for branch in &example.branches {
            let answer = segments.push(Some(stem), &branch.before_level[begun..]);
            let rows = segments.range(answer);
            let last = rows.end as u32 - 1;
            if branch.train_answer {
                let before = end_of_stem - 1 - begun as u32;
                targets.answer_rows.extend(before..end_of_stem);
                targets.answer_rows.extend(rows.start as u32..last);
                targets.answer_tokens.extend(&branch.before_level);
            }
            targets.before_level.push(last);
            let (after_one, after_ten) = match levels.ten {
                Some(_) => (last, last),
                None => {
                    let ten = segments.push(Some(answer), &[levels.digits[1], levels.digits[0]]);
                    let start = segments.range(ten).start as u32;
                    (start, start + 1)
                }
            };
            targets.after_one.push(after_one);
            targets.after_ten.push(after_ten);
            // The other tokens that are a level, in turn.
            let whole: Vec<u32> = match levels.ten {
                Some(ten) => levels.digits[1..].iter().copied().chain([ten]).collect(),
                None => levels.digits[2..].to_vec(),
            };
            let digit = whole[targets.after_digit.len() % whole.len()];
            let digit = segments.push(Some(answer), &[digit]);
            targets.after_digit.push(segments.range(digit).start as u32);
            targets.confidence.push(branch.target);
            targets.confidence_weight.push(branch.weight);
            if let Some(after) = &branch.after {
                let text: Vec<u32> = after
                    .level
                    .iter()
                    .chain(&after.rationale)
                    .copied()
                    .collect();
                // The last token is predicted, never read.
                let segment = segments.push(Some(answer), &text[..text.len() - 1]);
                let start = segments.range(segment).start + after.level.len() - 1;
                targets
                    .rationale_rows
                    .extend((start as u32..).take(after.rationale.len()));
                targets.rationale_tokens.extend(&after.rationale);
            }
        }
    }
    (segments, targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: LevelTokens = LevelTokens {
        digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        ten: None,
    };

    #[test]
    fn every_row_predicts_the_token_that_follows_it() {
        let branch = Branch {
            before_level: vec![30, 31, 32],
            target: 1.0,
            weight: 1.0,
            train_answer: true,
            after: Some(After {
                level: vec![7],
                rationale: vec![40, 41, 42],
            }),
        };
        let first = Example {
            prompt: vec![20, 21, 22],
            branches: vec![branch.clone()],
        };
        let second = Example {
            prompt: vec![20, 21, 23],
            branches: vec![Branch {
                train_answer: false,
                after: None,
                ..branch
            }],
        };
        let (segments, targets) = lay_out(&[&first, &second], &LEVELS);
        // 20 21 | 22 | 30 31 32 | 1 0 | 2 | 7 40 41 | 23 | 30 31 32 | 1 0 | 3
        assert_eq!(
            segments.tokens(),
            [
                20, 21, 22, 30, 31, 32, 1, 0, 2, 7, 40, 41, 23, 30, 31, 32, 1, 0, 3
            ]
        );
        assert_eq!(targets.answer_rows, [2, 3, 4]);
        assert_eq!(targets.answer_tokens, [30, 31, 32]);
        assert_eq!(targets.before_level, [5, 15]);
        assert_eq!(targets.after_one, [6, 16]);
        assert_eq!(targets.after_ten, [7, 17]);
        assert_eq!(targets.after_digit, [8, 18]);
        assert_eq!(targets.rationale_rows, [9, 10, 11]);
        assert_eq!(targets.rationale_tokens, [40, 41, 42]);
    }

    #[test]
    fn what_answers_have_in_common_is_laid_out_once() {
        let branch = |before_level: &[u32]| Branch {
            before_level: before_level.to_vec(),
            target: 1.0,
            weight: 1.0,
            train_answer: true,
            after: None,
        };
        let example = Example {
            prompt: vec![20, 21],
            branches: vec![branch(&[30, 31, 32, 33]), branch(&[30, 31, 34])],
        };
        let (segments, targets) = lay_out(&[&example], &LEVELS);
        // 20 | 21 30 31 | 32 33 | 1 0 | 2 | 34 | 1 0 | 3
        assert_eq!(
            segments.tokens(),
            [20, 21, 30, 31, 32, 33, 1, 0, 2, 34, 1, 0, 3]
        );
        assert_eq!(targets.answer_rows, [1, 2, 3, 4, 1, 2, 3]);
        assert_eq!(targets.answer_tokens, [30, 31, 32, 33, 30, 31, 34]);
        assert_eq!(targets.before_level, [5, 9]);
        assert_eq!(segments.positions()[9], 4);
    }

    #[test]
    fn both_orders_read_back() {
        let confidence = Confidence::new(7).unwrap();
        for order in [Order::ConfidenceFirst, Order::Paper] {
            let text = response_text("Paris", Some("I am not certain."), confidence, order);
            let parsed = calibration::parse::response(&text);
            assert_eq!(parsed.answer.as_deref(), Some("Paris"));
            assert_eq!(parsed.rationale.as_deref(), Some("I am not certain."));
            assert_eq!(parsed.confidence, Some(confidence));
        }
    }
}
