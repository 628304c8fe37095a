//! The configuration of a run, as `run.toml` and `datasets/configs/*/*.toml` hold it.
//!
//! Every field has a default, so that the smallest configuration is an empty file. Every
//! command-line flag is one of these fields.

use crate::reference::StageOneSet;
use calibration::recalibrate::Family;
use serde::{Deserialize, Serialize};

/// The whole pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RunConfig {
    /// What the pages call the run; empty: the name of its directory.
    pub title: String,
    /// Every random choice follows from it.
    pub seed: u64,
    /// A pulled name, a folder, a GGUF file or a hub id.
    pub model: String,
    /// The sentence encoder, in the same forms.
    pub embedder: String,
    /// Where the model is asked in place of here: by `sample`, and by evaluations of the model as it
    /// was pulled.
    pub endpoint: Option<EndpointConfig>,
    pub questions: QuestionsConfig,
    pub sample: SampleConfig,
    pub cluster: ClusterConfig,
    pub rationalize: RationalizeConfig,
    pub build: BuildConfig,
    pub sft: SftConfig,
    pub rl: RlConfig,
    /// Evaluations, in order; each is written to `evaluate/LABEL`.
    pub evaluate: Vec<EvaluateConfig>,
    /// Whether rationales are true, measured last; absent: not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faithfulness: Option<FaithfulnessConfig>,
    /// Most memory for keys and values while a model answers, in MB: fewer rows are decoded at once
    /// where more would not fit. Changes no answer.
    pub memory_mb: usize,
    /// Seeds of the taught model: sft, rl and its evaluation are done once for each. The first
    /// seed's evaluation has the label `sayself`, the others `sayself-seed-N`.
    pub training_seeds: Vec<u64>,
}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            title: String::new(),
            seed: 42,
            model: "smollm2-135m".into(),
            embedder: "minilm".into(),
            endpoint: None,
            questions: QuestionsConfig::default(),
            sample: SampleConfig::default(),
            cluster: ClusterConfig::default(),
            rationalize: RationalizeConfig::default(),
            build: BuildConfig::default(),
            sft: SftConfig::default(),
            rl: RlConfig::default(),
            evaluate: Vec::new(),
            faithfulness: None,
            memory_mb: 1024,
            training_seeds: vec![1],
        }
    }
}

/// An OpenAI-compatible server, and how it is asked. Its key comes from the environment alone, so that
/// it stands in no file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EndpointConfig {
    /// `http://localhost:8000`, with or without `/v1`.
    pub url: String,
    /// What the server calls the model; absent: as the stage names it.
    pub model: Option<String>,
    /// The environment variable that holds the key; absent: `SAYSELF_API_KEY`, else `OPENAI_API_KEY`.
    pub key_variable: Option<String>,
    /// Calls in flight, 1..=1,024.
    pub concurrency: usize,
    /// Tries of one call, the first included.
    pub attempts: u32,
    /// The pause before the second try; doubled before each further one, and shortened by up to half
    /// at random.
    pub first_pause_seconds: f64,
    /// The longest pause. A server that asks for a longer one ends the stage, which goes on from there
    /// when it is started again.
    pub pause_seconds_max: f64,
    /// A server that does not take the call within this long is tried again.
    pub connect_timeout_seconds: f64,
    /// A call without its whole reply after this long is tried again.
    pub timeout_seconds: f64,
    /// MB of one reply at most.
    pub reply_mb_max: usize,
}

impl EndpointConfig {
    /// How a server is reached, and no part of what is asked of it: these keys may change from one
    /// start of a stage to the next.
    pub const WAYS: [&'static str; 9] = [
        "url",
        "key_variable",
        "concurrency",
        "attempts",
        "first_pause_seconds",
        "pause_seconds_max",
        "connect_timeout_seconds",
        "timeout_seconds",
        "reply_mb_max",
    ];

    /// A server at an address, asked as by default.
    pub fn at(url: impl Into<String>) -> Self {
        EndpointConfig {
            url: url.into(),
            ..EndpointConfig::default()
        }
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        EndpointConfig {
            url: String::new(),
            model: None,
            key_variable: None,
            concurrency: 16,
            attempts: 6,
            first_pause_seconds: 1.0,
            pause_seconds_max: 120.0,
            connect_timeout_seconds: 10.0,
            timeout_seconds: 600.0,
            reply_mb_max: 64,
        }
    }
}

/// Which questions, and how many of each split (drawn at random with the run's seed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct QuestionsConfig {
    /// `world-facts`, `world-facts-more` (with more to learn from), or a file of questions in any form that
    /// `sayself sample` reads. Without splits in the file, `train`, `dev` and `test` are drawn disjointly.
    pub source: String,
    /// At most this many train questions; absent: all.
    pub train: Option<usize>,
    /// At most this many dev questions; absent: all.
    pub dev: Option<usize>,
    /// At most this many test questions; absent: all.
    pub test: Option<usize>,
}

impl Default for QuestionsConfig {
    fn default() -> Self {
        QuestionsConfig {
            source: "world-facts".into(),
            train: None,
            dev: None,
            test: None,
        }
    }
}

/// Decoding, shared by `sample` and `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Decoding {
    /// 0 is greedy.
    pub temperature: f64,
    /// Nucleus mass, 0..=1; 1 switches it off.
    pub top_p: f64,
    /// The most probable k tokens; 0 switches it off.
    pub top_k: usize,
    /// New tokens at most.
    pub max_tokens: usize,
    /// The response ends before the first of these.
    pub stop: Vec<String>,
}

impl Default for Decoding {
    fn default() -> Self {
        Decoding {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            max_tokens: 24,
            stop: Vec::new(),
        }
    }
}

/// What is drawn of the model: many responses to each train question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SampleConfig {
    /// Responses a question, 1..=1,000.
    pub samples: usize,
    #[serde(flatten)]
    pub decoding: Decoding,
    /// A name in `datasets/prompts/` or a file; absent: the bare question.
    pub prompt: Option<String>,
    /// Rows decoded at once, as far as `memory_mb` allows.
    pub batch: usize,
}

impl SampleConfig {
    /// One response a question, the most probable token each time.
    pub fn greedy(&self) -> Self {
        SampleConfig {
            samples: 1,
            decoding: Decoding {
                temperature: 0.0,
                ..self.decoding.clone()
            },
            ..self.clone()
        }
    }
}

impl Default for SampleConfig {
    fn default() -> Self {
        SampleConfig {
            samples: 10,
            decoding: Decoding::default(),
            prompt: None,
            batch: 64,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClusterBy {
    /// By normalised answer: right for short answers.
    #[default]
    Answer,
    /// The paper's greedy rule on cosine similarity.
    Embedding,
}

/// What is embedded of a sample, after its question and a colon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Embedded {
    /// The whole response.
    #[default]
    Response,
    /// Its answer alone: right for responses that think first.
    Answer,
}

impl Embedded {
    fn is_default(&self) -> bool {
        *self == Embedded::default()
    }
}

/// Which responses say the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClusterConfig {
    /// How two responses are compared.
    pub by: ClusterBy,
    /// Cosine similarity above which two responses say the same; for `embedding` only. Belongs to
    /// the embedding model: the default was fitted for all-MiniLM-L6-v2 (trainer/tests/embed.rs).
    pub threshold: f64,
    /// For `embedding` only.
    #[serde(skip_serializing_if = "Embedded::is_default")]
    pub embed: Embedded,
    /// Put before each text that is embedded, for models that want it; `{question}` in it stands for
    /// the question.
    pub instruction: Option<String>,
    /// A server with `/v1/embeddings`, in place of an embedding model here.
    pub endpoint: Option<EndpointConfig>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            by: ClusterBy::Answer,
            threshold: 0.92,
            embed: Embedded::Response,
            instruction: None,
            endpoint: None,
        }
    }
}

/// Who writes, from the clusters, what the model wavers between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RationalizeConfig {
    /// `extractive`: written from the clusters, without a model; else the model of `endpoint`.
    pub teacher: String,
    /// The server of a teacher that is a model.
    pub endpoint: Option<EndpointConfig>,
}

impl Default for RationalizeConfig {
    fn default() -> Self {
        RationalizeConfig {
            teacher: "extractive".into(),
            endpoint: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Keep the model's own wrong answers, with the confidence that they deserve.
    #[default]
    OwnAnswers,
    /// The paper's rule: only questions with a correct pick.
    CorrectOnly,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Answer, confidence, self-reflection.
    #[default]
    ConfidenceFirst,
    /// Answer, self-reflection, confidence.
    Paper,
}

/// What becomes of the clusters: the stage-1 training sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct BuildConfig {
    /// Which of the model's answers are taught.
    pub selection: Selection,
    /// What a taught response says first.
    pub order: Order,
    /// The control: every record has the correctness and the confidence of another, drawn with the
    /// seed. What is learnt from it is no knowledge of one's own.
    pub shuffle_targets: bool,
}

/// The method of a model that went through `rl` from an adapter with the label `stage_one`.
pub fn label_after_rl<'a>(stage_one: &'a str, reward: &str) -> &'a str {
    match (stage_one, reward) {
        ("without-rl", "linear") => "linear-reward",
        ("without-rl", _) => "sayself",
        (other, _) => other,
    }
}

/// How exactly training multiplies matrices on a CPU; on a GPU it is `bf16`. Sums, and the adapter's
/// values themselves, are `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    #[default]
    /// 32 bits.
    F32,
    /// 16 bits with the exponent of 32, where the processor has instructions for it (AMX-BF16,
    /// AVX-512-BF16); else 32 bits.
    Bf16,
    /// The frozen weights as sampling multiplies them, 8 bits by block of 32, and turned so for
    /// gradients; the rest, and all with AMX-BF16, as `bf16`.
    Int8,
}

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Half a cosine to 0.
    #[default]
    Cosine,
    /// Straight to 0, as the paper has it in stage 1.
    Linear,
    /// As it is, as the paper has it in stage 2.
    Constant,
}

/// LoRA and the optimizer, shared by `sft` and `rl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TrainingConfig {
    /// Rank of the adapter's pairs, which `sft` makes; `rl` goes on with them as they are.
    pub lora_rank: usize,
    /// Their scale is this by the rank; of `sft`, as the rank.
    pub lora_alpha: f64,
    /// Which of `q_proj k_proj v_proj o_proj gate_proj up_proj down_proj`; of `sft`, as the rank.
    pub lora_targets: Vec<String>,
    /// Share of what an adapter's pairs read that is dropped at random while they learn, 0 to below 1.
    pub lora_dropout: f64,
    /// Of the matrix products.
    pub precision: Precision,
    /// Layers below this one stay as they are, and their activations are computed once; of `sft`, as the
    /// rank.
    pub first_layer: usize,
    /// The highest, after the warm-up.
    pub learning_rate: f64,
    /// Decoupled, as in AdamW; the learning rate scales it.
    pub weight_decay: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: usize,
    /// The warm-up as a share of all steps, 0..=1, where it is above 0: in place of `warmup_steps`.
    pub warmup_share: f64,
    pub schedule: Schedule,
    /// Global gradient norm at most.
    pub clip: f64,
    /// Questions a step.
    pub batch: usize,
    /// Questions whose gradients are computed at once; the step's gradient is their sum. Bounds
    /// memory.
    pub micro_batch: usize,
    /// Passes over the records; of `rl`, over its questions.
    pub epochs: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        TrainingConfig {
            lora_rank: 32,
            lora_alpha: 32.0,
            lora_dropout: 0.0,
            precision: Precision::default(),
            lora_targets: [
                "q_proj",
                "k_proj",
                "v_proj",
                "o_proj",
                "gate_proj",
                "up_proj",
                "down_proj",
            ]
            .map(String::from)
            .to_vec(),
            first_layer: 15,
            learning_rate: 5e-4,
            weight_decay: 0.01,
            warmup_steps: 20,
            warmup_share: 0.0,
            schedule: Schedule::default(),
            clip: 1.0,
            batch: 16,
            micro_batch: 16,
            epochs: 3,
            checkpoint_every: 50,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ConfidenceLoss {
    /// Cross-entropy of the written level, as the paper does.
    CrossEntropy,
    /// Binary cross-entropy of the expected value with correctness, then, in the last quarter of the
    /// steps, the exact tokenized Brier loss.
    #[default]
    ExpectedThenBrier,
    /// The exact expectation over the ten levels from the start (ConfTuner, arXiv 2508.18847).
    TokenizedBrier,
    /// Cross-entropy towards a soft target: the two levels that the wanted probability lies between, by
    /// how near each is. With `target = "group"` the level follows the share of right samples, not one
    /// answer's luck (CSFT, arXiv 2506.03723).
    SoftLevels,
}

/// Which adapter of those that were tried on held-out records the stage hands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// As it is after the last step; the best is kept beside it.
    #[default]
    Last,
    /// That with the least loss on the held-out records; the last is kept beside it.
    Best,
}

/// Stage 1: supervised fine-tuning on what `build` made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SftConfig {
    #[serde(flatten)]
    pub training: TrainingConfig,
    /// What `run` teaches of what `build` made.
    pub data: StageOneSet,
    /// What the confidence learns from.
    pub confidence_loss: ConfidenceLoss,
    /// What the confidence in the record's answer is drawn to before the last quarter of the steps:
    /// `own` (that answer's correctness), `group` (the accuracy of the question's samples) or
    /// `mixed` (half of each).
    pub target: String,
    /// Weight of the cross-entropy of the answer's tokens beside the confidence loss.
    pub answer_weight: f64,
    /// Weight of the cross-entropy of the rationale's tokens.
    pub rationale_weight: f64,
    /// Share of the examples whose rationale is trained on, 0..=1.
    pub rationale_share: f64,
    /// Distinct answers a question and epoch whose correctness trains the confidence: the record's,
    /// and others in turn.
    pub answers: usize,
    /// Records of so many words or more, question and response together, are left out; absent: none.
    pub words_max: Option<usize>,
    /// Records of more tokens, prompt and response together, are left out; absent: those alone that the
    /// model cannot read fail.
    pub tokens_max: Option<usize>,
    /// Share of the records that no step learns from, 0 to below 1, at least one where it is above 0:
    /// the loss on them is told.
    pub held_out: f64,
    /// Steps between two looks at the held-out records; absent: after each epoch.
    pub evaluate_every: Option<usize>,
    /// Looks without a lower loss after which the stage ends; 0: it never ends early.
    pub patience: usize,
    pub keep: Keep,
}

impl Default for SftConfig {
    fn default() -> Self {
        SftConfig {
            training: TrainingConfig::default(),
            data: StageOneSet::default(),
            confidence_loss: ConfidenceLoss::default(),
            target: "own".into(),
            answer_weight: 0.03,
            rationale_weight: 0.03,
            rationale_share: 0.25,
            answers: 3,
            words_max: None,
            tokens_max: None,
            held_out: 0.0,
            evaluate_every: None,
            patience: 0,
            keep: Keep::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    /// Only the confidence's tokens are trained.
    #[default]
    ConfidenceOnly,
    /// All that was written is.
    AllTokens,
}

/// How `rl` turns rewards into an update; one file each in `trainer/src/stages/rl/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// REINFORCE leave-one-out.
    #[default]
    Rloo,
    /// Group-relative policy optimization.
    Grpo,
    /// Proximal policy optimization with a value head, as the paper has it.
    Ppo,
}

/// What GRPO divides a rollout's advantage by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// The standard deviation of the question's rewards.
    Group,
    /// That of all rewards of the round: the sound one.
    #[default]
    Batch,
    /// Nothing.
    None,
}

/// The model that `rl` is kept near to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KlReference {
    /// The model without an adapter, as the paper has it.
    Base,
    /// With the stage-1 adapter.
    #[default]
    StageOne,
}

/// What an alarm does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnAlarm {
    /// Says it in the events and goes on.
    #[default]
    Warn,
    /// Says it and ends the stage as failed; the last checkpoint stands.
    Stop,
}

/// What only PPO has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PpoConfig {
    /// γ, discount a choice.
    pub gamma: f64,
    /// λ of generalized advantage estimation.
    pub lambda: f64,
    /// Weight of the value head's loss.
    pub value_weight: f64,
    /// Divergence from the reference in nats a rollout that β, which starts at `rl.kl_weight`, is
    /// moved towards; 0: β stays as it is.
    pub kl_target: f64,
    /// Rollouts over which it moves.
    pub kl_horizon: f64,
    /// Advantages have mean 0 and variance 1 over a round.
    pub whiten: bool,
    /// Rewards less their running mean, by their running deviation.
    pub scale_rewards: bool,
}

impl Default for PpoConfig {
    /// The paper's.
    fn default() -> Self {
        PpoConfig {
            gamma: 1.0,
            lambda: 0.95,
            value_weight: 0.1,
            kl_target: 6.0,
            kl_horizon: 10_000.0,
            whiten: true,
            scale_rewards: true,
        }
    }
}

/// Stage 2: reinforcement learning of the confidence, from the stage-1 adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RlConfig {
    /// A round asks `batch` questions, and learns from the rollouts in `updates` passes, each in
    /// steps of `minibatch` questions.
    #[serde(flatten)]
    pub training: TrainingConfig,
    pub algorithm: Algorithm,
    /// `brier-1`, `sayself`, `rlcr`, `linear` or `log`.
    pub reward: String,
    /// `own`, `group` or `mixed`.
    pub target: String,
    /// Which tokens of a rollout learn.
    pub mask: Mask,
    /// A rollout without a level has all its tokens trained, with the lowest reward, as the paper has
    /// it; else it only counts in its group.
    pub train_failures: bool,
    /// At most this many train questions, drawn at random with the seed; absent: all.
    pub questions: Option<usize>,
    /// Rollouts a question; RLOO and GRPO need two.
    pub rollouts: usize,
    /// RLOO alone: take the expectation of the reward over the ten levels exactly, in place of the
    /// estimate from the level that was drawn.
    pub exact: bool,
    /// Temperature of the rollouts.
    pub temperature: f64,
    /// The most probable k tokens of the rollouts; 0: all.
    pub top_k: usize,
    /// New tokens of a rollout at most.
    pub max_tokens: usize,
    /// Passes over a round's rollouts; RLOO makes one.
    pub updates: usize,
    /// Questions an optimizer step within a round; absent: all of the round.
    pub minibatch: Option<usize>,
    /// ε: how far GRPO and PPO let a probability's ratio move in a round.
    pub clip_ratio: f64,
    pub normalise: Normalise,
    pub kl_reference: KlReference,
    /// Weight of the KL divergence from the reference; of PPO, β at the start.
    pub kl_weight: f64,
    /// Weight of the entropy of the ten levels: keeps confidence from collapsing to one value.
    pub entropy_weight: f64,
    /// Weight of the loss that keeps a level a level: one is written, and no digit after it.
    pub form_weight: f64,
    pub ppo: PpoConfig,
    pub on_alarm: OnAlarm,
    /// Divergence from the reference, in nats a rollout, that is an alarm.
    pub kl_alarm: f64,
    /// Allow a reward that is gained by answering wrongly on purpose.
    pub allow_hackable: bool,
}

impl Default for RlConfig {
    fn default() -> Self {
        RlConfig {
            training: TrainingConfig {
                learning_rate: 1e-4,
                epochs: 1,
                ..TrainingConfig::default()
            },
            algorithm: Algorithm::default(),
            reward: "brier-1".into(),
            target: "group".into(),
            mask: Mask::ConfidenceOnly,
            train_failures: false,
            questions: None,
            rollouts: 8,
            exact: false,
            temperature: 1.0,
            top_k: 0,
            max_tokens: 32,
            updates: 1,
            minibatch: None,
            clip_ratio: 0.2,
            normalise: Normalise::default(),
            kl_reference: KlReference::default(),
            kl_weight: 0.0,
            entropy_weight: 0.0,
            form_weight: 0.02,
            ppo: PpoConfig::default(),
            on_alarm: OnAlarm::default(),
            kl_alarm: 10.0,
            allow_hackable: false,
        }
    }
}

/// How the confidence is read from a model that states one of ten levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// The level that was written.
    #[default]
    Stated,
    /// The most probable level.
    Mode,
    /// Σ k/10 · P(k).
    Expected,
}

/// One evaluation: a method, and the questions that it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EvaluateConfig {
    /// `direct-prompting`, `self-consistency`, `sayself`, … (`sayself evaluate --help` has them all).
    pub method: String,
    /// Whose answers are asked for; absent: as the method is named.
    pub adapter: Option<AdapterOf>,
    /// Absent: the method.
    pub label: Option<String>,
    /// Absent: the method's own, the expected level for `verbalized` and `dinco`, else the one that was
    /// written.
    pub confidence: Option<Readout>,
    /// Which split; `train`, `dev`, `test` or `held-out`.
    pub split: String,
    /// At most this many questions, drawn at random with the seed.
    pub limit: Option<usize>,
    /// Samples a question for `self-consistency`.
    pub samples: usize,
    #[serde(flatten)]
    pub decoding: Decoding,
    /// A name in `datasets/prompts/` or a file; absent: the method's own.
    pub prompt: Option<String>,
    /// Other wordings of the prompt, in the same forms: the questions are asked by each, and the spread
    /// of the measures over all is told.
    pub prompt_variants: Vec<String>,
    /// Fit this map from confidence to probability on the dev questions, keep it beside the answers and
    /// the adapter, and measure what it makes of these answers.
    pub recalibrate: Option<Family>,
    /// A map that was fitted before (`recalibration.json`): the measures are of what it makes of each
    /// confidence.
    pub recalibration: Option<String>,
    /// Draw so many answers more to each question, at temperature 1, and tell how well the share of
    /// those that agree does as a confidence; 0: none.
    pub agreement: usize,
    /// A server whose model judges correctness; absent: strings are compared.
    pub judge: Option<EndpointConfig>,
}

impl EvaluateConfig {
    /// The stage whose adapter the method asks; none asks the model as it is.
    pub fn adapter_stage(&self) -> Option<&'static str> {
        match (self.adapter, self.method.as_str()) {
            (Some(AdapterOf::None), _) => None,
            (Some(AdapterOf::Rl), _) => Some("rl"),
            (Some(AdapterOf::Sft), _) => Some("sft"),
            (None, "sayself" | "linear-reward" | "without-rationale") => Some("rl"),
            (None, "without-rl" | "without-rationale-and-confidence" | "r-tuning" | "gce") => {
                Some("sft")
            }
            (None, _) => None,
        }
    }
}

/// The adapter that an evaluation of `run` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AdapterOf {
    /// The model as it was pulled.
    None,
    /// With the stage-1 adapter.
    Sft,
    /// With the adapter that went through `rl`.
    Rl,
}

/// An evaluation as `run` does it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<'a> {
    pub config: &'a EvaluateConfig,
    /// The name of its folder and of its row.
    pub label: String,
    /// `sft` or `rl`, and the training seed.
    pub adapter: Option<(&'static str, u64)>,
}

impl RunConfig {
    /// The method that an adapter of `sft` or `rl` is taught for.
    pub fn label_of(&self, stage: &str) -> &'static str {
        match stage {
            "rl" => label_after_rl(self.sft.data.label(), &self.rl.reward),
            _ => self.sft.data.label(),
        }
    }

    /// At most so many questions of each split and in `rl`, and samples a question (of which two are
    /// left): a smoke test of the whole.
    pub fn limit(&mut self, questions: usize) {
        self.sample.samples = self.sample.samples.min(questions.max(2));
        let at_most = |limit: &mut Option<usize>| {
            *limit = Some(limit.map_or(questions, |limit| limit.min(questions)));
        };
        at_most(&mut self.questions.train);
        at_most(&mut self.questions.dev);
        at_most(&mut self.questions.test);
        at_most(&mut self.rl.questions);
        for evaluation in &mut self.evaluate {
            at_most(&mut evaluation.limit);
        }
        if let Some(faithfulness) = &mut self.faithfulness {
            at_most(&mut faithfulness.limit);
        }
    }

    /// The evaluations in order: those of a taught model once for each training seed.
    pub fn evaluations(&self) -> Vec<Evaluation<'_>> {
        let mut evaluations = Vec::new();
        for config in &self.evaluate {
            let label = config.label.as_ref().unwrap_or(&config.method);
            let Some(stage) = config.adapter_stage() else {
                evaluations.push(Evaluation {
                    config,
                    label: label.clone(),
                    adapter: None,
                });
                continue;
            };
            for (index, seed) in self.training_seeds.iter().enumerate() {
                evaluations.push(Evaluation {
                    config,
                    label: match index {
                        0 => label.clone(),
                        _ => format!("{label}-seed-{seed}"),
                    },
                    adapter: Some((stage, *seed)),
                });
            }
        }
        evaluations
    }
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        EvaluateConfig {
            method: "sayself".into(),
            label: None,
            adapter: None,
            confidence: None,
            split: "test".into(),
            limit: None,
            samples: 10,
            decoding: Decoding {
                temperature: 0.0,
                max_tokens: 96,
                ..Decoding::default()
            },
            prompt: None,
            prompt_variants: Vec::new(),
            recalibrate: None,
            recalibration: None,
            agreement: 0,
            judge: None,
        }
    }
}

/// What a rationale's faithfulness is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FaithfulnessBy {
    /// The clusters that it names, and their weights; needs no model.
    Names,
    /// A local model's next-word distributions (SelfReflect, arXiv 2505.20295).
    SelfReflect,
    /// A language model behind an endpoint, as the paper has it (Table 4).
    Judge,
    /// Ratings that people gave.
    People,
}

impl FaithfulnessBy {
    /// As the configuration and the measures call it.
    pub fn name(self) -> &'static str {
        match self {
            FaithfulnessBy::Names => "names",
            FaithfulnessBy::SelfReflect => "self-reflect",
            FaithfulnessBy::Judge => "judge",
            FaithfulnessBy::People => "people",
        }
    }
}

/// The text that is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SummaryBy {
    /// The rationale of the evaluated answer itself.
    #[default]
    None,
    /// A summary of the sampled rationales, without sight of the clusters, by the local model.
    Model,
    /// The same by the judge's endpoint.
    Judge,
}

/// Which local model SelfReflect asks for masked words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WordsOf {
    /// The model as it was pulled: a taught one answers in one form alone.
    #[default]
    Base,
    /// With the adapter that is measured.
    Taught,
}

/// Whether rationales tell what the samples waver between (Table 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FaithfulnessConfig {
    /// The evaluations whose rationales are measured, by label; empty: all that state any.
    pub labels: Vec<String>,
    /// The measures.
    pub by: Vec<FaithfulnessBy>,
    /// At most this many questions, drawn at random with the seed among those with a rationale.
    pub limit: Option<usize>,
    /// Responses a question of the model that is measured, 2..=1,000.
    pub samples: usize,
    #[serde(flatten)]
    pub decoding: Decoding,
    /// What is judged: the rationale itself, or a summary of the sampled ones.
    pub summary: SummaryBy,
    /// Samples of each question whose words are masked for SelfReflect; the others are what its summary
    /// should tell.
    pub self_reflect_answers: usize,
    pub self_reflect_model: WordsOf,
    /// A server whose model scores texts; it must be named where `by` has `judge`.
    pub judge: Option<EndpointConfig>,
    /// A name in `datasets/prompts/` or a file, with the places `question`, `clusters` and `summary`.
    pub judge_prompt: String,
    /// A file of people's ratings: JSONL or CSV with `id`, `annotator` and `score`, 0..10.
    pub ratings: Option<String>,
    /// The rationale of the control that says the same of every question.
    pub constant: String,
}

impl Default for FaithfulnessConfig {
    fn default() -> Self {
        FaithfulnessConfig {
            labels: Vec::new(),
            by: vec![FaithfulnessBy::Names, FaithfulnessBy::SelfReflect],
            limit: None,
            samples: 50,
            decoding: Decoding {
                temperature: 1.0,
                top_p: 0.95,
                top_k: 50,
                max_tokens: 96,
                ..Decoding::default()
            },
            summary: SummaryBy::default(),
            self_reflect_answers: 5,
            self_reflect_model: WordsOf::default(),
            judge: None,
            judge_prompt: "judge-faithfulness".into(),
            ratings: None,
            constant: "I am not certain of my answer, because I may be confusing it with another that I know \
                       less well."
                .into(),
        }
    }
}
