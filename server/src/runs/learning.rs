//! What training said of itself: values over its steps, and words worth notice; read on from where the
//! last look ended. Whatever the log holds, only thinned curves and the last words are kept.

use super::lines::Lines;
use crate::limits::{LEARNING_BYTES_MAX, LOG_LINE_CHARACTERS_MAX, NOTES_MAX, RECORD_BYTES_MAX};
use app::chart::curves::Curves;
use app::view::RunNote;
use datasets::Event;
use datasets::event::EventKind;
use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// What the events read so far say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learning {
    pub curves: Curves,
    /// The last [`NOTES_MAX`], oldest first.
    pub notes: VecDeque<RunNote>,
    /// Bytes of the log that have been read, whole lines only.
    offset: u64,
}

impl Learning {
    /// Reads what has been appended since, as far as [`LEARNING_BYTES_MAX`] goes.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read_on(&mut self, mut file: impl Read + Seek) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.offset))?;
        let reader = BufReader::with_capacity(256 * 1024, file);
        let mut lines = Lines::new(reader, self.offset, RECORD_BYTES_MAX);
        while self.offset < LEARNING_BYTES_MAX
            // The last line may still be under way.
            && let Some(line) = lines.next_line()?.filter(|line| line.whole)
        {
            // A line that is no event is told by the run's state.
            if let Some(Ok(event)) = line.bytes.map(serde_json::from_slice::<Event>) {
                self.hear(event);
            }
            self.offset = line.end;
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) {
        let (message, alarm) = match event.kind {
            EventKind::Metrics { step, values } => {
                let values = values.iter().map(|(name, value)| (name.as_str(), *value));
                self.curves.hear(&event.stage, step, values);
                return;
            }
            // The reinforcement stage has nothing to say but its alarms.
            EventKind::Note { message } => (message, event.stage.starts_with("rl")),
            EventKind::Failed { error } => (error, true),
            _ => return,
        };
        if self.notes.len() == NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(RunNote {
            time_ms: event.time_ms,
            stage: event.stage,
            message: message.chars().take(LOG_LINE_CHARACTERS_MAX).collect(),
            alarm,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn line(step: u64, loss: f64) -> String {
        format!(
            "{{\"time_ms\":1,\"stage\":\"sft/seed-1\",\"kind\":\"metrics\",\"step\":{step},\"values\":{{\"loss\":{loss}}}}}\n"
        )
    }

    #[test]
    fn a_log_that_grows_is_read_on() {
        let mut log = [line(0, 2.0), "noise\n".into(), line(1, 1.0)].concat();
        log.push_str("{\"time_ms\":2,\"stage\":\"rl/seed-1\",\"kind\":\"note\",\"message\":\"round 3: accuracy fell\"}\n{\"torn");
        let mut learning = Learning::default();
        learning.read_on(Cursor::new(&log)).unwrap();
        let first = learning.clone();
        learning.read_on(Cursor::new(&log)).unwrap();
        assert_eq!(first, learning);
        assert_eq!(learning.curves.all()[0].buckets().count(), 2);
        assert!(learning.notes.len() == 1 && learning.notes[0].alarm);
        log.truncate(log.len() - "{\"torn".len());
        log.push_str(&line(2, 0.5));
        learning.read_on(Cursor::new(&log)).unwrap();
        assert_eq!(learning.curves.all()[0].buckets().count(), 3);
    }

    #[test]
    fn a_huge_log_leaves_little() {
        let mut learning = Learning::default();
        let log: String = (0..100_000).map(|step| line(step, 1.0)).collect();
        learning.read_on(Cursor::new(&log)).unwrap();
        assert!(learning.curves.all()[0].buckets().count() <= app::chart::curves::BUCKETS_MAX);
    }
}
