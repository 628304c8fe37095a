//! A project's spec in TOML, as `sayself annotate new` reads it.

use super::{KnownItem, ProjectSpec, RatedRun};
use serde::Serialize;
use toml::Table;

/// A spec with a comment on each key, as `sayself annotate new --example` prints it.
pub const SPEC_EXAMPLE: &str = include_str!("../../annotation/project.toml");

/// Why a text is no spec, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("{0}")]
    Toml(String),
    /// A misspelt key would leave its value at the default, and hours of work would go by it.
    #[error("`{key}` is no key of {place}; expected one of {expected}")]
    UnknownKey {
        key: String,
        place: &'static str,
        expected: String,
    },
}

/// Reads a spec; what is left out has its default.
///
/// # Errors
/// Where it is no TOML, a value is of another type, or a key is unknown.
///
/// ```
/// use datasets::annotation::{SPEC_EXAMPLE, spec_from_toml};
/// assert_eq!(spec_from_toml(SPEC_EXAMPLE).map(|spec| spec.overlap), Ok(2));
/// assert!(spec_from_toml("overlp = 3").is_err());
/// ```
pub fn spec_from_toml(text: &str) -> Result<ProjectSpec, SpecError> {
    let in_words = |error: toml::de::Error| SpecError::Toml(error.to_string());
    let table: Table = text.parse().map_err(in_words)?;
    let whole = ProjectSpec {
        seed: Some(0),
        ..ProjectSpec::default()
    };
    check(&table, &keys(&whole), "a project")?;
    let run = RatedRun {
        run: String::new(),
        label: Some(String::new()),
    };
    let known = KnownItem {
        question_id: String::new(),
        low: Some(0),
        high: Some(0),
        choice: Some(super::Choice::Tie),
        explanation: "…".into(),
    };
    for (name, place, expected) in [
        ("runs", "[[runs]]", keys(&run)),
        ("training", "[[training]]", keys(&known)),
        ("gold", "[[gold]]", keys(&known)),
    ] {
        let entries = table.get(name).and_then(toml::Value::as_array);
        for entry in entries.into_iter().flatten() {
            if let Some(entry) = entry.as_table() {
                check(entry, &expected, place)?;
            }
        }
    }
    // From the text, not the table: its errors name the line.
    toml::from_str(text).map_err(in_words)
}

/// The keys that a value is written with.
fn keys(value: &impl Serialize) -> Vec<String> {
    // A value of plain fields can always be written.
    let table = Table::try_from(value).unwrap_or_default();
    table.keys().cloned().collect()
}

fn check(table: &Table, expected: &[String], place: &'static str) -> Result<(), SpecError> {
    match table.keys().find(|key| !expected.contains(key)) {
        None => Ok(()),
        Some(key) => Err(SpecError::UnknownKey {
            key: key.clone(),
            place,
            expected: expected.join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{Choice, ProjectKind, Stratum};

    /// What the example says of defaults must be so, and it must name every key.
    #[test]
    fn the_example_is_the_default_and_names_every_key() {
        let example = spec_from_toml(SPEC_EXAMPLE).unwrap();
        let same = ProjectSpec {
            title: example.title.clone(),
            runs: example.runs.clone(),
            instructions: example.instructions.clone(),
            contact: example.contact.clone(),
            ..ProjectSpec::default()
        };
        assert_eq!(example, same);
        let whole = ProjectSpec {
            seed: Some(0),
            ..ProjectSpec::default()
        };
        for key in keys(&whole) {
            let named = [
                format!("{key} = "),
                format!("# {key} = "),
                format!("[[{key}]]"),
            ];
            assert!(
                named.iter().any(|named| SPEC_EXAMPLE.contains(named)),
                "{key}"
            );
        }
    }

    #[test]
    fn a_spec_says_what_differs() {
        let spec = spec_from_toml(
            "title = 't'\nkind = 'pairs'\nseed = 7\nstratify = ['cluster-count']\ngold_share = 0\n\
             [[runs]]\nrun = 'a'\n[[runs]]\nrun = 'b'\nlabel = 'l'\n\
             [[gold]]\nquestion_id = 'q'\nchoice = 'both-bad'",
        )
        .unwrap();
        assert_eq!((spec.kind, spec.seed), (ProjectKind::Pairs, Some(7)));
        assert_eq!(
            (spec.stratify, spec.gold_share),
            (vec![Stratum::ClusterCount], 0.0)
        );
        assert_eq!(spec.runs[1].label.as_deref(), Some("l"));
        assert_eq!(spec.gold[0].choice, Some(Choice::BothBad));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, reason) in [
            ("overlap = 'two'", "invalid type"),
            ("overlap = 300", "invalid value"),
            ("kind = 'triples'", "unknown variant"),
            ("= 3", "TOML parse error at line 1"),
            ("overlp = 3", "`overlp` is no key of a project"),
            (
                "[[runs]]\nrun = 'a'\nname = 'b'",
                "`name` is no key of [[runs]]",
            ),
            (
                "[[gold]]\nquestion_id = 'a'\nscore = 7",
                "`score` is no key of [[gold]]",
            ),
        ] {
            let error = spec_from_toml(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
