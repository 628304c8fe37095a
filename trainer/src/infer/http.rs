//! The addresses, and what stands before them.

use super::chat::ChatRequest;
use super::completions::CompletionRequest;
use super::engine::{Ask, Engine, Event, Full};
use super::extension::AskedBy;
use super::failure::Failure;
use super::guard::{self, ApiKey};
use super::limits::{BODY_BYTES_MAX, BODY_SECONDS_MAX, RETRY_SECONDS_MAX, RETRY_SECONDS_MIN};
use super::metrics::Metrics;
use super::reply::{Form, Reply, Step};
use super::served::Served;
use super::stream;
use super::wanted::Wanted;
use admission::{Visits, visit};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use model::Job;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// All that a request may need.
pub struct App {
    pub served: Arc<Served>,
    pub engine: Engine,
    pub metrics: Arc<Metrics>,
    /// Without one everybody may ask who can reach the server.
    pub key: Option<ApiKey>,
    /// Origins whose pages may ask.
    pub origins: Vec<String>,
    /// Whether only this machine can reach the server.
    pub loopback: bool,
    pub is_stopping: AtomicBool,
    pub visits: Visits,
}

/// The addresses, as they are counted.
const ADDRESSES: [&str; 6] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/healthz",
    "/readyz",
    "/metrics",
];

pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completions))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(one_model))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(|request: Request| async move {
            Failure::no_address(request.method().as_str(), request.uri().path())
        })
        .method_not_allowed_fallback(|request: Request| async move {
            Failure::no_method(request.method().as_str(), request.uri().path())
        })
        .layer(from_fn_with_state(Arc::clone(&app), guard::admit))
        .layer(from_fn_with_state(Arc::clone(&app), count))
        .layer(from_fn_with_state(app.visits.clone(), visit))
        .with_state(app)
}

/// Notes how an answer begins.
async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let address = ADDRESSES
        .into_iter()
        .find(|address| path == *address || (*address == "/v1/models" && path.starts_with(address)))
        .unwrap_or("other");
    let response = next.run(request).await;
    app.metrics.answer(address, response.status().as_u16());
    response
}

async fn chat(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    let asked_at = Instant::now();
    app.check_open()?;
    let body = body(request.into_body()).await?;
    let asked = ChatRequest::read(&body, &app.served)?;
    let served = Arc::clone(&app.served);
    let (asked, tokens) = elsewhere(move || {
        let tokens = asked.tokens(&served)?;
        Ok((asked, tokens))
    })
    .await?;
    let ChatRequest {
        wanted,
        messages,
        said,
    } = asked;
    let asked_by = AskedBy {
        messages: said.is_empty().then_some(messages),
        said,
        decoding: wanted.decoding.clone(),
        recalibrates: wanted.recalibrates,
    };
    app.check_length("messages", &tokens)?;
    let served = Arc::clone(&app.served);
    let reply = Reply::new(served, wanted, Form::Chat, vec![tokens.clone()], asked_by);
    app.answer(reply, &[tokens], asked_at).await
}

async fn completions(State(app): State<Arc<App>>, request: Request) -> Result<Response, Failure> {
    let asked_at = Instant::now();
    app.check_open()?;
    let body = body(request.into_body()).await?;
    let asked = CompletionRequest::read(&body, &app.served)?;
    let served = Arc::clone(&app.served);
    let (asked, prompts, texts) = elsewhere(move || {
        let prompts = asked.tokens(&served)?;
        let texts = asked.echo.then(|| asked.texts(&served.tokenizer));
        Ok((asked, prompts, texts))
    })
    .await?;
    let wanted = asked.wanted;
    let asked_by = AskedBy {
        messages: None,
        said: String::new(),
        decoding: wanted.decoding.clone(),
        recalibrates: wanted.recalibrates,
    };
    for prompt in &prompts {
        app.check_length("prompt", prompt)?;
    }
    let served = Arc::clone(&app.served);
    let form = Form::Completion { echoed: texts };
    let reply = Reply::new(served, wanted, form, prompts.clone(), asked_by);
    app.answer(reply, &prompts, asked_at).await
}

impl App {
    /// # Errors
    /// 503 while the server is being stopped, 429 where too many wait already.
    fn check_open(&self) -> Result<(), Failure> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(Failure::stopping());
        }
        match self.engine.is_full() {
            true => Err(self.busy()),
            false => Ok(()),
        }
    }

    /// # Errors
    /// 400 where a prompt leaves no room for an answer.
    fn check_length(&self, param: &str, prompt: &[u32]) -> Result<(), Failure> {
        let context = self.served.context;
        match prompt.len() < context {
            true => Ok(()),
            false => Err(Failure::too_long(param, prompt.len(), context)),
        }
    }

    fn busy(&self) -> Failure {
        // So many rounds of requests are before a new one.
        let rounds = self.engine.waiting() / self.metrics.rows_max.max(1) + 1;
        let wait = self.metrics.request_mean() * u32::try_from(rounds).unwrap_or(u32::MAX);
        let seconds = wait.as_secs_f64().ceil() as u64;
        Failure::busy(seconds.clamp(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX))
    }

    /// Asks the engine, and answers as it tells.
    async fn answer(
        &self,
        mut reply: Reply,
        prompts: &[Vec<u32>],
        asked_at: Instant,
    ) -> Result<Response, Failure> {
        let (sender, mut events) = unbounded_channel();
        let is_streamed = reply.wanted.is_streamed;
        if !reply.is_prompt_alone() || reply.is_scored() {
            let deadline = asked_at + Duration::from_secs(self.served.request_seconds);
            let asks = prompts.iter().enumerate().map(|(at, prompt)| Ask {
                job: job(&reply, at, prompt),
                prompt: at,
                wants_tokens: is_streamed || reply.wanted.logprobs.is_some(),
                events: sender.clone(),
                asked_at,
                deadline,
            });
            let asked = self.engine.ask(asks.collect());
            asked.map_err(|Full| self.busy())?;
        }
        drop(sender);
        if is_streamed {
            return Ok(stream::answer(reply, events));
        }
        hear_all(&mut reply, &mut events).await?;
        Ok(Json(reply.whole()).into_response())
    }
}

/// Hears until all has come. Where the client goes away, the future is dropped, and the channel with it.
async fn hear_all(reply: &mut Reply, events: &mut UnboundedReceiver<Event>) -> Result<(), Failure> {
    while !reply.is_done() {
        let event = events.recv().await.ok_or_else(Failure::internal)?;
        let (at, piece) = match reply.hear(event)? {
            Step::Piece(at, piece) | Step::End(at, piece) => (at, piece),
            Step::Nothing => continue,
        };
        reply.pieces[at].text.push_str(&piece.text);
        reply.pieces[at].tokens.extend(piece.tokens);
    }
    Ok(())
}

/// What the engine is given of a prompt.
fn job(reply: &Reply, at: usize, prompt: &[u32]) -> Job {
    let Wanted {
        model,
        decoding,
        logprobs,
        ..
    } = &reply.wanted;
    let samples = match reply.is_prompt_alone() {
        true => Vec::new(),
        false => reply.wanted.seeds(at),
    };
    let decoding = model::Decoding {
        temperature: decoding.temperature,
        top_p: decoding.top_p,
        top_k: decoding.top_k,
        max_tokens: decoding.max_tokens.max(1),
        stop: decoding.stop.clone(),
    };
    let request = model::Request {
        prompt: prompt.to_vec(),
        samples,
        decoding,
    };
    Job {
        adapter: reply.served.models[*model].adapter,
        reads_levels: true,
        tells_tokens: true,
        top_tokens: logprobs.unwrap_or(0),
        scores_prompt: reply.is_scored(),
        ..Job::new(request)
    }
}

/// A body as JSON.
async fn body(body: Body) -> Result<Value, Failure> {
    let limit = Duration::from_secs(BODY_SECONDS_MAX);
    let bytes = tokio::time::timeout(limit, axum::body::to_bytes(body, BODY_BYTES_MAX))
        .await
        .map_err(|_| Failure::slow_body(BODY_SECONDS_MAX))?
        .map_err(|error| {
            let is_too_large = std::error::Error::source(&error)
                .is_some_and(|source| source.to_string().contains("length limit exceeded"));
            match is_too_large {
                true => Failure::too_large(BODY_BYTES_MAX),
                false => Failure::bad_request("The body broke off."),
            }
        })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::bad_request(format!("The body is no JSON: {error}.")))
}

/// Work that takes longer than others should wait for, on a thread of its own.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            tracing::error!("a request could not be read: {error}");
            Err(Failure::internal())
        })
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let count = app.served.models.len();
    let models: Vec<Value> = (0..count).map(|at| app.served.described(at)).collect();
    Json(json!({ "object": "list", "data": models }))
}

async fn one_model(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let place = app.served.place(&name)?;
    Ok(Json(app.served.described(place)))
}

/// Whether the process answers.
async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether it takes requests.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let status = match (
        app.engine.is_alive(),
        app.is_stopping.load(Ordering::Relaxed),
    ) {
        (false, _) => "broken",
        (true, true) => "stopping",
        (true, false) => "ready",
    };
    let code = match status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let waiting = app.engine.waiting();
    (code, Json(json!({ "status": status, "waiting": waiting }))).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, app.metrics.text(app.engine.waiting())).into_response()
}
