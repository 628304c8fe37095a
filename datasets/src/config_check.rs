//! Reading a configuration, and refusing values that make no sense, each by its key.

use crate::RunConfig;
use crate::config::{EvaluateConfig, FaithfulnessConfig, RlConfig};
use serde::Serialize;
use toml::{Table, Value};

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// No TOML at all; the message shows the line.
    #[error("{0}")]
    Toml(String),
    /// `key` is the path as in TOML, e.g. `sft.epochs` or `evaluate[2].split`.
    #[error("{key}: found {found}, expected {expected}")]
    Value {
        key: String,
        found: String,
        expected: String,
    },
}

impl RunConfig {
    /// Reads a configuration. Missing keys have their defaults, unknown keys are ignored.
    ///
    /// # Errors
    /// Names the key, what was found and what was expected.
    ///
    /// ```
    /// let error = datasets::RunConfig::from_toml("[sample]\nsamples = 0").unwrap_err();
    /// assert_eq!(error.to_string(), "sample.samples: found 0, expected a whole number from 1 to 1000");
    /// ```
    pub fn from_toml(text: &str) -> Result<RunConfig, ConfigError> {
        let toml_error =
            |error: toml::de::Error| ConfigError::Toml(error.to_string().trim_end().to_owned());
        let mut table: Table = text.parse().map_err(toml_error)?;
        check_table(&table)?;
        complete(&mut table).map_err(|error| ConfigError::Toml(error.to_string()))?;
        table.try_into().map_err(toml_error)
    }

    /// The configuration as TOML, all keys.
    ///
    /// # Errors
    /// As [`RunConfig::check`].
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        check_table(&self.table()?)?;
        toml::to_string(self).map_err(|error| ConfigError::Toml(error.to_string()))
    }

    /// Whether every value makes sense: for configurations that were put together from flags.
    ///
    /// # Errors
    /// Names the first key that does not, what was found and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_table(&self.table()?)
    }

    fn table(&self) -> Result<Table, ConfigError> {
        // TOML's integers end before u64's.
        if let Some(seed) = self
            .training_seeds
            .iter()
            .chain([&self.seed])
            .find(|seed| i64::try_from(**seed).is_err())
        {
            return Err(wrong(
                "seed",
                seed.to_string(),
                format!("at most {}", i64::MAX),
            ));
        }
        Table::try_from(self).map_err(|error| ConfigError::Toml(error.to_string()))
    }
}

/// Writes out what these sections leave to their defaults: the keys that they share with others (decoding,
/// training) would else have the others'.
fn complete(table: &mut Table) -> Result<(), toml::ser::Error> {
    fill(table.get_mut("rl"), &RlConfig::default())?;
    let evaluations = table.get_mut("evaluate").and_then(Value::as_array_mut);
    for evaluation in evaluations.into_iter().flatten() {
        let method = evaluation.get("method").and_then(Value::as_str);
        let mut defaults = EvaluateConfig::default();
        if method.is_some_and(|method| SAMPLING_METHODS.contains(&method)) {
            defaults.decoding.temperature = 1.0;
        }
        fill(Some(evaluation), &defaults)?;
    }
    fill(
        table.get_mut("faithfulness"),
        &FaithfulnessConfig::default(),
    )
}

/// Gives a section these values where it has none.
fn fill(section: Option<&mut Value>, defaults: &impl Serialize) -> Result<(), toml::ser::Error> {
    let Some(section) = section.and_then(Value::as_table_mut) else {
        return Ok(());
    };
    for (key, default) in Table::try_from(defaults)? {
        section.entry(key).or_insert(default);
    }
    Ok(())
}

/// What a key's value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// Not empty.
    Name,
    Choice(&'static [&'static str]),
    Whole(i64, i64),
    /// Closed at both ends.
    Real(f64, f64),
    /// Open at the lower end.
    Above(f64, f64),
    Flag,
    Texts,
    Choices(&'static [&'static str]),
    /// Different whole numbers, at least one.
    Seeds,
}

use Kind::{Above, Choice, Choices, Flag, Name, Real, Seeds, Text, Texts, Whole};

const COUNT_MAX: i64 = 100_000_000;
const TOKENS_MAX: i64 = 32_768;
/// Methods that ask a question many times: greedy samples would all be the same.
const SAMPLING_METHODS: [&str; 2] = ["self-consistency", "dinco"];
/// Stands for "no upper end" where a real number has none that makes sense.
pub(crate) const ENDLESS: f64 = 1e12;

const ROOT: &[(&str, Kind)] = &[
    ("title", Text),
    ("seed", Whole(0, i64::MAX)),
    ("model", Name),
    ("embedder", Name),
    ("memory_mb", Whole(1, COUNT_MAX)),
    ("training_seeds", Seeds),
];
const QUESTIONS: &[(&str, Kind)] = &[
    ("source", Name),
    ("train", Whole(0, COUNT_MAX)),
    ("dev", Whole(0, COUNT_MAX)),
    ("test", Whole(0, COUNT_MAX)),
];
const DECODING: &[(&str, Kind)] = &[
    ("temperature", Real(0.0, 100.0)),
    ("top_p", Above(0.0, 1.0)),
    ("top_k", Whole(0, COUNT_MAX)),
    ("max_tokens", Whole(1, TOKENS_MAX)),
    ("stop", Texts),
];
const SAMPLE: &[(&str, Kind)] = &[
    ("samples", Whole(1, 1000)),
    ("prompt", Name),
    ("batch", Whole(1, 65_536)),
];
/// The table of an evaluation that is an endpoint.
const JUDGE: &str = "judge";
const ENDPOINT: &[(&str, Kind)] = &[
    ("url", Text),
    ("model", Name),
    ("key_variable", Name),
    ("concurrency", Whole(1, 1024)),
    ("attempts", Whole(1, 100)),
    ("first_pause_seconds", Real(0.0, 3600.0)),
    ("pause_seconds_max", Real(0.0, 86_400.0)),
    ("connect_timeout_seconds", Above(0.0, 3600.0)),
    ("timeout_seconds", Above(0.0, 86_400.0)),
    ("reply_mb_max", Whole(1, 1024)),
];
const CLUSTER: &[(&str, Kind)] = &[
    ("by", Choice(&["answer", "embedding"])),
    ("threshold", Real(-1.0, 1.0)),
    ("embed", Choice(&["response", "answer"])),
    ("instruction", Text),
];
const RATIONALIZE: &[(&str, Kind)] = &[("teacher", Name)];
const BUILD: &[(&str, Kind)] = &[
    ("selection", Choice(&["own-answers", "correct-only"])),
    ("order", Choice(&["confidence-first", "paper"])),
    ("shuffle_targets", Flag),
];
const TRAINING: &[(&str, Kind)] = &[
    ("lora_rank", Whole(1, 4096)),
    ("lora_alpha", Above(0.0, ENDLESS)),
    (
        "lora_targets",
        Choices(&[
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj",
        ]),
    ),
    ("lora_dropout", Real(0.0, 0.99)),
    ("first_layer", Whole(0, 1000)),
    ("precision", Choice(&["f32", "bf16", "int8"])),
    ("learning_rate", Above(0.0, 1.0)),
    ("weight_decay", Real(0.0, 1.0)),
    ("warmup_steps", Whole(0, COUNT_MAX)),
    ("warmup_share", Real(0.0, 1.0)),
    ("schedule", Choice(&["cosine", "linear", "constant"])),
    ("clip", Above(0.0, ENDLESS)),
    ("batch", Whole(1, 65_536)),
    ("micro_batch", Whole(1, 65_536)),
    ("epochs", Whole(1, 1000)),
    ("checkpoint_every", Whole(1, COUNT_MAX)),
];
const SFT: &[(&str, Kind)] = &[
    (
        "data",
        Choice(&[
            "sayself",
            "without-rationale",
            "without-rationale-and-confidence",
            "r-tuning",
            "gce",
        ]),
    ),
    (
        "confidence_loss",
        Choice(&[
            "cross-entropy",
            "expected-then-brier",
            "tokenized-brier",
            "soft-levels",
        ]),
    ),
    ("target", Choice(&["own", "group", "mixed"])),
    ("answer_weight", Real(0.0, ENDLESS)),
    ("rationale_weight", Real(0.0, ENDLESS)),
    ("rationale_share", Real(0.0, 1.0)),
    ("answers", Whole(1, 1000)),
    ("words_max", Whole(1, COUNT_MAX)),
    ("tokens_max", Whole(1, TOKENS_MAX)),
    ("held_out", Real(0.0, 0.9)),
    ("evaluate_every", Whole(1, COUNT_MAX)),
    ("patience", Whole(0, COUNT_MAX)),
    ("keep", Choice(&["last", "best"])),
];
const RL: &[(&str, Kind)] = &[
    ("algorithm", Choice(&["rloo", "grpo", "ppo"])),
    (
        "reward",
        Choice(&["brier-1", "sayself", "rlcr", "linear", "log"]),
    ),
    ("target", Choice(&["own", "group", "mixed"])),
    ("mask", Choice(&["confidence-only", "all-tokens"])),
    ("train_failures", Flag),
    ("questions", Whole(1, COUNT_MAX)),
    ("rollouts", Whole(1, 1000)),
    ("exact", Flag),
    ("temperature", Real(0.0, 100.0)),
    ("top_k", Whole(0, COUNT_MAX)),
    ("max_tokens", Whole(1, TOKENS_MAX)),
    ("updates", Whole(1, 1000)),
    ("minibatch", Whole(1, 65_536)),
    ("clip_ratio", Above(0.0, 1.0)),
    ("normalise", Choice(&["group", "batch", "none"])),
    ("kl_reference", Choice(&["base", "stage-one"])),
    ("kl_weight", Real(0.0, ENDLESS)),
    ("entropy_weight", Real(0.0, ENDLESS)),
    ("form_weight", Real(0.0, ENDLESS)),
    ("on_alarm", Choice(&["warn", "stop"])),
    ("kl_alarm", Above(0.0, ENDLESS)),
    ("allow_hackable", Flag),
];
const PPO: &[(&str, Kind)] = &[
    ("gamma", Real(0.0, 1.0)),
    ("lambda", Real(0.0, 1.0)),
    ("value_weight", Real(0.0, ENDLESS)),
    ("kl_target", Real(0.0, ENDLESS)),
    ("kl_horizon", Above(0.0, ENDLESS)),
    ("whiten", Flag),
    ("scale_rewards", Flag),
];
const EVALUATE: &[(&str, Kind)] = &[
    ("method", Name),
    ("label", Name),
    ("adapter", Choice(&["none", "sft", "rl"])),
    ("confidence", Choice(&["stated", "mode", "expected"])),
    ("split", Choice(&["train", "dev", "test", "held-out"])),
    ("limit", Whole(1, COUNT_MAX)),
    ("samples", Whole(1, 1000)),
    ("prompt", Name),
    ("prompt_variants", Texts),
    ("recalibrate", Choice(&["temperature", "platt", "isotonic"])),
    ("recalibration", Name),
    ("agreement", Whole(0, 1000)),
];
const FAITHFULNESS: &[(&str, Kind)] = &[
    ("labels", Texts),
    ("by", Choices(&["names", "self-reflect", "judge", "people"])),
    ("limit", Whole(1, COUNT_MAX)),
    ("samples", Whole(2, 1000)),
    ("summary", Choice(&["none", "model", "judge"])),
    ("self_reflect_answers", Whole(1, 1000)),
    ("self_reflect_model", Choice(&["base", "taught"])),
    ("judge_prompt", Name),
    ("ratings", Name),
    ("constant", Name),
];

/// Groups of keys with what their values must be.
pub(crate) type Keys = &'static [&'static [(&'static str, Kind)]];

const SECTIONS: &[(&str, Keys)] = &[
    ("endpoint", &[ENDPOINT]),
    ("questions", &[QUESTIONS]),
    ("sample", &[SAMPLE, DECODING]),
    ("cluster", &[CLUSTER]),
    ("cluster.endpoint", &[ENDPOINT]),
    ("rationalize", &[RATIONALIZE]),
    ("rationalize.endpoint", &[ENDPOINT]),
    ("build", &[BUILD]),
    ("sft", &[SFT, TRAINING]),
    ("rl", &[RL, TRAINING]),
    ("rl.ppo", &[PPO]),
    ("faithfulness", &[FAITHFULNESS, DECODING]),
    ("faithfulness.judge", &[ENDPOINT]),
];

/// Evaluations of one run at most.
pub(crate) const EVALUATIONS_MAX: usize = 100;

/// What the keys of a table must be, in the order in which a person reads them: `""` is the
/// configuration itself, `evaluate` each evaluation. A table that is not known has none.
#[cfg(feature = "schema")]
pub(crate) fn keys_of(section: &str) -> Keys {
    match section {
        "" => &[ROOT],
        "evaluate" => &[EVALUATE, DECODING],
        "evaluate.judge" => &[ENDPOINT],
        _ => SECTIONS
            .iter()
            .find(|(known, _)| *known == section)
            .map_or(&[], |(_, keys)| *keys),
    }
}

fn check_table(table: &Table) -> Result<(), ConfigError> {
    check_keys("", table, &[ROOT])?;
    for (section, keys) in SECTIONS {
        // A section within one that is no table is told of with that one.
        let (outer, name) = section.rsplit_once('.').unwrap_or(("", section));
        let within = match outer {
            "" => Some(table),
            _ => table.get(outer).and_then(Value::as_table),
        };
        match within.and_then(|table| table.get(name)) {
            None => {}
            Some(Value::Table(inner)) => check_keys(&format!("{section}."), inner, keys)?,
            Some(other) => return Err(wrong(section, found(other), "a table")),
        }
    }
    let evaluations = match table.get("evaluate") {
        None => return Ok(()),
        Some(Value::Array(list)) if list.len() <= EVALUATIONS_MAX => list,
        Some(Value::Array(list)) => {
            return Err(wrong(
                "evaluate",
                format!("{} of them", list.len()),
                format!("at most {EVALUATIONS_MAX}"),
            ));
        }
        Some(other) => {
            return Err(wrong(
                "evaluate",
                found(other),
                "tables, each headed [[evaluate]]",
            ));
        }
    };
    for (index, evaluation) in evaluations.iter().enumerate() {
        let Value::Table(inner) = evaluation else {
            return Err(wrong(
                &format!("evaluate[{}]", index + 1),
                found(evaluation),
                "a table",
            ));
        };
        check_keys(
            &format!("evaluate[{}].", index + 1),
            inner,
            &[EVALUATE, DECODING],
        )?;
        let judge = format!("evaluate[{}].{JUDGE}", index + 1);
        match inner.get(JUDGE) {
            None => {}
            Some(Value::Table(inner)) => check_keys(&format!("{judge}."), inner, &[ENDPOINT])?,
            Some(other) => return Err(wrong(&judge, found(other), "a table")),
        }
    }
    Ok(())
}

fn check_keys(path: &str, table: &Table, groups: &[&[(&str, Kind)]]) -> Result<(), ConfigError> {
    for (key, kind) in groups.iter().flat_map(|keys| keys.iter()) {
        let Some(value) = table.get(*key) else {
            continue;
        };
        if let Some(expected) = kind.unmet_by(value) {
            return Err(wrong(&format!("{path}{key}"), found(value), expected));
        }
    }
    Ok(())
}

impl Kind {
    /// What was expected, where `value` is something else.
    fn unmet_by(self, value: &Value) -> Option<String> {
        let real = value
            .as_float()
            .or_else(|| value.as_integer().map(|whole| whole as f64));
        let text_of = |value: &Value, choices: &[&str]| {
            value.as_str().is_some_and(|text| choices.contains(&text))
        };
        let is_met = match self {
            Text => value.is_str(),
            Name => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Choice(choices) => text_of(value, choices),
            Whole(low, high) => value
                .as_integer()
                .is_some_and(|whole| (low..=high).contains(&whole)),
            Real(low, high) => real.is_some_and(|real| (low..=high).contains(&real)),
            Above(low, high) => real.is_some_and(|real| real > low && real <= high),
            Flag => value.is_bool(),
            Texts => value.as_array().is_some_and(|list| {
                list.iter()
                    .all(|text| text.as_str().is_some_and(|text| !text.is_empty()))
            }),
            Choices(choices) => value.as_array().is_some_and(|list| {
                !list.is_empty() && list.iter().all(|value| text_of(value, choices))
            }),
            Seeds => value.as_array().is_some_and(|list| {
                let is_whole = |value: &Value| value.as_integer().is_some_and(|whole| whole >= 0);
                let differs = |index: usize| !list[..index].contains(&list[index]);
                !list.is_empty() && list.iter().all(is_whole) && (0..list.len()).all(differs)
            }),
        };
        (!is_met).then(|| self.expected())
    }

    fn expected(self) -> String {
        let up_to = |high: f64| {
            if high >= ENDLESS {
                String::new()
            } else {
                format!(" and at most {high}")
            }
        };
        match self {
            Text => "a text".into(),
            Name => "a text that is not empty".into(),
            Choice(choices) => format!("one of {}", choices.join(", ")),
            Whole(low, COUNT_MAX) => format!("a whole number from {low}, at most {COUNT_MAX}"),
            Whole(low, i64::MAX) => format!("a whole number from {low}"),
            Whole(low, high) => format!("a whole number from {low} to {high}"),
            Real(low, high) => format!("a number of at least {low}{}", up_to(high)),
            Above(low, high) => format!("a number above {low}{}", up_to(high)),
            Flag => "true or false".into(),
            Texts => "a list of texts that are not empty".into(),
            Choices(choices) => format!("a list of at least one of {}", choices.join(", ")),
            Seeds => "a list of different whole numbers from 0, at least one".into(),
        }
    }
}

fn wrong(key: &str, found: String, expected: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        key: key.into(),
        found,
        expected: expected.into(),
    }
}

fn found(value: &Value) -> String {
    let mut text: String = value
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if text.chars().count() > 80 {
        text = text.chars().take(80).chain(['…']).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_empty_configuration_is_the_default() {
        assert_eq!(RunConfig::from_toml("").unwrap(), RunConfig::default());
    }

    #[test]
    fn a_section_has_its_own_defaults_for_keys_that_it_shares() {
        let text = "[rl]\nrollouts = 4\n[[evaluate]]\n[[evaluate]]\nmethod = \"dinco\"\nmax_tokens = 8\n[faithfulness]\nlimit = 3";
        let config = RunConfig::from_toml(text).unwrap();
        let rl = RlConfig {
            rollouts: 4,
            ..RlConfig::default()
        };
        let faithfulness = FaithfulnessConfig {
            limit: Some(3),
            ..FaithfulnessConfig::default()
        };
        assert_eq!(config.rl, rl);
        assert_eq!(config.faithfulness, Some(faithfulness));
        assert_eq!(config.evaluate[0], EvaluateConfig::default());
        assert_eq!(config.evaluate[1].decoding.temperature, 1.0);
        assert_eq!(config.evaluate[1].decoding.max_tokens, 8);
    }

    #[test]
    fn defaults_are_sound_and_come_back() {
        let text = RunConfig::default().to_toml().unwrap();
        assert_eq!(RunConfig::from_toml(&text).unwrap(), RunConfig::default());
    }

    #[test]
    fn every_key_of_the_types_is_checked() {
        let mut config = RunConfig {
            evaluate: vec![Default::default()],
            ..RunConfig::default()
        };
        config.questions.train = Some(1);
        config.questions.dev = Some(1);
        config.questions.test = Some(1);
        config.sample.prompt = Some("few-shot".into());
        config.evaluate[0].label = Some("a".into());
        config.evaluate[0].adapter = Some(crate::config::AdapterOf::Sft);
        config.evaluate[0].confidence = Some(crate::config::Readout::Mode);
        config.rl.minibatch = Some(1);
        config.rl.questions = Some(1);
        config.evaluate[0].limit = Some(1);
        config.evaluate[0].prompt = Some("few-shot".into());
        let endpoint = crate::config::EndpointConfig {
            model: Some("m".into()),
            key_variable: Some("KEY".into()),
            ..crate::config::EndpointConfig::at("http://localhost")
        };
        config.endpoint = Some(endpoint.clone());
        config.cluster.endpoint = Some(endpoint.clone());
        config.cluster.embed = crate::config::Embedded::Answer;
        config.cluster.instruction = Some("for clustering: ".into());
        config.rationalize.endpoint = Some(endpoint.clone());
        config.evaluate[0].judge = Some(endpoint.clone());
        config.faithfulness = Some(FaithfulnessConfig {
            limit: Some(1),
            judge: Some(endpoint),
            ratings: Some("ratings.csv".into()),
            ..Default::default()
        });
        let table = config.table().unwrap();
        let known = |groups: &[&[(&str, Kind)]], key: &str| {
            groups
                .iter()
                .flat_map(|keys| keys.iter())
                .any(|(known, _)| *known == key)
        };
        for (key, value) in &table {
            match (SECTIONS.iter().find(|(section, _)| section == key), value) {
                (Some((_, groups)), Value::Table(inner)) => {
                    for (name, value) in inner {
                        let within = format!("{key}.{name}");
                        match SECTIONS.iter().find(|(section, _)| *section == within) {
                            Some((_, groups)) => {
                                value.as_table().unwrap().keys().for_each(|name| {
                                    assert!(known(groups, name), "{within}.{name}")
                                })
                            }
                            None => assert!(known(groups, name), "{within}"),
                        }
                    }
                }
                (None, Value::Array(list)) if key == "evaluate" => {
                    let inner = list[0].as_table().unwrap();
                    for (name, value) in inner {
                        match value.as_table().filter(|_| name == JUDGE) {
                            Some(judge) => judge.keys().for_each(|name| {
                                assert!(known(&[ENDPOINT], name), "judge: {name}")
                            }),
                            None => assert!(known(&[EVALUATE, DECODING], name), "evaluate: {name}"),
                        }
                    }
                }
                _ => assert!(known(&[ROOT], key), "{key}"),
            }
        }
    }

    #[test]
    fn wrong_values_are_told_by_their_key() {
        for (text, wanted) in [
            (
                "seed = -1",
                "seed: found -1, expected a whole number from 0",
            ),
            (
                "model = \"\"",
                "model: found \"\", expected a text that is not empty",
            ),
            (
                "training_seeds = [1, 1]",
                "training_seeds: found [1, 1], expected a list of different",
            ),
            ("sample = 3", "sample: found 3, expected a table"),
            (
                "[sample]\ntemperature = -0.5",
                "sample.temperature: found -0.5, expected a number of at least 0",
            ),
            (
                "[sample]\ntop_p = 0",
                "sample.top_p: found 0, expected a number above 0 and at most 1",
            ),
            ("[sample]\ntop_p = nan", "sample.top_p: found nan"),
            (
                "[sft]\nepochs = \"three\"",
                "sft.epochs: found \"three\", expected a whole number from 1 to 1000",
            ),
            (
                "[rl]\nreward = \"brier\"",
                "rl.reward: found \"brier\", expected one of brier-1, sayself",
            ),
            (
                "[rl]\nlora_targets = [\"q\"]",
                "rl.lora_targets: found [\"q\"], expected a list of",
            ),
            (
                "[[evaluate]]\n[[evaluate]]\nsplit = \"tset\"",
                "evaluate[2].split: found \"tset\", expected one of train",
            ),
            (
                "[[evaluate]]\n[evaluate.judge]\nconcurrency = 0",
                "evaluate[1].judge.concurrency: found 0, expected a whole number from 1 to 1024",
            ),
            (
                "[rationalize.endpoint]\ntimeout_seconds = 0",
                "rationalize.endpoint.timeout_seconds: found 0, expected a number above 0",
            ),
            (
                "[evaluate]\nmethod = \"sayself\"",
                "evaluate: found { method = \"sayself\" }, expected tables",
            ),
            (
                "[faithfulness]\nby = [\"guess\"]",
                "faithfulness.by: found [\"guess\"], expected a list of at least one of names",
            ),
            (
                "[faithfulness]\nsamples = 1",
                "faithfulness.samples: found 1, expected a whole number from 2 to 1000",
            ),
            ("seed = ", "expected"),
        ] {
            let error = RunConfig::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored() {
        assert!(
            RunConfig::from_toml("colour = 1\n[provenance]\nformat = 1\n[sft]\nfuture = [1]")
                .is_ok()
        );
    }

    #[test]
    fn a_seed_that_toml_cannot_hold_is_an_error() {
        let config = RunConfig {
            seed: u64::MAX,
            ..RunConfig::default()
        };
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .starts_with("seed: found 18446744073709551615")
        );
    }

    #[cfg(feature = "shipped")]
    #[test]
    fn shipped_configurations_are_sound() {
        for name in crate::configs::names() {
            let config = RunConfig::from_toml(crate::configs::builtin(name).unwrap());
            let config = config.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!config.evaluate.is_empty(), "{name}");
        }
        assert!(crate::configs::builtin("datasets/configs/world-facts/demo.toml").is_some());
        assert!(crate::configs::builtin("world-facts/none").is_none());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_configuration_or_an_error(text in "\\PC*") {
            let _ = RunConfig::from_toml(&text);
        }

        #[test]
        fn any_value_under_a_known_key_gives_a_configuration_or_an_error(
            section in 0..SECTIONS.len(),
            key in 0..100_usize,
            value in prop_oneof![
                Just("1"), Just("-1"), Just("0.5"), Just("\"a\""), Just("[]"), Just("{}"), Just("true"),
                Just("inf"), Just("nan"), Just("9223372036854775807"), Just("[\"a\", 1]"), Just("1979-05-27"),
            ],
        ) {
            let (section, groups) = SECTIONS[section];
            let keys: Vec<&str> = groups.iter().flat_map(|keys| keys.iter()).map(|(key, _)| *key).collect();
            let text = format!("[{section}]\n{} = {value}", keys[key % keys.len()]);
            match RunConfig::from_toml(&text) {
                // What passes the check is what the types hold.
                Ok(config) => prop_assert!(config.check().is_ok()),
                Err(ConfigError::Value { .. }) => {}
                Err(error) => return Err(TestCaseError::fail(format!("{text}: {error}"))),
            }
        }
    }
}
