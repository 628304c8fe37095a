//! One's own account: where one is signed in, programs' tokens, the password.

use super::form::{
    DAY_MS, browser_of, browser_session, database, new_token, note, now, person_of, wrong_password,
};
use super::session::{shown, signed_in, too_many};
use super::who::{Caller, Held, MaybeHeld, no_cookie};
use crate::limits::{
    PASSWORD_CHARACTERS_MIN, PROGRAM_DAYS_DEFAULT, PROGRAM_DAYS_MAX, SESSION_LABEL_CHARACTERS_MAX,
};
use crate::people::{LOCAL, Person, Seen, Session, SessionKind, password};
use crate::web::Server;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use crate::web::sent::fields;
use app::view::{AccountPage, SessionRow, ShownOnce};
use app::{Page, link};
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;
use std::time::Instant;

/// What a change says on the page that it leads to.
const DONE: [(&str, &str); 4] = [
    (
        "password",
        "The password was changed. All other browsers and programs were signed out.",
    ),
    ("session", "It was signed out."),
    ("withdrawn", "You left the project, and your ratings stay."),
    (
        "withdrawn-deleted",
        "You left the project, and your ratings are gone.",
    ),
];

/// Where a change leads to.
pub fn after(done: &str) -> Redirect {
    Redirect::to(&format!("{}?done={done}", link::account()))
}

/// The account.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Parameters::parse(query.as_deref());
    let done = query.named("done").and_then(|word| {
        let known = DONE.iter().find(|(known, _)| *known == word);
        known.map(|(_, words)| (*words).to_owned())
    });
    let told = Told {
        done,
        ..Told::default()
    };
    draw(&server, &seen, held.0.as_ref(), told).await
}

/// What the page says besides.
#[derive(Default)]
pub struct Told {
    pub shown: Option<ShownOnce>,
    pub done: Option<String>,
    pub wrong: Option<String>,
}

/// The account as a page.
///
/// # Errors
/// Those of the database.
pub async fn draw(
    server: &Arc<Server>,
    seen: &Seen,
    held: Option<&Held>,
    told: Told,
) -> Result<Response, Failure> {
    let database = database(server)?;
    let me = me(server, seen).await?;
    let sessions = database.sessions_of(&me.id, now()).await?;
    let status = match told.wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = AccountPage {
        me: shown(&me, sessions.iter().map(|one| one.seen_ms).max()),
        is_local: me.id == LOCAL,
        sessions: sessions
            .iter()
            .map(|session| session_row(session, held))
            .collect(),
        projects: database.own_projects(&me.id).await?,
        password_min: PASSWORD_CHARACTERS_MIN,
        shown: told.shown,
        done: told.done,
        wrong: told.wrong,
    };
    let page = Page::Account(Box::new(page));
    Ok(server
        .private_page(seen, status, page, link::account())
        .await)
}

fn session_row(session: &Session, held: Option<&Held>) -> SessionRow {
    SessionRow {
        id: session.id().to_owned(),
        kind: session.kind.word().to_owned(),
        label: session.label.clone(),
        created_ms: session.created_ms,
        seen_ms: session.seen_ms,
        expires_ms: session.expires_ms,
        this: held.is_some_and(|held| held.token_hash == session.token_hash),
    }
}

/// Who asks, as the database has him.
///
/// # Errors
/// 401 where nobody did.
pub async fn me(server: &Server, seen: &Seen) -> Result<Person, Failure> {
    let id = person_of(seen)?;
    database(server)?.person(id).await?.ok_or_else(|| {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "The account is gone.",
            "Sign in as somebody else.",
        )
    })
}

/// Changes the password, or sets the first one.
pub async fn password(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    caller: Caller,
    headers: HeaderMap,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let held = browser_of(held)?;
    let fields = fields(form)?;
    let database = database(&server)?;
    let me = me(&server, &seen).await?;
    let wrong = |words: String| Told {
        wrong: Some(words),
        ..Told::default()
    };
    let given = fields.field("new").unwrap_or_default();
    if let Err(error) = password::check(given, &me.name) {
        let told = wrong(wrong_password(error)?);
        return draw(&server, &seen, Some(&held), told).await;
    }
    if let Some(hash) = &me.password {
        let current = fields.field("current").unwrap_or_default().to_owned();
        let began = Instant::now();
        server
            .tries
            .begin(&me.name, caller.address, began)
            .map_err(too_many)?;
        let is_right = match server.passwords.is_right(current, Some(hash.clone())).await {
            Ok(is_right) => is_right,
            Err(error) => {
                wrong_password(error)?;
                false
            }
        };
        if !is_right {
            let told = wrong("Nothing was changed: the present password is another.".into());
            return draw(&server, &seen, Some(&held), told).await;
        }
        server.tries.succeeded(&me.name, caller.address, began);
    }
    let hash = match server.passwords.hash(given.to_owned()).await {
        Ok(hash) => hash,
        Err(error) => {
            let told = wrong(wrong_password(error)?);
            return draw(&server, &seen, Some(&held), told).await;
        }
    };
    let token = new_token()?;
    let session = browser_session(&token, &me.id, &headers);
    database.set_password(hash, &session).await?;
    server.known.changed();
    note(database, &seen, "changed the password", &me.id, "").await;
    let back = format!("{}?done=password", link::account());
    Ok(signed_in(&token, caller, &back))
}

/// Signs out one of one's browsers or programs.
pub async fn end_session(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    browser_of(held)?;
    let fields = fields(form)?;
    let database = database(&server)?;
    let me = person_of(&seen)?;
    let id = fields.named("session").unwrap_or_default();
    let sessions = database.sessions_of(me, now()).await?;
    // One that is over already is as good as signed out.
    if let Some(session) = sessions.iter().find(|session| session.id() == id) {
        database.end_session(&session.token_hash).await?;
        server.known.changed();
        if session.kind == SessionKind::Program {
            note(database, &seen, "removed a token", me, &session.label).await;
        }
    }
    Ok(after("session"))
}

/// Signs out everywhere, here too.
pub async fn everywhere(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    caller: Caller,
) -> Result<Response, Failure> {
    browser_of(held)?;
    let database = database(&server)?;
    let me = person_of(&seen)?;
    database.end_all_sessions(me).await?;
    server.known.changed();
    note(database, &seen, "signed out everywhere", me, "").await;
    let mut response = Redirect::to(&link::sign_in(None)).into_response();
    if let Some(none) = no_cookie(caller) {
        response.headers_mut().insert(header::SET_COOKIE, none);
    }
    Ok(response)
}

/// Makes a token for a program; it is shown once.
pub async fn add_token(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let held = browser_of(held)?;
    let fields = fields(form)?;
    let database = database(&server)?;
    let me = person_of(&seen)?;
    let label = fields.field("label").unwrap_or_default();
    let label = label.replace(char::is_control, " ").trim().to_owned();
    let days = match fields.named("days") {
        None => Some(PROGRAM_DAYS_DEFAULT),
        Some(text) => text.trim().parse::<i64>().ok(),
    };
    let days = days.filter(|days| (1..=PROGRAM_DAYS_MAX).contains(days));
    let wrong = match (label.chars().count(), days) {
        (0, _) => Some("say what it is for.".to_owned()),
        (count, _) if count > SESSION_LABEL_CHARACTERS_MAX => Some(format!(
            "what it is for has {count} characters, expected {SESSION_LABEL_CHARACTERS_MAX} at most."
        )),
        (_, None) => Some(format!(
            "the days are no whole number, 1 to {PROGRAM_DAYS_MAX}."
        )),
        _ => None,
    };
    let (None, Some(days)) = (&wrong, days) else {
        let told = Told {
            wrong: wrong.map(|wrong| format!("Nothing was changed: {wrong}")),
            ..Told::default()
        };
        return draw(&server, &seen, Some(&held), told).await;
    };
    let token = new_token()?;
    let created_ms = now();
    let session = Session {
        token_hash: token.hash(),
        person: me.to_owned(),
        kind: SessionKind::Program,
        label: label.clone(),
        created_ms,
        seen_ms: created_ms,
        expires_ms: created_ms + days * DAY_MS,
    };
    database.begin_session(&session, None).await?;
    server.known.changed();
    note(database, &seen, "made a token", me, &label).await;
    let told = Told {
        shown: Some(ShownOnce {
            words: format!(
                "The token of {label}. A program sends it as Authorization: Bearer TOKEN. It may do what you may."
            ),
            secret: token.reveal().to_owned(),
        }),
        ..Told::default()
    };
    draw(&server, &seen, Some(&held), told).await
}
