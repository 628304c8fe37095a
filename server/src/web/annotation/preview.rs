//! A project as an annotator will see it. Nothing is handed out and nothing kept.

use super::database;
use super::work_pages::page_of;
use crate::annotation::handing::{Standing, first_left};
use crate::annotation::opened::{Opened, shown};
use crate::annotation::refusal::Refusal;
use crate::db::annotation::{Assignment, Project};
use crate::limits::AHEAD_MAX;
use crate::people::Seen;
use crate::web::Server;
use crate::web::pages::address_of;
use crate::web::problem::Failure;
use crate::web::query::Parameters;
use app::Page;
use app::view::{WorkBatch, WorkPage, WorkStanding};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use datasets::annotation::{Item, ItemKind, ProjectKind, WorkItem, WorkProgress};
use std::sync::Arc;

/// Whose sides a preview shows.
const NOBODY: &str = "preview";

/// One step of the work (`step`), from an item on (`turn`).
pub async fn preview(
    State(server): State<Arc<Server>>,
    seen: Seen,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let database = database(&server)?;
    let project = database
        .project(&id)
        .await?
        .ok_or(Refusal::Unknown("project"))?;
    let opened = server.annotation.opened(database, &id).await?;
    let query = Parameters::parse(uri.query());
    let standing = match query.named("step") {
        Some("consent") => WorkStanding::Consent,
        Some("training") => WorkStanding::Training,
        None | Some("ready") => WorkStanding::Ready,
        Some(step) => {
            return Err(Failure::bad_query(format!(
                "`step` is {step:?}, expected `consent`, `training` or `ready`."
            )));
        }
    };
    let turn: usize = match query.named("turn") {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Failure::bad_query(format!("`turn` is {text:?}, expected a whole number."))
        })?,
    };
    let batch = batch(
        &project,
        &opened,
        standing,
        turn,
        server.annotation.now_ms(),
    );
    let page = WorkPage {
        preview: true,
        turn,
        ..page_of(&project, batch)
    };
    let page = Page::Work(Box::new(page));
    Ok(server
        .private_page(&seen, StatusCode::OK, page, &address_of(&uri))
        .await)
}

fn batch(
    project: &Project,
    opened: &Opened,
    standing: WorkStanding,
    turn: usize,
    now_ms: i64,
) -> WorkBatch {
    let is_of_step = |item: &&Item| match standing {
        WorkStanding::Training => item.kind == ItemKind::Training,
        WorkStanding::Ready => item.kind != ItemKind::Training,
        _ => false,
    };
    let items: Vec<WorkItem> = opened
        .in_order()
        .filter(is_of_step)
        .skip(turn)
        .take(AHEAD_MAX.into())
        .map(|item| shown(item, &unassigned(project, item, now_ms), None))
        .collect();
    let wanted = opened.count(ItemKind::Main) as u64 * u64::from(project.spec.overlap);
    WorkBatch {
        standing: match standing {
            WorkStanding::Training | WorkStanding::Ready if items.is_empty() => {
                WorkStanding::NothingLeft
            }
            standing => standing,
        },
        items,
        progress: WorkProgress {
            training: opened.count(ItemKind::Training) as u64,
            wanted,
            ..WorkProgress::default()
        },
        now_ms,
    }
}

/// An item as if it were handed out.
fn unassigned(project: &Project, item: &Item, now_ms: i64) -> Assignment {
    let seed = project.spec.seed.unwrap_or(0);
    Assignment {
        id: item.id.clone(),
        project: project.id.clone(),
        item: item.id.clone(),
        person: NOBODY.into(),
        is_repeat: false,
        first_left: project.kind == ProjectKind::Single || first_left(seed, &item.id, NOBODY),
        turn: 0,
        handed_ms: now_ms,
        lease_ends_ms: now_ms + crate::annotation::desk::lease_ms(project),
        revisions: 0,
        standing: Standing::Leased,
    }
}
