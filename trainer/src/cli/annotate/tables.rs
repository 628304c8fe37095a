//! What the server says, as rows for a terminal.

use serde_json::Value;

/// The head, and a row a project.
pub fn projects(list: &Value) -> Vec<Vec<String>> {
    let head = [
        "id",
        "title",
        "kind",
        "state",
        "items",
        "rated",
        "wanted",
        "annotators",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(rows_of(list).map(|row| {
        let texts = ["id", "title", "kind", "state"].map(|name| shown(text_of(row, name)));
        let numbers = ["items", "rated", "wanted", "annotators"].map(|name| number_of(row, name));
        texts.into_iter().chain(numbers).collect()
    }));
    rows
}

/// The head, and a row an annotator.
pub fn members(project: &Value) -> Vec<Vec<String>> {
    let head = [
        "annotator",
        "state",
        "rated",
        "skipped",
        "gold right",
        "attention right",
        "hours",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    let all = project.get("members").and_then(Value::as_array);
    rows.extend(all.into_iter().flatten().map(|member| {
        let of = |right: &str, all: &str| {
            format!("{} of {}", number_of(member, right), number_of(member, all))
        };
        let active_ms = member
            .get("active_ms")
            .and_then(Value::as_f64)
            .unwrap_or(0.0);
        vec![
            shown(text_of(member, "annotator")),
            shown(text_of(member, "state")),
            number_of(member, "rated"),
            number_of(member, "skipped"),
            of("gold_right", "gold"),
            of("attention_right", "attention"),
            format!("{:.2}", active_ms / 3_600_000.0),
        ]
    }));
    rows
}

/// The head, and a row a figure of agreement that can be told.
pub fn figures(report: &Value) -> Vec<Vec<String>> {
    let mut rows = vec![
        ["agreement", "value", "95% interval", "items"]
            .map(String::from)
            .to_vec(),
    ];
    for (key, name) in [
        ("alpha_nominal", "Krippendorff's alpha, nominal"),
        ("alpha_ordinal", "Krippendorff's alpha, ordinal"),
        ("alpha_interval", "Krippendorff's alpha, interval"),
        ("fleiss_kappa", "Fleiss' kappa"),
    ] {
        let figure = report.get(key);
        rows.extend(figure.and_then(|figure| figure_row(name, figure)));
    }
    for method in report
        .get("ranking")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let strength = method.get("strength");
        let name = shown(text_of(method, "name"));
        rows.extend(strength.and_then(|strength| figure_row(&name, strength)));
    }
    rows
}

fn figure_row(name: &str, figure: &Value) -> Option<Vec<String>> {
    let value = figure.get("value")?.as_f64()?;
    let end = |at: usize| figure.get("interval")?.get(at)?.as_f64();
    let interval = match (end(0), end(1)) {
        (Some(low), Some(high)) => format!("[{low:.3}, {high:.3}]"),
        _ => "–".to_owned(),
    };
    Some(vec![
        name.to_owned(),
        format!("{value:.3}"),
        interval,
        number_of(figure, "n"),
    ])
}

/// What the server remarks, a sentence each.
pub fn remarks(value: &Value) -> impl Iterator<Item = &str> {
    let remarks = value.get("remarks").and_then(Value::as_array);
    remarks.into_iter().flatten().filter_map(Value::as_str)
}

/// Words that somebody else wrote: on one line, and nothing that moves a terminal's cursor.
pub fn shown(text: &str) -> String {
    chart::format::visible(&text.replace(['\n', '\t'], " "))
}

pub fn rows_of(list: &Value) -> impl Iterator<Item = &Value> {
    let projects = list.get("projects").and_then(Value::as_array);
    projects.into_iter().flatten()
}

/// What the list shows of a project.
pub fn row_of(project: &Value) -> &Value {
    project.get("row").unwrap_or(project)
}

pub fn id_of(project: &Value) -> anyhow::Result<&str> {
    let id = row_of(project).get("id").and_then(Value::as_str);
    id.ok_or_else(|| {
        anyhow::anyhow!("the server's answer names no project: is it of this version?")
    })
}

pub fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub fn number_of(value: &Value, name: &str) -> String {
    value
        .get(name)
        .map_or_else(|| "–".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use comparison::form::aligned;
    use serde_json::json;

    #[test]
    fn tables_tell_what_the_server_says() {
        let list = json!({"projects": [{
            "id": "0198", "title": "T\u{1b}", "kind": "single", "state": "open",
            "items": 100, "rated": 12, "wanted": 200, "annotators": 3, "created_ms": 0,
        }]});
        let lines = aligned(&projects(&list));
        assert_eq!(
            lines[1],
            "0198  T␛     single  open   100    12     200     3"
        );
        let project = json!({"row": {"id": "0198"}, "members": [{
            "annotator": "annotator-7f3a", "state": "at work", "rated": 12, "skipped": 1,
            "gold_right": 2, "gold": 3, "attention_right": 0, "attention": 0, "active_ms": 900_000,
        }]});
        assert_eq!(id_of(&project).unwrap(), "0198");
        assert_eq!(members(&project)[1][4..], ["2 of 3", "0 of 0", "0.25"]);
        let report = json!({
            "alpha_nominal": {"value": 0.5, "interval": [0.25, 0.75], "n": 40},
            "alpha_ordinal": null, "fleiss_kappa": {"value": 0.5, "interval": null, "n": 40},
        });
        let told = figures(&report);
        assert_eq!(told[1][1..], ["0.500", "[0.250, 0.750]", "40"]);
        assert_eq!(told[2][2], "–");
        assert_eq!(told.len(), 3);
    }
}
