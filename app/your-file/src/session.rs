//! One visitor's file on its way from bytes to figures. Whoever drives it hands over the bytes and
//! asks for the next step; nothing here waits, so that it can be left between any two steps.

use crate::download::file_of;
use crate::figures::{self, Origin, Pieces};
use crate::form::{Form, form_of};
use crate::head::{Head, head_of};
use crate::limits::{RESAMPLES, TABLE_BYTES_MAX, WHOLE_BYTES_MAX};
use crate::logs::{InspectLog, LmEvalHead};
use crate::numbers::{Numbers, outcomes};
use crate::plan::{self, Chosen, Plan};
use crate::reading::Reading;
use crate::rows::Rows;
use crate::share::{fragment_of, numbers_of};
use crate::trouble::Trouble;
use calibration::Row;
use calibration::corp;
use calibration::metrics::{Binning, Measurement, Options};
use serde::Serialize;

/// The file that was chosen, the reading under way, and the result.
#[derive(Default)]
pub struct Session {
    file: Option<File>,
    reading: Option<Progress>,
    measuring: Option<Measuring>,
    result: Option<Shown>,
}

/// A file that was looked at.
enum File {
    Table {
        form: Form,
        head: Head,
    },
    LmEval(LmEvalHead),
    /// A log that must be held as a whole: its bytes so far.
    Held {
        is_archive: bool,
        bytes: Vec<u8>,
    },
    Inspect(Box<InspectLog>),
}

enum Progress {
    Rows(Reading),
    Samples {
        chosen: Chosen,
        /// The next sample.
        at: usize,
        rows: Rows,
    },
}

/// Rows whose intervals and band are not there yet.
struct Measuring {
    measurement: Measurement,
    /// Until the band has been made of them.
    rows: Vec<Row>,
}

struct Shown {
    numbers: Numbers,
    origin: Origin,
    bins: u32,
}

/// What comes of a look at a file.
#[derive(Debug, PartialEq, Serialize)]
pub struct Look {
    /// The file must be handed over as a whole ([`Session::hold`]) before there is a plan.
    pub whole: bool,
    pub plan: Option<Plan>,
}

/// What is shown, with the piece of an address that keeps it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Figures {
    pub pieces: Pieces,
    pub fragment: String,
    pub title: String,
    pub rows: u64,
    pub resamples: u32,
    pub is_link: bool,
}

fn nothing_chosen() -> Trouble {
    Trouble::new(
        "There is no file.",
        "No file has been chosen yet, or it was left.",
        "Choose a file.",
    )
}

impl Session {
    /// Looks at a file of so many bytes by its name and its first bytes
    /// ([`crate::limits::HEAD_BYTES`] of them, where it has as many).
    ///
    /// # Errors
    /// In words: too large, or of none of the forms.
    pub fn look(&mut self, name: &str, size: u64, head: &[u8]) -> Result<Look, Trouble> {
        *self = Session::default();
        let form = form_of(head)?;
        let most = match form.is_whole() {
            true => WHOLE_BYTES_MAX,
            false => TABLE_BYTES_MAX,
        };
        if size > most {
            return Err(Trouble::new(
                "The file is too large for a page.",
                format!(
                    "{} bytes, expected at most {} of {}.",
                    chart::format::count(size),
                    chart::format::count(most),
                    form.words()
                ),
                "Measure it at the command line: sayself metrics FILE --bootstrap 1000 (a log: sayself import).",
            ));
        }
        let is_whole = size <= head.len() as u64;
        let file = match form {
            Form::InspectDocument | Form::InspectArchive => {
                let mut bytes = Vec::new();
                bytes
                    .try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))
                    .map_err(|_| Trouble::memory(0))?;
                File::Held {
                    is_archive: form == Form::InspectArchive,
                    bytes,
                }
            }
            Form::LmEval => {
                // A line that the head cuts is none.
                let end = head.iter().rposition(|&byte| byte == b'\n');
                let lines = match end {
                    Some(end) if !is_whole => &head[..end],
                    _ => head,
                };
                File::LmEval(LmEvalHead::of(name, lines))
            }
            form => File::Table {
                form,
                head: head_of(form, head, is_whole)?,
            },
        };
        self.file = Some(file);
        let plan = match form.is_whole() {
            true => None,
            false => Some(self.plan(&Chosen::new())?),
        };
        Ok(Look {
            whole: form.is_whole(),
            plan,
        })
    }

    /// Takes the next bytes of a file that must be held as a whole.
    ///
    /// # Errors
    /// Where there are more than it said.
    pub fn hold(&mut self, more: &[u8]) -> Result<(), Trouble> {
        let Some(File::Held { bytes, .. }) = &mut self.file else {
            return Err(nothing_chosen());
        };
        if bytes.len() + more.len() > bytes.capacity() {
            return Err(Trouble::new(
                "The file has changed.",
                "It is longer than it was when it was chosen.",
                "Choose it again.",
            ));
        }
        bytes.extend_from_slice(more);
        Ok(())
    }

    /// The whole file is held: looks into it.
    ///
    /// # Errors
    /// In words: no log.
    pub fn look_whole(&mut self) -> Result<Plan, Trouble> {
        match self.file.take() {
            Some(File::Held { is_archive, bytes }) => {
                let log = InspectLog::of(bytes, is_archive)?;
                self.file = Some(File::Inspect(Box::new(log)));
                self.plan(&Chosen::new())
            }
            _ => Err(nothing_chosen()),
        }
    }

    /// How the file will be read with these choices.
    ///
    /// # Errors
    /// Where a choice is none of the options.
    pub fn plan(&mut self, chosen: &Chosen) -> Result<Plan, Trouble> {
        match &mut self.file {
            Some(File::Table { form, head }) => {
                let columns = plan::columns(head, chosen)?;
                Ok(plan::of_table(*form, head, &columns))
            }
            Some(File::LmEval(head)) => Ok(head.plan(chosen)),
            Some(File::Inspect(log)) => Ok(log.plan(chosen)),
            Some(File::Held { .. }) | None => Err(nothing_chosen()),
        }
    }

    /// Begins to read the file with these choices; the result so far stays until [`Session::measure`]
    /// has another. Whether its bytes must be handed over ([`Session::push`]).
    ///
    /// # Errors
    /// Where a choice is missing or none of the options.
    pub fn begin(&mut self, chosen: &Chosen) -> Result<bool, Trouble> {
        (self.reading, self.measuring) = (None, None);
        let reading = match &self.file {
            Some(File::Table { form, head }) => {
                let columns = plan::columns(head, chosen)?;
                Progress::Rows(Reading::of_table(*form, head, &columns)?)
            }
            Some(File::LmEval(head)) => Progress::Rows(Reading::of_lm_eval(head.selection(chosen))),
            Some(File::Inspect(_)) => Progress::Samples {
                chosen: chosen.clone(),
                at: 0,
                rows: Rows::default(),
            },
            Some(File::Held { .. }) | None => return Err(nothing_chosen()),
        };
        let needs_bytes = matches!(reading, Progress::Rows(_));
        self.reading = Some(reading);
        Ok(needs_bytes)
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// Beyond a limit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        match &mut self.reading {
            Some(Progress::Rows(reading)) => reading.push(bytes),
            _ => Err(nothing_chosen()),
        }
    }

    /// Rows read so far.
    pub fn rows(&self) -> usize {
        match &self.reading {
            Some(Progress::Rows(reading)) => reading.rows.len(),
            Some(Progress::Samples { rows, .. }) => rows.len(),
            None => 0,
        }
    }

    /// Reads some samples more of a log that is held; whether it has ended.
    ///
    /// # Errors
    /// Beyond a limit, and where no sample could be read.
    pub fn step(&mut self) -> Result<bool, Trouble> {
        match (&mut self.reading, &mut self.file) {
            (Some(Progress::Samples { chosen, at, rows }), Some(File::Inspect(log))) => {
                *at = log.read(*at, chosen, rows)?;
                Ok(*at == log.len())
            }
            _ => Err(nothing_chosen()),
        }
    }

    /// The file has been read: measures it, without intervals and band so far.
    ///
    /// # Errors
    /// Where no row could be read, or there is too little memory.
    pub fn measure(&mut self, title: &str) -> Result<Figures, Trouble> {
        let rows = match self.reading.take() {
            Some(Progress::Rows(reading)) => reading.finish()?,
            Some(Progress::Samples { rows, .. }) => rows,
            None => return Err(nothing_chosen()),
        };
        let groups = rows.groups() as u64;
        let rejected = rows.rejected.clone();
        let rows = rows.into_rows()?;
        let seed = Options::default().seed;
        let measurement = Measurement::new(&rows, Binning::Auto, seed).map_err(|error| {
            Trouble::new(
                "There is nothing to measure.",
                error.to_string(),
                "Choose other columns, or another file.",
            )
        })?;
        let mut numbers = Numbers::new(measurement.metrics(), groups, outcomes(&rows));
        numbers.name(title);
        self.measuring = Some(Measuring { measurement, rows });
        self.result = Some(Shown {
            numbers,
            origin: Origin::File(rejected),
            bins: 0,
        });
        self.figures()
    }

    /// Adds curve and band, and what chance would show.
    ///
    /// # Errors
    /// Where nothing is being measured.
    pub fn band(&mut self) -> Result<Figures, Trouble> {
        let (Some(measuring), Some(shown)) = (&mut self.measuring, &mut self.result) else {
            return Err(nothing_chosen());
        };
        let rows = std::mem::take(&mut measuring.rows);
        // Rows that were measured are probabilities, and there is one at least.
        if let Ok(corp) = corp::diagram(&rows, corp::Options::default()) {
            shown.numbers.add_corp(&corp);
        }
        self.figures()
    }

    /// Draws resamples until there are so many, and refines the intervals.
    ///
    /// # Errors
    /// Where nothing is being measured.
    pub fn advance_to(&mut self, resamples: usize) -> Result<Figures, Trouble> {
        let (Some(measuring), Some(shown)) = (&mut self.measuring, &mut self.result) else {
            return Err(nothing_chosen());
        };
        measuring.measurement.advance_to(resamples.min(RESAMPLES));
        shown.numbers.metrics = measuring.measurement.metrics();
        // At most 1,000.
        shown.numbers.resamples = measuring.measurement.resamples() as u32;
        if shown.numbers.resamples as usize == RESAMPLES {
            self.measuring = None;
        }
        // Nothing else has changed.
        self.figures_with(|shown| figures::measures(&shown.numbers))
    }

    /// Whether the intervals can be refined further.
    pub fn is_refining(&self) -> bool {
        self.measuring.is_some()
    }

    /// Shows the figures that a piece of an address keeps; the file so far goes.
    ///
    /// # Errors
    /// Where it holds none.
    pub fn open_link(&mut self, fragment: &str) -> Result<Figures, Trouble> {
        let numbers = numbers_of(fragment)?;
        *self = Session::default();
        self.result = Some(Shown {
            numbers,
            origin: Origin::Link,
            bins: 0,
        });
        self.figures()
    }

    /// Chooses the dots of the diagram: 0 as they were stated, else bins of equal width.
    ///
    /// # Errors
    /// Where nothing is shown.
    pub fn draw(&mut self, bins: u32) -> Result<Pieces, Trouble> {
        let shown = self.result.as_mut().ok_or_else(nothing_chosen)?;
        shown.bins = bins;
        Ok(figures::diagram(&shown.numbers, bins))
    }

    /// Gives the figures a title.
    ///
    /// # Errors
    /// Where nothing is shown.
    pub fn name(&mut self, title: &str) -> Result<Figures, Trouble> {
        let shown = self.result.as_mut().ok_or_else(nothing_chosen)?;
        shown.numbers.name(title);
        self.figures()
    }

    /// A file of the result.
    ///
    /// # Errors
    /// Where nothing is shown, or there is no such file.
    pub fn download(&self, name: &str) -> Result<String, Trouble> {
        let shown = self.result.as_ref().ok_or_else(nothing_chosen)?;
        file_of(&shown.numbers, name, shown.bins).ok_or_else(nothing_chosen)
    }

    /// What is shown now.
    ///
    /// # Errors
    /// Where nothing is.
    pub fn figures(&self) -> Result<Figures, Trouble> {
        self.figures_with(|shown| figures::pieces(&shown.numbers, &shown.origin, shown.bins))
    }

    fn figures_with(&self, pieces: impl FnOnce(&Shown) -> Pieces) -> Result<Figures, Trouble> {
        let shown = self.result.as_ref().ok_or_else(nothing_chosen)?;
        Ok(Figures {
            pieces: pieces(shown),
            fragment: fragment_of(&shown.numbers),
            title: shown.numbers.title.clone(),
            rows: shown.numbers.metrics.n as u64,
            resamples: shown.numbers.resamples,
            is_link: shown.origin == Origin::Link,
        })
    }
}
