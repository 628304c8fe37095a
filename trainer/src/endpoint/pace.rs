//! How long a server asks its clients to wait, read off the headers of a reply.
//!
//! | header | form |
//! |---|---|
//! | `retry-after-ms` | milliseconds |
//! | `Retry-After` (RFC 9110, 10.2.3) | seconds, or a date |
//! | `x-ratelimit-remaining-requests`, `x-ratelimit-remaining-tokens` | a count |
//! | `x-ratelimit-reset-requests`, `x-ratelimit-reset-tokens` | `6m0s`, `1.5s`, `20ms`, or seconds |

use std::time::{Duration, SystemTime};

/// A longer pause is cut to this: nobody waits so long.
pub const PAUSE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The pause that a reply asks for before the next call, where it asks for one.
///
/// `header` gives a header's value by its name in lower case; `tokens` is what the reply used, and so
/// the best guess of what the next one will use. A date is taken against the server's own `Date`, or
/// `now` where it has none, so that clocks need not agree.
pub fn pause_asked<'a>(
    header: &dyn Fn(&str) -> Option<&'a str>,
    status: u16,
    tokens: u64,
    now: SystemTime,
) -> Option<Duration> {
    let is_refusal = !(200..300).contains(&status);
    if is_refusal {
        let milliseconds = header("retry-after-ms").and_then(|text| text.trim().parse().ok());
        let after = milliseconds.map(Duration::from_millis).or_else(|| {
            let date = header("date").and_then(|text| httpdate::parse_http_date(text).ok());
            retry_after(header("retry-after")?, date.unwrap_or(now))
        });
        if after.is_some() {
            return after;
        }
    }
    let limits = [("requests", 0), ("tokens", tokens.max(1) - 1)];
    limits
        .into_iter()
        .filter_map(|(what, needed)| {
            let left: u64 = header(&format!("x-ratelimit-remaining-{what}"))?
                .trim()
                .parse()
                .ok()?;
            let reset = duration(header(&format!("x-ratelimit-reset-{what}"))?)?;
            (left <= needed).then_some(reset)
        })
        .max()
}

/// Seconds, or a date.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // A date that has passed asks for no pause.
    Some(date.duration_since(now).unwrap_or_default())
}

/// `1h2m3.5s`, `20ms`, or plain seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        total += value
            * match &rest[..letters] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(status: u16, tokens: u64, headers: &[(&str, &'static str)]) -> Option<f64> {
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        pause_asked(&header, status, tokens, now).map(|pause| pause.as_secs_f64())
    }

    #[test]
    fn retry_after_in_both_forms() {
        assert_eq!(asked(429, 0, &[("retry-after", "7")]), Some(7.0));
        assert_eq!(asked(503, 0, &[("retry-after-ms", "250")]), Some(0.25));
        let date = ("retry-after", "Wed, 21 Oct 2015 07:29:30 GMT");
        assert_eq!(asked(429, 0, &[date]), Some(90.0));
        // By the server's clock.
        let clock = ("date", "Wed, 21 Oct 2015 07:29:20 GMT");
        assert_eq!(asked(429, 0, &[date, clock]), Some(10.0));
        let past = ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT");
        assert_eq!(asked(429, 0, &[past]), Some(0.0));
        for text in ["soon", "-1", "nan", ""] {
            assert_eq!(asked(429, 0, &[("retry-after", text)]), None, "{text}");
        }
        // An answer needs no second try.
        assert_eq!(asked(200, 0, &[("retry-after", "7")]), None);
    }

    #[test]
    fn limits_that_are_used_up() {
        let requests = |left| {
            [
                ("x-ratelimit-remaining-requests", left),
                ("x-ratelimit-reset-requests", "1m0.5s"),
            ]
        };
        assert_eq!(asked(200, 0, &requests("0")), Some(60.5));
        assert_eq!(asked(200, 0, &requests("1")), None);
        let tokens = |left| {
            [
                ("x-ratelimit-remaining-tokens", left),
                ("x-ratelimit-reset-tokens", "20ms"),
            ]
        };
        assert_eq!(asked(200, 100, &tokens("99")), Some(0.02));
        assert_eq!(asked(200, 100, &tokens("100")), None);
        assert_eq!(asked(429, 0, &tokens("0")), Some(0.02));
        assert_eq!(
            asked(200, 0, &[("x-ratelimit-remaining-requests", "0")]),
            None
        );
    }

    #[test]
    fn durations() {
        for (text, wanted) in [
            ("1h2m3.5s", Some(3723.5)),
            ("12", Some(12.0)),
            ("1d", Some(86_400.0)),
            ("5", Some(5.0)),
            ("s", None),
            ("5x", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(duration(text).map(|d| d.as_secs_f64()), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "\\PC{0,24}", left in "[0-9a-z.]{0,22}") {
            let header = |name: &str| Some(if name.contains("remaining") { left.as_str() } else { text.as_str() });
            for status in [200, 429] {
                let _ = pause_asked(&header, status, 5, SystemTime::now());
            }
        }
    }
}
