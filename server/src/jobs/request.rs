//! What a visitor asks for, checked once at the edge.

use crate::limits::RUN_ID_CHARACTERS_MAX;
use serde::Deserialize;
use utoipa::ToSchema;

/// `POST /api/jobs`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct JobRequest {
    /// The name of a shipped configuration (`world-facts/demo`), or a configuration as TOML text.
    pub config: String,
    /// `run`, the whole pipeline; the default.
    pub stage: Option<String>,
    /// The id of the run to write: letters, digits, `.`, `_` and `-`.
    pub out: Option<String>,
    /// In place of `out`: a name for a new run; where it is taken, a number is added.
    pub name: Option<String>,
    /// Go on with the run `out` where it stands, in place of refusing because it is there.
    #[serde(default)]
    pub resume: bool,
}

/// Why a request is refused: what is wrong and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{wrong}")]
pub struct RequestError {
    pub wrong: String,
    pub next: String,
}

fn refuse<T>(wrong: impl Into<String>, next: impl Into<String>) -> Result<T, RequestError> {
    Err(RequestError {
        wrong: wrong.into(),
        next: next.into(),
    })
}

impl JobRequest {
    /// The configuration as TOML text that parses.
    ///
    /// # Errors
    /// Where there is none, or it is no configuration.
    pub fn config_text(&self) -> Result<String, RequestError> {
        if let Some(stage) = self.stage.as_deref().filter(|stage| *stage != "run") {
            return refuse(
                format!("the stage {stage:?} cannot be started from here"),
                "Ask for the stage \"run\", the whole pipeline.",
            );
        }
        let given = self.config.trim();
        if given.is_empty() {
            return refuse(
                "`config` is empty",
                "Give a name, e.g. \"world-facts/demo\", or a configuration as TOML.",
            );
        }
        // A configuration has at least one `key = value` or one `[table]`; a name has neither.
        let is_text = given.contains(['\n', '=', '[']);
        let text = if is_text {
            given
        } else {
            let set = format!("world-facts/{given}");
            match datasets::configs::builtin(given).or_else(|| datasets::configs::builtin(&set)) {
                Some(text) => text,
                None => {
                    return refuse(
                        format!("no configuration is named {given:?}"),
                        format!(
                            "The shipped ones are: {}.",
                            datasets::configs::names().join(", ")
                        ),
                    );
                }
            }
        };
        if let Err(error) = toml::from_str::<datasets::RunConfig>(text) {
            return refuse(
                format!(
                    "the configuration cannot be read: {}",
                    error.to_string().trim()
                ),
                "Mend it and send it again.",
            );
        }
        Ok(format!("{text}\n"))
    }

    /// The run's id, chosen so that `taken` does not hold where it must not.
    ///
    /// # Errors
    /// Where the id is no name, or taken.
    pub fn run_id(&self, taken: impl Fn(&str) -> bool) -> Result<String, RequestError> {
        if let Some(out) = &self.out {
            check_name(out)?;
            if taken(out) && !self.resume {
                return refuse(
                    format!("there is a run {out:?} already"),
                    "Choose another name, or send `\"resume\": true` to go on with it where it stands.",
                );
            }
            return Ok(out.clone());
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None if self.config.contains(['\n', '=', '[']) => "run".into(),
            None => self
                .config
                .trim()
                .trim_end_matches(".toml")
                .replace('/', "-"),
        };
        check_name(&name)?;
        let mut id = name.clone();
        let mut number = 2_u64;
        while taken(&id) {
            id = format!("{name}-{number}");
            number += 1;
        }
        check_name(&id)?;
        Ok(id)
    }
}

/// A run's id is the name of its folder, and part of addresses.
fn check_name(name: &str) -> Result<(), RequestError> {
    let fits = name.len() <= RUN_ID_CHARACTERS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
    if fits {
        return Ok(());
    }
    refuse(
        format!("{name:?} is no name for a run"),
        format!(
            "Use letters, digits, `.`, `_` and `-`, beginning with a letter or digit, {RUN_ID_CHARACTERS_MAX} at most."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(config: &str) -> JobRequest {
        JobRequest {
            config: config.into(),
            ..JobRequest::default()
        }
    }

    #[test]
    fn names_and_texts_are_told_apart() {
        assert!(
            request("demo")
                .config_text()
                .unwrap()
                .contains("world-facts")
        );
        assert!(request("world-facts/demo").config_text().is_ok());
        assert_eq!(request("seed = 7").config_text().unwrap(), "seed = 7\n");
        assert!(
            request("nothing")
                .config_text()
                .unwrap_err()
                .next
                .contains("world-facts/demo")
        );
        assert!(
            request("seed = 'x'")
                .config_text()
                .unwrap_err()
                .wrong
                .contains("seed")
        );
        assert!(request(" ").config_text().is_err());
        let stage = JobRequest {
            stage: Some("rl".into()),
            ..request("demo")
        };
        assert!(stage.config_text().is_err());
    }

    #[test]
    fn a_run_id_is_never_a_path() {
        for out in [
            "",
            "..",
            ".hidden",
            "a/b",
            "a\\b",
            "-x",
            "ü",
            "a b",
            "x\0",
            &"x".repeat(101),
        ] {
            let request = JobRequest {
                out: Some(out.into()),
                ..request("demo")
            };
            assert!(request.run_id(|_| false).is_err(), "{out:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_and_a_taken_id_is_refused() {
        let named = JobRequest {
            name: Some("mine".into()),
            ..request("demo")
        };
        assert_eq!(
            named.run_id(|id| id == "mine" || id == "mine-2").unwrap(),
            "mine-3"
        );
        assert_eq!(
            request("world-facts/demo").run_id(|_| false).unwrap(),
            "world-facts-demo"
        );
        let out = JobRequest {
            out: Some("mine".into()),
            ..request("demo")
        };
        assert!(out.run_id(|_| true).is_err());
        assert_eq!(
            JobRequest {
                resume: true,
                ..out
            }
            .run_id(|_| true)
            .unwrap(),
            "mine"
        );
    }
}
