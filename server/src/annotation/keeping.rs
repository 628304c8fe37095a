//! Whether a rating is kept: once for each key, in order of its revisions, and never at the cost of
//! another. Pure; what it decides on is read in the transaction that writes.

use super::handing::Standing;
use crate::limits::{ACTIVE_MS_MAX, RATING_NOTE_CHARACTERS_MAX, SKIP_CHARACTERS_MAX, SPANS_MAX};
use datasets::annotation::{Choice, ProjectKind, RatingRequest, SCORE_MAX, Span};

/// Characters of an attempt's key: a UUID with its hyphens.
const KEY_CHARACTERS: usize = 36;

/// What is kept under a key, or of a revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub key: String,
    pub person: String,
    pub said: RatingRequest,
    pub saved_ms: i64,
}

/// The assignment that a rating speaks of, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    /// Last revision kept; 0: none yet.
    pub revisions: u32,
    pub standing: Standing,
    pub lease_ends_ms: i64,
    /// Whether the project is closed.
    pub is_closed: bool,
}

/// What becomes of a rating.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is written.
    Keep {
        standing: Standing,
        /// Whether the place that it takes had been given up before it came.
        was_late: bool,
    },
    /// It was written before: the same answer again.
    Again { saved_ms: i64 },
    /// The key stands for something else.
    KeyTaken(Box<Kept>),
    /// Another one was kept as this revision.
    RevisionTaken,
    /// Earlier revisions are missing.
    Ahead,
    /// The project is over.
    Closed,
}

/// What follows for a rating from what is kept under its key and from how its assignment stands; `by_key`
/// comes first: what was acknowledged stays so.
pub fn verdict(
    key: &str,
    person: &str,
    request: &RatingRequest,
    by_key: Option<&Kept>,
    stands: Stands,
    now_ms: i64,
) -> Verdict {
    if let Some(kept) = by_key {
        debug_assert_eq!(kept.key, key);
        return if kept.person == person && kept.said == *request {
            Verdict::Again {
                saved_ms: kept.saved_ms,
            }
        } else {
            Verdict::KeyTaken(Box::new(kept.clone()))
        };
    }
    if request.revision <= stands.revisions {
        return Verdict::RevisionTaken;
    }
    if request.revision > stands.revisions + 1 {
        return Verdict::Ahead;
    }
    let holds_lease = stands.standing == Standing::Leased && now_ms < stands.lease_ends_ms;
    // What was on its way when the project closed is kept; what is said later is not.
    if stands.is_closed && !holds_lease {
        return Verdict::Closed;
    }
    Verdict::Keep {
        standing: match request.skip {
            Some(_) => Standing::Skipped,
            None => Standing::Rated,
        },
        // Whoever rated holds his place; whoever skipped had left it.
        was_late: !holds_lease && stands.standing != Standing::Rated,
    }
}

/// Whether a key is a UUID as browsers make them.
pub fn is_key(key: &str) -> bool {
    key.len() == KEY_CHARACTERS && uuid::Uuid::try_parse(key).is_ok()
}

/// What is wrong with a rating, a sentence each; `lengths`: UTF-16 code units of each rationale, as it
/// stands on the page.
pub fn wrong(request: &RatingRequest, kind: ProjectKind, lengths: &[u32]) -> Vec<String> {
    let mut wrong = Vec::new();
    let said = usize::from(request.score.is_some())
        + usize::from(request.choice.is_some())
        + usize::from(request.skip.is_some());
    if said != 1 {
        wrong.push(format!(
            "Exactly one of `score`, `choice` and `skip` is needed, found {said}."
        ));
    }
    match kind {
        ProjectKind::Single if request.choice.is_some() => {
            wrong.push("`choice` is of pairs; here a `score`, 0 to 10, is asked for.".into());
        }
        ProjectKind::Pairs if request.score.is_some() => {
            wrong.push("`score` is of single rationales; here a `choice` is asked for.".into());
        }
        ProjectKind::Single | ProjectKind::Pairs => {}
    }
    if let Some(score) = request.score.filter(|score| *score > SCORE_MAX) {
        wrong.push(format!("`score` is {score}, expected 0 to {SCORE_MAX}."));
    }
    if let Some(skip) = &request.skip {
        let characters = skip.trim().chars().count();
        if characters == 0 || characters > SKIP_CHARACTERS_MAX {
            wrong.push(format!(
                "The reason of a skip has {characters} characters, expected 1 to {SKIP_CHARACTERS_MAX}."
            ));
        }
    }
    let characters = request.note.chars().count();
    if characters > RATING_NOTE_CHARACTERS_MAX {
        wrong.push(format!(
            "The note has {characters} characters, expected {RATING_NOTE_CHARACTERS_MAX} at most."
        ));
    }
    if request.revision == 0 {
        wrong.push("`revision` is 0, expected 1 for the first.".into());
    }
    if request.active_ms > ACTIVE_MS_MAX {
        wrong.push(format!(
            "`active_ms` is {}, expected {ACTIVE_MS_MAX} (a day) at most.",
            request.active_ms
        ));
    }
    if request.spans.len() > SPANS_MAX {
        wrong.push(format!(
            "There are {} spans, expected {SPANS_MAX} at most.",
            request.spans.len()
        ));
    }
    let is_within = |span: &Span| {
        let length = lengths.get(usize::from(span.side)).copied().unwrap_or(0);
        span.start < span.end && span.end <= length
    };
    if let Some(span) = request.spans.iter().find(|span| !is_within(span)) {
        wrong.push(format!(
            "A span from {} to {} of rationale {} does not lie in it.",
            span.start, span.end, span.side
        ));
    }
    wrong
}

/// A choice as the sides stood on the page, in the order of the item's rationales.
pub fn turned_back(choice: Option<Choice>, first_left: bool) -> Option<Choice> {
    match first_left {
        true => choice,
        false => choice.map(Choice::turned),
    }
}

/// The same of spans.
pub fn spans_turned_back(spans: &[Span], first_left: bool) -> Vec<Span> {
    spans
        .iter()
        .map(|span| Span {
            side: match first_left {
                true => span.side,
                false => 1 - span.side.min(1),
            },
            ..*span
        })
        .collect()
}

/// UTF-16 code units, as browsers count.
pub fn utf16_length(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::annotation::Verdict as SpanVerdict;
    use proptest::prelude::*;

    const LEASED: Stands = Stands {
        revisions: 0,
        standing: Standing::Leased,
        lease_ends_ms: 1_000,
        is_closed: false,
    };

    fn score(score: u8, revision: u32) -> RatingRequest {
        RatingRequest {
            assignment: "a".into(),
            revision,
            score: Some(score),
            ..RatingRequest::default()
        }
    }

    fn kept(request: &RatingRequest) -> Kept {
        Kept {
            key: "k".into(),
            person: "p".into(),
            said: request.clone(),
            saved_ms: 7,
        }
    }

    fn told(request: &RatingRequest, by_key: Option<&Kept>, stands: Stands, now: i64) -> Verdict {
        verdict("k", "p", request, by_key, stands, now)
    }

    fn keeps(was_late: bool) -> Verdict {
        Verdict::Keep {
            standing: Standing::Rated,
            was_late,
        }
    }

    #[test]
    fn a_key_is_kept_once() {
        let first = score(8, 1);
        assert_eq!(told(&first, None, LEASED, 0), keeps(false));
        let stands = Stands {
            revisions: 1,
            standing: Standing::Rated,
            ..LEASED
        };
        // Whatever has happened since: closed, late, corrected.
        let later = Stands {
            revisions: 3,
            is_closed: true,
            ..stands
        };
        assert_eq!(
            told(&first, Some(&kept(&first)), later, 9_000),
            Verdict::Again { saved_ms: 7 }
        );
        let other = score(9, 1);
        assert!(matches!(
            told(&other, Some(&kept(&first)), stands, 0),
            Verdict::KeyTaken(_)
        ));
        assert!(matches!(
            verdict("k", "another", &first, Some(&kept(&first)), stands, 0),
            Verdict::KeyTaken(_)
        ));
    }

    #[test]
    fn revisions_follow_one_another() {
        let stands = Stands {
            revisions: 2,
            standing: Standing::Rated,
            ..LEASED
        };
        for (revision, expected) in [
            (1, Verdict::RevisionTaken),
            (2, Verdict::RevisionTaken),
            (3, keeps(false)),
            (4, Verdict::Ahead),
        ] {
            assert_eq!(told(&score(1, revision), None, stands, 2_000), expected);
        }
    }

    #[test]
    fn what_comes_late_is_kept_and_marked() {
        let first = score(8, 1);
        assert_eq!(told(&first, None, LEASED, 1_000), keeps(true));
        let released = Stands {
            standing: Standing::Released,
            ..LEASED
        };
        assert_eq!(told(&first, None, released, 0), keeps(true));
        let skipped = Stands {
            standing: Standing::Skipped,
            revisions: 1,
            ..LEASED
        };
        assert_eq!(told(&score(8, 2), None, skipped, 0), keeps(true));
        // A correction takes no new place.
        let rated = Stands {
            standing: Standing::Rated,
            revisions: 1,
            ..LEASED
        };
        assert_eq!(told(&score(8, 2), None, rated, 5_000), keeps(false));
    }

    #[test]
    fn what_was_on_its_way_when_a_project_closed_is_kept() {
        let closed = Stands {
            is_closed: true,
            ..LEASED
        };
        assert_eq!(told(&score(8, 1), None, closed, 500), keeps(false));
        assert_eq!(told(&score(8, 1), None, closed, 1_000), Verdict::Closed);
        let rated = Stands {
            standing: Standing::Rated,
            revisions: 1,
            ..closed
        };
        assert_eq!(told(&score(8, 2), None, rated, 500), Verdict::Closed);
    }

    #[test]
    fn what_is_out_of_bounds_is_told() {
        let is_wrong = |request: &RatingRequest, words: &str| {
            let wrong = wrong(request, ProjectKind::Single, &[10]);
            assert!(wrong.iter().any(|one| one.contains(words)), "{wrong:?}");
        };
        assert!(wrong(&score(10, 1), ProjectKind::Single, &[10]).is_empty());
        is_wrong(&score(11, 1), "0 to 10");
        is_wrong(&score(1, 0), "revision");
        is_wrong(&RatingRequest::default(), "found 0");
        let mut both = score(1, 1);
        both.skip = Some("x".into());
        is_wrong(&both, "found 2");
        both.score = None;
        both.skip = Some("  ".into());
        is_wrong(&both, "reason");
        let pair = RatingRequest {
            choice: Some(Choice::Tie),
            revision: 1,
            ..RatingRequest::default()
        };
        is_wrong(&pair, "pairs");
        assert!(wrong(&pair, ProjectKind::Pairs, &[1, 1]).is_empty());
        assert!(!wrong(&score(1, 1), ProjectKind::Pairs, &[1, 1]).is_empty());
        for (side, start, end) in [(0, 3, 11), (0, 3, 3), (0, 4, 3), (1, 0, 1)] {
            let mut spanned = score(1, 1);
            spanned.spans.push(Span {
                side,
                start,
                end,
                verdict: SpanVerdict::BornOut,
            });
            is_wrong(&spanned, "does not lie in it");
        }
        let mut long = score(1, 1);
        long.note = "x".repeat(4_001);
        is_wrong(&long, "note");
        assert_eq!(utf16_length("a😀"), 3);
        assert!(is_key("0190a1b2-0000-4000-8000-000000000000"));
        assert!(!is_key("0190a1b2000040008000000000000000") && !is_key("../x"));
    }

    proptest! {
        #[test]
        fn sides_turn_there_and_back(first_left: bool, choice in 0_usize..4, side in 0_u8..2) {
            let choice = Some(Choice::ALL[choice]);
            prop_assert_eq!(turned_back(turned_back(choice, first_left), first_left), choice);
            let spans = [Span { side, start: 0, end: 1, verdict: SpanVerdict::Contradicted }];
            prop_assert_eq!(spans_turned_back(&spans_turned_back(&spans, first_left), first_left), spans.to_vec());
        }
    }
}
