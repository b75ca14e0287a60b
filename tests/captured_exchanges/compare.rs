//! Two bodies side by side: keys, JSON types, and every figure that our exchange computes itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::changes::KeyChange;

/// The changes that may excuse a difference, and which of them did.
pub struct Excuses {
    removed: &'static [KeyChange],
    added: &'static [KeyChange],
    longer: &'static [KeyChange],
    used: BTreeSet<&'static str>,
}

impl Excuses {
    /// Changes excuse only what was captured before them.
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

    /// Entries that excused nothing: they hide no difference and don't belong on the list.
    pub fn idle(&self) -> Vec<&'static str> {
        let all = self.removed.iter().chain(self.added).chain(self.longer);
        all.filter(|change| !self.used.contains(change.key)).map(|change| change.key).collect()
    }
}

/// Strings and numbers that differ from session to session: identifiers and times.
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

/// How much of two bodies must agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Captured keys are in ours, with their types. A captured null may be anything of ours, and absent.
    Contained,
    /// Keys and types.
    Shape,
    /// Those and all values but identifiers and times.
    Values,
}

/// Compares a captured body with ours and adds what differs, by its place.
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
                // The kind counts; an empty cursor is a fact about the list.
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

/// The keys of many captured objects of one kind: those of all of them, and the types that each key was seen with.
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

    /// Compares one of our objects with all that were captured. A key that some of them lack may be lacking in ours too.
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
