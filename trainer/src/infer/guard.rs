//! Who may ask: this machine's own names on loopback, no other site's pages, and whoever has the key where
//! one is set.

use super::failure::Failure;
use super::http::App;
use admission::origin::{host_of, is_loopback_name, is_same_origin};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// The key that clients must have. Not printable, so that it cannot come into a log by mistake.
pub struct ApiKey(String);

impl ApiKey {
    /// The value of an environment variable: a key on the command line could be seen by others.
    ///
    /// # Errors
    /// Exit code 2 where it is not set, or empty.
    pub fn from_environment(name: &str) -> anyhow::Result<ApiKey> {
        let key = std::env::var(name).unwrap_or_default();
        match key.trim() {
            "" => Err(crate::error::bad_use(format!(
                "the environment variable {name}, named as the one with the key, is not set"
            ))),
            key => Ok(ApiKey(key.to_owned())),
        }
    }

    /// Takes as long whatever is wrong with it.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, key)| key.trim());
        let (given, wanted) = (given.as_bytes(), self.0.as_bytes());
        let mut difference = given.len() ^ wanted.len();
        for (at, wanted) in wanted.iter().enumerate() {
            let given = given.get(at).copied().unwrap_or(0);
            difference |= usize::from(given ^ wanted);
        }
        std::hint::black_box(difference) == 0
    }
}

/// Refuses what was meant for another host, what another site's page asks, and who has no key.
///
/// Another site's page can post here without reading the answer, which costs as much: so its origin must be
/// allowed.
pub async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = host_of(request.uri(), request.headers());
    if app.loopback && !host.as_deref().is_some_and(is_loopback_name) {
        return Failure::other_host().into_response();
    }
    let origin = allowed_origin(request.headers(), &app.origins);
    if origin.is_some() && *request.method() == Method::OPTIONS {
        let wanted = request
            .headers()
            .get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let wanted = wanted.cloned();
        return with_origin(preflight(wanted), origin);
    }
    let is_harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    if origin.is_none() && !is_harmless && !is_same_origin(host.as_deref(), request.headers()) {
        return Failure::other_site().into_response();
    }
    let is_open = !request.uri().path().starts_with("/v1");
    if let Some(key) = app.key.as_ref().filter(|_| !is_open)
        && !key.is_in(request.headers())
    {
        return with_origin(Failure::no_key().into_response(), origin);
    }
    with_origin(next.run(request).await, origin)
}

/// The origin that asks, where it is among those that may.
fn allowed_origin(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let is_it = |allowed: &String| allowed == "*" || allowed.as_bytes() == origin.as_bytes();
    origins.iter().any(is_it).then(|| origin.clone())
}

/// What a browser asks before it lets a page of an allowed origin ask.
fn preflight(wanted: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    );
    if let Some(wanted) = wanted {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    }
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    response
}

fn with_origin(mut response: Response, origin: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_the_key_itself_opens() {
        let key = ApiKey("sesame-3141".into());
        let opens = |value| key.is_in(&headers(&[("authorization", value)]));
        assert!(opens("Bearer sesame-3141") && opens("bearer  sesame-3141"));
        for wrong in [
            "",
            "sesame-3141",
            "Bearer",
            "Bearer sesame-314",
            "Bearer sesame-31411",
            "Basic sesame-3141",
        ] {
            assert!(!opens(wrong), "{wrong}");
        }
        assert!(!key.is_in(&HeaderMap::new()));
        assert!(ApiKey::from_environment("SAYSELF_NO_SUCH_KEY").is_err());
    }

    #[test]
    fn origins_are_allowed_by_name_or_all() {
        let allowed = ["https://app.example".to_owned()];
        let of = |origin| allowed_origin(&headers(&[("origin", origin)]), &allowed);
        assert!(of("https://app.example").is_some() && of("https://evil.example").is_none());
        assert!(allowed_origin(&HeaderMap::new(), &["*".into()]).is_none());
    }
}
