//! What researchers do with projects, by program or by page.

use super::database;
use crate::annotation::changes::Change;
use crate::annotation::measures::Measures;
use crate::annotation::preparing::prepared;
use crate::annotation::refusal::Refusal;
use crate::annotation::reports::Version;
use crate::annotation::settled::Settled;
use crate::annotation::studies::{self, Study};
use crate::people::{LOCAL, Seen};
use crate::runs::faithfulness::stamp;
use crate::web::Server;
use crate::web::api::read;
use crate::web::people::form::note;
use crate::web::people::invitations::{InvitationMade, InvitationRequest, make};
use crate::web::problem::Failure;
use app::view::{AgreementReport, ProjectState, Role, Settlement};
use datasets::annotation::{ProjectSpec, RatedRun};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// `POST /api/projects/{id}/invitations`.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct ProjectInvitation {
    /// How many may come by it, 1 to 1,000; 1 where absent.
    #[schema(minimum = 1, maximum = 1_000)]
    pub uses: Option<i64>,
    /// For how many days, 1 to 366; 14 where absent.
    #[schema(minimum = 1, maximum = 366)]
    pub days: Option<i64>,
    /// For those who made it: 200 characters at most.
    pub note: Option<String>,
}

/// Makes a project as a draft; gives its id.
pub async fn make_project(
    server: &Arc<Server>,
    seen: &Seen,
    spec: ProjectSpec,
) -> Result<String, Failure> {
    let database = database(server)?;
    if seen.person.as_deref() == Some(LOCAL) {
        database
            .add_local_person(server.annotation.now_ms())
            .await?;
    }
    let prepared = read({
        let (server, seen) = (Arc::clone(server), seen.clone());
        move || {
            let mut runs = Vec::new();
            for rated in &spec.runs {
                let run = server.seen_run(&seen, &rated.run);
                runs.push(run.ok_or_else(|| {
                    let words = format!("There is no run {:?} here.", rated.run);
                    Failure::from(Refusal::Wrong(vec![words]))
                })?);
            }
            Ok(prepared(spec, &runs)?)
        }
    })
    .await?;
    let project = server
        .annotation
        .add(database, prepared, seen.person.as_deref())
        .await?;
    note(
        database,
        seen,
        "made a project",
        &project.id,
        &project.title,
    )
    .await;
    Ok(project.id)
}

/// All about a project.
pub async fn study(server: &Server, id: &str) -> Result<Study, Failure> {
    Ok(server.annotation.study(database(server)?, id).await?)
}

/// Changes a project.
pub async fn change(
    server: &Server,
    seen: &Seen,
    id: &str,
    change: &Change,
) -> Result<(), Failure> {
    let database = database(server)?;
    let person = seen.person.as_deref();
    server
        .annotation
        .change(database, id, change, person)
        .await?;
    if let Some(state) = change.state {
        // Runs of an open project are hidden from those who rate them.
        server.rules.changed();
        note(database, seen, "set a project's state", id, state.word()).await;
    }
    Ok(())
}

/// Deletes a draft.
pub async fn delete(server: &Server, seen: &Seen, id: &str) -> Result<(), Failure> {
    let database = database(server)?;
    server.annotation.delete(database, id).await?;
    note(database, seen, "deleted a draft", id, "").await;
    Ok(())
}

/// Settles an item.
pub async fn settle(
    server: &Server,
    seen: &Seen,
    place: (&str, &str),
    settlement: Settlement,
) -> Result<Settled, Failure> {
    let database = database(server)?;
    let person = seen.person.as_deref();
    if person == Some(LOCAL) {
        database
            .add_local_person(server.annotation.now_ms())
            .await?;
    }
    Ok(server
        .annotation
        .settle(database, place, settlement, person)
        .await?)
}

/// How raters agree, as far as they are.
pub async fn agreement(
    server: &Arc<Server>,
    seen: &Seen,
    id: &str,
) -> Result<Arc<AgreementReport>, Failure> {
    let database = database(server)?;
    let reports = &server.annotation.reports;
    // Few are computed at once; whoever waited may find it kept.
    let _place = reports.at_once.acquire().await;
    let project = database
        .project(id)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    let version = Version {
        project: id.to_owned(),
        counts: database.said_counts(id).await?,
        state: project.state.word().into(),
        measured: measured(server, seen, project.spec.runs).await?,
    };
    if let Some(report) = reports.kept(&version) {
        return Ok(report);
    }
    let study = study(server, id).await?;
    let report = read({
        let (server, seen) = (Arc::clone(server), seen.clone());
        move || {
            let mut measures = Measures::default();
            for rated in &study.detail.spec.runs {
                let label = rated.label.as_deref().unwrap_or_default();
                match server.seen_run(&seen, &rated.run) {
                    Some(run) => measures.read(&run, label),
                    None => measures
                        .remarks
                        .push(format!("The run {} is not here any more.", rated.run)),
                }
            }
            Ok(Arc::new(studies::report(study, &measures)))
        }
    })
    .await?;
    reports.keep(version, &report);
    Ok(report)
}

/// The state of the rated runs' measures: `sayself faithfulness` may come after the last rating.
async fn measured(
    server: &Arc<Server>,
    seen: &Seen,
    runs: Vec<RatedRun>,
) -> Result<Vec<u64>, Failure> {
    let (server, seen) = (Arc::clone(server), seen.clone());
    read(move || {
        let stamps = runs.iter().map(|rated| {
            let label = rated.label.as_deref().unwrap_or_default();
            let run = server.seen_run(&seen, &rated.run);
            run.map_or(0, |run| stamp(&run.found.directory, label))
        });
        Ok(stamps.collect())
    })
    .await
}

/// Makes a link by which annotators come to a project.
pub async fn invited(
    server: &Server,
    seen: &Seen,
    origin: &str,
    id: &str,
    request: ProjectInvitation,
) -> Result<InvitationMade, Failure> {
    let project = database(server)?
        .project(id)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    if project.state == ProjectState::Closed {
        return Err(Refusal::Standing("The project is closed.".into()).into());
    }
    let request = InvitationRequest {
        role: Some(Role::Annotator),
        project: Some(id.to_owned()),
        uses: request.uses,
        days: request.days,
        note: request.note,
    };
    make(server, seen, origin, &request).await
}
