//! What is refused, and how it is told.

use crate::client::{Asked, get, post};
use crate::models::{CONTEXT, Files};
use crate::served::Served;
use crate::support::{run, sayself};
use serde_json::{Value, json};

/// A sound conversation with this in it.
fn with(more: Value) -> Value {
    let mut body = json!({
        "model": "tiny", "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 2,
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[track_caller]
fn assert_refused(served: &Served, path: &str, body: &Value, status: u16, param: Option<&str>) {
    let reply = post(&served.address, path, body);
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.status, status, "{body}: {text}");
    let error = &reply.json()["error"];
    assert_eq!(error["param"].as_str(), param, "{body}: {text}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|message| message.len() > 10),
        "{text}"
    );
    assert!(
        error["type"].is_string() && error.get("code").is_some(),
        "{text}"
    );
}

#[test]
fn a_wrong_parameter_is_told_by_its_name() {
    let files = Files::write();
    let served = Served::start(&files, &["--max-tokens", "100"]);
    let chat = "/v1/chat/completions";
    let long = "x".repeat(CONTEXT);
    for (more, param) in [
        (json!({ "model": 7 }), "model"),
        (json!({ "model": null }), "model"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": "Hi" }), "messages"),
        (
            json!({ "messages": [{ "role": "wizard", "content": "Hi" }] }),
            "messages[0].role",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": 7 }] }),
            "messages[0].content",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "messages[0].content",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": long }] }),
            "messages",
        ),
        (json!({ "temperature": -1 }), "temperature"),
        (json!({ "temperature": "hot" }), "temperature"),
        (json!({ "top_p": 0 }), "top_p"),
        (json!({ "top_p": 1.5 }), "top_p"),
        (json!({ "top_k": -2 }), "top_k"),
        (json!({ "n": 0 }), "n"),
        (json!({ "n": 1_000_000 }), "n"),
        (json!({ "max_tokens": 0 }), "max_tokens"),
        (json!({ "max_tokens": 101 }), "max_tokens"),
        (
            json!({ "max_completion_tokens": 1.5 }),
            "max_completion_tokens",
        ),
        (json!({ "stop": [""] }), "stop"),
        (json!({ "stop": vec!["x"; 100] }), "stop"),
        (json!({ "seed": "lucky" }), "seed"),
        (json!({ "stream": "yes" }), "stream"),
        (json!({ "stream_options": {} }), "stream_options"),
        (json!({ "logprobs": 3 }), "logprobs"),
        (json!({ "top_logprobs": 3 }), "top_logprobs"),
        (
            json!({ "logprobs": true, "top_logprobs": 21 }),
            "top_logprobs",
        ),
        (json!({ "tools": [{ "type": "function" }] }), "tools"),
        (
            json!({ "response_format": { "type": "json_object" } }),
            "response_format",
        ),
        (json!({ "logit_bias": { "5": 1 } }), "logit_bias"),
        (json!({ "frequency_penalty": 0.5 }), "frequency_penalty"),
        (
            json!({ "continue_final_message": true }),
            "continue_final_message",
        ),
        (
            json!({ "sayself": { "recalibrate": true } }),
            "sayself.recalibrate",
        ),
    ] {
        assert_refused(&served, chat, &with(more), 400, Some(param));
    }
    assert_refused(
        &served,
        chat,
        &with(json!({ "model": "gpt-5" })),
        404,
        Some("model"),
    );
    assert_refused(&served, chat, &json!([]), 400, None);
    let completions = "/v1/completions";
    for (more, param) in [
        (json!({}), "prompt"),
        (json!({ "prompt": [] }), "prompt"),
        (json!({ "prompt": [1, 100_000] }), "prompt"),
        (json!({ "prompt": [[1], "x", 5] }), "prompt"),
        (json!({ "prompt": "x", "best_of": 3 }), "best_of"),
        (json!({ "prompt": "x", "suffix": "y" }), "suffix"),
        (json!({ "prompt": "x", "max_tokens": 0 }), "max_tokens"),
        (json!({ "prompt": vec!["x"; 100], "n": 2 }), "n"),
        (json!({ "prompt": "x", "logprobs": -1 }), "logprobs"),
    ] {
        let mut body = more;
        body["model"] = "a".into();
        assert_refused(&served, completions, &body, 400, Some(param));
    }
    // It still serves.
    assert_eq!(post(&served.address, chat, &with(json!({}))).status, 200);
    assert_eq!(served.metric("sayself_infer_queue"), 0.0);
}

#[test]
fn requests_that_are_none() {
    let files = Files::write();
    let served = Served::start(&files, &[]);
    let address = &served.address;
    let path = "/v1/chat/completions";
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        Asked::send(address, method, path, headers, body).reply()
    };
    let code = |reply: &crate::client::Reply| reply.json()["error"]["code"].clone();
    assert_eq!(send("POST", path, &[], b"{").status, 400);
    assert_eq!(send("POST", path, &[], b"\xff\xfe").status, 400);
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    assert_eq!(send("POST", path, &[], &large).status, 413);
    let unknown = send("GET", "/v1/embeddings", &[], &[]);
    assert_eq!(
        (unknown.status, code(&unknown)),
        (404, json!("unknown_url"))
    );
    let method = send("GET", path, &[], &[]);
    assert_eq!(
        (method.status, code(&method)),
        (405, json!("method_not_supported"))
    );
    let foreign = send("GET", "/v1/models", &[("Host", "evil.example")], &[]);
    assert_eq!((foreign.status, code(&foreign)), (421, json!("wrong_host")));
    let body = with(json!({})).to_string();
    let origin = [("Origin", "http://evil.example")];
    let site = send("POST", path, &origin, body.as_bytes());
    assert_eq!((site.status, code(&site)), (403, json!("wrong_origin")));
    assert_eq!(site.header("access-control-allow-origin"), None);
}

#[test]
fn a_key_opens_and_an_origin_may_be_allowed() {
    let files = Files::write();
    let mut command = sayself();
    command.args(["infer", "--quiet", "--api-key-env", "TEST_KEY", "--model"]);
    command
        .arg(&files.model)
        .args(["--allow-origin", "https://app.example"]);
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, 2, "a key that is not set: {stderr}");
    assert!(stderr.contains("TEST_KEY"), "{stderr}");
    command.env("TEST_KEY", "sesame-3141");
    let served = Served::of(command);
    let send = |method: &str, headers: &[(&str, &str)]| {
        Asked::send(&served.address, method, "/v1/models", headers, &[]).reply()
    };
    let refused = send("GET", &[]);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["error"]["code"], "invalid_api_key");
    assert_eq!(
        send("GET", &[("Authorization", "Bearer sesame")]).status,
        401
    );
    let key = ("Authorization", "Bearer sesame-3141");
    assert_eq!(send("GET", &[key]).status, 200);
    // Health and counts are no secret.
    assert_eq!(get(&served.address, "/healthz").status, 200);
    assert_eq!(get(&served.address, "/metrics").status, 200);
    let origin = ("Origin", "https://app.example");
    let preflight = send(
        "OPTIONS",
        &[origin, ("Access-Control-Request-Headers", "authorization")],
    );
    assert_eq!(preflight.status, 204);
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization")
    );
    let answer = send("GET", &[origin, key]);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[test]
fn bad_use_ends_with_exit_code_2() {
    let files = Files::write();
    let model = files.model.to_string_lossy().into_owned();
    let adapter = files.adapters["a"].to_string_lossy().into_owned();
    let twice = format!("tiny={adapter}");
    for (arguments, word) in [
        (vec!["--model", "no such model"], "no model"),
        (vec!["--model", &model, "--listen", "nowhere"], "--listen"),
        (vec!["--model", &model, "--rows", "0"], "--rows"),
        (vec!["--model", &model, "--adapter", &twice], "two models"),
        (vec!["--model", &model, "--adapter", &model], "tiny"),
        (vec!["--model", &model, "--record", &model], "answers.jsonl"),
        (
            vec!["--model", &model, "--recalibration", "x=y"],
            "no model is called",
        ),
    ] {
        let (code, stdout, stderr) = run(sayself().arg("infer").args(&arguments));
        let is_missing_file = word == "tiny" && code == 1;
        assert!(
            code == 2 || is_missing_file,
            "{arguments:?}: {code} {stderr}"
        );
        assert_eq!(stdout, "");
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
    }
}
