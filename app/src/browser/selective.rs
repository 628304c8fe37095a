//! The risk-coverage curve, redrawn as its threshold is moved.

use super::address::{self, Step};
use super::dom::Island;
use super::json;
use crate::chart::outcomes::Outcomes;
use crate::chart::{format, risk_coverage};
use crate::choice::Choice;
use std::rc::Rc;

struct Selective {
    island: Island,
    outcomes: Vec<Outcomes>,
}

pub fn wake(island: Island) -> Option<()> {
    let selective = Rc::new(Selective {
        outcomes: json::outcomes(&island.data("outcomes")?)?,
        island,
    });
    let slid = selective.clone();
    selective.island.on("[type=range]", "input", move |_| {
        if let Some(above) = slid.above() {
            slid.show(above);
        }
    });
    // The address follows once the slider rests: browsers refuse hundreds of changes in a few seconds.
    let chosen = selective.clone();
    selective.island.on("[type=range]", "change", move |_| {
        let above = chosen.above();
        address::change(Step::InPlace, |choice| choice.above = above);
    });
    let gone_back = selective.clone();
    address::when_gone_back(move |choice| {
        gone_back.show(choice.above_or_half(&gone_back.outcomes));
    });
    // After a reload a browser puts back what stood in the slider.
    let choice = Choice::of(&address::current());
    match choice.above {
        // A page that is a file was drawn without its query.
        Some(above) => selective.show(above),
        None => selective.show_threshold(choice.above_or_half(&selective.outcomes)),
    }
    selective.island.set_class("button", "alive", true);
    Some(())
}

impl Selective {
    /// Where the slider stands, in hundredths.
    fn above(&self) -> Option<u32> {
        let value = self.island.value("[type=range]")?;
        value.parse::<u32>().ok().map(|above| above.min(100))
    }

    /// `above` in hundredths.
    fn show(&self, above: u32) {
        let threshold = above * 100;
        let island = &self.island;
        for (element, one) in island.all(".selected .words").iter().zip(&self.outcomes) {
            let words = risk_coverage::selected(one, threshold).words();
            element.set_text_content(Some(&words));
        }
        let drawn = risk_coverage::svg_at(&self.outcomes, Some(threshold), "risk-coverage");
        island.set_html(".drawing", &drawn);
        self.show_threshold(above);
        let choice = Choice {
            above: Some(above),
            ..Choice::of(&address::current())
        };
        address::keep_files(island, choice);
    }

    fn show_threshold(&self, above: u32) {
        let written = format::fixed(f64::from(above) / 100.0, 2);
        self.island.set_value("[type=range]", &above.to_string());
        self.island
            .set_attribute("[type=range]", "aria-valuetext", &written);
        self.island.set_text("output", &written);
    }
}
