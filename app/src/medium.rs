//! Whether a page comes from a server, or is one of the files that `sayself site` writes.

/// What is added to the names of files that lie packed by gzip among plain files: most of their hosts pack
/// nothing themselves.
pub const PACKED: &str = ".gz";
/// The one of the demo's modules that lies among plain files: it runs wherever one of them does.
pub const FLAVOUR: &str = "simd";

/// How a page reaches its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// From a server, which takes forms and whatever an address asks for.
    #[default]
    Server,
    /// As a file of any static host: what has no file of its own cannot be had, and nothing can be sent.
    Files {
        /// Whether charts and records to download stand among them.
        with_records: bool,
    },
}

impl Medium {
    pub fn is_files(self) -> bool {
        matches!(self, Medium::Files { .. })
    }

    /// What a page's scripts add to the names of what lies packed.
    pub fn packed(self) -> Option<&'static str> {
        self.is_files().then_some(PACKED)
    }

    /// The only flavour of the demo's module that is there; `None`: all are.
    pub fn flavour(self) -> Option<&'static str> {
        self.is_files().then_some(FLAVOUR)
    }

    /// Whether charts and records can be downloaded.
    pub fn has_downloads(self) -> bool {
        !matches!(
            self,
            Medium::Files {
                with_records: false
            }
        )
    }
}

/// That of the page being drawn: [`crate::render`] gives it to all parts of a page.
#[cfg(feature = "ssr")]
pub fn medium() -> Medium {
    leptos::prelude::use_context().unwrap_or_default()
}
