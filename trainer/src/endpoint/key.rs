//! The key of an endpoint: read from the environment, and written nowhere.

use crate::error::bad_use;

/// Looked at in this order where no variable is named.
const VARIABLES: [&str; 2] = ["SAYSELF_API_KEY", "OPENAI_API_KEY"];
/// A shorter one is no secret but a word ("EMPTY") that may stand in any answer.
const SECRET_BYTES_MIN: usize = 8;
/// What stands in its place.
const HIDDEN: &str = "[key]";

/// Not printable, so that it cannot come into a log by mistake.
pub struct Key(String);

impl Key {
    /// The value of the `named` variable, or of the first of the usual ones that is set.
    ///
    /// # Errors
    /// Bad use (exit code 2) where `named` is not set.
    pub fn from_environment(named: Option<&str>) -> anyhow::Result<Option<Key>> {
        let value = |name: &str| {
            let key = std::env::var(name).ok()?;
            let key = key.trim();
            (!key.is_empty()).then(|| Key(key.to_owned()))
        };
        match named {
            None => Ok(VARIABLES.into_iter().find_map(value)),
            Some(name) => value(name).map(Some).ok_or_else(|| {
                bad_use(format!(
                    "the environment variable {name}, named as the one with the endpoint's key, is not \
                     set"
                ))
            }),
        }
    }

    /// The value of `Authorization`.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text without the key in it.
    pub fn hidden_in(&self, text: &str) -> String {
        match self.0.len() >= SECRET_BYTES_MIN && text.contains(&self.0) {
            true => text.replace(&self.0, HIDDEN),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hidden_and_a_word_is_not() {
        let key = Key("sesame-3141".into());
        assert_eq!(
            key.hidden_in("Incorrect key: sesame-3141!"),
            "Incorrect key: [key]!"
        );
        assert_eq!(Key("EMPTY".into()).hidden_in("EMPTY"), "EMPTY");
    }

    #[test]
    fn a_named_variable_must_be_set() {
        let error = Key::from_environment(Some("SAYSELF_NO_SUCH_KEY"))
            .err()
            .unwrap();
        assert_eq!(crate::error::exit_code(&error), 2);
    }
}
