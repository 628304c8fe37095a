//! Tags and notes over HTTP: read, and changed by a form or by a program.

use super::Server;
use super::api::read;
use super::people::form::is_own;
use super::problem::{BadBody, Fails, Failure};
use super::sent::{fields, json};
use crate::db::Database;
use crate::labels::{LabelChange, LabelError, Noted, tags_from_line};
use crate::people::Seen;
use app::link;
use app::view::{Labels, Role};
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

/// Why somebody cannot change tags and notes, and what to do; `None`: he can.
pub fn locked(server: &Server, seen: &Seen) -> Option<String> {
    if !seen.is_at_least(Role::Researcher) {
        return Some(match seen.signed_in {
            true => "Researchers change tags and notes; you can read them.".into(),
            false => "Researchers change tags and notes: sign in as one to do so.".into(),
        });
    }
    changeable(server).err().map(|failure| failure.words())
}

/// Who may is in the table of addresses; where they are kept is looked at here.
fn changeable(server: &Server) -> Result<&Database, Failure> {
    server.database.as_ref().ok_or_else(|| {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Tags and notes are kept in the database, and this server has none.",
            "Name a file for it by --database FILE, or see /readyz for what is wrong with the one named, and start the server again.",
        )
    })
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

async fn change(
    server: Arc<Server>,
    seen: Seen,
    id: String,
    change: LabelChange,
) -> Result<Labels, Failure> {
    let database = changeable(&server)?;
    let (run, catalogue) = read({
        let server = Arc::clone(&server);
        move || {
            let run = server.find(&seen, &id)?;
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
        Fails<404>
    )
)]
pub async fn get_labels(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<Json<Labels>, Failure> {
    let noted = noted(&server).await;
    read(move || {
        let run = server.find(&seen, &id)?;
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
        BadBody, Fails<403>, Fails<404>, Fails<503>
    )
)]
pub async fn patch_labels(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    request: Result<Json<LabelRequest>, JsonRejection>,
) -> Result<Json<Labels>, Failure> {
    changeable(&server)?;
    let request = json(request, "{\"tags\": [\"base\"], \"note\": \"the first\"}")?;
    let asked = LabelChange {
        tags: request.tags,
        note: request.note,
    };
    change(server, seen, id, asked).await.map(Json)
}

/// The form beside a run; leads back to where it stood.
pub async fn post_labels(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    changeable(&server)?;
    let form = fields(form)?;
    let asked = LabelChange {
        tags: form.field("tags").map(tags_from_line),
        note: form.field("note").map(str::to_owned),
    };
    let back = form
        .field("back")
        .filter(|address| is_own(address))
        .map_or_else(|| link::run(&id, &[]), str::to_owned);
    let place = link::run_anchor(&id);
    change(server, seen, id, asked).await?;
    Ok(Redirect::to(&format!("{back}#{place}")))
}
