//! Charts as SVG, drawn by plotters on a small backend of our own.
//!
//! Pages and report draw with the same code: this crate knows neither.
//!
//! A chart is a pure function of its data: server, browser and files get the same bytes. Colours
//! are CSS variables with the light theme's value as fallback, text is real text measured by a
//! fixed table, and every number is written from integers.

pub mod alone;
pub mod change;
pub mod cluster_counts;
pub mod csv;
pub mod curves;
pub mod difference;
pub mod file;
pub mod format;
pub mod gauge;
pub mod group;
pub mod growth;
pub mod histogram;
pub mod interval;
pub mod measured;
pub mod outcomes;
pub mod overlay;
pub mod palette;
pub mod plot;
pub mod reliability;
pub mod risk_coverage;
pub mod rows;
pub mod sentence;
pub mod share;
pub mod small_histogram;
pub mod svg;
pub mod together;

pub use alone::standalone;
pub use outcomes::{Binning, Outcomes, level_bin};
pub use reliability::Diagram;
