//! The end of a job's log: drawn on the server as it stands, then followed over SSE.

use crate::format;
use leptos::prelude::*;

/// Lines kept on the page; older ones are a link away.
#[cfg(feature = "hydrate")]
const LINES_MAX: usize = 200;

/// The lines of a log that grows. `address` is the job's stream: messages named `log` are lines,
/// those without a name its state; where that is no longer `state`, the page around is old.
#[island]
pub fn JobLog(lines: Vec<String>, state: String, address: String) -> impl IntoView {
    let (shown, set_shown) = signal(lines);
    let (now, set_now) = signal(state.clone());
    follow(address, set_shown, set_now);
    let is_old = move || now.get() != state;
    view! {
        <div class="log job-log" tabindex="0" role="region" aria-label="Lines of the log">
            <ol>
                {move || {
                    shown
                        .get()
                        .iter()
                        .map(|line| view! { <li>{format::foreign(line)}</li> })
                        .collect_view()
                }}
            </ol>
        </div>
        <p class="turn" role="status" aria-live="polite">
            <span>{move || ["The job is ", &now.get(), ". "].concat()}</span>
            <a href="" hidden=move || !is_old()>"Show how it stands"</a>
        </p>
    }
}

/// Listens in the browser; on the server there is nothing to listen to.
#[cfg(not(feature = "hydrate"))]
fn follow(_address: String, _lines: WriteSignal<Vec<String>>, _state: WriteSignal<String>) {}

#[cfg(feature = "hydrate")]
fn follow(address: String, lines: WriteSignal<Vec<String>>, state: WriteSignal<String>) {
    use wasm_bindgen::prelude::*;
    use web_sys::{EventSource, MessageEvent};

    Effect::new(move |_| {
        // Without EventSource the page stays as the server drew it.
        let Ok(source) = EventSource::new(&address) else {
            return;
        };
        let hear = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let Some(text) = message.data().as_string() else {
                return;
            };
            lines.update(|lines| {
                lines.extend(text.split('\n').map(str::to_owned));
                let surplus = lines.len().saturating_sub(LINES_MAX);
                lines.drain(..surplus);
            });
        });
        // A listener that cannot be added leaves the page as it was drawn.
        let _ = source.add_event_listener_with_callback("log", hear.as_ref().unchecked_ref());
        let stream = source.clone();
        let turn = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let Some(word) = message.data().as_string() else {
                return;
            };
            if !matches!(word.as_str(), "queued" | "running") {
                stream.close();
            }
            state.set(word);
        });
        source.set_onmessage(Some(turn.as_ref().unchecked_ref()));
        // They must live as long as the page does.
        hear.forget();
        turn.forget();
    });
}
