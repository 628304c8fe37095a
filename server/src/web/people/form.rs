//! What forms of people share.

use super::who::{Held, MaybeHeld, without_answer};
use crate::db::{Database, DatabaseError};
use crate::limits::SESSION_DAYS;
use crate::people::password::PasswordError;
use crate::people::token::Token;
use crate::people::{Seen, Session, SessionKind};
use crate::runs::library::now_ms;
use crate::web::Server;
use crate::web::problem::Failure;
use app::view::Role;
use axum::http::{HeaderMap, StatusCode, header};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The database, without which there are no people.
///
/// # Errors
/// 503.
pub fn database(server: &Server) -> Result<&Database, Failure> {
    server.database.as_ref().ok_or_else(|| {
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "People are kept in the database, and this server has none.",
            "Name a file for it by --database FILE, or see /readyz for what is wrong with the one named, and start the server again.",
        )
    })
}

/// Who asks, where a person is needed.
///
/// # Errors
/// 401.
pub fn person_of(seen: &Seen) -> Result<&str, Failure> {
    seen.person.as_deref().ok_or_else(|| {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "This is for people who signed in.",
            "Sign in, and try again.",
        )
    })
}

/// The browser's session that a change of one's own account must come by: a program's token cannot
/// make others, or change a password.
///
/// # Errors
/// 403.
pub fn browser_of(held: MaybeHeld) -> Result<Held, Failure> {
    held.0
        .filter(|held| held.kind == SessionKind::Browser)
        .ok_or_else(|| {
            Failure::new(
                StatusCode::FORBIDDEN,
                "Nothing was changed: this is done by the person himself, signed in with a browser.",
                "Sign in with a browser, and do it on the Account page.",
            )
        })
}

/// Whether somebody cannot become an admin yet, for want of a password: nobody else might be there to let
/// him in again.
///
/// # Errors
/// Those of the database.
pub async fn lacks_password(database: &Database, id: &str) -> Result<bool, Failure> {
    let person = database.person(id).await?;
    Ok(person.is_some_and(|person| {
        person.password.is_none() && person.deleted_ms.is_none() && person.role < Role::Admin
    }))
}

/// The time, as the database keeps it.
pub fn now() -> i64 {
    now_ms() as i64
}

/// A new token.
///
/// # Errors
/// Where the system has no random numbers.
pub fn new_token() -> Result<Token, Failure> {
    Token::new().map_err(|error| {
        tracing::error!(%error, "no random numbers: {error}");
        Failure::internal()
    })
}

/// A browser's session that begins now.
pub fn browser_session(token: &Token, person: &str, headers: &HeaderMap) -> Session {
    let now = now();
    Session {
        token_hash: token.hash(),
        person: person.to_owned(),
        kind: SessionKind::Browser,
        label: browser_name(headers),
        created_ms: now,
        seen_ms: now,
        expires_ms: now + SESSION_DAYS * DAY_MS,
    }
}

/// What a browser is called, so that its owner knows it again: `Firefox on Linux`. No more of it is
/// kept.
fn browser_name(headers: &HeaderMap) -> String {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    // Most browsers also name those that they want to be taken for.
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let first = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(mark, _)| agent.contains(mark))
            .map(|(_, name)| *name)
    };
    match (first(&browsers), first(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Another browser".to_owned(),
    }
}

/// Notes an act in the audit. The act was done: that it cannot be noted is told in the log.
pub async fn note(database: &Database, seen: &Seen, act: &str, object: &str, detail: &str) {
    let noted = database
        .note_act(seen.person.as_deref(), act, object, detail)
        .await;
    if let Err(error) = noted {
        tracing::error!(%error, "the audit cannot be written ({act} {object}): {error}");
    }
}

/// Whether an address stays on this server, whatever a browser makes of it.
pub fn is_own(address: &str) -> bool {
    address.starts_with('/')
        && !address.starts_with("//")
        && address
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
}

/// Where this server is reached, as the visitor reached it: `http://127.0.0.1:7590`.
pub fn origin(headers: &HeaderMap, is_secure: bool) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    format!("{scheme}://{}", crate::web::reference::host(headers))
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        without_answer(&error)
    }
}

/// What is wrong with a password, for the form that it stood in.
///
/// # Errors
/// What is no fault of the password.
pub fn wrong_password(error: PasswordError) -> Result<String, Failure> {
    match error {
        PasswordError::Short(_) | PasswordError::Long | PasswordError::Name => {
            Ok(format!("Nothing was changed: {error}."))
        }
        PasswordError::Busy => Err(Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Many people sign in at this moment.",
            "Try again in some seconds.",
        )),
        PasswordError::Hash(why) => {
            tracing::error!("a password cannot be looked at: {why}");
            Err(Failure::internal())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_this_server_alone() {
        for own in ["/", "/?q=a%20b&sort=ece", "/runs/a?label=x"] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/a\r\nSet-Cookie: x",
            "/#x",
            "/ü",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_browser_is_known_again_by_its_name() {
        let name = |agent: &'static str| {
            let pair = (header::USER_AGENT, agent.parse().unwrap());
            browser_name(&[pair].into_iter().collect())
        };
        assert_eq!(
            name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Linux"
        );
        assert_eq!(
            name(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone"
        );
        assert_eq!(name("curl/8"), "Another browser");
    }
}
