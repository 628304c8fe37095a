//! A reader of foreign bytes that may panic, turned into one that gives errors.
//!
//! The crate `parquet` checks most of what it reads and asserts the rest: a hostile file must not end
//! the process. What runs out of stack or memory cannot be caught: schemas that would are refused
//! before (`schema.rs`), lists, dictionaries and pages as they come (`pages.rs`).
//!
//! Two things are left that a small file can fill memory with. A page that is packed with gzip is
//! unpacked whole before it is counted, to a thousand times its bytes at most. And a long text that
//! stands once in a dictionary is copied for each record, and each element of a list, that names it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread's panics are caught here, and need no word on stderr.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

static QUIET_HOOK: Once = Once::new();

/// What `work` gives, or what its panic said.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    QUIET_HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                before(panic);
            }
        }));
    });
    let was_caught = IS_CAUGHT.replace(true);
    // What `work` touches is not used again where it panicked.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(was_caught);
    outcome.map_err(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        text.unwrap_or_else(|| "damaged data".to_owned())
    })
}
