//! A comparison: several configurations run one after another from the same samples, as
//! `datasets/configs/comparison.toml` holds it.

use crate::config_check::ConfigError;
use serde::{Deserialize, Serialize};

/// Configurations of one comparison at most.
const CONFIGS_MAX: usize = 100;

/// Which configurations are compared, and what they share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    #[serde(default)]
    pub title: String,
    /// Of each taught model, in place of the configurations' own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub training_seeds: Vec<u64>,
    /// A run directory whose samples, clusters and rationales are taken, seen from this file's folder;
    /// absent: the first configuration that needs them draws them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<String>,
    /// Shipped configurations or files, each run in a folder of its name.
    pub configs: Vec<String>,
}

impl Comparison {
    /// Reads a comparison; none where the text is another configuration, without `configs`.
    ///
    /// # Errors
    /// Names the key, what was found and what was expected.
    pub fn from_toml(text: &str) -> Result<Option<Comparison>, ConfigError> {
        let toml_error =
            |error: toml::de::Error| ConfigError::Toml(error.to_string().trim_end().to_owned());
        let table: toml::Table = text.parse().map_err(toml_error)?;
        if !table.contains_key("configs") {
            return Ok(None);
        }
        let comparison: Comparison = table.try_into().map_err(toml_error)?;
        let names: Vec<&str> = comparison.folders().collect();
        let is_twice = |at: usize| names[..at].contains(&names[at]);
        let wrong = match names.len() {
            0 => Some("none".to_owned()),
            count if count > CONFIGS_MAX => Some(format!("{count} of them")),
            count => (0..count)
                .find(|at| is_twice(*at))
                .map(|at| format!("{:?} twice", names[at])),
        };
        match wrong {
            None => Ok(Some(comparison)),
            Some(found) => Err(ConfigError::Value {
                key: "configs".into(),
                found,
                expected: format!("1 to {CONFIGS_MAX} configurations of different names"),
            }),
        }
    }

    /// The name of each configuration's folder: its file's.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.configs.iter().map(|name| {
            let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
            name.strip_suffix(".toml").unwrap_or(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_told_from_a_run() {
        assert_eq!(Comparison::from_toml("seed = 1"), Ok(None));
        let comparison = Comparison::from_toml("configs = [\"methods/ppo\", \"a/rloo.toml\"]");
        let comparison = comparison.unwrap().unwrap();
        assert_eq!(comparison.folders().collect::<Vec<_>>(), ["ppo", "rloo"]);
        for (text, found) in [("[]", "none"), ("[\"a/x\", \"b/x.toml\"]", "\"x\" twice")] {
            let error = Comparison::from_toml(&format!("configs = {text}")).unwrap_err();
            assert!(error.to_string().contains(found), "{error}");
        }
    }
}
