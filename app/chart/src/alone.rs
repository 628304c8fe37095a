//! A chart as a file of its own: every colour is written out, and it brings its ground, so that it
//! looks the same in any program, light.

use crate::format;
use crate::palette::{Ink, css};
use plotters::style::RGBColor;

/// The chart with the light theme's colours and a ground; a whole SVG file.
///
/// Attributes are escaped by [`crate::svg::push_escaped`], so that what is looked for can only be
/// markup of our own, never a text.
pub fn standalone(svg: &str) -> String {
    let plain = without_variables(svg);
    let paper = hex(Ink::Paper);
    let halo = [
        "<g class=\"direct-label\" stroke=\"",
        &paper,
        "\" stroke-width=\"4\" stroke-linejoin=\"round\"",
    ]
    .concat();
    let plain = plain.replace("<g class=\"direct-label\"", &halo);
    // The ground stands behind all marks: right after the words for those who do not see it.
    let ground = [
        "</desc><rect width=\"100%\" height=\"100%\" fill=\"",
        &paper,
        "\"></rect>",
    ]
    .concat();
    let grounded = plain.replacen("</desc>", &ground, 1);
    [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
        // As on pages, no foreign text turns the direction of what follows.
        &format::visible(&grounded),
        "\n",
    ]
    .concat()
}

/// `="var(--text, #1c2226)"` becomes `="#1c2226"`.
fn without_variables(svg: &str) -> String {
    const OPENING: &str = "=\"var(";
    let mut plain = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(at) = rest.find(OPENING) {
        let (before, variable) = rest.split_at(at);
        plain.push_str(before);
        // Both are there in whatever the palette wrote.
        let parts = variable
            .split_once(", ")
            .and_then(|(_, after)| after.split_once(')'));
        let Some((colour, after)) = parts else {
            plain.push_str(variable);
            return plain;
        };
        plain.push_str("=\"");
        plain.push_str(colour);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn hex(ink: Ink) -> String {
    let RGBColor(red, green, blue) = ink.rgb();
    let variable = css((red, green, blue));
    let start = variable.find('#').unwrap_or(0);
    variable[start..].trim_end_matches(')').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binning, Outcomes, reliability};

    #[test]
    fn nothing_is_left_to_a_stylesheet() {
        let label = "=\"var(--paper, #000000)\" </desc><g class=\"direct-label\"\u{202e}";
        let outcomes = Outcomes::new(label, &[(0.5, true), (0.7, false)]);
        let alone = standalone(&reliability::svg(&[outcomes], Binning::Stated, "a"));
        assert!(alone.starts_with("<?xml") && alone.ends_with("</svg>\n"));
        assert!(!alone.contains("=\"var("));
        assert!(alone.contains("fill=\"#fdfcf9\"") && alone.contains("stroke=\"#05628c\""));
        assert_eq!(alone.matches("stroke-linejoin").count(), 1);
        // The label is text as before.
        assert!(alone.contains("=”var(--paper, #000000)” &lt;/desc&gt;"));
        assert!(alone.contains("[U+202E]") && !alone.contains('\u{202e}'));
    }
}
