//! The pages' forms, as they work without scripts.

use super::{LABELS, RUN, served};
use serde_json::Value;

#[test]
fn plain_forms_do_all_of_it() {
    let (_runs, server) = served(None);
    // The person at the machine, without accounts.
    let form = |path: &str, fields: &[(&str, &str)]| server.send_form(path, fields);
    let wrong = form(
        "/annotate/new",
        &[("title", ""), ("kind", "single"), ("overlap", "two")],
    );
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("no whole number"), "{}", wrong.text);
    let unfit = form(
        "/annotate/new",
        &[("title", "Forms"), ("kind", "single"), ("run", "none")],
    );
    assert!(unfit.status == 422 && unfit.text.contains("There is no run"));
    let run = format!("{RUN}:{}", LABELS[0]);
    let fields = [
        ("title", "Forms"),
        ("kind", "single"),
        ("run", run.as_str()),
        ("sample_size", "5"),
        ("training_size", "1"),
        ("gold_share", "0"),
        ("attention_share", "0"),
        ("repeat_share", "0"),
        ("ahead", "1"),
        ("qualification", "0"),
    ];
    let made = form("/annotate/new", &fields);
    assert_eq!(made.status, 303, "{}", made.text);
    let project = made.header("location").unwrap().to_owned();
    let new = server.get(&format!(
        "/annotate/new?from={}",
        project.rsplit('/').next().unwrap()
    ));
    assert!(new.status == 200 && new.text.contains("Forms"));
    assert!(server.get(&project).text.contains("Forms"));
    for step in ["?step=consent", "?step=training", "", "?turn=4", "?turn=99"] {
        let preview = server.get(&format!("{project}/preview{step}"));
        assert_eq!(preview.status, 200, "{step}");
    }
    assert_eq!(
        server.get(&format!("{project}/preview?step=odd")).status,
        400
    );
    let state = |word: &str| form(&format!("{project}/state"), &[("state", word)]);
    assert_eq!(state("odd").status, 422);
    assert_eq!(state("closed").status, 409);
    assert_eq!(state("open").status, 303);
    assert_eq!(state("deleted").status, 409);
    let work = format!("{project}/work");
    assert!(server.get(&work).text.contains("You may stop at any time"));
    assert_eq!(form(&format!("{work}/consent"), &[]).status, 422);
    assert_eq!(
        form(&format!("{work}/consent"), &[("agreed", "true")]).header("location"),
        Some(work.as_str())
    );
    let mut rated = 0;
    let mut page = server.get(&work).text;
    while let Some(assignment) = value_of(&page, "assignment") {
        let (key, revision) = (
            value_of(&page, "key").unwrap(),
            value_of(&page, "revision").unwrap(),
        );
        let fields = [
            ("assignment", assignment.as_str()),
            ("revision", &revision),
            ("key", &key),
            ("score", "7"),
            ("note", ""),
        ];
        let kept = form(&format!("{work}/rate"), &fields);
        assert_eq!(kept.status, 303, "{}", kept.text);
        // Sent twice by an impatient finger.
        assert_eq!(form(&format!("{work}/rate"), &fields).status, 303);
        rated += 1;
        page = server.get(kept.header("location").unwrap()).text;
        assert!(rated < 20);
    }
    assert_eq!(rated, 6);
    let undo = server.get(&format!("{work}?undo=1")).text;
    assert_eq!(value_of(&undo, "revision").as_deref(), Some("2"));
    assert_eq!(
        form(&format!("{work}/pause"), &[("paused", "true")]).header("location"),
        Some("/annotate")
    );
    assert_eq!(
        form(&format!("{work}/pause"), &[("paused", "false")]).header("location"),
        Some(work.as_str())
    );
    let id = project.rsplit('/').next().unwrap();
    let settled = server
        .get(&format!("/api/projects/{id}/export?what=events"))
        .text;
    let item: Value = settled
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|event: &Value| event["kind"] == "item")
        .unwrap();
    let settle = format!("{project}/items/{}/settle", item["item"].as_str().unwrap());
    let agreement = format!("{project}/agreement");
    let queue = format!("{agreement}#settle");
    assert_eq!(
        form(&settle, &[("score", "3"), ("note", "so")]).header("location"),
        Some(queue.as_str())
    );
    assert_eq!(form(&settle, &[("score", "x")]).status, 422);
    assert_eq!(server.get(&agreement).status, 200);
    let link = form(
        &format!("{project}/invitations"),
        &[("uses", "2"), ("days", "3")],
    );
    assert!(
        link.status == 200 && link.text.contains("/invitation/"),
        "{}",
        link.text
    );
    assert_eq!(
        form(&format!("{project}/invitations"), &[("uses", "many")]).status,
        422
    );
    assert!(server.get("/annotate").text.contains("Forms"));
    assert_eq!(state("paused").status, 303);
    assert_eq!(state("closed").status, 303);
    // Another draft, thrown away.
    let made = form("/annotate/new", &fields);
    let draft = made.header("location").unwrap();
    assert_eq!(
        form(&format!("{draft}/state"), &[("state", "deleted")]).header("location"),
        Some("/annotate")
    );
    assert_eq!(server.get(draft).status, 404);
}

/// The value of the first field of that name in a page.
fn value_of(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    Some(rest.split('"').next()?.to_owned())
}
