//! A client of the server's annotation pages: makes projects, asks how far they are, takes them away.
//!
//! The server keeps projects and ratings; nothing of them is kept here. A token comes from the environment
//! alone and is written nowhere.

use crate::error::bad_use;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// The environment variable with the token of a person's Account page.
pub const TOKEN_VARIABLE: &str = "SAYSELF_TOKEN";
/// Where `sayself-server` listens by default.
pub const SERVER: &str = "http://127.0.0.1:7590";

/// Seconds until a server that does not answer is taken as away.
const CONNECT_SECONDS_MAX: u64 = 10;
/// Seconds for one request and its answer; an export of a large project takes some.
const REQUEST_SECONDS_MAX: u64 = 300;
/// Bytes of an answer that is JSON, and of an exported file.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
const EXPORT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Characters of a server's words that are shown.
const WORDS_CHARACTERS_MAX: usize = 600;

/// The server.
pub struct Client {
    agent: Agent,
    /// Without a slash at its end.
    root: String,
    token: Option<String>,
}

impl Client {
    /// Nothing is asked yet. The token comes from [`TOKEN_VARIABLE`]; a server on this machine without
    /// accounts needs none.
    ///
    /// # Errors
    /// Bad use (exit code 2): no http address, a name or a password in it; a token that would go over an
    /// unencrypted line to another machine.
    pub fn new(server: &str) -> anyhow::Result<Client> {
        let token = std::env::var(TOKEN_VARIABLE).ok();
        Client::with_token(server, token.as_deref())
    }

    fn with_token(server: &str, token: Option<&str>) -> anyhow::Result<Client> {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        let root = root_of(server, token.is_some())?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_connect(Some(Duration::from_secs(CONNECT_SECONDS_MAX)))
            .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS_MAX)))
            // A refusal says in its body why, and what to do.
            .http_status_as_error(false)
            // A redirect would carry the token to whom nobody named.
            .max_redirects(0)
            .user_agent(concat!("sayself/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Client {
            agent,
            root,
            token: token.map(str::to_owned),
        })
    }

    /// The address of a page of the server.
    pub fn page(&self, path: &str) -> String {
        [&self.root, path].concat()
    }

    /// # Errors
    /// Where the server cannot be reached or refuses: exit code 2 for what is wrong with the request
    /// itself (a spec, an unknown project), else 1.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.authorised(self.agent.get(self.page(path))).call();
        json_of(self.answered(path, response)?)
    }

    /// # Errors
    /// As [`Client::get`].
    pub fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        let response = self
            .authorised(self.agent.post(self.page(path)))
            .send_json(body);
        json_of(self.answered(path, response)?)
    }

    /// # Errors
    /// As [`Client::get`].
    pub fn patch(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Value> {
        let response = self
            .authorised(self.agent.patch(self.page(path)))
            .send_json(body);
        json_of(self.answered(path, response)?)
    }

    /// A file, as it is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn file(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let response = self.authorised(self.agent.get(self.page(path))).call();
        let mut response = self.answered(path, response)?;
        let body = response.body_mut().with_config().limit(EXPORT_BYTES_MAX);
        body.read_to_vec()
            .map_err(|error| anyhow::anyhow!("{}: cut off: {error}", self.page(path)))
    }

    fn authorised<Kind>(&self, request: ureq::RequestBuilder<Kind>) -> ureq::RequestBuilder<Kind> {
        match &self.token {
            None => request,
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
        }
    }

    /// An answer that is no refusal.
    fn answered(
        &self,
        path: &str,
        response: Result<Response<Body>, ureq::Error>,
    ) -> anyhow::Result<Response<Body>> {
        let mut response = response.map_err(|error| {
            anyhow::anyhow!(
                "{} does not answer: {error}. Is it started (`sayself-server`), and is this its address \
                 (--server URL)?",
                self.root
            )
        })?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        let text = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string()
            .unwrap_or_default();
        Err(self.refused(path, status, &text))
    }

    /// The reason of a refusal, and what to do about it.
    fn refused(&self, path: &str, status: u16, text: &str) -> anyhow::Error {
        let words = self.hidden(&words_of(text, status));
        let hint = match (status, &self.token) {
            (401, None) => format!(
                " Make a token on the Account page of {}, and put it into the environment ({TOKEN_VARIABLE}).",
                self.root
            ),
            (401, Some(_)) => {
                format!(" The token in {TOKEN_VARIABLE} may have ended, or been removed.")
            }
            _ => String::new(),
        };
        let address = path.split('?').next().unwrap_or(path);
        let reason = format!("{}: {words}{hint}", self.page(address));
        match status {
            // What was asked for is wrong: asking again will not help.
            400 | 404 | 405 | 413 | 422 => bad_use(reason),
            _ => anyhow::anyhow!(reason),
        }
    }

    /// Without the token, should a server repeat it.
    fn hidden(&self, text: &str) -> String {
        match &self.token {
            Some(token) if text.contains(token.as_str()) => text.replace(token.as_str(), "[token]"),
            _ => text.to_owned(),
        }
    }
}

fn json_of(mut response: Response<Body>) -> anyhow::Result<Value> {
    let text = response
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_string()?;
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "the answer is no JSON ({error}): is this a sayself-server of this version?"
        )
    })
}

/// The words of a problem document; else the beginning of whatever came.
fn words_of(text: &str, status: u16) -> String {
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| {
        problem
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let told = [word("detail"), word("next")]
        .into_iter()
        .filter(|words| !words.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let told = match (word("title"), told.as_str()) {
        ("", "") => format!("HTTP status {status} {text}"),
        (title, told) => format!("{title}: {told}"),
    };
    // On one line, and nothing that moves a terminal's cursor.
    let plain: String = told
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .take(WORDS_CHARACTERS_MAX)
        .collect();
    plain.trim().to_owned()
}

/// The server's address without a slash at its end.
fn root_of(server: &str, has_token: bool) -> anyhow::Result<String> {
    let trimmed = server.trim().trim_end_matches('/');
    let encrypted = trimmed.strip_prefix("https://");
    let rest = encrypted.or_else(|| trimmed.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
        return Err(bad_use(format!(
            "--server must be an address such as {SERVER}, not {trimmed:?}"
        )));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(bad_use(format!(
            "--server must hold no name and password; put a token into the environment ({TOKEN_VARIABLE})"
        )));
    }
    if has_token && encrypted.is_none() && !is_this_machine(host) {
        return Err(bad_use(format!(
            "--server {trimmed}: the token would go unencrypted over the network; give an https address, or \
             reach the server by a tunnel (ssh -L 7590:127.0.0.1:7590 HOST)"
        )));
    }
    Ok(trimmed.to_owned())
}

/// Whether a host, with or without a port, is a loopback address.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address: Option<std::net::IpAddr> = name.parse().ok();
    name == "localhost" || address.is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        for (server, token, reason) in [
            ("localhost:7590", None, "must be an address such as"),
            ("ftp://x", None, "must be an address such as"),
            ("http://", None, "must be an address such as"),
            ("http://me:secret@x", None, "no name and password"),
            ("http://example.org", Some("t"), "unencrypted"),
            ("http://127.0.0.1.example.org", Some("t"), "unencrypted"),
            ("http://10.0.0.1:7590", Some("t"), "unencrypted"),
        ] {
            let error = Client::with_token(server, token).err().expect(server);
            assert!(error.to_string().contains(reason), "{server}: {error}");
            assert_eq!(exit_code(&error), 2, "{server}");
            assert!(!error.to_string().contains("secret"));
        }
        for (server, token) in [
            ("http://127.0.0.1:7590/", Some("t")),
            ("http://localhost:7590", Some("t")),
            ("http://[::1]:7590", Some("t")),
            ("https://example.org/sayself", Some("t")),
            ("http://example.org", None),
            ("http://example.org", Some(" ")),
        ] {
            let client = Client::with_token(server, token).expect(server);
            assert!(!client.page("/api").contains("//api"), "{server}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let client = Client::with_token(SERVER, Some("sesame-42")).expect("it is an address");
        let problem = r#"{"status":422,"title":"No project","detail":"overlap is 0.","next":"Give 1 to 20."}"#;
        let error = client.refused("/api/projects?x=y", 422, problem);
        assert_eq!(
            error.to_string(),
            "http://127.0.0.1:7590/api/projects: No project: overlap is 0. Give 1 to 20."
        );
        assert_eq!(exit_code(&error), 2);
        let error = client.refused("/api", 401, "who is sesame-42?\u{1b}[2J");
        assert_eq!(exit_code(&error), 1);
        let words = error.to_string();
        assert!(
            words.contains("who is [token]?") && words.contains(TOKEN_VARIABLE),
            "{words}"
        );
        assert!(!words.contains('\u{1b}'));
        assert_eq!(exit_code(&client.refused("/api", 503, "")), 1);
    }
}
