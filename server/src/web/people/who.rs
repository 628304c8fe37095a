//! Who asks: out of a cookie or a bearer token, once a request, before anything else looks at it.

use crate::db::DatabaseError;
use crate::people::known::Known;
use crate::people::token::Token;
use crate::people::{LOCAL, Seen, SessionKind};
use crate::web::Server;
use crate::web::guard::is_from_this_origin;
use crate::web::problem::Failure;
use admission::Peer;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The name of the cookie.
const COOKIE: &str = "sayself";

/// The session that a request came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub token_hash: String,
    pub kind: SessionKind,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub address: IpAddr,
    /// Whether it reached the server, or the proxy before it, by https.
    pub is_secure: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(seen_in(&parts.extensions))
    }
}

/// Who asks, as [`who`] noted it; nobody where it did not.
pub fn seen_in(extensions: &Extensions) -> Seen {
    extensions.get().cloned().unwrap_or_default()
}

/// The session that a request came by, where there is one.
pub struct MaybeHeld(pub Option<Held>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeHeld {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(MaybeHeld(parts.extensions.get().cloned()))
    }
}

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let own = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.address);
        Ok(match server.behind_proxy {
            true => Caller {
                address: forwarded_for(&parts.headers).unwrap_or(own),
                is_secure: is_forwarded_securely(&parts.headers),
            },
            false => Caller {
                address: own,
                is_secure: false,
            },
        })
    }
}

/// The last address of `X-Forwarded-For`: the one that our own proxy wrote.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn is_forwarded_securely(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .and_then(|scheme| scheme.to_str().ok())
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

/// What a request shows to be let in by.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    /// A bearer token, or what should be one.
    Bearer(Option<Token>),
    Cookie(Token),
}

fn shown(headers: &HeaderMap) -> Shown {
    // A proxy may have asked for a name and a password of its own (`Basic`): that is not for us.
    if let Some((scheme, token)) = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default())
        .map(|text| text.split_once(' ').unwrap_or((text, "")))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Shown::Bearer(Token::parse(token.trim()));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .find_map(|(_, value)| Token::parse(value))
        .map_or(Shown::Nothing, Shown::Cookie)
}

/// Notes who asks, in the request and in its answer. Reads the rules anew where that is due, so that
/// handlers need not wait for them.
///
/// A browser sends a cookie with whatever another site makes it ask for. So a change that comes with
/// one must say by `Origin` or `Sec-Fetch-Site` that it was asked for here; what says neither is no
/// browser of today, and is refused. A bearer token is sent by nobody unasked.
pub async fn who(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let shown = shown(request.headers());
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    if is_change && matches!(shown, Shown::Cookie(_)) && !is_from_this_origin(&request) {
        return Failure::new(
            StatusCode::FORBIDDEN,
            "Nothing was changed: the request does not say that it was asked for on this server's own pages.",
            "Send it from this server's pages with a browser of today; programs send a token, made on the Account page, as Authorization: Bearer TOKEN.",
        )
        .into_response();
    }
    let (seen, held) = match server.recognise(shown).await {
        Ok(recognised) => recognised,
        Err(failure) => return failure.into_response(),
    };
    if let Some(held) = held {
        request.extensions_mut().insert(held);
    }
    request.extensions_mut().insert(seen.clone());
    let mut response = next.run(request).await;
    // Whatever dresses a failure later draws it for him.
    response.extensions_mut().insert(seen);
    response
}

impl Server {
    /// Who shows this, and the session that he holds.
    async fn recognise(&self, shown: Shown) -> Result<(Seen, Option<Held>), Failure> {
        let Some(database) = &self.database else {
            return match shown {
                Shown::Bearer(_) => Err(no_such_token()),
                _ => Ok((self.unnamed(), None)),
            };
        };
        self.rules.rules(database).await;
        let token = match &shown {
            Shown::Nothing => return Ok((self.unnamed(), None)),
            Shown::Bearer(None) => return Err(no_such_token()),
            Shown::Bearer(Some(token)) | Shown::Cookie(token) => token,
        };
        let hash = token.hash();
        let known = self
            .known
            .of(database, &hash)
            .await
            .map_err(|error| without_answer(&error))?;
        let is_cookie = matches!(shown, Shown::Cookie(_));
        let wanted = match is_cookie {
            true => SessionKind::Browser,
            false => SessionKind::Program,
        };
        match known {
            // What is a cookie is never a token of a program, nor the other way round.
            Some(Known { person, role, kind }) if kind == wanted => {
                let seen = Seen {
                    person: Some(person),
                    role,
                    signed_in: true,
                    is_open: false,
                    has_accounts: true,
                };
                let held = Held {
                    token_hash: hash,
                    kind,
                };
                Ok((seen, Some(held)))
            }
            // Signed out elsewhere, or over: he is nobody in particular, and may sign in again.
            _ if is_cookie => Ok((self.unnamed(), None)),
            _ => Err(no_such_token()),
        }
    }

    /// Who shows nothing.
    fn unnamed(&self) -> Seen {
        let rules = self.rules.last();
        let is_known = !rules.are_unknown;
        if self.loopback && is_known && !rules.has_admin {
            Seen::at_the_machine(rules.has_accounts)
        } else {
            Seen {
                has_accounts: self.database.is_some(),
                ..Seen::nobody()
            }
        }
    }
}

/// Somebody who follows a stream, for an hour maybe.
pub struct Watcher {
    server: Arc<Server>,
    pub seen: Seen,
    held: Option<Held>,
}

impl FromRequestParts<Arc<Server>> for Watcher {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Infallible> {
        Ok(Watcher {
            server: Arc::clone(server),
            seen: seen_in(&parts.extensions),
            held: parts.extensions.get().cloned(),
        })
    }
}

impl Watcher {
    /// Whether he is who he was when the stream began. Who signed out, was disabled or got another role
    /// is not: his stream ends. Reads the rules anew where that is due.
    pub async fn is_same(&self) -> bool {
        let server = &self.server;
        let Some(database) = &server.database else {
            return true;
        };
        server.rules.rules(database).await;
        match &self.held {
            None => server.unnamed() == self.seen,
            Some(held) => match server.known.of(database, &held.token_hash).await {
                Ok(known) => known.is_some_and(|known| {
                    Some(&known.person) == self.seen.person.as_ref() && known.role == self.seen.role
                }),
                // Not known now: what he sees is judged by each look all the same.
                Err(_) => true,
            },
        }
    }
}

fn no_such_token() -> Failure {
    Failure::new(
        StatusCode::UNAUTHORIZED,
        "The token is none that this server knows, or it has ended.",
        "Make another on the Account page, and send it as Authorization: Bearer TOKEN.",
    )
}

/// The failure of a database that does not answer.
pub fn without_answer(error: &DatabaseError) -> Failure {
    tracing::error!(%error, "people: {error}");
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "The database does not answer.",
        "Nothing was changed. Try again; if it stays, the server's log says why.",
    )
}

/// Whether this is the person at a machine without accounts.
pub fn is_local(seen: &Seen) -> bool {
    seen.person.as_deref() == Some(LOCAL)
}

/// The cookie of a session that begins.
pub fn cookie(token: &Token, caller: Caller, seconds: i64) -> Option<HeaderValue> {
    cookie_with(token.reveal(), caller, seconds)
}

/// What takes the cookie away.
pub fn no_cookie(caller: Caller) -> Option<HeaderValue> {
    cookie_with("", caller, 0)
}

fn cookie_with(value: &str, caller: Caller, seconds: i64) -> Option<HeaderValue> {
    let secure = if caller.is_secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_cookie_or_a_token_is_shown() {
        let token = "0123456789abcdef".repeat(4);
        let parsed = || Token::parse(&token).unwrap();
        assert_eq!(shown(&headers(&[])), Shown::Nothing);
        for cookie in [
            format!("sayself={token}"),
            format!("theme=dark; sayself={token}; a=b"),
        ] {
            assert_eq!(
                shown(&headers(&[("cookie", &cookie)])),
                Shown::Cookie(parsed())
            );
        }
        for cookie in [
            "sayself=".to_owned(),
            format!("xsayself={token}"),
            format!("sayself={token}0"),
        ] {
            assert_eq!(shown(&headers(&[("cookie", &cookie)])), Shown::Nothing);
        }
        let bearer = |text: &str| shown(&headers(&[("authorization", text)]));
        assert_eq!(
            bearer(&format!("Bearer {token}")),
            Shown::Bearer(Some(parsed()))
        );
        assert_eq!(
            bearer(&format!("bearer  {token}")),
            Shown::Bearer(Some(parsed()))
        );
        assert_eq!(bearer(&format!("Basic {token}")), Shown::Nothing);
        assert_eq!(bearer("Bearer"), Shown::Bearer(None));
    }

    #[test]
    fn our_own_proxy_says_the_last_address() {
        let of = |text| forwarded_for(&headers(&[("x-forwarded-for", text)]));
        assert_eq!(of("1.2.3.4, 10.0.0.7"), Some([10, 0, 0, 7].into()));
        assert_eq!(of("::1"), Some("::1".parse().unwrap()));
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn a_cookie_is_for_this_site_alone() {
        let token = Token::parse(&"a".repeat(64)).unwrap();
        let caller = |is_secure| Caller {
            address: [127, 0, 0, 1].into(),
            is_secure,
        };
        let plain = cookie(&token, caller(false), 60).unwrap();
        let plain = plain.to_str().unwrap();
        assert!(plain.starts_with("sayself=aaaa") && plain.contains("; Path=/; Max-Age=60;"));
        assert!(plain.contains("HttpOnly") && plain.ends_with("SameSite=Strict"));
        let secure = cookie(&token, caller(true), 60).unwrap();
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
        assert!(
            no_cookie(caller(false))
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Max-Age=0")
        );
    }
}
