//! Small pieces of HTML. Text is always escaped; markup comes from here and from [`chart`] alone.

use chart::svg::push_escaped;

/// Text for an element or an attribute.
pub fn escaped(text: &str) -> String {
    let mut markup = String::with_capacity(text.len());
    push_escaped(&mut markup, text);
    markup
}

/// `<tag>text</tag>`, the text escaped; `tag` may bring attributes.
pub fn element(tag: &str, text: &str) -> String {
    wrapped(tag, &escaped(text))
}

/// `<tag>markup</tag>`.
pub fn wrapped(tag: &str, markup: &str) -> String {
    let name = tag.split(' ').next().unwrap_or(tag);
    ["<", tag, ">", markup, "</", name, ">"].concat()
}

/// A box with a word that the reader must not miss.
pub fn notice(kind: &str, title: &str, text: &str) -> String {
    let words = [&element("strong", title), " ", &escaped(text)].concat();
    wrapped(
        &format!("div class=\"notice {kind}\""),
        &wrapped("p", &words),
    )
}

/// A table: its caption, its headings, and rows whose first cell names them.
pub fn table(caption: &str, headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut markup = element("caption", caption);
    let head: String = headings
        .iter()
        .map(|heading| element("th scope=\"col\"", heading))
        .collect();
    markup.push_str(&wrapped("thead", &wrapped("tr", &head)));
    let body: String = rows
        .iter()
        .map(|cells| {
            let cells = cells.iter().enumerate().map(|(at, cell)| match at {
                0 => element("th scope=\"row\"", cell),
                _ => element("td", cell),
            });
            wrapped("tr", &cells.collect::<String>())
        })
        .collect();
    markup.push_str(&wrapped("tbody", &body));
    wrapped("table", &markup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let markup = table("<i>", &["a"], &[vec!["</td><script>".into(), "&".into()]])
            + &notice("error", "<b>", "<img>");
        assert!(!markup.contains("<script") && !markup.contains("<b>") && !markup.contains("<i"));
        assert!(markup.contains("<th scope=\"row\">&lt;/td&gt;"));
    }
}
