//! What a program has already is not sent again: an entity tag on every answer of the API, and `304`
//! where it is the one that the program names.

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Tags what is read from the API. Answers that come in pieces (events, downloads) go by untouched:
/// to tag them is to hold them.
pub async fn tag(request: Request, next: Next) -> Response {
    let of_api = is_of_api(request.uri().path());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = tags_known(request.headers());
    let mut response = next.run(request).await;
    if !of_api {
        return response;
    }
    let kept = reads
        && response.status() == StatusCode::OK
        && HttpBody::size_hint(response.body()).exact().is_some();
    if kept && !response.headers().contains_key(header::ETAG) {
        response = tagged(response, &known).await;
    }
    // What a reader may keep, it asks about each time; what was done is done once.
    let policy = if kept {
        "private, no-cache"
    } else {
        "no-store"
    };
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(policy));
    response
}

/// Whether an address is read by programs: below `/api/`, or how the server does.
pub fn is_of_api(path: &str) -> bool {
    path.starts_with("/api/") || ["/healthz", "/readyz"].contains(&path)
}

async fn tagged(response: Response, known: &[HeaderValue]) -> Response {
    let (mut parts, body) = response.into_parts();
    // Of known size, so it is in memory already: this takes it, and holds nothing more.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(parts, Body::empty());
    };
    let tag = tag_of(&bytes);
    let is_known = names(known, &tag);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Weak (RFC 9110, 8.8.1): the same bytes may leave compressed in one way or another.
fn tag_of(bytes: &Bytes) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` names this tag, by the weak comparison (RFC 9110, 8.8.3.2), or any.
fn names(known: &[HeaderValue], tag: &str) -> bool {
    known
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .map(str::trim)
        .any(|one| one == "*" || opaque(one) == opaque(tag))
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// What the asker has, as it says.
fn tags_known(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_any_list_weak_or_strong() {
        let tag = tag_of(&Bytes::from_static(b"{}"));
        let strong = opaque(&tag).to_owned();
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.append(header::IF_NONE_MATCH, HeaderValue::from_str(text).unwrap());
            names(&tags_known(&headers), &tag)
        };
        assert!(asked(&tag) && asked(&strong) && asked("*"));
        assert!(asked(&format!("\"other\", {tag}")));
        assert!(!asked("\"other\"") && !asked("") && !asked(strong.trim_matches('"')));
        assert_ne!(tag, tag_of(&Bytes::from_static(b"[]")));
    }
}
