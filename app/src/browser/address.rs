//! The page's address, kept in step with what an island shows, so that it can be sent to others and
//! the browser's back button works.

use super::dom::{Island, set_attribute};
use crate::choice::Choice;
use wasm_bindgen::prelude::*;
use web_sys::window;

/// Whether a change is one to go back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A choice: the back button undoes it.
    Forward,
    /// One of many while something is moved.
    InPlace,
}

/// Path and query; empty where the browser does not tell.
pub fn current() -> String {
    let told = || {
        let location = window()?.location();
        Some([location.pathname().ok()?, location.search().ok()?].concat())
    };
    told().unwrap_or_default()
}

/// Puts an address into the browser's bar. A browser that refuses (too many changes in a short time)
/// keeps the old one: what is shown is right all the same.
pub fn go(step: Step, address: &str) {
    let history = window().and_then(|window| window.history().ok());
    let Some(history) = history.filter(|_| current() != address) else {
        return;
    };
    let _ = match step {
        Step::Forward => history.push_state_with_url(&JsValue::NULL, "", Some(address)),
        Step::InPlace => history.replace_state_with_url(&JsValue::NULL, "", Some(address)),
    };
}

/// Writes a change into the address.
pub fn change(step: Step, change: impl FnOnce(&mut Choice)) {
    let before = current();
    let mut choice = Choice::of(&before);
    change(&mut choice);
    go(step, &choice.address(&before));
}

/// Calls back with what the address says once the visitor went back or forward.
pub fn when_gone_back(tell: impl Fn(Choice) + 'static) {
    let Some(window) = window() else { return };
    let hear = Closure::<dyn Fn()>::new(move || tell(Choice::of(&current())));
    // Without it the page is as it would be after a reload.
    let _ = window.add_event_listener_with_callback("popstate", hear.as_ref().unchecked_ref());
    // It must live as long as the page does.
    hear.forget();
}

/// Lets the links to a chart's files ask for what is shown.
pub fn keep_files(island: &Island, choice: Choice) {
    let page = choice.address(&current());
    let query = page.split_once('?').map_or("", |(_, query)| query);
    for link in island.all(".downloads a") {
        let file = link.get_attribute("href").unwrap_or_default();
        let file = file.split('?').next().unwrap_or_default();
        let file = if query.is_empty() {
            file.to_owned()
        } else {
            [file, "?", query].concat()
        };
        set_attribute(&link, "href", &file);
    }
}
