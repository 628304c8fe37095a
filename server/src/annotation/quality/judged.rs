//! The ratings that count, by item.

use datasets::annotation::{Choice, Item, ItemKind, ProjectKind, Rating};
use std::collections::{BTreeSet, HashMap};

/// A main item with what people said of it.
pub struct Judged<'a> {
    pub item: &'a Item,
    /// The number of its question among all.
    pub question: u32,
    /// One of each annotator, by name.
    pub said: Vec<Said<'a>>,
}

/// One rating.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub annotator: &'a str,
    /// The score, or the number of the choice.
    pub category: u8,
    pub rating: &'a Rating,
}

impl Judged<'_> {
    pub fn categories(&self) -> Vec<u8> {
        self.said.iter().map(|said| said.category).collect()
    }

    pub fn values(&self) -> Vec<f64> {
        self.said
            .iter()
            .map(|said| f64::from(said.category))
            .collect()
    }
}

/// The main items in the project's order, those without a rating that counts too.
pub fn judged<'a>(kind: ProjectKind, items: &'a [Item], ratings: &'a [Rating]) -> Vec<Judged<'a>> {
    let mut main: Vec<&Item> = items
        .iter()
        .filter(|item| item.kind == ItemKind::Main)
        .collect();
    main.sort_by_key(|item| item.position);
    let mut questions: HashMap<&str, u32> = HashMap::new();
    let mut judged: Vec<Judged<'_>> = Vec::with_capacity(main.len());
    let mut places: HashMap<&str, usize> = HashMap::new();
    for item in main {
        let next = questions.len() as u32;
        places.insert(&item.id, judged.len());
        judged.push(Judged {
            item,
            question: *questions.entry(&item.question_id).or_insert(next),
            said: Vec::new(),
        });
    }
    for rating in ratings.iter().filter(|rating| !rating.is_repeat) {
        let place = places.get(rating.item.as_str());
        let (Some(place), Some(category)) = (place, category(kind, rating)) else {
            continue;
        };
        let said = &mut judged[*place].said;
        // The database lets nobody rate an item twice; figures must not if it did.
        if said.iter().all(|one| one.annotator != rating.annotator) {
            said.push(Said {
                annotator: &rating.annotator,
                category,
                rating,
            });
        }
    }
    for one in &mut judged {
        one.said.sort_by_key(|said| said.annotator);
    }
    judged
}

/// `None` for a skip, and for what is of the other kind of project.
fn category(kind: ProjectKind, rating: &Rating) -> Option<u8> {
    match kind {
        ProjectKind::Single => rating.score,
        ProjectKind::Pairs => {
            let choice = rating.choice?;
            let number = Choice::ALL.iter().position(|known| *known == choice)?;
            u8::try_from(number).ok()
        }
    }
}

/// The questions of items, so that those of one are drawn together.
pub fn groups(items: &[&Judged<'_>]) -> Vec<Option<u32>> {
    items.iter().map(|one| Some(one.question)).collect()
}

/// All who rated, by name.
pub fn annotators<'a>(items: &[Judged<'a>]) -> BTreeSet<&'a str> {
    let said = items.iter().flat_map(|one| &one.said);
    said.map(|said| said.annotator).collect()
}

/// What was said most often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Most {
    /// `None` where two were said as often.
    pub category: Option<u8>,
    /// Of all that was said, 0..=1.
    pub share: f64,
}

/// `None` where nothing was said.
pub fn most_frequent(categories: impl Iterator<Item = u8>) -> Option<Most> {
    let mut counts = [0_u32; u8::MAX as usize + 1];
    categories.for_each(|category| counts[usize::from(category)] += 1);
    let all: u32 = counts.iter().sum();
    let most = counts.iter().max().filter(|most| **most > 0)?;
    let mut of_most = (0..=u8::MAX).filter(|category| counts[usize::from(*category)] == *most);
    let first = of_most.next();
    Some(Most {
        category: first.filter(|_| of_most.next().is_none()),
        share: f64::from(*most) / f64::from(all),
    })
}
