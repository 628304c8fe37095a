//! The work of annotators as JSON. What they are sent tells nothing of run, method, confidence or kind of an
//! item, and nothing of others but how many ratings there are.

use super::database;
use crate::annotation::at_work::Worker;
use crate::annotation::desk::{HandAsk, KeepAsk};
use crate::annotation::keeping::is_key;
use crate::annotation::refusal::Refusal;
use crate::limits::{LAST_RATINGS_MAX, LEASED_MAX};
use crate::people::{LOCAL, Seen};
use crate::web::Server;
use crate::web::people::form::{note, person_of};
use crate::web::problem::{BadBody, Fails, Failure, ProblemDocument};
use crate::web::query::Parameters;
use crate::web::sent::json;
use app::view::{WorkBatch, WorkRow};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use datasets::annotation::{RatingRequest, RatingSaved, WorkItem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// `GET /api/work`.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkList {
    /// The projects that one works in, the one joined last first.
    pub work: Vec<WorkRow>,
}

/// `POST /api/work/{project}/consent`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct ConsentRequest {
    /// Must be true.
    pub agreed: bool,
}

/// `POST /api/work/{project}/leases`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct LeaseRequest {
    /// Items wanted, those already handed out counted, 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    pub want: u32,
}

/// `POST /api/work/{project}/pause`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct PauseRequest {
    pub paused: bool,
}

/// Who works, out of who asks.
pub fn worker(seen: &Seen) -> Result<Worker<'_>, Failure> {
    Ok(Worker {
        person: person_of(seen)?,
        may_join: seen.is_open,
    })
}

/// Hands out to who asks.
pub async fn hand(
    server: &Server,
    seen: &Seen,
    project: &str,
    want: usize,
) -> Result<WorkBatch, Failure> {
    let worker = worker(seen)?;
    let ask = HandAsk {
        project: project.to_owned(),
        person: worker.person.to_owned(),
        want,
        may_join: worker.may_join,
    };
    Ok(server.annotation.hand(database(server)?, ask).await?)
}

/// Keeps a rating of who asks.
pub async fn keep(
    server: &Server,
    seen: &Seen,
    project: &str,
    key: String,
    request: RatingRequest,
) -> Result<RatingSaved, Failure> {
    if !is_key(&key) {
        return Err(Refusal::Wrong(vec![
            "The key is no UUID with hyphens, such as crypto.randomUUID() makes.".into(),
        ])
        .into());
    }
    // Of no assignment, and PostgreSQL takes no such text: it would undo what others send with it.
    if request.assignment.contains('\0') {
        return Err(Refusal::Unknown("assignment").into());
    }
    let ask = KeepAsk {
        project: project.to_owned(),
        person: worker(seen)?.person.to_owned(),
        key: key.to_ascii_lowercase(),
        request,
    };
    let mut saved = server.annotation.keep(database(server)?, ask).await?;
    // As it was sent: whoever compares finds his own.
    saved.key = key;
    Ok(saved)
}

/// Notes the consent of who asks; the person at a machine without accounts joins by it.
pub async fn agree(server: &Server, seen: &Seen, project: &str) -> Result<(), Failure> {
    let database = database(server)?;
    let worker = worker(seen)?;
    if worker.person == LOCAL {
        database
            .add_local_person(server.annotation.now_ms())
            .await?;
    }
    Ok(server.annotation.consent(database, project, worker).await?)
}

async fn row(server: &Server, seen: &Seen, project: &str) -> Result<WorkRow, Failure> {
    let database = database(server)?;
    let row = server
        .annotation
        .work_row(database, project, worker(seen)?.person)
        .await?;
    row.ok_or_else(|| Refusal::Unknown("project").into())
}

/// Where one can rate, and how far one is.
#[utoipa::path(
    get, path = "/api/work", tag = "annotation",
    responses(
        (status = 200, body = WorkList),
        Fails<503>
    )
)]
pub async fn list_work(
    State(server): State<Arc<Server>>,
    seen: Seen,
) -> Result<Json<WorkList>, Failure> {
    let work = server
        .annotation
        .work_of(database(&server)?, worker(&seen)?)
        .await?;
    Ok(Json(WorkList { work }))
}

/// Agrees to a project's terms. Done twice, it is done once.
#[utoipa::path(
    post, path = "/api/work/{project}/consent", tag = "annotation", request_body = ConsentRequest,
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = WorkRow, description = "How one stands now"),
        BadBody, Fails<403>, Fails<404>, Fails<409>, Fails<503>
    )
)]
pub async fn consent(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(project): Path<String>,
    request: Result<Json<ConsentRequest>, JsonRejection>,
) -> Result<Json<WorkRow>, Failure> {
    let request = json(request, "{\"agreed\": true}")?;
    if !request.agreed {
        return Err(Refusal::Wrong(vec![
            "`agreed` is false: who does not agree need not do anything.".into(),
        ])
        .into());
    }
    agree(&server, &seen, &project).await?;
    row(&server, &seen, &project).await.map(Json)
}

/// Hands items out. What one has already comes first, with its lease begun anew, so that asking twice
/// hands out once. Asking ends one's own pause.
#[utoipa::path(
    post, path = "/api/work/{project}/leases", tag = "annotation", request_body = LeaseRequest,
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = WorkBatch, description = "`standing` says why there are none, where there are none"),
        BadBody, Fails<404>, Fails<503>
    )
)]
pub async fn lease(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(project): Path<String>,
    request: Result<Json<LeaseRequest>, JsonRejection>,
) -> Result<Json<WorkBatch>, Failure> {
    let request = json(request, "{\"want\": 3}")?;
    if !(1..=LEASED_MAX).contains(&request.want) {
        return Err(Refusal::Wrong(vec![format!(
            "`want` is {}, expected 1 to {LEASED_MAX}.",
            request.want
        )])
        .into());
    }
    hand(&server, &seen, &project, request.want as usize)
        .await
        .map(Json)
}

/// Keeps a rating. The answer comes once it is on the disk.
///
/// The key is made by who rates, one for each attempt to say something: sent again, however often, it is
/// kept once and answered alike. A later word on the same assignment has the next `revision` and a key of its
/// own. A rating that comes after its lease has ended is kept.
#[utoipa::path(
    put, path = "/api/work/{project}/ratings/{key}", tag = "annotation", request_body = RatingRequest,
    params(
        ("project" = String, Path, description = "The project's id"),
        ("key" = String, Path, description = "A UUID of this attempt, made by who rates")
    ),
    responses(
        (status = 200, body = RatingSaved),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "The key or the revision is kept with something else, which stands in the member `kept`; or the project is closed"),
        BadBody, Fails<403>, Fails<404>, Fails<503>
    )
)]
pub async fn keep_rating(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((project, key)): Path<(String, String)>,
    request: Result<Json<RatingRequest>, JsonRejection>,
) -> Result<Json<RatingSaved>, Failure> {
    let request = json(
        request,
        "{\"assignment\": \"…\", \"revision\": 1, \"score\": 7}",
    )?;
    keep(&server, &seen, &project, key, request).await.map(Json)
}

/// What one rated last, the newest first, each with what one `said`: to say something else, send the next
/// revision.
#[utoipa::path(
    get, path = "/api/work/{project}/last", tag = "annotation",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("n" = Option<u32>, Query, description = "Items, 1 to 50; 10 where absent", minimum = 1, maximum = 50)
    ),
    responses(
        (status = 200, body = Vec<WorkItem>),
        Fails<400>, Fails<404>, Fails<503>
    )
)]
pub async fn last_ratings(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<WorkItem>>, Failure> {
    const USUAL: usize = 10;
    let query = Parameters::parse(query.as_deref());
    let count = match query.named("n") {
        None => USUAL,
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| (1..=LAST_RATINGS_MAX).contains(count))
            .ok_or_else(|| {
                Failure::bad_query(format!(
                    "`n` is {text:?}, expected 1 to {LAST_RATINGS_MAX}."
                ))
            })?,
    };
    let person = worker(&seen)?.person;
    let last = server
        .annotation
        .last(database(&server)?, &project, person, count)
        .await?;
    Ok(Json(last))
}

/// Pauses one's work, or goes on with it; asking for items goes on too. What one has and has not rated is
/// given back.
#[utoipa::path(
    post, path = "/api/work/{project}/pause", tag = "annotation", request_body = PauseRequest,
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = WorkRow, description = "How one stands now"),
        BadBody, Fails<404>, Fails<503>
    )
)]
pub async fn pause(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(project): Path<String>,
    request: Result<Json<PauseRequest>, JsonRejection>,
) -> Result<Json<WorkRow>, Failure> {
    let request = json(request, "{\"paused\": true}")?;
    let person = worker(&seen)?.person;
    server
        .annotation
        .pause(database(&server)?, &project, person, request.paused)
        .await?;
    row(&server, &seen, &project).await.map(Json)
}

/// Leaves a project for good. What one rated stays under the made-up name, or goes too.
#[utoipa::path(
    delete, path = "/api/work/{project}", tag = "annotation",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("ratings" = String, Query, description = "`keep` or `delete`")
    ),
    responses(
        (status = 204, description = "Left"),
        Fails<400>, Fails<404>, Fails<503>
    )
)]
pub async fn withdraw(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(project): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Failure> {
    let query = Parameters::parse(query.as_deref());
    let (deletes, words) = match query.named("ratings") {
        Some("keep") => (false, "the ratings stay"),
        Some("delete") => (true, "with the ratings"),
        _ => {
            return Err(Failure::bad_query(
                "`ratings` says what becomes of them: `keep` or `delete`.",
            ));
        }
    };
    let database = database(&server)?;
    let person = worker(&seen)?.person;
    let now_ms = server.annotation.now_ms();
    if !database.withdraw(&project, person, deletes, now_ms).await? {
        return Err(Refusal::Unknown("project").into());
    }
    note(database, &seen, "left a project", &project, words).await;
    Ok(StatusCode::NO_CONTENT)
}
