//! Which runs a handler may touch: each that takes a run asks here, and nowhere else.

use crate::people::Seen;
use crate::people::rules::Sight;
use crate::runs::Run;
use crate::runs::library::Look;
use crate::runs::look::Shelf;
use crate::web::Server;
use crate::web::problem::Failure;
use app::Medium;
use std::sync::Arc;

impl Server {
    /// What somebody sees, by the rules as they were read for his request.
    pub fn sight(&self, seen: &Seen) -> Sight {
        match self.medium {
            Medium::Server => Sight::of(seen, &self.rules.last()),
            Medium::Files { .. } => Sight::Ended,
        }
    }

    /// The run of an id, if he sees it. One that he does not is as one that is not there. Blocks on
    /// the file system.
    ///
    /// # Errors
    /// 404.
    pub fn find(&self, seen: &Seen, id: &str) -> Result<Run, Failure> {
        self.seen_run(seen, id)
            .ok_or_else(|| Failure::not_found("run"))
    }

    /// As [`Server::find`]; `None` where it is not there for him.
    pub fn seen_run(&self, seen: &Seen, id: &str) -> Option<Run> {
        let sight = self.sight(seen);
        self.library.run(id).filter(|run| sight.sees(run))
    }

    /// The runs that he sees, ready to be listed, and, for those who can mend it, what is wrong with
    /// the folders. Blocks on the file system.
    pub fn shelf(&self, seen: &Seen) -> Shelf {
        let (all, warnings) = self.library.shelf();
        match self.sight(seen) {
            Sight::All => (all, warnings),
            // Warnings name folders of runs that he may not know of.
            sight => (self.rules.narrowed(&all, &sight), Arc::default()),
        }
    }

    /// The runs that he sees, the newest first. Blocks on the file system.
    pub fn runs(&self, seen: &Seen) -> Look {
        let (catalogue, warnings) = self.shelf(seen);
        (Arc::clone(catalogue.runs()), warnings)
    }
}
