//! How the demo asks a question, and what it makes of what is answered: the same in the visitor's browser
//! and on the server. Pure: texts in, texts and drawings out.
//!
//! | to | see |
//! |---|---|
//! | ask in another way | [`question`] |
//! | say something else of an answer | [`reading`]; of ten samples [`samples`]; of its rationale [`claims`] |
//! | judge a visitor's own guesses | [`guess`] |
//! | move a limit | [`limits`] |

pub mod claims;
pub mod guess;
pub mod limits;
pub mod question;
pub mod reading;
pub mod samples;
