//! What an evaluation offers to be rated: its answers that have a rationale, and what the model said when
//! it was asked their questions many times.

use super::answers::cut_text;
use super::contained;
use super::evaluation::evaluation;
use super::facts::{ANSWERS, EvaluationFolder, METRICS, evaluation_folders};
use super::faithfulness;
use super::library::Run;
use super::lines::Lines;
use super::question::{CLUSTERS, RATIONALES, SAMPLES, first};
use crate::limits::{
    EVIDENCE_CHARACTERS_MAX, EVIDENCE_EXAMPLES_MAX, RATED_ANSWERS_MAX, RATED_BYTES_MAX,
    RATED_CHARACTERS_MAX, RECORD_BYTES_MAX,
};
use datasets::{Answer, Clustering};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Samples of a question below which nothing can differ.
const SAMPLES_MIN: usize = 2;

/// One evaluation, as far as it can be rated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offered {
    pub run: String,
    pub label: String,
    pub method: String,
    /// Of the file of answers, in hex.
    pub answers_sha256: String,
    /// In the file's order.
    pub answers: Vec<OfferedAnswer>,
    /// What was left out, a sentence each.
    pub remarks: Vec<String>,
    /// Where samples may lie, for [`Offered::examples`].
    places: Vec<Sampled>,
    directory: PathBuf,
}

/// One answer with its rationale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfferedAnswer {
    pub question_id: String,
    pub question: String,
    /// As the model wrote it.
    pub rationale: String,
    /// The stated level, 1..=10.
    pub confidence: Option<u8>,
    pub correct: bool,
    /// What the samples say, the largest group first; empty where the question was not sampled.
    pub groups: Vec<Group>,
    /// Which of the places its samples lie in.
    place: usize,
}

/// Samples that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub answer: String,
    /// Indices of the samples.
    pub members: Vec<u32>,
}

/// Where samples of an evaluation's questions may lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sampled {
    clusters: Option<PathBuf>,
    samples: Option<PathBuf>,
}

/// What is read of a sample.
#[derive(Deserialize)]
struct Sample {
    question_id: String,
    index: u32,
    response: String,
}

/// What is read of a taught rationale.
#[derive(Deserialize)]
struct Taught {
    id: String,
}

/// What the evaluation `label` of a run offers, the headline's where it is absent; `None` where there is no
/// such evaluation. Blocks on the file system.
///
/// # Errors
/// Those of reading the answers. A file of samples or clusters that is not there is no error.
pub fn offered(run: &Run, label: Option<&str>) -> io::Result<Option<Offered>> {
    let directory = &run.found.directory;
    let folders = evaluation_folders(directory)?;
    let Some(folder) = folder_of(run, &folders, label) else {
        return Ok(None);
    };
    let mut offered = Offered {
        run: run.found.id.clone(),
        label: folder.label.clone(),
        method: method(directory, folder),
        answers_sha256: sha256_of(directory, &folder.path.join(ANSWERS))?,
        places: places(directory, &folder.label),
        directory: directory.clone(),
        ..Offered::default()
    };
    offered.read_answers(&folder.path.join(ANSWERS))?;
    offered.leave_out_taught()?;
    for place in 0..offered.places.len() {
        offered.read_clusters(place)?;
        offered.read_samples(place)?;
    }
    Ok(Some(offered))
}

fn folder_of<'a>(
    run: &Run,
    folders: &'a [EvaluationFolder],
    label: Option<&str>,
) -> Option<&'a EvaluationFolder> {
    let headline = run.facts.headline.as_ref();
    let label = label.or(headline.map(|evaluation| evaluation.label.as_str()));
    match label {
        Some(label) => folders.iter().find(|folder| folder.label == label),
        None => folders.first(),
    }
}

fn method(directory: &Path, folder: &EvaluationFolder) -> String {
    contained::small_text(directory, &folder.path.join(METRICS))
        .ok()
        .and_then(|text| evaluation(&folder.label, &text).ok())
        .map_or_else(|| folder.label.clone(), |evaluation| evaluation.method)
}

/// The samples of the model that was evaluated, as `faithfulness` draws them, before those that its
/// training began with.
fn places(directory: &Path, label: &str) -> Vec<Sampled> {
    let measured = faithfulness::folder(directory, label);
    let there = |path: PathBuf| path.exists().then_some(path);
    vec![
        Sampled {
            clusters: there(measured.join("clusters.jsonl")),
            samples: there(measured.join("samples.jsonl")),
        },
        Sampled {
            clusters: first(directory, &CLUSTERS),
            samples: first(directory, &SAMPLES),
        },
    ]
}

impl Offered {
    fn read_answers(&mut self, path: &Path) -> io::Result<()> {
        let (mut without, mut beyond) = (0_u64, 0_u64);
        let answers = &mut self.answers;
        each_record(&self.directory, path, |answer: Answer| {
            let mut rationale = match answer.rationale {
                Some(rationale) if !rationale.trim().is_empty() => rationale,
                _ => {
                    without += 1;
                    return;
                }
            };
            if answers.len() == RATED_ANSWERS_MAX {
                beyond += 1;
                return;
            }
            let mut question = answer.question;
            cut_text(&mut question, RATED_CHARACTERS_MAX);
            cut_text(&mut rationale, RATED_CHARACTERS_MAX);
            answers.push(OfferedAnswer {
                question_id: answer.question_id,
                question,
                rationale,
                confidence: answer.confidence.map(|confidence| confidence.level()),
                correct: answer.correct,
                ..OfferedAnswer::default()
            });
        })?;
        let of = format!("{} of {}", self.label, self.run);
        if without > 0 {
            self.remarks
                .push(format!("{without} answers of {of} have no rationale."));
        }
        if beyond > 0 {
            self.remarks.push(format!(
                "Items are drawn from the first {RATED_ANSWERS_MAX} answers of {of}; {beyond} more are left out."
            ));
        }
        Ok(())
    }

    /// A rationale that was taught was written from the clusters: it says nothing of the model.
    fn leave_out_taught(&mut self) -> io::Result<()> {
        let Some(path) = first(&self.directory, &RATIONALES) else {
            return Ok(());
        };
        let mut taught = HashSet::new();
        each_record(&self.directory, &path, |one: Taught| {
            taught.insert(one.id);
        })?;
        let before = self.answers.len();
        self.answers
            .retain(|answer| !taught.contains(&answer.question_id));
        let left_out = before - self.answers.len();
        if left_out > 0 {
            self.remarks.push(format!(
                "{left_out} answers of {} of {} are to questions whose rationale was taught, written from the clusters: they are left out.",
                self.label, self.run
            ));
        }
        Ok(())
    }

    /// Answers that have no groups yet, by question.
    fn ungrouped(&self) -> HashMap<String, usize> {
        self.answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| answer.groups.is_empty())
            .map(|(index, answer)| (answer.question_id.clone(), index))
            .collect()
    }

    fn read_clusters(&mut self, place: usize) -> io::Result<()> {
        let Some(path) = self.places[place].clusters.clone() else {
            return Ok(());
        };
        let wanted = self.ungrouped();
        let answers = &mut self.answers;
        each_record(&self.directory, &path, |clustering: Clustering| {
            let Some(index) = wanted.get(&clustering.id) else {
                return;
            };
            let groups = clustering.clusters.into_iter().map(|cluster| {
                let mut answer = cluster.answer;
                cut_text(&mut answer, EVIDENCE_CHARACTERS_MAX);
                Group {
                    answer,
                    members: cluster.members,
                }
            });
            answers[*index].take(groups.collect(), place);
        })
    }

    /// Samples that were not clustered, grouped by what they answer.
    fn read_samples(&mut self, place: usize) -> io::Result<()> {
        let wanted = self.ungrouped();
        let Some(path) = self.places[place].samples.clone() else {
            return Ok(());
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let mut said: HashMap<usize, Vec<(u32, String)>> = HashMap::new();
        each_record(&self.directory, &path, |sample: Sample| {
            if let Some(index) = wanted.get(&sample.question_id) {
                let answer = calibration::parse::bare_answer(&sample.response);
                let mut answer = answer.unwrap_or_default();
                cut_text(&mut answer, EVIDENCE_CHARACTERS_MAX);
                said.entry(*index).or_default().push((sample.index, answer));
            }
        })?;
        for (index, mut said) in said {
            said.sort_unstable();
            said.dedup_by_key(|(index, _)| *index);
            let answers: Vec<&str> = said.iter().map(|(_, answer)| answer.as_str()).collect();
            let groups = calibration::cluster::by_answer(&answers)
                .into_iter()
                .map(|members| Group {
                    answer: members
                        .first()
                        .map(|member| said[*member].1.clone())
                        .unwrap_or_default(),
                    members: members.iter().map(|member| said[*member].0).collect(),
                })
                .collect();
            self.answers[index].take(groups, place);
        }
        Ok(())
    }

    /// Some responses of each group of these questions, in the groups' order; none where only the clusters
    /// are kept. Blocks on the file system.
    ///
    /// # Errors
    /// Those of reading the samples.
    pub fn examples(
        &self,
        questions: &HashSet<String>,
    ) -> io::Result<HashMap<String, Vec<Vec<String>>>> {
        let mut found: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for (number, place) in self.places.iter().enumerate() {
            let mut group_of: HashMap<(&str, u32), usize> = HashMap::new();
            for answer in &self.answers {
                if answer.place != number || !questions.contains(&answer.question_id) {
                    continue;
                }
                found.insert(
                    answer.question_id.clone(),
                    vec![Vec::new(); answer.groups.len()],
                );
                for (group, members) in answer.groups.iter().enumerate() {
                    for member in &members.members {
                        group_of.insert((&answer.question_id, *member), group);
                    }
                }
            }
            let (Some(path), false) = (&place.samples, group_of.is_empty()) else {
                continue;
            };
            each_record(&self.directory, path, |sample: Sample| {
                let group = group_of.get(&(sample.question_id.as_str(), sample.index));
                let examples = group.and_then(|group| {
                    found
                        .get_mut(&sample.question_id)
                        .and_then(|groups| groups.get_mut(*group))
                });
                let mut response = sample.response;
                cut_text(&mut response, EVIDENCE_CHARACTERS_MAX);
                if let Some(examples) = examples
                    && examples.len() < EVIDENCE_EXAMPLES_MAX
                    && !response.trim().is_empty()
                    && !examples.contains(&response)
                {
                    examples.push(response);
                }
            })?;
        }
        Ok(found)
    }
}

impl OfferedAnswer {
    /// An answer of which nothing is known but its rationale.
    #[cfg(test)]
    pub fn saying(rationale: &str) -> Self {
        OfferedAnswer {
            rationale: rationale.into(),
            ..OfferedAnswer::default()
        }
    }

    /// Takes groups, where there are samples enough.
    fn take(&mut self, groups: Vec<Group>, place: usize) {
        let samples: usize = groups.iter().map(|group| group.members.len()).sum();
        if samples >= SAMPLES_MIN {
            self.groups = groups;
            self.place = place;
        }
    }
}

/// Reads a file's records; lines that are none are passed over, and so is what stands behind
/// [`RATED_BYTES_MAX`].
fn each_record<T: DeserializeOwned>(
    directory: &Path,
    path: &Path,
    mut take: impl FnMut(T),
) -> io::Result<()> {
    let (file, _) = contained::open(directory, path)?;
    let mut lines = Lines::new(
        BufReader::new(file.take(RATED_BYTES_MAX)),
        0,
        RECORD_BYTES_MAX,
    );
    while let Some(line) = lines.next_line()? {
        let record = line
            .bytes
            .and_then(|bytes| serde_json::from_slice(bytes).ok());
        if let Some(record) = record {
            take(record);
        }
    }
    Ok(())
}

/// The SHA-256 of a whole file, in hex.
fn sha256_of(directory: &Path, path: &Path) -> io::Result<String> {
    let (mut file, _) = contained::open(directory, path)?;
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut bytes)?;
        if read == 0 {
            break;
        }
        hasher.update(&bytes[..read]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

#[cfg(test)]
#[path = "rated_tests.rs"]
mod tests;
