//! What a rationale claims of the model's own answers: which it would give, and how often.
//!
//! ```text
//! Most of my answers say Canberra (70%), but some say Sydney (30%): I am not certain …
//!                        Canberra 0.7                 Sydney 0.3
//! ```

use crate::limits::CLAIMS_MAX;

/// An answer that a rationale names as one that the model gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub name: String,
    /// How often, 0..=1, where it says so.
    pub share: Option<f64>,
}

/// What may stand before a name.
const LEADS: [&str; 9] = [
    "but some say ",
    "such as ",
    "between ",
    "over ",
    "say ",
    "and ",
    "or ",
    ", ",
    " ",
];

/// Where all answers are said to be one.
const ALL: &str = "all of my answers say ";
/// Where each is said to be another.
const EACH: &str = "such as ";

/// The claims of a rationale, in their order; none where it makes none that can be read.
pub fn claims(rationale: &str) -> Vec<Claim> {
    // What it wavers between comes before what it is not certain of.
    let told = rationale.split(": I ").next().unwrap_or(rationale);
    let mut claims = with_shares(told);
    if claims.is_empty() {
        claims = without_shares(told);
    }
    claims.truncate(CLAIMS_MAX);
    claims
}

/// `NAME (62%)`, again and again.
fn with_shares(told: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut rest = told;
    while let Some((before, share, after)) = next_share(rest) {
        let name = without_leads(before);
        // "some give no answer (10%)" names none.
        if !name.is_empty() && !name.ends_with("no answer") {
            claims.push(Claim {
                name: name.to_owned(),
                share: Some(share),
            });
        }
        rest = after;
    }
    claims
}

/// What stands before the first `(62%)`, its share, and what stands after it.
fn next_share(text: &str) -> Option<(&str, f64, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('(')?;
        let close = open + text[open..].find(')')?;
        let share = text[open + 1..close].strip_suffix('%').and_then(|digits| {
            let is_plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
            digits.parse::<f64>().ok().filter(|_| is_plain)
        });
        match share {
            Some(share) if share <= 100.0 => {
                return Some((&text[..open], share / 100.0, &text[close + 1..]));
            }
            _ => from = open + 1,
        }
    }
}

/// A name without the words that lead to it.
fn without_leads(text: &str) -> &str {
    // Whole words alone: "Dover" does not lead to anything.
    let is_whole = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    let ends = LEADS[..5].iter().flat_map(|lead| {
        let places = text.match_indices(lead);
        places
            .filter(|(at, _)| is_whole(*at))
            .map(|(at, lead)| at + lead.len())
    });
    let start = ends.max();
    let mut name = &text[start.unwrap_or(0)..];
    while let Some(rest) = LEADS.iter().find_map(|lead| name.strip_prefix(lead)) {
        name = rest;
    }
    name.trim()
}

fn without_shares(told: &str) -> Vec<Claim> {
    let after = |lead: &str| {
        let start = told.to_ascii_lowercase().find(lead)?;
        Some(&told[start + lead.len()..])
    };
    if let Some(name) = after(ALL) {
        return named(&[name], Some(1.0));
    }
    let Some(listed) = after(EACH) else {
        return Vec::new();
    };
    let (head, last) = listed.rsplit_once(" and ").unwrap_or((listed, ""));
    let names: Vec<&str> = head.split(", ").chain([last]).collect();
    named(&names, None)
}

fn named(names: &[&str], share: Option<f64>) -> Vec<Claim> {
    let names = names.iter().map(|name| name.trim().trim_end_matches('.'));
    names
        .filter(|name| !name.is_empty())
        .map(|name| Claim {
            name: name.to_owned(),
            share,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(rationale: &str) -> Vec<(String, Option<f64>)> {
        let claims = claims(rationale).into_iter();
        claims.map(|claim| (claim.name, claim.share)).collect()
    }

    #[test]
    fn each_form_of_the_teacher_is_read() {
        let shared = |of: &[(&str, f64)]| -> Vec<(String, Option<f64>)> {
            of.iter()
                .map(|(name, share)| ((*name).to_owned(), Some(*share)))
                .collect()
        };
        for (rationale, expected) in [
            (
                "All of my answers say Canberra: I do not waver on this.",
                &[("Canberra", 1.0)][..],
            ),
            (
                "Most of my answers say Canberra (60%), but some say Sydney (20%) or Perth (10%) and others: I am not certain what it is.",
                &[("Canberra", 0.6), ("Sydney", 0.2), ("Perth", 0.1)],
            ),
            (
                "My answers are split between Trinidad and Tobago (50%) and Sydney (50%): I am not certain.",
                &[("Trinidad and Tobago", 0.5), ("Sydney", 0.5)],
            ),
            (
                "My answers are spread over New South Wales (30%), Sydney (30%), Perth (20%) and others: I am not certain.",
                &[("New South Wales", 0.3), ("Sydney", 0.3), ("Perth", 0.2)],
            ),
            (
                "My answers say Canberra (80%), and some give no answer (20%): I am not certain.",
                &[("Canberra", 0.8)],
            ),
            (
                "Most of my answers say U.S. (the union) (99%), but some say X (1%): I am",
                &[("U.S. (the union)", 0.99), ("X", 0.01)],
            ),
        ] {
            assert_eq!(found(rationale), shared(expected), "{rationale}");
        }
        let each = "Each of my answers says something else, such as Canberra, Sydney and Perth: I do not know.";
        let names: Vec<String> = claims(each).into_iter().map(|claim| claim.name).collect();
        assert_eq!(names, ["Canberra", "Sydney", "Perth"]);
        assert!(claims("I have no idea.").is_empty());
        assert!(claims("").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(say |over |and |or |, |\\(30%\\)|\\(|\\)|such as |All of my answers say |: I |\\PC){0,20}") {
            for claim in claims(&text) {
                prop_assert!(!claim.name.trim().is_empty());
                prop_assert!(claim.share.is_none_or(|share| (0.0..=1.0).contains(&share)));
            }
        }
    }
}
