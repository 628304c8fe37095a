//! Text within elements whose inside is written here as it stands: to the browser it is text, whatever
//! leptos would put between its pieces.

/// Text as the inside of an element that holds text alone, such as `<title>`.
pub fn escaped(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped.replace('>', "&gt;")
}

/// Text as the inside of a `<textarea>`. The browser drops a line break at its very start, so one is given.
pub fn text_box(text: &str) -> String {
    ["\n", &escaped(text)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("a & b </title>"), "a &amp; b &lt;/title&gt;");
        assert_eq!(text_box("\n</textarea>"), "\n\n&lt;/textarea&gt;");
    }
}
