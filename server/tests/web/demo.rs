use crate::made_run::MadeRun;
use crate::served::{Served, folder};
use std::fs;
use std::path::Path;

const MODEL: &str = "a model, as far as the server knows";

/// A folder of assets with the least that the server asks for.
fn assets() -> tempfile::TempDir {
    let assets = folder();
    let own = assets.path().join("demo");
    fs::create_dir(&own).unwrap();
    for path in [
        "app.js",
        "app_bg.wasm",
        "demo/worker.js",
        "demo/page.js",
        "demo/offline.js",
    ] {
        fs::write(assets.path().join(path), format!("// {path}")).unwrap();
    }
    assets
}

/// A run that says that it ran the model of this sum, with an adapter.
fn taught(runs: &Path, id: &str, sha256: &str) {
    let run = MadeRun::finished(runs, id, "");
    let path = run.directory.join("run.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        format!("{text}\n[provenance]\nmodel_sha256 = \"{sha256}\"\n"),
    )
    .unwrap();
    let adapter = run.directory.join("rl/seed-1/adapter");
    fs::create_dir_all(&adapter).unwrap();
    fs::write(adapter.join("adapter_config.json"), "{\"r\": 2}").unwrap();
    fs::write(
        adapter.join("adapter_model.safetensors"),
        format!("of {id}"),
    )
    .unwrap();
}

fn served(assets: &Path, runs: &Path, more: &[&str]) -> Served {
    let arguments = [
        &[
            "--runs",
            runs.to_str().unwrap(),
            "--assets",
            assets.to_str().unwrap(),
        ],
        more,
    ]
    .concat();
    // Not the model that whoever runs the tests has pulled.
    Served::within(&arguments, &[("SAYSELF_CACHE", runs.to_str().unwrap())])
}

#[test]
fn without_a_model_the_page_says_what_to_type() {
    let (assets, runs) = (assets(), folder());
    MadeRun::finished(runs.path(), "made", "");
    let server = served(assets.path(), runs.path(), &[]);
    let page = server.get("/demo");
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("sayself pull smollm2-135m"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("id=\"ask-form\""));
    // What was recorded can be read all the same.
    assert!(page.text.contains("As it was recorded") && page.text.contains("When it says"));
    assert_eq!(server.get("/demo/about.json").status, 404);
    assert_eq!(server.get("/demo/model/00/a.gguf").status, 404);
}

#[test]
fn the_newest_adapter_of_the_model_is_handed_out_with_its_record() {
    let (assets, runs, models) = (assets(), folder(), folder());
    let model = models.path().join("tiny.gguf");
    fs::write(&model, MODEL).unwrap();
    let sha256 = datasets::hash::sha256_hex(MODEL.as_bytes());
    taught(runs.path(), "other", "0000");
    taught(runs.path(), "mine", &sha256);
    let more = ["--demo-model", model.to_str().unwrap()];
    let server = served(assets.path(), runs.path(), &more);
    let about = server.get("/demo/about.json").json();
    assert_eq!(about["model"]["sha256"], sha256.as_str());
    assert_eq!(about["model"]["bytes"], MODEL.len());
    assert_eq!(about["run"]["id"], "mine");
    assert_eq!(about["adapter"]["config"], "{\"r\": 2}");
    let record = &about["after"]["record"];
    assert_eq!(record["label"], "sayself");
    let levels: Vec<u64> = (0..10)
        .map(|level| record["levels"][level][1].as_u64().unwrap())
        .collect();
    assert_eq!(levels.iter().sum::<u64>(), 200);
    assert!(
        about["examples"]
            .as_array()
            .is_some_and(|examples| !examples.is_empty())
    );
    let page = server.get("/demo");
    assert!(page.text.contains("id=\"ask-form\"") && page.text.contains("After teaching"));
    let adapter = about["adapter"]["weights"]["address"].as_str().unwrap();
    assert_eq!(server.get(&format!("/demo/{adapter}")).text, "of mine");
}

#[test]
fn a_file_comes_in_parts_and_is_kept_for_ever() {
    let (assets, runs, models) = (assets(), folder(), folder());
    let model = models.path().join("tiny.gguf");
    fs::write(&model, MODEL).unwrap();
    let more = ["--demo-model", model.to_str().unwrap()];
    let server = served(assets.path(), runs.path(), &more);
    let about = server.get("/demo/about.json").json();
    assert!(about["adapter"].is_null() && about["after"].is_null() && about["run"].is_null());
    let address = format!("/demo/{}", about["model"]["address"].as_str().unwrap());
    let part = server.get_with(
        &address,
        &[("range", "bytes=2-6"), ("accept-encoding", "gzip, br")],
    );
    assert_eq!((part.status, part.text.as_str()), (206, &MODEL[2..7]));
    assert_eq!(
        part.header("content-range"),
        Some(format!("bytes 2-6/{}", MODEL.len()).as_str())
    );
    assert_eq!(part.header("content-encoding"), None);
    assert!(part.header("cache-control").unwrap().contains("immutable"));
    let tag = part.header("etag").unwrap();
    assert_eq!(
        server.get_with(&address, &[("if-none-match", tag)]).status,
        304
    );
    assert_eq!(server.get(&address).text, MODEL);
    assert_eq!(
        server
            .get_with(&address, &[("range", "bytes=900-901")])
            .status,
        416
    );
    // Only what is offered can be had.
    for path in [
        "/demo/model/%2e%2e/run.toml",
        "/demo/model/0000/tiny.gguf",
        "/demo/web/../app.js",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn the_demos_worker_may_reach_no_network() {
    let (assets, runs) = (assets(), folder());
    let server = served(assets.path(), runs.path(), &[]);
    let worker = server.get("/demo/web/worker.js");
    let policy = worker.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("connect-src"),
        "{policy}"
    );
    let offline = server.get("/demo/offline.js");
    assert_eq!(offline.header("service-worker-allowed"), Some("/demo"));
    let policy = offline.header("content-security-policy").unwrap();
    assert!(
        policy.contains("connect-src 'self'") && !policy.contains("script-src"),
        "{policy}"
    );
    let page = server.get("/demo/web/page.js");
    assert_eq!(
        page.header("content-security-policy"),
        Some("default-src 'none'; frame-ancestors 'none'")
    );
    assert_eq!(server.post("/demo", &serde_json::json!({})).status, 405);
}

/// A model's server that says the same to everybody, and what it was asked.
struct MadeModel {
    address: String,
    asked: std::sync::mpsc::Receiver<serde_json::Value>,
}

/// Answers each request with these events, `times` times; a pause lies before the last event.
fn made_model(events: &[&str], times: usize, pause: std::time::Duration) -> MadeModel {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let (sender, asked) = std::sync::mpsc::channel();
    let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
    std::thread::spawn(move || {
        for connection in listener.incoming().take(times) {
            let (events, sender) = (events.clone(), sender.clone());
            std::thread::spawn(move || {
                let mut connection = connection.unwrap();
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                sender.send(serde_json::from_slice(&body).unwrap()).unwrap();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                connection.write_all(head.as_bytes()).unwrap();
                for (at, event) in events.iter().enumerate() {
                    if at + 1 == events.len() {
                        std::thread::sleep(pause);
                    }
                    if connection
                        .write_all(format!("data: {event}\n\n").as_bytes())
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    MadeModel { address, asked }
}

const SAID: [&str; 5] = [
    r#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"Answer: Nairobi\nRationale: All say so.\n"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{"content":"Confidence: 8"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop","sayself":{"confidence_distribution":[0,0,0,0,0,0,0.1,0.8,0.1,0],"record":{"n":50,"accuracy":0.74}}}],"usage":{"completion_tokens":21}}"#,
    "[DONE]",
];

/// The kinds and the objects of a stream's events.
fn told(text: &str) -> Vec<serde_json::Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn question() -> serde_json::Value {
    serde_json::json!({ "side": "before", "question": " What is the capital of Kenya? ", "times": "once" })
}

#[test]
fn the_server_asks_another_and_tells_what_comes() {
    let (assets, runs) = (assets(), folder());
    let model = made_model(&SAID, 8, std::time::Duration::ZERO);
    let kept = runs.path().join("kept.jsonl");
    let more = [
        "--demo-endpoint",
        &model.address,
        "--demo-before",
        "small",
        "--demo-keep",
        kept.to_str().unwrap(),
    ];
    let server = served(assets.path(), runs.path(), &more);
    let page = server.get("/demo");
    assert!(
        page.text.contains("data-server=\"/api/demo\""),
        "{}",
        page.text
    );
    assert!(page.text.contains("which keeps it and what is answered"));
    let about = server.get("/demo/about.json").json();
    assert!(about["model"].is_null());
    let answer = server.post("/api/demo/ask", &question());
    assert_eq!(answer.status, 200, "{}", answer.text);
    let events = told(&answer.text);
    let done = events.last().unwrap();
    assert_eq!(done["kind"], "done", "{events:?}");
    assert_eq!(done["reading"]["answer"], "Nairobi");
    assert_eq!(done["reading"]["confidence"], 8);
    // The record that the other server tells, since this one knows nothing of its weights.
    assert_eq!(done["reading"]["gauge"]["n"], 50);
    assert_eq!(done["reading"]["gauge"]["right"], 37);
    assert_eq!(done["texts"][0]["levels"][7], 0.8);
    assert_eq!(done["drawn"], 21);
    let asked = model.asked.recv().unwrap();
    assert_eq!(asked["model"], "small");
    assert_eq!(asked["temperature"], 0.0);
    let messages = asked["messages"].as_array().unwrap();
    assert!(
        messages.last().unwrap()["content"]
            .as_str()
            .unwrap()
            .contains("capital of Kenya?")
    );
    let line: serde_json::Value =
        serde_json::from_str(fs::read_to_string(&kept).unwrap().trim()).unwrap();
    assert_eq!(line["question"], "What is the capital of Kenya?");
    assert!(
        line["answers"][0]
            .as_str()
            .unwrap()
            .ends_with("Confidence: 8")
    );
    // Ten samples are put together.
    let mut ten = question();
    ten["times"] = "ten".into();
    ten["stated"] = "Nairobi".into();
    let events = told(&server.post("/api/demo/ask", &ten).text);
    let done = events.last().unwrap();
    assert_eq!(done["clustered"]["samples"], 10, "{done}");
    assert_eq!(model.asked.recv().unwrap()["n"], 10);
    // What a link holds is read without the model.
    let read = serde_json::json!({ "side": "before", "question": "Q?", "text": "Answer: A\nRationale: B\nConfidence: 3" });
    assert_eq!(server.post("/api/demo/read", &read).json()["confidence"], 3);
    let cluster = serde_json::json!({ "texts": ["A", "a", "B"], "question": "Q?" });
    assert_eq!(
        server.post("/api/demo/cluster", &cluster).json()["samples"],
        3
    );
}

#[test]
fn what_cannot_be_asked_is_refused_in_words() {
    let (assets, runs) = (assets(), folder());
    let model = made_model(&SAID, 64, std::time::Duration::ZERO);
    let more = ["--demo-endpoint", &model.address, "--demo-before", "small"];
    let server = served(assets.path(), runs.path(), &more);
    let ask = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut asked = question();
        change(&mut asked);
        server.post("/api/demo/ask", &asked)
    };
    assert_eq!(ask(&|asked| asked["question"] = " ".into()).status, 400);
    assert_eq!(
        ask(&|asked| asked["question"] = "x".repeat(501).into()).status,
        400
    );
    assert_eq!(ask(&|asked| asked["side"] = "beside".into()).status, 422);
    assert_eq!(ask(&|asked| asked["more"] = 1.into()).status, 422);
    let taught = ask(&|asked| asked["side"] = "after".into());
    assert_eq!(taught.status, 404, "{}", taught.text);
    assert!(taught.text.contains("/demo"));
    // So many a minute from one address.
    let refused = (0..40)
        .map(|_| ask(&|_| {}))
        .find(|answer| answer.status != 200)
        .unwrap();
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    let off = served(assets.path(), runs.path(), &["--demo-endpoint", "off"]);
    assert_eq!(off.post("/api/demo/ask", &question()).status, 404);
    assert!(!off.get("/demo").text.contains("data-server"));
}

#[test]
fn a_model_that_dies_is_told_and_nothing_else_is_touched() {
    let (assets, runs) = (assets(), folder());
    // It breaks off before its end, and is away the next time.
    let model = made_model(&SAID[..3], 1, std::time::Duration::ZERO);
    let more = ["--demo-endpoint", &model.address, "--demo-before", "small"];
    let server = served(assets.path(), runs.path(), &more);
    for words in ["broke off", "cannot be asked"] {
        let events = told(&server.post("/api/demo/ask", &question()).text);
        let last = events.last().unwrap();
        assert_eq!(last["kind"], "trouble", "{events:?}");
        assert!(last["text"].as_str().unwrap().contains(words), "{last}");
        assert_eq!(server.get("/").status, 200);
    }
    // A child that cannot be started.
    let file = runs.path().join("tiny.gguf");
    fs::write(&file, MODEL).unwrap();
    let more = [
        "--demo-model",
        file.to_str().unwrap(),
        "--sayself",
        "/nowhere/sayself",
    ];
    let server = served(assets.path(), runs.path(), &more);
    let events = told(&server.post("/api/demo/ask", &question()).text);
    let last = events.last().unwrap();
    assert_eq!(last["kind"], "trouble", "{events:?}");
    assert!(
        last["text"].as_str().unwrap().contains("/nowhere/sayself"),
        "{last}"
    );
    assert_eq!(server.get("/demo").status, 200);
}

#[test]
fn who_comes_later_is_told_his_place() {
    let (assets, runs) = (assets(), folder());
    let model = made_model(&SAID, 8, std::time::Duration::from_secs(2));
    let more = [
        "--demo-endpoint",
        &model.address,
        "--demo-before",
        "small",
        "--behind-proxy",
    ];
    let server = served(assets.path(), runs.path(), &more);
    let answers: Vec<String> = std::thread::scope(|scope| {
        let ask = |client: u8| {
            let from = format!("203.0.113.{client}");
            server.post_with("/api/demo/ask", &question(), &[("x-forwarded-for", &from)])
        };
        let threads: Vec<_> = (0..6)
            .map(|client| scope.spawn(move || ask(client).text))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut waited = 0;
    for text in &answers {
        let events = told(text);
        assert_eq!(events.last().unwrap()["kind"], "done", "{events:?}");
        waited += usize::from(events[0]["kind"] == "place");
    }
    assert_eq!(waited, 2, "{answers:?}");
}
