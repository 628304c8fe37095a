//! The stylesheet and the script of light and dark, which are part of this program, and the browser's part of
//! the pages, a folder that may be missing.

use super::Server;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeader;

/// Of the stylesheet.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    app::stylesheet().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
});

/// The worker that reads visitors' files, and what its own policy lets it do: load its two scripts and
/// run its module. It can reach no network, so that no mistake in it could send a file anywhere.
const WORKER: &str = "/assets/your-file/worker.js";
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; frame-ancestors 'none'";

pub fn router(server: &Server) -> Router<Arc<Server>> {
    let router = Router::new()
        .route("/assets/style.css", get(stylesheet))
        .route("/assets/theme.js", get(theme_script));
    match &server.assets {
        // Links in the folder are its owner's choice; `..` is refused by ServeDir.
        Some(folder) => router
            .route_service(
                WORKER,
                SetResponseHeader::overriding(
                    SetResponseHeader::if_not_present(
                        ServeFile::new(folder.join("your-file/worker.js")).precompressed_br(),
                        header::CACHE_CONTROL,
                        HeaderValue::from_static("no-cache"),
                    ),
                    header::CONTENT_SECURITY_POLICY,
                    HeaderValue::from_static(WORKER_POLICY),
                ),
            )
            .nest_service(
                "/assets",
                SetResponseHeader::if_not_present(
                    ServeDir::new(folder)
                        .append_index_html_on_directories(false)
                        .precompressed_br(),
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("no-cache"),
                ),
            ),
        None => router,
    }
}

/// Of pages that are files; others have it in them.
async fn theme_script() -> Response {
    let own = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (own, app::theme_script()).into_response()
}

async fn stylesheet(headers: HeaderMap) -> Response {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tag| tag.as_bytes() == TAG.as_bytes());
    let own = [
        (header::ETAG, TAG.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (
        own,
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        app::stylesheet(),
    )
        .into_response()
}
