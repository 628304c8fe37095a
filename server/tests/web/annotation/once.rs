//! What is said twice is kept once.

use super::{Study, ok, plain, problem, request, served};
use crate::person::Person;
use serde_json::json;

#[test]
fn a_word_is_kept_once() {
    let (_runs, server) = served(None);
    let study = Study::open(&server, &plain());
    let ann = study.agreed("ann");
    study.train(&ann, true);
    let items = study.items(&ann, 3);
    let (key, said) = (study.key(), request(&items[0], json!({"score": 8})));
    // A double click: one of the two saves it, both are told the same.
    let saved = std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| {
            let (cookie, key, said) = (ann.cookie.clone(), &key, &said);
            let (server, address) = (ann.server, study.work(&format!("/ratings/{key}")));
            scope.spawn(move || {
                let tab = Person {
                    server,
                    cookie,
                    token: None,
                };
                ok(tab.send("PUT", &address, said))
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(saved[0]["saved_ms"], saved[1]["saved_ms"]);
    assert_ne!(saved[0]["fresh"], saved[1]["fresh"]);
    // A replay, whatever came after it.
    study.rate(&ann, &items[1], json!({"score": 1}));
    let again = ok(study.put(&ann, &key, &said));
    assert_eq!(
        (&again["fresh"], &again["saved_ms"]),
        (&json!(false), &saved[0]["saved_ms"])
    );
    // The key with another body.
    let other = problem(
        &study.put(&ann, &key, &request(&items[0], json!({"score": 3}))),
        409,
    );
    assert_eq!(other["kept"]["score"], 8);
    // Another tab, another key, the same revision.
    let tab = problem(
        &study.put(&ann, &study.key(), &request(&items[0], json!({"score": 3}))),
        409,
    );
    assert_eq!(tab["kept"]["score"], 8);
    // A word that comes before the one before it.
    let ahead = json!({"assignment": items[2]["assignment"], "revision": 2, "score": 3});
    problem(&study.put(&ann, &study.key(), &ahead), 409);
    // What is no rating.
    for said in [
        json!({"score": 11}),
        json!({"choice": "tie"}),
        json!({}),
        json!({"score": 3, "skip": "no"}),
        json!({"score": 3, "spans": [{"side": 0, "start": 0, "end": 9_999, "verdict": "born-out"}]}),
    ] {
        problem(
            &study.put(&ann, &study.key(), &request(&items[2], said)),
            422,
        );
    }
    problem(&study.put(&ann, "no-uuid", &said), 422);
    problem(
        &study.put(
            &ann,
            &study.key(),
            &json!({"assignment": "none", "revision": 1, "score": 1}),
        ),
        404,
    );
    problem(&study.put(&ann, &study.key(), &json!([])), 422);
    // Somebody else's assignment.
    let ben = study.agreed("ben");
    let foreign = study.put(&ben, &study.key(), &request(&items[2], json!({"score": 1})));
    problem(&foreign, 404);
    let taken = problem(&study.put(&ben, &key, &said), 409);
    assert_eq!(taken.get("kept"), None);
    assert_eq!(study.detail()["row"]["rated"], 2);
}
