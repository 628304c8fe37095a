//! What annotators do besides rating: agree, pause, look back, see where they can work.

use super::Annotation;
use super::desk::{decide, note, planned, progress, saved, standing};
use super::opened::shown;
use super::refusal::Refusal;
use crate::db::annotation::{Project, Turn, retried};
use crate::db::{Database, DatabaseError};
use crate::limits::PROJECTS_MAX;
use app::view::{ProjectState, WorkRow, WorkStanding};
use datasets::annotation::{RatingSaved, WorkItem};
use datasets::hash::sha256_hex;
use serde_json::json;

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker<'a> {
    /// `people.id`.
    pub person: &'a str,
    /// Whether he may work in every project, a member or not: the person at the machine.
    pub may_join: bool,
}

impl Annotation {
    /// Where somebody can work: his projects, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn work_of(
        &self,
        database: &Database,
        worker: Worker<'_>,
    ) -> Result<Vec<WorkRow>, DatabaseError> {
        let projects: Vec<String> = match worker.may_join {
            true => {
                let all = database.projects(PROJECTS_MAX as i64).await?;
                let begun = all
                    .into_iter()
                    .filter(|project| project.state != ProjectState::Draft);
                begun.map(|project| project.id).collect()
            }
            false => {
                let own = database.memberships(worker.person).await?;
                own.into_iter().map(|member| member.project).collect()
            }
        };
        let mut rows = Vec::new();
        for project in projects {
            rows.extend(self.work_row(database, &project, worker.person).await?);
        }
        Ok(rows)
    }

    /// How somebody stands in a project; `None` where there is no such project.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn work_row(
        &self,
        database: &Database,
        project: &str,
        person: &str,
    ) -> Result<Option<WorkRow>, DatabaseError> {
        let opened = self.opened(database, project).await?;
        let mut turn = database.look().await?;
        let Some(project) = turn.project(project).await? else {
            return Ok(None);
        };
        let member = turn.member(&project.id, person).await?;
        let mut standing = standing(&project, member.as_ref());
        if matches!(standing, WorkStanding::Training | WorkStanding::Ready) {
            let is_qualified = standing == WorkStanding::Ready;
            let when = (is_qualified, 1, self.clock.now());
            let (next, _) = planned(&mut turn, &opened, &project, person, when).await?;
            if next.is_empty() {
                standing = WorkStanding::NothingLeft;
            }
        }
        Ok(Some(WorkRow {
            project: project.id.clone(),
            title: project.title.clone(),
            kind: project.kind,
            standing,
            progress: progress(&mut turn, &opened, &project, person).await?,
            contact: project.spec.contact.clone(),
        }))
    }

    /// Notes that somebody agrees to a project's terms; he joins it, where he may. Done twice, it is done
    /// once.
    ///
    /// # Errors
    /// Why it is not noted; then nothing was written.
    pub async fn consent(
        &self,
        database: &Database,
        project: &str,
        worker: Worker<'_>,
    ) -> Result<(), Refusal> {
        refusable(retried(|| self.consent_once(database, project, worker)).await)
    }

    async fn consent_once(
        &self,
        database: &Database,
        project: &str,
        worker: Worker<'_>,
    ) -> Result<Result<(), Refusal>, DatabaseError> {
        let opened = self.opened(database, project).await?;
        let mut turn = database.turn(&[project]).await?;
        let now_ms = self.clock.now();
        let Some(project) = turn.project(project).await? else {
            return Ok(Err(Refusal::Unknown("project")));
        };
        if !matches!(project.state, ProjectState::Open | ProjectState::Paused) {
            return Ok(Err(not_open(&project)));
        }
        if worker.may_join {
            turn.join(&project.id, worker.person, now_ms).await?;
        }
        let Some(member) = turn.member(&project.id, worker.person).await? else {
            return Ok(Err(Refusal::Unknown("project")));
        };
        if member.withdrawn_ms.is_some() {
            return Ok(Err(Refusal::NotAllowed("You have left this project.")));
        }
        if member.consented_ms.is_none() {
            let hash = sha256_hex(project.spec.consent.as_bytes());
            turn.set_consented(&member, &hash, now_ms).await?;
            let detail = json!({"consent": hash});
            note(
                &mut turn,
                &project,
                worker.person,
                "consented",
                detail,
                now_ms,
            )
            .await?;
            // Where there is no training, nothing stands before the work.
            decide(&mut turn, &opened, &project, &member, now_ms).await?;
        }
        turn.commit().await?;
        Ok(Ok(()))
    }

    /// Pauses somebody's work, or goes on with it. What he has and has not rated is given back.
    ///
    /// # Errors
    /// Where he is not of the project; those of the database.
    pub async fn pause(
        &self,
        database: &Database,
        project: &str,
        person: &str,
        pauses: bool,
    ) -> Result<(), Refusal> {
        refusable(retried(|| self.pause_once(database, project, person, pauses)).await)
    }

    async fn pause_once(
        &self,
        database: &Database,
        project: &str,
        person: &str,
        pauses: bool,
    ) -> Result<Result<(), Refusal>, DatabaseError> {
        let mut turn = database.turn(&[project]).await?;
        let now_ms = self.clock.now();
        let project = turn.project(project).await?;
        let Some(project) = project else {
            return Ok(Err(Refusal::Unknown("project")));
        };
        let Some(member) = turn.member(&project.id, person).await? else {
            return Ok(Err(Refusal::Unknown("project")));
        };
        if member.paused_ms.is_some() == pauses {
            return Ok(Ok(()));
        }
        turn.set_paused(&member, pauses.then_some(now_ms)).await?;
        let kind = if pauses { "paused" } else { "resumed" };
        note(&mut turn, &project, person, kind, json!({}), now_ms).await?;
        if pauses {
            for assignment in turn.release_own(&project.id, person).await? {
                let detail = json!({"assignment": assignment});
                note(&mut turn, &project, person, "released", detail, now_ms).await?;
            }
        }
        turn.commit().await?;
        Ok(Ok(()))
    }

    /// What was kept of somebody under a key; `None` where there is none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn saved(
        &self,
        database: &Database,
        project: &str,
        person: &str,
        key: &str,
    ) -> Result<Option<RatingSaved>, DatabaseError> {
        let opened = self.opened(database, project).await?;
        let mut turn = database.look().await?;
        match turn.project(project).await? {
            Some(project) => saved(&mut turn, &opened, &project, person, key).await,
            None => Ok(None),
        }
    }

    /// What somebody rated last, the newest first, with what he said.
    ///
    /// # Errors
    /// Where he is not of the project; those of the database.
    pub async fn last(
        &self,
        database: &Database,
        project: &str,
        person: &str,
        limit: usize,
    ) -> Result<Vec<WorkItem>, Refusal> {
        let opened = self.opened(database, project).await?;
        let mut turn: Turn = database.look().await?;
        if turn.member(project, person).await?.is_none() {
            return Err(Refusal::Unknown("project"));
        }
        let last = turn.last_said(project, person, limit).await?;
        Ok(last
            .into_iter()
            .filter_map(|(assignment, said)| {
                let item = opened.item(&assignment.item)?;
                Some(shown(item, &assignment, Some(said)))
            })
            .collect())
    }
}

fn not_open(project: &Project) -> Refusal {
    Refusal::Standing(match project.state {
        ProjectState::Closed => "The project is closed.".into(),
        _ => "The project has not begun yet.".into(),
    })
}

/// What was refused within, and what failed, as one.
pub(super) fn refusable<T>(
    outcome: Result<Result<T, Refusal>, DatabaseError>,
) -> Result<T, Refusal> {
    outcome?
}
