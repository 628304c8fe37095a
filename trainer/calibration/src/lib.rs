//! Calibration of verbal confidence, as pure functions: reading and judging responses, measures
//! with intervals, diagrams' data, rewards and clustering.
//!
//! Nothing here touches a file, the network, a clock or a thread, so that the server and the
//! browser compute the same numbers with the same code. Randomness comes only from a given seed.
//!
//! | to | use |
//! |---|---|
//! | read a response | [`parse::response`], [`parse::sure`], [`parse::bare_answer`] |
//! | judge an answer | [`judge::is_correct`] |
//! | measure (confidence, correct) pairs | [`metrics::evaluate`], [`baseline::evaluate`] |
//! | draw them | [`corp::diagram`], [`reliability::bins`] |
//! | compare runs | [`compare::paired`], [`compare::together`] |
//! | answer only what is sure | [`selective::coverage_at`] |
//! | recalibrate | [`recalibrate::fit`] |
//! | read a confidence out of a distribution over the levels | [`level::expected`], [`level::mode`] |
//! | train | [`reward::reward`], [`reward::advantages_rloo`] |
//! | cluster responses | [`cluster::by_answer`], [`cluster::greedy_cosine`], [`heights::clusters_at`] |
//! | compare two judges | [`kappa::agreement`] |
//! | write a rationale from clusters, without a model | [`extractive::rationale`] |
//! | measure whether a rationale is true | [`mod@faithfulness`] |

pub mod aurc;
pub mod auroc;
pub mod baseline;
pub mod binning;
pub mod bootstrap;
pub mod brier;
pub mod cluster;
pub mod compare;
pub mod confidence;
pub mod corp;
pub mod ece;
pub mod extractive;
pub mod faithfulness;
pub mod heights;
pub mod indirect_question;
pub mod isotonic;
pub mod judge;
pub mod kappa;
pub mod level;
pub mod metrics;
mod parallel;
pub mod parse;
pub mod random;
pub mod recalibrate;
pub mod reliability;
pub mod reward;
pub mod selective;
pub mod smece;
pub mod tally;

pub use confidence::{Confidence, OutOfRange, Probability};
pub use judge::Judge;
pub use tally::Row;
