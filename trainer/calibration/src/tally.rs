//! What every measure is computed from: how often each confidence was stated, and how often right.

use crate::metrics::MetricsError;

/// One answered question.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// A probability, 0..=1.
    pub confidence: f64,
    pub correct: bool,
    /// Rows of one group (an entity, a question) are drawn together by bootstraps; `None`: alone.
    pub group: Option<u32>,
    /// The kind of question, for the measures within templates and against their base rate.
    pub template: Option<u32>,
}

impl From<(f64, bool)> for Row {
    fn from((confidence, correct): (f64, bool)) -> Row {
        Row {
            confidence,
            correct,
            group: None,
            template: None,
        }
    }
}

/// One distinct confidence: how often it was stated, and how often the answer was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub confidence: f64,
    /// Above 0.
    pub n: u64,
    /// 0..=n.
    pub correct: u64,
}

/// The counts of all distinct confidences, ascending. Counts may be 0 in a resample: then
/// [`Tally::cells`] passes over the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    values: Vec<f64>,
    n: Vec<u32>,
    correct: Vec<u32>,
}

impl Tally {
    /// An error if there are no rows, or a confidence is no probability.
    pub fn of(rows: &[Row]) -> Result<Tally, MetricsError> {
        Ok(Sorted::of(rows)?.tally)
    }

    /// The distinct values, those with no row in a resample included.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values that were stated, ascending.
    pub fn cells(&self) -> impl DoubleEndedIterator<Item = Cell> {
        self.values
            .iter()
            .zip(self.n.iter().zip(&self.correct))
            .filter(|&(_, (&n, _))| n > 0)
            .map(|(&confidence, (&n, &correct))| Cell {
                confidence,
                n: n.into(),
                correct: correct.into(),
            })
    }

    /// (rows, right answers).
    pub fn totals(&self) -> (u64, u64) {
        let sum = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum();
        (sum(&self.n), sum(&self.correct))
    }

    /// The same with at most `most` values, each the mean of neighbours that together are about as
    /// many rows as those of any other.
    pub(crate) fn merged(&self, most: usize) -> Tally {
        let (rows, _) = self.totals();
        let mut merged = Tally {
            values: Vec::with_capacity(most),
            n: Vec::with_capacity(most),
            correct: Vec::with_capacity(most),
        };
        let (mut seen, mut sum, mut n, mut correct) = (0, 0.0, 0, 0);
        for cell in self.cells() {
            sum += cell.n as f64 * cell.confidence;
            n += cell.n;
            correct += cell.correct;
            seen += cell.n;
            if seen * most as u64 >= rows * (merged.values.len() as u64 + 1) {
                merged.values.push(sum / n as f64);
                // Counts sum to the number of rows, which fits.
                merged.n.push(n as u32);
                merged.correct.push(correct as u32);
                (sum, n, correct) = (0.0, 0, 0);
            }
        }
        merged
    }

    /// Puts other counts to the same values: (wrong, right) of each value, in turn.
    pub(crate) fn set_counts(&mut self, wrong_and_right: &[u64]) {
        let cells = self.n.iter_mut().zip(&mut self.correct);
        for ((n, correct), pair) in cells.zip(wrong_and_right.chunks_exact(2)) {
            // Counts sum to the number of rows, which fits.
            *n = (pair[0] + pair[1]) as u32;
            *correct = pair[1] as u32;
        }
    }

    /// (wrong, right) of each value, in turn.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.n
            .iter()
            .zip(&self.correct)
            .flat_map(|(&n, &correct)| [(n - correct).into(), correct.into()])
            .collect()
    }
}

/// Rows in ascending order of confidence, ties in their own order.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    pub tally: Tally,
    /// The original row of each place.
    pub order: Vec<u32>,
    /// The tally's cell of each place.
    pub cell: Vec<u32>,
    /// Whether the row at each place is right, 0 or 1.
    correct: Vec<u32>,
}

impl Sorted {
    pub fn of(rows: &[Row]) -> Result<Sorted, MetricsError> {
        if rows.is_empty() {
            return Err(MetricsError::Empty);
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(MetricsError::TooMany { found: rows.len() });
        }
        let mut keys = Vec::with_capacity(rows.len());
        for (row, &Row { confidence, .. }) in rows.iter().enumerate() {
            if !(0.0..=1.0).contains(&confidence) {
                return Err(MetricsError::Confidence {
                    row,
                    found: confidence,
                });
            }
            // The bits of floats from 0 up are ordered as the floats are; adding 0 makes −0 a 0.
            keys.push(((confidence + 0.0).to_bits(), row as u32));
        }
        keys.sort_unstable();
        let mut tally = Tally {
            values: Vec::new(),
            n: Vec::new(),
            correct: Vec::new(),
        };
        let mut sorted_cell = Vec::with_capacity(rows.len());
        let mut sorted_correct = Vec::with_capacity(rows.len());
        for &(bits, row) in &keys {
            let value = f64::from_bits(bits);
            if tally.values.last() != Some(&value) {
                tally.values.push(value);
                tally.n.push(0);
                tally.correct.push(0);
            }
            let cell = tally.values.len() - 1;
            let correct = u32::from(rows[row as usize].correct);
            tally.n[cell] += 1;
            tally.correct[cell] += correct;
            sorted_cell.push(cell as u32);
            sorted_correct.push(correct);
        }
        let order = keys.into_iter().map(|(_, row)| row).collect();
        Ok(Sorted {
            tally,
            order,
            cell: sorted_cell,
            correct: sorted_correct,
        })
    }

    /// Fills `tally` as if original row i stood there `weights[i]` times.
    pub fn tally_weighted(&self, weights: &[u32], tally: &mut Tally) {
        tally.n.fill(0);
        tally.correct.fill(0);
        for ((&row, &cell), &correct) in self.order.iter().zip(&self.cell).zip(&self.correct) {
            let weight = weights[row as usize];
            tally.n[cell as usize] += weight;
            tally.correct[cell as usize] += weight * correct;
        }
    }

    /// (confidence, correct) of each place, as often as its row's weight says.
    pub fn places_weighted(&self, weights: &[u32]) -> impl Iterator<Item = (f64, u32)> {
        self.places()
            .zip(&self.order)
            .flat_map(|(place, &row)| std::iter::repeat_n(place, weights[row as usize] as usize))
    }

    /// (confidence, correct) of each place.
    pub fn places(&self) -> impl Iterator<Item = (f64, u32)> {
        self.cell
            .iter()
            .zip(&self.correct)
            .map(|(&cell, &correct)| (self.tally.values[cell as usize], correct))
    }
}
