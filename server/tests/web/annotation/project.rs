//! Whole projects, and who takes part in them.

use super::{RUN, Study, ok, problem, request, served, spec};
use crate::person::{PASSWORD, Person};
use crate::simulated::cluster::Cluster;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The answers' file is hashed, texts are filled in, and items are of all kinds.
fn a_draft_is_made(study: &Study<'_>) {
    let detail = study.detail();
    assert_eq!(detail["row"]["state"], "draft");
    assert_eq!(
        (&detail["row"]["items"], &detail["row"]["wanted"]),
        (&json!(10), &json!(20))
    );
    assert_eq!(detail["spec"]["seed"], 5);
    assert!(
        detail["spec"]["consent"]
            .as_str()
            .unwrap()
            .contains("You may stop")
    );
    let hashes: BTreeMap<&str, &str> = detail["hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    assert_eq!(hashes.len(), 4, "{hashes:?}");
    assert!(hashes.values().all(|hash| hash.len() == 64));
    let kinds: BTreeMap<&str, u64> = detail["kinds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_u64().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [("attention", 1), ("gold", 2), ("main", 10), ("training", 2)].into()
    );
    let strata: Vec<u64> = detail["strata"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["items"].as_u64().unwrap())
        .collect();
    assert!(
        strata.len() == 3 && strata.iter().all(|items| (3..=4).contains(items)),
        "{strata:?}"
    );
}

fn a_whole_project(database: Option<&str>) {
    let (_runs, server) = served(database);
    let study = Study::draft(&server, &spec("single"));
    a_draft_is_made(&study);
    let published = format!("/api/runs/{RUN}/published");
    ok(study
        .admin
        .send("PUT", &published, &json!({"published": true})));
    let run = format!("/api/runs/{RUN}");

    // A draft is not begun yet, and hides nothing.
    let ann = study.annotator("ann");
    assert_eq!(study.batch(&ann, 3)["standing"], "waiting");
    problem(
        &ann.send("POST", &study.work("/consent"), &json!({"agreed": true})),
        409,
    );
    assert_eq!(ann.get(&run).status, 200);
    let changed = json!({"instructions": "Take your time.", "title": "Told truly?"});
    let changed = ok(study.admin.send("PATCH", &study.api(""), &changed));
    assert_eq!(changed["row"]["title"], "Told truly?");
    study.set("open");
    problem(
        &study
            .admin
            .send("PATCH", &study.api(""), &json!({"title": "Late"})),
        409,
    );
    problem(&study.admin.ask("DELETE", &study.api(""), None), 409);
    assert_eq!(ann.get(&run).status, 404);
    assert_eq!(study.admin.get(&run).status, 200);

    // Agree, train, work.
    assert_eq!(study.batch(&ann, 3)["standing"], "consent");
    problem(
        &ann.send("POST", &study.work("/consent"), &json!({"agreed": false})),
        422,
    );
    let row = ok(ann.send("POST", &study.work("/consent"), &json!({"agreed": true})));
    assert_eq!(row["standing"], "training");
    let batch = study.batch(&ann, 3);
    assert_eq!(
        (&batch["standing"], batch["items"].as_array().unwrap().len()),
        (&json!("training"), 2)
    );
    // What neither database can hold is of no assignment and no project.
    let nowhere = json!({"assignment": "\u{0}", "revision": 1, "score": 1});
    problem(&study.put(&ann, &study.key(), &nowhere), 404);
    problem(&ann.get("/api/work/%00/last"), 404);
    ok(study.admin.get("/api/audit?cursor=%00"));
    let rated = study.work_off(&ann);
    // Ten items, and what is mixed in.
    assert!((10..=13).contains(&rated.len()), "{rated:?}");
    let (ben, cleo) = (study.agreed("ben"), study.agreed("cleo"));
    study.work_off(&ben);
    let progress = study.batch(&ben, 1)["progress"].clone();
    assert_eq!(
        (&progress["rated"], &progress["wanted"]),
        (&json!(20), &json!(20))
    );
    // Nothing is wanted any more.
    assert!(study.work_off(&cleo).is_empty());
    let detail = study.detail();
    assert_eq!(
        (&detail["row"]["rated"], &detail["row"]["annotators"]),
        (&json!(20), &json!(3))
    );
    let members = detail["members"].as_array().unwrap();
    assert_eq!(members.len(), 3);
    assert!(members.iter().all(|member| {
        member["annotator"]
            .as_str()
            .unwrap()
            .starts_with("annotator-")
    }));
    assert_eq!(members[0]["active_ms_median"], 1_500);
    assert_eq!(
        members[0]["gold"].as_u64().unwrap() + members[0]["attention"].as_u64().unwrap() + 10,
        rated.len() as u64
    );

    agreement_and_files(&study);
    ending(&study, &ann, &run);
    assert!(server.stop().success());
}

fn agreement_and_files(study: &Study<'_>) {
    let report = ok(study.admin.get(&study.api("/agreement")));
    assert_eq!(
        (&report["items"], &report["ratings"], &report["annotators"]),
        (&json!(10), &json!(20), &json!(2))
    );
    let worst = report["disagreements"][0]["item"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let settle = study.api(&format!("/items/{worst}/settle"));
    problem(
        &study.admin.send("POST", &settle, &json!({"choice": "tie"})),
        422,
    );
    problem(
        &study.admin.send(
            "POST",
            &study.api("/items/none/settle"),
            &json!({"score": 1}),
        ),
        404,
    );
    let settled = ok(study
        .admin
        .send("POST", &settle, &json!({"score": 4, "note": "half of it"})));
    assert_eq!(settled["settled"], "4 (half of it)");
    // What is settled stands behind what is not.
    let report = ok(study.admin.get(&study.api("/agreement")));
    let rows = report["disagreements"].as_array().unwrap();
    let row = rows.iter().find(|row| row["item"]["id"] == worst.as_str());
    assert_eq!(row.unwrap()["settled"], "4 (half of it)");
    assert_eq!(rows[0]["settled"], Value::Null);
    for what in ["ratings", "settled", "events", "hours"] {
        assert!(
            study
                .export(&format!("what={what}&form=csv"))
                .lines()
                .count()
                > 2
        );
    }
    for what in [
        "project",
        "label-studio",
        "label-studio-config",
        "argilla",
        "argilla-settings",
    ] {
        assert!(study.export(&format!("what={what}")).len() > 100);
    }
    let rows = study.export("what=ratings");
    assert_eq!(rows.lines().count(), 20);
    assert!(!rows.contains("\"ann\"") && rows.contains("annotator-"));
    let with_names = study.export("what=hours&names=true");
    assert!(with_names.contains("\"ann\"") && with_names.contains("\"ben\""));
    let audit = study.admin.get("/api/audit").text;
    assert!(audit.contains("exported with names"));
    for query in [
        "what=nothing",
        "form=xml",
        "names=perhaps",
        "what=argilla&form=csv",
    ] {
        problem(
            &study.admin.get(&study.api(&format!("/export?{query}"))),
            400,
        );
    }
}

fn ending(study: &Study<'_>, ann: &Person<'_>, run: &str) {
    study.set("paused");
    assert_eq!(study.batch(ann, 1)["standing"], "waiting");
    assert_eq!(ann.get(run).status, 404);
    let last = ok(ann.get(&study.work("/last?n=1")));
    // What was said can be corrected while the project is paused.
    study.rate(ann, &last[0], json!({"score": 3}));
    study.set("closed");
    assert_eq!(study.batch(ann, 1)["standing"], "closed");
    assert_eq!(ann.get(run).status, 200);
    let last = ok(ann.get(&study.work("/last?n=1")));
    let refused = study.put(ann, &study.key(), &request(&last[0], json!({"score": 5})));
    problem(&refused, 409);
    problem(
        &study
            .admin
            .send("PATCH", &study.api(""), &json!({"state": "open"})),
        409,
    );
}

#[test]
fn a_project_goes_from_the_draft_to_the_last_file() {
    a_whole_project(None);
}

#[test]
fn and_so_it_does_in_postgresql() {
    if let Some(cluster) = Cluster::find() {
        a_whole_project(Some(&cluster.new_database()));
    }
}

#[test]
fn the_training_decides_who_begins() {
    let (_runs, server) = served(None);
    let study = Study::open(&server, &spec("single"));
    let ann = study.agreed("ann");
    study.train(&ann, false);
    assert_eq!(study.batch(&ann, 1)["standing"], "refused");
    let row = ok(ann.get("/api/work"))["work"][0].clone();
    assert_eq!(
        (&row["standing"], &row["progress"]["training_rated"]),
        (&json!("refused"), &json!(2))
    );
    assert_eq!(study.detail()["members"][0]["state"], "refused");
    // A correction, once the right rating is told, changes nothing.
    let last = ok(ann.get(&study.work("/last?n=1")));
    let known = study.item_of(&last[0]["assignment"])["known"]["low"].clone();
    study.rate(&ann, &last[0], json!({"score": known}));
    assert_eq!(study.batch(&ann, 1)["standing"], "refused");
    // Nobody is asked to train where there is nothing to train by.
    let without = json!({
        "title": "Untrained", "runs": [{"run": RUN}], "sample_size": 5, "training_size": 0, "gold_share": 0,
        "attention_share": 0, "repeat_share": 0,
    });
    let id = ok(study.admin.send("POST", "/api/projects", &without))["row"]["id"].clone();
    let other = Study {
        admin: server.nobody(),
        id: id.as_str().unwrap().to_owned(),
        keys: Cell::new(500),
    };
    let state = json!({"state": "open"});
    ok(study.admin.send("PATCH", &other.api(""), &state));
    let link = ok(study
        .admin
        .send("POST", &other.api("/invitations"), &json!({"uses": 2})));
    let ben = server.come(link["link"].as_str().unwrap(), "ben", PASSWORD);
    let row = ok(ben.send("POST", &other.work("/consent"), &json!({"agreed": true})));
    assert_eq!(row["standing"], "ready");
    assert_eq!(other.items(&ben, 3).len(), 3);
    // Ben is not of the first project, and is not told that there is one.
    problem(
        &ben.send("POST", &study.work("/leases"), &json!({"want": 1})),
        404,
    );
    problem(&ben.get(&study.api("")), 403);
}

#[test]
fn who_leaves_takes_his_words_or_leaves_them() {
    let (_runs, server) = served(None);
    let study = Study::open(&server, &spec("single"));
    let (ann, ben) = (study.agreed("ann"), study.agreed("ben"));
    study.work_off(&ann);
    study.work_off(&ben);
    assert_eq!(study.detail()["row"]["rated"], 20);
    problem(&ann.ask("DELETE", &study.work(""), None), 400);
    assert_eq!(
        ann.ask("DELETE", &study.work("?ratings=keep"), None).status,
        204
    );
    assert_eq!(study.detail()["row"]["rated"], 20);
    assert_eq!(study.batch(&ann, 1)["standing"], "withdrawn");
    let pseudonym = ben.me()["person"]["pseudonym"].as_str().unwrap().to_owned();
    assert!(study.export("what=events").contains(&pseudonym));
    assert_eq!(
        ben.ask("DELETE", &study.work("?ratings=delete"), None)
            .status,
        204
    );
    assert_eq!(study.detail()["row"]["rated"], 10);
    assert!(!study.export("what=events").contains(&pseudonym));
    // He does not come back by the old link or by asking.
    problem(
        &ben.send("POST", &study.work("/consent"), &json!({"agreed": true})),
        403,
    );
    // Others rate what is wanted again.
    let cleo = study.agreed("cleo");
    study.work_off(&cleo);
    assert_eq!(study.detail()["row"]["rated"], 20);
}
