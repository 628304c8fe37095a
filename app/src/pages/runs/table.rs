//! The table: a row a run, its headline evaluation as numbers with intervals on one scale a column.

use crate::format;
use crate::island::progress::Progress;
use crate::link;
use crate::medium::medium;
use crate::pages::runs::moves;
use crate::pages::state::StateBadge;
use crate::pages::tags::{LabelsForm, Tags};
use crate::pages::words::Measure;
use crate::progress::Shown;
use crate::view::{
    COMPARED_MAX, COMPARED_MIN, Evaluation, Figure, RunChoice, RunRow, RunSort, RunState, RunsPage,
};
use leptos::prelude::*;

/// Runs whose states one stream tells; the server takes no more.
const FOLLOWED_MAX: usize = 50;
/// Bytes of the stream's address, well below what the server takes.
const FOLLOWED_BYTES_MAX: usize = 3_000;
/// Answers below which a figure shows chance more than the model.
const SMALL: u64 = 100;
/// Characters of an error that a row shows.
const ERROR_CHARACTERS_MAX: usize = 160;

pub fn section(page: &RunsPage) -> AnyView {
    let rows = Rows {
        page,
        back: link::runs(&page.choice, page.after.as_deref()),
        followed: followed(&page.rows),
    };
    let bodies = if page.choice.grouped {
        rows.grouped()
    } else {
        view! { <tbody>{page.rows.iter().map(|row| rows.row(row)).collect_view()}</tbody> }
            .into_any()
    };
    let errors = if page.errors_to < 1.0 {
        ", those of ECE, smECE and Brier from 0 to 0.5"
    } else {
        ""
    };
    let caption = [
        "Each run with its headline evaluation; beneath a value its 95% interval. Bars run from 0 to 1",
        errors,
        ", on every page.",
    ]
    .concat();
    let comparable = page.rows.iter().any(|row| row.run.metrics.is_some());
    let compare = comparable.then(|| match medium().is_files() {
        true => side_by_side(page),
        false => view! {
            <form class="compare" id="compare" method="get" action="/compare">
                <p>"Tick 2 to 6 runs to see them side by side."</p>
                <button type="submit">"Compare"</button>
            </form>
        }
        .into_any(),
    });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Runs">
            <table class="runs">
                <caption><span>{caption}</span></caption>
                {head(&page.choice)}
                {bodies}
            </table>
        </div>
        {compare}
    }
    .into_any()
}

/// Among files, where nothing can be ticked, the newest runs of each data set beside one another.
fn side_by_side(page: &RunsPage) -> AnyView {
    let mut sets: Vec<(&str, Vec<&str>)> = Vec::new();
    for run in page.rows.iter().map(|row| &row.run) {
        if run.metrics.is_none() {
            continue;
        }
        match sets.iter_mut().find(|(name, _)| *name == run.questions) {
            Some((_, ids)) if ids.len() < COMPARED_MAX => ids.push(&run.id),
            Some(_) => {}
            None => sets.push((&run.questions, vec![&run.id])),
        }
    }
    let links = sets
        .iter()
        .filter(|(_, ids)| ids.len() >= COMPARED_MIN)
        .map(|(name, ids)| {
            let words = format!("{} on ", format::counted(ids.len() as u64, "run"));
            view! { <li><a href=link::compare(ids)>{words}{format::foreign(name)}</a></li> }
        })
        .collect::<Vec<_>>();
    if links.is_empty() {
        return ().into_any();
    }
    view! {
        <p>"Side by side:"</p>
        <ul>{links}</ul>
    }
    .into_any()
}

/// What the columns are, each head the link that sorts by it.
fn head(choice: &RunChoice) -> AnyView {
    let column = |class: &'static str, sorts: &[(RunSort, &'static str)]| {
        let sorted = sorts
            .iter()
            .any(|(sort, _)| *sort == choice.sort)
            .then(|| choice.direction.word());
        let links = sorts
            .iter()
            .map(|(sort, meaning)| sort_link(choice, *sort, meaning))
            .collect_view();
        let links = match sorts {
            [_] => links.into_any(),
            _ => view! { <div class="sorts">{links}</div> }.into_any(),
        };
        view! { <th scope="col" class=class aria-sort=sorted>{links}</th> }.into_any()
    };
    view! {
        <thead>
            <tr>
                {tick_column(())}
                {column(
                    "of-title",
                    &[(RunSort::Title, ""), (RunSort::State, ""), (RunSort::Started, "")],
                )}
                {column("of-method", &[(RunSort::Model, ""), (RunSort::Method, "")])}
                {column("of-set", &[(RunSort::Questions, "")])}
                {column("number of-n", &[(RunSort::N, "Answers measured")])}
                {column("number", &[(RunSort::Accuracy, "Share of right answers: higher is better")])}
                {column("number", &[(RunSort::Ece, "Expected calibration error, by level: lower is better")])}
                {column("number", &[(RunSort::Smece, "Smooth expected calibration error: lower is better")])}
                {column("number", &[(RunSort::Brier, "Mean squared distance of confidence and truth: lower is better")])}
                {column(
                    "number",
                    &[(
                        RunSort::Auroc,
                        "Chance that a right answer has more confidence than a wrong one: higher is better, 0.5 is chance",
                    )],
                )}
            </tr>
        </thead>
    }
    .into_any()
}

/// The cell in which a run is ticked: there is none among files, where nothing can be compared by form.
fn tick_column(tick: impl IntoView + 'static) -> AnyView {
    match medium().is_files() {
        true => ().into_any(),
        false => view! { <td class="pick">{tick}</td> }.into_any(),
    }
}

fn sort_link(choice: &RunChoice, sort: RunSort, meaning: &'static str) -> AnyView {
    let current = (choice.sort == sort).then(|| {
        let arrow = match choice.direction {
            crate::view::Direction::Ascending => " ↑",
            crate::view::Direction::Descending => " ↓",
        };
        view! {
            <span aria-hidden="true">{arrow}</span>
            <span class="unseen">", " {choice.direction.word()}</span>
        }
    });
    let title = (!meaning.is_empty()).then_some(meaning);
    view! {
        <a class="sort" href=link::runs(&choice.sorted(sort), None) title=title>{sort.name()}{current}</a>
        " "
    }
    .into_any()
}

/// The address of one stream for the rows that move, and the ids that it tells of.
fn followed(rows: &[RunRow]) -> (String, Vec<&str>) {
    let mut ids: Vec<&str> = rows
        .iter()
        .filter(|row| moves(&row.run.state))
        .map(|row| row.run.id.as_str())
        .take(FOLLOWED_MAX)
        .collect();
    while link::states(&ids).len() > FOLLOWED_BYTES_MAX {
        ids.pop();
    }
    (link::states(&ids), ids)
}

/// What all rows of a page share.
struct Rows<'page> {
    page: &'page RunsPage,
    /// This page's own address.
    back: String,
    followed: (String, Vec<&'page str>),
}

impl Rows<'_> {
    fn grouped(&self) -> AnyView {
        let mut bodies = Vec::new();
        let mut rest = self.page.rows.as_slice();
        for (index, group) in self.page.groups.iter().enumerate() {
            let (here, after) = rest.split_at(group.rows.min(rest.len()));
            rest = after;
            let continued = (index == 0 && self.page.continued).then_some(" (continued)");
            let heading = if group.name.is_empty() {
                "No data set named".to_owned()
            } else {
                format::foreign(&group.name)
            };
            bodies.push(view! {
                <tbody class="group">
                    <tr>
                        {tick_column(())}
                        <th scope="rowgroup" colspan="9">
                            <bdi>{heading}</bdi>
                            <span class="minor">{format::counted(group.runs, "run")} {continued}</span>
                        </th>
                    </tr>
                    {here.iter().map(|row| self.row(row)).collect_view()}
                </tbody>
            });
        }
        bodies.collect_view().into_any()
    }

    fn row(&self, row: &RunRow) -> AnyView {
        let run = &row.run;
        let started = run
            .started_ms
            .map(|moment| view! { <span class="minor">{format::moment(moment)}</span> });
        let figure =
            |pick: fn(&Evaluation) -> Figure| run.metrics.as_ref().map(pick).unwrap_or_default();
        let errors = 0.0..self.page.errors_to;
        let title = format::foreign(&run.title);
        let pick = run.metrics.as_ref().map(|_| {
            let name = ["Compare ", &title].concat();
            view! { <input type="checkbox" name="run" value=run.id.clone() form="compare" aria-label=name /> }
        });
        let labels = (!medium().is_files()).then(|| {
            view! {
                <LabelsForm
                    id=run.id.clone()
                    title=run.title.clone()
                    labels=row.labels.clone()
                    back=self.back.clone()
                    locked=self.page.locked.clone()
                />
            }
        });
        view! {
            <tr id=link::run_anchor(&run.id)>
                {tick_column(pick)}
                <th scope="row">
                    <a class="title" href=link::run(&run.id, &[])>{title.clone()}</a>
                    <span class="under">
                        <StateBadge state=run.state.clone() recorded=run.recorded />
                        {started}
                    </span>
                    {self.below(row)}
                    <Tags labels=row.labels.clone() />
                    {labels}
                </th>
                <td data-name="Model, method">
                    {run.model.clone()}
                    <span class="minor">{run.method.clone()}</span>
                </td>
                <td data-name="Data set">{run.questions.clone()}</td>
                <td class="number" data-name="n">{answers(run.metrics.as_ref())}</td>
                <td class="number" data-name="Accuracy"><Measure figure=figure(|one| one.accuracy) scale=0.0..1.0 /></td>
                <td class="number" data-name="ECE"><Measure figure=figure(|one| one.ece) scale=errors.clone() /></td>
                <td class="number" data-name="smECE"><Measure figure=figure(|one| one.smece) scale=errors.clone() /></td>
                <td class="number" data-name="Brier"><Measure figure=figure(|one| one.brier) scale=errors /></td>
                <td class="number" data-name="AUROC"><Measure figure=figure(|one| one.auroc) scale=0.0..1.0 /></td>
            </tr>
        }
        .into_any()
    }

    /// What a row says of a state that one should know of.
    fn below(&self, row: &RunRow) -> AnyView {
        let run = &row.run;
        match &run.state {
            RunState::Failed { stage, error } => {
                view! { <p class="minor">{format!("{stage}: {}", beginning(error))}</p> }.into_any()
            }
            RunState::Damaged { error } => {
                view! { <p class="minor">{beginning(error)}</p> }.into_any()
            }
            RunState::Finished => ().into_any(),
            state if self.followed.1.contains(&run.id.as_str()) => view! {
                <Progress
                    state=state.clone()
                    address=self.followed.0.clone()
                    event=link::run_event(&run.id)
                    name=run.title.clone()
                />
            }
            .into_any(),
            state => view! { <p class="minor">{Shown::new(state).line}</p> }.into_any(),
        }
    }
}

/// n in words, and a word where it is too small to say much.
fn answers(evaluation: Option<&Evaluation>) -> AnyView {
    let Some(evaluation) = evaluation else {
        return view! { <span class="measure none">"–"</span> }.into_any();
    };
    let n = evaluation.n;
    let noun = if n == 1 { "answer" } else { "answers" };
    let few = (n < SMALL).then(|| {
        view! { <span class="few" title="Fewer than 100 answers: read the intervals, not the values.">"few"</span> }
    });
    view! {
        <span class="measure">
            <span class="value">{format::count(n)}</span>
            <span class="range">{noun}</span>
            {few}
        </span>
    }
    .into_any()
}

fn beginning(error: &str) -> String {
    error
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(ERROR_CHARACTERS_MAX)
        .collect()
}
