//! Charts and tables as files, drawn as their pages draw them.

use super::Server;
use super::api::{API_PATIENCE, question_of, read};
use super::attachment::attachment;
use super::compare::comparison_of;
use super::problem::Failure;
use super::query::Parameters;
use crate::people::Seen;
use crate::runs::browse::Reads;
use app::chart::curves::Curve;
use app::chart::file::{Chart, Form, Source};
use app::chart::{cluster_counts, standalone};
use app::choice::Choice;
use app::drawn::groups::Grouping;
use app::drawn::{self, compared};
use app::regroup::Sampled;
use app::view::RunDetail;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// Of a run: `reliability.svg`, `templates.csv`, …; the query is the Run page's.
pub async fn of_run(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let (wanted, form) = named(&name, Wanted::named)?;
    let file = format!("{id}-{name}");
    let text = read(move || {
        let run = server.find(&seen, &id)?;
        let labels = Parameters::parse(Some(&query)).labels();
        server.library.indexed(&run, Reads::Answers, API_PATIENCE);
        let detail = server
            .library
            .detail(&run, server.summary(&run), &labels)
            .map_err(|error| Failure::unreadable(&error))?;
        let choice = Choice::of(&["?", &query].concat());
        Ok(draw(wanted, form, &detail, choice))
    })
    .await?;
    Ok(answer(&file, form, text))
}

/// Of a question: `cluster-counts.svg` or `.csv`; the query is the Question page's.
pub async fn of_question(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path((id, question_id, name)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let (_, form) = named(&name, |name| (name == drawn::CLUSTER_COUNTS).then_some(()))?;
    let file = format!("{id}-{question_id}-{name}");
    let text = read(move || {
        let run = server.find(&seen, &id)?;
        server.library.indexed(&run, Reads::Questions, API_PATIENCE);
        let query = Parameters::parse(query.as_deref());
        let detail = question_of(&server, &run, &question_id, &query)?;
        let counts = drawn::cluster_counts(&detail, &Sampled::new(&detail)).ok_or_else(absent)?;
        Ok(match form {
            Form::Svg => standalone(&cluster_counts::svg(&counts, drawn::CLUSTER_COUNTS)),
            Form::Csv => cluster_counts::csv(&counts),
        })
    })
    .await?;
    Ok(answer(&file, form, text))
}

/// Of a comparison: `overlay.svg`, `differences.csv`, …; the query is the Compare page's.
pub async fn of_comparison(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let (chart, form) = named(&name, compared::Chart::named)?;
    let comparison = comparison_of(server, seen, query.as_deref()).await?;
    let text = read(move || chart.file(form, &comparison).ok_or_else(absent)).await?;
    Ok(answer(&format!("compare-{name}"), form, text))
}

/// What a file's name asks for, and in which form.
pub(super) fn named<T>(
    name: &str,
    known: impl FnOnce(&str) -> Option<T>,
) -> Result<(T, Form), Failure> {
    name.rsplit_once('.')
        .and_then(|(name, ending)| Some((known(name)?, Form::of_ending(ending)?)))
        .ok_or_else(absent)
}

pub(super) fn absent() -> Failure {
    Failure::not_found("chart")
}

pub(super) fn answer(file: &str, form: Form, text: String) -> Response {
    let kind = match form {
        Form::Svg => "image/svg+xml",
        Form::Csv => "text/csv; charset=utf-8",
    };
    attachment(file, kind, text)
}

enum Wanted {
    Chart(Chart),
    Groups(Grouping),
}

impl Wanted {
    fn named(name: &str) -> Option<Wanted> {
        let groups = || Grouping::named(name).map(Wanted::Groups);
        Chart::named(name).map(Wanted::Chart).or_else(groups)
    }
}

fn draw(wanted: Wanted, form: Form, detail: &RunDetail, choice: Choice) -> String {
    match wanted {
        Wanted::Groups(grouping) => grouping.file(form, &detail.directory.breakdowns),
        Wanted::Chart(chart) => {
            let outcomes = match chart {
                Chart::Events => Vec::new(),
                _ => drawn::outcomes(detail),
            };
            let curves: Vec<Curve> = drawn::curves(detail);
            let source = Source {
                outcomes: &outcomes,
                curves: &curves,
                diagram: choice.diagram,
                binning: choice.binning(),
                threshold: choice.threshold(),
            };
            chart.file(form, &source)
        }
    }
}
