//! A run's charts and tables as files, drawn as its page draws them.

use super::Server;
use super::api::{find, read};
use super::attachment::attachment;
use super::problem::Failure;
use super::query::Parameters;
use app::chart::csv::Csv;
use app::chart::curves::Curve;
use app::chart::file::{Chart, Form, Source};
use app::choice::Choice;
use app::drawn;
use app::view::{AnswerGroup, Breakdown, RunDetail};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// `reliability.svg`, `templates.csv`, …; the query is the Run page's.
pub async fn chart(
    State(server): State<Arc<Server>>,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = query.unwrap_or_default();
    let (file, form, text) = read(move || {
        let (wanted, form) = named(&name).ok_or_else(|| Failure::not_found("chart"))?;
        let run = find(&server, &id)?;
        let labels = Parameters::parse(Some(&query)).labels();
        let detail = server
            .library
            .detail(&run, server.summary(&run), &labels)
            .map_err(|error| Failure::unreadable(&error))?;
        let choice = Choice::of(&["?", &query].concat());
        Ok((
            format!("{id}-{name}"),
            form,
            draw(wanted, form, &detail, choice),
        ))
    })
    .await?;
    let kind = match form {
        Form::Svg => "image/svg+xml",
        Form::Csv => "text/csv; charset=utf-8",
    };
    Ok(attachment(&file, kind, text))
}

enum Wanted {
    Chart(Chart),
    /// A table of groups.
    Groups(fn(&Breakdown) -> &[AnswerGroup]),
}

fn named(name: &str) -> Option<(Wanted, Form)> {
    let (name, ending) = name.rsplit_once('.')?;
    let form = Form::of_ending(ending)?;
    let groups: fn(&Breakdown) -> &[AnswerGroup] = match (name, form) {
        ("templates", Form::Csv) => |one| &one.templates,
        ("question-lengths", Form::Csv) => |one| &one.question_lengths,
        ("answer-lengths", Form::Csv) => |one| &one.answer_lengths,
        _ => return Some((Wanted::Chart(Chart::named(name)?), form)),
    };
    Some((Wanted::Groups(groups), form))
}

fn draw(wanted: Wanted, form: Form, detail: &RunDetail, choice: Choice) -> String {
    match wanted {
        Wanted::Groups(of) => {
            let mut csv = Csv::new(&[
                "evaluation",
                "group",
                "n",
                "right",
                "mean_confidence",
                "accuracy",
                "low",
                "high",
            ]);
            for breakdown in &detail.directory.breakdowns {
                for group in of(breakdown) {
                    let (low, high) = group.interval();
                    let numbers = [
                        group.n as f64,
                        group.right as f64,
                        group.mean_confidence,
                        group.accuracy(),
                        low,
                        high,
                    ];
                    csv.row(&[&breakdown.label, &group.name], &numbers);
                }
            }
            csv.finish()
        }
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
