//! The inks of charts. plotters speaks RGB, the pages speak CSS variables: each ink has one RGB
//! value of its own, by which the backend finds its variable.

use plotters::style::RGBColor;

/// What a mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Text,
    Muted,
    Axis,
    Grid,
    /// The page behind the chart; used as a halo.
    Paper,
    /// The evaluation before teaching.
    Before,
    /// The evaluation after teaching, or the only one.
    After,
    /// Further evaluations, where more than two are drawn over one another.
    Third,
    Fourth,
    Fifth,
    Sixth,
}

/// Every ink with its CSS variable and its value in the light theme, the same as in
/// `style/tokens.css`. (Okabe-Ito's vermilion and blue, darkened until they can be read as text:
/// they stay apart in every common form of colour blindness and in grey.)
const INKS: [(Ink, &str, [u8; 3]); 11] = [
    (Ink::Text, "--text", [0x1c, 0x22, 0x26]),
    (Ink::Muted, "--muted", [0x59, 0x63, 0x6a]),
    (Ink::Axis, "--axis", [0x8a, 0x93, 0x99]),
    (Ink::Grid, "--grid", [0xe3, 0xe2, 0xdb]),
    (Ink::Paper, "--paper", [0xfd, 0xfc, 0xf9]),
    (Ink::Before, "--before", [0xa8, 0x4a, 0x12]),
    (Ink::After, "--after", [0x05, 0x62, 0x8c]),
    (Ink::Third, "--third", [0x05, 0xa1, 0x7f]),
    (Ink::Fourth, "--fourth", [0xc2, 0x66, 0xea]),
    (Ink::Fifth, "--fifth", [0x93, 0x95, 0x33]),
    (Ink::Sixth, "--sixth", [0x2c, 0x2e, 0x2e]),
];

impl Ink {
    /// The colour to hand to plotters.
    pub fn rgb(self) -> RGBColor {
        let [red, green, blue] = INKS[self as usize].2;
        RGBColor(red, green, blue)
    }
}

/// The CSS value for a colour that a chart used: `var(--after, #05628c)`.
pub fn css(rgb: (u8, u8, u8)) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::from("#");
    for channel in [rgb.0, rgb.1, rgb.2] {
        hex.push(HEX[usize::from(channel >> 4)] as char);
        hex.push(HEX[usize::from(channel & 15)] as char);
    }
    match INKS
        .iter()
        .find(|(_, _, known)| *known == [rgb.0, rgb.1, rgb.2])
    {
        Some((_, variable, _)) => ["var(", variable, ", ", &hex, ")"].concat(),
        None => hex,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_stand_in_order_and_are_distinct() {
        for (index, (ink, variable, value)) in INKS.iter().enumerate() {
            assert_eq!(*ink as usize, index);
            assert!(
                !INKS[..index]
                    .iter()
                    .any(|(_, other, earlier)| other == variable || earlier == value)
            );
        }
    }

    #[test]
    fn fallbacks_are_the_light_tokens() {
        let tokens = include_str!("../../../style/tokens.css");
        for (ink, variable, _) in INKS {
            let RGBColor(red, green, blue) = ink.rgb();
            let light = format!("{variable}: light-dark(#{red:02x}{green:02x}{blue:02x}");
            assert!(
                tokens.contains(&light),
                "{light} is not in style/tokens.css"
            );
        }
    }
}
