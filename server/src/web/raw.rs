//! Records as they stand in a run's files: plain text to keep, whole where a page has to cut.

use super::Server;
use super::api::read;
use super::problem::{Fails, Failure};
use super::query::Parameters;
use crate::people::Seen;
use crate::runs::raw::Kind;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Parts on their way that the visitor has not taken yet.
const PARTS_AHEAD: usize = 4;

/// Sends the records of one question as they stand in a file of the run: JSON, one a line, never cut.
#[utoipa::path(
    get, path = "/api/runs/{id}/questions/{question_id}/records/{kind}", tag = "runs",
    params(
        ("id" = String, Path, description = "The run's id"),
        ("question_id" = String, Path, description = "The question's id"),
        ("kind" = String, Path, description = "`answers`, `samples`, `clusters`, `heights`, `rationales` or `questions`"),
        ("label" = Option<String>, Query, description = "Of `answers`, the evaluation")
    ),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        Fails<404>
    )
)]
pub async fn get_records(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, question_id, kind)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let raw = read(move || {
        let label = Parameters::parse(query.as_deref()).label().to_owned();
        let kind =
            Kind::parse(&kind, &label).ok_or_else(|| Failure::not_found("file of records"))?;
        let run = server.find(&seen, &id)?;
        server
            .library
            .raw(&run, &kind, &question_id)
            .map_err(|error| Failure::unreadable(&error))?
            .ok_or_else(|| Failure::not_found("record"))
    })
    .await?;
    let length = raw.bytes();
    let (send, parts) = mpsc::channel(PARTS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let sent = raw.each_part(|part| match send.blocking_send(Ok(part)) {
            Ok(()) => ControlFlow::Continue(()),
            // The visitor has left.
            Err(_) => ControlFlow::Break(()),
        });
        if let Err(error) = sent {
            // The file was cut since: the answer ends short of its length, which the visitor notices.
            let _ = send.blocking_send(Err(error));
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        // Never shown in the browser's own window, whatever stands in it.
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"records.jsonl.txt\"".to_owned(),
        ),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}
