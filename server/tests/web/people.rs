//! People: how they come, sign in and go, and what they cannot do meanwhile.

use crate::person::{PASSWORD, Person, cookie_of};
use crate::served::{Served, folder};
use crate::simulated::cluster::Cluster;
use crate::tampered::{execute, number};
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;

/// A server over an empty folder, and where its database is.
struct Scene {
    folder: TempDir,
    database: String,
}

impl Scene {
    fn new() -> Self {
        let folder = folder();
        let database = folder.path().join("people.db").display().to_string();
        Scene { folder, database }
    }

    fn serve(&self) -> Served {
        self.serve_with(&[])
    }

    fn serve_with(&self, more: &[&str]) -> Served {
        let runs = self.folder.path().to_str().unwrap();
        let all = [&["--runs", runs, "--database", &self.database], more].concat();
        Served::with(&all)
    }

    /// As `sqlx` names it.
    fn url(&self) -> String {
        match self.database.contains("://") {
            true => self.database.clone(),
            false => format!("sqlite://{}", self.database),
        }
    }
}

fn is_public(person: &Person) -> bool {
    person.role() == "public"
}

#[test]
fn a_server_is_open_until_its_first_admin_comes() {
    let scene = Scene::new();
    let server = scene.serve();
    let me = server.nobody().me();
    assert_eq!(
        (&me["role"], &me["is_open"], &me["person"]["id"]),
        (&json!("admin"), &json!(true), &json!("local"))
    );
    assert!(server.said().contains("Accounts are optional"));
    let page = server.get("/").text;
    assert!(page.contains(">Jobs<") && page.contains(">People<") && !page.contains(">Sign in<"));
    assert!(server.get("/people").text.contains("This server is open."));
    // Another start makes another link, and the first works no more.
    let early = server.first_link();
    server.stop();
    let server = scene.serve();
    let link = server.first_link();
    assert_ne!(early, link);
    assert_eq!(server.follow_link(&early, &[("name", "x")]).status, 404);
    // Looking at it uses nothing up, and an admin needs a password.
    for _ in 0..3 {
        assert_eq!(server.get(&link).status, 200);
    }
    let without = server.follow_link(&link, &[("name", "Chief")]);
    assert!(without.status == 422 && without.text.contains("an admin needs a password"));
    let admin = server.come(&link, "Chief", PASSWORD);
    assert_eq!(admin.role(), "admin");
    assert_eq!(
        server
            .follow_link(&link, &[("name", "x"), ("password", PASSWORD)])
            .status,
        404
    );
    // From now on nobody in particular may do little.
    let nobody = server.nobody();
    assert!(is_public(&nobody));
    assert_eq!(nobody.get("/api/jobs").status, 401);
    assert_eq!(nobody.get("/api/people").status, 401);
    let jobs = nobody.get("/jobs?state=failed");
    assert_eq!(
        (jobs.status, jobs.header("location")),
        (303, Some("/sign-in?back=%2Fjobs%3Fstate%3Dfailed"))
    );
    let page = nobody.get("/").text;
    assert!(!page.contains(">Jobs<") && page.contains(">Sign in<"));
    let page = admin.get("/").text;
    assert!(page.contains(">Jobs<") && page.contains(">Account<"));
    server.stop();
    let server = scene.serve();
    assert!(!server.said().contains("/invitation/"));
    assert!(is_public(&server.nobody()));
}

#[test]
fn a_server_that_others_can_reach_is_never_open() {
    let scene = Scene::new();
    for more in [&["--listen", "0.0.0.0:0"][..], &["--behind-proxy"]] {
        let server = scene.serve_with(more);
        assert!(is_public(&server.nobody()), "{more:?}");
        assert_eq!(server.get("/api/jobs").status, 401);
        assert_eq!(
            server.send_form("/runs/x/labels", &[("tags", "a")]).status,
            303
        );
        let link = server.first_link();
        assert!(server.said().contains("There is no admin yet"));
        assert_eq!(server.get(&link).status, 200);
    }
}

#[test]
fn one_signs_in_and_out() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    admin.let_in("annotator", "Ada Lovelace");
    let answer = server.nobody().post_form(
        "/sign-in",
        &[
            ("name", "  ADA   lovelace "),
            ("password", PASSWORD),
            ("back", "/account"),
        ],
    );
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/account"))
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("sayself=")
            && cookie.contains("; HttpOnly")
            && cookie.contains("; SameSite=Strict")
            && cookie.contains("; Path=/")
            && cookie.contains("Max-Age=2592000")
            && !cookie.contains("Secure"),
        "{cookie}"
    );
    let ada = Person {
        server: &server,
        cookie: cookie_of(&answer),
        token: None,
    };
    let me = ada.me();
    assert_eq!(
        (&me["role"], &me["person"]["name"], &me["signed_in"]),
        (&json!("annotator"), &json!("ada lovelace"), &json!(true))
    );
    let pseudonym = me["person"]["pseudonym"].as_str().unwrap();
    assert!(pseudonym.starts_with("annotator-") && pseudonym.len() == 14);
    // Signing in again from the same browser leaves no session behind.
    let again = ada.post_form(
        "/sign-in",
        &[("name", "ada lovelace"), ("password", PASSWORD)],
    );
    let new = Person {
        server: &server,
        cookie: cookie_of(&again),
        token: None,
    };
    assert!(is_public(&ada) && new.role() == "annotator");
    // What leads elsewhere leads home.
    for back in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let fields = [
            ("name", "ada lovelace"),
            ("password", PASSWORD),
            ("back", back),
        ];
        let answer = server.nobody().post_form("/sign-in", &fields);
        assert_eq!(answer.header("location"), Some("/"), "{back}");
    }
    let out = new.post_form("/sign-out", &[]);
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert!(is_public(&new));
    assert_eq!(
        new.get("/account").header("location"),
        Some("/sign-in?back=%2Faccount")
    );
}

#[test]
fn what_is_wrong_is_told_in_the_same_words_whoever_it_is() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let link = admin.invite(&json!({"role": "annotator"}));
    server.come(&link, "no password", "");
    let disabled = admin.let_in("annotator", "disabled");
    let id = disabled.id();
    admin.send(
        "PATCH",
        &format!("/api/people/{id}"),
        &json!({"disabled": true}),
    );
    let mut said = Vec::new();
    for (name, password) in [
        ("chief", "not the password"),
        ("nobody at all", PASSWORD),
        ("disabled", PASSWORD),
        ("no password", ""),
        ("local", ""),
        ("<script>", PASSWORD),
    ] {
        let answer = server.sign_in(name, password);
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.header("set-cookie").is_none());
        assert!(!answer.text.contains("<script>\""));
        let (_, words) = answer.text.split_once("role=\"alert\"").unwrap();
        said.push(words.split("</div>").next().unwrap().to_owned());
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Nobody was signed in"));
}

#[test]
fn sessions_end_everywhere_and_at_their_time() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let ada = admin.let_in("researcher", "ada");
    let again = |password: &str| Person {
        server: &server,
        cookie: cookie_of(&server.sign_in("ada", password)),
        token: None,
    };
    let (second, program) = (again(PASSWORD), ada.program());
    assert!(
        [&ada, &second, &program]
            .iter()
            .all(|one| one.role() == "researcher")
    );
    // The account lists them; one is signed out from another.
    let page = ada.get("/account").text;
    assert_eq!(page.matches("action=\"/account/sessions/end\"").count(), 3);
    assert!(page.contains("this one") && page.contains("a program"));
    assert_eq!(
        ada.post_form("/account/sign-out-everywhere", &[]).status,
        303
    );
    assert!([&ada, &second].iter().all(|one| is_public(one)));
    assert_eq!(program.get("/api/session").status, 401);
    // A new password ends all others, and this browser goes on with another token.
    let (one, other) = (again(PASSWORD), again(PASSWORD));
    let wrong = [("current", "not the password"), ("new", "battery staple")];
    assert_eq!(one.post_form("/account/password", &wrong).status, 422);
    let short = [("current", PASSWORD), ("new", "short")];
    assert_eq!(one.post_form("/account/password", &short).status, 422);
    let right = [("current", PASSWORD), ("new", "battery staple")];
    let answer = one.post_form("/account/password", &right);
    assert_eq!(answer.status, 303, "{}", answer.text);
    let rotated = Person {
        server: &server,
        cookie: cookie_of(&answer),
        token: None,
    };
    assert!(is_public(&one) && is_public(&other) && !is_public(&rotated));
    assert_eq!(server.sign_in("ada", PASSWORD).status, 422);
    // Another role: whoever holds something signs in again.
    let path = format!("/api/people/{}", rotated.id());
    let changed = admin.send("PATCH", &path, &json!({"role": "annotator"}));
    assert_eq!(changed.json()["role"], "annotator");
    assert!(is_public(&rotated));
    let annotator = again("battery staple");
    assert_eq!(annotator.role(), "annotator");
    // A session is over at its time, whatever the browser thinks.
    assert_eq!(
        number(
            &scene.url(),
            "SELECT MAX(expires_ms - created_ms) FROM sessions WHERE kind = 'browser'"
        ),
        30 * 24 * 60 * 60 * 1_000
    );
    let cookie = annotator.cookie.clone();
    server.stop();
    execute(
        &scene.url(),
        &["UPDATE sessions SET expires_ms = created_ms + 1"],
    );
    let server = scene.serve();
    let late = Person {
        server: &server,
        cookie,
        token: None,
    };
    assert!(is_public(&late));
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let once = admin.invite(&json!({"role": "researcher", "note": "for Ben"}));
    assert_eq!(server.come(&once, "Ben", "").role(), "researcher");
    let again = server.follow_link(&once, &[("name", "Eve")]);
    assert!(again.status == 404 && again.text.contains("This invitation does not work"));
    // Many at once, and not one more.
    let many = admin.invite(&json!({"uses": 5}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let comers: Vec<_> = (0..12)
            .map(|number| {
                let (server, many) = (&server, &many);
                scope.spawn(move || {
                    let name = format!("comer {number}");
                    server.follow_link(many, &[("name", &name)]).status
                })
            })
            .collect();
        comers.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let came = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!(came, 5, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 404].contains(status)));
    let people = admin.get("/api/people").json();
    assert_eq!(people["people"].as_array().unwrap().len(), 1 + 1 + 5);
    // A taken name, or none, uses nothing up.
    let link = admin.invite(&json!({"role": "annotator"}));
    for name in ["ben", "BEN ", "", "a/b", "local"] {
        let answer = server.follow_link(&link, &[("name", name), ("password", PASSWORD)]);
        assert_eq!(answer.status, 422, "{name}: {}", answer.text);
    }
    server.come(&link, "Dora", PASSWORD);
    // Taken back, or over.
    let link = admin.invite(&json!({"role": "annotator", "note": "taken back"}));
    let list = admin.get("/api/invitations").json();
    let invitations = list["invitations"].as_array().unwrap();
    assert_eq!(
        (invitations.len(), &invitations[0]["note"]),
        (1, &json!("taken back"))
    );
    let path = format!(
        "/api/invitations/{}",
        invitations[0]["id"].as_str().unwrap()
    );
    assert_eq!(admin.ask("DELETE", &path, None).status, 204);
    assert_eq!(admin.ask("DELETE", &path, None).status, 404);
    assert_eq!(
        server
            .get(link.strip_prefix(&server.address).unwrap())
            .status,
        404
    );
    let link = admin.invite(&json!({"role": "annotator"}));
    execute(
        &scene.url(),
        &["UPDATE invitations SET expires_ms = created_ms"],
    );
    assert_eq!(server.follow_link(&link, &[("name", "Late")]).status, 404);
    // What cannot be.
    for request in [
        json!({"role": "public"}),
        json!({"role": "chief"}),
        json!({"uses": 0}),
        json!({"uses": 1_001}),
        json!({"role": "admin", "uses": 2}),
        json!({"days": 367}),
        json!({"note": "x".repeat(201)}),
        json!({"project": "none"}),
    ] {
        let answer = admin.send("POST", "/api/invitations", &request);
        assert_eq!(answer.status, 422, "{request}: {}", answer.text);
    }
}

#[test]
fn who_has_no_password_signs_in_by_links() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let link = admin.invite(&json!({"role": "annotator"}));
    let ada = server.come(&link, "Ada", "");
    assert_eq!(ada.me()["person"]["has_password"], false);
    assert_eq!(server.sign_in("ada", "").status, 422);
    let links = format!("/api/people/{}/links", ada.id());
    let made = admin.send("POST", &links, &json!({}));
    assert_eq!(made.status, 201);
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let path = link.strip_prefix(&server.address).unwrap();
    assert!(server.get(path).text.contains("Sign in as ada"));
    let answer = server.follow_link(&link, &[("name", "somebody else")]);
    let elsewhere = Person {
        server: &server,
        cookie: cookie_of(&answer),
        token: None,
    };
    assert_eq!(elsewhere.id(), ada.id());
    assert_eq!(server.follow_link(&link, &[]).status, 404);
    // She sets one, and needs no link from then on.
    let set = ada.post_form("/account/password", &[("new", PASSWORD)]);
    assert_eq!(set.status, 303, "{}", set.text);
    assert_eq!(server.sign_in("ada", PASSWORD).status, 303);
    // A link for who was disabled since signs nobody in.
    let made = admin.send("POST", &links, &json!({"days": 1}));
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let person = format!("/api/people/{}", elsewhere_id(&admin));
    admin.send("PATCH", &person, &json!({"disabled": true}));
    assert_eq!(server.follow_link(&link, &[]).status, 404);
    assert_eq!(admin.send("POST", &links, &json!({})).status, 409);
    // Nor afterwards, or after a change of role.
    admin.send("PATCH", &person, &json!({"disabled": false}));
    assert_eq!(server.follow_link(&link, &[]).status, 404);
    let made = admin.send("POST", &links, &json!({}));
    let link = made.json()["link"].as_str().unwrap().to_owned();
    admin.send("PATCH", &person, &json!({"role": "researcher"}));
    assert_eq!(server.follow_link(&link, &[]).status, 404);
}

/// The id of the only annotator.
fn elsewhere_id(admin: &Person) -> String {
    let people = admin.get("/api/people").json();
    let people = people["people"].as_array().unwrap();
    let annotator = people
        .iter()
        .find(|one| one["role"] == "annotator")
        .unwrap();
    annotator["id"].as_str().unwrap().to_owned()
}

#[test]
fn who_is_signed_in_takes_an_invitation_as_himself() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let ada = admin.let_in("annotator", "ada");
    let link = admin.invite(&json!({"role": "researcher"}));
    let path = link.strip_prefix(&server.address).unwrap();
    assert!(ada.get(path).text.contains("Take it as ada"));
    let answer = ada.post_form(path, &[("as", "me")]);
    assert_eq!(answer.status, 303, "{}", answer.text);
    let risen = Person {
        server: &server,
        cookie: cookie_of(&answer),
        token: None,
    };
    // What she held before was given to an annotator.
    assert!(is_public(&ada) && risen.role() == "researcher");
    // One for less takes nothing away.
    let link = admin.invite(&json!({"role": "annotator"}));
    let path = link.strip_prefix(&server.address).unwrap();
    let answer = risen.post_form(path, &[("as", "me")]);
    let same = Person {
        server: &server,
        cookie: cookie_of(&answer),
        token: None,
    };
    assert_eq!(same.role(), "researcher");
    // A link on another site is followed without the cookie: who sends that page's form is asked again.
    let link = admin.invite(&json!({"uses": 3}));
    let path = link.strip_prefix(&server.address).unwrap();
    let asked = same.post_form(path, &[("name", "ada once more")]);
    assert_eq!(asked.status, 422, "{}", asked.text);
    assert!(
        asked.text.contains("Take it as ada") && asked.text.contains("name=\"as\" value=\"new\"")
    );
    assert_eq!(same.me()["person"]["name"], "ada");
    let people = || {
        admin.get("/api/people").json()["people"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(people(), 2);
    let another = same.post_form(path, &[("as", "new"), ("name", "Ben")]);
    assert_eq!((another.status, people()), (303, 3));
    // Without a password nobody becomes an admin.
    let ben = Person {
        server: &server,
        cookie: cookie_of(&another),
        token: None,
    };
    let link = admin.invite(&json!({"role": "admin"}));
    let path = link.strip_prefix(&server.address).unwrap();
    let refused = ben.post_form(path, &[("as", "me")]);
    assert!(refused.status == 422 && refused.text.contains("Set one on the Account page"));
    let set = ben.post_form("/account/password", &[("new", PASSWORD)]);
    let ben = Person {
        server: &server,
        cookie: cookie_of(&set),
        token: None,
    };
    assert_eq!(ben.post_form(path, &[("as", "me")]).status, 303);
    // Who is not signed in cannot say that he is.
    let link = admin.invite(&json!({"role": "admin"}));
    assert_eq!(server.follow_link(&link, &[("as", "me")]).status, 422);
}

#[test]
fn a_change_by_cookie_says_where_it_was_asked_for() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let cookie = admin.cookie.clone().unwrap();
    let body = || Some(("application/json", json!({"role": "annotator"}).to_string()));
    let send = |headers: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str())], headers].concat();
        server
            .ask("POST", "/api/invitations", &headers, body())
            .status
    };
    assert_eq!(send(&[]), 403, "neither is said");
    for refused in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "none")],
    ] {
        assert_eq!(send(&refused), 403, "{refused:?}");
    }
    assert_eq!(
        send(&[
            ("origin", &server.address),
            ("sec-fetch-site", "cross-site")
        ]),
        403
    );
    assert_eq!(send(&[("origin", &server.address)]), 201);
    assert_eq!(send(&[("sec-fetch-site", "same-origin")]), 201);
    assert_eq!(
        send(&[("origin", "null"), ("sec-fetch-site", "same-origin")]),
        201
    );
    // Nothing was changed by those that were refused.
    let list = admin.get("/api/invitations").json();
    assert_eq!(list["invitations"].as_array().unwrap().len(), 3);
    // What is looked at needs none of it, and neither does a token: nobody sends it unasked.
    assert_eq!(
        server
            .get_with("/api/people", &[("cookie", &cookie)])
            .status,
        200
    );
    let program = admin.program();
    let bearer = format!("Bearer {}", program.token.clone().unwrap());
    let answer = server.ask(
        "POST",
        "/api/invitations",
        &[("authorization", &bearer)],
        body(),
    );
    assert_eq!(answer.status, 201);
    // Signing in from another site is refused as well.
    let headers = [("origin", "http://evil.example")];
    let form = ("application/x-www-form-urlencoded", "name=chief".to_owned());
    assert_eq!(
        server.ask("POST", "/sign-in", &headers, Some(form)).status,
        403
    );
}

#[test]
fn a_token_is_no_cookie_and_a_cookie_no_token() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let program = admin.program();
    assert_eq!(program.role(), "admin");
    let secret = program.token.clone().unwrap();
    let swapped = Person {
        server: &server,
        cookie: Some(format!("sayself={secret}")),
        token: None,
    };
    assert!(is_public(&swapped));
    let cookie = admin.cookie.clone().unwrap();
    let swapped = Person {
        server: &server,
        cookie: None,
        token: Some(cookie.trim_start_matches("sayself=").to_owned()),
    };
    assert_eq!(swapped.get("/api/session").status, 401);
    for wrong in ["", "x", &"0".repeat(64)] {
        let header = format!("Bearer {wrong}");
        let answer = server.get_with("/api/runs", &[("authorization", &header)]);
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
    // A program cannot make itself others, or lock its owner out.
    for (path, fields) in [
        ("/account/tokens", [("label", "more"), ("days", "1")]),
        (
            "/account/password",
            [("current", PASSWORD), ("new", "battery staple")],
        ),
        ("/account/delete", [("name", "chief"), ("ratings", "keep")]),
        ("/account/sign-out-everywhere", [("a", ""), ("b", "")]),
    ] {
        assert_eq!(program.post_form(path, &fields).status, 403, "{path}");
    }
    // It is shown once, ends itself, or is removed by its owner.
    assert!(!admin.get("/account").text.contains(&secret));
    assert_eq!(program.ask("DELETE", "/api/session", None).status, 204);
    assert_eq!(program.get("/api/session").status, 401);
    let other = admin.program();
    let page = admin.get("/account").text;
    let (_, rest) = page.split_once("Tokens of programs").unwrap();
    let (_, rest) = rest.split_once("name=\"session\" value=\"").unwrap();
    let id = rest.split('"').next().unwrap();
    assert_eq!(
        admin
            .post_form("/account/sessions/end", &[("session", id)])
            .status,
        303
    );
    assert_eq!(other.get("/api/session").status, 401);
    for fields in [
        [("label", ""), ("days", "1")],
        [("label", "x"), ("days", "0")],
        [("label", "x"), ("days", "367")],
        [("label", "x"), ("days", "soon")],
    ] {
        assert_eq!(admin.post_form("/account/tokens", &fields).status, 422);
    }
}

#[test]
fn one_may_try_ten_times() {
    let scene = Scene::new();
    let server = scene.serve_with(&["--behind-proxy"]);
    let admin = server.first_admin();
    let origin = server.address.clone();
    let from = |address: &str, name: &str, password: &str| {
        let headers = [("origin", origin.as_str()), ("x-forwarded-for", address)];
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("name", name), ("password", password)])
            .finish();
        let body = Some(("application/x-www-form-urlencoded", form));
        server.ask("POST", "/sign-in", &headers, body)
    };
    // Those that succeed do not count.
    for _ in 0..15 {
        assert_eq!(from("10.0.0.1", "chief", PASSWORD).status, 303);
    }
    for number in 0..10 {
        let address = format!("10.0.1.{number}");
        assert_eq!(from(&address, "chief", "wrong").status, 422);
    }
    let refused = from("10.0.2.1", "chief", PASSWORD);
    assert_eq!(refused.status, 429, "the name was tried too often");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((200..=301).contains(&wait), "{wait}");
    assert!(refused.text.contains("Wait 5 minutes"));
    // From one address, whatever the names; what it says it comes from before the proxy does not help.
    for number in 0..10 {
        let claimed = format!("1.2.3.{number}, 10.0.3.1");
        assert_eq!(
            from(&claimed, &format!("name {number}"), "wrong").status,
            422
        );
    }
    assert_eq!(from("9.9.9.9, 10.0.3.1", "another", "wrong").status, 429);
    // Others are not kept out, nor is who is signed in already.
    let ben = admin.let_in("annotator", "ben");
    assert_eq!(from("10.0.4.1", "ben", PASSWORD).status, 303);
    assert_eq!(ben.role(), "annotator");
}

#[test]
fn what_a_proxy_says_is_believed_where_there_is_one() {
    let scene = Scene::new();
    let server = scene.serve_with(&["--behind-proxy"]);
    server.first_admin();
    let sign_in = |server: &Served, headers: &[(&str, &str)]| {
        let form = format!("name=chief&password={}", PASSWORD.replace(' ', "+"));
        let body = Some(("application/x-www-form-urlencoded", form));
        let answer = server.ask("POST", "/sign-in", headers, body);
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.header("set-cookie").unwrap().to_owned()
    };
    let https = [
        ("host", "lab.example"),
        ("origin", "https://lab.example"),
        ("x-forwarded-proto", "https"),
    ];
    let cookie = sign_in(&server, &https);
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    // Links lead to where it is reached.
    let headers = [&https[..], &[("cookie", cookie.split(';').next().unwrap())]].concat();
    let body = Some(("application/json", "{}".to_owned()));
    let made = server
        .ask("POST", "/api/invitations", &headers, body)
        .json();
    let link = made["link"].as_str().unwrap();
    assert!(
        link.starts_with("https://lab.example/invitation/"),
        "{link}"
    );
    server.stop();
    let server = scene.serve();
    let origin = server.address.clone();
    let plain = [("origin", origin.as_str()), ("x-forwarded-proto", "https")];
    let cookie = sign_in(&server, &plain);
    assert!(!cookie.contains("Secure"), "{cookie}");
}

#[test]
fn who_is_disabled_is_out_at_once_and_an_admin_is_always_left() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let ada = admin.let_in("researcher", "ada");
    let (program, id) = (ada.program(), ada.id());
    let path = format!("/api/people/{id}");
    assert_eq!(ada.get("/annotate/new").status, 200);
    let answer = admin.send("PATCH", &path, &json!({"disabled": true}));
    assert_eq!(answer.json()["disabled"], true);
    assert!(is_public(&ada));
    assert_eq!(program.get("/api/session").status, 401);
    assert_eq!(server.sign_in("ada", PASSWORD).status, 422);
    admin.send("PATCH", &path, &json!({"disabled": false}));
    // Enabled again she signs in again: what she held is gone.
    assert!(is_public(&ada));
    assert_eq!(server.sign_in("ada", PASSWORD).status, 303);
    // Without a password nobody becomes an admin; one who is all the same does not count.
    let link = admin.invite(&json!({"role": "researcher"}));
    let ben = server.come(&link, "ben", "").id();
    let change = admin.send(
        "PATCH",
        &format!("/api/people/{ben}"),
        &json!({"role": "admin"}),
    );
    assert!(change.status == 422 && change.text.contains("an admin needs a password"));
    let form = admin.post_form(&format!("/people/{ben}/role"), &[("role", "admin")]);
    assert_eq!(form.status, 422);
    let set_role = |role: &str| {
        let statement = format!("UPDATE people SET role = '{role}' WHERE name = 'ben'");
        execute(&scene.url(), &[&statement]);
    };
    set_role("admin");
    // The last admin stays one.
    let me = admin.id();
    let mine = format!("/api/people/{me}");
    for change in [json!({"role": "annotator"}), json!({"disabled": true})] {
        let answer = admin.send("PATCH", &mine, &change);
        assert_eq!(answer.status, 409, "{change}");
        assert!(answer.text.contains("nobody else is an admin"));
    }
    let delete = admin.post_form("/account/delete", &[("name", "chief"), ("ratings", "keep")]);
    assert_eq!(delete.status, 409, "{}", delete.text);
    set_role("researcher");
    // Of two, either may go, and not both, however they hurry.
    admin.send("PATCH", &path, &json!({"role": "admin"}));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        [&mine, &path]
            .map(|path| {
                let program = &admin;
                let path: &str = path;
                scope.spawn(move || {
                    program
                        .send("PATCH", path, &json!({"role": "researcher"}))
                        .status
                })
            })
            .map(|one| one.join().unwrap())
            .into()
    });
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_eq!(
        number(
            &scene.url(),
            "SELECT COUNT(*) FROM people WHERE role = 'admin' AND id <> 'local'"
        ),
        1
    );
    for (path, body, status) in [
        ("/api/people/none", json!({"role": "annotator"}), [404, 401]),
        ("/api/people/local", json!({"disabled": true}), [404, 401]),
        (&mine, json!({"role": "public"}), [422, 401]),
    ] {
        // The admin may be the one who lost the role.
        assert!(
            status.contains(&admin.send("PATCH", path, &body).status),
            "{path}"
        );
    }
}

/// A project with one item, rated by each of these; what the annotation API would make.
fn rated_by(url: &str, people: &[&str]) {
    let mut statements = vec![
        "INSERT INTO projects (id, title, kind, state, spec, hashes, created_ms, changed_ms) \
         VALUES ('p', 'A project', 'single', 'paused', '{}', '[]', 1, 1)"
            .to_owned(),
        "INSERT INTO items (id, project, position, kind, content, rated) VALUES ('i', 'p', 0, 'main', '{}', 2)"
            .to_owned(),
    ];
    for person in people {
        statements.extend([
            format!("INSERT INTO members (project, person, joined_ms) VALUES ('p', '{person}', 1)"),
            format!(
                "INSERT INTO assignments (id, project, item, person, is_repeat, first_left, turn, handed_ms, lease_ends_ms, revisions, state) \
                 VALUES ('a-{person}', 'p', 'i', '{person}', 0, 1, 0, 1, 2, 1, 'rated')"
            ),
            format!(
                "INSERT INTO ratings (id, project, assignment, item, person, revision, said, saved_ms, was_late) \
                 VALUES ('r-{person}', 'p', 'a-{person}', 'i', '{person}', 1, '{{\"score\": 7, \"note\": \"of {person}\"}}', 2, 0)"
            ),
        ]);
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    execute(url, &statements);
}

#[test]
fn one_takes_ones_data_away_and_goes() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let ada = admin.let_in("annotator", "ada");
    let ben = admin.let_in("annotator", "ben");
    let (ada_id, ben_id) = (ada.id(), ben.id());
    rated_by(&scene.url(), &[&ada_id, &ben_id]);
    let data = ada.get("/account/data.json");
    assert!(
        data.header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let data = data.json();
    assert_eq!(data["person"]["name"], "ada");
    assert_eq!(data["ratings"].as_array().unwrap().len(), 1);
    assert_eq!(data["ratings"][0]["said"]["note"], format!("of {ada_id}"));
    assert_eq!(data["projects"][0]["title"], "A project");
    assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
    assert!(!data.to_string().contains(&ben_id), "another's data");
    assert!(!data.to_string().contains("argon2"));
    assert!(ada.get("/account").text.contains("A project"));
    // Leaving a project that one is not in, or without saying what becomes of the ratings.
    let leave = |person: &Person, project: &str, ratings: &str| {
        let fields = [("project", project), ("ratings", ratings)];
        person.post_form("/account/withdraw", &fields).status
    };
    assert_eq!(leave(&ada, "none", "keep"), 404);
    assert_eq!(leave(&ada, "p", ""), 422);
    assert_eq!(leave(&ada, "p", "keep"), 303);
    let ratings = |of: &str| {
        number(
            &scene.url(),
            &format!("SELECT COUNT(*) FROM ratings WHERE person = '{of}'"),
        )
    };
    assert_eq!((ratings(&ada_id), ratings(&ben_id)), (1, 1));
    // To go, the name is typed.
    let wrong = [("name", "adam"), ("ratings", "keep")];
    assert_eq!(ada.post_form("/account/delete", &wrong).status, 422);
    let program = ada.program();
    let gone = ada.post_form("/account/delete", &[("name", "ada"), ("ratings", "keep")]);
    assert_eq!(gone.status, 303, "{}", gone.text);
    assert!(is_public(&ada));
    assert_eq!(program.get("/api/session").status, 401);
    assert_eq!(server.sign_in("ada", PASSWORD).status, 422);
    assert_eq!(ratings(&ada_id), 1, "they stay");
    let gone = ben.post_form("/account/delete", &[("name", "ben"), ("ratings", "delete")]);
    assert_eq!(gone.status, 303, "{}", gone.text);
    assert_eq!((ratings(&ada_id), ratings(&ben_id)), (1, 0));
    assert_eq!(
        number(&scene.url(), "SELECT rated FROM items WHERE id = 'i'"),
        1
    );
    // Nothing is left by which they could be known, and their names are free again.
    let people = admin.get("/api/people").json();
    assert_eq!(people["people"].as_array().unwrap().len(), 1);
    assert_eq!(
        number(
            &scene.url(),
            "SELECT COUNT(*) FROM people WHERE name IN ('ada', 'ben') OR (deleted_ms IS NOT NULL AND password IS NOT NULL)"
        ),
        0
    );
    assert_eq!(admin.let_in("annotator", "Ada").role(), "annotator");
}

#[test]
fn acts_are_noted_and_secrets_are_not() {
    let scene = Scene::new();
    let server = scene.serve();
    let admin = server.first_admin();
    let link = admin.invite(&json!({"role": "annotator"}));
    let ada = server.come(&link, "ada", PASSWORD);
    let program = admin.program();
    let path = format!("/api/people/{}", ada.id());
    admin.send("PATCH", &path, &json!({"role": "researcher"}));
    let acts = admin.get("/api/audit?limit=3").json();
    assert_eq!(acts["acts"].as_array().unwrap().len(), 3);
    assert_eq!(acts["acts"][0]["act"], "changed the role");
    assert_eq!(acts["acts"][0]["detail"], "annotator to researcher");
    let more = admin
        .get(&format!(
            "/api/audit?cursor={}",
            acts["next"].as_str().unwrap()
        ))
        .json();
    let all: Vec<String> = [&acts, &more]
        .iter()
        .flat_map(|page| page["acts"].as_array().unwrap().clone())
        .map(|act| act["act"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        all,
        [
            "changed the role",
            "made a token",
            "came",
            "invited",
            "came"
        ]
    );
    // Who did it stands there by pseudonym, names nowhere.
    let page = admin.get("/audit").text;
    assert!(page.contains("annotator-") && !page.contains(">ada<") && !page.contains("chief"));
    let secrets = [
        PASSWORD.to_owned(),
        link.rsplit('/').next().unwrap().to_owned(),
        program.token.clone().unwrap(),
        admin.cookie.clone().unwrap().replace("sayself=", ""),
    ];
    server.stop();
    let kept: Vec<u8> = ["", "-wal"]
        .iter()
        .filter_map(|end| std::fs::read(format!("{}{end}", scene.database)).ok())
        .flatten()
        .collect();
    for secret in secrets {
        let found = kept
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "a secret stands in the database");
    }
}

#[test]
fn pages_of_people_are_made_for_people() {
    let scene = Scene::new();
    let server = scene.serve();
    let privacy = server.get("/privacy").text;
    assert!(privacy.contains("30 days, or until you sign out"));
    let admin = server.first_admin();
    let hostile = "<script>alert(1)</script>";
    let made = admin.post_form(
        "/people/invitations",
        &[
            ("role", "annotator"),
            ("uses", "3"),
            ("days", "7"),
            ("note", hostile),
            ("project", ""),
        ],
    );
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let (_, rest) = made.text.split_once("id=\"once\">").unwrap();
    let link = rest.split('<').next().unwrap().to_owned();
    assert!(link.starts_with(&server.address), "{link}");
    assert!(made.text.contains("up to 3 people"));
    assert!(!made.text.contains(hostile));
    // Once only.
    assert!(!admin.get("/people").text.contains(&link));
    let ada = server.come(&link, "ada", PASSWORD);
    let page = admin.get("/people").text;
    assert!(page.contains(">ada<") && page.contains("annotator-"));
    let id = ada.id();
    let role = admin.post_form(&format!("/people/{id}/role"), &[("role", "researcher")]);
    assert_eq!(role.status, 303);
    let made = admin.post_form(&format!("/people/{id}/link"), &[]);
    assert!(made.text.contains("This link signs ada in, once."));
    let disabled = [("disabled", "true")];
    admin.post_form(&format!("/people/{id}/disabled"), &disabled);
    assert!(admin.get("/people").text.contains(">Enable"));
    let wrong = admin.post_form(
        "/people/invitations",
        &[("role", "annotator"), ("uses", "0")],
    );
    assert!(wrong.status == 422 && wrong.text.contains("found 0 uses"));
}

#[test]
fn postgresql_knows_people_as_sqlite_does() {
    let Some(cluster) = Cluster::find() else {
        return;
    };
    let scene = Scene {
        folder: folder(),
        database: cluster.new_database(),
    };
    let server = scene.serve();
    let admin = server.first_admin();
    let ada = admin.let_in("annotator", "Ada");
    let ben = admin.let_in("researcher", "Ben");
    assert_eq!(ada.me()["person"]["name"], "ada");
    let (ada_id, ben_id) = (ada.id(), ben.id());
    rated_by(&scene.url(), &[&ada_id, &ben_id]);
    assert_eq!(
        ada.get("/account/data.json").json()["ratings"][0]["said"]["score"],
        7
    );
    assert_eq!(ben.program().role(), "researcher");
    let link = admin.invite(&json!({"uses": 2}));
    assert_eq!(server.come(&link, "Eva", "").role(), "annotator");
    let path = format!("/api/people/{}", ben.id());
    admin.send("PATCH", &path, &json!({"role": "annotator"}));
    assert!(is_public(&ben));
    let last = format!("/api/people/{}", admin.id());
    assert_eq!(
        admin
            .send("PATCH", &last, &json!({"disabled": true}))
            .status,
        409
    );
    let gone = ada.post_form("/account/delete", &[("name", "ada"), ("ratings", "delete")]);
    assert_eq!(gone.status, 303, "{}", gone.text);
    let acts = admin.get("/api/audit").json();
    assert_eq!(acts["acts"][0]["act"], "deleted himself");
    assert!(admin.get("/people").text.contains(">eva<"));
    server.stop();
    let server = scene.serve();
    assert!(!server.said().contains("/invitation/"));
    assert_eq!(server.sign_in("chief", PASSWORD).status, 303);
    assert!(Path::new(scene.folder.path()).is_dir());
}
