//! A browser's part, as far as HTTP goes.

use super::served::Place;
use serde_json::Value;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// An answer that is not there by then is taken to be lost, as a browser's would be.
const ANSWER_SECONDS_MAX: u64 = 15;

/// Somebody's browser: keeps his cookie and knows where the server is.
pub struct Client {
    agent: ureq::Agent,
    place: Place,
    cookie: Option<String>,
}

/// An answer that came whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub text: String,
    pub cookies: Vec<String>,
    pub location: Option<String>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: status {}: {}", self.status, self.text))
    }

    /// Asserts the status, and reads the body.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            self.text
        );
        if self.text.is_empty() {
            return Value::Null;
        }
        self.json()
    }
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Half of the request has been sent.
    Halfway,
    /// All of it has, and the answer is not waited for.
    Unheard,
}

impl Client {
    pub fn new(place: &Place) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))
            .build()
            .into();
        Client {
            agent,
            place: place.clone(),
            cookie: None,
        }
    }

    /// The same person in another tab: with a connection of its own.
    pub fn tab(&self) -> Self {
        Client {
            cookie: self.cookie.clone(),
            ..Client::new(&self.place)
        }
    }

    pub fn keep_cookie(&mut self, cookie: &str) {
        self.cookie = Some(cookie.to_owned());
    }

    pub fn get(&self, path: &str) -> Result<Reply, String> {
        let address = self.place.address();
        let request = self.agent.get(format!("{address}{path}"));
        let request = match &self.cookie {
            Some(cookie) => request.header("Cookie", cookie),
            None => request,
        };
        read(request.call())
    }

    /// `method` is POST, PUT or PATCH.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Reply, String> {
        self.send_text(method, path, "application/json", &body.to_string())
    }

    pub fn send_text(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Result<Reply, String> {
        let address = self.place.address();
        let url = format!("{address}{path}");
        let request = match method {
            "POST" => self.agent.post(url),
            "PUT" => self.agent.put(url),
            "PATCH" => self.agent.patch(url),
            other => panic!("{other}?"),
        };
        let mut request = request
            .header("Content-Type", kind)
            .header("Origin", &address)
            .header("Sec-Fetch-Site", "same-origin");
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        read(request.send(body))
    }

    /// A PUT whose connection is cut; whether the server took it, nobody is told.
    pub fn put_cut(&self, path: &str, body: &Value, cut: Cut) {
        let address = self.place.address();
        let host = address.trim_start_matches("http://");
        let Ok(mut stream) = TcpStream::connect(host) else {
            return;
        };
        let body = body.to_string();
        let cookie = match &self.cookie {
            Some(cookie) => format!("Cookie: {cookie}\r\n"),
            None => String::new(),
        };
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {address}\r\nSec-Fetch-Site: same-origin\r\n\
             {cookie}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let sent = match cut {
            Cut::Halfway => &request.as_bytes()[..request.len() - body.len() / 2],
            Cut::Unheard => request.as_bytes(),
        };
        let _ = stream.write_all(sent);
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Reply, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let text_of =
        |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let cookies = answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(text_of)
        .collect();
    let location = answer.headers().get("location").map(text_of);
    let status = answer.status().as_u16();
    let text = answer
        .body_mut()
        .read_to_string()
        .map_err(|error| error.to_string())?;
    Ok(Reply {
        status,
        text,
        cookies,
        location,
    })
}
