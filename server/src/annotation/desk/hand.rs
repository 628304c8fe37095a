//! Handing out.

use super::{HandAsk, lease_ms, note, progress, standing};
use crate::annotation::handing::{self, Desk, Handed, Standing};
use crate::annotation::mixing::Shares;
use crate::annotation::opened::{self, Opened};
use crate::annotation::refusal::{Fault, Refusal};
use crate::db::DatabaseError;
use crate::db::annotation::{Assignment, Project, Turn};
use app::view::{WorkBatch, WorkStanding};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// What would be handed to a person, and what he has; nothing is written.
///
/// # Errors
/// Those of the database.
pub async fn planned(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    person: &str,
    (is_qualified, want, now_ms): (bool, usize, i64),
) -> Result<(Vec<Handed>, Vec<Assignment>), DatabaseError> {
    let latest_ms = now_ms + 2 * lease_ms(project);
    let mut assignments = turn.held(&project.id, person).await?;
    for assignment in &mut assignments {
        let lives = assignment.lease_ends_ms > now_ms && assignment.lease_ends_ms <= latest_ms;
        if assignment.standing == Standing::Leased && !lives {
            assignment.standing = Standing::Released;
        }
    }
    let held: Vec<_> = assignments.iter().map(Assignment::held).collect();
    let taken = turn.taken(&project.id, now_ms, latest_ms).await?;
    let desk = Desk {
        seed: project.spec.seed.unwrap_or(0),
        person,
        kind: project.kind,
        shares: Shares::of(&project.spec),
        overlap: project.spec.overlap.into(),
        per_person_max: project.spec.per_person_max,
        items: &opened.heads,
        taken: &taken,
        held: &held,
        is_qualified,
    };
    Ok((handing::handed(&desk, want), assignments))
}

/// Hands items to a person: what he has first, its lease begun anew.
///
/// # Errors
/// Where he is not of the project; those of the database.
pub async fn hand(
    turn: &mut Turn,
    opened: &Opened,
    ask: &HandAsk,
    now_ms: i64,
) -> Result<WorkBatch, Fault> {
    let project = turn
        .project(&ask.project)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    let member = turn.member(&ask.project, &ask.person).await?;
    if member.is_none() && !ask.may_join {
        return Err(Refusal::Unknown("project").into());
    }
    let mut member = member;
    if let Some(paused) = member.as_mut().filter(|member| member.paused_ms.is_some()) {
        // Who asks for items goes on.
        turn.set_paused(paused, None).await?;
        paused.paused_ms = None;
        note(turn, &project, &ask.person, "resumed", json!({}), now_ms).await?;
    }
    let mut standing = standing(&project, member.as_ref());
    let mut items = Vec::new();
    if matches!(standing, WorkStanding::Training | WorkStanding::Ready) {
        let is_qualified = standing == WorkStanding::Ready;
        let assignments = hand_out(turn, opened, &project, ask, is_qualified, now_ms).await?;
        for assignment in &assignments {
            if let Some(item) = opened.item(&assignment.item) {
                items.push(opened::shown(item, assignment, None));
            }
        }
        if items.is_empty() {
            standing = WorkStanding::NothingLeft;
        }
    }
    Ok(WorkBatch {
        standing,
        items,
        progress: progress(turn, opened, &project, &ask.person).await?,
        now_ms,
    })
}

async fn hand_out(
    turn: &mut Turn,
    opened: &Opened,
    project: &Project,
    ask: &HandAsk,
    is_qualified: bool,
    now_ms: i64,
) -> Result<Vec<Assignment>, DatabaseError> {
    let lease_ends_ms = now_ms + lease_ms(project);
    let latest_ms = now_ms + 2 * lease_ms(project);
    for ended in turn.end_leases(&project.id, now_ms, latest_ms).await? {
        let detail = json!({"assignment": ended.assignment});
        note(turn, project, &ended.person, "expired", detail, now_ms).await?;
    }
    let when = (is_qualified, ask.want, now_ms);
    let (handed, assignments) = planned(turn, opened, project, &ask.person, when).await?;
    let mut known: HashMap<String, Assignment> = assignments
        .into_iter()
        .map(|assignment| (assignment.id.clone(), assignment))
        .collect();
    let mut given = Vec::new();
    for one in handed {
        match one {
            Handed::Again { assignment } => {
                turn.lease_again(&assignment, lease_ends_ms).await?;
                if let Some(mut assignment) = known.remove(&assignment) {
                    if assignment.standing == Standing::Released {
                        let detail = json!({"assignment": assignment.id, "item": assignment.item, "again": true});
                        note(turn, project, &ask.person, "handed", detail, now_ms).await?;
                    }
                    assignment.standing = Standing::Leased;
                    assignment.lease_ends_ms = lease_ends_ms;
                    given.push(assignment);
                }
            }
            Handed::New {
                item,
                is_repeat,
                first_left,
                turn: place,
            } => {
                let assignment = Assignment {
                    id: Uuid::new_v4().to_string(),
                    project: project.id.clone(),
                    item,
                    person: ask.person.clone(),
                    is_repeat,
                    first_left,
                    turn: place,
                    handed_ms: now_ms,
                    lease_ends_ms,
                    revisions: 0,
                    standing: Standing::Leased,
                };
                turn.hand_out(&assignment).await?;
                let detail = json!({
                    "assignment": assignment.id, "item": assignment.item, "turn": place,
                    "is_repeat": is_repeat, "first_left": first_left, "seed": project.spec.seed,
                });
                note(turn, project, &ask.person, "handed", detail, now_ms).await?;
                given.push(assignment);
            }
        }
    }
    Ok(given)
}
