//! The parts of an island, found by selectors and changed one by one.

use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, HtmlInputElement, NodeList};

/// One island of the page.
#[derive(Clone)]
pub struct Island(Element);

/// All islands of the page, in its order.
pub fn islands() -> Vec<Island> {
    let document = web_sys::window().and_then(|window| window.document());
    let found = document.and_then(|document| document.query_selector_all("[data-island]").ok());
    elements(found).into_iter().map(Island).collect()
}

fn elements(list: Option<NodeList>) -> Vec<Element> {
    let Some(list) = list else { return Vec::new() };
    (0..list.length())
        .filter_map(|index| list.item(index)?.dyn_into().ok())
        .collect()
}

impl Island {
    /// The attribute `data-…`.
    pub fn data(&self, name: &str) -> Option<String> {
        self.0.get_attribute(&["data-", name].concat())
    }

    pub fn all(&self, selector: &str) -> Vec<Element> {
        elements(self.0.query_selector_all(selector).ok())
    }

    pub fn one(&self, selector: &str) -> Option<Element> {
        self.0.query_selector(selector).ok()?
    }

    pub fn set_html(&self, selector: &str, html: &str) {
        if let Some(element) = self.one(selector) {
            element.set_inner_html(html);
        }
    }

    pub fn set_text(&self, selector: &str, text: &str) {
        if let Some(element) = self.one(selector) {
            element.set_text_content(Some(text));
        }
    }

    pub fn set_attribute(&self, selector: &str, name: &str, value: &str) {
        if let Some(element) = self.one(selector) {
            set_attribute(&element, name, value);
        }
    }

    /// An attribute that is there or not, such as `hidden`.
    pub fn set_flag(&self, selector: &str, name: &str, there: bool) {
        if let Some(element) = self.one(selector) {
            let _ = element.toggle_attribute_with_force(name, there);
        }
    }

    pub fn set_class(&self, selector: &str, class: &str, there: bool) {
        if let Some(element) = self.one(selector) {
            let _ = element.class_list().toggle_with_force(class, there);
        }
    }

    /// What stands in a field, whatever was typed into it.
    pub fn set_value(&self, selector: &str, value: &str) {
        if let Some(input) = self.input(selector) {
            input.set_value(value);
        }
    }

    pub fn set_checked(&self, selector: &str, checked: bool) {
        if let Some(input) = self.input(selector) {
            input.set_checked(checked);
        }
    }

    pub fn value(&self, selector: &str) -> Option<String> {
        Some(self.input(selector)?.value())
    }

    fn input(&self, selector: &str) -> Option<HtmlInputElement> {
        self.one(selector)?.dyn_into().ok()
    }

    /// Calls back at each event of an element, for as long as the page lives.
    pub fn on(&self, selector: &str, event: &str, hear: impl Fn(Event) + 'static) {
        if let Some(element) = self.one(selector) {
            on(&element, event, hear);
        }
    }
}

/// What a browser refuses stays as it is: there is nobody to tell.
pub fn set_attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Calls back at each event of an element, for as long as the page lives.
pub fn on(element: &Element, event: &str, hear: impl Fn(Event) + 'static) {
    let hear = Closure::<dyn Fn(Event)>::new(hear);
    let _ = element.add_event_listener_with_callback(event, hear.as_ref().unchecked_ref());
    hear.forget();
}
