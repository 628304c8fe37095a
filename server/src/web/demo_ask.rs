//! The model on this server, asked by visitors of the demo and by programs.

use super::Server;
use super::demo::offered;
use super::people::who::Caller;
use super::problem::{BadBody, Fails, Failure, ProblemDocument};
use super::sent::json;
use crate::demo::Offered;
use crate::demo::answering::client::Question;
use crate::demo::answering::line::Refused;
use crate::demo::answering::{Ask, Told, gauge_id};
use crate::limits::{DEMO_TEXT_CHARACTERS_MAX, HEARTBEAT_SECONDS};
use crate::people::Seen;
use asking::limits::SAMPLES;
use asking::question::{Side, Times, checked};
use asking::reading::{self, Reading};
use asking::samples::{self, Clustered};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use utoipa::ToSchema;

/// Words that may wait for a visitor who is slow to take them.
const WAITING_WORDS: usize = 16;

/// A question to the model on this server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// `before`: the model as it is; `after`: the taught one
    #[schema(value_type = String)]
    side: Side,
    /// At most 500 characters
    question: String,
    /// `once`: one answer, as the evaluation asked; `ten`: ten samples at temperature 1
    #[schema(value_type = String)]
    times: Times,
    #[serde(default)]
    seed: u64,
    /// For `ten`: the answer that was given before, to be found among the samples
    #[serde(default)]
    stated: Option<String>,
    /// For `ten`: the rationale whose claims are set beside the samples
    #[serde(default)]
    rationale: Option<String>,
}

/// An answer that is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadRequest {
    side: Side,
    question: String,
    text: String,
    #[serde(default)]
    levels: Option<[f64; 10]>,
    /// What the page would name the drawing: it is named by its side.
    #[serde(default, rename = "id")]
    _id: String,
}

/// Samples that are to be put together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterRequest {
    texts: Vec<String>,
    #[serde(default)]
    stated: Option<String>,
    #[serde(default)]
    rationale: Option<String>,
    question: String,
}

/// Asks the model on this server.
#[utoipa::path(
    post, path = "/api/demo/ask", tag = "demo",
    description = "Server-Sent Events, each an object with `kind`: `place` (in the line before the model, 1 is next), `state` (what has come: `texts`, each with `text`, `tokens`, `done` and, of a stated level, `levels`, its probabilities; `drawn` tokens, `speed` in tokens a second, `waited` milliseconds; `reading`: answer, rationale, confidence and its record; of ten samples `clustered`), `done` (the same, whole) or `trouble` (`text` says why nothing more comes). What is asked is not kept, unless the demo's page says so.",
    request_body = AskRequest,
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 404, description = "Nothing can be asked here", body = ProblemDocument, content_type = "application/problem+json"),
        BadBody, Fails<429>, Fails<503>
    )
)]
pub async fn ask(
    State(server): State<Arc<Server>>,
    seen: Seen,
    caller: Caller,
    request: Result<Json<AskRequest>, JsonRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let request = json(
        request,
        "{\"side\": \"after\", \"question\": \"What is the capital of Kenya?\", \"times\": \"once\"}",
    )?;
    let question = checked(&request.question)
        .map_err(|why| Failure::new(StatusCode::BAD_REQUEST, why, "Ask a short question."))?
        .to_owned();
    let short = |text: Option<String>| text.map(|text| shortened(&text));
    let (stated, rationale) = (short(request.stated), short(request.rationale));
    let offered = offered(&server, &seen).await?;
    let about = asked_here(&server, &offered, request.side)?;
    let answering = Arc::clone(&server.demo.answering);
    let place = answering.join(caller.address).map_err(refusal)?;
    let ask = Ask {
        question: Question {
            side: request.side,
            question,
            times: request.times,
            seed: request.seed,
        },
        stated,
        rationale,
        about,
        chosen: Arc::clone(&offered.chosen),
    };
    let (visitor, words) = mpsc::channel(WAITING_WORDS);
    let mut stopping = server.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = answering.answer(ask, place, visitor) => {}
            _ = stopping.wait_for(|stops| *stops) => {}
        }
    });
    let events = ReceiverStream::new(words).map(|told: Told| {
        // Plain data with text keys: it always has a JSON form.
        Ok(Event::default().json_data(&told).unwrap_or_default())
    });
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_SECONDS))))
}

/// Reads an answer as the page's module would, for browsers that cannot run it.
pub async fn read(
    State(server): State<Arc<Server>>,
    seen: Seen,
    request: Result<Json<ReadRequest>, JsonRejection>,
) -> Result<Json<Reading>, Failure> {
    let request = json(
        request,
        "{\"side\": \"after\", \"question\": \"…\", \"text\": \"…\"}",
    )?;
    let offered = offered(&server, &seen).await?;
    let about = asked_here(&server, &offered, request.side)?;
    let way = request
        .side
        .way(&about)
        .ok_or_else(|| Failure::not_found("model"))?;
    let text = shortened(&request.text);
    let question = shortened(&request.question);
    Ok(Json(reading::read(
        &about,
        way,
        &question,
        (&text, request.levels),
        gauge_id(request.side),
    )))
}

/// Puts samples together as the page's module would.
pub async fn cluster(
    State(server): State<Arc<Server>>,
    seen: Seen,
    request: Result<Json<ClusterRequest>, JsonRejection>,
) -> Result<Json<Clustered>, Failure> {
    let request = json(request, "{\"texts\": [\"…\"], \"question\": \"…\"}")?;
    let offered = offered(&server, &seen).await?;
    asked_here(&server, &offered, Side::Before)?;
    let texts: Vec<String> = request
        .texts
        .iter()
        .take(SAMPLES)
        .map(|text| shortened(text))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let short = |text: Option<String>| text.map(|text| shortened(&text));
    let (stated, rationale) = (short(request.stated), short(request.rationale));
    Ok(Json(samples::clustered(
        &texts,
        SAMPLES,
        stated.as_deref(),
        rationale.as_deref(),
        &shortened(&request.question),
    )))
}

/// What is told of the models, if this one can be asked here.
fn asked_here(
    server: &Server,
    offered: &Offered,
    side: Side,
) -> Result<Arc<datasets::demo::About>, Failure> {
    let answering = &server.demo.answering;
    let is_there = match side {
        Side::Before => answering.is_there(&offered.chosen),
        Side::After => answering.is_taught(&offered.chosen),
    };
    offered
        .about
        .as_ref()
        .filter(|_| is_there)
        .map(|(about, _)| Arc::clone(about))
        .ok_or_else(|| {
            Failure::new(
                StatusCode::NOT_FOUND,
                "This server has no such model to ask.",
                "Let the model run in your browser: open /demo.",
            )
        })
}

fn refusal(refused: Refused) -> Failure {
    match refused {
        Refused::Full => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many people wait for the model.",
            "Come again in a minute, or let the model run in your browser.",
        )
        .retry_after(60),
        Refused::TooManyAtOnce => Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Several questions from your address wait already.",
            "Wait until they are answered.",
        )
        .retry_after(10),
        Refused::TooOften { seconds } => Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Your address has asked many questions within a minute.",
            format!("Ask again in {seconds} seconds, or let the model run in your browser."),
        )
        .retry_after(seconds),
    }
}

/// What is read of a text.
fn shortened(text: &str) -> String {
    text.chars().take(DEMO_TEXT_CHARACTERS_MAX).collect()
}
