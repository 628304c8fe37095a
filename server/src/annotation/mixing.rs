//! At which of a person's turns a gold item, an attention item or a repeat is due. The turns are drawn
//! within short blocks, so that the shares hold at any time and no turn tells what it holds.

use super::seeded;
use calibration::random::Random;
use datasets::annotation::ProjectSpec;

/// Turns within which each kind gets its share.
const BLOCK: u32 = 20;

/// Shares of a person's items, each 0..1, together below 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    pub gold: f64,
    pub attention: f64,
    pub repeats: f64,
}

impl Shares {
    pub fn of(spec: &ProjectSpec) -> Self {
        Shares {
            gold: spec.gold_share,
            attention: spec.attention_share,
            repeats: spec.repeat_share,
        }
    }
}

/// How many of a person's first turns are due to be of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub gold: u32,
    pub attention: u32,
    pub repeats: u32,
}

/// What is due among the first `turns` turns of a person; training does not count as turns.
pub fn due(shares: Shares, seed: u64, person: &str, turns: u32) -> Due {
    let blocks = turns / BLOCK;
    let before = |share: f64, kind: &str, blocks: u32| {
        // A person's own fraction, so that not everybody meets his first gold item in the same block.
        let phase = seeded::share(seed, &["mix", kind, person]);
        (share * f64::from(blocks * BLOCK) + phase).floor() as u32
    };
    let kinds = [
        (shares.gold, "gold"),
        (shares.attention, "attention"),
        (shares.repeats, "repeat"),
    ];
    let mut counts = kinds.map(|(share, kind)| before(share, kind, blocks));
    // Of the block that is under way: its turns in a random order, the first ones taken by each kind.
    let mut places: Vec<u32> = (0..BLOCK).collect();
    let block_seed = seeded::number(seed, &["block", person, &blocks.to_string()]);
    Random::new(block_seed).shuffle(&mut places);
    let mut places = places.into_iter();
    for (count, (share, kind)) in counts.iter_mut().zip(kinds) {
        let in_block = before(share, kind, blocks + 1) - *count;
        *count += places
            .by_ref()
            .take(in_block as usize)
            .filter(|place| *place < turns % BLOCK)
            .count() as u32;
    }
    let [gold, attention, repeats] = counts;
    Due {
        gold,
        attention,
        repeats,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_hold_at_every_turn(
            gold in 0.0_f64..=0.5,
            attention in 0.0_f64..=0.15,
            repeats in 0.0_f64..=0.15,
            seed: u64,
            person in "[a-z]{1,8}",
        ) {
            let shares = Shares { gold, attention, repeats };
            let mut last = Due::default();
            for turns in 0..=200 {
                let now = due(shares, seed, &person, turns);
                for (count, before, share) in [
                    (now.gold, last.gold, gold),
                    (now.attention, last.attention, attention),
                    (now.repeats, last.repeats, repeats),
                ] {
                    prop_assert!(count >= before);
                    let wanted = share * f64::from(turns);
                    let slack = share * f64::from(BLOCK) + 1.0;
                    prop_assert!((f64::from(count) - wanted).abs() <= slack, "{} of {} at {}", count, wanted, turns);
                }
                // One thing a turn.
                let (all, all_before) = (now.gold + now.attention + now.repeats, last.gold + last.attention + last.repeats);
                prop_assert!(all - all_before <= 1);
                last = now;
            }
        }
    }

    #[test]
    fn people_meet_them_at_other_turns() {
        let shares = Shares {
            gold: 0.1,
            ..Shares::default()
        };
        let firsts: std::collections::HashSet<u32> = (0..50)
            .map(|person| {
                let person = person.to_string();
                (1..)
                    .find(|turns| due(shares, 3, &person, *turns).gold > 0)
                    .unwrap_or(0)
            })
            .collect();
        assert!(firsts.len() > 10, "{firsts:?}");
    }
}
