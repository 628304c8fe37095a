//! The reliability diagram, redrawn as its kind and bins are chosen.

use super::address::{self, Step};
use super::dom::{Island, on, set_attribute};
use super::json;
use crate::chart::outcomes::{Binning, Outcomes};
use crate::chart::{Diagram as Kind, reliability};
use crate::choice::{BINS, BINS_FIRST, Choice};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::MouseEvent;

struct Diagram {
    island: Island,
    outcomes: Vec<Outcomes>,
    choice: Cell<Choice>,
}

pub fn wake(island: Island) -> Option<()> {
    let diagram = Rc::new(Diagram {
        outcomes: json::outcomes(&island.data("outcomes")?)?,
        choice: Cell::new(Choice::of(&address::current())),
        island,
    });
    let island = &diagram.island;
    for link in island.all(".kinds a") {
        let kind = Kind::named(&link.get_attribute("data-diagram")?)?;
        let diagram = diagram.clone();
        on(&link, "click", move |event| {
            // Another tab or window is the browser's affair.
            let click: Option<&MouseEvent> = event.dyn_ref();
            if click.is_some_and(|click| click.ctrl_key() || click.meta_key() || click.shift_key())
            {
                return;
            }
            event.prevent_default();
            diagram.choose(Step::Forward, |choice| choice.diagram = kind);
        });
    }
    let stated = diagram.clone();
    island.on(".stated", "change", move |_| stated.choose_bins(None));
    let width = diagram.clone();
    island.on(".width", "change", move |_| {
        let bins = width.choice.get().bins.unwrap_or(BINS_FIRST);
        width.choose_bins(Some(bins));
    });
    let slid = diagram.clone();
    island.on("[type=range]", "input", move |_| {
        let value = slid.island.value("[type=range]");
        if let Some(bins) = value.and_then(|value| value.parse::<u32>().ok()) {
            slid.show(Choice {
                bins: Some(bins.clamp(*BINS.start(), *BINS.end())),
                ..slid.choice.get()
            });
        }
    });
    // The address follows once the slider rests: browsers refuse hundreds of changes in a few seconds.
    let chosen = diagram.clone();
    island.on("[type=range]", "change", move |_| {
        chosen.choose_bins(chosen.choice.get().bins);
    });
    let gone_back = diagram.clone();
    address::when_gone_back(move |choice| gone_back.show(choice));
    let chosen = diagram.choice.get();
    if (chosen.diagram, chosen.bins) == (Kind::default(), None) {
        diagram.show_choice();
    } else {
        // A page that is a file was drawn without its query.
        diagram.show(chosen);
    }
    Some(())
}

impl Diagram {
    fn choose_bins(&self, bins: Option<u32>) {
        self.choose(Step::InPlace, |choice| choice.bins = bins);
    }

    fn choose(&self, step: Step, change: impl Fn(&mut Choice)) {
        let mut choice = self.choice.get();
        change(&mut choice);
        address::change(step, change);
        self.show(choice);
    }

    fn show(&self, choice: Choice) {
        self.choice.set(choice);
        let (kind, binning) = (choice.diagram, choice.binning());
        let drawn = reliability::drawn(&self.outcomes, kind, binning, "reliability");
        self.island.set_html(".drawing", &drawn);
        let table = reliability::table_of(&self.outcomes, kind, binning);
        self.island.set_html(".numbers .scroll", &table);
        self.island.set_text(".caption", kind.caption());
        self.show_choice();
    }

    /// The choices alone: after a reload a browser puts back what stood in their fields.
    fn show_choice(&self) {
        let island = &self.island;
        // The threshold beside it moves by itself.
        let choice = Choice {
            above: Choice::of(&address::current()).above,
            ..self.choice.get()
        };
        let bins = choice.bins.unwrap_or(BINS_FIRST).to_string();
        island.set_value("[type=range]", &bins);
        island.set_text("output", &bins);
        island.set_checked(".stated", choice.binning() == Binning::Stated);
        island.set_checked(".width", choice.binning() != Binning::Stated);
        let usable = choice.diagram != Kind::Smooth;
        island.set_flag("fieldset", "disabled", !usable);
        island.set_class("fieldset", "alive", usable);
        for link in island.all(".kinds a") {
            let Some(diagram) = link
                .get_attribute("data-diagram")
                .and_then(|name| Kind::named(&name))
            else {
                continue;
            };
            let leads_to = Choice { diagram, ..choice }.address(&address::current());
            set_attribute(&link, "href", &leads_to);
            let current = diagram == choice.diagram;
            if current {
                set_attribute(&link, "aria-current", "true");
            } else {
                let _ = link.remove_attribute("aria-current");
            }
        }
        address::keep_files(island, choice);
    }
}
