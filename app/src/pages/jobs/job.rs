//! One job: how it stands, what it says, and what can be done about it.

use super::{badge, moment, stage_words, title, took};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::{Notice, Trail};
use crate::progress::Shown;
use crate::view::{Job, JobShown, JobState, RunState};
use leptos::prelude::*;

/// Hears when there is something new, and puts what the server then draws in the place of what is shown.
const FOLLOW_SCRIPT: &str = include_str!("follow.js");

pub fn frame(shown: JobShown, nonce: &str) -> Frame {
    let job = &shown.detail.job;
    let title = title(job);
    let follow = (shown.newest && !job.state.is_over()).then(|| {
        let address = link::job_events(&job.id, shown.end);
        view! {
            <script type="module" nonce=nonce.to_owned() data-follow=address inner_html=FOLLOW_SCRIPT></script>
        }
    });
    let spoken = ["The job is ", job.state.word(), "."].concat();
    let body = view! {
        <Trail parts=vec![("Jobs".to_owned(), link::jobs())] />
        <h1>{format::foreign(&title)}</h1>
        <p class="unseen" role="status" data-live="spoken">{spoken}</p>
        {facts(&shown)}
        <div data-live="stands">{how_it_stands(job)}</div>
        // Apart from what moves, so that the focus stays on its button.
        {actions(job)}
        {log(&shown)}
        <section aria-labelledby="what">
            <h2 id="what">"What was started"</h2>
            <pre class="command" tabindex="0" role="region" aria-label="Command line"><code>{format::foreign(&shown.detail.command)}</code></pre>
            <details open>
                <summary>"Configuration"</summary>
                <pre tabindex="0" role="region" aria-label="Configuration"><code>{format::foreign(&shown.detail.config)}</code></pre>
            </details>
        </section>
        {follow}
    };
    Frame {
        islands: false,
        downloads: false,
        title: format::foreign(&title),
        body: body.into_any(),
    }
}

fn facts(shown: &JobShown) -> AnyView {
    let job = &shown.detail.job;
    let run = match shown.run_exists {
        true => {
            view! { <a href=link::run(&job.run, &[])>{format::foreign(&job.run)}</a> }.into_any()
        }
        false => view! { <span>{format::foreign(&job.run)}</span> }.into_any(),
    };
    let one = |name: &'static str, words: Option<String>| {
        words.map(|words| view! { <div><dt>{name}</dt><dd>{words}</dd></div> })
    };
    let status = job.exit_code.map(|code| code.to_string());
    view! {
        <dl class="facts" data-live="facts">
            <div><dt>"State"</dt><dd>{badge(job.state)}</dd></div>
            <div><dt>"Run"</dt><dd>{run}</dd></div>
            <div><dt>"Stages"</dt><dd>{stage_words(&job.stage)}</dd></div>
            {one("Attempt", (job.attempt > 1).then(|| job.attempt.to_string()))}
            {one("Asked for", moment(Some(job.created_ms)))}
            {one("Started", moment(job.started_ms))}
            {one("Took", took(job))}
            {one("Exit status", status)}
        </dl>
    }
    .into_any()
}

/// What happened, and what to do next.
fn how_it_stands(job: &Job) -> AnyView {
    let error = job.error.clone().unwrap_or_default();
    let error = format::foreign(&error);
    let (kind, title, next) = match job.state {
        JobState::Queued => {
            let place = match job.place {
                Some(1) | None => {
                    "It is next: it starts when the job that runs is over.".to_owned()
                }
                Some(place) => format!("It waits at place {} of the queue.", format::count(place)),
            };
            return view! { <p>{place}</p> }.into_any();
        }
        JobState::Running => {
            let Some(state) = &job.progress else {
                return view! { <p>"It has begun and has not said a word yet."</p> }.into_any();
            };
            return progress(state, &job.run);
        }
        JobState::Finished => {
            return view! {
                <p>
                    "Done. "
                    <a href=link::run(&job.run, &[])>"Look at the run"</a>
                    ", or "
                    <a href=link::new_job(None, Some(&job.run))>"start another stage of it"</a>
                    "."
                </p>
            }
            .into_any();
        }
        JobState::Failed if job.exit_code == Some(2) => (
            "error",
            "It was asked for something that cannot be done.",
            "Exit status 2 means a wrong value, or a file of the wrong shape. The end of the log names it; change the configuration and start it as a new job.",
        ),
        JobState::Failed if job.exit_code.is_some() => (
            "error",
            "It failed.",
            "What is done is kept. The end of the log says why; mend that, then start it again, and it goes on where it stopped.",
        ),
        JobState::Failed => (
            "error",
            "Its process was killed, or never began.",
            "What is done is kept. If the memory was full, lower `memory_mb` or a `micro_batch` in a new job; else resume it, and it goes on where it stopped.",
        ),
        JobState::Cancelled => (
            "warning",
            "It was cancelled.",
            "What is done is kept: resume it, and it goes on where it stopped.",
        ),
        JobState::Interrupted => (
            "warning",
            "It was interrupted.",
            "What is done is kept: resume it, and it goes on where it stopped.",
        ),
    };
    view! {
        <Notice kind=kind title=title.into() text=error />
        <p class="next">{super::prose(next)}</p>
    }
    .into_any()
}

fn progress(state: &RunState, run: &str) -> AnyView {
    let shown = Shown::new(state);
    let value = shown.per_mille.map(|value| value.to_string());
    view! {
        <section class="live" aria-label="Progress">
            <div class="progress">
                <progress max="1000" aria-label=["Progress of ", run].concat() value=value></progress>
                <span class="line">{format::foreign(&shown.line)}</span>
            </div>
        </section>
    }
    .into_any()
}

fn actions(job: &Job) -> AnyView {
    let post = |address: String, words: &'static str| {
        view! { <form method="post" action=address><button type="submit">{words}</button></form> }
    };
    let again = match job.state {
        JobState::Failed if job.exit_code.is_some() => "Retry",
        _ => "Resume",
    };
    let changed = (job.state.is_over()).then(|| {
        view! { <a href=link::new_job_from(&job.id)>"Start it changed, as a new job"</a> }
    });
    view! {
        <div class="actions" data-live="actions">
            {(!job.state.is_over()).then(|| post(link::cancel_job(&job.id), "Cancel"))}
            {job.resumable.then(|| post(link::retry_job(&job.id), again))}
            {changed}
        </div>
    }
    .into_any()
}

fn log(shown: &JobShown) -> AnyView {
    let detail = &shown.detail;
    let (id, state) = (&detail.job.id, detail.job.state);
    let older = detail.older.map(|before| {
        view! { <a rel="prev" href=[link::job_log(id, before), "#log".into()].concat()>"Older lines"</a> }
    });
    let newest = (!shown.newest)
        .then(|| view! { <a href=[link::job(id), "#log".into()].concat()>"Newest lines"</a> });
    // Without a mark: with one a browser would only go to that place, and ask for nothing.
    let reload = (shown.newest && !state.is_over())
        .then(|| view! { <a href=link::job(id)>"Load again"</a> });
    let lines = if detail.log.is_empty() {
        let words = match state.is_over() {
            true => "It said nothing.",
            false => "It has not said a word yet.",
        };
        view! { <p class="minor">{words}</p> }.into_any()
    } else {
        let lines = detail
            .log
            .iter()
            .map(|line| view! { <li>{format::foreign(line)}</li> })
            .collect_view();
        view! { <div class="log job-log" tabindex="0" role="region" aria-label="Lines of the log"><ol>{lines}</ol></div> }
            .into_any()
    };
    view! {
        <section aria-labelledby="log">
            <h2 id="log">"Log"</h2>
            <p class="turn" data-live="turn">{older} {newest} {reload}</p>
            <div data-live="lines">{lines}</div>
        </section>
    }
    .into_any()
}
