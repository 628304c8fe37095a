//! Takes out of a page the marks `<!>` by which leptos would find pieces of text again in the browser:
//! nothing there looks for them, and a page has thousands.

const MARK: &str = "<!>";
/// Elements whose inside is text, whatever it looks like.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// The same page without marks; attributes and raw text stay as they are.
pub fn without(html: &str) -> String {
    let mut page = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(MARK) {
            rest = after;
            continue;
        }
        let (tag, after) = rest.split_at(end_of_tag(rest));
        let raw = RAW.iter().find(|name| is_of(tag, name));
        let inside = raw.map_or(0, |name| {
            let end = after.find(&["</", name].concat());
            end.unwrap_or(after.len())
        });
        page.push_str(tag);
        page.push_str(&after[..inside]);
        rest = &after[inside..];
    }
    page.push_str(rest);
    page
}

/// Bytes of the tag that a text begins with; a `>` within quotes does not end it.
fn end_of_tag(text: &str) -> usize {
    let mut is_quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a tag opens an element of this name.
fn is_of(tag: &str, name: &str) -> bool {
    tag[1..]
        .strip_prefix(name)
        .is_some_and(|after| after.starts_with(['>', ' ', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_all_else_stays() {
        assert_eq!(without("<p>a<!>b<!></p><!>"), "<p>ab</p>");
        for same in [
            "<!DOCTYPE html><p title=\"<!> > <!>\">é</p>",
            "<script>if (1 < 2) \"<!>\"</script><b>x</b>",
            "<textarea name=\"a\">\n&lt;!> <!></textarea>",
            "<title>a</title>",
            "<p",
            "a < b",
            "",
        ] {
            assert_eq!(without(same), same);
        }
        assert_eq!(without("<titled><!></titled>"), "<titled></titled>");
    }
}
