//! The shipped configurations (`datasets/configs/`).

const BUILTIN: [(&str, &str); 2] = [
    (
        "world-facts/demo",
        include_str!("../configs/world-facts/demo.toml"),
    ),
    (
        "world-facts/full",
        include_str!("../configs/world-facts/full.toml"),
    ),
];

/// The TOML text of a shipped configuration; `world-facts/demo.toml` and the repository's path to it
/// name it too.
pub fn builtin(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("datasets/configs/").unwrap_or(name);
    let name = name.strip_suffix(".toml").unwrap_or(name);
    BUILTIN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The names that [`builtin`] knows.
pub fn names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}
