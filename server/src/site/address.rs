//! Which file an address becomes, and how a page leads from its own file to another.

use crate::limits::SITE_NAME_CHARACTERS_MAX;
use app::link;
use datasets::hash::sha256_hex;

/// What a folder shows where only the folder is asked for.
pub const INDEX: &str = "index.html";
/// Characters of a hash that tell names of one spelling apart.
const HASH_CHARACTERS: usize = 8;
/// Parts of paths below which something is no page.
const OF_FILES: [&str; 3] = ["charts", "files", "records"];

/// The file of an address (path and query), below the site's folder, with `/` between its parts.
///
/// A page is a folder with [`INDEX`] in it, so that its address ends as it did; all else keeps its name.
/// Names are of small letters, digits, `.`, `_` and `-`: others, and a query, come to a spelling of those and
/// a hash, as two of them may be one file on another system.
pub fn file_of(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_page = is_page(&parts);
    let mut names: Vec<String> = match parts.first() {
        // The browser's part and the demo's, whose scripts know the names.
        Some(&"assets") => parts.iter().map(|part| decoded(part)).collect(),
        Some(&"demo") if !is_page => parts.iter().map(|part| decoded(part)).collect(),
        _ => parts.iter().map(|part| name_of(&decoded(part))).collect(),
    };
    match (is_page, query) {
        (true, "") => {}
        (true, query) => names.push(hashed(query, "")),
        (false, "") => {}
        (false, query) => {
            let last = names.pop().unwrap_or_default();
            let (stem, ending) = last.rsplit_once('.').unwrap_or((&last, "jsonl"));
            names.push([stem, "-", &hashed(query, ending)].concat());
        }
    }
    if is_page {
        names.push(INDEX.to_owned());
    }
    names.join("/")
}

fn is_page(parts: &[&str]) -> bool {
    match parts {
        ["assets", ..] | ["demo", _, ..] => false,
        [name] => !name.starts_with("tables."),
        ["compare", ..] => !parts.contains(&"charts"),
        ["runs", _, "questions", _, rest @ ..] | ["runs", _, rest @ ..] => {
            !rest.first().is_some_and(|part| OF_FILES.contains(part))
        }
        _ => true,
    }
}

fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| byte == b'%');
        let code =
            code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A part of a path as it can be a file's name anywhere.
fn name_of(part: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let is_plain = part.bytes().all(is_plain)
        && !part.starts_with('.')
        && (1..=SITE_NAME_CHARACTERS_MAX).contains(&part.len());
    if is_plain {
        return part.to_owned();
    }
    match part.rsplit_once('.') {
        Some((_, ending))
            if !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            hashed(part, ending)
        }
        _ => hashed(part, ""),
    }
}

/// A spelling of a text that says something, with a hash that says all.
fn hashed(text: &str, ending: &str) -> String {
    let readable = decoded(text).to_ascii_lowercase();
    let words: Vec<&str> = readable
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let spelling: String = words
        .join("-")
        .chars()
        .take(SITE_NAME_CHARACTERS_MAX)
        .collect();
    let sum = sha256_hex(text.as_bytes());
    let hash = &sum[..HASH_CHARACTERS];
    let name = match spelling.trim_end_matches('-') {
        "" => hash.to_owned(),
        spelling => [spelling, "-", hash].concat(),
    };
    match ending {
        "" => name,
        ending => [&name, ".", &ending.to_ascii_lowercase()].concat(),
    }
}

/// The way from one file to another, as an address: it holds wherever the site's folder lies.
pub fn relative(from: &str, to: &str) -> String {
    let folder: Vec<&str> = from.split('/').collect();
    let folder = &folder[..folder.len() - 1];
    let mut target: Vec<&str> = to.split('/').collect();
    let is_folder = target.last() == Some(&INDEX);
    if is_folder {
        target.pop();
    }
    let shared = folder
        .iter()
        .zip(&target)
        .take_while(|(one, other)| one == other)
        .count();
    // A file of one's own folder is named, however many folders above have its name.
    let shared = if is_folder {
        shared
    } else {
        shared.min(target.len() - 1)
    };
    let mut way = "../".repeat(folder.len() - shared);
    let names: Vec<String> = target[shared..]
        .iter()
        .map(|name| link::encoded(name))
        .collect();
    way.push_str(&names.join("/"));
    if is_folder && !way.is_empty() && !way.ends_with('/') {
        way.push('/');
    }
    if way.is_empty() { "./".into() } else { way }
}

/// The file that a relative way leads to from another; `None` where it leaves the site's folder.
pub fn resolved(from: &str, way: &str) -> Option<String> {
    let way = way.split(['?', '#']).next().unwrap_or_default();
    if way.is_empty() {
        return Some(from.to_owned());
    }
    let mut names: Vec<String> = from.split('/').map(str::to_owned).collect();
    names.pop();
    for part in way.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            part => names.push(decoded(part)),
        }
    }
    let is_folder = way.ends_with('/') || way == "." || way.ends_with("..");
    if is_folder {
        names.push(INDEX.to_owned());
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_folders_and_files_keep_their_names() {
        for (address, file) in [
            ("/", "index.html"),
            ("/runs/demo", "runs/demo/index.html"),
            ("/demo", "demo/index.html"),
            ("/demo/about.json", "demo/about.json"),
            ("/demo/model/0a/A%20b.gguf", "demo/model/0a/A b.gguf"),
            ("/tables.md", "tables.md"),
            ("/assets/app_bg.wasm", "assets/app_bg.wasm"),
            ("/runs/a/questions/q.1", "runs/a/questions/q.1/index.html"),
            ("/runs/a/charts/events.svg", "runs/a/charts/events.svg"),
        ] {
            assert_eq!(file_of(address), file, "{address}");
        }
    }

    #[test]
    fn what_two_systems_would_mix_up_is_told_apart() {
        let [small, large] = ["/runs/demo", "/runs/Demo"].map(file_of);
        assert!(small != large && large.starts_with("runs/demo-"), "{large}");
        for id in ["..", "a%2Fb", ".hidden", "%00", &"x".repeat(300), "\u{fc}"] {
            let file = file_of(&format!("/runs/{id}"));
            let names: Vec<&str> = file.split('/').collect();
            assert_eq!(names.len(), 3, "{file}");
            assert!(!names[1].starts_with('.') && names[1].len() <= 80, "{file}");
        }
        let [one, other] = [
            "/runs/a/answers?label=x&bin=1",
            "/runs/a/answers?label=x&bin=2",
        ]
        .map(file_of);
        assert!(
            one != other && one.starts_with("runs/a/answers/label-x-bin-1-"),
            "{one}"
        );
        assert!(one.ends_with("/index.html"), "{one}");
        let table = file_of("/tables.md?table=1");
        assert!(
            table.starts_with("tables-table-1-") && table.ends_with(".md"),
            "{table}"
        );
    }

    #[test]
    fn a_way_leads_where_it_was_meant_to() {
        let files = [
            "index.html",
            "tables/index.html",
            "tables.md",
            "runs/a/index.html",
            "runs/a/answers/x/index.html",
            "runs/b/index.html",
            "assets/app.js",
            "demo/model/0a/A b.gguf",
        ];
        for from in files {
            for to in files {
                let way = relative(from, to);
                assert_eq!(resolved(from, &way).as_deref(), Some(to), "{from} {way}");
                assert!(!way.starts_with('/'), "{way}");
            }
        }
        assert_eq!(relative("runs/a/index.html", "index.html"), "../../");
        assert_eq!(relative("index.html", "index.html"), "./");
        assert_eq!(resolved("index.html", "../x"), None);
    }
}
