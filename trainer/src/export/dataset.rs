//! A run's questions, stage-1 sets and answers as a data set of the hub: Parquet files and a card.

use super::of_run::{OfRun, bytes_of};
use super::{CARD, Written, check_absent};
use crate::error::bad_input;
use crate::run_dir::{read_records, write_atomically};
use crate::stages::build::STAGE_ONE;
use crate::stages::questions::name_of;
use anyhow::Context;
use datasets::hub::{self, Card, Part, Table, split_name};
use datasets::reference::{StageOneSet, read_stage_one};
use datasets::{Answer, Question, Split, world_facts};
use std::path::Path;

/// Writes `data/CONFIGURATION/SPLIT-00000-of-00001.parquet` and `README.md`:
///
/// | configuration | splits | records |
/// |---|---|---|
/// | `questions` | train, validation, test, held_out | the run's questions |
/// | `sft_reason_conf`, … | train | the stage-1 sets, called as their files |
/// | `answers-LABEL` | that of its questions | the answers of an evaluation |
///
/// # Errors
/// Exit code 2 where the run has none of them, or a file is there already.
pub fn write_dataset(
    run: &OfRun,
    folder: &Path,
    licence: Option<&str>,
    force: bool,
) -> anyhow::Result<Vec<Written>> {
    let mut parts = Vec::new();
    for (configuration, split, table) in tables(run)? {
        let bytes = datasets::parquet::write(&table)
            .with_context(|| format!("{configuration} cannot be written as Parquet"))?;
        let split = split_name(split).to_owned();
        let part = Part {
            path: format!("data/{configuration}/{split}-00000-of-00001.parquet"),
            configuration,
            split,
            table,
            bytes: bytes.len() as u64,
        };
        parts.push((part, bytes));
    }
    if parts.is_empty() {
        return Err(bad_input(format!(
            "{}: nothing to export; expected questions.jsonl, build/{STAGE_ONE} or answers of evaluations",
            run.folder.display()
        )));
    }
    let card_path = folder.join(CARD);
    let paths: Vec<_> = parts
        .iter()
        .map(|(part, _)| folder.join(&part.path))
        .collect();
    let all = paths.iter().chain([&card_path]);
    check_absent(all.map(|path| path.as_path()), force)?;
    let mut written = Vec::new();
    for ((_, bytes), path) in parts.iter().zip(paths) {
        write_atomically(&path, bytes)?;
        written.push(Written::of(path)?);
    }
    let parts: Vec<Part> = parts.into_iter().map(|(part, _)| part).collect();
    let title = match run.config.title.as_str() {
        "" => "A run of sayself",
        title => title,
    };
    let is_shipped = run.config.questions.source == world_facts::NAME;
    let card = Card {
        title,
        licence: licence.unwrap_or("other"),
        languages: if is_shipped { &["en"] } else { &[] },
        parts: &parts,
        text: &text(run, is_shipped),
    };
    write_atomically(&card_path, card.markdown().as_bytes())?;
    written.push(Written::of(card_path)?);
    Ok(written)
}

/// What the run has, each with its configuration and split.
fn tables(run: &OfRun) -> anyhow::Result<Vec<(String, Split, Table)>> {
    let mut tables = Vec::new();
    let questions = run.folder.join("questions.jsonl");
    if questions.is_file() {
        let all: Vec<Question> = read_records(&questions)?;
        for split in [Split::Train, Split::Dev, Split::Test, Split::HeldOut] {
            let of_split: Vec<Question> = all
                .iter()
                .filter(|question| question.split.unwrap_or(Split::Test) == split)
                .cloned()
                .collect();
            if !of_split.is_empty() {
                tables.push(("questions".to_owned(), split, hub::questions(&of_split)));
            }
        }
    }
    let folders = ["build", ""].map(|inner| run.folder.join(inner).join(STAGE_ONE));
    for set in StageOneSet::ALL {
        let paths = folders.iter().map(|folder| folder.join(set.file_name()));
        if let Some(path) = paths.into_iter().find(|path| path.is_file()) {
            let bytes = bytes_of(&path)?;
            if bytes.is_empty() {
                continue;
            }
            let records = read_stage_one(&bytes, &path.to_string_lossy())?;
            let name = set.file_name().trim_end_matches(".jsonl").to_owned();
            tables.push((name, Split::Train, hub::stage_one(&records)));
        }
    }
    for evaluation in run.evaluations()? {
        if let Some(path) = evaluation.answers() {
            let records: Vec<Answer> = read_records(&path)?;
            if !records.is_empty() {
                let name = format!("answers-{}", evaluation.label);
                tables.push((name, evaluation.split, hub::answers(&records)));
            }
        }
    }
    Ok(tables)
}

fn text(run: &OfRun, is_shipped: bool) -> String {
    let config = &run.config;
    let questions = name_of(&config.questions.source);
    let licences = match is_shipped {
        true => {
            "The questions are of world-facts. They contain information from GeoNames, which is made available \
             under the Creative Commons Attribution 4.0 License, and facts from Unicode CLDR, mendeleev, us, \
             airportsdata and countryinfo (permissive licences)."
        }
        false => "The questions keep the licence of the set that they come from.",
    };
    format!(
        "## What this is\n\n\
         Records of a run of sayself, which teaches a language model to state an honest confidence. Model: {}. \
         Questions: {questions}. Samples: {} a question, temperature {}. Seed: {}.\n\n\
         - `questions`: the gold answer first, then its aliases; `template` is the kind of question, `entity` what it \
         is about.\n\
         - `sft_…`: stage-1 training sets. `confidence` is a level from 1 to 10; `own_answers` are the model's own, \
         with the share of its samples that say so.\n\
         - `answers-…`: one answer a question, by the method of that name. `probability` is what the measures use, \
         0 where no confidence could be read (`failure` says why); `levels` are the probabilities of the ten levels.\n\n\
         Read it with `datasets.load_dataset(FOLDER, CONFIGURATION)`, or with\n\
         `sayself evaluate --questions FOLDER/data/questions …`.\n\n\
         ## Licence\n\n\
         {licences} The responses, answers and rationales were written by the model: see its licence.\n\n\
         ## Limits\n\n\
         Responses are a language model's: many are wrong, on purpose of the study. Correctness was judged by comparing \
         strings. What was measured on these questions holds for them.\n",
        config.model, config.sample.samples, config.sample.decoding.temperature, config.seed,
    )
}
