//! The page on which items are rated, and what its plain forms post where scripts are off.

use super::database;
use super::pages::choice_from_word;
use super::work::{agree, hand, keep, worker};
use crate::annotation::markdown::html;
use crate::annotation::refusal::Refusal;
use crate::db::annotation::Project;
use crate::limits::{ACTIVE_MS_MAX, SKIP_CHARACTERS_MAX};
use crate::people::Seen;
use crate::web::Server;
use crate::web::pages::address_of;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use crate::web::sent::fields;
use app::view::{WorkBatch, WorkPage};
use app::{Page, link};
use axum::extract::rejection::RawFormRejection;
use axum::extract::{Path, RawForm, State};
use axum::http::{StatusCode, Uri};
use axum::response::{Redirect, Response};
use datasets::annotation::RatingRequest;
use std::sync::Arc;
use uuid::Uuid;

/// What is said where a reason was asked for and none given.
const NO_REASON: &str = "No reason given";

/// The page of a project's work, with nothing saved just now.
pub fn page_of(project: &Project, batch: WorkBatch) -> WorkPage {
    let spec = &project.spec;
    WorkPage {
        project: project.id.clone(),
        title: project.title.clone(),
        kind: project.kind,
        contact: spec.contact.clone(),
        rubric_html: html(&spec.rubric),
        instructions_html: html(&spec.instructions),
        consent_html: html(&spec.consent),
        spans: spec.spans,
        ahead: spec.ahead,
        batch,
        key: Uuid::new_v4().to_string(),
        saved: None,
        preview: false,
        turn: 0,
    }
}

/// The next items; after a plain form what was `saved`, and with `undo` the item that was rated last before
/// them.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let project = database
        .project(&id)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    let ahead = usize::from(project.spec.ahead);
    let mut batch = hand(&server, &seen, &id, ahead).await?;
    let query = Parameters::parse(uri.query());
    let person = worker(&seen)?.person;
    if query.named("undo").is_some() {
        let mut items = server.annotation.last(database, &id, person, 1).await?;
        items.append(&mut batch.items);
        batch.items = items;
    }
    let saved = match query.named("saved") {
        Some(key) => server.annotation.saved(database, &id, person, key).await?,
        None => None,
    };
    let page = WorkPage {
        saved,
        ..page_of(&project, batch)
    };
    let page = Page::Work(Box::new(page));
    Ok(server
        .private_page(&seen, StatusCode::OK, page, &address_of(&uri))
        .await)
}

/// Keeps a rating of a plain form, then shows the next item.
pub async fn rate(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let key = fields.named("key").unwrap_or_default().to_owned();
    let saved = keep(&server, &seen, &id, key, request_of(&fields)).await?;
    Ok(Redirect::to(&link::saved(&id, &saved.key)))
}

/// A rating out of a form's fields; what is no number is as if it were not there, and is refused as such.
fn request_of(fields: &Parameters) -> RatingRequest {
    let text = |name: &str| fields.field(name).unwrap_or_default().trim().to_owned();
    let skip = fields.field("skip").map(|reason| {
        let words = [reason.trim(), &text("skip_more")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<&str>>()
            .join(": ");
        match words.is_empty() {
            true => NO_REASON.to_owned(),
            false => words.chars().take(SKIP_CHARACTERS_MAX).collect(),
        }
    });
    RatingRequest {
        assignment: text("assignment"),
        revision: text("revision").parse().unwrap_or(0),
        // A form of the skip has no rating beside it.
        score: text("score").parse().ok().filter(|_| skip.is_none()),
        choice: choice_from_word(&text("choice")).filter(|_| skip.is_none()),
        skip,
        spans: Vec::new(),
        note: text("note"),
        active_ms: text("active_ms").parse().unwrap_or(0).min(ACTIVE_MS_MAX),
        made_ms: 0,
    }
}

/// Agrees, then shows the first item.
pub async fn consent(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    if fields.named("agreed") != Some("true") {
        return Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Nothing was changed: the box was not ticked.",
            "Go back and tick it, if you agree.",
        ));
    }
    agree(&server, &seen, &id).await?;
    Ok(Redirect::to(&link::work(&id)))
}

/// Pauses, and leads to one's other work; or goes on.
pub async fn pause(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let pauses = match fields.named("paused") {
        Some("true") => true,
        Some("false") => false,
        _ => {
            return Err(Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Nothing was changed: `paused` says neither true nor false.",
                "Use the button of the page.",
            ));
        }
    };
    let person = worker(&seen)?.person;
    server
        .annotation
        .pause(database(&server)?, &id, person, pauses)
        .await?;
    Ok(Redirect::to(&match pauses {
        true => link::annotate().to_owned(),
        false => link::work(&id),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::annotation::Choice;

    #[test]
    fn forms_become_ratings() {
        let of = |form: &str| request_of(&Parameters::from_form(form.as_bytes()));
        let rated = of("assignment=a&revision=2&score=7&note=+x+&active_ms=");
        assert_eq!(
            rated,
            RatingRequest {
                assignment: "a".into(),
                revision: 2,
                score: Some(7),
                note: "x".into(),
                ..RatingRequest::default()
            }
        );
        assert_eq!(of("choice=both-bad").choice, Some(Choice::BothBad));
        assert_eq!(of("score=abc").score, None);
        assert_eq!(
            of("skip=Broken&skip_more=at+the+end").skip.as_deref(),
            Some("Broken: at the end")
        );
        assert_eq!(of("skip=&skip_more=").skip.as_deref(), Some(NO_REASON));
        assert_eq!(
            of("skip=&skip_more=mine&score=3").skip.as_deref(),
            Some("mine")
        );
        assert_eq!(of("skip=&score=3").score, None);
    }
}
