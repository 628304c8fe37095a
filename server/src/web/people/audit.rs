//! The audit: what was done that others must be able to check.

use super::form::database;
use crate::limits::AUDIT_ROWS;
use crate::people::Seen;
use crate::web::Server;
use crate::web::problem::{Fails, Failure};
use crate::web::query::Parameters;
use app::view::{AuditPage, AuditRow};
use app::{Page, link};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// `GET /api/audit`.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// The newest first.
    pub acts: Vec<AuditRow>,
    /// The cursor of the page of older ones.
    pub next: Option<String>,
}

async fn acts(server: &Server, before: Option<&str>, limit: usize) -> Result<AuditList, Failure> {
    // One more than is shown tells whether there is a next page.
    let mut acts = database(server)?.acts(before, limit as i64 + 1).await?;
    let more = acts.len() > limit;
    acts.truncate(limit);
    let next = acts.last().filter(|_| more).map(|row| row.id.clone());
    Ok(AuditList { acts, next })
}

/// What was done, the newest first.
#[utoipa::path(
    get, path = "/api/audit", tag = "people",
    params(
        ("limit" = Option<u8>, Query, description = "Rows, 1 to 200; 50 where absent", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")
    ),
    responses(
        (status = 200, body = AuditList),
        Fails<400>, Fails<503>
    )
)]
pub async fn list_audit(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<AuditList>, Failure> {
    let query = Parameters::parse(query.as_deref());
    let limit = query.limit()?;
    Ok(Json(acts(&server, query.cursor(), limit).await?))
}

/// The same as a page.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Parameters::parse(query.as_deref());
    let AuditList { acts, next } = acts(&server, query.cursor(), AUDIT_ROWS).await?;
    let page = Page::Audit(Box::new(AuditPage { rows: acts, next }));
    let address = link::audit(None);
    Ok(server
        .private_page(&seen, StatusCode::OK, page, &address)
        .await)
}
