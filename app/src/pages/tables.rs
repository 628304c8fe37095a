//! The paper's Tables 1 to 4, ours beside the paper's.

use crate::document::Frame;
use crate::format;
use crate::link;
use crate::medium::medium;
use crate::page::RenderContext;
use crate::pages::words::{Notice, Trail};
use crate::view::{PaperTables, TabledRun};
use comparison::tables::{Cell, Column, Ours, Table, TableRow, Tables};
use leptos::prelude::*;

/// Copies what a link leads to.
const COPY_SCRIPT: &str = include_str!("copy.js");
/// The files, by the ends of their names.
const FORMS: [(&str, &str); 3] = [("md", "Markdown"), ("csv", "CSV"), ("tex", "LaTeX")];

pub fn frame(tables: PaperTables, context: &RenderContext) -> Frame {
    let chosen = chosen(&tables);
    let left_out = tables
        .left_out
        .iter()
        .map(|one| {
            let title = format!("{} is left out.", format::foreign(&one.name));
            view! { <Notice kind="warning" title=title text=format::foreign(&one.reason) /> }
        })
        .collect_view();
    let drawn = tables
        .tables
        .tables
        .iter()
        .map(|table| section(table, &chosen))
        .collect_view();
    let body = view! {
        <Trail parts=vec![("Runs".to_owned(), "/".to_owned())] />
        <h1>"The paper's tables, ours beside the paper's"</h1>
        {lede(&tables)}
        {left_out}
        {empty(&tables)}
        {copies(&chosen, None, "all tables")}
        {drawn}
        {notes(&tables.tables)}
        {choose(&tables)}
        <script nonce=context.nonce.clone() inner_html=COPY_SCRIPT></script>
    };
    Frame {
        title: "Tables".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

/// The runs of the address; none where it names none.
fn chosen(tables: &PaperTables) -> Vec<&str> {
    if !tables.is_chosen {
        return Vec::new();
    }
    let shown = tables.runs.iter().filter(|run| run.is_shown);
    shown.map(|run| run.id.as_str()).collect()
}

fn lede(tables: &PaperTables) -> AnyView {
    let shown = tables.runs.iter().filter(|run| run.is_shown);
    let (runs, evaluations) = shown.fold((0, 0), |(runs, evaluations), run| {
        (runs + 1, evaluations + run.evaluations)
    });
    let which = if tables.is_chosen {
        "chosen"
    } else {
        "finished"
    };
    view! {
        <p class="lede">
            {format!(
                "Ours are the {} of {} {which}, with 95% intervals; the paper's stand beneath them. “not run” where nothing ran: no figure is borrowed.",
                format::counted(evaluations, "evaluation"),
                format::counted(runs, "run"),
            )}
        </p>
        <p class="minor">{format!("The paper: {}.", tables.tables.source)}</p>
    }
    .into_any()
}

fn empty(tables: &PaperTables) -> AnyView {
    if tables.runs.iter().any(|run| run.is_shown) {
        return ().into_any();
    }
    view! {
        <div class="empty">
            <h2>"No finished run with an evaluation yet"</h2>
            <p>"The tables below hold the paper's figures alone. Make a run, and its figures stand beside them:"</p>
            <pre><code>"sayself run world-facts/demo --out runs/demo"</code></pre>
        </div>
    }
    .into_any()
}

/// Buttons that copy, and links that work without them.
fn copies(chosen: &[&str], table: Option<&str>, what: &str) -> AnyView {
    let buttons = FORMS
        .iter()
        .map(|(form, name)| {
            let address = link::tables_in(form, chosen, table);
            view! {
                <button type="button" hidden data-copy=address>
                    {*name}
                    <span class="unseen">{format!(" of {what}, to the clipboard")}</span>
                </button>
            }
        })
        .collect_view();
    let links = FORMS
        .iter()
        .map(|(form, name)| {
            let address = link::tables_in(form, chosen, table);
            view! {
                <a href=address>
                    {*name}
                    <span class="unseen">{format!(" of {what}")}</span>
                </a>
            }
        })
        .collect_view();
    view! {
        <div class="copies">
            <span class="copy-words">"Copy " {what.to_owned()} ":"</span>
            {buttons}
            <span>"as a file:"</span>
            {links}
            <span role="status"></span>
        </div>
    }
    .into_any()
}

fn section(table: &Table, chosen: &[&str]) -> AnyView {
    let id = format!("table-{}", table.number);
    let heading = format!("Table {}. {}", table.number, table.title);
    let head = table.columns.iter().map(column).collect_view();
    let rows = table
        .rows
        .iter()
        .map(|one| row(one, table.paper_decimals))
        .collect_view();
    let caption = match table.number {
        "4" => "By whoever scored it; higher is better but for SelfReflect.",
        "1" | "1b" => "Lower is better.",
        _ => "Higher is better.",
    };
    view! {
        <section aria-labelledby=id.clone()>
            <h2 id=id.clone()>{heading.clone()}</h2>
            <div class="scroll" tabindex="0" role="region" aria-label=[&heading, ", its figures"].concat()>
                <table class="paper">
                    <caption><span>{caption} " Ours above, the paper's beneath; letters say why the two cannot be compared."</span></caption>
                    <thead>
                        <tr>
                            <th scope="col">"Method"</th>
                            {head}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {medium().has_downloads().then(|| copies(chosen, Some(table.number), &format!("Table {}", table.number)))}
        </section>
    }
    .into_any()
}

fn column(column: &Column) -> AnyView {
    let ours =
        (!column.is_in_paper).then(|| view! { <span class="minor">"not in the paper"</span> });
    view! { <th scope="col" class="number">{format::foreign(&column.title)} {ours}</th> }.into_any()
}

fn row(row: &TableRow, decimals: usize) -> AnyView {
    let ours = (!row.is_in_paper).then(|| view! { <span class="minor">"not in the paper"</span> });
    let cells = row
        .cells
        .iter()
        .map(|one| cell(one, decimals))
        .collect_view();
    view! {
        <tr>
            <th scope="row">{format::foreign(&row.method)} {ours}</th>
            {cells}
        </tr>
    }
    .into_any()
}

fn cell(cell: &Cell, decimals: usize) -> AnyView {
    let marks = cell
        .marks
        .iter()
        .map(|mark| {
            let address = format!("#mark-{mark}");
            view! { <a href=address aria-label=format!("not comparable, note {mark}")>{mark.to_string()}</a> }
        })
        .collect_view();
    let paper = cell.paper_in_words(decimals).map(|paper| {
        let marks = (!cell.marks.is_empty()).then(|| view! { <sup>{marks}</sup> });
        view! { <span class="papers"><span class="unseen">"; the paper: "</span>{paper} {marks}</span> }
    });
    view! { <td class="number">{ours(cell.ours.as_ref())} {paper}</td> }.into_any()
}

fn ours(ours: Option<&Ours>) -> AnyView {
    let Some(ours) = ours else {
        return view! { <span class="ours none">"not run"</span> }.into_any();
    };
    if !ours.is_valid {
        return view! { <span class="ours none" title="The golds are sentences, and a string judge's verdict means nothing on them.">"not valid"</span> }.into_any();
    }
    let Some(value) = ours.value else {
        return view! { <span class="ours none">"not defined"</span> }.into_any();
    };
    let range = ours.interval.map(|[low, high]| {
        let ends = [format::fixed(low, 3), format::fixed(high, 3)];
        view! { <span class="range">{ends.join(" to ")}</span> }
    });
    let mut more = vec![format!("n = {}", format::count(ours.n))];
    if ours.seeds > 1 {
        more.push(format!("mean of {} seeds", ours.seeds));
    }
    for (control, value) in &ours.controls {
        more.push(format!("{control} {}", format::fixed(*value, 3)));
    }
    view! {
        <span class="ours">
            <strong>{format::fixed(value, 3)}</strong>
            {range}
            <span class="range">{more.join(", ")}</span>
        </span>
    }
    .into_any()
}

/// Why two figures cannot be compared, by mark.
fn notes(tables: &Tables) -> AnyView {
    let marks = tables
        .marks
        .iter()
        .map(|(mark, reason)| {
            view! {
                <div id=format!("mark-{mark}")>
                    <dt>{mark.to_string()}</dt>
                    <dd>{format::foreign(reason)}</dd>
                </div>
            }
        })
        .collect_view();
    let marks = (!tables.marks.is_empty()).then(|| {
        view! {
            <p>"A letter beside the paper's figure says why it cannot be compared with ours:"</p>
            <dl class="marks">{marks}</dl>
        }
    });
    view! {
        <section aria-labelledby="notes">
            <h2 id="notes">"How to read them"</h2>
            <p>
                "Of several training seeds ours is the mean, with the mean ends of their intervals, which are no narrower than the mean's own. ECE is by level where confidences are levels, else of 15 bins."
            </p>
            {marks}
        </section>
    }
    .into_any()
}

/// Whose figures stand in the tables: a form whose state is the address.
fn choose(tables: &PaperTables) -> AnyView {
    if tables.runs.is_empty() || medium().is_files() {
        return ().into_any();
    }
    let boxes = tables.runs.iter().map(choice).collect_view();
    let all = tables.is_chosen.then(|| {
        view! { <p><a href=link::tables(&[])>"All finished runs"</a></p> }
    });
    view! {
        <section aria-labelledby="whose">
            <h2 id="whose">"Whose figures"</h2>
            {all}
            <details>
                <summary>"Choose runs"</summary>
                <form class="choose" method="get" action="/tables">
                    <fieldset>
                        <legend class="unseen">"Runs"</legend>
                        {boxes}
                    </fieldset>
                    <p><button type="submit">"Fill the tables"</button></p>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn choice(run: &TabledRun) -> AnyView {
    view! {
        <label>
            <input type="checkbox" name="run" value=run.id.clone() checked=run.is_shown />
            {format::foreign(&run.title)}
            <span class="minor">{format::foreign(&run.id)} ", " {format::counted(run.evaluations, "evaluation")}</span>
        </label>
    }
    .into_any()
}
