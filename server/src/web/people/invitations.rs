//! Invitations: made by admins and, for their projects, by researchers; followed by whoever has the
//! link.

use super::form::{
    DAY_MS, browser_session, database, lacks_password, new_token, note, now, origin, wrong_password,
};
use super::session::signed_in;
use super::who::{Caller, MaybeHeld};
use crate::db::{Added, Comer, Database};
use crate::limits::{
    INVITATION_DAYS_DEFAULT, INVITATION_DAYS_MAX, INVITATION_NOTE_CHARACTERS_MAX,
    INVITATION_USES_MAX, INVITATIONS_MAX, PASSWORD_CHARACTERS_MIN, PERSON_NAME_CHARACTERS_MAX,
};
use crate::people::token::Token;
use crate::people::{Invitation, Person, Seen, SessionKind, name, password};
use crate::web::Server;
use crate::web::problem::{BadBody, Fails, Failure};
use crate::web::sent::{fields, json};
use app::view::{InvitationPage, InvitationRow, Role, ShownOnce};
use app::{Page, link};
use axum::Json;
use axum::extract::rejection::{JsonRejection, RawFormRejection};
use axum::extract::{Path, RawForm, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// `POST /api/invitations`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct InvitationRequest {
    /// Of those who come by it: `annotator` (where absent), `researcher` or `admin`.
    pub role: Option<Role>,
    /// The annotation project that it leads to.
    pub project: Option<String>,
    /// How many may come by it, 1 to 1,000; 1 where absent, and always for admins.
    #[schema(minimum = 1, maximum = 1_000)]
    pub uses: Option<i64>,
    /// For how many days, 1 to 366; 14 where absent.
    #[schema(minimum = 1, maximum = 366)]
    pub days: Option<i64>,
    /// For those who made it: 200 characters at most.
    pub note: Option<String>,
}

/// An invitation that was made, with its link. The link is shown here and never again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvitationMade {
    pub invitation: InvitationRow,
    pub link: String,
}

/// `GET /api/invitations`.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationList {
    pub invitations: Vec<InvitationRow>,
}

/// An invitation as admins see it.
pub fn row_of(invitation: &Invitation) -> InvitationRow {
    InvitationRow {
        id: invitation.id.clone(),
        role: invitation.role,
        project: invitation.project.clone(),
        person: invitation.person.clone(),
        note: invitation.note.clone(),
        uses_left: invitation.uses_left,
        created_ms: invitation.created_ms,
        expires_ms: invitation.expires_ms,
    }
}

fn refused(detail: impl Into<String>) -> Failure {
    Failure::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("Nothing was changed: {}", detail.into()),
        "Correct it, and send it again.",
    )
}

/// Makes an invitation. Who may make which is for the caller to know.
///
/// # Errors
/// 422 for what is out of range or names no project, 429 where too many work already.
pub async fn make(
    server: &Server,
    seen: &Seen,
    origin: &str,
    request: &InvitationRequest,
) -> Result<InvitationMade, Failure> {
    let role = request.role.unwrap_or(Role::Annotator);
    if role == Role::Public {
        return Err(refused(
            "found the role public, expected annotator, researcher or admin.",
        ));
    }
    let uses = request.uses.unwrap_or(1);
    if !(1..=INVITATION_USES_MAX).contains(&uses) {
        return Err(refused(format!(
            "found {uses} uses, expected 1 to {INVITATION_USES_MAX}."
        )));
    }
    if role == Role::Admin && uses != 1 {
        return Err(refused(format!(
            "found {uses} uses of an invitation for an admin, expected 1."
        )));
    }
    if let Some(project) = &request.project
        && (project.contains('\0') || database(server)?.project_title(project).await?.is_none())
    {
        return Err(refused("there is no such project."));
    }
    made(server, seen, origin, request, role, uses, None).await
}

/// Makes a link that signs a person in, once.
///
/// # Errors
/// As [`make`].
pub async fn make_for(
    server: &Server,
    seen: &Seen,
    origin: &str,
    person: &Person,
    days: Option<i64>,
) -> Result<InvitationMade, Failure> {
    let request = InvitationRequest {
        days,
        note: Some("To sign in".into()),
        ..InvitationRequest::default()
    };
    made(
        server,
        seen,
        origin,
        &request,
        person.role,
        1,
        Some(&person.id),
    )
    .await
}

async fn made(
    server: &Server,
    seen: &Seen,
    origin: &str,
    request: &InvitationRequest,
    role: Role,
    uses: i64,
    person: Option<&str>,
) -> Result<InvitationMade, Failure> {
    let database = database(server)?;
    let days = request.days.unwrap_or(INVITATION_DAYS_DEFAULT);
    if !(1..=INVITATION_DAYS_MAX).contains(&days) {
        return Err(refused(format!(
            "found {days} days, expected 1 to {INVITATION_DAYS_MAX}."
        )));
    }
    let words = request.note.as_deref().unwrap_or_default();
    let words = words.replace(char::is_control, " ").trim().to_owned();
    let characters = words.chars().count();
    if characters > INVITATION_NOTE_CHARACTERS_MAX {
        return Err(refused(format!(
            "the note has {characters} characters, expected {INVITATION_NOTE_CHARACTERS_MAX} at most."
        )));
    }
    let token = new_token()?;
    let now = now();
    let invitation = Invitation {
        token_hash: token.hash(),
        id: Uuid::new_v4().to_string(),
        role,
        person: person.map(str::to_owned),
        project: request.project.clone(),
        note: words,
        uses_left: uses,
        made_by: seen.person.clone(),
        created_ms: now,
        expires_ms: now + days * DAY_MS,
    };
    if !database
        .add_invitation(&invitation, INVITATIONS_MAX)
        .await?
    {
        return Err(Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("Nothing was changed: {INVITATIONS_MAX} invitations work already."),
            "Take some back, or wait until they end.",
        ));
    }
    let (object, detail) = match person {
        Some(person) => (person, format!("link to sign in, {days} days")),
        None => {
            let project = match &invitation.project {
                Some(project) => format!(", project {project}"),
                None => String::new(),
            };
            let words = format!("{}, {uses} uses, {days} days{project}", role.word());
            (invitation.id.as_str(), words)
        }
    };
    note(database, seen, "invited", object, &detail).await;
    Ok(InvitationMade {
        invitation: row_of(&invitation),
        link: format!("{origin}{}", link::invitation(token.reveal())),
    })
}

/// A link as it is shown once.
pub fn shown_once(made: &InvitationMade) -> ShownOnce {
    let words = match (&made.invitation.person, made.invitation.uses_left) {
        (Some(_), _) => "This link signs the person in, once.".to_owned(),
        (None, 1) => format!(
            "By this link one person becomes {}.",
            with_article(made.invitation.role)
        ),
        (None, uses) => format!(
            "By this link up to {uses} people become {}s.",
            made.invitation.role.word()
        ),
    };
    ShownOnce {
        words,
        secret: made.link.clone(),
    }
}

fn with_article(role: Role) -> String {
    match role {
        Role::Annotator | Role::Admin => format!("an {}", role.word()),
        Role::Researcher | Role::Public => format!("a {}", role.word()),
    }
}

/// The invitations that still work, the newest first.
#[utoipa::path(
    get, path = "/api/invitations", tag = "people",
    responses(
        (status = 200, body = InvitationList),
        Fails<503>
    )
)]
pub async fn list_invitations(
    State(server): State<Arc<Server>>,
) -> Result<Json<InvitationList>, Failure> {
    let invitations = database(&server)?.invitations(now()).await?;
    Ok(Json(InvitationList {
        invitations: invitations.iter().map(row_of).collect(),
    }))
}

/// Makes an invitation; its link is in the answer, and never again.
#[utoipa::path(
    post, path = "/api/invitations", tag = "people", request_body = InvitationRequest,
    responses(
        (status = 201, body = InvitationMade),
        BadBody, Fails<429>, Fails<503>
    )
)]
pub async fn add_invitation(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    headers: HeaderMap,
    request: Result<Json<InvitationRequest>, JsonRejection>,
) -> Result<impl IntoResponse, Failure> {
    let request = json(
        request,
        "{\"role\": \"annotator\", \"uses\": 5, \"days\": 14}",
    )?;
    let origin = origin(&headers, caller.is_secure);
    let made = make(&server, &seen, &origin, &request).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Takes an invitation back.
#[utoipa::path(
    delete, path = "/api/invitations/{id}", tag = "people",
    params(("id" = String, Path, description = "The invitation's id")),
    responses(
        (status = 204, description = "It no longer works"),
        Fails<404>, Fails<503>
    )
)]
pub async fn end_invitation(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    take_back(&server, &seen, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn take_back(server: &Server, seen: &Seen, id: &str) -> Result<(), Failure> {
    let database = database(server)?;
    if !database.end_invitation(id).await? {
        return Err(Failure::new(
            StatusCode::NOT_FOUND,
            "There is no such invitation: it was used, taken back, or has ended.",
            "See the list of those that work: /people or GET /api/invitations.",
        ));
    }
    note(database, seen, "took an invitation back", id, "").await;
    Ok(())
}

/// The button that takes one back.
pub async fn end(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
) -> Result<Redirect, Failure> {
    take_back(&server, &seen, &id).await?;
    Ok(Redirect::to(link::people()))
}

/// The form that makes one.
pub async fn invite(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    headers: HeaderMap,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let fields = fields(form)?;
    let number = |field: &str| -> Result<Option<i64>, Failure> {
        fields
            .named(field)
            .map(|text| {
                text.trim().parse().map_err(|_| {
                    refused(format!("`{field}` is {text:?}, expected a whole number."))
                })
            })
            .transpose()
    };
    let role = fields
        .named("role")
        .map(|word| Role::from_word(word).ok_or_else(|| refused(format!("`role` is {word:?}."))))
        .transpose()?;
    let request = InvitationRequest {
        role,
        project: fields.named("project").map(str::to_owned),
        uses: number("uses")?,
        days: number("days")?,
        note: fields.named("note").map(str::to_owned),
    };
    let origin = origin(&headers, caller.is_secure);
    let shown = match make(&server, &seen, &origin, &request).await {
        Ok(made) => Ok(shown_once(&made)),
        Err(failure) if failure.status() == StatusCode::UNPROCESSABLE_ENTITY => {
            Err(failure.words())
        }
        Err(failure) => return Err(failure),
    };
    super::list::answer(&server, &seen, shown).await
}

fn does_not_work() -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "This invitation does not work: it was used, taken back, or has ended.",
        "Ask whoever sent it to you for another. If you came by it before, sign in.",
    )
}

async fn working(server: &Server, token: &str) -> Result<(Token, Invitation), Failure> {
    let token = Token::parse(token).ok_or_else(does_not_work)?;
    let invitation = database(server)?
        .invitation(&token.hash(), now())
        .await?
        .ok_or_else(does_not_work)?;
    Ok((token, invitation))
}

/// What an invitation leads to, and the form to take it. Looking at it uses it up not at all.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let (token, invitation) = working(&server, &token).await?;
    draw(&server, &seen, &token, &invitation, String::new(), None).await
}

async fn draw(
    server: &Arc<Server>,
    seen: &Seen,
    token: &Token,
    invitation: &Invitation,
    name: String,
    wrong: Option<String>,
) -> Result<Response, Failure> {
    let database = database(server)?;
    let project = match &invitation.project {
        Some(project) => database.project_title(project).await?,
        None => None,
    };
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = InvitationPage {
        address: link::invitation(token.reveal()),
        role: invitation.role,
        project,
        person: name_of(database, invitation.person.as_deref()).await?,
        signed_in_as: match seen.signed_in {
            true => name_of(database, seen.person.as_deref()).await?,
            false => None,
        },
        password_min: PASSWORD_CHARACTERS_MIN,
        name,
        wrong,
    };
    // The token stands in no address that is kept with the page, or in the header's links.
    let page = Page::Invitation(page);
    Ok(server.private_page(seen, status, page, "/invitation").await)
}

async fn name_of(database: &Database, id: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(id) = id else { return Ok(None) };
    Ok(database.person(id).await?.map(|person| person.name))
}

/// Follows an invitation: makes the person, or lets the one who is signed in join.
pub async fn accept(
    State(server): State<Arc<Server>>,
    seen: Seen,
    held: MaybeHeld,
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<RawForm, RawFormRejection>,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let fields = fields(form)?;
    let taken_as = fields.named("as");
    let (token, invitation) = working(&server, &token).await?;
    let typed: String = fields
        .field("name")
        .unwrap_or_default()
        .chars()
        .take(2 * PERSON_NAME_CHARACTERS_MAX)
        .collect();
    let known = seen.person.as_deref().filter(|_| seen.signed_in);
    let comer = match (&invitation.person, known) {
        (Some(_), _) => Ok(Comer::Named),
        (None, Some(me)) if taken_as != Some("new") => {
            as_himself(database, &invitation, me, taken_as).await?
        }
        _ => {
            let given = fields.field("password").unwrap_or_default();
            let person = newcomer(&server, &invitation, &typed, given).await?;
            person.map(Comer::New)
        }
    };
    let comer = match comer {
        Ok(comer) => comer,
        Err(wrong) => {
            return draw(&server, &seen, &token, &invitation, typed, Some(wrong)).await;
        }
    };
    let session_token = new_token()?;
    let session = browser_session(&session_token, "", &headers);
    let before = held
        .0
        .filter(|held| held.kind == SessionKind::Browser)
        .map(|held| held.token_hash);
    let accepted = database
        .accept(&token.hash(), comer, session, before.as_deref())
        .await?
        .ok_or_else(does_not_work)?;
    let accepted = match accepted {
        Added::Done(accepted) => accepted,
        Added::NameTaken => {
            let wrong = "Nothing was changed: somebody has that name. Choose another; if it is you, sign in first and open the link again.";
            return draw(
                &server,
                &seen,
                &token,
                &invitation,
                typed,
                Some(wrong.into()),
            )
            .await;
        }
        Added::Full => {
            return Err(Failure::new(
                StatusCode::CONFLICT,
                "Nothing was changed: this server knows as many people as it can.",
                "Ask whoever runs it to remove some.",
            ));
        }
    };
    server.known.changed();
    server.rules.changed();
    let who = Seen {
        person: Some(accepted.person.id.clone()),
        ..Seen::nobody()
    };
    let (act, detail) = match (&invitation.person, accepted.is_new) {
        (Some(_), _) => ("signed in", "by link".to_owned()),
        (None, true) => (
            "came",
            format!("{}, invitation {}", invitation.role.word(), invitation.id),
        ),
        (None, false) => (
            "took an invitation",
            format!("{}, invitation {}", invitation.role.word(), invitation.id),
        ),
    };
    note(database, &who, act, &accepted.person.id, &detail).await;
    if accepted.person.role == Role::Admin {
        // It worked once at most; others must not come by one that an earlier start printed.
        database.end_first_link().await?;
    }
    let back = match &invitation.project {
        Some(project) => link::work(project),
        None => "/".into(),
    };
    Ok(signed_in(&session_token, caller, &back))
}

/// Who is signed in, or why he cannot take it as himself.
async fn as_himself(
    database: &Database,
    invitation: &Invitation,
    me: &str,
    taken_as: Option<&str>,
) -> Result<Result<Comer, String>, Failure> {
    // A link on another site is followed without the cookie, so that he was shown the form of those who are
    // not signed in: what he sent by it would make him a second time.
    if taken_as != Some("me") {
        return Ok(Err(
            "Nothing was changed: you are signed in already. Take it as yourself, or say below that you are somebody new."
                .into(),
        ));
    }
    if invitation.role == Role::Admin && lacks_password(database, me).await? {
        return Ok(Err(
            "Nothing was changed: an admin needs a password, as nobody else could let you in again. Set one on the Account page, and open the link again."
                .into(),
        ));
    }
    Ok(Ok(Comer::Known(me.to_owned())))
}

/// Somebody new, or what is wrong with what he typed.
async fn newcomer(
    server: &Server,
    invitation: &Invitation,
    typed: &str,
    given: &str,
) -> Result<Result<Person, String>, Failure> {
    let name = match name::checked(typed) {
        Ok(name) => name,
        Err(error) => return Ok(Err(format!("Nothing was changed: {error}."))),
    };
    if given.is_empty() && invitation.role == Role::Admin {
        return Ok(Err(
            "Nothing was changed: an admin needs a password, as nobody else could let him in again."
                .into(),
        ));
    }
    let password = match given {
        "" => None,
        given => match password::check(given, &name) {
            Ok(()) => {
                // Before the slow hash: most who choose a taken name are told so here.
                if database(server)?.person_named(&name).await?.is_some() {
                    None
                } else {
                    let hash = server.passwords.hash(given.to_owned()).await;
                    match hash {
                        Ok(hash) => Some(hash),
                        Err(error) => return wrong_password(error).map(Err),
                    }
                }
            }
            Err(error) => return wrong_password(error).map(Err),
        },
    };
    Ok(Ok(Person {
        id: Uuid::now_v7().to_string(),
        name,
        // Both are given where he is added.
        pseudonym: String::new(),
        role: invitation.role,
        password,
        created_ms: now(),
        disabled_ms: None,
        deleted_ms: None,
    }))
}
