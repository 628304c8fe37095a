//! Projects.

use super::{Turn, from_json, natural, retried, to_json};
use crate::db::{Database, DatabaseError};
use app::view::ProjectState;
use datasets::annotation::{Item, ProjectKind, ProjectSpec};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// A project, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Random.
    pub id: String,
    pub title: String,
    pub kind: ProjectKind,
    pub state: ProjectState,
    /// With its seed.
    pub spec: ProjectSpec,
    /// SHA-256 by what.
    pub hashes: Vec<(String, String)>,
    /// `people.id`.
    pub made_by: Option<String>,
    pub created_ms: i64,
    pub changed_ms: i64,
    /// Grows with each turn.
    pub touched: i64,
}

/// How far a project is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectCounts {
    /// Of main items: how many have so many ratings that count.
    pub items_by_ratings: Vec<(u64, u64)>,
    /// People who rated something.
    pub annotators: u64,
}

impl ProjectCounts {
    pub fn items(&self) -> u64 {
        self.items_by_ratings.iter().map(|(_, items)| items).sum()
    }

    /// Ratings that count towards the overlap.
    pub fn rated(&self, overlap: u64) -> u64 {
        self.items_by_ratings
            .iter()
            .map(|(ratings, items)| (*ratings).min(overlap) * items)
            .sum()
    }
}

fn kind_word(kind: ProjectKind) -> &'static str {
    match kind {
        ProjectKind::Single => "single",
        ProjectKind::Pairs => "pairs",
    }
}

fn kind_from_word(word: &str) -> Result<ProjectKind, DatabaseError> {
    match word {
        "single" => Ok(ProjectKind::Single),
        "pairs" => Ok(ProjectKind::Pairs),
        _ => Err(DatabaseError::Foreign(format!("kind of project {word:?}"))),
    }
}

fn state_from_word(word: &str) -> Result<ProjectState, DatabaseError> {
    ProjectState::from_word(word)
        .ok_or_else(|| DatabaseError::Foreign(format!("state of project {word:?}")))
}

fn project_from_row(row: &AnyRow) -> Result<Project, DatabaseError> {
    let kind: String = row.try_get("kind")?;
    let state: String = row.try_get("state")?;
    let spec: String = row.try_get("spec")?;
    let hashes: String = row.try_get("hashes")?;
    Ok(Project {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        kind: kind_from_word(&kind)?,
        state: state_from_word(&state)?,
        spec: from_json(&spec, "project")?,
        hashes: from_json(&hashes, "list of hashes")?,
        made_by: row.try_get("made_by")?,
        created_ms: row.try_get("created_ms")?,
        changed_ms: row.try_get("changed_ms")?,
        touched: row.try_get("touched")?,
    })
}

impl Database {
    /// Adds a project with its items.
    ///
    /// # Errors
    /// Those of the database; then there is none of it.
    pub async fn add_project(
        &self,
        project: &Project,
        items: &[Item],
        remarks: &str,
    ) -> Result<(), DatabaseError> {
        retried(|| self.add_project_once(project, items, remarks)).await
    }

    async fn add_project_once(
        &self,
        project: &Project,
        items: &[Item],
        remarks: &str,
    ) -> Result<(), DatabaseError> {
        let mut turn = self.turn(&[]).await?;
        sqlx::query(
            "INSERT INTO projects (id, title, kind, state, spec, hashes, made_by, created_ms, changed_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(project.id.clone())
        .bind(project.title.clone())
        .bind(kind_word(project.kind))
        .bind(project.state.word())
        .bind(to_json(&project.spec))
        .bind(to_json(&project.hashes))
        .bind(project.made_by.clone())
        .bind(project.created_ms)
        .bind(project.changed_ms)
        .execute(turn.connection())
        .await?;
        let mut runs: Vec<&String> = project.spec.runs.iter().map(|run| &run.run).collect();
        runs.sort_unstable();
        runs.dedup();
        for run in runs {
            sqlx::query("INSERT INTO project_runs (project, run_id) VALUES ($1, $2)")
                .bind(project.id.clone())
                .bind(run.clone())
                .execute(turn.connection())
                .await?;
        }
        for item in items {
            sqlx::query(
                "INSERT INTO items (id, project, position, kind, content) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(item.id.clone())
            .bind(project.id.clone())
            .bind(i64::from(item.position))
            .bind(item.kind.word())
            .bind(to_json(item))
            .execute(turn.connection())
            .await?;
        }
        turn.note(super::NewEvent {
            project: &project.id,
            person: project.made_by.as_deref(),
            kind: "made",
            detail: remarks.to_owned(),
            at_ms: project.created_ms,
        })
        .await?;
        turn.commit().await
    }

    /// A project; `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project(&self, id: &str) -> Result<Option<Project>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM projects WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(project_from_row).transpose()
    }

    /// All projects, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn projects(&self, limit: i64) -> Result<Vec<Project>, DatabaseError> {
        let rows = sqlx::query("SELECT * FROM projects ORDER BY created_ms DESC, id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(project_from_row).collect()
    }

    /// How many projects there are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_projects(&self) -> Result<u64, DatabaseError> {
        let row = sqlx::query("SELECT COUNT(*) AS projects FROM projects")
            .fetch_one(&self.pool)
            .await?;
        Ok(natural(row.try_get("projects")?))
    }

    /// How far each project is, by id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project_counts(&self) -> Result<HashMap<String, ProjectCounts>, DatabaseError> {
        let mut counts: HashMap<String, ProjectCounts> = HashMap::new();
        let rows = sqlx::query(
            "SELECT project, rated, COUNT(*) AS items FROM items WHERE kind = 'main' GROUP BY project, rated",
        )
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let (rated, items): (i64, i64) = (row.try_get("rated")?, row.try_get("items")?);
            counts
                .entry(row.try_get("project")?)
                .or_default()
                .items_by_ratings
                .push((natural(rated), natural(items)));
        }
        let rows = sqlx::query(
            "SELECT project, COUNT(DISTINCT person) AS people FROM assignments WHERE state = 'rated' \
             GROUP BY project",
        )
        .fetch_all(&self.pool)
        .await?;
        for row in &rows {
            let people: i64 = row.try_get("people")?;
            counts
                .entry(row.try_get("project")?)
                .or_default()
                .annotators = natural(people);
        }
        Ok(counts)
    }

    /// Deletes a project that is a draft, with its items; false where it is none.
    ///
    /// # Errors
    /// Those of the database; then it is still there.
    pub async fn delete_draft(&self, id: &str) -> Result<bool, DatabaseError> {
        retried(|| self.delete_draft_once(id)).await
    }

    async fn delete_draft_once(&self, id: &str) -> Result<bool, DatabaseError> {
        let mut turn = self.turn(&[id]).await?;
        match turn.project(id).await? {
            Some(project) if project.state == ProjectState::Draft => {}
            _ => return Ok(false),
        }
        for query in [
            "DELETE FROM annotation_events WHERE project = $1",
            "DELETE FROM invitations WHERE project = $1",
            "DELETE FROM ratings WHERE project = $1",
            "DELETE FROM assignments WHERE project = $1",
            "DELETE FROM members WHERE project = $1",
            "DELETE FROM items WHERE project = $1",
            "DELETE FROM project_runs WHERE project = $1",
            "DELETE FROM projects WHERE id = $1",
        ] {
            sqlx::query(query)
                .bind(id.to_owned())
                .execute(turn.connection())
                .await?;
        }
        turn.commit().await?;
        Ok(true)
    }
}

impl Turn {
    /// A project; `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project(&mut self, id: &str) -> Result<Option<Project>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM projects WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(self.connection())
            .await?;
        row.as_ref().map(project_from_row).transpose()
    }

    /// Sets where a project stands.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_state(
        &mut self,
        id: &str,
        state: ProjectState,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        sqlx::query("UPDATE projects SET state = $1, changed_ms = $2 WHERE id = $3")
            .bind(state.word())
            .bind(now_ms)
            .bind(id.to_owned())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Sets a project's words.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_words(
        &mut self,
        id: &str,
        spec: &ProjectSpec,
        hashes: &[(String, String)],
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        sqlx::query(
            "UPDATE projects SET title = $1, spec = $2, hashes = $3, changed_ms = $4 WHERE id = $5",
        )
        .bind(spec.title.clone())
        .bind(to_json(spec))
        .bind(to_json(&hashes))
        .bind(now_ms)
        .bind(id.to_owned())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Of a project's main items: how many have so many ratings that count.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn items_by_ratings(
        &mut self,
        project: &str,
    ) -> Result<Vec<(u64, u64)>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT rated, COUNT(*) AS items FROM items WHERE project = $1 AND kind = 'main' GROUP BY rated",
        )
        .bind(project.to_owned())
        .fetch_all(self.connection())
        .await?;
        rows.iter()
            .map(|row| {
                let (rated, items): (i64, i64) = (row.try_get("rated")?, row.try_get("items")?);
                Ok((natural(rated), natural(items)))
            })
            .collect()
    }
}
