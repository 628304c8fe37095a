//! Which items a person is given next: those he has already, then training, then items of his own seeded
//! order, in which rare strata come first and gold items, attention items and repeats are mixed.
//!
//! Pure: what stands in the database goes in, what is to be written there comes out.

use super::mixing::{self, Shares};
use super::seeded;
use datasets::annotation::{ItemKind, ProjectKind};
use std::collections::{HashMap, HashSet};

/// Turns after which an item may come again as a repeat.
pub const REPEAT_TURNS_MIN: u32 = 10;

/// What of an item decides who gets it when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub id: String,
    pub kind: ItemKind,
    pub position: u32,
    pub question_id: String,
    pub stratum: String,
}

/// How an assignment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Handed out, and its lease lives.
    Leased,
    Rated,
    Skipped,
    /// Given back, or its lease ended.
    Released,
}

impl Standing {
    pub const ALL: [Standing; 4] = [
        Standing::Leased,
        Standing::Rated,
        Standing::Skipped,
        Standing::Released,
    ];

    /// As it stands in the database.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Leased => "leased",
            Standing::Rated => "rated",
            Standing::Skipped => "skipped",
            Standing::Released => "released",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Standing::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// An item that the person was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub assignment: String,
    pub item: String,
    pub is_repeat: bool,
    /// In the person's order.
    pub turn: u32,
    pub standing: Standing,
}

/// All that decides what a person is given.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub seed: u64,
    pub person: &'a str,
    pub kind: ProjectKind,
    pub shares: Shares,
    pub overlap: u32,
    /// Items that one person rates at most; 0: no limit.
    pub per_person_max: u32,
    /// In the project's order.
    pub items: &'a [Head],
    /// Of main items: ratings that count, and leases of anybody that live. Absent: 0.
    pub taken: &'a HashMap<String, u32>,
    /// In any order.
    pub held: &'a [Held],
    /// Whether the training is behind him.
    pub is_qualified: bool,
}

/// Something that is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// He has it already: its lease begins anew.
    Again { assignment: String },
    New {
        item: String,
        is_repeat: bool,
        first_left: bool,
        turn: u32,
    },
}

/// What the person is given, `want` at most, in his order.
pub fn handed(desk: &Desk<'_>, want: usize) -> Vec<Handed> {
    let mut round = Round::begin(desk);
    let mut handed = round.held_already(want);
    while handed.len() < want {
        let next = match desk.is_qualified {
            true => round.next_at_work(),
            false => round.next_in_training(),
        };
        let Some((head, is_repeat)) = next else {
            break;
        };
        handed.push(round.give(head, is_repeat));
    }
    handed
}

/// Whether the first of a pair's rationales stands on the left for this person.
pub fn first_left(seed: u64, item: &str, person: &str) -> bool {
    seeded::number(seed, &["side", item, person]) & 1 == 0
}

/// The desk with what this round has handed out already.
struct Round<'a> {
    desk: &'a Desk<'a>,
    by_id: HashMap<&'a str, &'a Head>,
    taken: HashMap<&'a str, u32>,
    /// Item → turn of the person's first time with it, and whether it was rated then.
    met: HashMap<&'a str, (u32, bool)>,
    repeated: HashMap<&'a str, u32>,
    /// Ratings and leases of each stratum.
    strata: HashMap<&'a str, u32>,
    next_turn: u32,
    last_question: Option<&'a str>,
    /// Items given of each kind, training apart; those skipped count as turns, not towards the limit.
    given: mixing::Due,
    turns: u32,
    towards_limit: u32,
}

impl<'a> Round<'a> {
    fn begin(desk: &'a Desk<'a>) -> Self {
        let by_id: HashMap<&str, &Head> = desk
            .items
            .iter()
            .map(|head| (head.id.as_str(), head))
            .collect();
        let mut round = Round {
            desk,
            by_id,
            taken: HashMap::new(),
            met: HashMap::new(),
            repeated: HashMap::new(),
            strata: HashMap::new(),
            next_turn: 0,
            last_question: None,
            given: mixing::Due::default(),
            turns: 0,
            towards_limit: 0,
        };
        for head in main(desk.items) {
            let taken = desk.taken.get(&head.id).copied().unwrap_or(0);
            round.taken.insert(&head.id, taken);
            *round.strata.entry(&head.stratum).or_default() += taken;
        }
        let mut held: Vec<&Held> = desk.held.iter().collect();
        held.sort_by_key(|held| held.turn);
        for held in held {
            let Some(head) = round.by_id.get(held.item.as_str()).copied() else {
                continue;
            };
            round.note(head, held.is_repeat, held.turn, held.standing);
        }
        round
    }

    /// Counts an item that the person has.
    fn note(&mut self, head: &'a Head, is_repeat: bool, turn: u32, standing: Standing) {
        self.next_turn = self.next_turn.max(turn + 1);
        self.last_question = Some(&head.question_id);
        if is_repeat {
            self.repeated.insert(&head.id, turn);
        } else {
            let rated = standing == Standing::Rated;
            self.met.insert(&head.id, (turn, rated));
        }
        if head.kind == ItemKind::Training {
            return;
        }
        self.turns += 1;
        if matches!(standing, Standing::Rated | Standing::Leased) {
            self.towards_limit += 1;
        }
        match head.kind {
            _ if is_repeat => self.given.repeats += 1,
            ItemKind::Gold => self.given.gold += 1,
            ItemKind::Attention => self.given.attention += 1,
            ItemKind::Main | ItemKind::Training => {}
        }
    }

    /// What the person has and has not rated: what is leased to him, then what he gave back, where it is
    /// still wanted.
    fn held_already(&mut self, want: usize) -> Vec<Handed> {
        let mut waiting: Vec<&Held> = self
            .desk
            .held
            .iter()
            .filter(|held| matches!(held.standing, Standing::Leased | Standing::Released))
            .collect();
        waiting.sort_by_key(|held| (held.standing == Standing::Released, held.turn));
        let mut handed = Vec::new();
        for held in waiting {
            if handed.len() == want {
                break;
            }
            let Some(head) = self.by_id.get(held.item.as_str()).copied() else {
                continue;
            };
            if held.standing == Standing::Released {
                let in_order = (head.kind == ItemKind::Training) != self.desk.is_qualified;
                if !in_order || self.is_at_limit() {
                    continue;
                }
                if head.kind == ItemKind::Main && !held.is_repeat {
                    let taken = self.taken.entry(&head.id).or_default();
                    if *taken >= self.desk.overlap {
                        continue;
                    }
                    *taken += 1;
                    *self.strata.entry(&head.stratum).or_default() += 1;
                }
                self.towards_limit += u32::from(head.kind != ItemKind::Training);
            }
            handed.push((
                held.turn,
                Handed::Again {
                    assignment: held.assignment.clone(),
                },
            ));
        }
        handed.sort_by_key(|(turn, _)| *turn);
        handed.into_iter().map(|(_, handed)| handed).collect()
    }

    fn next_in_training(&self) -> Option<(&'a Head, bool)> {
        self.desk
            .items
            .iter()
            .filter(|head| head.kind == ItemKind::Training)
            .find(|head| !self.met.contains_key(head.id.as_str()))
            .map(|head| (head, false))
    }

    fn next_at_work(&self) -> Option<(&'a Head, bool)> {
        if self.is_at_limit() {
            return None;
        }
        // What is mixed in stands among the work: without work nothing is.
        let next = self.next_main()?;
        let due = mixing::due(
            self.desk.shares,
            self.desk.seed,
            self.desk.person,
            self.turns + 1,
        );
        let mixed = [
            (due.attention > self.given.attention).then(|| self.next_known(ItemKind::Attention)),
            (due.gold > self.given.gold).then(|| self.next_known(ItemKind::Gold)),
            (due.repeats > self.given.repeats).then(|| self.next_repeat()),
        ];
        if let Some(mixed) = mixed.into_iter().flatten().flatten().next() {
            return Some(mixed);
        }
        if !self.is_of_last_question(next) {
            return Some((next, false));
        }
        // Only the question that he saw last is left: something else comes between, where there is any.
        let between = self
            .next_known(ItemKind::Gold)
            .or_else(|| self.next_repeat());
        Some(between.unwrap_or((next, false)))
    }

    fn is_at_limit(&self) -> bool {
        let limit = self.desk.per_person_max;
        limit > 0 && self.towards_limit >= limit
    }

    fn is_of_last_question(&self, head: &Head) -> bool {
        self.last_question == Some(head.question_id.as_str())
    }

    /// The order of items that are alike in all else.
    fn place(&self, head: &Head) -> u64 {
        seeded::number(self.desk.seed, &["order", &head.id, self.desk.person])
    }

    /// Of the stratum with the fewest ratings the item with the fewest; of another question than the last,
    /// unless there is none.
    fn next_main(&self) -> Option<&'a Head> {
        let wanted: Vec<&'a Head> = main(self.desk.items)
            .filter(|head| !self.met.contains_key(head.id.as_str()))
            .filter(|head| self.taken_of(head) < self.desk.overlap)
            .collect();
        let apart: Vec<&'a Head> = wanted
            .iter()
            .copied()
            .filter(|head| !self.is_of_last_question(head))
            .collect();
        let wanted = if apart.is_empty() { wanted } else { apart };
        let strata: HashSet<&str> = wanted.iter().map(|head| head.stratum.as_str()).collect();
        let stratum = strata.into_iter().min_by_key(|stratum| {
            let ratings = self.strata.get(stratum).copied().unwrap_or(0);
            let place = seeded::number(self.desk.seed, &["stratum", stratum, self.desk.person]);
            (ratings, place)
        })?;
        let in_stratum = wanted.iter().filter(|head| head.stratum == stratum);
        let fewest = in_stratum.clone().map(|head| self.taken_of(head)).min()?;
        in_stratum
            .filter(|head| self.taken_of(head) == fewest)
            .min_by_key(|head| self.place(head))
            .copied()
    }

    fn taken_of(&self, head: &Head) -> u32 {
        self.taken.get(head.id.as_str()).copied().unwrap_or(0)
    }

    /// A gold or attention item that he has not met.
    fn next_known(&self, kind: ItemKind) -> Option<(&'a Head, bool)> {
        self.desk
            .items
            .iter()
            .filter(|head| head.kind == kind && !self.met.contains_key(head.id.as_str()))
            .filter(|head| !self.is_of_last_question(head))
            .min_by_key(|head| self.place(head))
            .map(|head| (head, false))
    }

    /// A main item that he rated some turns ago, and once only.
    fn next_repeat(&self) -> Option<(&'a Head, bool)> {
        main(self.desk.items)
            .filter(|head| {
                let met = self.met.get(head.id.as_str());
                met.is_some_and(|(turn, rated)| *rated && turn + REPEAT_TURNS_MIN <= self.next_turn)
            })
            .filter(|head| !self.repeated.contains_key(head.id.as_str()))
            .filter(|head| !self.is_of_last_question(head))
            .min_by_key(|head| self.place(head))
            .map(|head| (head, true))
    }

    fn give(&mut self, head: &'a Head, is_repeat: bool) -> Handed {
        let turn = self.next_turn;
        self.note(head, is_repeat, turn, Standing::Leased);
        if head.kind == ItemKind::Main && !is_repeat {
            *self.taken.entry(&head.id).or_default() += 1;
            *self.strata.entry(&head.stratum).or_default() += 1;
        }
        Handed::New {
            item: head.id.clone(),
            is_repeat,
            first_left: match self.desk.kind {
                ProjectKind::Single => true,
                ProjectKind::Pairs => first_left(self.desk.seed, &head.id, self.desk.person),
            },
            turn,
        }
    }
}

fn main(items: &[Head]) -> impl Iterator<Item = &Head> {
    items.iter().filter(|head| head.kind == ItemKind::Main)
}

#[cfg(test)]
#[path = "handing_tests.rs"]
mod tests;
