//! How the figures came about: method, configuration, hashes, what was left out, and the limits, in
//! plain words.

use super::html::Html;
use super::{Evaluation, Options, open_section};
use crate::evaluations::small_text;
use crate::pull::checksum;
use crate::run_dir::read_records;
use crate::stages::evaluate::{ANSWERS, METRICS};
use chart::format::count;
use comparison::label::without_seed;
use datasets::Skipped;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Reasons of one run that are told.
const REASONS_MAX: usize = 20;
/// Keys of `[provenance]` that are told, and in words.
const HASHES: [(&str, &str); 3] = [
    ("model_sha256", "model's weights"),
    ("questions_sha256", "questions"),
    ("adapter_sha256", "adapter"),
];

pub fn section(html: &mut Html, evaluations: &[Evaluation], options: &Options) {
    open_section(html, "method", "Method, configuration, limits");
    method(html, options);
    html.element("h3", "Limits");
    html.open("ul");
    for limit in limits(evaluations) {
        html.element("li", &limit);
    }
    html.close("ul");
    let mut told = BTreeSet::new();
    for one in evaluations {
        if told.insert(one.folder.root.clone()) {
            run(html, &one.folder.run, &one.folder.root);
        }
    }
    hashes(html, evaluations);
    html.close("section");
}

fn method(html: &mut Html, options: &Options) {
    html.element("h3", "Method");
    for words in [
        "Each evaluation asks every question once and reads a probability that the answer is right: a level that the model wrote (1 to 10), the share of a majority among samples, or the likelihood of the answer. A confidence that cannot be read counts as 0 in the main figures, so that n is all questions.",
        "ECE is the mean gap between confidence and accuracy: by level where there are at most 20 distinct confidences, else of 10 bins; of 15 in the differences (ece_15) and in the paper's tables. smECE smooths in place of binning (Błasiok & Nakkiran 2023). The Brier score is the mean squared distance of confidence and truth. AUROC is the chance that a right answer has more confidence than a wrong one; within template it compares only questions of one kind. AURC is the mean error rate over all shares of the surest answers.",
        "Intervals are of 95%, from 1,000 bootstraps of whole entities or questions: percentile, and basic, clipped at 0, for what cannot be below 0 (ECE, smECE).",
    ] {
        html.element("p", words);
    }
    let words = format!(
        "This report was made by sayself {}, seed {}, {} bootstraps behind the differences.",
        env!("CARGO_PKG_VERSION"),
        options.seed,
        count(options.bootstraps as u64)
    );
    html.element("p", &words);
}

fn limits(evaluations: &[Evaluation]) -> Vec<String> {
    let mut limits = vec![
        "Calibration depends on the questions: what holds on these may not hold on others, nor for another model, prompt or quantization.".to_owned(),
        "Intervals say how much chance lies in which questions were asked. They do not say how much lies in the training seed, nor whether the questions are like yours.".to_owned(),
    ];
    let names = |of: &dyn Fn(&Evaluation) -> bool| -> Vec<&str> {
        let found = evaluations.iter().filter(|one| of(one));
        found.map(|one| one.name.as_str()).collect()
    };
    let value = |one: &Evaluation, key: &str| one.measured.metrics.get(key).cloned();
    let is_imported = |one: &Evaluation| value(one, "imported_from").is_some();
    if !names(&|one| !is_imported(one)).is_empty() {
        limits.push("Correctness is judged by strings where nothing else is said: a right answer in other words counts as wrong.".to_owned());
    }
    let imported = names(&is_imported);
    if !imported.is_empty() {
        limits.push(format!(
            "Imported from another tool's logs, with that tool's verdicts, and only the samples that held a confidence: {}.",
            imported.join(", ")
        ));
    }
    let not_valid = names(&|one| value(one, "judge_valid") == Some(false.into()));
    if !not_valid.is_empty() {
        limits.push(format!(
            "Not valid, since golds are sentences and the judge compares strings: {}.",
            not_valid.join(", ")
        ));
    }
    let few = names(&|one| value(one, "n").and_then(|n| n.as_u64()).unwrap_or(0) < 100);
    if !few.is_empty() {
        limits.push(format!(
            "Fewer than 100 answers, so that even a perfectly calibrated model of ten levels would show an ECE of about .1: {}.",
            few.join(", ")
        ));
    }
    let mut seeds: BTreeMap<&str, usize> = BTreeMap::new();
    for one in evaluations {
        *seeds.entry(without_seed(&one.name)).or_default() += 1;
    }
    let alone: Vec<&str> = evaluations
        .iter()
        .filter(|one| {
            one.measured.label.starts_with("sayself") && seeds[without_seed(&one.name)] == 1
        })
        .map(|one| one.name.as_str())
        .collect();
    if !alone.is_empty() {
        limits.push(format!(
            "Taught with one seed: another may come out otherwise: {}.",
            alone.join(", ")
        ));
    }
    limits
}

fn run(html: &mut Html, name: &str, root: &Path) {
    html.element("h3", &format!("The run {name}"));
    // What cannot be read is told in its place: the report's figures do not depend on it.
    match small_text(&root.join("run.toml")) {
        Ok(Some(text)) => {
            provenance(html, &text);
            html.open("details");
            html.element("summary", "Its configuration, run.toml");
            html.open("pre").text(&text).close("pre");
            html.close("details");
        }
        Ok(None) => {
            html.element("p", "There is no run.toml: its configuration is not known.");
        }
        Err(error) => {
            html.element("p", &format!("Its configuration cannot be read: {error:#}"));
        }
    }
    let path = root.join("skipped.jsonl");
    if !path.is_file() {
        html.element("p", "No record was left out.");
        return;
    }
    match read_records::<Skipped>(&path) {
        Ok(skipped) => left_out(html, &skipped),
        Err(error) => {
            html.element("p", &format!("What was left out cannot be read: {error:#}"));
        }
    }
}

fn provenance(html: &mut Html, text: &str) {
    let Ok(toml::Value::Table(table)) = toml::from_str::<toml::Value>(text) else {
        return;
    };
    let Some(provenance) = table.get("provenance").and_then(toml::Value::as_table) else {
        return;
    };
    let of = |key: &str| provenance.get(key).and_then(toml::Value::as_str);
    let mut rows: Vec<Vec<String>> = HASHES
        .iter()
        .filter_map(|(key, words)| {
            let hash = of(key).filter(|hash| !hash.is_empty())?;
            Some(vec![(*words).to_owned(), hash.to_owned()])
        })
        .collect();
    let inputs = provenance.get("inputs").and_then(toml::Value::as_table);
    for (name, hash) in inputs.into_iter().flatten() {
        rows.push(vec![name.clone(), hash.as_str().unwrap_or("").to_owned()]);
    }
    let caption = format!(
        "What it came from, by SHA-256; written by sayself {}.",
        of("sayself_version").unwrap_or("of an unknown version")
    );
    html.table(&caption, &["File", "SHA-256"].map(String::from), &rows);
}

fn left_out(html: &mut Html, skipped: &[Skipped]) {
    let mut reasons: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for one in skipped {
        *reasons.entry((&one.stage, &one.reason)).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, number)| (std::cmp::Reverse(*number), *reason));
    let more = reasons.len().saturating_sub(REASONS_MAX);
    let rows: Vec<Vec<String>> = reasons
        .into_iter()
        .take(REASONS_MAX)
        .map(|((stage, reason), number)| vec![stage.to_owned(), reason.to_owned(), count(number)])
        .collect();
    let caption = match more {
        0 => format!("{} records left out.", count(skipped.len() as u64)),
        more => format!(
            "{} records left out; {more} rarer reasons are not shown.",
            count(skipped.len() as u64)
        ),
    };
    html.table(
        &caption,
        &["Stage", "Reason", "Records"].map(String::from),
        &rows,
    );
}

fn hashes(html: &mut Html, evaluations: &[Evaluation]) {
    let mut rows = Vec::new();
    for one in evaluations {
        for file in [ANSWERS, METRICS] {
            let path = one.folder.path.join(file);
            if let Ok(hash) = checksum::of_file(&path) {
                rows.push(vec![one.name.clone(), file.to_owned(), hash]);
            }
        }
    }
    html.element("h3", "Files that this report was made of");
    let head = ["Evaluation", "File", "SHA-256"].map(String::from);
    html.table("By SHA-256.", &head, &rows);
}
