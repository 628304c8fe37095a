//! The keys, shown on demand; whoever is hindered by them switches them off (WCAG 2.1.4).

use crate::view::WorkPage;
use datasets::annotation::ProjectKind;
use leptos::prelude::*;

/// What each key does.
fn keys(page: &WorkPage) -> Vec<(&'static [&'static str], &'static str)> {
    let mut keys: Vec<(&'static [&'static str], &'static str)> = match page.kind {
        ProjectKind::Single => vec![(&["0", "9"], "rate 0 to 9"), (&["t"], "rate 10")],
        ProjectKind::Pairs => vec![
            (&["←", "1"], "the left one is better"),
            (&["→", "2"], "the right one is better"),
            (&["="], "tie"),
            (&["x"], "both bad"),
        ],
    };
    keys.extend::<[(&'static [&'static str], &'static str); 6]>([
        (&["Enter"], "save and go on"),
        (&["u"], "undo: rate the last one again"),
        (&["s"], "skip, with a reason"),
        (&["n"], "note"),
        (&["e"], "open or fold all responses"),
        (&["p"], "pause"),
    ]);
    if page.spans {
        keys.extend::<[(&'static [&'static str], &'static str); 3]>([
            (&["w"], "select words: arrows move, Shift extends, Esc ends"),
            (&["m"], "mark the selected words as born out"),
            (&["c"], "mark them as contradicted"),
        ]);
    }
    keys.push((&["?"], "this list"));
    keys
}

pub fn dialog(page: &WorkPage) -> AnyView {
    let rows = keys(page)
        .into_iter()
        .map(|(keys, words)| {
            let between = if keys == ["0", "9"] { " to " } else { " or " };
            let keys = keys
                .iter()
                .enumerate()
                .map(|(index, key)| {
                    let before = (index > 0).then_some(between);
                    view! { {before} <kbd>{*key}</kbd> }
                })
                .collect_view();
            view! { <div><dt>{keys}</dt><dd>{words}</dd></div> }
        })
        .collect_view();
    view! {
        <dialog id="keys" aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            <label class="switch"><input type="checkbox" id="keys-on" checked /> <span>"Keys without Ctrl or Alt work"</span></label>
            <p class="minor">"Switch them off if you speak to your machine, or press keys by chance: all can be done by Tab, Space and Enter too. This browser remembers it."</p>
            <dl class="key-list">{rows}</dl>
            <form method="dialog"><button type="submit" class="primary">"Close"</button></form>
        </dialog>
    }
    .into_any()
}
