use super::super::facts;
use super::super::progress::Progress;
use super::super::scan::Found;
use super::*;
use std::sync::Arc;

fn run_of(directory: &Path) -> Run {
    let directory = directory.canonicalize().unwrap();
    Run {
        facts: Arc::new(facts::read(&directory, Progress::default())),
        found: Found {
            id: "made".into(),
            path: directory.clone(),
            directory,
            recorded: false,
            changed_ms: 0,
            trouble: None,
        },
        fingerprint: String::new(),
    }
}

#[test]
fn answers_with_a_rationale_and_samples_are_offered() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let answer = |id: &str, rationale: &str| {
        format!(
            "{{\"id\":\"{id}\",\"question_id\":\"{id}\",\"question\":\"Q {id}?\",\"response\":\"\",\"answer\":\"Rome\",\"rationale\":{rationale},\"confidence\":7,\"probability\":0.7,\"correct\":true,\"failure\":null}}\n"
        )
    };
    let texts: String = ["a", "b", "c", "taught"]
        .iter()
        .map(|id| answer(id, "\"I waver.\""))
        .collect();
    write(
        "evaluate/sayself/answers.jsonl",
        &(texts + &answer("silent", "null") + "noise\n"),
    );
    write(
        "evaluate/sayself/metrics.json",
        r#"{"n": 5, "method": "sayself"}"#,
    );
    write("rationalize/rationales.jsonl", "{\"id\":\"taught\"}\n");
    write(
        "cluster/clusters.jsonl",
        "{\"id\":\"a\",\"question\":\"Q\",\"method\":\"answer\",\"clusters\":[{\"answer\":\"Rome\",\"members\":[0,2],\"share\":0.67,\"correct\":true},{\"answer\":\"Bari\",\"members\":[1],\"share\":0.33,\"correct\":false}]}\n",
    );
    let sample = |id: &str, index: u32, response: &str| {
        format!("{{\"question_id\":\"{id}\",\"index\":{index},\"response\":\"{response}\"}}\n")
    };
    write(
        "sample/samples.jsonl",
        &[
            sample("a", 0, "Rome"),
            sample("a", 1, "Bari."),
            sample("a", 2, "It is Rome"),
            sample("b", 0, "Paris"),
            sample("b", 1, "paris."),
            sample("c", 0, "one alone"),
        ]
        .concat(),
    );
    let offered = offered(&run_of(folder.path()), None).unwrap().unwrap();
    assert_eq!(
        (offered.label.as_str(), offered.answers_sha256.len()),
        ("sayself", 64)
    );
    let groups = |id: &str| {
        let answer = offered
            .answers
            .iter()
            .find(|answer| answer.question_id == id);
        answer.unwrap().groups.clone()
    };
    assert_eq!(groups("a").len(), 2);
    assert_eq!(
        groups("b"),
        [Group {
            answer: "Paris".into(),
            members: vec![0, 1]
        }]
    );
    assert!(groups("c").is_empty());
    assert_eq!(offered.answers.len(), 3);
    assert_eq!(offered.remarks.len(), 2, "{:?}", offered.remarks);
    let examples = offered.examples(&["a".to_owned()].into()).unwrap();
    assert_eq!(examples["a"], [vec!["Rome", "It is Rome"], vec!["Bari."]]);
    assert!(!examples.contains_key("b"));
}
