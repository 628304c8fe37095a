//! The demo: its page, what its scripts are told, and the model's files. What a visitor types comes here
//! only where he asks the model on the server ([`super::demo_ask`]).

use super::Server;
use super::api::read;
use super::demo_ask;
use super::problem::Failure;
use crate::demo::{Offered, tag_of};
use crate::people::Seen;
use crate::runs::Run;
use app::view::RunState;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeader;

/// The folder of its scripts and modules among the assets.
const FOLDER: &str = "demo";
/// What its workers may do: load its scripts and run its module. They can reach no network.
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; frame-ancestors 'none'";
/// What lets the page be opened offline may fetch what the page asks for, and nothing else.
const OFFLINE_POLICY: &str = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";
/// A file's address has its sum in it, so it never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The demo's addresses.
pub fn router(server: &Server) -> Router<Arc<Server>> {
    let router = Router::new()
        .route("/demo", get(page))
        .route("/demo/about.json", get(about))
        .route("/demo/model/{sha256}/{name}", get(file))
        .route("/api/demo/read", post(demo_ask::read))
        .route("/api/demo/cluster", post(demo_ask::cluster));
    let Some(assets) = &server.assets else {
        return router;
    };
    let folder = assets.join(FOLDER);
    let script = |name: &str, policy: &'static str| {
        SetResponseHeader::overriding(
            SetResponseHeader::if_not_present(
                ServeFile::new(folder.join(name)).precompressed_br(),
                header::CACHE_CONTROL,
                HeaderValue::from_static("no-cache"),
            ),
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        )
    };
    router
        .route_service("/demo/web/worker.js", script("worker.js", WORKER_POLICY))
        .route_service("/demo/web/helper.js", script("helper.js", WORKER_POLICY))
        .route_service(
            "/demo/offline.js",
            SetResponseHeader::overriding(
                script("offline.js", OFFLINE_POLICY),
                HeaderName::from_static("service-worker-allowed"),
                HeaderValue::from_static("/demo"),
            ),
        )
        .nest_service(
            "/demo/web",
            SetResponseHeader::if_not_present(
                ServeDir::new(&folder)
                    .append_index_html_on_directories(false)
                    .precompressed_br(),
                header::CACHE_CONTROL,
                HeaderValue::from_static("no-cache"),
            ),
        )
}

/// What is offered to this visitor: made of the runs that everybody sees, whoever asks; on a server without
/// accounts, of all.
pub async fn offered(server: &Arc<Server>, seen: &Seen) -> Result<Arc<Offered>, Failure> {
    let sees_all = seen.is_open;
    let anyone = if sees_all {
        seen.clone()
    } else {
        Seen::nobody()
    };
    let server = Arc::clone(server);
    read(move || {
        let is_finished = |run: &Run| server.summary(run).state == RunState::Finished;
        let runs = || server.runs(&anyone).0;
        Ok(server.demo.offered(sees_all, runs, is_finished))
    })
    .await
}

/// The page.
async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let offered = offered(&server, &seen).await?;
    let address = app::link::demo();
    if let Some(body) = server.documents.kept(&seen, &address, &offered.version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let page = app::Page::Demo(Box::new(offered.page.clone()));
    Ok(server
        .kept_page(&seen, &headers, page, &address, &offered.version)
        .await)
}

/// What the page's scripts are told of the model, and of its record.
async fn about(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let offered = offered(&server, &seen).await?;
    let Some((_, about)) = &offered.about else {
        return Err(Failure::not_found("model"));
    };
    let tag = tag_of(about);
    let own = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    if names(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, own).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((own, kind, about.clone()).into_response())
}

/// A file of the model, or the part of it that is asked for.
async fn file(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((sha256, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let offered = offered(&server, &seen).await?;
    let found = offered.files.iter().find(|(known, _)| *known == sha256);
    let Some((_, path)) = found else {
        return Err(Failure::not_found("file"));
    };
    let tag = format!("\"{sha256}\"");
    let known = names(request.headers(), &tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        // Reads as the visitor takes it, and knows ranges.
        ServeFile::new(path)
            .try_call(request)
            .await
            .map_err(|error| Failure::unreadable(&error))?
            .map(Body::new)
    };
    let headers = response.headers_mut();
    headers.remove(header::LAST_MODIFIED);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if !known {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
    }
    Ok(response)
}

/// Whether `If-None-Match` names this tag.
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    known
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|one| one.trim() == tag)
}
