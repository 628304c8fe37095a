//! Keeping ratings.

use super::{KeepAsk, note, progress};
use crate::annotation::handing::Standing;
use crate::annotation::keeping::{self, Kept, Verdict, turned_back};
use crate::annotation::known::expected;
use crate::annotation::opened::Opened;
use crate::annotation::qualify::{Qualified, qualified};
use crate::annotation::refusal::{Fault, Refusal};
use crate::db::DatabaseError;
use crate::db::annotation::{Assignment, Member, Project, Turn};
use app::view::ProjectState;
use datasets::annotation::{Explained, Item, ItemKind, RatingRequest, RatingSaved};
use serde_json::json;

/// Keeps a rating, once.
///
/// # Errors
/// Why it is not kept; then nothing was written.
pub async fn keep(
    turn: &mut Turn,
    opened: &Opened,
    ask: &KeepAsk,
    now_ms: i64,
) -> Result<RatingSaved, Fault> {
    let project = turn
        .project(&ask.project)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    let member = turn.member(&ask.project, &ask.person).await?;
    let by_key = turn.kept(&ask.key).await?;
    let assignment = turn
        .assignment(&ask.request.assignment)
        .await?
        .filter(|known| known.project == ask.project && known.person == ask.person);
    let item = assignment
        .as_ref()
        .and_then(|assignment| opened.item(&assignment.item));
    let (Some(assignment), Some(item)) = (assignment, item) else {
        let refusal = match (by_key, member) {
            (Some(kept), _) => key_taken(&kept, &ask.person),
            (None, Some(member)) => not_of(&member).unwrap_or(Refusal::Unknown("assignment")),
            (None, None) => Refusal::Unknown("assignment"),
        };
        return Err(refusal.into());
    };
    let lengths = Opened::lengths(item, assignment.first_left);
    let wrong = keeping::wrong(&ask.request, project.kind, &lengths);
    if !wrong.is_empty() && by_key.is_none() {
        return Err(Refusal::Wrong(wrong).into());
    }
    let stands = assignment.stands(project.state == ProjectState::Closed);
    let verdict = keeping::verdict(
        &ask.key,
        &ask.person,
        &ask.request,
        by_key.as_ref(),
        stands,
        now_ms,
    );
    let (saved_ms, fresh) = match verdict {
        Verdict::Again { saved_ms } => (saved_ms, false),
        Verdict::Keep { standing, was_late } => {
            let Some(member) = member else {
                return Err(Refusal::Unknown("project").into());
            };
            if let Some(refusal) = not_of(&member) {
                return Err(refusal.into());
            }
            let kept = Kept {
                key: ask.key.clone(),
                person: ask.person.clone(),
                said: ask.request.clone(),
                saved_ms: now_ms,
            };
            write(
                turn,
                opened,
                &project,
                &member,
                (&assignment, item),
                &kept,
                (standing, was_late),
            )
            .await?;
            (now_ms, true)
        }
        other => return Err(conflict(turn, other, ask).await?.into()),
    };
    Ok(RatingSaved {
        key: ask.key.clone(),
        assignment: assignment.id.clone(),
        revision: ask.request.revision,
        saved_ms,
        fresh,
        explained: explained(item, &project, &ask.request, assignment.first_left),
        progress: progress(turn, opened, &project, &ask.person).await?,
    })
}

async fn write(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    member: &Member,
    (assignment, item): (&Assignment, &Item),
    kept: &Kept,
    (standing, was_late): (Standing, bool),
) -> Result<(), DatabaseError> {
    turn.keep(assignment, kept, was_late).await?;
    turn.set_said(&assignment.id, standing, kept.said.revision)
        .await?;
    if standing != assignment.standing && !assignment.is_repeat {
        turn.recount(&item.id).await?;
    }
    let is_undecided = member.qualified_ms.is_none() && member.refused_ms.is_none();
    if item.kind == ItemKind::Training && is_undecided {
        decide(turn, opened, project, member, kept.saved_ms).await?;
    }
    Ok(())
}

/// Admits a person whose training is done, or not.
///
/// # Errors
/// Those of the database.
pub async fn decide(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    member: &Member,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let words = turn.first_words(&project.id, &member.person).await?;
    let outcomes: Vec<Option<bool>> = words
        .iter()
        .map(|(item, first_left, said)| {
            let known = opened.item(item)?.known.as_ref()?;
            known.is_right(said.score, turned_back(said.choice, *first_left))
        })
        .collect();
    let asked = opened.count(ItemKind::Training);
    let is_admitted = match qualified(asked, &outcomes, project.spec.qualification) {
        Qualified::NotYet => return Ok(()),
        Qualified::Admitted => true,
        Qualified::Refused => false,
    };
    turn.set_qualified(member, is_admitted, now_ms).await?;
    let right = outcomes.iter().filter(|one| **one == Some(true)).count();
    let kind = if is_admitted { "qualified" } else { "refused" };
    let detail = json!({"right": right, "asked": asked});
    note(turn, project, &member.person, kind, detail, now_ms).await
}

/// Why somebody's ratings are not taken any more.
fn not_of(member: &Member) -> Option<Refusal> {
    if member.withdrawn_ms.is_some() {
        return Some(Refusal::NotAllowed("You have left this project."));
    }
    if member.consented_ms.is_none() {
        return Some(Refusal::NotAllowed(
            "You have not agreed to the project's terms yet.",
        ));
    }
    None
}

fn key_taken(kept: &Kept, person: &str) -> Refusal {
    Refusal::Kept {
        words: "This key stands for another rating already.".into(),
        // What somebody else said is not told.
        kept: (kept.person == person).then(|| Box::new(kept.said.clone())),
    }
}

/// What is kept in the place of a rating that is not.
async fn conflict(
    turn: &mut Turn,
    verdict: Verdict,
    ask: &KeepAsk,
) -> Result<Refusal, DatabaseError> {
    let request = &ask.request;
    Ok(match verdict {
        Verdict::KeyTaken(kept) => key_taken(&kept, &ask.person),
        Verdict::Closed => {
            Refusal::Standing("The project is closed, and nothing more is taken.".into())
        }
        Verdict::RevisionTaken => {
            let kept = turn.revision(&request.assignment, request.revision).await?;
            Refusal::Kept {
                words: "Another rating of this item was kept before, from another tab or device."
                    .into(),
                kept: kept.map(|kept| Box::new(kept.said)),
            }
        }
        _ => {
            let before = request.revision.saturating_sub(1);
            let kept = turn.revision(&request.assignment, before).await?;
            Refusal::Kept {
                words: format!(
                    "The rating is said to be the item's word number {}, and the one before it is not here.",
                    request.revision
                ),
                kept: kept.map(|kept| Box::new(kept.said)),
            }
        }
    })
}

/// What was kept of a person under a key, as it was answered; `None` where there is none.
///
/// # Errors
/// Those of the database.
pub async fn saved(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    person: &str,
    key: &str,
) -> Result<Option<RatingSaved>, DatabaseError> {
    let kept = turn.kept(key).await?.filter(|kept| kept.person == person);
    let Some(kept) = kept else {
        return Ok(None);
    };
    let assignment = turn.assignment(&kept.said.assignment).await?;
    let Some(assignment) = assignment.filter(|known| known.project == project.id) else {
        return Ok(None);
    };
    let item = opened.item(&assignment.item);
    Ok(Some(RatingSaved {
        key: kept.key,
        revision: kept.said.revision,
        saved_ms: kept.saved_ms,
        fresh: false,
        explained: item
            .and_then(|item| explained(item, project, &kept.said, assignment.first_left)),
        progress: progress(turn, opened, project, person).await?,
        assignment: assignment.id,
    }))
}

/// What a training item's right rating would have been.
fn explained(
    item: &Item,
    project: &Project,
    request: &RatingRequest,
    first_left: bool,
) -> Option<Explained> {
    let known = item.known.as_ref()?;
    (item.kind == ItemKind::Training).then(|| Explained {
        right: known
            .is_right(request.score, turned_back(request.choice, first_left))
            .unwrap_or(false),
        expected: expected(known, project.kind, first_left),
        explanation: known.explanation.clone(),
    })
}
