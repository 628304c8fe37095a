//! Evaluations set beside one another, and beside the paper's. Pure: no file, no network, no page, so
//! that the command line and the server show the same.
//!
//! | to | see |
//! |---|---|
//! | compare evaluations question by question | [`pairs`] |
//! | find the questions that changed most | [`changes`] |
//! | mark the words in which two texts differ | [`words`] |
//! | set each method's own figures in a row | [`values`] |
//! | fill the paper's Tables 1 to 4 | [`tables`] |
//! | write rows as Markdown, CSV or LaTeX | [`form`] |

pub mod changes;
pub mod form;
pub mod label;
pub mod pairs;
pub mod tables;
pub mod values;
pub mod words;
