//! The server's own demo: a visitor's question goes to a model server, in a fair line, and comes back as it
//! is written. What visitors ask is not kept, unless the operator says so ([`keeping`]).
//!
//! | to | see |
//! |---|---|
//! | change who is answered next, and how often one may ask | [`line`] |
//! | ask another model | [`model_server`] |
//! | change what it is asked, or how its answer is read | [`client`] |

pub mod client;
pub mod keeping;
pub mod line;
pub mod model_server;

use crate::demo::chosen::Chosen;
use asking::question::{Side, Times};
use asking::reading::{self, Reading};
use asking::samples::{self, Clustered};
use calibration::parse;
use client::{Answered, Question};
use datasets::demo::{About, Record, Way};
use keeping::Keeping;
use line::{Line, Place, Refused};
use model_server::{Location, ModelServer, Ready};
use serde::Serialize;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Why no answer comes, in words for the visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead(pub String);

/// The server's own demo.
#[derive(Debug, Default)]
pub struct Answering {
    line: Arc<Line>,
    model_server: Arc<ModelServer>,
    keeping: Option<Keeping>,
}

/// A question with what its answer is set beside.
#[derive(Clone, Debug)]
pub struct Ask {
    pub question: Question,
    /// Of the answer that ten samples are set beside.
    pub stated: Option<String>,
    pub rationale: Option<String>,
    pub about: Arc<About>,
    pub chosen: Arc<Chosen>,
}

/// What the visitor is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Told {
    /// Those before him in the line, and himself.
    Place {
        place: usize,
    },
    /// What has come of the answer.
    State(State),
    /// All of it.
    Done(State),
    Trouble {
        text: String,
    },
}

/// What has come, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    #[serde(flatten)]
    pub answered: Answered,
    /// Of an answer.
    pub reading: Option<Reading>,
    /// Of ten samples.
    pub clustered: Option<Clustered>,
}

impl Answering {
    pub fn new(location: Location, keeping: Option<Keeping>) -> Self {
        Answering {
            line: Arc::default(),
            model_server: ModelServer::at(location),
            keeping,
        }
    }

    /// Whether visitors can ask here, if these files are handed out.
    pub fn is_there(&self, chosen: &Chosen) -> bool {
        self.model_server.is_there(chosen)
    }

    /// Whether a taught model can be asked here.
    pub fn is_taught(&self, chosen: &Chosen) -> bool {
        self.model_server.is_taught(chosen)
    }

    /// Whether what is asked is kept.
    pub fn keeps(&self) -> bool {
        self.keeping.is_some()
    }

    /// A place in the line.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn join(&self, address: IpAddr) -> Result<Place, Refused> {
        self.line.join(address, Instant::now())
    }

    /// Waits for the turn of a place, asks, and tells of it until all is told or the visitor goes away.
    pub async fn answer(&self, ask: Ask, mut place: Place, visitor: mpsc::Sender<Told>) {
        let told = |told| {
            // What a slow visitor misses comes with the next word; whether he is gone is seen below.
            let _ = visitor.try_send(told);
        };
        tokio::select! {
            () = place.turn(|place| told(Told::Place { place })) => {}
            () = visitor.closed() => return,
        }
        let last = match self.model_server.ready(&ask.chosen).await {
            Ok(ready) => self.asked(ask, ready, visitor.clone()).await,
            Err(dead) => Some(dead.into()),
        };
        if let Some(last) = last {
            let _ = visitor.send(last).await;
        }
        drop(place);
    }

    /// Asks on a thread of its own; the last word, or `None` where the visitor has gone.
    async fn asked(&self, ask: Ask, ready: Ready, visitor: mpsc::Sender<Told>) -> Option<Told> {
        let keeping = self.keeping.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let way = ask.question.side.way(&ask.about)?;
            let mut told = |answered: &Answered| {
                if visitor.is_closed() {
                    return ControlFlow::Break(());
                }
                let _ = visitor.try_send(Told::State(ask.state(way, &ready, answered)));
                ControlFlow::Continue(())
            };
            match client::ask(&ready.endpoint, (&ask.about, way), &ask.question, &mut told) {
                Ok(answered) => {
                    let answered = answered?;
                    if let Some(keeping) = &keeping {
                        keeping.keep(&ask.question, &answered);
                    }
                    Some(Told::Done(ask.state(way, &ready, &answered)))
                }
                Err(dead) => Some(dead.into()),
            }
        });
        asked.await.unwrap_or_else(|_| {
            Some(Told::Trouble {
                text: "This server made a mistake; its log says which.".to_owned(),
            })
        })
    }
}

impl From<Dead> for Told {
    fn from(Dead(text): Dead) -> Self {
        Told::Trouble { text }
    }
}

impl Ask {
    fn state(&self, way: &Way, ready: &Ready, answered: &Answered) -> State {
        let Question {
            side,
            question,
            times,
            ..
        } = &self.question;
        let (reading, clustered) = match times {
            Times::Once => (Some(self.reading(*side, way, ready, answered)), None),
            Times::Ten => {
                let ended = answered.texts.iter().filter(|text| text.done);
                let texts: Vec<&str> = ended.map(|text| text.text.as_str()).collect();
                let clustered = samples::clustered(
                    &texts,
                    times.samples(),
                    self.stated.as_deref(),
                    self.rationale.as_deref(),
                    question,
                );
                (None, Some(clustered))
            }
        };
        State {
            answered: answered.clone(),
            reading,
            clustered,
        }
    }

    fn reading(&self, side: Side, way: &Way, ready: &Ready, answered: &Answered) -> Reading {
        let text = &answered.texts[0];
        // A record is of the files that it was measured on; another server may have others.
        let own = (!ready.has_same_files).then(|| Way {
            record: of_its_own(answered),
            ..way.clone()
        });
        reading::read(
            &self.about,
            own.as_ref().unwrap_or(way),
            &self.question.question,
            (&text.text, text.levels),
            gauge_id(side),
        )
    }
}

/// What names the gauge of a side on the page.
pub fn gauge_id(side: Side) -> &'static str {
    match side {
        Side::Before => "gauge-before",
        Side::After => "gauge-after",
    }
}

/// The record that a model's server tells of the level that was stated.
fn of_its_own(answered: &Answered) -> Option<Record> {
    let level = parse::response(&answered.texts[0].text).confidence?;
    let mut record = Record::default();
    record.levels[level.index()] = answered.record?;
    Some(record)
}
