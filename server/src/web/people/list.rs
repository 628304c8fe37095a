//! People, as admins see them: listed, given roles, disabled, and given links to sign in by.

use super::form::{database, lacks_password, note, now, origin};
use super::invitations::{InvitationMade, make_for, row_of, shown_once};
use super::session::shown;
use super::who::Caller;
use crate::db::{Changed, Database, PersonChange};
use crate::people::{Person, Seen};
use crate::web::Server;
use crate::web::problem::{BadBody, Fails, Failure, ProblemDocument};
use crate::web::sent::{fields, json};
use app::view::{PeoplePage, PersonRow, Role, ShownOnce};
use app::{Page, link};
use axum::Json;
use axum::extract::rejection::{JsonRejection, RawFormRejection};
use axum::extract::{Path, RawForm, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// `GET /api/people`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeopleList {
    /// By name.
    pub people: Vec<PersonRow>,
}

/// `PATCH /api/people/{id}`: what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct PersonRequest {
    /// `annotator`, `researcher` or `admin`.
    pub role: Option<Role>,
    /// Who is disabled cannot sign in.
    pub disabled: Option<bool>,
}

/// `POST /api/people/{id}/links`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub struct LinkRequest {
    /// For how many days it works, 1 to 366; 14 where absent.
    #[schema(minimum = 1, maximum = 366)]
    pub days: Option<i64>,
}

async fn people_of(database: &Database) -> Result<Vec<PersonRow>, Failure> {
    let people = database.people().await?;
    Ok(people
        .iter()
        .map(|(person, seen_ms)| shown(person, *seen_ms))
        .collect())
}

/// The people that this server knows, by name.
#[utoipa::path(
    get, path = "/api/people", tag = "people",
    responses(
        (status = 200, body = PeopleList),
        Fails<503>
    )
)]
pub async fn list_people(State(server): State<Arc<Server>>) -> Result<Json<PeopleList>, Failure> {
    let people = people_of(database(&server)?).await?;
    Ok(Json(PeopleList { people }))
}

/// Changes what a person may do. His sessions and tokens end: he signs in again.
#[utoipa::path(
    patch, path = "/api/people/{id}", tag = "people", request_body = PersonRequest,
    params(("id" = String, Path, description = "The person's id")),
    responses(
        (status = 200, body = PersonRow, description = "As he now is"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "Nobody else is an admin"),
        BadBody, Fails<404>, Fails<503>
    )
)]
pub async fn change_person(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    request: Result<Json<PersonRequest>, JsonRejection>,
) -> Result<Json<PersonRow>, Failure> {
    let request = json(
        request,
        "{\"role\": \"researcher\"} or {\"disabled\": true}",
    )?;
    let change = PersonChange {
        role: request.role,
        is_disabled: request.disabled,
    };
    let person = change_one(&server, &seen, &id, change).await?;
    Ok(Json(shown(&person, None)))
}

async fn change_one(
    server: &Server,
    seen: &Seen,
    id: &str,
    change: PersonChange,
) -> Result<Person, Failure> {
    if change.role == Some(Role::Public) {
        return Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Nothing was changed: found the role public, expected annotator, researcher or admin.",
            "To keep somebody out, disable the account.",
        ));
    }
    let database = database(server)?;
    if change.role == Some(Role::Admin) && lacks_password(database, id).await? {
        return Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Nothing was changed: an admin needs a password, as nobody else could let him in again, and this person has none.",
            "Let the person set one on the Account page, and try again.",
        ));
    }
    let (before, after) = match database.change_person(id, change, now()).await? {
        Changed::Done(both) => *both,
        Changed::Unknown => return Err(nobody()),
        Changed::LastAdmin => return Err(last_admin()),
    };
    server.known.changed();
    server.rules.changed();
    if before.role != after.role {
        let words = format!("{} to {}", before.role.word(), after.role.word());
        note(database, seen, "changed the role", id, &words).await;
    }
    if before.disabled_ms != after.disabled_ms {
        let act = match after.disabled_ms {
            Some(_) => "disabled",
            None => "enabled",
        };
        note(database, seen, act, id, "").await;
    }
    Ok(after)
}

fn nobody() -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "There is nobody of that id.",
        "See the list of people: /people or GET /api/people.",
    )
}

/// The refusal to leave a server without an admin.
pub fn last_admin() -> Failure {
    Failure::new(
        StatusCode::CONFLICT,
        "Nothing was changed: nobody else is an admin who may sign in.",
        "Make somebody else an admin first.",
    )
}

/// Makes a link that signs a person in, once: for who forgot a password or never had one.
#[utoipa::path(
    post, path = "/api/people/{id}/links", tag = "people", request_body = LinkRequest,
    params(("id" = String, Path, description = "The person's id")),
    responses(
        (status = 201, body = InvitationMade, description = "The link is in the answer, and never again"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "The person is disabled"),
        BadBody, Fails<404>, Fails<429>, Fails<503>
    )
)]
pub async fn add_link(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Result<Json<LinkRequest>, JsonRejection>,
) -> Result<impl IntoResponse, Failure> {
    let request = json(request, "{\"days\": 7}")?;
    let origin = origin(&headers, caller.is_secure);
    let made = link_for(&server, &seen, &origin, &id, request.days).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn link_for(
    server: &Server,
    seen: &Seen,
    origin: &str,
    id: &str,
    days: Option<i64>,
) -> Result<InvitationMade, Failure> {
    let person = account_of(server, id).await?;
    if person.disabled_ms.is_some() {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "Nothing was changed: the account is disabled, so that no link can sign in by it.",
            "Enable it first.",
        ));
    }
    make_for(server, seen, origin, &person, days).await
}

/// The account of an id; the person at the machine has none.
async fn account_of(server: &Server, id: &str) -> Result<Person, Failure> {
    database(server)?
        .person(id)
        .await?
        .filter(|person| person.deleted_ms.is_none() && person.id != crate::people::LOCAL)
        .ok_or_else(nobody)
}

/// People and invitations.
pub async fn page(State(server): State<Arc<Server>>, seen: Seen) -> Result<Response, Failure> {
    draw(&server, &seen, PeoplePage::default(), StatusCode::OK).await
}

/// The same with what was made, which is shown once, or with what is wrong.
///
/// # Errors
/// Those of the database.
pub async fn answer(
    server: &Arc<Server>,
    seen: &Seen,
    outcome: Result<ShownOnce, String>,
) -> Result<Response, Failure> {
    let mut page = PeoplePage::default();
    let status = match outcome {
        Ok(shown) => {
            page.shown = Some(shown);
            StatusCode::OK
        }
        Err(wrong) => {
            page.wrong = Some(wrong);
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    draw(server, seen, page, status).await
}

async fn draw(
    server: &Arc<Server>,
    seen: &Seen,
    page: PeoplePage,
    status: StatusCode,
) -> Result<Response, Failure> {
    let database = database(server)?;
    let invitations = database.invitations(now()).await?;
    let page = PeoplePage {
        people: people_of(database).await?,
        me: seen.person.clone(),
        invitations: invitations.iter().map(row_of).collect(),
        projects: database.projects_to_join().await?,
        is_open: seen.is_open,
        ..page
    };
    let page = Page::People(Box::new(page));
    Ok(server
        .private_page(seen, status, page, link::people())
        .await)
}

/// The form that changes a role.
pub async fn role(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let word = fields.named("role").unwrap_or_default();
    let role = Role::from_word(word).ok_or_else(|| {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("Nothing was changed: `role` is {word:?}."),
            "Go back, and choose a role.",
        )
    })?;
    let change = PersonChange {
        role: Some(role),
        ..PersonChange::default()
    };
    change_one(&server, &seen, &id, change).await?;
    Ok(Redirect::to(link::people()))
}

/// The form that disables somebody, or enables him again.
pub async fn disabled(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let change = PersonChange {
        is_disabled: Some(fields.named("disabled") == Some("true")),
        ..PersonChange::default()
    };
    change_one(&server, &seen, &id, change).await?;
    Ok(Redirect::to(link::people()))
}

/// The button that makes a link to sign in by.
pub async fn link(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let origin = origin(&headers, caller.is_secure);
    let made = link_for(&server, &seen, &origin, &id, None).await?;
    let mut shown = shown_once(&made);
    let name = account_of(&server, &id).await?.name;
    shown.words = format!("This link signs {name} in, once.");
    answer(&server, &seen, Ok(shown)).await
}
