//! The form for a new job: drawn, posted, and drawn again with what was asked for, until it starts.

use super::Server;
use super::api::read;
use super::jobs::{jobs_of, sentence};
use super::problem::Failure;
use super::query::Parameters;
use crate::jobs::form::{Filled, Posted, Problems, first_difference, is_comparison, unknown_keys};
use crate::jobs::{JobError, JobRequest, Jobs, secret, stage};
use crate::limits::{
    CONFIG_BYTES_MAX, FORM_FIELDS_MAX, FORM_RUNS_MAX, RUN_ID_CHARACTERS_MAX, SEARCH_BYTES_MAX,
};
use crate::people::Seen;
use crate::runs::Run;
use crate::runs::contained;
use app::view::NewJob;
use app::{Page, link};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use datasets::RunConfig;
use std::sync::Arc;

/// What a form's body says that it is.
const FORM: &str = "application/x-www-form-urlencoded";
/// Stands for a configuration in which nothing differs from the defaults.
const NOTHING: &str = "# All as by default.\n";

/// The form, begun with a configuration (`config`), a run (`run`), a job (`job`) or the defaults.
pub async fn begin(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let jobs = jobs_of(&server)?;
    let query = Parameters::parse(query.as_deref());
    let draft = Draft::begun(&server, jobs, &query).await?;
    draft.answer(&server, &seen, StatusCode::OK).await
}

/// What one of the form's buttons posts.
pub async fn posted(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failure> {
    let jobs = jobs_of(&server)?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with(FORM) {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "A form was expected.",
            "Use the form at /jobs/new; programs send JSON to POST /api/jobs.",
        ));
    }
    let body = body.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Shorten the configuration: what is left out has its default.",
        )
    })?;
    let fields = form_urlencoded::parse(&body).into_owned();
    let fields: Vec<(String, String)> = fields.take(FORM_FIELDS_MAX + 1).collect();
    if fields.len() > FORM_FIELDS_MAX {
        return Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The form has more than {FORM_FIELDS_MAX} fields."),
            "Take evaluations out of it, or write the configuration as text.",
        ));
    }
    let posted = Posted::new(fields);
    let mut draft = Draft::posted(&posted);
    let action = posted.text("do").to_owned();
    match action.split_once(' ').unwrap_or((&action, "")) {
        ("add", path) => draft.change(|filled| filled.add(path)),
        ("remove", path) => draft.change(|filled| filled.remove(path)),
        ("text", _) => draft.turn_to_text(),
        ("fields", _) => draft.turn_to_fields(),
        ("start", _) => {
            let request = draft.check(&server, jobs).await?;
            let (seen, now) = (posted.text("seen"), draft.form.seen());
            match request {
                None => {}
                // What is started has been looked at as it is.
                Some(request) if seen == now => match add(&server, jobs, &request).await {
                    Ok(id) => return Ok(Redirect::to(&link::job(&id)).into_response()),
                    Err(error) => draft.refuse(error)?,
                },
                Some(_) if seen.is_empty() => {}
                Some(_) => draft
                    .form
                    .warnings
                    .push("it was changed after it was shown; this is how it stands now".into()),
            }
        }
        // Whatever else: look at it.
        _ => {
            draft.check(&server, jobs).await?;
        }
    }
    let status = match draft.has_problems() {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    draft.answer(&server, &seen, status).await
}

/// Puts a job into the queue; gives its id.
async fn add(server: &Arc<Server>, jobs: &Jobs, request: &JobRequest) -> Result<String, JobError> {
    let runs = run_ids(server).await;
    let row = jobs
        .add(request, |id| runs.iter().any(|run| run == id))
        .await?;
    Ok(row.id)
}

/// The ids of all runs; a look that failed shows none, and the folder itself is looked at besides.
async fn run_ids(server: &Arc<Server>) -> Vec<String> {
    let server = Arc::clone(server);
    let ids = read(move || {
        let runs = server.library.runs().0;
        Ok(runs.iter().map(|run| run.found.id.clone()).collect())
    });
    ids.await.unwrap_or_default()
}

/// The form as it stands.
struct Draft {
    form: NewJob,
    filled: Filled,
    problems: Problems,
}

impl Draft {
    async fn begun(server: &Arc<Server>, jobs: &Jobs, query: &Parameters) -> Result<Self, Failure> {
        let mut form = NewJob {
            stage: query
                .named("stage")
                .and_then(stage::named)
                .unwrap_or(stage::WHOLE)
                .to_owned(),
            ..NewJob::default()
        };
        let mut text = String::new();
        if let Some(name) = query.named("config") {
            let named = datasets::configs::builtin(name)
                .or_else(|| datasets::configs::builtin(&format!("world-facts/{name}")));
            text = named
                .ok_or_else(|| {
                    Failure::new(
                        StatusCode::NOT_FOUND,
                        format!("No configuration is named {name:?}."),
                        format!(
                            "The shipped ones are: {}.",
                            datasets::configs::names().join(", ")
                        ),
                    )
                })?
                .to_owned();
            form.from = format!("the configuration {name}");
            form.out = free_name(
                server,
                jobs,
                &name.trim_end_matches(".toml").replace('/', "-"),
            )
            .await;
        } else if let Some(id) = query.named("run") {
            let (config, is_ours) = config_of_run(server, jobs, id).await?;
            text = config;
            form.from = format!("the configuration of the run {id}");
            form.resume = is_ours;
            form.out = match is_ours {
                true => id.to_owned(),
                false => free_name(server, jobs, id).await,
            };
        } else if let Some(id) = query.named("job") {
            let job = jobs.job(id).await?;
            text.clone_from(&job.config);
            form.from = format!("the job of the run {}", job.run_id);
            form.stage.clone_from(&job.stage);
            form.out = free_name(server, jobs, &job.run_id).await;
        }
        let mut draft = Draft {
            form,
            filled: Filled::default(),
            problems: Problems::new(),
        };
        draft.form.toml = text;
        draft.form.as_text = true;
        draft.turn_to_fields();
        Ok(draft)
    }

    fn posted(posted: &Posted) -> Self {
        let cut = |text: &str, most: usize| -> String { text.trim().chars().take(most).collect() };
        let as_text = posted.text("mode") == "text";
        let stage = match posted.text("stage") {
            "" => stage::WHOLE,
            stage => stage,
        };
        let toml = match as_text {
            true => posted.text("toml").to_owned(),
            false => String::new(),
        };
        Draft {
            form: NewJob {
                from: cut(posted.text("from"), SEARCH_BYTES_MAX),
                stage: cut(stage, RUN_ID_CHARACTERS_MAX),
                out: cut(posted.text("out"), RUN_ID_CHARACTERS_MAX + 1),
                resume: posted.text("resume") == "true",
                as_text,
                toml,
                ..NewJob::default()
            },
            filled: match as_text {
                true => Filled::default(),
                false => Filled::posted(posted),
            },
            problems: Problems::new(),
        }
    }

    fn has_problems(&self) -> bool {
        !self.problems.is_empty() || !self.form.problems.is_empty()
    }

    fn change(&mut self, change: impl FnOnce(&mut Filled)) {
        if !self.form.as_text {
            change(&mut self.filled);
            // What was wrong stays to be seen.
            self.problems = self.filled.written().1;
        }
    }

    /// The text of what the fields make; what is wrong in them stays with them.
    fn turn_to_text(&mut self) {
        if self.form.as_text {
            return;
        }
        let (text, problems) = self.filled.written();
        self.form.toml = text;
        self.form.as_text = problems.is_empty();
        self.problems = problems;
    }

    /// The fields that make the text; one that makes none stays a text.
    fn turn_to_fields(&mut self) {
        if !self.form.as_text {
            return;
        }
        if is_comparison(&self.form.toml) {
            let words = "This is a comparison of several configurations: it is edited as text.";
            self.form.problems.push(words.into());
            return;
        }
        match Filled::of_toml(&self.form.toml) {
            Ok(filled) => {
                self.filled = filled;
                self.form.as_text = false;
            }
            Err(error) => self.form.problems.push(sentence(&error.to_string())),
        }
    }

    /// Looks at all of it; what is to be started, where nothing is wrong.
    async fn check(
        &mut self,
        server: &Arc<Server>,
        jobs: &Jobs,
    ) -> Result<Option<JobRequest>, Failure> {
        if self.form.as_text {
            self.check_text();
        } else {
            (self.form.toml, self.problems) = self.filled.written();
        }
        if let Some(problem) = self.problems.remove("") {
            self.form.problems.push(sentence(&problem));
        }
        if self.has_problems() {
            return Ok(None);
        }
        let out = Some(self.form.out.clone()).filter(|out| !out.is_empty());
        let request = JobRequest {
            config: format!(
                "{}{}",
                self.form.toml,
                match self.form.toml.trim() {
                    "" => NOTHING,
                    _ => "\n",
                }
            ),
            stage: Some(self.form.stage.clone()),
            resume: self.form.resume,
            name: None,
            out,
        };
        if let Err(error) = request.config_text() {
            self.refuse(error.into())?;
            return Ok(None);
        }
        let runs = run_ids(server).await;
        match jobs
            .free_run(&request, |id| runs.iter().any(|run| run == id))
            .await
        {
            Err(error) => {
                self.refuse(error)?;
                return Ok(None);
            }
            Ok(run) => self.form.command = jobs.command(None, &run, &self.form.stage),
        }
        if self.form.resume {
            self.compare(server, jobs).await;
        }
        let unknown = unknown_keys(&self.form.toml);
        if !unknown.is_empty() {
            self.form.warnings.push(format!(
                "no configuration has these keys, and they are ignored: {}",
                unknown.join(", ")
            ));
        }
        self.form.preview = self.form.problems.is_empty();
        Ok(Some(request).filter(|_| self.form.preview))
    }

    fn check_text(&mut self) {
        if self.form.toml.len() > CONFIG_BYTES_MAX {
            self.form.problems.push(format!(
                "The configuration is longer than {CONFIG_BYTES_MAX} bytes. Shorten it: what is left out has its default."
            ));
            return;
        }
        match RunConfig::from_toml(&self.form.toml) {
            Ok(config) => {
                let secrets = secret::within(&config).into_iter();
                let told = secrets.map(|(key, words)| sentence(&format!("{key}: {words}")));
                self.form.problems.extend(told);
            }
            Err(error) => self.form.problems.push(sentence(&error.to_string())),
        }
    }

    /// Whether the run that is there has this configuration: `sayself` would refuse another.
    async fn compare(&mut self, server: &Arc<Server>, jobs: &Jobs) {
        let Ok((there, _)) = config_of_run(server, jobs, &self.form.out).await else {
            // There is no such run yet: it becomes one.
            return;
        };
        let configs = (
            RunConfig::from_toml(&there),
            RunConfig::from_toml(&self.form.toml),
        );
        if let (Ok(there), Ok(here)) = configs
            && let Some(difference) = first_difference(&there, &here)
        {
            self.form.problems.push(format!(
                "The run {} has another configuration ({difference}). Choose another name, or begin with that run's configuration.",
                self.form.out
            ));
        }
    }

    /// What the queue refuses is told in the form; what is no fault of the form is passed on.
    fn refuse(&mut self, error: JobError) -> Result<(), Failure> {
        self.form.preview = false;
        let words = sentence(&error.to_string());
        let next = match error {
            JobError::Request(request) => request.next,
            JobError::Full(_) => "Wait until one is done, or cancel one.".into(),
            JobError::Busy(_) => "Wait until it is done, or cancel it.".into(),
            other => return Err(other.into()),
        };
        self.form.problems.push(format!("{words} {next}"));
        Ok(())
    }

    /// The form as a page.
    async fn answer(
        mut self,
        server: &Arc<Server>,
        seen: &Seen,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        if let Some(problem) = self.problems.remove("") {
            self.form.problems.push(sentence(&problem));
        }
        if !self.form.as_text {
            self.form.tables = self.filled.view(&self.problems);
        }
        self.form.stages = stage::choices();
        self.form.configs = datasets::configs::names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        self.form.runs = read({
            let server = Arc::clone(server);
            move || {
                let runs = server.library.runs().0;
                let offered = runs.iter().filter(|run| run.found.trouble.is_none());
                Ok(offered
                    .take(FORM_RUNS_MAX)
                    .map(|run| (run.found.id.clone(), run.facts.title.clone()))
                    .collect())
            }
        })
        .await?;
        let page = Page::NewJob(Box::new(self.form));
        Ok(server.private_page(seen, status, page, "/jobs/new").await)
    }
}

/// A name for a new run that is not taken: the one that is wanted, or that with a number.
async fn free_name(server: &Arc<Server>, jobs: &Jobs, wanted: &str) -> String {
    let runs = run_ids(server).await;
    let request = JobRequest {
        config: NOTHING.into(),
        name: Some(wanted.to_owned()),
        ..JobRequest::default()
    };
    // Where none can be found, the person chooses one, or leaves it empty.
    jobs.free_run(&request, |id| runs.iter().any(|run| run == id))
        .await
        .unwrap_or_default()
}

/// The configuration of a run, and whether it lies where jobs may write.
async fn config_of_run(
    server: &Arc<Server>,
    jobs: &Jobs,
    id: &str,
) -> Result<(String, bool), Failure> {
    let (server, folder, id) = (
        Arc::clone(server),
        jobs.runs_folder().to_owned(),
        id.to_owned(),
    );
    read(move || {
        let run: Run = server
            .library
            .run(&id)
            .ok_or_else(|| Failure::not_found("run"))?;
        let directory = &run.found.directory;
        let is_ours = !run.found.recorded && directory.parent() == Some(folder.as_path());
        contained::small_text(directory, &directory.join("run.toml"))
            .map(|text| (text, is_ours))
            .map_err(|error| Failure::unreadable(&error))
    })
    .await
}
