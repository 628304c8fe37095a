//! Pages, drawn once and kept until what they show changes; each answer gets a nonce of its own.

use super::Server;
use super::problem::Failure;
use crate::limits::{PAGES_KEPT_BYTES_MAX, PAGES_KEPT_MAX};
use app::{Page, RenderContext};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The pages drawn last.
pub struct Documents {
    /// Stands in kept pages where each answer's own nonce goes. Nobody can guess it, so no text of a
    /// run can hold it.
    placeholder: String,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By address; the version is that of what the page shows.
    pages: HashMap<String, KeptPage>,
    bytes: usize,
    clock: u64,
}

struct KeptPage {
    version: String,
    body: Arc<str>,
    used: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Documents {
            placeholder: nonce(),
            kept: Mutex::default(),
        }
    }
}

/// 244 random bits.
fn nonce() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

impl Documents {
    /// Draws a page off the threads that serve; its nonce is the placeholder. A panic is passed on,
    /// so that it is told once, where all panics are.
    pub async fn draw(
        &self,
        server: &Arc<Server>,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> String {
        match self.drawing(server, page, address, warnings).await {
            Ok(body) => body,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => String::new(),
            },
        }
    }

    /// As [`Documents::draw`]; `None` in place of a panic.
    pub async fn try_draw(
        &self,
        server: &Arc<Server>,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> Option<String> {
        self.drawing(server, page, address, warnings).await.ok()
    }

    fn drawing(
        &self,
        server: &Arc<Server>,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> tokio::task::JoinHandle<String> {
        let context = RenderContext {
            nonce: self.placeholder.clone(),
            assets_present: server.assets.is_some(),
            path: address.to_owned(),
            warnings: server.warnings(warnings),
        };
        tokio::task::spawn_blocking(move || app::render(page, context))
    }

    /// The kept page of an address, if it is of this version.
    pub fn kept(&self, address: &str, version: &str) -> Option<Arc<str>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let page = kept
            .pages
            .get_mut(address)
            .filter(|page| page.version == version)?;
        page.used = clock;
        Some(Arc::clone(&page.body))
    }

    /// Keeps a page; the ones that were asked for longest ago go.
    pub fn keep(&self, address: &str, version: &str, body: Arc<str>) {
        if body.len() > PAGES_KEPT_BYTES_MAX / 4 {
            return;
        }
        let mut kept = self.lock();
        let used = kept.clock;
        kept.bytes += body.len();
        let page = KeptPage {
            version: version.to_owned(),
            body,
            used,
        };
        if let Some(before) = kept.pages.insert(address.to_owned(), page) {
            kept.bytes -= before.body.len();
        }
        while kept.pages.len() > PAGES_KEPT_MAX || kept.bytes > PAGES_KEPT_BYTES_MAX {
            let oldest = kept
                .pages
                .iter()
                .min_by_key(|(_, page)| page.used)
                .map(|(address, _)| address.clone());
            let Some(removed) = oldest.and_then(|oldest| kept.pages.remove(&oldest)) else {
                break;
            };
            kept.bytes -= removed.body.len();
        }
    }

    /// A page as an answer, or `304` where the visitor has it already.
    ///
    /// The `304` carries no policy: the kept page's nonce belongs to the policy it came with.
    pub fn answer(&self, request: &HeaderMap, body: &str) -> Response {
        let mut hasher = DefaultHasher::new();
        body.replace(&self.placeholder, "").hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        let known = request
            .get(header::IF_NONE_MATCH)
            .and_then(|tags| tags.to_str().ok())
            .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
        let Ok(tag) = HeaderValue::from_str(&tag) else {
            return Failure::internal().into_response();
        };
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            );
            let nonce = nonce();
            *response.body_mut() = Body::from(body.replace(&self.placeholder, &nonce));
            set_policy(response.headers_mut(), &nonce);
            response
        };
        response.headers_mut().insert(header::ETAG, tag);
        // Kept by the browser, asked about each time.
        response.headers_mut().insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        response
    }

    /// An error page as an answer: drawn for this answer alone, never kept by the browser.
    pub fn answer_once(&self, status: StatusCode, body: &str) -> Response {
        let nonce = nonce();
        let mut response = Response::new(Body::from(body.replace(&self.placeholder, &nonce)));
        *response.status_mut() = status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        set_policy(response.headers_mut(), &nonce);
        response
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A cache: after a panic elsewhere the worst is a wrong count of bytes.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Scripts only with the nonce or from here, no inline style, nothing from elsewhere.
fn set_policy(headers: &mut HeaderMap, nonce: &str) {
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_asked_for_longest_ago_go_first() {
        let documents = Documents::default();
        for number in 0..=PAGES_KEPT_MAX {
            documents.kept("/0", "1");
            documents.keep(&format!("/{number}"), "1", "page".into());
        }
        assert!(documents.kept("/0", "1").is_some());
        assert!(documents.kept("/0", "2").is_none());
        assert!(documents.kept("/1", "1").is_none());
        assert_eq!(documents.lock().bytes, PAGES_KEPT_MAX * 4);
    }
}
