//! What researchers do with projects: make, change, settle, look at agreement, take away.

use super::export::{self, ExportData};
use super::measures::Measures;
use super::opened::Opened;
use super::preparing::Prepared;
use super::quality::{self, Rated};
use super::refusal::Refusal;
use super::settled::Settled;
use super::{Annotation, settling, told};
use crate::db::annotation::{Project, Said, SettledRow};
use crate::db::{Database, DatabaseError};
use crate::limits::{
    AGREEMENT_BOOTSTRAPS_MAX, AGREEMENT_BOOTSTRAPS_MIN, AGREEMENT_ROWS_DRAWN, PROJECTS_MAX,
};
use app::view::{AgreementReport, ProjectDetail, ProjectRow, ProjectState, Settlement};
use datasets::annotation::{Item, Rating};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// All that was said in a project, ready for figures and files.
#[derive(Debug)]
pub struct Study {
    pub detail: ProjectDetail,
    pub items: Vec<Item>,
    /// The last words.
    pub ratings: Vec<Rating>,
    pub settled: BTreeMap<String, Settled>,
    /// All words.
    pub said: Vec<Said>,
}

impl Annotation {
    /// Keeps a project that was prepared, as a draft.
    ///
    /// # Errors
    /// Where there are too many; those of the database.
    pub async fn add(
        &self,
        database: &Database,
        prepared: Prepared,
        made_by: Option<&str>,
    ) -> Result<Project, Refusal> {
        if database.count_projects().await? >= PROJECTS_MAX as u64 {
            return Err(Refusal::Standing(format!(
                "There are {PROJECTS_MAX} projects, and more are not kept."
            )));
        }
        let now_ms = self.clock.now();
        let project = Project {
            id: Uuid::new_v4().to_string(),
            title: prepared.spec.title.clone(),
            kind: prepared.spec.kind,
            state: ProjectState::Draft,
            spec: prepared.spec,
            hashes: prepared.hashes,
            made_by: made_by.map(str::to_owned),
            created_ms: now_ms,
            changed_ms: now_ms,
            touched: 0,
        };
        let detail = json!({"seed": project.spec.seed, "remarks": prepared.remarks}).to_string();
        database
            .add_project(&project, &prepared.items, &detail)
            .await?;
        Ok(project)
    }

    /// All projects, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn rows(&self, database: &Database) -> Result<Vec<ProjectRow>, DatabaseError> {
        let projects = database.projects(PROJECTS_MAX as i64).await?;
        let mut counts = database.project_counts().await?;
        Ok(projects
            .iter()
            .map(|project| told::row(project, &counts.remove(&project.id).unwrap_or_default()))
            .collect())
    }

    /// All about a project.
    ///
    /// # Errors
    /// Where there is none of that id; those of the database.
    pub async fn study(&self, database: &Database, id: &str) -> Result<Study, Refusal> {
        let project = database
            .project(id)
            .await?
            .ok_or(Refusal::Unknown("project"))?;
        let opened = self.opened(database, id).await?;
        let said = database.said(id).await?;
        let rated = database.rated_items(id).await?;
        let members = database.members(id).await?;
        let counts = database.project_counts().await?.remove(id);
        Ok(Study {
            detail: ProjectDetail {
                row: told::row(&project, &counts.unwrap_or_default()),
                spec: project.spec,
                hashes: project.hashes,
                members: told::members(&members, &opened, &said),
                kinds: told::kinds(&opened),
                strata: told::strata(&opened, &rated),
                remarks: remarks(database.made_detail(id).await?.as_deref()),
            },
            items: opened.in_order().cloned().collect(),
            ratings: told::ratings(&said),
            settled: database.settled(id).await?,
            said,
        })
    }

    /// Settles an item.
    ///
    /// # Errors
    /// Why it is not settled.
    pub async fn settle(
        &self,
        database: &Database,
        (id, item): (&str, &str),
        settlement: Settlement,
        person: Option<&str>,
    ) -> Result<Settled, Refusal> {
        let project = database
            .project(id)
            .await?
            .ok_or(Refusal::Unknown("project"))?;
        let opened = self.opened(database, id).await?;
        opened.item(item).ok_or(Refusal::Unknown("item"))?;
        let wrong = settling::wrong(&settlement, project.kind);
        if !wrong.is_empty() {
            return Err(Refusal::Wrong(wrong));
        }
        let by = match person {
            Some(person) => database
                .person(person)
                .await?
                .map(|person| person.pseudonym),
            None => None,
        };
        let settled = Settled {
            score: settlement.score,
            choice: settlement.choice,
            note: settlement.note.replace('\0', ""),
            by: by.unwrap_or_default(),
            at_ms: self.clock.now(),
        };
        database
            .settle(&SettledRow {
                project: id,
                item,
                settled: &settled,
                person,
            })
            .await?;
        self.reports.forget(id);
        Ok(settled)
    }

    /// Files of a project are made of this.
    ///
    /// # Errors
    /// Where there is none of that id; those of the database.
    pub async fn export_data(
        &self,
        database: &Database,
        id: &str,
        with_names: bool,
    ) -> Result<ExportData, Refusal> {
        let study = self.study(database, id).await?;
        let events = database.annotation_events(id).await?;
        let names = match with_names {
            true => Some(names(database).await?),
            false => None,
        };
        Ok(ExportData {
            detail: study.detail,
            items: study.items,
            ratings: study.ratings,
            settled: study.settled,
            said: study.said.into_iter().map(exported).collect(),
            events: events
                .into_iter()
                .map(|event| export::Event {
                    at_ms: event.at_ms,
                    kind: event.kind,
                    annotator: event.pseudonym,
                    detail: event.detail,
                })
                .collect(),
            names,
        })
    }

    /// The items of a project; none where there is no such project.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn opened(
        &self,
        database: &Database,
        id: &str,
    ) -> Result<Arc<Opened>, DatabaseError> {
        if let Some(opened) = self.remembered(id) {
            return Ok(opened);
        }
        let opened = Arc::new(Opened::of(database.items(id).await?));
        if !opened.heads.is_empty() {
            self.remember(id, &opened);
        }
        Ok(opened)
    }
}

/// How raters agree, from all that was said. Computes for seconds.
pub fn report(study: Study, measures: &Measures) -> AgreementReport {
    let items = study.items.len().max(1);
    let bootstraps =
        (AGREEMENT_ROWS_DRAWN / items).clamp(AGREEMENT_BOOTSTRAPS_MIN, AGREEMENT_BOOTSTRAPS_MAX);
    let seed = study.detail.spec.seed.unwrap_or(0);
    let rated = Rated {
        items: &study.items,
        ratings: &study.ratings,
        settled: &study.settled,
        measures,
    };
    quality::report(study.detail.row.clone(), &rated, bootstraps, seed)
}

/// What making a project had to leave out, out of its first event.
fn remarks(detail: Option<&str>) -> Vec<String> {
    detail
        .and_then(|detail| serde_json::from_str::<serde_json::Value>(detail).ok())
        .and_then(|detail| serde_json::from_value(detail.get("remarks")?.clone()).ok())
        .unwrap_or_default()
}

async fn names(database: &Database) -> Result<BTreeMap<String, String>, DatabaseError> {
    let pseudonyms = database.pseudonyms().await?;
    let names = database.names().await?;
    Ok(names
        .into_iter()
        .filter_map(|(id, name)| Some((pseudonyms.get(&id)?.clone(), name)))
        .collect())
}

fn exported(said: Said) -> export::Said {
    export::Said {
        key: said.key,
        assignment: said.said.assignment.clone(),
        item: said.item,
        annotator: said.pseudonym,
        revision: said.said.revision,
        is_repeat: said.is_repeat,
        first_left: said.first_left,
        said: said.said,
        saved_ms: said.saved_ms,
        was_late: said.was_late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_read_from_the_first_event() {
        assert_eq!(
            remarks(Some(r#"{"seed":1,"remarks":["a","b"]}"#)),
            ["a", "b"]
        );
        assert!(remarks(Some("noise")).is_empty() && remarks(None).is_empty());
    }
}
