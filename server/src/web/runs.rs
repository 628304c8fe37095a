//! The list of runs, as a page.

use super::Server;
use super::api::read;
use super::labels;
use super::pages::address_of;
use super::problem::Failure;
use super::query::Parameters;
use crate::labels::Noted;
use crate::people::Seen;
use crate::runs::catalogue::{Asked, Place};
use app::Page;
use app::view::RunsPage;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// One page of runs and what is wrong with the folders.
pub fn page_of_runs(
    server: &Server,
    seen: &Seen,
    query: &Parameters,
    noted: &Noted,
) -> Result<(RunsPage, Arc<Vec<String>>), Failure> {
    let choice = query.choice()?;
    let limit = query.limit()?;
    let after = query.cursor();
    let place = after
        .map(|cursor| {
            Place::from_cursor(cursor, &choice)
                .ok_or_else(|| Failure::bad_query("The cursor is not one that this list gave."))
        })
        .transpose()?;
    let (catalogue, warnings) = server.shelf(seen);
    let listed = catalogue.page(&Asked {
        choice: &choice,
        after: place.as_ref(),
        limit,
        noted,
        process_of: &|id| server.process_of(id),
    });
    let page = RunsPage {
        rows: listed.rows,
        facets: listed.facets,
        groups: listed.groups,
        continued: listed.continued,
        total: catalogue.runs().len() as u64,
        matching: listed.matching,
        before: listed.before,
        after: after.map(str::to_owned),
        next: listed.next.map(|place| place.to_cursor()),
        errors_to: catalogue.errors_to(),
        locked: labels::locked(server, seen),
        choice,
    };
    Ok((page, warnings))
}

/// The list of runs, drawn anew where it shows something else than the last time.
pub async fn runs(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let noted = labels::noted(&server).await;
    let (page, warnings, version) = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        let uri = uri.clone();
        move || {
            let query = Parameters::parse(uri.query());
            let (page, warnings) = page_of_runs(&server, &seen, &query, &noted)?;
            let version = version_of(&page, &warnings)?;
            Ok((page, warnings, version))
        }
    })
    .await?;
    super::health::tend_index(Arc::clone(&server));
    let address = address_of(&uri);
    if let Some(body) = server.documents.kept(&seen, &address, &version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let body: Arc<str> = server
        .documents
        .draw(
            &server,
            &seen,
            Page::Runs(Box::new(page)),
            &address,
            &warnings,
        )
        .await
        .into();
    server
        .documents
        .keep(&seen, &address, &version, Arc::clone(&body));
    Ok(server.documents.answer(&headers, &body))
}

/// Another for whatever is shown otherwise.
fn version_of(page: &RunsPage, warnings: &[String]) -> Result<String, Failure> {
    let shown = serde_json::to_string(page).map_err(|error| {
        tracing::error!(%error, "a page of runs has no JSON form: {error}");
        Failure::internal()
    })?;
    let mut hasher = DefaultHasher::new();
    (shown, warnings).hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
