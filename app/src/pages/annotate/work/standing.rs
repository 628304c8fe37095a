//! Where there is nothing to rate: why, and what to do next.

use crate::link;
use crate::pages::annotate::own_words;
use crate::view::{WorkPage, WorkStanding};
use leptos::prelude::*;

pub fn stage(page: &WorkPage) -> AnyView {
    let again = || {
        view! { <p class="pages"><a href=link::work(&page.project) id="look-again">"Look again"</a></p> }
            .into_any()
    };
    let home = || view! { <p><a href=link::annotate()>"Your other work"</a></p> }.into_any();
    let (title, words, next) = match page.batch.standing {
        WorkStanding::NothingLeft | WorkStanding::Ready | WorkStanding::Training => (
            "Nothing is left for you now",
            format!(
                "{} Thank you! Should others leave items unrated, more come back here.",
                own_words(&page.batch.progress)
            ),
            view! { {again()} {undo(page)} {home()} }.into_any(),
        ),
        WorkStanding::Refused => (
            "The training was not passed",
            "Your ratings of the training items differ too much from what those who run this project expect. This says nothing of you: rubrics can be read in more than one way. If you think that it is a mistake, ask them.".to_owned(),
            home(),
        ),
        WorkStanding::Waiting => (
            "This project is paused",
            "Those who run it hand out nothing at the moment. What you rated is kept.".to_owned(),
            view! { {again()} {home()} }.into_any(),
        ),
        WorkStanding::Paused => (
            "You paused",
            "What you rated is kept; what you had not rated yet was given back.".to_owned(),
            view! { {go_on(page)} {undo(page)} {home()} }.into_any(),
        ),
        WorkStanding::Closed => (
            "This project is closed",
            format!("{} Thank you!", own_words(&page.batch.progress)),
            home(),
        ),
        WorkStanding::Withdrawn => (
            "You withdrew from this project",
            "Nothing is handed out to you any more. What is kept of you stands on your account's page.".to_owned(),
            view! { <p><a href=link::account()>"Your account and data"</a></p> {home()} }.into_any(),
        ),
        // Drawn by the page for consent.
        WorkStanding::Consent => ("Read what it is about first", String::new(), again()),
    };
    view! {
        <div class="empty" id="standing">
            <h2>{title}</h2>
            <p>{words}</p>
            {next}
        </div>
    }
    .into_any()
}

/// Ends one's own pause.
fn go_on(page: &WorkPage) -> AnyView {
    view! {
        <form method="post" action=link::pause_work(&page.project)>
            <input type="hidden" name="paused" value="false" />
            <p class="actions"><button type="submit" class="primary">"Go on"</button></p>
        </form>
    }
    .into_any()
}

/// The last item can still be rated again.
fn undo(page: &WorkPage) -> Option<AnyView> {
    let progress = &page.batch.progress;
    let has_said = progress.own_rated + progress.own_skipped > 0;
    (has_said && !page.preview).then(|| {
        view! { <p><a href=link::work_again(&page.project)>"Rate the last one again"</a></p> }
            .into_any()
    })
}
