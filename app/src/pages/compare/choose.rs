//! The choice of what is compared: a form whose state is the address, for scripts on or off.

use super::entries;
use crate::format;
use crate::medium::medium;
use crate::view::{COMPARED_MAX, COMPARED_MIN, Choice, Comparison};
use leptos::prelude::*;

/// Evaluations of one run that are offered.
const LABELS_MAX: usize = 12;

/// Where nothing is compared yet.
pub fn first(comparison: &Comparison) -> AnyView {
    if comparison.choices.is_empty() && comparison.query.is_empty() {
        return view! {
            <div class="empty">
                <h2>"There is nothing to compare yet"</h2>
                <p>"Two evaluations are needed, of one run or of several. Make some:"</p>
                <pre><code>"sayself run world-facts/demo --out runs/demo"</code></pre>
                <p><a href="/">"All runs"</a></p>
            </div>
        }
        .into_any();
    }
    let told = match comparison.entries.as_slice() {
        [only] => format!(
            "{} is chosen; choose {} to {} more.",
            format::foreign(&only.entry),
            COMPARED_MIN - 1,
            COMPARED_MAX - 1
        ),
        _ => format!(
            "Choose {COMPARED_MIN} to {COMPARED_MAX} evaluations, of one run or of several. They should have been asked the same questions: then each question is compared with itself."
        ),
    };
    view! {
        <p>{told}</p>
        {form(comparison)}
    }
    .into_any()
}

/// Below a comparison.
pub fn again(comparison: &Comparison) -> AnyView {
    if medium().is_files() {
        return ().into_any();
    }
    let open = !comparison.query.is_empty();
    view! {
        <section aria-labelledby="choose">
            <h2 id="choose">"Compare others"</h2>
            <details open=open>
                <summary>"Choose runs and evaluations"</summary>
                {form(comparison)}
            </details>
        </section>
    }
    .into_any()
}

fn form(comparison: &Comparison) -> AnyView {
    let chosen = entries(comparison);
    // What is chosen but not among the choices stays chosen.
    let elsewhere = comparison
        .entries
        .iter()
        .filter(|one| {
            !comparison.choices.iter().any(|choice| {
                choice.run == one.run && offered(choice).any(|label| *label == one.label)
            })
        })
        .map(|one| {
            view! {
                <li>
                    <label>
                        <input type="checkbox" name="run" value=one.entry.clone() checked />
                        {format::foreign(&one.entry)}
                    </label>
                </li>
            }
        })
        .collect::<Vec<_>>();
    let elsewhere = (!elsewhere.is_empty()).then(|| view! { <ul class="chosen">{elsewhere}</ul> });
    let groups = comparison
        .choices
        .iter()
        .map(|choice| group(choice, &chosen))
        .collect_view();
    let none = comparison
        .choices
        .is_empty()
        .then(|| view! { <p class="empty">"No run with an evaluation matches the search."</p> });
    let more = comparison.more_choices.then(|| {
        view! {
            <p class="minor">
                {format!("The newest {} are listed; search for others.", format::counted(comparison.choices.len() as u64, "run"))}
            </p>
        }
    });
    view! {
        <form class="choose" method="get" action="/compare">
            <p class="search">
                <label for="choices">"Search"</label>
                <input type="search" id="choices" name="q" value=comparison.query.clone() maxlength="200" placeholder="title, model, questions" />
                <button type="submit">"Search"</button>
            </p>
            {elsewhere}
            <div class="runs-to-choose">{groups}</div>
            {none}
            {more}
            <p><button type="submit">"Compare"</button></p>
        </form>
    }
    .into_any()
}

fn offered(choice: &Choice) -> impl Iterator<Item = &String> {
    choice.labels.iter().take(LABELS_MAX)
}

fn group(choice: &Choice, chosen: &[&str]) -> AnyView {
    let boxes = offered(choice)
        .map(|label| {
            let entry = format!("{}:{label}", choice.run);
            let checked = chosen.contains(&entry.as_str());
            view! {
                <label>
                    <input type="checkbox" name="run" value=entry checked=checked />
                    {format::foreign(label)}
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset>
            <legend>{format::foreign(&choice.title)}</legend>
            <span class="minor">
                {format::foreign(&choice.run)} ", " {format::foreign(&choice.model)} " on " {format::foreign(&choice.questions)}
            </span>
            {boxes}
        </fieldset>
    }
    .into_any()
}
