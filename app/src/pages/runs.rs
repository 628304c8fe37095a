//! The list of runs.

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::state::{LiveProgress, StateBadge};
use crate::pages::words::Measure;
use crate::view::{Evaluation, Figure, RunState, RunSummary};
use leptos::prelude::*;

/// Runs whose bars are followed live: a browser opens six streams to a server and no more.
const FOLLOWED_MAX: usize = 4;

pub fn frame(runs: Vec<RunSummary>, query: String, next: Option<String>) -> Frame {
    let islands = runs.iter().any(|run| moves(&run.state));
    let table = if runs.is_empty() {
        empty(&query)
    } else {
        table(runs)
    };
    let next = next.map(|cursor| view! { <p class="pages"><a rel="next" href=link::runs(&query, Some(&cursor))>"More runs"</a></p> });
    let body = view! {
        <div class="heading">
            <h1>"Runs"</h1>
            <form class="search" method="get" action="/" role="search">
                <label for="q">"Search"</label>
                <input type="search" id="q" name="q" value=query maxlength="200" placeholder="title, model, questions" />
                <button type="submit">"Search"</button>
            </form>
        </div>
        {table}
        {next}
    };
    Frame {
        title: "Runs".into(),
        islands,
        body: body.into_any(),
    }
}

fn moves(state: &RunState) -> bool {
    matches!(state, RunState::Running { .. } | RunState::Waiting)
}

fn empty(query: &str) -> AnyView {
    if !query.is_empty() {
        return view! {
            <div class="empty">
                <h2>"No run matches “" {format::foreign(query)} "”"</h2>
                <p><a href="/">"Show all runs"</a></p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <h2>"No runs yet"</h2>
            <p>"A run asks a model questions, teaches it to say how sure it is, and measures before and after. Start a small one (about 15 minutes on two cores):"</p>
            <pre><code>"sayself run demo --out runs/demo"</code></pre>
            <p>"or measure a model as it is:"</p>
            <pre>
                <code>
                    "sayself evaluate --method direct-prompting --model smollm2-135m --questions world-facts --limit 300 --out runs/first"
                </code>
            </pre>
            <p>"This page reads the folders given by " <code>"--runs"</code> "; load it again and the run is here."</p>
        </div>
    }
    .into_any()
}

fn table(runs: Vec<RunSummary>) -> AnyView {
    let mut followed = 0;
    let rows = runs
        .into_iter()
        .map(|run| {
            let follow = moves(&run.state) && followed < FOLLOWED_MAX;
            followed += usize::from(follow);
            row(run, follow)
        })
        .collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Runs">
            <table class="runs">
                <caption><span>"Each run with its headline evaluation. Bars run from 0 to 1, for ECE and Brier from 0 to 0.5."</span></caption>
                <thead>
                    <tr>
                        <th scope="col">"Run"</th>
                        <th scope="col">"Model, method"</th>
                        <th scope="col">"Questions"</th>
                        <th scope="col" class="number">"n"</th>
                        <th scope="col" class="number">"Accuracy"</th>
                        <th scope="col" class="number">"ECE"</th>
                        <th scope="col" class="number">"Brier"</th>
                        <th scope="col" class="number">"AUROC"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(run: RunSummary, follow: bool) -> AnyView {
    let started = run
        .started_ms
        .map(|moment| view! { <span class="minor">{format::moment(moment)}</span> });
    let below = match &run.state {
        RunState::Failed { stage, error } => {
            view! { <p class="minor">{format!("{stage}: {}", first_line(error))}</p> }.into_any()
        }
        RunState::Damaged { error } => {
            view! { <p class="minor">{first_line(error)}</p> }.into_any()
        }
        _ if follow => view! { <LiveProgress run=run.clone() /> }.into_any(),
        _ => ().into_any(),
    };
    let figure =
        |pick: fn(&Evaluation) -> Figure| run.metrics.as_ref().map(pick).unwrap_or_default();
    let n = if run.metrics.is_some() {
        view! { <span>{format::count(run.n)}</span> }.into_any()
    } else {
        view! { <span class="measure none">"–"</span> }.into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <a class="title" href=link::run(&run.id, &[])>{run.title.clone()}</a>
                <span class="under">
                    <StateBadge state=run.state.clone() recorded=run.recorded />
                    {started}
                </span>
                {below}
            </th>
            <td data-name="Model, method">
                {run.model.clone()}
                <span class="minor">{run.method.clone()}</span>
            </td>
            <td data-name="Questions">{run.questions.clone()}</td>
            <td class="number" data-name="n">{n}</td>
            <td class="number" data-name="Accuracy"><Measure figure=figure(|one| one.accuracy) scale=0.0..1.0 /></td>
            <td class="number" data-name="ECE"><Measure figure=figure(|one| one.ece) scale=0.0..0.5 /></td>
            <td class="number" data-name="Brier"><Measure figure=figure(|one| one.brier) scale=0.0..0.5 /></td>
            <td class="number" data-name="AUROC"><Measure figure=figure(|one| one.auroc) scale=0.0..1.0 /></td>
        </tr>
    }
    .into_any()
}

fn first_line(error: &str) -> String {
    error
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(160)
        .collect()
}
