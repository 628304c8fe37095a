//! Chat templates: Jinja as transformers renders it.
//!
//! transformers renders with `trim_blocks`, `lstrip_blocks` and loop controls on, and offers the
//! functions `raise_exception` and `strftime_now` and a `tojson` that writes JSON as Python does.

use crate::ModelError;
use crate::tokenizer::TEXT_BYTES_MAX;
use minijinja::{Environment, ErrorKind, Value, context};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// A message of the given role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// Instructions that a template may use up before it is stopped: a template comes from a file that
/// someone else made, and loops cost nothing to write.
const FUEL: u64 = 10_000_000;

/// A model's template and the special tokens that it may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub source: String,
    pub bos_token: String,
    pub eos_token: String,
}

impl Template {
    pub(crate) fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, ModelError> {
        let environment = environment();
        let context = context! {
            messages => Value::from(minijinja::value::Serde(messages)),
            add_generation_prompt,
            bos_token => self.bos_token.as_str(),
            eos_token => self.eos_token.as_str(),
        };
        let mut text = BoundedText::default();
        environment
            .template_from_str(&self.source)
            .and_then(|template| template.render_captured_to(context, &mut text).map(drop))
            .map_err(|error| match text.is_full {
                true => ModelError::Template(text_is_too_long()),
                false => ModelError::Template(format!("{error:#}")),
            })?;
        String::from_utf8(text.bytes).map_err(|error| ModelError::Template(error.to_string()))
    }
}

/// A text that a template makes, of at most [`TEXT_BYTES_MAX`]: few instructions can make much of it.
#[derive(Default)]
struct BoundedText {
    bytes: Vec<u8>,
    /// Whether more came than there is room for.
    is_full: bool,
}

impl Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > TEXT_BYTES_MAX - self.bytes.len() {
            self.is_full = true;
            return Err(io::Error::other(text_is_too_long()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn text_is_too_long() -> String {
    format!("it makes a text of more than {TEXT_BYTES_MAX} bytes")
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = minijinja::syntax::SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the delimiters are the default ones, which do not collide");
    environment.set_syntax(syntax);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<Value, _> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| date::format_now(&format));
    environment.add_filter("tojson", to_json);
    environment
}

/// JSON as Python's `json.dumps(…, ensure_ascii=False)` writes it: a space after `,` and `:`.
fn to_json(value: &Value) -> Result<String, minijinja::Error> {
    let mut text = BoundedText::default();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PythonFormatter);
    let failed = |error: String| minijinja::Error::new(ErrorKind::BadSerialization, error);
    value
        .serialize(&mut serializer)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(text.bytes).map_err(|error| failed(error.to_string()))
}

struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// The little of strftime that chat templates use.
mod date {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = [
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
    ];

    /// Seconds since 1970 began, in UTC; there is no clock on wasm32 without a host, so there it
    /// is the first day.
    fn now_s() -> u64 {
        if cfg!(target_arch = "wasm32") {
            return 0;
        }
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_secs())
    }

    pub(super) fn format_now(format: &str) -> String {
        format_at(format, now_s())
    }

    pub(super) fn format_at(format: &str, seconds: u64) -> String {
        let days = seconds / 86_400;
        let (year, month, day) = civil_from_days(days);
        let month_name = MONTHS[month as usize - 1];
        let day_name = DAYS[(days % 7) as usize];
        let mut out = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                out.push(character);
                continue;
            }
            match characters.next() {
                Some('Y') => out.push_str(&year.to_string()),
                Some('y') => out.push_str(&format!("{:02}", year % 100)),
                Some('m') => out.push_str(&format!("{month:02}")),
                Some('d') => out.push_str(&format!("{day:02}")),
                Some('B') => out.push_str(month_name),
                Some('b') => out.push_str(&month_name[..3]),
                Some('A') => out.push_str(day_name),
                Some('a') => out.push_str(&day_name[..3]),
                Some('H') => out.push_str(&format!("{:02}", seconds / 3_600 % 24)),
                Some('M') => out.push_str(&format!("{:02}", seconds / 60 % 60)),
                Some('S') => out.push_str(&format!("{:02}", seconds % 60)),
                Some(other) => {
                    out.push('%');
                    out.push(other);
                }
                None => out.push('%'),
            }
        }
        out
    }

    /// Gregorian date of a day count from 1970-01-01 (Hinnant, "chrono-compatible low-level date
    /// algorithms").
    fn civil_from_days(days: u64) -> (u64, u64, u64) {
        let z = days + 719_468;
        let era = z / 146_097;
        let day_of_era = z % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        (year, month, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        assert_eq!(date::format_at("%d %b %Y", 0), "01 Jan 1970");
        assert_eq!(
            date::format_at("%A %Y-%m-%d %H:%M:%S", 1_709_210_096),
            "Thursday 2024-02-29 12:34:56"
        );
    }

    #[test]
    fn json_has_pythons_spaces() {
        let template = Template {
            source: "{{ messages | tojson }}".into(),
            ..Template::default()
        };
        let rendered = template
            .render(&[Message::new("user", "é \"<")], false)
            .unwrap();
        assert_eq!(rendered, r#"[{"role": "user", "content": "é \"<"}]"#);
    }

    #[test]
    fn a_template_can_refuse() {
        let source = "{{ raise_exception('no system role') }}".to_owned();
        let template = Template {
            source,
            ..Template::default()
        };
        let error = template.render(&[], true).unwrap_err();
        assert!(error.to_string().contains("no system role"), "{error}");
    }

    #[test]
    fn an_endless_template_is_stopped() {
        let source =
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
        let template = Template {
            source: source.to_owned(),
            ..Template::default()
        };
        assert!(template.render(&[], true).is_err());
    }

    #[test]
    fn a_template_makes_no_endless_text() {
        let of_json = "{{ ([s] * 1000000) | tojson }}";
        let of_output = "{% for a in range(1000) %}{{ s }}{% endfor %}";
        for source in [of_json, of_output] {
            let template = Template {
                source: format!("{{% set s = 'x' * 1000000 %}}{source}"),
                ..Template::default()
            };
            let error = template.render(&[], true).unwrap_err().to_string();
            assert!(error.contains("bytes"), "{error}");
        }
    }
}
