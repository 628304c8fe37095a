//! Projects, from the draft to the last file, over HTTP.

mod agreement;
mod forms;
mod hidden;
mod once;
mod project;
mod refused;
mod undone;

use crate::made_run::MadeRun;
use crate::person::{PASSWORD, Person};
use crate::served::{Answer, Served, folder};
use serde_json::{Value, json};
use std::cell::Cell;

pub const RUN: &str = "zebra-run";
pub const LABELS: [&str; 2] = ["quagga-one", "quagga-two"];

/// A server, a project in it, and its admin.
pub struct Study<'server> {
    pub admin: Person<'server>,
    pub id: String,
    pub keys: Cell<u32>,
}

pub fn spec(kind: &str) -> Value {
    let runs = match kind {
        "pairs" => json!([{"run": RUN, "label": LABELS[0]}, {"run": RUN, "label": LABELS[1]}]),
        _ => json!([{"run": RUN, "label": LABELS[0]}]),
    };
    json!({
        "title": "Do they tell?", "kind": kind, "runs": runs, "sample_size": 10, "seed": 5, "overlap": 2,
        "training_size": 2, "qualification": 0.5, "gold_share": 0.1, "attention_share": 0.05,
        "repeat_share": 0.0, "rubric": "**Rate** it <script>alert(1)</script>", "contact": "us@example.org",
        "stratify": ["cluster-count"],
    })
}

/// The same with nothing mixed in: who gets what differs from person to person.
pub fn plain() -> Value {
    let mut plain = spec("single");
    for share in ["gold_share", "attention_share"] {
        plain[share] = json!(0);
    }
    plain
}

pub fn ok(answer: Answer) -> Value {
    assert!(
        (200..300).contains(&answer.status),
        "{} {}",
        answer.status,
        answer.text
    );
    match answer.text.is_empty() {
        true => Value::Null,
        false => answer.json(),
    }
}

/// Asserts a refusal that says what to do next.
#[track_caller]
pub fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert!(!problem["next"].as_str().unwrap().is_empty(), "{problem}");
    problem
}

impl<'server> Study<'server> {
    /// A draft.
    pub fn draft(server: &'server Served, spec: &Value) -> Self {
        let admin = server.first_admin();
        let made = ok(admin.send("POST", "/api/projects", spec));
        Study {
            admin,
            id: made["row"]["id"].as_str().unwrap().to_owned(),
            keys: Cell::new(0),
        }
    }

    pub fn open(server: &'server Served, spec: &Value) -> Self {
        let study = Study::draft(server, spec);
        study.set("open");
        study
    }

    pub fn api(&self, rest: &str) -> String {
        format!("/api/projects/{}{rest}", self.id)
    }

    pub fn work(&self, rest: &str) -> String {
        format!("/api/work/{}{rest}", self.id)
    }

    pub fn page(&self, rest: &str) -> String {
        format!("/annotate/{}{rest}", self.id)
    }

    pub fn set(&self, state: &str) -> Value {
        ok(self
            .admin
            .send("PATCH", &self.api(""), &json!({"state": state})))
    }

    pub fn detail(&self) -> Value {
        ok(self.admin.get(&self.api("")))
    }

    /// Somebody who came by the project's own link.
    pub fn annotator(&self, name: &str) -> Person<'server> {
        let made = ok(self
            .admin
            .send("POST", &self.api("/invitations"), &json!({})));
        self.admin
            .server
            .come(made["link"].as_str().unwrap(), name, PASSWORD)
    }

    /// The same, having agreed.
    pub fn agreed(&self, name: &str) -> Person<'server> {
        let person = self.annotator(name);
        ok(person.send("POST", &self.work("/consent"), &json!({"agreed": true})));
        person
    }

    pub fn batch(&self, person: &Person<'_>, want: u32) -> Value {
        ok(person.send("POST", &self.work("/leases"), &json!({"want": want})))
    }

    pub fn items(&self, person: &Person<'_>, want: u32) -> Vec<Value> {
        self.batch(person, want)["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub fn key(&self) -> String {
        self.keys.set(self.keys.get() + 1);
        format!("00000000-0000-4000-8000-{:012}", self.keys.get())
    }

    pub fn put(&self, person: &Person<'_>, key: &str, request: &Value) -> Answer {
        person.send("PUT", &self.work(&format!("/ratings/{key}")), request)
    }

    /// Rates an item as it stands.
    pub fn rate(&self, person: &Person<'_>, item: &Value, said: Value) -> Value {
        ok(self.put(person, &self.key(), &request(item, said)))
    }

    /// What only researchers know of an assignment: its item.
    pub fn item_of(&self, assignment: &Value) -> Value {
        let events = self.events();
        let handed = events
            .iter()
            .find(|event| event["kind"] == "handed" && event["assignment"] == *assignment)
            .unwrap();
        let item = events
            .iter()
            .find(|event| event["kind"] == "item" && event["item"] == handed["item"])
            .unwrap();
        item["detail"].clone()
    }

    pub fn export(&self, query: &str) -> String {
        let answer = self.admin.get(&self.api(&format!("/export?{query}")));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    pub fn events(&self) -> Vec<Value> {
        let lines = self.export("what=events");
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Rates the training right, or wrong.
    pub fn train(&self, person: &Person<'_>, right: bool) {
        while let Some(item) = self
            .items(person, 1)
            .into_iter()
            .find(|item| item["training"] == true)
        {
            let known = self.item_of(&item["assignment"])["known"].clone();
            let score = match (right, known["low"].as_u64().unwrap()) {
                (true, low) => low,
                (false, 0) => 10,
                (false, _) => 0,
            };
            let saved = self.rate(person, &item, json!({"score": score}));
            assert_eq!(saved["explained"]["right"], right, "{saved}");
            assert!(
                !saved["explained"]["explanation"]
                    .as_str()
                    .unwrap()
                    .is_empty()
            );
        }
    }

    /// Trains, then rates until nothing is left; gives the questions that were rated.
    pub fn work_off(&self, person: &Person<'_>) -> Vec<String> {
        self.train(person, true);
        let mut questions = Vec::new();
        loop {
            let batch = self.batch(person, 2);
            let Some(item) = batch["items"].get(0) else {
                assert_eq!(batch["standing"], "nothing-left");
                return questions;
            };
            assert_eq!(batch["standing"], "ready");
            questions.push(item["question"].as_str().unwrap().to_owned());
            let score = questions.len() % 11;
            self.rate(person, item, json!({"score": score, "active_ms": 1_500}));
        }
    }
}

pub fn request(item: &Value, said: Value) -> Value {
    let mut request = json!({
        "assignment": item["assignment"],
        "revision": item["revisions"].as_u64().unwrap() + 1,
    });
    let Value::Object(said) = said else {
        return request;
    };
    request.as_object_mut().unwrap().extend(said);
    request
}

/// A server over a run that can be rated.
pub fn served(database: Option<&str>) -> (tempfile::TempDir, Served) {
    let runs = folder();
    MadeRun::rated(runs.path(), RUN, 40, LABELS);
    let path = runs.path().to_str().unwrap().to_owned();
    let mut arguments = vec!["--runs", &path];
    arguments.extend(database.iter().flat_map(|url| ["--database", url]));
    let server = Served::with(&arguments);
    (runs, server)
}
