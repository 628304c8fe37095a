//! People: who they are, what they may do, and what of the runs they see. No HTTP and no SQL here.
//!
//! | to | see |
//! |---|---|
//! | know who asks | [`Seen`] |
//! | change which runs somebody sees | [`rules`] |
//! | change what a name or a password must be | [`name`], [`password`] |
//! | change what is kept of a token | [`token`] |
//! | change how often one may try to sign in | [`tries`] |

pub mod known;
pub mod name;
pub mod password;
pub mod rules;
pub mod token;
pub mod tries;

use app::view::{Role, Viewer};

/// The row of the person at a machine without accounts.
pub const LOCAL: &str = "local";

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `people.id`; `None` for those who did not sign in.
    pub person: Option<String>,
    pub role: Role,
    pub signed_in: bool,
    /// Whether the server is open: on loopback, without any admin account. Then everybody who reaches
    /// it is the person at the machine, [`LOCAL`].
    pub is_open: bool,
    /// Whether there is anybody to sign in as.
    pub has_accounts: bool,
}

impl Seen {
    /// Somebody who did not sign in, where that gives no rights.
    pub fn nobody() -> Self {
        Seen::default()
    }

    /// The person at a machine without accounts.
    pub fn at_the_machine(has_accounts: bool) -> Self {
        Seen {
            person: Some(LOCAL.into()),
            role: Role::Admin,
            signed_in: false,
            is_open: true,
            has_accounts,
        }
    }

    /// Whether he may do what this role may.
    pub fn is_at_least(&self, role: Role) -> bool {
        self.role >= role
    }

    /// What a page needs to know of him. Kept pages are kept for each of these.
    pub fn viewer(&self) -> Viewer {
        Viewer {
            role: self.role,
            signed_in: self.signed_in,
            has_accounts: self.has_accounts,
        }
    }
}

/// A person, as the database keeps him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    /// In lower case.
    pub name: String,
    /// What researchers see: `annotator-7f3a`.
    pub pseudonym: String,
    pub role: Role,
    /// An argon2id hash; `None`: he signs in by link alone.
    pub password: Option<String>,
    /// Milliseconds since the epoch, as all times here.
    pub created_ms: i64,
    pub disabled_ms: Option<i64>,
    pub deleted_ms: Option<i64>,
}

/// How somebody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// By a cookie.
    Browser,
    /// By a bearer token.
    Program,
}

impl SessionKind {
    pub fn word(self) -> &'static str {
        match self {
            SessionKind::Browser => "browser",
            SessionKind::Program => "program",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [SessionKind::Browser, SessionKind::Program]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// Where somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub token_hash: String,
    pub person: String,
    pub kind: SessionKind,
    /// What the browser or its owner calls it.
    pub label: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    pub expires_ms: i64,
}

/// Characters of a token's hash that a session is spoken of by.
const SESSION_ID_CHARACTERS: usize = 16;

impl Session {
    /// What it is spoken of by: it does not give the token away.
    pub fn id(&self) -> &str {
        self.token_hash
            .get(..SESSION_ID_CHARACTERS)
            .unwrap_or(&self.token_hash)
    }
}

/// A link by which people come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub token_hash: String,
    /// Random; says nothing of the token.
    pub id: String,
    /// Of those who come by it.
    pub role: Role,
    /// Signs this person in, in place of making one.
    pub person: Option<String>,
    /// The annotation project that it leads to.
    pub project: Option<String>,
    pub note: String,
    pub uses_left: i64,
    /// `None`: the server itself.
    pub made_by: Option<String>,
    pub created_ms: i64,
    pub expires_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        let annotator = Seen {
            role: Role::Annotator,
            ..Seen::nobody()
        };
        assert!(annotator.is_at_least(Role::Public) && annotator.is_at_least(Role::Annotator));
        assert!(!annotator.is_at_least(Role::Researcher));
        assert!(Seen::at_the_machine(false).is_at_least(Role::Admin));
        assert!(!Seen::nobody().is_at_least(Role::Annotator));
    }
}
