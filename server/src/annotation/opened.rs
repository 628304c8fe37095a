//! The items of a project as they are held in memory: what was made never changes.

use super::handing::Head;
use super::keeping::utf16_length;
use crate::db::annotation::Assignment;
use datasets::annotation::{Item, ItemKind, RatingRequest, WorkItem};
use std::collections::HashMap;

/// The items of a project.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// In the project's order.
    pub heads: Vec<Head>,
    items: HashMap<String, Item>,
}

impl Opened {
    pub fn of(items: Vec<Item>) -> Self {
        let heads = items.iter().map(|item| Head {
            id: item.id.clone(),
            kind: item.kind,
            position: item.position,
            question_id: item.question_id.clone(),
            stratum: item.stratum.clone(),
        });
        Opened {
            heads: heads.collect(),
            items: items
                .into_iter()
                .map(|item| (item.id.clone(), item))
                .collect(),
        }
    }

    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.get(id)
    }

    /// In the project's order.
    pub fn in_order(&self) -> impl Iterator<Item = &Item> {
        self.heads.iter().filter_map(|head| self.item(&head.id))
    }

    /// How many items are of a kind.
    pub fn count(&self, kind: ItemKind) -> usize {
        self.heads.iter().filter(|head| head.kind == kind).count()
    }

    /// UTF-16 code units of each of an item's rationales, as the sides stand for somebody.
    pub fn lengths(item: &Item, first_left: bool) -> Vec<u32> {
        texts(item, first_left)
            .iter()
            .map(|text| utf16_length(text))
            .collect()
    }
}

/// What stands on the page: nothing of method, run, confidence or kind.
pub fn shown(item: &Item, assignment: &Assignment, said: Option<RatingRequest>) -> WorkItem {
    WorkItem {
        assignment: assignment.id.clone(),
        revisions: assignment.revisions,
        question: item.question.clone(),
        samples: item.samples,
        evidence: item.evidence.clone(),
        rationales: texts(item, assignment.first_left),
        training: item.kind == ItemKind::Training,
        lease_ends_ms: assignment.lease_ends_ms,
        said,
    }
}

/// The rationales as the sides stand for somebody.
pub fn texts(item: &Item, first_left: bool) -> Vec<String> {
    let mut texts: Vec<String> = item
        .rationales
        .iter()
        .map(|rationale| rationale.text.clone())
        .collect();
    if !first_left {
        texts.reverse();
    }
    texts
}
