//! The query of an address, turned once into what was asked for.

use super::problem::Failure;
use crate::limits::{FACET_BYTES_MAX, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, SEARCH_BYTES_MAX};
use crate::runs::answers::{Asked, Cursor, Filter, Turn};
use app::view::{AnswerOrder, Direction, Facet, JobState, RunChoice, RunSort, STATE_WORDS};

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

    /// The fields of a form that was sent.
    pub fn from_form(form: &[u8]) -> Self {
        Parameters(form_urlencoded::parse(form).into_owned().collect())
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

    /// `run`, as often as it is there and not empty.
    pub fn runs(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|(name, value)| name == "run" && !value.is_empty())
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The first parameter of that name that is not empty.
    pub fn named(&self, name: &str) -> Option<&str> {
        self.first(&[name])
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

    /// What is asked of the list of runs.
    pub fn choice(&self) -> Result<RunChoice, Failure> {
        let mut narrowed = Vec::new();
        for facet in Facet::ALL {
            let Some(value) = self.first(&[facet.word()]) else {
                continue;
            };
            if value.len() > FACET_BYTES_MAX {
                return Err(Failure::bad_query(format!(
                    "`{}` is longer than {FACET_BYTES_MAX} bytes.",
                    facet.word()
                )));
            }
            if facet == Facet::State && !STATE_WORDS.contains(&value) {
                return Err(Failure::bad_query(format!(
                    "`state` is {value:?}, expected one of {}.",
                    STATE_WORDS.join(", ")
                )));
            }
            narrowed.push((facet, value.to_owned()));
        }
        let sort = match self.first(&["sort"]) {
            None => RunSort::default(),
            Some(word) => RunSort::from_word(word).ok_or_else(|| {
                let words = RunSort::ALL.map(RunSort::word).join(", ");
                Failure::bad_query(format!("`sort` is {word:?}, expected one of {words}."))
            })?,
        };
        let direction = match self.first(&["direction"]) {
            None => sort.usual(),
            Some("ascending") => Direction::Ascending,
            Some("descending") => Direction::Descending,
            Some(word) => {
                return Err(Failure::bad_query(format!(
                    "`direction` is {word:?}, expected `ascending` or `descending`."
                )));
            }
        };
        let grouped = match self.first(&["group"]) {
            None => false,
            Some("questions") => true,
            Some(word) => {
                return Err(Failure::bad_query(format!(
                    "`group` is {word:?}, expected `questions`."
                )));
            }
        };
        Ok(RunChoice {
            search: self.search()?.to_owned(),
            narrowed,
            sort,
            direction,
            grouped,
        })
    }

    /// The runs to follow: `run`, as often as it is there, each once.
    pub fn followed(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = Vec::new();
        for (name, value) in &self.0 {
            if name == "run" && !value.is_empty() && !ids.contains(&value.as_str()) {
                ids.push(value);
            }
        }
        ids
    }

    /// A form's field that was sent; it may be empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
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

    /// The cursor of a stream, a byte offset.
    pub fn offset(&self) -> Result<Option<u64>, Failure> {
        let refused = |_| Failure::bad_query("The cursor is not one that this stream gave.");
        self.cursor()
            .map(|text| text.parse().map_err(refused))
            .transpose()
    }

    /// What a list of answers is asked for: filter, `sort`, `limit`, and `after` (`cursor`) or `before`.
    pub fn answers(&self) -> Result<Asked, Failure> {
        let order = match self.first(&["sort"]) {
            None => AnswerOrder::default(),
            Some(name) => AnswerOrder::from_name(name).ok_or_else(|| {
                Failure::bad_query(format!(
                    "`sort` is {name:?}, expected `file`, `surest` or `least-sure`."
                ))
            })?,
        };
        let cursor = |text: &str| {
            Cursor::parse(text, order)
                .ok_or_else(|| Failure::bad_query("The cursor is not one that this list gave."))
        };
        let turn = match (self.first(&["before"]), self.cursor()) {
            (Some(text), _) => Turn::Before(cursor(text)?),
            (None, Some(text)) => Turn::After(cursor(text)?),
            (None, None) => Turn::Start,
        };
        Ok(Asked {
            filter: self.filter()?,
            order,
            turn,
            limit: self.limit()?,
        })
    }

    /// `threshold`, a cosine similarity, in millionths, rounded down.
    pub fn threshold(&self) -> Result<Option<i32>, Failure> {
        self.first(&["threshold"])
            .map(|text| {
                app::link::millionths(text).ok_or_else(|| {
                    Failure::bad_query(format!(
                        "`threshold` is {text:?}, expected a cosine similarity, -1 to 1."
                    ))
                })
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

    /// `bin`, `low`, `high`, `correct` or `outcome`, `template`, `failed`, and `q`.
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
        let failed = match self.first(&["failed"]) {
            None => None,
            Some("true" | "yes" | "1") => Some(true),
            Some("false" | "no" | "0") => Some(false),
            Some(text) => {
                return Err(Failure::bad_query(format!(
                    "`failed` is {text:?}, expected `yes` or `no`."
                )));
            }
        };
        Ok(Filter {
            bin,
            low: probability("low")?,
            high: probability("high")?,
            correct,
            template: self.first(&["template"]).map(str::to_owned),
            failed,
            search: self.search()?.to_owned(),
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
        assert!(parse("cursor=-1").answers().is_err());
        assert!(parse("sort=surest&after=12").answers().is_err());
        assert!(parse("sort=surest&after=0.9_12").answers().is_ok());
        assert!(parse("sort=random").answers().is_err());
        assert!(parse("failed=maybe").filter().is_err());
        assert_eq!(parse("threshold=0.83").threshold().unwrap(), Some(830_000));
        assert!(parse("threshold=2").threshold().is_err());
        let long = format!("q={}", "x".repeat(201));
        assert!(Parameters::parse(Some(&long)).search().is_err());
        assert_eq!(parse("outcome=").filter().unwrap(), Filter::default());
    }

    #[test]
    fn the_list_of_runs_is_asked_for_as_links_say_it() {
        let choice = RunChoice {
            search: "a b&c".into(),
            narrowed: vec![
                (Facet::Model, "hub/model".into()),
                (Facet::State, "failed".into()),
                (Facet::Tag, "ü, 50%".into()),
            ],
            sort: RunSort::Ece,
            direction: Direction::Descending,
            grouped: true,
        };
        for choice in [choice, RunChoice::default()] {
            let address = app::link::runs(&choice, Some("after"));
            let parameters = Parameters::parse(address.split_once('?').map(|(_, query)| query));
            assert_eq!(parameters.choice().unwrap(), choice);
            assert_eq!(parameters.cursor(), Some("after"));
        }
        // What a form sends where nothing was chosen.
        let empty = Parameters::parse(Some("q=&model=&sort=auroc&direction=&group="));
        let expected = RunChoice::default().sorted(RunSort::Auroc);
        assert_eq!(empty.choice().unwrap(), expected);
        for query in ["sort=size", "direction=up", "group=model", "state=odd"] {
            assert!(Parameters::parse(Some(query)).choice().is_err(), "{query}");
        }
        assert_eq!(
            Parameters::parse(Some("run=a&run=b&run=&run=a")).followed(),
            ["a", "b"]
        );
    }
}
