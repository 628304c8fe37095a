//! A progress bar that follows its run.

use super::dom::Island;
use super::json::Json;
use super::stream;
use crate::progress::Shown;
use crate::view::RunState;
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use web_sys::MessageEvent;

pub fn wake(island: Island) -> Option<()> {
    let address = island.data("address")?;
    let event = island.data("event").unwrap_or_else(|| "message".into());
    // Without EventSource the bar stays as the server drew it.
    let source = stream::join(&address)?;
    let over = Cell::new(false);
    let hear = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let state = message.data().as_string().and_then(|text| state(&text));
        if let Some(state) = state {
            let shown = Shown::new(&state);
            if shown.over && !over.replace(true) {
                stream::leave(&address);
            }
            show(&island, &shown);
        }
    });
    let _ = source.add_event_listener_with_callback(&event, hear.as_ref().unchecked_ref());
    // It must live as long as the page does.
    hear.forget();
    Some(())
}

fn show(island: &Island, shown: &Shown) {
    match shown.per_mille {
        Some(value) => island.set_attribute("progress", "value", &value.to_string()),
        None => island.set_flag("progress", "value", false),
    }
    island.set_text(".line", &shown.line);
    island.set_text(".unseen", &shown.spoken);
    island.set_flag(".reload", "hidden", !shown.over);
}

/// A [`RunState`] as the server writes it; `None` where it is none.
fn state(text: &str) -> Option<RunState> {
    let object = Json::parse(text)?;
    let words = |key: &str| object.get(key)?.text();
    let number = |key: &str| object.get(key)?.number();
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
