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
    let adapter = run.directory.join("rl/seed-0/adapter");
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
