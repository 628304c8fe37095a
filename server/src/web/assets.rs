//! The stylesheet, which is part of this program, and the browser's part of the pages, a folder that
//! may be missing.

use super::Server;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeader;

/// Of the stylesheet.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    app::stylesheet().hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
});

pub fn router(server: &Server) -> Router<Arc<Server>> {
    let router = Router::new().route("/assets/style.css", get(stylesheet));
    match &server.assets {
        // Links in the folder are its owner's choice; `..` is refused by ServeDir.
        Some(folder) => router.nest_service(
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
