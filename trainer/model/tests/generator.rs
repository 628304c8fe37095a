//! Jobs that come and go, with adapters of their own: what comes of each is what comes of it alone.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use model::{
    Architecture, Completion, Decoder, Decoding, Device, Finish, Generator, Job, Limits, Lora,
    LoraConfig, Projection, Request, ScoredToken, Told,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// An adapter that changes what is said.
fn adapter(decoder: &Decoder, seed: u64) -> Arc<Lora> {
    let config = LoraConfig {
        rank: 3,
        alpha: 6.0,
        targets: Projection::ALL.to_vec(),
        first_layer: usize::from(seed.is_multiple_of(2)),
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, seed, &Device::Cpu).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for (name, var) in lora.vars() {
        if name.contains("lora_B") {
            let count = var.elem_count();
            let values: Vec<f32> = (0..count)
                .map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5)
                .collect();
            let shape = var.shape().clone();
            let tensor = model::Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
            var.set(&tensor).unwrap();
        }
    }
    Arc::new(lora)
}

fn adapters(decoder: &Decoder) -> Vec<Option<Arc<Lora>>> {
    vec![None, Some(adapter(decoder, 1)), Some(adapter(decoder, 2))]
}

fn request(prompt: Vec<u32>, samples: u64, temperature: f64, max_tokens: usize) -> Request {
    Request {
        samples: (0..samples)
            .map(|sample| sample * 17 + prompt.len() as u64)
            .collect(),
        prompt,
        decoding: Decoding {
            temperature,
            top_p: 1.0,
            top_k: 0,
            max_tokens,
            stop: Vec::new(),
        },
    }
}

/// What comes of a request by itself, one row at a time.
fn alone(decoder: &Decoder, adapter: &Option<Arc<Lora>>, request: &Request) -> Vec<Completion> {
    let decoder = match adapter {
        Some(adapter) => decoder.with_adapter(adapter.clone()),
        None => decoder.clone(),
    };
    let mut done = BTreeMap::new();
    let requests = [request.clone()].into_iter();
    model::generate(
        &decoder,
        &tiny::tokenizer(),
        requests,
        Limits::rows(1),
        &mut |_, sample, completion| {
            done.insert(sample, completion);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    done.into_values().collect()
}

/// All that is told, by job.
#[derive(Default)]
struct Heard {
    done: BTreeMap<usize, BTreeMap<usize, Completion>>,
    tokens: BTreeMap<(usize, usize), Vec<ScoredToken>>,
    texts: BTreeMap<(usize, usize), String>,
    prompts: BTreeMap<usize, Vec<ScoredToken>>,
    /// Cancelled jobs, of which nothing may be told.
    silent: BTreeSet<usize>,
}

impl Heard {
    fn hear(&mut self, told: Told<'_>) -> ControlFlow<()> {
        let job = match told {
            Told::Prompt { job, tokens } => {
                assert!(self.prompts.insert(job, tokens).is_none());
                job
            }
            Told::Token {
                job,
                sample,
                token,
                text,
            } => {
                self.tokens.entry((job, sample)).or_default().push(token);
                self.texts.entry((job, sample)).or_default().push_str(text);
                job
            }
            Told::Done {
                job,
                sample,
                completion,
            } => {
                let of_job = self.done.entry(job).or_default();
                assert!(of_job.insert(sample, completion).is_none(), "told twice");
                job
            }
        };
        assert!(!self.silent.contains(&job), "told of a cancelled job");
        ControlFlow::Continue(())
    }
}

/// One turn of the loop; whether anything is left to do.
fn turn(generator: &mut Generator, heard: &mut Heard) -> bool {
    let mut on_told = |told: Told<'_>| heard.hear(told);
    assert!(generator.start_samples(&mut on_told).is_continue());
    if generator.is_idle() {
        return false;
    }
    assert!(generator.pass(&mut on_told).unwrap().is_continue());
    true
}

#[test]
fn adapters_at_once_answer_as_each_alone() {
    let families = [Architecture::Llama, Architecture::Gemma3];
    let decoders = families
        .into_iter()
        .flat_map(|family| [false, true].map(|plain| tiny::decoder(family, plain)));
    for decoder in decoders {
        let adapters = adapters(&decoder);
        // Of each prompt one job an adapter: keys and values of one must not be taken for another's.
        let jobs: Vec<Job> = (0..9_u32)
            .map(|at| Job {
                adapter: at as usize % 3,
                ..Job::new(request(
                    vec![5, 6, 7, 8, at / 3 + 1],
                    2,
                    f64::from(at % 2),
                    6,
                ))
            })
            .collect();
        let tokenizer = tiny::tokenizer();
        let mut generator =
            Generator::new(&decoder, adapters.clone(), &tokenizer, Limits::rows(8)).unwrap();
        let mut heard = Heard::default();
        let mut waiting = jobs.iter().cloned().enumerate().peekable();
        loop {
            while let Some((number, job)) =
                waiting.next_if(|(_, job)| generator.has_room_for(&job.request))
            {
                generator.add(number, job).unwrap();
            }
            if !turn(&mut generator, &mut heard) && waiting.peek().is_none() {
                break;
            }
        }
        let mut logprobs = BTreeSet::new();
        for (number, job) in jobs.iter().enumerate() {
            let expected = alone(&decoder, &adapters[job.adapter], &job.request);
            let got: Vec<Completion> = heard.done[&number].values().cloned().collect();
            assert_eq!(got.len(), expected.len());
            for (got, expected) in got.iter().zip(&expected) {
                assert_eq!(got.tokens, expected.tokens, "job {number}");
            }
            logprobs.insert(got[0].logprob.to_bits());
        }
        assert_eq!(logprobs.len(), jobs.len(), "the adapters change nothing");
        assert_eq!(generator.tokens_reserved(), 0);
    }
}

#[test]
fn tokens_are_told_as_they_are_drawn() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let tokenizer = tiny::tokenizer();
    let mut generator = Generator::new(&decoder, vec![None], &tokenizer, Limits::rows(4)).unwrap();
    let job = |temperature| Job {
        tells_tokens: true,
        top_tokens: 3,
        ..Job::new(request(vec![9, 8, 7], 3, temperature, 20))
    };
    generator.add(0, job(0.0)).unwrap();
    generator.add(1, job(1.2)).unwrap();
    let mut heard = Heard::default();
    while turn(&mut generator, &mut heard) {}
    for (job, done) in &heard.done {
        for (sample, completion) in done {
            let tokens = heard.tokens.remove(&(*job, *sample)).unwrap_or_default();
            let drawn: Vec<u32> = tokens.iter().map(|one| one.token).collect();
            assert_eq!(drawn, completion.tokens);
            // The rest is bytes that make no character.
            let text = heard
                .texts
                .get(&(*job, *sample))
                .cloned()
                .unwrap_or_default();
            assert!(
                completion.text.starts_with(&text),
                "{text:?} in {:?}",
                completion.text
            );
            for one in &tokens {
                assert_eq!(one.top.len(), 3);
                assert!(one.top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
                assert!(one.logprob <= one.top[0].1);
                if *job == 0 {
                    assert_eq!(one.token, one.top[0].0, "greedy takes the first");
                }
            }
            if completion.finish == Finish::Length {
                let sum: f64 = tokens.iter().map(|one| f64::from(one.logprob)).sum();
                assert!((sum - completion.logprob).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn prompts_are_scored_in_parts_of_any_length() {
    for plain in [false, true] {
        let decoder = tiny::decoder(Architecture::Gemma3, plain);
        let tokenizer = tiny::tokenizer();
        let prompts: Vec<Vec<u32>> = vec![
            (0..90).map(|at| at * 7 % 250).collect(),
            vec![4],
            vec![1, 2],
        ];
        let expected = model::score(&decoder, &prompts).unwrap();
        for part in [1, 16, 500] {
            let generator = Generator::new(&decoder, vec![None], &tokenizer, Limits::rows(2));
            let mut generator = generator.unwrap().prompt_tokens(part);
            for (number, prompt) in prompts.iter().enumerate() {
                // Another with the same beginning, which shares nothing with what is scored.
                generator
                    .add(2 * number, Job::new(request(prompt.clone(), 1, 0.0, 2)))
                    .unwrap();
                let job = Job {
                    scores_prompt: true,
                    top_tokens: 2,
                    ..Job::new(request(prompt.clone(), 0, 0.0, 1))
                };
                generator.add(2 * number + 1, job).unwrap();
            }
            let mut heard = Heard::default();
            while turn(&mut generator, &mut heard) {}
            for (number, (prompt, expected)) in prompts.iter().zip(&expected).enumerate() {
                let scored = &heard.prompts[&(2 * number + 1)];
                let tokens: Vec<u32> = scored.iter().map(|one| one.token).collect();
                assert_eq!(tokens, prompt[1..]);
                for (one, expected) in scored.iter().zip(expected) {
                    assert!((one.logprob - expected).abs() < 1e-4);
                }
                assert_eq!(heard.done[&(2 * number)].len(), 1);
                assert!(!heard.done.contains_key(&(2 * number + 1)));
            }
            assert_eq!(generator.tokens_reserved(), 0);
        }
    }
}

#[test]
fn a_short_prompt_overtakes_a_long_one() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let tokenizer = tiny::tokenizer();
    let generator = Generator::new(&decoder, vec![None], &tokenizer, Limits::rows(4));
    let mut generator = generator.unwrap().prompt_tokens(8);
    let long: Vec<u32> = (0..200).map(|at| at % 250).collect();
    generator
        .add(0, Job::new(request(long, 1, 0.0, 1)))
        .unwrap();
    generator
        .add(1, Job::new(request(vec![250, 251], 1, 0.0, 1)))
        .unwrap();
    let mut heard = Heard::default();
    for _ in 0..3 {
        turn(&mut generator, &mut heard);
    }
    assert!(heard.done.contains_key(&1) && !heard.done.contains_key(&0));
    while turn(&mut generator, &mut heard) {}
    assert!(heard.done.contains_key(&0));
}

/// What happens to a generator, in a random order.
#[derive(Clone, Debug)]
enum Act {
    Add {
        prompt: Vec<u32>,
        samples: u64,
        adapter: usize,
    },
    /// Of the jobs so far, the one at this share of them.
    Cancel(f64),
    Turn,
}

fn act() -> impl Strategy<Value = Act> {
    let add = (prop::collection::vec(1u32..3, 1..40), 1u64..4, 0usize..3);
    prop_oneof![
        3 => add.prop_map(|(prompt, samples, adapter)| Act::Add { prompt, samples, adapter }),
        2 => (0.0..1.0f64).prop_map(Act::Cancel),
        4 => Just(Act::Turn),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Prompts over two tokens share beginnings in every way, and those who bring them may go.
    #[test]
    fn jobs_that_come_and_go_change_nothing(
        acts in prop::collection::vec(act(), 1..40), rows in 1usize..6, part in 1usize..12,
    ) {
        let decoder = tiny::decoder(Architecture::Llama, false);
        let adapters = adapters(&decoder);
        let tokenizer = tiny::tokenizer();
        let generator = Generator::new(&decoder, adapters.clone(), &tokenizer, Limits::rows(rows));
        let mut generator = generator.unwrap().prompt_tokens(part);
        let mut heard = Heard::default();
        let mut jobs: Vec<Job> = Vec::new();
        for act in acts {
            match act {
                Act::Add { prompt, samples, adapter } => {
                    let job = Job { adapter, ..Job::new(request(prompt, samples, 1.0, 4)) };
                    if generator.has_room_for(&job.request) {
                        generator.add(jobs.len(), job.clone()).unwrap();
                        jobs.push(job);
                    }
                }
                Act::Cancel(share) => {
                    let number = (share * jobs.len() as f64) as usize;
                    generator.cancel(number);
                    heard.silent.insert(number);
                }
                Act::Turn => {
                    turn(&mut generator, &mut heard);
                }
            }
            // One that was told of as cancelled before it came may come.
            heard.silent.retain(|number| *number < jobs.len());
        }
        let mut turns = 0;
        while turn(&mut generator, &mut heard) {
            turns += 1;
            prop_assert!(turns < 2_000, "it never ends");
        }
        for (number, job) in jobs.iter().enumerate() {
            if heard.silent.contains(&number) {
                continue;
            }
            let expected = alone(&decoder, &adapters[job.adapter], &job.request);
            let got: Vec<&Completion> = heard.done[&number].values().collect();
            prop_assert_eq!(got, expected.iter().collect::<Vec<_>>());
        }
        prop_assert_eq!((generator.rows_under_way(), generator.tokens_reserved()), (0, 0));
        // What is kept of prompts: no more than they had.
        let prompts: usize = jobs.iter().map(|job| job.request.prompt.len()).sum();
        prop_assert!(generator.tokens_held() <= prompts);
    }
}
