//! The form for a new job: what to start, and with which configuration.
//!
//! Plain HTML: each button posts the whole form, and the answer is the form as it then stands.

use super::field::{field_id, group};
use super::prose;
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::{Notice, Trail};
use crate::raw_text::text_box;
use crate::view::{FormTable, NewJob};
use leptos::prelude::*;

pub fn frame(form: NewJob) -> Frame {
    let body = view! {
        <Trail parts=vec![("Jobs".to_owned(), link::jobs())] />
        <h1>"New job"</h1>
        {begin_with(&form)}
        {problems(&form)}
        <form class="job" method="post" action="/jobs/new">
            {what(&form)}
            {configuration(&form)}
            {last(&form)}
        </form>
    };
    Frame {
        title: "New job".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// Where the configuration comes from.
fn begin_with(form: &NewJob) -> AnyView {
    let configs = form
        .configs
        .iter()
        .map(|name| view! { <option value=name.clone()>{name.clone()}</option> })
        .collect_view();
    let runs = (!form.runs.is_empty()).then(|| {
        let runs = form
            .runs
            .iter()
            .map(|(id, title)| {
                let words = match id == title || title.is_empty() {
                    true => id.clone(),
                    false => [id, ": ", title].concat(),
                };
                view! { <option value=id.clone()>{format::foreign(&words)}</option> }
            })
            .collect_view();
        view! {
            <form class="picker" method="get" action="/jobs/new">
                <label>"or a run's " <select name="run">{runs}</select></label>
                <button type="submit">"Take it"</button>
            </form>
        }
    });
    let from = match form.from.as_str() {
        "" => "The form holds the defaults.".to_owned(),
        from => ["The form began with ", from, "."].concat(),
    };
    view! {
        <div class="begin">
            <form class="picker" method="get" action="/jobs/new">
                <label>"Begin with a shipped configuration " <select name="config">{configs}</select></label>
                <button type="submit">"Take it"</button>
            </form>
            {runs}
            <p class="minor">{format::foreign(&from)}</p>
        </div>
    }
    .into_any()
}

/// All that is wrong, each with a way to it.
fn problems(form: &NewJob) -> AnyView {
    let mut fields = Vec::new();
    form.tables
        .iter()
        .for_each(|table| wrong_fields(table, &mut fields));
    if fields.is_empty() && form.problems.is_empty() {
        return ().into_any();
    }
    let whole = form
        .problems
        .iter()
        .map(|problem| view! { <li>{prose(problem)}</li> })
        .collect_view();
    let each = fields
        .into_iter()
        .map(|(path, problem)| {
            let address = ["#", &field_id(&path)].concat();
            view! { <li><a href=address><code>{path}</code></a> ": " {prose(&problem)}</li> }
        })
        .collect_view();
    view! {
        <div class="notice error" role="alert">
            <p><strong>"This cannot be started yet."</strong></p>
            <ul>{whole}{each}</ul>
        </div>
    }
    .into_any()
}

fn wrong_fields(table: &FormTable, found: &mut Vec<(String, String)>) {
    if let Some(problem) = &table.problem {
        found.push((table.path.clone(), problem.clone()));
    }
    for field in &table.fields {
        if let Some(problem) = &field.problem {
            found.push((field.path.clone(), problem.clone()));
        }
    }
    for inner in &table.tables {
        wrong_fields(inner, found);
    }
}

/// The stage and the run.
fn what(form: &NewJob) -> AnyView {
    let options = form
        .stages
        .iter()
        .map(|stage| {
            let selected = stage.name == form.stage;
            let words = match stage.name.as_str() {
                "run" => "all stages".to_owned(),
                name => ["until ", name].concat(),
            };
            view! { <option value=stage.name.clone() selected=selected>{words}</option> }
        })
        .collect_view();
    let meanings = form
        .stages
        .iter()
        .map(|stage| view! { <li><code>{stage.name.clone()}</code> ": " {prose(&stage.description)}</li> })
        .collect_view();
    view! {
        <fieldset class="what">
            <legend class="unseen">"What to start"</legend>
            <div class="fields">
                <div class="field">
                    <label for="stage">"Stages"</label>
                    <select id="stage" name="stage" aria-describedby="stage-about">{options}</select>
                    <div class="about" id="stage-about">
                        "What is missing before the stage is made first; what is there is not made again."
                    </div>
                </div>
                <div class="field">
                    <label for="out">"Run"</label>
                    <input type="text" id="out" name="out" value=form.out.clone() maxlength="100" spellcheck="false" autocomplete="off" aria-describedby="out-about" />
                    <div class="about" id="out-about">
                        "The name of its folder: letters, digits, dots, dashes. Left empty, one is chosen."
                    </div>
                </div>
                <div class="field">
                    <label for="resume">"Go on with it"</label>
                    <input type="checkbox" id="resume" name="resume" value="true" checked=form.resume aria-describedby="resume-about" />
                    <div class="about" id="resume-about">
                        "On: a run of that name may be there already, with the same configuration, and is gone on with. Off: it must be new."
                    </div>
                </div>
            </div>
            <details class="meanings">
                <summary>"What each stage makes"</summary>
                <ul>{meanings}</ul>
            </details>
            <p><button type="submit" name="do" value="preview" formaction="/jobs/new#preview">"Check and show"</button></p>
        </fieldset>
    }
    .into_any()
}

fn configuration(form: &NewJob) -> AnyView {
    let from = view! { <input type="hidden" name="from" value=form.from.clone() /> };
    if form.as_text {
        return view! {
            <section aria-labelledby="configuration">
                <h2 id="configuration">"Configuration"</h2>
                {from}
                <input type="hidden" name="mode" value="text" />
                <label for="toml">"As TOML. What is left out has its default."</label>
                <textarea id="toml" name="toml" rows="24" spellcheck="false" inner_html=text_box(&form.toml)></textarea>
                <p><button type="submit" name="do" value="fields" formaction="/jobs/new#configuration">"Edit as fields"</button></p>
            </section>
        }
        .into_any();
    }
    let groups = form.tables.iter().cloned().map(group).collect_view();
    view! {
        <section aria-labelledby="configuration">
            <h2 id="configuration">"Configuration"</h2>
            {from}
            <input type="hidden" name="mode" value="fields" />
            <p class="minor">
                "An empty field has the default that stands in it in grey. Only what differs is written to the file. Keys of servers are never put in here: only the name of the environment variable that holds one."
            </p>
            {groups}
            <p><button type="submit" name="do" value="text" formaction="/jobs/new#configuration">"Edit as text"</button></p>
        </section>
    }
    .into_any()
}

/// What will be started, where it was asked for; else the button that asks.
fn last(form: &NewJob) -> AnyView {
    let warnings = form
        .warnings
        .iter()
        .map(|warning| {
            view! { <Notice kind="warning" title="Look again:".into() text=format::foreign(warning) /> }
        })
        .collect_view();
    if !form.preview {
        return view! {
            {warnings}
            <p><button type="submit" name="do" value="preview" formaction="/jobs/new#preview">"Check and show"</button></p>
        }
        .into_any();
    }
    let toml = match form.toml.trim().is_empty() {
        true => "# all as by default".to_owned(),
        false => format::foreign(&form.toml),
    };
    view! {
        <section class="preview" aria-labelledby="preview">
            <h2 id="preview">"This will be started"</h2>
            {warnings}
            <pre class="command" tabindex="0" role="region" aria-label="Command line"><code>{format::foreign(&form.command)}</code></pre>
            <pre tabindex="0" role="region" aria-label="Configuration as TOML"><code>{toml}</code></pre>
            <input type="hidden" name="seen" value=form.seen() />
            <p class="actions">
                <button type="submit" name="do" value="start" class="primary">"Start"</button>
                <button type="submit" name="do" value="preview" formaction="/jobs/new#preview">"Check and show again"</button>
            </p>
        </section>
    }
    .into_any()
}
