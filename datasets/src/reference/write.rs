//! The reference's forms, written: stage 1 by `sayself build`, the others for whoever goes on with the
//! reference's own code, and by tests, which read them again.

use super::FaithfulnessRecord;
use crate::prompts::Message;
use crate::{Question, StageOneRecord, jsonl};
use serde::Serialize;

/// How a training example is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `{"question","response"}`, with our keys behind, which the reference's readers ignore.
    #[default]
    QuestionResponse,
    /// `{"messages":[{"role","content"},…]}`, for chat trainers.
    Messages,
}

#[derive(Serialize)]
struct Conversation {
    messages: Vec<Message>,
}

fn conversation(question: &str, response: &str) -> Vec<Message> {
    vec![Message::user(question), Message::assistant(response)]
}

/// A stage-1 file.
///
/// # Errors
/// Of values that JSON cannot hold (none of these types has one).
pub fn stage_one_jsonl(
    records: &[StageOneRecord],
    form: Form,
) -> Result<String, serde_json::Error> {
    match form {
        Form::QuestionResponse => jsonl::to_string(records),
        Form::Messages => {
            let conversations: Vec<Conversation> = records
                .iter()
                .map(|record| Conversation {
                    messages: conversation(&record.question, &record.response),
                })
                .collect();
            jsonl::to_string(&conversations)
        }
    }
}

/// The stage-2 file, columnar: each question with its gold answer as the assistant's message.
///
/// # Errors
/// As [`stage_one_jsonl`].
pub fn stage_two_json(questions: &[Question]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Columns {
        messages: Vec<Vec<Message>>,
    }
    let messages = questions
        .iter()
        .map(|question| conversation(&question.question, question.gold()))
        .collect();
    serde_json::to_string(&Columns { messages })
}

/// An evaluation file: a list of `{"question","answer","negative_answer"}`, negatives joined by `/`.
/// Aliases have no place in it.
///
/// # Errors
/// As [`stage_one_jsonl`].
pub fn evaluation_json(questions: &[Question]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Row<'a> {
        question: &'a str,
        answer: &'a str,
        negative_answer: String,
    }
    let rows: Vec<Row<'_>> = questions
        .iter()
        .map(|question| Row {
            question: &question.question,
            answer: question.gold(),
            negative_answer: question.negative_answers.join("/"),
        })
        .collect();
    serde_json::to_string_pretty(&rows)
}

/// Faithfulness input.
///
/// # Errors
/// As [`stage_one_jsonl`].
pub fn faithfulness_jsonl(records: &[FaithfulnessRecord]) -> Result<String, serde_json::Error> {
    jsonl::to_string(records)
}
