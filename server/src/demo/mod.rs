//! The demo: which model a visitor's browser may fetch, what it was taught, and the run whose evaluation
//! is its record. Nothing here runs a model.
//!
//! | to | see |
//! |---|---|
//! | choose other files | [`chosen`] |
//! | ask in another way, count another record | [`asked`] |
//! | show other questions | [`examples`] |
//! | answer visitors here, in place of their browsers | [`answering`] |

pub mod answering;
pub mod asked;
pub mod chosen;
pub mod examples;
pub mod sums;

use crate::limits::DEMO_EVERY_MS;
use crate::runs::Run;
use answering::Answering;
use app::link;
use app::view::{DemoModel, DemoPage, DemoServer, RecordedExample};
use asked::Asked;
use chosen::Chosen;
use datasets::demo::{About, DemoAdapter, DemoFile, DemoRun, kinds_of};
use examples::Examples;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use sums::Sums;

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A GGUF file; absent: the one that `sayself pull smollm2-135m` leaves.
    pub model: Option<PathBuf>,
    /// The folder of an adapter in PEFT form; absent: that of the newest finished run of this model.
    pub adapter: Option<PathBuf>,
    /// No model is handed out, whatever there is.
    pub without_model: bool,
}

/// The demo of a server.
#[derive(Default)]
pub struct Demo {
    wanted: Wanted,
    /// The server's own.
    pub answering: Arc<Answering>,
    sums: Sums,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    looked: Instant,
    sees_all: bool,
    version: String,
    offered: Arc<Offered>,
}

/// What is offered now.
#[derive(Debug, Default)]
pub struct Offered {
    /// What the page shows before its scripts have run.
    pub page: DemoPage,
    /// What is told of the models, and the text of it, `about.json`; absent where there is no model.
    pub about: Option<(Arc<About>, String)>,
    pub chosen: Arc<Chosen>,
    /// Changes with all of it.
    pub version: String,
    /// The files that can be fetched, by their SHA-256 in hex.
    pub files: Vec<(String, PathBuf)>,
}

impl Demo {
    pub fn new(wanted: Wanted, answering: Answering) -> Self {
        Demo {
            wanted,
            answering: Arc::new(answering),
            ..Demo::default()
        }
    }

    /// What is offered of these runs, the newest first, at most [`DEMO_EVERY_MS`] old. `sees_all`: whether
    /// they are all that there are. Blocks on the file system.
    pub fn offered(
        &self,
        sees_all: bool,
        runs: impl Fn() -> Arc<Vec<Run>>,
        is_finished: impl Fn(&Run) -> bool,
    ) -> Arc<Offered> {
        if let Some(kept) = &*self.lock()
            && kept.sees_all == sees_all
            && kept.looked.elapsed() < Duration::from_millis(DEMO_EVERY_MS)
        {
            return Arc::clone(&kept.offered);
        }
        let chosen = chosen::choose(&self.wanted, &self.sums, &runs(), is_finished);
        let version = chosen.version();
        let before = self.lock().take().filter(|kept| kept.version == version);
        let offered = match before {
            Some(kept) => kept.offered,
            None => Arc::new(offer(chosen, &version, &self.answering)),
        };
        *self.lock() = Some(Kept {
            looked: Instant::now(),
            sees_all,
            version,
            offered: Arc::clone(&offered),
        });
        offered
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        // What is kept is whole, whatever happened to who kept it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn offer(chosen: Chosen, version: &str, answering: &Answering) -> Offered {
    let taught_here = answering.is_taught(&chosen);
    let asked = Asked::of(&chosen, taught_here);
    let examples = Examples::of(&chosen, &asked);
    let server = answering.is_there(&chosen).then(|| DemoServer {
        taught: taught_here,
        keeps: answering.keeps(),
    });
    let run = chosen.run.as_ref().map(|run| DemoRun {
        id: run.found.id.clone(),
        title: run.facts.title.clone(),
        questions: run.facts.questions.clone(),
    });
    let page = DemoPage {
        model: chosen.model.as_ref().map(|model| DemoModel {
            name: model.name.clone(),
            bytes: model.bytes
                + chosen
                    .adapter
                    .as_ref()
                    .map_or(0, |adapter| adapter.weights.bytes),
            taught: chosen.adapter.is_some(),
        }),
        typical: examples.typical.clone(),
        examples: recorded(&examples, &asked),
        run: run.clone(),
        server,
    };
    if chosen.model.is_none() && server.is_none() {
        return Offered {
            page,
            version: version.to_owned(),
            ..Offered::default()
        };
    }
    let weights = chosen.adapter.as_ref().map(|adapter| &adapter.weights);
    let files = chosen
        .model
        .iter()
        .chain(weights)
        .map(|file| (file.sha256.clone(), file.path.clone()))
        .collect();
    let about =
        About {
            model: chosen.model.as_ref().map(file_of),
            adapter: chosen.adapter.as_ref().map(|adapter| DemoAdapter {
                weights: file_of(&adapter.weights),
                config: adapter.config.clone(),
            }),
            kinds: kinds_of(asked.answers().iter().filter_map(|answer| {
                Some((answer.template.as_deref()?, answer.question.as_str()))
            })),
            before: asked.before,
            after: asked
                .after
                .filter(|_| chosen.adapter.is_some() || taught_here),
            run,
            examples: examples.typical,
            questions: examples.others,
        };
    // Plain data with text keys: it always has a JSON form.
    let text = serde_json::to_string(&about).unwrap_or_default();
    Offered {
        page,
        about: Some((Arc::new(about), text)),
        chosen: Arc::new(chosen),
        version: version.to_owned(),
        files,
    }
}

/// One example of each kind, with the record of its level.
fn recorded(examples: &Examples, asked: &Asked) -> Vec<RecordedExample> {
    let record = asked
        .after
        .as_ref()
        .unwrap_or(&asked.before)
        .record
        .as_ref();
    let shown = examples.shown.iter().map(|example| RecordedExample {
        count: record
            .zip(example.said.confidence)
            .map(|(record, confidence)| record.at(confidence)),
        example: example.clone(),
    });
    shown.collect()
}

fn file_of(file: &chosen::File) -> DemoFile {
    DemoFile {
        name: file.name.clone(),
        address: link::demo_model(&file.sha256, &file.file_name),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
    }
}

/// A tag of a text that changes with it.
pub fn tag_of(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}
