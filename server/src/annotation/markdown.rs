//! Markdown of researchers as HTML that can do nothing: what is written as HTML is shown as text, pictures
//! as their words, and links lead to the web or to a mailbox alone.

use crate::limits::MARKDOWN_BYTES_MAX;
use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag};

/// Elements within one another; what is nested deeper stands in the deepest.
const DEPTH_MAX: usize = 32;
/// Where links may lead.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The HTML of a text in Markdown, with tables and strikethrough. Headings begin at the third level:
/// those above are the page's own. What is longer than [`MARKDOWN_BYTES_MAX`] is cut.
///
/// ```
/// use sayself_server::annotation::markdown::html;
/// assert_eq!(html("**Rate** <b>it</b>"), "<p><strong>Rate</strong> &lt;b&gt;it&lt;/b&gt;</p>");
/// ```
pub fn html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, options) {
        if writer.html.len() > MARKDOWN_BYTES_MAX {
            break;
        }
        writer.take(event);
    }
    while !writer.open.is_empty() {
        writer.close();
    }
    writer.html
}

#[derive(Default)]
struct Writer {
    html: String,
    /// What closes each element that is open, the outermost first.
    open: Vec<&'static str>,
    in_table_head: bool,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.close(),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => escape(&text, &mut self.html),
            Event::Code(text) => {
                self.html.push_str("<code>");
                escape(&text, &mut self.html);
                self.html.push_str("</code>");
            }
            Event::SoftBreak => self.html.push('\n'),
            Event::HardBreak => self.html.push_str("<br />"),
            Event::Rule => self.html.push_str("<hr />"),
            Event::TaskListMarker(done) => self.html.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.open("<p>", "</p>"),
            Tag::Heading { level, .. } => match level {
                HeadingLevel::H1 => self.open("<h3>", "</h3>"),
                HeadingLevel::H2 => self.open("<h4>", "</h4>"),
                HeadingLevel::H3 => self.open("<h5>", "</h5>"),
                _ => self.open("<h6>", "</h6>"),
            },
            Tag::BlockQuote(_) => self.open("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(_) => self.open("<pre><code>", "</code></pre>"),
            Tag::List(None) => self.open("<ul>", "</ul>"),
            Tag::List(Some(1)) => self.open("<ol>", "</ol>"),
            Tag::List(Some(first)) => self.open(&format!("<ol start=\"{first}\">"), "</ol>"),
            Tag::Item => self.open("<li>", "</li>"),
            Tag::Table(_) => self.open("<table>", "</table>"),
            Tag::TableHead => {
                self.in_table_head = true;
                self.open("<tr>", "</tr>");
            }
            Tag::TableRow => {
                self.in_table_head = false;
                self.open("<tr>", "</tr>");
            }
            Tag::TableCell if self.in_table_head => self.open("<th scope=\"col\">", "</th>"),
            Tag::TableCell => self.open("<td>", "</td>"),
            Tag::Emphasis => self.open("<em>", "</em>"),
            Tag::Strong => self.open("<strong>", "</strong>"),
            Tag::Strikethrough => self.open("<del>", "</del>"),
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.link(link_type, &dest_url),
            // A picture stands as the words for it, and what else there may be as its own.
            _ => self.open.push(""),
        }
    }

    fn link(&mut self, kind: LinkType, address: &str) {
        let address = match kind {
            LinkType::Email => format!("mailto:{address}"),
            _ => address.to_owned(),
        };
        if !leads_out(&address) {
            self.open.push("");
            return;
        }
        let mut escaped = String::new();
        escape(&address, &mut escaped);
        self.open(
            &format!("<a href=\"{escaped}\" rel=\"noopener noreferrer\">"),
            "</a>",
        );
    }

    fn open(&mut self, tag: &str, closing: &'static str) {
        if self.open.len() >= DEPTH_MAX {
            self.open.push("");
            return;
        }
        self.html.push_str(tag);
        self.open.push(closing);
    }

    fn close(&mut self) {
        self.html.push_str(self.open.pop().unwrap_or_default());
    }
}

/// Whether an address is a whole one of a scheme that runs nothing.
fn leads_out(address: &str) -> bool {
    let plain = address
        .chars()
        .all(|letter| !letter.is_control() && !letter.is_whitespace());
    let scheme = address.split_once(':').map(|(scheme, _)| scheme);
    plain
        && scheme.is_some_and(|scheme| {
            SCHEMES
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
        })
}

/// As text and as an attribute's value.
fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\0' => {}
            letter => html.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_researchers_write_is_drawn() {
        for (markdown, drawn) in [
            ("# Rubric", "<h3>Rubric</h3>"),
            (
                "- **10** all\n- *0* none",
                "<ul><li><strong>10</strong> all</li><li><em>0</em> none</li></ul>",
            ),
            ("3. c\n4. d", "<ol start=\"3\"><li>c</li><li>d</li></ol>"),
            ("a  \nb\nc", "<p>a<br />b\nc</p>"),
            ("`x < y`", "<p><code>x &lt; y</code></p>"),
            ("```js\nalert(1)\n```", "<pre><code>alert(1)\n</code></pre>"),
            ("> q", "<blockquote><p>q</p></blockquote>"),
            (
                "|a|b|\n|-|-|\n|1|2|",
                "<table><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            ),
            (
                "[us](https://example.org/?a=1&b=2)",
                "<p><a href=\"https://example.org/?a=1&amp;b=2\" rel=\"noopener noreferrer\">us</a></p>",
            ),
            (
                "<a@example.org>",
                "<p><a href=\"mailto:a@example.org\" rel=\"noopener noreferrer\">a@example.org</a></p>",
            ),
        ] {
            assert_eq!(html(markdown), drawn, "{markdown}");
        }
    }

    #[test]
    fn nothing_runs_and_nothing_is_fetched() {
        for (markdown, drawn) in [
            (
                "<script>alert(1)</script>",
                "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
            ),
            (
                "a <img src=x onerror=alert(1)> b",
                "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>",
            ),
            ("![words](https://evil.example/x.png \"t\")", "<p>words</p>"),
            ("[a](javascript:alert(1))", "<p>a</p>"),
            ("[a](JaVaScRiPt:alert(1))", "<p>a</p>"),
            ("[a](java\\nscript:alert(1))", "<p>a</p>"),
            ("[a](&#106;avascript:alert(1))", "<p>a</p>"),
            ("[a](data:text/html;base64,PHNjcmlwdD4=)", "<p>a</p>"),
            ("[a](vbscript:x)", "<p>a</p>"),
            ("[a](//evil.example)", "<p>a</p>"),
            ("[a](/people)", "<p>a</p>"),
            ("[a](#x)", "<p>a</p>"),
            ("<javascript:alert(1)>", "<p>javascript:alert(1)</p>"),
            ("[a][r]\n\n[r]: javascript:alert(1)", "<p>a</p>"),
            (
                "[a](https://x/\"onmouseover=alert(1))",
                "<p><a href=\"https://x/&quot;onmouseover=alert(1)\" rel=\"noopener noreferrer\">a</a></p>",
            ),
            ("&lt;script&gt;", "<p>&lt;script&gt;</p>"),
            ("[![a](x)](javascript:b)", "<p>a</p>"),
        ] {
            assert_eq!(html(markdown), drawn, "{markdown}");
        }
        let comment = html("<!-- <script> -->");
        assert!(!comment.contains("<!--"), "{comment}");
    }

    #[test]
    fn what_is_deep_or_long_ends() {
        let deep = html(&"> ".repeat(5_000));
        assert!(deep.matches("<blockquote>").count() <= DEPTH_MAX);
        assert_eq!(
            deep.matches("<blockquote>").count(),
            deep.matches("</blockquote>").count()
        );
        let many = format!(
            "[a]: https://x/{}\n\n{}",
            "y".repeat(1_000),
            "[a] ".repeat(6_000)
        );
        assert!(html(&many).len() < 2 * MARKDOWN_BYTES_MAX);
    }

    /// The tags that may stand in the HTML, and nothing else that begins with `<`.
    fn is_tame(html: &str) -> bool {
        let bare = [
            "p",
            "h3",
            "h4",
            "h5",
            "h6",
            "blockquote",
            "pre",
            "code",
            "ul",
            "ol",
            "li",
            "table",
            "tr",
            "td",
            "em",
            "strong",
            "del",
            "a",
        ];
        html.split('<').skip(1).all(|rest| {
            let Some((tag, text)) = rest.split_once('>') else {
                return false;
            };
            let is_known = matches!(tag, "br /" | "hr /" | "th scope=\"col\"" | "/th")
                || bare.contains(&tag.trim_start_matches('/'))
                || tag.strip_prefix("ol start=\"").is_some_and(|rest| {
                    rest.trim_end_matches('"')
                        .bytes()
                        .all(|byte| byte.is_ascii_digit())
                })
                || tag
                    .strip_prefix("a href=\"")
                    .and_then(|rest| rest.strip_suffix("\" rel=\"noopener noreferrer\""))
                    .is_some_and(|address| !address.contains('"'));
            is_known && !text.contains('>')
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_tame(markdown in "(?s)(.|<script>|javascript:|https://x|\\[a\\]\\(|!\\[|\\)|<|>|\"|'|&#58;|\n|\n\n|> |- |\\||`|\\*\\*|<a href=){0,40}") {
            let html = html(&markdown);
            prop_assert!(is_tame(&html), "{}", html);
        }
    }
}
