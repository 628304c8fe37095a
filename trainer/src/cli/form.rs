//! How a table is written, as an argument.

use clap::ValueEnum;

/// [`comparison::form::Form`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Columns for the terminal
    Text,
    Markdown,
    Csv,
    Latex,
}

impl From<Form> for comparison::form::Form {
    fn from(form: Form) -> Self {
        match form {
            Form::Text => Self::Text,
            Form::Markdown => Self::Markdown,
            Form::Csv => Self::Csv,
            Form::Latex => Self::Latex,
        }
    }
}
