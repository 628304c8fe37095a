//! A client that can hang up where it likes.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any test waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }
}

/// A request under way, whose answer has not been read.
pub struct Asked {
    reader: BufReader<TcpStream>,
}

impl Asked {
    pub fn send(
        address: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = match headers.iter().any(|(name, _)| *name == "Host") {
            true => String::new(),
            false => format!("Host: {address}\r\n"),
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses need not read all of it.
        let _ = stream.write_all(body);
        Asked {
            reader: BufReader::new(stream),
        }
    }

    pub fn post(address: &str, path: &str, body: &Value) -> Self {
        Asked::send(address, "POST", path, &[], body.to_string().as_bytes())
    }

    /// The status and the headers.
    pub fn head(&mut self) -> Reply {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        Reply {
            status: status.unwrap_or_else(|| panic!("no status in {line:?}")),
            headers,
            body: Vec::new(),
        }
    }

    /// The whole answer.
    pub fn reply(mut self) -> Reply {
        let mut reply = self.head();
        match reply.header("transfer-encoding") {
            Some("chunked") => {
                while let Some(chunk) = self.chunk() {
                    reply.body.extend(chunk);
                }
            }
            _ => {
                self.reader.read_to_end(&mut reply.body).unwrap();
            }
        }
        reply
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes.truncate(length);
        (length > 0).then_some(bytes)
    }

    /// The next event of a stream, after its head was read; heartbeats are left out.
    pub fn event(&mut self) -> Option<String> {
        let mut event = Vec::new();
        while let Some(chunk) = self.chunk() {
            event.extend(chunk);
            if event.ends_with(b"\n\n") {
                let text = String::from_utf8(std::mem::take(&mut event)).unwrap();
                if let Some(data) = text.trim_end().strip_prefix("data: ") {
                    return Some(data.to_owned());
                }
            }
        }
        None
    }

    /// All events of a stream as JSON, without the last word, which must be there.
    #[track_caller]
    pub fn events(mut self) -> Vec<Value> {
        let head = self.head();
        if head.status != 200 {
            let mut told = String::new();
            let _ = self.reader.read_to_string(&mut told);
            panic!("{}: {told}", head.status);
        }
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        let mut events = Vec::new();
        while let Some(data) = self.event() {
            if data == "[DONE]" {
                assert!(self.event().is_none(), "more after the last word");
                return events;
            }
            events.push(serde_json::from_str(&data).unwrap());
        }
        panic!("the stream broke off after {events:?}");
    }
}

pub fn get(address: &str, path: &str) -> Reply {
    Asked::send(address, "GET", path, &[], &[]).reply()
}

pub fn post(address: &str, path: &str, body: &Value) -> Reply {
    Asked::post(address, path, body).reply()
}

/// The answer to a conversation, which must come.
#[track_caller]
pub fn chat(address: &str, body: &Value) -> Value {
    let reply = post(address, "/v1/chat/completions", body);
    assert_eq!(
        reply.status,
        200,
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    reply.json()
}

/// The text of a choice of a streamed conversation, and why it ended.
pub fn streamed_text(events: &[Value], index: u64) -> (String, String) {
    let (mut text, mut reason) = (String::new(), String::new());
    for event in events {
        for choice in event["choices"].as_array().unwrap() {
            if choice["index"] == index {
                let piece = choice["delta"]["content"]
                    .as_str()
                    .or(choice["text"].as_str());
                text.push_str(piece.unwrap_or_default());
                reason.push_str(choice["finish_reason"].as_str().unwrap_or_default());
            }
        }
    }
    (text, reason)
}
