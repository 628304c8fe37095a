//! Differences question by question, and the paper's tables.

use super::html::Html;
use super::open_section;
use chart::format::count;
use comparison::pairs::Comparison;
use comparison::tables::{self, Tables};

pub fn section(html: &mut Html, comparison: Result<&Comparison, &str>) {
    open_section(html, "differences", "Differences, question by question");
    match comparison {
        Err(reason) => {
            html.element("p", reason);
        }
        Ok(comparison) => {
            let words = format!(
                "Each pair on the questions that both answered, so that what makes a question hard for both falls out. Intervals are of 95%, by {} bootstraps of whole entities (seed {}); p-values are corrected together, all {} of them, by Holm's method.",
                count(comparison.bootstraps as u64),
                comparison.seed,
                comparison.family
            );
            html.element("p", &words);
            let mut rows = crate::cli::compare::rows(comparison);
            let head = rows.remove(0);
            html.table("Paired differences.", &head, &rows);
            if !comparison.left_out.is_empty() {
                let left: Vec<String> = comparison
                    .left_out
                    .iter()
                    .map(|one| format!("{}: {}", one.name, one.reason))
                    .collect();
                let words = format!("Left out: {}.", left.join("; "));
                html.element("p class=\"minor\"", &words);
            }
        }
    }
    html.close("section");
}

pub fn tables_section(html: &mut Html, made: &Tables) {
    open_section(html, "tables", "The paper's Tables 1 to 4");
    for one in &made.tables {
        let mut rows = tables::wide_rows(one);
        let head = rows.remove(0);
        let caption = format!("Table {}. {}", one.number, one.title);
        html.table(&caption, &head, &rows);
    }
    html.open("ul");
    for note in tables::notes(made) {
        html.element("li", &note);
    }
    html.close("ul");
    html.close("section");
}
