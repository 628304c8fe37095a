//! The demo: a small model in the visitor's own browser, asked, with its confidence beside its own record.
//! What the server draws is the frame, and answers that were recorded; `sayself-worker`'s module and its
//! scripts fill the frame.

use crate::chart::gauge::{self, Gauge};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::medium::Medium;
use crate::page::RenderContext;
use crate::pages::words::{Foreign, Outcome};
use crate::view::{DemoModel, DemoPage, DemoServer, RecordedExample};
use datasets::demo::{DemoRun, Knows};
use leptos::prelude::*;

/// Wakes the page.
const SCRIPT: &str = include_str!("../demo.js");
/// Characters of a question.
const QUESTION_CHARACTERS_MAX: &str = "500";

pub fn frame(page: DemoPage, context: &RenderContext) -> Frame {
    let lively = match (
        page.model.is_some() || page.server.is_some(),
        context.assets_present,
    ) {
        (true, true) => lively(&page, context),
        (false, true) => no_model(context.medium),
        (_, false) => no_module(context.medium),
    };
    let body = view! {
        <div
            id="demo"
            class="demo"
            data-state="loading"
            data-page=link::demo_file("web/page.js")
            data-folder=link::demo_file("")
            data-server=page.server.map(|_| link::demo_ask())
            data-server-taught=page.server.map(|server| server.taught.to_string())
            data-packed=context.medium.packed()
            data-flavour=context.medium.flavour()
            data-run=page.run.as_ref().map(|run| link::run(&run.id, &[]))
        >
            <h1>"Ask a small model how sure it is"</h1>
            <p class="lede">
                "It answers, says how sure it is from 1 to 10, and why it doubts. Beside that stands how often it was right when it said so."
            </p>
            {lively}
            {recorded(&page)}
        </div>
    };
    Frame {
        title: "Demo".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// All that scripts fill and show.
fn lively(page: &DemoPage, context: &RenderContext) -> AnyView {
    view! {
        <noscript>
            <div class="notice warning">
                <p>
                    <strong>"Scripts are off."</strong>
                    " The model of this page runs in your browser, by scripts and WebAssembly. Without them you can read what it answered when it was measured, below."
                </p>
            </div>
        </noscript>
        <div id="demo-fallback" class="notice warning" hidden>
            <p><strong>"The model cannot be loaded here."</strong>" The scripts of this page could not be fetched. Load the page again."</p>
        </div>
        {ask(page)}
        {fetching(page.model.as_ref(), page.server)}
        {unfit(page.server)}
        {result(page)}
        {ten()}
        {keep()}
        {(!page.typical.is_empty()).then(guess)}
        <p id="spoken" class="unseen" role="status" aria-live="polite"></p>
        <script nonce=context.nonce.clone() inner_html=SCRIPT></script>
    }
    .into_any()
}

fn no_model(medium: Medium) -> AnyView {
    if medium.is_files() {
        return view! {
            <div class="notice warning">
                <p><strong>"The model is not here."</strong>" These pages were written without it. Whoever writes them can have it beside them: type " <code>"sayself pull smollm2-135m"</code> ", and write them again."</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="notice warning">
            <p><strong>"This server has no model to hand out."</strong>" On it, type"</p>
            <pre><code>"sayself pull smollm2-135m"</code></pre>
            <p>"and load this page again; or start it with " <code>"--demo-model FILE"</code> ", a GGUF file, and " <code>"--demo-adapter DIR"</code> ", what it was taught."</p>
        </div>
    }
    .into_any()
}

fn no_module(medium: Medium) -> AnyView {
    if medium.is_files() {
        return view! {
            <div class="notice warning">
                <p><strong>"The model cannot be asked here."</strong>" These pages were written without the WebAssembly module of this one. Whoever writes them can add it: type " <code>"cargo xtask web"</code> " where sayself was built, and write them again."</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="notice warning">
            <p><strong>"This server has no WebAssembly module for this page."</strong>" Where sayself was built, type"</p>
            <pre><code>"cargo xtask web"</code></pre>
            <p>"and start the server again."</p>
        </div>
    }
    .into_any()
}

/// The question, and some to choose from: there from the first paint on, so that nothing moves when the
/// scripts wake it.
fn ask(page: &DemoPage) -> AnyView {
    let kinds = [
        (Knows::Well, "It knows"),
        (Knows::Half, "It half knows"),
        (Knows::Not, "It does not know"),
    ];
    let rows = kinds.map(|(knows, title)| {
        let of_kind = page
            .typical
            .iter()
            .filter(|example| example.knows == Some(knows))
            .map(|example| choice(&example.question))
            .collect_view();
        view! { <p><span>{title}</span>{of_kind}</p> }
    });
    let examples = (!page.typical.is_empty()).then(|| {
        view! {
            <div id="examples" class="examples">
                {rows}
                <p><span>"Or"</span><button type="button" id="random">"A random one"</button></p>
            </div>
        }
    });
    view! {
        // Of no dialog, it is never sent, not even before its script has come.
        <form id="ask-form" class="ask alive" method="dialog">
            <label for="question">"Your question"</label>
            <div class="line">
                <input
                    type="text"
                    id="question"
                    name="question"
                    maxlength=QUESTION_CHARACTERS_MAX
                    autocomplete="off"
                    enterkeyhint="send"
                    placeholder="What is the capital of Kenya?"
                />
                <button type="submit" id="ask" class="primary">"Ask"</button>
                <button type="button" id="cancel" hidden>"Cancel"</button>
            </div>
            <p id="stays" class="minor">"What you type stays in this browser."</p>
            {page.server.map(|server| goes(server.keeps))}
            {examples}
        </form>
    }
    .into_any()
}

/// What becomes of a question that is asked on the server.
fn goes(keeps: bool) -> AnyView {
    let kept = match keeps {
        true => {
            "What you ask goes to this server, which keeps it and what is answered, without who asked."
        }
        false => "What you ask goes to this server, which does not keep it.",
    };
    view! { <p id="goes" class="minor" hidden>{kept}</p> }.into_any()
}

fn choice(question: &str) -> AnyView {
    view! { <button type="button" data-question=question.to_owned()>{format::foreign(question)}</button> }.into_any()
}

/// Consent, progress, what is kept; where there is no model to fetch, hidden for good.
fn fetching(model: Option<&DemoModel>, server: Option<DemoServer>) -> AnyView {
    let megabytes = model.map_or_else(String::new, |model| {
        format::count((model.bytes + 500_000) / 1_000_000)
    });
    let name = model.map(|model| format::foreign(&model.name));
    let use_server = server.map(|_| {
        view! { <button type="button" id="use-server">"Ask it on this server instead"</button> }
    });
    view! {
        <section id="model" class="model alive" aria-labelledby="model-heading" hidden=model.is_none()>
            <h2 id="model-heading">"First, the model"</h2>
            <p id="model-text">
                {name} ", " <strong>{megabytes.clone()} " MB"</strong>
                ", is fetched once and kept in this browser, so that it answers here, without a network. You can remove it at any time."
            </p>
            <p id="model-note" class="minor" hidden></p>
            <div id="fetching" class="progress" hidden>
                <progress id="fetch-bar" max="1" value="0" aria-label="Progress of the download"></progress>
                <span id="fetch-line" class="line"></span>
            </div>
            <p class="buttons">
                <button type="button" id="fetch" class="primary">"Fetch the model, " {megabytes} " MB"</button>
                <button type="button" id="stop-fetch" hidden>"Stop"</button>
                " " {use_server}
            </p>
        </section>
        <p id="at-server" class="kept minor" hidden>
            "The model is asked on this server. "
            <button type="button" id="use-browser">"Let it run in this browser instead"</button>
        </p>
        <p id="kept" class="kept minor" hidden>
            <span id="kept-text"></span> " "
            <button type="button" id="remove">"Remove it"</button>
        </p>
        <div id="trouble" class="notice error" role="alert" hidden>
            <p><strong id="trouble-title"></strong>" "<span id="trouble-text"></span></p>
            <p id="trouble-next"></p>
            <p class="buttons"><button type="button" id="trouble-browser" hidden>"Let it run in this browser"</button></p>
        </div>
    }
    .into_any()
}

/// For browsers that cannot hold it.
fn unfit(server: Option<DemoServer>) -> AnyView {
    let server = server.map(|_| {
        view! { <button type="button" id="unfit-server" class="primary">"Ask it on this server instead"</button> }
    });
    view! {
        <div id="unfit" class="notice warning" hidden>
            <p><strong id="unfit-title"></strong>" "<span id="unfit-text"></span></p>
            <p class="buttons">{server} " " <button type="button" id="try-anyway" hidden>"Try it all the same"</button></p>
        </div>
    }
    .into_any()
}

/// Both sides of an answer.
fn result(page: &DemoPage) -> AnyView {
    let card = |side: &'static str, title: &'static str, note: &'static str| {
        view! {
            <article class=["answer ", side].concat() data-side=side>
                <h3>{title}<span class="minor">{note}</span></h3>
                <div data-part="body"></div>
            </article>
        }
        .into_any()
    };
    let is_taught = page.model.as_ref().is_some_and(|model| model.taught)
        || page.server.is_some_and(|server| server.taught);
    let cards = match is_taught {
        true => vec![
            card("before", "Before teaching", "the model as it was published"),
            card(
                "after",
                "After teaching",
                "taught to say how sure it is, and why",
            ),
        ],
        false => vec![card(
            "before",
            "The model",
            "as it was published: nobody taught it when to doubt",
        )],
    };
    view! {
        <section id="result" class="result" aria-labelledby="asked" hidden>
            <h2 id="asked"></h2>
            <p id="shared-note" class="notice" hidden>
                "This answer came with a link: whoever made it says that the model said so. Ask it yourself to see."
            </p>
            <div class="sides">{cards.into_iter().collect_view()}</div>
        </section>
    }
    .into_any()
}

fn ten() -> AnyView {
    view! {
        <section id="ten" aria-labelledby="ten-heading" hidden>
            <h2 id="ten-heading">"Did it tell the truth about its doubt?"</h2>
            <p>
                "Ask the same model ten times, each time letting it choose its words anew. Answers that say the same are put together: this is what it really wavers between."
            </p>
            <p class="buttons">
                <button type="button" id="ask-ten" class="primary">"Ask ten times"</button>
                <button type="button" id="cancel-ten" hidden>"Cancel"</button>
            </p>
            <p id="ten-line" class="minor" hidden></p>
            <div id="ten-result" class="ten-result" hidden>
                <div class="scroll" tabindex="0" role="region" aria-label="Samples by what they say">
                    <table class="samples">
                        <caption>"What the samples say; solid is the answer that it gave above."</caption>
                        <thead><tr><th scope="col">"Answer"</th><th scope="col" class="number">"Samples"</th><th scope="col">"Share"</th></tr></thead>
                        <tbody id="clusters"></tbody>
                    </table>
                </div>
                <p id="under-way" class="under-way minor" hidden></p>
                <div id="checked" hidden>
                    <h3>"Its self-reflection, beside the samples"</h3>
                    <blockquote><bdi id="marked" class="foreign"></bdi></blockquote>
                    <p class="legend minor">
                        <mark class="named">"an answer that samples give"</mark> ", " <mark class="invented">"an answer that none gives"</mark>
                    </p>
                    <div class="scroll" tabindex="0" role="region" aria-label="Claims beside the samples">
                        <table class="claims">
                            <thead><tr><th scope="col">"It claims"</th><th scope="col" class="number">"how often"</th><th scope="col" class="number">"of 10 samples"</th><th scope="col">"Borne out?"</th></tr></thead>
                            <tbody id="claims"></tbody>
                        </table>
                    </div>
                    <p id="verdict"></p>
                </div>
            </div>
        </section>
    }
    .into_any()
}

fn keep() -> AnyView {
    view! {
        <section id="keep" aria-labelledby="keep-heading" hidden>
            <h2 id="keep-heading">"Share this answer"</h2>
            <p>"The link holds question and answers in itself; nothing is stored on the server."</p>
            <p class="buttons">
                <button type="button" id="copy">"Copy link"</button>
                <button type="button" id="picture">"Picture, PNG"</button>
            </p>
            <p id="copied" class="minor" role="status"></p>
            <p id="link-box" hidden>
                <label for="link">"Link "</label>
                <input type="text" id="link" readonly />
            </p>
        </section>
    }
    .into_any()
}

/// The visitor's own confidence.
fn guess() -> AnyView {
    let levels = (1..=10)
        .map(|level: u8| {
            let id = format!("level-{level}");
            let value = level.to_string();
            view! {
                <label for=id><input type="radio" name="level" id=id.clone() value=value.clone() required /><span>{value}</span></label>
            }
        })
        .collect_view();
    view! {
        <section id="guess" class="guess alive" aria-labelledby="guess-heading">
            <h2 id="guess-heading">"Guess with me"</h2>
            <p>"Are you better calibrated than a small model? Answer ten questions that it was asked, and say how sure you are, before you see what it said. It needs no download."</p>
            <p class="buttons"><button type="button" id="begin-guess">"Begin"</button></p>
            <form id="guess-form" method="dialog" hidden>
                <p id="guess-count" class="minor"></p>
                <p class="asked" id="guess-question"></p>
                <label for="guess-answer">"Your answer" <span class="minor">"empty: you do not know"</span></label>
                <input type="text" id="guess-answer" maxlength="120" autocomplete="off" />
                <fieldset class="levels">
                    <legend>"How sure are you?" <span class="minor">"1 is a guess, 10 is certain"</span></legend>
                    <div class="scale">{levels}</div>
                </fieldset>
                <p class="buttons"><button type="submit" class="primary">"Next"</button> <button type="button" id="stop-guess">"Stop"</button></p>
            </form>
            <div id="guess-result" hidden>
                <div id="guess-words"></div>
                <div class="figures">
                    <figure><h3>"You"</h3><div id="your-chart" class="drawing"></div><figcaption>"Ten answers say little: look at the whiskers."</figcaption></figure>
                    <figure><h3>"The model"</h3><div id="its-chart" class="drawing"></div><figcaption>"On all questions of its evaluation. On the dashed line, one who can be taken at their word."</figcaption></figure>
                </div>
                <details class="numbers">
                    <summary>"Question by question"</summary>
                    <div class="scroll" tabindex="0" role="region" aria-label="Your guesses and the model's">
                        <table><thead><tr><th scope="col">"Question"</th><th scope="col">"Right answer"</th><th scope="col">"You"</th><th scope="col">"The model"</th></tr></thead><tbody id="guess-rows"></tbody></table>
                    </div>
                </details>
                <p class="buttons"><button type="button" id="again-guess">"Ten more"</button></p>
            </div>
        </section>
    }
    .into_any()
}

/// Answers that were recorded when it was measured: what the page is about, without any script.
fn recorded(page: &DemoPage) -> Option<AnyView> {
    if page.examples.is_empty() {
        return None;
    }
    let run = page.run.as_ref().map(of_run);
    let cards = page.examples.iter().enumerate().map(example).collect_view();
    Some(
        view! {
            <section class="recorded" aria-labelledby="recorded">
                <h2 id="recorded">"As it was recorded"</h2>
                <p>"Three answers from when it was measured, each with the record of the confidence that it states. " {run}</p>
                <div class="cards">{cards}</div>
            </section>
        }
        .into_any(),
    )
}

fn of_run(run: &DemoRun) -> AnyView {
    view! {
        "They are of the run " <a href=link::run(&run.id, &[])>{format::foreign(&run.title)}</a> ", on " {format::foreign(&run.questions)} "."
    }
    .into_any()
}

fn example((index, recorded): (usize, &RecordedExample)) -> AnyView {
    let RecordedExample { example, count } = recorded;
    let title = match example.knows {
        Some(Knows::Well) => "It knows this",
        Some(Knows::Half) => "It half knows this",
        Some(Knows::Not) => "It does not know this",
        None => "One of them",
    };
    let said = &example.said;
    let gauge = said.confidence.map(|confidence| {
        let drawn = Gauge {
            level: confidence.level(),
            weighed: None,
            record: count.map(|count| (count.right, count.n)),
        };
        let words = count
            .map(|count| gauge::sentence(confidence.level(), count.right, count.n))
            .unwrap_or_default();
        let drawing = gauge::svg(&drawn, &format!("recorded-{index}"));
        view! {
            <div class="drawing" inner_html=drawing></div>
            <p class="minor">{words}</p>
        }
    });
    let rationale = said.rationale.clone().map(|rationale| {
        view! { <blockquote><Foreign text=rationale /></blockquote> }
    });
    let answer = said
        .answer
        .clone()
        .unwrap_or_else(|| "no answer could be read".to_owned());
    view! {
        <article class="card">
            <h3>{title}</h3>
            <p class="asked"><Foreign text=example.question.clone() /></p>
            <p class="said"><Foreign text=answer /> " " <Outcome correct=said.correct /></p>
            {gauge}
            {rationale}
        </article>
    }
    .into_any()
}
