//! The pages of researchers, and what their forms post.

use super::acts::{self, ProjectInvitation, study};
use super::database;
use super::work::worker;
use crate::annotation::changes::Change;
use crate::people::Seen;
use crate::web::Server;
use crate::web::pages::address_of;
use crate::web::people::form::origin;
use crate::web::people::who::Caller;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use crate::web::sent::fields;
use app::view::{AnnotateHome, ProjectPage, ProjectState, Role, Settlement};
use app::{Page, link};
use axum::extract::rejection::RawFormRejection;
use axum::extract::{Path, RawForm, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use datasets::annotation::Choice;
use std::sync::Arc;

/// What one can rate, and the projects where one may see them.
pub async fn home(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let work = server.annotation.work_of(database, worker(&seen)?).await?;
    let projects = match seen.is_at_least(Role::Researcher) {
        true => Some(server.annotation.rows(database).await?),
        false => None,
    };
    let page = Page::Annotate(AnnotateHome { work, projects });
    let address = address_of(&uri);
    Ok(server.page(&seen, &headers, page, &address).await)
}

/// One project.
pub async fn project(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let page = Page::Project(Box::new(ProjectPage {
        detail: study(&server, &id).await?.detail,
        invitation: None,
        wrong: Vec::new(),
    }));
    let address = address_of(&uri);
    Ok(server.page(&seen, &headers, page, &address).await)
}

/// The project with what its form was answered.
async fn project_with(
    server: &Arc<Server>,
    seen: &Seen,
    id: &str,
    outcome: Result<String, Failure>,
) -> Result<Response, Failure> {
    let (status, invitation, wrong) = match outcome {
        Ok(invitation) => (StatusCode::OK, Some(invitation), Vec::new()),
        Err(failure) if failure.status().is_client_error() => {
            (failure.status(), None, vec![failure.words()])
        }
        Err(failure) => return Err(failure),
    };
    let page = Page::Project(Box::new(ProjectPage {
        detail: study(server, id).await?.detail,
        invitation,
        wrong,
    }));
    Ok(server
        .private_page(seen, status, page, &link::project(id))
        .await)
}

/// Opens, pauses, closes or deletes a project.
pub async fn state(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let fields = fields(form)?;
    let word = fields.named("state").unwrap_or_default();
    if word == "deleted" {
        return match acts::delete(&server, &seen, &id).await {
            Ok(()) => Ok(Redirect::to(link::annotate()).into_response()),
            Err(failure) => project_with(&server, &seen, &id, Err(failure)).await,
        };
    }
    let state = ProjectState::from_word(word).ok_or_else(|| {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("Nothing was changed: the state is {word:?}, expected open, paused or closed."),
            "Use the buttons of the project's page.",
        )
    })?;
    let change = Change {
        state: Some(state),
        ..Change::default()
    };
    match acts::change(&server, &seen, &id, &change).await {
        Ok(()) => Ok(Redirect::to(&link::project(&id)).into_response()),
        Err(failure) => project_with(&server, &seen, &id, Err(failure)).await,
    }
}

/// A whole number of a form, where it has one.
fn number(fields: &Parameters, name: &str) -> Result<Option<i64>, Failure> {
    fields
        .named(name)
        .map(|text| {
            text.trim().parse().map_err(|_| {
                Failure::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    format!("Nothing was changed: `{name}` is {text:?}, expected a whole number."),
                    "Correct it, and send it again.",
                )
            })
        })
        .transpose()
}

/// Makes a link for annotators, and shows it once.
pub async fn invite(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let fields = fields(form)?;
    let origin = origin(&headers, caller.is_secure);
    let made = async {
        let request = ProjectInvitation {
            uses: number(&fields, "uses")?,
            days: number(&fields, "days")?,
            note: fields.named("note").map(str::to_owned),
        };
        acts::invited(&server, &seen, &origin, &id, request).await
    };
    let outcome = made.await.map(|made| made.link);
    project_with(&server, &seen, &id, outcome).await
}

/// How raters agree.
pub async fn agreement(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let report = acts::agreement(&server, &seen, &id).await?;
    let page = Page::Agreement(Box::new(Arc::unwrap_or_clone(report)));
    let address = address_of(&uri);
    Ok(server.page(&seen, &headers, page, &address).await)
}

/// Settles an item, then shows what is left.
pub async fn settle(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, item)): Path<(String, String)>,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Redirect, Failure> {
    let fields = fields(form)?;
    let settlement = Settlement {
        // What is no number of that range is refused as none.
        score: fields
            .named("score")
            .and_then(|text| text.trim().parse().ok()),
        choice: fields.named("choice").and_then(choice_from_word),
        note: fields.named("note").unwrap_or_default().to_owned(),
    };
    acts::settle(&server, &seen, (&id, &item), settlement).await?;
    Ok(Redirect::to(&[&link::agreement(&id), "#settle"].concat()))
}

/// A choice as forms send it.
pub fn choice_from_word(word: &str) -> Option<Choice> {
    Choice::ALL.into_iter().find(|choice| choice.word() == word)
}
