//! What happened, and what to do next.

use crate::document::Frame;
use crate::format;
use crate::view::Problem;
use leptos::prelude::*;

pub fn frame(problem: Problem) -> Frame {
    let Problem {
        status,
        title,
        detail,
        next,
    } = problem;
    let body = view! {
        <article class="problem">
            <p class="status">{status.to_string()}</p>
            <h1>{title.clone()}</h1>
            <p>{format::foreign(&detail)}</p>
            <p class="next">{next}</p>
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
