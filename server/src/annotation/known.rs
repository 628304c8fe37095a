//! Items, and those among them whose right rating is known: training, gold and attention. Where a project
//! names none, they are made of the evidence itself: a sentence that the extractive teacher writes from
//! these very clusters tells it, and a rationale of a question with other answers does not.

use super::making::{Candidate, MadeItem, Source, rationale_of};
use super::offers::Offer;
use calibration::extractive;
use calibration::judge::normalise;
use calibration::random::Random;
use datasets::annotation::{
    Choice, Item, ItemKind, ItemRationale, Known, KnownItem, ProjectKind, SCORE_MAX,
};
use std::collections::HashSet;

/// The lowest right rating of a sentence that tells the evidence.
const TELLING_MIN: u8 = 7;
/// The highest right rating of one that does not.
const SILENT_MAX: u8 = 3;
/// Rationales looked at for one that does not fit.
const FOREIGN_TRIES: usize = 200;
/// Who wrote what is not of the runs.
const EXTRACTIVE: &str = "extractive";
const FOREIGN: &str = "another question's";
const CONSTANT: &str = "constant";
const ATTENTION: &str = "attention";
/// Says nothing of what the answers differ on, whatever they are.
const SILENT: &str = "I am not certain of my answer: I may be mistaken, or remember it wrongly.";

/// What an item that is made is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Training,
    Gold,
}

/// Makes items of offers.
pub(super) struct Keeper<'k, 'a> {
    sources: &'a [Source],
    offers: &'k [Offer<'a>],
    random: Random,
    new_id: &'k mut dyn FnMut() -> String,
    /// Items made so far: those that tell and those that do not take turns.
    made: usize,
}

impl<'k, 'a> Keeper<'k, 'a> {
    pub fn new(
        sources: &'a [Source],
        offers: &'k [Offer<'a>],
        random: Random,
        new_id: &'k mut dyn FnMut() -> String,
    ) -> Self {
        Keeper {
            sources,
            offers,
            random,
            new_id,
            made: 0,
        }
    }

    /// An item of the work.
    pub fn main(&mut self, offer: &Offer<'a>) -> MadeItem {
        self.item(offer, ItemKind::Main, self.own(offer), None)
    }

    /// An item whose right rating the researcher gave.
    pub fn named(&mut self, offer: &Offer<'a>, kind: ItemKind, known: &KnownItem) -> MadeItem {
        let known = Known {
            low: known.low,
            high: known.high,
            choice: known.choice,
            explanation: known.explanation.clone(),
        };
        self.item(offer, kind, self.own(offer), Some(known))
    }

    /// An item about this question whose right rating follows from how it is made.
    pub fn made(&mut self, question: &str, purpose: Purpose) -> Option<MadeItem> {
        let offer = self
            .offers
            .iter()
            .find(|offer| offer.question_id() == question)?;
        let (source, shown) = offer.shown;
        let telling = ItemRationale {
            text: teachers_sentence(shown),
            method: EXTRACTIVE.into(),
            confidence: None,
            correct: None,
            ..rationale_of(self.sources, source, shown)
        };
        let silent = self.silent(source, shown);
        let tells = self.made.is_multiple_of(2);
        self.made += 1;
        let (rationales, mut known) = match (offer.rated.len(), silent) {
            (1, silent) if !tells => {
                let known = silent_known(&silent);
                (vec![silent], known)
            }
            (1, _) => (vec![telling], told(shown)),
            (_, silent) => {
                let choice = match self.random.below(2) {
                    0 => Choice::Left,
                    _ => Choice::Right,
                };
                let mut rationales = vec![telling, silent];
                if choice == Choice::Right {
                    rationales.reverse();
                }
                (rationales, better(choice))
            }
        };
        let kind = match purpose {
            Purpose::Training => ItemKind::Training,
            Purpose::Gold => {
                known.explanation.clear();
                ItemKind::Gold
            }
        };
        Some(self.item(offer, kind, rationales, Some(known)))
    }

    /// Items that ask for a given rating, each of another question.
    pub fn attention(&mut self, count: usize) -> Vec<MadeItem> {
        let mut order: Vec<usize> = (0..self.offers.len()).collect();
        self.random.shuffle(&mut order);
        let mut seen = HashSet::new();
        let offers = self.offers;
        let chosen: Vec<&Offer<'a>> = order
            .into_iter()
            .filter_map(|index| offers.get(index))
            .filter(|offer| seen.insert(offer.question_id()))
            .take(count)
            .collect();
        chosen
            .into_iter()
            .map(|offer| {
                let (words, known) = match offer.rated.len() {
                    1 => {
                        let score = self.random.below(u32::from(SCORE_MAX) + 1) as u8;
                        (score.to_string(), asked(Some(score), None))
                    }
                    _ => match self.random.below(2) {
                        0 => ("tie".to_owned(), asked(None, Some(Choice::Tie))),
                        _ => ("both bad".to_owned(), asked(None, Some(Choice::BothBad))),
                    },
                };
                let mut rationales = self.own(offer);
                for rationale in &mut rationales {
                    rationale.text = format!(
                        "{} To show that you read this, choose {words}.",
                        rationale.text
                    );
                    rationale.method = ATTENTION.into();
                }
                self.item(offer, ItemKind::Attention, rationales, Some(known))
            })
            .collect()
    }

    fn own(&self, offer: &Offer<'a>) -> Vec<ItemRationale> {
        offer
            .rated
            .iter()
            .map(|(source, candidate)| rationale_of(self.sources, *source, candidate))
            .collect()
    }

    /// What does not tell the evidence: a rationale of the same source whose question has none of these
    /// answers, or a sentence without any.
    fn silent(&mut self, source: usize, shown: &Candidate) -> ItemRationale {
        let answers = answers_of(shown);
        let candidates = &self.sources[source].candidates;
        let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        let begin = self.random.below(count) as usize;
        let foreign = candidates
            .iter()
            .cycle()
            .skip(begin)
            .take(candidates.len().min(FOREIGN_TRIES))
            .filter(|other| other.question_id != shown.question_id)
            .find(|other| !other.evidence.is_empty() && answers_of(other).is_disjoint(&answers));
        match foreign {
            Some(other) => ItemRationale {
                method: FOREIGN.into(),
                ..rationale_of(self.sources, source, other)
            },
            None => ItemRationale {
                text: SILENT.into(),
                method: CONSTANT.into(),
                confidence: None,
                correct: None,
                ..rationale_of(self.sources, source, shown)
            },
        }
    }

    fn item(
        &mut self,
        offer: &Offer<'a>,
        kind: ItemKind,
        rationales: Vec<ItemRationale>,
        known: Option<Known>,
    ) -> MadeItem {
        let (source, shown) = offer.shown;
        MadeItem {
            item: Item {
                id: (self.new_id)(),
                position: 0,
                kind,
                question_id: shown.question_id.clone(),
                question: shown.question.clone(),
                samples: shown.samples,
                evidence: shown.evidence.clone(),
                rationales,
                stratum: offer.stratum.clone(),
                known,
            },
            source,
        }
    }
}

/// What the extractive teacher says of a candidate's evidence.
fn teachers_sentence(candidate: &Candidate) -> String {
    let clusters: Vec<extractive::Cluster<'_>> = candidate
        .evidence
        .iter()
        .map(|cluster| extractive::Cluster {
            answer: &cluster.answer,
            samples: cluster.count as usize,
            share: cluster.share,
        })
        .collect();
    extractive::rationale(&candidate.question, &clusters)
}

fn answers_of(candidate: &Candidate) -> HashSet<String> {
    candidate
        .evidence
        .iter()
        .map(|cluster| normalise(&cluster.answer))
        .filter(|answer| !answer.is_empty())
        .collect()
}

fn told(candidate: &Candidate) -> Known {
    let explanation = match candidate.evidence.len() {
        1 => "All answers agree, and it says so.",
        _ => "It names what the answers differ on, with their shares.",
    };
    Known {
        low: Some(TELLING_MIN),
        high: Some(SCORE_MAX),
        choice: None,
        explanation: explanation.into(),
    }
}

fn silent_known(rationale: &ItemRationale) -> Known {
    let explanation = match rationale.method == CONSTANT {
        true => "It names nothing of what the evidence shows.",
        false => "It speaks of other answers than those that the evidence shows.",
    };
    Known {
        low: Some(0),
        high: Some(SILENT_MAX),
        choice: None,
        explanation: explanation.into(),
    }
}

fn better(choice: Choice) -> Known {
    Known {
        low: None,
        high: None,
        choice: Some(choice),
        explanation:
            "One names what the answers say, with their shares; the other names nothing of it."
                .into(),
    }
}

fn asked(score: Option<u8>, choice: Option<Choice>) -> Known {
    Known {
        low: score,
        high: score,
        choice,
        explanation: String::new(),
    }
}

/// The right rating in words, as the sides stand for somebody: `7 to 10`, `left`.
pub fn expected(known: &Known, kind: ProjectKind, first_left: bool) -> String {
    match kind {
        ProjectKind::Single => {
            let (low, high) = (known.low.unwrap_or(0), known.high.unwrap_or(SCORE_MAX));
            match low == high {
                true => low.to_string(),
                false => format!("{low} to {high}"),
            }
        }
        ProjectKind::Pairs => {
            let choice = match first_left {
                true => known.choice,
                false => known.choice.map(Choice::turned),
            };
            match choice {
                Some(Choice::Left) => "left",
                Some(Choice::Right) => "right",
                Some(Choice::Tie) => "tie",
                Some(Choice::BothBad) => "both bad",
                None => "",
            }
            .into()
        }
    }
}
