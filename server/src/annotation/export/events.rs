//! Everything, as it happened: the project and its items first, then each word and each event by time.

use super::table::{Row, Table};
use super::{Event, ExportData, Said, moment, project};
use serde_json::{Value, json};

pub fn table(data: &ExportData) -> Table {
    let texts: Vec<&'static str> = ["kind", "at", "annotator"]
        .into_iter()
        .chain(data.names.is_some().then_some("name"))
        .chain(["item", "assignment", "detail"])
        .collect();
    let mut table = Table::new(&texts, &["at_ms"]);
    let created_ms = data.detail.row.created_ms;
    let about = project::about(data);
    table.push(row(data, "project", created_ms, None, ("", ""), about));
    let mut items: Vec<_> = data.items.iter().collect();
    items.sort_by_key(|item| item.position);
    for item in items {
        let place = (item.id.as_str(), "");
        table.push(row(data, "item", created_ms, None, place, json!(item)));
    }
    // Both are in order; of the same millisecond the event comes first: handed out, then rated.
    let (mut events, mut said) = (data.events.iter().peekable(), data.said.iter().peekable());
    loop {
        match (events.peek(), said.peek()) {
            (Some(event), Some(word)) if event.at_ms <= word.saved_ms => {
                table.push(of_event(data, event));
                events.next();
            }
            (_, Some(word)) => {
                table.push(of_word(data, word));
                said.next();
            }
            (Some(event), None) => {
                table.push(of_event(data, event));
                events.next();
            }
            (None, None) => return table,
        }
    }
}

fn row(
    data: &ExportData,
    kind: &str,
    at_ms: i64,
    annotator: Option<&str>,
    (item, assignment): (&str, &str),
    detail: Value,
) -> Row {
    let mut row = Row::default()
        .text(kind)
        .text(moment(at_ms))
        .text_if(annotator);
    if data.names.is_some() {
        row = row.text_if(annotator.and_then(|annotator| data.name(annotator)));
    }
    row.text(item)
        .text(assignment)
        .json(detail)
        .of_project(data)
        .number(Some(at_ms as f64))
}

fn of_word(data: &ExportData, word: &Said) -> Row {
    let detail = json!({
        "key": word.key, "revision": word.revision, "is_repeat": word.is_repeat,
        "first_left": word.first_left, "was_late": word.was_late, "said": word.said,
    });
    let place = (word.item.as_str(), word.assignment.as_str());
    row(
        data,
        "rating",
        word.saved_ms,
        Some(&word.annotator),
        place,
        detail,
    )
}

fn of_event(data: &ExportData, event: &Event) -> Row {
    let detail = serde_json::from_str(&event.detail).unwrap_or_else(|_| json!(event.detail));
    let text = |name: &str| {
        detail
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (item, assignment) = (text("item"), text("assignment"));
    let annotator = event.annotator.as_deref();
    row(
        data,
        &event.kind,
        event.at_ms,
        annotator,
        (&item, &assignment),
        detail,
    )
}
