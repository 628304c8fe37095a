//! The queue, jobs in every state, and the form.

use app::Page;
use app::view::*;

fn job(run: &str, state: JobState) -> Job {
    Job {
        id: format!("0199-{run}"),
        run: run.into(),
        stage: "run".into(),
        state,
        attempt: 1,
        exit_code: None,
        error: None,
        resumable: state.is_resumable(),
        place: None,
        progress: None,
        created_ms: 1_795_564_200_000,
        started_ms: Some(1_795_564_260_000),
        ended_ms: state.is_over().then_some(1_795_565_180_000),
    }
}

fn jobs() -> Vec<Job> {
    let queued = |run: &str, place| Job {
        place: Some(place),
        started_ms: None,
        ..job(run, JobState::Queued)
    };
    vec![
        queued("paper-linear-reward", 2),
        Job {
            stage: "cluster".into(),
            ..queued("demo-2", 1)
        },
        Job {
            progress: Some(running()),
            ..job("demo", JobState::Running)
        },
        failed(),
        Job {
            error: Some(
                "the server stopped while it ran; start it again, and it goes on where it stopped"
                    .into(),
            ),
            ..job("full-3", JobState::Interrupted)
        },
        Job {
            error: Some("it was cancelled before it began".into()),
            started_ms: None,
            ..job("full-2", JobState::Cancelled)
        },
        Job {
            attempt: 2,
            exit_code: Some(0),
            stage: "faithfulness".into(),
            ..job("full", JobState::Finished)
        },
    ]
}

fn failed() -> Job {
    Job {
        attempt: 3,
        exit_code: Some(1),
        error: Some(
            "exit code 1: error: stage sft/seed-1: runs/mine/sft/seed-1/events.jsonl: No space left on device (os error 28)"
                .into(),
        ),
        ..job("mine", JobState::Failed)
    }
}

fn running() -> RunState {
    RunState::Running {
        stage: "sample".into(),
        done: 1_240,
        total: 3_000,
        unit: "questions".into(),
        seconds_left: Some(340.0),
    }
}

fn queue(jobs: Vec<Job>, state: Option<JobState>) -> Page {
    let count = |state: JobState| jobs.iter().filter(|job| job.state == state).count() as u64;
    let counts = JobState::ALL.map(|state| (state, count(state))).into();
    Page::Jobs(JobQueue {
        counts,
        list: JobList {
            next: (!jobs.is_empty()).then(|| "cursor".to_owned()),
            jobs,
        },
        state,
        at_once: 1,
    })
}

fn shown(job: Job, log: &[&str]) -> Page {
    let is_new = job.state == JobState::Queued;
    Page::Job(Box::new(JobShown {
        detail: JobDetail {
            command: format!(
                "target/release/sayself run runs/.jobs/{}.toml --out runs/{}",
                job.id, job.run
            ),
            config:
                "title = \"Mine\"\n\n[sample]\nsamples = 20\n\n[[evaluate]]\nmethod = \"sayself\"\n"
                    .into(),
            log: log.iter().map(|line| (*line).to_owned()).collect(),
            older: (log.len() > 3).then_some(4_096),
            job,
        },
        newest: true,
        end: 9_000,
        run_exists: !is_new,
    }))
}

fn field(path: &str, description: &str, input: FormInput, default: &str) -> FormField {
    FormField {
        path: path.into(),
        description: description.into(),
        value: match input {
            FormInput::Checkbox => default.into(),
            _ => String::new(),
        },
        input,
        default: default.into(),
        ..FormField::default()
    }
}

fn form(wrong: bool, preview: bool) -> NewJob {
    let whole = |min: &str, max: &str| FormInput::Number {
        whole: true,
        min: Some(min.into()),
        max: Some(max.into()),
    };
    let pair = |value: &str, words: &str| (value.to_owned(), words.to_owned());
    let epochs = FormField {
        value: if wrong { "0" } else { "5" }.into(),
        is_set: true,
        problem: wrong.then(|| "found 0, expected a whole number from 1 to 1000".into()),
        ..field(
            "sft.epochs",
            "Passes over the records; of `rl`, over its questions.",
            whole("1", "1000"),
            "3",
        )
    };
    let table = |path: &str, description: &str, fields: Vec<FormField>| FormTable {
        path: path.into(),
        description: description.into(),
        present: true,
        fields,
        ..FormTable::default()
    };
    let stage = |name: &str, description: &str| StageChoice {
        name: name.into(),
        description: description.into(),
    };
    let entry = FormTable {
        list: Listed::Entry,
        tables: vec![FormTable {
            path: "evaluate[1].judge".into(),
            description: "A server whose model judges correctness; absent: strings are compared."
                .into(),
            optional: true,
            ..FormTable::default()
        }],
        ..table(
            "evaluate[1]",
            "One evaluation: a method, and the questions that it is asked.",
            vec![field(
                "evaluate[1].method",
                "`direct-prompting`, `self-consistency`, `sayself`, … (`sayself evaluate --help` has them all).",
                FormInput::Text,
                "sayself",
            )],
        )
    };
    NewJob {
        from: "the configuration world-facts/demo".into(),
        configs: vec!["world-facts/demo".into(), "world-facts/full".into()],
        runs: vec![("demo".into(), "World facts, small".into())],
        stages: vec![
            stage(
                "run",
                "All that the configuration asks for, from the samples to the last evaluation.",
            ),
            stage("sample", "Draws many responses to each train question."),
        ],
        stage: "run".into(),
        out: "world-facts-demo".into(),
        tables: vec![
            table(
                "",
                "The whole pipeline.",
                vec![
                    field(
                        "title",
                        "What the pages call the run; empty: the name of its directory.",
                        FormInput::Text,
                        "",
                    ),
                    field(
                        "seed",
                        "Every random choice follows from it.",
                        whole("0", "9007199254740991"),
                        "42",
                    ),
                ],
            ),
            table(
                "cluster",
                "Which responses say the same.",
                vec![field(
                    "cluster.by",
                    "How two responses are compared.",
                    FormInput::Choice(vec![
                        pair("answer", "By normalised answer: right for short answers."),
                        pair("embedding", "The paper's greedy rule on cosine similarity."),
                    ]),
                    "answer",
                )],
            ),
            table(
                "sft",
                "Stage 1: supervised fine-tuning on what `build` made.",
                vec![
                    epochs,
                    field(
                        "sft.lora_targets",
                        "Which of `q_proj k_proj v_proj`.",
                        FormInput::Lines(vec![pair("q_proj", ""), pair("k_proj", "")]),
                        "q_proj\nk_proj",
                    ),
                ],
            ),
            FormTable {
                path: "evaluate".into(),
                description: "Evaluations, in order; each is written to `evaluate/LABEL`.".into(),
                list: Listed::Head,
                present: true,
                tables: vec![entry],
                ..FormTable::default()
            },
            FormTable {
                path: "faithfulness".into(),
                description: "Whether rationales are true, measured last; absent: not measured."
                    .into(),
                optional: true,
                ..FormTable::default()
            },
        ],
        toml: "[sft]\nepochs = 5\n\n[[evaluate]]\n".into(),
        preview,
        command: "sayself run CONFIG.toml --out runs/world-facts-demo".into(),
        ..NewJob::default()
    }
}

pub fn pages() -> Vec<(&'static str, Page)> {
    let log = [
        "started sample: 3,000 questions",
        "\u{1b}[33mwarning\u{1b}[0m: 3 responses were cut off",
        "<script>alert(1)</script>",
        "sample: 1,240 of 3,000 questions",
    ];
    let of = |run: &str, state| job(run, state);
    vec![
        ("jobs", queue(jobs(), None)),
        ("jobs-empty", queue(Vec::new(), None)),
        (
            "jobs-none-failed",
            queue(Vec::new(), Some(JobState::Failed)),
        ),
        ("job-running", shown(jobs().swap_remove(2), &log)),
        ("job-queued", shown(jobs().swap_remove(0), &[])),
        ("job-failed", shown(failed(), &log)),
        (
            "job-bad-use",
            shown(
                Job {
                    exit_code: Some(2),
                    error: Some("exit code 2: error: evaluate.method: found \"x\"".into()),
                    ..of("mine", JobState::Failed)
                },
                &log[..1],
            ),
        ),
        (
            "job-killed",
            shown(
                Job {
                    error: Some("it was killed".into()),
                    ..of("mine", JobState::Failed)
                },
                &log[..2],
            ),
        ),
        ("job-interrupted", shown(jobs().swap_remove(4), &log)),
        ("job-cancelled", shown(jobs().swap_remove(5), &[])),
        ("job-finished", shown(jobs().swap_remove(6), &log)),
        ("job-new", Page::NewJob(Box::new(form(false, false)))),
        ("job-new-wrong", Page::NewJob(Box::new(form(true, false)))),
        ("job-new-preview", Page::NewJob(Box::new(form(false, true)))),
        (
            "job-new-text",
            Page::NewJob(Box::new(NewJob {
                as_text: true,
                problems: vec!["Line 3: expected a value.".into()],
                tables: Vec::new(),
                ..form(false, false)
            })),
        ),
    ]
}
