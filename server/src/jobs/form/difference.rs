//! Whether a run that is there may be gone on with by a configuration, as `sayself run` has it.

use datasets::RunConfig;
use datasets::config::EndpointConfig;
use toml::{Table, Value};

/// The first key in which two configurations differ so that a run of one is no run of the other, in
/// words; nothing where the run can be gone on with. How a server is reached may differ, and one may
/// have more training seeds.
pub fn first_difference(there: &RunConfig, here: &RunConfig) -> Option<String> {
    let plain = |config: &RunConfig| {
        let mut table = Table::try_from(config).ok()?;
        forget_ways(&mut table);
        Some(table)
    };
    first("", &plain(there)?, &plain(here)?)
}

/// Removes how endpoints are reached: from tables with an address.
fn forget_ways(table: &mut Table) {
    if table.contains_key("url") {
        for way in EndpointConfig::WAYS {
            table.remove(way);
        }
    }
    for (_, value) in table.iter_mut() {
        match value {
            Value::Table(inner) => forget_ways(inner),
            Value::Array(list) => list
                .iter_mut()
                .filter_map(Value::as_table_mut)
                .for_each(forget_ways),
            _ => {}
        }
    }
}

fn first(path: &str, there: &Table, here: &Table) -> Option<String> {
    let mut keys: Vec<&String> = there.keys().chain(here.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let path = super::joined(path, key);
        let differs = match (there.get(key), here.get(key)) {
            (Some(Value::Table(there)), Some(Value::Table(here))) => {
                match first(&path, there, here) {
                    Some(found) => return Some(found),
                    None => false,
                }
            }
            (Some(Value::Array(there)), Some(Value::Array(here))) if key == "training_seeds" => {
                !there.starts_with(here) && !here.starts_with(there)
            }
            (there, here) => there != here,
        };
        if differs {
            return Some(format!(
                "{path}: {} there, {} here",
                told(there.get(key)),
                told(here.get(key))
            ));
        }
    }
    None
}

fn told(value: Option<&Value>) -> String {
    const CHARACTERS_MAX: usize = 60;
    let text = value.map_or("absent".to_owned(), Value::to_string);
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(there: &str, here: &str) -> Option<String> {
        let config = |text| RunConfig::from_toml(text).unwrap();
        first_difference(&config(there), &config(here))
    }

    #[test]
    fn a_run_goes_on_with_its_own_configuration_alone() {
        assert_eq!(difference("", ""), None);
        assert_eq!(
            difference("[sft]\nepochs = 3", "[sft]\nepochs = 5").unwrap(),
            "sft.epochs: 3 there, 5 here"
        );
        assert_eq!(
            difference("training_seeds = [1]", "training_seeds = [1, 2]"),
            None
        );
        assert!(difference("training_seeds = [1]", "training_seeds = [2]").is_some());
        let at = |url: &str| format!("[endpoint]\nurl = '{url}'");
        assert_eq!(difference(&at("http://a"), &at("http://b")), None);
        let other = format!("{}\nmodel = 'x'", at("http://a"));
        assert!(
            difference(&at("http://a"), &other)
                .unwrap()
                .starts_with("endpoint.model")
        );
        assert!(difference("", &at("http://a")).is_some());
    }
}
