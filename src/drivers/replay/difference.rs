//! A difference between the recording and the replay as text, with its place.

use std::fmt;

use super::stream::StageRecord;
use crate::clock::Now;
use crate::record::journal::StageId;

/// The most lines of each side that are shown.
const LINES_MAX: usize = 12;

/// Both sides of a difference, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// The recorded side.
    pub recorded: String,
    /// The replayed side.
    pub replayed: String,
}

impl Sides {
    pub(super) fn new(recorded: impl Into<String>, replayed: impl Into<String>) -> Self {
        Self { recorded: recorded.into(), replayed: replayed.into() }
    }

    /// From two messages or states in Rust's pretty debug form: the lines that differ, each with its path.
    pub(super) fn of_states(recorded: &str, replayed: &str) -> Self {
        let (ours, theirs) = (placed_lines(recorded), placed_lines(replayed));
        let mut sides = (Vec::new(), Vec::new());
        // Equal lines at both ends are left out.
        let same_before = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
        let rest = (ours.len() - same_before).min(theirs.len() - same_before);
        let same_after =
            (0..rest).take_while(|back| ours[ours.len() - 1 - back] == theirs[theirs.len() - 1 - back]).count();
        let (ours, theirs) =
            (&ours[same_before..ours.len() - same_after], &theirs[same_before..theirs.len() - same_after]);
        if ours.len() == theirs.len() {
            for (one, other) in ours.iter().zip(theirs).filter(|(one, other)| one != other) {
                sides.0.push(one.as_str());
                sides.1.push(other.as_str());
            }
        } else {
            sides = (ours.iter().map(String::as_str).collect(), theirs.iter().map(String::as_str).collect());
        }
        if sides.0.is_empty() && sides.1.is_empty() {
            return Self::new("(equal in words)", "(equal in words: the bytes differ, as those of two NaNs may)");
        }
        Self { recorded: shortened(&sides.0), replayed: shortened(&sides.1) }
    }
}

fn shortened(lines: &[&str]) -> String {
    let text = lines.iter().take(LINES_MAX).copied().collect::<Vec<_>>().join("\n");
    match lines.len() {
        0 => "(nothing)".to_owned(),
        1..=LINES_MAX => text,
        count => format!("{text}\n... and {} lines more", count - LINES_MAX),
    }
}

/// The lines of a pretty debug form that have a value, each with its path. An element of a list is named by its index.
fn placed_lines(text: &str) -> Vec<String> {
    // The open structures, and the number of elements so far for a list.
    let mut open: Vec<(String, Option<usize>)> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let depth = (line.len() - line.trim_start().len()) / 4;
        let line = line.trim().trim_end_matches(',');
        open.truncate(depth);
        if matches!(line, "}" | "]" | ")") {
            continue;
        }
        let element = open.last_mut().and_then(|(_, elements)| {
            let elements = elements.as_mut()?;
            *elements += 1;
            Some(*elements - 1)
        });
        if let Some(opened) = line.strip_suffix(['{', '[', '(']) {
            let name = opened.split(':').next().unwrap_or(opened).trim();
            let name = element.map_or_else(|| name.to_owned(), |place| place.to_string());
            open.resize(depth, (String::new(), None));
            open.push((name, line.ends_with('[').then_some(0)));
        } else {
            let line = element.map_or_else(|| line.to_owned(), |place| format!("{place}: {line}"));
            let names = open.iter().map(|(name, _)| name.as_str()).filter(|name| !name.is_empty());
            lines.push(names.chain([line.as_str()]).collect::<Vec<_>>().join("."));
        }
    }
    lines
}

/// The first difference between a replayed stage and the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The stage that differs.
    pub stage: StageId,
    /// The number of the record among those of the stage.
    pub number: u64,
    /// The segment of the record.
    pub segment: u32,
    /// The time of the input that was being handled.
    pub now: Now,
    /// What differs.
    pub what: String,
    /// The recorded and the replayed side.
    pub sides: Sides,
}

impl Difference {
    pub(super) fn new(stage: StageId, record: &StageRecord, what: impl Into<String>, sides: Sides) -> Self {
        let StageRecord { number, segment, now, .. } = *record;
        Self { stage, number, segment, now, what: what.into(), sides }
    }

    pub(super) fn state(stage: StageId, record: &StageRecord, sides: Sides) -> Self {
        Self::new(stage, record, "the stage's state at a checkpoint", sides)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, number, segment, now, what, sides } = self;
        writeln!(
            f,
            "{} stage, record {number} (segment {segment}), at {} ms session time, {} ns: {what}",
            stage.as_str(),
            now.session_ms,
            now.mono_ns
        )?;
        for (name, side) in [("recorded", &sides.recorded), ("replayed", &sides.replayed)] {
            writeln!(f, "  {name}:")?;
            for line in side.lines() {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by the derived long form")]
    struct Inner {
        price: u32,
        sizes: Vec<u32>,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by the derived long form")]
    struct Outer {
        name: &'static str,
        inner: Inner,
    }

    fn outer(price: u32, sizes: &[u32]) -> String {
        format!("{:#?}", Outer { name: "A", inner: Inner { price, sizes: sizes.to_vec() } })
    }

    #[test]
    fn only_what_differs_is_shown_with_its_place() {
        let sides = Sides::of_states(&outer(40, &[1, 2, 3]), &outer(41, &[1, 9, 3]));
        assert_eq!(sides.recorded, "Outer.inner.price: 40\nOuter.inner.sizes.1: 2");
        assert_eq!(sides.replayed, "Outer.inner.price: 41\nOuter.inner.sizes.1: 9");
    }

    #[test]
    fn what_only_one_side_has_is_shown_as_nothing_on_the_other() {
        let sides = Sides::of_states(&outer(40, &[1, 2]), &outer(40, &[1]));
        assert_eq!((sides.recorded.as_str(), sides.replayed.as_str()), ("Outer.inner.sizes.1: 2", "(nothing)"));
    }
}
