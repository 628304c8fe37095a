//! What an endpoint did not answer: counted with its reason, asked for again when the stage is started
//! again, and no reason to lose the rest.

use super::StageContext;
use datasets::Skipped;

/// The records of a stage that an endpoint did not answer after all tries.
#[derive(Debug, Default)]
pub struct Unanswered {
    records: Vec<(String, String)>,
    /// What else the stage left out.
    skipped: Vec<Skipped>,
}

impl Unanswered {
    /// Beside what a stage left out for other reasons.
    pub fn beside(skipped: Vec<Skipped>) -> Self {
        Unanswered {
            records: Vec::new(),
            skipped,
        }
    }

    /// A record by its id, and why it is missing.
    pub fn add(&mut self, record: impl Into<String>, reason: impl Into<String>) {
        self.records.push((record.into(), reason.into()));
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Says in `skipped.jsonl` what is missing now, in place of what the stage said there before.
    pub fn write(&mut self, context: &StageContext<'_>) -> anyhow::Result<()> {
        // They come in any order.
        self.records.sort();
        let mut all = self.skipped.clone();
        all.extend(self.records.iter().map(|(record, reason)| Skipped {
            stage: context.stage.clone(),
            record: record.clone(),
            reason: reason.clone(),
        }));
        context.write_skipped(&all)
    }

    /// Once all else is done: what is missing fails the stage, or, with `skip_invalid`, is left out.
    ///
    /// # Errors
    /// Exit code 1; `what` names the records, e.g. `responses`.
    pub fn settle(&self, context: &StageContext<'_>, what: &str) -> anyhow::Result<()> {
        match self.records.first() {
            Some((record, reason)) if !context.skip_invalid => anyhow::bail!(
                "{} {what} could not be had; the others are kept. The same command asks for them again; \
                 with --skip-invalid it goes on without them. The first, {record}: {reason}",
                self.records.len()
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use crate::run_dir::read_records;

    #[test]
    fn what_is_missing_is_counted_then_fails_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let events = EventLog::none();
        let mut context = StageContext {
            records: folder.path().into(),
            events: &events,
            stage: "sample".into(),
            seed: 1,
            skip_invalid: false,
            quiet: true,
        };
        let mut unanswered = Unanswered::default();
        unanswered.add("b/1", "429");
        unanswered.add("a/0", "500");
        unanswered.write(&context).unwrap();
        let path = folder.path().join("skipped.jsonl");
        let records: Vec<Skipped> = read_records(&path).unwrap();
        assert_eq!((records.len(), records[0].record.as_str()), (2, "a/0"));
        let error = unanswered.settle(&context, "responses").unwrap_err();
        assert_eq!(crate::error::exit_code(&error), 1);
        assert!(error.to_string().starts_with("2 responses"), "{error}");
        context.skip_invalid = true;
        unanswered.settle(&context, "responses").unwrap();
        // Started again and answered, nothing is missing.
        Unanswered::default().write(&context).unwrap();
        assert!(read_records::<Skipped>(&path).unwrap().is_empty());
    }
}
