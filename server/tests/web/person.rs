//! Somebody at a browser, or a program with a token.

use crate::served::{Answer, Served, wait_for};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

/// Who asks: nobody, a browser with a cookie, or a program with a token.
pub struct Person<'server> {
    pub server: &'server Served,
    /// `name=value`.
    pub cookie: Option<String>,
    pub token: Option<String>,
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// The cookie that an answer sets, as it is sent back.
pub fn cookie_of(answer: &Answer) -> Option<String> {
    let cookie = answer.header("set-cookie")?;
    Some(cookie.split(';').next()?.to_owned())
}

impl Served {
    /// The first admin's link, as a path.
    pub fn first_link(&self) -> String {
        wait_for("the first admin's link", || {
            let said = self.said();
            let link = said
                .lines()
                .rev()
                .find(|line| line.contains("/invitation/"))?;
            Some(link.trim().split_once("/invitation/")?.1.to_owned())
        })
        .split_whitespace()
        .next()
        .map(|token| format!("/invitation/{token}"))
        .unwrap()
    }

    pub fn nobody(&self) -> Person<'_> {
        Person {
            server: self,
            cookie: None,
            token: None,
        }
    }

    /// Becomes the first admin.
    pub fn first_admin(&self) -> Person<'_> {
        self.come(&self.first_link(), "Chief", PASSWORD)
    }

    /// Comes by an invitation, a link or its path.
    pub fn come(&self, link: &str, name: &str, password: &str) -> Person<'_> {
        let answer = self.follow_link(link, &[("name", name), ("password", password)]);
        assert_eq!(answer.status, 303, "{}", answer.text);
        Person {
            server: self,
            cookie: Some(cookie_of(&answer).unwrap()),
            token: None,
        }
    }

    pub fn follow_link(&self, link: &str, fields: &[(&str, &str)]) -> Answer {
        let path = link.strip_prefix(&self.address).unwrap_or(link);
        self.nobody().post_form(path, fields)
    }

    pub fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.nobody()
            .post_form("/sign-in", &[("name", name), ("password", password)])
    }
}

impl Person<'_> {
    fn headers(&self) -> Vec<(&str, String)> {
        let mut headers = Vec::new();
        if let Some(cookie) = &self.cookie {
            headers.push(("cookie", cookie.clone()));
        }
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        headers
    }

    /// As a browser asks from one of the server's own pages.
    pub fn ask(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Answer {
        let mut headers = self.headers();
        if self.token.is_none() && method != "GET" {
            headers.push(("origin", self.server.address.clone()));
        }
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.server.ask(method, path, &headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = Some(("application/x-www-form-urlencoded", form(fields)));
        self.ask("POST", path, body)
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, Some(("application/json", body.to_string())))
    }

    /// The link of an invitation that this admin makes.
    pub fn invite(&self, request: &Value) -> String {
        let made = self.send("POST", "/api/invitations", request);
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["link"].as_str().unwrap().to_owned()
    }

    /// A person of a role, invited by this admin.
    pub fn let_in(&self, role: &str, name: &str) -> Self {
        let link = self.invite(&json!({"role": role}));
        let person = self.server.come(&link, name, PASSWORD);
        Person {
            server: self.server,
            cookie: person.cookie,
            token: None,
        }
    }

    /// A token of this person's, made on the Account page.
    pub fn make_token(&self, label: &str) -> String {
        let page = self.post_form("/account/tokens", &[("label", label), ("days", "1")]);
        assert_eq!(page.status, 200, "{}", page.text);
        let (_, rest) = page.text.split_once("id=\"once\">").unwrap();
        rest.split('<').next().unwrap().to_owned()
    }

    /// This person as a program.
    pub fn program(&self) -> Self {
        Person {
            server: self.server,
            cookie: None,
            token: Some(self.make_token("a program")),
        }
    }

    pub fn id(&self) -> String {
        self.me()["person"]["id"].as_str().unwrap().to_owned()
    }

    /// What the server says of who asks.
    pub fn me(&self) -> Value {
        self.get("/api/session").json()
    }

    pub fn role(&self) -> String {
        self.me()["role"].as_str().unwrap().to_owned()
    }
}
