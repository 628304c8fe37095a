//! A list without a row: what to type, or what to let go of.

use crate::format;
use crate::link;
use crate::medium::medium;
use crate::view::{Role, RunChoice, RunsPage, Viewer};
use leptos::prelude::*;

pub fn nothing(page: &RunsPage, viewer: Viewer) -> AnyView {
    if page.total == 0 && medium().is_files() {
        return view! { <div class="empty"><h2>"No runs here"</h2></div> }.into_any();
    }
    if page.total == 0 && viewer.role < Role::Researcher {
        return none_published(viewer);
    }
    if page.total == 0 {
        return first_run();
    }
    if page.choice.is_narrowed() && page.matching == 0 {
        return no_match(&page.choice);
    }
    // The runs after the cursor have gone.
    view! {
        <div class="empty">
            <h2>"No more runs here"</h2>
            <p><a href=link::runs(&page.choice, None)>"To the first of them"</a></p>
        </div>
    }
    .into_any()
}

/// To who sees published runs alone.
fn none_published(viewer: Viewer) -> AnyView {
    let next = match viewer.signed_in {
        true => view! {
            <p>"Runs that are being rated are hidden from those who may rate them. Your work is on the page " <a href=link::annotate()>"Annotate"</a> "."</p>
        }
        .into_any(),
        false => view! {
            <p><a href=link::sign_in(None)>"Sign in"</a> " to see more, or measure a file of your own: " <a href=link::your_file()>"Your file"</a> "."</p>
        }
        .into_any(),
    };
    view! {
        <div class="empty">
            <h2>"No run is published here"</h2>
            {next}
        </div>
    }
    .into_any()
}

fn first_run() -> AnyView {
    view! {
        <div class="empty">
            <h2>"No runs yet"</h2>
            <p>
                "A run asks a model questions, teaches it to say how sure it is, and measures before and after. To see one made, and this page fill, type in the folder of sayself:"
            </p>
            <pre tabindex="0" role="region" aria-label="Command of the demo"><code>"cargo xtask demo"</code></pre>
            <p>"To make one yourself (about 15 minutes on two cores):"</p>
            <pre tabindex="0" role="region" aria-label="Command of a run"><code>"sayself run world-facts/demo --out runs/demo"</code></pre>
            <p>"To measure a model as it is:"</p>
            <pre tabindex="0" role="region" aria-label="Command of an evaluation">
                <code>
                    "sayself evaluate --method direct-prompting --model smollm2-135m --questions world-facts --limit 300 --out runs/first"
                </code>
            </pre>
            <p>
                "This page reads the folders given by " <code>"--runs"</code>
                "; load it again and the run is here, from its first minute on."
            </p>
        </div>
    }
    .into_any()
}

fn no_match(choice: &RunChoice) -> AnyView {
    let search = (!choice.search.is_empty()).then(|| {
        let without = RunChoice {
            search: String::new(),
            ..choice.clone()
        };
        item("Search", &choice.search, &without)
    });
    let facets = choice
        .narrowed
        .iter()
        .map(|(facet, value)| item(facet.name(), value, &choice.with(*facet, None)))
        .collect_view();
    view! {
        <div class="empty">
            <h2>"No run matches all of this"</h2>
            <ul class="asked">{search}{facets}</ul>
            <p>
                <a href=link::runs(&choice.widened(), None)>"Show all runs"</a>
                ", or leave out one of these."
            </p>
        </div>
    }
    .into_any()
}

fn item(name: &'static str, value: &str, without: &RunChoice) -> AnyView {
    view! {
        <li>
            {name} ": “" <bdi>{format::foreign(value)}</bdi> "” "
            <a href=link::runs(without, None)>"leave out" <span class="unseen">" " {name}</span></a>
        </li>
    }
    .into_any()
}
