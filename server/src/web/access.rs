//! Who may ask for what: one table of all addresses, looked at before any handler.
//!
//! A route that is not in the table is refused to all but admins, and a test fails for it. Which runs
//! somebody sees is judged where a run is taken ([`super::people::sight`]).

use super::Server;
use super::fresh::is_of_api;
use super::people::who::{seen_in, without_answer};
use super::problem::{Failure, described};
use crate::people::Seen;
use app::link;
use app::view::Role;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// Those who may do at least what this role may.
    Role(Role),
    /// Members of the project that the address names.
    Member,
}

const PUBLIC: Least = Least::Role(Role::Public);
const ANNOTATOR: Least = Least::Role(Role::Annotator);
const RESEARCHER: Least = Least::Role(Role::Researcher);
const ADMIN: Least = Least::Role(Role::Admin);

/// What is served below these: its routes have no pattern of their own.
const FOLDERS: [&str; 2] = ["/assets/", "/demo/web/"];

/// Every route: its methods, its pattern, and who may ask. `GET` is `HEAD` too.
pub const TABLE: &[(&str, &str, Least)] = &[
    // How the server does, and what is the same for everybody.
    ("GET", "/healthz", PUBLIC),
    ("GET", "/readyz", PUBLIC),
    ("GET", "/assets/style.css", PUBLIC),
    ("GET", "/assets/theme.js", PUBLIC),
    ("GET", "/assets/your-file/worker.js", PUBLIC),
    ("GET", "/api", PUBLIC),
    ("GET", "/api/openapi.json", PUBLIC),
    ("GET", "/your-file", PUBLIC),
    // The demo, and what its page fetches.
    ("GET", "/demo", PUBLIC),
    ("GET", "/demo/about.json", PUBLIC),
    ("GET", "/demo/offline.js", PUBLIC),
    ("GET", "/demo/web/worker.js", PUBLIC),
    ("GET", "/demo/web/helper.js", PUBLIC),
    ("GET", "/demo/model/{sha256}/{name}", PUBLIC),
    ("POST", "/api/demo/ask", PUBLIC),
    ("POST", "/api/demo/read", PUBLIC),
    ("POST", "/api/demo/cluster", PUBLIC),
    ("GET", "/privacy", PUBLIC),
    // Runs: those that he sees.
    ("GET", "/", PUBLIC),
    ("GET", "/runs", PUBLIC),
    ("GET", "/runs/{id}", PUBLIC),
    ("GET", "/runs/{id}/answers", PUBLIC),
    ("GET", "/runs/{id}/charts/{chart}", PUBLIC),
    ("GET", "/runs/{id}/files/{*path}", PUBLIC),
    ("GET", "/runs/{id}/questions/{question_id}", PUBLIC),
    (
        "GET",
        "/runs/{id}/questions/{question_id}/charts/{chart}",
        PUBLIC,
    ),
    (
        "GET",
        "/runs/{id}/questions/{question_id}/records/{kind}",
        PUBLIC,
    ),
    ("GET", "/compare", PUBLIC),
    ("GET", "/compare/charts/{chart}", PUBLIC),
    ("GET", "/tables", PUBLIC),
    ("GET", "/tables.md", PUBLIC),
    ("GET", "/tables.csv", PUBLIC),
    ("GET", "/tables.tex", PUBLIC),
    ("GET", "/api/runs", PUBLIC),
    ("GET", "/api/runs/{id}", PUBLIC),
    ("GET", "/api/runs/{id}/answers", PUBLIC),
    ("GET", "/api/runs/{id}/events", PUBLIC),
    ("GET", "/api/runs/{id}/questions/{question_id}", PUBLIC),
    (
        "GET",
        "/api/runs/{id}/questions/{question_id}/records/{kind}",
        PUBLIC,
    ),
    ("GET", "/api/states", PUBLIC),
    ("GET", "/api/compare", PUBLIC),
    ("GET", "/api/tables", PUBLIC),
    ("GET", "/api/runs/{id}/labels", PUBLIC),
    ("PATCH", "/api/runs/{id}/labels", RESEARCHER),
    ("POST", "/runs/{id}/labels", RESEARCHER),
    ("GET PUT", "/api/runs/{id}/published", ADMIN),
    ("POST", "/runs/{id}/published", ADMIN),
    // Jobs.
    ("GET", "/api/stages", PUBLIC),
    ("GET", "/api/config-schema", PUBLIC),
    ("GET POST", "/api/jobs", ADMIN),
    ("GET", "/api/jobs/{id}", ADMIN),
    ("POST", "/api/jobs/{id}/cancel", ADMIN),
    ("POST", "/api/jobs/{id}/retry", ADMIN),
    ("GET", "/api/jobs/{id}/log", ADMIN),
    ("GET", "/api/jobs/{id}/events", ADMIN),
    ("GET", "/jobs", ADMIN),
    ("GET POST", "/jobs/new", ADMIN),
    ("GET", "/jobs/{id}", ADMIN),
    ("POST", "/jobs/{id}/cancel", ADMIN),
    ("POST", "/jobs/{id}/retry", ADMIN),
    // Coming and going.
    ("GET POST", "/sign-in", PUBLIC),
    ("POST", "/sign-out", PUBLIC),
    ("GET POST", "/invitation/{token}", PUBLIC),
    ("GET DELETE", "/api/session", PUBLIC),
    // One's own.
    ("GET", "/account", ANNOTATOR),
    ("POST", "/account/password", ANNOTATOR),
    ("POST", "/account/sessions/end", ANNOTATOR),
    ("POST", "/account/sign-out-everywhere", ANNOTATOR),
    ("POST", "/account/tokens", ANNOTATOR),
    ("GET", "/account/data.json", ANNOTATOR),
    ("POST", "/account/withdraw", ANNOTATOR),
    ("POST", "/account/delete", ANNOTATOR),
    // People.
    ("GET", "/people", ADMIN),
    ("POST", "/people/invitations", ADMIN),
    ("POST", "/people/invitations/{id}/end", ADMIN),
    ("POST", "/people/{id}/role", ADMIN),
    ("POST", "/people/{id}/disabled", ADMIN),
    ("POST", "/people/{id}/link", ADMIN),
    ("GET", "/audit", ADMIN),
    ("GET", "/api/people", ADMIN),
    ("PATCH", "/api/people/{id}", ADMIN),
    ("POST", "/api/people/{id}/links", ADMIN),
    ("GET POST", "/api/invitations", ADMIN),
    ("DELETE", "/api/invitations/{id}", ADMIN),
    ("GET", "/api/audit", ADMIN),
    // Annotation: projects.
    ("GET", "/annotate", ANNOTATOR),
    ("GET POST", "/annotate/new", RESEARCHER),
    ("GET", "/annotate/{id}", RESEARCHER),
    ("POST", "/annotate/{id}/state", RESEARCHER),
    ("POST", "/annotate/{id}/invitations", RESEARCHER),
    ("GET", "/annotate/{id}/agreement", RESEARCHER),
    ("GET", "/annotate/{id}/agreement/charts/{chart}", RESEARCHER),
    ("POST", "/annotate/{id}/items/{item}/settle", RESEARCHER),
    ("GET", "/annotate/{id}/preview", RESEARCHER),
    ("GET POST", "/api/projects", RESEARCHER),
    ("GET PATCH DELETE", "/api/projects/{id}", RESEARCHER),
    ("GET", "/api/projects/{id}/agreement", RESEARCHER),
    ("POST", "/api/projects/{id}/items/{item}/settle", RESEARCHER),
    ("GET", "/api/projects/{id}/export", RESEARCHER),
    ("POST", "/api/projects/{id}/invitations", RESEARCHER),
    // Annotation: the work.
    ("GET", "/annotate/{id}/work", Least::Member),
    ("POST", "/annotate/{id}/work/rate", Least::Member),
    ("POST", "/annotate/{id}/work/consent", Least::Member),
    ("POST", "/annotate/{id}/work/pause", Least::Member),
    ("GET", "/api/work", ANNOTATOR),
    ("DELETE", "/api/work/{project}", Least::Member),
    ("POST", "/api/work/{project}/consent", Least::Member),
    ("POST", "/api/work/{project}/leases", Least::Member),
    ("PUT", "/api/work/{project}/ratings/{key}", Least::Member),
    ("GET", "/api/work/{project}/last", Least::Member),
    ("POST", "/api/work/{project}/pause", Least::Member),
];

/// The table by pattern.
static BY_PATTERN: LazyLock<HashMap<&str, Vec<(&str, Least)>>> = LazyLock::new(|| {
    let mut by_pattern: HashMap<&str, Vec<(&str, Least)>> = HashMap::new();
    for (methods, pattern, least) in TABLE {
        for method in methods.split(' ') {
            by_pattern
                .entry(pattern)
                .or_default()
                .push((method, *least));
        }
    }
    by_pattern
});

/// Who may ask for a route; `None`: it is not in the table.
pub fn least(method: &str, pattern: &str) -> Option<Least> {
    let method = if method == "HEAD" { "GET" } else { method };
    BY_PATTERN
        .get(pattern)?
        .iter()
        .find(|(known, _)| *known == method)
        .map(|(_, least)| *least)
}

fn is_in_folder(path: &str) -> bool {
    FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Lets those in who may ask.
pub async fn enforce(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let seen = seen_in(request.extensions());
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map(|pattern| pattern.as_str().to_owned());
    let least = match &pattern {
        Some(pattern) => least(request.method().as_str(), pattern).unwrap_or(ADMIN),
        None if is_in_folder(request.uri().path()) => PUBLIC,
        None => ADMIN,
    };
    match least {
        Least::Role(role) if seen.is_at_least(role) => next.run(request).await,
        Least::Role(_) => refusal(&seen, &request),
        Least::Member => {
            let path = request.uri().path();
            let project = first_parameter(pattern.as_deref().unwrap_or_default(), path);
            match server.is_member(&seen, project).await {
                Ok(true) => next.run(request).await,
                Ok(false) if seen.person.is_some() => {
                    // Whether there is such a project is not told to who does not belong to it.
                    Failure::not_found("project").into_response()
                }
                Ok(false) => refusal(&seen, &request),
                Err(failure) => failure.into_response(),
            }
        }
    }
}

impl Server {
    /// Whether somebody works in a project. The person at a machine without accounts works in all.
    async fn is_member(&self, seen: &Seen, project: &str) -> Result<bool, Failure> {
        if seen.is_open {
            return Ok(true);
        }
        let (Some(person), Some(database)) = (&seen.person, &self.database) else {
            return Ok(false);
        };
        database
            .is_member(project, person)
            .await
            .map_err(|error| without_answer(&error))
    }
}

/// What stands in an address for the first parameter of its pattern, as it was sent. Ids of projects
/// need no escapes, so that one with escapes is none.
fn first_parameter<'path>(pattern: &str, path: &'path str) -> &'path str {
    pattern
        .split('/')
        .zip(path.split('/'))
        .find(|(part, _)| part.starts_with('{'))
        .map_or("", |(_, value)| value)
}

/// Those who did not sign in are asked to; those who did may not.
fn refusal(seen: &Seen, request: &Request) -> Response {
    let path = request.uri().path();
    if seen.signed_in || seen.is_open {
        return Failure::new(
            StatusCode::FORBIDDEN,
            format!(
                "You are signed in as {}, and this is for others.",
                a_role(seen.role)
            ),
            "An admin of this server can change what you may do.",
        )
        .into_response();
    }
    if is_of_api(path) {
        return Failure::new(
            StatusCode::UNAUTHORIZED,
            "This is for people who signed in.",
            "Make a token on the Account page, and send it as Authorization: Bearer TOKEN.",
        )
        .into_response();
    }
    // Only what is looked at can be looked at afterwards.
    let back = match *request.method() {
        Method::GET => request.uri().path_and_query().map(|back| back.as_str()),
        _ => None,
    };
    Redirect::to(&link::sign_in(back)).into_response()
}

fn a_role(role: Role) -> String {
    match role {
        Role::Public => "nobody in particular".into(),
        Role::Annotator | Role::Admin => format!("an {}", role.word()),
        Role::Researcher => format!("a {}", role.word()),
    }
}

/// Tells in the API's description who may ask for what, and how programs say who they are.
pub fn describe(document: &mut OpenApi) {
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Made on the Account page"))
        .build();
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .insert("token".into(), SecurityScheme::Http(bearer).into());
    for (pattern, path) in &mut document.paths.paths {
        let operations = [
            ("GET", &mut path.get),
            ("PUT", &mut path.put),
            ("POST", &mut path.post),
            ("PATCH", &mut path.patch),
            ("DELETE", &mut path.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let (who, refused) = match least(method, pattern).unwrap_or(ADMIN) {
                Least::Role(Role::Public) => continue,
                Least::Role(role) => (format!("{} or more", capital(role.word())), "403"),
                Least::Member => ("A member of the project".into(), "404"),
            };
            let mut insert = |status: &str, words: String| {
                operation
                    .responses
                    .responses
                    .insert(status.into(), described(&words).into());
            };
            insert("401", "Nobody signed in".into());
            insert(
                refused,
                format!("{who} is needed, or what was asked is refused for another reason"),
            );
            let requirement = utoipa::openapi::security::SecurityRequirement::new("token", [""; 0]);
            operation.security = Some(vec![requirement]);
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    [&first, letters.as_str()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Each method and pattern of the router itself, out of its description for debugging, as it has
    /// no other list of them: `RouteId(7): MethodRouter(… get: BoxedHandler, …)`, and further on
    /// `RouteId(7): "/path"`.
    fn routes_of_the_router() -> BTreeSet<(String, String)> {
        let text = format!("{:?}", super::super::tests::all_routes());
        let (text, _) = text.split_once("fallback_router").unwrap();
        let mut methods: HashMap<&str, Vec<String>> = HashMap::new();
        let mut patterns: HashMap<&str, &str> = HashMap::new();
        for part in text.split("RouteId(").skip(1) {
            let (id, rest) = part.split_once("): ").unwrap();
            if let Some(pattern) = rest.strip_prefix('"') {
                patterns.insert(id, pattern.split('"').next().unwrap());
                continue;
            }
            let of = methods.entry(id).or_default();
            for method in ["get", "put", "post", "patch", "delete", "options", "trace"] {
                let field = format!(" {method}: ");
                if let Some((_, value)) = rest.split_once(&field)
                    && !value.starts_with("None")
                {
                    of.push(method.to_uppercase());
                }
            }
        }
        assert_eq!(methods.len(), patterns.len(), "{text}");
        patterns
            .into_iter()
            .flat_map(|(id, pattern)| {
                let of = methods[id].clone().into_iter();
                of.map(|method| (method, pattern.to_owned()))
            })
            .collect()
    }

    #[test]
    fn every_route_stands_in_the_table_and_no_other() {
        let routes = routes_of_the_router();
        assert!(routes.len() > 60, "{routes:?}");
        let tabled: BTreeSet<(String, String)> = TABLE
            .iter()
            .flat_map(|(methods, pattern, _)| {
                methods
                    .split(' ')
                    .map(|method| (method.to_owned(), (*pattern).to_owned()))
            })
            .collect();
        let missing: Vec<_> = routes.difference(&tabled).collect();
        assert!(missing.is_empty(), "not in the table: {missing:?}");
        let gone: Vec<_> = tabled
            .difference(&routes)
            // Served only where the browser's part is there.
            .filter(|(_, pattern)| !is_in_folder(pattern) && pattern != "/demo/offline.js")
            .collect();
        assert!(gone.is_empty(), "no such route: {gone:?}");
    }

    #[test]
    fn what_is_not_in_the_table_is_for_admins() {
        assert_eq!(least("GET", "/nowhere"), None);
        assert_eq!(least("DELETE", "/runs/{id}"), None);
        assert_eq!(least("HEAD", "/runs/{id}"), Some(PUBLIC));
        assert_eq!(least("PATCH", "/api/runs/{id}/labels"), Some(RESEARCHER));
    }

    #[test]
    fn the_project_of_an_address_is_its_first_parameter() {
        let of = |pattern, path| first_parameter(pattern, path);
        assert_eq!(
            of("/annotate/{id}/work/rate", "/annotate/a-b/work/rate"),
            "a-b"
        );
        assert_eq!(
            of("/api/work/{project}/ratings/{key}", "/api/work/p/ratings/k"),
            "p"
        );
        assert_eq!(of("/api/work", "/api/work"), "");
    }
}
