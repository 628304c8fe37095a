//! The API page, with one of each thing that it may show.

use app::page::Page;
use app::view::{
    ApiAnswer, ApiField, ApiForm, ApiGroup, ApiOperation, ApiReference, ApiSchema, ApiWord,
};

fn text(words: &str) -> Vec<ApiWord> {
    vec![ApiWord::Text(words.into())]
}

fn field(name: &str, place: &str, required: bool, shape: &str, description: &str) -> ApiField {
    ApiField {
        name: name.into(),
        place: place.into(),
        required,
        shape: text(shape),
        description: description.into(),
    }
}

pub fn pages() -> Vec<(&'static str, Page)> {
    let list = ApiOperation {
        anchor: "get-api-runs".into(),
        method: "GET".into(),
        path: "/api/runs".into(),
        summary: "Lists runs, the newest first.".into(),
        parameters: vec![
            field(
                "q",
                "query",
                false,
                "string",
                "Runs that have this in their title; 200 bytes at most",
            ),
            field(
                "limit",
                "query",
                false,
                "integer, 1 to 200",
                "Rows; 50 where absent",
            ),
        ],
        answers: vec![
            ApiAnswer {
                status: "200".into(),
                kind: "application/json".into(),
                shape: vec![ApiWord::Schema("RunList".into())],
                ..ApiAnswer::default()
            },
            ApiAnswer {
                status: "400".into(),
                kind: "application/problem+json".into(),
                shape: text("object"),
                description: "The `next` field says what to do.".into(),
            },
        ],
        curl: "curl http://127.0.0.1:7590/api/runs".into(),
        ..ApiOperation::default()
    };
    let add = ApiOperation {
        anchor: "post-api-jobs".into(),
        method: "POST".into(),
        path: "/api/a-rather-long/address/{that_has}/many_parts/{and_names_of_parts}".into(),
        summary: "Starts a run.".into(),
        description: "The answer's `Location` names the job.".into(),
        body: Some(vec![ApiWord::Schema("RunList".into())]),
        curl: "curl --request POST http://127.0.0.1:7590/api/jobs --header 'Content-Type: application/json' --data '{\"config\":\"world-facts/demo\"}'".into(),
        ..ApiOperation::default()
    };
    let schema = ApiSchema {
        name: "RunList".into(),
        description: "A page of runs.".into(),
        forms: vec![
            ApiForm {
                description: "Most pages.".into(),
                fields: vec![
                    field("runs", "", true, "list of string", "The newest first."),
                    field(
                        "a_rather_long_name_of_a_field",
                        "",
                        false,
                        "string or null",
                        "The cursor of the next page.",
                    ),
                ],
                ..ApiForm::default()
            },
            ApiForm {
                shape: text("null"),
                ..ApiForm::default()
            },
        ],
    };
    let reference = ApiReference {
        title: "sayself".into(),
        version: "0.1.0".into(),
        description:
            "What the pages show, as JSON: `next` of one page is `cursor` of the following one."
                .into(),
        document: "/api/openapi.json".into(),
        groups: vec![
            ApiGroup {
                name: "runs".into(),
                description: "Run directories, read-only".into(),
                operations: vec![list],
            },
            ApiGroup {
                name: "jobs".into(),
                description: "Runs started from here".into(),
                operations: vec![add],
            },
        ],
        schemas: vec![schema],
    };
    vec![("api", Page::Api(Box::new(reference)))]
}
