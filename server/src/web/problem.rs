//! One envelope for every failure: `application/problem+json` for the API, a page for people.

use super::Server;
use super::people::who::seen_in;
use crate::limits::REQUEST_SECONDS_MAX;
use app::Page;
use app::view::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::{self, RefOr};
use utoipa::{IntoResponses, ToSchema};

/// What pages are.
pub const HTML: &str = "text/html; charset=utf-8";

/// A failure on its way to the visitor. [`dress`] gives it its form.
#[derive(Clone, Debug)]
pub struct Failure {
    problem: Problem,
    /// Seconds after which to try again.
    retry_seconds: Option<u64>,
    /// What the envelope has besides (RFC 9457, 3.2): for programs alone.
    members: Map<String, Value>,
}

/// The envelope (RFC 9457), with what to do next.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Always `about:blank`: the status says the kind.
    r#type: &'static str,
    status: u16,
    title: String,
    detail: String,
    /// What to do next.
    next: String,
    /// What else there is to say of it.
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
}

/// In the API's description: the envelope with this status.
pub struct Fails<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Fails<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        BTreeMap::from([(STATUS.to_string(), described("").into())])
    }
}

/// In the API's description: what a body may be refused for by [`json`](super::sent::json) and the limits.
pub struct BadBody;

impl IntoResponses for BadBody {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let statuses = [400, 413, 415, 422].map(|status: u16| status.to_string());
        BTreeMap::from(statuses.map(|status| (status, described("").into())))
    }
}

/// In the API's description: the envelope, in words.
pub fn described(words: &str) -> openapi::Response {
    let schema = openapi::Ref::from_schema_name(ProblemDocument::name());
    let content = openapi::ContentBuilder::new().schema(Some(schema)).build();
    openapi::ResponseBuilder::new()
        .description(words)
        .content("application/problem+json", content)
        .build()
}

impl Failure {
    pub fn new(status: StatusCode, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Failure {
            problem: Problem {
                status: status.as_u16(),
                title: title(status).into(),
                detail: detail.into(),
                next: next.into(),
            },
            retry_seconds: None,
            members: Map::new(),
        }
    }

    /// The same with the seconds after which to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_seconds = Some(seconds);
        self
    }

    /// The same with another member in the envelope.
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What happened and what to do, in a line.
    pub fn words(&self) -> String {
        format!("{} {}", self.problem.detail, self.problem.next)
    }

    /// `what` is `page`, `run`, …
    pub fn not_found(what: &str) -> Self {
        Failure::new(
            StatusCode::NOT_FOUND,
            format!("There is no such {what} here."),
            "Look at the list of runs: it may have been moved or removed.",
        )
    }

    pub fn bad_query(detail: impl Into<String>) -> Self {
        Failure::new(StatusCode::BAD_REQUEST, detail, "Correct the address.")
    }

    pub fn method() -> Self {
        Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This address does not take that method.",
            "See /api/openapi.json for what it takes.",
        )
    }

    /// A file of a run that cannot be read: forbidden where it leads out of its folder or may not be
    /// read.
    pub fn unreadable(error: &std::io::Error) -> Self {
        let status = if error.kind() == std::io::ErrorKind::PermissionDenied {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Failure::new(
            status,
            format!("A file of the run cannot be read: {error}."),
            "Look at the run's directory: is it there, and may the server read it?",
        )
    }

    /// An own fault; the log has the rest.
    pub fn internal() -> Self {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The server made a mistake. It goes on; this page could not be made.",
            "Try again. If it stays, the server's log says what happened: please report it.",
        )
    }

    pub fn time_out() -> Self {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("This took longer than {REQUEST_SECONDS_MAX} seconds and was given up."),
            "Try again: what was read so far is remembered.",
        )
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::BAD_REQUEST => "This request cannot be understood",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::CONFLICT => "Not possible now",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::UNPROCESSABLE_ENTITY => "This cannot be done as asked",
        StatusCode::TOO_MANY_REQUESTS => "Too many at once",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
        status => status.canonical_reason().unwrap_or("Something went wrong"),
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The answer after a panic; its words are in the log, not in the answer.
pub fn after_panic(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    tracing::error!("a request failed by a panic: {words}");
    Failure::internal().into_response()
}

/// Gives every failure its form: JSON below `/api/` and for the health addresses, else a page.
pub async fn dress(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let address = request
        .uri()
        .path_and_query()
        .map_or("/", |address| address.as_str())
        .to_owned();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let seen = seen_in(response.extensions());
    let for_programs = super::fresh::is_of_api(&path) || path.starts_with("/assets/");
    let failure = match response.extensions().get::<Failure>() {
        Some(failure) => failure.clone(),
        // Its own form already: the health addresses, or a form that came back with what is wrong.
        None if response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/json" || kind == HTML) =>
        {
            return response;
        }
        None => Failure::new(
            status,
            reason(response).await,
            "See /api/openapi.json for what this address takes.",
        ),
    };
    let Failure {
        problem,
        retry_seconds,
        members,
    } = failure;
    let mut dressed = if for_programs {
        let document = ProblemDocument {
            r#type: "about:blank",
            status: problem.status,
            title: problem.title,
            detail: problem.detail,
            next: problem.next,
            members,
        };
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (
            status,
            kind,
            serde_json::to_string(&document).unwrap_or_default(),
        )
            .into_response()
    } else {
        let plain = format!("{}: {} {}", problem.title, problem.detail, problem.next);
        match server
            .documents
            .try_draw(&server, &seen, Page::Problem(problem), &address, &[])
            .await
        {
            Some(body) => server.documents.answer_once(status, &body),
            // Not even this page can be drawn: its words must do.
            None => (status, plain).into_response(),
        }
    };
    dressed
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let retry_seconds = retry_seconds.or(match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Some(5),
        _ => None,
    });
    if let Some(seconds) = retry_seconds {
        dressed
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        dressed
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    dressed
}

/// The plain words of an answer that is no [`Failure`], as axum's own rejections are.
async fn reason(response: Response) -> String {
    const REASON_BYTES_MAX: usize = 4_096;
    match axum::body::to_bytes(response.into_body(), REASON_BYTES_MAX).await {
        Ok(bytes) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned(),
        _ => "The request was refused.".into(),
    }
}
