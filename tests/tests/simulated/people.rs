//! A project that is open, and the people who were invited to it.

use super::client::Client;
use super::served::Place;
use datasets::annotation::ProjectSpec;
use serde_json::{Value, json};

/// Makes a project and opens it; its id.
pub fn open_project(admin: &Client, spec: &ProjectSpec) -> String {
    let spec = serde_json::to_value(spec).unwrap();
    let made = admin.send("POST", "/api/projects", &spec).unwrap().ok();
    let id = made["row"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/projects/{id}");
    let opened = admin
        .send("PATCH", &path, &json!({"state": "open"}))
        .unwrap()
        .ok();
    assert_eq!(opened["row"]["state"], "open", "{opened}");
    id
}

/// Invites so many annotators, who come by their link; each one's browser.
pub fn join(admin: &Client, place: &Place, project: &str, annotators: usize) -> Vec<Client> {
    let path = format!("/api/projects/{project}/invitations");
    let asked = json!({"uses": annotators, "days": 1, "note": "simulated"});
    let invited: Value = admin.send("POST", &path, &asked).unwrap().ok();
    let link = invited["link"].as_str().unwrap();
    let path = &link[link.find("/invitation/").unwrap()..];
    (0..annotators)
        .map(|number| {
            let mut client = Client::new(place);
            let form = format!("name=simulated-{number}&password=");
            let kind = "application/x-www-form-urlencoded";
            let reply = client.send_text("POST", path, kind, &form).unwrap();
            assert_eq!(reply.status, 303, "{}", reply.text);
            let cookie = reply.cookies.first().unwrap().split(';').next().unwrap();
            client.keep_cookie(cookie);
            client
        })
        .collect()
}
