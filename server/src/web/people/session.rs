//! Signing in and out.

use super::form::{browser_session, database, is_own, new_token, note, wrong_password};
use super::who::{Caller, MaybeHeld, cookie, no_cookie};
use crate::limits::{PERSON_NAME_CHARACTERS_MAX, SESSION_DAYS};
use crate::people::password::PasswordError;
use crate::people::{Person, Seen, name};
use crate::web::Server;
use crate::web::problem::{Fails, Failure};
use crate::web::query::Parameters;
use crate::web::sent::fields;
use app::view::{PersonRow, Role, SignInPage};
use app::{Page, link};
use axum::Json;
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Seconds of a day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// `GET /api/session`: who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionInfo {
    pub role: Role,
    pub signed_in: bool,
    /// Whether everybody who reaches the server may do everything: it listens on a loopback address
    /// and has no account of an admin.
    pub is_open: bool,
    /// Null for nobody in particular.
    pub person: Option<PersonRow>,
}

/// A person as he sees himself, or as an admin sees him.
pub fn shown(person: &Person, seen_ms: Option<i64>) -> PersonRow {
    PersonRow {
        id: person.id.clone(),
        name: Some(person.name.clone()),
        pseudonym: person.pseudonym.clone(),
        role: person.role,
        has_password: person.password.is_some(),
        created_ms: person.created_ms,
        seen_ms,
        disabled: person.disabled_ms.is_some(),
    }
}

/// Who asks, as the server sees him.
#[utoipa::path(
    get, path = "/api/session", tag = "people",
    responses(
        (status = 200, body = SessionInfo),
        Fails<503>
    )
)]
pub async fn get_session(
    State(server): State<Arc<Server>>,
    seen: Seen,
) -> Result<Json<SessionInfo>, Failure> {
    let person = match (&seen.person, &server.database) {
        (Some(id), Some(database)) => database.person(id).await?,
        _ => None,
    };
    Ok(Json(SessionInfo {
        role: seen.role,
        signed_in: seen.signed_in,
        is_open: seen.is_open,
        person: person.map(|person| shown(&person, None)),
    }))
}

/// Ends the session, or the token, that asks.
#[utoipa::path(
    delete, path = "/api/session", tag = "people",
    responses(
        (status = 204, description = "Signed out, or nobody was signed in"),
        Fails<503>
    )
)]
pub async fn end_session(
    State(server): State<Arc<Server>>,
    held: MaybeHeld,
    caller: Caller,
) -> Result<Response, Failure> {
    end(&server, held).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(none) = no_cookie(caller) {
        response.headers_mut().insert(header::SET_COOKIE, none);
    }
    Ok(response)
}

async fn end(server: &Server, held: MaybeHeld) -> Result<(), Failure> {
    if let Some(held) = held.0 {
        database(server)?.end_session(&held.token_hash).await?;
        server.known.changed();
    }
    Ok(())
}

/// Signs this browser out.
pub async fn sign_out(
    State(server): State<Arc<Server>>,
    held: MaybeHeld,
    caller: Caller,
) -> Result<Response, Failure> {
    end(&server, held).await?;
    let mut response = Redirect::to("/").into_response();
    if let Some(none) = no_cookie(caller) {
        response.headers_mut().insert(header::SET_COOKIE, none);
    }
    Ok(response)
}

/// The form to sign in by.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Parameters::parse(query.as_deref());
    let back = back_of(&query);
    if seen.signed_in {
        return Ok(Redirect::to(&back).into_response());
    }
    let page = SignInPage {
        back,
        is_open: seen.is_open,
        ..SignInPage::default()
    };
    Ok(draw(&server, &seen, page, StatusCode::OK).await)
}

/// Where a form leads back to: an address of this server.
fn back_of(fields: &Parameters) -> String {
    fields
        .named("back")
        .filter(|back| is_own(back) && !back.starts_with(&link::sign_in(None)))
        .unwrap_or("/")
        .to_owned()
}

async fn draw(server: &Arc<Server>, seen: &Seen, page: SignInPage, status: StatusCode) -> Response {
    let page = Page::SignIn(page);
    server
        .private_page(seen, status, page, &link::sign_in(None))
        .await
}

/// Signs in by name and password.
///
/// What is wrong is told in the same words, after the same time, whoever the name is of: so names
/// cannot be found out.
pub async fn sign_in(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    caller: Caller,
    headers: HeaderMap,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let fields = fields(form)?;
    let typed: String = fields
        .field("name")
        .unwrap_or_default()
        .chars()
        .take(2 * PERSON_NAME_CHARACTERS_MAX)
        .collect();
    let password = fields.field("password").unwrap_or_default().to_owned();
    // Nobody has an empty name.
    let name = name::checked(&typed).unwrap_or_default();
    let began = Instant::now();
    server
        .tries
        .begin(&name, caller.address, began)
        .map_err(too_many)?;
    let person = database.person_named(&name).await?;
    let person = person.filter(|one| one.disabled_ms.is_none() && one.deleted_ms.is_none());
    let hash = person.as_ref().and_then(|one| one.password.clone());
    let is_right = match server.passwords.is_right(password, hash).await {
        Ok(is_right) => is_right,
        // Nobody looked at it: no try was made.
        Err(PasswordError::Busy) => {
            server.tries.succeeded(&name, caller.address, began);
            return Err(Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Many people sign in at this moment.",
                "Try again in some seconds.",
            ));
        }
        Err(error) => {
            wrong_password(error)?;
            false
        }
    };
    let Some(person) = person.filter(|_| is_right) else {
        let page = SignInPage {
            name: typed,
            back: back_of(&fields),
            wrong: Some(
                "Nobody was signed in: the name and the password do not belong together, or the account has no password or is disabled. If you forgot the password, ask an admin of this server for a link.".into(),
            ),
            is_open: seen.is_open,
        };
        return Ok(draw(&server, &seen, page, StatusCode::UNPROCESSABLE_ENTITY).await);
    };
    server.tries.succeeded(&name, caller.address, began);
    let token = new_token()?;
    let session = browser_session(&token, &person.id, &headers);
    let before = held.0.map(|held| held.token_hash);
    database.begin_session(&session, before.as_deref()).await?;
    server.known.changed();
    let now_seen = Seen {
        person: Some(person.id.clone()),
        ..seen
    };
    note(database, &now_seen, "signed in", &person.id, "by password").await;
    Ok(signed_in(&token, caller, &back_of(&fields)))
}

/// Leads on, with the cookie of a session that began.
pub fn signed_in(token: &crate::people::token::Token, caller: Caller, back: &str) -> Response {
    let mut response = Redirect::to(back).into_response();
    if let Some(cookie) = cookie(token, caller, SESSION_DAYS * DAY_SECONDS) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The refusal of who tries too often.
pub fn too_many(wait: Duration) -> Failure {
    let seconds = wait.as_secs() + 1;
    let minutes = seconds.div_ceil(60);
    let plural = if minutes == 1 { "" } else { "s" };
    Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "There were too many tries to sign in by this name, or from this address.",
        format!("Wait {minutes} minute{plural}, and try again."),
    )
    .retry_after(seconds)
}
