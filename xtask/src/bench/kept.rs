//! Rows measured by an earlier call, for `--resume`: all of them take hours, most of it the peers'.

use super::{Figures, Outcome};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

pub struct Kept {
    path: PathBuf,
    /// What measured them: the program's bytes, the machine, the rounds.
    by: String,
    rows: Map<String, Value>,
    resume: bool,
}

impl Kept {
    /// The rows in `path` that the same program measured on the same machine in as many rounds; with
    /// `resume` they are taken over, else each is measured anew when its turn comes.
    ///
    /// # Errors
    /// Where the program cannot be read.
    pub fn open(
        path: PathBuf,
        program: &Path,
        machine: &str,
        rounds: usize,
        resume: bool,
    ) -> Result<Kept> {
        let mut hasher = DefaultHasher::new();
        std::fs::read(program)
            .with_context(|| format!("cannot read {}", program.display()))?
            .hash(&mut hasher);
        let by = format!("{:016x}, {machine}, {rounds} rounds", hasher.finish());
        let known = std::fs::read_to_string(&path).ok();
        let known = known.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let rows = known
            .filter(|known| known["by"] == by.as_str())
            .and_then(|known| known["rows"].as_object().cloned())
            .unwrap_or_default();
        Ok(Kept {
            path,
            by,
            rows,
            resume,
        })
    }

    /// What is taken over of a row.
    pub fn outcome(&self, name: &str) -> Option<Outcome> {
        let row = self.rows.get(name).filter(|_| self.resume)?;
        let number = |key: &str| row[key].as_f64();
        Some(Outcome {
            figures: Ok(Figures {
                ours: number("ours")?,
                peer: number("peer")?,
                peer_name: row["peer_name"].as_str()?.to_owned(),
                spread: (row["spread"][0].as_f64()?, row["spread"][1].as_f64()?),
                memory: row["memory"][0].as_f64().zip(row["memory"][1].as_f64()),
            }),
        })
    }

    /// Keeps a row, at once; one that could not be run is tried again another time.
    ///
    /// # Errors
    /// Those of writing.
    pub fn keep(&mut self, name: &str, outcome: &Outcome) -> Result<()> {
        let Ok(figures) = &outcome.figures else {
            return Ok(());
        };
        let row = json!({
            "ours": figures.ours,
            "peer": figures.peer,
            "peer_name": figures.peer_name,
            "spread": [figures.spread.0, figures.spread.1],
            "memory": figures.memory.map(|(ours, peer)| [ours, peer]),
        });
        self.rows.insert(name.to_owned(), row);
        let text = serde_json::to_string_pretty(&json!({ "by": self.by, "rows": self.rows }))?;
        let fresh = self.path.with_extension("new");
        std::fs::write(&fresh, text)
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_same_program_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, "one").unwrap();
        let open = |rounds, resume| {
            let path = folder.path().join("rows.json");
            Kept::open(path, &program, "a machine", rounds, resume).unwrap()
        };
        let rounds = vec![(3.0, 2.0), (4.0, 2.0), (5.0, 2.0)];
        let measured = Outcome::of(rounds, "peer".into(), (Some(10.0), Some(40.0)));
        let mut kept = open(5, true);
        assert!(kept.outcome("row").is_none());
        kept.keep("row", &measured).unwrap();
        kept.keep("other", &Outcome::failed(&anyhow::anyhow!("no compiler")))
            .unwrap();

        let again = open(5, true).outcome("row").unwrap().figures.unwrap();
        let figures = measured.figures.unwrap();
        assert_eq!(again, figures);
        assert!(open(5, true).outcome("other").is_none());
        assert!(open(3, true).outcome("row").is_none());
        assert!(open(5, false).outcome("row").is_none());
        std::fs::write(&program, "two").unwrap();
        assert!(open(5, true).outcome("row").is_none());
    }
}
