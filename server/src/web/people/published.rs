//! Runs that everybody may see: published by an admin, and taken back.

use super::form::{database, is_own, note, now};
use crate::people::Seen;
use crate::runs::Run;
use crate::web::Server;
use crate::web::api::read;
use crate::web::problem::{BadBody, Fails, Failure, ProblemDocument};
use crate::web::sent::{fields, json};
use app::link;
use app::view::Published;
use axum::Json;
use axum::extract::rejection::{JsonRejection, RawFormRejection};
use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// `PUT /api/runs/{id}/published`.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub struct PublishedRequest {
    pub published: bool,
}

impl Server {
    /// Whether everybody may see a run, by the rules as they were read for the request.
    pub fn is_published(&self, run: &Run) -> Published {
        let rules = self.rules.last();
        Published {
            published: rules.is_published(run),
            hidden: rules.is_hidden(run),
            recorded: run.found.recorded,
        }
    }
}

async fn found(server: &Arc<Server>, seen: &Seen, id: String) -> Result<Run, Failure> {
    let (server, seen) = (Arc::clone(server), seen.clone());
    read(move || server.find(&seen, &id)).await
}

/// Whether everybody may see a run.
#[utoipa::path(
    get, path = "/api/runs/{id}/published", tag = "people",
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = Published),
        Fails<404>
    )
)]
pub async fn get_published(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<Json<Published>, Failure> {
    let run = found(&server, &seen, id).await?;
    Ok(Json(server.is_published(&run)))
}

/// Shows a run to everybody, or no longer.
#[utoipa::path(
    put, path = "/api/runs/{id}/published", tag = "people", request_body = PublishedRequest,
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 200, body = Published, description = "As it now is"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "A recorded run is always published"),
        BadBody, Fails<404>, Fails<503>
    )
)]
pub async fn put_published(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    request: Result<Json<PublishedRequest>, JsonRejection>,
) -> Result<Json<Published>, Failure> {
    let request = json(request, "{\"published\": true}")?;
    let run = set(&server, &seen, id, request.published).await?;
    Ok(Json(Published {
        published: request.published,
        ..server.is_published(&run)
    }))
}

/// The button beside a run; leads back to it.
pub async fn posted(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let is_published = fields.named("published") == Some("true");
    let back = fields
        .named("back")
        .filter(|back| is_own(back))
        .map_or_else(|| link::run(&id, &[]), str::to_owned);
    set(&server, &seen, id, is_published).await?;
    Ok(Redirect::to(&back))
}

async fn set(
    server: &Arc<Server>,
    seen: &Seen,
    id: String,
    is_published: bool,
) -> Result<Run, Failure> {
    let database = database(server)?;
    let run = found(server, seen, id).await?;
    if run.found.recorded && !is_published {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "Nothing was changed: it is a recorded run, and those are always published.",
            "To hide it, take its folder out of --runs.",
        ));
    }
    let directory = run
        .found
        .directory
        .to_str()
        .filter(|directory| !directory.contains('\0'))
        .ok_or_else(|| {
            Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Nothing was changed: the path of the run's folder is not UTF-8, so that it cannot be noted.",
                "Rename the folder, and try again.",
            )
        })?;
    let by = seen.person.as_deref();
    database
        .set_published(directory, &run.found.id, by, is_published, now())
        .await?;
    server.rules.changed();
    let act = match is_published {
        true => "published",
        false => "took back from the public",
    };
    note(database, seen, act, &run.found.id, directory).await;
    Ok(run)
}
