//! Who may ask, for how long, and what every answer says to the browser.

use super::Server;
use super::problem::{Failure, described};
use crate::limits::{ADDRESS_BYTES_MAX, REQUEST_SECONDS_MAX};
use admission::origin::{host_of, is_from_own_page, is_loopback_name, is_same_origin};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use utoipa::openapi::path::Paths;

/// Refuses what is too long or can be no address, what was meant for another host, and changes asked for by
/// other sites.
///
/// Another site's page can send forms here (CSRF): so a change needs this origin, or no browser at all.
pub async fn admit(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if request
        .uri()
        .path_and_query()
        .is_some_and(|address| address.as_str().len() > ADDRESS_BYTES_MAX)
    {
        return Failure::new(
            StatusCode::URI_TOO_LONG,
            format!("The address is longer than {ADDRESS_BYTES_MAX} bytes."),
            "Shorten it.",
        )
        .into_response();
    }
    // No id, file or page has a zero character, and PostgreSQL takes it in no text.
    if request.uri().path().contains("%00") {
        return Failure::not_found("page").into_response();
    }
    let host = host_of(request.uri(), request.headers());
    if server.loopback && !host.as_deref().is_some_and(is_loopback_name) {
        return Failure::new(
            StatusCode::MISDIRECTED_REQUEST,
            "This server answers to this machine's own names only.",
            "Open it as http://127.0.0.1 or http://localhost, with its port.",
        )
        .into_response();
    }
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes && !is_same_origin(host.as_deref(), request.headers()) {
        return Failure::new(
            StatusCode::FORBIDDEN,
            "Another site asked for this change.",
            "Ask from this server's own pages, or from a program.",
        )
        .into_response();
    }
    next.run(request).await
}

/// Tells in the API's description what [`admit`] may answer at any address.
pub fn describe(paths: &mut Paths) {
    let too_long = described(&format!(
        "The address is longer than {ADDRESS_BYTES_MAX} bytes"
    ));
    for path in paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.patch,
            &mut path.delete,
        ];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("414".into(), too_long.clone().into());
        }
    }
}

/// Whether a request says that it was asked for on this server's own pages.
pub fn is_from_this_origin(request: &Request) -> bool {
    let host = host_of(request.uri(), request.headers());
    is_from_own_page(host.as_deref(), request.headers())
}

/// Gives up what takes too long. A stream's answer begins at once, so its length does not count.
pub async fn time_limit(request: Request, next: Next) -> Response {
    tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS_MAX), next.run(request))
        .await
        .unwrap_or_else(|_| Failure::time_out().into_response())
}

/// What every answer says. Pages bring a policy with their nonce; all else may run nothing.
pub async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let has_body = response.status() != StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    if has_body && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        // Isolated, the demo's workers may share memory.
        ("cross-origin-embedder-policy", "require-corp"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers.insert(
            header::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}
