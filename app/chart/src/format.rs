//! Numbers, times and foreign text, written one way everywhere.
//!
//! Numbers go through integers alone, so that server and browser write the same digits.

/// `value` with exactly `decimals` digits after the point, half away from zero; `–` where it is not
/// finite.
///
/// ```
/// assert_eq!(chart::format::fixed(0.1265, 2), "0.13");
/// assert_eq!(chart::format::fixed(-2.0, 1), "−2.0");
/// ```
pub fn fixed(value: f64, decimals: u32) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let scale = 10_u64.pow(decimals);
    let scaled = (value.abs() * scale as f64).round() as u64;
    let mut text = String::new();
    if value < 0.0 && scaled > 0 {
        text.push('−');
    }
    text.push_str(&(scaled / scale).to_string());
    if decimals > 0 {
        let fraction = (scaled % scale).to_string();
        text.push('.');
        for _ in fraction.len()..decimals as usize {
            text.push('0');
        }
        text.push_str(&fraction);
    }
    text
}

/// [`fixed`] with its sign, but for what is written as 0: `+0.12`, `−0.05`, `0.00`.
///
/// ```
/// assert_eq!(chart::format::signed(0.1, 3), "+0.100");
/// assert_eq!(chart::format::signed(0.0001, 3), "0.000");
/// ```
pub fn signed(value: f64, decimals: u32) -> String {
    let written = fixed(value, decimals);
    if value.is_finite() && value > 0.0 && written != fixed(0.0, decimals) {
        ["+", &written].concat()
    } else {
        written
    }
}

/// A share as a whole percentage: `61%`. What is neither none nor all never reads as 0% or 100%.
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        return "under 1%".to_owned();
    }
    if (0.995..1.0).contains(&share) {
        return "over 99%".to_owned();
    }
    fixed(share * 100.0, 0) + "%"
}

/// A whole number with thin groups of thousands: `4,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, in the plural where it is due: `1 answer`, `4,000 answers`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A time span in the coarsest words that help: `40 s`, `12 min`, `3 h 5 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "an unknown time".to_owned();
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A moment in milliseconds since the Unix epoch as `2026-11-24 23:51 UTC`.
pub fn moment(milliseconds: u64) -> String {
    let minutes = milliseconds / 60_000;
    let (days, minute_of_day) = (minutes / 1440, minutes % 1440);
    let (year, month, day) = civil_from_days(days as i64);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        minute_of_day / 60,
        minute_of_day % 60
    )
}

/// The Gregorian date of a day number since 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Characters of foreign text that a page shows at most; the rest is told, not sent.
pub const FOREIGN_CHARACTERS_MAX: usize = 20_000;

/// Text from a model or a file, made safe to look at: [`visible`], and very long text is cut with a
/// word. (Markup is escaped where the text is put on a page, not here.)
pub fn foreign(text: &str) -> String {
    visible(&cut(text, FOREIGN_CHARACTERS_MAX))
}

/// A text of so many characters at most; of a longer one its beginning, and how much is left out.
///
/// ```
/// assert_eq!(chart::format::cut("abcdef", 2), "ab… (4 characters more)");
/// ```
pub fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some((end, _)) => {
            let rest = text[end..].chars().count() as u64;
            [&text[..end], "… (", &counted(rest, "character"), " more)"].concat()
        }
    }
}

/// Control characters and marks that turn the direction of text, shown as what they are. Every page
/// goes through it as a whole, so that none is forgotten.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            // Unicode's control pictures stand 0x2400 above the ASCII control characters.
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + character as u32)),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{061c}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => shown.push_str(&format!("[U+{:04X}]", character as u32)),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_one_way() {
        assert_eq!(fixed(0.0005, 3), "0.001");
        assert_eq!(fixed(-0.0001, 3), "0.000");
        assert_eq!(fixed(f64::NAN, 2), "–");
        assert_eq!(fixed(12.0, 0), "12");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(0.9999), "over 99%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.0), "0%");
    }

    #[test]
    fn moments_are_gregorian() {
        assert_eq!(moment(0), "1970-01-01 00:00 UTC");
        assert_eq!(moment(951_782_400_000), "2000-02-29 00:00 UTC");
        assert_eq!(moment(1_795_564_260_000), "2026-11-24 23:51 UTC");
    }

    #[test]
    fn foreign_text_cannot_hide() {
        assert_eq!(foreign("a\u{202e}b\u{1b}[31m\n"), "a[U+202E]b␛[31m\n");
        let long = foreign(&"x".repeat(FOREIGN_CHARACTERS_MAX + 1234));
        assert!(long.ends_with("x… (1,234 characters more)"));
    }
}
