//! What is typed into a field, and the value that it means.

use super::shape::{Field, Kind};
use toml::Value;

impl Field {
    /// The value that a text means; nothing where it is the default.
    ///
    /// # Errors
    /// What was found and what was expected, where it means none.
    pub fn value_of(&self, text: &str) -> Result<Option<Value>, String> {
        let value = match &self.kind {
            Kind::Flag => Value::Boolean(text == "true"),
            _ if text.trim().is_empty() => return Ok(None),
            Kind::Text | Kind::Choice(_) => Value::String(text.to_owned()),
            Kind::Whole { .. } => Value::Integer(whole(text)?),
            Kind::Real { .. } => Value::Float(real(text)?),
            Kind::Lines(_) => Value::Array(
                text.lines()
                    .filter(|line| !line.is_empty())
                    .map(|line| Value::String(unescaped(line)))
                    .collect(),
            ),
            Kind::Numbers => Value::Array(
                text.split(|letter: char| letter.is_whitespace() || letter == ',')
                    .filter(|word| !word.is_empty())
                    .map(|word| whole(word).map(Value::Integer))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Some(value).filter(|value| !self.is_default(value)))
    }

    /// Whether a text means something else than the default.
    pub fn differs(&self, text: &str) -> bool {
        !matches!(self.value_of(text), Ok(None))
    }

    /// What would be typed for a value; empty where it is the default, but for a checkbox, which is on
    /// or off.
    pub fn text_of(&self, value: Option<&Value>) -> String {
        if let Kind::Flag = self.kind {
            let value = value.or(self.default.as_ref());
            return (value.and_then(Value::as_bool) == Some(true)).to_string();
        }
        match value {
            Some(value) if !self.is_default(value) => text(value),
            _ => String::new(),
        }
    }

    /// The default as it would be typed.
    pub fn default_text(&self) -> String {
        self.default.as_ref().map_or(String::new(), text)
    }

    fn is_default(&self, value: &Value) -> bool {
        let Some(default) = &self.default else {
            return false;
        };
        match (number(value), number(default)) {
            (Some(value), Some(default)) => value == default,
            _ => value == default,
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|whole| whole as f64))
}

fn whole(text: &str) -> Result<i64, String> {
    let text = text.trim();
    text.parse()
        .map_err(|_| format!("found {text:?}, expected a whole number"))
}

fn real(text: &str) -> Result<f64, String> {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(real) if real.is_finite() => Ok(real),
        _ => Err(format!("found {text:?}, expected a number")),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(real) if real.fract() == 0.0 && real.abs() < 1e15 => format!("{real:.0}"),
        Value::Float(real) => real.to_string(),
        Value::Array(list) => {
            let line = |value: &Value| match value {
                Value::String(text) => escaped(text),
                other => text(other),
            };
            list.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// A text of a list on one line: line breaks, tabs and backslashes as in TOML.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        .replace('\t', "\\t")
}

fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('\\') => text.push('\\'),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: Kind, default: Option<Value>) -> Field {
        Field {
            key: "key".into(),
            description: String::new(),
            kind,
            default,
        }
    }

    #[test]
    fn a_number_is_its_default_however_it_is_written() {
        let real = field(
            Kind::Real {
                min: None,
                max: None,
            },
            Some(Value::Float(1.0)),
        );
        for text in ["", " ", "1", "1.0", "10e-1"] {
            assert_eq!(real.value_of(text), Ok(None), "{text}");
        }
        assert_eq!(real.value_of("5e-4"), Ok(Some(Value::Float(5e-4))));
        assert_eq!(real.text_of(Some(&Value::Float(5e-4))), "0.0005");
        assert_eq!(real.text_of(Some(&Value::Integer(2))), "2");
        assert_eq!(real.default_text(), "1");
        for text in ["x", "nan", "inf", "1,5"] {
            assert!(real.value_of(text).unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn a_list_is_a_line_each_and_any_text_comes_back() {
        let lines = field(Kind::Lines(Vec::new()), Some(Value::Array(Vec::new())));
        let texts = ["\n", "a\\nb", "C:\\x", "\t", "plain", " "];
        let value = Value::Array(texts.map(|text| Value::String(text.into())).into());
        let typed = lines.text_of(Some(&value));
        assert_eq!(typed.lines().count(), texts.len());
        assert_eq!(lines.value_of(&typed), Ok(Some(value)));
        assert_eq!(lines.value_of("\n\n"), Ok(None));
    }

    #[test]
    fn a_checkbox_is_written_where_it_differs() {
        let flag = field(Kind::Flag, Some(Value::Boolean(true)));
        assert_eq!(flag.text_of(None), "true");
        assert_eq!(flag.value_of("true"), Ok(None));
        assert_eq!(flag.value_of(""), Ok(Some(Value::Boolean(false))));
    }
}
