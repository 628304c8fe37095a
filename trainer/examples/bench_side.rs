//! Our side of `cargo xtask bench`: does one named piece of work each time a line comes.
//!
//! ```text
//! bench_side inputs MODEL             prints what every side works on, as JSON
//! bench_side NAME MODEL INPUTS        prints {"check": [numbers]} once all is loaded, and then
//!                                     {"value": …} for each line on stdin
//! ```
//!
//! The checks are numbers that any right implementation gives: the bench compares them with the
//! peer's before it times anything.

use anyhow::{Context, bail};
use calibration::metrics::{Binning, Options};
use model::{AdamW, AdamWConfig, Decoder, Gradients, Lora, LoraConfig, Precision, Projection};
use model::{Segments, Tokenizer};
use sayself::device::load_options;
use sayself::learn::example::{Branch, Example, lay_out};
use sayself::learn::step::Learner;
use sayself::learn::{Student, loss, prompt_tokens};
use sayself::model_source::{ModelSource, resolve};
use sayself::sampler::local::limits;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// Prompts for `decode-1`, `sample-50` and `prefill-512`.
const PROMPT_TOKENS: [usize; 3] = [32, 64, 512];
/// Bare questions; `sample-many` asks the first [`MANY`].
const QUESTIONS: usize = 1_000;
const MANY: usize = 200;
/// Samples of a question.
const SAMPLES: usize = 10;
/// Rows that `sample-many` decodes at once; what `sayself sample` takes by default.
const ROWS: usize = 64;
/// Gold answers with their log-probabilities; one in [`CHECKED`] of them is the check of other work.
const GOLDS: usize = 400;
const CHECKED: usize = 8;
/// Tokens of a greedy answer; one that ends early is filled up with [`NO_TOKEN`].
const ANSWER_TOKENS: usize = 8;
const NO_TOKEN: f64 = -1.0;
/// What `sayself sample` keeps of keys and values by default.
const MEMORY_MB: usize = 1024;
/// Texts of `score`, from 20 to 400 tokens.
const TEXTS: usize = 200;
/// Responses of `embed`.
const RESPONSES: usize = 5_000;
/// Tokens for the training rows, at most 8 × 400.
const TRAINING_TOKENS: usize = 3_200;
/// Questions of `rloo-step`, samples of each, and tokens of a sample.
const RLOO: (usize, usize, usize) = (8, 8, 48);
const LORA_RANK: usize = 64;

/// What every side works on.
#[derive(Serialize, Deserialize)]
struct Inputs {
    /// The GGUF file.
    model: PathBuf,
    /// The sentence encoder's folder.
    embedder: PathBuf,
    /// Token ids, by [`PROMPT_TOKENS`].
    prompts: Vec<Vec<u32>>,
    golds: Vec<Gold>,
    /// Prompts of [`QUESTIONS`] bare questions.
    questions: Vec<Vec<u32>>,
    texts: Vec<Vec<u32>>,
    training: Vec<u32>,
    responses: Vec<String>,
}

/// A prompt with three examples, and the gold answer from `start` on.
#[derive(Serialize, Deserialize)]
struct Gold {
    tokens: Vec<u32>,
    start: usize,
}

type Work = Box<dyn FnMut() -> anyhow::Result<f64>>;

fn main() -> anyhow::Result<()> {
    kernels::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["inputs", model] => print_json(&inputs(&resolve(model, false)?)?),
        [name, model, inputs] => serve(name, model, Path::new(inputs)),
        _ => bail!("expected `inputs MODEL` or `NAME MODEL INPUTS`"),
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, value)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}

fn serve(name: &str, model: &str, inputs: &Path) -> anyhow::Result<()> {
    let (check, mut work) = load(name, model, inputs)?;
    print_json(&serde_json::json!({ "check": check }))?;
    for line in std::io::stdin().lock().lines() {
        line?;
        print_json(&serde_json::json!({ "value": work()? }))?;
    }
    Ok(())
}

/// The inputs, all made of the shipped questions.
fn inputs(source: &ModelSource) -> anyhow::Result<Inputs> {
    let (_, tokenizer) = source.load(&load_options(false)?)?;
    let questions = datasets::world_facts::questions();
    let text = |index: usize| {
        let question = &questions[index * 97 % questions.len()];
        format!("{} {}. ", question.question, question.gold())
    };
    let tokens_of = |first: usize, count: usize| -> anyhow::Result<Vec<u32>> {
        let text: String = (first..first + count / 6).map(text).collect();
        let mut tokens = tokenizer.encode(&text, false)?;
        tokens.truncate(count);
        Ok(tokens)
    };
    let few_shot = datasets::prompts::builtin("few-shot").context("no prompt few-shot")?;
    let spread = |count: usize| {
        questions
            .iter()
            .step_by(questions.len() / count)
            .take(count)
    };
    let gold = |question: &datasets::Question| -> anyhow::Result<Gold> {
        let mut tokens = prompt_tokens(&tokenizer, &few_shot.messages_for(question))?;
        let start = tokens.len();
        tokens.extend(tokenizer.encode(question.gold(), false)?);
        Ok(Gold { tokens, start })
    };
    let bare = |question: &datasets::Question| {
        let messages = datasets::prompts::Prompt::default().messages(&question.question);
        prompt_tokens(&tokenizer, &messages)
    };
    let response = |question: &datasets::Question| {
        let (answer, question) = (question.gold(), &question.question);
        format!("The answer to the question {question} is {answer}.")
    };
    let [model] = &source.weights()?[..] else {
        bail!("the bench needs a model in one GGUF file");
    };
    let embedder = resolve("minilm", false)?.weights()?;
    let embedder = embedder.first().and_then(|file| file.parent());
    Ok(Inputs {
        model: model.clone(),
        embedder: embedder.context("no folder of minilm")?.to_path_buf(),
        prompts: PROMPT_TOKENS
            .iter()
            .map(|count| tokens_of(0, *count))
            .collect::<Result<_, _>>()?,
        golds: spread(GOLDS).map(gold).collect::<Result<_, _>>()?,
        questions: spread(QUESTIONS).map(bare).collect::<Result<_, _>>()?,
        texts: (0..TEXTS)
            .map(|index| tokens_of(index, 20 + index * 380 / (TEXTS - 1)))
            .collect::<Result<_, _>>()?,
        training: tokens_of(1_000, TRAINING_TOKENS)?,
        responses: spread(RESPONSES).map(response).collect(),
    })
}

/// Loads what the work needs.
fn load(name: &str, model: &str, path: &Path) -> anyhow::Result<(Vec<f64>, Work)> {
    // The work without a model.
    match name {
        "measures" => return measures(path),
        "start" => return start(path),
        _ => {}
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let inputs: Inputs = serde_json::from_slice(&bytes)?;
    if name == "embed" {
        return embed(inputs);
    }
    let source = resolve(model, true)?;
    if let Some((rows, tokens)) = training_shape(name) {
        return lora_step(&source, &inputs, rows, tokens);
    }
    if name == "rloo-step" {
        return rloo_step(&source, inputs);
    }
    let (decoder, tokenizer) = source.load(&load_options(false)?)?;
    if name == "greedy" {
        let tokens = greedy_answers(&decoder, &tokenizer, inputs)?;
        return Ok((tokens, Box::new(|| Ok(0.0))));
    }
    if name == "gold-perplexity" {
        let logprob = gold_logprob(&decoder, inputs.golds.iter())?;
        return Ok((vec![logprob], Box::new(move || Ok((-logprob).exp()))));
    }
    let check = gold_logprob(&decoder, inputs.golds.iter().step_by(CHECKED))?;
    let work: Work = match name {
        "score" => {
            let tokens: usize = inputs.texts.iter().map(Vec::len).sum();
            Box::new(move || {
                let started = Instant::now();
                model::score(&decoder, &inputs.texts)?;
                Ok(tokens as f64 / started.elapsed().as_secs_f64())
            })
        }
        _ => {
            let sampling = Sampling::of(name, inputs)?;
            Box::new(move || sampling.run(&decoder, &tokenizer))
        }
    };
    Ok((vec![check], work))
}

/// Mean log-probability of a token of the gold answers.
fn gold_logprob<'a>(
    decoder: &Decoder,
    golds: impl Iterator<Item = &'a Gold> + Clone,
) -> anyhow::Result<f64> {
    let texts: Vec<Vec<u32>> = golds.clone().map(|gold| gold.tokens.clone()).collect();
    let scores = model::score(decoder, &texts)?;
    let of_golds = golds.zip(&scores);
    let logprobs: Vec<f64> = of_golds
        .flat_map(|(gold, scores)| scores[gold.start - 1..].iter().copied().map(f64::from))
        .collect();
    Ok(logprobs.iter().sum::<f64>() / logprobs.len() as f64)
}

/// The first tokens of the likeliest answers to [`MANY`] questions, one after the other.
fn greedy_answers(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    inputs: Inputs,
) -> anyhow::Result<Vec<f64>> {
    // After three examples, as `sample` asks: of bare questions the second best token is often as good.
    let prompts = inputs.golds.iter().take(MANY);
    let requests = prompts.map(|gold| model::Request {
        prompt: gold.tokens[..gold.start].to_vec(),
        samples: vec![0],
        decoding: decoding(0.0, ANSWER_TOKENS, &[]),
    });
    let mut answers = vec![NO_TOKEN; MANY * ANSWER_TOKENS];
    model::generate(
        decoder,
        tokenizer,
        requests,
        model::Limits::rows(ROWS),
        &mut |question, _, completion| {
            let answer = &mut answers[question * ANSWER_TOKENS..][..ANSWER_TOKENS];
            for (place, token) in answer.iter_mut().zip(completion.tokens) {
                *place = f64::from(token);
            }
            ControlFlow::Continue(())
        },
    )?;
    Ok(answers)
}

fn decoding(temperature: f64, max_tokens: usize, stop: &[&str]) -> model::Decoding {
    model::Decoding {
        temperature,
        top_p: 1.0,
        top_k: 0,
        max_tokens,
        stop: stop.iter().map(|stop| (*stop).to_owned()).collect(),
    }
}

/// A sampling row.
struct Sampling {
    prompts: Vec<Vec<u32>>,
    samples: usize,
    decoding: model::Decoding,
    limits: model::Limits,
    unit: Unit,
}

/// What a work's value is.
enum Unit {
    /// Drawn tokens a second.
    Drawn,
    /// Tokens of the prompt a second.
    PromptTokens,
    /// Answers a second.
    Answers,
    Seconds,
}

impl Sampling {
    fn of(name: &str, mut inputs: Inputs) -> anyhow::Result<Self> {
        if let Some(growing) = name.strip_prefix("growth-") {
            return Sampling::growing(growing, inputs);
        }
        let mut prompt = |index: usize| vec![std::mem::take(&mut inputs.prompts[index])];
        Ok(match name {
            "decode-1" => Sampling {
                prompts: prompt(0),
                samples: 1,
                decoding: decoding(0.0, 128, &[]),
                limits: model::Limits::rows(1),
                unit: Unit::Drawn,
            },
            "sample-50" => Sampling {
                prompts: prompt(1),
                samples: 50,
                decoding: decoding(1.0, 64, &[]),
                limits: model::Limits::rows(50),
                unit: Unit::Drawn,
            },
            "sample-100x512" => Sampling {
                prompts: prompt(1),
                samples: 100,
                decoding: decoding(1.0, 512, &[]),
                limits: limits(100, MEMORY_MB),
                unit: Unit::Drawn,
            },
            "prefill-512" => Sampling {
                prompts: prompt(2),
                samples: 1,
                decoding: decoding(0.0, 1, &[]),
                limits: model::Limits::rows(1),
                unit: Unit::PromptTokens,
            },
            "sample-many" => Sampling {
                prompts: inputs.questions.into_iter().take(MANY).collect(),
                samples: SAMPLES,
                decoding: decoding(1.0, 24, &["\n"]),
                limits: model::Limits::rows(ROWS),
                unit: Unit::Answers,
            },
            _ => bail!("no work is called {name}"),
        })
    }

    /// A work of `AXIS-SIZE` for the plots of growth.
    fn growing(name: &str, mut inputs: Inputs) -> anyhow::Result<Self> {
        let sized = name.split_once('-');
        let sized = sized.and_then(|(axis, size)| Some((axis, size.parse::<usize>().ok()?)));
        let (axis, size) = sized.with_context(|| format!("no work is called growth-{name}"))?;
        let (prompts, samples, decoding) = match axis {
            "questions" => {
                inputs.questions.truncate(size);
                (inputs.questions, SAMPLES, decoding(1.0, 24, &["\n"]))
            }
            "samples" => {
                let prompt = inputs.prompts.swap_remove(1);
                (vec![prompt], size, decoding(1.0, 64, &[]))
            }
            "prompt" => {
                inputs.training.truncate(size);
                (vec![inputs.training], SAMPLES, decoding(1.0, 64, &[]))
            }
            _ => bail!("nothing grows by {axis}"),
        };
        Ok(Sampling {
            prompts,
            samples,
            decoding,
            limits: limits(ROWS, MEMORY_MB),
            unit: Unit::Seconds,
        })
    }

    fn run(&self, decoder: &Decoder, tokenizer: &Tokenizer) -> anyhow::Result<f64> {
        let requests = self.prompts.iter().map(|prompt| model::Request {
            prompt: prompt.clone(),
            samples: (0..self.samples as u64).collect(),
            decoding: self.decoding.clone(),
        });
        let (mut drawn, mut answers) = (0, 0);
        let started = Instant::now();
        model::generate(
            decoder,
            tokenizer,
            requests,
            self.limits,
            &mut |_, _, completion| {
                drawn += completion.tokens.len();
                answers += 1;
                ControlFlow::Continue(())
            },
        )?;
        let seconds = started.elapsed().as_secs_f64();
        let count = match self.unit {
            Unit::Seconds => return Ok(seconds),
            Unit::Drawn => drawn,
            Unit::PromptTokens => self.prompts.iter().map(Vec::len).sum(),
            Unit::Answers => answers,
        };
        Ok(count as f64 / seconds)
    }
}

/// Rows and tokens a row of a training batch, by its name `lora-ROWSxTOKENS`.
fn training_shape(name: &str) -> Option<(usize, usize)> {
    let (rows, tokens) = name.strip_prefix("lora-")?.split_once('x')?;
    Some((rows.parse().ok()?, tokens.parse().ok()?))
}

/// A fresh adapter on all projections of all layers.
fn fresh_adapter(decoder: &Decoder) -> anyhow::Result<Arc<Lora>> {
    let config = LoraConfig {
        rank: LORA_RANK,
        alpha: LORA_RANK as f64,
        targets: Projection::ALL.to_vec(),
        first_layer: 0,
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, 7, decoder.device())?;
    Ok(Arc::new(lora))
}

/// One optimizer step on `rows` texts of `tokens` tokens.
fn lora_step(
    source: &ModelSource,
    inputs: &Inputs,
    rows: usize,
    tokens: usize,
) -> anyhow::Result<(Vec<f64>, Work)> {
    let (decoder, _) = source.load(&load_options(true)?)?;
    let lora = fresh_adapter(&decoder)?;
    let decoder = decoder
        .with_adapter(lora.clone())
        .with_precision(Precision::Bf16);
    let mut segments = Segments::new();
    let (mut places, mut targets) = (Vec::new(), Vec::new());
    for text in inputs.training.chunks_exact(tokens).take(rows) {
        let text_segment = segments.push(None, text);
        let range = segments.range(text_segment);
        places.extend(range.start as u32..range.end as u32 - 1);
        targets.extend_from_slice(&text[1..]);
    }
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let layers = decoder.config().layers;
    let mut step = move |update: bool| -> anyhow::Result<f64> {
        let embedded = decoder.embed(segments.tokens())?;
        let tape = decoder.train_layers(&embedded, &segments, 0..layers)?;
        let hidden = model::ops::rows(tape.output(), &places)?;
        let loss = decoder.token_logprobs(&hidden, &targets)?;
        let loss = loss.mean_all()?.neg()?;
        let value = loss::scalar(&loss)?;
        if update {
            let mut gradients = tape.backward(&loss)?;
            gradients.clip(1.0)?;
            optimizer.step(&lora.vars(), &gradients, 1e-4)?;
        }
        Ok(value)
    };
    let check = step(false)?;
    let work: Work = Box::new(move || {
        let started = Instant::now();
        step(true)?;
        Ok(started.elapsed().as_secs_f64())
    });
    Ok((vec![check], work))
}

/// The reward of `rloo-step`: any function of the text will do for its cost.
fn share_of_vowels(text: &str) -> f64 {
    let vowels = text
        .chars()
        .filter(|letter| "aeiou".contains(*letter))
        .count();
    vowels as f64 / text.chars().count().max(1) as f64
}

/// RLOO on all tokens of the responses: sampled, rewarded, one update.
fn rloo_step(source: &ModelSource, inputs: Inputs) -> anyhow::Result<(Vec<f64>, Work)> {
    let (questions, samples, max_tokens) = RLOO;
    let student = Student::load(source, 1024)?;
    let check = gold_logprob(&student.decoder, inputs.golds.iter().step_by(CHECKED))?;
    let lora = fresh_adapter(&student.dense)?;
    let learner = Learner::new(&student, &lora, datasets::config::Precision::Bf16);
    let policy = student.decoder.with_adapter(lora.clone());
    let prompts = inputs.questions[..questions].to_vec();
    let mut optimizer = AdamW::new(AdamWConfig::default());
    let mut seed = 0;
    let work: Work = Box::new(move || {
        let started = Instant::now();
        let requests = prompts.iter().map(|prompt| {
            let samples = (seed..seed + samples as u64).collect();
            model::Request {
                prompt: prompt.clone(),
                samples,
                decoding: decoding(1.0, max_tokens, &[]),
            }
        });
        let mut groups = vec![Vec::new(); questions];
        model::generate(
            &policy,
            &student.tokenizer,
            requests,
            model::Limits::rows(questions * samples),
            &mut |question, _, completion| {
                groups[question].push(completion);
                ControlFlow::Continue(())
            },
        )?;
        seed += samples as u64;
        let (mut examples, mut advantages) = (Vec::new(), Vec::new());
        for (prompt, group) in prompts.iter().zip(&groups) {
            let rewards: Vec<f64> = group
                .iter()
                .map(|completion| share_of_vowels(&completion.text))
                .collect();
            let of_group = calibration::reward::advantages_rloo(&rewards);
            let said = group.iter().zip(of_group);
            let mut branches = Vec::new();
            for (completion, advantage) in said.filter(|(said, _)| !said.tokens.is_empty()) {
                advantages.extend(completion.tokens.iter().map(|_| advantage as f32));
                branches.push(Branch {
                    before_level: completion.tokens.clone(),
                    target: 0.0,
                    weight: 0.0,
                    train_answer: true,
                    after: None,
                });
            }
            let prompt = prompt.clone();
            examples.push(Example { prompt, branches });
        }
        let (segments, targets) = lay_out(&examples.iter().collect::<Vec<_>>(), &student.levels);
        let outputs = learner.forward(&segments, &targets)?;
        let losses = outputs.answer.clone().context("no token was drawn")?;
        let loss = loss::weighted_sum(&losses, &advantages)?;
        let loss = (loss / (questions * samples) as f64)?;
        let mut gradients = Gradients::default();
        outputs.add_gradients(&loss, &[], &mut gradients)?;
        gradients.clip(1.0)?;
        optimizer.step(&lora.vars(), &gradients, 1e-4)?;
        Ok(started.elapsed().as_secs_f64())
    });
    Ok((vec![check], work))
}

fn embed(inputs: Inputs) -> anyhow::Result<(Vec<f64>, Work)> {
    let embedder = sayself::embed::Embedder::load(&resolve("minilm", true)?)?;
    let first = embedder.embed(&inputs.responses[..1])?;
    let check = first[0].iter().copied().take(8).map(f64::from).collect();
    let work: Work = Box::new(move || {
        let started = Instant::now();
        embedder.embed(&inputs.responses)?;
        Ok(inputs.responses.len() as f64 / started.elapsed().as_secs_f64())
    });
    Ok((check, work))
}

/// All measures of a CSV file's rows, with 1,000 bootstraps.
fn measures(path: &Path) -> anyhow::Result<(Vec<f64>, Work)> {
    let read = sayself::scored_rows::read(path, sayself::scored_rows::Scale::Probability, false)?;
    let evaluate = move |bootstraps: usize| {
        let options = Options {
            binning: Binning::Continuous,
            bootstraps,
            seed: 42,
        };
        calibration::metrics::evaluate(&read.rows, options)
    };
    let all = serde_json::to_value(evaluate(0)?)?;
    let check = ["ece_15", "brier", "auroc"]
        .map(|name| all[name].as_f64().unwrap_or(f64::NAN))
        .to_vec();
    let work: Work = Box::new(move || {
        let started = Instant::now();
        evaluate(1_000)?;
        Ok(started.elapsed().as_secs_f64())
    });
    Ok((check, work))
}

/// `sayself metrics` of a CSV file, as a process of its own.
fn start(path: &Path) -> anyhow::Result<(Vec<f64>, Work)> {
    let examples = std::env::current_exe()?;
    let release = examples.ancestors().nth(2);
    let sayself = release
        .context("no folder of the programs")?
        .join("sayself");
    let path = path.to_path_buf();
    let work: Work = Box::new(move || {
        let started = Instant::now();
        let mut command = Command::new(&sayself);
        command.arg("metrics").arg(&path).arg("--json");
        let status = command.stdout(Stdio::null()).status()?;
        anyhow::ensure!(status.success(), "{}: {status}", sayself.display());
        Ok(started.elapsed().as_secs_f64())
    });
    Ok((Vec::new(), work))
}
