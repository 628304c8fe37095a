//! An answer as server-sent events, each as soon as it is there.

use super::choice::Piece;
use super::engine::Event;
use super::failure::Failure;
use super::limits::HEARTBEAT_SECONDS;
use super::reply::{Form, Reply, Step};
use super::{chat, completions};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::Stream;

/// The last event of a stream that came to its end.
const DONE: &str = "[DONE]";

/// The stream of an answer. Dropped by the server when the client goes away, and with it the channel from
/// the engine.
struct Told {
    reply: Reply,
    events: UnboundedReceiver<Event>,
    ready: VecDeque<String>,
    is_over: bool,
}

/// The answer as a stream of what the engine tells.
pub fn answer(reply: Reply, events: UnboundedReceiver<Event>) -> Response {
    let mut told = Told {
        reply,
        events,
        ready: VecDeque::new(),
        is_over: false,
    };
    told.open();
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(HEARTBEAT_SECONDS));
    let mut response = Sse::new(told).keep_alive(heartbeat).into_response();
    // Else a proxy may keep the tokens until there are many.
    response.headers_mut().insert(
        "x-accel-buffering",
        axum::http::HeaderValue::from_static("no"),
    );
    response
}

impl Told {
    /// What can be said before anything has come.
    fn open(&mut self) {
        match self.reply.form {
            Form::Chat => {
                for at in 0..self.reply.choices.len() {
                    let chunk = self.reply.chunk(at, chat::opening(), false);
                    self.put(chunk);
                }
            }
            Form::Completion { .. } if self.reply.is_scored() => {}
            Form::Completion { .. } => self.echo(0..self.reply.choices.len()),
        }
        self.end_if_done();
    }

    /// Says the prompts of these choices, where they are said.
    fn echo(&mut self, choices: std::ops::Range<usize>) {
        let is_end = self.reply.is_prompt_alone();
        for at in choices {
            if let Some(opening) = completions::opening(&self.reply, at) {
                let chunk = self.reply.chunk(at, opening, is_end);
                self.put(chunk);
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<(), Failure> {
        let prompt = event.prompt;
        let was_scored = self.reply.scores[prompt].is_some();
        match self.reply.hear(event)? {
            Step::Piece(at, piece) => self.say(at, &piece, false),
            Step::End(at, piece) => self.say(at, &piece, true),
            Step::Nothing => {}
        }
        if !was_scored && self.reply.scores[prompt].is_some() {
            let n = self.reply.wanted.n;
            self.echo(prompt * n..(prompt + 1) * n);
        }
        self.end_if_done();
        Ok(())
    }

    fn say(&mut self, at: usize, piece: &Piece, is_end: bool) {
        match self.reply.form {
            Form::Chat => {
                if !piece.is_empty() {
                    let delta = chat::piece(&self.reply, piece);
                    self.put(self.reply.chunk(at, delta, false));
                }
                if is_end {
                    self.put(self.reply.chunk(at, chat::closing(), true));
                }
            }
            Form::Completion { .. } => {
                let delta = completions::piece(&self.reply, at, piece);
                self.put(self.reply.chunk(at, delta, is_end));
            }
        }
    }

    fn end_if_done(&mut self) {
        if self.reply.is_done() {
            if self.reply.wanted.include_usage {
                self.put(self.reply.usage_chunk());
            }
            self.ready.push_back(DONE.to_owned());
            self.is_over = true;
        }
    }

    /// The status was sent long ago: clients look for an `error` in the events.
    fn fail(&mut self, failure: &Failure) {
        self.put(failure.envelope());
        self.is_over = true;
    }

    fn put(&mut self, value: Value) {
        self.ready.push_back(value.to_string());
    }
}

impl Stream for Told {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let told = self.get_mut();
        loop {
            if let Some(data) = told.ready.pop_front() {
                return Poll::Ready(Some(Ok(sse::Event::default().data(data))));
            }
            if told.is_over {
                return Poll::Ready(None);
            }
            match told.events.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(event)) => {
                    if let Err(failure) = told.hear(event) {
                        told.fail(&failure);
                    }
                }
                // The engine has ended.
                Poll::Ready(None) => told.fail(&Failure::internal()),
            }
        }
    }
}
