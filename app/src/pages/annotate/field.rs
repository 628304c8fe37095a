//! Fields of the form for a new project.

use crate::raw_text::text_box;
use leptos::prelude::*;

/// A field with its name and what it means: `id` is its name in the form too.
fn field(id: &'static str, name: &'static str, input: AnyView, about: impl IntoView) -> AnyView {
    view! {
        <div class="field">
            <label for=id>{name}</label>
            {input}
            <div class="about" id=about_id(id)>{about}</div>
        </div>
    }
    .into_any()
}

fn about_id(id: &str) -> String {
    [id, "-about"].concat()
}

/// What a number may be: lowest, highest, step.
pub struct Range(pub &'static str, pub &'static str, pub &'static str);

pub fn number(
    id: &'static str,
    name: &'static str,
    value: String,
    range: Range,
    about: &'static str,
) -> AnyView {
    let Range(min, max, step) = range;
    let max = (!max.is_empty()).then_some(max);
    let input = view! {
        <input type="number" id=id name=id value=value min=min max=max step=step aria-describedby=about_id(id) />
    };
    field(id, name, input.into_any(), about)
}

pub fn line(
    id: &'static str,
    name: &'static str,
    value: String,
    characters_max: usize,
    required: bool,
    about: &'static str,
) -> AnyView {
    let input = view! {
        <input type="text" id=id name=id value=value maxlength=characters_max.to_string() required=required autocomplete="off" aria-describedby=about_id(id) />
    };
    field(id, name, input.into_any(), about)
}

pub fn text(
    id: &'static str,
    name: &'static str,
    value: &str,
    rows: usize,
    about: impl IntoView,
) -> AnyView {
    let input = view! {
        <textarea id=id name=id rows=rows.to_string() aria-describedby=about_id(id) inner_html=text_box(value)></textarea>
    };
    field(id, name, input.into_any(), about)
}

pub fn tick(id: &'static str, name: &'static str, checked: bool, about: &'static str) -> AnyView {
    let input = view! {
        <input type="checkbox" id=id name=id value="true" checked=checked aria-describedby=about_id(id) />
    };
    field(id, name, input.into_any(), about)
}
