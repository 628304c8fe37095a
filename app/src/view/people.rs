//! Who looks, and the people that a server knows.

use serde::{Deserialize, Serialize};

/// What a person may do. Each may do what those before it may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nobody in particular: published runs, Your file.
    #[default]
    Public,
    /// Rates in the projects that he was invited to.
    Annotator,
    /// Sees all runs, makes projects, sees agreement.
    Researcher,
    /// Starts jobs, invites people, reads the audit.
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Public, Role::Annotator, Role::Researcher, Role::Admin];

    pub fn word(self) -> &'static str {
        match self {
            Role::Public => "public",
            Role::Annotator => "annotator",
            Role::Researcher => "researcher",
            Role::Admin => "admin",
        }
    }

    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Who looks at a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    pub role: Role,
    /// Whether he signed in; the person at a machine without accounts did not, and may do everything.
    pub signed_in: bool,
    /// Whether there is anybody to sign in as.
    pub has_accounts: bool,
}

impl Viewer {
    /// The person at a machine without accounts.
    pub fn at_the_machine() -> Self {
        Viewer {
            role: Role::Admin,
            signed_in: false,
            has_accounts: false,
        }
    }
}

/// `GET /api/people`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonRow {
    pub id: String,
    /// For admins and the person himself; absent for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub pseudonym: String,
    pub role: Role,
    /// Whether he signs in by a password; else by link alone.
    pub has_password: bool,
    /// Milliseconds since the epoch.
    pub created_ms: i64,
    pub seen_ms: Option<i64>,
    pub disabled: bool,
}

/// An invitation that still works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitationRow {
    pub id: String,
    pub role: Role,
    /// The project that it leads to.
    pub project: Option<String>,
    /// Signs this person in, in place of making one.
    pub person: Option<String>,
    pub note: String,
    pub uses_left: i64,
    pub created_ms: i64,
    pub expires_ms: i64,
}

/// Where somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionRow {
    /// The first characters of the token's hash.
    pub id: String,
    /// `browser` or `program`.
    pub kind: String,
    pub label: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    pub expires_ms: i64,
    /// Whether it is the one that asks.
    pub this: bool,
}

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditRow {
    pub id: String,
    pub at_ms: i64,
    /// The pseudonym of who did it; absent: the server or the person at the machine.
    pub person: Option<String>,
    pub act: String,
    pub object: String,
    pub detail: String,
}

/// Whether everybody may see a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Published {
    pub published: bool,
    /// Whether people are rating it: until that is over, only researchers and admins see it all the
    /// same.
    pub hidden: bool,
    /// Whether it is a recorded run, which is always published.
    pub recorded: bool,
}

/// `/sign-in`, with what was typed and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInPage {
    pub name: String,
    /// Where it leads to.
    pub back: String,
    pub wrong: Option<String>,
    /// Whether the server is open: then there is no need to sign in.
    pub is_open: bool,
}

/// `/invitation/{token}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvitationPage {
    /// Where its form is sent to.
    pub address: String,
    pub role: Role,
    /// The title of the project that it leads to.
    pub project: Option<String>,
    /// The name of the person that it signs in, in place of making one.
    pub person: Option<String>,
    /// The name of who looks at it, where he is signed in.
    pub signed_in_as: Option<String>,
    /// Characters.
    pub password_min: usize,
    /// What was typed.
    pub name: String,
    pub wrong: Option<String>,
}

/// A link or a token that is shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownOnce {
    /// What it is for, a sentence.
    pub words: String,
    pub secret: String,
}

/// A project that somebody belongs to, as he sees it on his account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProject {
    pub id: String,
    pub title: String,
    pub joined_ms: i64,
    pub withdrawn_ms: Option<i64>,
    /// Items that he rated.
    pub rated: i64,
}

/// `/account`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPage {
    pub me: PersonRow,
    /// Whether he is the person at a machine without accounts.
    pub is_local: bool,
    pub sessions: Vec<SessionRow>,
    pub projects: Vec<OwnProject>,
    /// Characters.
    pub password_min: usize,
    /// What was made, shown once.
    pub shown: Option<ShownOnce>,
    /// What was done, a sentence.
    pub done: Option<String>,
    pub wrong: Option<String>,
}

/// `/people`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeoplePage {
    pub people: Vec<PersonRow>,
    /// Who looks.
    pub me: Option<String>,
    pub invitations: Vec<InvitationRow>,
    /// Projects that an invitation can lead to: (id, title).
    pub projects: Vec<(String, String)>,
    /// Whether everybody who reaches the server may do everything, as there is no admin's account.
    pub is_open: bool,
    pub shown: Option<ShownOnce>,
    pub done: Option<String>,
    pub wrong: Option<String>,
}

/// `/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    pub rows: Vec<AuditRow>,
    /// The cursor of the page of older ones.
    pub next: Option<String>,
}

/// `/privacy`: how long what is stored stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivacyPage {
    pub session_days: i64,
    pub program_days_max: i64,
    pub tries_minutes: u64,
}
