//! What an evaluation's label says.

use datasets::RunConfig;

/// A label without the training seed that it ends in: `sayself-seed-2` is `sayself`.
///
/// ```
/// use comparison::label::without_seed;
/// assert_eq!(without_seed("sayself-seed-2"), "sayself");
/// assert_eq!(without_seed("sayself-seed-two"), "sayself-seed-two");
/// ```
pub fn without_seed(label: &str) -> &str {
    match label.rsplit_once("-seed-") {
        Some((stem, seed))
            if !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            stem
        }
        _ => label,
    }
}

/// Which questions an evaluation of a run asked: `test`, `dev` or `held-out`; `None` where the
/// configuration does not say. `is_alone`: it is no part of a run, but a directory of its own.
pub fn split_of(config: &RunConfig, label: &str, is_alone: bool) -> Option<String> {
    let named = config
        .evaluations()
        .into_iter()
        .find(|one| one.label == label);
    match (named, config.evaluate.as_slice()) {
        (Some(named), _) => Some(named.config.split.clone()),
        // An evaluation on its own is the only one of its configuration.
        (None, [only]) if is_alone => Some(only.split.clone()),
        _ => None,
    }
}
