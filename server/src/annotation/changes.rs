//! Opening, pausing, closing, rewording and deleting projects.

use super::refusal::Refusal;
use super::spec::{self, Words};
use super::{Annotation, at_work};
use crate::db::annotation::{NewEvent, retried};
use crate::db::{Database, DatabaseError};
use app::view::ProjectState;
use serde_json::json;

/// A change of a project that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub state: Option<ProjectState>,
    pub words: Words,
}

impl Annotation {
    /// Opens, pauses or closes a project, or rewords a draft.
    ///
    /// # Errors
    /// Why it is not changed.
    pub async fn change(
        &self,
        database: &Database,
        id: &str,
        change: &Change,
        person: Option<&str>,
    ) -> Result<(), Refusal> {
        at_work::refusable(retried(|| self.change_once(database, id, change, person)).await)
    }

    async fn change_once(
        &self,
        database: &Database,
        id: &str,
        change: &Change,
        person: Option<&str>,
    ) -> Result<Result<(), Refusal>, DatabaseError> {
        let mut turn = database.turn(&[id]).await?;
        let now_ms = self.clock.now();
        let Some(project) = turn.project(id).await? else {
            return Ok(Err(Refusal::Unknown("project")));
        };
        if change.words != Words::default() {
            if project.state != ProjectState::Draft {
                return Ok(Err(Refusal::Standing(format!(
                    "The project is {}: its words are those that people agreed to and rated by.",
                    project.state.word()
                ))));
            }
            let reworded = match spec::reworded(project.spec.clone(), change.words.clone()) {
                Ok(reworded) => reworded,
                Err(wrong) => return Ok(Err(Refusal::Wrong(wrong))),
            };
            let mut hashes = spec::hashes(&reworded);
            let known: Vec<String> = hashes.iter().map(|(name, _)| name.clone()).collect();
            let others = project
                .hashes
                .iter()
                .filter(|(name, _)| !known.contains(name));
            hashes.extend(others.cloned());
            turn.set_words(id, &reworded, &hashes, now_ms).await?;
            let detail = json!({"hashes": hashes}).to_string();
            turn.note(event(id, person, "reworded", detail, now_ms))
                .await?;
        }
        if let Some(state) = change.state.filter(|state| *state != project.state) {
            if !may_follow(project.state, state) {
                return Ok(Err(Refusal::Standing(format!(
                    "The project is {}, and cannot become {}.",
                    project.state.word(),
                    state.word()
                ))));
            }
            turn.set_state(id, state, now_ms).await?;
            let detail = json!({"from": project.state.word(), "to": state.word()}).to_string();
            turn.note(event(id, person, "state", detail, now_ms))
                .await?;
        }
        turn.commit().await?;
        Ok(Ok(()))
    }

    /// Deletes a draft with its items.
    ///
    /// # Errors
    /// Where it is none; those of the database.
    pub async fn delete(&self, database: &Database, id: &str) -> Result<(), Refusal> {
        if database.delete_draft(id).await? {
            self.close(id);
            return Ok(());
        }
        match database.project(id).await? {
            None => Err(Refusal::Unknown("project")),
            Some(project) => Err(Refusal::Standing(format!(
                "The project is {}: only drafts are deleted.",
                project.state.word()
            ))),
        }
    }
}

/// Whether a project may go from one state to another. What was closed stays so: its annotators may have
/// seen the runs since.
fn may_follow(from: ProjectState, to: ProjectState) -> bool {
    matches!(
        (from, to),
        (ProjectState::Draft, ProjectState::Open)
            | (
                ProjectState::Open,
                ProjectState::Paused | ProjectState::Closed
            )
            | (
                ProjectState::Paused,
                ProjectState::Open | ProjectState::Closed
            )
    )
}

fn event<'a>(
    project: &'a str,
    person: Option<&'a str>,
    kind: &'static str,
    detail: String,
    at_ms: i64,
) -> NewEvent<'a> {
    NewEvent {
        project,
        person,
        kind,
        detail,
        at_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_stays_closed() {
        use ProjectState::{Closed, Draft, Open, Paused};
        let steps = ProjectState::ALL
            .into_iter()
            .flat_map(|from| ProjectState::ALL.map(|to| (from, to)))
            .filter(|(from, to)| may_follow(*from, *to));
        assert_eq!(
            steps.collect::<Vec<_>>(),
            [
                (Draft, Open),
                (Open, Paused),
                (Open, Closed),
                (Paused, Open),
                (Paused, Closed)
            ]
        );
    }
}
