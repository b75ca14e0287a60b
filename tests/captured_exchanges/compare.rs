//! Compares two bodies: keys, JSON types, and every figure that our exchange computes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::changes::KeyChange;

/// The known changes that may explain a difference, and which of them did.
pub struct Excuses {
    removed: &'static [KeyChange],
    added: &'static [KeyChange],
    longer: &'static [KeyChange],
    used: BTreeSet<&'static str>,
}

impl Excuses {
    /// Only changes after the date of the capture count.
    pub fn new(
        captured: &str,
        removed: &'static [KeyChange],
        added: &'static [KeyChange],
        longer: &'static [KeyChange],
    ) -> Self {
        for change in removed.iter().chain(added).chain(longer) {
            assert!(change.date > captured, "{} changed on {}, before the capture", change.key, change.date);
        }
        Self { removed, added, longer, used: BTreeSet::new() }
    }

    fn excuse(&mut self, list: &'static [KeyChange], key: &str) -> bool {
        let found = list.iter().find(|change| change.key == key);
        self.used.extend(found.map(|change| change.key));
        found.is_some()
    }

    fn excuses_removal(&mut self, key: &str) -> bool {
        self.excuse(self.removed, key)
    }

    fn excuses_addition(&mut self, key: &str) -> bool {
        self.excuse(self.added, key)
    }

    /// Entries that explained no difference, and so don't belong on the list.
    pub fn idle(&self) -> Vec<&'static str> {
        let all = self.removed.iter().chain(self.added).chain(self.longer);
        all.filter(|change| !self.used.contains(change.key)).map(|change| change.key).collect()
    }
}

/// Whether the value of a key differs from session to session, as identifiers and times do.
fn is_own(key: &str) -> bool {
    const OWN: [&str; 9] =
        ["order_id", "user_id", "trade_id", "fill_id", "market_id", "cursor", "ts", "ts_ms", "as_of_time"];
    OWN.contains(&key) || key.ends_with("_ts") || key.ends_with("_time") || key.ends_with("_id")
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// How closely two bodies must agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Our body has all captured keys, with the same types. For a captured null ours may have any value, or lack the key.
    Contained,
    /// Same keys and types.
    Shape,
    /// Same keys, types and values, except for identifiers and times.
    Values,
}

/// Compares a captured body with ours and adds a description of each difference, with its place.
pub fn compare(
    place: &str,
    captured: &Value,
    ours: &Value,
    depth: Depth,
    excuses: &mut Excuses,
    differences: &mut Vec<String>,
) {
    match (captured, ours) {
        (Value::Object(captured), Value::Object(ours)) => {
            compare_objects(place, captured, ours, depth, excuses, differences);
        }
        (Value::Array(captured), Value::Array(ours)) => {
            let name = place.rsplit('.').next().unwrap_or(place);
            let counts = depth == Depth::Values && captured.len() != ours.len();
            if counts && !(captured.len() < ours.len() && excuses.excuse(excuses.longer, name)) {
                differences.push(format!("{place}: {} entries, captured were {}", ours.len(), captured.len()));
            }
            if depth != Depth::Values && ours.is_empty() && !captured.is_empty() {
                differences.push(format!("{place}: no entry, captured were {}", captured.len()));
            }
            for (position, (captured, ours)) in captured.iter().zip(ours).enumerate() {
                compare(&format!("{place}[{position}]"), captured, ours, depth, excuses, differences);
            }
        }
        _ if depth == Depth::Contained && (captured.is_null() || ours.is_null()) => {}
        _ if kind(captured) != kind(ours) => {
            differences.push(format!("{place}: {} ({ours}), captured was {}", kind(ours), kind(captured)));
        }
        _ if depth == Depth::Values && captured != ours => {
            differences.push(format!("{place}: {ours}, captured was {captured}"));
        }
        _ => {}
    }
}

fn compare_objects(
    place: &str,
    captured: &Map<String, Value>,
    ours: &Map<String, Value>,
    depth: Depth,
    excuses: &mut Excuses,
    differences: &mut Vec<String>,
) {
    for (key, value) in captured {
        let here = format!("{place}.{key}");
        match ours.get(key) {
            None if depth == Depth::Contained && value.is_null() => {}
            None if excuses.excuses_removal(key) => {}
            None => differences.push(format!("{here} is missing")),
            Some(own) if is_own(key) && depth != Depth::Contained => {
                // Only the type is compared, and for a cursor also whether it is empty.
                let agree = kind(value) == kind(own) && (key != "cursor" || (value == "") == (own == ""));
                if !agree {
                    differences.push(format!("{here}: {own}, captured was {value}"));
                }
            }
            Some(own) => compare(&here, value, own, depth, excuses, differences),
        }
    }
    if depth == Depth::Contained {
        return;
    }
    for key in ours.keys().filter(|key| !captured.contains_key(*key)) {
        if !excuses.excuses_addition(key) {
            differences.push(format!("{place}.{key} was not captured"));
        }
    }
}

/// The keys of many captured objects of one kind, with the number of objects that have each and the types seen.
#[derive(Default)]
pub struct Seen {
    objects: usize,
    keys: BTreeMap<String, (usize, BTreeSet<&'static str>)>,
}

impl Seen {
    pub fn add(&mut self, object: &Value) {
        self.objects += 1;
        for (key, value) in object.as_object().expect("an object of the capture") {
            let (count, kinds) = self.keys.entry(key.clone()).or_default();
            *count += 1;
            kinds.insert(kind(value));
        }
    }

    /// Compares one of our objects with all captured ones. A key that some of them lack may be missing from ours too.
    pub fn compare(&self, place: &str, ours: &Value, excuses: &mut Excuses, differences: &mut Vec<String>) {
        let ours = ours.as_object().expect("our objects are objects");
        for (key, (count, kinds)) in &self.keys {
            match ours.get(key) {
                Some(value) if kinds.contains(kind(value)) => {}
                Some(value) => differences.push(format!("{place}.{key}: {}, captured were {kinds:?}", kind(value))),
                None if *count < self.objects || excuses.excuses_removal(key) => {}
                None => differences.push(format!("{place}.{key} is missing")),
            }
        }
        for key in ours.keys().filter(|key| !self.keys.contains_key(*key)) {
            if !excuses.excuses_addition(key) {
                differences.push(format!("{place}.{key} was not captured"));
            }
        }
    }
}
