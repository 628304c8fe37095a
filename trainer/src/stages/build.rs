//! `build`: the five stage-1 files of the reference (the paper's section 3.1), each in the
//! reference's form and as chat messages.
//!
//! | file | the response | for |
//! |---|---|---|
//! | `sft_reason_conf.jsonl` | answer, confidence, self-reflection | SaySelf |
//! | `sft_without_reason_conf.jsonl` | answer | the ablation without both |
//! | `sft_without_reason_with_conf.jsonl` | answer, confidence | the ablation without rationale |
//! | `sft_reason_rtuning.jsonl` | answer, "I am sure." or "I am unsure." | R-Tuning |
//! | `sft_reason_calimath.jsonl` | answer, the accuracy of the question's group | GCE |

use crate::embed::{SentenceEncoder, embed_all};
use crate::error::{bad_input, bad_use};
use crate::events::Progress;
use crate::run_dir::{for_each_line, read_records, write_atomically, write_records};
use crate::stages::StageContext;
use crate::stages::cluster::answer_of;
use crate::stages::sample_file::SampleFile;
use crate::stages::sft::shuffled;
use calibration::{Confidence, cluster, isotonic, judge};
use datasets::config::{BuildConfig, Order, Selection};
use datasets::reference::StageOneSet;
use datasets::reference::{Form, stage_one_jsonl};
use datasets::{
    Cluster, Clustering, OwnAnswer, Question, Rationale, Sample, Skipped, Split, StageOneRecord,
};
use isotonic::Isotonic;
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// The folder of the five files; [`MESSAGES`] inside it holds them as chat messages.
pub const STAGE_ONE: &str = "stage_1";
pub const MESSAGES: &str = "messages";
/// The map from a cluster's share to the probability that its answer is right.
pub const ISOTONIC: &str = "isotonic.json";

/// Cosine similarity above which two questions belong to one group of GCE, for all-MiniLM-L6-v2:
/// questions of one form about different things lie above it, questions of other forms below.
const GROUP_THRESHOLD: f64 = 0.6;

/// The files that `build` reads.
#[derive(Clone, Copy, Debug)]
pub struct BuildInputs<'a> {
    /// Golds, splits and templates; only train questions (or those without a split) are used.
    pub questions: &'a [Question],
    pub samples: &'a Path,
    pub clusters: &'a Path,
    pub rationales: &'a Path,
    /// The greedy response of each question. Where it is given, that is the model's own answer;
    /// else it is what the samples say most often.
    pub greedy: Option<&'a Path>,
}

/// What `build` made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Built {
    /// Training questions with clusters.
    pub questions: usize,
    /// Records of each file.
    pub records: std::collections::BTreeMap<String, usize>,
    /// Questions left out by `selection = "correct-only"`.
    pub without_a_correct_answer: usize,
}

/// The isotonic map as it is kept, with what it was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct ShareMap {
    /// What the map takes and gives, for a reader of the file.
    pub what: String,
    /// Train questions that it was fitted on, one pair each.
    pub n: usize,
    #[serde(flatten)]
    pub isotonic: Isotonic,
}

/// Whether GCE's groups of these questions need an embedding model: where every question has a
/// template, that is its group.
pub fn needs_embedder(questions: &[Question]) -> bool {
    questions
        .iter()
        .filter(|question| is_for_training(question))
        .any(|q| q.template.is_none())
}

/// Writes `stage_1/*.jsonl`, `stage_1/messages/*.jsonl` and `isotonic.json`, each file at once.
///
/// # Errors
/// Exit code 2 for input files of the wrong shape, or where no train question has clusters.
pub fn build(
    context: &StageContext<'_>,
    config: &BuildConfig,
    inputs: &BuildInputs<'_>,
    embedder: Option<&dyn SentenceEncoder>,
) -> anyhow::Result<Built> {
    let mut skipped = Vec::new();
    let mut samples = SampleFile::open(
        inputs.samples,
        &context.stage,
        context.skip_invalid,
        &mut Vec::new(),
    )?;
    let candidates = candidates(context, inputs, &mut samples, &mut skipped)?;
    let mut progress = Progress::start(context, 0, candidates.len() as u64, "questions")?;

    let own: Vec<(f64, bool)> = candidates
        .iter()
        .map(|candidate| (candidate.own.share, candidate.own.correct))
        .collect();
    let share_map = fit_share_map(&own)?;
    let group_accuracies = group_accuracies(&candidates, embedder)?;

    let mut examples = Vec::with_capacity(candidates.len());
    let mut without_a_correct_answer = 0;
    for (candidate, group_accuracy) in candidates.into_iter().zip(group_accuracies) {
        let responses: HashMap<u32, String> = samples
            .samples_of(&candidate.question.id)?
            .into_iter()
            .map(|sample| (sample.index, sample.response))
            .collect();
        let own = Pick::of(&candidate.own, &responses);
        let taught = match config.selection {
            Selection::OwnAnswers => {
                let probability = share_map.isotonic.predict(candidate.own.share);
                Some((own.clone(), level_of(probability)))
            }
            // The paper's rule: round(10·S_c/N), clamped to 1 (its own code can give 0).
            Selection::CorrectOnly => candidate
                .clusters
                .iter()
                .find(|cluster| cluster.correct)
                .map(|cluster| (Pick::of(cluster, &responses), level_of(cluster.share))),
        };
        without_a_correct_answer += usize::from(taught.is_none());
        // The paper's rule knows no wrong answers, so none are handed on.
        let own_answers = match config.selection {
            Selection::OwnAnswers => own_answers(&candidate),
            Selection::CorrectOnly => Vec::new(),
        };
        let group = level_of(group_accuracy);
        examples.push(Example {
            candidate,
            own,
            taught,
            own_answers,
            group,
        });
        progress.advance(1)?;
    }

    if config.shuffle_targets {
        shuffle_targets(&mut examples, context.seed);
    }
    write_atomically(
        &context.records.join(ISOTONIC),
        format!("{}\n", serde_json::to_string_pretty(&share_map)?).as_bytes(),
    )?;
    let folder = context.records.join(STAGE_ONE);
    let mut records = std::collections::BTreeMap::new();
    for (set, make) in FILES {
        let name = set.file_name();
        let lines: Vec<StageOneRecord> = examples
            .iter()
            .filter_map(|example| make(example, config.order))
            .collect();
        let messages = stage_one_jsonl(&lines, Form::Messages)?;
        write_atomically(&folder.join(MESSAGES).join(name), messages.as_bytes())?;
        write_records(&folder.join(name), &lines)?;
        records.insert(name.to_owned(), lines.len());
    }
    context.write_skipped(&skipped)?;
    progress.finish()?;
    Ok(Built {
        questions: examples.len(),
        records,
        without_a_correct_answer,
    })
}

/// A set, and its record of an example, if it has one.
type File = (
    StageOneSet,
    fn(&Example<'_>, Order) -> Option<StageOneRecord>,
);

const FILES: [File; 5] = [
    (StageOneSet::WithoutRationaleAndConfidence, |example, _| {
        let (pick, _) = example.taught.as_ref()?;
        Some(example.record(pick, None, ""))
    }),
    (StageOneSet::WithoutRationale, |example, _| {
        let (pick, level) = example.taught.as_ref()?;
        let tail = format!("Confidence: {}", level.level());
        Some(example.with_own_answers(example.record(pick, Some(*level), &tail)))
    }),
    // R-Tuning and GCE learn from right and wrong answers alike, whatever the selection.
    (StageOneSet::RTuning, |example, _| {
        let words = if example.own.correct {
            "I am sure."
        } else {
            "I am unsure."
        };
        Some(example.record(&example.own, None, words))
    }),
    (StageOneSet::Gce, |example, _| {
        let level = example.group;
        let tail = format!("Confidence: {}", level.level());
        Some(example.record(&example.own, Some(level), &tail))
    }),
    // Written last: where it stands, the others do too.
    (StageOneSet::Sayself, |example, order| {
        let (pick, level) = example.taught.as_ref()?;
        let tail = match order {
            Order::ConfidenceFirst => {
                format!(
                    "Confidence: {}\nSelf-reflection: {}",
                    level.level(),
                    example.candidate.rationale
                )
            }
            Order::Paper => {
                format!(
                    "Self-reflection: {}\nConfidence: {}",
                    example.candidate.rationale,
                    level.level()
                )
            }
        };
        Some(example.with_own_answers(example.record(pick, Some(*level), &tail)))
    }),
];

/// A train question with what the earlier stages say about it.
struct Candidate<'a> {
    question: &'a Question,
    clusters: Vec<Cluster>,
    rationale: String,
    /// The model's own answer, as one of the clusters, or as a cluster of none of the samples.
    own: Cluster,
}

/// The response that stands for a cluster.
#[derive(Clone, Debug, PartialEq)]
struct Pick {
    /// What was thought before the answer; empty for a bare answer.
    thoughts: String,
    answer: String,
    correct: bool,
}

impl Pick {
    /// The first sample that says the cluster's answer in its own words: samples are drawn alike,
    /// so the first is as random as any.
    fn of(cluster: &Cluster, responses: &HashMap<u32, String>) -> Self {
        let thoughts = cluster
            .members
            .iter()
            .filter_map(|member| responses.get(member))
            .find_map(|response| thoughts_before(response, &cluster.answer))
            .unwrap_or_default();
        Pick {
            thoughts,
            answer: cluster.answer.clone(),
            correct: cluster.correct,
        }
    }
}

/// What stands before the last `Answer:` of a response that gives this answer.
fn thoughts_before(response: &str, answer: &str) -> Option<String> {
    let parsed = calibration::parse::response(response);
    if parsed.answer.as_deref() != Some(answer) {
        return None;
    }
    // ASCII, so that places in the lower-case text are places in the text.
    let at = response.to_ascii_lowercase().rfind("answer:")?;
    let thoughts = response[..at].trim_end_matches(['*', '#', '_', ' ', '\n', '\t', '\r']);
    Some(thoughts.trim().to_owned())
}

struct Example<'a> {
    candidate: Candidate<'a>,
    own: Pick,
    /// The answer that is taught, with its confidence; none where the selection leaves it out.
    taught: Option<(Pick, Confidence)>,
    /// All its answers, most frequent first.
    own_answers: Vec<OwnAnswer>,
    /// The accuracy of the question's group.
    group: Confidence,
}

impl Example<'_> {
    fn record(&self, pick: &Pick, confidence: Option<Confidence>, tail: &str) -> StageOneRecord {
        let mut parts = Vec::new();
        if !pick.thoughts.is_empty() {
            parts.push(pick.thoughts.clone());
        }
        parts.push(format!("Answer: {}", one_line(&pick.answer)));
        if !tail.is_empty() {
            parts.push(tail.to_owned());
        }
        StageOneRecord {
            id: Some(self.candidate.question.id.clone()),
            question: self.candidate.question.question.clone(),
            response: parts.join("\n"),
            answer: Some(pick.answer.clone()),
            confidence,
            correct: Some(pick.correct),
            own_answers: Vec::new(),
        }
    }

    /// For the files whose confidence is trained.
    fn with_own_answers(&self, record: StageOneRecord) -> StageOneRecord {
        StageOneRecord {
            own_answers: self.own_answers.clone(),
            ..record
        }
    }
}

/// Gives every example the correctness and the confidence of another, by a permutation that follows from
/// the seed.
fn shuffle_targets(examples: &mut [Example<'_>], seed: u64) {
    struct Targets {
        own: bool,
        taught: Option<(bool, Confidence)>,
        answers: Vec<bool>,
        group: Confidence,
    }
    let targets: Vec<Targets> = examples
        .iter()
        .map(|example| Targets {
            own: example.own.correct,
            taught: example
                .taught
                .as_ref()
                .map(|(pick, level)| (pick.correct, *level)),
            answers: example.own_answers.iter().map(|own| own.correct).collect(),
            group: example.group,
        })
        .collect();
    let order = shuffled(examples.len(), seed, 0);
    for (example, from) in examples.iter_mut().zip(order) {
        let targets = &targets[from];
        example.own.correct = targets.own;
        example.group = targets.group;
        if let (Some(taught), Some((correct, level))) = (&mut example.taught, targets.taught) {
            taught.0.correct = correct;
            taught.1 = level;
        }
        // Another may have fewer answers: those that it has, in turn.
        let given = targets.answers.iter().cycle();
        for (own, correct) in example.own_answers.iter_mut().zip(given) {
            own.correct = *correct;
        }
    }
}

/// The answers of the samples and, where no sample gives it, the own answer, most frequent first.
fn own_answers(candidate: &Candidate<'_>) -> Vec<OwnAnswer> {
    let unsampled = candidate.own.members.is_empty().then_some(&candidate.own);
    candidate
        .clusters
        .iter()
        .chain(unsampled)
        .filter(|cluster| !cluster.answer.trim().is_empty())
        .map(|cluster| OwnAnswer {
            answer: one_line(&cluster.answer),
            share: cluster.share,
            correct: cluster.correct,
        })
        .collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_for_training(question: &Question) -> bool {
    matches!(question.split, None | Some(Split::Train))
}

/// The train questions that have clusters and a rationale, in the order of the questions.
fn candidates<'a>(
    context: &StageContext<'_>,
    inputs: &BuildInputs<'a>,
    samples: &mut SampleFile,
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<Vec<Candidate<'a>>> {
    let rationales: Vec<Rationale> = read_records(inputs.rationales)?;
    let mut rationales: HashMap<String, String> = rationales
        .into_iter()
        .map(|record| (record.id, record.rationale))
        .collect();
    let mut clusters: HashMap<String, Vec<Cluster>> = HashMap::new();
    for_each_line(inputs.clusters, |line| {
        if line.bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let reason = match serde_json::from_slice::<Clustering>(line.bytes) {
            Ok(record) if record.clusters.is_empty() => format!("{} has no clusters", record.id),
            Ok(record) => {
                clusters.insert(record.id, record.clusters);
                return Ok(());
            }
            Err(error) => format!("not the clusters of a question: {error}"),
        };
        let record = format!("{}:{}", inputs.clusters.display(), line.number);
        if !context.skip_invalid {
            return Err(bad_input(format!("{record}: {reason}")));
        }
        skipped.push(Skipped {
            stage: context.stage.clone(),
            record,
            reason,
        });
        Ok(())
    })?;
    let mut greedy = match inputs.greedy {
        None => None,
        Some(path) => Some(SampleFile::open(
            path,
            &context.stage,
            context.skip_invalid,
            skipped,
        )?),
    };
    let mut candidates = Vec::new();
    for question in inputs
        .questions
        .iter()
        .filter(|question| is_for_training(question))
    {
        let Some(clusters) = clusters.remove(&question.id) else {
            continue;
        };
        match rationales.remove(&question.id) {
            Some(rationale) => {
                let greedy = match &mut greedy {
                    None => None,
                    Some(file) => file.samples_of(&question.id)?.into_iter().next(),
                };
                let own = match greedy {
                    None => clusters[0].clone(),
                    Some(sample) => {
                        cluster_of_answer(question, &clusters, &answer_of(&sample), || {
                            samples.samples_of(&question.id)
                        })?
                    }
                };
                let rationale = one_line(&rationale);
                candidates.push(Candidate {
                    question,
                    clusters,
                    rationale,
                    own,
                });
            }
            None => skipped.push(Skipped {
                stage: context.stage.clone(),
                record: question.id.clone(),
                reason: "it has no rationale".into(),
            }),
        }
    }
    if candidates.is_empty() {
        return Err(bad_input(format!(
            "{}: no clusters of a train question that has a rationale",
            inputs.clusters.display()
        )));
    }
    Ok(candidates)
}

/// The cluster of an answer; without members where no sample gives it. Where texts were compared by
/// embedding, a cluster has other wordings than its most frequent one, which only the samples tell: it is
/// then of this answer's.
fn cluster_of_answer(
    question: &Question,
    clusters: &[Cluster],
    answer: &str,
    samples: impl FnOnce() -> anyhow::Result<Vec<Sample>>,
) -> anyhow::Result<Cluster> {
    let normalised = judge::normalise(answer);
    let is_same = |other: &str| judge::normalise(other) == normalised;
    if let Some(found) = clusters.iter().find(|cluster| is_same(&cluster.answer)) {
        return Ok(found.clone());
    }
    let saying: Vec<u32> = samples()?
        .iter()
        .filter(|sample| is_same(&answer_of(sample)))
        .map(|sample| sample.index)
        .collect();
    let holds = |cluster: &&Cluster| cluster.members.iter().any(|index| saying.contains(index));
    let found = clusters.iter().find(holds);
    Ok(Cluster {
        answer: answer.to_owned(),
        members: found.map_or_else(Vec::new, |cluster| cluster.members.clone()),
        share: found.map_or(0.0, |cluster| cluster.share),
        correct: judge::is_correct(
            question.judge,
            answer,
            &question.answers,
            &question.negative_answers,
        ),
    })
}

/// Fits correctness on share by PAV (REFERENCE 1), one pair a train question.
fn fit_share_map(own: &[(f64, bool)]) -> anyhow::Result<ShareMap> {
    let (shares, correct): (Vec<f64>, Vec<f64>) = own
        .iter()
        .map(|(share, correct)| (*share, f64::from(u8::from(*correct))))
        .unzip();
    let isotonic = isotonic::fit(&shares, &correct, &vec![1.0; own.len()])?;
    Ok(ShareMap {
        what: "x: share of the model's own answer among a question's samples; \
               y: probability that it is right"
            .into(),
        n: own.len(),
        isotonic,
    })
}

/// 10·p, rounded, clamped to 1..=10.
fn level_of(probability: f64) -> Confidence {
    let level = (10.0 * probability).round().clamp(1.0, 10.0) as u8;
    Confidence::new(level).expect("clamped to 1..=10")
}

/// For each candidate the accuracy of own answers in its group: its template, or, where a question
/// has none, the cluster of its text by the greedy cosine rule.
fn group_accuracies(
    candidates: &[Candidate<'_>],
    embedder: Option<&dyn SentenceEncoder>,
) -> anyhow::Result<Vec<f64>> {
    let templates: Option<Vec<&str>> = candidates
        .iter()
        .map(|candidate| candidate.question.template.as_deref())
        .collect();
    let groups: Vec<Vec<usize>> = match (templates, embedder) {
        (Some(templates), _) => {
            let mut groups: HashMap<&str, Vec<usize>> = HashMap::new();
            for (place, template) in templates.into_iter().enumerate() {
                groups.entry(template).or_default().push(place);
            }
            groups.into_values().collect()
        }
        (None, Some(embedder)) => {
            let texts: Vec<&str> = candidates
                .iter()
                .map(|candidate| candidate.question.question.as_str())
                .collect();
            cluster::greedy_cosine(&embed_all(embedder, &texts)?, GROUP_THRESHOLD, 0)
        }
        (None, None) => {
            return Err(bad_use(
                "questions without templates are grouped by an embedding model",
            ));
        }
    };
    let mut accuracies = vec![0.0; candidates.len()];
    for group in groups {
        let correct = group
            .iter()
            .filter(|place| candidates[**place].own.correct)
            .count();
        for place in &group {
            accuracies[*place] = correct as f64 / group.len() as f64;
        }
    }
    Ok(accuracies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventLog;
    use datasets::record::FinishReason;

    fn question(id: &str, template: &str) -> Question {
        Question {
            id: id.into(),
            question: format!("Question {id}?"),
            answers: vec!["yes".into()],
            negative_answers: Vec::new(),
            template: Some(template.into()),
            entity: None,
            split: Some(Split::Train),
            judge: Default::default(),
        }
    }

    fn cluster(answer: &str, members: &[u32], correct: bool) -> Cluster {
        let share = members.len() as f64 / 10.0;
        Cluster {
            answer: answer.into(),
            members: members.into(),
            share,
            correct,
        }
    }

    fn sample(question: &str, index: u32, response: &str) -> Sample {
        Sample {
            id: format!("{question}/{index}"),
            question_id: question.into(),
            question: String::new(),
            index,
            response: response.into(),
            finish_reason: FinishReason::Stop,
            tokens: 1,
            logprob: None,
        }
    }

    fn write_inputs(folder: &Path) -> Vec<Question> {
        let clustering = |id: &str, clusters: Vec<Cluster>| Clustering {
            id: id.into(),
            question: format!("Question {id}?"),
            template: None,
            method: "answer".into(),
            clusters,
        };
        let clusters = [
            clustering(
                "sure",
                vec![
                    cluster("yes", &[0, 1, 2, 3, 4, 5, 6, 7], true),
                    cluster("no", &[8, 9], false),
                ],
            ),
            clustering(
                "unsure",
                vec![
                    cluster("no", &[0, 1, 2, 3, 4], false),
                    cluster("yes", &[5, 6, 7], true),
                ],
            ),
            clustering("wrong", vec![cluster("no", &[0, 1, 2], false)]),
            clustering("test", vec![cluster("no", &[0], false)]),
        ];
        write_records(&folder.join("clusters.jsonl"), &clusters).unwrap();
        let rationales: Vec<Rationale> = clusters
            .iter()
            .map(|record| Rationale {
                id: record.id.clone(),
                question: record.question.clone(),
                rationale: format!("I doubt {}.", record.id),
                teacher: "extractive".into(),
                prompt_sha256: None,
            })
            .collect();
        write_records(&folder.join("rationales.jsonl"), &rationales).unwrap();
        let samples = [
            sample("sure", 0, "Yes"),
            sample("sure", 1, "I think so.\n**Answer:** yes\nConfidence: 3"),
            sample("unsure", 0, "no"),
            sample("wrong", 0, "no"),
        ];
        write_records(&folder.join("samples.jsonl"), &samples).unwrap();
        let mut test = question("test", "b");
        test.split = Some(Split::Test);
        vec![
            question("sure", "a"),
            question("unsure", "a"),
            question("wrong", "b"),
            test,
        ]
    }

    fn built(config: BuildConfig) -> (tempfile::TempDir, Built) {
        built_with(1, config)
    }

    fn built_with(seed: u64, config: BuildConfig) -> (tempfile::TempDir, Built) {
        let folder = tempfile::tempdir().unwrap();
        let questions = write_inputs(folder.path());
        let path = |name: &str| folder.path().join(name);
        let events = EventLog::none();
        let context = StageContext {
            records: folder.path().into(),
            events: &events,
            stage: "build".into(),
            seed,
            skip_invalid: false,
            quiet: true,
        };
        let (samples, clusters, rationales) = (
            path("samples.jsonl"),
            path("clusters.jsonl"),
            path("rationales.jsonl"),
        );
        let inputs = BuildInputs {
            questions: &questions,
            samples: &samples,
            clusters: &clusters,
            rationales: &rationales,
            greedy: None,
        };
        assert!(!needs_embedder(&questions));
        let built = build(&context, &config, &inputs, None).unwrap();
        (folder, built)
    }

    fn responses(folder: &Path, file: &str) -> Vec<String> {
        let records: Vec<StageOneRecord> =
            read_records(&folder.join(STAGE_ONE).join(file)).unwrap();
        records.into_iter().map(|record| record.response).collect()
    }

    #[test]
    fn own_answers_keep_the_wrong_ones_with_the_confidence_that_they_deserve() {
        let (folder, built) = built(BuildConfig::default());
        assert_eq!((built.questions, built.without_a_correct_answer), (3, 0));
        // The isotonic map over (.8, right), (.5, wrong), (.3, wrong): 1, 0, 0.
        assert_eq!(
            responses(folder.path(), StageOneSet::Sayself.file_name()),
            [
                "I think so.\nAnswer: yes\nConfidence: 10\nSelf-reflection: I doubt sure.",
                "Answer: no\nConfidence: 1\nSelf-reflection: I doubt unsure.",
                "Answer: no\nConfidence: 1\nSelf-reflection: I doubt wrong.",
            ]
        );
        assert_eq!(
            responses(
                folder.path(),
                StageOneSet::WithoutRationaleAndConfidence.file_name()
            )[1],
            "Answer: no"
        );
        assert_eq!(
            responses(folder.path(), StageOneSet::WithoutRationale.file_name())[1],
            "Answer: no\nConfidence: 1"
        );
        assert_eq!(
            responses(folder.path(), StageOneSet::RTuning.file_name())[1],
            "Answer: no\nI am unsure."
        );
        // The template's accuracy: one of two in `a`, none in `b`.
        assert_eq!(
            responses(folder.path(), StageOneSet::Gce.file_name())[0],
            "I think so.\nAnswer: yes\nConfidence: 5"
        );
        assert_eq!(
            responses(folder.path(), StageOneSet::Gce.file_name())[2],
            "Answer: no\nConfidence: 1"
        );
        let messages = folder
            .path()
            .join(STAGE_ONE)
            .join(MESSAGES)
            .join(StageOneSet::Sayself.file_name());
        let text = std::fs::read_to_string(messages).unwrap();
        let first = r#"{"messages":[{"role":"user","content":"Question sure?"},{"role":"assistant","content":"I think so."#;
        assert!(text.starts_with(first), "{text}");
        let records: Vec<StageOneRecord> = read_records(
            &folder
                .path()
                .join(STAGE_ONE)
                .join(StageOneSet::Sayself.file_name()),
        )
        .unwrap();
        let own: Vec<(&str, bool)> = records[1]
            .own_answers
            .iter()
            .map(|own| (own.answer.as_str(), own.correct))
            .collect();
        assert_eq!(own, [("no", false), ("yes", true)]);
        let map: ShareMap =
            serde_json::from_slice(&std::fs::read(folder.path().join(ISOTONIC)).unwrap()).unwrap();
        assert_eq!(map.n, 3);
    }

    #[test]
    fn every_set_is_made() {
        let made = FILES.map(|(set, _)| set);
        assert!(StageOneSet::ALL.iter().all(|set| made.contains(set)));
        assert_eq!(made.last(), Some(&StageOneSet::Sayself));
    }

    #[test]
    fn shuffled_targets_are_those_of_the_others() {
        let config = BuildConfig {
            shuffle_targets: true,
            ..BuildConfig::default()
        };
        let of = |folder: &Path| responses(folder, StageOneSet::WithoutRationale.file_name());
        let plain = of(built(BuildConfig::default()).0.path());
        // Of three, some permutations give each its own again.
        let mut shuffled = (1..10).map(|seed| of(built_with(seed, config.clone()).0.path()));
        let mut shuffled = shuffled.find(|other| *other != plain).unwrap();
        let answers = |of: &[String]| -> Vec<String> {
            of.iter()
                .map(|text| text.split("\nConfidence").next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(answers(&shuffled), answers(&plain));
        let levels = |of: &mut [String]| -> Vec<String> {
            let mut levels: Vec<String> = of
                .iter()
                .map(|text| text.split("Confidence: ").last().unwrap().to_owned())
                .collect();
            levels.sort();
            levels
        };
        assert_eq!(levels(&mut shuffled), levels(&mut plain.clone()));
    }

    #[test]
    fn an_answer_of_no_sample_has_no_share() {
        let clusters = [cluster("Yes", &[0, 1], true)];
        let of = |answer: &str| {
            cluster_of_answer(&question("q", "a"), &clusters, answer, || Ok(Vec::new())).unwrap()
        };
        assert_eq!(of("yes."), clusters[0]);
        assert_eq!((of("no").share, of("no").correct), (0.0, false));
    }

    #[test]
    fn an_answer_in_other_words_has_the_share_of_its_cluster() {
        let clusters = [cluster("Yes", &[0, 2], true), cluster("no", &[1], false)];
        let samples = vec![
            sample("q", 0, "yes"),
            sample("q", 1, "no"),
            sample("q", 2, "so it is"),
        ];
        let asked = question("q", "a");
        let own = cluster_of_answer(&asked, &clusters, "so it is", || Ok(samples)).unwrap();
        assert_eq!((own.share, own.correct), (clusters[0].share, false));
        assert_eq!(own.members, [0, 2]);
    }

    #[test]
    fn the_papers_rule_leaves_out_what_is_never_right() {
        let (folder, built) = built(BuildConfig {
            selection: Selection::CorrectOnly,
            order: Order::Paper,
            ..BuildConfig::default()
        });
        assert_eq!(built.without_a_correct_answer, 1);
        assert_eq!(
            responses(folder.path(), StageOneSet::Sayself.file_name()),
            [
                "I think so.\nAnswer: yes\nSelf-reflection: I doubt sure.\nConfidence: 8",
                "Answer: yes\nSelf-reflection: I doubt unsure.\nConfidence: 3",
            ]
        );
        assert_eq!(
            responses(folder.path(), StageOneSet::RTuning.file_name()).len(),
            3
        );
    }
}
