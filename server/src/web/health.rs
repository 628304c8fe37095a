//! How the server does, and the index kept in its database.

use super::Server;
use super::api::read;
use super::problem::{Fails, Failure};
use crate::people::Seen;
use app::view::Role;
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
    /// Those that who asks may see.
    runs: usize,
    warnings: Vec<String>,
}

/// What works. Degraded is ready too: pages need nothing but the run directories.
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses(
        (status = 200, body = Readiness),
        Fails<503>
    )
)]
pub async fn readyz(
    State(server): State<Arc<Server>>,
    seen: Seen,
) -> Result<Json<Readiness>, Failure> {
    let database = match (&server.database, &server.database_trouble) {
        (Some(database), _) => database.check().await.err().map(|error| error.to_string()),
        (None, trouble) => Some(trouble.clone().unwrap_or_else(|| "there is none".into())),
    };
    let ((_, of_folders), runs) = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        move || Ok((server.library.runs(), server.runs(&seen).0.len()))
    })
    .await?;
    let degraded = database.is_some() || !of_folders.is_empty();
    // Where the database, the folders and the runs are is for those to know who may mend them.
    let may_mend = seen.is_at_least(Role::Admin);
    let (database, of_folders) = match may_mend {
        true => (database, of_folders),
        false => (
            database.map(|_| "it does not work; the server's log says why".to_owned()),
            Arc::default(),
        ),
    };
    let jobs = match &server.jobs {
        Ok(_) => "ok".into(),
        Err(why) if may_mend => why.to_string(),
        Err(_) => "off".into(),
    };
    Ok(Json(Readiness {
        status: if degraded { "degraded" } else { "ready" },
        database: database.unwrap_or_else(|| "ok".into()),
        jobs,
        runs,
        warnings: server.warnings(&seen, &of_folders),
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
