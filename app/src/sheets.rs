//! The style sheets. A page carries those that all pages share, and of the others those whose classes it
//! uses: each kilobyte within a page is time before its first paint on a slow line.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A sheet of some pages.
struct Sheet {
    text: String,
    /// Those that no other sheet names.
    classes: BTreeSet<String>,
}

macro_rules! sheets {
    ($($name:literal),+ $(,)?) => {
        [$(include_str!(concat!("../../style/", $name, ".css"))),+]
    };
}

/// On every page, before the others.
const FIRST: [&str; 10] = sheets![
    "tokens", "base", "frame", "tables", "charts", "pages", "runs", "run", "compare", "question",
];

/// On the pages that use a class which stands in none but them; in this order.
const OWN: [&str; 7] = sheets![
    "api",
    "jobs",
    "your-file",
    "demo",
    "people",
    "annotate",
    "agreement",
];

/// On every page, after the others.
const LAST: [&str; 1] = sheets!["print"];

static SHARED: LazyLock<(String, String)> = LazyLock::new(|| {
    let all = |sheets: &[&str]| {
        sheets
            .iter()
            .map(|sheet| compact(sheet))
            .collect::<String>()
    };
    (all(&FIRST), all(&LAST))
});

static OF_PAGES: LazyLock<[Sheet; OWN.len()]> = LazyLock::new(|| {
    OWN.map(|own| {
        let text = compact(own);
        let mut classes = classes_of_sheet(&text);
        for other in FIRST.iter().chain(&OWN).chain(&LAST) {
            if *other != own {
                let elsewhere = classes_of_sheet(&compact(other));
                classes.retain(|class| !elsewhere.contains(class));
            }
        }
        Sheet { text, classes }
    })
});

/// What the page of this body needs.
pub fn of(body: &str) -> String {
    let used = classes_of_page(body);
    let (first, last) = &*SHARED;
    let mut style = first.clone();
    for sheet in OF_PAGES.iter() {
        if sheet
            .classes
            .iter()
            .any(|class| used.contains(class.as_str()))
        {
            style.push_str(&sheet.text);
        }
    }
    style.push_str(last);
    style
}

/// All of them, as one.
pub fn whole() -> &'static str {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        let all = [&FIRST[..], &OWN, &LAST].concat();
        all.into_iter().map(compact).collect()
    });
    &WHOLE
}

/// A sheet without its comments, indents and empty lines; each line ends.
fn compact(sheet: &str) -> String {
    let mut short = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("/*") {
        short.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    short.push_str(rest);
    let mut compact = String::with_capacity(short.len());
    for line in short.lines().map(str::trim).filter(|line| !line.is_empty()) {
        compact.push_str(line);
        compact.push('\n');
    }
    compact
}

/// The classes that its selectors name; a name in a value would only make it stand on a page too many.
fn classes_of_sheet(sheet: &str) -> BTreeSet<String> {
    sheet
        .split('.')
        .skip(1)
        .map(|after| {
            after
                .split(|end: char| !is_of_name(end))
                .next()
                .unwrap_or("")
        })
        .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        .map(str::to_owned)
        .collect()
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

fn classes_of_page(body: &str) -> BTreeSet<&str> {
    body.split(" class=\"")
        .skip(1)
        .filter_map(|after| after.split_once('"'))
        .flat_map(|(classes, _)| classes.split_ascii_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compact_sheet_says_the_same() {
        let sheet = "/* a { } */\na {\n\n  color: var(--text); /* b */\n  margin:\n    0 auto;\n}\n/* no end";
        assert_eq!(
            compact(sheet),
            "a {\ncolor: var(--text);\nmargin:\n0 auto;\n}\n"
        );
    }

    #[test]
    fn a_page_has_the_sheets_of_its_classes() {
        let style = of("<p class=\"lede job-log\">.annotate</p>");
        assert!(style.contains(".job-log"));
        assert!(!style.contains(".your-file"), "{style}");
        assert!(style.starts_with(&compact(FIRST[0])));
        assert!(style.ends_with(&compact(LAST[0])));
    }

    #[test]
    fn names_end_where_css_ends_them() {
        let found = classes_of_sheet(".a-b:hover > .c, d.e[f] { margin: 0.5rem; }");
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["a-b", "c", "e"]);
    }
}
