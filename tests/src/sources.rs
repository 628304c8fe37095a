//! The workspace's own Rust sources, as the invariants' tests read them.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file with its comments, strings and test module blanked out, line by line.
pub struct Source {
    /// From the workspace's root.
    pub path: PathBuf,
    /// The file as it stands.
    pub text: String,
    /// What is left of it: code alone, the lines' numbers kept.
    pub code: String,
}

/// Every `.rs` file under a folder of the workspace, build folders left out.
pub fn sources(root: &Path, folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut waiting = vec![root.join(folder)];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(&next).expect("the workspace's folders can be read") {
            let path = entry.expect("their entries too").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !["target", "node_modules", "runs", ".git"].contains(&name.as_str()) {
                    waiting.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let code = code_alone(&text);
                let path = path
                    .strip_prefix(root)
                    .expect("it was found there")
                    .to_path_buf();
                found.push(Source { path, text, code });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Blanks out comments, string and character literals, and all from the module of tests to the end of
/// the file.
fn code_alone(text: &str) -> String {
    let text = match tests_start(text) {
        Some(start) => &text[..start],
        None => text,
    };
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = hashes + 2;
            rest[body..]
                .find(&end)
                .map_or(rest.len(), |place| body + place + end.len())
        } else if rest.starts_with('"') {
            quoted(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else if let Some(escaped) = rest.strip_prefix("'\\") {
            escaped.find('\'').map_or(rest.len(), |end| end + 3)
        } else {
            0
        };
        if skipped > 0 {
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            code.push(' ');
            at += skipped;
        } else {
            let next = rest.chars().next().expect("there is a rest");
            code.push(next);
            at += next.len_utf8();
        }
    }
    code
}

/// Where a module of tests has its body, at the end of a file, as the house puts it. `mod tests;` may stand
/// anywhere.
fn tests_start(text: &str) -> Option<usize> {
    let mark = "\n#[cfg(test)]\nmod ";
    let mut places = text.match_indices(mark).map(|(place, _)| place);
    places.find(|place| {
        let module = text[place + mark.len()..].lines().next();
        module.is_some_and(|module| module.contains('{'))
    })
}

/// The number of hashes, where a raw string starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// The bytes of a string literal, quotes included.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::code_alone;

    #[test]
    fn only_code_is_left() {
        let text = "let a = \"unsafe { \\\" }\"; // unsafe\nr#\"SELECT\"#; '\"'; b /* x\n */ c\n#[cfg(test)]\nmod tests { unsafe }";
        let code = code_alone(text);
        assert!(
            !code.contains("unsafe") && !code.contains("SELECT"),
            "{code}"
        );
        assert!(code.contains("let a = ") && code.contains('c'), "{code}");
        assert_eq!(code.lines().count(), 3, "{code}");
    }

    #[test]
    fn tests_in_a_file_of_their_own_hide_nothing() {
        let text = "use a;\n#[cfg(test)]\nmod tests;\nfn b() {}\n#[cfg(test)]\nmod more { unsafe }";
        let code = code_alone(text);
        assert!(
            code.contains("fn b()") && !code.contains("unsafe"),
            "{code}"
        );
    }
}
