//! The files of a run directory, streamed.

use super::Server;
use super::api::read;
use super::attachment::headers;
use super::problem::Failure;
use crate::people::Seen;
use crate::runs::files;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use std::io;
use std::sync::Arc;
use tower_http::services::ServeFile;

/// A known file; a part of it where the visitor asks for a range.
pub async fn file(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let (place, file) = read(move || {
        let run = server.find(&seen, &id)?;
        if run.found.trouble.is_some() {
            return Err(Failure::not_found("file"));
        }
        let place = files::find(&run.found.directory, &path).map_err(|error| failure(&error))?;
        Ok((place, format!("{id}-{name}")))
    })
    .await?;
    // Reads as the visitor takes it, knows ranges, and asks whether it has changed.
    let mut response = ServeFile::new(place)
        .try_call(request)
        .await
        .map_err(|error| failure(&error))?
        .map(Body::new);
    for (header, value) in headers(&file, "application/octet-stream") {
        response.headers_mut().insert(header, value);
    }
    Ok(response)
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidInput => Failure::not_found("file"),
        _ => Failure::unreadable(error),
    }
}
