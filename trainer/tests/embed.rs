//! MiniLM's embeddings equal those of sentence-transformers (tests/golden/embed/make.py).

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use datasets::config::ClusterConfig;
use sayself::embed::Embedder;
use sayself::model_source::resolve;
use sayself::stages::cluster::text_to_embed;
use serde::Deserialize;

/// The largest difference allowed in one of the 384 numbers, each of which is at most 1.
const DIFFERENCE_MAX: f64 = 1e-4;

/// Whether two responses to a question say the same, by a person (tests/pairs/same_meaning.jsonl).
#[derive(Deserialize)]
struct Pair {
    question: String,
    a: String,
    b: String,
    same: bool,
}

#[derive(Deserialize)]
struct Golden {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    embedding: Vec<f64>,
}

#[test]
fn embeddings_equal_those_of_sentence_transformers() {
    let golden: Golden =
        serde_json::from_str(include_str!("../../tests/golden/embed/embeddings.json")).unwrap();
    let embedder = Embedder::load(&resolve("minilm", false).unwrap()).unwrap();
    let texts: Vec<&str> = golden.rows.iter().map(|row| row.text.as_str()).collect();
    let embeddings = embedder.embed(&texts).unwrap();
    for (row, embedding) in golden.rows.iter().zip(&embeddings) {
        assert_eq!(embedding.len(), row.embedding.len());
        let difference = embedding
            .iter()
            .zip(&row.embedding)
            .map(|(ours, theirs)| (f64::from(*ours) - theirs).abs())
            .fold(0.0, f64::max);
        assert!(difference <= DIFFERENCE_MAX, "{:?}: {difference}", row.text);
    }
    // One text alone gives what it gives among others.
    let alone = embedder.embed(&texts[..1]).unwrap();
    assert_eq!(alone[0], embeddings[0]);
}

/// MiniLM is a poor judge of short answers: at its best threshold it tells two pairs in three right,
/// which is why clustering by normalised answer is the default. The default threshold is the best
/// one all the same.
#[test]
fn the_default_threshold_is_the_one_that_fits_this_model() {
    let pairs: Vec<Pair> = include_str!("pairs/same_meaning.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let embedder = Embedder::load(&resolve("minilm", false).unwrap()).unwrap();
    let labelled: Vec<(f64, bool)> = pairs
        .iter()
        .map(|pair| {
            let texts = [&pair.a, &pair.b].map(|response| text_to_embed(&pair.question, response));
            let embeddings = embedder.embed(&texts).unwrap();
            (
                calibration::cluster::cosine(&embeddings[0], &embeddings[1]),
                pair.same,
            )
        })
        .collect();
    let right_at = |threshold: f64| {
        labelled
            .iter()
            .filter(|(cosine, same)| (*cosine > threshold) == *same)
            .count()
    };
    let fitted = calibration::cluster::fit_threshold(&labelled).unwrap();
    let default = ClusterConfig::default().threshold;
    assert!(
        (fitted - default).abs() < 0.01,
        "fitted {fitted}, default {default}"
    );
    assert!(
        right_at(default) > right_at(1.0),
        "no better than calling all pairs different"
    );
}
