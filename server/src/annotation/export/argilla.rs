//! Records with responses as `dataset.records.from_json` of Argilla 2 reads them, and the settings that
//! `rg.Settings.from_json` reads. An annotator's `user_id` follows from project and made-up name; whom it
//! stands for is told in the metadata.

use super::ExportData;
use super::label_studio::{evidence, verdict_word};
use super::rows::choice_word;
use datasets::annotation::{Item, ProjectKind, Rating, SCORE_MAX};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A JSON list, a record a line.
pub fn records(data: &ExportData) -> String {
    let by_item = data.ratings_by_item(true);
    let records: Vec<String> = data
        .main_items()
        .into_iter()
        .map(|item| {
            let ratings = by_item.get(item.id.as_str()).map_or(&[][..], Vec::as_slice);
            record(data, item, ratings).to_string()
        })
        .collect();
    format!("[\n{}\n]\n", records.join(",\n"))
}

/// Fields of the rationales, and what is asked of all.
fn names(kind: ProjectKind) -> (&'static [&'static str], &'static str) {
    match kind {
        ProjectKind::Single => (&["rationale"], "score"),
        ProjectKind::Pairs => (&["first", "second"], "choice"),
    }
}

fn record(data: &ExportData, item: &Item, ratings: &[&Rating]) -> Value {
    let (fields_of, asked) = names(data.kind());
    let mut fields = Map::new();
    fields.insert("question".into(), json!(item.question));
    fields.insert("evidence".into(), json!(evidence(&item.evidence)));
    for (name, rationale) in fields_of.iter().zip(&item.rationales) {
        fields.insert((*name).into(), json!(rationale.text));
    }
    let mut responses: Map<String, Value> = Map::new();
    let mut answer = |question: &str, rating: &Rating, value: Value| {
        let status = if rating.skip.is_some() {
            "discarded"
        } else {
            "submitted"
        };
        let response = json!({
            "value": value, "user_id": user(data, &rating.annotator), "status": status,
        });
        let of_question = responses.entry(question).or_insert_with(|| json!([]));
        if let Value::Array(of_question) = of_question {
            of_question.push(response);
        }
    };
    for rating in ratings {
        let value = match (rating.score, rating.choice) {
            (Some(score), _) => json!(score),
            (None, Some(choice)) => json!(choice_word(choice)),
            (None, None) => Value::Null,
        };
        answer(asked, rating, value);
        let note = rating.skip.as_ref().unwrap_or(&rating.note);
        if !note.is_empty() {
            answer("note", rating, json!(note));
        }
        for (side, name) in fields_of.iter().enumerate() {
            let spans = spans(item, rating, side);
            if !spans.is_empty() {
                answer(&format!("words-{name}"), rating, spans.into());
            }
        }
    }
    let mut suggestions = Map::new();
    if let Some(settled) = data.settled.get(&item.id) {
        let value = match (settled.score, settled.choice) {
            (Some(score), _) => json!(score),
            (None, choice) => json!(choice.map(choice_word)),
        };
        suggestions.insert(asked.into(), json!({ "value": value, "agent": "settled" }));
    }
    json!({
        "id": item.id, "fields": fields, "metadata": metadata(data, item, ratings),
        "suggestions": suggestions, "responses": responses, "vectors": {},
    })
}

fn spans(item: &Item, rating: &Rating, side: usize) -> Vec<Value> {
    let Some(rationale) = item.rationales.get(side) else {
        return Vec::new();
    };
    let marked = rating
        .spans
        .iter()
        .filter(|span| usize::from(span.side) == side);
    marked
        .map(|span| {
            let (start, end) = span.characters(&rationale.text);
            json!({ "start": start, "end": end, "label": verdict_word(span.verdict) })
        })
        .collect()
}

/// Argilla's names of metadata are lower case, its values texts, numbers or lists of texts.
fn metadata(data: &ExportData, item: &Item, ratings: &[&Rating]) -> Value {
    let (fields_of, _) = names(data.kind());
    let annotators: Vec<String> = ratings
        .iter()
        .map(|rating| {
            let user = user(data, &rating.annotator);
            match data.name(&rating.annotator) {
                None => format!("{}={user}", rating.annotator),
                Some(name) => format!("{}={user}={name}", rating.annotator),
            }
        })
        .collect();
    let mut metadata = json!({
        "question_id": item.question_id, "stratum": item.stratum, "annotators": annotators,
        "project": data.detail.row.id, "seed": data.seed(),
        "spec_sha256": data.hash("spec"), "rubric_sha256": data.hash("rubric"),
    });
    for (name, rationale) in fields_of.iter().zip(&item.rationales) {
        metadata[format!("{name}_run")] = json!(rationale.run);
        metadata[format!("{name}_label")] = json!(rationale.label);
        metadata[format!("{name}_method")] = json!(rationale.method);
        if let Some(confidence) = rationale.confidence {
            metadata[format!("{name}_confidence")] = json!(confidence);
        }
        if let Some(correct) = rationale.correct {
            metadata[format!("{name}_correct")] = json!(correct.to_string());
        }
    }
    metadata
}

/// The same for the same annotator in all files of a project.
fn user(data: &ExportData, annotator: &str) -> String {
    let hash = Sha256::digest(format!("{}\n{annotator}", data.detail.row.id));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    id.to_string()
}

/// Fields, questions and, as guidelines, the rubric.
pub fn settings(data: &ExportData) -> String {
    let (fields_of, asked) = names(data.kind());
    let field = |name: &&str| {
        json!({
            "name": name, "title": name, "required": true, "type": "text",
            "settings": { "type": "text", "use_markdown": false },
        })
    };
    let fields: Vec<Value> = ["question", "evidence"]
        .iter()
        .chain(fields_of)
        .map(field)
        .collect();
    let rating = match data.kind() {
        ProjectKind::Single => {
            let options = (0..=SCORE_MAX).map(|value| json!({ "value": value }));
            json!({ "type": "rating", "options": options.collect::<Vec<_>>() })
        }
        ProjectKind::Pairs => {
            let options = [
                ("first", "the first"),
                ("second", "the second"),
                ("tie", "tie"),
                ("both-bad", "both bad"),
            ];
            let options = options
                .map(|(value, text)| json!({ "value": value, "text": text, "description": null }));
            json!({ "type": "label_selection", "options": options, "visible_options": options.len() })
        }
    };
    let mut questions = vec![json!({
        "name": asked, "title": asked, "required": true, "type": rating["type"], "settings": rating,
    })];
    for name in fields_of {
        let options = ["born-out", "contradicted"]
            .map(|value| json!({ "value": value, "text": value, "description": null }));
        let settings = json!({
            "type": "span", "field": name, "allow_overlapping": true, "options": options,
        });
        questions.push(json!({
            "name": format!("words-{name}"), "title": format!("words of {name}"), "required": false,
            "type": "span", "settings": settings,
        }));
    }
    questions.push(json!({
        "name": "note", "title": "note", "required": false, "type": "text",
        "settings": { "type": "text", "use_markdown": false },
    }));
    let settings = json!({
        "guidelines": data.rubric(), "fields": fields, "questions": questions, "vectors": [],
        "metadata": [], "allow_extra_metadata": true,
        "distribution": { "strategy": "overlap", "min_submitted": data.detail.spec.overlap },
        "mapping": null,
    });
    format!("{settings:#}\n")
}
