//! Handing out and keeping, each within a turn: what is read in it decides what is written in it.

mod hand;
mod keep;

pub use hand::{hand, planned};
pub use keep::{decide, keep, saved};

use super::opened::Opened;
use crate::db::DatabaseError;
use crate::db::annotation::{Member, NewEvent, Project, Turn};
use app::view::{ProjectState, WorkStanding};
use datasets::annotation::{ItemKind, RatingRequest, WorkProgress};

const MS_A_MINUTE: i64 = 60_000;

/// Who asks for items, and for how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandAsk {
    pub project: String,
    pub person: String,
    pub want: usize,
    /// Whether he may work in every project, a member or not.
    pub may_join: bool,
}

/// A rating on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepAsk {
    pub project: String,
    pub person: String,
    /// Of the attempt.
    pub key: String,
    pub request: RatingRequest,
}

/// What somebody can do in a project, but for what is left to hand out.
pub fn standing(project: &Project, member: Option<&Member>) -> WorkStanding {
    let Some(member) = member else {
        return match project.state {
            ProjectState::Draft => WorkStanding::Waiting,
            ProjectState::Closed => WorkStanding::Closed,
            ProjectState::Open | ProjectState::Paused => WorkStanding::Consent,
        };
    };
    if member.withdrawn_ms.is_some() {
        return WorkStanding::Withdrawn;
    }
    match project.state {
        ProjectState::Closed => return WorkStanding::Closed,
        ProjectState::Draft => return WorkStanding::Waiting,
        ProjectState::Open | ProjectState::Paused => {}
    }
    if member.consented_ms.is_none() {
        return WorkStanding::Consent;
    }
    if member.refused_ms.is_some() {
        return WorkStanding::Refused;
    }
    if project.state == ProjectState::Paused {
        return WorkStanding::Waiting;
    }
    match (member.paused_ms, member.qualified_ms) {
        (Some(_), _) => WorkStanding::Paused,
        (None, None) => WorkStanding::Training,
        (None, Some(_)) => WorkStanding::Ready,
    }
}

/// Milliseconds of a lease.
pub fn lease_ms(project: &Project) -> i64 {
    i64::from(project.spec.lease_minutes) * MS_A_MINUTE
}

/// How far one person and all are.
///
/// # Errors
/// Those of the database.
pub async fn progress(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    person: &str,
) -> Result<WorkProgress, DatabaseError> {
    let mut progress = WorkProgress {
        training: opened.count(ItemKind::Training) as u64,
        ..WorkProgress::default()
    };
    for counted in turn.counted(&project.id, person).await? {
        let is_training = counted.kind == ItemKind::Training.word();
        let is_said = matches!(counted.state.as_str(), "rated" | "skipped");
        match counted.state.as_str() {
            _ if is_training && is_said => progress.training_rated += counted.count,
            "rated" => progress.own_rated += counted.count,
            "skipped" => progress.own_skipped += counted.count,
            _ => {}
        }
    }
    let overlap = u64::from(project.spec.overlap);
    for (ratings, items) in turn.items_by_ratings(&project.id).await? {
        progress.rated += ratings.min(overlap) * items;
        progress.wanted += overlap * items;
    }
    Ok(progress)
}

/// Keeps an event of a person.
pub(super) async fn note(
    turn: &mut Turn,
    project: &Project,
    person: &str,
    kind: &'static str,
    detail: serde_json::Value,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    turn.note(NewEvent {
        project: &project.id,
        person: Some(person),
        kind,
        detail: detail.to_string(),
        at_ms,
    })
    .await
}
