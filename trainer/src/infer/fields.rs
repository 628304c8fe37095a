//! The parameters of a request: each read by its name, so that a wrong one is told by it. A parameter that
//! is `null` is absent, and one that nobody reads is ignored.

use super::failure::Failure;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A JSON object with parameters.
#[derive(Clone, Copy)]
pub struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// # Errors
    /// 400 where the body is no object.
    pub fn of(body: &'a Value) -> Result<Self, Failure> {
        body.as_object()
            .map(Fields)
            .ok_or_else(|| Failure::bad_request("Expected a JSON object as the body."))
    }

    pub fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// # Errors
    /// 400 where it is no number of the range.
    pub fn number(self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Failure> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                Err(wrong(name, &expected, value))
            }
        }
    }

    /// # Errors
    /// 400 where it is no whole number of the range.
    pub fn whole(self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Failure> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        match whole(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = match *range.end() {
                    u64::MAX => format!("a whole number from {}", range.start()),
                    end => format!("a whole number from {} to {end}", range.start()),
                };
                Err(wrong(name, &expected, value))
            }
        }
    }

    /// # Errors
    /// 400 where it is neither `true` nor `false`.
    pub fn truth(self, name: &str) -> Result<Option<bool>, Failure> {
        self.value(name)
            .map(|value| {
                value
                    .as_bool()
                    .ok_or_else(|| wrong(name, "true or false", value))
            })
            .transpose()
    }

    /// # Errors
    /// 400 where it is no text.
    pub fn text(self, name: &str) -> Result<Option<&'a str>, Failure> {
        self.value(name)
            .map(|value| value.as_str().ok_or_else(|| wrong(name, "a text", value)))
            .transpose()
    }

    /// The parameters of an object within; none where it is absent.
    ///
    /// # Errors
    /// 400 where it is no object.
    pub fn object(self, name: &str) -> Result<Option<Fields<'a>>, Failure> {
        self.value(name)
            .map(|value| {
                value
                    .as_object()
                    .map(Fields)
                    .ok_or_else(|| wrong(name, "an object", value))
            })
            .transpose()
    }

    /// A seed: any whole number of 64 bits, signed or not.
    ///
    /// # Errors
    /// 400 where it is none.
    pub fn seed(self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        whole(value)
            .or_else(|| value.as_i64().map(i64::cast_unsigned))
            .map(Some)
            .ok_or_else(|| wrong(name, "a whole number of 64 bits", value))
    }
}

/// What was expected of a parameter, and what was found.
pub fn wrong(name: &str, expected: &str, found: &Value) -> Failure {
    const SHOWN_CHARACTERS_MAX: usize = 60;
    let found = found.to_string();
    let mut shown: String = found.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if shown.len() < found.len() {
        shown.push('…');
    }
    Failure::bad_value(
        name,
        format!("`{name}`: expected {expected}, found {shown}."),
    )
}

/// A number that is whole, however it is written: `5` and `5.0`.
fn whole(value: &Value) -> Option<u64> {
    // Beyond, a floating-point number is whole whatever was meant.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number)).then_some(number as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_read_by_name_and_wrong_ones_told_by_it() {
        let body = json!({
            "n": 2.0, "t": 0.5, "s": -1, "b": true, "x": null, "many": "a".repeat(100), "o": {"k": 1},
        });
        let fields = Fields::of(&body).unwrap();
        assert_eq!(fields.whole("n", 1..=4).unwrap(), Some(2));
        assert_eq!(fields.whole("x", 1..=4).unwrap(), None);
        assert_eq!(fields.number("t", 0.0..=2.0).unwrap(), Some(0.5));
        assert_eq!(fields.seed("s").unwrap(), Some(u64::MAX));
        assert_eq!(fields.truth("b").unwrap(), Some(true));
        let within = fields.object("o").unwrap().unwrap();
        assert_eq!(within.whole("k", 0..=1).unwrap(), Some(1));
        let refused = fields.whole("n", 3..=4).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("n"));
        assert!(
            refused.message.contains("from 3 to 4, found 2.0"),
            "{}",
            refused.message
        );
        assert!(
            fields.seed("t").is_err() && fields.text("n").is_err() && fields.truth("n").is_err()
        );
        let shown = fields.number("many", 0.0..=1.0).unwrap_err().message;
        assert!(shown.ends_with("….") && shown.len() < 160, "{shown}");
        assert!(Fields::of(&json!([])).is_err());
    }
}
