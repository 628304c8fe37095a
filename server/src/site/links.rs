//! A page read as a browser reads it: its links, found and made anew, and its inline scripts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The attributes that lead somewhere, those that pages' scripts follow among them.
const LEADING: [&str; 7] = [
    "href",
    "src",
    "action",
    "data-copy",
    "data-folder",
    "data-page",
    "data-run",
];
/// What goes with a link that leads nowhere.
const OF_LINKS: [&str; 2] = ["download", "rel"];

/// Elements that end where the next of their kind begins, or what they stand in ends.
const ENDING_BY_THEMSELVES: [&str; 9] = [
    "td", "th", "tr", "tbody", "li", "dt", "dd", "option", "optgroup",
];
/// The attributes that are colours of charts.
const COLOURED: [&str; 2] = ["fill", "stroke"];
/// How one begins that is a variable of the style sheet, before another for where there is none.
const VARIABLE: &str = "var(--";

/// What becomes of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// As it stands.
    Itself,
    Another(String),
    /// What it stood on is plain text.
    Nothing,
}

/// The links of a page, in their order.
pub fn links(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    for token in tokens(html) {
        if let Token::StartTag(tag) = token {
            links.extend(Tag::of(tag).leading().map(|(_, value)| value.to_owned()));
        }
    }
    links
}

/// The page with other links, with the policy that `policy_of` makes of its inline scripts' hashes, and
/// shorter, as there are many and most hosts pack none: without comments, without what browsers add
/// themselves, and without the colours of charts that the style sheet has. Browsers make the same page of it.
pub fn rewritten(
    html: &str,
    become_of: impl Fn(&str) -> Becomes,
    policy_of: impl FnOnce(&str) -> String,
) -> String {
    let policy = policy_of(&script_hashes(html));
    let mut page = String::with_capacity(html.len());
    let mut done = 0;
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let mut tag = Tag::of(tag);
                tag.change(&become_of, &policy);
                page.push_str(&html[done..tag.start]);
                tag.write(&mut page);
                done = tag.end;
            }
            Token::EndTag(tag) if ENDING_BY_THEMSELVES.contains(&&*text(&tag.name)) => {
                page.push_str(&html[done..tag.span.start]);
                done = tag.span.end;
            }
            Token::Comment(comment) => {
                page.push_str(&html[done..comment.span.start]);
                done = comment.span.end;
            }
            _ => {}
        }
    }
    page.push_str(&html[done..]);
    page
}

/// A start tag.
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    is_self_closing: bool,
    /// Bytes of the page.
    start: usize,
    end: usize,
}

fn tokens(html: &str) -> impl Iterator<Item = Token<usize>> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    // What stands in scripts and styles is no markup.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map(|token| {
        let Ok(token) = token;
        token
    })
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// `'sha256-…'` of each inline script, in their order, each once.
fn script_hashes(html: &str) -> String {
    let mut hashes: Vec<String> = Vec::new();
    let mut within = false;
    for token in tokens(html) {
        match token {
            Token::StartTag(tag) => {
                let has_source = tag.attributes.keys().any(|name| &name[..] == b"src");
                within = &tag.name[..] == b"script" && !has_source;
            }
            Token::String(script) if within => {
                let hash = STANDARD.encode(Sha256::digest(&script.value[..]));
                let hash = format!("'sha256-{hash}'");
                if !hashes.contains(&hash) {
                    hashes.push(hash);
                }
            }
            Token::EndTag(_) => within = false,
            _ => {}
        }
    }
    hashes.join(" ")
}

impl Tag {
    fn of(tag: StartTag<usize>) -> Self {
        Tag {
            name: text(&tag.name).into_owned(),
            attributes: tag
                .attributes
                .iter()
                .map(|(name, value)| (text(name).into_owned(), text(value).into_owned()))
                .collect(),
            is_self_closing: tag.self_closing,
            start: tag.span.start,
            end: tag.span.end,
        }
    }

    fn leading(&self) -> impl Iterator<Item = (&'static str, &str)> {
        LEADING
            .iter()
            .filter_map(|name| Some((*name, self.attributes.get(*name)?.as_str())))
    }

    fn change(&mut self, become_of: &impl Fn(&str) -> Becomes, policy: &str) {
        let changes: Vec<(&str, Becomes)> = self
            .leading()
            .map(|(name, value)| (name, become_of(value)))
            .filter(|(_, becomes)| *becomes != Becomes::Itself)
            .collect();
        for (name, becomes) in changes {
            match becomes {
                Becomes::Another(value) => drop(self.attributes.insert(name.into(), value)),
                _ => {
                    self.attributes.remove(name);
                    for name in OF_LINKS {
                        self.attributes.remove(name);
                    }
                }
            }
        }
        // A file is the same for everybody: what is to be allowed goes by its hash.
        self.attributes.remove("nonce");
        if self.name == "meta" && self.attributes.contains_key("http-equiv") {
            self.attributes.insert("content".into(), policy.into());
        }
    }

    fn write(&self, page: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(page, "<{}", self.name);
        for (name, value) in &self.attributes {
            let value = match COLOURED.contains(&name.as_str()) {
                true => without_fallback(value),
                false => Cow::from(value),
            };
            let value = value.replace('&', "&amp;");
            let _ = match value.as_str() {
                "" => write!(page, " {name}"),
                value if is_plain(value) => write!(page, " {name}={value}"),
                value => write!(page, " {name}=\"{}\"", value.replace('"', "&quot;")),
            };
        }
        // Apart, as a slash may be the end of a value.
        page.push_str(if self.is_self_closing { " />" } else { ">" });
    }
}

/// Whether a value needs no quotes.
fn is_plain(value: &str) -> bool {
    !value.contains(|character: char| {
        character.is_ascii_whitespace() || matches!(character, '"' | '\'' | '=' | '<' | '>' | '`')
    })
}

/// `var(--after)` of `var(--after, #05628c)`: the style sheet has it.
fn without_fallback(colour: &str) -> Cow<'_, str> {
    match colour.split_once(',') {
        Some((variable, _)) if variable.starts_with(VARIABLE) => [variable, ")"].concat().into(),
        _ => colour.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<!DOCTYPE html><head><meta http-equiv=\"Content-Security-Policy\" content=\"to come\">\
        <script nonce=\"n\">const a = \"<a href='/no'>\";</script></head>\
        <a href=\"/b?c=1&amp;d=2\" class=\"x\">B<!></a><!-- c --><svg viewBox=\"0 0 1 1\"><a href=\"/gone\"></a></svg>\
        <button data-copy=\"/t.md\" hidden=\"\">&lt;a href=\"/text\"&gt;</button><a href=\"#e\">E</a>\
        <ul><li title=\"a b\">1</li><li title=\"a/\">2</li></ul><svg><path fill=\"var(--b, #fff)\"/></svg>";

    #[test]
    fn links_are_those_of_markup() {
        assert_eq!(links(PAGE), ["/b?c=1&d=2", "/gone", "/t.md", "#e"]);
    }

    #[test]
    fn a_page_is_the_same_but_for_its_links_and_shorter() {
        let become_of = |link: &str| match link {
            "/b?c=1&d=2" => Becomes::Another("../b-1&2/".into()),
            "/gone" => Becomes::Nothing,
            _ => Becomes::Itself,
        };
        let page = rewritten(PAGE, become_of, |scripts| format!("script-src {scripts}"));
        let script = "const a = \"<a href='/no'>\";";
        let hash = STANDARD.encode(Sha256::digest(script));
        assert_eq!(
            page,
            format!(
                "<!DOCTYPE html><head><meta content=\"script-src 'sha256-{hash}'\" http-equiv=Content-Security-Policy>\
                 <script>{script}</script></head>\
                 <a class=x href=../b-1&amp;2/>B</a><svg viewbox=\"0 0 1 1\"><a></a></svg>\
                 <button data-copy=/t.md hidden>&lt;a href=\"/text\"&gt;</button><a href=#e>E</a>\
                 <ul><li title=\"a b\">1<li title=a/>2</ul><svg><path fill=var(--b) /></svg>"
            )
        );
        assert_eq!(links(&page), ["../b-1&2/", "/t.md", "#e"]);
    }

    #[test]
    fn colours_are_those_of_the_style_sheet() {
        for (value, shorter) in [
            ("var(--a, #fff)", "var(--a)"),
            ("var(--a)", "var(--a)"),
            ("none", "none"),
            ("rgb(1, 2, 3)", "rgb(1, 2, 3)"),
        ] {
            assert_eq!(without_fallback(value), shorter);
        }
    }
}
