//! The answers behind a bar.

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::{Foreign, Outcome, Trail};
use crate::view::AnswerList;
use datasets::Answer;
use leptos::prelude::*;

/// `path` is the list's own address: the next page keeps what narrows it.
pub fn frame(list: AnswerList, path: &str) -> Frame {
    let AnswerList {
        run,
        label,
        filter,
        answers,
        total,
        next,
    } = list;
    let trail = vec![
        ("Runs".to_owned(), "/".to_owned()),
        (run.title.clone(), link::run(&run.id, &[])),
    ];
    let shown = answers.len() as u64;
    let empty = answers.is_empty().then(|| {
        view! { <p class="empty">"No answers here. " <a href=link::run(&run.id, &[])>"Back to the run"</a></p> }
    });
    let table = (!answers.is_empty()).then(|| {
        let rows = answers.into_iter().map(|answer| row(&run.id, answer)).collect_view();
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label="Answers">
                <table class="answers">
                    <caption>{format!("{} of {} shown", format::count(shown), format::counted(total, "answer"))}</caption>
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
    });
    let next = next.map(|cursor| {
        let address = continued(path, &cursor)
            .unwrap_or_else(|| link::answers(&run.id, &label, None, None, Some(&cursor)));
        view! { <p class="pages"><a rel="next" href=address>"More answers"</a></p> }
    });
    let title = format!("{}: {filter}", run.title);
    let body = view! {
        <Trail parts=trail />
        <h1>"Answers: " {format::foreign(&filter)}</h1>
        <p class="facts">
            {format::foreign(&label)} " on " {run.questions.clone()} " · " {format::counted(total, "answer")}
        </p>
        {empty}
        {table}
        {next}
    };
    Frame {
        title,
        islands: false,
        body: body.into_any(),
    }
}

/// The same address after another cursor; `None` where `path` is no list of answers.
fn continued(path: &str, cursor: &str) -> Option<String> {
    let (page, query) = path.split_once('?')?;
    let kept = query
        .split('&')
        .filter(|parameter| !parameter.is_empty() && !parameter.starts_with("after="));
    let after = ["after=", &link::encoded(cursor)].concat();
    let parameters: Vec<&str> = kept.chain([after.as_str()]).collect();
    (page.starts_with("/runs/") && page.ends_with("/answers"))
        .then(|| [page, "?", &parameters.join("&")].concat())
}

fn row(run: &str, answer: Answer) -> AnyView {
    let said = answer
        .answer
        .clone()
        .unwrap_or_else(|| answer.response.clone());
    let failure = answer
        .failure
        .clone()
        .map(|failure| view! { <span class="minor">"confidence not read: " {failure}</span> });
    let confidence = answer.confidence.map(
        |level| view! { <span class="minor">{format!("says {} of 10", level.level())}</span> },
    );
    view! {
        <tr>
            <th scope="row">
                <a href=link::question(run, &answer.question_id)><Foreign text=answer.question.clone() /></a>
                <span class="minor">{answer.template.clone()}</span>
            </th>
            <td><Foreign text=said />{failure}</td>
            <td><Foreign text=answer.gold.clone().unwrap_or_default() /></td>
            <td class="number">{format::fixed(answer.probability, 2)} {confidence}</td>
            <td><Outcome correct=answer.correct /></td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::continued;

    #[test]
    fn the_next_page_keeps_what_narrows_the_list() {
        let next = continued("/runs/a/answers?label=x&bin=7&after=old", "n&w");
        assert_eq!(
            next.as_deref(),
            Some("/runs/a/answers?label=x&bin=7&after=n%26w")
        );
        assert_eq!(continued("javascript:alert(1)?", "x"), None);
    }
}
