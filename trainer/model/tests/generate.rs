//! Sampling: what comes out depends on the request alone, and is what the decoder itself says.

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

mod tiny;

use model::{
    Architecture, Completion, Decoder, Decoding, Device, Finish, LevelReading, LevelTokens, Limits,
    Lora, LoraConfig, Projection, Request, Segments,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

fn decoding(temperature: f64, max_tokens: usize) -> Decoding {
    Decoding {
        temperature,
        top_p: 1.0,
        top_k: 0,
        max_tokens,
        stop: Vec::new(),
    }
}

type Done = BTreeMap<(usize, usize), Completion>;

fn run(decoder: &Decoder, requests: &[Request], rows: usize) -> Done {
    run_within(decoder, requests, Limits::rows(rows))
}

fn run_within(decoder: &Decoder, requests: &[Request], limits: Limits) -> Done {
    run_reading(decoder, requests, limits, None)
}

fn run_reading(
    decoder: &Decoder,
    requests: &[Request],
    limits: Limits,
    reading: Option<&LevelReading>,
) -> Done {
    let mut done = Done::new();
    let mut on_done = |request, sample, completion| {
        assert!(
            done.insert((request, sample), completion).is_none(),
            "told twice"
        );
        ControlFlow::Continue(())
    };
    let (tokenizer, requests) = (tiny::tokenizer(), requests.iter().cloned());
    model::generate_reading(decoder, &tokenizer, requests, limits, reading, &mut on_done).unwrap();
    done
}

/// Prompts that share much, something and nothing.
fn requests() -> Vec<Request> {
    let shared: Vec<u32> = (0..40).map(|at| at * 5 % 250).collect();
    (0..9u32)
        .map(|at| {
            let keep = if at == 7 {
                0
            } else {
                40 - (at as usize % 3) * 7
            };
            let prompt = shared[..keep].iter().copied().chain([at + 1, 77]).collect();
            let samples = (0..u64::from(at % 4) + 1)
                .map(|seed| seed * 31 + u64::from(at))
                .collect();
            Request {
                prompt,
                samples,
                decoding: decoding(1.0, 5 + at as usize),
            }
        })
        .collect()
}

#[test]
fn samples_do_not_depend_on_the_batch() {
    for family in [Architecture::Llama, Architecture::Gemma3] {
        let decoder = tiny::decoder(family, false);
        let requests = requests();
        let alone = run(&decoder, &requests, 1);
        assert_eq!(
            alone.len(),
            requests
                .iter()
                .map(|request| request.samples.len())
                .sum::<usize>()
        );
        assert_eq!(alone, run(&decoder, &requests, 7));
        assert_eq!(alone, run(&decoder, &requests, 50));
        let last = run(&decoder, &requests[8..], 3);
        assert_eq!(last[&(0, 0)], alone[&(8, 0)]);
    }
}

#[test]
fn log_probabilities_are_those_of_score() {
    let families = [Architecture::Qwen2, Architecture::Gemma3];
    let decoders = families
        .into_iter()
        .flat_map(|family| [false, true].map(|plain| tiny::decoder(family, plain)));
    for decoder in decoders {
        let requests = requests();
        for ((request, _), completion) in run(&decoder, &requests, 4) {
            let prompt = &requests[request].prompt;
            let mut text: Vec<u32> = prompt.iter().chain(&completion.tokens).copied().collect();
            if completion.finish == Finish::EndOfTurn {
                text.push(tiny::END);
            }
            let scores = &model::score(&decoder, &[text]).unwrap()[0];
            let sum: f64 = scores[prompt.len() - 1..]
                .iter()
                .map(|&log| f64::from(log))
                .sum();
            assert!(
                (sum - completion.logprob).abs() < 1e-3,
                "{sum} against {}",
                completion.logprob
            );
        }
    }
}

#[test]
fn greedy_takes_the_most_probable_token_with_and_without_kernels() {
    let request = Request {
        prompt: vec![3, 4, 5],
        samples: vec![0],
        decoding: decoding(0.0, 12),
    };
    let of = |plain| {
        run(
            &tiny::decoder(Architecture::Mistral, plain),
            std::slice::from_ref(&request),
            1,
        )
    };
    let (ours, twin) = (of(false), of(true));
    assert_eq!(ours[&(0, 0)].tokens, twin[&(0, 0)].tokens);

    let decoder = tiny::decoder(Architecture::Mistral, true);
    let mut tokens = request.prompt.clone();
    for &drawn in &ours[&(0, 0)].tokens {
        let batch = Segments::single(&tokens);
        let x = decoder.embed(&tokens).unwrap();
        let x = decoder
            .layers(&x, &batch, 0..3)
            .unwrap()
            .narrow(0, tokens.len() - 1, 1)
            .unwrap();
        let logits = decoder
            .logits(&x)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert!(logits[drawn as usize] >= best - 1e-4);
        tokens.push(drawn);
    }
}

#[test]
fn an_adapter_changes_what_is_drawn() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let config = LoraConfig {
        rank: 2,
        alpha: 4.0,
        targets: vec![Projection::O, Projection::Down],
        first_layer: 1,
        dropout: 0.0,
    };
    let lora = Lora::init(decoder.config(), config, 1, &Device::Cpu).unwrap();
    let requests = &requests()[..3];
    let before = run(&decoder, requests, 4);
    assert_eq!(
        before,
        run(&decoder.with_adapter(Arc::new(lora.clone())), requests, 4)
    );
    for (name, var) in lora.vars() {
        if name.contains("lora_B") {
            var.set(&var.ones_like().unwrap()).unwrap();
        }
    }
    let changed = decoder.with_adapter(Arc::new(lora));
    assert_ne!(before, run(&changed, requests, 4));
    assert_eq!(before, run(&changed.without_adapter(), requests, 4));
}

#[test]
fn stops_and_limits_are_kept() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let free = Request {
        prompt: vec![9, 8, 7],
        samples: (0..20).collect(),
        decoding: decoding(1.5, 30),
    };
    let done = run(&decoder, std::slice::from_ref(&free), 5);
    let stop = "e".to_owned();
    let decoding = Decoding {
        stop: vec![stop.clone(), "zq".into()],
        ..free.decoding.clone()
    };
    let stopped = run(
        &decoder,
        &[Request {
            decoding,
            ..free.clone()
        }],
        5,
    );
    let mut stops = 0;
    for (key, completion) in &done {
        let cut = &stopped[key];
        if completion.text.contains(&stop) {
            assert_eq!(cut.finish, Finish::Stop);
            assert_eq!(
                cut.text,
                completion.text[..completion.text.find(&stop).unwrap()]
            );
            stops += 1;
        } else {
            assert_eq!(cut, completion);
        }
        match completion.finish {
            Finish::Length => assert_eq!(completion.tokens.len(), 30),
            Finish::EndOfTurn => {
                assert!(completion.tokens.len() < 30 && !completion.tokens.contains(&tiny::END))
            }
            Finish::Stop => panic!("there was no stop text"),
        }
    }
    assert!(stops > 0, "no completion had the letter");

    // The context of 256 tokens is filled and not passed.
    let long = Request {
        prompt: vec![1; 250],
        samples: vec![1],
        decoding: self::decoding(0.0, 100),
    };
    assert!(
        run(&decoder, std::slice::from_ref(&long), 1)[&(0, 0)]
            .tokens
            .len()
            <= 6
    );
    let refused = |request: Request, rows: usize| {
        model::generate(
            &decoder,
            &tiny::tokenizer(),
            [request].into_iter(),
            Limits::rows(rows),
            &mut |_, _, _| ControlFlow::Continue(()),
        )
        .unwrap_err()
        .to_string()
    };
    assert!(
        refused(
            Request {
                prompt: vec![1; 256],
                ..long.clone()
            },
            1
        )
        .contains("256")
    );
    assert!(
        refused(
            Request {
                prompt: vec![],
                ..long.clone()
            },
            1
        )
        .contains("prompt")
    );
    assert!(
        refused(
            Request {
                decoding: self::decoding(-1.0, 1),
                ..long.clone()
            },
            1
        )
        .contains("temperature")
    );
    assert!(
        refused(
            Request {
                decoding: self::decoding(1.0, 0),
                ..long.clone()
            },
            1
        )
        .contains("max-tokens")
    );
    assert!(refused(long, 0).contains("rows"));
}

#[test]
fn little_memory_means_fewer_rows_and_the_same_tokens() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let requests = requests();
    let all = run(&decoder, &requests, 64);
    for cache_bytes in [0, 20_000, 100_000] {
        let limits = Limits {
            rows: 64,
            cache_bytes,
        };
        assert_eq!(
            run_within(&decoder, &requests, limits),
            all,
            "{cache_bytes}"
        );
    }
}

#[test]
fn levels_are_read_where_the_mark_is_written() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let levels = LevelTokens::find(&tiny::tokenizer()).unwrap();
    let requests = requests();
    let plain = run(&decoder, &requests, 7);
    let mut found = 0;
    // Marks that are written: the second characters of completions.
    let marks: BTreeSet<char> = plain
        .values()
        .filter_map(|completion| completion.text.chars().nth(1))
        .collect();
    for mark in marks {
        let reading = LevelReading {
            mark: mark.to_string(),
            tokens: levels.clone(),
        };
        let read = run_reading(&decoder, &requests, Limits::rows(7), Some(&reading));
        for (place, completion) in read {
            let expected = Completion {
                levels: completion.levels.clone(),
                ..plain[&place].clone()
            };
            assert_eq!(completion, expected);
            if let Some(stated) = completion.levels {
                let mut context = requests[place.0].prompt.clone();
                context.extend(&completion.tokens[..stated.before]);
                let alone = model::level_probabilities(&decoder, &levels, &[context]).unwrap();
                assert_eq!(stated.probabilities, alone[0]);
                found += 1;
            }
        }
    }
    assert!(found > 5, "{found}");
}

#[test]
fn levels_whose_tokens_the_model_does_not_know_are_refused() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let tokens = LevelTokens {
        ten: Some(tiny::VOCAB as u32),
        ..LevelTokens::find(&tiny::tokenizer()).unwrap()
    };
    let error = model::level_probabilities(&decoder, &tokens, &[vec![1]]).unwrap_err();
    assert!(error.to_string().contains("level"), "{error}");
    let mark = String::new();
    let error = model::generate_reading(
        &decoder,
        &tiny::tokenizer(),
        requests().into_iter(),
        Limits::rows(1),
        Some(&LevelReading { mark, tokens }),
        &mut |_, _, _| ControlFlow::Continue(()),
    )
    .unwrap_err();
    assert!(error.to_string().contains("level"), "{error}");
}

#[test]
fn the_caller_may_break_off() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let mut told = 0;
    model::generate(
        &decoder,
        &tiny::tokenizer(),
        requests().into_iter(),
        Limits::rows(4),
        &mut |_, _, _| {
            told += 1;
            if told == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    )
    .unwrap();
    assert_eq!(told, 3);
}

#[test]
fn levels_are_read_as_their_definition_says() {
    let decoder = tiny::decoder(Architecture::Llama, false);
    let levels = LevelTokens::find(&tiny::tokenizer()).unwrap();
    assert_eq!(levels.digits[7], u32::from(b'7'));
    assert_eq!(levels.ten, None);
    let shared: Vec<u32> = (0..30).collect();
    let contexts: Vec<Vec<u32>> = [(30, 1), (30, 2), (12, 3), (0, 4), (30, 1)]
        .iter()
        .map(|&(keep, last)| shared[..keep].iter().copied().chain([last]).collect())
        .chain([shared[..12].to_vec()])
        .collect();
    let read = model::level_probabilities(&decoder, &levels, &contexts).unwrap();
    for (context, read) in contexts.iter().zip(&read) {
        assert!((read.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let alone =
            model::level_probabilities(&decoder, &levels, std::slice::from_ref(context)).unwrap();
        assert_eq!(&alone[0], read);
        let log = |tokens: &[u32]| -> f64 {
            let text: Vec<u32> = context.iter().chain(tokens).copied().collect();
            let scores = &model::score(&decoder, &[text]).unwrap()[0];
            scores[context.len() - 1..]
                .iter()
                .map(|&log| f64::from(log))
                .sum()
        };
        let digit = |d: usize| log(&levels.digits[d..=d]).exp();
        let ten = log(&[levels.digits[1], levels.digits[0]]).exp();
        let weights: Vec<f64> = [digit(1) - ten]
            .into_iter()
            .chain((2..10).map(digit))
            .chain([ten])
            .collect();
        let sum: f64 = weights.iter().sum();
        for (weight, read) in weights.iter().zip(read) {
            assert!((weight / sum - read).abs() < 1e-5);
        }
    }
    assert_eq!(read[0], read[4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Prompts over three tokens share prefixes in every way.
    #[test]
    fn shared_prefixes_change_nothing(
        prompts in prop::collection::vec(prop::collection::vec(1u32..4, 1..12), 1..10),
        rows in 1usize..6, gemma: bool,
    ) {
        let family = if gemma { Architecture::Gemma3 } else { Architecture::Llama };
        let decoder = tiny::decoder(family, false);
        let requests: Vec<Request> = prompts
            .into_iter()
            .map(|prompt| Request { prompt, samples: vec![1, 2], decoding: decoding(1.0, 3) })
            .collect();
        let together = run(&decoder, &requests, rows);
        for (at, request) in requests.iter().enumerate() {
            let alone = run(&decoder, std::slice::from_ref(request), 1);
            prop_assert_eq!(&alone[&(0, 0)], &together[&(at, 0)]);
            prop_assert_eq!(&alone[&(0, 1)], &together[&(at, 1)]);
        }
    }
}
