//! Sampling over HTTP, against a server that answers as OpenAI-compatible servers do.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use datasets::config::{Decoding, EndpointConfig};
use datasets::prompts::Message;
use datasets::record::FinishReason;
use sayself::sampler::http::HttpSampler;
use sayself::sampler::{SampleRequest, SampledResponse, Sampler};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};
use support::{Reply, Request, Server};

fn sampler(server: &Server) -> HttpSampler {
    let config = EndpointConfig {
        concurrency: 3,
        attempts: 3,
        first_pause_seconds: 0.001,
        timeout_seconds: 10.0,
        ..EndpointConfig::at(&server.url)
    };
    HttpSampler::new(&config, "small").unwrap()
}

fn request(question: &str, samples: u64) -> SampleRequest {
    SampleRequest {
        messages: vec![Message {
            role: "user".into(),
            content: question.into(),
        }],
        seeds: (100..100 + samples).collect(),
        decoding: Decoding {
            temperature: 0.7,
            top_k: 50,
            max_tokens: 9,
            stop: vec!["\n".into()],
            ..Decoding::default()
        },
        forced_prefix: None,
    }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// As many choices as asked for, at most `choices_max`; each says the question and its seed.
fn completion(request: &Request, choices_max: u64) -> Reply {
    let body = body(request);
    let count = body["n"].as_u64().unwrap().min(choices_max);
    let choices: Vec<Value> = (0..count)
        .map(|index| {
            let question = body["messages"][0]["content"].as_str().unwrap();
            json!({
                "index": index,
                "message": { "role": "assistant", "content": format!("{question} {}+{index}", body["seed"]) },
                "finish_reason": "stop",
                "stop_reason": null,
            })
        })
        .collect();
    let reply = json!({ "choices": choices, "usage": { "completion_tokens": 4 * count } });
    Reply::new(200, reply.to_string()).header("Content-Type", "application/json")
}

fn collect(
    sampler: &HttpSampler,
    requests: &[SampleRequest],
) -> anyhow::Result<BTreeMap<(usize, usize), SampledResponse>> {
    let mut responses = BTreeMap::new();
    sampler.sample(requests, &mut |request, sample, response| {
        assert!(responses.insert((request, sample), response).is_none());
        ControlFlow::Continue(())
    })?;
    Ok(responses)
}

#[test]
fn all_samples_of_all_requests_come_and_decoding_is_passed_on() {
    let server = Server::start(|request| completion(request, u64::MAX));
    let requests: Vec<SampleRequest> = (0..8).map(|i| request(&format!("q{i}"), 3)).collect();
    let responses = collect(&sampler(&server), &requests).unwrap();
    assert_eq!(responses.len(), 24);
    let response = &responses[&(5, 2)];
    assert_eq!(response.text, "q5 100+2");
    assert_eq!(response.finish_reason, FinishReason::EndOfTurn);
    assert_eq!((response.tokens, response.logprob), (4, None));
    let seen = server.requests();
    assert_eq!(seen.len(), 8);
    assert_eq!(seen[0].path, "/v1/chat/completions");
    let body = body(&seen[0]);
    assert_eq!(body["model"], "small");
    assert_eq!(body["temperature"], 0.7);
    assert_eq!(body["top_k"], 50);
    assert_eq!(body["max_tokens"], 9);
    assert_eq!(body["stop"], json!(["\n"]));
    assert_eq!(body["n"], 3);
}

#[test]
fn a_server_that_gives_one_choice_is_asked_again_with_the_next_seed() {
    let server = Server::start(|request| completion(request, 1));
    let responses = collect(&sampler(&server), &[request("q", 3)]).unwrap();
    let texts: Vec<&str> = responses
        .values()
        .map(|response| response.text.as_str())
        .collect();
    assert_eq!(texts, ["q 100+0", "q 101+0", "q 102+0"]);
}

#[test]
fn what_passes_is_tried_again() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(503, "loading"),
        1 => Reply {
            cut_after: Some(10),
            ..completion(request, 1)
        },
        _ => completion(request, 1),
    });
    assert_eq!(
        collect(&sampler(&server), &[request("q", 1)])
            .unwrap()
            .len(),
        1
    );
    assert_eq!(server.requests().len(), 3);

    let server = Server::start(|_| Reply::new(429, "slow down").header("Retry-After", "0"));
    let error = collect(&sampler(&server), &[request("q", 1)]).unwrap_err();
    assert!(format!("{error:#}").contains("3 tries"), "{error:#}");
    assert!(format!("{error:#}").contains("429: slow down"), "{error:#}");
}

#[test]
fn what_does_not_pass_fails_at_once_with_the_servers_reason() {
    let server = Server::start(|_| {
        Reply::new(
            404,
            r#"{"error":{"message":"The model `small` does not exist."}}"#,
        )
    });
    let error = collect(&sampler(&server), &[request("q", 1)]).unwrap_err();
    assert!(
        format!("{error:#}").contains("404: The model `small` does not exist."),
        "{error:#}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_lie_is_asked_again_and_told() {
    let long = json!({ "choices": [{ "message": { "content": "x ".repeat(5000) } }] }).to_string();
    let counted = json!({
        "choices": [{ "message": { "content": "x" }, "finish_reason": "stop" }],
        "usage": { "completion_tokens": 5000 },
    })
    .to_string();
    for (reply, wanted) in [
        ("<html>".to_owned(), "expected JSON, found \"<html>\""),
        ("[1]".to_owned(), "expected a chat completion"),
        (
            r#"{"choices":[]}"#.to_owned(),
            "expected at least one choice, found none",
        ),
        (
            r#"{"choices":[{"message":{},"finish_reason":"content_filter"}]}"#.to_owned(),
            "found \"content_filter\"",
        ),
        (
            long,
            "expected at most 9 tokens, found an answer of 10000 bytes",
        ),
        (
            counted,
            "expected at most 9 tokens, found an answer of 5000",
        ),
    ] {
        let server = Server::start(move |_| Reply::new(200, reply.clone()));
        let error = collect(&sampler(&server), &[request("q", 1)]).unwrap_err();
        assert!(format!("{error:#}").contains(wanted), "{error:#}");
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn a_slow_drip_and_a_flood_are_cut() {
    let config = EndpointConfig {
        attempts: 2,
        first_pause_seconds: 0.001,
        timeout_seconds: 0.3,
        reply_mb_max: 1,
        ..EndpointConfig::default()
    };
    let started = Instant::now();
    let server = Server::start(|request| Reply {
        drip: Some(Duration::from_millis(100)),
        ..completion(request, 1)
    });
    let at = |url: &str| {
        let config = EndpointConfig {
            url: url.to_owned(),
            ..config.clone()
        };
        HttpSampler::new(&config, "small").unwrap()
    };
    let error = collect(&at(&server.url), &[request("q", 1)]).unwrap_err();
    assert!(format!("{error:#}").contains("timeout"), "{error:#}");
    assert!(started.elapsed() < Duration::from_secs(3));

    let server = Server::start(|_| Reply::new(200, vec![b' '; 1_000_001]));
    let error = collect(&at(&server.url), &[request("q", 1)]).unwrap_err();
    assert!(
        format!("{error:#}").contains("longer than 1000000 bytes"),
        "{error:#}"
    );
}

#[test]
fn the_servers_limits_are_obeyed_by_all_calls() {
    // The second call must wait for the first one's limit.
    let server = Server::start(|request| {
        completion(request, 1)
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "250ms")
    });
    let config = EndpointConfig {
        concurrency: 1,
        ..EndpointConfig::at(&server.url)
    };
    let sampler_of_one = HttpSampler::new(&config, "small").unwrap();
    let started = Instant::now();
    collect(&sampler_of_one, &[request("q", 3)]).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(500));

    // A date, two seconds from now at most.
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |request| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => {
            let then = SystemTime::now() + Duration::from_secs(2);
            Reply::new(429, "slow down").header("Retry-After", httpdate::fmt_http_date(then))
        }
        _ => completion(request, 1),
    });
    let started = Instant::now();
    collect(&sampler(&server), &[request("q", 1)]).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(900));

    // A pause that is too long ends all at once.
    let server = Server::start(|_| Reply::new(429, "tomorrow").header("Retry-After", "86400"));
    let error = collect(&sampler(&server), &[request("q", 1)]).unwrap_err();
    assert!(
        format!("{error:#}").contains("pause_seconds_max"),
        "{error:#}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_request_without_an_answer_ends_no_other() {
    let server = Server::start(
        |request| match body(request)["messages"][0]["content"].as_str() {
            Some("q3") => Reply::new(400, "too long"),
            _ => completion(request, u64::MAX),
        },
    );
    let requests: Vec<SampleRequest> = (0..8).map(|i| request(&format!("q{i}"), 2)).collect();
    let (mut done, mut unanswered) = (0, Vec::new());
    let sampler = sampler(&server);
    sampler
        .sample_each(
            &requests,
            &mut |_, _, _| {
                done += 1;
                ControlFlow::Continue(())
            },
            &mut |request, sample, reason| {
                unanswered.push((request, sample, reason));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    assert_eq!((done, unanswered.len()), (14, 2));
    assert_eq!((unanswered[1].0, unanswered[1].1), (3, 1));
    assert!(unanswered[0].2.contains("400: too long"), "{unanswered:?}");
    let spent = sampler.spent().unwrap();
    assert_eq!(
        (spent.calls, spent.retries, spent.completion_tokens),
        (8, 0, 56)
    );
}

#[test]
fn a_server_that_is_gone_ends_all_soon() {
    let config = EndpointConfig {
        concurrency: 4,
        attempts: 2,
        first_pause_seconds: 0.001,
        ..EndpointConfig::at(Server::nowhere())
    };
    let requests: Vec<SampleRequest> = (0..500).map(|i| request(&format!("q{i}"), 1)).collect();
    let sampler = HttpSampler::new(&config, "small").unwrap();
    let mut unanswered = 0;
    let error = sampler
        .sample_each(
            &requests,
            &mut |_, _, _| ControlFlow::Continue(()),
            &mut |_, _, _| {
                unanswered += 1;
                ControlFlow::Continue(())
            },
        )
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("requests failed one after the other"),
        "{error}"
    );
    assert!((8..20).contains(&unanswered), "{unanswered}");
}

#[test]
fn a_break_ends_the_whole_without_an_error() {
    let server = Server::start(|request| completion(request, 1));
    let requests: Vec<SampleRequest> = (0..50).map(|i| request(&format!("q{i}"), 2)).collect();
    let mut taken = 0;
    sampler(&server)
        .sample(&requests, &mut |_, _, _| {
            taken += 1;
            if taken == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(taken, 4);
    assert!(server.requests().len() < 50, "{}", server.requests().len());
}

#[test]
fn a_prefix_is_handed_on_and_stop_reasons_and_logprobs_are_read() {
    let server = Server::start(|_| {
        let choice = json!({
            "message": { "content": null },
            "finish_reason": "stop",
            "stop_reason": "\n",
            "logprobs": { "content": [{ "token": "a", "logprob": -0.5 }, { "token": "b", "logprob": -1.0 }] },
        });
        Reply::new(200, json!({ "choices": [choice] }).to_string())
    });
    let mut request = request("q", 1);
    request.forced_prefix = Some("Answer: Paris\n".into());
    let config = EndpointConfig::at(format!("{}/v1/", server.url));
    let sampler = HttpSampler::new(&config, "small").unwrap().with_logprobs();
    let responses = collect(&sampler, &[request]).unwrap();
    let response = &responses[&(0, 0)];
    assert_eq!((response.text.as_str(), response.tokens), ("", 2));
    assert_eq!(response.finish_reason, FinishReason::Stop);
    assert_eq!(response.logprob, Some(-1.5));
    let body = body(&server.requests()[0]);
    assert_eq!(
        body["messages"][1],
        json!({ "role": "assistant", "content": "Answer: Paris\n" })
    );
    assert_eq!(body["continue_final_message"], true);
    assert_eq!(body["logprobs"], true);
}

#[test]
fn bad_use_is_told() {
    let of = |url: &str, model: &str, concurrency: usize| {
        let config = EndpointConfig {
            concurrency,
            ..EndpointConfig::at(url)
        };
        HttpSampler::new(&config, model).err().unwrap()
    };
    for error in [
        of("localhost:8000", "small", 1),
        of("http://localhost:8000", "", 1),
        of("http://localhost:8000", "small", 0),
    ] {
        assert_eq!(sayself::error::exit_code(&error), 2);
    }
}

#[test]
fn the_key_comes_from_the_environment_and_is_written_nowhere() {
    let server = Server::start(|request| completion(request, u64::MAX));
    let folder = tempfile::tempdir().unwrap();
    let questions = folder.path().join("questions.csv");
    std::fs::write(&questions, "id,question,answer\na,Which?,A\nb,Who?,B\n").unwrap();
    let out = folder.path().join("out");
    let mut command = support::sayself();
    command
        .args([
            "sample",
            "--model",
            "small",
            "--endpoint",
            &server.url,
            "--samples",
            "2",
        ])
        .args([
            "--questions",
            questions.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--json",
        ])
        .env("OPENAI_API_KEY", "sesame-3141")
        .env_remove("SAYSELF_API_KEY");
    let (code, stdout, stderr) = support::run(&mut command);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(server.requests().len(), 2);
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer sesame-3141"));
    }
    let files = support::files_in(&out);
    let samples = files
        .iter()
        .find(|(name, _)| name == "samples.jsonl")
        .unwrap();
    assert_eq!(samples.1.split(|byte| *byte == b'\n').count(), 5);
    for (name, bytes) in files {
        assert!(
            !String::from_utf8_lossy(&bytes).contains("sesame"),
            "{name}"
        );
    }
    assert!(!format!("{stdout}{stderr}").contains("sesame"));
}
