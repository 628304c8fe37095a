//! Looking at the folders of runs, so that a visitor waits for what is new and for nothing else.
//!
//! Few runs are looked at as a whole whenever a visitor comes. Of many ([`LOOKED_AT_WHOLE_MAX`]), a
//! visitor waits only for a look at the folders' names, at what is new among them and at what is under
//! way; the rest is looked at beside the answers ([`Folders::look_at_all`]). Where the very first look
//! takes long, he gets what is read so far, and is told so.

use super::catalogue::Catalogue;
use super::facts::{self, Facts};
use super::library::{IndexRow, Run, now_ms};
use super::progress::Progress;
use super::scan::{Found, Root, Scan, scan};
use crate::limits::{
    FIRST_LOOK_MS, LOOKED_AT_AGAIN_MAX, LOOKED_AT_WHOLE_MAX, LOOKING_ONE_IN, SCAN_AGAIN_MS,
    SCAN_EVERY_MS,
};
use app::view::RunState;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// All runs and what is wrong with the folders.
pub type Shelf = (Arc<Catalogue>, Arc<Vec<String>>);

/// The folders, and what was found in them.
pub struct Folders {
    roots: Vec<Root>,
    known: Mutex<Known>,
    // One look at a time: whoever comes in between gets its result, or what was known before.
    looking: Mutex<()>,
}

#[derive(Default)]
struct Known {
    catalogue: Arc<Catalogue>,
    warnings: Arc<Vec<String>>,
    looked: Option<Instant>,
    looked_at_all: Option<LookAtAll>,
    /// By directory.
    facts: HashMap<PathBuf, (String, Arc<Facts>)>,
    /// Directories whose facts the database has not got yet.
    fresh: HashSet<PathBuf>,
}

#[derive(Clone, Copy)]
struct LookAtAll {
    ended: Instant,
    took: Duration,
}

impl Folders {
    /// `index` is what an earlier start knew; it may be empty or out of date.
    pub fn new(roots: Vec<Root>, index: Vec<IndexRow>) -> Self {
        let facts = index
            .into_iter()
            .map(|mut row| {
                row.facts.drop_details();
                (
                    PathBuf::from(row.directory),
                    (row.fingerprint, Arc::new(row.facts)),
                )
            })
            .collect();
        Folders {
            roots,
            known: Mutex::new(Known {
                facts,
                ..Known::default()
            }),
            looking: Mutex::new(()),
        }
    }

    /// All runs and what is wrong with the folders, [`SCAN_EVERY_MS`] old at most; of many runs, those
    /// that ended may be older. Blocks on the file system.
    pub fn shelf(&self) -> Shelf {
        self.shelf_as_of(Duration::from_millis(SCAN_EVERY_MS), Patience::Short)
    }

    /// The run of an id, read anew. Only ids that a look at the folders has shown are found, so an
    /// id is never a path. Blocks on the file system.
    pub fn run(&self, id: &str) -> Option<Run> {
        let find = |shelf: Shelf| shelf.0.run(id).map(|run| run.found.clone());
        // A run that has just begun is not kept waiting, and wrong ids cannot make the disk busy.
        let found = find(self.shelf()).or_else(|| {
            find(self.shelf_as_of(Duration::from_millis(SCAN_AGAIN_MS), Patience::Long))
        })?;
        Some(self.run_of(found))
    }

    /// Reads what there is to read before the first visitor comes. Blocks on the file system.
    pub fn begin(&self) {
        let (catalogue, _) = self.shelf();
        // Few runs are looked at again at once: one may have been made in between.
        if is_small(&catalogue) {
            self.lock().looked = None;
        }
    }

    /// Whether runs that ended should be looked at again, beside the answers.
    pub fn is_due(&self) -> bool {
        let known = self.lock();
        let (false, Some(last)) = (is_small(&known.catalogue), known.looked_at_all) else {
            return false;
        };
        let pause = (last.took * LOOKING_ONE_IN).max(Duration::from_millis(SCAN_EVERY_MS));
        last.ended.elapsed() > pause
    }

    /// Looks at all runs where that is due and nobody does. Blocks on the file system.
    pub fn look_at_all(&self) {
        let looking = self.looking.try_lock();
        if !matches!(looking, Err(TryLockError::WouldBlock)) && self.is_due() {
            self.look(true);
        }
    }

    /// The facts that are newer than the database's, once.
    pub fn take_fresh(&self) -> Vec<IndexRow> {
        let mut known = self.lock();
        let fresh = std::mem::take(&mut known.fresh);
        fresh
            .into_iter()
            .filter_map(|directory| {
                let (fingerprint, facts) = known.facts.get(&directory)?;
                Some(IndexRow {
                    directory: directory.to_str()?.to_owned(),
                    fingerprint: fingerprint.clone(),
                    facts: Facts::clone(facts),
                })
            })
            .collect()
    }

    /// Whether [`Folders::take_fresh`] would give anything.
    pub fn has_fresh(&self) -> bool {
        !self.lock().fresh.is_empty()
    }

    fn shelf_as_of(&self, age_max: Duration, patience: Patience) -> Shelf {
        if let Some(current) = self.current(age_max) {
            return current;
        }
        let (last, waits) = {
            let known = self.lock();
            let waits =
                known.looked.is_none() || is_small(&known.catalogue) || patience == Patience::Long;
            (known.shelf(), waits)
        };
        let _looking = match self.looking.try_lock() {
            Ok(looking) => looking,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if waits => {
                if patience == Patience::Short
                    && let Some(so_far) = self.first_look()
                {
                    return so_far;
                }
                self.looking.lock().unwrap_or_else(PoisonError::into_inner)
            }
            Err(TryLockError::WouldBlock) => return last,
        };
        if let Some(current) = self.current(age_max) {
            return current;
        }
        let all = {
            let known = self.lock();
            known.looked.is_none() || is_small(&known.catalogue)
        };
        self.look(all)
    }

    /// What the first look, which is under way, has read after [`FIRST_LOOK_MS`]; `None` where it is
    /// over, or still finding out how many runs there are.
    fn first_look(&self) -> Option<Shelf> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(FIRST_LOOK_MS) {
            if self.lock().looked.is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(FIRST_LOOK_MS / 100));
        }
        let known = self.lock();
        let has_told = known.looked.is_none() && !known.warnings.is_empty();
        has_told.then(|| known.shelf())
    }

    /// The caller holds `looking`.
    fn look(&self, all: bool) -> Shelf {
        let began = Instant::now();
        let before = self.lock().shelf().0;
        let (runs, warnings) = self.found(if all { &[] } else { before.runs() });
        // What has not changed keeps its orders.
        let catalogue = if is_same(before.runs(), &runs) {
            before
        } else {
            Arc::new(Catalogue::new(runs))
        };
        let mut known = self.lock();
        let directories: HashSet<&Path> = catalogue
            .runs()
            .iter()
            .map(|run| run.found.directory.as_path())
            .collect();
        known
            .facts
            .retain(|directory, _| directories.contains(directory.as_path()));
        known.catalogue = Arc::clone(&catalogue);
        known.warnings = Arc::new(warnings);
        let ended = Instant::now();
        known.looked = Some(ended);
        if all {
            let took = ended - began;
            known.looked_at_all = Some(LookAtAll { ended, took });
        }
        known.shelf()
    }

    /// The runs in the folders, the newest first. Those of `before` are taken as they are, unless
    /// they are under way.
    fn found(&self, before: &[Run]) -> (Vec<Run>, Vec<String>) {
        let known: HashMap<&Path, &Run> = before
            .iter()
            .filter(|run| run.found.trouble.is_none())
            .map(|run| (run.found.path.as_path(), run))
            .collect();
        let Scan { found, warnings } = scan(&self.roots, |path| {
            known.get(path).map(|run| run.found.clone())
        });
        let now_ms = now_ms();
        let mut again = 0;
        let total = found.len();
        let mut runs = Vec::with_capacity(total);
        let is_first = self.lock().looked.is_none();
        let mut told = Instant::now();
        for found in found {
            if is_first && told.elapsed() > Duration::from_millis(FIRST_LOOK_MS / 2) {
                self.tell_so_far(&runs, &warnings, total);
                told = Instant::now();
            }
            let settled = known
                .get(found.path.as_path())
                .filter(|run| again == LOOKED_AT_AGAIN_MAX || !is_under_way(run, now_ms));
            runs.push(match settled {
                Some(run) => Run {
                    found,
                    fingerprint: run.fingerprint.clone(),
                    facts: Arc::clone(&run.facts),
                },
                None => {
                    again += usize::from(known.contains_key(found.path.as_path()));
                    self.run_of(found)
                }
            });
        }
        sort(&mut runs);
        (runs, warnings)
    }

    /// Shows what the first look has read, until it is over.
    fn tell_so_far(&self, runs: &[Run], warnings: &[String], total: usize) {
        let mut runs = runs.to_vec();
        sort(&mut runs);
        let mut warnings = warnings.to_vec();
        warnings.push(format!(
            "{} of {total} runs are read so far: load the page again to see more.",
            runs.len()
        ));
        let catalogue = Arc::new(Catalogue::new(runs));
        let mut known = self.lock();
        known.catalogue = catalogue;
        known.warnings = Arc::new(warnings);
    }

    fn current(&self, age_max: Duration) -> Option<Shelf> {
        let known = self.lock();
        (known.looked?.elapsed() < age_max).then(|| known.shelf())
    }

    fn run_of(&self, found: Found) -> Run {
        if let Some(trouble) = &found.trouble {
            let facts = Facts {
                title: found.id.clone(),
                model: String::new(),
                questions: String::new(),
                labels: Vec::new(),
                headline: None,
                complete: false,
                progress: Progress::default(),
                trouble: Some(trouble.clone()),
            };
            return Run {
                found,
                fingerprint: "unreadable".into(),
                facts: Arc::new(facts),
            };
        }
        let fingerprint = facts::fingerprint(&found.directory);
        let before = self.lock().facts.get(&found.directory).cloned();
        if let Some((known, facts)) = &before
            && *known == fingerprint
        {
            return Run {
                found,
                fingerprint,
                facts: Arc::clone(facts),
            };
        }
        let progress = before
            .map(|(_, facts)| facts.progress.clone())
            .unwrap_or_default();
        let facts = Arc::new(facts::read(&found.directory, progress));
        let mut known = self.lock();
        known.facts.insert(
            found.directory.clone(),
            (fingerprint.clone(), Arc::clone(&facts)),
        );
        known.fresh.insert(found.directory.clone());
        Run {
            found,
            fingerprint,
            facts,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is kept can be read again from the files: a panic elsewhere leaves nothing wrong.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a visitor waits for a look that is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Short,
    Long,
}

impl Known {
    fn shelf(&self) -> Shelf {
        (Arc::clone(&self.catalogue), Arc::clone(&self.warnings))
    }
}

/// The newest first.
fn sort(runs: &mut [Run]) {
    runs.sort_by(|left, right| right.place().cmp(&left.place()));
}

fn is_small(catalogue: &Catalogue) -> bool {
    catalogue.runs().len() <= LOOKED_AT_WHOLE_MAX
}

/// Whether its files are likely to change.
fn is_under_way(run: &Run, now_ms: u64) -> bool {
    let facts = &run.facts;
    matches!(
        facts.progress.state(facts.complete, false, now_ms),
        RunState::Waiting | RunState::Running { .. }
    )
}

fn is_same(left: &[Run], right: &[Run]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(left, right)| left.fingerprint == right.fingerprint && left.found == right.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_first_look_shows_what_is_read_so_far() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("run.toml"), "").unwrap();
        }
        let root = Root {
            path: folder.path().to_owned(),
            recorded: false,
        };
        let folders = Folders::new(vec![root], Vec::new());
        let (runs, _) = folders.found(&[]);
        let looking = folders.looking.lock().unwrap();
        folders.tell_so_far(&runs[..1], &[], 2);
        let (catalogue, warnings) = folders.shelf();
        assert_eq!(catalogue.runs().len(), 1);
        assert!(
            warnings[0].starts_with("1 of 2 runs are read"),
            "{warnings:?}"
        );
        drop(looking);
        let (catalogue, warnings) = folders.shelf();
        assert_eq!((catalogue.runs().len(), warnings.len()), (2, 0));
    }
}
