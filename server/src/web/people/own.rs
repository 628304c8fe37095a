//! What a server has of who asks: taken away as JSON, and given up, with or without what he rated.

use super::account::{Told, after, draw, me};
use super::form::{browser_of, database, note, now};
use super::who::{Caller, Held, MaybeHeld, no_cookie};
use crate::db::{Changed, Database};
use crate::people::{LOCAL, Person, Seen};
use crate::web::Server;
use crate::web::attachment::attachment;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use crate::web::sent::fields;
use axum::extract::rejection::RawFormRejection;
use axum::extract::{RawForm, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use std::sync::Arc;

/// All of it, as a file. Tokens and passwords are kept as hashes, which are of no use to anybody, and
/// are left out.
pub async fn data(State(server): State<Arc<Server>>, seen: Seen) -> Result<Response, Failure> {
    let database = database(&server)?;
    let me = me(&server, &seen).await?;
    let sessions = database.sessions_of(&me.id, now()).await?;
    let sessions: Vec<_> = sessions
        .iter()
        .map(|session| {
            json!({
                "kind": session.kind.word(),
                "label": session.label,
                "created_ms": session.created_ms,
                "seen_ms": session.seen_ms,
                "expires_ms": session.expires_ms,
            })
        })
        .collect();
    let mut all = json!({
        "person": {
            "id": me.id,
            "name": me.name,
            "pseudonym": me.pseudonym,
            "role": me.role.word(),
            "has_password": me.password.is_some(),
            "created_ms": me.created_ms,
        },
        "sessions": sessions,
    });
    let kept = database.own_data(&me.id).await?;
    if let (Some(all), serde_json::Value::Object(kept)) = (all.as_object_mut(), kept) {
        all.extend(kept);
    }
    let file = format!("sayself-{}.json", me.pseudonym);
    let mut response = attachment(&file, "application/json", format!("{all:#}\n"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What becomes of ratings, as a form says it.
fn deletes_ratings(fields: &Parameters) -> Result<bool, Failure> {
    match fields.named("ratings") {
        Some("keep") => Ok(false),
        Some("delete") => Ok(true),
        _ => Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Nothing was changed: it was not said what becomes of the ratings.",
            "Go back, and choose whether they stay or go.",
        )),
    }
}

/// The browser's session of who asks; the person at a machine without accounts has none and needs none.
fn by_himself(seen: &Seen, held: MaybeHeld) -> Result<Option<Held>, Failure> {
    match seen.is_open {
        true => Ok(None),
        false => browser_of(held).map(Some),
    }
}

/// Leaves a project.
pub async fn withdraw(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    by_himself(&seen, held)?;
    let fields = fields(form)?;
    let deletes = deletes_ratings(&fields)?;
    let database = database(&server)?;
    let me = me(&server, &seen).await?;
    let project = fields.named("project").unwrap_or_default();
    if project.contains('\0') || !database.withdraw(project, &me.id, deletes, now()).await? {
        return Err(Failure::not_found("project"));
    }
    note(database, &seen, "left a project", project, fate(deletes)).await;
    Ok(after(match deletes {
        true => "withdrawn-deleted",
        false => "withdrawn",
    }))
}

fn fate(deletes: bool) -> &'static str {
    match deletes {
        true => "with the ratings",
        false => "the ratings stay",
    }
}

/// Deletes the account of who asks. What he rated stays under his pseudonym, or goes too.
pub async fn delete(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    caller: Caller,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let fields = fields(form)?;
    let held = browser_of(held)?;
    let deletes = deletes_ratings(&fields)?;
    let me = me(&server, &seen).await?;
    if me.id == LOCAL || fields.field("name").unwrap_or_default().trim() != me.name {
        let told = Told {
            wrong: Some(
                "Nothing was changed: to delete the account, type its name as it stands here."
                    .into(),
            ),
            ..Told::default()
        };
        return draw(&server, &seen, Some(&held), told).await;
    }
    let database = database(&server)?;
    // Known before anything is given up.
    if database.is_only_admin(&me.id).await? {
        return Err(super::list::last_admin());
    }
    leave_all(database, &me, deletes).await?;
    match database.delete_person(&me.id, now()).await? {
        Changed::Done(_) => {}
        Changed::Unknown => return Err(Failure::not_found("person")),
        Changed::LastAdmin => return Err(super::list::last_admin()),
    }
    server.known.changed();
    server.rules.changed();
    note(database, &seen, "deleted himself", &me.id, fate(deletes)).await;
    let mut response = Redirect::to("/").into_response();
    if let Some(none) = no_cookie(caller) {
        response.headers_mut().insert(header::SET_COOKIE, none);
    }
    Ok(response)
}

/// Leaves all projects, before the account goes: who is left half gone can do it again.
async fn leave_all(database: &Database, me: &Person, deletes: bool) -> Result<(), Failure> {
    for project in database.own_projects(&me.id).await? {
        database
            .withdraw(&project.id, &me.id, deletes, now())
            .await?;
    }
    Ok(())
}
