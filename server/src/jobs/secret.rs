//! Keys of endpoints: they come from the environment, and stand in no form, file, log or page.

use datasets::RunConfig;
use datasets::config::EndpointConfig;

/// The variables that a key is looked for in where a configuration names none.
const USUAL: [&str; 2] = ["SAYSELF_API_KEY", "OPENAI_API_KEY"];
/// Bytes below which a variable's content is no key, and may be any word of a log.
const KEY_BYTES_MIN: usize = 8;

/// Every endpoint of a configuration, with its table's path.
fn endpoints(config: &RunConfig) -> Vec<(String, &EndpointConfig)> {
    let mut all: Vec<(String, &EndpointConfig)> = [
        ("endpoint", &config.endpoint),
        ("cluster.endpoint", &config.cluster.endpoint),
        ("rationalize.endpoint", &config.rationalize.endpoint),
    ]
    .into_iter()
    .filter_map(|(path, endpoint)| Some((path.to_owned(), endpoint.as_ref()?)))
    .collect();
    for (index, evaluation) in config.evaluate.iter().enumerate() {
        if let Some(judge) = &evaluation.judge {
            all.push((format!("evaluate[{}].judge", index + 1), judge));
        }
    }
    if let Some(judge) = config
        .faithfulness
        .as_ref()
        .and_then(|faithfulness| faithfulness.judge.as_ref())
    {
        all.push(("faithfulness.judge".to_owned(), judge));
    }
    all
}

/// What of a configuration holds a key, or looks as if it did: the path of each, and what to do.
pub fn within(config: &RunConfig) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, endpoint) in endpoints(config) {
        if has_password(&endpoint.url) {
            found.push((format!("{path}.url"), PASSWORD.to_owned()));
        }
        if let Some(variable) = &endpoint.key_variable
            && !is_variable(variable)
        {
            found.push((
                format!("{path}.key_variable"),
                "this is no name of an environment variable (capital letters, digits and _); give the name of the one that holds the key, never the key itself".to_owned(),
            ));
        }
    }
    found
}

const PASSWORD: &str = "the address holds a name or a password before its `@`; put the key in an environment variable and name that in `key_variable`";

fn has_password(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    place
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|host| host.contains('@'))
}

/// Letters, digits and `_`, in capitals as such names are: a key has both cases, or dashes.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// The keys that a job's process may know, each with its variable's name.
pub fn keys_of(config: &str) -> Vec<(String, String)> {
    let config = RunConfig::from_toml(config).unwrap_or_default();
    let named = endpoints(&config)
        .into_iter()
        .filter_map(|(_, endpoint)| endpoint.key_variable.clone());
    let mut names: Vec<String> = USUAL.map(str::to_owned).into_iter().chain(named).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| Some((std::env::var(&name).ok()?, name)))
        .filter(|(key, _)| key.len() >= KEY_BYTES_MIN)
        .map(|(key, name)| (name, key))
        .collect()
}

/// A line with the name of the variable in the place of each key.
pub fn hidden(line: &str, keys: &[(String, String)]) -> String {
    keys.iter().fold(line.to_owned(), |line, (name, key)| {
        line.replace(key.as_str(), &format!("[the key of {name}]"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_configuration_are_found() {
        let text = "[endpoint]\nurl = 'http://me:secret@host/v1'\nkey_variable = 'sk-abc'\n\
                    [[evaluate]]\n[evaluate.judge]\nurl = 'https://host'\nkey_variable = 'abcDEF012'\n\
                    [faithfulness.judge]\nurl = 'http://key@host'";
        let found = within(&RunConfig::from_toml(text).unwrap());
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "endpoint.url",
                "endpoint.key_variable",
                "evaluate[1].judge.key_variable",
                "faithfulness.judge.url"
            ]
        );
        assert!(found.iter().all(|(_, words)| !words.contains("secret")));
        let sound = "[endpoint]\nurl = 'http://host:8000/v1?a=b@c'\nkey_variable = 'MY_KEY_2'";
        assert!(within(&RunConfig::from_toml(sound).unwrap()).is_empty());
    }

    #[test]
    fn a_key_in_a_line_is_replaced_by_its_name() {
        let keys = [("MY_KEY".to_owned(), "sk-0123456789".to_owned())];
        assert_eq!(
            hidden("401: sk-0123456789 is wrong", &keys),
            "401: [the key of MY_KEY] is wrong"
        );
    }
}
