//! Tags and notes over HTTP: read, and changed by a form or by a program.

use super::Server;
use super::api::{find, read};
use super::problem::{Failure, ProblemDocument};
use super::query::Parameters;
use crate::db::Database;
use crate::labels::{LabelChange, LabelError, Noted, tags_from_line};
use app::link;
use app::view::Labels;
use axum::Json;
use axum::extract::rejection::{JsonRejection, RawFormRejection};
use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// `PATCH /api/runs/{id}/labels`: what is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct LabelRequest {
    /// 20 at most, each of 40 characters at most and without a comma.
    pub tags: Option<Vec<String>>,
    /// 4,000 characters at most.
    pub note: Option<String>,
}

/// What is noted of all runs.
pub async fn noted(server: &Server) -> Arc<Noted> {
    match &server.database {
        Some(database) => server.labels.noted(database).await,
        None => Arc::default(),
    }
}

/// Why tags and notes cannot be changed, and what to do; `None`: they can.
pub fn locked(server: &Server) -> Option<String> {
    changeable(server).err().map(|failure| failure.words())
}

/// Whoever reaches a server without accounts may read; only who sits at it may write.
fn changeable(server: &Server) -> Result<&Database, Failure> {
    let database = server.database.as_ref().ok_or_else(|| {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Tags and notes are kept in the database, and this server has none.",
            "Name a file for it by --database FILE, or see /readyz for what is wrong with the one named, and start the server again.",
        )
    })?;
    if !server.loopback {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "Tags and notes can only be read here: others than this machine can reach this server, and it has no accounts yet.",
            "Start the server with --listen 127.0.0.1:PORT, and reach it through a tunnel.",
        ));
    }
    Ok(database)
}

impl From<LabelError> for Failure {
    fn from(error: LabelError) -> Self {
        match error {
            LabelError::Database(error) => {
                tracing::error!(%error, "labels: {error}");
                Failure::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The database does not answer, so nothing was changed.",
                    "Try again. If it stays, the server's log says why.",
                )
            }
            wrong => Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("Nothing was changed: {wrong}."),
                "Go back, correct it, and send it again.",
            ),
        }
    }
}

async fn change(server: Arc<Server>, id: String, change: LabelChange) -> Result<Labels, Failure> {
    let database = changeable(&server)?;
    let (run, catalogue) = read({
        let server = Arc::clone(&server);
        move || {
            let run = find(&server, &id)?;
            Ok((run, server.library.shelf().0))
        }
    })
    .await?;
    let is_served = |directory: &str| catalogue.is_served(directory);
    Ok(server
        .labels
        .change(database, &run, change, is_served)
        .await?)
}

/// What is noted of a run.
#[utoipa::path(
    get, path = "/api/runs/{id}/labels", tag = "runs",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = Labels),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn get_labels(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Labels>, Failure> {
    let noted = noted(&server).await;
    read(move || {
        let run = find(&server, &id)?;
        let (catalogue, _) = server.library.shelf();
        Ok(Json(
            catalogue
                .labels_of(&run, &noted)
                .cloned()
                .unwrap_or_default(),
        ))
    })
    .await
}

/// Changes what is noted of a run. Tags are trimmed; a tag that is there already but for case is
/// left out.
#[utoipa::path(
    patch, path = "/api/runs/{id}/labels", tag = "runs", request_body = LabelRequest,
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = Labels, description = "As they now are"),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn patch_labels(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    request: Result<Json<LabelRequest>, JsonRejection>,
) -> Result<Json<Labels>, Failure> {
    changeable(&server)?;
    let Json(request) = request.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Send JSON such as {\"tags\": [\"base\"], \"note\": \"the first\"}, as application/json.",
        )
    })?;
    let asked = LabelChange {
        tags: request.tags,
        note: request.note,
    };
    change(server, id, asked).await.map(Json)
}

/// The form beside a run; leads back to where it stood.
pub async fn post_labels(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    changeable(&server)?;
    let RawForm(form) = form.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Send the form as application/x-www-form-urlencoded.",
        )
    })?;
    let form = Parameters::from_form(&form);
    let asked = LabelChange {
        tags: form.field("tags").map(tags_from_line),
        note: form.field("note").map(str::to_owned),
    };
    let back = form
        .field("back")
        .filter(|address| is_own(address))
        .map_or_else(|| link::run(&id, &[]), str::to_owned);
    let place = link::run_anchor(&id);
    change(server, id, asked).await?;
    Ok(Redirect::to(&format!("{back}#{place}")))
}

/// Whether an address stays on this server, whatever a browser makes of it.
fn is_own(address: &str) -> bool {
    address.starts_with('/')
        && !address.starts_with("//")
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn a_form_leads_back_to_this_server_alone() {
        for own in ["/", "/?q=a%20b&sort=ece", "/runs/a?label=x"] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/a\r\nSet-Cookie: x",
            "/#x",
            "/ü",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
