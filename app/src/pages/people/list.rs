//! People and invitations, for admins.

use super::{Entry, entry, moment, once, role_words, told};
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::view::{InvitationRow, PeoplePage, PersonRow, Role};
use leptos::prelude::*;
use std::collections::HashMap;

pub fn frame(page: PeoplePage, nonce: &str) -> Frame {
    let open = page.is_open.then(|| {
        view! {
            <div class="notice">
                <p>
                    <strong>"This server is open."</strong>
                    " Only this machine can reach it, and whoever does may do everything. As soon as an admin has an account, all who come must sign in: to close the server, make an invitation for an admin and open its link yourself."
                </p>
            </div>
        }
    });
    let body = view! {
        <div class="heading">
            <h1>"People"</h1>
            <p class="pages first"><a href=link::audit(None)>"Audit"</a></p>
        </div>
        {told(page.done.as_deref(), page.wrong.as_deref())}
        {once(page.shown.as_ref(), nonce)}
        {open}
        {people(&page)}
        {invite(&page)}
        {invitations(&page)}
    };
    Frame {
        title: "People".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn people(page: &PeoplePage) -> AnyView {
    if page.people.is_empty() {
        return view! { <p>"Nobody has an account yet. People come by invitation."</p> }.into_any();
    }
    let rows = page
        .people
        .iter()
        .map(|person| row(person, page.me.as_deref() == Some(person.id.as_str())))
        .collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="People">
            <table class="people">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Seen last"</th>
                        <th scope="col">"Signs in by"</th>
                        <th scope="col"><span class="unseen">"Change"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <p class="minor">"Whose role is changed, or who is disabled, is signed out everywhere. Researchers see the made-up names alone."</p>
    }
    .into_any()
}

fn row(person: &PersonRow, is_me: bool) -> AnyView {
    let name = format::foreign(person.name.as_deref().unwrap_or_default());
    let me = is_me.then(|| view! { <span class="minor">"you"</span> });
    let disabled = person
        .disabled
        .then(|| view! { <span class="badge failed">"disabled"</span> });
    let seen = person.seen_ms.map_or_else(|| "–".into(), moment);
    let by = match person.has_password {
        true => "password",
        false => "link alone",
    };
    let (value, words) = match person.disabled {
        true => ("false", "Enable"),
        false => ("true", "Disable"),
    };
    let link_button = (!person.disabled).then(|| {
        view! {
            <form method="post" action=link::person(&person.id, "link")>
                <button type="submit">"Link to sign in" <span class="unseen">" for " {name.clone()}</span></button>
            </form>
        }
    });
    view! {
        <tr>
            <th scope="row">
                <span class="foreign">{name.clone()}</span>
                {me}
                <span class="minor">{person.pseudonym.clone()}</span>
                {disabled}
            </th>
            <td data-name="Role">
                <form method="post" action=link::person(&person.id, "role")>
                    {roles(["role-", &person.id].concat(), ["Role of ", &name].concat(), person.role)}
                    <button type="submit">"Set" <span class="unseen">" the role of " {name.clone()}</span></button>
                </form>
            </td>
            <td data-name="Seen last">{seen}</td>
            <td data-name="Signs in by">{by}</td>
            <td>
                <div class="actions">
                    {link_button}
                    <form method="post" action=link::person(&person.id, "disabled")>
                        <input type="hidden" name="disabled" value=value />
                        <button type="submit">{words} <span class="unseen">" " {name.clone()}</span></button>
                    </form>
                </div>
            </td>
        </tr>
    }
    .into_any()
}

/// The choice of a role.
fn roles(id: String, name: String, chosen: Role) -> AnyView {
    let options = [Role::Annotator, Role::Researcher, Role::Admin]
        .into_iter()
        .map(|role| {
            let selected = role == chosen;
            view! { <option value=role.word() selected=selected>{role.word()}</option> }
        })
        .collect_view();
    view! { <select name="role" id=id aria-label=name>{options}</select> }.into_any()
}

fn invite(page: &PeoplePage) -> AnyView {
    let projects = (!page.projects.is_empty()).then(|| {
        let options = page
            .projects
            .iter()
            .map(|(id, title)| view! { <option value=id.clone()>{format::foreign(title)}</option> })
            .collect_view();
        view! {
            <div class="entry">
                <label for="project">"Project that it leads to"</label>
                <select id="project" name="project"><option value="">"none"</option>{options}</select>
            </div>
        }
    });
    let meanings = [Role::Annotator, Role::Researcher, Role::Admin]
        .into_iter()
        .map(|role| view! { <li><strong>{role.word()}</strong> " " {role_words(role)}</li> })
        .collect_view();
    let number = |id, name, value: &str, about: &str| {
        entry(Entry {
            id,
            name,
            kind: "number",
            autocomplete: "off",
            value: value.into(),
            required: true,
            about: about.into(),
        })
    };
    view! {
        <section aria-labelledby="invite">
            <h2 id="invite">"Invite"</h2>
            <ul class="meanings-of-roles">{meanings}</ul>
            <form class="entries" method="post" action=[link::people(), "/invitations"].concat()>
                <div class="entry">
                    <label for="invited-role">"Role"</label>
                    {roles("invited-role".into(), "Role of those who come".into(), Role::Annotator)}
                </div>
                {projects}
                {number("uses", "For so many people", "1", "1 to 1,000; for an admin always 1.")}
                {number("days", "Days until it ends", "14", "1 to 366.")}
                {entry(Entry {
                    id: "note",
                    name: "Note, for yourself",
                    kind: "text",
                    autocomplete: "off",
                    value: String::new(),
                    required: false,
                    about: String::new(),
                })}
                <button type="submit">"Make a link"</button>
            </form>
        </section>
    }
    .into_any()
}

fn invitations(page: &PeoplePage) -> AnyView {
    if page.invitations.is_empty() {
        return ().into_any();
    }
    let people: HashMap<&str, &str> = page
        .people
        .iter()
        .map(|person| {
            (
                person.id.as_str(),
                person.name.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let projects: HashMap<&str, &str> = page
        .projects
        .iter()
        .map(|(id, title)| (id.as_str(), title.as_str()))
        .collect();
    let rows = page
        .invitations
        .iter()
        .map(|invitation| invitation_row(invitation, &people, &projects))
        .collect_view();
    view! {
        <section aria-labelledby="invitations">
            <h2 id="invitations">"Invitations that work"</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Invitations">
                <table class="people">
                    <thead>
                        <tr>
                            <th scope="col">"For"</th>
                            <th scope="col" class="number">"Uses left"</th>
                            <th scope="col">"Made"</th>
                            <th scope="col">"Ends"</th>
                            <th scope="col"><span class="unseen">"Take it back"</span></th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn invitation_row(
    invitation: &InvitationRow,
    people: &HashMap<&str, &str>,
    projects: &HashMap<&str, &str>,
) -> AnyView {
    let words = match &invitation.person {
        Some(person) => [
            "signing in as ",
            people.get(person.as_str()).copied().unwrap_or("somebody"),
        ]
        .concat(),
        None => invitation.role.word().to_owned(),
    };
    let project = invitation.project.as_ref().map(|project| {
        let title = projects.get(project.as_str()).copied();
        let words = ["project ", title.unwrap_or(project)].concat();
        view! { <span class="minor foreign">{format::foreign(&words)}</span> }
    });
    let note = (!invitation.note.is_empty())
        .then(|| view! { <span class="minor foreign">{format::foreign(&invitation.note)}</span> });
    view! {
        <tr>
            <th scope="row"><span class="foreign">{format::foreign(&words)}</span> {project} {note}</th>
            <td class="number" data-name="Uses left">{invitation.uses_left.to_string()}</td>
            <td data-name="Made">{moment(invitation.created_ms)}</td>
            <td data-name="Ends">{moment(invitation.expires_ms)}</td>
            <td>
                <form method="post" action=link::end_invitation(&invitation.id)>
                    <button type="submit">"Take back"</button>
                </form>
            </td>
        </tr>
    }
    .into_any()
}
