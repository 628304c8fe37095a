//! The items that annotators differ on, each with a form that settles it. Whose rationale it is stays
//! folded: who settles should not be led by it.

use crate::format;
use crate::link;
use crate::pages::annotate::work::evidence;
use crate::pages::words::Foreign;
use crate::view::{AgreementReport, Disagreement};
use datasets::annotation::{
    Choice, Item, ItemRationale, ProjectKind, Rating, SCORE_MAX, Span, Verdict,
};
use leptos::prelude::*;

/// Characters of why an item is settled so.
const NOTE_CHARACTERS_MAX: usize = 4_000;
/// Items that stand open in the queue; the others are folded.
const SHOWN_MAX: usize = 10;

pub fn section(report: &AgreementReport) -> AnyView {
    if report.items == 0 {
        return ().into_any();
    }
    let (settled, open): (Vec<&Disagreement>, Vec<&Disagreement>) = report
        .disagreements
        .iter()
        .partition(|one| one.settled.is_some());
    let cards = |of: &[&Disagreement], is_first_open: bool| {
        of.iter()
            .enumerate()
            .map(|(place, one)| card(report, one, is_first_open && place == 0))
            .collect_view()
    };
    let words = match (open.len(), settled.len()) {
        (0, 0) => "Nobody differs on any item.".to_owned(),
        (0, _) => "Every item that is rated differently and shown here is settled.".to_owned(),
        (open, _) => format!(
            "{} are rated differently and not settled, the worst first. Read the evidence, then say what is right: the settled rating goes into the export in place of the mean or the majority. What the annotators said stays as it is.",
            format::counted(open as u64, "item"),
        ),
    };
    let done = (!settled.is_empty()).then(|| {
        view! {
            <h3>"Settled"</h3>
            {cards(&settled, false)}
        }
    });
    let (first, rest) = open.split_at(open.len().min(SHOWN_MAX));
    let rest = (!rest.is_empty()).then(|| {
        view! {
            <details>
                <summary>{format!("{} more to settle", format::count(rest.len() as u64))}</summary>
                {cards(rest, false)}
            </details>
        }
    });
    view! {
        <section aria-labelledby="settle">
            <h2 id="settle">"To settle"</h2>
            <p>{words}</p>
            {cards(first, true)}
            {rest}
            {done}
        </section>
    }
    .into_any()
}

fn card(report: &AgreementReport, one: &Disagreement, is_open: bool) -> AnyView {
    let item = &one.item;
    let kind = report.project.kind;
    let spread = match kind {
        ProjectKind::Single => format!("standard deviation {}", format::fixed(one.spread, 1)),
        ProjectKind::Pairs => format!("{} do not agree with most", format::percent(one.spread)),
    };
    let said: Vec<String> = one
        .ratings
        .iter()
        .map(|rating| rating_words(kind, rating))
        .collect();
    let settled = one.settled.clone().map(|settled| {
        view! { <span class="outcome right">{format!("settled: {}", format::foreign(&settled))}</span> }
    });
    view! {
        <details class="to-settle" id=format!("item-{}", item.id) open=is_open>
            <summary>
                <Foreign text=format::cut(&item.question, 200) />
                " "
                <span class="minor">
                    {format!("{}, {spread}, n = {}", said.join(" · "), format::count(one.ratings.len() as u64))}
                </span>
                {settled}
            </summary>
            <div class="judged">
                {evidence(item)}
                {rationales(kind, item)}
            </div>
            {ratings(kind, one)}
            {form(report, one)}
            {origin(kind, item)}
        </details>
    }
    .into_any()
}

fn evidence(item: &Item) -> AnyView {
    let line = |cluster| evidence::line(cluster, item.samples);
    view! {
        <div>
            <h3>"Evidence"</h3>
            <ol class="clusters">{item.evidence.iter().map(line).collect_view()}</ol>
        </div>
    }
    .into_any()
}

fn rationales(kind: ProjectKind, item: &Item) -> AnyView {
    let one = |(place, rationale): (usize, &ItemRationale)| {
        view! {
            <h3>{side_words(kind, place)}</h3>
            <blockquote><Foreign text=rationale.text.clone() /></blockquote>
        }
    };
    let all = item.rationales.iter().enumerate().map(one).collect_view();
    view! { <div>{all}</div> }.into_any()
}

/// What a rationale is called on this page.
fn side_words(kind: ProjectKind, place: usize) -> &'static str {
    match (kind, place) {
        (ProjectKind::Single, _) => "Rationale",
        (ProjectKind::Pairs, 0) => "First rationale",
        (ProjectKind::Pairs, _) => "Second rationale",
    }
}

/// Folded, for after one has made up one's mind.
fn origin(kind: ProjectKind, item: &Item) -> AnyView {
    let one = |(place, rationale): (usize, &ItemRationale)| {
        let level = rationale.confidence.map_or_else(
            || "no confidence".to_owned(),
            |level| format!("confidence {level}"),
        );
        let outcome = match rationale.correct {
            Some(true) => ", right",
            Some(false) => ", wrong",
            None => "",
        };
        let of = format!(
            "{}: {}, {level}{outcome}. ",
            side_words(kind, place),
            rationale.method
        );
        view! {
            <li>
                {format::foreign(&of)}
                <a href=link::question(&rationale.run, &item.question_id)>
                    {format!("The question in {}", format::foreign(&rationale.run))}
                </a>
            </li>
        }
    };
    let all = item.rationales.iter().enumerate().map(one).collect_view();
    view! {
        <details>
            <summary>"Whose it is"</summary>
            <ul>{all}</ul>
        </details>
    }
    .into_any()
}

/// What everybody said, by made-up names.
fn ratings(kind: ProjectKind, one: &Disagreement) -> AnyView {
    let row = |rating: &Rating| {
        let marks = marks(&one.item, &rating.spans);
        view! {
            <tr>
                <th scope="row">{rating.annotator.clone()}</th>
                <td>{rating_words(kind, rating)}</td>
                <td>{marks}</td>
                <td class="of-note"><Foreign text=rating.note.clone() /></td>
                <td class="number">{format::duration(rating.active_ms as f64 / 1_000.0)}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="What the annotators said">
            <table>
                <caption><span>"What the annotators said."</span></caption>
                <thead>
                    <tr>
                        <th scope="col">"Annotator"</th>
                        <th scope="col">"Rating"</th>
                        <th scope="col">"Marked words"</th>
                        <th scope="col">"Note"</th>
                        <th scope="col" class="number">"Looked at"</th>
                    </tr>
                </thead>
                <tbody>{one.ratings.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// `born out: “Rome”; contradicted: “Oslo”`.
fn marks(item: &Item, spans: &[Span]) -> String {
    let words = spans.iter().filter_map(|span| {
        let rationale = item.rationales.get(usize::from(span.side))?;
        let verdict = match span.verdict {
            Verdict::BornOut => "born out",
            Verdict::Contradicted => "contradicted",
        };
        Some(format!(
            "{verdict}: “{}”",
            format::foreign(&span.words(&rationale.text))
        ))
    });
    words.collect::<Vec<_>>().join("; ")
}

fn rating_words(kind: ProjectKind, rating: &Rating) -> String {
    match (kind, rating.score, rating.choice) {
        (ProjectKind::Single, Some(score), _) => score.to_string(),
        (ProjectKind::Pairs, _, Some(choice)) => choice_words(choice).to_owned(),
        _ => "–".to_owned(),
    }
}

/// With the rationales as they stand here, whichever stood on the left on somebody's page.
fn choice_words(choice: Choice) -> &'static str {
    match choice {
        Choice::Left => "the first",
        Choice::Right => "the second",
        Choice::Tie => "a tie",
        Choice::BothBad => "both bad",
    }
}

fn form(report: &AgreementReport, one: &Disagreement) -> AnyView {
    let said = match report.project.kind {
        ProjectKind::Single => view! {
            <label>
                {format!("Right is (0 to {SCORE_MAX}) ")}
                <input type="number" name="score" min="0" max=SCORE_MAX.to_string() step="1" required inputmode="numeric" />
            </label>
        }
        .into_any(),
        ProjectKind::Pairs => {
            let options = Choice::ALL
                .map(|choice| {
                    view! {
                        <label>
                            <input type="radio" name="choice" value=choice.word() required />
                            {choice_words(choice)}
                        </label>
                    }
                })
                .collect_view();
            view! {
                <fieldset>
                    <legend>"Better is"</legend>
                    {options}
                </fieldset>
            }
            .into_any()
        }
    };
    let words = match one.settled {
        None => "Settle",
        Some(_) => "Settle anew",
    };
    view! {
        <form class="settle" method="post" action=link::settle(&report.project.id, &one.item.id)>
            {said}
            <label class="why">
                "Why "
                <input type="text" name="note" maxlength=NOTE_CHARACTERS_MAX.to_string() autocomplete="off" />
            </label>
            <button type="submit" class="primary">
                {words}
                <span class="unseen">{format!(": {}", format::foreign(&format::cut(&one.item.question, 80)))}</span>
            </button>
        </form>
    }
    .into_any()
}
