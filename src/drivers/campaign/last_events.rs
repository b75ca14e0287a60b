//! The last events of a run as text, recorded when a run with a violation is repeated.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many public frames are kept, which are frequent, and how many other events.
const KEPT: [usize; 2] = [10, 40];
/// The longest text of an event, in characters.
const LENGTH: usize = 400;

#[derive(Debug, Default)]
struct Kept {
    number: u64,
    events: [VecDeque<(u64, String)>; 2],
}

/// The last events of a run, which are still available if the run ended in a panic.
#[derive(Clone, Debug, Default)]
pub(super) struct LastEvents(Rc<RefCell<Kept>>);

impl LastEvents {
    /// Adds an event, cut to a readable length. Public frames do not displace other events.
    pub(super) fn push(&self, session_ms: i64, public: bool, what: &str) {
        let mut kept = self.0.borrow_mut();
        kept.number += 1;
        let number = kept.number;
        let class = usize::from(!public);
        if kept.events[class].len() == KEPT[class] {
            kept.events[class].pop_front();
        }
        let text = format!("{session_ms} {}", what.chars().take(LENGTH).collect::<String>());
        kept.events[class].push_back((number, text));
    }

    /// All kept events, oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        let kept = self.0.borrow();
        let mut events: Vec<_> = kept.events.iter().flatten().collect();
        events.sort_unstable();
        events.into_iter().map(|(_, text)| text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_frames_do_not_drive_out_what_else_happened() {
        let events = LastEvents::default();
        events.push(1, false, "crash");
        (2..100).for_each(|at_ms| events.push(at_ms, true, "frame"));
        events.push(100, false, &"x".repeat(10_000));
        let lines = events.lines();
        assert_eq!(lines.len(), KEPT[0] + 2);
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("1 crash", "90 frame"));
        assert_eq!(lines[11].len(), "100 ".len() + LENGTH);
    }
}
