//! What is stored of people, and for how long.

use crate::limits::{PROGRAM_DAYS_MAX, SESSION_DAYS, TRIES_SECONDS};
use crate::people::Seen;
use crate::web::Server;
use app::view::PrivacyPage;
use app::{Page, link};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use std::sync::Arc;

/// The page, which says the same to everybody.
pub async fn page(State(server): State<Arc<Server>>, seen: Seen, headers: HeaderMap) -> Response {
    let page = Page::Privacy(PrivacyPage {
        session_days: SESSION_DAYS,
        program_days_max: PROGRAM_DAYS_MAX,
        tries_minutes: TRIES_SECONDS / 60,
    });
    server.page(&seen, &headers, page, link::privacy()).await
}
