//! The charts of a project's agreement as files, drawn as their page draws them.

use super::acts::agreement;
use crate::people::Seen;
use crate::web::Server;
use crate::web::api::read;
use crate::web::charts::{absent, answer, named};
use crate::web::problem::Failure;
use app::drawn::agreed::Chart;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

/// `agreement.svg`, `ranking.csv`, …
pub async fn of_agreement(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (chart, form) = named(&name, Chart::named)?;
    let report = agreement(&server, &seen, &id).await?;
    let text = read(move || chart.file(form, &report).ok_or_else(absent)).await?;
    Ok(answer(&format!("{id}-{name}"), form, text))
}
