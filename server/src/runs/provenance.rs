//! `[provenance]` of `run.toml`: where a run came from.

use app::view::{FileHash, Provenance};

/// Keys that hold a hash, and what was hashed.
const HASHES: [(&str, &str); 3] = [
    ("model_sha256", "model's weights"),
    ("questions_sha256", "questions"),
    ("adapter_sha256", "adapter"),
];

/// Of the text of a `run.toml`; `None` where it says nothing of it.
pub fn provenance(config: &str) -> Option<Provenance> {
    let table: toml::Table = toml::from_str(config).ok()?;
    let provenance = table.get("provenance")?.as_table()?;
    let text = |key: &str| provenance.get(key).and_then(toml::Value::as_str);
    let mut hashes: Vec<FileHash> = HASHES
        .iter()
        .filter_map(|(key, of)| hash(of, text(key)?))
        .collect();
    let inputs = provenance.get("inputs").and_then(toml::Value::as_table);
    hashes.extend(
        inputs
            .into_iter()
            .flatten()
            .filter_map(|(name, sha256)| hash(name, sha256.as_str()?)),
    );
    Some(Provenance {
        sayself_version: text("sayself_version").unwrap_or_default().to_owned(),
        stage: text("stage").unwrap_or_default().to_owned(),
        hashes,
    })
}

fn hash(of: &str, sha256: &str) -> Option<FileHash> {
    (!sha256.is_empty()).then(|| FileHash {
        of: of.to_owned(),
        sha256: sha256.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::provenance;

    #[test]
    fn hashes_that_are_there_are_told() {
        let config = "title = \"a\"\n[provenance]\nsayself_version = \"0.1.0\"\nstage = \"run\"\nmodel_sha256 = \"ab\"\nadapter_sha256 = \"\"\n[provenance.inputs]\nprompt = \"cd\"\n";
        let found = provenance(config).unwrap();
        let of: Vec<&str> = found.hashes.iter().map(|hash| hash.of.as_str()).collect();
        assert_eq!(
            (of, found.stage.as_str()),
            (vec!["model's weights", "prompt"], "run")
        );
        assert_eq!(provenance("title = \"a\""), None);
        assert_eq!(provenance("not toml"), None);
    }
}
