//! Which host a request was meant for, and whose page asks.

use axum::http::{HeaderMap, HeaderName, Uri, header};
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host that a request was meant for, in small letters, with its port where it names one.
pub fn host_of(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.or(uri.authority().map(|authority| authority.as_str()))
        .map(str::to_ascii_lowercase)
}

/// Whether a host, with or without a port, is this machine by its own names.
///
/// A page of another site can point a name of its own at 127.0.0.1 (DNS rebinding) and then reads answers
/// as if they were its own: so on loopback only loopback's names should be answered.
pub fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether no other site's page asks; programs say nothing of where they come from.
///
/// `host` is that of [`host_of`]. What another site's page sends (CSRF) it need not be able to read.
pub fn is_same_origin(host: Option<&str>, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| {
        let value = headers.get(name);
        value.map(|value| value.to_str().unwrap_or("").to_ascii_lowercase())
    };
    let site = text(SEC_FETCH_SITE);
    if site
        .as_deref()
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None => true,
        // A form of a page without a referrer: the browser itself, not the page, says where it came from.
        Some(origin) if origin == "null" => site.as_deref() == Some("same-origin"),
        Some(origin) => {
            let place = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            place.is_some() && place == host
        }
    }
}

/// Whether a request says that it was asked for on the server's own pages: by `Origin`, or by what only the
/// browser itself can say. One that says neither does not.
pub fn is_from_own_page(host: Option<&str>, headers: &HeaderMap) -> bool {
    let is_said = headers
        .get(SEC_FETCH_SITE)
        .is_some_and(|site| site.as_bytes().eq_ignore_ascii_case(b"same-origin"))
        || headers
            .get(header::ORIGIN)
            .is_some_and(|origin| origin.as_bytes() != b"null");
    is_said && is_same_origin(host, headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_this_machines_names_are_loopback() {
        for host in [
            "localhost",
            "localhost:80",
            "127.0.0.1:7590",
            "127.1.2.3",
            "[::1]:80",
        ] {
            assert!(is_loopback_name(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
        ] {
            assert!(!is_loopback_name(host), "{host}");
        }
    }

    #[test]
    fn other_origins_are_told_apart() {
        let own = ("origin", "http://127.0.0.1:80");
        let null = ("origin", "null");
        let site = |site| ("sec-fetch-site", site);
        // What is said, whether no other site's page asks, and whether a page of our own does.
        for (pairs, is_same, is_own) in [
            (vec![], true, false),
            (vec![site("none")], true, false),
            (vec![site("same-origin")], true, true),
            (vec![own], true, true),
            (vec![own, site("same-origin")], true, true),
            (vec![null, site("same-origin")], true, true),
            (vec![("origin", "http://evil.example")], false, false),
            (vec![("origin", "http://127.0.0.1:81")], false, false),
            (vec![null], false, false),
            (vec![null, site("none")], false, false),
            (vec![null, site("cross-site")], false, false),
            (vec![site("cross-site")], false, false),
            (vec![site("same-site")], false, false),
        ] {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| {
                    let name = HeaderName::from_static(name);
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            let host = Some("127.0.0.1:80");
            assert_eq!(is_same_origin(host, &headers), is_same, "{pairs:?}");
            assert_eq!(is_from_own_page(host, &headers), is_own, "{pairs:?}");
        }
    }
}
