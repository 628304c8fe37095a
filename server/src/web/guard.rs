//! Who may ask, for how long, and what every answer says to the browser.

use super::Server;
use super::problem::{Failure, ProblemDocument};
use crate::limits::{ADDRESS_BYTES_MAX, REQUEST_SECONDS_MAX};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};

/// Refuses what is too long, what was meant for another host, and changes asked for by other sites.
///
/// A page of another site can point a name of its own at 127.0.0.1 (DNS rebinding) and then reads
/// answers as if they were its own: so on loopback only loopback's names are answered. And it can
/// send forms here (CSRF): so a change needs this origin, or no browser at all.
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
    let problem = Ref::from_schema_name(ProblemDocument::name());
    let too_long = ResponseBuilder::new()
        .description(format!(
            "The address is longer than {ADDRESS_BYTES_MAX} bytes"
        ))
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(problem)).build(),
        )
        .build();
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

fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.or(uri.authority().map(|authority| authority.as_str()))
        .map(str::to_ascii_lowercase)
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_same_origin(host: Option<&str>, headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("").to_ascii_lowercase())
    };
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site
        .as_deref()
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None => true,
        // A form of a page without a referrer: the browser itself, not the page, says where it came from.
        Some(origin) if origin == "null" => site.as_deref() == Some("same-origin"),
        Some(origin) => {
            let place = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            place.is_some() && place == host
        }
    }
}

/// Whether a request says that it was asked for on this server's own pages: by `Origin`, or by what
/// only the browser itself can say. One that says neither does not.
pub fn is_from_this_origin(request: &Request) -> bool {
    let headers = request.headers();
    let host = host_of(request.uri(), headers);
    let is_said = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site.as_bytes().eq_ignore_ascii_case(b"same-origin"))
        || headers
            .get(header::ORIGIN)
            .is_some_and(|origin| origin.as_bytes() != b"null");
    is_said && is_same_origin(host.as_deref(), headers)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_are_loopback() {
        for host in [
            "localhost",
            "localhost:80",
            "127.0.0.1:7590",
            "127.1.2.3",
            "[::1]:80",
        ] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
        ] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn other_origins_are_told_apart() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            is_same_origin(Some("127.0.0.1:80"), &headers.collect())
        };
        assert!(with(&[]));
        assert!(with(&[
            ("origin", "http://127.0.0.1:80"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!with(&[("origin", "http://evil.example")]));
        assert!(!with(&[("origin", "http://127.0.0.1:81")]));
        assert!(!with(&[("origin", "null")]));
        assert!(!with(&[("origin", "null"), ("sec-fetch-site", "none")]));
        assert!(!with(&[
            ("origin", "null"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(with(&[
            ("origin", "null"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!with(&[("sec-fetch-site", "cross-site")]));
        assert!(!with(&[("sec-fetch-site", "same-site")]));
    }
}
