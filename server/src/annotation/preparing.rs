//! From what a researcher asks for to the items of a project: reads the runs, draws, adds examples. Blocks on
//! the file system.

use super::blind::blind;
use super::making::{self, Made, Source};
use super::refusal::Refusal;
use super::spec;
use crate::runs::Run;
use crate::runs::rated::{self, Offered};
use datasets::annotation::{Item, ProjectSpec};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A project that can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Tidied, with its seed and the labels of its evaluations.
    pub spec: ProjectSpec,
    /// SHA-256 by what.
    pub hashes: Vec<(String, String)>,
    pub items: Vec<Item>,
    /// What had to be left out, a sentence each.
    pub remarks: Vec<String>,
}

/// Draws the items of a project from its runs, which are in the order of `spec`.
///
/// # Errors
/// Why it cannot be made.
pub fn prepared(spec: ProjectSpec, runs: &[Run]) -> Result<Prepared, Refusal> {
    let mut spec = spec::checked(spec).map_err(Refusal::Wrong)?;
    let mut offered = Vec::new();
    for (wanted, run) in spec.runs.iter_mut().zip(runs) {
        let one = read(run, wanted.label.as_deref())?;
        wanted.label = Some(one.label.clone());
        offered.push(one);
    }
    let mut seen = HashSet::new();
    if let Some(twice) = spec
        .runs
        .iter()
        .find(|run| !seen.insert((&run.run, &run.label)))
    {
        return Err(Refusal::Wrong(vec![format!(
            "{} of {} is there twice: a rationale is not compared with itself.",
            twice.label.as_deref().unwrap_or_default(),
            twice.run
        )]));
    }
    let sources: Vec<Source> = offered.iter().map(Source::of).collect();
    let mut new_id = || Uuid::new_v4().to_string();
    let Made { mut items, remarks } =
        making::make(&spec, &sources, &mut new_id).map_err(Refusal::Wrong)?;
    for (index, of) in offered.iter().enumerate() {
        let questions: HashSet<String> = items
            .iter()
            .filter(|made| made.source == index)
            .map(|made| made.item.question_id.clone())
            .collect();
        let examples = of
            .examples(&questions)
            .map_err(|error| unreadable(of, &error))?;
        let own = items.iter_mut().filter(|made| made.source == index);
        own.for_each(|made| add_examples(&mut made.item, &examples));
    }
    let mut hashes = spec::hashes(&spec);
    for of in &offered {
        let name = format!("answers of {} of {}", of.label, of.run);
        hashes.push((name, of.answers_sha256.clone()));
    }
    let of_files = offered.into_iter().flat_map(|of| of.remarks);
    Ok(Prepared {
        spec,
        hashes,
        items: items.into_iter().map(|made| made.item).collect(),
        remarks: of_files.chain(remarks).collect(),
    })
}

fn read(run: &Run, label: Option<&str>) -> Result<Offered, Refusal> {
    let id = &run.found.id;
    match rated::offered(run, label) {
        Ok(Some(offered)) => Ok(offered),
        Ok(None) => Err(Refusal::Wrong(vec![match label {
            Some(label) => format!("The run {id} has no evaluation {label:?}."),
            None => format!("The run {id} has no evaluation."),
        }])),
        Err(error) => Err(Refusal::Wrong(vec![format!(
            "The answers of the run {id} cannot be read: {error}."
        )])),
    }
}

fn unreadable(offered: &Offered, error: &std::io::Error) -> Refusal {
    Refusal::Wrong(vec![format!(
        "The samples of the run {} cannot be read: {error}.",
        offered.run
    )])
}

fn add_examples(item: &mut Item, examples: &HashMap<String, Vec<Vec<String>>>) {
    let Some(examples) = examples.get(&item.question_id) else {
        return;
    };
    for (cluster, examples) in item.evidence.iter_mut().zip(examples) {
        cluster.examples = examples
            .iter()
            .map(|example| blind(example))
            .filter(|example| !example.is_empty())
            .collect();
    }
}
