//! What moves in the browser, as WebAssembly. The server has drawn each island whole, with `data-island`
//! its name and beside it what the browser must know; here each gets its ears, and what changes is drawn
//! by the code that drew it on the server.
//!
//! Leptos' own hydration is not used: with it the same islands were 133 kB compressed (`cargo xtask web`
//! prints what they are now).

mod address;
mod diagram;
mod dom;
mod json;
mod progress;
mod selective;
mod stream;
mod threshold;

use dom::Island;
use wasm_bindgen::prelude::wasm_bindgen;

/// Wakes each island of the page. One that is not as it should be stays as the server drew it.
#[wasm_bindgen]
pub fn wake() {
    for island in dom::islands() {
        // `None` is such a one.
        let _ = wake_one(island);
    }
}

fn wake_one(island: Island) -> Option<()> {
    match island.data("island")?.as_str() {
        "diagram" => diagram::wake(island),
        "progress" => progress::wake(island),
        "selective" => selective::wake(island),
        "threshold" => threshold::wake(island),
        _ => None,
    }
}
