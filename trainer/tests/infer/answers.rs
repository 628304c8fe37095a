//! What is answered, plain and streamed.

use crate::client::{Asked, chat, get, post, streamed_text};
use crate::models::{Files, greedy, write_questions};
use crate::served::Served;
use crate::support::{run, sayself};
use model::{Decoding, Finish};
use sayself::sampler::http::HttpSampler;
use sayself::sampler::local::LocalSampler;
use sayself::sampler::{SampleRequest, Sampler};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

fn questions(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("Where is it {at}?")).collect()
}

fn ask(model: &str, question: &str, max_tokens: usize) -> Value {
    json!({
        "model": model, "temperature": 0, "max_tokens": max_tokens,
        "messages": [{ "role": "user", "content": question }],
        // Unknown parameters are ignored, and so are those that change nothing.
        "no_such_thing": { "a": [1] }, "user": "someone", "presence_penalty": 0, "tools": [], "stop": null,
    })
}

#[test]
fn greedy_answers_are_those_of_sample_whatever_is_asked_beside_them() {
    let files = Files::write();
    let served = Served::start(&files, &["--rows", "5"]);
    let questions = questions(4);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("questions.jsonl");
    write_questions(&file, &questions);
    for name in ["tiny", "a", "b"] {
        let out = folder.path().join(name);
        let mut command = sayself();
        command.args([
            "sample",
            "--quiet",
            "--greedy",
            "--max-tokens",
            "40",
            "--model",
        ]);
        command
            .arg(&files.model)
            .arg("--questions")
            .arg(&file)
            .arg("--out")
            .arg(&out);
        if let Some(adapter) = files.adapters.get(name) {
            command.arg("--adapter").arg(adapter);
        }
        let (code, _, stderr) = run(&mut command);
        assert_eq!(code, 0, "{stderr}");
    }
    let sampled = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder.path().join(name).join("greedy.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let expected: BTreeMap<&str, Vec<Value>> =
        ["tiny", "a", "b"].map(|name| (name, sampled(name))).into();
    assert_ne!(
        expected["tiny"][0]["response"],
        expected["a"][0]["response"]
    );

    // All at once: three models, two ways, more than there are rows.
    std::thread::scope(|scope| {
        for (name, expected) in &expected {
            for (question, expected) in questions.iter().zip(expected) {
                let (served, body) = (&served, ask(name, question, 40));
                let mut streamed = body.clone();
                streamed["stream"] = true.into();
                streamed["stream_options"] = json!({ "include_usage": true });
                scope.spawn(move || {
                    let answer = chat(&served.address, &body);
                    let choice = &answer["choices"][0];
                    assert_eq!(choice["message"]["content"], expected["response"]);
                    assert_eq!(answer["usage"]["completion_tokens"], expected["tokens"]);
                    assert_eq!(answer["model"], *name);
                    let reason = match expected["finish_reason"].as_str() {
                        Some("length") => "length",
                        _ => "stop",
                    };
                    assert_eq!(choice["finish_reason"], reason);
                });
                scope.spawn(move || {
                    let path = "/v1/chat/completions";
                    let events = Asked::post(&served.address, path, &streamed).events();
                    let (text, _) = streamed_text(&events, 0);
                    assert_eq!(text, expected["response"].as_str().unwrap());
                    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
                    let last = events.last().unwrap();
                    assert_eq!(last["choices"], json!([]));
                    assert_eq!(last["usage"]["completion_tokens"], expected["tokens"]);
                    assert_eq!(events[0]["usage"], Value::Null);
                });
            }
        }
    });
    // A row is counted until the decoder's next step, which the last answer does not wait for.
    served.wait_for("sayself_infer_rows", 0.0);
    served.wait_for("sayself_infer_tokens_reserved", 0.0);
    assert_eq!(
        served.metric("sayself_infer_first_token_seconds_count"),
        24.0
    );
}

#[test]
fn seeds_and_choices() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let body = json!({
        "model": "a", "seed": 41, "n": 3, "temperature": 1.1, "top_p": 0.9, "top_k": 40,
        "max_completion_tokens": 30,
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Where" }, { "type": "text", "text": "?" }] }],
    });
    let answer = chat(&served.address, &body);
    let decoding = Decoding {
        temperature: 1.1,
        top_p: 0.9,
        top_k: 40,
        ..greedy(30)
    };
    let alone = files.alone("a", files.prompt("Where?"), 41, decoding);
    let texts: Vec<&str> = (0..3)
        .map(|at| {
            answer["choices"][at]["message"]["content"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert_eq!(texts[0], alone.text);
    assert!(texts[0] != texts[1] && texts[1] != texts[2]);
    assert_eq!(chat(&served.address, &body)["choices"], answer["choices"]);
    let mut other = body.clone();
    other["seed"] = (-1).into();
    assert_ne!(chat(&served.address, &other)["choices"], answer["choices"]);
    let streamed = Asked::post(&served.address, "/v1/chat/completions", &{
        let mut body = body.clone();
        body["stream"] = true.into();
        body
    });
    let events = streamed.events();
    for (at, text) in (0..).zip(&texts) {
        assert_eq!(streamed_text(&events, at).0, *text);
    }
}

/// A question, the beginning of its answer, and what comes then: text of one byte a token, so that each
/// token's place is known.
fn stopping(files: &Files) -> (String, String, String) {
    (0..200)
        .find_map(|at| {
            let question = format!("Stop {at}?");
            let free = files.alone("b", files.prompt(&question), 0, greedy(60));
            // Special tokens have a name and no text.
            if free.tokens.iter().any(|token| *token >= 256) {
                return None;
            }
            let bytes = free.text.as_bytes();
            let at =
                (6..bytes.len().saturating_sub(3)).find(|at| bytes[at - 1..at + 3].is_ascii())?;
            let stop = &free.text[at..at + 3];
            (free.text.find(stop) == Some(at))
                .then(|| (question, free.text[..at].to_owned(), stop.to_owned()))
        })
        .unwrap()
}

#[test]
fn stop_texts_end_an_answer_and_are_no_part_of_it() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let (question, expected, stop) = stopping(&files);
    let mut body = ask("b", &question, 60);
    body["stop"] = json!(["never said", stop]);
    body["logprobs"] = true.into();
    let answer = chat(&served.address, &body);
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["content"], expected);
    assert_eq!(
        (
            choice["finish_reason"].as_str(),
            choice["stop_reason"].as_str()
        ),
        (Some("stop"), Some(stop.as_str()))
    );
    let told: Vec<u8> = choice["logprobs"]["content"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|token| token["bytes"].as_array().unwrap().iter())
        .map(|byte| byte.as_u64().unwrap() as u8)
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&told),
        expected,
        "no token of the stop text is told"
    );
    body["stream"] = true.into();
    let events = Asked::post(&served.address, "/v1/chat/completions", &body).events();
    assert_eq!(streamed_text(&events, 0), (expected, "stop".to_owned()));
    let tokens = events.iter().flat_map(|event| {
        let choice = &event["choices"][0];
        choice["logprobs"]["content"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    });
    assert_eq!(
        json!(tokens.collect::<Vec<_>>()),
        choice["logprobs"]["content"]
    );
}

#[test]
fn log_probabilities_of_a_conversation() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let mut body = ask("tiny", "How sure?", 12);
    body["logprobs"] = true.into();
    body["top_logprobs"] = 4.into();
    let answer = chat(&served.address, &body);
    let alone = files.alone("tiny", files.prompt("How sure?"), 0, greedy(12));
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    assert_eq!(tokens.len(), alone.tokens.len());
    for token in tokens {
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 4);
        assert_eq!(
            (&top[0]["bytes"], &top[0]["logprob"]),
            (&token["bytes"], &token["logprob"]),
            "greedy"
        );
    }
    if alone.finish == Finish::Length {
        let sum: f64 = tokens
            .iter()
            .map(|token| token["logprob"].as_f64().unwrap())
            .sum();
        assert!((sum - alone.logprob).abs() < 1e-4);
    }
}

#[test]
fn completions_of_texts_and_of_tokens() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let path = "/v1/completions";
    let prompts = ["Once upon", "é 1+1="];
    let body = json!({
        "model": "a", "prompt": prompts, "temperature": 0, "max_tokens": 9, "n": 2, "logprobs": 2, "echo": true,
    });
    let reply = post(&served.address, path, &body);
    let answer = reply.json();
    assert_eq!(answer["object"], "text_completion");
    for (at, prompt) in prompts.iter().enumerate() {
        let tokens = files.tokenizer.encode(prompt, true).unwrap();
        let alone = files.alone("a", tokens.clone(), 0, greedy(9));
        let scores = &model::score(&files.named("a"), std::slice::from_ref(&tokens)).unwrap()[0];
        for choice in [2 * at, 2 * at + 1] {
            let choice = &answer["choices"][choice];
            assert_eq!(choice["text"], format!("{prompt}{}", alone.text));
            let logprobs = &choice["logprobs"];
            let told = logprobs["token_logprobs"].as_array().unwrap();
            assert_eq!(told.len(), tokens.len() + alone.tokens.len());
            assert_eq!(told[0], Value::Null);
            for (told, score) in told[1..].iter().zip(scores) {
                assert!((told.as_f64().unwrap() - f64::from(*score)).abs() < 1e-4);
            }
            assert_eq!(logprobs["text_offset"][0], 0);
            let offset = logprobs["text_offset"][tokens.len()].as_u64().unwrap();
            assert!(offset >= prompt.chars().count() as u64);
            assert!(!logprobs["top_logprobs"][1].as_object().unwrap().is_empty());
        }
    }
    // The prompt alone, as evaluation harnesses score it.
    let alone = json!({
        "model": "a", "prompt": prompts[0], "max_tokens": 0, "logprobs": 1, "echo": true,
    });
    let scored = post(&served.address, path, &alone).json();
    assert_eq!(scored["choices"][0]["text"], prompts[0]);
    let told = scored["choices"][0]["logprobs"]["token_logprobs"]
        .as_array()
        .unwrap();
    let first = answer["choices"][0]["logprobs"]["token_logprobs"]
        .as_array()
        .unwrap();
    assert_eq!(told, &first[..told.len()]);
    assert_eq!(scored["usage"]["completion_tokens"], 0);
    // Tokens, streamed: the same text.
    let tokens = files.tokenizer.encode(prompts[0], true).unwrap();
    for echo in [false, true] {
        let body = json!({
            "model": "a", "prompt": [tokens], "temperature": 0, "max_tokens": 9, "stream": true, "echo": echo,
            "logprobs": 0,
        });
        let events = Asked::post(&served.address, path, &body).events();
        let whole = answer["choices"][0]["text"].as_str().unwrap();
        let expected = if echo {
            whole
        } else {
            &whole[prompts[0].len()..]
        };
        assert_eq!(streamed_text(&events, 0).0, expected);
    }
}

#[test]
fn models_are_named() {
    let files = Files::write();
    let served = Served::start(&files, &["--name", "org/base"]);
    let models = get(&served.address, "/v1/models").json();
    let names: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["org/base", "a", "b"]);
    assert_eq!(
        get(&served.address, "/v1/models/org/base").json()["id"],
        "org/base"
    );
    assert_eq!(
        get(&served.address, "/v1/models/b").json()["parent"],
        "org/base"
    );
    assert_eq!(get(&served.address, "/v1/models/c").status, 404);
    assert_eq!(get(&served.address, "/healthz").status, 200);
    assert_eq!(get(&served.address, "/readyz").json()["status"], "ready");
}

/// What is sampled over HTTP, a forced beginning included, is what is sampled in this process.
#[test]
fn the_pipelines_own_client_gets_what_it_would_sample_itself() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let config = datasets::config::EndpointConfig::at(format!("http://{}", served.address));
    let http = HttpSampler::new(&config, "b").unwrap();
    let local = LocalSampler {
        decoder: files.named("b"),
        tokenizer: files.tokenizer.clone(),
        limits: model::Limits::rows(4),
        reading: None,
    };
    let request = |prefix: Option<&str>| SampleRequest {
        messages: datasets::prompts::Prompt::default().messages("Who?"),
        seeds: vec![5],
        decoding: datasets::config::Decoding {
            max_tokens: 15,
            stop: vec!["\n".into()],
            ..Default::default()
        },
        forced_prefix: prefix.map(ToOwned::to_owned),
    };
    let requests = [request(None), request(Some("Answer: "))];
    let sampled = |sampler: &dyn Sampler| {
        let mut texts = BTreeMap::new();
        sampler
            .sample(&requests, &mut |request, _, response| {
                texts.insert(
                    request,
                    (response.text, response.finish_reason, response.tokens),
                );
                ControlFlow::Continue(())
            })
            .unwrap();
        texts
    };
    assert_eq!(sampled(&http), sampled(&local));
}
