//! A difference and its interval as a small bar about zero, for a table's cell. The numbers stand beside
//! it, so it is hidden from assistive technology.

use crate::palette::Ink;
use crate::plot::{Frame, Plot, stroke};
use crate::svg::Sheet;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 18;

/// Draws a difference and the ends of its interval on a scale from −`most` to `most`. What lies outside
/// is moved to the scale's end. `is_clear`: chance does not explain it.
pub fn svg(difference: f64, interval: Option<(f64, f64)>, most: f64, is_clear: bool) -> String {
    let most = if most.is_finite() && most > 0.0 {
        most
    } else {
        1.0
    };
    let inside = |value: f64| value.clamp(-most, most);
    let sheet = Sheet::new(WIDTH, HEIGHT);
    let frame = Frame {
        left: 4,
        top: 0,
        right: WIDTH as i32 - 4,
        bottom: HEIGHT as i32,
    };
    let plot = Plot::new(&sheet, frame, -most..most, 0.0..1.0);
    plot.line(vec![(-most, 0.5), (most, 0.5)], stroke(Ink::Grid, 1.0, 10));
    plot.line(vec![(0.0, 0.0), (0.0, 1.0)], stroke(Ink::Axis, 1.0, 12));
    if difference.is_finite() {
        let ink = if is_clear { Ink::Text } else { Ink::Muted };
        if let Some((low, high)) = interval {
            plot.line(
                vec![(inside(low), 0.5), (inside(high), 0.5)],
                stroke(ink, 0.45, 60),
            );
        }
        plot.line(
            vec![(inside(difference), 0.12), (inside(difference), 0.88)],
            stroke(ink, 1.0, 22),
        );
    }
    sheet.finish_hidden("difference")
}

/// The scale that holds all these ends: the next of 0.02, 0.05, 0.1, 0.2, 0.5 and 1 above the largest.
///
/// ```
/// use chart::difference::scale;
/// assert_eq!(scale([-0.03, 0.01].into_iter()), 0.05);
/// assert_eq!(scale(std::iter::empty()), 0.02);
/// ```
pub fn scale(ends: impl Iterator<Item = f64>) -> f64 {
    let most = ends
        .filter(|end| end.is_finite())
        .map(f64::abs)
        .fold(0.0, f64::max);
    [0.02, 0.05, 0.1, 0.2, 0.5]
        .into_iter()
        .find(|step| most <= *step)
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_draws_no_mark() {
        let nothing = svg(f64::NAN, None, f64::NAN, false);
        assert!(!nothing.contains("NaN"));
        assert_eq!(nothing.matches("<path").count(), 2);
        let whole = svg(-0.4, Some((-0.9, 0.1)), 0.5, true);
        assert_eq!(whole.matches("<path").count(), 4);
    }
}
