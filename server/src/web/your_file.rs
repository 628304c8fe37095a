//! The page that measures a visitor's own file in the browser. Nothing of the file comes here.

use super::Server;
use crate::people::Seen;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;

/// The page, which is the same for everybody.
pub async fn your_file(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
) -> Response {
    let address = app::link::your_file();
    server
        .page(&seen, &headers, app::Page::YourFile, &address)
        .await
}
