//! What was done that others must be able to check.

use super::moment;
use crate::document::Frame;
use crate::format;
use crate::link;
use crate::pages::words::Trail;
use crate::view::{AuditPage, AuditRow};
use leptos::prelude::*;

pub fn frame(page: AuditPage) -> Frame {
    let list = match page.rows.is_empty() {
        true => view! { <p>"Nothing was done yet."</p> }.into_any(),
        false => {
            let rows = page.rows.iter().map(row).collect_view();
            view! {
                <div class="scroll" tabindex="0" role="region" aria-label="Acts">
                    <table class="audit">
                        <thead>
                            <tr>
                                <th scope="col">"When"</th>
                                <th scope="col">"Who"</th>
                                <th scope="col">"What"</th>
                                <th scope="col">"To what"</th>
                                <th scope="col">"How"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
            .into_any()
        }
    };
    let next = page.next.map(|cursor| {
        view! { <p class="pages"><a rel="next" href=link::audit(Some(&cursor))>"Older acts"</a></p> }
    });
    let body = view! {
        <Trail parts=vec![("People".to_owned(), link::people().to_owned())] />
        <h1>"Audit"</h1>
        <p class="lede">"Who did what to accounts, invitations, projects and published runs, the newest first. Nothing is taken out of it."</p>
        {list}
        {next}
    };
    Frame {
        title: "Audit".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn row(row: &AuditRow) -> AnyView {
    let person = row.person.clone().unwrap_or_else(|| "the server".into());
    view! {
        <tr>
            <td>{moment(row.at_ms)}</td>
            <td>{person}</td>
            <td>{row.act.clone()}</td>
            <td class="foreign">{format::foreign(&row.object)}</td>
            <td class="foreign">{format::foreign(&row.detail)}</td>
        </tr>
    }
    .into_any()
}
