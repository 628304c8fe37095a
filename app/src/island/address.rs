//! The page's address, kept in step with what an island shows, so that it can be sent to others and
//! the browser's back button works.

use crate::choice::Choice;

/// Whether a change is one to go back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A choice: the back button undoes it.
    Forward,
    /// One of many while something is moved.
    InPlace,
}

/// Writes a change into the address. On the server there is none.
#[cfg(not(feature = "hydrate"))]
pub fn change(_step: Step, _change: impl FnOnce(&mut Choice)) {}

/// Calls back with what the address says once the visitor went back or forward.
#[cfg(not(feature = "hydrate"))]
pub fn when_gone_back(_tell: impl Fn(Choice) + 'static) {}

#[cfg(feature = "hydrate")]
pub use browser::{change, when_gone_back};

#[cfg(feature = "hydrate")]
mod browser {
    use super::Step;
    use crate::choice::Choice;
    use wasm_bindgen::prelude::*;

    /// Path and query; `None` where the browser does not tell.
    fn current() -> Option<String> {
        let location = web_sys::window()?.location();
        Some([location.pathname().ok()?, location.search().ok()?].concat())
    }

    pub fn change(step: Step, change: impl FnOnce(&mut Choice)) {
        let Some(before) = current() else { return };
        let mut choice = Choice::of(&before);
        change(&mut choice);
        let after = choice.address(&before);
        let history = web_sys::window().and_then(|window| window.history().ok());
        let Some(history) = history.filter(|_| after != before) else {
            return;
        };
        // A browser that refuses (too many changes in a short time) keeps the old address: what is
        // shown is right all the same.
        let _ = match step {
            Step::Forward => history.push_state_with_url(&JsValue::NULL, "", Some(&after)),
            Step::InPlace => history.replace_state_with_url(&JsValue::NULL, "", Some(&after)),
        };
    }

    pub fn when_gone_back(tell: impl Fn(Choice) + 'static) {
        let Some(window) = web_sys::window() else {
            return;
        };
        let hear = Closure::<dyn Fn()>::new(move || {
            if let Some(address) = current() {
                tell(Choice::of(&address));
            }
        });
        // Without it the page is as it would be after a reload.
        let _ = window.add_event_listener_with_callback("popstate", hear.as_ref().unchecked_ref());
        // It must live as long as the page does.
        hear.forget();
    }
}
