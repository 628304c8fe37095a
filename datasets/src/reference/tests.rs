use super::*;
use crate::{Judge, Question, ReadError, Split};
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        (
            include_bytes!(concat!("../../fixtures/", $name)).as_slice(),
            $name,
        )
    };
}

fn questions(file: (&[u8], &str)) -> Vec<Question> {
    read_questions(file.0, file.1).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> ReadError {
    read_questions(text.as_bytes(), "q.json").unwrap_err()
}

const STAGE_ONE: [(&[u8], &str); 10] = [
    fixture!("stage_1/sft_reason_conf.jsonl"),
    fixture!("stage_1/sft_without_reason_conf.jsonl"),
    fixture!("stage_1/sft_without_reason_with_conf.jsonl"),
    fixture!("stage_1/sft_reason_rtuning.jsonl"),
    fixture!("stage_1/sft_reason_calimath.jsonl"),
    fixture!("stage_1/messages/sft_reason_conf.jsonl"),
    fixture!("stage_1/messages/sft_without_reason_conf.jsonl"),
    fixture!("stage_1/messages/sft_without_reason_with_conf.jsonl"),
    fixture!("stage_1/messages/sft_reason_rtuning.jsonl"),
    fixture!("stage_1/messages/sft_reason_calimath.jsonl"),
];

#[test]
fn stage_one_files_are_read_in_both_forms() {
    for (index, (bytes, name)) in STAGE_ONE.into_iter().enumerate() {
        assert!(name.ends_with(StageOneSet::ALL[index % 5].file_name()));
        let records = read_stage_one(bytes, name).unwrap();
        let pairs = |records: &[crate::StageOneRecord]| -> Vec<(String, String)> {
            records
                .iter()
                .map(|record| (record.question.clone(), record.response.clone()))
                .collect()
        };
        let (other, other_name) = STAGE_ONE[index % 5];
        assert_eq!(
            pairs(&records),
            pairs(&read_stage_one(other, other_name).unwrap()),
            "{name}"
        );
        for form in [Form::QuestionResponse, Form::Messages] {
            let written = stage_one_jsonl(&records, form).unwrap();
            assert_eq!(
                pairs(&read_stage_one(written.as_bytes(), name).unwrap()),
                pairs(&records)
            );
        }
        let golds: Vec<String> = questions((bytes, name))
            .iter()
            .map(|question| question.gold().to_owned())
            .collect();
        assert_eq!(golds, ["Canberra", "Jane Austen", "Danube"], "{name}");
    }
}

#[test]
fn stage_two_golds_end_before_a_last_i_am() {
    let read = questions(fixture!("stage_2/hotpotqa.json"));
    let golds: Vec<&str> = read.iter().map(Question::gold).collect();
    assert_eq!(golds, ["Canberra", "Jane Austen", "I Am Legend", "I am"]);
    let again = stage_two_json(&read).unwrap();
    let again = questions((again.as_bytes(), "hotpotqa.json"));
    assert_eq!(
        again
            .iter()
            .map(|question| &question.answers)
            .collect::<Vec<_>>(),
        read.iter()
            .map(|question| &question.answers)
            .collect::<Vec<_>>()
    );
}

#[test]
fn rows_with_the_same_question_share_golds_and_keep_their_ids() {
    let read = questions(fixture!("evaluation/pararel_data.json"));
    assert_eq!(read[0].answers, ["geometry", "topology"]);
    assert_eq!(read[1].answers, ["topology", "geometry"]);
    assert_ne!(read[0].id, read[1].id);
    assert_eq!(read[1].negative_answers, ["law", "art"]);
    assert_eq!(read[2].negative_answers, ["geometry"]);
    assert!(
        read.iter()
            .all(|question| question.judge == Judge::ShortAnswer && question.id.len() == 16)
    );
}

#[test]
fn ids_follow_the_file_and_the_row() {
    let (bytes, name) = fixture!("evaluation/pararel_data.json");
    let ids = |bytes: &[u8]| {
        read_questions(bytes, name)
            .unwrap()
            .into_iter()
            .map(|question| question.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(bytes), ids(bytes));
    let other = [bytes, b"\n"].concat();
    assert!(ids(bytes).iter().all(|id| !ids(&other).contains(id)));
    let hash = crate::hash::sha256_hex(bytes);
    assert_eq!(
        ids(bytes)[2],
        crate::hash::sha256_hex(format!("{hash}/2").as_bytes())[..16]
    );
}

#[test]
fn label_sets_and_sentences_are_known() {
    let fever = questions(fixture!("evaluation/fever.json"));
    assert!(fever.iter().all(|question| question.judge == Judge::Label));
    assert_eq!(fever[0].answers, ["true", "unknown"]);
    let strategy = questions(fixture!("evaluation/strategyqa.json"));
    assert_eq!(
        (strategy[0].gold(), strategy[0].judge),
        ("false", Judge::Label)
    );
    let (bytes, _) = fixture!("evaluation/truthful_qa.json");
    assert!(
        questions((bytes, "evaluation/truthful_qa.json"))
            .iter()
            .all(|question| question.judge == Judge::Sentence)
    );
    // By the median of the golds' words, whatever the name.
    assert!(
        questions((bytes, "other.json"))
            .iter()
            .all(|question| question.judge == Judge::Sentence)
    );
}

#[test]
fn evaluation_files_come_back() {
    let read = questions(fixture!("evaluation/pararel_data.json"));
    let again = evaluation_json(&read).unwrap();
    let again = questions((again.as_bytes(), "again.json"));
    let facts = |questions: &[Question]| -> Vec<(String, Vec<String>, Vec<String>)> {
        questions
            .iter()
            .map(|q| {
                (
                    q.question.clone(),
                    q.answers.clone(),
                    q.negative_answers.clone(),
                )
            })
            .collect()
    };
    assert_eq!(facts(&again), facts(&read));
}

#[test]
fn csv_files_are_read() {
    let read = questions(fixture!("evaluation/questions.csv"));
    assert_eq!(read[0].id, "a");
    assert_eq!(read[1].question, "Who wrote\n\"Emma\"?");
    assert_eq!(read[1].template.as_deref(), Some("author"));
}

#[test]
fn faithfulness_input_loses_the_instruction() {
    let (bytes, name) = fixture!("faithfulness.jsonl");
    let records = read_faithfulness(bytes, name).unwrap();
    assert_eq!(
        records[0].question,
        "Which city is the capital of Australia?"
    );
    assert_eq!(
        records[0].rationales().collect::<Vec<_>>(),
        [(0, "I am not certain.")]
    );
    let written = faithfulness_jsonl(&records).unwrap();
    assert_eq!(
        read_faithfulness(written.as_bytes(), name).unwrap(),
        records
    );
    let asked = questions((bytes, name));
    assert_eq!(asked[0].question, records[0].question);
    assert!(asked[0].answers.is_empty());
    assert_eq!(
        without_instruction(
            "[INST]\nPlease answer the following question step by step. After it: For example: Confidence: 10. \nWho?\n[/INST]"
        ),
        "Who?"
    );
}

#[test]
fn our_form_comes_back() {
    let question = Question {
        id: "wf-1".into(),
        question: "What is the symbol of gold?".into(),
        answers: vec!["Au".into()],
        negative_answers: vec!["Ag".into()],
        template: Some("symbol".into()),
        entity: Some("element:Au".into()),
        split: Some(Split::HeldOut),
        judge: Judge::Exact,
    };
    let other = Question {
        id: "wf-2".into(),
        question: "Other?".into(),
        ..question.clone()
    };
    let text = crate::jsonl::to_string(&[question.clone(), other.clone()]).unwrap();
    assert_eq!(
        questions((text.as_bytes(), "q.jsonl")),
        [question.clone(), other]
    );
    // A single record, laid out over lines, is no columnar file.
    let pretty = serde_json::to_string_pretty(&question).unwrap();
    assert_eq!(questions((pretty.as_bytes(), "q.json")), [question]);
}

#[test]
fn wrong_files_are_told() {
    for (text, line, wanted) in [
        ("", None, "found an empty file"),
        (" \u{feff}\n", None, "expected JSON, or a CSV header"),
        ("[]", None, "found no records"),
        ("{\"messages\":[]}", None, "found no records"),
        (
            "[{\"question\":\"a\",\"answer\":\"b\"},",
            Some(1),
            "found EOF",
        ),
        (
            "[\n{\"question\":\"a\",\"answer\":\"b\"},\n3]",
            Some(3),
            "record 2: found \"3\", expected a JSON object",
        ),
        (
            "[{\"question\":\"a\",\n\"answer\":\"b\"},\n{\"question\":1,\"answer\":\"b\"}]",
            Some(3),
            "record 2: found `question`: \"1\"",
        ),
        (
            "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":\"a\"}",
            Some(2),
            "record 2: found `question` alone",
        ),
        (
            "{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":\"a\",\"ans",
            Some(2),
            "record 2: found EOF while parsing",
        ),
        (
            "{\"question\":\"a\",\"answer\":NaN}\n{\"question\":\"a\",\"answer\":\"b\"}",
            Some(1),
            "record 1: found",
        ),
        (
            "{\"question\":\"a\",\"answer\":\"\"}",
            Some(1),
            "found `answer`",
        ),
        (
            "{\"question\":\" \",\"answer\":\"b\"}",
            Some(1),
            "found `question` of 0 bytes",
        ),
        ("{\"foo\":1}", Some(1), "found keys \"foo\""),
        (
            "{\"question\":\"a\",\"answers\":[]}",
            Some(1),
            "`answers` without an answer",
        ),
        (
            "{\"question\":\"a\",\"answers\":[\"b\"],\"split\":\"tset\"}",
            Some(1),
            "unknown variant `tset`",
        ),
        (
            "{\"id\":\"1\",\"question\":\"a\",\"answers\":[\"b\"]}\n{\"id\":\"1\",\"question\":\"b\",\"answers\":[\"b\"]}",
            Some(2),
            "id \"1\" again, first in record 1",
        ),
        (
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
            Some(1),
            "expected `messages` with `role`",
        ),
        ("a,b\n1,2\n", None, "found \"a,b\""),
        ("question,answer\na\n", Some(2), "record 1: found"),
        ("\u{1f}\u{8b}binary", None, "expected JSON, or a CSV header"),
        (
            "question,answer,judge,split\nSymbol of gold?,Au,exact,tset\n",
            Some(2),
            "record 1: found `split`: \"tset\", expected `train`, `dev`, `test` or `held-out`",
        ),
        (
            "question,answer,judge,split\nSymbol of gold?,Au,Exact,test\n",
            Some(2),
            "record 1: found `judge`: \"Exact\", expected `short-answer`, `exact`",
        ),
        (
            "{\"question\":\"a\",\"response\":\"b\",\"judge\":3}",
            Some(1),
            "found `judge`: \"3\"",
        ),
    ] {
        let error = error(text);
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.to_string().contains(wanted), "{text:?}: {error}");
        assert!(error.to_string().starts_with("q.json"), "{error}");
    }
}

#[test]
fn splits_and_judges_are_read_by_name_or_are_absent() {
    let csv = b"question,answer,judge,split\na?,b,exact,Validation\nc?,d,,\ne?,f,label,tset\n";
    let read = read_questions_leniently(csv, "q.csv").unwrap();
    let named = |question: &Question| (question.judge, question.split);
    assert_eq!(
        read.questions.iter().map(named).collect::<Vec<_>>(),
        [(Judge::Exact, Some(Split::Dev)), (Judge::ShortAnswer, None)]
    );
    assert_eq!(read.skipped[0].place(), "q.csv:4");
    let absent = br#"{"question":"a?","answer":"b","split":null,"judge":""}"#;
    let read = questions((absent.as_slice(), "q.json"));
    assert_eq!(named(&read[0]), (Judge::ShortAnswer, None));
    for judge in [
        Judge::ShortAnswer,
        Judge::Exact,
        Judge::Number,
        Judge::Label,
        Judge::Sentence,
    ] {
        let name = serde_json::to_string(&judge).unwrap();
        let text = format!("{{\"question\":\"a?\",\"answer\":\"b\",\"judge\":{name}}}");
        assert_eq!(questions((text.as_bytes(), "q.json"))[0].judge, judge);
    }
}

#[test]
fn golds_that_are_shared_have_a_limit() {
    let rows = |count: usize, golds: usize| -> String {
        (0..count)
            .map(|row| {
                let gold = row % golds;
                format!("{{\"question\":\"Name a city.\",\"answer\":\"c{gold}\"}}\n")
            })
            .collect()
    };
    let told = error(&rows(1_001, 1_001));
    assert!(!told.is_of_a_record(), "{told}");
    assert!(
        told.to_string().contains(
            "question \"Name a city.\" with 1001 golds in 1001 records, expected at most 1000"
        ),
        "{told}"
    );
    // Fewer golds in so many rows that their copies would fill the memory.
    let told = error(&rows(20_001, 1_000));
    assert!(told.found.contains("1000 golds in 20001 records"), "{told}");
    let read = questions((rows(3_000, 3).as_bytes(), "q.jsonl"));
    assert_eq!(read[2].answers, ["c2", "c0", "c1"]);
    assert_eq!(read[2_999].answers, ["c2", "c0", "c1"]);
}

#[test]
fn wrong_records_can_be_left_out() {
    let text = b"{\"question\":\"a\",\"answer\":\"b\"}\n{\"question\":3}\n{\"question\":\"c\",\"answer\":\"d\"}\n";
    let read = read_questions_leniently(text, "q.jsonl").unwrap();
    assert_eq!(read.questions.len(), 2);
    assert_eq!(read.skipped[0].place(), "q.jsonl:2");
    // The rows keep their ids.
    let rest = read_questions_leniently(text, "q.jsonl").unwrap();
    assert_eq!(read, rest);
    assert!(read_questions_leniently(b"{\"question\":3}\n", "q.jsonl").is_err());
}

/// The real files, where a folder has them: `SAYSELF_REFERENCE_FILES=FOLDER cargo nextest run
/// --release -p datasets --run-ignored all real_evaluation_files`.
#[test]
#[ignore = "needs the reference's evaluation files"]
fn real_evaluation_files() {
    let folder = std::env::var("SAYSELF_REFERENCE_FILES").expect("the folder is named");
    let read = |name: &str| {
        let bytes = std::fs::read(std::path::Path::new(&folder).join(name)).unwrap();
        questions((&bytes, name))
    };
    let distinct = |questions: &[Question]| {
        questions
            .iter()
            .map(|question| question.question.clone())
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    let pararel = read("pararel_data.json");
    assert_eq!(pararel.len(), 5584);
    assert!((5406..=5407).contains(&distinct(&pararel)));
    assert!(
        pararel
            .iter()
            .all(|question| question.judge == Judge::ShortAnswer)
    );
    assert!(pararel.iter().any(|question| question.answers.len() > 1));
    let ids: std::collections::HashSet<&str> = pararel
        .iter()
        .map(|question| question.id.as_str())
        .collect();
    assert_eq!(ids.len(), 5584);
    let truthful = read("truthful_qa.json");
    assert_eq!((truthful.len(), distinct(&truthful)), (817, 817));
    assert!(
        truthful
            .iter()
            .all(|question| question.judge == Judge::Sentence)
    );
}

proptest! {
    #[test]
    fn any_bytes_give_questions_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_questions(&bytes, "q");
        let _ = read_questions_leniently(&bytes, "q");
        let _ = read_stage_one(&bytes, "q");
        let _ = read_faithfulness(&bytes, "q");
    }

    #[test]
    fn cut_and_changed_files_give_questions_or_an_error(file in 0..STAGE_ONE.len() + 4, cut in any::<prop::sample::Index>(), changed in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let others = [fixture!("stage_2/hotpotqa.json"), fixture!("evaluation/pararel_data.json"), fixture!("evaluation/questions.csv"), fixture!("faithfulness.jsonl")];
        let (bytes, name) = STAGE_ONE.into_iter().chain(others).nth(file).expect("in range");
        let mut bytes = bytes[..=cut.index(bytes.len())].to_vec();
        let place = changed.index(bytes.len());
        bytes[place] = byte;
        let _ = read_questions_leniently(&bytes, name);
        let _ = read_stage_one(&bytes, name);
        let _ = read_faithfulness(&bytes, name);
    }

    #[test]
    fn any_questions_come_back(texts in proptest::collection::vec(("\\PC{0,20}[a-z]", "\\PC{0,20}[a-z]"), 1..8)) {
        let written: Vec<Question> = texts.iter().enumerate().map(|(index, (question, answer))| Question {
            id: format!("q{index}"),
            question: format!("{index}: {}", question.trim()),
            answers: vec![answer.clone()],
            negative_answers: Vec::new(),
            template: None,
            entity: None,
            split: None,
            judge: Judge::ShortAnswer,
        }).collect();
        let text = crate::jsonl::to_string(&written).unwrap();
        prop_assert_eq!(read_questions(text.as_bytes(), "q.jsonl").unwrap(), written);
    }
}
