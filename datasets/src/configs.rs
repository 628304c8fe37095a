//! The shipped configurations (`datasets/configs/`).

const BUILTIN: [(&str, &str); 26] = [
    (
        "world-facts/demo",
        include_str!("../configs/world-facts/demo.toml"),
    ),
    (
        "world-facts/full",
        include_str!("../configs/world-facts/full.toml"),
    ),
    (
        "paper/mistral-7b",
        include_str!("../configs/paper/mistral-7b.toml"),
    ),
    (
        "methods/direct-prompting",
        include_str!("../configs/methods/direct-prompting.toml"),
    ),
    (
        "methods/direct-prompting-with-reason",
        include_str!("../configs/methods/direct-prompting-with-reason.toml"),
    ),
    (
        "methods/verbalized",
        include_str!("../configs/methods/verbalized.toml"),
    ),
    (
        "methods/answer-only",
        include_str!("../configs/methods/answer-only.toml"),
    ),
    (
        "methods/self-consistency",
        include_str!("../configs/methods/self-consistency.toml"),
    ),
    (
        "methods/sequence-likelihood",
        include_str!("../configs/methods/sequence-likelihood.toml"),
    ),
    (
        "methods/dinco",
        include_str!("../configs/methods/dinco.toml"),
    ),
    (
        "methods/r-tuning",
        include_str!("../configs/methods/r-tuning.toml"),
    ),
    ("methods/gce", include_str!("../configs/methods/gce.toml")),
    (
        "methods/paper",
        include_str!("../configs/methods/paper.toml"),
    ),
    (
        "methods/paper-without-rl",
        include_str!("../configs/methods/paper-without-rl.toml"),
    ),
    (
        "methods/paper-sampling",
        include_str!("../configs/methods/paper-sampling.toml"),
    ),
    (
        "methods/paper-without-rationale",
        include_str!("../configs/methods/paper-without-rationale.toml"),
    ),
    (
        "methods/paper-without-rationale-and-confidence",
        include_str!("../configs/methods/paper-without-rationale-and-confidence.toml"),
    ),
    (
        "methods/paper-linear-reward",
        include_str!("../configs/methods/paper-linear-reward.toml"),
    ),
    (
        "methods/tokenized-brier",
        include_str!("../configs/methods/tokenized-brier.toml"),
    ),
    ("methods/rloo", include_str!("../configs/methods/rloo.toml")),
    (
        "methods/rloo-sampled",
        include_str!("../configs/methods/rloo-sampled.toml"),
    ),
    ("methods/grpo", include_str!("../configs/methods/grpo.toml")),
    ("methods/ppo", include_str!("../configs/methods/ppo.toml")),
    (
        "methods/mixed-target",
        include_str!("../configs/methods/mixed-target.toml"),
    ),
    (
        "methods/paper-order",
        include_str!("../configs/methods/paper-order.toml"),
    ),
    (
        "methods/shuffled",
        include_str!("../configs/methods/shuffled.toml"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_configuration_is_sound() {
        for name in names() {
            let config = crate::RunConfig::from_toml(builtin(name).unwrap());
            let config = config.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                !config.evaluate.is_empty() && !config.title.is_empty(),
                "{name}"
            );
        }
    }
}
