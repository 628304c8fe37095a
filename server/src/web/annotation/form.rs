//! The form for a new project: drawn, posted, and drawn again with what is wrong, until the draft is made.

use super::acts::make_project;
use super::database;
use crate::limits::{FORM_FIELDS_MAX, FORM_RUNS_MAX};
use crate::people::Seen;
use crate::runs::Run;
use crate::runs::facts::evaluation_folders;
use crate::web::Server;
use crate::web::api::read;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use app::view::NewProject;
use app::{Page, link, project_form};
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use datasets::annotation::{CONSENT, ProjectSpec, RUBRIC_PAIRS, RUBRIC_SINGLE, RatedRun};
use std::sync::Arc;

/// The form, begun with another project (`from`), a run (`run`) or the defaults.
pub async fn begin(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let query = Parameters::parse(query.as_deref());
    let mut spec = ProjectSpec::default();
    if let Some(from) = query.named("from") {
        let project = database.project(from).await?;
        spec = project.ok_or_else(|| Failure::not_found("project"))?.spec;
        // Drawn anew: another seed.
        spec.seed = None;
    }
    for run in query.runs() {
        let (run, label) = match run.split_once(':') {
            Some((run, label)) => (run.to_owned(), Some(label.to_owned())),
            None => (run, None),
        };
        spec.runs.push(RatedRun { run, label });
    }
    draw(&server, &seen, StatusCode::OK, spec, Vec::new()).await
}

/// Makes the draft, or shows what is wrong with it.
pub async fn posted(
    State(server): State<Arc<Server>>,
    seen: Seen,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let RawForm(form) = form.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Use the form at /annotate/new; programs send JSON to POST /api/projects.",
        )
    })?;
    let fields: Vec<(String, String)> = form_urlencoded::parse(&form)
        .into_owned()
        .take(FORM_FIELDS_MAX)
        .collect();
    let (spec, wrong) = project_form::read(&fields);
    if !wrong.is_empty() {
        return draw(
            &server,
            &seen,
            StatusCode::UNPROCESSABLE_ENTITY,
            spec,
            wrong,
        )
        .await;
    }
    match make_project(&server, &seen, spec.clone()).await {
        Ok(id) => Ok(Redirect::to(&link::project(&id)).into_response()),
        Err(failure) if failure.status().is_client_error() => {
            let wrong = vec![failure.words()];
            draw(&server, &seen, failure.status(), spec, wrong).await
        }
        Err(failure) => Err(failure),
    }
}

async fn draw(
    server: &Arc<Server>,
    seen: &Seen,
    status: StatusCode,
    spec: ProjectSpec,
    wrong: Vec<String>,
) -> Result<Response, Failure> {
    let runs = read({
        let (server, seen) = (Arc::clone(server), seen.clone());
        move || {
            let (runs, _) = server.runs(&seen);
            let offered = runs.iter().filter(|run| run.found.trouble.is_none());
            Ok(offered.take(FORM_RUNS_MAX).flat_map(choices).collect())
        }
    })
    .await?;
    let page = Page::NewProject(Box::new(NewProject {
        spec,
        runs,
        wrong,
        rubric_single: RUBRIC_SINGLE.trim().into(),
        rubric_pairs: RUBRIC_PAIRS.trim().into(),
        consent: CONSENT.trim().into(),
    }));
    let address = link::new_project(None, None);
    Ok(server.private_page(seen, status, page, &address).await)
}

/// The evaluations of a run to choose from: run, label, and what it is.
fn choices(run: &Run) -> Vec<(String, String, String)> {
    let folders = evaluation_folders(&run.found.directory).unwrap_or_default();
    folders
        .into_iter()
        .map(|folder| {
            let words = run.facts.title.clone();
            (run.found.id.clone(), folder.label, words)
        })
        .collect()
}
