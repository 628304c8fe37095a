//! Which runs somebody sees, and whether there are accounts at all: read from the database now and
//! then, held in memory so that a list of thousands needs no query a row.

use super::Seen;
use crate::db::{Database, DatabaseError};
use crate::limits::{RULES_EVERY_MS, RULES_WAITED_MS_MAX};
use crate::runs::Run;
use crate::runs::catalogue::Catalogue;
use app::view::{Role, RunState};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What decides who sees what, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether there is an account of an admin, whether or not he may sign in now.
    pub has_admin: bool,
    /// Whether there is an account of anybody.
    pub has_accounts: bool,
    /// Runs that everybody may see: the directory, and the id that the run had when it was published.
    pub published: HashMap<String, String>,
    /// Ids of the runs of projects that are open or paused, without the number that tells runs of one
    /// name apart: which of them has it depends on the folders that are served.
    pub hidden: HashSet<String>,
    /// The database has not answered yet: who sees what is not known, so nobody sees anything that
    /// not everybody does.
    pub are_unknown: bool,
}

impl Rules {
    /// Whether people are rating a run.
    pub fn is_hidden(&self, run: &Run) -> bool {
        self.hidden.contains(plain_id(&run.found.id))
    }

    /// Whether a run was published and is still the same. Recorded runs are published as they are.
    pub fn is_published(&self, run: &Run) -> bool {
        run.found.recorded
            || run
                .found
                .directory
                .to_str()
                .and_then(|directory| self.published.get(directory))
                .is_some_and(|id| *id == run.found.id)
    }
}

/// An id without the number that tells runs of one name apart: `demo` of `demo~2`.
pub fn plain_id(id: &str) -> &str {
    match id.rsplit_once('~') {
        Some((name, number))
            if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        _ => id,
    }
}

/// Which runs somebody sees.
#[derive(Clone, Debug)]
pub enum Sight {
    All,
    /// All but those under way: of what becomes files, which nobody loads again.
    Ended,
    /// Published runs, but for those that people are rating.
    Published(Arc<Rules>),
}

impl Sight {
    /// What somebody sees under these rules.
    pub fn of(seen: &Seen, rules: &Arc<Rules>) -> Self {
        if seen.is_at_least(Role::Researcher) {
            Sight::All
        } else {
            Sight::Published(Arc::clone(rules))
        }
    }

    /// Whether he sees this run: its page, its figures, its name.
    pub fn sees(&self, run: &Run) -> bool {
        match self {
            Sight::All => true,
            Sight::Ended => !matches!(
                run.state(None),
                RunState::Running { .. } | RunState::Waiting
            ),
            Sight::Published(rules) => {
                !rules.are_unknown && rules.is_published(run) && !rules.is_hidden(run)
            }
        }
    }
}

/// The rules, read anew at most [`RULES_EVERY_MS`] after they were read last.
#[derive(Debug)]
pub struct RuleBook {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    rules: Arc<Rules>,
    asked: Option<Instant>,
    /// Grows with every change made by this server: what was read before it is out of date.
    changes: u64,
    /// The runs of all and those of them that everybody sees, as they were last.
    narrowed: Option<Narrowed>,
}

#[derive(Debug)]
struct Narrowed {
    all: Arc<Catalogue>,
    rules: Arc<Rules>,
    seen: Arc<Catalogue>,
}

impl Default for RuleBook {
    fn default() -> Self {
        RuleBook {
            known: Mutex::new(Known {
                rules: Arc::new(Rules {
                    are_unknown: true,
                    ..Rules::default()
                }),
                asked: None,
                changes: 0,
                narrowed: None,
            }),
        }
    }
}

impl RuleBook {
    /// Of a server without a database: no accounts, and nobody rates.
    pub fn without_database() -> Self {
        let book = RuleBook::default();
        book.lock().rules = Arc::default();
        book
    }

    /// The rules as they were read last.
    pub fn last(&self) -> Arc<Rules> {
        Arc::clone(&self.lock().rules)
    }

    /// The rules, at most [`RULES_EVERY_MS`] old; where the database does not answer in
    /// [`RULES_WAITED_MS_MAX`], as they were last.
    pub async fn rules(&self, database: &Database) -> Arc<Rules> {
        let every = Duration::from_millis(RULES_EVERY_MS);
        {
            let mut known = self.lock();
            if known.asked.is_some_and(|asked| asked.elapsed() < every) {
                return Arc::clone(&known.rules);
            }
            // Who comes meanwhile does not ask too; but nobody goes by rules that were never read.
            if !known.rules.are_unknown && known.asked.is_some() {
                known.asked = Some(Instant::now());
            }
        }
        let wait = Duration::from_millis(RULES_WAITED_MS_MAX);
        let why = match tokio::time::timeout(wait, self.refreshed(database)).await {
            Ok(Ok(rules)) => return rules,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("the database did not answer in {RULES_WAITED_MS_MAX} ms"),
        };
        tracing::warn!("who sees what is taken as it was: {why}");
        self.last()
    }

    async fn refreshed(&self, database: &Database) -> Result<Arc<Rules>, DatabaseError> {
        let changes = self.lock().changes;
        let rules = database.rules().await?;
        let mut known = self.lock();
        if *known.rules != rules {
            known.rules = Arc::new(rules);
        }
        // A change in between may not be in what was read.
        known.asked = (known.changes == changes).then(Instant::now);
        Ok(Arc::clone(&known.rules))
    }

    /// To be called after a change of accounts, of what is published, or of a project's state: the
    /// next request reads the rules anew.
    pub fn changed(&self) {
        let mut known = self.lock();
        known.changes += 1;
        known.asked = None;
    }

    /// Those of all runs that are seen. What was narrowed last is kept, as lists are asked for often.
    pub fn narrowed(&self, all: &Arc<Catalogue>, sight: &Sight) -> Arc<Catalogue> {
        let rules = match sight {
            Sight::All => return Arc::clone(all),
            Sight::Ended => return Arc::new(all.narrowed(|run| sight.sees(run))),
            Sight::Published(rules) => rules,
        };
        if let Some(kept) = &self.lock().narrowed
            && Arc::ptr_eq(&kept.all, all)
            && Arc::ptr_eq(&kept.rules, rules)
        {
            return Arc::clone(&kept.seen);
        }
        let seen = Arc::new(all.narrowed(|run| sight.sees(run)));
        self.lock().narrowed = Some(Narrowed {
            all: Arc::clone(all),
            rules: Arc::clone(rules),
            seen: Arc::clone(&seen),
        });
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each change is whole: a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::facts::Facts;
    use crate::runs::progress::Progress;
    use crate::runs::scan::Found;

    fn run(id: &str, recorded: bool) -> Run {
        let directory = std::path::PathBuf::from(format!("/runs/{id}"));
        Run {
            found: Found {
                id: id.into(),
                path: directory.clone(),
                directory,
                recorded,
                changed_ms: 0,
                trouble: None,
            },
            fingerprint: String::new(),
            facts: Arc::new(Facts {
                title: id.into(),
                model: String::new(),
                questions: String::new(),
                labels: Vec::new(),
                headline: None,
                complete: true,
                progress: Progress::default(),
                trouble: None,
            }),
        }
    }

    fn rules() -> Rules {
        Rules {
            published: [("/runs/b", "b"), ("/runs/c", "other")]
                .map(|(directory, id)| (directory.to_owned(), id.to_owned()))
                .into(),
            ..Rules::default()
        }
    }

    fn of(role: Role) -> Seen {
        Seen {
            role,
            ..Seen::nobody()
        }
    }

    #[test]
    fn the_public_sees_what_is_published_and_not_being_rated() {
        let mut rules = rules();
        let sight = |rules: &Rules, role| Sight::of(&of(role), &Arc::new(rules.clone()));
        for role in [Role::Public, Role::Annotator] {
            let sight = sight(&rules, role);
            assert!(sight.sees(&run("a", true)) && sight.sees(&run("b", false)));
            assert!(!sight.sees(&run("a", false)), "not published");
            assert!(!sight.sees(&run("c", false)), "another run stands there");
        }
        rules.hidden = ["a", "b"].map(str::to_owned).into();
        for role in [Role::Public, Role::Annotator] {
            let sight = sight(&rules, role);
            assert!(!sight.sees(&run("a", true)) && !sight.sees(&run("b", false)));
            // A run of the same name in another folder may have taken its id.
            assert!(!sight.sees(&run("a~2", true)) && sight.sees(&run("a~b", true)));
        }
        for role in [Role::Researcher, Role::Admin] {
            assert!(sight(&rules, role).sees(&run("a", false)));
        }
    }

    #[test]
    fn nothing_is_seen_by_rules_that_were_never_read() {
        let book = RuleBook::default();
        let sight = Sight::of(&of(Role::Public), &book.last());
        assert!(!sight.sees(&run("a", true)));
        let sight = Sight::of(&of(Role::Public), &RuleBook::without_database().last());
        assert!(sight.sees(&run("a", true)) && !sight.sees(&run("b", false)));
    }

    #[test]
    fn a_narrowed_list_is_made_once() {
        let book = RuleBook::default();
        let all = Arc::new(Catalogue::new(vec![run("a", true), run("b", false)]));
        let sight = Sight::of(&of(Role::Public), &Arc::new(Rules::default()));
        let seen = book.narrowed(&all, &sight);
        assert_eq!(seen.runs().len(), 1);
        assert!(Arc::ptr_eq(&seen, &book.narrowed(&all, &sight)));
        assert!(Arc::ptr_eq(&all, &book.narrowed(&all, &Sight::All)));
    }
}
