//! One question: what the model samples, what it says about itself, before and after.

use crate::chart::share;
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::{Foreign, Outcome, Trail};
use crate::view::QuestionDetail;
use datasets::{Answer, Cluster};
use leptos::prelude::*;

pub fn frame(detail: QuestionDetail) -> Frame {
    let QuestionDetail {
        run,
        id,
        question,
        gold,
        template,
        clusters,
        answers,
        rationale,
    } = detail;
    let trail = vec![
        ("Runs".to_owned(), "/".to_owned()),
        (run.title.clone(), link::run(&run.id, &[])),
    ];
    let (first, aliases) = match gold.split_first() {
        Some((first, aliases)) => (first.clone(), aliases.to_vec()),
        None => ("not known".to_owned(), Vec::new()),
    };
    let aliases = (!aliases.is_empty()).then(|| {
        view! { <span class="minor">"also accepted: " <Foreign text=aliases.join(", ") /></span> }
    });
    let template =
        template.map(|template| view! { <div><dt>"Template"</dt><dd>{template}</dd></div> });
    let body = view! {
        <Trail parts=trail />
        <h1 class="question"><Foreign text=question.clone() /></h1>
        <dl class="facts">
            <div><dt>"Gold answer"</dt><dd><Foreign text=first /> {aliases}</dd></div>
            {template}
            <div><dt>"Id"</dt><dd><code>{id}</code></dd></div>
        </dl>
        {sampled(clusters)}
        {said(answers)}
        {taught(rationale)}
    };
    let title = format::foreign(&question).chars().take(80).collect();
    Frame {
        title,
        islands: false,
        body: body.into_any(),
    }
}

/// The samples by cluster with their shares.
fn sampled(clusters: Vec<Cluster>) -> AnyView {
    if clusters.is_empty() {
        return view! {
            <section>
                <h2>"What it answers when asked again and again"</h2>
                <p>"This question was not sampled: only train questions are, unless an evaluation samples."</p>
            </section>
        }
        .into_any();
    }
    let samples: usize = clusters.iter().map(|cluster| cluster.members.len()).sum();
    let groups = clusters.len() as u64;
    let rows = clusters
        .into_iter()
        .map(|cluster| {
            view! {
                <tr>
                    <th scope="row"><Foreign text=cluster.answer /></th>
                    <td class="number">{format::percent(cluster.share)}</td>
                    <td class="share" inner_html=share::svg(cluster.share, cluster.correct)></td>
                    <td class="number">{format::count(cluster.members.len() as u64)}</td>
                    <td><Outcome correct=cluster.correct /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section>
            <h2>"What it answers when asked again and again"</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Clusters">
                <table class="clusters">
                    <caption>
                        {format!(
                            "{} in {}",
                            format::counted(samples as u64, "sample"),
                            format::counted(groups, "group"),
                        )}
                    </caption>
                    <thead>
                        <tr>
                            <th scope="col">"Answer"</th>
                            <th scope="col" class="number">"Share"</th>
                            <th scope="col"><span class="unseen">"Share as a bar"</span></th>
                            <th scope="col" class="number">"Samples"</th>
                            <th scope="col">"Outcome"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// Each evaluation's answer, confidence and rationale, side by side: first those in which the model
/// itself says how sure it is, before and after.
fn said(mut answers: Vec<(String, Answer)>) -> AnyView {
    if answers.is_empty() {
        return view! {
            <section>
                <h2>"What it says of itself"</h2>
                <p>"No evaluation asked this question."</p>
            </section>
        }
        .into_any();
    }
    answers.sort_by_key(|(_, answer)| answer.confidence.is_none() && answer.failure.is_none());
    let cards = answers
        .into_iter()
        .map(|(label, answer)| card(label, answer))
        .collect_view();
    view! {
        <section>
            <h2>"What it says of itself"</h2>
            <div class="cards">{cards}</div>
        </section>
    }
    .into_any()
}

fn card(label: String, answer: Answer) -> AnyView {
    let confidence = match (answer.confidence, &answer.failure) {
        (Some(level), _) => format!("{} of 10", level.level()),
        (None, Some(failure)) => format!("not read ({failure}), counted as 0"),
        (None, None) => format!(
            "{} (computed, not stated)",
            format::fixed(answer.probability, 2)
        ),
    };
    let rationale = match answer
        .rationale
        .filter(|rationale| !rationale.trim().is_empty())
    {
        Some(rationale) => view! { <blockquote><Foreign text=rationale /></blockquote> }.into_any(),
        None => view! { <p class="minor">"no rationale"</p> }.into_any(),
    };
    let said = answer
        .answer
        .unwrap_or_else(|| "no answer could be read".to_owned());
    view! {
        <article class="card">
            <h3>{format::foreign(&label)}</h3>
            <p class="said"><Foreign text=said /> " " <Outcome correct=answer.correct /></p>
            <p class="confidence">
                <span>"Confidence " <strong>{confidence}</strong></span>
                <span class="gauge" inner_html=share::svg(answer.probability, answer.correct)></span>
            </p>
            {rationale}
            <details>
                <summary>"The response as it stands"</summary>
                <pre class="response"><Foreign text=answer.response /></pre>
            </details>
        </article>
    }
    .into_any()
}

fn taught(rationale: Option<String>) -> AnyView {
    match rationale {
        None => ().into_any(),
        Some(rationale) => view! {
            <section>
                <h2>"What the teacher wrote from the samples"</h2>
                <blockquote><Foreign text=rationale /></blockquote>
            </section>
        }
        .into_any(),
    }
}
