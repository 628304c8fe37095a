//! HTTP: pages, REST API, events, jobs. One router, one way for every failure.

mod api;
mod assets;
mod documents;
mod events;
mod guard;
mod health;
mod jobs;
mod pages;
mod problem;
mod query;
mod your_file;

pub use documents::Documents;

use crate::db::Database;
use crate::jobs::Jobs;
use crate::limits::{BODY_BYTES_MAX, WATCHERS_MAX};
use crate::runs::{Library, Run};
use app::view::RunSummary;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// All that a request may need.
pub struct Server {
    pub library: Library,
    /// `None` where it could not be opened; `database_trouble` then says why.
    pub database: Option<Database>,
    pub database_trouble: Option<String>,
    /// `Err` says why there are none.
    pub jobs: Result<Jobs, NoJobs>,
    pub assets: Option<PathBuf>,
    /// Whether only this machine can reach the server: then whoever does may do everything.
    pub loopback: bool,
    pub watchers: Arc<Semaphore>,
    pub stopping: watch::Receiver<bool>,
    pub documents: Documents,
}

/// Why no job can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoJobs {
    /// Others can reach the server, and it has no accounts.
    Public,
    /// The database is not there.
    Database,
    /// No folder to write to.
    Folder(String),
}

impl Server {
    /// A new set of places for watchers.
    pub fn watchers() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(WATCHERS_MAX))
    }

    fn summary(&self, run: &Run) -> RunSummary {
        run.summary(
            self.jobs
                .as_ref()
                .ok()
                .and_then(|jobs| jobs.process_of(&run.found.id)),
        )
    }

    /// What every page warns of.
    fn warnings(&self, of_folders: &[String]) -> Vec<String> {
        let mut warnings = of_folders.to_vec();
        if let Some(trouble) = &self.database_trouble {
            warnings.push(format!("{trouble} Pages work without it; jobs do not."));
        }
        warnings
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sayself",
        description = "What the pages show, as JSON. Lists are paged by cursor: `next` of one page is `cursor` of the following one. Every failure is an `application/problem+json`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "runs", description = "Run directories, read-only"),
        (name = "jobs", description = "Runs started from here"),
        (name = "server", description = "How the server does")
    )
)]
struct Description;

/// The document at `/api/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api_router().split_for_parts().1
}

fn api_router() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(api::list_runs))
        .routes(routes!(api::get_run))
        .routes(routes!(api::list_answers))
        .routes(routes!(api::get_question))
        .routes(routes!(events::follow_run))
        .routes(routes!(jobs::list_jobs, jobs::add_job))
        .routes(routes!(jobs::get_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::retry_job))
}

/// Everything, behind the guards.
pub fn router(server: Arc<Server>) -> Router {
    let (api, openapi) = api_router().split_for_parts();
    // The document is plain data with text keys: it always has a JSON form.
    let document = Arc::new(serde_json::to_string_pretty(&openapi).unwrap_or_default());
    let described = get(move || {
        let document = String::clone(&document);
        async move {
            (
                [(axum::http::header::CONTENT_TYPE, "application/json")],
                document,
            )
                .into_response()
        }
    });
    api.route("/api/openapi.json", described)
        .route("/", get(pages::runs))
        // One address for one page: the list stands at `/`.
        .route(
            "/runs",
            get(|uri: axum::http::Uri| async move {
                Redirect::permanent(
                    &uri.query()
                        .map_or_else(|| "/".to_owned(), |query| format!("/?{query}")),
                )
            }),
        )
        .route("/runs/{id}", get(pages::run))
        .route("/runs/{id}/answers", get(pages::answers))
        .route("/runs/{id}/questions/{question_id}", get(pages::question))
        .route("/your-file", get(your_file::your_file))
        .merge(assets::router(&server))
        .fallback(|| async { problem::Failure::not_found("page") })
        .method_not_allowed_fallback(|| async { problem::Failure::method() })
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn(guard::time_limit))
        .layer(from_fn_with_state(Arc::clone(&server), guard::admit))
        .layer(from_fn_with_state(Arc::clone(&server), problem::dress))
        .layer(CompressionLayer::new())
        .layer(from_fn(guard::security_headers))
        .with_state(server)
}
