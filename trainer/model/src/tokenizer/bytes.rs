//! The bytes that a token of a vocabulary stands for.

use tokenizers::decoders::DecoderWrapper;

/// How a vocabulary writes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteForm {
    /// Each byte as a printable character of its own (GPT-2).
    ByteLevel,
    /// As text with ▁ for a space; bytes that make no text as `<0x0A>` (SentencePiece).
    SentencePiece,
}

impl ByteForm {
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        let is_byte_level = tokenizer
            .get_decoder()
            .is_some_and(|decoder| match decoder {
                DecoderWrapper::ByteLevel(_) => true,
                DecoderWrapper::Sequence(sequence) => sequence
                    .get_decoders()
                    .iter()
                    .any(|decoder| matches!(decoder, DecoderWrapper::ByteLevel(_))),
                _ => false,
            });
        match is_byte_level {
            true => Self::ByteLevel,
            false => Self::SentencePiece,
        }
    }

    /// The bytes of a token in the vocabulary's form, no special one.
    pub(super) fn bytes(self, token: &str) -> Vec<u8> {
        match self {
            // A character that stands for no byte is text.
            Self::ByteLevel => token
                .chars()
                .map(byte_of)
                .collect::<Option<Vec<u8>>>()
                .unwrap_or_else(|| token.as_bytes().to_vec()),
            Self::SentencePiece => {
                let digits = token
                    .strip_prefix("<0x")
                    .and_then(|rest| rest.strip_suffix('>'))
                    .filter(|digits| digits.len() == 2);
                match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    Some(byte) => vec![byte],
                    None => token.replace('▁', " ").into_bytes(),
                }
            }
        }
    }
}

/// GPT-2's table turned: printable bytes stand for themselves, the others follow 256 in their order.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        33..=126 | 161..=172 | 174..=255 => u8::try_from(code).ok(),
        // 0..=32
        256..=288 => u8::try_from(code - 256).ok(),
        // 127..=160
        289..=322 => u8::try_from(code - 289 + 127).ok(),
        323 => Some(173),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let characters = (0..=400).filter_map(char::from_u32);
        let mut bytes: Vec<u8> = characters.filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(ByteForm::ByteLevel.bytes("ĠParis"), b" Paris");
        assert_eq!(ByteForm::ByteLevel.bytes("Ċ"), b"\n");
    }

    #[test]
    fn sentence_pieces_are_texts_or_single_bytes() {
        assert_eq!(ByteForm::SentencePiece.bytes("▁Paris"), b" Paris");
        assert_eq!(ByteForm::SentencePiece.bytes("<0x0A>"), b"\n");
        assert_eq!(ByteForm::SentencePiece.bytes("<0xZZ>"), b"<0xZZ>");
    }
}
