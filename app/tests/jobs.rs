//! The pages of jobs, from plain data to HTML.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use app::view::*;
use app::{Medium, Page, RenderContext, render};

const HOSTILE: &str = "</textarea></option><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\u{202e}\u{1b}[31m\u{0}";

fn html(page: Page) -> String {
    render(
        page,
        RenderContext {
            nonce: "n0nce".into(),
            assets_present: true,
            path: "/jobs".into(),
            warnings: Vec::new(),
            viewer: Viewer::at_the_machine(),
            medium: Medium::Server,
        },
    )
}

fn job(text: &str, state: JobState) -> Job {
    Job {
        id: text.into(),
        run: text.into(),
        stage: text.into(),
        state,
        attempt: 2,
        exit_code: (state == JobState::Failed).then_some(1),
        error: Some(text.into()),
        resumable: state.is_resumable(),
        place: (state == JobState::Queued).then_some(1),
        progress: (state == JobState::Running).then(|| RunState::Running {
            stage: text.into(),
            done: 1,
            total: 4,
            unit: text.into(),
            seconds_left: None,
        }),
        created_ms: -1,
        started_ms: Some(1_000),
        ended_ms: Some(61_000),
    }
}

fn shown(text: &str, state: JobState, newest: bool) -> Page {
    Page::Job(Box::new(JobShown {
        detail: JobDetail {
            job: job(text, state),
            command: text.into(),
            config: text.into(),
            log: vec![text.into()],
            older: Some(17),
        },
        newest,
        end: 99,
        run_exists: newest,
    }))
}

fn form(text: &str) -> NewJob {
    let field = |input| FormField {
        path: "sft.key".into(),
        description: format!("{text} `{text}`"),
        input,
        value: text.into(),
        default: text.into(),
        is_set: true,
        problem: Some(text.into()),
    };
    let choices = vec![(text.to_owned(), text.to_owned())];
    let number = FormInput::Number {
        whole: false,
        min: Some(text.into()),
        max: None,
    };
    NewJob {
        from: text.into(),
        configs: vec![text.into()],
        runs: vec![(text.into(), text.into())],
        stages: vec![StageChoice {
            name: text.into(),
            description: text.into(),
        }],
        stage: text.into(),
        out: text.into(),
        resume: true,
        tables: vec![
            FormTable {
                path: "sft".into(),
                description: text.into(),
                present: true,
                problem: Some(text.into()),
                fields: vec![
                    field(FormInput::Text),
                    field(FormInput::Checkbox),
                    field(number),
                    field(FormInput::Choice(choices.clone())),
                    field(FormInput::Choice(Vec::new())),
                    field(FormInput::Lines(choices)),
                ],
                ..FormTable::default()
            },
            FormTable {
                path: "faithfulness".into(),
                description: text.into(),
                optional: true,
                ..FormTable::default()
            },
            FormTable {
                path: "evaluate".into(),
                list: Listed::Head,
                present: true,
                tables: vec![FormTable {
                    path: "evaluate[1]".into(),
                    list: Listed::Entry,
                    present: true,
                    ..FormTable::default()
                }],
                ..FormTable::default()
            },
        ],
        toml: text.into(),
        problems: vec![text.into()],
        warnings: vec![text.into()],
        preview: true,
        command: text.into(),
        as_text: false,
    }
}

fn queue(text: &str, state: Option<JobState>) -> Page {
    Page::Jobs(JobQueue {
        list: JobList {
            jobs: JobState::ALL.map(|state| job(text, state)).into(),
            next: Some(text.into()),
        },
        state,
        counts: JobState::ALL.map(|state| (state, 1)).into(),
        at_once: 2,
    })
}

fn pages(text: &str) -> Vec<Page> {
    let mut pages = vec![
        queue(text, None),
        queue(text, Some(JobState::Failed)),
        Page::NewJob(Box::new(form(text))),
        Page::NewJob(Box::new(NewJob {
            as_text: true,
            ..form(text)
        })),
    ];
    for state in JobState::ALL {
        pages.push(shown(text, state, true));
        pages.push(shown(text, state, false));
    }
    pages
}

#[test]
fn hostile_text_stays_text() {
    for page in pages(HOSTILE) {
        let html = html(page);
        for forbidden in ["<script>", "<img", "\u{202e}", "\u{1b}", "\u{0}"] {
            assert!(!html.contains(forbidden), "found {forbidden:?} in {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"));
        assert!(!html.contains(" style=\""));
        assert_eq!(html.matches("<h1").count(), 1);
    }
}

#[test]
fn ids_are_unique_and_what_is_referred_to_is_there() {
    let values = |html: &str, attribute: &str| -> Vec<String> {
        let opening = format!(" {attribute}=\"");
        let rest = html.split(&opening).skip(1);
        rest.filter_map(|rest| Some(rest.split('"').next()?.to_owned()))
            .collect()
    };
    let mut one = form("text");
    // Each key of a table has a path of its own.
    for (index, field) in one.tables[0].fields.iter_mut().enumerate() {
        field.path = format!("sft.key{index}");
    }
    for page in [
        Page::NewJob(Box::new(one)),
        queue("text", None),
        shown("text", JobState::Running, true),
    ] {
        let html = html(page);
        let ids = values(&html, "id");
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} is there twice");
        }
        let referred = values(&html, "for")
            .into_iter()
            .chain(values(&html, "aria-labelledby"))
            .chain(
                values(&html, "aria-describedby")
                    .iter()
                    .flat_map(|ids| ids.split(' ').map(str::to_owned))
                    .collect::<Vec<_>>(),
            );
        for id in referred {
            assert!(ids.contains(&id), "no element has the id {id}");
        }
    }
}

#[test]
fn a_job_offers_what_can_be_done_with_it() {
    for state in JobState::ALL {
        let html = html(shown("text", state, true));
        let has = |action: &str| html.contains(&format!("action=\"/jobs/text/{action}\""));
        assert_eq!(has("cancel"), !state.is_over(), "{state:?}");
        assert_eq!(has("retry"), state.is_resumable(), "{state:?}");
        // Only a job that may still say something is followed.
        assert_eq!(
            html.contains("/api/jobs/text/events?cursor=99"),
            !state.is_over()
        );
        assert!(html.contains("/jobs/text?before=17#log"));
    }
    let older = html(shown("text", JobState::Running, false));
    assert!(!older.contains("/events?cursor") && older.contains("Newest lines"));
}

#[test]
fn states_without_jobs_say_what_to_do() {
    let empty = |state| {
        html(Page::Jobs(JobQueue {
            list: JobList {
                jobs: Vec::new(),
                next: None,
            },
            state,
            counts: Vec::new(),
            at_once: 1,
        }))
    };
    assert!(empty(None).contains("/jobs/new?config=world-facts%2Fdemo"));
    let failed = empty(Some(JobState::Failed));
    assert!(failed.contains("No job is failed") && failed.contains("href=\"/jobs\""));
}

#[test]
fn the_form_shows_what_will_be_started_before_it_starts() {
    let mut one = form("text");
    assert!(html(Page::NewJob(Box::new(one.clone()))).contains("value=\"start\""));
    one.preview = false;
    let html = html(Page::NewJob(Box::new(one.clone())));
    assert!(!html.contains("value=\"start\""));
    // Enter in a field looks, and starts nothing: the first button is that which looks.
    let first = html
        .split("<button type=\"submit\" name=\"do\"")
        .nth(1)
        .unwrap();
    assert!(
        first.trim_start().starts_with("value=\"preview\""),
        "{first:.80}"
    );
    let seen = one.seen();
    one.resume = false;
    assert_ne!(one.seen(), seen);
}
