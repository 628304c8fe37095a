//! `infer`: an OpenAI-compatible server over the project's own engine: one base model in memory, any
//! number of adapters over it, all answered at the same time.
//!
//! ```text
//! admission ─ guard ─ http ─ chat, completions ─► engine (a thread: model::Generator) ─► reply, stream
//! ```
//!
//! [`engine`] knows neither HTTP nor JSON; what a response says of itself is [`extension`], how often the
//! model was right where it said so, [`record`].

mod chat;
mod choice;
mod completions;
pub mod engine;
pub mod extension;
mod failure;
mod fields;
pub mod guard;
mod http;
pub mod limits;
pub mod metrics;
pub mod record;
mod reply;
pub mod served;
mod stream;
mod token_text;
mod wanted;

use admission::{Bounded, Bounds, Peer, Visits};
use anyhow::Context;
use engine::Engine;
use guard::ApiKey;
use http::App;
use limits::{CLOSING_SECONDS_MAX, IDLE_SECONDS_MAX, UNREAD_SECONDS_MAX};
use metrics::Metrics;
use served::Served;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// What is served, to whom, and how much at once.
pub struct Serving {
    pub served: Served,
    pub engine: Engine,
    pub metrics: Arc<Metrics>,
    pub key: Option<ApiKey>,
    /// Origins whose pages may ask; none, unless the operator names some.
    pub origins: Vec<String>,
    pub connections_max: usize,
    /// That requests under way have to end when the server is stopped.
    pub drain: Duration,
}

/// A server that has its address, and answers nobody yet.
pub struct Listening {
    app: Arc<App>,
    listener: Bounded,
    drain: Duration,
    pub address: SocketAddr,
}

impl Listening {
    /// Takes the first of the addresses that is free.
    ///
    /// # Errors
    /// Where none is.
    pub async fn start(serving: Serving, addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(addresses)
            .await
            .with_context(|| format!("cannot listen at {addresses:?}"))?;
        let address = listener.local_addr()?;
        let Serving {
            served,
            engine,
            metrics,
            key,
            origins,
            connections_max,
            drain,
        } = serving;
        let app = App {
            served: Arc::new(served),
            engine,
            metrics,
            key,
            origins,
            loopback: address.ip().is_loopback(),
            is_stopping: AtomicBool::new(false),
            visits: Visits::default(),
        };
        let bounds = Bounds {
            connections: connections_max,
            idle: Duration::from_secs(IDLE_SECONDS_MAX),
            unread: Duration::from_secs(UNREAD_SECONDS_MAX),
        };
        Ok(Listening {
            app: Arc::new(app),
            listener: Bounded::new(listener, bounds),
            drain,
            address,
        })
    }

    /// Answers until `stops` says so; then takes nothing new (503), lets what is under way end within the
    /// limit, or until `stops` says so again, and closes.
    ///
    /// # Errors
    /// Where the model's thread or the listener has ended by itself.
    pub async fn serve(self, mut stops: mpsc::UnboundedReceiver<()>) -> anyhow::Result<()> {
        let Listening {
            app,
            listener,
            drain,
            ..
        } = self;
        let service = http::router(app.clone()).into_make_service_with_connect_info::<Peer>();
        let (close, closing) = oneshot::channel::<()>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async {
            // Said, or dropped with whoever could say it.
            let _ = closing.await;
        });
        let mut serving = tokio::spawn(serving.into_future());
        tokio::select! {
            _ = stops.recv() => {}
            () = app.engine.ended() => {
                anyhow::bail!("the model's thread has ended; the log says why");
            }
            ended = &mut serving => {
                ended.context("the server broke")?.context("the server broke")?;
                anyhow::bail!("the server has ended by itself");
            }
        }
        app.is_stopping.store(true, Ordering::Relaxed);
        let closing_max = Duration::from_secs(CLOSING_SECONDS_MAX);
        let is_hurried = tokio::select! {
            drained = timeout(drain, app.visits.none()) => drained.is_err(),
            _ = stops.recv() => true,
        };
        if is_hurried {
            app.engine.stop();
            // Whatever does not end now is broken off.
            let _ = timeout(closing_max, app.visits.none()).await;
        }
        let _ = close.send(());
        let _ = timeout(closing_max, serving).await;
        Ok(())
    }
}
