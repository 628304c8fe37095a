//! The JSON Schema of a configuration (draft 2020-12), made from its types: names, types, enumerations
//! and descriptions from the types and their documentation, defaults from their `Default`, ranges from
//! what [`RunConfig::from_toml`] checks. Nothing is said twice.
//!
//! A key that is absent has its default; one that is not known is ignored, as in TOML. Two words of our
//! own: `x-order`, a property's place among its neighbours (JSON objects have none), and `x-optional`, a
//! table that means something else when it is absent than when it is empty.

use crate::RunConfig;
use crate::config::{EndpointConfig, EvaluateConfig, FaithfulnessConfig};
use crate::config_check::{ENDLESS, EVALUATIONS_MAX, Kind, keys_of};
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Tables in the order in which a run needs them.
const TABLES: [&str; 12] = [
    "questions",
    "sample",
    "cluster",
    "rationalize",
    "build",
    "sft",
    "rl",
    "evaluate",
    "faithfulness",
    "ppo",
    "endpoint",
    "judge",
];

/// The schema.
///
/// ```
/// let schema = datasets::config_schema::schema();
/// let samples = &schema["properties"]["sample"]["properties"]["samples"];
/// assert_eq!((&samples["default"], &samples["maximum"]), (&10.into(), &1000.into()));
/// ```
pub fn schema() -> Value {
    // Each table stands where it is: the same type has other defaults in other places.
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<RunConfig>()
        .to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), json!("Configuration of a run"));
        table("", root, &plain(&RunConfig::default()));
    }
    schema
}

/// As JSON; nothing where it has no JSON form, which plain data always has.
fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn table(section: &str, schema: &mut Map<String, Value>, defaults: &Value) {
    tidy(schema);
    for word in ["required", "default"] {
        schema.remove(word);
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let keys = keys_of(section).iter().flat_map(|keys| keys.iter());
    let keys: Vec<(&str, Kind)> = keys.copied().collect();
    for (key, property) in properties.iter_mut() {
        let Some(property) = property.as_object_mut() else {
            continue;
        };
        tidy(property);
        let within = match section {
            "" => key.clone(),
            _ => format!("{section}.{key}"),
        };
        let place = TABLES.iter().position(|known| known == key);
        let order = keys.iter().position(|(known, _)| known == key);
        // Tables stand after the keys, as TOML wants it.
        let order = order.or(place.map(|place| keys.len() + place));
        if property.contains_key("properties") {
            let default = &defaults[key.as_str()];
            let default = match default.is_object() {
                true => default.clone(),
                false => {
                    property.insert("x-optional".into(), json!(true));
                    default_of_optional(key)
                }
            };
            table(&within, property, &default);
        } else if let Some(items) = property
            .get_mut("items")
            .and_then(Value::as_object_mut)
            .filter(|items| items.contains_key("properties"))
        {
            let default = plain(&EvaluateConfig::default());
            table(&within, items, &default);
            property.remove("default");
            property.insert("maxItems".into(), json!(EVALUATIONS_MAX));
        } else {
            match &defaults[key.as_str()] {
                Value::Null => property.remove("default"),
                default => property.insert("default".into(), default.clone()),
            };
            if let Some((_, kind)) = keys.iter().find(|(known, _)| known == key) {
                kind.describe(property);
            }
        }
        property.insert("x-order".into(), json!(order.unwrap_or(usize::MAX >> 11)));
    }
}

/// The defaults within a table that is absent by default.
fn default_of_optional(key: &str) -> Value {
    match key {
        "faithfulness" => plain(&FaithfulnessConfig::default()),
        _ => plain(&EndpointConfig::default()),
    }
}

/// TOML has no null, and Rust's number formats say nothing to others.
fn tidy(schema: &mut Map<String, Value>) {
    schema.remove("format");
    let null = json!({ "type": "null" });
    if let Some(Value::Array(any)) = schema.get("anyOf") {
        let others: Vec<Value> = any.iter().filter(|one| **one != null).cloned().collect();
        if let [Value::Object(only)] = others.as_slice() {
            schema.remove("anyOf");
            for (word, value) in only {
                // What is said of the key goes before what is said of its type.
                schema.entry(word.clone()).or_insert(value.clone());
            }
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::String(words)) = schema.get_mut("description") {
        *words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Object(items)) = schema.get_mut("items") {
        tidy(items);
    }
}

/// The descriptions of an enumeration's values.
fn described(schema: &Map<String, Value>, choice: &str) -> Option<String> {
    let choices = schema.get("oneOf")?.as_array()?;
    let found = choices.iter().find(|one| one["const"] == choice)?;
    let words = found["description"].as_str()?;
    Some(words.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Makes `schema` a choice of these texts, with what the type says of each.
fn choose(schema: &mut Map<String, Value>, choices: &[&str]) {
    let one_of = |choice: &&str| match described(schema, choice) {
        Some(words) => json!({ "const": choice, "description": words }),
        None => json!({ "const": choice }),
    };
    let list: Vec<Value> = choices.iter().map(one_of).collect();
    schema.remove("enum");
    schema.insert("type".into(), json!("string"));
    schema.insert("oneOf".into(), Value::Array(list));
}

impl Kind {
    /// Says in the schema's words what is checked.
    fn describe(self, schema: &mut Map<String, Value>) {
        let mut say = |word: &str, value: Value| {
            schema.insert(word.to_owned(), value);
        };
        match self {
            Kind::Text | Kind::Flag => {}
            Kind::Name => say("minLength", json!(1)),
            Kind::Choice(choices) => choose(schema, choices),
            Kind::Whole(low, high) => {
                say("minimum", json!(low));
                say("maximum", json!(high));
            }
            Kind::Real(low, high) => {
                say("minimum", json!(low));
                if high < ENDLESS {
                    say("maximum", json!(high));
                }
            }
            Kind::Above(low, high) => {
                say("exclusiveMinimum", json!(low));
                if high < ENDLESS {
                    say("maximum", json!(high));
                }
            }
            Kind::Texts => within_items(schema, |items| {
                items.insert("minLength".into(), json!(1));
            }),
            Kind::Choices(choices) => {
                say("minItems", json!(1));
                within_items(schema, |items| choose(items, choices));
            }
            Kind::Seeds => {
                say("minItems", json!(1));
                say("uniqueItems", json!(true));
                within_items(schema, |items| {
                    items.insert("minimum".into(), json!(0));
                    items.insert("maximum".into(), json!(i64::MAX));
                });
            }
        }
    }
}

fn within_items(schema: &mut Map<String, Value>, say: impl FnOnce(&mut Map<String, Value>)) {
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        say(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `value` breaks `schema`; knows the words that [`schema`] writes, and refuses others.
    fn breaks(schema: &Value, value: &Value, path: &str) -> Option<String> {
        let told = |word: &str| Some(format!("{path}: {word}: {value}"));
        for (word, wanted) in schema.as_object().unwrap() {
            let number = || (value.as_f64().unwrap(), wanted.as_f64().unwrap());
            let holds = match word.as_str() {
                "type" => match wanted.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("{path}: type {other}"),
                },
                "minimum" => !value.is_number() || number().0 >= number().1,
                "maximum" => !value.is_number() || number().0 <= number().1,
                "exclusiveMinimum" => !value.is_number() || number().0 > number().1,
                "minLength" => value.as_str().is_none_or(|text| !text.is_empty()),
                "minItems" => value.as_array().is_none_or(|list| !list.is_empty()),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() as u64 <= wanted.as_u64().unwrap()),
                "uniqueItems" => value.as_array().is_none_or(|list| {
                    (0..list.len()).all(|index| !list[..index].contains(&list[index]))
                }),
                "oneOf" => wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|one| one["const"] == *value),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        let path = format!("{path}[{}]", index + 1);
                        if let Some(broken) = breaks(wanted, item, &path) {
                            return Some(broken);
                        }
                    }
                    true
                }
                "properties" => {
                    for (key, inner) in wanted.as_object().unwrap() {
                        if let Some(value) = value.get(key)
                            && let Some(broken) = breaks(inner, value, &format!("{path}.{key}"))
                        {
                            return Some(broken);
                        }
                    }
                    true
                }
                "$schema" | "title" | "description" | "default" | "x-order" | "x-optional" => true,
                other => panic!("{path}: a word that is not known: {other}"),
            };
            if !holds {
                return told(word);
            }
        }
        None
    }

    fn broken_by(text: &str) -> Option<String> {
        let table: toml::Table = text.parse().unwrap();
        breaks(&schema(), &serde_json::to_value(table).unwrap(), "")
    }

    /// Every key of every table, with its path.
    fn leaves(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
        for (key, inner) in schema["properties"].as_object().unwrap() {
            let path = format!("{path}.{key}");
            if inner["properties"].is_object() {
                leaves(inner, &path, found);
            } else if inner["items"]["properties"].is_object() {
                leaves(&inner["items"], &path, found);
            } else {
                found.push((path, inner.clone()));
            }
        }
    }

    #[cfg(feature = "shipped")]
    #[test]
    fn every_shipped_configuration_follows_the_schema() {
        for name in crate::configs::names() {
            let broken = broken_by(crate::configs::builtin(name).unwrap());
            assert_eq!(broken, None, "{name}");
        }
    }

    #[test]
    fn what_the_check_refuses_the_schema_refuses() {
        for text in [
            "seed = -1",
            "model = ''",
            "training_seeds = [1, 1]",
            "training_seeds = []",
            "sample = 3",
            "[sample]\ntemperature = -0.5",
            "[sample]\ntop_p = 0",
            "[sample]\nsamples = 1001",
            "[sft]\nepochs = 'three'",
            "[rl]\nreward = 'brier'",
            "[rl]\nlora_targets = ['q']",
            "[rl.ppo]\ngamma = 2",
            "[[evaluate]]\n[[evaluate]]\nsplit = 'tset'",
            "[[evaluate]]\nrecalibrate = 'spline'",
            "[[evaluate]]\n[evaluate.judge]\nconcurrency = 0",
            "[rationalize.endpoint]\ntimeout_seconds = 0",
            "[faithfulness]\nby = []",
        ] {
            assert!(RunConfig::from_toml(text).is_err(), "{text}");
            assert!(broken_by(text).is_some(), "{text}");
        }
    }

    #[test]
    fn the_default_configuration_and_every_default_follow_the_schema() {
        assert_eq!(broken_by(&RunConfig::default().to_toml().unwrap()), None);
        let mut found = Vec::new();
        leaves(&schema(), "", &mut found);
        assert!(found.len() > 120, "{}", found.len());
        for (path, leaf) in &found {
            if let Some(default) = leaf.get("default") {
                assert_eq!(breaks(leaf, default, path), None);
            }
        }
        let default_of = |wanted: &str| {
            let leaf = found.iter().find(|(path, _)| path == wanted);
            leaf.unwrap_or_else(|| panic!("{wanted}")).1["default"].clone()
        };
        // The same type, other places, other defaults.
        assert_eq!(default_of(".sample.temperature"), 1.0);
        assert_eq!(default_of(".evaluate.temperature"), 0.0);
        assert_eq!(default_of(".faithfulness.top_k"), 50);
        assert_eq!(default_of(".rl.learning_rate"), 1e-4);
        assert_eq!(default_of(".sft.learning_rate"), 5e-4);
        assert_eq!(default_of(".questions.train"), Value::Null);
    }

    #[test]
    fn every_key_is_described_and_has_its_place() {
        let mut found = Vec::new();
        leaves(&schema(), "", &mut found);
        let told = |word: &str| -> Vec<String> {
            let lacking = found.iter().filter(|(_, leaf)| leaf.get(word).is_none());
            lacking.map(|(path, _)| path.clone()).collect()
        };
        assert_eq!(told("description"), Vec::<String>::new());
        for (path, leaf) in &found {
            assert!(leaf["x-order"].as_u64().unwrap() < 1_000, "{path}");
            assert!(leaf["type"].is_string(), "{path}: {leaf}");
        }
    }

    #[test]
    fn choices_keep_what_the_types_say_of_them() {
        let schema = schema();
        let by = &schema["properties"]["cluster"]["properties"]["by"]["oneOf"];
        assert_eq!(by[0]["const"], "answer");
        assert!(
            by[0]["description"]
                .as_str()
                .unwrap()
                .contains("normalised")
        );
        // Those that the types know are those that are checked.
        let mut found = Vec::new();
        let settings =
            SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        leaves(
            &settings
                .into_generator()
                .into_root_schema_for::<RunConfig>()
                .to_value(),
            "",
            &mut found,
        );
        for (path, leaf) in found {
            for one in leaf["oneOf"].as_array().into_iter().flatten() {
                let Some(choice) = one["const"].as_str() else {
                    continue;
                };
                let section = path
                    .trim_start_matches('.')
                    .rsplit_once('.')
                    .map_or("", |(section, _)| section);
                let key = path.rsplit('.').next().unwrap();
                let kind = keys_of(section)
                    .iter()
                    .flat_map(|keys| keys.iter())
                    .find(|(known, _)| *known == key);
                match kind {
                    Some((_, Kind::Choice(choices))) => {
                        assert!(choices.contains(&choice), "{path}: {choice}")
                    }
                    _ => panic!("{path}: {choice} is not checked"),
                }
            }
        }
    }
}
