//! Data sets as the Hugging Face hub lays them out: a folder `data/` with a file for each split, and a
//! card, `README.md`, whose YAML head names configurations and columns.

mod card;
mod split;
mod table;

pub use card::{Card, Part, yaml_text};
pub use split::{split_name, split_named, split_of_file};
pub use table::{Column, Table, Values, answers, questions, stage_one};
