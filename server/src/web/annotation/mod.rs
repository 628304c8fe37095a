//! Annotation over HTTP: projects for researchers, work for annotators, as JSON and as pages.

mod acts;
mod charts;
mod form;
mod pages;
mod preview;
mod projects;
mod refused;
mod work;
mod work_pages;

use super::Server;
use super::problem::Failure;
use crate::db::Database;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is in the API's description.
pub fn api() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(projects::list_projects, projects::add_project))
        .routes(routes!(
            projects::get_project,
            projects::change_project,
            projects::delete_project
        ))
        .routes(routes!(projects::get_agreement))
        .routes(routes!(projects::settle_item))
        .routes(routes!(projects::export_project))
        .routes(routes!(projects::invite))
        .routes(routes!(work::list_work))
        .routes(routes!(work::withdraw))
        .routes(routes!(work::consent))
        .routes(routes!(work::lease))
        .routes(routes!(work::keep_rating))
        .routes(routes!(work::last_ratings))
        .routes(routes!(work::pause))
}

/// The pages, and what their forms post.
pub fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/annotate", get(pages::home))
        .route("/annotate/new", get(form::begin).post(form::posted))
        .route("/annotate/{id}", get(pages::project))
        .route("/annotate/{id}/state", post(pages::state))
        .route("/annotate/{id}/invitations", post(pages::invite))
        .route("/annotate/{id}/agreement", get(pages::agreement))
        .route(
            "/annotate/{id}/agreement/charts/{chart}",
            get(charts::of_agreement),
        )
        .route("/annotate/{id}/items/{item}/settle", post(pages::settle))
        .route("/annotate/{id}/preview", get(preview::preview))
        .route("/annotate/{id}/work", get(work_pages::page))
        .route("/annotate/{id}/work/rate", post(work_pages::rate))
        .route("/annotate/{id}/work/consent", post(work_pages::consent))
        .route("/annotate/{id}/work/pause", post(work_pages::pause))
}

/// The database, without which nothing is rated.
fn database(server: &Server) -> Result<&Database, Failure> {
    server.database.as_ref().ok_or_else(|| {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Projects and ratings are kept in the database, and this server has none.",
            "Name a file for it by --database FILE, or see /readyz for what is wrong with the one named, and start the server again.",
        )
    })
}
