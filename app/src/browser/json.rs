//! JSON by the browser's own parser: serde's would be a tenth of the module.

use crate::chart::outcomes::{Outcomes, Tally};
use wasm_bindgen::JsValue;

/// A value of a JSON text.
pub struct Json(JsValue);

impl Json {
    /// `None` where the text is no JSON.
    pub fn parse(text: &str) -> Option<Json> {
        js_sys::JSON::parse(text).ok().map(Json)
    }

    /// `null` and absent are the same.
    pub fn get(&self, key: &str) -> Option<Json> {
        let value = js_sys::Reflect::get(&self.0, &key.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(Json(value))
    }

    pub fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// Exact up to 2^53.
    pub fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    pub fn truth(&self) -> Option<bool> {
        self.0.as_bool()
    }

    /// The values of a list that `read` understands; one that it does not makes the list `None`.
    pub fn list<T>(&self, read: impl FnMut(Json) -> Option<T>) -> Option<Vec<T>> {
        let list = js_sys::Array::try_from(self.0.clone()).ok()?;
        list.iter().map(Json).map(read).collect()
    }

    /// A list of `N` whole numbers.
    pub fn numbers<const N: usize>(&self) -> Option<[i32; N]> {
        let numbers = self.list(|value| Some(value.number()? as i32))?;
        numbers.try_into().ok()
    }

    /// The rows of a table, none where it is absent.
    fn rows<const N: usize>(&self, key: &str) -> Vec<[u32; N]> {
        let row = |value: Json| Some(value.numbers::<N>()?.map(|number| number.max(0) as u32));
        self.get(key)
            .and_then(|table| table.list(row))
            .unwrap_or_default()
    }
}

/// Evaluations as the server embeds them in a page.
pub fn outcomes(text: &str) -> Option<Vec<Outcomes>> {
    let one = |value: Json| {
        let tally = |[confidence, right, wrong]: [u32; 3]| Tally(confidence, right, wrong);
        Some(Outcomes {
            label: value.get("label")?.text()?,
            tallies: value.rows("tallies").into_iter().map(tally).collect(),
            curve: value.rows("curve").into_iter().map(Into::into).collect(),
            band: value.rows("band").into_iter().map(Into::into).collect(),
            smooth: value.rows("smooth").into_iter().map(Into::into).collect(),
            smooth_width: value.get("smooth_width")?.number()? as u32,
            recalibrated: value
                .rows("recalibrated")
                .into_iter()
                .map(Into::into)
                .collect(),
        })
    };
    Json::parse(text)?.list(one)
}
