//! The first admin: by a link that the server prints where it has none.

use super::form::{new_token, now};
use crate::db::{Database, DatabaseError};
use crate::limits::FIRST_LINK_HOURS;
use crate::people::Invitation;
use app::link;
use app::view::Role;
use std::net::SocketAddr;
use uuid::Uuid;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Makes the link anew, in the place of that of an earlier start, and gives its words; `None` where
/// there is an admin's account.
///
/// # Errors
/// Those of the database.
pub async fn words(
    database: &Database,
    address: SocketAddr,
    is_alone: bool,
) -> Result<Option<String>, DatabaseError> {
    if is_alone {
        database.add_local_person(now()).await?;
    }
    if database.rules().await?.has_admin {
        database.end_first_link().await?;
        return Ok(None);
    }
    let Ok(token) = new_token() else {
        return Ok(None);
    };
    let created_ms = now();
    let invitation = Invitation {
        token_hash: token.hash(),
        id: Uuid::new_v4().to_string(),
        role: Role::Admin,
        person: None,
        project: None,
        note: "The first admin".into(),
        uses_left: 1,
        made_by: None,
        created_ms,
        expires_ms: created_ms + FIRST_LINK_HOURS * HOUR_MS,
    };
    database.set_first_link(&invitation).await?;
    // An address such as 0.0.0.0 is none to go to; this machine's own is.
    let place = match address.ip().is_unspecified() {
        true => format!("127.0.0.1:{}", address.port()),
        false => address.to_string(),
    };
    let address = format!("http://{place}{}", link::invitation(token.reveal()));
    Ok(Some(match is_alone {
        true => format!(
            "Accounts are optional here: only this machine can reach this server, and whoever does may do everything. To make an account all the same, which then all need, open this within {FIRST_LINK_HOURS} hours:\n  {address}"
        ),
        false => format!(
            "There is no admin yet, so that nobody can sign in. To become the admin, open this within {FIRST_LINK_HOURS} hours:\n  {address}"
        ),
    }))
}
