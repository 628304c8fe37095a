//! HTTP: pages, REST API, events, jobs. One router, one way for every failure.

pub mod access;
mod annotation;
mod api;
mod assets;
mod attachment;
mod charts;
mod compare;
mod demo;
mod demo_ask;
mod documents;
mod events;
mod files;
mod fresh;
mod guard;
mod health;
mod job_events;
mod job_form;
mod job_pages;
mod jobs;
mod labels;
mod latest;
mod packed;
mod pages;
pub mod people;
mod problem;
mod query;
mod raw;
mod reference;
mod runs;
mod sent;
mod states;
mod tables;
mod watching;
mod your_file;

pub use documents::{Documents, policy};
pub use health::begin_index;
pub use problem::Failure;

use crate::annotation::Annotation;
use crate::db::Database;
use crate::demo::answering::Answering;
use crate::demo::{Demo, Wanted};
use crate::jobs::Jobs;
use crate::labels::LabelBook;
use crate::limits::{
    BODY_BYTES_MAX, COMPARISONS_AT_ONCE_MAX, INDEX_PAGE_MS_MAX, SITE_INDEX_MS_MAX, WATCHERS_MAX,
};
use crate::people::Seen;
use crate::people::known::KnownBook;
use crate::people::password::Passwords;
use crate::people::rules::RuleBook;
use crate::people::tries::Tries;
use crate::runs::comparison::Comparisons;
use crate::runs::library::Process;
use crate::runs::{Library, Root, Run};
use admission::{Visits, visit};
use app::Medium;
use app::view::{Role, RunSummary};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
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
    pub labels: LabelBook,
    /// What is held in memory of projects and ratings.
    pub annotation: Arc<Annotation>,
    /// `Err` says why there are none.
    pub jobs: Result<Jobs, NoJobs>,
    pub assets: Option<PathBuf>,
    /// Whether it serves, or its pages become files.
    pub medium: Medium,
    /// Whether only this machine can reach the server: then, as long as there is no account of an
    /// admin, whoever does may do everything.
    pub loopback: bool,
    /// Whether a proxy stands before it, and what that says of requests is believed.
    pub behind_proxy: bool,
    /// Accounts, published runs and open projects.
    pub rules: RuleBook,
    /// Who holds which session.
    pub known: KnownBook,
    pub passwords: Passwords,
    pub tries: Tries,
    pub watchers: Arc<Semaphore>,
    pub stopping: watch::Receiver<bool>,
    pub documents: Documents,
    pub comparisons: Comparisons,
    /// Places for comparisons that are computed or wait.
    pub comparing: Arc<Semaphore>,
    pub demo: Demo,
}

/// Why no job can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoJobs {
    /// The database is not there.
    Database,
    /// No folder to write to.
    Folder(String),
}

impl Server {
    /// One that listens nowhere and has no database: its pages become files.
    pub fn for_files(
        roots: Vec<Root>,
        assets: Option<PathBuf>,
        demo: Wanted,
        with_records: bool,
    ) -> Self {
        let (_, stopping) = watch::channel(false);
        Server {
            library: Library::new(roots, Vec::new()),
            database: None,
            database_trouble: None,
            labels: LabelBook::default(),
            annotation: Arc::default(),
            jobs: Err(NoJobs::Database),
            assets,
            medium: Medium::Files { with_records },
            loopback: false,
            behind_proxy: false,
            rules: RuleBook::without_database(),
            known: KnownBook::default(),
            passwords: Passwords::default(),
            tries: Tries::default(),
            watchers: Server::watchers(),
            stopping,
            documents: Documents::default(),
            comparisons: Comparisons::default(),
            comparing: Server::comparing(),
            // Files have no server that could be asked: the browser's model alone.
            demo: Demo::new(demo, Answering::default()),
        }
    }

    /// How long a page waits for the index of its run's records before it shows what is read so far.
    fn patience(&self) -> Duration {
        Duration::from_millis(match self.medium {
            Medium::Server => INDEX_PAGE_MS_MAX,
            Medium::Files { .. } => SITE_INDEX_MS_MAX,
        })
    }

    /// A new set of places for watchers.
    pub fn watchers() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(WATCHERS_MAX))
    }

    /// A new set of places for comparisons.
    pub fn comparing() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(COMPARISONS_AT_ONCE_MAX))
    }

    fn summary(&self, run: &Run) -> RunSummary {
        run.summary(self.process_of(&run.found.id))
    }

    /// What a run's job says of its process; `None` where it has none.
    fn process_of(&self, id: &str) -> Option<Process> {
        self.jobs.as_ref().ok()?.process_of(id)
    }

    /// What every page warns of. Where the database and the folders are is for those to know who may
    /// mend them.
    fn warnings(&self, seen: &Seen, of_page: &[String]) -> Vec<String> {
        let mut warnings = of_page.to_vec();
        if let Some(trouble) = &self.database_trouble {
            warnings.push(match seen.is_at_least(Role::Admin) {
                true => format!("{trouble} Pages work without it; jobs do not."),
                false => "This server has no database, so nobody can sign in. Whoever runs it finds the reason in its log.".into(),
            });
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
    components(schemas(problem::ProblemDocument)),
    tags(
        (name = "runs", description = "Run directories, read-only, and what people note of them"),
        (name = "demo", description = "The model on this server, asked"),
        (name = "jobs", description = "Runs started from here"),
        (name = "people", description = "Who may do what: sessions, people, invitations, published runs, the audit"),
        (name = "annotation", description = "People rate rationales: projects for researchers, work for annotators"),
        (name = "server", description = "How the server does")
    )
)]
struct Description;

/// The document at `/api/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().1
}

/// The API's routes and the document of them, which tells of the guards too.
fn described() -> (Router<Arc<Server>>, utoipa::openapi::OpenApi) {
    let (routes, mut document) = api_router().split_for_parts();
    guard::describe(&mut document.paths);
    access::describe(&mut document);
    (routes, document)
}

fn api_router() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(api::list_runs))
        .routes(routes!(api::get_run))
        .routes(routes!(api::list_answers))
        .routes(routes!(api::get_question))
        .routes(routes!(compare::get_comparison))
        .routes(routes!(tables::get_tables))
        .routes(routes!(raw::get_records))
        .routes(routes!(events::follow_run))
        .routes(routes!(states::follow_states))
        .routes(routes!(labels::get_labels, labels::patch_labels))
        .routes(routes!(jobs::list_jobs, jobs::add_job))
        .routes(routes!(jobs::get_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(jobs::retry_job))
        .routes(routes!(jobs::get_job_log))
        .routes(routes!(job_events::follow_job))
        .routes(routes!(jobs::list_stages))
        .routes(routes!(jobs::config_schema))
        .routes(routes!(demo_ask::ask))
        .merge(people::api())
        .merge(annotation::api())
}

/// Everything, behind the guards.
pub fn router(server: Arc<Server>) -> Router {
    let routes = routes(&server);
    guarded(routes, server)
}

/// Every address, asked by this program alone: whoever asks is nobody in particular, and nothing stands
/// between that keeps others out or hurries.
pub fn router_for_files(server: Arc<Server>) -> Router {
    routes(&server)
        .route_layer(from_fn_with_state(Arc::clone(&server), access::enforce))
        .fallback(|| async { Failure::not_found("page") })
        .layer(from_fn_with_state(Arc::clone(&server), people::who::who))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .with_state(server)
}

/// Every address.
fn routes(server: &Server) -> Router<Arc<Server>> {
    let (api, openapi) = described();
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
        .route("/api", get(reference::reference))
        .route("/", get(runs::runs))
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
        .route("/runs/{id}/labels", post(labels::post_labels))
        .route("/runs/{id}/answers", get(pages::answers))
        .route("/runs/{id}/charts/{chart}", get(charts::of_run))
        .route("/runs/{id}/files/{*path}", get(files::file))
        .route("/runs/{id}/questions/{question_id}", get(pages::question))
        .route(
            "/runs/{id}/questions/{question_id}/charts/{chart}",
            get(charts::of_question),
        )
        .route(
            "/runs/{id}/questions/{question_id}/records/{kind}",
            get(raw::get_records),
        )
        .route("/compare", get(compare::page))
        .route("/compare/charts/{chart}", get(charts::of_comparison))
        .route("/tables", get(tables::page))
        .route("/tables.md", get(tables::markdown))
        .route("/tables.csv", get(tables::csv))
        .route("/tables.tex", get(tables::latex))
        .route("/jobs", get(job_pages::queue))
        .route("/jobs/new", get(job_form::begin).post(job_form::posted))
        .route("/jobs/{id}", get(job_pages::job))
        .route("/jobs/{id}/cancel", post(job_pages::cancel))
        .route("/jobs/{id}/retry", post(job_pages::retry))
        .route("/your-file", get(your_file::your_file))
        .merge(people::pages())
        .merge(annotation::pages())
        .merge(demo::router(server))
        .merge(assets::router(server))
}

/// What stands before and behind every address.
fn guarded(routes: Router<Arc<Server>>, server: Arc<Server>) -> Router {
    routes
        // For what there is a route for alone: an address that is none is told as such to all.
        .route_layer(from_fn_with_state(Arc::clone(&server), access::enforce))
        .fallback(|| async { Failure::not_found("page") })
        .method_not_allowed_fallback(|| async { Failure::method() })
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&server), people::who::who))
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(from_fn(guard::time_limit))
        .layer(from_fn_with_state(Arc::clone(&server), guard::admit))
        .layer(from_fn_with_state(Arc::clone(&server), problem::dress))
        .layer(from_fn(fresh::tag))
        .layer(CompressionLayer::new())
        .layer(from_fn(guard::security_headers))
        .layer(from_fn_with_state(Visits::default(), visit))
        .with_state(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare_server() -> Arc<Server> {
        Arc::new(Server {
            medium: Medium::Server,
            loopback: true,
            ..Server::for_files(Vec::new(), None, Wanted::default(), false)
        })
    }

    /// Every route but those of the browser's part, which may be missing.
    pub(super) fn all_routes() -> Router<Arc<Server>> {
        routes(&bare_server())
    }

    async fn breaks() -> &'static str {
        panic!("the secret of line 7")
    }

    #[tokio::test]
    async fn a_panic_is_told_in_the_form_of_its_address_and_keeps_its_words() {
        let _ = any_spawner::Executor::init_tokio();
        let routes = Router::new()
            .route("/api/breaks", get(breaks))
            .route("/breaks", get(breaks));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = guarded(routes, bare_server());
        let serving = tokio::spawn(async { axum::serve(listener, router).await });
        for (path, kind) in [
            ("/api/breaks", "application/problem+json"),
            ("/breaks", "text/html; charset=utf-8"),
        ] {
            let url = format!("http://{address}{path}");
            let mut answer = tokio::task::spawn_blocking(move || {
                let agent: ureq::Agent = ureq::Agent::config_builder()
                    .http_status_as_error(false)
                    .build()
                    .into();
                agent.get(url).call().unwrap()
            })
            .await
            .unwrap();
            assert_eq!(answer.status(), 500, "{path}");
            assert_eq!(answer.headers()["content-type"], kind);
            let text = answer.body_mut().read_to_string().unwrap();
            assert!(!text.contains("secret"), "{text}");
            assert!(text.contains("The server made a mistake"), "{text}");
        }
        serving.abort();
    }
}
