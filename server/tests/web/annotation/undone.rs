//! Second thoughts: undone, skipped, paused, late.

use super::{Study, ok, plain, problem, request, served};
use crate::chores::say;
use serde_json::{Value, json};
use std::collections::HashSet;

#[test]
fn what_was_said_is_undone_skipped_paused_and_comes_late() {
    let (runs, server) = served(None);
    let study = Study::open(&server, &plain());
    let ann = study.agreed("ann");
    study.train(&ann, true);
    let items = study.items(&ann, 3);
    // Asked twice, handed out once, with a lease that begins anew.
    let again = study.items(&ann, 3);
    for (item, again) in items.iter().zip(&again) {
        assert_eq!(item["assignment"], again["assignment"]);
        assert!(item["lease_ends_ms"].as_i64() <= again["lease_ends_ms"].as_i64());
    }
    // Undo: the next revision.
    let saved = study.rate(&ann, &items[0], json!({"score": 2, "note": "hasty"}));
    assert_eq!(
        (&saved["revision"], &saved["fresh"]),
        (&json!(1), &json!(true))
    );
    let last = ok(ann.get(&study.work("/last")));
    assert_eq!(last[0]["assignment"], items[0]["assignment"]);
    assert_eq!(last[0]["said"]["note"], "hasty");
    let saved = study.rate(&ann, &last[0], json!({"score": 9}));
    assert_eq!(saved["revision"], 2);
    // Skip, with a reason; and think better of it.
    problem(
        &study.put(
            &ann,
            &study.key(),
            &request(&items[1], json!({"skip": " "})),
        ),
        422,
    );
    let skipped = study.rate(&ann, &items[1], json!({"skip": "I cannot judge it"}));
    assert_eq!(skipped["progress"]["own_skipped"], 1);
    let last = ok(ann.get(&study.work("/last?n=1")));
    let rated = study.rate(&ann, &last[0], json!({"score": 4}));
    assert_eq!(
        (
            &rated["progress"]["own_skipped"],
            &rated["progress"]["own_rated"]
        ),
        (&json!(0), &json!(2))
    );
    // Pause: what was not rated is given back, and comes again afterwards.
    let row = ok(ann.send("POST", &study.work("/pause"), &json!({"paused": true})));
    assert_eq!(row["standing"], "paused");
    let state = &study.detail()["members"][0]["state"];
    assert_eq!(state, "paused");
    // What was on its way is kept all the same.
    study.rate(&ann, &items[2], json!({"score": 5}));
    ok(ann.send("POST", &study.work("/pause"), &json!({"paused": false})));
    let items = study.items(&ann, 3);
    assert_eq!(items.len(), 3);
    // A lease that ended: another gets the item; the word is kept, late.
    let database = runs.path().join(".sayself.db");
    let ended = "UPDATE assignments SET lease_ends_ms = 1 WHERE state = 'leased'";
    say(database.to_str().unwrap(), &[(ended, &[])]);
    let ben = study.agreed("ben");
    study.work_off(&ben);
    let saved = study.rate(&ann, &items[0], json!({"score": 7}));
    assert_eq!(saved["fresh"], true);
    let words: Vec<Value> = study
        .events()
        .into_iter()
        .filter(|event| event["kind"] == "rating" && event["assignment"] == items[0]["assignment"])
        .collect();
    assert_eq!(words[0]["detail"]["was_late"], true, "{words:?}");
    let kinds: HashSet<String> = study
        .events()
        .iter()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    for kind in [
        "consented",
        "qualified",
        "handed",
        "paused",
        "released",
        "resumed",
        "expired",
    ] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
    server.stop();
}
