//! The live progress of a run: server-rendered as it stands, then kept up to date over SSE.

use crate::format;
use crate::view::RunState;
use leptos::prelude::*;

/// What the bar shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    /// One line for the eyes: `sample: 120 of 300 questions, about 4 min left`.
    pub(crate) line: String,
    /// A coarser one, read out when it changes: stage and tens of percent.
    spoken: String,
    /// 0..=1000; absent while nothing is known.
    pub(crate) per_mille: Option<u64>,
    /// The run is over, one way or the other: the page as it stands is old.
    over: bool,
}

impl Shown {
    pub(crate) fn new(state: &RunState) -> Self {
        match state {
            RunState::Waiting => Shown {
                line: "Waiting for its turn.".into(),
                spoken: "Waiting.".into(),
                ..Shown::default()
            },
            RunState::Running {
                stage,
                done,
                total,
                unit,
                seconds_left,
            } => {
                let mut line = [
                    stage,
                    ": ",
                    &format::count(*done),
                    " of ",
                    &format::count(*total),
                    " ",
                    unit,
                ]
                .concat();
                if let Some(seconds) = seconds_left {
                    line.push_str(", about ");
                    line.push_str(&format::duration(*seconds));
                    line.push_str(" left");
                }
                let per_mille = (*total > 0).then(|| (done * 1000 / total).min(1000));
                let tens = per_mille.unwrap_or(0) / 100 * 10;
                Shown {
                    line,
                    spoken: [stage, ": ", &tens.to_string(), "% done"].concat(),
                    per_mille,
                    over: false,
                }
            }
            RunState::Finished => over("Finished."),
            RunState::Failed { stage, .. } => over(&["Failed in ", stage, "."].concat()),
            RunState::Damaged { .. } => over("Its directory cannot be read."),
        }
    }
}

fn over(line: &str) -> Shown {
    Shown {
        line: line.to_owned(),
        spoken: line.to_owned(),
        per_mille: None,
        over: true,
    }
}

/// Where a run stands, in one line.
pub fn line(state: &RunState) -> String {
    Shown::new(state).line
}

/// A progress bar that follows `address` (SSE, each message a [`RunState`]) and hears its messages
/// named `event`, or those without a name. `state` is where the run stands, as JSON. Bars of one
/// address share one stream.
#[island]
pub fn Progress(
    state: String,
    address: String,
    #[prop(optional)] event: Option<String>,
    name: String,
) -> impl IntoView {
    let first = state_from_json(&state).unwrap_or(RunState::Waiting);
    let (shown, set_shown) = signal(Shown::new(&first));
    follow(address, event.unwrap_or_default(), set_shown);
    view! {
        <div class="progress">
            <progress
                max="1000"
                aria-label=["Progress of ", &name].concat()
                value=move || shown.get().per_mille.map(|value| value.to_string())
            ></progress>
            <span class="line">{move || shown.get().line}</span>
            <span class="unseen" role="status" aria-live="polite">{move || shown.get().spoken}</span>
            <a class="reload" href="" hidden=move || !shown.get().over>"Show the results"</a>
        </div>
    }
}

/// A [`RunState`] as the server writes it; `None` where it is none.
#[cfg(not(feature = "hydrate"))]
fn state_from_json(text: &str) -> Option<RunState> {
    serde_json::from_str(text).ok()
}

/// The same by the browser's own JSON: serde's code for tagged enums would be a tenth of the bundle.
#[cfg(feature = "hydrate")]
fn state_from_json(text: &str) -> Option<RunState> {
    let object = js_sys::JSON::parse(text).ok()?;
    let get = |key: &str| js_sys::Reflect::get(&object, &key.into()).ok();
    let words = |key: &str| get(key)?.as_string();
    // Counts stay far below 2^53, where an f64 is exact.
    let number = |key: &str| get(key)?.as_f64();
    Some(match words("state")?.as_str() {
        "waiting" => RunState::Waiting,
        "running" => RunState::Running {
            stage: words("stage")?,
            done: number("done")? as u64,
            total: number("total")? as u64,
            unit: words("unit")?,
            seconds_left: number("seconds_left"),
        },
        "finished" => RunState::Finished,
        "failed" => RunState::Failed {
            stage: words("stage")?,
            error: words("error")?,
        },
        "damaged" => RunState::Damaged {
            error: words("error")?,
        },
        _ => return None,
    })
}

/// Listens in the browser; on the server there is nothing to listen to.
#[cfg(not(feature = "hydrate"))]
fn follow(_address: String, _event: String, _shown: WriteSignal<Shown>) {}

#[cfg(feature = "hydrate")]
fn follow(address: String, event: String, shown: WriteSignal<Shown>) {
    use std::cell::Cell;
    use wasm_bindgen::prelude::*;
    use web_sys::MessageEvent;

    Effect::new(move |_| {
        // Without EventSource the page stays as the server drew it.
        let Some(source) = stream::join(&address) else {
            return;
        };
        let event = if event.is_empty() {
            "message"
        } else {
            event.as_str()
        };
        let (address, over) = (address.clone(), Cell::new(false));
        let hear = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let Some(text) = message.data().as_string() else {
                return;
            };
            if let Some(state) = state_from_json(&text) {
                let next = Shown::new(&state);
                if next.over && !over.replace(true) {
                    stream::leave(&address);
                }
                shown.set(next);
            }
        });
        let _ = source.add_event_listener_with_callback(event, hear.as_ref().unchecked_ref());
        // It must live as long as the page does.
        hear.forget();
    });
}

/// The streams that bars listen to: a browser opens six connections to a server and no more.
#[cfg(feature = "hydrate")]
mod stream {
    use std::cell::RefCell;
    use web_sys::EventSource;

    struct Stream {
        address: String,
        source: EventSource,
        listeners: usize,
    }

    thread_local! {
        static OPEN: RefCell<Vec<Stream>> = const { RefCell::new(Vec::new()) };
    }

    /// One more listener of the stream at an address, which is opened for the first; `None` where the
    /// browser cannot.
    pub fn join(address: &str) -> Option<EventSource> {
        OPEN.with_borrow_mut(|open| {
            if let Some(stream) = open.iter_mut().find(|stream| stream.address == address) {
                stream.listeners += 1;
                return Some(stream.source.clone());
            }
            let source = EventSource::new(address).ok()?;
            open.push(Stream {
                address: address.to_owned(),
                source: source.clone(),
                listeners: 1,
            });
            Some(source)
        })
    }

    /// One listener less; the last one closes the stream.
    pub fn leave(address: &str) {
        OPEN.with_borrow_mut(|open| {
            let Some(index) = open.iter().position(|stream| stream.address == address) else {
                return;
            };
            open[index].listeners -= 1;
            if open[index].listeners == 0 {
                open.swap_remove(index).source.close();
            }
        });
    }
}
