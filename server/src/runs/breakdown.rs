//! How an evaluation did by template and by length. A very large file is read in evenly spaced parts,
//! so that a page never waits for all of it.

use super::lines::Lines;
use crate::limits::{
    BREAKDOWN_BYTES_MAX, BREAKDOWN_PARTS, RECORD_BYTES_MAX, TEMPLATES_KEPT_MAX, TEMPLATES_SHOWN_MAX,
};
use app::view::{AnswerGroup, Breakdown};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Words up to which a question is of a group; the last group has those with more.
const QUESTION_WORDS: [usize; 5] = [5, 8, 12, 20, 40];
/// The same of answers; 0 is no answer.
const ANSWER_WORDS: [usize; 6] = [0, 1, 2, 3, 6, 12];
/// Where templates beyond the limit are counted.
const OTHERS: &str = "other templates";

/// The fields of an answer that are looked at.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow, default)]
    question: Cow<'a, str>,
    #[serde(borrow, default)]
    answer: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    template: Option<Cow<'a, str>>,
    probability: f64,
    correct: bool,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    n: u64,
    right: u64,
    confidence: f64,
}

impl Sum {
    fn add(&mut self, asked: &Asked<'_>) {
        self.n += 1;
        self.right += u64::from(asked.correct);
        self.confidence += asked.probability;
    }

    fn group(self, name: String) -> AnswerGroup {
        AnswerGroup {
            name,
            n: self.n,
            right: self.right,
            mean_confidence: self.confidence / self.n.max(1) as f64,
        }
    }
}

#[derive(Default)]
struct Sums {
    templates: HashMap<String, Sum>,
    questions: [Sum; QUESTION_WORDS.len() + 1],
    answers: [Sum; ANSWER_WORDS.len() + 1],
    read: u64,
}

impl Sums {
    fn add(&mut self, asked: &Asked<'_>) {
        if !(0.0..=1.0).contains(&asked.probability) {
            return;
        }
        self.read += 1;
        self.questions[place(&QUESTION_WORDS, &asked.question)].add(asked);
        let answer = asked.answer.as_deref().unwrap_or("");
        self.answers[place(&ANSWER_WORDS, answer)].add(asked);
        if let Some(template) = asked.template.as_deref() {
            let is_known = self.templates.contains_key(template);
            let name = match is_known || self.templates.len() < TEMPLATES_KEPT_MAX {
                true => template,
                false => OTHERS,
            };
            self.templates
                .entry(name.to_owned())
                .or_default()
                .add(asked);
        }
    }

    /// Reads whole lines from `start`, which begins one, to `end`.
    fn read(&mut self, file: &mut File, start: u64, end: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(start))?;
        let reader = BufReader::with_capacity(256 * 1024, file.take(end - start));
        let mut lines = Lines::new(reader, start, RECORD_BYTES_MAX);
        while let Some(line) = lines.next_line()? {
            // A torn line, and one that is no answer, are told elsewhere.
            if let Some(Ok(asked)) = line.bytes.map(serde_json::from_slice::<Asked<'_>>) {
                self.add(&asked);
            }
        }
        Ok(())
    }
}

fn place(edges: &[usize], text: &str) -> usize {
    let words = text.split_whitespace().count();
    edges.partition_point(|edge| *edge < words)
}

/// Reads the answers of one evaluation; `by_template` is what `metrics.json` says of them, which is
/// taken where not all of the file was read.
///
/// # Errors
/// Those of reading.
pub fn read(label: &str, mut file: File, bytes: u64, by_template: &Value) -> io::Result<Breakdown> {
    let mut sums = Sums::default();
    let whole = bytes <= BREAKDOWN_BYTES_MAX;
    if whole {
        sums.read(&mut file, 0, bytes)?;
    } else {
        let part = BREAKDOWN_BYTES_MAX / BREAKDOWN_PARTS;
        for index in 0..BREAKDOWN_PARTS {
            let start = (bytes - part) / (BREAKDOWN_PARTS - 1).max(1) * index;
            let Some(line) = after_line_break(&mut file, start)? else {
                continue;
            };
            if line < start + part {
                sums.read(&mut file, line, start + part)?;
            }
        }
    }
    let told = told_by_template(by_template);
    let templates = match whole || told.is_empty() {
        true => {
            let groups = sums.templates.iter();
            groups.map(|(name, sum)| sum.group(name.clone())).collect()
        }
        false => told,
    };
    let named = |edges: &[usize], sums: &[Sum]| {
        let named = sums.iter().enumerate().filter(|(_, sum)| sum.n > 0);
        named
            .map(|(place, sum)| sum.group(words_between(edges, place)))
            .collect()
    };
    Ok(Breakdown {
        label: label.to_owned(),
        templates: largest(templates),
        question_lengths: named(&QUESTION_WORDS, &sums.questions),
        answer_lengths: named(&ANSWER_WORDS, &sums.answers),
        read: sums.read,
        whole,
    })
}

/// What `metrics.json` alone tells, where there are no answers.
pub fn of_metrics(label: &str, by_template: &Value) -> Breakdown {
    Breakdown {
        label: label.to_owned(),
        templates: largest(told_by_template(by_template)),
        whole: true,
        ..Breakdown::default()
    }
}

/// The place after the first line break from `start` on; `start` itself at the file's beginning.
fn after_line_break(file: &mut File, start: u64) -> io::Result<Option<u64>> {
    if start == 0 {
        return Ok(Some(0));
    }
    // One byte back: a line that begins right here is whole.
    file.seek(SeekFrom::Start(start - 1))?;
    let mut lines = Lines::new(BufReader::new(file), start - 1, RECORD_BYTES_MAX);
    Ok(lines.next_line()?.map(|line| line.end))
}

/// `by_template` of `metrics.json`.
fn told_by_template(by_template: &Value) -> Vec<AnswerGroup> {
    let told = by_template.as_object().into_iter().flatten();
    told.filter_map(|(name, group)| {
        let n = group.get("n")?.as_u64()?;
        let accuracy = group.get("accuracy")?.as_f64()?;
        Some(AnswerGroup {
            name: name.clone(),
            n,
            // A share of whole answers, up to rounding.
            right: (accuracy.clamp(0.0, 1.0) * n as f64).round() as u64,
            mean_confidence: group.get("mean_confidence")?.as_f64()?,
        })
    })
    .collect()
}

/// The largest first; those beyond [`TEMPLATES_SHOWN_MAX`] are put together.
fn largest(mut groups: Vec<AnswerGroup>) -> Vec<AnswerGroup> {
    let is_other = |group: &AnswerGroup| group.name == OTHERS;
    groups.sort_by(|left, right| {
        let by_size = right
            .n
            .cmp(&left.n)
            .then_with(|| left.name.cmp(&right.name));
        is_other(left).cmp(&is_other(right)).then(by_size)
    });
    if groups.len() > TEMPLATES_SHOWN_MAX {
        let rest = groups.split_off(TEMPLATES_SHOWN_MAX - 1);
        let mut sum = Sum::default();
        for group in rest {
            sum.n += group.n;
            sum.right += group.right;
            sum.confidence += group.mean_confidence * group.n as f64;
        }
        groups.push(sum.group(OTHERS.to_owned()));
    }
    groups
}

/// `6 to 8 words`, `1 word`, `over 40 words`, `no words`.
fn words_between(edges: &[usize], place: usize) -> String {
    let low = match place {
        0 => usize::from(edges.first() != Some(&0)),
        place => edges[place - 1] + 1,
    };
    match edges.get(place) {
        None => format!("over {} words", low - 1),
        Some(0) => "no words".to_owned(),
        Some(1) if low == 1 => "1 word".to_owned(),
        Some(high) if *high == low => format!("{high} words"),
        Some(high) => format!("{low} to {high} words"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(lines: usize) -> (tempfile::NamedTempFile, u64) {
        let mut text = String::new();
        for index in 0..lines {
            let template = ["capital", "currency"][index % 2];
            let middle = "the name ".repeat(index % 3);
            let correct = index % 4 != 0;
            text.push_str(&format!(
                "{{\"question\":\"What is {middle}of country {index}?\",\"answer\":\"City {index}\",\"template\":\"{template}\",\"probability\":0.8,\"correct\":{correct}}}\n"
            ));
        }
        text.push_str("noise\n");
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        (file, text.len() as u64)
    }

    #[test]
    fn answers_are_counted_by_template_and_by_length() {
        let (made, bytes) = file(300);
        let found = read("a", made.reopen().unwrap(), bytes, &Value::Null).unwrap();
        assert!(found.whole && found.read == 300);
        let names: Vec<_> = found
            .templates
            .iter()
            .map(|one| (one.name.as_str(), one.n, one.right))
            .collect();
        assert_eq!(names, [("capital", 150, 75), ("currency", 150, 150)]);
        let lengths: Vec<_> = found
            .question_lengths
            .iter()
            .map(|one| (one.name.as_str(), one.n))
            .collect();
        assert_eq!(
            lengths,
            [
                ("1 to 5 words", 100),
                ("6 to 8 words", 100),
                ("9 to 12 words", 100)
            ]
        );
        assert_eq!(found.answer_lengths[0].name, "2 words");
        let (gap, low, high) = found.templates[0].gap();
        assert!((gap - 0.3).abs() < 1e-9 && low < gap && gap < high);
    }

    #[test]
    fn a_large_file_is_read_in_parts() {
        let lines = BREAKDOWN_BYTES_MAX as usize / 60;
        let (made, bytes) = file(lines);
        assert!(bytes > BREAKDOWN_BYTES_MAX);
        let told =
            serde_json::json!({"capital": {"n": 8, "accuracy": 0.5, "mean_confidence": 0.9}});
        let found = read("a", made.reopen().unwrap(), bytes, &told).unwrap();
        assert!(!found.whole && found.read > 1_000 && found.read < lines as u64);
        assert_eq!((found.templates.len(), found.templates[0].right), (1, 4));
        assert_eq!(
            found.question_lengths.iter().map(|one| one.n).sum::<u64>(),
            found.read
        );
    }

    #[test]
    fn what_is_rare_is_put_together() {
        let groups = (0..TEMPLATES_SHOWN_MAX as u64 + 50).map(|n| AnswerGroup {
            name: format!("t{n}"),
            n,
            ..AnswerGroup::default()
        });
        let shown = largest(groups.collect());
        assert_eq!(shown.len(), TEMPLATES_SHOWN_MAX);
        assert_eq!(shown[TEMPLATES_SHOWN_MAX - 1].name, OTHERS);
        assert_eq!(
            shown.iter().map(|one| one.n).sum::<u64>(),
            (0..TEMPLATES_SHOWN_MAX as u64 + 50).sum::<u64>()
        );
    }
}
