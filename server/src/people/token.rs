//! Tokens: 256 random bits that open something, kept as their hash alone.

use crate::limits::TOKEN_BYTES;
use datasets::hash::sha256_hex;

/// A token. It is shown once and never written down here.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Ok(Token(digits.map(digit).collect()))
    }

    /// A token as it came; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == 2 * TOKEN_BYTES
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        is_token.then(|| Token(text.to_owned()))
    }

    /// To be handed to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it: SHA-256, as 64 hexadecimal digits. A token is random throughout, so that
    /// no slower hash is needed.
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_kept_as_its_hash() {
        let (one, other) = (Token::new().unwrap(), Token::new().unwrap());
        assert_ne!(one, other);
        assert_eq!(Token::parse(one.reveal()).as_ref(), Some(&one));
        assert_eq!(one.hash().len(), 64);
        assert_ne!(one.hash(), one.reveal());
        assert_eq!(format!("{one:?}"), "Token");
        for text in ["", "a", &"g".repeat(64), &"A".repeat(64), &"a".repeat(65)] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        let token = Token("a".repeat(64));
        assert_eq!(
            token.hash(),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"
        );
    }
}
