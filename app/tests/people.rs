//! The pages of people, from plain data to HTML.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use app::view::*;
use app::{Medium, Page, RenderContext, render};

const HOSTILE: &str = "</option></select><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\u{202e}\u{1b}[31m\u{0}";

fn html_for(page: Page, viewer: Viewer) -> String {
    render(
        page,
        RenderContext {
            nonce: "n0nce".into(),
            assets_present: true,
            path: "/people".into(),
            warnings: Vec::new(),
            viewer,
            medium: Medium::Server,
        },
    )
}

fn html(page: Page) -> String {
    html_for(page, Viewer::at_the_machine())
}

fn person(text: &str) -> PersonRow {
    PersonRow {
        id: text.into(),
        name: Some(text.into()),
        pseudonym: text.into(),
        role: Role::Annotator,
        has_password: true,
        created_ms: -1,
        seen_ms: Some(1),
        disabled: false,
    }
}

fn account(text: &str) -> AccountPage {
    let session = |kind: &str| SessionRow {
        id: text.into(),
        kind: kind.into(),
        label: text.into(),
        created_ms: 1,
        seen_ms: 2,
        expires_ms: i64::MAX,
        this: true,
    };
    AccountPage {
        me: person(text),
        is_local: false,
        sessions: vec![session("browser"), session("program")],
        projects: vec![OwnProject {
            id: text.into(),
            title: text.into(),
            joined_ms: 1,
            withdrawn_ms: None,
            rated: -1,
        }],
        password_min: 10,
        shown: Some(ShownOnce {
            words: text.into(),
            secret: text.into(),
        }),
        done: Some(text.into()),
        wrong: Some(text.into()),
    }
}

fn all(text: &str) -> Vec<Page> {
    let invitation = InvitationRow {
        id: text.into(),
        role: Role::Researcher,
        project: Some(text.into()),
        person: None,
        note: text.into(),
        uses_left: i64::MAX,
        created_ms: 1,
        expires_ms: 2,
    };
    vec![
        Page::SignIn(SignInPage {
            name: text.into(),
            back: text.into(),
            wrong: Some(text.into()),
            is_open: true,
        }),
        Page::Invitation(InvitationPage {
            address: "/invitation/x".into(),
            role: Role::Annotator,
            project: Some(text.into()),
            person: None,
            signed_in_as: Some(text.into()),
            password_min: 10,
            name: text.into(),
            wrong: Some(text.into()),
        }),
        Page::Account(Box::new(account(text))),
        Page::People(Box::new(PeoplePage {
            people: vec![person(text)],
            me: Some(text.into()),
            invitations: vec![
                invitation.clone(),
                InvitationRow {
                    person: Some(text.into()),
                    ..invitation
                },
            ],
            projects: vec![(text.into(), text.into())],
            is_open: true,
            shown: None,
            done: None,
            wrong: Some(text.into()),
        })),
        Page::Audit(Box::new(AuditPage {
            rows: vec![AuditRow {
                id: text.into(),
                at_ms: 1,
                person: Some(text.into()),
                act: text.into(),
                object: text.into(),
                detail: text.into(),
            }],
            next: Some(text.into()),
        })),
        Page::Privacy(PrivacyPage::default()),
    ]
}

#[test]
fn what_people_write_is_text() {
    for page in all(HOSTILE) {
        let html = html(page);
        assert!(
            !html.contains("<script>alert(1)") && !html.contains("<img src=x"),
            "{html}"
        );
        assert_eq!(
            html.matches("<select").count(),
            html.matches("</select>").count(),
            "{html}"
        );
        for character in ['\u{202e}', '\u{1b}', '\u{0}'] {
            assert!(!html.contains(character), "{character:?}");
        }
        assert!(!html.contains(" style=\""));
    }
}

#[test]
fn every_field_has_a_label_and_every_script_the_nonce() {
    for page in all("a b") {
        let html = html(page);
        for input in html.split("<input ").skip(1) {
            let input = input.split('>').next().unwrap();
            if input.contains("type=\"hidden\"") || input.contains(" hidden") {
                continue;
            }
            let (_, id) = input.split_once("id=\"").unwrap();
            let id = id.split('"').next().unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\"")), "{input}");
        }
        assert_eq!(
            html.matches("<script").count() + html.matches("<style").count(),
            html.matches("nonce=\"n0nce\"").count()
        );
    }
}

#[test]
fn the_header_offers_what_one_may_do() {
    let offered = |role, signed_in| {
        let viewer = Viewer {
            role,
            signed_in,
            has_accounts: true,
        };
        let html = html_for(Page::Privacy(PrivacyPage::default()), viewer);
        let (_, nav) = html.split_once("aria-label=\"Main\"").unwrap();
        let nav = nav.split("</nav>").next().unwrap().to_owned();
        ["Annotate", "Jobs", "People", "Account", "Sign in"]
            .into_iter()
            .filter(|words| nav.contains(&format!(">{words}<")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(offered(Role::Public, false), "Sign in");
    assert_eq!(offered(Role::Annotator, true), "Annotate Account");
    assert_eq!(offered(Role::Researcher, true), "Annotate Account");
    assert_eq!(offered(Role::Admin, true), "Annotate Jobs People Account");
}

#[test]
fn who_may_not_see_a_page_is_told_how_he_might() {
    let missing = || {
        Page::Problem(Problem {
            status: 404,
            title: "Not found".into(),
            detail: "There is no such run here.".into(),
            next: "Look at the list of runs.".into(),
        })
    };
    let viewer = |signed_in| Viewer {
        role: Role::Public,
        signed_in,
        has_accounts: true,
    };
    let html = html_for(missing(), viewer(false));
    assert!(html.contains("href=\"/sign-in?back=%2Fpeople\"") && html.contains("open it again"));
    assert!(!html_for(missing(), viewer(true)).contains("open it again"));
    let alone = html_for(missing(), Viewer::at_the_machine());
    assert!(!alone.contains("open it again"));
}
