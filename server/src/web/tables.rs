//! The paper's tables: the page, the files and the API.

use super::Server;
use super::api::read;
use super::pages::address_of;
use super::problem::{Fails, Failure};
use super::query::Parameters;
use crate::limits::TABLED_RUNS_MAX;
use crate::people::Seen;
use crate::runs::{Run, tabled};
use app::Page;
use app::view::{LeftOut, PaperTables, TabledRun};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use comparison::form::Form;
use comparison::tables::{self, Tables};
use datasets::paper::Paper;
use std::collections::HashSet;
use std::sync::Arc;

/// The runs of the tables.
struct Tabled {
    /// Whose figures are shown.
    shown: Vec<Run>,
    /// Those that could be.
    offered: Vec<Run>,
    is_chosen: bool,
    left_out: Vec<LeftOut>,
}

/// All finished runs with an evaluation, or those that the address names.
fn runs_of(server: &Server, seen: &Seen, query: &Parameters) -> Result<Tabled, Failure> {
    let asked = query.runs();
    if asked.len() > TABLED_RUNS_MAX {
        return Err(Failure::bad_query(format!(
            "{} runs are named, expected at most {TABLED_RUNS_MAX}.",
            asked.len()
        )));
    }
    let (runs, _) = server.runs(seen);
    let finished = || {
        let with_figures = runs.iter().filter(|run| !run.facts.labels.is_empty());
        with_figures.filter(|run| run.facts.complete && run.facts.trouble.is_none())
    };
    let mut offered: Vec<Run> = finished().take(TABLED_RUNS_MAX).cloned().collect();
    let more = finished().count() - offered.len();
    let mut left_out = Vec::new();
    if asked.is_empty() {
        if more > 0 {
            left_out.push(LeftOut {
                name: format!("{more} older runs"),
                reason: format!(
                    "The newest {TABLED_RUNS_MAX} fill the tables; name others in the address as ?run=ID."
                ),
            });
        }
        return Ok(Tabled {
            shown: offered.clone(),
            offered,
            is_chosen: false,
            left_out,
        });
    }
    let mut shown: Vec<Run> = Vec::new();
    let mut known = HashSet::new();
    for id in asked.into_iter().filter(|id| known.insert(id.clone())) {
        match server.find(seen, &id) {
            Ok(run) => {
                if run.facts.labels.is_empty() {
                    left_out.push(LeftOut {
                        name: id,
                        reason: "It has no evaluation with figures yet.".into(),
                    });
                    continue;
                }
                if !offered.iter().any(|known| known.found.id == id) {
                    offered.push(run.clone());
                }
                shown.push(run);
            }
            Err(_) => left_out.push(LeftOut {
                name: id,
                reason: "There is no such run here: it may have been moved or removed.".into(),
            }),
        }
    }
    Ok(Tabled {
        shown,
        offered,
        is_chosen: true,
        left_out,
    })
}

fn filled(found: Tabled) -> PaperTables {
    let Tabled {
        shown,
        offered,
        is_chosen,
        mut left_out,
    } = found;
    let mut measured = Vec::new();
    for run in &shown {
        let (mut of_run, mut unread) = tabled::measured(run);
        measured.append(&mut of_run);
        left_out.append(&mut unread);
    }
    let runs = offered
        .iter()
        .map(|run| TabledRun {
            id: run.found.id.clone(),
            title: run.facts.title.clone(),
            evaluations: run.facts.labels.len() as u64,
            is_shown: shown.iter().any(|one| one.found.id == run.found.id),
        })
        .collect();
    PaperTables {
        tables: tables::tables(&measured, &Paper::shipped()),
        runs,
        is_chosen,
        left_out,
    }
}

/// The tables as a page.
pub async fn page(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let address = address_of(&uri);
    let (found, version) = read({
        let (server, seen) = (Arc::clone(&server), seen.clone());
        move || {
            let found = runs_of(&server, &seen, &Parameters::parse(uri.query()))?;
            let version = tabled::version(found.shown.iter().chain(&found.offered));
            Ok((found, version))
        }
    })
    .await?;
    if let Some(body) = server.documents.kept(&seen, &address, &version) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let page = read(move || Ok(Page::Tables(Box::new(filled(found))))).await?;
    Ok(server
        .kept_page(&seen, &headers, page, &address, &version)
        .await)
}

/// The tables as `sayself compare --tables` writes them; `?table=` for one of them.
async fn written(
    server: Arc<Server>,
    seen: Seen,
    query: Option<String>,
    form: Form,
    kind: &'static str,
) -> Result<Response, Failure> {
    let text = read(move || {
        let query = Parameters::parse(query.as_deref());
        let all = filled(runs_of(&server, &seen, &query)?).tables;
        let chosen: Tables = match query.named("table") {
            None => all,
            Some(number) => all.only(number).ok_or_else(|| {
                let known: Vec<&str> = all.tables.iter().map(|table| table.number).collect();
                Failure::new(
                    StatusCode::NOT_FOUND,
                    format!(
                        "There is no table {number:?}; there are {}.",
                        known.join(", ")
                    ),
                    "Correct `table` in the address, or leave it out for all.",
                )
            })?,
        };
        let lines = tables::lines(&chosen, form);
        Ok(lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>())
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

pub async fn markdown(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    written(
        server,
        seen,
        query,
        Form::Markdown,
        "text/markdown; charset=utf-8",
    )
    .await
}

pub async fn csv(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    written(server, seen, query, Form::Csv, "text/csv; charset=utf-8").await
}

pub async fn latex(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    written(
        server,
        seen,
        query,
        Form::Latex,
        "application/x-tex; charset=utf-8",
    )
    .await
}

/// The paper's Tables 1 to 4, ours beside the paper's.
#[utoipa::path(
    get, path = "/api/tables", tag = "runs",
    params(
        ("run" = Option<Vec<String>>, Query, description = "The runs whose figures stand in them, up to 200; all finished ones where absent")
    ),
    responses(
        (status = 200, body = PaperTables),
        Fails<400>
    )
)]
pub async fn get_tables(
    State(server): State<Arc<Server>>,
    seen: Seen,
    RawQuery(query): RawQuery,
) -> Result<Json<PaperTables>, Failure> {
    read(move || {
        let found = runs_of(&server, &seen, &Parameters::parse(query.as_deref()))?;
        Ok(Json(filled(found)))
    })
    .await
}
