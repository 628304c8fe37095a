//! The answers of an evaluation: narrowed, ordered, a page at a time, all of it in the address.

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::medium::medium;
use crate::pages::words::{Foreign, Notice, Outcome, Trail};
use crate::view::{AnswerFilter, AnswerList, AnswerOrder};
use datasets::Answer;
use leptos::prelude::*;

/// Characters of a text in a row; the Question page has more of it.
const ROW_CHARACTERS: usize = 280;
/// Bytes of a record above which its size is told beside it.
const LONG_BYTES: u64 = 64 * 1024;

pub fn frame(list: AnswerList) -> Frame {
    let trail = vec![
        ("Runs".to_owned(), "/".to_owned()),
        (list.run.title.clone(), link::run(&list.run.id, &[])),
    ];
    let title = format!("{}: {}", list.run.title, list.filter);
    let body = view! {
        <Trail parts=trail />
        <h1>"Answers: " {format::foreign(&list.filter)}</h1>
        <p class="facts">
            {format::foreign(&list.label)} " on " {list.run.questions.clone()} " · " {format::counted(list.total, "answer")}
        </p>
        {indexing(&list)}
        {(!medium().is_files()).then(|| narrowing(&list))}
        {searched(&list)}
        {table(&list)}
        {bad_lines(&list)}
        {if medium().is_files() { beginning(&list) } else { turning(&list) }}
    };
    Frame {
        title,
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// What is still being read, while it is.
fn indexing(list: &AnswerList) -> Option<AnyView> {
    let text = format!(
        "{}. The list and its count hold what is read.",
        list.indexing?.words()
    );
    let again = address(list, &list.asked, list.order, None);
    Some(
        view! {
            <div class="indexing">
                <Notice kind="warning" title="These answers are being indexed:".into() text=text />
                <p class="next"><a href=again>"Load again"</a></p>
            </div>
        }
        .into_any(),
    )
}

fn address(
    list: &AnswerList,
    filter: &AnswerFilter,
    order: AnswerOrder,
    turn: Option<(&str, &str)>,
) -> String {
    link::narrowed_answers(&list.run.id, &list.label, filter, order, turn)
}

/// The form that narrows and orders the list.
fn narrowing(list: &AnswerList) -> AnyView {
    let asked = &list.asked;
    let action = [&link::run(&list.run.id, &[]), "/answers"].concat();
    let labels = options(
        list.labels
            .iter()
            .map(|label| (label.clone(), format::visible(label), *label == list.label)),
    );
    let bins = options(
        any("any", asked.bin.is_none()).chain((0..=10).map(|bin: u8| {
            let name = bin.to_string();
            let words = [&name, " of 10"].concat();
            (name, words, asked.bin == Some(bin))
        })),
    );
    let outcomes = options(
        any("right and wrong", asked.correct.is_none())
            .chain(choice("right", "right", asked.correct == Some(true)))
            .chain(choice("wrong", "wrong", asked.correct == Some(false))),
    );
    let failures = options(
        any("read or not", asked.failed.is_none())
            .chain(choice("no", "read", asked.failed == Some(false)))
            .chain(choice("yes", "not read", asked.failed == Some(true))),
    );
    let orders = options(AnswerOrder::ALL.into_iter().map(|order| {
        (
            order.name().to_owned(),
            order.words().to_owned(),
            order == list.order,
        )
    }));
    // A template of few answers may not be among those that are offered.
    let other = asked
        .template
        .as_ref()
        .filter(|wanted| !list.templates.iter().any(|one| one.template == **wanted))
        .map(|wanted| (wanted.clone(), format::visible(wanted), true));
    let templates = (!list.templates.is_empty() || other.is_some()).then(|| {
        let offered = list.templates.iter().map(|one| {
            let words = [
                &format::cut(&format::visible(&one.template), 60),
                " (",
                &format::count(one.answers),
                ")",
            ]
            .concat();
            (
                one.template.clone(),
                words,
                asked.template.as_ref() == Some(&one.template),
            )
        });
        let all = options(
            any("all templates", asked.template.is_none())
                .chain(offered)
                .chain(other),
        );
        view! { <label>"Template" <select name="template">{all}</select></label> }
    });
    let kept = [("low", asked.low), ("high", asked.high)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| view! { <input type="hidden" name=name value=value.to_string() /> })
        .collect_view();
    let all = (*asked != AnswerFilter::default()).then(|| {
        let address = address(list, &AnswerFilter::default(), list.order, None);
        view! { <a href=address>"all answers"</a> }
    });
    view! {
        <form class="narrowing" method="get" action=action role="search" aria-label="Answers">
            {kept}
            <label class="words">"Search" <input type="search" name="q" maxlength="200" value=format::visible(&asked.search) /></label>
            <label>"Evaluation" <select name="label">{labels}</select></label>
            <label>"Confidence" <select name="bin">{bins}</select></label>
            <label>"Outcome" <select name="outcome">{outcomes}</select></label>
            {templates}
            <label>"Confidence read" <select name="failed">{failures}</select></label>
            <label>"Order" <select name="sort">{orders}</select></label>
            <button>"Show"</button>
            {all}
        </form>
    }
    .into_any()
}

type Choice = (String, String, bool);

fn any(words: &str, selected: bool) -> impl Iterator<Item = Choice> + use<> {
    std::iter::once((String::new(), words.to_owned(), selected))
}

fn choice(name: &str, words: &str, selected: bool) -> impl Iterator<Item = Choice> + use<> {
    std::iter::once((name.to_owned(), words.to_owned(), selected))
}

/// (value, words, whether it is chosen).
fn options(choices: impl Iterator<Item = Choice>) -> AnyView {
    choices
        .map(|(value, words, selected)| view! { <option value=value selected=selected>{words}</option> })
        .collect_view()
        .into_any()
}

/// How far a search went.
fn searched(list: &AnswerList) -> Option<AnyView> {
    let searched = list.searched?;
    let found = format::counted(list.answers.len() as u64, "answer");
    let through = format::count(searched.answers);
    let text = if searched.stopped {
        format!(
            "{found} among the {through} that were looked through for this page; the next page goes on from there."
        )
    } else {
        format!("{found} among the {through} that were looked through, which are all from here on.")
    };
    Some(view! { <p class="minor">{text}</p> }.into_any())
}

fn bad_lines(list: &AnswerList) -> Option<AnyView> {
    (list.bad_lines > 0).then(|| {
        let text = format!(
            "{} of answers.jsonl {} no record, or longer than 16 MiB, and not shown.",
            format::counted(list.bad_lines, "line"),
            if list.bad_lines == 1 { "is" } else { "are" },
        );
        view! { <p class="minor">{text}</p> }.into_any()
    })
}

fn table(list: &AnswerList) -> AnyView {
    if list.answers.is_empty() {
        let narrowed = list.asked != AnswerFilter::default();
        let all = address(list, &AnswerFilter::default(), list.order, None);
        let wider = narrowed.then(|| view! { <a href=all>"Show all answers"</a> " or go " });
        return view! {
            <p class="empty">
                "No answers here. " {wider}
                <a href=link::run(&list.run.id, &[])>"back to the run"</a> "."
            </p>
        }
        .into_any();
    }
    let shown = list.answers.len() as u64;
    let rows = list
        .answers
        .iter()
        .zip(
            list.record_bytes
                .iter()
                .copied()
                .chain(std::iter::repeat(0)),
        )
        .map(|(answer, bytes)| row(list, answer, bytes))
        .collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Answers">
            <table class="answers">
                <caption>{format!("{} of {} shown, {}", format::count(shown), format::counted(list.total, "answer"), list.order.words())}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Question"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col">"Gold"</th>
                        <th scope="col" class="number">"Confidence"</th>
                        <th scope="col">"Outcome"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(list: &AnswerList, answer: &Answer, bytes: u64) -> AnyView {
    let cut = |text: &str| format::cut(text, ROW_CHARACTERS);
    let said = cut(answer.answer.as_deref().unwrap_or(&answer.response));
    let failure = answer.failure.as_deref().map(
        |failure| view! { <span class="minor">"confidence not read: " {format::foreign(&cut(failure))}</span> },
    );
    let confidence = answer.confidence.map(
        |level| view! { <span class="minor">{format!("says {} of 10", level.level())}</span> },
    );
    let template = answer
        .template
        .as_deref()
        .map(|template| format::foreign(&cut(template)));
    let long = (bytes > LONG_BYTES && medium().has_downloads()).then(|| {
        let whole = link::records(
            &list.run.id,
            &answer.question_id,
            "answers",
            Some(&list.label),
        );
        let words = format!("the whole record, {}", size(bytes));
        view! { <a class="minor" href=whole download>{words}</a> }
    });
    view! {
        <tr>
            <th scope="row">
                <a href=link::question(&list.run.id, &answer.question_id)><Foreign text=cut(&answer.question) /></a>
                <span class="minor">{template}</span>
            </th>
            <td data-name="Answer"><Foreign text=said />{failure}{long}</td>
            <td data-name="Gold"><Foreign text=cut(answer.gold.as_deref().unwrap_or_default()) /></td>
            <td class="number" data-name="Confidence">{format::fixed(answer.probability, 2)} {confidence}</td>
            <td data-name="Outcome"><Outcome correct=answer.correct /></td>
        </tr>
    }
    .into_any()
}

/// Among files, what stands in place of the pages after.
fn beginning(list: &AnswerList) -> Option<AnyView> {
    list.next.as_ref()?;
    Some(
        view! { <p class="minor">"These are the first of them; " <code>"sayself-server"</code> " over the run shows all."</p> }
            .into_any(),
    )
}

/// The way to the pages before and after.
fn turning(list: &AnswerList) -> Option<AnyView> {
    if list.previous.is_none() && list.next.is_none() {
        return None;
    }
    let turn =
        |way: &str, cursor: &str| address(list, &list.asked, list.order, Some((way, cursor)));
    let back = list.previous.as_ref().map(|cursor| {
        let first = address(list, &list.asked, list.order, None);
        view! {
            <a href=first>"First"</a>
            <a rel="prev" href=turn("before", cursor)>"← Before"</a>
        }
    });
    let on = list
        .next
        .as_ref()
        .map(|cursor| view! { <a rel="next" href=turn("after", cursor)>"After →"</a> });
    Some(view! { <nav class="pages" aria-label="Pages of answers">{back} {on}</nav> }.into_any())
}

/// A number of bytes as `812 B`, `340 kB`, `1.2 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format::fixed(bytes as f64 / 1e3, 0) + " kB",
        _ => format::fixed(bytes as f64 / 1e6, 1) + " MB",
    }
}
