//! Sites of files: whole, the same each time, wherever they lie, and never half written.

use crate::chores::{done, refused, within};
use crate::made_run::{HOSTILE, MadeRun};
use crate::served::folder;
use crate::small_disk::SmallDisk;
use sayself_server::site::address::resolved;
use sayself_server::site::folder::{MARK, Mark, files_below};
use sayself_server::site::links::links;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the recorded runs' site may have, the module that runs the model with it and the model's file without,
/// in bytes.
const RECORDED_BYTES_MAX: u64 = 3_000_000;

fn of_site<'a>(runs: &'a Path, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let arguments = ["site", "--runs", runs.to_str().unwrap(), "--out", out];
    [&arguments, more].concat()
}

fn site(runs: &Path, out: &str, more: &[&str]) -> String {
    done(&of_site(runs, out, more))
}

fn mark(out: &str) -> Mark {
    serde_json::from_str(&fs::read_to_string(Path::new(out).join(MARK)).unwrap()).unwrap()
}

fn pages(out: &str) -> Vec<(String, String)> {
    let files = files_below(Path::new(out)).unwrap();
    let pages = files.into_iter().map(|(file, _)| file);
    pages
        .filter(|file| file.ends_with("index.html") && !file.contains("/files/"))
        .map(|file| {
            let text = fs::read_to_string(Path::new(out).join(&file)).unwrap();
            (file, text)
        })
        .collect()
}

/// What the demo's scripts are told of the model.
fn about(out: &str) -> String {
    let packed = fs::read(Path::new(out).join("demo/about.json.gz")).unwrap();
    let mut about = String::new();
    let mut reader = flate2::read::GzDecoder::new(&packed[..]);
    reader.read_to_string(&mut about).unwrap();
    about
}

/// A folder of assets with the least that is asked for.
fn assets(folder: &Path) -> PathBuf {
    let assets = folder.join("assets");
    for path in [
        "app.js",
        "app_bg.wasm",
        "your-file/page.js",
        "your-file/your_file_bg.wasm",
        "demo/page.js",
        "demo/offline.js",
        "demo/simd/sayself_worker_bg.wasm",
        "demo/relaxed/sayself_worker_bg.wasm",
        "app.js.br",
    ] {
        let path = assets.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "something").unwrap();
    }
    assets
}

#[test]
fn every_link_leads_to_a_file_and_holds_wherever_the_folder_lies() {
    let base = folder();
    let runs = base.path().join("runs");
    for id in ["first", "Second", "third \u{fc}"] {
        MadeRun::finished(&runs, id, HOSTILE);
    }
    let assets = assets(base.path());
    let model = within(base.path(), "tiny.gguf");
    fs::write(&model, "a model, as far as the server knows").unwrap();
    let out = within(base.path(), "site");
    let told = site(
        &runs,
        &out,
        &[
            "--assets",
            assets.to_str().unwrap(),
            "--demo-model",
            &model,
            "--with-records",
        ],
    );
    assert!(told.contains("python3 -m http.server -d"), "{told}");
    let pages = pages(&out);
    assert_eq!(mark(&out).pages, pages.len() as u64);
    let files = files_below(Path::new(&out)).unwrap();
    let is_there = |file: &String| files.iter().any(|(known, _)| known == file);
    for (page, text) in &pages {
        let links = links(text);
        assert!(!links.is_empty(), "{page}");
        for link in links.iter().filter(|link| !link.contains(':')) {
            assert!(!link.starts_with('/'), "{link} on {page}");
            let file = resolved(page, link).unwrap();
            assert!(is_there(&file), "{link} on {page}");
        }
        assert!(!text.contains("nonce"), "{page}");
        assert!(
            !text.contains("method=post") && !text.contains("class=filters"),
            "{page}"
        );
        // Each inline script is allowed by its hash; those that all pages share are files.
        let inline =
            text.matches("<script>").count() + text.matches("<script type=module>").count();
        assert_eq!(text.matches("'sha256-").count(), inline, "{page}");
        assert!(
            text.contains("http-equiv=Content-Security-Policy"),
            "{page}"
        );
    }
    for file in [
        "index.html",
        "tables/index.html",
        "tables.md",
        "your-file/index.html",
        "demo/index.html",
        "demo/about.json.gz",
        "demo/offline.js",
        "demo/web/page.js",
        "demo/web/simd/sayself_worker_bg.wasm.gz",
        "assets/app.js",
        "assets/app_bg.wasm.gz",
        "assets/theme.js",
        "assets/style.css",
        "runs/first/index.html",
        "runs/first/files/run.toml",
        "runs/first/charts/reliability.svg",
    ] {
        assert!(is_there(&file.to_owned()), "{file}");
    }
    for left_out in [".br", ".wasm"] {
        assert!(!files.iter().any(|(file, _)| file.ends_with(left_out)));
    }
    assert!(!files.iter().any(|(file, _)| file.contains("relaxed")));
    assert!(
        files
            .iter()
            .any(|(file, _)| file.starts_with("compare/run-"))
    );
    assert!(
        files
            .iter()
            .any(|(file, _)| file.starts_with("runs/first/questions/"))
    );
    let about = about(&out);
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    let copied = Path::new(&out)
        .join("demo")
        .join(about["model"]["address"].as_str().unwrap());
    assert_eq!(fs::read(copied).unwrap(), fs::read(&model).unwrap());
    let mark = mark(&out);
    let bytes_of_model = fs::metadata(&model).unwrap().len();
    assert_eq!(mark.bytes, mark.bytes_without_model + bytes_of_model);
}

#[test]
fn the_same_runs_make_the_same_bytes() {
    let base = folder();
    let runs = base.path().join("runs");
    MadeRun::finished(&runs, "first", "");
    MadeRun::finished(&runs, "second", "");
    let assets = assets(base.path());
    let [one, other] = ["one", "other"].map(|name| within(base.path(), name));
    let more = ["--assets", assets.to_str().unwrap(), "--without-model"];
    site(&runs, &one, &more);
    site(&runs, &other, &more);
    let files = files_below(Path::new(&one)).unwrap();
    assert_eq!(files, files_below(Path::new(&other)).unwrap());
    for (file, _) in &files {
        let [one, other] = [&one, &other].map(|out| fs::read(Path::new(out).join(file)).unwrap());
        assert!(one == other, "{file}");
    }
    // An earlier site is replaced by the new one.
    MadeRun::finished(&runs, "third", "");
    site(&runs, &one, &more);
    assert!(Path::new(&one).join("runs/third/index.html").is_file());
    // Without records there is no way to them.
    let names = files.iter().map(|(file, _)| file);
    assert!(
        !names
            .clone()
            .any(|file| file.contains("/files/") || file.contains("/charts/"))
    );
    for (page, text) in pages(&one) {
        // What Your file offers is made in the browser.
        let has_downloads = page != "your-file/index.html" && text.contains("class=downloads");
        assert!(!has_downloads, "{page}");
    }
}

#[test]
fn another_place_may_hold_the_model() {
    let base = folder();
    let runs = base.path().join("runs");
    MadeRun::finished(&runs, "first", "");
    let assets = assets(base.path());
    let model = within(base.path(), "tiny.gguf");
    fs::write(&model, "a model").unwrap();
    let out = within(base.path(), "site");
    let url = "https://models.example/demo/model/";
    let more = [
        "--assets",
        assets.to_str().unwrap(),
        "--demo-model",
        &model,
        "--model-url",
        url,
    ];
    site(&runs, &out, &more);
    let about = about(&out);
    assert!(
        about.contains("\"https://models.example/demo/model/"),
        "{about}"
    );
    assert!(!Path::new(&out).join("demo/model").exists());
    let page = fs::read_to_string(Path::new(&out).join("demo/index.html")).unwrap();
    assert!(
        page.contains("connect-src 'self' https://models.example;"),
        "{page}"
    );
}

#[test]
fn what_is_no_site_is_left_alone() {
    let base = folder();
    let runs = base.path().join("runs");
    MadeRun::finished(&runs, "first", "");
    let runs = runs.to_str().unwrap();
    let out = within(base.path(), "mine");
    fs::create_dir(&out).unwrap();
    fs::write(Path::new(&out).join("thesis.txt"), "mine").unwrap();
    let arguments = ["site", "--runs", runs, "--out", &out, "--without-model"];
    refused(
        &arguments,
        2,
        &["holds other things", "Nothing was changed"],
    );
    assert_eq!(files_below(Path::new(&out)).unwrap().len(), 1);
    let file = within(base.path(), "mine/thesis.txt");
    refused(
        &["site", "--runs", runs, "--out", &file],
        2,
        &["is no folder"],
    );
    let nowhere = within(base.path(), "nowhere");
    let fresh = within(base.path(), "site");
    refused(
        &["site", "--runs", &nowhere, "--out", &fresh],
        2,
        &["nowhere", "There is no new site"],
    );
    refused(
        &[
            "site", "--runs", runs, "--out", &fresh, "--assets", &nowhere,
        ],
        2,
        &["--assets"],
    );
    refused(&["site", "--runs", runs], 2, &["--out"]);
    let left: Vec<_> = base
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_full_disk_leaves_the_earlier_site() {
    let base = folder();
    let runs = base.path().join("runs");
    MadeRun::finished(&runs, "first", "");
    let Some(disk) = SmallDisk::mount(&base.path().join("disk"), 4_000) else {
        return;
    };
    let out = within(&disk.0, "site");
    site(&runs, &out, &["--without-model"]);
    let before = files_below(Path::new(&out)).unwrap();
    // Until nothing more goes there.
    let _ = fs::write(disk.0.join("other"), vec![0; 8_000_000]);
    let arguments = of_site(&runs, &out, &["--without-model"]);
    refused(
        &arguments,
        1,
        &["cannot be written", "There is no new site"],
    );
    assert_eq!(files_below(Path::new(&out)).unwrap(), before);
    assert_eq!(disk.0.read_dir().unwrap().count(), 2);
}

#[test]
fn a_damaged_run_and_one_under_way_are_told() {
    let base = folder();
    let runs = base.path().join("runs");
    MadeRun::finished(&runs, "first", "");
    let damaged = MadeRun::finished(&runs, "damaged", "");
    damaged.write("run.toml", "title = [");
    let running = MadeRun::finished(&runs, "running", "");
    let config = fs::read_to_string(running.directory.join("run.toml")).unwrap();
    running.write(
        "run.toml",
        &config.replace("method = \"sayself\"", "method = \"verbalized\""),
    );
    running.event(
        crate::made_run::now_ms(),
        "evaluate/verbalized",
        datasets::event::EventKind::Started {
            done: 0,
            total: 200,
            unit: "questions".into(),
        },
    );
    let out = within(base.path(), "site");
    let arguments = of_site(&runs, &out, &["--without-model"]);
    let told = crate::chores::chore(&arguments);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(
        told.err.contains("The run damaged cannot be read"),
        "{}",
        told.err
    );
    assert!(
        told.err.contains("The run running is under way"),
        "{}",
        told.err
    );
    assert!(Path::new(&out).join("runs/damaged/index.html").is_file());
    assert!(!Path::new(&out).join("runs/running").exists());
}

#[test]
fn the_recorded_runs_and_what_runs_the_model_come_to_three_megabytes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let base = folder();
    let out = within(base.path(), "site");
    // The browser's part where it is built, which is beside what these tests run; with a model, whatever that
    // is, what runs one lies there too.
    let built = Path::new(env!("CARGO_BIN_EXE_sayself-server")).with_file_name("../site");
    let assets = built.to_str().unwrap();
    let model = within(base.path(), "tiny.gguf");
    fs::write(&model, "a model").unwrap();
    let is_built = built.join("app.js").is_file();
    let more = match is_built {
        true => vec!["--demo-model", &model, "--assets", assets],
        false => vec!["--without-model"],
    };
    let told = site(&root.join("datasets/results"), &out, &more);
    let mark = mark(&out);
    assert!(mark.bytes_without_model <= RECORDED_BYTES_MAX, "{told}");
    assert!(mark.pages > 20, "{told}");
    let module = Path::new(&out).join("demo/web/simd/sayself_worker_bg.wasm.gz");
    assert_eq!(module.is_file(), is_built, "{told}");
}
