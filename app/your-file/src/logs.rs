//! Logs of other evaluation tools: what can be chosen in them, and those that are one document.

use crate::limits::{HEAD_ROWS, PREVIEW_ROWS, SAMPLES_AT_ONCE};
use crate::plan::{Choice, Chosen, Plan, Preview, read_as, shortened};
use crate::reading::no_rows;
use crate::rows::Rows;
use crate::trouble::Trouble;
use datasets::archive::Archive;
use datasets::import::{Imported, NotImported, inspect, lm_eval};
use serde_json::Value;
use std::io::Cursor;
use std::ops::Range;

/// A choice whose first option is that the reader decides.
fn choice(
    name: &'static str,
    label: &'static str,
    decides: &str,
    found: &[String],
    chosen: &Chosen,
) -> Choice {
    let decides = (String::new(), decides.to_owned());
    let found = found
        .iter()
        .map(|option| (option.clone(), shortened(option)));
    Choice {
        name,
        label,
        options: std::iter::once(decides).chain(found).collect(),
        chosen: chosen.get(name).cloned().unwrap_or_default(),
    }
}

/// What was chosen, where anything was.
fn chosen_text(chosen: &Chosen, name: &str) -> Option<String> {
    chosen.get(name).filter(|text| !text.is_empty()).cloned()
}

/// A row of the preview.
fn preview_row(place: String, read: &Result<Imported, NotImported>) -> Vec<String> {
    match read {
        Ok(imported) => {
            let answer = &imported.answer;
            vec![
                place,
                shortened(&answer.question),
                shortened(answer.answer.as_deref().unwrap_or(&answer.response)),
                read_as(Some(Some(answer.probability)), Some(Some(answer.correct))),
            ]
        }
        Err(NotImported::Malformed(reason) | NotImported::LeftOut(reason)) => vec![
            place,
            String::new(),
            String::new(),
            format!("left out: {}", chart::format::foreign(reason)),
        ],
    }
}

fn preview(rows: Vec<Vec<String>>) -> Preview {
    let names = ["sample", "question", "answer", "read as"];
    Preview {
        names: names.map(str::to_owned).to_vec(),
        rows,
        left_out: 0,
    }
}

/// The first lines of a log of lm-evaluation-harness.
pub struct LmEvalHead {
    task: String,
    lines: Vec<Vec<u8>>,
    /// Metrics that its lines have, and filters.
    metrics: Vec<String>,
    filters: Vec<String>,
}

impl LmEvalHead {
    /// Of the file's name and its first bytes.
    pub fn of(file_name: &str, head: &[u8]) -> LmEvalHead {
        let lines: Vec<Vec<u8>> = head
            .split(|&byte| byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .take(HEAD_ROWS)
            .map(<[u8]>::to_vec)
            .collect();
        let (mut metrics, mut filters) = (Vec::new(), Vec::new());
        for line in &lines {
            let Ok(object) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            for name in lm_eval::VERDICTS {
                if object.get(name).is_some() && !metrics.iter().any(|known| known == name) {
                    metrics.push(name.to_owned());
                }
            }
            if let Some(filter) = object.get("filter").and_then(Value::as_str)
                && !filters.iter().any(|known| known == filter)
            {
                filters.push(filter.to_owned());
            }
        }
        LmEvalHead {
            task: lm_eval::task_of(file_name).to_owned(),
            lines,
            metrics,
            filters,
        }
    }

    /// The samples that are taken.
    pub fn selection(&self, chosen: &Chosen) -> lm_eval::Selection {
        lm_eval::Selection {
            task: self.task.clone(),
            filter: chosen_text(chosen, "filter").or_else(|| self.filters.first().cloned()),
            metric: chosen_text(chosen, "metric"),
        }
    }

    pub fn plan(&self, chosen: &Chosen) -> Plan {
        let selection = self.selection(chosen);
        let rows = self
            .lines
            .iter()
            .take(PREVIEW_ROWS)
            .enumerate()
            .map(|(at, line)| {
                preview_row(
                    format!("line {}", at + 1),
                    &lm_eval::sample(line, &selection),
                )
            })
            .collect();
        let mut choices = vec![choice(
            "metric",
            "Right or wrong by",
            "the first metric that says so",
            &self.metrics,
            chosen,
        )];
        if self.filters.len() > 1 {
            choices.push(choice(
                "filter",
                "Filter",
                "that of the first line",
                &self.filters,
                chosen,
            ));
        }
        Plan {
            sentence: "Read as a log of lm-evaluation-harness. The confidence is the share of the chosen answer's likelihood among the choices, or what the response states.".into(),
            choices,
            preview: preview(rows),
            missing: None,
        }
    }
}

/// A log of Inspect in memory.
pub struct InspectLog {
    header: inspect::Header,
    samples: Samples,
    scorers: Vec<String>,
    epochs: Vec<u64>,
}

enum Samples {
    /// Of one document: where each sample stands in its bytes.
    Document {
        bytes: Vec<u8>,
        places: Vec<Range<usize>>,
    },
    /// Of an archive: the names of the samples' files.
    Archive {
        archive: Archive<Cursor<Vec<u8>>>,
        names: Vec<String>,
    },
}

fn not_a_log(reason: &str) -> Trouble {
    Trouble::new(
        "This is not a file of the right form.",
        format!("{} {}", chart::format::foreign(reason), crate::form::WANTED),
        "Choose another file. A table of a spreadsheet: save it as CSV.",
    )
}

impl InspectLog {
    /// Of the whole file's bytes.
    ///
    /// # Errors
    /// In words: no log of Inspect, of another version, or without samples.
    pub fn of(bytes: Vec<u8>, is_archive: bool) -> Result<InspectLog, Trouble> {
        let (header, samples) = match is_archive {
            true => of_archive(bytes)?,
            false => of_document(bytes)?,
        };
        let mut log = InspectLog {
            header,
            samples,
            scorers: Vec::new(),
            epochs: Vec::new(),
        };
        if log.is_empty() {
            return Err(Trouble::new(
                "There are no samples.",
                "The log holds none: the evaluation may not have ended.",
                "Choose another log.",
            ));
        }
        log.look_at_the_first();
        Ok(log)
    }

    /// Which scorers and epochs there are, by the first samples.
    fn look_at_the_first(&mut self) {
        for at in 0..self.len().min(HEAD_ROWS) {
            let Ok(bytes) = self.bytes(at) else { continue };
            let Ok(sample) = serde_json::from_slice::<Value>(&bytes) else {
                continue;
            };
            if let Some(scores) = sample.get("scores").and_then(Value::as_object) {
                for name in scores.keys() {
                    if !self.scorers.contains(name) {
                        self.scorers.push(name.clone());
                    }
                }
            }
            if let Some(epoch) = sample.get("epoch").and_then(Value::as_u64)
                && !self.epochs.contains(&epoch)
            {
                self.epochs.push(epoch);
            }
        }
        self.epochs.sort_unstable();
    }

    /// Samples.
    pub fn len(&self) -> usize {
        match &self.samples {
            Samples::Document { places, .. } => places.len(),
            Samples::Archive { names, .. } => names.len(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&mut self, at: usize) -> Result<Vec<u8>, String> {
        match &mut self.samples {
            Samples::Document { bytes, places } => Ok(bytes[places[at].clone()].to_vec()),
            Samples::Archive { archive, names } => archive.read(&names[at]),
        }
    }

    fn selection(&self, chosen: &Chosen) -> inspect::Selection {
        inspect::Selection {
            task: self.header.task.clone(),
            score: chosen_text(chosen, "scorer"),
            epoch: chosen_text(chosen, "epoch")
                .and_then(|text| text.parse().ok())
                .or_else(|| self.epochs.first().copied())
                .unwrap_or(1),
        }
    }

    fn place(&self, at: usize) -> String {
        match &self.samples {
            Samples::Document { .. } => format!("sample {}", at + 1),
            Samples::Archive { names, .. } => shortened(&names[at]),
        }
    }

    pub fn plan(&mut self, chosen: &Chosen) -> Plan {
        let selection = self.selection(chosen);
        let rows = (0..self.len().min(PREVIEW_ROWS))
            .map(|at| {
                let place = self.place(at);
                let read = self
                    .bytes(at)
                    .map_err(NotImported::Malformed)
                    .and_then(|bytes| inspect::sample(&bytes, &selection));
                preview_row(place, &read)
            })
            .collect();
        let mut choices = vec![choice(
            "scorer",
            "Right or wrong by",
            "the first scorer that says so",
            &self.scorers,
            chosen,
        )];
        if self.epochs.len() > 1 {
            let epochs: Vec<String> = self.epochs.iter().map(u64::to_string).collect();
            choices.push(choice("epoch", "Epoch", "the first", &epochs, chosen));
        }
        Plan {
            sentence: format!(
                "Read as a log of Inspect: task {}, model {}. The confidence is what a score records, else what the answer states, else the probability of the answered letter.",
                shortened(&self.header.task),
                shortened(&self.header.model)
            ),
            choices,
            preview: preview(rows),
            missing: None,
        }
    }

    /// Reads some samples more, from `from`; the place after the last of them.
    ///
    /// # Errors
    /// Beyond a limit.
    pub fn read(
        &mut self,
        from: usize,
        chosen: &Chosen,
        rows: &mut Rows,
    ) -> Result<usize, Trouble> {
        let selection = self.selection(chosen);
        let until = self.len().min(from + SAMPLES_AT_ONCE);
        for at in from..until {
            let read = self
                .bytes(at)
                .map_err(NotImported::Malformed)
                .and_then(|bytes| inspect::sample(&bytes, &selection));
            match read {
                Ok(imported) => {
                    rows.add(imported.answer.probability, imported.answer.correct, None)?;
                }
                Err(NotImported::Malformed(reason) | NotImported::LeftOut(reason)) => {
                    let place = self.place(at);
                    rows.rejected.add(|| place, || reason);
                }
            }
        }
        if until == self.len() && rows.is_empty() {
            return Err(no_rows(rows));
        }
        Ok(until)
    }
}

fn of_document(bytes: Vec<u8>) -> Result<(inspect::Header, Samples), Trouble> {
    let start = bytes.as_ptr() as usize;
    let (header, samples) = inspect::log(&bytes).map_err(|reason| not_a_log(&reason))?;
    // Samples are parts of the bytes: their places are kept, since the bytes move along.
    let places = samples
        .iter()
        .map(|sample| {
            let from = sample.as_ptr() as usize - start;
            from..from + sample.len()
        })
        .collect();
    Ok((header, Samples::Document { bytes, places }))
}

fn of_archive(bytes: Vec<u8>) -> Result<(inspect::Header, Samples), Trouble> {
    let mut archive = Archive::new(Cursor::new(bytes)).map_err(|reason| not_a_log(&reason))?;
    let header = ["header.json", "_journal/start.json"]
        .into_iter()
        .find(|wanted| archive.names().any(|name| name == *wanted))
        .ok_or_else(|| not_a_log("An archive with neither header.json nor _journal/start.json."))?;
    let bytes = archive.read(header).map_err(|reason| not_a_log(&reason))?;
    let (header, _) = inspect::log(&bytes).map_err(|reason| not_a_log(&reason))?;
    let mut names: Vec<String> = archive
        .names()
        .filter(|name| name.starts_with("samples/") && name.ends_with(".json"))
        .map(ToOwned::to_owned)
        .collect();
    // Samples are written as they end; the archive's order is no order.
    names.sort();
    Ok((header, Samples::Archive { archive, names }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write;

    fn sample(id: u32, epoch: u64, level: u8, value: &str) -> Value {
        json!({
            "id": id, "epoch": epoch, "input": "Which?", "target": "Paris",
            "output": {"completion": format!("Answer: Paris\nConfidence: {level}")},
            "scores": {"match": {"value": value}, "other": {"value": "I"}}
        })
    }

    fn samples() -> Vec<Value> {
        vec![
            sample(1, 1, 9, "C"),
            sample(2, 1, 3, "I"),
            sample(1, 2, 5, "C"),
            json!({"id": 3}),
        ]
    }

    fn all(log: &mut InspectLog, chosen: &Chosen) -> Rows {
        let mut rows = Rows::default();
        let mut at = 0;
        while at < log.len() {
            at = log.read(at, chosen, &mut rows).unwrap();
        }
        rows
    }

    #[test]
    fn a_document_and_an_archive_are_read_alike() {
        let header = json!({"version": 2, "eval": {"task": "a/b", "model": "m"}});
        let mut document = header.clone();
        document["samples"] = json!(samples());
        let document = serde_json::to_vec_pretty(&document).unwrap();
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        writer.start_file("header.json", options).unwrap();
        writer.write_all(header.to_string().as_bytes()).unwrap();
        for (at, sample) in samples().iter().enumerate() {
            writer
                .start_file(format!("samples/{at}.json"), options)
                .unwrap();
            writer.write_all(sample.to_string().as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        for (bytes, is_archive) in [(document, false), (archive, true)] {
            let mut log = InspectLog::of(bytes, is_archive).unwrap();
            let plan = log.plan(&Chosen::new());
            assert!(
                plan.sentence.contains("task b, model m"),
                "{}",
                plan.sentence
            );
            assert_eq!(plan.choices.len(), 2);
            assert_eq!(plan.preview.rows[0][3], "0.90, right");
            let rows = all(&mut log, &Chosen::new());
            assert_eq!((rows.len(), rows.rejected.count), (2, 2));
            let other = Chosen::from([("scorer".to_owned(), "other".to_owned())]);
            let rows = all(&mut log, &other).into_rows().unwrap();
            assert!(rows.iter().all(|row| !row.correct));
            let second = Chosen::from([("epoch".to_owned(), "2".to_owned())]);
            assert_eq!(all(&mut log, &second).len(), 1);
        }
    }

    #[test]
    fn what_is_no_log_is_told() {
        for (bytes, is_archive, wanted) in [
            (&b"{}"[..], false, "not a log of Inspect"),
            (&b"PK\x03\x04"[..], true, "not a ZIP archive"),
            (&b"{\"eval\":{}}"[..], false, "no samples"),
        ] {
            let trouble = InspectLog::of(bytes.to_vec(), is_archive).err().unwrap();
            let told = format!("{} {}", trouble.title, trouble.text);
            assert!(told.contains(wanted), "{told}");
        }
    }

    #[test]
    fn metrics_and_filters_can_be_chosen() {
        let line = |filter: &str| {
            json!({"doc": {"question": "Which?"}, "resps": [["Confidence: 7"]], "filter": filter, "exact_match": 1.0, "acc": 0.0})
                .to_string()
        };
        let text = [line("strict"), line("loose")].join("\n");
        let head = LmEvalHead::of("samples_gsm8k_2026-01-31T10-20-30.jsonl", text.as_bytes());
        let plan = head.plan(&Chosen::new());
        let options: Vec<usize> = plan
            .choices
            .iter()
            .map(|choice| choice.options.len())
            .collect();
        assert_eq!(options, [3, 3]);
        assert_eq!(plan.preview.rows[0][3], "0.70, wrong");
        assert!(plan.preview.rows[1][3].starts_with("left out"));
        let chosen = Chosen::from([("metric".to_owned(), "exact_match".to_owned())]);
        assert_eq!(head.plan(&chosen).preview.rows[0][3], "0.70, right");
        assert_eq!(head.selection(&chosen).task, "gsm8k");
    }
}
