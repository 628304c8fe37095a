//! Signing in, invitations, the account, and what admins see, in every state.

use app::Page;
use app::view::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const NOW_MS: i64 = 1_790_000_000_000;

pub fn pages() -> Vec<(&'static str, Page)> {
    let invitation = |role, project: Option<&str>| InvitationPage {
        address: "/invitation/abc".into(),
        role,
        project: project.map(str::to_owned),
        password_min: 10,
        ..InvitationPage::default()
    };
    vec![
        (
            "sign-in",
            Page::SignIn(SignInPage {
                back: "/jobs".into(),
                ..SignInPage::default()
            }),
        ),
        (
            "sign-in-wrong",
            Page::SignIn(SignInPage {
                name: "ada lovelace".into(),
                back: "/".into(),
                wrong: Some("Nobody was signed in: the name and the password do not belong together, or the account has no password or is disabled. If you forgot the password, ask an admin of this server for a link.".into()),
                is_open: false,
            }),
        ),
        (
            "invitation",
            Page::Invitation(invitation(Role::Annotator, Some("Does it know what it doubts?"))),
        ),
        (
            "invitation-signed-in",
            Page::Invitation(InvitationPage {
                signed_in_as: Some("ada lovelace".into()),
                ..invitation(Role::Annotator, Some("Does it know what it doubts?"))
            }),
        ),
        (
            "invitation-admin-wrong",
            Page::Invitation(InvitationPage {
                name: "chief".into(),
                wrong: Some("Nothing was changed: the password has 5 characters, expected 10 at least.".into()),
                ..invitation(Role::Admin, None)
            }),
        ),
        (
            "invitation-link",
            Page::Invitation(InvitationPage {
                person: Some("ada lovelace".into()),
                ..invitation(Role::Annotator, None)
            }),
        ),
        ("account", Page::Account(Box::new(account(None, None)))),
        (
            "account-token",
            Page::Account(Box::new(account(
                Some(ShownOnce {
                    words: "The token of a notebook. A program sends it as Authorization: Bearer TOKEN. It may do what you may.".into(),
                    secret: "0123456789abcdef".repeat(4),
                }),
                None,
            ))),
        ),
        (
            "account-wrong",
            Page::Account(Box::new(account(
                None,
                Some("Nothing was changed: the present password is another."),
            ))),
        ),
        (
            "account-local",
            Page::Account(Box::new(AccountPage {
                is_local: true,
                sessions: Vec::new(),
                ..account(None, None)
            })),
        ),
        ("people", Page::People(Box::new(people(None)))),
        (
            "people-invited",
            Page::People(Box::new(people(Some(ShownOnce {
                words: "By this link up to 12 people become annotators.".into(),
                secret: format!("https://lab.example/invitation/{}", "0123456789abcdef".repeat(4)),
            })))),
        ),
        (
            "people-open",
            Page::People(Box::new(PeoplePage {
                is_open: true,
                ..PeoplePage::default()
            })),
        ),
        ("audit", Page::Audit(Box::new(audit()))),
        (
            "privacy",
            Page::Privacy(PrivacyPage {
                session_days: 30,
                program_days_max: 366,
                tries_minutes: 5,
            }),
        ),
    ]
}

fn person(name: &str, role: Role, has_password: bool, disabled: bool) -> PersonRow {
    PersonRow {
        id: name.into(),
        name: Some(name.into()),
        pseudonym: "annotator-7f3a".into(),
        role,
        has_password,
        created_ms: NOW_MS - 40 * DAY_MS,
        seen_ms: (!disabled).then_some(NOW_MS),
        disabled,
    }
}

fn session(kind: &str, label: &str, this: bool) -> SessionRow {
    SessionRow {
        id: label.into(),
        kind: kind.into(),
        label: label.into(),
        created_ms: NOW_MS - 3 * DAY_MS,
        seen_ms: NOW_MS,
        expires_ms: NOW_MS + 27 * DAY_MS,
        this,
    }
}

fn account(shown: Option<ShownOnce>, wrong: Option<&str>) -> AccountPage {
    AccountPage {
        me: person("ada lovelace", Role::Annotator, true, false),
        is_local: false,
        sessions: vec![
            session("browser", "Firefox on Linux", true),
            session("browser", "Safari on iPhone", false),
            session("program", "a notebook", false),
        ],
        projects: vec![
            OwnProject {
                id: "p".into(),
                title: "Does it know what it doubts?".into(),
                joined_ms: NOW_MS - 2 * DAY_MS,
                withdrawn_ms: None,
                rated: 47,
            },
            OwnProject {
                id: "q".into(),
                title: "Pairs of rationales".into(),
                joined_ms: NOW_MS - 9 * DAY_MS,
                withdrawn_ms: Some(NOW_MS - DAY_MS),
                rated: 1,
            },
        ],
        password_min: 10,
        shown,
        done: None,
        wrong: wrong.map(str::to_owned),
    }
}

fn people(shown: Option<ShownOnce>) -> PeoplePage {
    let invitation =
        |id: &str, person: Option<&str>, project: Option<&str>, note: &str| InvitationRow {
            id: id.into(),
            role: Role::Annotator,
            project: project.map(str::to_owned),
            person: person.map(str::to_owned),
            note: note.into(),
            uses_left: 12,
            created_ms: NOW_MS - DAY_MS,
            expires_ms: NOW_MS + 13 * DAY_MS,
        };
    PeoplePage {
        people: vec![
            person("ada lovelace", Role::Annotator, false, false),
            person("chief", Role::Admin, true, false),
            person("gone for now", Role::Researcher, true, true),
        ],
        me: Some("chief".into()),
        invitations: vec![
            invitation("a", None, Some("p"), "the spring course"),
            invitation("b", Some("ada lovelace"), None, "To sign in"),
        ],
        projects: vec![("p".into(), "Does it know what it doubts?".into())],
        is_open: false,
        shown,
        done: None,
        wrong: None,
    }
}

fn audit() -> AuditPage {
    let row = |act: &str, object: &str, detail: &str| AuditRow {
        id: act.into(),
        at_ms: NOW_MS,
        person: Some("annotator-7f3a".into()),
        act: act.into(),
        object: object.into(),
        detail: detail.into(),
    };
    AuditPage {
        rows: vec![
            row("published", "world-facts", "/data/runs/world-facts"),
            row(
                "changed the role",
                "019ad3c6-7e5b-7c3e-9a53-2d6f0a1f6c11",
                "annotator to researcher",
            ),
            AuditRow {
                person: None,
                ..row(
                    "signed in",
                    "019ad3c6-7e5b-7c3e-9a53-2d6f0a1f6c11",
                    "by link",
                )
            },
        ],
        next: Some("x".into()),
    }
}
