//! Which fields a configuration has: its schema, in the order of a form.

use app::view::FormInput;
use serde_json::Value;
use std::sync::LazyLock;

/// A table of the configuration.
#[derive(Debug)]
pub struct Table {
    /// The key that it stands under; empty for the configuration itself.
    pub name: String,
    pub description: String,
    /// Means something else when it is absent than when it is empty.
    pub optional: bool,
    /// There may be many.
    pub list: bool,
    pub fields: Vec<Field>,
    pub tables: Vec<Table>,
}

/// A key of a table.
#[derive(Debug)]
pub struct Field {
    pub key: String,
    pub description: String,
    pub kind: Kind,
    pub default: Option<toml::Value>,
}

/// What its value is.
#[derive(Debug)]
pub enum Kind {
    Text,
    Flag,
    Whole {
        min: Option<i64>,
        max: Option<i64>,
    },
    Real {
        min: Option<f64>,
        max: Option<f64>,
    },
    /// One of these, with what each means.
    Choice(Vec<(String, String)>),
    /// A list of texts; of these alone, where there are any.
    Lines(Vec<(String, String)>),
    /// A list of whole numbers.
    Numbers,
}

/// The whole configuration, read once.
pub fn root() -> &'static Table {
    static ROOT: LazyLock<Table> =
        LazyLock::new(|| table("", &datasets::config_schema::schema(), false));
    &ROOT
}

impl Table {
    /// The table within of a name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

fn table(name: &str, schema: &Value, list: bool) -> Table {
    let mut properties: Vec<(&String, &Value)> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    properties.sort_by_key(|(_, property)| property["x-order"].as_u64());
    let (mut fields, mut tables) = (Vec::new(), Vec::new());
    for (key, property) in properties {
        if property["properties"].is_object() {
            tables.push(table(key, property, false));
        } else if property["items"]["properties"].is_object() {
            let mut entries = table(key, &property["items"], true);
            entries.description = words(property);
            tables.push(entries);
        } else {
            fields.push(Field {
                key: key.clone(),
                description: words(property),
                kind: kind(property),
                default: property.get("default").and_then(as_toml),
            });
        }
    }
    Table {
        name: name.to_owned(),
        description: words(schema),
        optional: schema["x-optional"] == true,
        list,
        fields,
        tables,
    }
}

fn words(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn as_toml(value: &Value) -> Option<toml::Value> {
    toml::Value::try_from(value).ok()
}

fn choices(schema: &Value) -> Vec<(String, String)> {
    let one = |choice: &Value| Some((choice["const"].as_str()?.to_owned(), words(choice)));
    let all = schema["oneOf"].as_array().into_iter().flatten();
    all.filter_map(one).collect()
}

fn kind(schema: &Value) -> Kind {
    match schema["type"].as_str() {
        Some("boolean") => Kind::Flag,
        Some("integer") => Kind::Whole {
            min: schema["minimum"].as_i64(),
            // A bound that no one reaches is none to a browser, which counts in floats.
            max: schema["maximum"].as_i64().filter(|max| *max < 1 << 53),
        },
        Some("number") => Kind::Real {
            min: schema["minimum"]
                .as_f64()
                .or(schema["exclusiveMinimum"].as_f64()),
            max: schema["maximum"].as_f64(),
        },
        Some("array") if schema["items"]["type"] == "integer" => Kind::Numbers,
        Some("array") => Kind::Lines(choices(&schema["items"])),
        _ if schema["oneOf"].is_array() => Kind::Choice(choices(schema)),
        _ => Kind::Text,
    }
}

impl Kind {
    /// How it is put in.
    pub fn input(&self) -> FormInput {
        fn text(number: &Option<impl ToString>) -> Option<String> {
            number.as_ref().map(ToString::to_string)
        }
        match self {
            Kind::Text => FormInput::Text,
            Kind::Flag => FormInput::Checkbox,
            Kind::Whole { min, max } => FormInput::Number {
                whole: true,
                min: text(min),
                max: text(max),
            },
            Kind::Real { min, max } => FormInput::Number {
                whole: false,
                min: text(min),
                max: text(max),
            },
            Kind::Choice(choices) => FormInput::Choice(choices.clone()),
            Kind::Lines(choices) => FormInput::Lines(choices.clone()),
            Kind::Numbers => FormInput::Lines(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_the_configuration_s_tables_in_their_order() {
        let names: Vec<&str> = root()
            .tables
            .iter()
            .map(|table| table.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "questions",
                "sample",
                "cluster",
                "rationalize",
                "build",
                "sft",
                "rl",
                "evaluate",
                "faithfulness",
                "endpoint"
            ]
        );
        let optional = |name: &str| root().table(name).unwrap().optional;
        assert!(optional("endpoint") && optional("faithfulness") && !optional("sft"));
        let evaluate = root().table("evaluate").unwrap();
        assert!(evaluate.list && evaluate.table("judge").unwrap().optional);
        assert_eq!(evaluate.fields[0].key, "method");
        assert!(root().table("rl").unwrap().table("ppo").is_some());
        let kind = |table: &str, key: &str| {
            let fields = &root().table(table).unwrap().fields;
            &fields.iter().find(|field| field.key == key).unwrap().kind
        };
        assert!(matches!(
            kind("sft", "epochs"),
            Kind::Whole {
                min: Some(1),
                max: Some(1000)
            }
        ));
        assert!(matches!(kind("rl", "target"), Kind::Choice(choices) if choices.len() == 3));
        assert!(matches!(kind("sft", "lora_targets"), Kind::Lines(choices) if choices.len() == 7));
        assert!(matches!(kind("build", "shuffle_targets"), Kind::Flag));
    }
}
