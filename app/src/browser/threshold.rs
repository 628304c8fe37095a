//! The clusters of a question's samples as the threshold moves: computed here from the stored merge
//! heights, without asking the server.

use super::address::{self, Step};
use super::dom::Island;
use super::json::Json;
use crate::link;
use crate::regroup::{MAX, Sampled, kept, words};
use std::rc::Rc;

const FIELD: &str = "[type=number]";
const SLIDER: &str = "[type=range]";

struct Threshold {
    island: Island,
    sampled: Sampled,
    /// In millionths.
    stored: i32,
}

pub fn wake(island: Island) -> Option<()> {
    let threshold = Rc::new(Threshold {
        sampled: sampled(&island.data("sampled")?)?,
        stored: island.data("stored")?.parse().ok()?,
        island,
    });
    let island = &threshold.island;
    let slid = threshold.clone();
    island.on(SLIDER, "input", move |_| {
        slid.read(SLIDER);
    });
    // The address follows once the slider rests: browsers refuse hundreds of changes in a few seconds.
    for field in [SLIDER, FIELD] {
        let chosen = threshold.clone();
        island.on(field, "change", move |_| {
            if let Some(typed) = chosen.read(field) {
                chosen.keep(typed);
            }
        });
    }
    // After a reload a browser puts back what stood in the field.
    let drawn = link::millionths(&island.one(FIELD)?.get_attribute("value")?)?;
    match asked(&address::current()) {
        // A page that is a file was drawn without its query.
        Some(asked) if asked != drawn => threshold.show(asked),
        _ => threshold.show_threshold(drawn),
    }
    island.set_flag(SLIDER, "disabled", false);
    island.set_class("button", "alive", true);
    island.set_class(".slide", "alive", true);
    Some(())
}

impl Threshold {
    /// Shows what stands in a field.
    fn read(&self, field: &str) -> Option<i32> {
        let typed = link::millionths(&self.island.value(field)?)?;
        self.show(typed);
        Some(typed)
    }

    fn keep(&self, threshold: i32) {
        let here = address::current();
        let page = here.split('?').next().unwrap_or_default();
        if threshold == self.stored {
            address::go(Step::InPlace, page);
        } else {
            let address = [page, "?threshold=", &link::threshold_text(threshold)].concat();
            address::go(Step::InPlace, &address);
        }
    }

    fn show(&self, threshold: i32) {
        let island = &self.island;
        let groups = self.sampled.groups_at(threshold);
        let words = words(threshold, &groups);
        let stored = threshold == self.stored;
        island.set_html(".scroll", &self.sampled.table(&groups));
        island.set_attribute(SLIDER, "aria-valuetext", &words);
        island.set_text(".groups", &words);
        island.set_text(".words .minor", kept(stored));
        island.set_flag(".stored", "hidden", stored);
        self.show_threshold(threshold);
    }

    fn show_threshold(&self, threshold: i32) {
        let island = &self.island;
        island.set_value(FIELD, &link::threshold_text(threshold));
        island.set_value(SLIDER, &link::threshold_text(threshold.clamp(0, MAX)));
    }
}

/// The threshold that an address asks for, in millionths.
fn asked(address: &str) -> Option<i32> {
    let (_, query) = address.split_once('?')?;
    let mut parameters = query.split('&');
    let value = parameters.find_map(|parameter| parameter.strip_prefix("threshold="))?;
    link::millionths(value)
}

/// [`Sampled`] as the server embeds it.
fn sampled(text: &str) -> Option<Sampled> {
    let object = Json::parse(text)?;
    let answer = |value: Json| {
        let mut text = None;
        let mut correct = None;
        value.list(|part| {
            text = text.take().or(part.text());
            correct = part.truth();
            Some(())
        })?;
        Some((text?, correct?))
    };
    let sample = |value: Json| {
        let [index, answer, response] = value.numbers()?;
        Some((index as u32, answer as u32, response as u32))
    };
    let step = |value: Json| {
        let [height, leader] = value.numbers()?;
        Some((height, leader as u32))
    };
    Some(Sampled {
        answers: object.get("answers")?.list(answer)?,
        responses: object.get("responses")?.list(|value| value.text())?,
        samples: object.get("samples")?.list(sample)?,
        heights: object.get("heights")?.list(|steps| steps.list(step))?,
    })
}
