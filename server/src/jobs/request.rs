//! What a visitor asks for, checked once at the edge.

use super::{secret, stage};
use crate::limits::{CONFIG_BYTES_MAX, RUN_ID_CHARACTERS_MAX};
use crate::runs::scan::is_mark;
use datasets::{Comparison, RunConfig};
use serde::Deserialize;
use utoipa::ToSchema;

/// `POST /api/jobs`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct JobRequest {
    /// The name of a shipped configuration (`world-facts/demo`), or a configuration as TOML text.
    pub config: String,
    /// The stage after which it stops, of those that `GET /api/stages` lists; `run`, the whole pipeline, is
    /// the default. What is missing before the stage is made first.
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
    /// The stage after which it stops.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn stage(&self) -> Result<&'static str, RequestError> {
        let name = self.stage.as_deref().unwrap_or(stage::WHOLE);
        match stage::named(name) {
            Some(stage) => Ok(stage),
            None => refuse(
                format!("there is no stage {name:?}"),
                format!("The stages are: {}.", stage::names()),
            ),
        }
    }

    /// The configuration as TOML text that can be used.
    ///
    /// # Errors
    /// Where there is none, it is no configuration, it holds a key, or it does not have the stage.
    pub fn config_text(&self) -> Result<String, RequestError> {
        let stage = self.stage()?;
        let given = self.config.trim();
        if given.is_empty() {
            return refuse(
                "`config` is empty",
                "Give a name, e.g. \"world-facts/demo\", or a configuration as TOML.",
            );
        }
        if given.len() > CONFIG_BYTES_MAX {
            return refuse(
                format!("the configuration is longer than {CONFIG_BYTES_MAX} bytes"),
                "Shorten it: what is left out has its default.",
            );
        }
        // A configuration has at least one `key = value`, one `[table]` or one line; a name has none.
        let is_text = is_text(&self.config);
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
        let config = match RunConfig::from_toml(text) {
            Ok(config) => config,
            Err(error) => {
                return refuse(
                    format!(
                        "the configuration cannot be read: {}",
                        error.to_string().trim()
                    ),
                    "Mend it and send it again.",
                );
            }
        };
        if let Some((key, words)) = secret::within(&config).into_iter().next() {
            return refuse(
                format!("{key} may hold a key"),
                format!("Send it again without: {words}."),
            );
        }
        match Comparison::from_toml(text) {
            // Each of its configurations has stages of its own.
            Ok(Some(_)) => {}
            Ok(None) => has_stage(&config, stage)?,
            Err(error) => {
                return refuse(
                    format!(
                        "the comparison cannot be read: {}",
                        error.to_string().trim()
                    ),
                    "Mend it and send it again.",
                );
            }
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
            None if is_text(&self.config) => "run".into(),
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

fn is_text(config: &str) -> bool {
    config.contains(['\n', '=', '['])
}

/// Whether the configuration has what the stage does.
fn has_stage(config: &RunConfig, stage: &str) -> Result<(), RequestError> {
    let (is_there, table) = match stage {
        "evaluate" => (!config.evaluate.is_empty(), "[[evaluate]]"),
        "faithfulness" => (config.faithfulness.is_some(), "[faithfulness]"),
        _ => return Ok(()),
    };
    if is_there {
        return Ok(());
    }
    refuse(
        format!("the stage {stage} needs {table} in the configuration"),
        format!("Add {table}, or choose another stage."),
    )
}

/// A run's id is the name of its folder, and part of addresses.
fn check_name(name: &str) -> Result<(), RequestError> {
    let fits = name.len() <= RUN_ID_CHARACTERS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
    if !fits {
        return refuse(
            format!("{name:?} is no name for a run"),
            format!(
                "Use letters, digits, `.`, `_` and `-`, beginning with a letter or digit, {RUN_ID_CHARACTERS_MAX} at most."
            ),
        );
    }
    if is_mark(name) {
        return refuse(
            format!("{name:?} is no name for a run: what stands in a run is called so"),
            "Choose another name.",
        );
    }
    Ok(())
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
        assert!(
            request("[sft]\nepochs = 0")
                .config_text()
                .unwrap_err()
                .wrong
                .contains("sft.epochs")
        );
        let long = format!("title = '{}'", "x".repeat(CONFIG_BYTES_MAX));
        assert!(request(&long).config_text().is_err());
        let key = request("[endpoint]\nkey_variable = 'sk-123'")
            .config_text()
            .unwrap_err();
        assert!(key.wrong.contains("endpoint.key_variable"), "{key}");
        assert!(!format!("{key:?}").contains("sk-123"));
    }

    #[test]
    fn a_stage_is_one_that_the_configuration_has() {
        let of = |stage: &str, config: &str| JobRequest {
            stage: Some(stage.into()),
            ..request(config)
        };
        assert!(of("rl", "demo").config_text().is_ok());
        assert!(of("evaluate", "demo").config_text().is_ok());
        assert!(of("evaluate", "seed = 1").config_text().is_err());
        assert!(of("faithfulness", "seed = 1").config_text().is_err());
        let compared = "configs = ['methods/rloo', 'methods/grpo']";
        assert!(of("evaluate", compared).config_text().is_ok());
        assert!(of("run", "configs = []").config_text().is_err());
        let unknown = of("dance", "demo").config_text().unwrap_err();
        assert!(unknown.next.contains("rationalize"), "{unknown:?}");
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
            "evaluate",
            "run.toml",
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
