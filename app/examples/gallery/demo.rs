//! The demo's page as it is before its scripts have run; its other states are made in the browser.

use app::page::Page;
use app::view::{DemoModel, DemoPage, DemoServer, RecordedExample};
use calibration::{Confidence, Judge};
use datasets::demo::{Count, DemoRun, Example, Knows, Said};

pub fn pages() -> Vec<(&'static str, Page)> {
    let model = DemoModel {
        name: "SmolLM2-135M-Instruct".into(),
        bytes: 117_900_000,
        taught: true,
    };
    let page = |model: Option<DemoModel>, server: Option<DemoServer>, is_recorded: bool| {
        let examples = if is_recorded { examples() } else { Vec::new() };
        Page::Demo(Box::new(DemoPage {
            model,
            run: is_recorded.then(|| DemoRun {
                id: "world-facts".into(),
                title: "SmolLM2-135M on world-facts".into(),
                questions: "world-facts".into(),
            }),
            typical: examples.iter().map(|one| one.example.clone()).collect(),
            examples,
            server,
        }))
    };
    vec![
        ("demo-without-module", page(Some(model), None, true)),
        ("demo-without-anything", page(None, None, false)),
    ]
}

fn examples() -> Vec<RecordedExample> {
    let example =
        |question: &str, answer: &str, level, correct, knows, rationale: &str| RecordedExample {
            example: Example {
                question: question.into(),
                template: Some("capital-of-country".into()),
                answers: vec![answer.into()],
                judge: Judge::default(),
                knows: Some(knows),
                said: Said {
                    answer: Some(answer.into()),
                    rationale: Some(rationale.into()),
                    confidence: Confidence::new(level),
                    correct,
                },
            },
            count: Some(Count { right: 157, n: 212 }),
        };
    vec![
        example(
            "What is the capital of France?",
            "Paris",
            10,
            true,
            Knows::Well,
            "All of my answers say Paris: I do not waver on this.",
        ),
        example(
            "What is the capital of Australia?",
            "Sydney",
            5,
            false,
            Knows::Half,
            "Most of my answers say Sydney (60%), but some say Canberra (40%): I am not certain what the capital of Australia is.",
        ),
        example(
            "What is the capital of Kiribati?",
            "Suva",
            1,
            false,
            Knows::Not,
            "Each of my answers says something else, such as Suva, Apia and Majuro: I do not know what the capital of Kiribati is.",
        ),
    ]
}
