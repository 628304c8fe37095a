//! What happened, and what to do next.

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::page::RenderContext;
use crate::view::Problem;
use leptos::prelude::*;

pub fn frame(problem: Problem, context: &RenderContext) -> Frame {
    let Problem {
        status,
        title,
        detail,
        next,
    } = problem;
    // What he may not see is not told to be there; and a link from another site brings no cookie along.
    let viewer = context.viewer;
    let may_be_hidden = status == 404 && !viewer.signed_in && viewer.has_accounts;
    let sign_in = may_be_hidden.then(|| {
        let path = context.path.clone();
        view! {
            <p>
                "Some pages are for people who signed in: "
                <a href=link::sign_in(Some(&path))>"sign in"</a>
                ", or, if you are, "
                <a href=path>"open it again"</a>
                "."
            </p>
        }
    });
    let body = view! {
        <article class="problem">
            <p class="status">{status.to_string()}</p>
            <h1>{title.clone()}</h1>
            <p>{format::foreign(&detail)}</p>
            <p class="next">{next}</p>
            {sign_in}
            <p><a href="/">"All runs"</a></p>
        </article>
    };
    Frame {
        title,
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}
