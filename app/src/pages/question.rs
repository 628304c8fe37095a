//! One question: what the model samples, what it says about itself, before and after, and whether that
//! is true to the samples.

use crate::chart::{cluster_counts, share};
use crate::document::Frame;
use crate::drawn::{self, CLUSTER_COUNTS};
use crate::format;
use crate::island::downloads::downloads;
use crate::island::threshold::Threshold;
use crate::link;
use crate::medium::medium;
use crate::pages::answers::size;
use crate::pages::words::{Foreign, Notice, Outcome, Trail};
use crate::regroup::{Group, Sampled};
use crate::view::{MarkedRationale, NamedShare, Names, QuestionDetail};
use datasets::Answer;
use leptos::prelude::*;

/// Clusters that a sentence names; the others are counted.
const NAMED_MAX: usize = 6;

pub fn frame(detail: QuestionDetail) -> Frame {
    let trail = vec![
        ("Runs".to_owned(), "/".to_owned()),
        (detail.run.title.clone(), link::run(&detail.run.id, &[])),
    ];
    let sampled = Sampled::new(&detail);
    let title = format::foreign(&detail.question).chars().take(80).collect();
    let body = view! {
        <Trail parts=trail />
        <h1 class="question"><Foreign text=detail.question.clone() /></h1>
        {facts(&detail)}
        {indexing(&detail)}
        {samples(&detail, &sampled)}
        {said(&detail)}
        {taught(&detail)}
    };
    let movable = sampled.has_heights() && detail.clustering.threshold.is_some();
    Frame {
        title,
        islands: movable,
        downloads: movable,
        body: body.into_any(),
    }
}

fn facts(detail: &QuestionDetail) -> AnyView {
    let (first, aliases) = match detail.gold.split_first() {
        Some((first, aliases)) => (first.clone(), aliases.to_vec()),
        None => ("not known".to_owned(), Vec::new()),
    };
    let aliases = (!aliases.is_empty()).then(|| {
        view! { <span class="minor">"also accepted: " <Foreign text=aliases.join(", ") /></span> }
    });
    let template = detail.template.as_deref().map(
        |template| view! { <div><dt>"Template"</dt><dd>{format::foreign(template)}</dd></div> },
    );
    view! {
        <dl class="facts">
            <div><dt>"Gold answer"</dt><dd><Foreign text=first /> {aliases}</dd></div>
            {template}
            <div><dt>"Id"</dt><dd><code>{format::foreign(&detail.id)}</code></dd></div>
        </dl>
    }
    .into_any()
}

fn indexing(detail: &QuestionDetail) -> Option<AnyView> {
    let text = format!(
        "{}. What is not read yet may be missing here.",
        detail.indexing?.words()
    );
    Some(
        view! {
            <div class="indexing">
                <Notice kind="warning" title="This run is being indexed:".into() text=text />
                <p class="next"><a href=link::question(&detail.run.id, &detail.id)>"Load again"</a></p>
            </div>
        }
        .into_any(),
    )
}

/// The samples by cluster, at the threshold that is stored or chosen.
fn samples(detail: &QuestionDetail, sampled: &Sampled) -> AnyView {
    if detail.clusters.is_empty() {
        return view! {
            <section>
                <h2>"What it answers when asked again and again"</h2>
                <p>"This question was not sampled: only train questions are, unless an evaluation samples."</p>
            </section>
        }
        .into_any();
    }
    let stored = detail.clustering.threshold;
    let clusters = match stored {
        Some(stored) if sampled.has_heights() => view! {
            <Threshold
                sampled=sampled.clone()
                stored=stored
                chosen=detail.threshold.unwrap_or(stored)
                address=link::question(&detail.run.id, &detail.id)
            />
        }
        .into_any(),
        _ => {
            let groups: Vec<Group> = detail
                .clusters
                .iter()
                .map(|cluster| Group {
                    answer: format::visible(&cluster.answer),
                    correct: cluster.correct,
                    indices: cluster.members.clone(),
                    share: cluster.share,
                })
                .collect();
            view! {
                <div class="scroll" tabindex="0" role="region" aria-label="Samples by cluster" inner_html=sampled.table(&groups)></div>
            }
            .into_any()
        }
    };
    let left_out = (detail.samples_left_out > 0).then(|| {
        let words = format::counted(detail.samples_left_out, "sample");
        view! { <p class="minor">{words} " more, not shown here."</p> }
    });
    let has_records = !sampled.samples.is_empty() && medium().has_downloads();
    let whole = has_records.then(|| {
        let records = |kind| link::records(&detail.run.id, &detail.id, kind, None);
        let heights = sampled.has_heights().then(|| {
            view! { " · " <a href=records("heights") download>"merge heights"</a> }
        });
        view! {
            <p class="minor">
                "As they stand in the run: " <a href=records("samples") download>"samples"</a>
                {heights}
            </p>
        }
    });
    view! {
        <section aria-labelledby="samples">
            <h2 id="samples">"What it answers when asked again and again"</h2>
            <p>{how(detail, sampled)}</p>
            {clusters}
            {left_out}
            {counts(detail, sampled)}
            {whole}
        </section>
    }
    .into_any()
}

/// How the samples came into clusters, and why there is or is not a threshold to move.
fn how(detail: &QuestionDetail, sampled: &Sampled) -> String {
    let Some(method) = &detail.clustering.method else {
        return "These samples were not clustered yet. Here they are grouped by normalised answer, which has no threshold to move.".into();
    };
    if detail.clustering.threshold.is_none() {
        return "Samples whose answers are the same but for case, articles and punctuation are one cluster: grouped by normalised answer, there is no threshold to move.".into();
    }
    let by = format::foreign(&format::cut(method, 200));
    if sampled.has_heights() {
        format!(
            "Samples whose meanings are near enough are one cluster ({by}). Move the threshold to see how far the clusters depend on it."
        )
    } else {
        format!(
            "Samples whose meanings are near enough are one cluster ({by}). No merge heights are stored beside them, so the threshold cannot be moved: `sayself cluster` writes them."
        )
    }
}

/// How many clusters there are at each threshold.
fn counts(detail: &QuestionDetail, sampled: &Sampled) -> Option<AnyView> {
    let counts = drawn::cluster_counts(detail, sampled)?;
    let drawing = cluster_counts::svg(&counts, CLUSTER_COUNTS);
    let table = cluster_counts::table(&counts);
    let address = match counts.chosen {
        Some(chosen) => link::question_at(&detail.run.id, &detail.id, chosen),
        None => link::question(&detail.run.id, &detail.id),
    };
    let charts = link::question_charts(&detail.run.id, &detail.id);
    Some(
        view! {
            <figure class="cluster-counts">
                <div inner_html=drawing></div>
                <figcaption>
                    "Clusters at each threshold. Where the line is flat about the stored threshold, it matters little which one is taken."
                </figcaption>
                <details class="numbers">
                    <summary>"The line as a table"</summary>
                    <div class="scroll" tabindex="0" role="region" aria-label="Clusters by threshold" inner_html=table></div>
                </details>
                {downloads(CLUSTER_COUNTS, &charts, &address)}
            </figure>
        }
        .into_any(),
    )
}

/// Each evaluation's answer, confidence and rationale, side by side: first those in which the model
/// itself says how sure it is, before and after.
fn said(detail: &QuestionDetail) -> AnyView {
    if detail.answers.is_empty() {
        return view! {
            <section>
                <h2>"What it says of itself"</h2>
                <p>"No evaluation asked this question."</p>
            </section>
        }
        .into_any();
    }
    let bytes = detail
        .record_bytes
        .iter()
        .copied()
        .chain(std::iter::repeat(0));
    let mut answers: Vec<(&(String, Answer), u64)> = detail.answers.iter().zip(bytes).collect();
    answers.sort_by_key(|((_, answer), _)| answer.confidence.is_none() && answer.failure.is_none());
    let cards = answers
        .into_iter()
        .map(|((label, answer), bytes)| card(detail, label, answer, bytes))
        .collect_view();
    view! {
        <section aria-labelledby="said">
            <h2 id="said">"What it says of itself"</h2>
            {legend(detail)}
            <div class="cards">{cards}</div>
        </section>
    }
    .into_any()
}

/// What the marks in the rationales mean.
fn legend(detail: &QuestionDetail) -> Option<AnyView> {
    if detail.rationales.is_empty() {
        return None;
    }
    if detail.clusters.is_empty() {
        return Some(
            view! {
                <p class="minor">"Which answers a rationale names truly cannot be told here: the question was not sampled."</p>
            }
            .into_any(),
        );
    }
    let looked_for = format!(
        "Looked for among {} to questions of the same template, sampled and gold.",
        format::counted(detail.names_looked_for, "answer")
    );
    Some(
        view! {
            <p class="legend">
                "In a rationale: " <mark class="named">"an answer that samples give"</mark> ", "
                <mark class="invented">"an answer that none gives"</mark> ". "
                <span class="minor">{looked_for} " The clusters are the stored ones."</span>
            </p>
        }
        .into_any(),
    )
}

fn card(detail: &QuestionDetail, label: &str, answer: &Answer, bytes: u64) -> AnyView {
    let confidence = match (answer.confidence, &answer.failure) {
        (Some(level), _) => format!("{} of 10", level.level()),
        (None, Some(failure)) => {
            let failure = format::foreign(&format::cut(failure, 200));
            format!("not read ({failure}), counted as 0")
        }
        (None, None) => format!(
            "{} (computed, not stated)",
            format::fixed(answer.probability, 2)
        ),
    };
    let agreement = detail.share_that_agrees(answer).map(|share| {
        let samples: usize = detail
            .clusters
            .iter()
            .map(|cluster| cluster.members.len())
            .sum();
        let words = format!(
            "{} of {}",
            format::percent(share),
            format::counted(samples as u64, "sample")
        );
        view! {
            <span>"Say the same " <strong>{words}</strong></span>
            <span class="gauge" inner_html=share::svg(share, answer.correct)></span>
        }
    });
    let rationale = detail
        .rationales
        .iter()
        .find(|rationale| !rationale.by_teacher && rationale.writer == label)
        .map_or_else(
            || view! { <p class="minor">"no rationale"</p> }.into_any(),
            |rationale| marked(detail, rationale),
        );
    let said = answer
        .answer
        .clone()
        .unwrap_or_else(|| "no answer could be read".to_owned());
    let record = medium().has_downloads().then(|| {
        let address = link::records(&detail.run.id, &detail.id, "answers", Some(label));
        view! { <p class="minor"><a href=address download>{["the whole record, ", &size(bytes)].concat()}</a></p> }
    });
    view! {
        <article class="card">
            <h3>{format::foreign(label)}</h3>
            <p class="said"><Foreign text=said /> " " <Outcome correct=answer.correct /></p>
            <p class="confidence">
                <span>"Confidence " <strong>{confidence}</strong></span>
                <span class="gauge" inner_html=share::svg(answer.probability, answer.correct)></span>
                {agreement}
            </p>
            {rationale}
            <details>
                <summary>"The response as it stands"</summary>
                <pre class="response"><Foreign text=answer.response.clone() /></pre>
                {record}
            </details>
        </article>
    }
    .into_any()
}

/// A rationale with what it names marked, and what that comes to beneath.
fn marked(detail: &QuestionDetail, rationale: &MarkedRationale) -> AnyView {
    let parts = rationale
        .parts
        .iter()
        .map(|part| {
            let text = format::foreign(&part.text);
            match part.names {
                Names::Nothing => view! { {text} }.into_any(),
                Names::Cluster { share } => {
                    let told = [" [named: ", &format::percent(share), " of the samples]"].concat();
                    view! { <mark class="named">{text}<span class="unseen">{told}</span></mark> }
                        .into_any()
                }
                Names::Invented => view! {
                    <mark class="invented">{text}<span class="unseen">" [invented: no sample says it]"</span></mark>
                }
                .into_any(),
            }
        })
        .collect_view();
    let told = (!detail.clusters.is_empty()).then(|| {
        let row = |name: &'static str, class: &'static str, text: String| {
            view! { <div class=class><dt>{name}</dt><dd><Foreign text=text /></dd></div> }
        };
        let names =
            (!rationale.named.is_empty()).then(|| row("Names", "named", shares(&rationale.named)));
        let invents = (!rationale.invented.is_empty())
            .then(|| row("Invents", "invented", few(rationale.invented.clone())));
        let leaves_out = (!rationale.left_out.is_empty())
            .then(|| row("Leaves out", "left-out", shares(&rationale.left_out)));
        let nothing = (rationale.named.is_empty() && rationale.invented.is_empty())
            .then(|| view! { <div><dt>"Names"</dt><dd>"no answer"</dd></div> });
        let score = (!rationale.by_teacher).then(|| {
            let score = [&format::fixed(rationale.score, 1), " of 10"].concat();
            view! { <div><dt>"Faithful by names"</dt><dd>{score}</dd></div> }
        });
        view! { <dl class="names">{nothing}{names}{invents}{leaves_out}{score}</dl> }
    });
    view! {
        <blockquote><bdi class="foreign">{parts}</bdi></blockquote>
        {told}
    }
    .into_any()
}

/// `Canberra 60%, Sydney 30%`.
fn shares(named: &[NamedShare]) -> String {
    few(named
        .iter()
        .map(|one| {
            [
                &format::cut(one.answer.trim(), 60),
                " ",
                &format::percent(one.share),
            ]
            .concat()
        })
        .collect())
}

/// The first of a list, and how many more there are.
fn few(mut words: Vec<String>) -> String {
    let more = words.len().saturating_sub(NAMED_MAX);
    words.truncate(NAMED_MAX);
    let mut text = words
        .iter()
        .map(|word| format::cut(word, 80))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn taught(detail: &QuestionDetail) -> Option<AnyView> {
    let rationale = detail
        .rationales
        .iter()
        .find(|rationale| rationale.by_teacher)?;
    let writer = match rationale.writer.as_str() {
        "extractive" => {
            "Written from the clusters by rule, for the model to learn from.".to_owned()
        }
        writer => format!(
            "Written from the samples by {}, for the model to learn from.",
            format::foreign(&format::cut(writer, 100))
        ),
    };
    Some(
        view! {
            <section aria-labelledby="taught">
                <h2 id="taught">"What the teacher wrote from the samples"</h2>
                <p class="minor">{writer}</p>
                {marked(detail, rationale)}
            </section>
        }
        .into_any(),
    )
}
