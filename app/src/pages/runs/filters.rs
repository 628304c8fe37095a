//! What narrows and orders the list: one plain form, whose answers stand in the address.

use crate::format;
use crate::link;
use crate::view::{Direction, FacetChoices, RunChoice, RunSort, RunsPage};
use leptos::prelude::*;

pub fn form(page: &RunsPage) -> AnyView {
    let choice = &page.choice;
    let facets = page
        .facets
        .iter()
        .filter_map(|facet| select(facet, choice))
        .collect_view();
    let clear = choice.is_narrowed().then(
        || view! { <a class="clear" href=link::runs(&choice.widened(), None)>"Show all runs"</a> },
    );
    view! {
        <form class="filters" method="get" action="/" role="search">
            <label class="search-for">
                <span>"Search"</span>
                <input
                    type="search"
                    name="q"
                    value=choice.search.clone()
                    maxlength="200"
                    placeholder="title, model, tag, note"
                />
            </label>
            {facets}
            // On a phone the table has no head to sort by.
            <label class="sorting">
                <span>"Sort by"</span>
                <select name="sort">
                    {RunSort::ALL
                        .into_iter()
                        .map(|sort| option(sort.word(), sort.name(), sort == choice.sort))
                        .collect_view()}
                </select>
            </label>
            <label class="sorting">
                <span>"Direction"</span>
                <select name="direction">
                    {[Direction::Ascending, Direction::Descending]
                        .into_iter()
                        .map(|direction| option(
                            direction.word(),
                            direction.word(),
                            direction == choice.direction,
                        ))
                        .collect_view()}
                </select>
            </label>
            <label class="tick">
                <input type="checkbox" name="group" value="questions" checked=choice.grouped />
                "Group by data set"
            </label>
            <button type="submit">"Show"</button>
            {clear}
        </form>
    }
    .into_any()
}

/// A choice among the values of a facet; nothing where there is nothing to choose.
fn select(facet: &FacetChoices, choice: &RunChoice) -> Option<AnyView> {
    let chosen = choice.value(facet.facet);
    // What is in the address stays in the form, even where no run has it any more.
    let absent = chosen
        .filter(|value| !facet.choices.iter().any(|(known, _)| known == value))
        .map(|value| (value.to_owned(), 0));
    if facet.choices.len() < 2 && chosen.is_none() && facet.facet != crate::view::Facet::Tag {
        return None;
    }
    if facet.choices.is_empty() && absent.is_none() {
        return None;
    }
    let options = facet
        .choices
        .iter()
        .chain(&absent)
        .map(|(value, runs)| {
            let words = [&format::foreign(value), " (", &format::count(*runs), ")"].concat();
            option(value, &words, chosen == Some(value.as_str()))
        })
        .collect_view();
    Some(
        view! {
            <label>
                <span>{facet.facet.name()}</span>
                <select name=facet.facet.word()>
                    <option value="">"any"</option>
                    {options}
                </select>
            </label>
        }
        .into_any(),
    )
}

fn option(value: &str, words: &str, selected: bool) -> AnyView {
    let (value, words) = (value.to_owned(), words.to_owned());
    view! { <option value=value selected=selected>{words}</option> }.into_any()
}
