//! The form for a new project. Plain HTML; what it makes is a draft that nobody is asked to rate yet.

use super::field::{Range, line, number, text, tick};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::Trail;
use crate::project_form::{known_lines, stratum_word};
use crate::view::NewProject;
use datasets::annotation::{ProjectKind, ProjectSpec, Stratum};
use leptos::prelude::*;

pub fn frame(form: NewProject) -> Frame {
    let stage = match form.runs.is_empty() && form.wrong.is_empty() {
        true => nothing_to_rate(),
        false => fields(&form),
    };
    let body = view! {
        <Trail parts=vec![("Annotate".to_owned(), link::annotate().to_owned())] />
        <h1>"New project"</h1>
        {problems(&form.wrong)}
        {stage}
    };
    Frame {
        title: "New project".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn nothing_to_rate() -> AnyView {
    view! {
        <div class="empty">
            <h2>"There is nothing to rate yet"</h2>
            <p>
                "Items are made from answers that have a rationale, to questions that were sampled. No run here has any. This makes one, in about 15 minutes on two cores:"
            </p>
            <pre tabindex="0" role="region" aria-label="Command"><code>"sayself run world-facts/demo --out runs/demo"</code></pre>
        </div>
    }
    .into_any()
}

/// All that is wrong.
pub fn problems(wrong: &[String]) -> Option<AnyView> {
    if wrong.is_empty() {
        return None;
    }
    let each = wrong
        .iter()
        .map(|sentence| {
            // What a program is told begins with what is said above.
            let words = sentence.strip_prefix("Nothing was changed: ");
            view! { <li>{format::foreign(words.unwrap_or(sentence))}</li> }
        })
        .collect_view();
    Some(
        view! {
            <div class="notice error" role="alert">
                <p><strong>"Nothing was changed."</strong></p>
                <ul>{each}</ul>
            </div>
        }
        .into_any(),
    )
}

fn fields(form: &NewProject) -> AnyView {
    view! {
        <form class="job project" method="post" action=link::new_project(None, None)>
            {what(form)}
            {how_often(&form.spec)}
            {quality(&form.spec)}
            {training(&form.spec)}
            {words(form)}
            <p class="actions"><button type="submit" class="primary">"Make a draft"</button></p>
            <p class="minor">"Nobody is asked yet: look at the draft as an annotator would, then open it."</p>
        </form>
    }
    .into_any()
}

fn group(id: &'static str, title: &'static str, inside: AnyView) -> AnyView {
    view! {
        <section aria-labelledby=id>
            <h2 id=id>{title}</h2>
            {inside}
        </section>
    }
    .into_any()
}

/// The name, the kind and the runs.
fn what(form: &NewProject) -> AnyView {
    let spec = &form.spec;
    let kind = |kind: ProjectKind, value: &'static str, words: &'static str| {
        view! {
            <label><input type="radio" name="kind" value=value checked=spec.kind == kind /> <span>{words}</span></label>
        }
    };
    let inside = view! {
        <div class="fields">
            {line("title", "Title", spec.title.clone(), 200, true, "Annotators see it: name no method and no model.")}
            {number("sample_size", "Items", spec.sample_size.to_string(), Range("1", "5000", "1"), "Drawn from the questions that were sampled and answered with a rationale; all where there are fewer.")}
        </div>
        <fieldset class="choose-kind">
            <legend>"What is rated"</legend>
            {kind(ProjectKind::Single, "single", "One rationale, 0 to 10 (one run)")}
            {kind(ProjectKind::Pairs, "pairs", "Two rationales of the same question side by side: left, right, tie, both bad (2 to 6 runs)")}
        </fieldset>
        {runs(form)}
    };
    group("what", "What", inside.into_any())
}

fn runs(form: &NewProject) -> AnyView {
    let chosen: Vec<String> = form
        .spec
        .runs
        .iter()
        .map(|rated| entry(&rated.run, rated.label.as_deref().unwrap_or_default()))
        .collect();
    // What is chosen stands first, in the order that choices refer to, offered or not.
    let first = chosen.iter().map(|value| {
        let offered = form
            .runs
            .iter()
            .find(|(id, label, _)| entry(id, label) == *value);
        let words = offered.map_or("", |(_, _, words)| words.as_str());
        run_box(value, true, words)
    });
    let others = form.runs.iter().filter_map(|(id, label, words)| {
        let value = entry(id, label);
        (!chosen.contains(&value)).then(|| run_box(&value, false, words))
    });
    let boxes: Vec<_> = first.chain(others).collect();
    view! {
        <fieldset class="choose-runs">
            <legend>"Whose rationales"</legend>
            <p class="minor">"While the project is open, its annotators cannot see these runs."</p>
            <div class="run-boxes">{boxes}</div>
        </fieldset>
    }
    .into_any()
}

fn run_box(value: &str, checked: bool, words: &str) -> AnyView {
    let words =
        (!words.is_empty()).then(|| view! { <span class="minor">{format::foreign(words)}</span> });
    view! {
        <label>
            <input type="checkbox" name="run" value=value.to_owned() checked=checked />
            <span>{format::foreign(&value.replacen(':', ", ", 1))} {words}</span>
        </label>
    }
    .into_any()
}

fn entry(run: &str, label: &str) -> String {
    match label {
        "" => run.to_owned(),
        label => [run, ":", label].concat(),
    }
}

fn how_often(spec: &ProjectSpec) -> AnyView {
    let inside = view! {
        <div class="fields">
            {number("overlap", "Ratings of each item", spec.overlap.to_string(), Range("1", "50", "1"), "By different people. Agreement can be told from 2 on.")}
            {number("per_person_max", "Items a person", spec.per_person_max.to_string(), Range("0", "", "1"), "At most; 0: no limit.")}
            {number("lease_minutes", "Minutes an item is held", spec.lease_minutes.to_string(), Range("1", "10080", "1"), "An item that was handed out and is not rated by then goes to another. A rating that comes later is kept.")}
            {number("ahead", "Items handed out ahead", spec.ahead.to_string(), Range("1", "20", "1"), "So that work goes on while the network is away.")}
        </div>
    };
    group(
        "how-often",
        "How often, and for how long",
        inside.into_any(),
    )
}

fn quality(spec: &ProjectSpec) -> AnyView {
    let one = |stratum: Stratum, words: &'static str| {
        view! {
            <label>
                <input type="checkbox" name="stratify" value=stratum_word(stratum) checked=spec.stratify.contains(&stratum) />
                <span>{words}</span>
            </label>
        }
    };
    let seed = spec.seed.map(|seed| seed.to_string()).unwrap_or_default();
    let inside = view! {
        <fieldset class="choose-kind">
            <legend>"Spread items over"</legend>
            // Tells a form with no tick from one without the field.
            <input type="hidden" name="stratify" value="" />
            {one(Stratum::Confidence, "the stated confidence, 1 to 10")}
            {one(Stratum::Correctness, "right and wrong answers")}
            {one(Stratum::ClusterCount, "one, two, or more different answers")}
        </fieldset>
        <div class="fields">
            {number("gold_share", "Known items", share(spec.gold_share), Range("0", "0.5", "0.01"), "Share of a person's items whose right rating is known: 0.1 is one in ten.")}
            {number("attention_share", "Attention items", share(spec.attention_share), Range("0", "0.2", "0.01"), "Share that asks for a given rating in words.")}
            {number("repeat_share", "Repeated items", share(spec.repeat_share), Range("0", "0.2", "0.01"), "Share that the person has rated before.")}
            {number("seed", "Seed", seed, Range("0", "", "1"), "Of the draw, the order and the sides. Empty: one is chosen. It is kept either way.")}
        </div>
        {text("gold", "Known items, one a line", &known_lines(&spec.gold), 3, known_about())}
    };
    group("quality", "Draw and quality", inside.into_any())
}

fn share(value: f64) -> String {
    // As it is typed: a point, no thousands.
    value.to_string()
}

fn known_about() -> AnyView {
    view! {
        <code>"QUESTION_ID | 7-10 | why"</code> ", or with "
        <code>"left"</code> ", " <code>"right"</code> ", " <code>"tie"</code> ", " <code>"both-bad"</code>
        " in the order of the runs above. Empty: made from the runs."
    }
    .into_any()
}

fn training(spec: &ProjectSpec) -> AnyView {
    let inside = view! {
        <div class="fields">
            {number("training_size", "Training items", spec.training_size.to_string(), Range("0", "50", "1"), "Each is explained after it was rated; 0: none.")}
            {number("qualification", "Share to be rated right", share(spec.qualification), Range("0", "1", "0.05"), "Who rates fewer training items right is not admitted; 0: everybody is.")}
        </div>
        {text("training", "Training items, one a line", &known_lines(&spec.training), 3, known_about())}
    };
    group("training-items", "Training", inside.into_any())
}

fn words(form: &NewProject) -> AnyView {
    let spec = &form.spec;
    let shipped = |name: &'static str, words: &str| {
        let words = words.to_owned();
        view! {
            <details>
                <summary>{name}</summary>
                <pre class="shipped" tabindex="0" role="region" aria-label=name><code>{words}</code></pre>
            </details>
        }
    };
    let inside = view! {
        {text("rubric", "Rubric", &spec.rubric, 8, view! {
            "How to rate, in Markdown. Empty: the shipped one."
            {shipped("The shipped rubric for one rationale", &form.rubric_single)}
            {shipped("The shipped rubric for two", &form.rubric_pairs)}
        })}
        {text("instructions", "Instructions", &spec.instructions, 5, "In Markdown, read before the first item: what the study is for, how long it takes, what is paid.")}
        {text("consent", "Consent", &spec.consent, 8, view! {
            "What annotators agree to, in Markdown. Empty: the shipped one. Have it looked at by those who must approve your study."
            {shipped("The shipped consent", &form.consent)}
        })}
        <div class="fields">
            {line("contact", "Contact", spec.contact.clone(), 500, false, "Whom annotators ask, and where they complain.")}
            {tick("spans", "Mark words", spec.spans, "People also mark words that the samples bear out or contradict.")}
        </div>
    };
    group("words", "What annotators read", inside.into_any())
}
