//! A drawing backend for plotters that writes SVG with fixed text metrics.
//!
//! plotters counts in whole pixels; this backend counts in tenths of a CSS pixel ([`UNITS`]), so
//! that curves are smooth and every coordinate has one decimal at most.

use crate::palette;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle,
};
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// Backend units in a CSS pixel.
pub const UNITS: i32 = 10;

/// The markup of a chart under way; clones write to the same sheet.
#[derive(Clone)]
pub struct Sheet {
    markup: Rc<RefCell<String>>,
    /// CSS pixels.
    width: u32,
    height: u32,
}

/// How assistive technology meets a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A picture, told by its title and description.
    Picture,
    /// A group of links.
    Links,
}

impl Sheet {
    /// An empty sheet of so many CSS pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Sheet {
            markup: Rc::default(),
            width,
            height,
        }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// Opens an element; what is drawn until [`Sheet::close`] stands in it.
    pub fn open(&self, tag: &str, attributes: &[(&str, &str)]) {
        let mut markup = self.markup.borrow_mut();
        open_tag(&mut markup, tag, attributes);
    }

    pub fn close(&self, tag: &str) {
        let mut markup = self.markup.borrow_mut();
        close_tag(&mut markup, tag);
    }

    /// An element that holds text alone, e.g. a link's `title`.
    pub fn element(&self, tag: &str, attributes: &[(&str, &str)], text: &str) {
        let mut markup = self.markup.borrow_mut();
        open_tag(&mut markup, tag, attributes);
        push_escaped(&mut markup, text);
        close_tag(&mut markup, tag);
    }

    /// Puts a finished chart down, its upper left corner there, in CSS pixels.
    pub fn place(&self, chart: &str, (left, top): (i32, i32)) {
        let there = ["translate(", &left.to_string(), " ", &top.to_string(), ")"].concat();
        self.open("g", &[("transform", &there)]);
        self.markup.borrow_mut().push_str(chart);
        self.close("g");
    }

    /// The whole `<svg>`. `id` must be unique on the page; it names title and description.
    ///
    /// The markup is what a browser's `outerHTML` gives back after parsing it, byte for byte.
    pub fn finish(self, role: Role, id: &str, title: &str, description: &str) -> String {
        let (width, height) = (self.width.to_string(), self.height.to_string());
        let view_box = ["0 0 ", &width, " ", &height].concat();
        let (title_id, description_id) = ([id, "-title"].concat(), [id, "-description"].concat());
        let mut whole = String::new();
        open_tag(
            &mut whole,
            "svg",
            &[
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("id", id),
                ("class", "chart"),
                ("viewBox", &view_box),
                ("width", &width),
                ("height", &height),
                (
                    "role",
                    if role == Role::Picture {
                        "img"
                    } else {
                        "group"
                    },
                ),
                ("aria-labelledby", &title_id),
                ("aria-describedby", &description_id),
                ("font-family", "system-ui, sans-serif"),
            ],
        );
        for (tag, id, text) in [
            ("title", &title_id, title),
            ("desc", &description_id, description),
        ] {
            open_tag(&mut whole, tag, &[("id", id)]);
            push_escaped(&mut whole, text);
            close_tag(&mut whole, tag);
        }
        whole.push_str(&self.markup.borrow());
        close_tag(&mut whole, "svg");
        whole
    }

    /// An `<svg>` of a class that assistive technology passes over.
    pub fn finish_hidden(self, class: &str) -> String {
        let (width, height) = (self.width.to_string(), self.height.to_string());
        let view_box = ["0 0 ", &width, " ", &height].concat();
        let mut whole = String::new();
        open_tag(
            &mut whole,
            "svg",
            &[
                ("class", class),
                ("viewBox", &view_box),
                ("width", &width),
                ("height", &height),
                ("aria-hidden", "true"),
            ],
        );
        whole.push_str(&self.markup.borrow());
        close_tag(&mut whole, "svg");
        whole
    }

    /// What plotters draws on.
    pub fn backend(&self) -> SvgBackend {
        SvgBackend {
            sheet: self.clone(),
        }
    }
}

/// [`DrawingBackend`] over a [`Sheet`].
pub struct SvgBackend {
    sheet: Sheet,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl SvgBackend {
    fn mark(&self, tag: &str, attributes: &[(&str, &str)]) -> Drawn {
        let mut markup = self.sheet.markup.borrow_mut();
        open_tag(&mut markup, tag, attributes);
        close_tag(&mut markup, tag);
        Ok(())
    }

    /// A `<path>`, filled or stroked.
    fn path<S: BackendStyle>(
        &self,
        points: impl IntoIterator<Item = BackendCoord>,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let mut data = String::new();
        for (index, (x, y)) in points.into_iter().enumerate() {
            data.push_str(match index {
                0 => "M",
                1 => "L",
                _ => " ",
            });
            push_tenths(&mut data, x);
            data.push(' ');
            push_tenths(&mut data, y);
        }
        if fill {
            data.push('Z');
        }
        self.shape("path", &[("d", &data)], style, fill)
    }

    /// A mark with the style's paint added to its geometry.
    fn shape<S: BackendStyle>(
        &self,
        tag: &str,
        geometry: &[(&str, &str)],
        style: &S,
        fill: bool,
    ) -> Drawn {
        let color = style.color();
        if color.alpha == 0.0 {
            return Ok(());
        }
        let paint = palette::css(color.rgb);
        let opacity = hundredths(color.alpha);
        let width = tenths(style.stroke_width() as i32);
        let mut attributes = geometry.to_vec();
        if fill {
            attributes.push(("fill", &paint));
            if color.alpha < 1.0 {
                attributes.push(("fill-opacity", &opacity));
            }
        } else {
            attributes.extend([
                ("fill", "none"),
                ("stroke", paint.as_str()),
                ("stroke-width", &width),
            ]);
            if color.alpha < 1.0 {
                attributes.push(("stroke-opacity", &opacity));
            }
        }
        self.mark(tag, &attributes)
    }
}

impl DrawingBackend for SvgBackend {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (
            self.sheet.width * UNITS as u32,
            self.sheet.height * UNITS as u32,
        )
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect(point, (point.0 + 1, point.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.path([from, to], style, false)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let x = tenths(upper_left.0);
        let y = tenths(upper_left.1);
        let width = tenths(bottom_right.0 - upper_left.0);
        let height = tenths(bottom_right.1 - upper_left.1);
        self.shape(
            "rect",
            &[("x", &x), ("y", &y), ("width", &width), ("height", &height)],
            style,
            fill,
        )
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.path(path, style, false)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (x, y, radius) = (tenths(center.0), tenths(center.1), tenths(radius as i32));
        self.shape(
            "circle",
            &[("cx", &x), ("cy", &y), ("r", &radius)],
            style,
            fill,
        )
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vertices: I,
        style: &S,
    ) -> Drawn {
        self.path(vertices, style, true)
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        position: BackendCoord,
    ) -> Drawn {
        let size = style.size().round() as i32;
        // The baseline, from the middle of the capitals or from the top of the line.
        let baseline = match style.anchor().v_pos {
            VPos::Top => position.1 + size * 4 / 5,
            VPos::Center => position.1 + size * 35 / 100,
            VPos::Bottom => position.1,
        };
        let (x, y, font_size) = (tenths(position.0), tenths(baseline), tenths(size));
        let fill = palette::css(style.color().rgb);
        let mut attributes = vec![
            ("x", x.as_str()),
            ("y", &y),
            ("font-size", &font_size),
            ("fill", &fill),
        ];
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => attributes.push(("text-anchor", "middle")),
            HPos::Right => attributes.push(("text-anchor", "end")),
        }
        if matches!(style.style(), FontStyle::Bold) {
            attributes.push(("font-weight", "600"));
        }
        self.sheet.element("text", &attributes, text);
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size().round() as i32;
        Ok((text_width(text, size) as u32, size as u32))
    }
}

/// The width of a line of text in backend units, from a fixed table: what the wider of the common
/// sans-serifs need.
pub fn text_width(text: &str, size: i32) -> i32 {
    let hundredths_of_em: i32 = text
        .chars()
        .map(|character| match character {
            'i' | 'j' | 'l' | 'I' | '\'' | '.' | ',' | ':' | ';' | '|' | '!' | ' ' => 34,
            'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '/' => 42,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 97,
            'A'..='Z' => 74,
            character if character.is_ascii() => 64,
            // Han, kana and emoji fill the em; other scripts rarely do.
            _ => 100,
        })
        .sum();
    hundredths_of_em * size / 100
}

/// As much of a line of text as a width holds, with `…` where it was cut; size and width in CSS pixels.
pub fn fitting(text: &str, size: i32, width: i32) -> String {
    let wide = |text: &str| text_width(text, size * UNITS);
    let width = width * UNITS;
    if wide(text) <= width {
        return text.to_owned();
    }
    let (mut short, mut used) = (String::new(), wide("…"));
    for character in text.chars() {
        used += wide(character.encode_utf8(&mut [0; 4]));
        if used > width {
            break;
        }
        short.push(character);
    }
    short + "…"
}

fn open_tag(markup: &mut String, tag: &str, attributes: &[(&str, &str)]) {
    markup.push('<');
    markup.push_str(tag);
    for (name, value) in attributes {
        markup.push(' ');
        markup.push_str(name);
        markup.push_str("=\"");
        push_escaped(markup, value);
        markup.push('"');
    }
    markup.push('>');
}

/// Elements are always closed by a tag of their own, as a browser writes them.
fn close_tag(markup: &mut String, tag: &str) {
    markup.push_str("</");
    markup.push_str(tag);
    markup.push('>');
}

/// Escapes text for an element or an attribute.
pub fn push_escaped(markup: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => markup.push_str("&amp;"),
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            // Browsers leave a quotation mark in text as it is; ours only ever says it in words.
            '"' => markup.push('”'),
            // XML has no other control characters.
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => markup.push(' '),
            _ => markup.push(character),
        }
    }
}

/// Backend units as CSS pixels: `123` is `12.3`, `120` is `12`.
fn push_tenths(text: &mut String, units: i32) {
    if units < 0 {
        text.push('-');
    }
    let units = units.unsigned_abs();
    text.push_str(&(units / 10).to_string());
    if !units.is_multiple_of(10) {
        text.push('.');
        text.push((b'0' + (units % 10) as u8) as char);
    }
}

fn tenths(units: i32) -> String {
    let mut text = String::new();
    push_tenths(&mut text, units);
    text
}

/// An opacity below 1 with two decimals: `0.14`.
fn hundredths(share: f64) -> String {
    crate::format::fixed(share, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_one_decimal_at_most() {
        assert_eq!(tenths(123), "12.3");
        assert_eq!(tenths(120), "12");
        assert_eq!(tenths(-5), "-0.5");
        assert_eq!(tenths(0), "0");
    }

    #[test]
    fn a_line_is_cut_where_it_is_too_wide() {
        assert_eq!(fitting("abc", 10, 20), "abc");
        assert_eq!(fitting("abcdef", 10, 30), "abc…");
    }

    #[test]
    fn text_is_escaped() {
        let sheet = Sheet::new(10, 10);
        sheet.element(
            "text",
            &[("data-x", "\"><script>")],
            "</text><script>alert(1)</script>&\u{0}",
        );
        let svg = sheet.finish(Role::Picture, "a", "<b>", "&");
        assert!(!svg.contains("<script") && !svg.contains("<b>") && svg.contains("&amp;"));
    }
}
