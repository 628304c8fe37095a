//! The Compare page and its API.

use super::Server;
use super::api::read;
use super::pages::address_of;
use super::problem::{Fails, Failure};
use super::query::Parameters;
use crate::people::Seen;
use crate::runs::comparison::{self, Named, Wanted};
use app::Page;
use app::view::{COMPARED_MAX, COMPARED_MIN, Change, Comparison, LeftOut};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The entries of an address, and what is wanted beside them.
fn asked(query: &Parameters) -> Result<(Vec<String>, Wanted), Failure> {
    let entries = query.runs();
    if entries.len() > COMPARED_MAX {
        return Err(Failure::bad_query(format!(
            "{} evaluations are named by `run`, expected {COMPARED_MIN} to {COMPARED_MAX}.",
            entries.len()
        )));
    }
    let change = match query.named("change") {
        None => None,
        Some(name) => Some(Change::named(name).ok_or_else(|| {
            let known = Change::ALL.map(Change::name).join(", ");
            Failure::bad_query(format!("`change` is {name:?}, expected one of {known}."))
        })?),
    };
    let wanted = Wanted {
        label: query.named("label").map(str::to_owned),
        base: query.named("base").map(str::to_owned),
        with: query.named("with").map(str::to_owned),
        change,
        query: query.search()?.to_owned(),
    };
    Ok((entries, wanted))
}

/// A place among those that compute or wait; it is held until the computation ends, even where the visitor
/// has left.
fn place(server: &Server) -> Result<OwnedSemaphorePermit, Failure> {
    Arc::clone(&server.comparing)
        .try_acquire_owned()
        .map_err(|_| {
            Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Many comparisons are being computed.",
                "Try again in some seconds: what is computed is kept.",
            )
        })
}

fn compared(
    server: &Server,
    seen: &Seen,
    named: Vec<Named>,
    left_out: Vec<LeftOut>,
    wanted: &Wanted,
) -> Result<Comparison, Failure> {
    let mut found = server
        .comparisons
        .compare(named, left_out, wanted)
        .map_err(|error| Failure::unreadable(&error))?;
    (found.choices, found.more_choices) = comparison::choices(&server.runs(seen).0, &wanted.query);
    found.query.clone_from(&wanted.query);
    Ok(found)
}

/// The evaluations of an address among the runs that he sees.
fn named(
    server: &Server,
    seen: &Seen,
    entries: &[String],
    wanted: &Wanted,
) -> (Vec<Named>, Vec<LeftOut>) {
    comparison::named(&|id| server.seen_run(seen, id), entries, wanted)
}

/// What the page depends on: the runs compared, and those that can be chosen.
fn version(
    server: &Server,
    seen: &Seen,
    named: &[Named],
    left_out: &[LeftOut],
    query: &str,
) -> String {
    let mut hasher = DefaultHasher::new();
    for one in named {
        (one.entry(), &one.run.fingerprint).hash(&mut hasher);
    }
    for one in left_out {
        (&one.name, &one.reason).hash(&mut hasher);
    }
    let (choices, more) = comparison::choices(&server.runs(seen).0, query);
    more.hash(&mut hasher);
    for choice in choices {
        (choice.run, choice.title, choice.labels).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// 2 to 6 evaluations beside one another; with fewer, the choice of them.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let address = address_of(&uri);
    let (entries, wanted) = asked(&Parameters::parse(uri.query()))?;
    let (named, left_out, wanted, version) = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        move || {
            let (named, left_out) = named(&server, &seen, &entries, &wanted);
            let version = version(&server, &seen, &named, &left_out, &wanted.query);
            Ok((named, left_out, wanted, version))
        }
    })
    .await?;
    if let Some(body) = server.documents.kept(&seen, &address, &version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let permit = place(&server)?;
    let page = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        move || {
            let _permit = permit;
            let found = compared(&server, &seen, named, left_out, &wanted)?;
            Ok(Page::Compare(Box::new(found)))
        }
    })
    .await?;
    Ok(server
        .kept_page(&seen, &headers, page, &address, &version)
        .await)
}

/// Compares 2 to 6 evaluations question by question.
#[utoipa::path(
    get, path = "/api/compare", tag = "runs",
    params(
        ("run" = Vec<String>, Query, description = "2 to 6 evaluations, each a run's id (its headline evaluation) or `ID:LABEL`"),
        ("label" = Option<String>, Query, description = "The evaluation of runs that name none, where they have it"),
        ("base" = Option<String>, Query, description = "Which of them the others are compared with; the first where absent"),
        ("with" = Option<String>, Query, description = "Whose questions are set beside the base's; the next where absent"),
        ("change" = Option<Change>, Query, description = "List the questions that changed in this way alone, up to 50"),
        ("q" = Option<String>, Query, description = "What narrows the choices; 200 bytes at most")
    ),
    responses(
        (status = 200, body = Comparison),
        Fails<400>, Fails<503>
    )
)]
pub async fn get_comparison(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Json<Comparison>, Failure> {
    comparison_of(server, seen, query.as_deref())
        .await
        .map(Json)
}

/// The comparison that a query asks for.
pub async fn comparison_of(
    server: Arc<Server>,
    seen: Seen,
    query: Option<&str>,
) -> Result<Comparison, Failure> {
    let (entries, wanted) = asked(&Parameters::parse(query))?;
    if entries.len() < COMPARED_MIN {
        return Err(Failure::bad_query(format!(
            "{} evaluations are named by `run`, expected {COMPARED_MIN} to {COMPARED_MAX}.",
            entries.len()
        )));
    }
    let permit = place(&server)?;
    read(move || {
        let _permit = permit;
        let (named, left_out) = named(&server, &seen, &entries, &wanted);
        compared(&server, &seen, named, left_out, &wanted)
    })
    .await
}
