//! The rows that were read, in compact columns, and those that were left out.

use crate::limits::{MEASURING_BYTES_A_ROW, REJECTED_SHOWN, ROWS_MAX};
use crate::trouble::Trouble;
use calibration::Row;
use std::collections::HashMap;

/// Stands for no group.
const ALONE: u32 = u32::MAX;

/// Rows in columns: 8 bytes of probability, one bit of verdict, and where there are groups 4 bytes.
#[derive(Debug, Default)]
pub struct Rows {
    confidence: Vec<f64>,
    /// 64 verdicts each.
    correct: Vec<u64>,
    /// Empty where no row so far has a group.
    group: Vec<u32>,
    groups: HashMap<Box<str>, u32>,
    pub rejected: Rejected,
}

/// Rows that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    pub count: u64,
    /// The first of them: where, and why.
    pub first: Vec<(String, String)>,
}

impl Rejected {
    /// Counts a row out.
    pub fn add(&mut self, place: impl FnOnce() -> String, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < REJECTED_SHOWN {
            self.first.push((place(), reason()));
        }
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        self.confidence.len()
    }

    pub fn is_empty(&self) -> bool {
        self.confidence.is_empty()
    }

    /// Distinct groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Beyond the limit, and where there is no more memory.
    pub fn add(
        &mut self,
        confidence: f64,
        correct: bool,
        group: Option<&str>,
    ) -> Result<(), Trouble> {
        let at = self.confidence.len();
        if at >= ROWS_MAX {
            return Err(Trouble::new(
                "There are too many rows.",
                format!(
                    "More than {}, expected at most that many.",
                    chart::format::count(ROWS_MAX as u64)
                ),
                "Measure it at the command line: sayself metrics FILE --bootstrap 1000",
            ));
        }
        if at == self.confidence.capacity() {
            let more = at.max(4096);
            self.confidence
                .try_reserve(more)
                .map_err(|_| Trouble::memory(at))?;
        }
        self.confidence.push(confidence);
        if at.is_multiple_of(64) {
            self.correct.push(0);
        }
        if let Some(last) = self.correct.last_mut() {
            *last |= u64::from(correct) << (at % 64);
        }
        let group = match group {
            None => ALONE,
            Some(name) => self.group_of(name)?,
        };
        if group != ALONE && self.group.is_empty() {
            self.group
                .try_reserve(at + 1)
                .map_err(|_| Trouble::memory(at))?;
            self.group.resize(at, ALONE);
        }
        if group != ALONE || !self.group.is_empty() {
            self.group.push(group);
        }
        Ok(())
    }

    fn group_of(&mut self, name: &str) -> Result<u32, Trouble> {
        if let Some(group) = self.groups.get(name) {
            return Ok(*group);
        }
        let rows = self.confidence.len();
        self.groups
            .try_reserve(1)
            .map_err(|_| Trouble::memory(rows))?;
        // There are no more groups than rows, which are fewer than 2^32.
        let group = self.groups.len() as u32;
        self.groups.insert(name.into(), group);
        Ok(group)
    }

    /// The rows as they are measured; nothing else is kept of them.
    ///
    /// # Errors
    /// Where there is not the memory to measure them.
    pub fn into_rows(self) -> Result<Vec<Row>, Trouble> {
        let len = self.confidence.len();
        // Asked for and given back: measuring itself cannot say that it has too little.
        let mut room: Vec<u8> = Vec::new();
        room.try_reserve_exact(len.saturating_mul(MEASURING_BYTES_A_ROW))
            .map_err(|_| Trouble::memory(len))?;
        drop(room);
        let rows = self
            .confidence
            .iter()
            .enumerate()
            .map(|(at, &confidence)| Row {
                confidence,
                correct: (self.correct[at / 64] >> (at % 64)) & 1 == 1,
                group: self.group.get(at).copied().filter(|&group| group != ALONE),
                template: None,
            })
            .collect();
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let mut rows = Rows::default();
        let made: Vec<Row> = (0..200_u32)
            .map(|at| Row {
                confidence: f64::from(at) / 200.0,
                correct: at % 3 == 0,
                group: (at > 130 && at % 2 == 0).then_some(at / 20 - 6),
                template: None,
            })
            .collect();
        for row in &made {
            let group = row.group.map(|group| group.to_string());
            rows.add(row.confidence, row.correct, group.as_deref())
                .unwrap();
        }
        assert_eq!((rows.len(), rows.groups()), (200, 4));
        assert_eq!(rows.into_rows().unwrap(), made);
    }

    #[test]
    fn the_first_that_were_left_out_are_kept() {
        let mut rejected = Rejected::default();
        for line in 0..100 {
            rejected.add(|| format!("line {line}"), || "why".into());
        }
        assert_eq!(rejected.count, 100);
        assert_eq!(rejected.first.len(), REJECTED_SHOWN);
    }
}
