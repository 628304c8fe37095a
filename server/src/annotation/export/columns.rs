//! What those columns mean that do not say it by their names, for the `project` file.

use super::What;

/// (column, meaning) of a table.
pub fn columns(what: What) -> &'static [(&'static str, &'static str)] {
    match what {
        What::Ratings => &[
            ("id", "the question's id in the run"),
            ("annotator", "made-up name"),
            (
                "name",
                "the account's name; only where an admin asked for it",
            ),
            ("score", "0 to 10 (single rationales)"),
            (
                "choice",
                "first, second, tie or both-bad (pairs): of the runs' order, wherever they stood",
            ),
            (
                "preferred",
                "the method of the rationale that was chosen (pairs)",
            ),
            (
                "shown_left",
                "first or second: which rationale stood on the left (pairs)",
            ),
            (
                "spans",
                "marked words: side (0 the first, 1 the second), start and end in UTF-16 code units, verdict, the words",
            ),
            (
                "active_ms",
                "milliseconds that the item was in view and somebody at it, of this revision",
            ),
            ("revision", "1, or more where the annotator corrected it"),
        ],
        What::Settled => &[
            (
                "annotator",
                "always `settled`, so that `sayself faithfulness --ratings` reads the file",
            ),
            (
                "score",
                "the adjudicated score, else the mean of the ratings (single rationales)",
            ),
            (
                "choice",
                "the adjudicated choice, else the most frequent one; empty where two are as frequent (pairs)",
            ),
            (
                "settled",
                "how: adjudicated, mean, majority; empty where nothing settles it",
            ),
            (
                "spread",
                "standard deviation of the scores (divided by n), or 1 − share of the most frequent choice",
            ),
            ("ratings", "ratings that count"),
        ],
        What::Events => &[
            ("kind", "project, item, rating, or what else happened"),
            ("detail", "all that is kept of it"),
        ],
        What::Hours => &[
            (
                "items",
                "items of any kind that the person rated or skipped: what was worked on",
            ),
            (
                "active_hours",
                "time with an item in view and somebody at it, of all revisions",
            ),
            ("active_ms_median", "of the items"),
        ],
        _ => &[],
    }
}
