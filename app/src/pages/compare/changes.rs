//! Confidence before and after, question by question, and the questions that changed most.

use super::files;
use crate::drawn::compared::{self, Chart, named, series};
use crate::format;
use crate::link;
use crate::medium::medium;
use crate::pages::numbers::numbers;
use crate::pages::words::{Foreign, Outcome};
use crate::view::{Change, ChangeList, ChangedQuestion, Changes, Comparison, Said};
use leptos::prelude::*;

pub fn section(comparison: &Comparison) -> AnyView {
    let (base, with) = (
        named(comparison, comparison.base),
        named(comparison, comparison.with),
    );
    let Some(changes) = &comparison.changes else {
        return view! {
            <section aria-labelledby="changes">
                <h2 id="changes">"Confidence before and after"</h2>
                {picker(comparison)}
                <p class="empty">{format!("{} and {} share no question.", format::foreign(&base), format::foreign(&with))}</p>
            </section>
        }
        .into_any();
    };
    view! {
        <section aria-labelledby="changes">
            <div class="heading">
                <h2 id="changes">"Confidence before and after"</h2>
                {picker(comparison)}
            </div>
            <p>
                {format!(
                    "The {} that both answered, before being {} and after {}. Squares on the diagonal did not move, those above it are said more surely after.",
                    format::counted(changes.n, "question"),
                    format::foreign(&base),
                    format::foreign(&with),
                )}
            </p>
            {grids(comparison, changes)}
            {cells(changes)}
            {files(comparison, Chart::Changes)}
            {overview(comparison, changes)}
            {lists(comparison, changes)}
        </section>
    }
    .into_any()
}

/// Whose questions are set beside whose: a form whose state is the address.
fn picker(comparison: &Comparison) -> AnyView {
    if comparison.entries.len() < 3 || medium().is_files() {
        return ().into_any();
    }
    let hidden = comparison
        .entries
        .iter()
        .map(|one| view! { <input type="hidden" name="run" value=one.entry.clone() /> })
        .collect_view();
    let options = |chosen: usize| {
        comparison
            .entries
            .iter()
            .enumerate()
            .map(|(place, one)| {
                let selected = place == chosen;
                view! { <option value=one.entry.clone() selected=selected>{format::foreign(&named(comparison, place))}</option> }
            })
            .collect_view()
    };
    view! {
        <form class="picker" method="get" action="/compare">
            {hidden}
            <label>"Before " <select name="base">{options(comparison.base)}</select></label>
            <label>"After " <select name="with">{options(comparison.with)}</select></label>
            <button type="submit">"Show"</button>
        </form>
    }
    .into_any()
}

fn grids(comparison: &Comparison, changes: &Changes) -> AnyView {
    let drawn = compared::grids(comparison, changes).map(|one| {
        view! {
            <figure>
                <p class="name">
                    {one.name} " " <span class="minor">{format!("n = {}", format::count(one.n))}</span>
                </p>
                <div class="drawing" inner_html=one.svg></div>
            </figure>
        }
    });
    view! { <div class="figures">{drawn.collect_view()}</div> }.into_any()
}

/// The grids' numbers.
fn cells(changes: &Changes) -> AnyView {
    let rows = changes
        .cells
        .iter()
        .map(|cell| {
            let level = |level: u8| format::fixed(f64::from(level) / 10.0, 1);
            view! {
                <tr>
                    <th scope="row">{level(cell.before)}</th>
                    <td>{level(cell.after)}</td>
                    <td>{format::count(cell.right)}</td>
                    <td>{format::count(cell.wrong)}</td>
                </tr>
            }
        })
        .collect_view();
    numbers(
        "The grids as a table",
        "Table of the grids",
        "Questions by confidence before and after, to the nearest tenth.",
        &["Before", "After", "Right after", "Wrong after"],
        rows,
    )
}

fn in_words(change: Change) -> &'static str {
    match change {
        Change::BecameRight => "Became right",
        Change::BecameWrong => "Became wrong",
        Change::RightSurer => "Right and surer",
        Change::RightLessSure => "Right and less sure",
        Change::RightAsSure => "Right and as sure",
        Change::WrongSurer => "Wrong and surer",
        Change::WrongLessSure => "Wrong and less sure",
        Change::WrongAsSure => "Wrong and as sure",
    }
}

/// How many questions changed in each way, each a link to its list.
fn overview(comparison: &Comparison, changes: &Changes) -> AnyView {
    let items = changes
        .counts
        .iter()
        .map(|(change, count)| {
            let sign = match change.is_good() {
                Some(true) => view! { <span class="outcome right">"▲ "</span> }.into_any(),
                Some(false) => view! { <span class="outcome wrong">"▼ "</span> }.into_any(),
                None => ().into_any(),
            };
            let name = if Change::MOVED.contains(change) && *count > 0 {
                let current = (changes.chosen == Some(*change)).then_some("true");
                view! { <a href=address(comparison, Some(*change)) aria-current=current>{in_words(*change)}</a> }
                    .into_any()
            } else {
                view! { <span>{in_words(*change)}</span> }.into_any()
            };
            let share = *count as f64 / changes.n.max(1) as f64;
            view! {
                <li>
                    {sign}
                    {name}
                    " "
                    <span class="minor">{format!("{}, {}", format::count(*count), format::percent(share))}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <h3 id="changed">"The questions that changed most"</h3>
        <ul class="ways" aria-labelledby="changed">{items}</ul>
    }
    .into_any()
}

fn address(comparison: &Comparison, change: Option<Change>) -> String {
    super::address(comparison, change) + "#changed"
}

fn lists(comparison: &Comparison, changes: &Changes) -> AnyView {
    if changes.lists.is_empty() {
        return view! { <p class="empty">"No answer changed, and none is said more or less surely."</p> }
            .into_any();
    }
    let all = changes.chosen.map(|_| {
        view! { <p class="pages"><a href=address(comparison, None)>"All ways of changing"</a></p> }
    });
    let lists = changes
        .lists
        .iter()
        .map(|list| one_list(comparison, list, changes.chosen.is_some()))
        .collect_view();
    view! {
        {lists}
        {all}
    }
    .into_any()
}

fn one_list(comparison: &Comparison, list: &ChangeList, is_alone: bool) -> AnyView {
    let cards = list
        .questions
        .iter()
        .map(|question| card(comparison, question))
        .collect_view();
    let shown = list.questions.len() as u64;
    let told = if shown < list.total {
        format!(
            "the first {} of {}",
            format::count(shown),
            format::count(list.total)
        )
    } else {
        format!("all {}", format::count(list.total))
    };
    let more = (!is_alone && shown < list.total && !medium().is_files()).then(|| {
        view! {
            <p>
                <a href=address(comparison, Some(list.change))>
                    {format!("More that {}", more_in_words(list.change))}
                </a>
            </p>
        }
    });
    view! {
        <section class="changed-list">
            <h4>{in_words(list.change)} " " <span class="minor">{told}</span></h4>
            {cards}
            {more}
        </section>
    }
    .into_any()
}

fn more_in_words(change: Change) -> &'static str {
    match change {
        Change::BecameRight => "became right",
        Change::BecameWrong => "became wrong",
        Change::RightSurer => "are right and surer",
        Change::RightLessSure => "are right and less sure",
        Change::RightAsSure => "are right and as sure",
        Change::WrongSurer => "are wrong and surer",
        Change::WrongLessSure => "are wrong and less sure",
        Change::WrongAsSure => "are wrong and as sure",
    }
}

fn card(comparison: &Comparison, question: &ChangedQuestion) -> AnyView {
    let (Some(base), Some(with)) = (
        comparison.entries.get(comparison.base),
        comparison.entries.get(comparison.with),
    ) else {
        return ().into_any();
    };
    let gold = question.gold.clone().map(|gold| {
        view! { <span class="minor">"Gold answer: " <Foreign text=gold /></span> }
    });
    let has_rationales =
        !question.before.rationale.is_empty() || !question.after.rationale.is_empty();
    let other = if base.run == with.run {
        ().into_any()
    } else {
        view! {
            <span class="minor">
                <a href=link::question(&base.run, &question.id)>{format!("The same question in {}", format::foreign(&base.run))}</a>
            </span>
        }
        .into_any()
    };
    view! {
        <article class="changed">
            <h5>
                <a href=link::question(&with.run, &question.id)><Foreign text=question.question.clone() /></a>
            </h5>
            {gold}
            {other}
            <div class="sides">
                {side(comparison, comparison.base, &question.before, false, has_rationales)}
                {side(comparison, comparison.with, &question.after, true, has_rationales)}
            </div>
        </article>
    }
    .into_any()
}

fn side(
    comparison: &Comparison,
    place: usize,
    said: &Said,
    is_after: bool,
    has_rationales: bool,
) -> AnyView {
    let answer = said
        .answer
        .clone()
        .unwrap_or_else(|| "no answer could be read".to_owned());
    let failure = said
        .failure
        .clone()
        .map(|failure| view! { <span class="minor">"confidence not read: " {format::foreign(&failure)}</span> });
    let rationale = has_rationales.then(|| rationale(comparison, said, is_after));
    view! {
        <div>
            <p class="name">{format::foreign(&named(comparison, place))}</p>
            <p class="said"><Foreign text=answer /> " " <Outcome correct=said.correct /></p>
            <p class="confidence">"Confidence " <strong>{format::fixed(said.probability, 2)}</strong> {failure}</p>
            {rationale}
        </div>
    }
    .into_any()
}

/// The rationale with the words marked that the other one does not have there.
fn rationale(comparison: &Comparison, said: &Said, is_after: bool) -> AnyView {
    if said.rationale.is_empty() {
        return view! { <p class="minor">"no rationale"</p> }.into_any();
    }
    let only = |place: usize| format!("[only in {}: ", series(place).letter);
    let stretches = said
        .rationale
        .iter()
        .map(|stretch| {
            let text = format::foreign(&stretch.text);
            match (stretch.differs, is_after) {
                (false, _) => view! { <span>{text}</span> }.into_any(),
                (true, false) => view! {
                    <del>
                        <span class="unseen">{only(comparison.base)}</span>
                        {text}
                        <span class="unseen">"] "</span>
                    </del>
                }
                .into_any(),
                (true, true) => view! {
                    <ins>
                        <span class="unseen">{only(comparison.with)}</span>
                        {text}
                        <span class="unseen">"] "</span>
                    </ins>
                }
                .into_any(),
            }
        })
        .collect_view();
    view! { <blockquote><bdi class="foreign">{stretches}</bdi></blockquote> }.into_any()
}
