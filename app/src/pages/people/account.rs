//! One's own account.

use super::{Entry, entry, moment, once, role_words, told};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::view::{AccountPage, OwnProject, PersonRow, SessionRow};
use leptos::prelude::*;

pub fn frame(page: AccountPage, nonce: &str) -> Frame {
    let account = (!page.is_local).then(|| {
        view! {
            {password(&page.me, page.password_min)}
            {browsers(&page.sessions)}
            {programs(&page.sessions)}
        }
    });
    let delete = (!page.is_local).then(|| delete(&page.me));
    let body = view! {
        <h1>"Account"</h1>
        {told(page.done.as_deref(), page.wrong.as_deref())}
        {once(page.shown.as_ref(), nonce)}
        {facts(&page)}
        {account}
        {data(&page.projects)}
        {delete}
    };
    Frame {
        title: "Account".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn facts(page: &AccountPage) -> AnyView {
    if page.is_local {
        return view! {
            <p>
                "You have no account and need none: only this machine can reach this server, and whoever does may do everything. Once an admin's account is made on the page "
                <a href=link::people()>"People"</a>
                ", all who come must sign in."
            </p>
        }
        .into_any();
    }
    let me = &page.me;
    let name = me.name.clone().unwrap_or_default();
    view! {
        <dl class="facts">
            <div><dt>"Name"</dt><dd class="foreign">{format::foreign(&name)}</dd></div>
            <div><dt>"Researchers see"</dt><dd>{me.pseudonym.clone()}</dd></div>
            <div><dt>"Role"</dt><dd>{me.role.word()} <span class="minor">{role_words(me.role)}</span></dd></div>
            <div><dt>"Since"</dt><dd>{moment(me.created_ms)}</dd></div>
        </dl>
        <form method="post" action=link::sign_out()><button type="submit">"Sign out"</button></form>
    }
    .into_any()
}

fn password(me: &PersonRow, least: usize) -> AnyView {
    let current = me.has_password.then(|| {
        entry(Entry {
            id: "current",
            name: "Present password",
            kind: "password",
            autocomplete: "current-password",
            value: String::new(),
            required: true,
            about: String::new(),
        })
    });
    let (heading, words) = match me.has_password {
        true => (
            "Change the password",
            "All other browsers and all programs are signed out by it.",
        ),
        false => (
            "Set a password",
            "You have none: another browser can only be signed in by a link, which an admin makes. All other browsers and all programs are signed out by it.",
        ),
    };
    view! {
        <section aria-labelledby="password-heading">
            <h2 id="password-heading">{heading}</h2>
            <p class="minor">{words}</p>
            <form class="entries" method="post" action=[link::account(), "/password"].concat()>
                // So that password managers know whose it is.
                <input type="text" name="username" value=me.name.clone().unwrap_or_default() autocomplete="username" hidden />
                {current}
                {entry(Entry {
                    id: "new",
                    name: "New password",
                    kind: "password",
                    autocomplete: "new-password",
                    value: String::new(),
                    required: true,
                    about: format!("{least} characters at least."),
                })}
                <button type="submit">"Set the password"</button>
            </form>
        </section>
    }
    .into_any()
}

fn browsers(sessions: &[SessionRow]) -> AnyView {
    let rows = sessions
        .iter()
        .filter(|session| session.kind == "browser")
        .map(session_row)
        .collect_view();
    view! {
        <section aria-labelledby="browsers">
            <h2 id="browsers">"Signed in"</h2>
            {table("Browsers", rows.into_any())}
            <form method="post" action=[link::account(), "/sign-out-everywhere"].concat()>
                <button type="submit">"Sign out everywhere"</button>
            </form>
        </section>
    }
    .into_any()
}

fn programs(sessions: &[SessionRow]) -> AnyView {
    let tokens: Vec<&SessionRow> = sessions
        .iter()
        .filter(|session| session.kind == "program")
        .collect();
    let list = (!tokens.is_empty()).then(|| {
        let rows = tokens.into_iter().map(session_row).collect_view();
        table("Tokens", rows.into_any())
    });
    view! {
        <section aria-labelledby="programs">
            <h2 id="programs">"Tokens of programs"</h2>
            <p class="minor">
                "A program sends a token as "
                <code>"Authorization: Bearer TOKEN"</code>
                " and may then do what you may, but for changing this account."
            </p>
            {list}
            <form class="entries" method="post" action=[link::account(), "/tokens"].concat()>
                {entry(Entry {
                    id: "label",
                    name: "What it is for",
                    kind: "text",
                    autocomplete: "off",
                    value: String::new(),
                    required: true,
                    about: String::new(),
                })}
                {entry(Entry {
                    id: "days",
                    name: "Days until it ends",
                    kind: "number",
                    autocomplete: "off",
                    value: "90".into(),
                    required: true,
                    about: "366 at most.".into(),
                })}
                <button type="submit">"Make a token"</button>
            </form>
        </section>
    }
    .into_any()
}

fn table(name: &'static str, rows: AnyView) -> AnyView {
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=name>
            <table class="sessions">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Since"</th>
                        <th scope="col">"Seen last"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col"><span class="unseen">"End it"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn session_row(session: &SessionRow) -> AnyView {
    let this = session
        .this
        .then(|| view! { <span class="minor">"this one"</span> });
    let label = format::foreign(&session.label);
    let words = match session.kind.as_str() {
        "program" => "Remove",
        _ => "Sign out",
    };
    view! {
        <tr>
            <th scope="row">{label.clone()} {this}</th>
            <td data-name="Since">{moment(session.created_ms)}</td>
            <td data-name="Seen last">{moment(session.seen_ms)}</td>
            <td data-name="Ends">{moment(session.expires_ms)}</td>
            <td>
                <form method="post" action=[link::account(), "/sessions/end"].concat()>
                    <input type="hidden" name="session" value=session.id.clone() />
                    <button type="submit">{words} <span class="unseen">" " {label}</span></button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}

fn data(projects: &[OwnProject]) -> AnyView {
    let projects = (!projects.is_empty()).then(|| {
        let rows = projects.iter().map(project).collect_view();
        view! {
            <h3>"Projects that you take part in"</h3>
            <ul class="own-projects">{rows}</ul>
        }
    });
    view! {
        <section aria-labelledby="data">
            <h2 id="data">"Your data"</h2>
            <p>
                <a href=link::own_data() download="sayself.json">"Download all that this server has of you"</a>
                ", as JSON. "
                <a href=link::privacy()>"What is stored, and for how long"</a>
            </p>
            {projects}
        </section>
    }
    .into_any()
}

fn project(project: &OwnProject) -> AnyView {
    let title = format::foreign(&project.title);
    let rated = [
        &format::counted(project.rated.max(0) as u64, "item"),
        " rated, joined ",
        &moment(project.joined_ms),
    ]
    .concat();
    let action = match project.withdrawn_ms {
        Some(at) => {
            let words = ["You left it ", &moment(at), "."].concat();
            view! { <span class="minor">{words}</span> }.into_any()
        }
        None => view! {
            <details>
                <summary>"Leave the project" <span class="unseen">" " {title.clone()}</span></summary>
                <form method="post" action=[link::account(), "/withdraw"].concat()>
                    <input type="hidden" name="project" value=project.id.clone() />
                    <p>"You get no more items of it. What becomes of what you rated?"</p>
                    <p class="actions">
                        <button type="submit" name="ratings" value="keep">"Leave, my ratings stay"</button>
                        <button type="submit" name="ratings" value="delete">"Leave, delete my ratings"</button>
                    </p>
                </form>
            </details>
        }
        .into_any(),
    };
    view! {
        <li>
            <strong class="foreign">{title}</strong>
            <span class="minor">{rated}</span>
            {action}
        </li>
    }
    .into_any()
}

fn delete(me: &PersonRow) -> AnyView {
    let name = me.name.clone().unwrap_or_default();
    view! {
        <section aria-labelledby="delete">
            <h2 id="delete">"Delete the account"</h2>
            <details>
                <summary>"Delete me"</summary>
                <p>
                    "Your name, your password and where you are signed in are deleted at once and cannot be brought back. What you rated stays under "
                    {me.pseudonym.clone()}
                    ", which then leads to nobody, or is deleted too. Backups that were made before still have it."
                </p>
                <form class="entries" method="post" action=[link::account(), "/delete"].concat()>
                    {entry(Entry {
                        id: "name",
                        name: "To be sure, type your name",
                        kind: "text",
                        autocomplete: "off",
                        value: String::new(),
                        required: true,
                        about: name,
                    })}
                    <p class="actions">
                        <button type="submit" name="ratings" value="keep">"Delete me, my ratings stay"</button>
                        <button type="submit" name="ratings" value="delete">"Delete me and my ratings"</button>
                    </p>
                </form>
            </details>
        </section>
    }
    .into_any()
}
