//! The records of one question as they stand in a file, byte by byte, a small part at a time: what a page
//! has to cut can be had whole.

use super::columns::Place;
use super::contained;
use super::facts::{ANSWERS, EvaluationFolder};
use super::question::{CLUSTERS, HEIGHTS, QUESTIONS, RATIONALES, SAMPLES, first};
use super::records::{self, Records};
use crate::limits::RAW_READ_BYTES;
use serde::Deserialize;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file of a run that holds records of questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Questions,
    Samples,
    Clusters,
    Heights,
    Rationales,
    /// Of the evaluation with this label.
    Answers(String),
}

impl Kind {
    /// By its name in an address; `None` where there is none of that name.
    pub fn parse(name: &str, label: &str) -> Option<Self> {
        Some(match name {
            "questions" => Kind::Questions,
            "samples" => Kind::Samples,
            "clusters" => Kind::Clusters,
            "heights" => Kind::Heights,
            "rationales" => Kind::Rationales,
            "answers" => Kind::Answers(label.to_owned()),
            _ => return None,
        })
    }

    fn path(&self, directory: &Path, folders: &[EvaluationFolder]) -> Option<PathBuf> {
        match self {
            Kind::Questions => first(directory, &QUESTIONS),
            Kind::Samples => first(directory, &SAMPLES),
            Kind::Clusters => first(directory, &CLUSTERS),
            Kind::Heights => first(directory, &HEIGHTS),
            Kind::Rationales => first(directory, &RATIONALES),
            Kind::Answers(label) => folders
                .iter()
                .find(|folder| folder.label == *label)
                .map(|folder| folder.path.join(ANSWERS)),
        }
    }
}

/// A file and the entries of a question in it.
#[derive(Debug)]
pub struct Raw {
    file: File,
    places: Vec<Place>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(default)]
    id: String,
    question_id: Option<String>,
}

/// `None` where the run has no such records.
///
/// # Errors
/// Those of reading the run's files.
pub fn find(
    records: &Records,
    directory: &Path,
    folders: &[EvaluationFolder],
    kind: &Kind,
    id: &str,
) -> io::Result<Option<Raw>> {
    let Some(path) = kind.path(directory, folders) else {
        return Ok(None);
    };
    let places = match records.places(directory, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result?,
    };
    let alike = places.columns().of_question(id);
    // The index knows ids by their hash.
    let mut found: Vec<Place> = Vec::new();
    records::each(directory, &path, alike, |place, _, of: Id| {
        let known = found.last().map(|known| known.offset) == Some(place.offset);
        if of.question_id.unwrap_or(of.id) == id && !known {
            found.push(place);
        }
        ControlFlow::Continue(())
    })?;
    if found.is_empty() {
        return Ok(None);
    }
    let (file, _) = contained::open(directory, &path)?;
    Ok(Some(Raw {
        file,
        places: found,
    }))
}

impl Raw {
    /// Bytes of all of it, a line break after each entry.
    pub fn bytes(&self) -> u64 {
        self.places
            .iter()
            .map(|place| u64::from(place.length) + 1)
            .sum()
    }

    /// Hands it over in parts of [`RAW_READ_BYTES`] at most, until `take` breaks.
    ///
    /// # Errors
    /// Those of reading.
    pub fn each_part(&self, mut take: impl FnMut(Vec<u8>) -> ControlFlow<()>) -> io::Result<()> {
        for place in &self.places {
            let (mut at, end) = (place.offset, place.offset + u64::from(place.length));
            while at < end {
                let length = (end - at).min(RAW_READ_BYTES as u64);
                let mut part = vec![0; length as usize];
                self.file.read_exact_at(&mut part, at)?;
                at += length;
                if at == end {
                    part.push(b'\n');
                }
                if take(part).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
