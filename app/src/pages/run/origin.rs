//! What the run was made from: hashes, configuration, what was left out, and its files.

use crate::format;
use crate::link;
use crate::medium::medium;
use crate::view::{Provenance, RunDetail, RunFile, SkippedReason};
use leptos::prelude::*;

/// Reasons that are told; rarer ones are counted.
const REASONS_MAX: usize = 20;
/// Files up to which the list stands open.
const FILES_OPEN_MAX: usize = 12;

pub fn section(detail: &RunDetail) -> AnyView {
    view! {
        <section aria-labelledby="origin">
            <h2 id="origin">"What it was made from"</h2>
            {provenance(detail.directory.provenance.as_ref())}
            {configuration(&detail.config)}
            {left_out(detail.skipped, &detail.directory.skipped)}
            {files(detail)}
        </section>
    }
    .into_any()
}

fn provenance(provenance: Option<&Provenance>) -> AnyView {
    let Some(provenance) = provenance else {
        return view! { <p class="minor">"The run does not say what it was made from: run.toml is missing, or has no [provenance]."</p> }
            .into_any();
    };
    let rows = provenance
        .hashes
        .iter()
        .map(|hash| {
            view! {
                <tr>
                    <th scope="row">{format::foreign(&hash.of)}</th>
                    <td><code class="hash">{format::foreign(&hash.sha256)}</code></td>
                </tr>
            }
        })
        .collect_view();
    let version = if provenance.sayself_version.is_empty() {
        "of an unknown version".to_owned()
    } else {
        format::foreign(&provenance.sayself_version)
    };
    let words = format!(
        "Written by sayself {version}, command {}.",
        format::foreign(&provenance.stage)
    );
    if provenance.hashes.is_empty() {
        return view! { <p>{words}" No file was hashed."</p> }.into_any();
    }
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Hashes">
            <table class="hashes">
                <caption><span>{words}" Equal hashes are equal files."</span></caption>
                <thead>
                    <tr>
                        <th scope="col">"File"</th>
                        <th scope="col">"SHA-256"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn configuration(config: &str) -> AnyView {
    if config.is_empty() {
        return ().into_any();
    }
    view! {
        <details>
            <summary>"Configuration (run.toml)"</summary>
            <pre tabindex="0" role="region" aria-label="Configuration"><code>{format::foreign(config)}</code></pre>
        </details>
    }
    .into_any()
}

/// `all` is the number of records in `skipped.jsonl`.
fn left_out(all: u64, reasons: &[SkippedReason]) -> AnyView {
    let words = match all {
        0 => "No record was left out.".to_owned(),
        some => format!(
            "{} left out; skipped.jsonl says which and why.",
            format::counted(some, "record")
        ),
    };
    if reasons.is_empty() {
        return view! { <p>{words}</p> }.into_any();
    }
    let rows = reasons
        .iter()
        .take(REASONS_MAX)
        .map(|reason| {
            view! {
                <tr>
                    <th scope="row">{format::foreign(&reason.reason)}</th>
                    <td>{format::foreign(&reason.stage)}</td>
                    <td class="number">{format::count(reason.n)}</td>
                    <td class="examples">{format::foreign(&reason.examples.join(", "))}</td>
                </tr>
            }
        })
        .collect_view();
    let rarer = reasons.len().saturating_sub(REASONS_MAX);
    let rarer = (rarer > 0).then(|| {
        view! { <p class="minor">{format!("{rarer} rarer reasons are not shown.")}</p> }
    });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Records left out">
            <table class="reasons">
                <caption><span>{words}</span></caption>
                <thead>
                    <tr>
                        <th scope="col">"Reason"</th>
                        <th scope="col">"Stage"</th>
                        <th scope="col" class="number">"Records"</th>
                        <th scope="col">"For example"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {rarer}
    }
    .into_any()
}

fn files(detail: &RunDetail) -> AnyView {
    let files = &detail.directory.files;
    if !medium().has_downloads() {
        return ().into_any();
    }
    if files.is_empty() {
        return view! { <p class="minor">"There is no file to download."</p> }.into_any();
    }
    let rows = files
        .iter()
        .map(|file| row(&detail.summary.id, file))
        .collect_view();
    let all: u64 = files.iter().map(|file| file.bytes).sum();
    let cut = detail.directory.files_cut.then(|| {
        view! { <p class="minor">"There are more files than are listed here; the run's directory has them all."</p> }
    });
    let summary = format!(
        "Files to download ({}, {})",
        format::counted(files.len() as u64, "file"),
        bytes(all)
    );
    view! {
        <details open=files.len() <= FILES_OPEN_MAX>
            <summary>{summary}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="Files">
                <table class="files">
                    <thead>
                        <tr>
                            <th scope="col">"File"</th>
                            <th scope="col" class="number">"Size"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {cut}
        </details>
    }
    .into_any()
}

fn row(run: &str, file: &RunFile) -> AnyView {
    view! {
        <tr>
            <th scope="row"><a href=link::file(run, &file.path) download="">{format::foreign(&file.path)}</a></th>
            <td class="number">{bytes(file.bytes)}</td>
        </tr>
    }
    .into_any()
}

/// A size in the unit that fits: `512 B`, `1.4 kB`, `98 MB`.
fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    if size < 1_000.0 {
        return format!("{bytes} B");
    }
    let mut unit = "B";
    for next in units {
        if size < 999.5 {
            break;
        }
        size /= 1_000.0;
        unit = next;
    }
    format!("{} {unit}", format::fixed(size, u32::from(size < 10.0)))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_short() {
        let written = [0, 512, 1_400, 98_362_432, 2_000_000_000].map(bytes);
        assert_eq!(written, ["0 B", "512 B", "1.4 kB", "98 MB", "2.0 GB"]);
    }
}
