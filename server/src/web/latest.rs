//! What was used last, within a number and a sum of bytes.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key; the ones that were asked for longest ago go first.
pub struct Latest<Key, Value> {
    values: HashMap<Key, Used<Value>>,
    values_max: usize,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

struct Used<Value> {
    value: Value,
    bytes: usize,
    at: u64,
}

impl<Key: Clone + Eq + Hash, Value> Latest<Key, Value> {
    pub fn new(values_max: usize, bytes_max: usize) -> Self {
        Latest {
            values: HashMap::new(),
            values_max,
            bytes: 0,
            bytes_max,
            clock: 0,
        }
    }

    pub fn get<Asked>(&mut self, key: &Asked) -> Option<&Value>
    where
        Key: std::borrow::Borrow<Asked>,
        Asked: Eq + Hash + ?Sized,
    {
        self.clock += 1;
        let used = self.values.get_mut(key)?;
        used.at = self.clock;
        Some(&used.value)
    }

    /// Keeps a value of so many bytes in the place of an earlier one; one that is a quarter of all
    /// room is not worth it.
    pub fn keep(&mut self, key: Key, value: Value, bytes: usize) {
        if bytes > self.bytes_max / 4 {
            return;
        }
        self.clock += 1;
        let at = self.clock;
        self.bytes += bytes;
        if let Some(before) = self.values.insert(key, Used { value, bytes, at }) {
            self.bytes -= before.bytes;
        }
        while self.values.len() > self.values_max || self.bytes > self.bytes_max {
            let oldest = self
                .values
                .iter()
                .min_by_key(|(_, used)| used.at)
                .map(|(key, _)| key.clone());
            let Some(removed) = oldest.and_then(|oldest| self.values.remove(&oldest)) else {
                break;
            };
            self.bytes -= removed.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let mut latest = Latest::new(3, 100);
        for name in ["a", "b", "c"] {
            latest.keep(name.to_owned(), name.len(), 4);
        }
        assert!(latest.get("a").is_some());
        latest.keep("d".to_owned(), 1, 4);
        assert!(latest.get("b").is_none());
        assert!(latest.get("a").is_some());
        assert_eq!(latest.bytes, 12);
        // In the place of another, its bytes count no more.
        latest.keep("a".to_owned(), 1, 10);
        assert_eq!(latest.bytes, 18);
    }

    #[test]
    fn the_sum_of_bytes_is_bounded() {
        let mut latest = Latest::new(100, 100);
        latest.keep(0, (), 26);
        assert!(latest.get(&0).is_none(), "larger than a quarter");
        for number in 0..10 {
            latest.keep(number, (), 25);
        }
        assert_eq!((latest.values.len(), latest.bytes), (4, 100));
        assert!(latest.get(&9).is_some());
    }
}
