//! Measures a file of the visitor's own in the visitor's browser: a Web Worker runs this, and may not
//! speak to any network.
//!
//! ```text
//! bytes ─ form ─ head ─ guess ─► plan ─ (changed) ─ reading ─► rows ─ measurement ─► numbers ─► figures
//!                                                                                       └─ share ─► #figures=1.…
//! ```
//!
//! | to | see |
//! |---|---|
//! | follow a file from bytes to figures | [`session`], driven by `web/worker.js` through [`browser`] |
//! | read another form | [`form`], [`reading`] for what is read row by row, [`logs`] for what is held |
//! | guess columns better | [`guess`], told by [`plan`] |
//! | show more | [`figures`], out of [`numbers`] alone, which [`share`] keeps in an address |
//! | move a limit | [`limits`] |
//!
//! Measures, intervals and drawings are [`calibration`]'s and [`chart`]'s: the same code as at the
//! command line and on the server.

pub mod browser;
pub mod csv;
pub mod download;
pub mod figures;
pub mod form;
pub mod guess;
pub mod head;
pub mod limits;
pub mod lines;
pub mod logs;
pub mod markup;
pub mod measures;
pub mod numbers;
pub mod object;
pub mod plan;
pub mod reading;
pub mod rows;
pub mod session;
pub mod share;
pub mod trouble;
pub mod value;
