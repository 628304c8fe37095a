//! The pages: their data is read and drawn here, or taken as it was drawn last.

use super::Server;
use super::api::{find, page_of_answers, page_of_runs, question_of, read};
use super::problem::Failure;
use super::query::Parameters;
use crate::runs::Run;
use app::Page;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use std::sync::Arc;

/// The list of runs.
pub async fn runs(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let (page, warnings) = read({
        let server = Arc::clone(&server);
        let uri = uri.clone();
        move || {
            let query = Parameters::parse(uri.query());
            let (list, warnings) = page_of_runs(&server, &query)?;
            let page = Page::Runs {
                runs: list.runs,
                query: query.search()?.to_owned(),
                next: list.next,
            };
            Ok((page, warnings))
        }
    })
    .await?;
    super::health::store_index(Arc::clone(&server));
    let body = server
        .documents
        .draw(&server, page, &address_of(&uri), &warnings)
        .await;
    Ok(server.documents.answer(&headers, &body))
}

/// One run.
pub async fn run(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    of_run(server, id, headers, uri, |server, run, query| {
        let detail = server
            .library
            .detail(run, server.summary(run), &query.labels())
            .map_err(|error| Failure::unreadable(&error))?;
        Ok(Page::Run(Box::new(detail)))
    })
    .await
}

/// The answers behind a bar.
pub async fn answers(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    of_run(server, id, headers, uri, |server, run, query| {
        Ok(Page::Answers(page_of_answers(server, run, query)?))
    })
    .await
}

/// One question.
pub async fn question(
    State(server): State<Arc<Server>>,
    Path((id, question_id)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    of_run(server, id, headers, uri, move |server, run, _| {
        Ok(Page::Question(Box::new(question_of(
            server,
            run,
            &question_id,
        )?)))
    })
    .await
}

/// A page about a run, kept until the run's files or its state change.
async fn of_run(
    server: Arc<Server>,
    id: String,
    headers: HeaderMap,
    uri: Uri,
    page_of: impl FnOnce(&Server, &Run, &Parameters) -> Result<Page, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let address = address_of(&uri);
    let (run, version) = read({
        let server = Arc::clone(&server);
        move || {
            let run = find(&server, &id)?;
            // The state also changes by time alone, when a process falls silent.
            let version = format!("{} {:?}", run.fingerprint, server.summary(&run).state);
            Ok((run, version))
        }
    })
    .await?;
    if let Some(body) = server.documents.kept(&address, &version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let page = read({
        let server = Arc::clone(&server);
        move || page_of(&server, &run, &Parameters::parse(uri.query()))
    })
    .await?;
    let body: Arc<str> = server
        .documents
        .draw(&server, page, &address, &[])
        .await
        .into();
    server.documents.keep(&address, &version, Arc::clone(&body));
    Ok(server.documents.answer(&headers, &body))
}

pub fn address_of(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or("/", |address| address.as_str())
        .to_owned()
}
