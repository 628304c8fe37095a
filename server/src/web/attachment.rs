//! Answers that a browser keeps as a file.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Characters of a file's name.
const NAME_CHARACTERS_MAX: usize = 120;

/// A text as a file of that name, never shown in the page's place.
pub fn attachment(name: &str, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    for (header, value) in headers(name, kind) {
        response.headers_mut().insert(header, value);
    }
    response
}

/// What an answer says that is to be kept as a file.
pub fn headers(name: &str, kind: &'static str) -> [(HeaderName, HeaderValue); 3] {
    let disposition = format!("attachment; filename=\"{}\"", plain(name));
    // Of plain characters alone, it is a header's value.
    let disposition = HeaderValue::from_str(&disposition)
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ]
}

/// A file's name that every system takes: letters, digits, `-`, `_` and `.`; anything else is `-`.
fn plain(name: &str) -> String {
    let plain: String = name
        .chars()
        .take(NAME_CHARACTERS_MAX)
        .map(|character| match character {
            character if character.is_ascii_alphanumeric() => character,
            '-' | '_' | '.' => character,
            _ => '-',
        })
        .collect();
    plain.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_are_plain() {
        assert_eq!(plain("a b/../\"c\"\r\nd.svg"), "a-b-..--c---d.svg");
        assert_eq!(plain("..hidden"), "hidden");
        assert_eq!(plain("Türkei.csv"), "T-rkei.csv");
    }
}
