//! The pages: their data is read and drawn here, or taken as it was drawn last.

use super::Server;
use super::api::{page_of_answers, question_of, read};
use super::problem::Failure;
use super::query::Parameters;
use crate::people::Seen;
use crate::runs::Run;
use crate::runs::browse::Reads;
use app::Page;
use app::view::{Indexing, Role};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::sync::Arc;

/// One run.
pub async fn run(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    // Where nobody has an account there is nobody to publish it to.
    let may_publish = seen.is_at_least(Role::Admin) && seen.has_accounts;
    of_run(
        server,
        seen,
        id,
        headers,
        uri,
        Reads::Answers,
        move |server, run, query| {
            let mut detail = server
                .library
                .detail(run, server.summary(run), &query.labels())
                .map_err(|error| Failure::unreadable(&error))?;
            detail.published = may_publish.then(|| server.is_published(run));
            Ok(Page::Run(Box::new(detail)))
        },
    )
    .await
}

/// The answers behind a bar.
pub async fn answers(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    of_run(
        server,
        seen,
        id,
        headers,
        uri,
        Reads::Answers,
        |server, run, query| Ok(Page::Answers(page_of_answers(server, run, query)?)),
    )
    .await
}

/// One question.
pub async fn question(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, question_id)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    of_run(
        server,
        seen,
        id,
        headers,
        uri,
        Reads::Questions,
        move |server, run, query| {
            Ok(Page::Question(Box::new(question_of(
                server,
                run,
                &question_id,
                query,
            )?)))
        },
    )
    .await
}

/// A page about a run, kept until the run's files or its state change.
async fn of_run(
    server: Arc<Server>,
    seen: Seen,
    id: String,
    headers: HeaderMap,
    uri: Uri,
    reads: Reads,
    page_of: impl FnOnce(&Server, &Run, &Parameters) -> Result<Page, Failure> + Send + 'static,
) -> Result<Response, Failure> {
    let address = address_of(&uri);
    let (run, version) = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        move || {
            let run = server.find(&seen, &id)?;
            // The state also changes by time alone, when a process falls silent.
            let version = format!(
                "{} {:?} {:?}",
                run.fingerprint,
                server.summary(&run).state,
                server.is_published(&run)
            );
            Ok((run, version))
        }
    })
    .await?;
    if let Some(body) = server.documents.kept(&seen, &address, &version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let (page, indexing) = read({
        let server = Arc::clone(&server);
        move || {
            let indexing = server.library.indexed(&run, reads, server.patience());
            if let Some(indexing) = indexing.as_ref().filter(|_| server.medium.is_files()) {
                return Err(unread(indexing));
            }
            let page = page_of(&server, &run, &Parameters::parse(uri.query()))?;
            Ok((page, indexing))
        }
    })
    .await?;
    let warnings: Vec<String> = indexing
        .map(|indexing| {
            format!(
                "This run is being indexed: {}. The page has what is read; load it again for the rest.",
                indexing.words()
            )
        })
        .into_iter()
        .collect();
    let body: Arc<str> = server
        .documents
        .draw(&server, &seen, page, &address, &warnings)
        .await
        .into();
    if indexing.is_none() {
        server
            .documents
            .keep(&seen, &address, &version, Arc::clone(&body));
    }
    Ok(server.documents.answer(&headers, &body))
}

/// Half a page may be loaded again, half a file may not.
fn unread(indexing: &Indexing) -> Failure {
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!(
            "The run's records are still being read: {}.",
            indexing.words()
        ),
        "Try again, on a faster disk or with fewer runs.",
    )
}

/// Path and query.
pub fn address_of(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or("/", |address| address.as_str())
        .to_owned()
}
