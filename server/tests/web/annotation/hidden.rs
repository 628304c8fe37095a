//! What annotators are sent, and what it does not tell.

use super::{LABELS, RUN, Study, ok, request, served, spec};
use serde_json::{Value, json};
use std::collections::HashSet;

/// The keys of an object, as text.
fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn nothing_tells_annotators_what_is_hidden() {
    let (_runs, server) = served(None);
    let mut pairs = spec("pairs");
    pairs["attention_share"] = json!(0.2);
    pairs["gold_share"] = json!(0.3);
    pairs["sample_size"] = json!(20);
    let study = Study::open(&server, &pairs);
    let ann = study.agreed("ann");
    let mut seen = Vec::new();
    let mut sides = HashSet::new();
    loop {
        let page = ann.get(&study.page("/work"));
        assert_eq!(
            (page.status, page.header("cache-control")),
            (200, Some("no-store"))
        );
        seen.push(page.text);
        let answer = ann.send("POST", &study.work("/leases"), &json!({"want": 2}));
        let batch = ok(answer);
        seen.push(batch.to_string());
        let Some(item) = batch["items"].get(0) else {
            break;
        };
        let mut expected = vec![
            "assignment",
            "evidence",
            "lease_ends_ms",
            "question",
            "rationales",
            "revisions",
            "samples",
            "training",
        ];
        let mut found = keys(item);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        assert_eq!(keys(&item["evidence"][0]).len(), 4);
        assert_eq!(item["rationales"].as_array().unwrap().len(), 2);
        let known = study.item_of(&item["assignment"]);
        let first = known["rationales"][0]["text"] == item["rationales"][0];
        if known["kind"] == "main" {
            sides.insert(first);
        }
        // As the sides stand: the item's first is right, wherever it stands.
        let right = known["known"]["choice"].as_str();
        let choice = match (right, first) {
            (Some("left"), true) | (Some("right"), false) => "left",
            (Some("left"), false) | (Some("right"), true) => "right",
            (Some(other), _) => other,
            (None, true) => "left",
            (None, false) => "right",
        };
        let said = request(item, json!({"choice": choice}));
        let saved = study.put(&ann, &study.key(), &said);
        let explained = ok(saved)["explained"].clone();
        assert_eq!(explained.is_object(), item["training"] == true);
        if explained.is_object() {
            assert_eq!(
                (&explained["right"], &explained["expected"]),
                (&json!(true), &json!(choice))
            );
        }
        seen.push(explained.to_string());
    }
    seen.push(ann.get(&study.work("/last?n=50")).text);
    seen.push(ann.get("/api/work").text);
    seen.push(ann.get("/annotate").text);
    // What is kept of him, as he takes it away.
    let own = || ann.get("/account/data.json");
    let of_handed = |name: &str| -> Vec<Value> {
        let data = own().json();
        let events = data["events"].as_array().unwrap().iter();
        let handed = events.filter(|event| event["kind"] == "handed");
        handed.map(|event| event["detail"][name].clone()).collect()
    };
    seen.push(own().text);
    for name in ["item", "is_repeat", "first_left", "seed"] {
        let words = of_handed(name);
        let withheld = "withheld until the project is closed";
        assert!(
            !words.is_empty() && words.iter().all(|word| *word == withheld),
            "{name}: {words:?}"
        );
    }
    assert_eq!(
        own().json()["ratings"][0]["item"],
        of_handed("item")[0],
        "an item's id tells when it comes again"
    );
    assert_eq!(sides.len(), 2, "both sides are met");
    for text in &seen {
        for hidden in [
            RUN,
            LABELS[0],
            LABELS[1],
            "Title of",
            "extractive",
            "80%",
            "Confidence: 7",
            "\"gold\"",
            "\"kind\":\"main\"",
            "\"attention\"",
        ] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    // All main words are for the item's first rationale, whichever side it stood on.
    let rows: Vec<Value> = study
        .export("what=ratings")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 20);
    assert!(
        rows.iter().all(|row| row.to_string().contains(LABELS[0])),
        "{rows:?}"
    );
    let member = study.detail()["members"][0].clone();
    assert_eq!(member["gold_right"], member["gold"]);
    assert_eq!(member["attention_right"], member["attention"]);
    assert!(member["gold"].as_u64().unwrap() > 0 && member["attention"].as_u64().unwrap() > 0);
    let report = ok(study.admin.get(&study.api("/agreement")));
    assert_eq!(report["project"]["kind"], "pairs");
    study.set("closed");
    assert_eq!(of_handed("seed")[0], 5);
    assert!(of_handed("first_left")[0].is_boolean());
}
