//! Annotation: people rate whether a rationale tells what the model wavers between. No HTTP and no SQL here.
//!
//! | to | see |
//! |---|---|
//! | change what a project may be | [`spec`], [`preparing`] |
//! | change which items are drawn, what is gold or training | [`offers`], [`making`], [`known`] |
//! | change what annotators must not read | [`blind`], [`opened`] |
//! | change who gets which item when | [`handing`], [`mixing`] |
//! | change when a rating is kept | [`keeping`] |
//! | change who may begin | [`qualify`] |
//! | see what one hand-out or rating does | [`desk`] |
//! | see how many are written at once | [`together`] |
//! | change what else annotators do | [`at_work`] |
//! | change what researchers do | [`studies`], [`changes`], [`settling`] |
//! | tell how far people are | [`told`] |
//! | tell how far raters agree | [`quality`], [`measures`], [`settled`] |
//! | write files | [`export`] |
//! | draw a rubric | [`markdown`] |

pub mod at_work;
pub mod blind;
pub mod changes;
pub mod clock;
pub mod desk;
pub mod export;
pub mod handing;
pub mod keeping;
pub mod known;
pub mod making;
pub mod markdown;
pub mod measures;
pub mod mixing;
pub mod offers;
pub mod opened;
pub mod preparing;
pub mod qualify;
pub mod quality;
pub mod refusal;
pub mod reports;
pub mod seeded;
pub mod settled;
pub mod settling;
pub mod spec;
pub mod studies;
pub mod together;
pub mod told;

use crate::limits::PROJECTS_REMEMBERED_MAX;
use clock::Clock;
use opened::Opened;
use reports::Reports;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use together::Queue;

/// What is held in memory of annotation; all of it can be lost.
#[derive(Default)]
pub struct Annotation {
    clock: Clock,
    queue: Mutex<Queue>,
    pub reports: Reports,
    /// The items of the projects that were asked for last, the latest at the end.
    opened: Mutex<Vec<(String, Arc<Opened>)>>,
}

impl Annotation {
    /// Milliseconds since the epoch, by the clock of leases.
    pub fn now_ms(&self) -> i64 {
        self.clock.now()
    }

    fn remembered(&self, project: &str) -> Option<Arc<Opened>> {
        let mut opened = self.projects();
        let place = opened.iter().position(|(known, _)| known == project)?;
        let entry = opened.remove(place);
        let found = Arc::clone(&entry.1);
        opened.push(entry);
        Some(found)
    }

    fn remember(&self, project: &str, items: &Arc<Opened>) {
        let mut opened = self.projects();
        opened.retain(|(known, _)| known != project);
        if opened.len() >= PROJECTS_REMEMBERED_MAX {
            opened.remove(0);
        }
        opened.push((project.to_owned(), Arc::clone(items)));
    }

    /// Lets go of a project that is no more.
    fn close(&self, project: &str) {
        self.projects().retain(|(known, _)| known != project);
        self.reports.forget(project);
    }

    fn projects(&self) -> MutexGuard<'_, Vec<(String, Arc<Opened>)>> {
        // A cache: nothing that is half done can be seen after a panic.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
