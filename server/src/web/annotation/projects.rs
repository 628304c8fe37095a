//! Projects as JSON, for researchers.

use super::acts::{
    ProjectInvitation, agreement, change, delete, invited, make_project, settle, study,
};
use super::database;
use crate::annotation::changes::Change;
use crate::annotation::export::{self, Exported, Form, What};
use crate::annotation::spec::Words;
use crate::people::Seen;
use crate::web::Server;
use crate::web::api::read;
use crate::web::attachment::attachment;
use crate::web::people::form::{note, origin};
use crate::web::people::invitations::InvitationMade;
use crate::web::people::who::Caller;
use crate::web::problem::{BadBody, Fails, Failure};
use crate::web::query::Parameters;
use crate::web::sent::json;
use app::view::{AgreementReport, ProjectDetail, ProjectList, ProjectState, Role, Settlement};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use datasets::annotation::ProjectSpec;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// `PATCH /api/projects/{id}`: what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct ProjectChange {
    /// `open`, `paused` or `closed`. What is closed stays so.
    pub state: Option<ProjectState>,
    /// Words are changed while the project is a draft. 200 characters at most.
    pub title: Option<String>,
    /// Markdown, 20,000 characters at most; the shipped one where empty.
    pub rubric: Option<String>,
    /// Markdown, 20,000 characters at most.
    pub instructions: Option<String>,
    /// Markdown, 20,000 characters at most; the shipped one where empty.
    pub consent: Option<String>,
    /// 500 characters at most.
    pub contact: Option<String>,
}

/// A settled item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettledItem {
    pub item: String,
    /// What was settled, in words.
    pub settled: String,
}

/// All projects, the newest first.
#[utoipa::path(
    get, path = "/api/projects", tag = "annotation",
    responses(
        (status = 200, body = ProjectList),
        Fails<503>
    )
)]
pub async fn list_projects(
    State(server): State<Arc<Server>>,
) -> Result<Json<ProjectList>, Failure> {
    let projects = server.annotation.rows(database(&server)?).await?;
    Ok(Json(ProjectList { projects }))
}

/// Makes a project as a draft: its items are drawn now, from the runs as they are.
#[utoipa::path(
    post, path = "/api/projects", tag = "annotation", request_body = ProjectSpec,
    responses(
        (status = 201, body = ProjectDetail, description = "Made; `Location` names it"),
        BadBody, Fails<409>, Fails<503>
    )
)]
pub async fn add_project(
    State(server): State<Arc<Server>>,
    seen: Seen,
    request: Result<Json<ProjectSpec>, JsonRejection>,
) -> Result<impl IntoResponse, Failure> {
    let spec = json(
        request,
        "{\"title\": \"Doubts\", \"runs\": [{\"run\": \"demo\"}]}",
    )?;
    let id = make_project(&server, &seen, spec).await?;
    let detail = study(&server, &id).await?.detail;
    let place = format!("/api/projects/{id}");
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(detail),
    ))
}

/// All about a project.
#[utoipa::path(
    get, path = "/api/projects/{id}", tag = "annotation",
    params(("id" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = ProjectDetail),
        Fails<404>, Fails<503>
    )
)]
pub async fn get_project(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<ProjectDetail>, Failure> {
    Ok(Json(study(&server, &id).await?.detail))
}

/// Opens, pauses or closes a project, or rewords a draft.
#[utoipa::path(
    patch, path = "/api/projects/{id}", tag = "annotation", request_body = ProjectChange,
    params(("id" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = ProjectDetail, description = "As it now is"),
        BadBody, Fails<404>, Fails<409>, Fails<503>
    )
)]
pub async fn change_project(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    request: Result<Json<ProjectChange>, JsonRejection>,
) -> Result<Json<ProjectDetail>, Failure> {
    let asked = json(request, "{\"state\": \"open\"}")?;
    let asked = Change {
        state: asked.state,
        words: Words {
            title: asked.title,
            rubric: asked.rubric,
            instructions: asked.instructions,
            consent: asked.consent,
            contact: asked.contact,
        },
    };
    change(&server, &seen, &id, &asked).await?;
    Ok(Json(study(&server, &id).await?.detail))
}

/// Deletes a draft with its items.
#[utoipa::path(
    delete, path = "/api/projects/{id}", tag = "annotation",
    params(("id" = String, Path, description = "The project's id")),
    responses(
        (status = 204, description = "Deleted"),
        Fails<404>, Fails<409>, Fails<503>
    )
)]
pub async fn delete_project(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    delete(&server, &seen, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How far the raters of a project agree, with intervals; made anew when something was said since.
#[utoipa::path(
    get, path = "/api/projects/{id}/agreement", tag = "annotation",
    params(("id" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = AgreementReport),
        Fails<404>, Fails<503>
    )
)]
pub async fn get_agreement(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<Json<AgreementReport>, Failure> {
    let report = agreement(&server, &seen, &id).await?;
    Ok(Json(Arc::unwrap_or_clone(report)))
}

/// Settles an item that raters differ on, in place of what was settled before. A choice is of the order of
/// the item's rationales.
#[utoipa::path(
    post, path = "/api/projects/{id}/items/{item}/settle", tag = "annotation", request_body = Settlement,
    params(
        ("id" = String, Path, description = "The project's id"),
        ("item" = String, Path, description = "The item's id")
    ),
    responses(
        (status = 200, body = SettledItem),
        BadBody, Fails<404>, Fails<503>
    )
)]
pub async fn settle_item(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, item)): Path<(String, String)>,
    request: Result<Json<Settlement>, JsonRejection>,
) -> Result<Json<SettledItem>, Failure> {
    let settlement = json(request, "{\"score\": 7, \"note\": \"names both\"}")?;
    let settled = settle(&server, &seen, (&id, &item), settlement).await?;
    Ok(Json(SettledItem {
        item,
        settled: settled.in_words(),
    }))
}

/// A file of what a project has so far. People stand under their made-up names; `names=true` adds what they
/// sign in by, for admins alone.
#[utoipa::path(
    get, path = "/api/projects/{id}/export", tag = "annotation",
    params(
        ("id" = String, Path, description = "The project's id"),
        ("what" = Option<String>, Query, description = "`ratings` (where absent), `settled`, `events`, `hours`, `project`, `label-studio`, `label-studio-config`, `argilla` or `argilla-settings`"),
        ("form" = Option<String>, Query, description = "`jsonl` (where absent) or `csv`; what is no table has one form of its own"),
        ("names" = Option<bool>, Query, description = "Whether account names stand beside the made-up ones")
    ),
    responses(
        (status = 200, body = String, content_type = "application/jsonl", description = "JSONL, CSV, JSON or XML, as a file"),
        Fails<400>, Fails<404>, Fails<503>
    )
)]
pub async fn export_project(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Parameters::parse(query.as_deref());
    let what = match query.named("what") {
        None => What::Ratings,
        Some(word) => What::from_word(word).ok_or_else(|| {
            let words = What::ALL.map(What::word).join(", ");
            Failure::bad_query(format!("`what` is {word:?}, expected one of {words}."))
        })?,
    };
    let form = match query.named("form") {
        None => Form::Jsonl,
        Some(word) => Form::from_word(word).ok_or_else(|| {
            Failure::bad_query(format!("`form` is {word:?}, expected `jsonl` or `csv`."))
        })?,
    };
    let with_names = match query.named("names") {
        None | Some("false") => false,
        Some("true") => true,
        Some(word) => {
            return Err(Failure::bad_query(format!(
                "`names` is {word:?}, expected `true` or `false`."
            )));
        }
    };
    if with_names && !seen.is_at_least(Role::Admin) {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "Names of annotators are for admins.",
            "Leave `names` out: made-up names tell people apart.",
        ));
    }
    let database = database(&server)?;
    let data = server
        .annotation
        .export_data(database, &id, with_names)
        .await?;
    if with_names {
        note(database, &seen, "exported with names", &id, what.word()).await;
    }
    let exported = read(move || {
        export::write(what, form, &data).map_err(|error| Failure::bad_query(format!("{error}.")))
    });
    let Exported {
        file_name,
        content_type,
        text,
    } = exported.await?;
    Ok(attachment(&file_name, content_type, text))
}

/// Makes a link by which annotators come to the project. It is told this once.
#[utoipa::path(
    post, path = "/api/projects/{id}/invitations", tag = "annotation", request_body = ProjectInvitation,
    params(("id" = String, Path, description = "The project's id")),
    responses(
        (status = 201, body = InvitationMade),
        BadBody, Fails<404>, Fails<409>, Fails<429>, Fails<503>
    )
)]
pub async fn invite(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    request: Result<Json<ProjectInvitation>, JsonRejection>,
) -> Result<(StatusCode, Json<InvitationMade>), Failure> {
    let request = json(request, "{\"uses\": 5, \"days\": 14}")?;
    let origin = origin(&headers, caller.is_secure);
    let made = invited(&server, &seen, &origin, &id, request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}
