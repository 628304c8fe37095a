//! Charts as SVG, drawn by plotters on a small backend of our own.
//!
//! A chart is a pure function of its data: server, browser and files get the same bytes. Colours
//! are CSS variables with the light theme's value as fallback, text is real text measured by a
//! fixed table, and every number is written from integers.

pub mod growth;
pub mod histogram;
pub mod interval;
pub mod outcomes;
pub mod palette;
pub mod plot;
pub mod reliability;
pub mod share;
pub mod svg;

pub use outcomes::{Binning, Outcomes};
