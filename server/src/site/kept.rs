//! Which addresses become files: what pages lead to is without end, a site of files is not.

use super::address::file_of;
use crate::limits::{
    SITE_COMPARISONS_MAX, SITE_DOWNLOADS_MAX, SITE_LISTS_OF_RUN_MAX, SITE_PAGES_OF_RUNS_MAX,
    SITE_QUESTIONS_OF_LIST_MAX, SITE_QUESTIONS_OF_RUN_MAX, SITE_RUNS_MAX, SITE_TABLES_MAX,
};
use std::collections::{BTreeSet, HashMap};

/// The addresses that become files, and how many of each kind.
#[derive(Debug, Default)]
pub struct Kept {
    files: HashMap<String, String>,
    counts: HashMap<String, usize>,
    /// Addresses of kinds that become files, beyond their limits.
    beyond: BTreeSet<String>,
}

impl Kept {
    /// Takes an address that a page leads to; whether it was not there yet.
    pub fn take(&mut self, address: &str, page: &str) -> bool {
        let address = plain(address);
        if self.files.contains_key(address) {
            return false;
        }
        let Some(kinds) = kinds(address, page) else {
            return false;
        };
        let has_room =
            |(kind, most): &(String, usize)| self.counts.get(kind).copied().unwrap_or(0) < *most;
        if !kinds.iter().all(has_room) {
            self.beyond.insert(address.to_owned());
            return false;
        }
        for (kind, _) in kinds {
            *self.counts.entry(kind).or_default() += 1;
        }
        self.files.insert(address.to_owned(), file_of(address));
        true
    }

    /// An address that is there whatever leads to it.
    pub fn add(&mut self, address: &str) {
        self.files.insert(address.to_owned(), file_of(address));
    }

    /// The file of an address, if it becomes one.
    pub fn file(&self, address: &str) -> Option<&str> {
        self.files.get(plain(address)).map(String::as_str)
    }

    /// How many addresses are of kinds that become files, and beyond their limits.
    pub fn beyond(&self) -> usize {
        let is_left_out = |address: &&String| !self.files.contains_key(*address);
        self.beyond.iter().filter(is_left_out).count()
    }
}

/// A folder is asked for with or without its last `/`.
fn plain(address: &str) -> &str {
    match address {
        "/" => address,
        address => address.strip_suffix('/').unwrap_or(address),
    }
}

/// The kinds that an address is of, each with how many there may be; `None`: it never becomes a file.
fn kinds(address: &str, page: &str) -> Option<Vec<(String, usize)>> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let mut asked: Vec<&str> = query
        .split('&')
        .map(|parameter| parameter.split('=').next().unwrap_or_default())
        .filter(|name| !name.is_empty())
        .collect();
    let all_asked = asked.len();
    asked.dedup();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let one = |kind: String, most: usize| Some(vec![(kind, most)]);
    match (parts.as_slice(), asked.as_slice()) {
        ([], ["after"]) => one("pages of runs".into(), SITE_PAGES_OF_RUNS_MAX),
        (["compare"], ["run"]) if all_asked > 1 => one("comparisons".into(), SITE_COMPARISONS_MAX),
        (["compare", "charts", _], _) => one("charts of comparisons".into(), SITE_DOWNLOADS_MAX),
        ([name], [] | ["table"]) if name.starts_with("tables.") => {
            one("tables".into(), SITE_TABLES_MAX)
        }
        (["runs", _], []) => one("runs".into(), SITE_RUNS_MAX),
        (["runs", run, "answers"], ["label", "bin", "outcome"]) => {
            one(format!("lists of {run}"), SITE_LISTS_OF_RUN_MAX)
        }
        (["runs", run, "questions", _], []) => {
            let mut kinds = vec![(format!("questions of {run}"), SITE_QUESTIONS_OF_RUN_MAX)];
            if page.contains("/answers?") {
                kinds.push((format!("questions of {page}"), SITE_QUESTIONS_OF_LIST_MAX));
            }
            Some(kinds)
        }
        (
            ["runs", run, "charts" | "files", ..]
            | ["runs", run, "questions", _, "charts" | "records", ..],
            _,
        ) => one(format!("downloads of {run}"), SITE_DOWNLOADS_MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_becomes_no_file() {
        let mut kept = Kept::default();
        for address in [
            "/?sort=ece",
            "/?q=a&after=b",
            "/runs/a?label=b",
            "/runs/a/answers",
            "/runs/a/answers?label=b&bin=1&outcome=right&after=c",
            "/runs/a/questions/q?threshold=0.5",
            "/compare?run=a",
            "/compare?run=a&run=b&change=became-right",
            "/jobs",
            "/api",
            "/sign-in",
        ] {
            assert!(!kept.take(address, "/"), "{address}");
        }
        for address in [
            "/?after=b",
            "/runs/a",
            "/runs/a/answers?label=b&bin=1&outcome=right",
            "/runs/a/questions/q",
            "/compare?run=a&run=b",
            "/tables.md?table=1",
        ] {
            assert!(kept.take(address, "/"), "{address}");
            assert!(!kept.take(address, "/"), "{address} twice");
            assert!(kept.file(address).is_some());
        }
        assert_eq!(kept.beyond(), 0);
    }

    #[test]
    fn a_list_leads_to_a_few_questions() {
        let mut kept = Kept::default();
        let list = "/runs/a/answers?label=b&bin=1&outcome=right";
        let taken = (0..5).filter(|at| kept.take(&format!("/runs/a/questions/q{at}"), list));
        assert_eq!(taken.count(), SITE_QUESTIONS_OF_LIST_MAX);
        assert_eq!(kept.beyond(), 5 - SITE_QUESTIONS_OF_LIST_MAX);
        assert!(kept.take("/runs/a/questions/q4", "/compare?run=a&run=b"));
        assert_eq!(kept.beyond(), 4 - SITE_QUESTIONS_OF_LIST_MAX);
    }
}
