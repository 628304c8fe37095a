//! Reports of agreement, kept until something else is said.

use crate::limits::{AGREEMENTS_AT_ONCE_MAX, AGREEMENTS_KEPT_MAX};
use app::view::AgreementReport;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// What a report was made of: of another state of the project there is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub project: String,
    /// Ratings, the time of the last one, and how often an item was settled.
    pub counts: [i64; 3],
    /// Where the project stands, as the report tells it.
    pub state: String,
    /// The state of each rated run's measures ([`crate::runs::faithfulness::stamp`]).
    pub measured: Vec<u64>,
}

/// The reports that were made last.
pub struct Reports {
    kept: Mutex<Vec<(Version, Arc<AgreementReport>)>>,
    /// Places for those that are computed.
    pub at_once: Semaphore,
}

impl Default for Reports {
    fn default() -> Self {
        Reports {
            kept: Mutex::default(),
            at_once: Semaphore::new(AGREEMENTS_AT_ONCE_MAX),
        }
    }
}

impl Reports {
    /// The report of a version, if it is kept.
    pub fn kept(&self, version: &Version) -> Option<Arc<AgreementReport>> {
        let kept = self.lock();
        let found = kept.iter().find(|(known, _)| known == version);
        found.map(|(_, report)| Arc::clone(report))
    }

    /// Keeps a report in place of the project's last one; the oldest goes.
    pub fn keep(&self, version: Version, report: &Arc<AgreementReport>) {
        let mut kept = self.lock();
        kept.retain(|(known, _)| known.project != version.project);
        if kept.len() >= AGREEMENTS_KEPT_MAX {
            kept.remove(0);
        }
        kept.push((version, Arc::clone(report)));
    }

    /// Lets go of a project's report.
    pub fn forget(&self, project: &str) {
        self.lock().retain(|(known, _)| known.project != project);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Version, Arc<AgreementReport>)>> {
        // A cache: nothing that is half done can be seen after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
