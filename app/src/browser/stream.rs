//! The streams that bars listen to: a browser opens six connections to a server and no more.

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
