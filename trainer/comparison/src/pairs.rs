//! Evaluations of the same questions, compared question by question.

use crate::label::without_seed;
use calibration::Row;
use calibration::compare::{Difference, Together, TogetherError, holm, together};
use calibration::metrics::Options;
use datasets::Answer;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Pairs of methods that are compared at once.
const PAIRS_MAX: usize = 5_000;

/// The measures that are compared where none is named: names of
/// [`MEASURES`](calibration::metrics::MEASURES).
pub const DEFAULT_MEASURES: [&str; 5] = ["accuracy", "ece_15", "smece", "brier", "auroc"];

/// What a comparison needs of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub question_id: String,
    /// Questions about one entity are drawn together by bootstraps; `None`: alone.
    pub entity: Option<String>,
    /// 0..=1.
    pub probability: f64,
    pub correct: bool,
}

impl From<&Answer> for Answered {
    fn from(answer: &Answer) -> Answered {
        Answered {
            question_id: answer.question_id.clone(),
            entity: answer.entity.clone(),
            probability: answer.probability,
            correct: answer.correct,
        }
    }
}

/// The answers of one evaluation.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// `LABEL`, or `RUN/LABEL` where several runs are compared.
    pub name: String,
    pub answers: Vec<Answered>,
}

/// Why nothing was compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotComparable {
    #[error("no evaluation is called {against}; there are {names}")]
    Unknown { against: String, names: String },
    #[error(
        "{found} pairs to compare, expected at most {PAIRS_MAX}: name one with --against, or fewer runs"
    )]
    Pairs { found: usize },
    #[error("nothing to compare with {against}: of {names}, no other answered its questions")]
    NothingWith { against: String, names: String },
    #[error("nothing to compare: among {names}, no two answered the same questions")]
    Nothing { names: String },
    #[error("{names}: {error}")]
    Measures { names: String, error: TogetherError },
}

/// Evaluations that are one method: those of its training seeds.
#[derive(Clone, Debug)]
pub struct Method<'a> {
    /// The label without its seed, or with it where it stands alone.
    pub name: String,
    /// At least one.
    pub seeds: Vec<&'a Evaluated>,
}

/// Puts evaluations whose labels differ in the training seed alone (`sayself`, `sayself-seed-2`) into
/// one method; each is a method of its own with `each_seed`.
pub fn methods(evaluated: &[Evaluated], each_seed: bool) -> Vec<Method<'_>> {
    let mut methods: Vec<Method<'_>> = Vec::new();
    for one in evaluated {
        let stem = match each_seed {
            true => one.name.as_str(),
            false => without_seed(&one.name),
        };
        match methods.iter_mut().find(|method| method.name == stem) {
            Some(method) => method.seeds.push(one),
            None => methods.push(Method {
                name: stem.to_owned(),
                seeds: vec![one],
            }),
        }
    }
    for method in &mut methods {
        if let [only] = method.seeds[..] {
            method.name.clone_from(&only.name);
        }
    }
    methods
}

/// Pairs of methods, compared.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// What all others are compared with; `None` where every pair is.
    pub against: Option<String>,
    pub compared: Vec<Compared>,
    pub left_out: Vec<LeftOut>,
    /// p-values that Holm's method corrected together: all of this comparison.
    pub family: usize,
    /// Resamples behind each interval.
    pub bootstraps: usize,
    pub seed: u64,
}

#[derive(Debug, Serialize)]
pub struct Compared {
    pub name: String,
    pub against: String,
    /// Questions that both answered.
    pub n: usize,
    /// Evaluations whose mean the method is, and those of what it is compared with.
    pub seeds: usize,
    pub seeds_against: usize,
    pub differences: Vec<Corrected>,
}

/// A difference, and its p-value corrected for all that are shown.
#[derive(Debug, Serialize)]
pub struct Corrected {
    #[serde(flatten)]
    pub difference: Difference,
    /// By Holm's method, over all pairs and measures of the comparison.
    pub p_holm: Option<f64>,
    /// Standard deviation of the method's measure over its seeds; absent with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation_of_seeds: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct LeftOut {
    pub name: String,
    pub reason: String,
}

/// Compares all with the method called `against`, or every pair without one, in `measures` (names of
/// [`MEASURES`](calibration::metrics::MEASURES)), on the questions that both answered. A method of
/// several seeds stands for the mean of its evaluations.
///
/// # Errors
/// Where none has that name, no two share questions, or an answer's probability is none.
pub fn compare(
    methods: &[Method<'_>],
    against: Option<&str>,
    measures: &[&str],
    options: Options,
) -> Result<Comparison, NotComparable> {
    let names = || {
        let names: Vec<&str> = methods.iter().map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    // (of what, compared with what), places among the methods.
    let pairs: Vec<(usize, usize)> = match against {
        Some(against) => {
            let baseline = methods.iter().position(|one| one.name == against);
            let baseline = baseline.ok_or_else(|| NotComparable::Unknown {
                against: against.to_owned(),
                names: names(),
            })?;
            let others = (0..methods.len()).filter(|&other| other != baseline);
            others.map(|other| (other, baseline)).collect()
        }
        None => (0..methods.len())
            .flat_map(|a| (a + 1..methods.len()).map(move |b| (b, a)))
            .collect(),
    };
    if pairs.len() > PAIRS_MAX {
        return Err(NotComparable::Pairs { found: pairs.len() });
    }
    let questions: Vec<Vec<&str>> = methods.iter().map(common_questions).collect();
    let mut blocks = Blocks::over(methods, &questions, &pairs);
    let (mut compared, mut left_out) = (Vec::new(), Vec::new());
    for &(of, with) in &pairs {
        let (method, baseline) = (&methods[of], &methods[with]);
        let Some(block) = blocks.of_pair(of, with, options)? else {
            let (name, reason) = match against {
                Some(against) => (
                    method.name.clone(),
                    format!("it answered none of the questions of {against}"),
                ),
                None => (
                    format!("the pair {} and {}", baseline.name, method.name),
                    "no question was answered by both".to_owned(),
                ),
            };
            left_out.push(LeftOut { name, reason });
            continue;
        };
        let differences = block.together.differences(block.runs(with), block.runs(of));
        let wanted = differences
            .into_iter()
            .filter(|found| measures.contains(&found.measure));
        compared.push(Compared {
            name: method.name.clone(),
            against: baseline.name.clone(),
            n: block.n,
            seeds: method.seeds.len(),
            seeds_against: baseline.seeds.len(),
            differences: wanted
                .map(|difference| Corrected {
                    deviation_of_seeds: block
                        .together
                        .deviation(block.runs(of), difference.measure),
                    difference,
                    p_holm: None,
                })
                .collect(),
        });
    }
    if compared.is_empty() {
        return Err(match against {
            Some(against) => NotComparable::NothingWith {
                against: against.to_owned(),
                names: names(),
            },
            None => NotComparable::Nothing { names: names() },
        });
    }
    let family = correct(&mut compared);
    Ok(Comparison {
        against: against.map(ToOwned::to_owned),
        compared,
        left_out,
        family,
        bootstraps: options.bootstraps,
        seed: options.seed,
    })
}

/// The ids of the questions that all evaluations of a method answered, in the order of the first.
fn common_questions<'a>(method: &Method<'a>) -> Vec<&'a str> {
    let ids = |one: &'a Evaluated| one.answers.iter().map(|answer| answer.question_id.as_str());
    let (Some(first), others) = (method.seeds.first(), method.seeds.get(1..)) else {
        return Vec::new();
    };
    let others: Vec<HashSet<&str>> = others
        .unwrap_or_default()
        .iter()
        .map(|one| ids(one).collect())
        .collect();
    let mut seen = HashSet::new();
    ids(first)
        .filter(|id| seen.insert(*id) && others.iter().all(|other| other.contains(id)))
        .collect()
}

/// Answers as rows: bootstraps are clustered by entity.
fn rows<'a>(answers: impl Iterator<Item = &'a Answered>) -> Vec<Row> {
    let mut entities: BTreeMap<&'a str, u32> = BTreeMap::new();
    answers
        .map(|answer| Row {
            confidence: answer.probability,
            correct: answer.correct,
            group: answer.entity.as_deref().map(|entity| {
                let next = entities.len() as u32;
                *entities.entry(entity).or_insert(next)
            }),
            template: None,
        })
        .collect()
}

/// Evaluations measured on the same resamples of the same questions.
struct Block {
    together: Together,
    n: usize,
    /// By the method's place: its runs within `together`.
    runs: HashMap<usize, Vec<usize>>,
}

impl Block {
    fn measure(
        methods: &[Method<'_>],
        members: &[usize],
        questions: &[&str],
        options: Options,
    ) -> Result<Block, NotComparable> {
        let mut all: Vec<Vec<Row>> = Vec::new();
        let mut runs: HashMap<usize, Vec<usize>> = HashMap::new();
        for &member in members {
            for one in &methods[member].seeds {
                let by_question: HashMap<&str, &Answered> = one
                    .answers
                    .iter()
                    .map(|answer| (answer.question_id.as_str(), answer))
                    .collect();
                let asked = questions
                    .iter()
                    .filter_map(|id| by_question.get(id).copied());
                runs.entry(member).or_default().push(all.len());
                all.push(rows(asked));
            }
        }
        let slices: Vec<&[Row]> = all.iter().map(Vec::as_slice).collect();
        let together = together(&slices, options).map_err(|error| {
            let names: Vec<&str> = members
                .iter()
                .map(|member| methods[*member].name.as_str())
                .collect();
            NotComparable::Measures {
                names: names.join(", "),
                error,
            }
        })?;
        Ok(Block {
            together,
            n: questions.len(),
            runs,
        })
    }

    fn runs(&self, method: usize) -> &[usize] {
        self.runs.get(&method).map_or(&[], Vec::as_slice)
    }
}

/// Methods that answered the same questions are measured once, on the same resamples; a pair that
/// shares a part of them is measured on that part.
struct Blocks<'m, 'a> {
    methods: &'m [Method<'a>],
    questions: &'m [Vec<&'a str>],
    /// The set of questions of each method, by a number that is equal where the sets are.
    set_of: Vec<usize>,
    /// The methods of each set that take part in a pair within it.
    members: Vec<Vec<usize>>,
    whole: HashMap<usize, Block>,
    /// The last pair that shared a part.
    part: Option<Block>,
}

impl<'m, 'a> Blocks<'m, 'a> {
    fn over(
        methods: &'m [Method<'a>],
        questions: &'m [Vec<&'a str>],
        pairs: &[(usize, usize)],
    ) -> Self {
        let mut sets: Vec<HashSet<&str>> = Vec::new();
        let set_of: Vec<usize> = questions
            .iter()
            .map(|ids| {
                let set: HashSet<&str> = ids.iter().copied().collect();
                let known = sets.iter().position(|known| *known == set);
                known.unwrap_or_else(|| {
                    sets.push(set);
                    sets.len() - 1
                })
            })
            .collect();
        let mut members = vec![Vec::new(); sets.len()];
        for &(of, with) in pairs
            .iter()
            .filter(|(of, with)| set_of[*of] == set_of[*with])
        {
            for method in [with, of] {
                let of_set: &mut Vec<usize> = &mut members[set_of[method]];
                if !of_set.contains(&method) {
                    of_set.push(method);
                }
            }
        }
        Blocks {
            methods,
            questions,
            set_of,
            members,
            whole: HashMap::new(),
            part: None,
        }
    }

    /// `None` where the two share no question.
    fn of_pair(
        &mut self,
        of: usize,
        with: usize,
        options: Options,
    ) -> Result<Option<&Block>, NotComparable> {
        let set = self.set_of[of];
        if set == self.set_of[with] {
            if self.questions[of].is_empty() {
                return Ok(None);
            }
            if !self.whole.contains_key(&set) {
                let members = &self.members[set];
                let first = members.first().copied().unwrap_or(of);
                let block = Block::measure(self.methods, members, &self.questions[first], options)?;
                self.whole.insert(set, block);
            }
            return Ok(self.whole.get(&set));
        }
        let of_other: HashSet<&str> = self.questions[of].iter().copied().collect();
        let common: Vec<&str> = self.questions[with]
            .iter()
            .copied()
            .filter(|id| of_other.contains(id))
            .collect();
        if common.is_empty() {
            return Ok(None);
        }
        let block = Block::measure(self.methods, &[with, of], &common, options)?;
        Ok(Some(self.part.insert(block)))
    }
}

/// Corrects all p-values together; returns how many there are.
fn correct(compared: &mut [Compared]) -> usize {
    let all = || compared.iter().flat_map(|one| &one.differences);
    let p_values: Vec<f64> = all().filter_map(|one| one.difference.p_value).collect();
    let mut corrected = holm(&p_values).into_iter();
    for one in compared.iter_mut().flat_map(|one| &mut one.differences) {
        if one.difference.p_value.is_some() {
            one.p_holm = corrected.next();
        }
    }
    p_values.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(name: &str, first: usize, probability: f64) -> Evaluated {
        let answers = (first..first + 40).map(|index| Answered {
            question_id: format!("q{index}"),
            entity: None,
            probability,
            correct: index % 2 == 0,
        });
        Evaluated {
            name: name.into(),
            answers: answers.collect(),
        }
    }

    fn options() -> Options {
        Options {
            bootstraps: 100,
            ..Options::default()
        }
    }

    #[test]
    fn questions_that_both_answered_are_compared() {
        let all = [
            evaluated("sure", 0, 1.0),
            evaluated("honest", 10, 0.5),
            evaluated("elsewhere", 90, 0.5),
        ];
        let methods = methods(&all, false);
        let measures = ["brier", "accuracy"];
        let comparison = compare(&methods, Some("sure"), &measures, options()).unwrap();
        let [honest] = &comparison.compared[..] else {
            panic!("{comparison:?}")
        };
        assert_eq!((honest.name.as_str(), honest.n), ("honest", 30));
        let [accuracy, brier] = &honest.differences[..] else {
            panic!("{honest:?}")
        };
        assert_eq!(accuracy.difference.difference, 0.0);
        assert!((brier.difference.difference + 0.25).abs() < 1e-12);
        assert!(brier.p_holm >= brier.difference.p_value);
        assert_eq!(comparison.left_out[0].name, "elsewhere");
        assert_eq!(comparison.family, 2);
    }

    #[test]
    fn every_pair_is_compared_and_seeds_are_averaged() {
        let all = [
            evaluated("base", 0, 1.0),
            evaluated("taught", 0, 0.5),
            evaluated("taught-seed-2", 0, 0.9),
            evaluated("other-seed-7", 0, 0.4),
        ];
        let averaged = methods(&all, false);
        let names: Vec<&str> = averaged.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["base", "taught", "other-seed-7"]);
        let comparison = compare(&averaged, None, &["brier"], options()).unwrap();
        let pairs: Vec<(&str, &str, usize)> = comparison
            .compared
            .iter()
            .map(|one| (one.against.as_str(), one.name.as_str(), one.seeds))
            .collect();
        let wanted = [
            ("base", "taught", 2),
            ("base", "other-seed-7", 1),
            ("taught", "other-seed-7", 1),
        ];
        assert_eq!(pairs, wanted);
        let taught = &comparison.compared[0].differences[0];
        // Brier .25 and .41 (half of .01 and .81), mean .33; base .5.
        assert!((taught.difference.b - 0.33).abs() < 1e-12, "{taught:?}");
        assert!((taught.difference.difference + 0.17).abs() < 1e-12);
        assert!((taught.deviation_of_seeds.unwrap() - 0.16 / 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(methods(&all, true).len(), 4);
    }

    #[test]
    fn what_cannot_be_compared_is_told() {
        let all = [evaluated("a", 0, 1.0), evaluated("b", 90, 0.5)];
        let methods = methods(&all, false);
        for (against, wanted) in [
            (Some("c"), "there are a, b"),
            (Some("a"), "no other answered"),
            (None, "no two answered the same"),
        ] {
            let error = compare(&methods, against, &["brier"], options()).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }
}
