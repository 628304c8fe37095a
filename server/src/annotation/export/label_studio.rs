//! Tasks with their annotations as Label Studio imports them, and the labelling configuration that shows
//! them. What people marked lies at characters as Python counts; the words stand beside.

use super::rows::choice_word;
use super::{ExportData, moment};
use datasets::annotation::{EvidenceCluster, Item, ProjectKind, Rating, SCORE_MAX, Span, Verdict};
use serde_json::{Value, json};

/// A JSON list, a task a line.
pub fn tasks(data: &ExportData) -> String {
    let by_item = data.ratings_by_item(true);
    let tasks: Vec<String> = data
        .main_items()
        .into_iter()
        .map(|item| {
            let ratings = by_item.get(item.id.as_str()).map_or(&[][..], Vec::as_slice);
            task(data, item, ratings).to_string()
        })
        .collect();
    format!("[\n{}\n]\n", tasks.join(",\n"))
}

fn task(data: &ExportData, item: &Item, ratings: &[&Rating]) -> Value {
    let mut annotations: Vec<Value> = ratings
        .iter()
        .map(|rating| annotation(data, item, rating))
        .collect();
    annotations.extend(adjudicated(data, item));
    let mut shown = json!({
        "item": item.id, "question_id": item.question_id, "question": item.question,
        "evidence": evidence(&item.evidence),
    });
    for (name, rationale) in names(data.kind()).iter().zip(&item.rationales) {
        shown[*name] = json!(rationale.text);
    }
    let rationales: Vec<Value> = item
        .rationales
        .iter()
        .map(|one| {
            json!({
                "run": one.run, "label": one.label, "method": one.method,
                "confidence": one.confidence, "correct": one.correct,
            })
        })
        .collect();
    json!({
        "data": shown,
        "annotations": annotations,
        "meta": {
            "rationales": rationales, "stratum": item.stratum,
            "project": data.detail.row.id, "seed": data.seed(),
            "spec_sha256": data.hash("spec"), "rubric_sha256": data.hash("rubric"),
        },
    })
}

/// What the rationales are called.
fn names(kind: ProjectKind) -> &'static [&'static str] {
    match kind {
        ProjectKind::Single => &["rationale"],
        ProjectKind::Pairs => &["first", "second"],
    }
}

/// The clusters, one a line: `Sydney: 30% (15 of 50)`.
pub fn evidence(clusters: &[EvidenceCluster]) -> String {
    let all: u32 = clusters.iter().map(|cluster| cluster.count).sum();
    let lines = clusters.iter().map(|cluster| {
        let share = app::format::percent(cluster.share);
        let answer = match cluster.answer.as_str() {
            "" => "(no answer)",
            answer => answer,
        };
        format!("{answer}: {share} ({} of {all})", cluster.count)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn annotation(data: &ExportData, item: &Item, rating: &Rating) -> Value {
    let names = names(data.kind());
    let mut result = said(names, rating.score, rating.choice.map(choice_word));
    for (place, span) in rating.spans.iter().enumerate() {
        let side = usize::from(span.side);
        if let (Some(name), Some(rationale)) = (names.get(side), item.rationales.get(side)) {
            result.push(region(place, name, &rationale.text, span));
        }
    }
    let note = rating.skip.as_ref().unwrap_or(&rating.note);
    result.extend(words(names, "note", note));
    result.extend(words(names, "annotator", &rating.annotator));
    if let Some(name) = data.name(&rating.annotator) {
        result.extend(words(names, "name", name));
    }
    json!({
        "result": result,
        "was_cancelled": rating.skip.is_some(),
        "ground_truth": false,
        "lead_time": rating.active_ms as f64 / 1_000.0,
        "created_at": moment(rating.saved_ms),
    })
}

/// What a researcher settled is the truth that Label Studio compares the others with.
fn adjudicated(data: &ExportData, item: &Item) -> Option<Value> {
    let settled = data.settled.get(&item.id)?;
    let names = names(data.kind());
    let mut result = said(names, settled.score, settled.choice.map(choice_word));
    result.extend(words(names, "note", &settled.note));
    result.extend(words(names, "annotator", "settled"));
    Some(json!({
        "result": result, "was_cancelled": false, "ground_truth": true,
        "created_at": moment(settled.at_ms),
    }))
}

fn said(names: &[&str], score: Option<u8>, choice: Option<&str>) -> Vec<Value> {
    let score = score.map(|score| {
        json!({
            "id": "score", "from_name": "score", "to_name": names[0], "type": "number",
            "value": { "number": score },
        })
    });
    let choice = choice.map(|choice| {
        json!({
            "id": "choice", "from_name": "choice", "to_name": names[0], "type": "choices",
            "value": { "choices": [choice] },
        })
    });
    score.into_iter().chain(choice).collect()
}

fn words(names: &[&str], control: &str, text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| {
        json!({
            "id": control, "from_name": control, "to_name": names[0], "type": "textarea",
            "value": { "text": [text] },
        })
    })
}

fn region(place: usize, name: &str, text: &str, span: &Span) -> Value {
    let (start, end) = span.characters(text);
    json!({
        "id": format!("words-{place}"), "from_name": format!("words-{name}"), "to_name": name,
        "type": "labels",
        "value": {
            "start": start, "end": end, "text": span.words(text),
            "labels": [verdict_word(span.verdict)],
        },
    })
}

/// As in files.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::BornOut => "born-out",
        Verdict::Contradicted => "contradicted",
    }
}

/// The labelling configuration, with the rubric at its head.
pub fn config(data: &ExportData) -> String {
    let names = names(data.kind());
    let texts: String = names
        .iter()
        .map(|name| {
            format!(
                "  <Labels name=\"words-{name}\" toName=\"{name}\">\n    <Label value=\"born-out\" hotkey=\"m\"/>\n    <Label value=\"contradicted\" hotkey=\"c\"/>\n  </Labels>\n  <Text name=\"{name}\" value=\"${name}\"/>\n"
            )
        })
        .collect();
    let rating = match data.kind() {
        ProjectKind::Single => format!(
            "  <Number name=\"score\" toName=\"rationale\" min=\"0\" max=\"{SCORE_MAX}\" step=\"1\"/>\n"
        ),
        ProjectKind::Pairs => {
            let choices: String = ["first", "second", "tie", "both-bad"]
                .iter()
                .map(|choice| format!("    <Choice value=\"{choice}\"/>\n"))
                .collect();
            format!(
                "  <Choices name=\"choice\" toName=\"first\" choice=\"single\">\n{choices}  </Choices>\n"
            )
        }
    };
    let to = names[0];
    let name = match data.names {
        Some(_) => format!("  <TextArea name=\"name\" toName=\"{to}\" editable=\"false\"/>\n"),
        None => String::new(),
    };
    format!(
        "<View>\n  <!-- {} -->\n  <Header value=\"{}\"/>\n  <Text name=\"question\" value=\"$question\"/>\n  <Text name=\"evidence\" value=\"$evidence\"/>\n{texts}{rating}  <TextArea name=\"note\" toName=\"{to}\"/>\n  <TextArea name=\"annotator\" toName=\"{to}\" editable=\"false\"/>\n{name}</View>\n",
        origin(data),
        attribute(data.rubric()),
    )
}

/// Where it comes from: letters, digits and single hyphens, so nothing in it ends a comment.
fn origin(data: &ExportData) -> String {
    let plain = |text: &str| -> String {
        let kept = text
            .split('-')
            .map(|part| part.replace(|character: char| !character.is_ascii_alphanumeric(), ""))
            .filter(|part| !part.is_empty());
        kept.collect::<Vec<_>>().join("-")
    };
    format!(
        "project {}, seed {}, SHA-256 of the spec {}, of the rubric {}",
        plain(&data.detail.row.id),
        data.seed(),
        plain(data.hash("spec")),
        plain(data.hash("rubric")),
    )
}

/// Text within the quotes of an XML attribute; line breaks are kept.
fn attribute(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            // XML knows no other control characters, escaped or not.
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
