//! The query of an address, turned once into what was asked for.

use super::problem::Failure;
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, SEARCH_BYTES_MAX};
use crate::runs::answers::Filter;
use app::view::JobState;

/// Parameters in their order; one may be there more than once.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(query: Option<&str>) -> Self {
        Parameters(
            form_urlencoded::parse(query.unwrap_or("").as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The first of these names that is there and not empty.
    fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            self.0
                .iter()
                .find(|(given, value)| given == name && !value.is_empty())
                .map(|(_, value)| value.as_str())
        })
    }

    /// `label`, as often as it is there.
    pub fn labels(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, _)| name == "label")
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The first `label`; empty where there is none.
    pub fn label(&self) -> &str {
        self.first(&["label"]).unwrap_or("")
    }

    /// `q`, the search.
    pub fn search(&self) -> Result<&str, Failure> {
        let search = self.first(&["q"]).unwrap_or("").trim();
        if search.len() > SEARCH_BYTES_MAX {
            return Err(Failure::bad_query(format!(
                "The search is longer than {SEARCH_BYTES_MAX} bytes."
            )));
        }
        Ok(search)
    }

    /// `limit`, within its bounds.
    pub fn limit(&self) -> Result<usize, Failure> {
        match self.first(&["limit"]) {
            None => Ok(PAGE_ROWS_DEFAULT),
            Some(text) => match text.parse() {
                Ok(limit @ 1..=PAGE_ROWS_MAX) => Ok(limit),
                _ => Err(Failure::bad_query(format!(
                    "`limit` is {text:?}, expected 1 to {PAGE_ROWS_MAX}."
                ))),
            },
        }
    }

    /// `cursor`, as an earlier page's `next` gave it; `after` on pages.
    pub fn cursor(&self) -> Option<&str> {
        self.first(&["cursor", "after"])
    }

    /// The cursor of a list of answers, a byte offset.
    pub fn offset(&self) -> Result<Option<u64>, Failure> {
        self.cursor()
            .map(|text| {
                text.parse()
                    .map_err(|_| Failure::bad_query("The cursor is not one that this list gave."))
            })
            .transpose()
    }

    /// `before`, a byte offset of a log.
    pub fn before(&self) -> Result<Option<u64>, Failure> {
        self.first(&["before"])
            .map(|text| {
                text.parse()
                    .map_err(|_| Failure::bad_query("`before` is not one that this log gave."))
            })
            .transpose()
    }

    /// `state` of jobs.
    pub fn job_state(&self) -> Result<Option<JobState>, Failure> {
        self.first(&["state"])
            .map(|word| {
                JobState::parse(word).ok_or_else(|| {
                    let words = JobState::ALL.map(JobState::word).join(", ");
                    Failure::bad_query(format!("`state` is {word:?}, expected one of {words}."))
                })
            })
            .transpose()
    }

    /// A parameter that is there and not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.first(&[name])
    }

    /// `bin`, `low`, `high`, and `correct` or `outcome`.
    pub fn filter(&self) -> Result<Filter, Failure> {
        let probability = |name: &str| {
            self.first(&[name])
                .map(|text| match text.parse::<f64>() {
                    Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
                    _ => Err(Failure::bad_query(format!(
                        "`{name}` is {text:?}, expected a probability, 0 to 1."
                    ))),
                })
                .transpose()
        };
        let bin = match self.first(&["bin"]) {
            None => None,
            Some(text) => match text.parse() {
                Ok(bin @ 0..=10) => Some(bin),
                _ => {
                    return Err(Failure::bad_query(format!(
                        "`bin` is {text:?}, expected a level, 0 to 10."
                    )));
                }
            },
        };
        let correct = match self.first(&["correct", "outcome"]) {
            None => None,
            Some("true" | "right" | "1") => Some(true),
            Some("false" | "wrong" | "0") => Some(false),
            Some(text) => {
                return Err(Failure::bad_query(format!(
                    "The outcome is {text:?}, expected `right` or `wrong`."
                )));
            }
        };
        Ok(Filter {
            bin,
            low: probability("low")?,
            high: probability("high")?,
            correct,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_refused() {
        let parse = |query| Parameters::parse(Some(query));
        assert_eq!(parse("label=a&label=b%20c").labels(), ["a", "b c"]);
        assert_eq!(
            parse("bin=7&outcome=wrong").filter().unwrap(),
            Filter {
                bin: Some(7),
                correct: Some(false),
                ..Filter::default()
            }
        );
        assert!(parse("bin=11").filter().is_err());
        assert!(parse("low=NaN").filter().is_err());
        assert!(parse("high=1e400").filter().is_err());
        assert!(parse("limit=0").limit().is_err());
        assert!(parse("limit=201").limit().is_err());
        assert!(parse("cursor=-1").offset().is_err());
        let long = format!("q={}", "x".repeat(201));
        assert!(Parameters::parse(Some(&long)).search().is_err());
        assert_eq!(parse("outcome=").filter().unwrap(), Filter::default());
    }
}
