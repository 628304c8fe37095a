//! What one can rate, and the projects where one may see them.

use super::{all_words, badge, kind_words, own_words, standing_words};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::view::{AnnotateHome, ProjectRow, WorkRow, WorkStanding};
use datasets::annotation::ProjectKind;
use leptos::prelude::*;

/// Sends what is still kept in the browser.
const SCRIPT: &str = concat!(include_str!("outbox.js"), include_str!("home.js"));

pub fn frame(home: AnnotateHome, nonce: &str) -> Frame {
    let AnnotateHome { work, projects } = home;
    let may_make = projects.is_some();
    let new = may_make.then(|| {
        view! { <p class="pages first"><a href=link::new_project(None, None)>"New project"</a></p> }
    });
    let body = view! {
        <div class="heading">
            <h1>"Annotate"</h1>
            {new}
        </div>
        <p class="saved" id="saved" role="status"></p>
        {own_work(work, may_make)}
        {projects.map(all_projects)}
        <script type="module" nonce=nonce.to_owned() inner_html=SCRIPT></script>
    };
    Frame {
        title: "Annotate".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn own_work(work: Vec<WorkRow>, may_make: bool) -> AnyView {
    if work.is_empty() && may_make {
        // Said below, of the projects.
        return ().into_any();
    }
    if work.is_empty() {
        return view! {
            <div class="empty">
                <h2>"You take part in no project yet"</h2>
                <p>
                    "Those who run a project invite by a link: open it, and the project stands here. You then read short texts in which a language model tells what it doubts, and rate how well they tell it."
                </p>
            </div>
        }
        .into_any();
    }
    let rows = work.into_iter().map(work_row).collect_view();
    view! {
        <section aria-labelledby="own-work" class="own-work">
            <h2 id="own-work">"Your work"</h2>
            <ul class="work-rows">{rows}</ul>
        </section>
    }
    .into_any()
}

fn work_row(row: WorkRow) -> AnyView {
    let (words, leads_on) = standing_words(row.standing);
    let title = format::foreign(&row.title);
    let action = match leads_on {
        true => {
            view! {
                <a class="button primary" href=link::work(&row.project)>{words}<span class="unseen">": " {title.clone()}</span></a>
            }
            .into_any()
        }
        false => view! { <span class="standing">{words}</span> }.into_any(),
    };
    // What is over, or has nothing left, can still be looked at.
    let look = matches!(
        row.standing,
        WorkStanding::NothingLeft | WorkStanding::Waiting
    )
    .then(|| {
        view! { <a href=link::work(&row.project)>"Look again"<span class="unseen">": " {title.clone()}</span></a> }
    });
    let has_begun = row.standing != WorkStanding::Consent;
    let far = has_begun.then(|| {
        let progress = row.progress;
        view! {
            <p class="how-far">
                <span>{own_words(&progress)}</span>
                " "
                <label class="all">
                    <span>{all_words(&progress)}</span>
                    <progress max=progress.wanted.max(1).to_string() value=progress.rated.min(progress.wanted).to_string()></progress>
                </label>
            </p>
        }
    });
    let contact = (!row.contact.trim().is_empty()).then(|| {
        view! { <p class="minor">"Questions: " <bdi>{format::foreign(row.contact.trim())}</bdi></p> }
    });
    view! {
        <li>
            <h3>{title.clone()}</h3>
            <p class="minor">{kind_words(row.kind)}</p>
            {far}
            <p class="actions">{action} {look}</p>
            {contact}
        </li>
    }
    .into_any()
}

fn all_projects(projects: Vec<ProjectRow>) -> AnyView {
    if projects.is_empty() {
        return view! {
            <div class="empty">
                <h2>"No projects yet"</h2>
                <p>
                    "People rate, blind and in an order of their own, whether a rationale tells the truth about what the model wavers between. A project draws its items from the answers of a finished run, or sets the rationales of several side by side."
                </p>
                <p><a href=link::new_project(None, None)>"Make the first one"</a> ": it stays a draft until you open it."</p>
                <p>"From a terminal, the same is"</p>
                <pre tabindex="0" role="region" aria-label="Command"><code>"sayself annotate new --example > project.toml\nsayself annotate new project.toml"</code></pre>
            </div>
        }
        .into_any();
    }
    let rows = projects.into_iter().map(project_row).collect_view();
    view! {
        <section aria-labelledby="projects">
            <h2 id="projects">"Projects"</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Projects as a table">
                <table class="projects">
                    <thead>
                        <tr>
                            <th scope="col">"Project"</th>
                            <th scope="col">"Rated"</th>
                            <th scope="col" class="number">"Items"</th>
                            <th scope="col" class="number">"Annotators"</th>
                            <th scope="col">"Agreement"</th>
                            <th scope="col">"Made"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn project_row(row: ProjectRow) -> AnyView {
    let title = format::foreign(&row.title);
    let kind = match row.kind {
        ProjectKind::Single => "single",
        ProjectKind::Pairs => "pairs",
    };
    let made = u64::try_from(row.created_ms).map_or_else(|_| "–".into(), format::moment);
    let rated = format!(
        "{} of {}",
        format::count(row.rated),
        format::count(row.wanted)
    );
    let agreement = match row.rated {
        0 => view! { <span class="minor">"no ratings yet"</span> }.into_any(),
        _ => view! { <a href=link::agreement(&row.id)>"Agreement"<span class="unseen">" of " {title.clone()}</span></a> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <a class="title" href=link::project(&row.id)>{title.clone()}</a>
                <span class="under">{badge(row.state)} <span class="minor">{kind}</span></span>
            </th>
            <td data-name="Rated">
                <progress aria-label=["Ratings of ", &title].concat() max=row.wanted.max(1).to_string() value=row.rated.min(row.wanted).to_string()></progress>
                <span class="minor">{rated}</span>
            </td>
            <td class="number" data-name="Items">{format::count(row.items)}</td>
            <td class="number" data-name="Annotators">{format::count(row.annotators)}</td>
            <td data-name="Agreement">{agreement}</td>
            <td data-name="Made">{made}</td>
        </tr>
    }
    .into_any()
}
