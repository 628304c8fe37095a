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

/// Beside an answer: looks at the runs that ended, where that is due, and writes what was read anew
/// into the index. Losing it costs nothing but time at the next start.
pub fn tend_index(server: Arc<Server>) {
    let folders = server.library.folders();
    let is_due = folders.is_due();
    if !is_due && (server.database.is_none() || !folders.has_fresh()) {
        return;
    }
    tokio::spawn(async move {
        if is_due {
            let looking = Arc::clone(&server);
            let looked = read(move || {
                looking.library.folders().look_at_all();
                Ok(())
            });
            // It can only panic, and then `read` has passed that on.
            let _ = looked.await;
        }
        let Some(database) = &server.database else {
            return;
        };
        let fresh = server.library.folders().take_fresh();
        if !fresh.is_empty()
            && let Err(error) = database.store_index(&fresh).await
        {
            tracing::warn!(%error, "the index of runs cannot be written: {error}");
        }
    });
}

/// Looks at the folders before the first visitor comes.
pub fn begin_index(server: Arc<Server>) {
    tokio::spawn(async move {
        let looking = Arc::clone(&server);
        let looked = read(move || {
            looking.library.folders().begin();
            Ok(())
        });
        if looked.await.is_ok() {
            tend_index(server);
        }
    });
}
