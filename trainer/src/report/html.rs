//! HTML as text: elements are opened and closed, text is escaped.

use chart::format;

/// A document under way.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    pub fn new() -> Html {
        Html::default()
    }

    pub fn finish(self) -> String {
        self.0
    }

    /// Opens an element; `tag` may carry attributes that hold no foreign text: `td class="number"`.
    pub fn open(&mut self, tag: &str) -> &mut Html {
        self.0.push('<');
        self.0.push_str(tag);
        self.0.push('>');
        self
    }

    pub fn close(&mut self, tag: &str) -> &mut Html {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push_str(">\n");
        self
    }

    /// Text of our own, a model or a file: escaped, control characters shown as what they are, cut where
    /// it is very long.
    pub fn text(&mut self, text: &str) -> &mut Html {
        escape(&mut self.0, &format::foreign(text));
        self
    }

    /// An element that holds text alone.
    pub fn element(&mut self, tag: &str, text: &str) -> &mut Html {
        self.open(tag);
        self.text(text);
        self.close(tag.split(' ').next().unwrap_or(tag))
    }

    /// Text that a model wrote, its direction kept to itself.
    pub fn foreign(&mut self, text: &str) -> &mut Html {
        self.open("bdi class=\"foreign\"");
        self.text(text);
        self.0.push_str("</bdi>");
        self
    }

    /// A drawing of the chart crate. It names its own namespace, which HTML knows without.
    pub fn drawing(&mut self, svg: &str) -> &mut Html {
        let bare = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
        self.0.push_str(&bare);
        self.0.push('\n');
        self
    }

    /// Markup that this crate made.
    pub fn markup(&mut self, markup: &str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// A table: its caption, its head, and rows whose first cell names them.
    pub fn table(&mut self, caption: &str, head: &[String], rows: &[Vec<String>]) -> &mut Html {
        self.open("div class=\"scroll\" tabindex=\"0\"");
        self.open("table class=\"numbers\"");
        self.element("caption", caption);
        self.open("thead");
        self.open("tr");
        for cell in head {
            self.element("th scope=\"col\"", cell);
        }
        self.close("tr");
        self.close("thead");
        self.open("tbody");
        for row in rows {
            self.open("tr");
            for (place, cell) in row.iter().enumerate() {
                match place {
                    0 => self.element("th scope=\"row\"", cell),
                    _ => self.element("td", cell),
                };
            }
            self.close("tr");
        }
        self.close("tbody");
        self.close("table");
        self.close("div")
    }
}

fn escape(markup: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            '"' => markup.push_str("&quot;"),
            '\'' => markup.push_str("&#39;"),
            other => markup.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_text() {
        let mut html = Html::new();
        html.foreign("<script>alert(\"1\")</script>\u{202e}&'");
        let html = html.finish();
        assert!(
            !html.contains("<script") && html.contains("&lt;script&gt;"),
            "{html}"
        );
        assert!(html.contains("[U+202E]&amp;&#39;"), "{html}");
    }

    #[test]
    fn a_tag_with_attributes_is_closed_by_its_name() {
        let mut html = Html::new();
        html.element("td class=\"number\"", "1");
        assert_eq!(html.finish(), "<td class=\"number\">1</td>\n");
    }
}
