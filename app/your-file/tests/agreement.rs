//! The same files by the page's module and as `sayself metrics` reads and measures them: the same
//! figures, to the last bit.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use calibration::Row;
use calibration::metrics::{Options, evaluate};
use serde_json::Value;
use std::collections::HashMap;
use std::path::PathBuf;
use your_file::limits::{HEAD_BYTES, RESAMPLES};
use your_file::plan::Chosen;
use your_file::session::Session;

/// All measures, by the steps that the worker takes.
fn by_the_module(name: &str, bytes: &[u8], chosen: &Chosen) -> Value {
    let mut session = Session::default();
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let look = session.look(name, bytes.len() as u64, head).unwrap();
    assert!(!look.whole);
    assert!(session.begin(chosen).unwrap());
    for slice in bytes.chunks(10_007) {
        session.push(slice).unwrap();
    }
    session.measure("").unwrap();
    session.band().unwrap();
    for resamples in [100, 330, RESAMPLES] {
        assert_eq!(
            session.advance_to(resamples).unwrap().resamples as usize,
            resamples
        );
    }
    assert!(!session.is_refining());
    serde_json::from_str(&session.download("measures.json").unwrap()).unwrap()
}

/// The same rows by the library, with 1,000 bootstraps and the command's own seed.
fn by_the_library(rows: &[Row]) -> Value {
    let options = Options {
        bootstraps: RESAMPLES,
        ..Options::default()
    };
    // Through text, as the module's figures came.
    let text = serde_json::to_string(&evaluate(rows, options).unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Uniform draws in 0..1.
fn draws(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// (confidence as it is written, right, group) of a model that is a little overconfident.
fn made(n: usize, decimals: usize) -> Vec<(String, bool, usize)> {
    let mut draw = draws(11);
    (0..n)
        .map(|at| {
            let confidence = format!("{:.decimals$}", draw());
            let truth: f64 = confidence.parse().unwrap();
            (confidence, draw() < 0.9 * truth, at / 3)
        })
        .collect()
}

fn rows(made: &[(String, bool, usize)], scale: f64, has_groups: bool) -> Vec<Row> {
    let mut groups: HashMap<usize, u32> = HashMap::new();
    made.iter()
        .map(|(confidence, correct, group)| {
            let next = groups.len() as u32;
            Row {
                confidence: confidence.parse::<f64>().unwrap() / scale,
                correct: *correct,
                group: has_groups.then(|| *groups.entry(*group).or_insert(next)),
                template: None,
            }
        })
        .collect()
}

fn csv(made: &[(String, bool, usize)], has_groups: bool) -> String {
    let mut text = String::from(if has_groups {
        "confidence,correct,group\n"
    } else {
        "confidence,correct\n"
    });
    for (confidence, correct, group) in made {
        let correct = u8::from(*correct);
        match has_groups {
            true => text.push_str(&format!("{confidence},{correct},g{group}\n")),
            false => text.push_str(&format!("{confidence},{correct}\n")),
        }
    }
    text
}

/// By level, of many values (which are merged), and by groups.
#[test]
fn csv_gives_the_figures_of_sayself_metrics() {
    for (n, decimals, has_groups) in [(700, 1, false), (4_000, 6, false), (600, 3, true)] {
        let made = made(n, decimals);
        let found = by_the_module("a.csv", csv(&made, has_groups).as_bytes(), &Chosen::new());
        assert_eq!(found, by_the_library(&rows(&made, 1.0, has_groups)), "{n}");
    }
}

#[test]
fn jsonl_and_other_scales_give_them_too() {
    let made = made(500, 2);
    let mut json = String::new();
    let mut percent = String::from("sure,right?\n");
    for (confidence, correct, _) in &made {
        json.push_str(&format!(
            "{{\"text\":\"\\u00e9\",\"correct\":{correct},\"confidence\":{confidence}}}\n"
        ));
        let whole = (confidence.parse::<f64>().unwrap() * 100.0).round();
        percent.push_str(&format!(
            "{whole}%,{}\n",
            if *correct { "yes" } else { "no" }
        ));
    }
    let wanted = by_the_library(&rows(&made, 1.0, false));
    assert_eq!(
        by_the_module("a.jsonl", json.as_bytes(), &Chosen::new()),
        wanted
    );
    let chosen = Chosen::from([
        ("confidence".to_owned(), "0".to_owned()),
        ("correct".to_owned(), "1".to_owned()),
    ]);
    let of_percent: Vec<Row> = made
        .iter()
        .map(|(confidence, correct, _)| {
            let whole = (confidence.parse::<f64>().unwrap() * 100.0).round();
            (whole / 100.0, *correct).into()
        })
        .collect();
    assert_eq!(
        by_the_module("a.csv", percent.as_bytes(), &chosen),
        by_the_library(&of_percent)
    );
}

/// The file that the test of the page in a browser reads, and its figures by the library. Written by
/// this test with `SAYSELF_WRITE_FIXTURES=1`.
#[test]
fn the_browsers_fixture_has_the_librarys_figures() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    let made = made(400, 1);
    let text = csv(&made, false);
    let figures = by_the_library(&rows(&made, 1.0, false));
    if std::env::var_os("SAYSELF_WRITE_FIXTURES").is_some() {
        std::fs::write(folder.join("scored.csv"), &text).unwrap();
        let json = serde_json::to_string_pretty(&figures).unwrap() + "\n";
        std::fs::write(folder.join("scored.json"), json).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(folder.join("scored.csv")).unwrap(),
        text
    );
    let kept: Value =
        serde_json::from_slice(&std::fs::read(folder.join("scored.json")).unwrap()).unwrap();
    assert_eq!(kept, figures);
    assert_eq!(
        by_the_module("scored.csv", text.as_bytes(), &Chosen::new()),
        figures
    );
}

/// A link opened elsewhere shows what its sender saw, but for where it is from.
#[test]
fn a_link_shows_the_same_figures() {
    let made = made(3_000, 6);
    let text = csv(&made, false);
    let mut session = Session::default();
    session
        .look("a.csv", text.len() as u64, text.as_bytes())
        .unwrap();
    session.begin(&Chosen::new()).unwrap();
    session.push(text.as_bytes()).unwrap();
    session.measure("").unwrap();
    session.band().unwrap();
    session.advance_to(RESAMPLES).unwrap();
    let own = session.name("Model A").unwrap();
    assert!(own.fragment.len() < 6_000, "{} letters", own.fragment.len());
    let mut other = Session::default();
    let shared = other.open_link(&own.fragment).unwrap();
    assert!(shared.is_link && shared.pieces["notices"].contains("From a shared link:"));
    assert_eq!(shared.fragment, own.fragment);
    for (name, piece) in &own.pieces {
        if *name != "notices" {
            assert_eq!(&shared.pieces[name], piece, "{name}");
        }
    }
    for (bins, file) in [(15, "diagram.svg"), (15, "bins.csv"), (0, "measures.json")] {
        session.draw(bins).unwrap();
        other.draw(bins).unwrap();
        assert_eq!(session.download(file), other.download(file), "{file}");
    }
}

/// Until there are others, the figures so far can be drawn and taken away.
#[test]
fn figures_stay_while_the_file_is_read_again() {
    let text = csv(&made(300, 6), false);
    let mut session = Session::default();
    session
        .look("a.csv", text.len() as u64, text.as_bytes())
        .unwrap();
    session.begin(&Chosen::new()).unwrap();
    session.push(text.as_bytes()).unwrap();
    session.measure("Mine").unwrap();
    let file = session.download("measures.json").unwrap();
    session.begin(&Chosen::new()).unwrap();
    assert!(!session.is_refining());
    session.draw(5).unwrap();
    // No row was handed over.
    session.measure("").unwrap_err();
    assert_eq!(session.download("measures.json").unwrap(), file);
    assert_eq!(session.figures().unwrap().title, "Mine");
}
