//! What people are called: by the name they sign in by, and by their pseudonym.

use super::LOCAL;
use crate::limits::PERSON_NAME_CHARACTERS_MAX;
use unicode_normalization::UnicodeNormalization;

/// Why a name is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the name is empty")]
    Empty,
    #[error("the name has {0} characters, expected {max} at most", max = PERSON_NAME_CHARACTERS_MAX)]
    Long(usize),
    #[error(
        "the name has the character {0:?}, expected letters, digits, spaces and . - _ @ + ' alone"
    )]
    Character(char),
    #[error("the name {0:?} is kept for the server itself, choose another")]
    Kept(String),
}

/// A name as it is kept and looked up: composed, in lower case, single spaces. Two that differ in these
/// alone are one.
///
/// # Errors
/// Where it is no name.
///
/// ```
/// use sayself_server::people::name::checked;
/// assert_eq!(checked("  Ada   Lovelace ").as_deref(), Ok("ada lovelace"));
/// assert!(checked("#1").is_err());
/// ```
pub fn checked(given: &str) -> Result<String, NameError> {
    // Longer than any name can be, whatever composing makes of it.
    if given.len() > 16 * PERSON_NAME_CHARACTERS_MAX {
        return Err(NameError::Long(given.chars().count()));
    }
    let composed: String = given.nfkc().collect::<String>().to_lowercase();
    // Lower case may have taken letters apart again.
    let composed: String = composed.nfkc().collect();
    let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    let characters = name.chars().count();
    if characters > PERSON_NAME_CHARACTERS_MAX {
        return Err(NameError::Long(characters));
    }
    let is_plain = |character: &char| character.is_alphanumeric() || " .-_@+'".contains(*character);
    if let Some(character) = name.chars().find(|character| !is_plain(character)) {
        return Err(NameError::Character(character));
    }
    if name == LOCAL {
        return Err(NameError::Kept(name));
    }
    Ok(name)
}

/// What the name of somebody who is gone becomes: none that anybody can choose.
pub fn of_deleted(id: &str) -> String {
    format!("#{id}")
}

/// A pseudonym out of random bits: `annotator-7f3a`; a longer one where the short ones are mostly
/// taken.
pub fn pseudonym(bits: u128, is_long: bool) -> String {
    match is_long {
        false => format!("annotator-{:04x}", bits & 0xffff),
        true => format!("annotator-{:012x}", bits & 0xffff_ffff_ffff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one() {
        for (given, kept) in [
            ("Ada", "ada"),
            (" ada\u{a0} LOVELACE", "ada lovelace"),
            ("ﬁona", "fiona"),
            ("Jose\u{301}", "josé"),
            ("o'neil@uni.example", "o'neil@uni.example"),
            ("李雷", "李雷"),
        ] {
            assert_eq!(checked(given).as_deref(), Ok(kept), "{given}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(checked(" \t"), Err(NameError::Empty));
        assert_eq!(checked("Local"), Err(NameError::Kept("local".into())));
        for given in ["a/b", "<a>", "a\u{202e}b", "#a", "a\0b", "a;b"] {
            assert!(
                matches!(checked(given), Err(NameError::Character(_))),
                "{given}"
            );
        }
        assert!(checked(&"ä".repeat(60)).is_ok());
        assert_eq!(checked(&"ä".repeat(61)), Err(NameError::Long(61)));
        assert!(matches!(
            checked(&"x".repeat(100_000)),
            Err(NameError::Long(_))
        ));
        assert!(checked(&of_deleted("a")).is_err());
    }

    #[test]
    fn a_pseudonym_has_four_digits_or_twelve() {
        assert_eq!(pseudonym(0x1_7f3a, false), "annotator-7f3a");
        assert_eq!(pseudonym(7, true), "annotator-000000000007");
    }
}
