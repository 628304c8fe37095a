//! The samples of a question by cluster, at any threshold: computed and drawn by the same code on the
//! server and in the browser.
//!
//! All numbers are whole (thresholds and heights in millionths), so that both come to the same clusters
//! and the same bytes.

use crate::chart::share;
use crate::format;
use crate::view::QuestionDetail;
use calibration::heights::{Step, clusters_at};
use serde::{Deserialize, Serialize};

/// One, in the unit of thresholds and heights.
const ONE: f64 = 1e6;
/// The slider's last place, and its steps, in millionths.
pub const MAX: i32 = 1_000_000;
pub const STEP: i32 = 5_000;
/// Different responses that stand beneath a cluster; the others are folded away.
const FIRST: usize = 3;

/// The samples of one question, texts made safe to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// The different answers, in order of appearance, and whether each is right.
    pub answers: Vec<(String, bool)>,
    /// The different responses, in order of appearance.
    pub responses: Vec<String>,
    /// Of each sample its index, the place of its answer, and that of its response.
    pub samples: Vec<(u32, u32, u32)>,
    /// Of each sample its steps (height, leader); empty where there is no threshold to move.
    pub heights: Vec<Vec<(i32, u32)>>,
}

/// A cluster as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The answer that stands for it; empty where it answers nothing.
    pub answer: String,
    pub correct: bool,
    /// Its samples: indices, as the run counts them.
    pub indices: Vec<u32>,
    /// 0..=1.
    pub share: f64,
}

impl Sampled {
    /// What a page knows of the samples. Heights that are not those of the samples are left out.
    pub fn new(detail: &QuestionDetail) -> Self {
        let mut sampled = Sampled::default();
        for sample in &detail.samples {
            let answer = (format::visible(&sample.answer), sample.correct);
            let answer = place_of(&mut sampled.answers, answer);
            let response = place_of(&mut sampled.responses, format::visible(&sample.response));
            sampled.samples.push((sample.index, answer, response));
        }
        let is_of = |samples: &[u32]| {
            samples
                .iter()
                .eq(sampled.samples.iter().map(|(index, _, _)| index))
        };
        if let Some(heights) = &detail.heights
            && is_of(&heights.samples)
            && heights.steps.len() == sampled.samples.len()
        {
            sampled.heights = heights.steps.clone();
        }
        sampled
    }

    /// Whether its clusters follow from a threshold.
    pub fn has_heights(&self) -> bool {
        !self.heights.is_empty()
    }

    /// The clusters at a threshold in millionths, largest first.
    pub fn groups_at(&self, threshold: i32) -> Vec<Group> {
        clusters_at(&self.steps(), f64::from(threshold) / ONE)
            .iter()
            .map(|members| self.group(members))
            .collect()
    }

    fn steps(&self) -> Vec<Vec<Step>> {
        let step = |&(height, leader): &(i32, u32)| Step {
            height: f64::from(height) / ONE,
            leader,
        };
        self.heights
            .iter()
            .map(|steps| steps.iter().map(step).collect())
            .collect()
    }

    /// The most frequent answer stands for the cluster, the first of equals.
    fn group(&self, members: &[usize]) -> Group {
        let mut counts = vec![0_u32; self.answers.len()];
        let mut best: Option<(usize, u32)> = None;
        for (_, answer, _) in members
            .iter()
            .filter_map(|member| self.samples.get(*member))
        {
            if let Some(count) = counts.get_mut(*answer as usize) {
                *count += 1;
            }
        }
        for (_, answer, _) in members
            .iter()
            .filter_map(|member| self.samples.get(*member))
        {
            let place = *answer as usize;
            let count = counts.get(place).copied().unwrap_or(0);
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((place, count));
            }
        }
        let (answer, correct) = best
            .and_then(|(place, _)| self.answers.get(place).cloned())
            .unwrap_or_default();
        Group {
            answer,
            correct,
            indices: members
                .iter()
                .filter_map(|member| Some(self.samples.get(*member)?.0))
                .collect(),
            share: members.len() as f64 / self.samples.len().max(1) as f64,
        }
    }

    /// How many clusters there are at each threshold: (height in millionths, clusters below it down to
    /// the next), highest first; above the first every sample is one of its own.
    pub fn counts(&self) -> Vec<(i32, u32)> {
        let mut heights: Vec<i32> = self.heights.iter().flatten().map(|step| step.0).collect();
        heights.sort_unstable_by(|left, right| right.cmp(left));
        heights.dedup();
        let steps = self.steps();
        // Just below it: heights are whole millionths.
        let below = |height: i32| f64::from(height.saturating_sub(1)) / ONE;
        heights
            .into_iter()
            .map(|height| (height, clusters_at(&steps, below(height)).len() as u32))
            .collect()
    }

    /// The responses of a cluster with how often each is said, most often first.
    fn responses_of(&self, group: &Group) -> Vec<(&str, u32)> {
        let mut counts: Vec<(u32, u32)> = Vec::new();
        let mut wanted = group.indices.iter().peekable();
        for (index, _, response) in &self.samples {
            // Both ascend by index.
            while wanted.next_if(|wanted| *wanted < index).is_some() {}
            if wanted.next_if(|wanted| *wanted == index).is_none() {
                continue;
            }
            match counts.iter_mut().find(|(known, _)| known == response) {
                Some((_, count)) => *count += 1,
                None => counts.push((*response, 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
            .into_iter()
            .filter_map(|(response, count)| {
                Some((self.responses.get(response as usize)?.as_str(), count))
            })
            .collect()
    }

    /// The clusters as a table, the responses beneath each.
    pub fn table(&self, groups: &[Group]) -> String {
        let samples: usize = groups.iter().map(|group| group.indices.len()).sum();
        let mut html = String::from("<table class=\"clusters\"><caption>");
        html.push_str(&format::counted(samples as u64, "sample"));
        html.push_str(" in ");
        html.push_str(&format::counted(groups.len() as u64, "cluster"));
        html.push_str("</caption><thead><tr><th scope=\"col\">Answer</th><th scope=\"col\" class=\"number\">Share</th>\
             <th scope=\"col\"><span class=\"unseen\">Share as a bar</span></th><th scope=\"col\" class=\"number\">Samples</th>\
             <th scope=\"col\">Outcome</th></tr></thead>");
        for group in groups {
            self.push_group(&mut html, group);
        }
        html.push_str("</table>");
        html
    }

    fn push_group(&self, html: &mut String, group: &Group) {
        html.push_str("<tbody class=\"cluster\"><tr><th scope=\"row\">");
        if group.answer.trim().is_empty() {
            html.push_str("<span class=\"minor\">no answer</span>");
        } else {
            push_foreign(html, &group.answer);
        }
        html.push_str("</th><td class=\"number\">");
        html.push_str(&format::percent(group.share));
        html.push_str("</td><td class=\"share\">");
        html.push_str(&share::svg(group.share, group.correct));
        html.push_str("</td><td class=\"number\">");
        html.push_str(&format::count(group.indices.len() as u64));
        html.push_str("</td><td>");
        html.push_str(if group.correct {
            "<span class=\"outcome right\">✓ right</span>"
        } else {
            "<span class=\"outcome wrong\">✗ wrong</span>"
        });
        html.push_str("</td></tr>");
        let responses = self.responses_of(group);
        if !responses.is_empty() {
            html.push_str("<tr class=\"said\"><td colspan=\"5\">");
            let (first, rest) = responses.split_at(responses.len().min(FIRST));
            push_responses(html, first);
            if !rest.is_empty() {
                html.push_str("<details><summary>all ");
                html.push_str(&format::counted(group.indices.len() as u64, "sample"));
                html.push_str("</summary>");
                push_responses(html, rest);
                html.push_str("</details>");
            }
            html.push_str("</td></tr>");
        }
        html.push_str("</tbody>");
    }
}

/// Whether the clusters are those of the run, in words.
pub fn kept(stored: bool) -> &'static str {
    if stored {
        "as stored"
    } else {
        "moved: measures and rationales below keep to the stored clusters"
    }
}

/// What is on the screen, for whoever hears it: `0.83: 4 clusters, the largest Canberra with 62%`.
pub fn words(threshold: i32, groups: &[Group]) -> String {
    let mut words = [
        &crate::link::threshold_text(threshold),
        ": ",
        &format::counted(groups.len() as u64, "cluster"),
    ]
    .concat();
    if let Some(largest) = groups.first() {
        let answer = match largest.answer.trim() {
            "" => "no answer".to_owned(),
            answer => format::cut(answer, 40),
        };
        words.push_str(", the largest ");
        words.push_str(&answer);
        words.push_str(" with ");
        words.push_str(&format::percent(largest.share));
    }
    words
}

/// The place of a value in a list, which gets it where it lacks it.
fn place_of<T: PartialEq>(list: &mut Vec<T>, value: T) -> u32 {
    let place = list.iter().position(|known| *known == value);
    place.unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    }) as u32
}

fn push_responses(html: &mut String, responses: &[(&str, u32)]) {
    html.push_str("<ul class=\"responses\">");
    for (response, count) in responses {
        html.push_str("<li>");
        push_foreign(html, response);
        if *count > 1 {
            html.push_str(" <span class=\"times\">× ");
            html.push_str(&format::count(u64::from(*count)));
            html.push_str("</span>");
        }
        html.push_str("</li>");
    }
    html.push_str("</ul>");
}

/// Text that a model wrote; the browser gets it as it is made safe here.
fn push_foreign(html: &mut String, text: &str) {
    html.push_str("<bdi class=\"foreign\">");
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(character),
        }
    }
    html.push_str("</bdi>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled() -> Sampled {
        // Two near ones, and one that joins them below 0.4.
        Sampled {
            answers: vec![("Paris".into(), true), ("<b>".into(), false)],
            responses: vec!["Paris".into(), "Paris.".into(), "<b>".into()],
            samples: vec![(0, 0, 0), (1, 0, 1), (4, 1, 2)],
            heights: vec![vec![], vec![(900_000, 0)], vec![(400_000, 0)]],
        }
    }

    #[test]
    fn clusters_follow_the_threshold() {
        let sampled = sampled();
        let indices = |threshold| -> Vec<Vec<u32>> {
            let groups = sampled.groups_at(threshold);
            groups.into_iter().map(|group| group.indices).collect()
        };
        assert_eq!(indices(950_000), [vec![0], vec![1], vec![4]]);
        // More than the threshold is asked for.
        assert_eq!(indices(900_000), [vec![0], vec![1], vec![4]]);
        assert_eq!(indices(899_999), [vec![0, 1], vec![4]]);
        assert_eq!(indices(0), [vec![0, 1, 4]]);
        assert_eq!(sampled.counts(), [(900_000, 2), (400_000, 1)]);
        assert_eq!(
            words(500_000, &sampled.groups_at(500_000)),
            "0.5: 2 clusters, the largest Paris with 67%"
        );
    }

    #[test]
    fn what_is_drawn_is_text() {
        let sampled = sampled();
        let html = sampled.table(&sampled.groups_at(500_000));
        assert!(
            html.contains("&lt;b&gt;") && !html.contains("<b>"),
            "{html}"
        );
        assert!(html.contains("3 samples in 2 clusters"));
        assert!(!html.contains("/>"), "as a browser would write it: {html}");
    }

    #[test]
    fn a_damaged_record_of_heights_does_no_harm() {
        let odd = Sampled {
            heights: vec![vec![(i32::MIN, u32::MAX)], vec![(5, 77)]],
            samples: vec![(0, 9, 9), (0, 9, 9)],
            ..Sampled::default()
        };
        assert!(!odd.table(&odd.groups_at(0)).is_empty());
        assert_eq!(odd.counts().len(), 2);
    }
}
