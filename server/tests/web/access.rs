//! Who may ask for what: every route by everybody, and what annotators cannot learn of the runs that
//! they rate.

use crate::made_run::MadeRun;
use crate::person::Person;
use crate::served::{Answer, Served, folder, wait_for};
use crate::tampered::execute;
use app::view::Role;
use datasets::annotation::ProjectSpec;
use sayself_server::web::access::{Least, TABLE};
use serde_json::json;
use std::io::BufRead;
use tempfile::TempDir;

/// Stands in all texts of a run that is hidden.
const SECRET: &str = "hush-hush";

/// Runs: `shown` is published, `kept` is not, `rated` is published and in an open project, `own` of which
/// one annotator is a member; `other` is the project of another one.
struct Scene {
    folder: TempDir,
    url: String,
}

impl Scene {
    fn new() -> Self {
        let folder = folder();
        MadeRun::finished(folder.path(), "shown", "");
        MadeRun::finished(folder.path(), "kept", SECRET);
        MadeRun::finished(folder.path(), "rated", SECRET);
        let url = format!("sqlite://{}", folder.path().join(".sayself.db").display());
        Scene { folder, url }
    }

    fn serve(&self) -> Served {
        Served::over(self.folder.path())
    }

    /// What the annotation API would make.
    fn projects(&self, own: &str, other: &str) {
        let spec = ProjectSpec {
            title: "A project".into(),
            ..ProjectSpec::default()
        };
        let spec = serde_json::to_string(&spec).unwrap().replace('\'', "''");
        let mut statements = Vec::new();
        for (project, state, run, member) in [
            ("own", "open", "rated", own),
            ("other", "draft", "shown", other),
        ] {
            statements.extend([
                format!(
                    "INSERT INTO projects (id, title, kind, state, spec, hashes, created_ms, changed_ms) \
                     VALUES ('{project}', 'Title of {project}', 'single', '{state}', '{spec}', '[]', 1, 1)"
                ),
                format!("INSERT INTO project_runs (project, run_id) VALUES ('{project}', '{run}')"),
                format!(
                    "INSERT INTO members (project, person, joined_ms) VALUES ('{project}', '{member}', 1)"
                ),
            ]);
        }
        self.execute(&statements);
    }

    fn set_state(&self, state: &str) {
        self.execute(&[format!(
            "UPDATE projects SET state = '{state}' WHERE id = 'own'"
        )]);
    }

    fn execute(&self, statements: &[String]) {
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        execute(&self.url, &statements);
    }
}

/// Everybody.
struct People<'server> {
    nobody: Person<'server>,
    /// A member of `own`.
    annotator: Person<'server>,
    /// A member of `other`.
    outsider: Person<'server>,
    researcher: Person<'server>,
    admin: Person<'server>,
}

impl<'server> People<'server> {
    fn of(server: &'server Served, scene: &Scene) -> Self {
        let admin = server.first_admin();
        let (annotator, outsider) = (
            admin.let_in("annotator", "anna"),
            admin.let_in("annotator", "otto"),
        );
        scene.projects(&annotator.id(), &outsider.id());
        for run in ["shown", "rated"] {
            let path = format!("/api/runs/{run}/published");
            let answer = admin.send("PUT", &path, &json!({"published": true}));
            assert_eq!(answer.json()["published"], true, "{}", answer.text);
        }
        People {
            nobody: server.nobody(),
            annotator,
            outsider,
            researcher: admin.let_in("researcher", "rita"),
            admin,
        }
    }

    fn each(&self) -> [(&'static str, Role, &Person<'server>); 5] {
        [
            ("nobody", Role::Public, &self.nobody),
            ("annotator", Role::Annotator, &self.annotator),
            ("outsider", Role::Annotator, &self.outsider),
            ("researcher", Role::Researcher, &self.researcher),
            ("admin", Role::Admin, &self.admin),
        ]
    }
}

/// The addresses of a pattern: with what is there and is one's own, with what is another's, with what is
/// not there.
fn addresses(pattern: &str) -> Vec<String> {
    let firsts: &[&str] = if pattern.contains("/work/") || pattern.contains("/annotate/{id}") {
        &["own", "other", "none", "%6fwn", ".."]
    } else if pattern.starts_with("/runs/{id}") || pattern.starts_with("/api/runs/{id}") {
        &["shown", "kept", "rated", "none", "..%2fkept"]
    } else if pattern.contains("/projects/{id}") {
        &["own", "other", "none"]
    } else {
        &["none"]
    };
    let rest = [
        ("{question_id}", "q7"),
        ("{kind}", "clusters"),
        ("{*path}", "run.toml"),
        ("{item}", "none"),
        ("{key}", "00000000-0000-4000-8000-000000000000"),
        ("{chart}", "reliability.svg"),
    ];
    let mut pattern = pattern.to_owned();
    for (name, value) in rest {
        pattern = pattern.replace(name, value);
    }
    let Some((before, after)) = pattern.split_once('{') else {
        return vec![pattern];
    };
    let (_, after) = after.split_once('}').unwrap();
    firsts
        .iter()
        .map(|first| format!("{before}{first}{after}"))
        .collect()
}

/// What ends the session that asks, or the account: who may do it is looked at for the others alone.
const ENDS: [&str; 4] = [
    "/sign-out",
    "/api/session",
    "/account/sign-out-everywhere",
    "/account/delete",
];

/// Whether an answer is a refusal: to sign in first, or for good.
fn refusal(answer: &Answer) -> Option<u16> {
    let to_sign_in = answer.status == 303
        && answer
            .header("location")
            .is_some_and(|place| place.starts_with("/sign-in"));
    (to_sign_in || [401, 403].contains(&answer.status)).then_some(answer.status)
}

fn may(least: Least, role: Role) -> bool {
    match least {
        Least::Role(least) => role >= least,
        Least::Member => role >= Role::Annotator,
    }
}

#[test]
fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let scene = Scene::new();
    let server = scene.serve();
    let people = People::of(&server, &scene);
    let mut asked = 0;
    for (methods, pattern, least) in TABLE {
        for method in methods.split(' ') {
            for address in addresses(pattern) {
                for (name, role, person) in people.each() {
                    let is_allowed = may(*least, role);
                    if is_allowed && method != "GET" && ENDS.contains(pattern) {
                        continue;
                    }
                    if pattern.contains("/events") || *pattern == "/api/states" {
                        // Streams: looked at below.
                        continue;
                    }
                    let answer = person.ask(method, &address, None);
                    asked += 1;
                    let what = format!("{name}: {method} {address}: {}", answer.status);
                    assert!(
                        answer.status < 500 || answer.status == 503,
                        "{what}\n{}",
                        answer.text
                    );
                    match (is_allowed, role) {
                        (true, _) => assert_eq!(refusal(&answer), None, "{what}"),
                        (false, Role::Public) if pattern.starts_with("/api/") => {
                            assert_eq!(answer.status, 401, "{what}");
                        }
                        (false, Role::Public) => assert_eq!(answer.status, 303, "{what}"),
                        (false, _) => assert_eq!(answer.status, 403, "{what}"),
                    }
                    // Others' projects are as projects that are not there.
                    let is_own = address.contains("/own");
                    if *least == Least::Member && role != Role::Public {
                        let belongs = match name {
                            "annotator" => is_own,
                            "outsider" => address.contains("/other"),
                            _ => false,
                        };
                        if !belongs {
                            assert_eq!(answer.status, 404, "{what}");
                            assert!(!answer.text.contains("Title of"), "{what}");
                        }
                    }
                    if role < Role::Researcher && !address.contains("/privacy") {
                        assert!(!answer.text.contains(SECRET), "{what}: {}", answer.text);
                    }
                }
            }
        }
    }
    assert!(asked > 500, "{asked}");
}

#[test]
fn a_run_is_seen_by_those_who_may() {
    let scene = Scene::new();
    let server = scene.serve();
    let people = People::of(&server, &scene);
    let of_runs = TABLE.iter().filter(|(methods, pattern, least)| {
        methods.starts_with("GET")
            && *least == Least::Role(Role::Public)
            && pattern.contains("/runs/{id}")
            && !pattern.ends_with("/events")
    });
    for (_, pattern, _) in of_runs {
        for address in addresses(pattern) {
            let run = ["shown", "kept", "rated"]
                .into_iter()
                .find(|run| address.contains(&format!("/runs/{run}")));
            // The admin first: what was drawn for him is not what others get.
            for (name, role, person) in people.each().into_iter().rev() {
                let answer = person.get(&address);
                let sees = match run {
                    Some("shown") => true,
                    Some(_) => role >= Role::Researcher,
                    None => false,
                };
                // The chart of a question has another name.
                if sees && !address.contains("/charts/") {
                    assert_eq!(answer.status, 200, "{name}: {address}");
                }
                if !sees {
                    assert_eq!(answer.status, 404, "{name}: {address}");
                    let words = answer.text.replace(&address, "");
                    assert!(!words.contains(SECRET), "{name}: {address}");
                }
            }
        }
    }
}

/// Every address that could tell of a run, whether or not it is named there.
fn tells_of(run: &str) -> Vec<String> {
    [
        "/",
        "/?q=hush-hush",
        "/?sort=title&direction=descending",
        "/?group=questions",
        "/api/runs",
        "/api/runs?q=hush-hush",
        "/api/runs?sort=title&limit=1",
        "/api/runs/RUN",
        "/api/runs/RUN/answers?label=sayself",
        "/api/runs/RUN/questions/q7",
        "/api/runs/RUN/questions/q7/records/answers?label=sayself",
        "/api/runs/RUN/questions/q7/records/clusters",
        "/api/runs/RUN/questions/q7/records/rationales",
        "/api/runs/RUN/labels",
        "/api/runs/RUN/events",
        "/api/compare?run=RUN&run=shown",
        "/api/compare?run=shown:sayself&run=shown:direct-prompting&q=hush-hush",
        "/api/compare?run=RUN:sayself&run=RUN:direct-prompting",
        "/api/tables",
        "/api/tables?run=RUN",
        "/runs/RUN",
        "/runs/RUN?label=sayself",
        "/runs/RUN/answers?label=sayself&bin=7",
        "/runs/RUN/questions/q7",
        "/runs/RUN/questions/q7/charts/cluster-counts.csv",
        "/runs/RUN/questions/q7/records/rationales",
        "/runs/RUN/charts/reliability.svg",
        "/runs/RUN/charts/templates.csv",
        "/runs/RUN/files/run.toml",
        "/runs/RUN/files/evaluate/sayself/answers.jsonl",
        "/compare",
        "/compare?q=hush-hush",
        "/compare?run=RUN&run=shown",
        "/compare/charts/differences.csv?run=RUN&run=shown",
        "/compare/charts/overlay.svg?run=RUN:sayself&run=RUN:direct-prompting",
        "/tables",
        "/tables?run=RUN",
        "/tables.md?run=RUN",
        "/tables.csv",
        "/tables.tex?run=RUN",
    ]
    .map(|address| address.replace("RUN", run))
    .into()
}

/// Whether an answer has more of a run than the address that named it.
fn tells(answer: &Answer, run: &str) -> bool {
    let title = format!("Title of {run}");
    answer.text.contains(SECRET) && !is_echo(&answer.text) || answer.text.contains(&title)
}

/// A search that stands in its own field, and in links that keep it, is no news to who typed it.
fn is_echo(text: &str) -> bool {
    [
        "Title of",
        "Question ",
        "Rationale ",
        "Answer ",
        "Cluster ",
        "The teacher says",
    ]
    .iter()
    .all(|word| {
        !text.contains(&format!("{word} {SECRET}")) && !text.contains(&format!("{word}7 {SECRET}"))
    })
}

#[test]
fn annotators_of_an_open_project_see_nothing_of_its_runs() {
    let scene = Scene::new();
    let server = scene.serve();
    let people = People::of(&server, &scene);
    let blind = [&people.nobody, &people.annotator, &people.outsider];
    let programs = [people.annotator.program(), people.outsider.program()];
    let mut told = 0;
    for run in ["rated", "kept"] {
        for address in tells_of(run) {
            if address.ends_with("/events") {
                continue;
            }
            // Researchers first, so that what is kept of theirs would be there to be mistaken.
            let whole = people.researcher.get(&address);
            told += usize::from(tells(&whole, run));
            for person in blind.into_iter().chain(&programs) {
                let answer = person.get(&address);
                assert!(!tells(&answer, run), "{address}: {}", answer.text);
                // Its length and its state tell nothing either: it is as one that is not there.
                if address.contains(&format!("/runs/{run}")) {
                    let none = person.get(&address.replace(run, "none"));
                    assert_eq!(answer.status, none.status, "{address}");
                    assert_eq!(
                        answer.text.replace(run, "none").len(),
                        none.text.len(),
                        "{address}"
                    );
                }
            }
            assert!(whole.status < 500, "{address}: {}", whole.text);
        }
        let states = format!("/api/states?run={run}&run=shown");
        let path = format!("/api/runs/{run}/events");
        for person in blind {
            let cookie = person.cookie.clone().unwrap_or_default();
            assert_eq!(server.get_with(&path, &[("cookie", &cookie)]).status, 404);
            let mut lines = server.follow_as(&states, &cookie).lines();
            let first = lines.find(|line| line.as_ref().unwrap().starts_with("event: "));
            assert_eq!(first.unwrap().unwrap(), "event: run-shown", "{run}");
        }
    }
    assert!(told > 40, "these addresses tell of runs: {told}");
    // The list says as little as if there were one run.
    let list = people.annotator.get("/api/runs").json();
    assert_eq!(
        (
            list["matching"].as_u64(),
            list["runs"].as_array().unwrap().len()
        ),
        (Some(1), 1)
    );
    assert_eq!(people.researcher.get("/api/runs").json()["matching"], 3);
    assert_eq!(server.get("/readyz").json()["runs"], 1);
    // Paused is as open; over it is, once it is closed.
    scene.set_state("paused");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(people.annotator.get("/api/runs/rated").status, 404);
    scene.set_state("closed");
    wait_for("the closed project's run", || {
        (people.annotator.get("/api/runs/rated").status == 200).then_some(())
    });
    assert_eq!(people.annotator.get("/api/runs/kept").status, 404);
    // Published no longer.
    let path = "/api/runs/rated/published";
    people.admin.send("PUT", path, &json!({"published": false}));
    assert_eq!(people.annotator.get("/api/runs/rated").status, 404);
    assert_eq!(people.researcher.get("/api/runs/rated").status, 200);
}

#[test]
fn a_stream_ends_when_its_run_is_hidden_or_its_viewer_gone() {
    let scene = Scene::new();
    let server = scene.serve();
    let people = People::of(&server, &scene);
    scene.set_state("draft");
    wait_for("the run of a draft", || {
        (people.annotator.get("/api/runs/rated").status == 200).then_some(())
    });
    let cookie = people.annotator.cookie.clone().unwrap();
    let mut lines = server.follow_as("/api/runs/rated/events", &cookie).lines();
    assert!(lines.any(|line| line.unwrap().contains("finished")));
    scene.set_state("open");
    ends(lines);
    let cookie = people.researcher.cookie.clone().unwrap();
    let mut lines = server.follow_as("/api/runs/rated/events", &cookie).lines();
    assert!(lines.any(|line| line.unwrap().contains("finished")));
    let path = format!("/api/people/{}", people.researcher.id());
    people
        .admin
        .send("PATCH", &path, &json!({"disabled": true}));
    ends(lines);
}

/// Waits for the end of a stream, which would else go on for an hour and be given up.
fn ends(lines: impl Iterator<Item = std::io::Result<String>>) {
    lines.for_each(|line| drop(line.unwrap()));
}

#[test]
fn an_admin_publishes_with_a_button() {
    let scene = Scene::new();
    let server = scene.serve();
    assert!(
        !server.get("/runs/kept").text.contains("Who sees it"),
        "there is nobody else"
    );
    let people = People::of(&server, &scene);
    let page = people.admin.get("/runs/kept").text;
    assert!(page.contains("Only researchers and admins see it.") && page.contains(">Publish it<"));
    assert!(
        !people
            .researcher
            .get("/runs/kept")
            .text
            .contains("Publish it")
    );
    assert_eq!(people.nobody.get("/runs/kept").status, 404);
    let posted = people
        .admin
        .post_form("/runs/kept/published", &[("published", "true")]);
    assert_eq!(
        (posted.status, posted.header("location")),
        (303, Some("/runs/kept"))
    );
    assert_eq!(people.nobody.get("/runs/kept").status, 200);
    assert!(people.nobody.get("/").text.contains("Title of kept"));
    let page = people.admin.get("/runs/kept").text;
    assert!(page.contains("Everybody may see it.") && page.contains(">Take it back<"));
    assert!(
        people
            .admin
            .get("/runs/rated")
            .text
            .contains("People are rating it")
    );
    // What is published is a run, not a place: another run that comes to stand there is not.
    std::fs::rename(
        scene.folder.path().join("kept"),
        scene.folder.path().join("moved"),
    )
    .unwrap();
    wait_for("the moved run", || {
        (people.admin.get("/runs/moved").status == 200).then_some(())
    });
    assert_eq!(people.nobody.get("/runs/moved").status, 404);
}

#[test]
fn jobs_and_notes_are_for_those_who_may_wherever_the_server_listens() {
    let scene = Scene::new();
    let runs = scene.folder.path().to_str().unwrap();
    let server = Served::with(&["--runs", runs, "--listen", "0.0.0.0:0"]);
    let people = People::of(&server, &scene);
    assert_eq!(server.get("/readyz").json()["jobs"], "ok");
    let job = json!({"config": "no such configuration"});
    for (name, role, person) in people.each() {
        let status = person.send("POST", "/api/jobs", &job).status;
        let expected = match role {
            Role::Public => 401,
            Role::Admin => 422,
            _ => 403,
        };
        assert_eq!(status, expected, "{name}");
        let labels = person.send("PATCH", "/api/runs/shown/labels", &json!({"tags": [name]}));
        let expected = match role {
            Role::Public => 401,
            Role::Annotator => 403,
            _ => 200,
        };
        assert_eq!(labels.status, expected, "{name}");
    }
    let tags = people.nobody.get("/api/runs/shown/labels").json()["tags"].clone();
    assert_eq!(tags, json!(["admin"]));
    let page = people.annotator.get("/").text;
    assert!(!page.contains("method=\"post\"") && page.contains("Researchers change tags"));
    assert!(people.researcher.get("/").text.contains("method=\"post\""));
    // What is wrong with the server is for those to know who can mend it.
    assert_eq!(people.nobody.get("/api/jobs").status, 401);
}
