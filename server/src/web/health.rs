//! How the server does, and the index kept in its database.

use super::Server;
use super::api::read;
use super::problem::{Failure, ProblemDocument};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`: the process answers.
    status: &'static str,
    version: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or `degraded`: pages are served, and `warnings` says what is missing.
    status: &'static str,
    /// `ok`, or what is wrong with it.
    database: String,
    /// `ok`, or why none can be started.
    jobs: String,
    runs: usize,
    warnings: Vec<String>,
}

/// What works. Degraded is ready too: pages need nothing but the run directories.
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses(
        (status = 200, body = Readiness),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json")
    )
)]
pub async fn readyz(State(server): State<Arc<Server>>) -> Result<Json<Readiness>, Failure> {
    let database = match (&server.database, &server.database_trouble) {
        (Some(database), _) => database.check().await.err().map(|error| error.to_string()),
        (None, trouble) => Some(trouble.clone().unwrap_or_else(|| "there is none".into())),
    };
    let (runs, of_folders) = read({
        let server = Arc::clone(&server);
        move || Ok(server.library.runs())
    })
    .await?;
    let jobs = match &server.jobs {
        Ok(_) => "ok".into(),
        Err(why) => why.to_string(),
    };
    let degraded = database.is_some() || !of_folders.is_empty();
    Ok(Json(Readiness {
        status: if degraded { "degraded" } else { "ready" },
        database: database.unwrap_or_else(|| "ok".into()),
        jobs,
        runs: runs.len(),
        warnings: server.warnings(&of_folders),
    }))
}

/// Writes what was read anew into the index, beside the answer. Losing it costs nothing but time at
/// the next start.
pub fn store_index(server: Arc<Server>) {
    let Some(database) = server.database.clone() else {
        return;
    };
    let fresh = server.library.take_fresh();
    if fresh.is_empty() {
        return;
    }
    tokio::spawn(async move {
        if let Err(error) = database.store_index(&fresh).await {
            tracing::warn!(%error, "the index of runs cannot be written: {error}");
        }
    });
}
