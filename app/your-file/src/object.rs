//! Some values of a JSON object; the others are passed over without being kept.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Reads the values of `keys` from a JSON object into `values`, null where a key is not there.
///
/// # Errors
/// Where the line is no JSON object.
pub fn pick(line: &[u8], keys: &[String], values: &mut Vec<Value>) -> serde_json::Result<()> {
    values.clear();
    values.resize(keys.len(), Value::Null);
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    Pick { keys, values }.deserialize(&mut deserializer)?;
    deserializer.end()
}

struct Pick<'a> {
    keys: &'a [String],
    values: &'a mut [Value],
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Place(self.keys))? {
            match place {
                Some(place) => self.values[place] = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Which of the keys it is.
struct Place<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|wanted| wanted == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wanted_keys_are_picked() {
        let keys = ["b".to_owned(), "d".to_owned()];
        let mut values = Vec::new();
        pick(
            br#" {"a":[{"b":1}],"b":"x\n","c":null} "#,
            &keys,
            &mut values,
        )
        .unwrap();
        assert_eq!(values, [json!("x\n"), json!(null)]);
        for wrong in [&b"[1]"[..], b"{\"b\":1} x", b"{\"b\":", b"7"] {
            assert!(pick(wrong, &keys, &mut values).is_err());
        }
    }
}
