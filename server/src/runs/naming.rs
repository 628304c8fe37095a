//! Which clusters each rationale of a question names, which it invents, and what it leaves out.

use super::question::{CLUSTERS, Gathered, QUESTIONS, first};
use super::records::{self, Records};
use crate::limits::NAMES_QUESTIONS_MAX;
use app::view::{MarkedRationale, NamedShare, Names, RationalePart};
use calibration::faithfulness::names::{Candidates, Group, score};
use calibration::faithfulness::places::places;
use datasets::{Clustering, Question};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// The rationales of all answers, then the teacher's (who wrote it, text), and how many names were looked
/// for in them: the answers, gold and sampled, to questions of the same template, or where there are many
/// of these, to some evenly spread over the file.
///
/// # Errors
/// Those of reading the run's files.
pub fn marked(
    records: &Records,
    directory: &Path,
    gathered: &Gathered,
    teacher: Option<&(String, String)>,
) -> io::Result<(Vec<MarkedRationale>, u64)> {
    let of_answers = gathered
        .answers
        .iter()
        .filter_map(|(label, answer)| Some((label, answer.rationale.as_ref()?, false)));
    let of_teacher = teacher.map(|(writer, rationale)| (writer, rationale, true));
    let written: Vec<(&String, &String, bool)> = of_answers
        .chain(of_teacher)
        .filter(|(_, rationale, _)| !rationale.trim().is_empty())
        .collect();
    if written.is_empty() {
        return Ok((Vec::new(), 0));
    }
    if gathered.clusters.is_empty() {
        // Without samples nothing can be told of what is named.
        let plain = |(writer, rationale, by_teacher): (&String, &String, bool)| MarkedRationale {
            writer: writer.clone(),
            by_teacher,
            parts: vec![RationalePart {
                text: rationale.clone(),
                names: Names::Nothing,
            }],
            named: Vec::new(),
            invented: Vec::new(),
            left_out: Vec::new(),
            score: 0.0,
        };
        return Ok((written.into_iter().map(plain).collect(), 0));
    }
    let mut names = pool(records, directory, gathered.template.as_deref())?;
    names.extend(gathered.gold.iter().cloned());
    names.extend(gathered.clusters.iter().map(|one| one.answer.clone()));
    names.extend(
        gathered
            .answers
            .iter()
            .filter_map(|(_, one)| one.answer.clone()),
    );
    let candidates = Candidates::of(names);
    let rationales = written
        .into_iter()
        .map(|(writer, rationale, by_teacher)| MarkedRationale {
            writer: writer.clone(),
            by_teacher,
            ..mark(rationale, &candidates, gathered)
        })
        .collect();
    Ok((rationales, candidates.len() as u64))
}

fn mark(rationale: &str, candidates: &Candidates, gathered: &Gathered) -> MarkedRationale {
    let groups: Vec<Group<'_>> = gathered
        .clusters
        .iter()
        .map(|cluster| Group {
            answer: &cluster.answer,
            share: cluster.share,
        })
        .collect();
    let found = places(
        rationale,
        candidates,
        &groups,
        &gathered.gold,
        &gathered.question,
    );
    let (mut parts, mut invented) = (Vec::new(), Vec::new());
    let mut named = vec![false; groups.len()];
    let mut end = 0;
    for one in found {
        let share: f64 = one.groups.iter().map(|group| groups[*group].share).sum();
        let names = if one.groups.is_empty() {
            Names::Invented
        } else {
            Names::Cluster {
                share: share.min(1.0),
            }
        };
        for group in &one.groups {
            named[*group] = true;
        }
        let text = &rationale[one.bytes.clone()];
        if one.groups.is_empty() && !invented.iter().any(|(name, _)| *name == one.name) {
            invented.push((one.name, text.to_owned()));
        }
        push(&mut parts, &rationale[end..one.bytes.start], Names::Nothing);
        push(&mut parts, text, names);
        end = one.bytes.end;
    }
    push(&mut parts, &rationale[end..], Names::Nothing);
    let shares = |wanted: bool| {
        groups
            .iter()
            .zip(&named)
            .filter(|(group, named)| **named == wanted && !group.answer.trim().is_empty())
            .map(|(group, _)| NamedShare {
                answer: group.answer.to_owned(),
                share: group.share,
            })
            .collect()
    };
    MarkedRationale {
        writer: String::new(),
        by_teacher: false,
        named: shares(true),
        left_out: shares(false),
        invented: invented.into_iter().map(|(_, text)| text).collect(),
        score: score(
            rationale,
            candidates,
            &groups,
            &gathered.gold,
            &gathered.question,
        )
        .score,
        parts,
    }
}

fn push(parts: &mut Vec<RationalePart>, text: &str, names: Names) {
    if !text.is_empty() {
        parts.push(RationalePart {
            text: text.to_owned(),
            names,
        });
    }
}

/// Answers to questions of a template, gold ones and sampled ones. What is not indexed yet is not there.
fn pool(records: &Records, directory: &Path, template: Option<&str>) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let Some(template) = template else {
        return Ok(names);
    };
    if let Some(path) = first(directory, &QUESTIONS) {
        let some = some_of(records, directory, &path, template)?;
        records::each(directory, &path, some, |_, _, question: Question| {
            names.extend(question.answers);
            ControlFlow::Continue(())
        })?;
    }
    if let Some(path) = first(directory, &CLUSTERS) {
        let some = some_of(records, directory, &path, template)?;
        records::each(directory, &path, some, |_, _, clustering: Clustering| {
            names.extend(
                clustering
                    .clusters
                    .into_iter()
                    .map(|cluster| cluster.answer),
            );
            ControlFlow::Continue(())
        })?;
    }
    Ok(names)
}

/// At most [`NAMES_QUESTIONS_MAX`] entries of a template, evenly spread.
fn some_of(
    records: &Records,
    directory: &Path,
    path: &Path,
    template: &str,
) -> io::Result<Vec<super::columns::Place>> {
    let places = records.places(directory, path)?;
    let columns = places.columns();
    let Some(template) = columns.template(template) else {
        return Ok(Vec::new());
    };
    let of_template = || {
        columns
            .iter()
            .filter(|place| place.template == Some(template))
    };
    let step = of_template().count().div_ceil(NAMES_QUESTIONS_MAX).max(1);
    Ok(of_template().step_by(step).collect())
}
