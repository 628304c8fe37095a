//! Fields and groups of fields of the form for a new job.

use super::prose;
use crate::format;
use crate::raw_text::text_box;
use crate::view::{FormField, FormInput, FormTable, Listed};
use leptos::prelude::*;

/// Lines of a list's box at most.
const ROWS_MAX: usize = 8;

/// An id for a path: `sft.epochs` is `field-sft-epochs`.
pub fn field_id(path: &str) -> String {
    ["field-", &plain(path)].concat()
}

fn group_id(path: &str) -> String {
    ["group-", &plain(path)].concat()
}

fn plain(path: &str) -> String {
    path.chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' | '_' => character,
            _ => '-',
        })
        .collect()
}

/// A table with its fields, and what adds or removes it.
pub fn group(table: FormTable) -> AnyView {
    match (table.list, table.present) {
        (Listed::Head, _) => list(table),
        (_, false) => absent(table),
        (_, true) => present(table),
    }
}

fn name_of(table: &FormTable) -> String {
    match table.path.as_str() {
        "" => "The run".to_owned(),
        path => format!("[{path}]"),
    }
}

/// A button that changes the form and comes back to a place in it.
fn change(verb: &str, path: &str, words: String, to: &str) -> AnyView {
    let value = [verb, " ", path].concat();
    let action = ["/jobs/new#", to].concat();
    view! { <button type="submit" name="do" value=value formaction=action formnovalidate>{words}</button> }
        .into_any()
}

fn absent(table: FormTable) -> AnyView {
    let id = group_id(&table.path);
    let words = ["Add ", &name_of(&table)].concat();
    view! {
        <div class="group absent" id=id.clone()>
            <p><code>{name_of(&table)}</code> " is left out. " {prose(&table.description)}</p>
            {change("add", &table.path, words, &id)}
        </div>
    }
    .into_any()
}

fn present(table: FormTable) -> AnyView {
    let id = group_id(&table.path);
    let (name, changed, is_wrong) = (name_of(&table), table.changed(), table.has_problems());
    // What differs or is wrong is looked for.
    let open = is_wrong || changed > 0 || table.list == Listed::Entry || table.path.is_empty();
    let count = match changed {
        0 => "as by default".to_owned(),
        some => format!("{} set", format::count(some)),
    };
    let is_removable = table.optional || table.list == Listed::Entry;
    let marker = is_removable
        .then(|| view! { <input type="hidden" name="table" value=table.path.clone() /> });
    let remove = is_removable.then(|| {
        let to = match table.path.split_once('[') {
            Some((head, _)) if table.list == Listed::Entry => group_id(head),
            _ => id.clone(),
        };
        change("remove", &table.path, ["Remove ", &name].concat(), &to)
    });
    let problem = table
        .problem
        .clone()
        .map(|problem| view! { <p class="wrong">{prose(&problem)}</p> });
    let fields = table.fields.into_iter().map(field).collect_view();
    let tables = table.tables.into_iter().map(group).collect_view();
    view! {
        <details class="group" id=id open=open>
            <summary>
                <code>{name.clone()}</code>
                " "
                <span class="minor">{count}</span>
            </summary>
            <fieldset>
                <legend class="unseen">{name}</legend>
                {marker}
                <p>{prose(&table.description)}</p>
                {problem}
                <div class="fields">{fields}</div>
                {tables}
                {remove}
            </fieldset>
        </details>
    }
    .into_any()
}

fn list(table: FormTable) -> AnyView {
    let id = group_id(&table.path);
    let next = table.tables.len() + 1;
    let problem = table
        .problem
        .clone()
        .map(|problem| view! { <p class="wrong">{prose(&problem)}</p> });
    let path = format!("{}[{next}]", table.path);
    let words = format!("Add [[{}]]", table.path);
    let added = group_id(&path);
    let count = format::count(table.tables.len() as u64);
    let name = format!("[[{}]]", table.path);
    let entries = table.tables.into_iter().map(group).collect_view();
    view! {
        <details class="group" id=id open>
            <summary>
                <code>{name.clone()}</code>
                " "
                <span class="minor">{count}</span>
            </summary>
            <fieldset>
                <legend class="unseen">{name}</legend>
                <p>{prose(&table.description)}</p>
                {problem}
                {entries}
                {change("add", &path, words, &added)}
            </fieldset>
        </details>
    }
    .into_any()
}

fn field(field: FormField) -> AnyView {
    let id = field_id(&field.path);
    let key = field.path.rsplit('.').next().unwrap_or_default().to_owned();
    let problem = field.problem.clone().map(|problem| {
        view! { <p class="wrong" id=[&id, "-wrong"].concat()>{format::foreign(&problem)}</p> }
    });
    let class = match (field.problem.is_some(), field.is_set) {
        (true, _) => "field is-wrong",
        (false, true) => "field is-set",
        _ => "field",
    };
    let default = match (&field.input, field.default.as_str()) {
        (FormInput::Checkbox, "true") => Some("Default: on.".to_owned()),
        (FormInput::Checkbox, _) => Some("Default: off.".to_owned()),
        _ => None,
    };
    let choices = choices(&field.input);
    view! {
        <div class=class>
            <label for=id.clone()><code>{key}</code></label>
            {input(&field, &id)}
            {problem}
            <div class="about" id=[&id, "-about"].concat()>
                {prose(&field.description)}
                {default.map(|words| [" ", &words].concat())}
                {choices}
            </div>
        </div>
    }
    .into_any()
}

fn choices(input: &FormInput) -> AnyView {
    let (FormInput::Choice(choices) | FormInput::Lines(choices)) = input else {
        return ().into_any();
    };
    if choices.is_empty() {
        return ().into_any();
    }
    let each = choices
        .iter()
        .map(|(value, words)| {
            let words = match words.is_empty() {
                true => ().into_any(),
                false => view! { <span>": " {prose(words)}</span> }.into_any(),
            };
            view! { <li><code>{value.clone()}</code>{words}</li> }
        })
        .collect_view();
    view! { <ul class="choices">{each}</ul> }.into_any()
}

fn input(field: &FormField, id: &str) -> AnyView {
    let invalid = field.problem.is_some().then_some("true");
    let about = match field.problem {
        Some(_) => [id, "-wrong ", id, "-about"].concat(),
        None => [id, "-about"].concat(),
    };
    let (id, name) = (id.to_owned(), field.path.clone());
    match &field.input {
        FormInput::Checkbox => {
            let checked = field.value == "true";
            view! {
                <input type="checkbox" id=id name=name value="true" checked=checked aria-describedby=about aria-invalid=invalid />
            }
            .into_any()
        }
        FormInput::Number { whole, min, max } => {
            let step = if *whole { "1" } else { "any" };
            view! {
            <input
                type="number"
                id=id
                name=name
                value=field.value.clone()
                placeholder=field.default.clone()
                min=min.clone()
                max=max.clone()
                step=step
                aria-describedby=about
                aria-invalid=invalid
            />
            }
            .into_any()
        }
        FormInput::Choice(choices) => {
            let default = field.default.clone();
            let absent = match default.is_empty() {
                true => "not set".to_owned(),
                false => [&default, " (default)"].concat(),
            };
            let is_known = choices.iter().any(|(value, _)| *value == field.value);
            // A value that is none is kept, so that its error can be understood.
            let foreign = (!field.value.is_empty() && !is_known).then(|| {
                let value = field.value.clone();
                view! { <option value=value.clone() selected>{format::foreign(&value)}</option> }
            });
            let options = choices
                .iter()
                .filter(|(value, _)| *value != default)
                .map(|(value, _)| {
                    let selected = *value == field.value;
                    view! { <option value=value.clone() selected=selected>{value.clone()}</option> }
                })
                .collect_view();
            view! {
                <select id=id name=name aria-describedby=about aria-invalid=invalid>
                    <option value="">{absent}</option>
                    {foreign}
                    {options}
                </select>
            }
            .into_any()
        }
        FormInput::Lines(_) => {
            let lines = field
                .value
                .lines()
                .count()
                .max(field.default.lines().count());
            view! {
                <textarea
                    id=id
                    name=name
                    rows=lines.clamp(2, ROWS_MAX).to_string()
                    placeholder=field.default.clone()
                    spellcheck="false"
                    aria-describedby=about
                    aria-invalid=invalid
                    inner_html=text_box(&field.value)
                ></textarea>
            }
            .into_any()
        }
        FormInput::Text if field.value.contains('\n') => view! {
            <textarea
                id=id
                name=name
                rows="3"
                spellcheck="false"
                aria-describedby=about
                aria-invalid=invalid
                inner_html=text_box(&field.value)
            ></textarea>
        }
        .into_any(),
        FormInput::Text => view! {
            <input
                type="text"
                id=id
                name=name
                value=field.value.clone()
                placeholder=field.default.clone()
                spellcheck="false"
                autocomplete="off"
                aria-describedby=about
                aria-invalid=invalid
            />
        }
        .into_any(),
    }
}
