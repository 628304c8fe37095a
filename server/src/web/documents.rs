//! Pages, drawn once and kept until what they show changes; each answer gets a nonce of its own.

use super::Server;
use super::latest::Latest;
use super::packed::Packed;
use super::problem::Failure;
use crate::limits::{PAGE_PACKED_BYTES_MAX, PAGES_KEPT_BYTES_MAX, PAGES_KEPT_MAX};
use crate::people::Seen;
use app::view::Viewer;
use app::{Page, RenderContext};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The pages drawn last.
pub struct Documents {
    /// Stands in kept pages where each answer's own nonce goes. Nobody can guess it, so no text of a
    /// run can hold it.
    placeholder: String,
    /// By address, and by what who asks may do.
    kept: Mutex<Latest<(Viewer, String), KeptPage>>,
    /// By the page's tag.
    packed: Mutex<Latest<u64, Arc<Packed>>>,
}

struct KeptPage {
    /// Of what the page shows.
    version: String,
    body: Arc<str>,
}

impl Default for Documents {
    fn default() -> Self {
        Documents {
            placeholder: nonce(),
            kept: Mutex::new(Latest::new(PAGES_KEPT_MAX, PAGES_KEPT_BYTES_MAX)),
            packed: Mutex::new(Latest::new(PAGES_KEPT_MAX, PAGES_KEPT_BYTES_MAX)),
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
        seen: &Seen,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> String {
        match self.drawing(server, seen, page, address, warnings).await {
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
        seen: &Seen,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> Option<String> {
        self.drawing(server, seen, page, address, warnings)
            .await
            .ok()
    }

    fn drawing(
        &self,
        server: &Arc<Server>,
        seen: &Seen,
        page: Page,
        address: &str,
        warnings: &[String],
    ) -> tokio::task::JoinHandle<String> {
        let context = RenderContext {
            nonce: self.placeholder.clone(),
            assets_present: server.assets.is_some(),
            path: address.to_owned(),
            warnings: server.warnings(seen, warnings),
            viewer: seen.viewer(),
            medium: server.medium,
        };
        tokio::task::spawn_blocking(move || app::render(page, context))
    }

    /// The kept page of an address for those who may do what he may, if it is of this version.
    pub fn kept(&self, seen: &Seen, address: &str, version: &str) -> Option<Arc<str>> {
        let mut kept = lock(&self.kept);
        let page = kept
            .get(&(seen.viewer(), address.to_owned()))
            .filter(|page| page.version == version)?;
        Some(Arc::clone(&page.body))
    }

    /// Keeps a page; the ones that were asked for longest ago go.
    pub fn keep(&self, seen: &Seen, address: &str, version: &str, body: Arc<str>) {
        let bytes = body.len();
        let page = KeptPage {
            version: version.to_owned(),
            body,
        };
        lock(&self.kept).keep((seen.viewer(), address.to_owned()), page, bytes);
    }

    /// A page as an answer, or `304` where the visitor has it already.
    ///
    /// The `304` carries no policy: the kept page's nonce belongs to the policy it came with.
    pub fn answer(&self, request: &HeaderMap, body: &str) -> Response {
        let number = self.number(body);
        let tag = format!("W/\"{number:016x}\"");
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
            self.whole(request, body, number)
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag);
        // Kept by the browser, asked about each time.
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    /// Of what a page says, whatever its nonce.
    fn number(&self, body: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        for part in body.split(&self.placeholder) {
            part.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn whole(&self, request: &HeaderMap, body: &str, number: u64) -> Response {
        let nonce = nonce();
        let packed = accepts_gzip(request)
            .then(|| self.packed(body, number))
            .flatten();
        let mut response = Response::new(match &packed {
            Some(packed) => Body::from(packed.filled(&nonce)),
            None => Body::from(body.replace(&self.placeholder, &nonce)),
        });
        let headers = response.headers_mut();
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        set_policy(headers, &nonce);
        response
    }

    /// The page as it was packed before, or now; `None` where it is so large that it is packed as it
    /// leaves.
    fn packed(&self, body: &str, number: u64) -> Option<Arc<Packed>> {
        if let Some(packed) = lock(&self.packed).get(&number) {
            return Some(Arc::clone(packed));
        }
        if body.len() > PAGE_PACKED_BYTES_MAX {
            return None;
        }
        let packed = Arc::new(Packed::new(body, &self.placeholder).ok()?);
        lock(&self.packed).keep(number, Arc::clone(&packed), packed.bytes());
        Some(packed)
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

    /// A page as an answer for one person, at this moment: never kept by anything on its way.
    pub fn answer_private(&self, status: StatusCode, body: &str) -> Response {
        let mut response = self.answer_once(status, body);
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Server {
    /// A page, drawn for this answer; the visitor keeps it as long as it stays the same.
    pub async fn page(
        self: &Arc<Self>,
        seen: &Seen,
        request: &HeaderMap,
        page: Page,
        address: &str,
    ) -> Response {
        let body = self.documents.draw(self, seen, page, address, &[]).await;
        self.documents.answer(request, &body)
    }

    /// A page for one person at this moment, kept by nobody.
    pub async fn private_page(
        self: &Arc<Self>,
        seen: &Seen,
        status: StatusCode,
        page: Page,
        address: &str,
    ) -> Response {
        let body = self.documents.draw(self, seen, page, address, &[]).await;
        self.documents.answer_private(status, &body)
    }

    /// A page, drawn and kept for all who may do the same, as what is now shown at this address.
    pub async fn kept_page(
        self: &Arc<Self>,
        seen: &Seen,
        request: &HeaderMap,
        page: Page,
        address: &str,
        version: &str,
    ) -> Response {
        let body = self.documents.draw(self, seen, page, address, &[]).await;
        let body: Arc<str> = body.into();
        self.documents
            .keep(seen, address, version, Arc::clone(&body));
        self.documents.answer(request, &body)
    }
}

fn lock<Value>(mutex: &Mutex<Value>) -> MutexGuard<'_, Value> {
    // A cache: after a panic elsewhere the worst is a wrong count of bytes.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `Accept-Encoding` names gzip, and not with a weight of 0.
fn accepts_gzip(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|codings| codings.to_str().ok())
        .flat_map(|codings| codings.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            name.trim().eq_ignore_ascii_case("gzip")
                && weight.parse::<f64>().is_ok_and(|weight| weight > 0.0)
        })
}

/// A page's policy: from here, and besides scripts and styles that are named so, and what scripts may ask;
/// no style on an element, nothing else from elsewhere.
pub fn policy(scripts: &str, styles: &str, asked: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' {scripts} 'wasm-unsafe-eval'; style-src 'self' {styles}; \
         img-src 'self' data:; font-src 'self'; connect-src 'self' {asked}; worker-src 'self'; manifest-src 'self'; \
         form-action 'self'; base-uri 'none'"
    )
}

/// Scripts and the one style sheet only with the nonce or from here.
fn set_policy(headers: &mut HeaderMap, nonce: &str) {
    let own = format!("'nonce-{nonce}'");
    let policy = format!("{}; frame-ancestors 'none'", policy(&own, &own, ""));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_version_is_not_the_kept_one() {
        let documents = Documents::default();
        let nobody = Seen::nobody();
        documents.keep(&nobody, "/0", "1", "page".into());
        assert!(documents.kept(&nobody, "/0", "1").is_some());
        assert!(documents.kept(&nobody, "/0", "2").is_none());
        assert!(documents.kept(&nobody, "/1", "1").is_none());
        // Nor is one that was drawn for somebody who may do more.
        let admin = Seen::at_the_machine(false);
        assert!(documents.kept(&admin, "/0", "1").is_none());
    }

    #[test]
    fn a_tag_does_not_depend_on_the_nonce() {
        let (one, other) = (Documents::default(), Documents::default());
        let page = |documents: &Documents| format!("<i n={0}>a</i>{0}", documents.placeholder);
        assert_eq!(one.number(&page(&one)), other.number(&page(&other)));
        assert_ne!(one.number(&page(&one)), one.number("<i n=>a</i>"));
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let accepts = |text: &'static str| {
            let pair = (header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            accepts_gzip(&[pair].into_iter().collect())
        };
        assert!(accepts("gzip, deflate, br, zstd"));
        assert!(accepts("br;q=1.0, GZIP;q=0.5"));
        assert!(!accepts("gzip;q=0, br"));
        assert!(!accepts("br") && !accepts(""));
    }
}
