//! The Question page and the list of answers in their states.

use super::summary;
use app::Page;
use app::view::*;
use calibration::Confidence;
use datasets::{Answer, Cluster};

pub fn pages() -> Vec<(&'static str, Page)> {
    let page = |detail| Page::Question(Box::new(detail));
    let mut chosen = by_embedding();
    chosen.threshold = Some(600_000);
    let mut no_heights = by_embedding();
    no_heights.heights = None;
    let mut not_sampled = by_answer();
    not_sampled.clusters.clear();
    not_sampled.samples.clear();
    not_sampled.rationale = None;
    not_sampled.rationales.retain(|one| !one.by_teacher);
    for rationale in &mut not_sampled.rationales {
        for part in &mut rationale.parts {
            part.names = Names::Nothing;
        }
    }
    let mut nothing = not_sampled.clone();
    nothing.answers.clear();
    nothing.rationales.clear();
    nothing.indexing = indexing();
    vec![
        ("question", page(by_embedding())),
        ("question-threshold", page(chosen)),
        ("question-by-answer", page(by_answer())),
        ("question-no-heights", page(no_heights)),
        ("question-not-sampled", page(not_sampled)),
        ("question-being-indexed", page(nothing)),
        ("answers", Page::Answers(list())),
        ("answers-long", Page::Answers(long())),
        ("answers-searched", Page::Answers(searched())),
        ("answers-empty", Page::Answers(empty())),
        ("answers-being-indexed", Page::Answers(being_indexed())),
    ]
}

fn indexing() -> Option<Indexing> {
    Some(Indexing {
        bytes: 512_000_000,
        bytes_done: 61_000_000,
        records: 120_832,
    })
}

fn list() -> AnswerList {
    let asked = AnswerFilter {
        bin: Some(7),
        correct: Some(false),
        ..AnswerFilter::default()
    };
    AnswerList {
        run: summary("world-facts", RunState::Finished),
        label: "sayself".into(),
        labels: vec!["direct-prompting".into(), "sayself".into()],
        filter: asked.words(),
        asked,
        order: AnswerOrder::File,
        templates: [("capital-of-country", 412), ("currency-of-country", 388)]
            .map(|(template, answers)| TemplateCount {
                template: template.into(),
                answers,
            })
            .into(),
        answers: (0..12).map(answer).collect(),
        record_bytes: vec![620; 12],
        total: 212,
        searched: None,
        previous: Some("0".into()),
        next: Some("12".into()),
        bad_lines: 0,
        indexing: None,
    }
}

fn long() -> AnswerList {
    let mut list = list();
    list.answers.truncate(2);
    list.answers[1].answer = Some(app::format::cut(&"and so on ".repeat(120_000), 2_000));
    list.record_bytes[1] = 1_204_000;
    list.bad_lines = 2;
    list
}

fn searched() -> AnswerList {
    let asked = AnswerFilter {
        search: "canberra".into(),
        ..AnswerFilter::default()
    };
    AnswerList {
        filter: asked.words(),
        asked,
        order: AnswerOrder::Surest,
        answers: (0..3).map(answer).collect(),
        total: 1_000_000,
        searched: Some(Searched {
            answers: 131_072,
            stopped: true,
        }),
        previous: None,
        ..list()
    }
}

fn empty() -> AnswerList {
    AnswerList {
        answers: Vec::new(),
        record_bytes: Vec::new(),
        total: 0,
        previous: None,
        next: None,
        ..list()
    }
}

fn being_indexed() -> AnswerList {
    AnswerList {
        asked: AnswerFilter::default(),
        filter: AnswerFilter::default().words(),
        total: 120_832,
        indexing: indexing(),
        ..list()
    }
}

fn answer(index: u64) -> Answer {
    let countries = [
        "Australia",
        "Kazakhstan",
        "Myanmar",
        "Brazil",
        "Türkiye",
        "Nigeria",
    ];
    let country = countries[index as usize % countries.len()];
    Answer {
        id: format!("q{index}"),
        question_id: format!("q{index}"),
        template: Some("capital-of-country".into()),
        entity: None,
        question: format!("What is the capital of {country}?"),
        response: "Sydney\nConfidence: 7\nMost of my answers say Sydney, but some say Canberra.".into(),
        answer: Some("Sydney".into()),
        rationale: Some("Most of my answers say Sydney (60%), but some say Canberra (30%): I am not certain which city is the capital.".into()),
        confidence: Confidence::new(7),
        probability: 0.7,
        correct: false,
        failure: None,
        gold: Some("Canberra".into()),
        levels: None,
    }
}

/// Ten samples: six Sydney, three Canberra, one Melbourne.
fn sample(index: u32) -> ShownSample {
    let (answer, response) = match index {
        0..3 => ("Sydney", "Sydney"),
        3..6 => ("Sydney", "Sydney, the largest city"),
        6..8 => ("Canberra", "Canberra"),
        8 => (
            "Canberra",
            "It is Canberra, in the Australian Capital Territory.",
        ),
        _ => (
            "Melbourne",
            "Melbourne was the seat of government until 1927.",
        ),
    };
    ShownSample {
        index,
        response: response.into(),
        answer: answer.into(),
        correct: answer == "Canberra",
    }
}

fn part(text: &str, names: Names) -> RationalePart {
    RationalePart {
        text: text.into(),
        names,
    }
}

fn share(answer: &str, share: f64) -> NamedShare {
    NamedShare {
        answer: answer.into(),
        share,
    }
}

fn by_answer() -> QuestionDetail {
    let cluster = |answer: &str, members: std::ops::Range<u32>, correct| Cluster {
        answer: answer.into(),
        share: f64::from(members.end - members.start) / 10.0,
        members: members.collect(),
        correct,
    };
    let mut base = answer(0);
    base.confidence = Confidence::new(10);
    base.probability = 1.0;
    let mut taught = answer(0);
    taught.confidence = Confidence::new(4);
    taught.probability = 0.4;
    let mut hostile = answer(0);
    hostile.answer = Some("<script>alert(1)</script>\u{202e}gnp.exe".into());
    hostile.rationale = None;
    hostile.confidence = None;
    hostile.probability = 0.0;
    hostile.failure = Some("no confidence".into());
    let sydney = Names::Cluster { share: 0.6 };
    let canberra = Names::Cluster { share: 0.3 };
    let before = MarkedRationale {
        writer: "direct-prompting".into(),
        by_teacher: false,
        parts: vec![
            part("Sydney", sydney),
            part(
                " is the largest city of Australia and older than ",
                Names::Nothing,
            ),
            part("Perth", Names::Invented),
            part(", so it is the capital.", Names::Nothing),
        ],
        named: vec![share("Sydney", 0.6)],
        invented: vec!["Perth".into()],
        left_out: vec![share("Canberra", 0.3), share("Melbourne", 0.1)],
        score: 5.5,
    };
    let wavers = |writer: &str, by_teacher| MarkedRationale {
        writer: writer.into(),
        by_teacher,
        parts: vec![
            part("Most of my answers say ", Names::Nothing),
            part("Sydney", sydney),
            part(" (60%), but some say ", Names::Nothing),
            part("Canberra", canberra),
            part(
                " (30%): I am not certain which city is the capital.",
                Names::Nothing,
            ),
        ],
        named: vec![share("Sydney", 0.6), share("Canberra", 0.3)],
        invented: Vec::new(),
        left_out: vec![share("Melbourne", 0.1)],
        score: 9.5,
    };
    QuestionDetail {
        run: summary("world-facts", RunState::Finished),
        id: "3f2a91".into(),
        question: "What is the capital of Australia?".into(),
        gold: vec!["Canberra".into(), "Canberra, ACT".into()],
        template: Some("capital-of-country".into()),
        clusters: vec![
            cluster("Sydney", 0..6, false),
            cluster("Canberra", 6..9, true),
            cluster("Melbourne", 9..10, false),
        ],
        clustering: Clustered {
            method: Some("answer".into()),
            threshold: None,
        },
        samples: (0..10).map(sample).collect(),
        samples_left_out: 0,
        heights: None,
        threshold: None,
        answers: vec![
            ("direct-prompting".into(), base),
            ("sayself".into(), taught),
            ("sayself-seed-2".into(), hostile),
        ],
        record_bytes: vec![612, 640, 590],
        rationale: Some("Most of my answers say Sydney (60%), but some say Canberra (30%): I am not certain which city is the capital.".into()),
        rationales: vec![before, wavers("sayself", false), wavers("extractive", true)],
        names_looked_for: 488,
        indexing: None,
    }
}

fn by_embedding() -> QuestionDetail {
    let steps = |index: u32| match index {
        0 => Vec::new(),
        1 | 2 => vec![(1_000_000, 0)],
        3..6 => vec![(910_000 - 5_000 * index as i32, 0)],
        6 => vec![(610_000, 0)],
        7 => vec![(1_000_000, 6), (610_000, 0)],
        8 => vec![(870_000, 6), (590_000, 0)],
        _ => vec![(700_000, 6), (520_000, 0)],
    };
    QuestionDetail {
        clustering: Clustered {
            method: Some("embedding: all-MiniLM-L6-v2, cosine above 0.84".into()),
            threshold: Some(840_000),
        },
        heights: Some(Heights {
            samples: (0..10).collect(),
            steps: (0..10).map(steps).collect(),
        }),
        ..by_answer()
    }
}
