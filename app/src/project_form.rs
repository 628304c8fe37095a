//! The form for a new annotation project, read back: its fields are those of [`ProjectSpec`].

use datasets::annotation::{Choice, KnownItem, ProjectKind, ProjectSpec, RatedRun, Stratum};
use std::str::FromStr;

/// The spec that a form's fields make, and a sentence for each field that cannot be read; such a field
/// has its default. What a spec as a whole must hold (runs that are there, ranges) is not looked at here.
///
/// ```
/// let fields = [("title", "Doubts"), ("run", "demo:sayself"), ("overlap", "two")];
/// let fields: Vec<_> = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
/// let (spec, wrong) = app::project_form::read(&fields);
/// assert_eq!(spec.runs[0].label.as_deref(), Some("sayself"));
/// assert_eq!(wrong, ["Ratings of each item: “two” is no whole number from 0 to 255."]);
/// ```
pub fn read(fields: &[(String, String)]) -> (ProjectSpec, Vec<String>) {
    let fields = Fields(fields);
    let usual = ProjectSpec::default();
    let mut wrong = Vec::new();
    let whole_to = |most: u64| format!("no whole number from 0 to {most}");
    let share = "no number".to_owned();
    let spec = ProjectSpec {
        title: fields.text("title"),
        kind: match fields.first("kind") {
            Some("pairs") => ProjectKind::Pairs,
            _ => ProjectKind::Single,
        },
        runs: fields.all("run").map(rated_run).collect(),
        stratify: fields.all("stratify").filter_map(stratum).collect(),
        rubric: fields.text("rubric"),
        instructions: fields.text("instructions"),
        consent: fields.text("consent"),
        contact: fields.text("contact"),
        spans: fields.first("spans") == Some("true"),
        sample_size: fields.number(
            "sample_size",
            "Items",
            usual.sample_size,
            &whole_to(u32::MAX.into()),
            &mut wrong,
        ),
        seed: fields
            .first("seed")
            .filter(|text| !text.trim().is_empty())
            .map(|_| fields.number("seed", "Seed", 0, &whole_to(u64::MAX), &mut wrong)),
        overlap: fields.number(
            "overlap",
            "Ratings of each item",
            usual.overlap,
            &whole_to(u8::MAX.into()),
            &mut wrong,
        ),
        gold_share: fields.number(
            "gold_share",
            "Known items",
            usual.gold_share,
            &share,
            &mut wrong,
        ),
        attention_share: fields.number(
            "attention_share",
            "Attention items",
            usual.attention_share,
            &share,
            &mut wrong,
        ),
        repeat_share: fields.number(
            "repeat_share",
            "Repeated items",
            usual.repeat_share,
            &share,
            &mut wrong,
        ),
        training_size: fields.number(
            "training_size",
            "Training items",
            usual.training_size,
            &whole_to(u8::MAX.into()),
            &mut wrong,
        ),
        qualification: fields.number(
            "qualification",
            "Share to be rated right",
            usual.qualification,
            &share,
            &mut wrong,
        ),
        lease_minutes: fields.number(
            "lease_minutes",
            "Minutes an item is held",
            usual.lease_minutes,
            &whole_to(u32::MAX.into()),
            &mut wrong,
        ),
        ahead: fields.number(
            "ahead",
            "Items handed out ahead",
            usual.ahead,
            &whole_to(u8::MAX.into()),
            &mut wrong,
        ),
        per_person_max: fields.number(
            "per_person_max",
            "Items a person",
            usual.per_person_max,
            &whole_to(u32::MAX.into()),
            &mut wrong,
        ),
        training: known_items("Training items", &fields.text("training"), &mut wrong),
        gold: known_items("Known items", &fields.text("gold"), &mut wrong),
    };
    (spec, wrong)
}

/// Known items as the form's text areas hold them, one a line: [`known_line`].
pub fn known_lines(items: &[KnownItem]) -> String {
    let lines: Vec<String> = items.iter().map(known_line).collect();
    lines.join("\n")
}

/// A known item as a line: `QUESTION_ID | 7-10 | words`, or a choice in the place of the ratings.
pub fn known_line(item: &KnownItem) -> String {
    let expected = match (item.choice, item.low, item.high) {
        (Some(choice), ..) => choice.word().to_owned(),
        (None, Some(low), Some(high)) if low == high => low.to_string(),
        (None, low, high) => format!("{}-{}", low.unwrap_or(0), high.unwrap_or(10)),
    };
    let words = item.explanation.replace(['\n', '\r'], " ");
    let line = [item.question_id.as_str(), &expected, words.trim()].join(" | ");
    line.trim_end_matches([' ', '|']).to_owned()
}

fn known_items(name: &str, text: &str, wrong: &mut Vec<String>) -> Vec<KnownItem> {
    let mut items = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match known_item(line) {
            Some(item) => items.push(item),
            None => wrong.push(format!(
                "{name}, line {}: “{}” is not of the form QUESTION_ID | 7-10 | words, or QUESTION_ID | left | words.",
                number + 1,
                crate::format::cut(line.trim(), 80),
            )),
        }
    }
    items
}

fn known_item(line: &str) -> Option<KnownItem> {
    let mut parts = line.splitn(3, '|').map(str::trim);
    let question_id = parts.next().filter(|id| !id.is_empty())?.to_owned();
    let expected = parts.next()?;
    let explanation = parts.next().unwrap_or_default().to_owned();
    let choice = Choice::ALL
        .into_iter()
        .find(|choice| choice.word() == expected);
    let ends = expected.split_once('-').unwrap_or((expected, expected));
    let (low, high) = match choice {
        Some(_) => (None, None),
        None => (
            Some(ends.0.trim().parse().ok()?),
            Some(ends.1.trim().parse().ok()?),
        ),
    };
    Some(KnownItem {
        question_id,
        low,
        high,
        choice,
        explanation,
    })
}

/// `RUN` or `RUN:LABEL`. Runs are named by folders, labels too: neither holds a colon of its own.
fn rated_run(text: &str) -> RatedRun {
    let (run, label) = match text.split_once(':') {
        Some((run, label)) => (
            run,
            Some(label.to_owned()).filter(|label| !label.is_empty()),
        ),
        None => (text, None),
    };
    RatedRun {
        run: run.to_owned(),
        label,
    }
}

/// A stratum as it stands in the form.
pub fn stratum_word(stratum: Stratum) -> &'static str {
    match stratum {
        Stratum::Confidence => "confidence",
        Stratum::Correctness => "correctness",
        Stratum::ClusterCount => "cluster-count",
    }
}

fn stratum(word: &str) -> Option<Stratum> {
    [
        Stratum::Confidence,
        Stratum::Correctness,
        Stratum::ClusterCount,
    ]
    .into_iter()
    .find(|stratum| stratum_word(*stratum) == word)
}

struct Fields<'a>(&'a [(String, String)]);

impl<'a> Fields<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn first(&self, name: &str) -> Option<&'a str> {
        let named = self.0.iter().find(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Browsers send line breaks as CR LF.
    fn text(&self, name: &str) -> String {
        let text = self.first(name).unwrap_or_default();
        text.replace("\r\n", "\n").trim().to_owned()
    }

    fn number<T: FromStr>(
        &self,
        name: &str,
        words: &str,
        usual: T,
        wrong_words: &str,
        wrong: &mut Vec<String>,
    ) -> T {
        let text = self.first(name).unwrap_or_default().trim();
        if text.is_empty() {
            return usual;
        }
        text.parse().unwrap_or_else(|_| {
            let shown = crate::format::cut(text, 40);
            wrong.push(format!("{words}: “{shown}” is {wrong_words}."));
            usual
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn known_items_are_read_as_they_are_written() {
        let text = "wf-1 | 7-10 | It names all.\nwf-2 | left\n wf-3 | 3 | a | b";
        let (spec, wrong) = read(&fields(&[("training", text)]));
        assert!(wrong.is_empty(), "{wrong:?}");
        let ends: Vec<_> = spec
            .training
            .iter()
            .map(|item| (item.low, item.high, item.choice))
            .collect();
        assert_eq!(
            ends,
            [
                (Some(7), Some(10), None),
                (None, None, Some(Choice::Left)),
                (Some(3), Some(3), None),
            ]
        );
        assert_eq!(spec.training[2].explanation, "a | b");
        assert_eq!(
            known_lines(&spec.training),
            "wf-1 | 7-10 | It names all.\nwf-2 | left\nwf-3 | 3 | a | b"
        );
        let again = read(&fields(&[("training", &known_lines(&spec.training))])).0;
        assert_eq!(again.training, spec.training);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_as_usual() {
        let (spec, wrong) = read(&fields(&[
            ("sample_size", "-1"),
            ("gold_share", "much"),
            ("gold", "wf-1\n\nwf-2 | 1-x"),
            ("seed", ""),
            ("stratify", ""),
        ]));
        assert_eq!(spec.sample_size, ProjectSpec::default().sample_size);
        assert_eq!(spec.seed, None);
        assert!(spec.stratify.is_empty() && !spec.spans);
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(wrong[3].starts_with("Known items, line 3:"), "{wrong:?}");
    }
}
