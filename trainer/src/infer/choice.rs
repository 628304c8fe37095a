//! One choice of an answer while it grows: what of its text may be said, and which tokens belong to it.
//!
//! A stop text is no part of an answer, and may come in pieces: what could be its beginning is held back
//! until it is known not to be.

use model::{Completion, Finish, ScoredToken};

/// A choice under way.
#[derive(Debug, Default)]
pub struct Choice {
    stops: Vec<String>,
    /// All that was drawn so far.
    text: String,
    /// Its characters.
    characters: usize,
    /// Bytes of it that were said.
    said: usize,
    /// Tokens that were not told yet.
    held: Vec<HeardToken>,
    /// Once it has ended.
    pub completion: Option<Completion>,
}

/// A token with its place in the choice's text.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardToken {
    pub scored: ScoredToken,
    /// Bytes of the text before it.
    start: usize,
    /// Characters of it.
    pub start_character: usize,
}

/// What can be said next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    pub text: String,
    pub tokens: Vec<HeardToken>,
}

impl Piece {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tokens.is_empty()
    }
}

impl Choice {
    /// One that ends before any of these texts.
    pub fn new(stops: &[String]) -> Self {
        Choice {
            stops: stops.to_vec(),
            ..Choice::default()
        }
    }

    /// Takes a token in, and the text that it adds.
    pub fn push(&mut self, scored: ScoredToken, text: &str) -> Piece {
        self.held.push(HeardToken {
            scored,
            start: self.text.len(),
            start_character: self.characters,
        });
        self.text.push_str(text);
        self.characters += text.chars().count();
        let fresh = &self.text[self.said..];
        let stop = self
            .stops
            .iter()
            .filter_map(|stop| fresh.find(stop.as_str()))
            .min();
        let end = match stop {
            Some(at) => self.said + at,
            None => self.text.len() - held_back(&self.text, &self.stops),
        };
        self.say_to(end)
    }

    /// Ends the choice: what is left to be said.
    pub fn finish(&mut self, completion: Completion) -> Piece {
        let is_cut = completion.finish == Finish::Stop;
        // Bytes that make no character were not said before.
        let rest = completion.text.get(self.said..).unwrap_or_default();
        let text = rest.to_owned();
        let end = completion.text.len();
        let held = std::mem::take(&mut self.held);
        let belongs = |token: &HeardToken| !is_cut || token.start < end;
        let tokens = held.into_iter().filter(belongs).collect();
        self.said = end;
        self.completion = Some(completion);
        Piece { text, tokens }
    }

    /// All up to the byte `end`, but for what was said; the tokens that begin in it.
    fn say_to(&mut self, end: usize) -> Piece {
        let end = end.max(self.said);
        let text = self.text[self.said..end].to_owned();
        self.said = end;
        // Tokens come in the order of their starts.
        let count = self.held.partition_point(|token| token.start < end);
        let tokens = self.held.drain(..count).collect();
        Piece { text, tokens }
    }

    /// The stop text that ended it, where one did; `all` is the text with the stop text in it.
    pub fn stopped_by(&self, all: &str) -> Option<&str> {
        let completion = self.completion.as_ref()?;
        let after = all.get(completion.text.len()..)?;
        let is_it = |stop: &&String| after.starts_with(stop.as_str());
        (completion.finish == Finish::Stop)
            .then(|| self.stops.iter().find(is_it).map(String::as_str))
            .flatten()
    }
}

/// Bytes at the end of a text that may be the beginning of a stop text.
fn held_back(text: &str, stops: &[String]) -> usize {
    let of_stop = |stop: &String| {
        let longest = text.len().min(stop.len().saturating_sub(1));
        (1..=longest)
            .rev()
            .filter(|length| stop.is_char_boundary(*length))
            .find(|length| text.ends_with(&stop[..*length]))
            .unwrap_or(0)
    };
    stops.iter().map(of_stop).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u32) -> ScoredToken {
        ScoredToken {
            token: number,
            logprob: -1.0,
            top: Vec::new(),
        }
    }

    fn completion(text: &str, finish: Finish) -> Completion {
        Completion {
            text: text.to_owned(),
            tokens: Vec::new(),
            finish,
            logprob: 0.0,
            levels: None,
        }
    }

    fn numbers(piece: &Piece) -> Vec<u32> {
        piece.tokens.iter().map(|one| one.scored.token).collect()
    }

    #[test]
    fn what_may_be_a_stop_text_is_held_back() {
        let mut choice = Choice::new(&["\n\n".into(), "END".into()]);
        let one = choice.push(token(1), "é E");
        assert_eq!((one.text.as_str(), numbers(&one)), ("é ", vec![1]));
        for (number, text) in [(2, "N"), (3, "D!")] {
            assert!(choice.push(token(number), text).is_empty());
        }
        let mut choice = Choice::new(&["END".into()]);
        choice.push(token(1), "a E");
        let other = choice.push(token(2), "x");
        assert_eq!((other.text.as_str(), numbers(&other)), ("Ex", vec![2]));
        choice.push(token(3), "y");
        assert_eq!(choice.push(token(4), "z").tokens[0].start_character, 5);
    }

    #[test]
    fn tokens_of_a_stop_text_are_no_part_of_the_answer() {
        let mut choice = Choice::new(&["\n\n".into()]);
        choice.push(token(1), "Paris");
        assert!(choice.push(token(2), "\n").is_empty());
        choice.push(token(3), "\nmore");
        let last = choice.finish(completion("Paris", Finish::Stop));
        assert!(last.is_empty(), "{last:?}");
        assert_eq!(choice.stopped_by("Paris\n\nmore"), Some("\n\n"));
    }

    #[test]
    fn the_end_says_what_was_held() {
        let mut choice = Choice::new(&["\n\n".into()]);
        choice.push(token(1), "Paris\n");
        // Half of a character.
        choice.push(token(2), "");
        let last = choice.finish(completion("Paris\n\u{fffd}", Finish::Length));
        assert_eq!(
            (last.text.as_str(), numbers(&last)),
            ("\n\u{fffd}", vec![2])
        );
        assert_eq!(choice.stopped_by("Paris\n"), None);
    }
}
