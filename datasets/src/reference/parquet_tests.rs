//! Parquet files as others write them (`fixtures/make_parquet.py`), as we write them, and damaged.

use super::*;
use crate::hub;
use crate::{Answer, Judge, OwnAnswer, Question, Split, StageOneRecord};
use calibration::Confidence;
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/parquet/", $name)).as_slice()
    };
}

fn questions(bytes: &[u8]) -> Vec<Question> {
    read_questions(bytes, "q.parquet").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn squads_answers_are_those_of_its_struct() {
    let read = questions(fixture!("squad.parquet"));
    assert_eq!(read[0].id, "5733be28");
    assert_eq!(read[0].answers, ["Canberra", "the city of Canberra"]);
    assert_eq!(read[1].answers, ["six"]);
    assert_eq!(read[1].judge, Judge::ShortAnswer);
}

#[test]
fn trivia_qas_aliases_follow_its_value() {
    let read = questions(fixture!("trivia_qa.parquet"));
    let answers: Vec<&[String]> = read.iter().map(|one| one.answers.as_slice()).collect();
    assert_eq!(answers[0], ["Jane Austen", "Austen", "J. Austen"]);
    assert_eq!(answers[1], ["Danube"]);
    assert_eq!(answers[2], ["gold", "Gold"]);
    // The second row group goes on with the count of rows.
    assert_eq!(
        read[2].id,
        crate::hash::sha256_hex(
            format!(
                "{}/2",
                crate::hash::sha256_hex(fixture!("trivia_qa.parquet"))
            )
            .as_bytes()
        )[..16]
    );
}

#[test]
fn plain_columns_may_be_numbers_or_absent() {
    let read = questions(fixture!("plain.parquet"));
    assert_eq!((read[0].id.as_str(), read[1].id.as_str()), ("7", "8"));
    assert_eq!(read[0].negative_answers, ["Sydney", "Perth"]);
    assert_eq!(read[0].template.as_deref(), Some("capital"));
    assert_eq!(read[1].template, None);
    assert_eq!(
        (read[0].split, read[1].split),
        (Some(Split::Dev), Some(Split::Test))
    );
}

#[test]
fn our_columns_and_conversations_are_read() {
    let read = questions(fixture!("ours.parquet"));
    assert_eq!(read[0].answers, ["Canberra", "Canberra ACT"]);
    assert_eq!(read[0].negative_answers, ["Sydney"]);
    assert_eq!(read[0].split, Some(Split::HeldOut));
    assert_eq!(read[1].entity, None);
    let read = questions(fixture!("messages.parquet"));
    assert_eq!(read[0].gold(), "Danube");
    assert_eq!(read[0].question, "Which river flows through Vienna?");
}

#[test]
fn the_same_forms_are_read_from_json_and_csv() {
    let read = |text: &str| questions(text.as_bytes());
    let squad = r#"{"question":"a?","answers":{"text":["b","b"],"answer_start":[1,2]}}"#;
    assert_eq!(read(squad)[0].answers, ["b"]);
    let text = r#"{"question":"a?","answers":"b"}"#;
    assert_eq!(read(text)[0].answers, ["b"]);
    let number = r#"{"id":3,"question":"a?","answers":["b"],"negative_answer":"c/d"}"#;
    assert_eq!(read(number)[0].id, "3");
    assert_eq!(read(number)[0].negative_answers, ["c", "d"]);
    let csv = "question,answers\na?,\"[\"\"b\"\",\"\"c\"\"]\"\nd?,e\n";
    assert_eq!(read(csv)[0].answers, ["b", "c"]);
    assert_eq!(read(csv)[1].answers, ["e"]);
    // SQuAD 2 has questions without an answer.
    let none = r#"{"question":"a?","answers":{"text":[],"answer_start":[]}}"#;
    let error = read_questions(none.as_bytes(), "q.json").unwrap_err();
    assert!(error.is_of_a_record(), "{error}");
}

fn question(id: &str, answers: &[&str], split: Option<Split>) -> Question {
    Question {
        id: id.into(),
        question: format!("Which {id}, “quoted”?"),
        answers: answers.iter().map(|answer| (*answer).into()).collect(),
        negative_answers: Vec::new(),
        template: split.map(|_| "capital".into()),
        entity: None,
        split,
        judge: Judge::Label,
    }
}

#[test]
fn written_questions_come_back() {
    let mut all = vec![
        question("a", &["x"], None),
        question("b", &["y", "Y", "ỳ"], Some(Split::HeldOut)),
        question("c", &["z"], Some(Split::Train)),
    ];
    all[2].negative_answers = vec!["w".into(), "v".into()];
    let bytes = crate::parquet::write(&hub::questions(&all)).unwrap();
    assert_eq!(bytes, crate::parquet::write(&hub::questions(&all)).unwrap());
    assert_eq!(questions(&bytes), all);
}

#[test]
fn written_training_examples_come_back() {
    let own = |answer: &str, share, correct| OwnAnswer {
        answer: answer.into(),
        share,
        correct,
    };
    let record = StageOneRecord {
        id: Some("a".into()),
        question: "Which?".into(),
        response: "Answer: x\nConfidence: 3".into(),
        answer: Some("x".into()),
        confidence: Confidence::new(3),
        correct: Some(false),
        own_answers: vec![own("x", 0.25, false), own("y", 0.75, true)],
    };
    let bare = StageOneRecord {
        id: None,
        answer: None,
        confidence: None,
        correct: None,
        own_answers: Vec::new(),
        ..record.clone()
    };
    let all = vec![bare.clone(), record, bare];
    let bytes = crate::parquet::write(&hub::stage_one(&all)).unwrap();
    assert_eq!(read_stage_one(&bytes, "s.parquet").unwrap(), all);
}

#[test]
fn written_answers_have_a_row_each() {
    let answer = |levels: Option<[f64; 10]>| Answer {
        id: "a".into(),
        question_id: "a".into(),
        template: None,
        entity: None,
        question: "Which?".into(),
        response: "Answer: x".into(),
        answer: Some("x".into()),
        rationale: None,
        confidence: None,
        probability: 0.0,
        correct: true,
        failure: Some("none".into()),
        gold: None,
        levels,
    };
    let table = hub::answers(&[answer(None), answer(Some([0.1; 10]))]);
    let bytes = crate::parquet::write(&table).unwrap();
    let columns = ["levels", "correct", "failure"];
    let rows: Vec<_> = crate::parquet::read(&bytes, "a.parquet", &columns)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["levels"].as_array().map(Vec::len), Some(0));
    assert_eq!(rows[1]["levels"][9], 0.1);
    assert_eq!(rows[1]["failure"], "none");
}

#[test]
fn damaged_and_foreign_files_are_told() {
    let whole = fixture!("squad.parquet");
    for length in [4, 12, 100, whole.len() - 1] {
        let error = read_questions(&whole[..length], "q.parquet").unwrap_err();
        assert!(error.to_string().contains("Parquet"), "{length}: {error}");
    }
    let error = crate::parquet::read(whole, "q.parquet", &["colour"]);
    let error = error.err().unwrap();
    assert!(error.found.contains("question"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_damage_makes_it_panic(which in 0usize..4, at in 0usize..6_000, bytes in prop::collection::vec(any::<u8>(), 1..8)) {
        let files = [
            fixture!("squad.parquet"),
            fixture!("trivia_qa.parquet"),
            fixture!("ours.parquet"),
            fixture!("messages.parquet"),
        ];
        let mut file = files[which].to_vec();
        let at = 4 + at % (file.len() - 4);
        for (place, byte) in file[at..].iter_mut().zip(bytes) {
            *place = byte;
        }
        let _ = read_questions(&file, "q.parquet");
    }
}
