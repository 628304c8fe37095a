//! The items of a project, drawn from what its runs offer. Pure: the same seed and the same runs give the
//! same items, but for their ids, which are random since annotators see them.

use super::blind::blind;
use super::known::{Keeper, Purpose};
use super::offers::{Offer, offers};
use crate::limits::{EVIDENCE_CLUSTERS_MAX, MADE_MAX};
use crate::runs::rated::{Offered, OfferedAnswer};
use calibration::random::Random;
use datasets::annotation::{
    EvidenceCluster, Item, ItemKind, ItemRationale, KnownItem, ProjectSpec,
};
use std::collections::{BTreeMap, HashSet};

/// Streams of the project's seed, so that one draw does not shift another.
const STREAM_ASIDE: u64 = 1;
const STREAM_DRAW: u64 = 2;
const STREAM_ORDER: u64 = 3;
const STREAM_KNOWN: u64 = 4;

/// What one evaluation offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    pub run: String,
    pub label: String,
    pub method: String,
    pub candidates: Vec<Candidate>,
}

/// An answer with its rationale, blinded, and the evidence beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    pub question_id: String,
    pub question: String,
    pub rationale: String,
    pub confidence: Option<u8>,
    pub correct: bool,
    pub samples: u32,
    /// Largest first, without examples; empty where the question was not sampled.
    pub evidence: Vec<EvidenceCluster>,
}

impl Source {
    /// The source of an evaluation; answers whose rationale says nothing but a confidence are left out.
    pub fn of(offered: &Offered) -> Self {
        let candidates = offered.answers.iter().map(Candidate::of);
        Source {
            run: offered.run.clone(),
            label: offered.label.clone(),
            method: offered.method.clone(),
            candidates: candidates
                .filter(|candidate| !matches!(candidate.rationale.trim(), "" | "…"))
                .collect(),
        }
    }
}

impl Candidate {
    fn of(answer: &OfferedAnswer) -> Self {
        let samples: usize = answer.groups.iter().map(|group| group.members.len()).sum();
        let evidence = answer.groups.iter().map(|group| EvidenceCluster {
            answer: group.answer.clone(),
            count: group.members.len() as u32,
            share: group.members.len() as f64 / samples.max(1) as f64,
            examples: Vec::new(),
        });
        Candidate {
            question_id: answer.question_id.clone(),
            question: answer.question.clone(),
            rationale: blind(&answer.rationale),
            confidence: answer.confidence,
            correct: answer.correct,
            samples: samples as u32,
            evidence: evidence.collect(),
        }
    }
}

/// An item, and which source its evidence is of.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeItem {
    pub item: Item,
    pub source: usize,
}

/// The items of a project, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    pub items: Vec<MadeItem>,
    /// What had to be left out, a sentence each.
    pub remarks: Vec<String>,
}

/// Draws the items of a project; `spec` was checked, `sources` are in the order of its runs.
///
/// # Errors
/// Why it cannot be made of these runs, a sentence each.
pub fn make(
    spec: &ProjectSpec,
    sources: &[Source],
    new_id: &mut dyn FnMut() -> String,
) -> Result<Made, Vec<String>> {
    let seed = spec.seed.unwrap_or(0);
    let mut remarks = Vec::new();
    let offers = offers(spec, sources, &mut remarks);
    if offers.is_empty() {
        return Err(vec![nothing_offered(sources)]);
    }
    let training = named(&spec.training, &offers, "training")?;
    let gold = named(&spec.gold, &offers, "gold")?;
    let training: Vec<_> = training
        .into_iter()
        .take(usize::from(spec.training_size))
        .collect();
    let taken: HashSet<&str> = spec
        .training
        .iter()
        .chain(&spec.gold)
        .map(|known| known.question_id.as_str())
        .collect();
    let free: Vec<&Offer<'_>> = offers
        .iter()
        .filter(|offer| !taken.contains(offer.question_id()))
        .collect();

    let wanted = Wanted::of(spec);
    let questions = ids(&free);
    let spare = questions.len().saturating_sub(spec.sample_size as usize);
    // Where there are few questions, most are for the work.
    let aside_max = spare.max(questions.len() / 4);
    let aside_count = (wanted.made_training + wanted.made_gold).min(aside_max);
    let mut aside = questions;
    Random::stream(seed, STREAM_ASIDE).shuffle(&mut aside);
    aside.truncate(aside_count);
    let is_aside: HashSet<&str> = aside.iter().copied().collect();
    let pool = free
        .iter()
        .copied()
        .filter(|offer| !is_aside.contains(offer.question_id()));
    let drawn = drawn(
        pool.collect(),
        spec.sample_size as usize,
        &mut Random::stream(seed, STREAM_DRAW),
    );
    if drawn.is_empty() {
        return Err(vec![
            "All questions that could be rated are named as training or gold: none is left for the work."
                .into(),
        ]);
    }
    tell_counts(spec, &wanted, drawn.len(), aside.len(), &mut remarks);

    let mut keeper = Keeper::new(sources, &offers, Random::stream(seed, STREAM_KNOWN), new_id);
    let mut items = Vec::new();
    for (known, offer) in &training {
        items.push(keeper.named(offer, ItemKind::Training, known));
    }
    let mut aside = aside.into_iter();
    for question in aside.by_ref().take(wanted.made_training.min(aside_count)) {
        items.extend(keeper.made(question, Purpose::Training));
    }
    let mut others = Vec::new();
    for (known, offer) in &gold {
        others.push(keeper.named(offer, ItemKind::Gold, known));
    }
    for question in aside {
        others.extend(keeper.made(question, Purpose::Gold));
    }
    others.extend(keeper.attention(wanted.attention));
    others.extend(drawn.iter().map(|offer| keeper.main(offer)));
    Random::stream(seed, STREAM_ORDER).shuffle(&mut others);
    set_apart(&mut others);
    items.extend(others);
    for (position, made) in items.iter_mut().enumerate() {
        made.item.position = position as u32;
        cut_evidence(&mut made.item, &mut remarks);
    }
    Ok(Made { items, remarks })
}

/// How many items of each kind are wanted beside the work.
struct Wanted {
    made_training: usize,
    made_gold: usize,
    attention: usize,
}

impl Wanted {
    /// As many as somebody meets who rates everything.
    fn of(spec: &ProjectSpec) -> Self {
        let work = 1.0 - spec.gold_share - spec.attention_share - spec.repeat_share;
        let mut turns = f64::from(spec.sample_size) / work.max(0.1);
        if spec.per_person_max > 0 {
            turns = turns.min(f64::from(spec.per_person_max));
        }
        let count = |share: f64| ((turns * share).ceil() as usize).min(MADE_MAX);
        Wanted {
            made_training: match spec.training.is_empty() {
                true => spec.training_size.into(),
                false => 0,
            },
            made_gold: match spec.gold.is_empty() {
                true => count(spec.gold_share),
                false => 0,
            },
            attention: count(spec.attention_share),
        }
    }
}

fn nothing_offered(sources: &[Source]) -> String {
    let names: Vec<String> = sources
        .iter()
        .map(|source| format!("{} of {}", source.label, source.run))
        .collect();
    format!(
        "No answer of {} has a rationale and a question that was sampled at least twice, so there is nothing to rate. Sample the questions that were evaluated: `sayself faithfulness RUN --label LABEL --by names` does.",
        names.join(" and ")
    )
}

/// The offers of known items, in the order of the list.
fn named<'o, 'a>(
    known: &'o [KnownItem],
    offers: &'o [Offer<'a>],
    name: &str,
) -> Result<Vec<(&'o KnownItem, &'o Offer<'a>)>, Vec<String>> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for one in known {
        match offers
            .iter()
            .find(|offer| offer.question_id() == one.question_id)
        {
            Some(offer) => found.push((one, offer)),
            None => wrong.push(format!(
                "`{name}` names the question {:?}, which is not among those that were answered with a rationale and sampled.",
                one.question_id
            )),
        }
    }
    match wrong.is_empty() {
        true => Ok(found),
        false => Err(wrong),
    }
}

/// Their questions, each once, in order.
fn ids<'o>(offers: &[&'o Offer<'_>]) -> Vec<&'o str> {
    let mut seen = HashSet::new();
    offers
        .iter()
        .map(|offer| offer.question_id())
        .filter(|id| seen.insert(*id))
        .collect()
}

/// Draws `count` offers, as evenly from each stratum as there are enough in it.
fn drawn<'o, 'a>(
    pool: Vec<&'o Offer<'a>>,
    count: usize,
    random: &mut Random,
) -> Vec<&'o Offer<'a>> {
    let mut by_stratum: BTreeMap<&str, Vec<&'o Offer<'a>>> = BTreeMap::new();
    for offer in pool {
        by_stratum.entry(&offer.stratum).or_default().push(offer);
    }
    let mut strata: Vec<Vec<&'o Offer<'a>>> = by_stratum.into_values().collect();
    for stratum in &mut strata {
        random.shuffle(stratum);
    }
    // Whose turn comes first is left to chance, not to the alphabet.
    random.shuffle(&mut strata);
    let mut drawn = Vec::new();
    while drawn.len() < count && strata.iter().any(|stratum| !stratum.is_empty()) {
        for stratum in &mut strata {
            if drawn.len() < count {
                drawn.extend(stratum.pop());
            }
        }
    }
    drawn
}

fn tell_counts(
    spec: &ProjectSpec,
    wanted: &Wanted,
    drawn: usize,
    aside: usize,
    remarks: &mut Vec<String>,
) {
    if drawn < spec.sample_size as usize {
        let kept = match aside {
            0 => String::new(),
            kept => format!("; {kept} more are kept for training and gold"),
        };
        remarks.push(format!(
            "{} items were asked for, and there are {drawn}{kept}.",
            spec.sample_size
        ));
    }
    let missing = (wanted.made_training + wanted.made_gold).saturating_sub(aside);
    if missing > 0 {
        remarks.push(format!(
            "There are not questions enough for training and gold: {missing} fewer are made than the shares ask for."
        ));
    }
}

/// Moves items of one question away from each other, as far as there are others to stand between.
fn set_apart(items: &mut [MadeItem]) {
    let same = |one: &MadeItem, other: &MadeItem| one.item.question_id == other.item.question_id;
    for at in 1..items.len() {
        if !same(&items[at - 1], &items[at]) {
            continue;
        }
        let fits = |place: &usize| {
            let one = &items[*place];
            !same(one, &items[at - 1])
        };
        if let Some(other) = (at + 1..items.len()).find(fits) {
            items.swap(at, other);
            continue;
        }
        // At the end: somewhere before, between two others.
        let fits = |place: &usize| {
            let (moved, here) = (&items[at], &items[*place]);
            let before = place
                .checked_sub(1)
                .is_none_or(|before| !same(&items[before], moved));
            before && !same(here, moved)
        };
        if let Some(place) = (0..at - 1).find(fits) {
            items[place..=at].rotate_right(1);
        }
    }
}

fn cut_evidence(item: &mut Item, remarks: &mut Vec<String>) {
    if item.evidence.len() > EVIDENCE_CLUSTERS_MAX {
        item.evidence.truncate(EVIDENCE_CLUSTERS_MAX);
        let words = format!(
            "Some questions have more than {EVIDENCE_CLUSTERS_MAX} clusters, of which the largest are shown."
        );
        if !remarks.contains(&words) {
            remarks.push(words);
        }
    }
}

/// The rationale of a candidate, with whose it is.
pub(super) fn rationale_of(
    sources: &[Source],
    source: usize,
    candidate: &Candidate,
) -> ItemRationale {
    let of = &sources[source];
    ItemRationale {
        text: candidate.rationale.clone(),
        run: of.run.clone(),
        label: of.label.clone(),
        method: of.method.clone(),
        confidence: candidate.confidence,
        correct: Some(candidate.correct),
    }
}

#[cfg(test)]
#[path = "making_tests.rs"]
mod tests;
