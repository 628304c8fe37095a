//! The figures as a piece of an address: what a link keeps is the numbers that are drawn, never the
//! file.
//!
//! `figures=1.` and Base64 (RFC 4648, section 5, without padding) of: numbers in LEB128 and in IEEE 754
//! (8 bytes, little end first), ascending values as differences, and at the end four bytes of FNV-1a
//! over all before. About 2,000 to 4,000 characters.

use crate::limits::{FRAGMENT_CHARACTERS_MAX, PLACES_MAX, TALLIES_MAX};
use crate::numbers::{Chance, Numbers, title_of};
use crate::trouble::Trouble;
use calibration::metrics::{MEASURES, Metrics, Mode};
use chart::Outcomes;
use chart::outcomes::{ONE, Tally};
use std::collections::BTreeMap;

/// What an address has before its figures.
const MARK: &str = "figures=";
/// The form that is written and read.
const VERSION: &str = "1";
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Bytes of a title at most: four a character.
const TITLE_BYTES_MAX: u64 = 4 * crate::limits::TITLE_CHARACTERS_MAX as u64;
/// No measure is above this (the log score of clipped probabilities is 4.6 at most), nor below the
/// other: the end of an interval may be a little below 0.
const MEASURE_MAX: f64 = 5.0;
const MEASURE_MIN: f64 = -0.1;

/// The piece of an address that keeps these figures, without `#`.
pub fn fragment_of(numbers: &Numbers) -> String {
    let mut bytes = written(numbers);
    bytes.extend(checksum(&bytes).to_le_bytes());
    [MARK, VERSION, ".", &base64(&bytes)].concat()
}

/// The figures of a piece of an address.
///
/// # Errors
/// In words: another version, a link that was cut or changed, or numbers that are none of a file.
pub fn numbers_of(fragment: &str) -> Result<Numbers, Trouble> {
    let text = fragment.trim_start_matches('#');
    if text.len() > FRAGMENT_CHARACTERS_MAX {
        return Err(damaged("it is too long"));
    }
    let (version, text) = text
        .strip_prefix(MARK)
        .and_then(|text| text.split_once('.'))
        .ok_or_else(|| damaged("its beginning is missing"))?;
    if version != VERSION {
        return Err(Trouble::new(
            "This link is of another version.",
            format!(
                "Found version {}, expected {VERSION}.",
                crate::plan::shortened(version)
            ),
            "Ask its sender for a new link, made by this version of the page.",
        ));
    }
    let bytes = from_base64(text).ok_or_else(|| damaged("it holds letters that do not belong"))?;
    let (body, sum) = bytes
        .split_last_chunk::<4>()
        .ok_or_else(|| damaged("it is too short"))?;
    if checksum(body) != u32::from_le_bytes(*sum) {
        return Err(damaged("its end is missing, or a letter was changed"));
    }
    let mut reader = Reader(body);
    let numbers = reader
        .numbers()
        .ok_or_else(|| damaged("it ends too early"))?;
    if !reader.0.is_empty() {
        return Err(damaged("it goes on too long"));
    }
    checked(numbers)
}

fn damaged(found: &str) -> Trouble {
    Trouble::new(
        "This link is damaged.",
        format!("Its figures cannot be read: {found}."),
        "Copy it once more as a whole, or ask its sender for it.",
    )
}

fn written(numbers: &Numbers) -> Vec<u8> {
    let Numbers {
        title,
        metrics,
        groups,
        resamples,
        outcomes,
        chance,
    } = numbers;
    let mut writer = Writer::default();
    writer.count(metrics.n as u64);
    writer.count(*groups);
    writer.count((*resamples).into());
    writer.count(u64::from(metrics.mode == Mode::Levels));
    for (name, value) in metrics.values() {
        writer.number(value.unwrap_or(f64::NAN));
        if *resamples > 0 {
            let interval = metrics.intervals.get(name).copied().flatten();
            for end in interval.unwrap_or([f64::NAN; 2]) {
                writer.number(end);
            }
        }
    }
    writer.number(metrics.smece_sigma);
    for end in metrics.log_score_clip {
        writer.number(end);
    }
    writer.count(chance.is_some().into());
    if let Some(chance) = chance {
        for number in [chance.p_value, chance.null_ece, chance.null_ece_95] {
            writer.number(number);
        }
    }
    writer.count(outcomes.tallies.len() as u64);
    let mut last = 0;
    for &Tally(value, right, wrong) in &outcomes.tallies {
        for number in [value - last, right, wrong] {
            writer.count(number.into());
        }
        last = value;
    }
    writer.count(outcomes.curve.len() as u64);
    let mut last = (0, 0);
    for &(x, y) in &outcomes.curve {
        writer.count((x - last.0).into());
        writer.count((y - last.1).into());
        last = (x, y);
    }
    writer.count(outcomes.band.len() as u64);
    let mut last = 0;
    for &(x, low, high) in &outcomes.band {
        for number in [x - last, low, high - low] {
            writer.count(number.into());
        }
        last = x;
    }
    writer.count(title.len() as u64);
    writer.0.extend_from_slice(title.as_bytes());
    writer.0
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    /// LEB128.
    fn count(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number as u8) | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn number(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

/// Bytes still to be read. Every reader gives `None` where they end too early.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn count(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        self.count()?.try_into().ok()
    }

    /// A length, at most so much.
    fn length(&mut self, most: u64) -> Option<usize> {
        let length = self.count()?;
        (length <= most).then_some(length as usize)
    }

    fn number(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*bytes))
    }

    fn numbers(&mut self) -> Option<Numbers> {
        let n = self.count()?;
        let groups = self.count()?;
        let resamples = self.small()?;
        let mode = match self.count()? {
            0 => Mode::Continuous,
            1 => Mode::Levels,
            _ => return None,
        };
        let mut values = [f64::NAN; MEASURES.len()];
        let mut intervals = BTreeMap::new();
        for (value, (name, _)) in values.iter_mut().zip(MEASURES) {
            *value = self.number()?;
            if resamples > 0 {
                let ends = [self.number()?, self.number()?];
                intervals.insert(name, (!ends[0].is_nan()).then_some(ends));
            }
        }
        let smece_sigma = self.number()?;
        let log_score_clip = [self.number()?, self.number()?];
        let chance = match self.count()? {
            0 => None,
            _ => Some(Chance {
                p_value: self.number()?,
                null_ece: self.number()?,
                null_ece_95: self.number()?,
            }),
        };
        let outcomes = self.outcomes()?;
        let length = self.length(TITLE_BYTES_MAX)?;
        let (title, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let title = std::str::from_utf8(title).ok()?;
        let [
            accuracy,
            ece_10,
            ece_15,
            ece_equal_mass_15,
            debiased_l2_equal_mass_15,
            ece_sweep,
            smece,
            brier,
            mcb,
            dsc,
            unc,
            auroc,
            aurc,
            augrc,
            log_score,
            mae_sayself,
        ] = values;
        let metrics = Metrics {
            n: n.try_into().ok()?,
            mode,
            accuracy,
            ece_10,
            ece_15,
            ece_equal_mass_15,
            debiased_l2_equal_mass_15,
            ece_sweep,
            smece,
            smece_sigma,
            brier,
            mcb,
            dsc,
            unc,
            auroc: (!auroc.is_nan()).then_some(auroc),
            aurc,
            augrc,
            log_score,
            log_score_clip,
            mae_sayself,
            intervals,
        };
        let mut numbers = Numbers {
            resamples,
            chance,
            ..Numbers::new(metrics, groups, outcomes)
        };
        numbers.name(title);
        Some(numbers)
    }

    fn outcomes(&mut self) -> Option<Outcomes> {
        let mut outcomes = Outcomes::default();
        let mut last = 0_u32;
        for at in 0..self.length(TALLIES_MAX as u64)? {
            let step = self.small()?;
            // No confidence stands there twice.
            if at > 0 && step == 0 {
                return None;
            }
            last = last.checked_add(step)?;
            outcomes
                .tallies
                .push(Tally(last, self.small()?, self.small()?));
        }
        let mut last = (0_u32, 0_u32);
        for _ in 0..self.length(PLACES_MAX as u64)? {
            last = (
                last.0.checked_add(self.small()?)?,
                last.1.checked_add(self.small()?)?,
            );
            outcomes.curve.push(last);
        }
        let mut last = 0_u32;
        for _ in 0..self.length(PLACES_MAX as u64 + 1)? {
            last = last.checked_add(self.small()?)?;
            let low = self.small()?;
            outcomes
                .band
                .push((last, low, low.checked_add(self.small()?)?));
        }
        Some(outcomes)
    }
}

/// Figures that can be those of a file: whoever makes a link may have put anything in it.
fn checked(numbers: Numbers) -> Result<Numbers, Trouble> {
    let Numbers {
        title,
        metrics,
        groups,
        resamples,
        outcomes,
        chance,
    } = &numbers;
    let share = |number: f64| (0.0..=1.0).contains(&number);
    let measure = |number: f64| (MEASURE_MIN..=MEASURE_MAX).contains(&number);
    let values = metrics.values();
    let are_values = values
        .iter()
        .all(|(name, value)| value.map_or(*name == "auroc", measure));
    let are_intervals = metrics
        .intervals
        .values()
        .flatten()
        .all(|[low, high]| measure(*low) && measure(*high) && low <= high);
    let is_chance = chance.is_none_or(|chance| {
        [chance.p_value, chance.null_ece, chance.null_ece_95]
            .into_iter()
            .all(share)
    });
    let counted: u64 = outcomes
        .tallies
        .iter()
        .map(|tally| u64::from(tally.1) + u64::from(tally.2))
        .sum();
    let n = metrics.n as u64;
    let accuracy = outcomes.right() as f64 / n.max(1) as f64;
    let is_one = |value: u32| value <= ONE;
    let are_counts = n > 0
        && n <= u32::MAX.into()
        && counted == n
        && *groups <= n
        && *resamples as usize <= crate::limits::RESAMPLES
        && (accuracy - metrics.accuracy).abs() < 1e-9
        && outcomes
            .tallies
            .iter()
            .all(|tally| is_one(tally.0) && (tally.1, tally.2) != (0, 0));
    let are_places = outcomes.curve.iter().all(|&(x, y)| is_one(x) && is_one(y))
        && outcomes
            .band
            .iter()
            .all(|&(x, _, high)| is_one(x) && is_one(high));
    let is_sound = are_values
        && are_intervals
        && is_chance
        && are_counts
        && are_places
        && share(metrics.smece_sigma)
        && metrics.log_score_clip.into_iter().all(share)
        && title_of(title) == *title;
    match is_sound {
        true => Ok(numbers),
        false => Err(damaged("its numbers do not fit together")),
    }
}

/// FNV-1a, 32 bits: finds what was cut or mistyped, not what was forged.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum: u32, &byte| {
        (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = 0_u32;
        for at in 0..3 {
            group = (group << 8) | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..=chunk.len() {
            let letter = (group >> (18 - 6 * at)) & 63;
            text.push(LETTERS[letter as usize] as char);
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut group = 0_u32;
        for at in 0..4 {
            let value = match chunk.get(at) {
                Some(letter) => LETTERS.iter().position(|known| known == letter)? as u32,
                None => 0,
            };
            group = (group << 6) | value;
        }
        bytes.extend_from_slice(&group.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::outcomes;
    use calibration::Row;
    use calibration::corp;
    use calibration::metrics::{Options, evaluate};
    use proptest::prelude::*;

    fn numbers(n: u32, levels: u32, bootstraps: usize) -> Numbers {
        let rows: Vec<Row> = (0..n)
            .map(|at| {
                let confidence = f64::from(at * 7_919 % levels) / f64::from(levels);
                (confidence, at * 31 % 7 < 4).into()
            })
            .collect();
        let options = Options {
            bootstraps,
            ..Options::default()
        };
        let metrics = evaluate(&rows, options).unwrap();
        let mut numbers = Numbers::new(metrics, 0, outcomes(&rows));
        numbers.resamples = bootstraps as u32;
        let options = corp::Options {
            resamples: 20,
            ..corp::Options::default()
        };
        numbers.add_corp(&corp::diagram(&rows, options).unwrap());
        numbers.name("Mine, <b>ä</b>");
        numbers
    }

    #[test]
    fn figures_come_back_and_fit_into_an_address() {
        for (n, levels, bootstraps) in [(3, 2, 0), (1_000, 10, 20), (5_003, 5_003, 20)] {
            let numbers = numbers(n, levels, bootstraps);
            let fragment = fragment_of(&numbers);
            assert!(fragment.len() < 5_000, "{} letters", fragment.len());
            assert_eq!(numbers_of(&["#", &fragment].concat()), Ok(numbers));
        }
    }

    #[test]
    fn links_that_were_cut_changed_or_made_up_say_so() {
        let fragment = fragment_of(&numbers(1_000, 10, 20));
        let told = |fragment: &str| numbers_of(fragment).unwrap_err();
        assert!(
            told(&fragment[..fragment.len() - 1])
                .title
                .contains("damaged")
        );
        assert!(
            told(&fragment.replacen("figures=1.", "figures=2.", 1))
                .title
                .contains("version")
        );
        assert!(told("#figures=1.").title.contains("damaged"));
        assert!(
            told(&format!(
                "figures=1.{}",
                "A".repeat(FRAGMENT_CHARACTERS_MAX)
            ))
            .text
            .contains("too long")
        );
        let change = |change: &dyn Fn(&mut Numbers)| {
            let mut numbers = numbers(1_000, 10, 20);
            change(&mut numbers);
            told(&fragment_of(&numbers)).text
        };
        for text in [
            change(&|numbers| numbers.metrics.brier = f64::NAN),
            change(&|numbers| numbers.metrics.accuracy = 0.999),
            change(&|numbers| numbers.metrics.n = 999),
            change(&|numbers| numbers.outcomes.tallies[9].0 = 20_000),
            change(&|numbers| numbers.resamples = 1_000_000),
            change(&|numbers| {
                numbers.chance = Some(Chance {
                    p_value: 7.0,
                    null_ece: 0.0,
                    null_ece_95: 0.0,
                })
            }),
        ] {
            assert!(text.contains("do not fit"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_gives_figures_or_trouble(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = bytes;
            bytes.extend(checksum(&bytes).to_le_bytes());
            let _ = numbers_of(&format!("#figures=1.{}", base64(&bytes)));
            let _ = numbers_of(&String::from_utf8_lossy(&bytes));
        }
    }
}
