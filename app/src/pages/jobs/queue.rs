//! The Jobs page: what waits, runs and is over.

use super::{badge, moment, stage_words, took};
use crate::document::Frame;
use crate::format;
use crate::island::progress::Progress;
use crate::link;
use crate::view::{Job, JobQueue, JobState};
use leptos::prelude::*;

/// Runs whose bars are followed live: a browser opens six streams to a server and no more.
const FOLLOWED_MAX: usize = 4;

pub fn frame(queue: JobQueue) -> Frame {
    let JobQueue {
        list,
        state,
        counts,
        at_once,
    } = queue;
    let islands = list.jobs.iter().any(|job| job.progress.is_some());
    let table = match list.jobs.is_empty() {
        true => empty(state),
        false => table(list.jobs, at_once),
    };
    let next = list.next.map(|cursor| {
        view! { <p class="pages"><a rel="next" href=link::jobs_in(state, Some(&cursor))>"Older jobs"</a></p> }
    });
    let body = view! {
        <div class="heading">
            <h1>"Jobs"</h1>
            <p class="pages first"><a href=link::new_job(None, None)>"New job"</a></p>
        </div>
        {filters(state, &counts)}
        {table}
        {next}
    };
    Frame {
        title: "Jobs".into(),
        islands,
        downloads: false,
        body: body.into_any(),
    }
}

fn filters(state: Option<JobState>, counts: &[(JobState, u64)]) -> AnyView {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return ().into_any();
    }
    let one = |of: Option<JobState>, word: &'static str, count: u64| {
        let current = (of == state).then_some("true");
        view! {
            <li>
                <a href=link::jobs_in(of, None) aria-current=current>
                    {[word, " ", &format::count(count)].concat()}
                </a>
            </li>
        }
    };
    let each = counts
        .iter()
        .filter(|(of, count)| *count > 0 || state == Some(*of))
        .map(|(of, count)| one(Some(*of), of.word(), *count))
        .collect_view();
    view! {
        <nav class="states" aria-label="Jobs by state">
            <ul>
                {one(None, "all", all)}
                {each}
            </ul>
        </nav>
    }
    .into_any()
}

fn empty(state: Option<JobState>) -> AnyView {
    if let Some(state) = state {
        return view! {
            <div class="empty">
                <h2>{["No job is ", state.word()].concat()}</h2>
                <p><a href=link::jobs()>"Show all jobs"</a></p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <h2>"No jobs yet"</h2>
            <p>
                "A job runs all stages of a configuration, or some of them, on this machine. It goes on when this page is closed, and can be taken up again after a crash."
            </p>
            <p>
                <a href=link::new_job(Some("world-facts/demo"), None)>"Start the small one"</a>
                ", about 15 minutes on two cores, or "
                <a href=link::new_job(None, None)>"begin with an empty form"</a>
                "."
            </p>
            <p>"From a terminal, the same is"</p>
            <pre><code>"sayself run world-facts/demo --out runs/demo"</code></pre>
        </div>
    }
    .into_any()
}

fn table(jobs: Vec<Job>, at_once: u64) -> AnyView {
    let mut followed = 0;
    let rows = jobs
        .into_iter()
        .map(|job| {
            let follow = job.progress.is_some() && followed < FOLLOWED_MAX;
            followed += usize::from(follow);
            row(job, follow)
        })
        .collect_view();
    let at_once = match at_once {
        1 => "One runs at a time".to_owned(),
        some => format!("Up to {} run at a time", format::count(some)),
    };
    let caption = [&at_once, ", the others wait for their turn. Newest first."].concat();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Jobs">
            <table class="jobs">
                <caption><span>{caption}</span></caption>
                <thead>
                    <tr>
                        <th scope="col">"Job"</th>
                        <th scope="col">"Stages"</th>
                        <th scope="col">"Progress"</th>
                        <th scope="col">"Started"</th>
                        <th scope="col" class="number">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(job: Job, follow: bool) -> AnyView {
    let attempt = (job.attempt > 1)
        .then(|| view! { <span class="minor">{format!("attempt {}", job.attempt)}</span> });
    let started = moment(job.started_ms).unwrap_or_else(|| "–".into());
    let took = took(&job).unwrap_or_else(|| "–".into());
    view! {
        <tr>
            <th scope="row">
                <a class="title" href=link::job(&job.id)>{format::foreign(&job.run)}</a>
                <span class="under">{badge(job.state)} {attempt}</span>
            </th>
            <td data-name="Stages">{stage_words(&job.stage)}</td>
            <td data-name="Progress">{progress(&job, follow)}</td>
            <td data-name="Started">{started}</td>
            <td class="number" data-name="Took">{took}</td>
        </tr>
    }
    .into_any()
}

/// Where it stands: its place, its bar, or how it ended.
fn progress(job: &Job, follow: bool) -> AnyView {
    if let (Some(state), true) = (&job.progress, follow) {
        return view! { <Progress state=state.clone() address=link::events(&job.run) name=job.run.clone() /> }
            .into_any();
    }
    let words = match (job.state, job.place, &job.error) {
        (JobState::Queued, Some(1), _) => "next".to_owned(),
        (JobState::Queued, Some(place), _) => {
            format!("place {} in the queue", format::count(place))
        }
        (JobState::Running, ..) => "begins".to_owned(),
        (JobState::Finished, ..) => "done".to_owned(),
        (_, _, Some(error)) => error
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(160)
            .collect(),
        _ => "–".to_owned(),
    };
    view! { <span class="foreign">{format::foreign(&words)}</span> }.into_any()
}
