//! People over HTTP: who asks, signing in and out, invitations, the account, and what admins do.

pub mod account;
pub mod audit;
pub mod first;
pub mod form;
pub mod invitations;
pub mod list;
pub mod own;
pub mod privacy;
pub mod published;
pub mod session;
pub mod sight;
pub mod who;

use super::Server;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What is in the API's description.
pub fn api() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(session::get_session, session::end_session))
        .routes(routes!(list::list_people))
        .routes(routes!(list::change_person))
        .routes(routes!(list::add_link))
        .routes(routes!(
            invitations::list_invitations,
            invitations::add_invitation
        ))
        .routes(routes!(invitations::end_invitation))
        .routes(routes!(audit::list_audit))
        .routes(routes!(published::get_published, published::put_published))
}

/// The pages, and what their forms post.
pub fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/sign-in", get(session::page).post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route(
            "/invitation/{token}",
            get(invitations::page).post(invitations::accept),
        )
        .route("/account", get(account::page))
        .route("/account/password", post(account::password))
        .route("/account/sessions/end", post(account::end_session))
        .route("/account/sign-out-everywhere", post(account::everywhere))
        .route("/account/tokens", post(account::add_token))
        .route("/account/data.json", get(own::data))
        .route("/account/withdraw", post(own::withdraw))
        .route("/account/delete", post(own::delete))
        .route("/people", get(list::page))
        .route("/people/invitations", post(invitations::invite))
        .route("/people/invitations/{id}/end", post(invitations::end))
        .route("/people/{id}/role", post(list::role))
        .route("/people/{id}/disabled", post(list::disabled))
        .route("/people/{id}/link", post(list::link))
        .route("/audit", get(audit::page))
        .route("/privacy", get(privacy::page))
        .route("/runs/{id}/published", post(published::posted))
}
