//! The visitor's own file, measured in the browser. What the server draws is the frame: the choice of
//! a file, and a place for each piece of the result, which `your-file`'s module fills in a worker.

use crate::document::Frame;
use crate::link;
use crate::medium::Medium;
use crate::page::RenderContext;
use leptos::prelude::*;

/// Shows the form, and loads what measures.
const SCRIPT: &str = include_str!("../your-file.js");

pub fn frame(context: &RenderContext) -> Frame {
    let body = view! {
        <div
            id="your-file"
            class="your-file"
            data-state="loading"
            data-page=context.assets_present.then(|| link::asset("your-file/page.js"))
            data-packed=context.medium.packed()
        >
            <h1>"Your file"</h1>
            <p class="lede">
                "Can the confidence in your file be trusted? It is measured here, in your browser: the file is read by this page and goes nowhere else."
            </p>
            {if context.assets_present { measured(context) } else { fallback(no_module(context.medium)) }}
            {expected()}
        </div>
    };
    Frame {
        title: "Your file".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn measured(context: &RenderContext) -> AnyView {
    view! {
        <noscript>{fallback("Scripts are off.")}</noscript>
        <div id="file-fallback" hidden>
            {fallback("Your browser could not load the WebAssembly module of this page.")}
        </div>
        {chooser()}
        {work()}
        {columns()}
        {result()}
        <script nonce=context.nonce.clone() inner_html=SCRIPT></script>
    }
    .into_any()
}

fn no_module(medium: Medium) -> &'static str {
    match medium {
        Medium::Server => "This server has no WebAssembly module for this page.",
        Medium::Files { .. } => {
            "These pages were written without the WebAssembly module of this one."
        }
    }
}

/// What to do where nothing can be measured here.
fn fallback(why: &'static str) -> AnyView {
    view! {
        <div class="notice warning">
            <p><strong>"Nothing can be measured here."</strong>" "{why}</p>
            {command_line()}
        </div>
    }
    .into_any()
}

/// What gives the same figures without this page, and of which files.
fn command_line() -> AnyView {
    view! {
        <p>
            "At the command line " <code>"sayself metrics FILE --bootstrap 1000"</code>
            " gives the same figures of CSV (with commas) or JSONL whose columns are called " <code>"confidence"</code>
            ", from 0 to 1, and " <code>"correct"</code> ", true, false, 1 or 0; for levels from 1 to 10 add "
            <code>"--scale 10"</code> ". It takes no other names and no percentages."
        </p>
    }
    .into_any()
}

fn chooser() -> AnyView {
    view! {
        <form id="file-form" class="drop" hidden>
            <label for="file">"Choose a file, or drop one anywhere on this page"</label>
            <input
                type="file"
                id="file"
                disabled
                accept=".csv,.tsv,.txt,.jsonl,.ndjson,.json,.eval"
                aria-describedby="file-hint"
            />
            <p id="file-hint" class="minor">
                "CSV or JSONL with a confidence and whether it was right, or a log of Inspect or lm-evaluation-harness. Up to 5,000,000 rows and 4 GB; a log of Inspect up to 512 MB."
            </p>
        </form>
    }
    .into_any()
}

/// Progress and trouble.
fn work() -> AnyView {
    view! {
        <div id="progress" class="progress" hidden>
            <progress id="progress-bar" aria-label="Progress of reading and measuring"></progress>
            <span id="progress-line" class="line"></span>
            <button type="button" id="cancel">"Cancel"</button>
        </div>
        <p id="spoken" class="unseen" role="status" aria-live="polite"></p>
        <div id="trouble" class="notice error" role="alert" hidden>
            <p><strong id="trouble-title"></strong>" "<span id="trouble-text"></span></p>
            <p id="trouble-next" class="next"></p>
        </div>
        <p class="cancelled">"Cancelled. Nothing of the file is kept; choose it again, or another one."</p>
    }
    .into_any()
}

/// How the file is read, and the choice to read it in another way.
fn columns() -> AnyView {
    view! {
        <section id="columns" aria-labelledby="columns-name" hidden>
            <h2 id="columns-name"></h2>
            <p id="columns-sentence"></p>
            <p id="columns-missing" class="notice warning" hidden></p>
            <details id="columns-details">
                <summary>"Columns, and the first rows"</summary>
                <form id="columns-form">
                    <div id="choices" class="choices"></div>
                    <button type="submit" id="measure">"Measure with these"</button>
                </form>
                <div class="scroll" tabindex="0" role="region" aria-label="The first rows">
                    <table class="preview">
                        <caption>"The first rows, and what becomes of them."</caption>
                        <thead id="preview-head"></thead>
                        <tbody id="preview-rows"></tbody>
                    </table>
                </div>
                <p id="preview-more" class="minor"></p>
            </details>
        </section>
    }
    .into_any()
}

fn result() -> AnyView {
    view! {
        <section id="result" aria-labelledby="result-heading" hidden>
            <h2 id="result-heading" data-piece="heading"></h2>
            <p class="lede" data-piece="lede"></p>
            <dl class="facts" data-piece="facts"></dl>
            <div data-piece="notices"></div>
            {figures()}
            <h3 id="numbers">"The numbers"</h3>
            <p class="minor" data-piece="resamples"></p>
            <div class="scroll" tabindex="0" role="region" aria-label="Table of the numbers" data-piece="measures"></div>
            {keep()}
        </section>
    }
    .into_any()
}

fn figures() -> AnyView {
    view! {
        <div class="figures">
            <figure>
                <div class="drawing" data-piece="diagram"></div>
                <label class="dots">"Dots " <select id="bins" data-piece="bins"></select></label>
                {tabled("The diagram as a table", "Reliability table", "diagram-table")}
                <figcaption>
                    "On the dashed line, a model that can be taken at its word. The line is the CORP curve; the shaded band holds 90% of the curves that such a model would show by chance. Dots are answers that said the same, their area the number of answers, their whisker the 95% interval."
                    <span class="minor" data-piece="chance"></span>
                </figcaption>
            </figure>
            <div class="stacked">
                <figure>
                    <div class="drawing" data-piece="histogram"></div>
                    {tabled("The histogram as a table", "Histogram table", "histogram-table")}
                    <figcaption>"How often each confidence was said: solid bars were right, hollow ones wrong."</figcaption>
                </figure>
                <figure>
                    <div class="drawing" data-piece="risk"></div>
                    {tabled("The curve as a table", "Risk-coverage table", "risk-table")}
                    <figcaption>
                        "How often it is wrong when only the surest answers are given, from few on the left to all on the right."
                    </figcaption>
                </figure>
            </div>
        </div>
    }
    .into_any()
}

/// A table that stands beside a chart.
fn tabled(summary: &'static str, label: &'static str, piece: &'static str) -> AnyView {
    view! {
        <details class="numbers">
            <summary>{summary}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label=label data-piece=piece></div>
        </details>
    }
    .into_any()
}

/// Title, link and files.
fn keep() -> AnyView {
    let files: [(&str, &[&str]); 4] = [
        ("Measures", &["measures.csv", "measures.json"]),
        ("Diagram", &["diagram.svg", "diagram.png", "bins.csv"]),
        (
            "Histogram",
            &["histogram.svg", "histogram.png", "histogram.csv"],
        ),
        (
            "Risk and coverage",
            &[
                "risk-coverage.svg",
                "risk-coverage.png",
                "risk-coverage.csv",
            ],
        ),
    ];
    let button = |what: &str, file: &'static str| {
        let form = file.rsplit('.').next().unwrap_or_default().to_uppercase();
        let label = [what, ", ", &form].concat();
        view! { <button type="button" data-download=file aria-label=label>{form}</button> }
    };
    let files = files
        .into_iter()
        .map(|(what, files)| {
            let buttons = files.iter().map(|file| button(what, file)).collect_view();
            view! { <p class="downloads"><span>{what}</span>{buttons}</p> }
        })
        .collect_view();
    view! {
        <h3 id="keep">"Keep and share"</h3>
        <p>
            "The address of this page now holds these figures, not the file: whoever opens it sees the same. Give them a title first, if you like."
        </p>
        <div class="keep">
            <label for="figures-title">"Title"</label>
            <input type="text" id="figures-title" maxlength="120" autocomplete="off" />
            <button type="button" id="copy">"Copy link"</button>
        </div>
        <p id="copied" class="minor" role="status"></p>
        <p id="link-box" hidden>
            <label for="link">"Link "</label>
            <input type="text" id="link" readonly />
        </p>
        <div role="group" aria-label="Download">{files}</div>
    }
    .into_any()
}

/// What a file should look like.
fn expected() -> AnyView {
    view! {
        <section class="expected" aria-labelledby="expected">
            <h2 id="expected">"What a file looks like"</h2>
            <p>"One row for each answer: how sure the model said it was, and whether it was right."</p>
            <div class="examples">
                <figure>
                    <pre tabindex="0" role="region" aria-label="Example of CSV"><code>"id,confidence,correct\nq1,0.90,1\nq2,0.35,0\nq3,0.80,1\n"</code></pre>
                    <figcaption>"CSV, with names on top"</figcaption>
                </figure>
                <figure>
                    <pre tabindex="0" role="region" aria-label="Example of JSONL"><code>"{\"confidence\":9,\"correct\":true}\n{\"confidence\":4,\"correct\":false}\n{\"confidence\":8,\"correct\":true}\n"</code></pre>
                    <figcaption>"JSONL, one object a line; these confidences are levels from 1 to 10"</figcaption>
                </figure>
            </div>
            <p>
                "Here other names are understood too, and can be chosen; confidences may be probabilities, levels from 1 to 10, or percentages."
            </p>
            {command_line()}
        </section>
    }
    .into_any()
}
