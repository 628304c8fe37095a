//! Logs of other evaluation tools become a run directory: `evaluate/TASK/answers.jsonl` with
//! `metrics.json`, `questions.jsonl`, and `skipped.jsonl` for what holds no confidence.

use crate::archive::Archive;
use crate::error::{Error, bad_input, bad_use};
use crate::events::{EventLog, Progress};
use crate::run_dir::{Provenance, RunDir, RunFile, for_each_line, write_atomically, write_records};
use crate::stages::StageContext;
use crate::stages::evaluate::{ANSWERS, METRICS, measure};
use calibration::metrics::MetricsError;
use datasets::import::{Imported, NotImported, Source, inspect, lm_eval};
use datasets::{Answer, Question, RunConfig, Skipped};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The stage's name in events and in `skipped.jsonl`.
const STAGE: &str = "import";
/// Bytes of a log that is one JSON document, or of an archive on disk.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Samples of all files.
const SAMPLES_MAX: usize = 5_000_000;
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 100;

/// Whose logs they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    LmEval,
    Inspect,
}

impl Tool {
    /// As `sayself import` and the records call it.
    pub fn name(self) -> &'static str {
        match self {
            Tool::LmEval => "lm-eval",
            Tool::Inspect => "inspect",
        }
    }
}

/// What is taken of the logs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// In place of the model's name in the log, or in its path.
    pub model: Option<String>,
    /// lm-eval: the filter whose lines are taken; absent: that of a file's first line.
    pub filter: Option<String>,
    /// lm-eval: the metric that says right or wrong. Inspect: the scorer.
    pub verdict: Option<String>,
    /// Inspect: the epoch that is taken.
    pub epoch: u64,
    /// Seed of the bootstraps.
    pub seed: u64,
    /// Count malformed samples too, in place of failing.
    pub skip_invalid: bool,
    pub quiet: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub tool: &'static str,
    pub out: PathBuf,
    pub evaluations: Vec<ImportedEvaluation>,
    /// Samples without a confidence or a verdict, in `skipped.jsonl`.
    pub skipped: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportedEvaluation {
    pub label: String,
    pub task: String,
    pub model: String,
    /// Answers with a confidence.
    pub n: usize,
    /// How many confidences were found where.
    pub confidences: BTreeMap<Source, usize>,
}

/// The samples of one task and model.
struct Evaluation {
    task: String,
    model: String,
    /// The files that it was read from, by name.
    files: Vec<String>,
    taken: Vec<Imported>,
    ids: HashSet<String>,
}

/// Reads the logs and writes the run directory `out`. Done again with the same files it writes the
/// same bytes.
///
/// # Errors
/// Exit code 2 for a log of another form, for one beyond a limit, and where no sample holds a
/// confidence.
pub fn import(
    tool: Tool,
    files: &[PathBuf],
    out: &Path,
    options: &Options,
) -> anyhow::Result<Summary> {
    let mut collector = Collector {
        options,
        evaluations: Vec::new(),
        skipped: Vec::new(),
        samples: 0,
    };
    let mut provenance = Provenance::of(STAGE);
    for (number, file) in files.iter().enumerate() {
        provenance = provenance.with_input(&format!("file-{}", number + 1), file)?;
        match tool {
            Tool::LmEval => collector.lm_eval(file)?,
            Tool::Inspect => collector.inspect(file)?,
        }
    }
    let Collector {
        evaluations,
        skipped,
        ..
    } = collector;
    let evaluations: Vec<Evaluation> = evaluations
        .into_iter()
        .filter(|one| !one.taken.is_empty())
        .collect();
    if evaluations.is_empty() {
        let first = skipped
            .first()
            .map_or_else(String::new, |one| format!(", the first: {}", one.reason));
        return Err(bad_input(format!(
            "no sample of {} files holds a confidence ({} left out{first})",
            files.len(),
            skipped.len()
        )));
    }
    let labels = labels(&evaluations)?;

    let dir = RunDir::open(out)?;
    let file = RunFile {
        provenance,
        config: config(tool, &evaluations, options),
    };
    file.config.check()?;
    dir.settle_config(&file)?;
    let events = EventLog::open(dir.path().join("events.jsonl"))?;
    let context = StageContext {
        records: dir.path().to_path_buf(),
        events: &events,
        stage: STAGE.into(),
        seed: options.seed,
        skip_invalid: options.skip_invalid,
        quiet: options.quiet,
    };
    let outcome = write(
        tool,
        &dir,
        &context,
        &evaluations,
        &labels,
        &skipped,
        options,
    );
    let written = context.told(outcome)?;
    Ok(Summary {
        tool: tool.name(),
        out: out.to_path_buf(),
        evaluations: written,
        skipped: skipped.len(),
    })
}

fn config(tool: Tool, evaluations: &[Evaluation], options: &Options) -> RunConfig {
    let joined = |of: fn(&Evaluation) -> &str| -> String {
        let distinct: BTreeSet<&str> = evaluations.iter().map(of).collect();
        let distinct: Vec<&str> = distinct.into_iter().collect();
        distinct.join(", ")
    };
    let tasks = joined(|one| &one.task);
    let mut config = RunConfig {
        title: format!("{tasks}, imported from {}", tool.name()),
        seed: options.seed,
        model: joined(|one| &one.model),
        ..RunConfig::default()
    };
    config.questions.source = tasks;
    config
}

fn write(
    tool: Tool,
    dir: &RunDir,
    context: &StageContext<'_>,
    evaluations: &[Evaluation],
    labels: &[String],
    skipped: &[Skipped],
    options: &Options,
) -> anyhow::Result<Vec<ImportedEvaluation>> {
    let total: usize = evaluations.iter().map(|one| one.taken.len()).sum();
    let mut progress = Progress::start(context, 0, total as u64, "samples")?;
    context.write_skipped(skipped)?;
    let mut known = HashSet::new();
    let questions: Vec<&Question> = evaluations
        .iter()
        .flat_map(|one| &one.taken)
        .map(|imported| &imported.question)
        .filter(|question| known.insert(question.id.as_str()))
        .collect();
    write_records(&dir.path().join("questions.jsonl"), &questions)?;
    let mut written = Vec::new();
    for (one, label) in evaluations.iter().zip(labels) {
        let folder = dir.folder(&format!("evaluate/{label}"))?;
        let answers: Vec<Answer> = one
            .taken
            .iter()
            .map(|imported| imported.answer.clone())
            .collect();
        write_records(&folder.join(ANSWERS), &answers)?;
        let mut confidences: BTreeMap<Source, usize> = BTreeMap::new();
        for imported in &one.taken {
            *confidences.entry(imported.source).or_default() += 1;
        }
        let mut measured = measure(&answers, options.seed).map_err(|error| {
            match error.downcast_ref::<MetricsError>() {
                Some(found) => bad_input(format!("{label}: {found}")),
                None => error,
            }
        })?;
        let values = [
            ("method", json!(tool.name())),
            ("model", json!(one.model)),
            ("questions", json!(one.task)),
            ("confidence", json!(confidences)),
            // The tool's own judge decided.
            ("judge", json!(format!("of {}", tool.name()))),
            ("judge_valid", json!(true)),
            ("imported_from", json!(one.files)),
        ];
        if let Some(object) = measured.as_object_mut() {
            object.extend(values.map(|(name, value)| (name.to_owned(), value)));
        }
        let mut bytes = serde_json::to_vec_pretty(&measured)?;
        bytes.push(b'\n');
        write_atomically(&folder.join(METRICS), &bytes)?;
        progress.advance(answers.len() as u64)?;
        written.push(ImportedEvaluation {
            label: label.clone(),
            task: one.task.clone(),
            model: one.model.clone(),
            n: answers.len(),
            confidences,
        });
    }
    progress.finish()?;
    Ok(written)
}

/// A folder's name for each evaluation: its task, with the model where two share the task.
fn labels(evaluations: &[Evaluation]) -> anyhow::Result<Vec<String>> {
    let mut taken = BTreeSet::new();
    let mut labels = Vec::new();
    for one in evaluations {
        let of_task = evaluations.iter().filter(|other| other.task == one.task);
        let label = match of_task.count() {
            1 => folder_name(&one.task),
            _ => folder_name(&format!("{}-{}", one.task, one.model)),
        };
        if !taken.insert(label.clone()) {
            return Err(bad_use(format!(
                "two logs would be called {label}; import them into two runs, or name models by --model"
            )));
        }
        labels.push(label);
    }
    Ok(labels)
}

/// Letters, digits, `-`, `_` and `.`, at most [`LABEL_CHARS_MAX`], never a path.
fn folder_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => character,
            _ => '-',
        })
        .take(LABEL_CHARS_MAX)
        .collect();
    match name.trim_start_matches('.') {
        "" => "task".to_owned(),
        name => name.to_owned(),
    }
}

struct Collector<'a> {
    options: &'a Options,
    evaluations: Vec<Evaluation>,
    skipped: Vec<Skipped>,
    samples: usize,
}

impl Collector<'_> {
    /// The evaluation of a task and model, new where there is none.
    fn evaluation(&mut self, task: &str, model: &str, file: &Path) -> usize {
        let name = file.file_name().unwrap_or(file.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let found = self
            .evaluations
            .iter()
            .position(|one| one.task == task && one.model == model);
        match found {
            Some(place) => {
                self.evaluations[place].files.push(name);
                place
            }
            None => {
                self.evaluations.push(Evaluation {
                    task: task.to_owned(),
                    model: model.to_owned(),
                    files: vec![name],
                    taken: Vec::new(),
                    ids: HashSet::new(),
                });
                self.evaluations.len() - 1
            }
        }
    }

    /// Counts a sample in, out, or fails.
    fn take(
        &mut self,
        evaluation: usize,
        place: String,
        read: Result<Imported, NotImported>,
    ) -> anyhow::Result<()> {
        self.samples += 1;
        if self.samples > SAMPLES_MAX {
            return Err(bad_input(format!(
                "{place}: more than {SAMPLES_MAX} samples in all"
            )));
        }
        let reason = match read {
            Ok(imported) => {
                let one = &mut self.evaluations[evaluation];
                if one.ids.insert(imported.answer.id.clone()) {
                    one.taken.push(imported);
                    return Ok(());
                }
                "the same question of the same task stood there before".to_owned()
            }
            Err(NotImported::LeftOut(reason)) => reason,
            Err(NotImported::Malformed(reason)) if self.options.skip_invalid => reason,
            Err(NotImported::Malformed(reason)) => {
                return Err(bad_input(format!("{place}: {reason}")));
            }
        };
        self.skipped.push(Skipped {
            stage: STAGE.into(),
            record: place,
            reason,
        });
        Ok(())
    }

    fn lm_eval(&mut self, file: &Path) -> anyhow::Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let task = lm_eval::task_of(&name).to_owned();
        // The tool writes into a folder of the model's name, slashes written as two underscores.
        let folder = file.parent().and_then(Path::file_name);
        let model = match (&self.options.model, folder) {
            (Some(model), _) => model.clone(),
            (None, Some(folder)) => folder.to_string_lossy().replace("__", "/"),
            (None, None) => "unknown".to_owned(),
        };
        let evaluation = self.evaluation(&task, &model, file);
        let mut selection = lm_eval::Selection {
            task,
            filter: self.options.filter.clone(),
            metric: self.options.verdict.clone(),
        };
        let before = self.samples;
        for_each_line(file, |line| {
            if line.bytes.trim_ascii().is_empty() {
                return Ok(());
            }
            if selection.filter.is_none() {
                selection.filter = lm_eval::filter_of(line.bytes);
            }
            let place = format!("{}:{}", file.display(), line.number);
            self.take(evaluation, place, lm_eval::sample(line.bytes, &selection))
        })?;
        if self.samples == before {
            return Err(bad_input(format!("{}: the file is empty", file.display())));
        }
        Ok(())
    }

    fn inspect(&mut self, file: &Path) -> anyhow::Result<()> {
        let read_error = |source| Error::Read {
            path: file.to_path_buf(),
            source,
        };
        let bytes = file.metadata().map_err(read_error)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(bad_input(format!(
                "{}: {bytes} bytes, expected at most {FILE_BYTES_MAX}",
                file.display()
            )));
        }
        let mut start = [0; 2];
        let opened = File::open(file).map_err(read_error)?;
        let read = (&opened).take(2).read(&mut start).map_err(read_error)?;
        if read == 2 && start == *b"PK" {
            return self.archive(file);
        }
        let text = std::fs::read(file).map_err(read_error)?;
        let (header, samples) = inspect::log(&text)
            .map_err(|reason| bad_input(format!("{}: {reason}", file.display())))?;
        let (evaluation, selection) = self.of_header(&header, file);
        for (number, sample) in samples.into_iter().enumerate() {
            let place = format!("{}: sample {}", file.display(), number + 1);
            self.take(
                evaluation,
                place,
                inspect::sample(sample.as_bytes(), &selection),
            )?;
        }
        Ok(())
    }

    fn of_header(&mut self, header: &inspect::Header, file: &Path) -> (usize, inspect::Selection) {
        let task = match header.task.as_str() {
            "" => "task",
            task => task,
        };
        let model = match (&self.options.model, header.model.as_str()) {
            (Some(model), _) => model.as_str(),
            (None, "") => "unknown",
            (None, model) => model,
        };
        let evaluation = self.evaluation(task, model, file);
        let selection = inspect::Selection {
            task: task.to_owned(),
            score: self.options.verdict.clone(),
            epoch: self.options.epoch,
        };
        (evaluation, selection)
    }

    fn archive(&mut self, file: &Path) -> anyhow::Result<()> {
        let path = file.display();
        let mut archive = Archive::open(file)?;
        let header = ["header.json", "_journal/start.json"]
            .into_iter()
            .find(|wanted| archive.names().any(|name| name == *wanted))
            .ok_or_else(|| {
                bad_input(format!(
                    "{path}: found neither header.json nor _journal/start.json, expected an .eval log of Inspect"
                ))
            })?;
        let bytes = archive.read(header)?;
        let (header, _) =
            inspect::log(&bytes).map_err(|reason| bad_input(format!("{path}: {reason}")))?;
        let (evaluation, selection) = self.of_header(&header, file);
        let mut samples: Vec<String> = archive
            .names()
            .filter(|name| name.starts_with("samples/") && name.ends_with(".json"))
            .map(ToOwned::to_owned)
            .collect();
        // Samples are written as they end; the archive's order is no order.
        samples.sort();
        for name in &samples {
            let bytes = archive.read(name)?;
            self.take(
                evaluation,
                format!("{path}: {name}"),
                inspect::sample(&bytes, &selection),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn options() -> Options {
        Options {
            epoch: 1,
            seed: 42,
            quiet: true,
            ..Options::default()
        }
    }

    fn archive(path: &Path, entries: &[(&str, &[u8])]) {
        let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        for (name, bytes) in entries {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
    }

    const HEADER: &[u8] = br#"{"version":2,"eval":{"task":"a/b","model":"m"}}"#;

    #[test]
    fn a_bomb_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.eval");
        let filler = vec![b' '; 64 * 1024 * 1024];
        archive(
            &path,
            &[("header.json", HEADER), ("samples/1_epoch_1.json", &filler)],
        );
        let out = folder.path().join("out");
        let error = import(Tool::Inspect, &[path], &out, &options()).unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
        assert_eq!(crate::error::exit_code(&error), 2);
        assert!(!out.exists(), "nothing is half-written");
    }

    #[test]
    fn what_is_no_log_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let no_header = folder.path().join("c.eval");
        archive(&no_header, &[("samples/1_epoch_1.json", b"{}")]);
        for (tool, file, wanted) in [
            (Tool::LmEval, write("empty.jsonl", b"\n"), "empty"),
            (
                Tool::LmEval,
                write("samples_a.jsonl", b"{\"a\":1}\n"),
                "no `resps`",
            ),
            (
                Tool::Inspect,
                write("a.json", b"[]"),
                "not a log of Inspect",
            ),
            (
                Tool::Inspect,
                write("b.eval", b"PK\x03\x04torn"),
                "not a ZIP archive",
            ),
            (Tool::Inspect, no_header, "header.json"),
        ] {
            let out = folder.path().join("out");
            let error = import(tool, std::slice::from_ref(&file), &out, &options()).unwrap_err();
            assert!(
                error.to_string().contains(wanted),
                "{}: {error}",
                file.display()
            );
            assert_eq!(crate::error::exit_code(&error), 2);
            assert!(!out.exists());
        }
    }

    #[test]
    fn labels_are_no_paths() {
        assert_eq!(folder_name("../../etc"), "-..-etc");
        assert_eq!(folder_name("mmlu/law é"), "mmlu-law--");
        assert_eq!(folder_name("…"), "-");
        assert_eq!(folder_name(".."), "task");
    }
}
