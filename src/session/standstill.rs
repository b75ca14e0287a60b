//! Tracks what keeps a session from trading for more than a few seconds: second by second for the live line, and in
//! total for the report.

use std::time::{Duration, Instant};

use crate::drivers::live::{Problem, Progress};
use crate::execute::{Block, Standstill};
use crate::messages::Verdict;
use crate::record::summary::StandstillSummary;

/// Shorter standstills are not reported, since every start has some.
const TOLD_AFTER: Duration = Duration::from_secs(3);
/// The same where individual orders are refused, since other decisions may follow.
const REFUSALS_TOLD_AFTER: Duration = Duration::from_secs(10);
/// How long before a standstill its cause may have occurred.
const CAUSE: Duration = Duration::from_secs(5);

/// A period without trading, for one reason.
#[derive(Clone, Debug)]
struct Spell {
    what: String,
    until: String,
    since: Instant,
    told_after: Duration,
}

/// Tracks the standstills of a session.
#[derive(Debug)]
pub(super) struct Standstills {
    spell: Option<Spell>,
    over: Vec<StandstillSummary>,
    verdicts: [u64; Verdict::COUNT],
}

/// The number of intents that had the desired effect.
fn acted(verdicts: &[u64; Verdict::COUNT]) -> u64 {
    [Verdict::Kept, Verdict::Placed, Verdict::Amended, Verdict::Cancelled]
        .into_iter()
        .map(|verdict| verdicts[verdict as usize])
        .sum()
}

impl Standstills {
    pub(super) fn new() -> Self {
        Self { spell: None, over: Vec::new(), verdicts: [0; Verdict::COUNT] }
    }

    /// Evaluates the latest reports of the threads. Returns the text to show, if any.
    pub(super) fn look(
        &mut self,
        progress: &Progress,
        problems: [Option<&Problem>; 2],
        now: Instant,
    ) -> Option<String> {
        let before = std::mem::replace(&mut self.verdicts, progress.verdicts);
        let spell = match progress.standstill {
            Some(standstill) => Some(of_markets(&standstill, now)),
            None if acted(&before) < acted(&progress.verdicts) => None,
            None => {
                refusals(&before, &progress.verdicts, now).or_else(|| self.spell.clone().filter(Spell::is_of_orders))
            }
        };
        self.follow(spell, now);
        let spell = self.spell.as_ref()?;
        let lasted = now.saturating_duration_since(spell.since);
        (lasted >= spell.told_after).then(|| {
            let left = progress.standstill.and_then(|standstill| standstill.left_ms);
            let left = left.map_or_else(String::new, |left_ms| format!(", in {} s", left_ms.div_euclid(1_000) + 1));
            let cause = progress.standstill.and_then(|standstill| cause(standstill.block, problems));
            let cause = cause.filter(|cause| cause.at + CAUSE >= spell.since);
            let cause = cause.map_or_else(String::new, |cause| format!("; last problem: {}", cause.text));
            format!("not trading for {} s: {}; {}{left}{cause}", lasted.as_secs(), spell.what, spell.until)
        })
    }

    /// Continues the current spell, or ends it and begins another.
    fn follow(&mut self, spell: Option<Spell>, now: Instant) {
        match (&mut self.spell, spell) {
            (Some(last), Some(new)) if last.what == new.what => last.until = new.until,
            (last, new) => {
                let ended = std::mem::replace(last, new);
                self.over.extend(ended.and_then(|spell| spell.told(now, false)));
            }
        }
    }

    /// Ends the tracking and returns what kept the session from trading, longest first.
    pub(super) fn finish(mut self, now: Instant) -> Vec<StandstillSummary> {
        let last = self.spell.take().and_then(|spell| spell.told(now, true));
        let mut sums: Vec<StandstillSummary> = Vec::new();
        for told in self.over.into_iter().chain(last) {
            match sums.iter_mut().find(|sum| sum.reason == told.reason) {
                Some(sum) => {
                    sum.seconds += told.seconds;
                    (sum.at_end, sum.until) = (told.at_end, told.until);
                }
                None => sums.push(told),
            }
        }
        sums.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        sums
    }
}

impl Spell {
    fn is_of_orders(&self) -> bool {
        self.told_after == REFUSALS_TOLD_AFTER
    }

    fn told(self, now: Instant, at_end: bool) -> Option<StandstillSummary> {
        let lasted = now.saturating_duration_since(self.since);
        (lasted >= self.told_after).then_some(StandstillSummary {
            reason: self.what,
            until: self.until,
            seconds: lasted.as_secs_f64(),
            at_end,
        })
    }
}

fn of_markets(standstill: &Standstill, now: Instant) -> Spell {
    let Standstill { block, markets, traded, .. } = *standstill;
    let until = if markets == traded {
        block.until().to_owned()
    } else {
        format!("{} ({markets} of {traded} markets, others for other reasons)", block.until())
    };
    Spell { what: block.what(), until, since: now, told_after: TOLD_AFTER }
}

/// A spell for the refusals since the last look, if there were any.
fn refusals(before: &[u64; Verdict::COUNT], after: &[u64; Verdict::COUNT], now: Instant) -> Option<Spell> {
    let more = |verdict: Verdict| after[verdict as usize].saturating_sub(before[verdict as usize]);
    let refused =
        Verdict::ALL.into_iter().filter(|&verdict| verdict >= Verdict::NothingToReduce || verdict == Verdict::Rejected);
    let most = refused.max_by_key(|&verdict| more(verdict)).filter(|&verdict| more(verdict) > 0)?;
    Some(Spell {
        what: format!("every order is refused, most as {}", most.as_str()),
        until: "docs/risk.md says what lifts it".to_owned(),
        since: now,
        told_after: REFUSALS_TOLD_AFTER,
    })
}

/// Picks the problem that explains a block, from the latest of the account and of the feed.
fn cause(block: Block, [account, feed]: [Option<&Problem>; 2]) -> Option<&Problem> {
    match block {
        Block::StreamDown | Block::AccountUnread | Block::GapUnread | Block::NoMarket => account,
        Block::Stale => feed,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::GroupBlock;

    fn stands(block: Block) -> Progress {
        let standstill = Standstill { block, markets: 2, traded: 2, left_ms: None };
        Progress { standstill: Some(standstill), ..Progress::default() }
    }

    fn refused(verdict: Verdict, count: u64) -> Progress {
        let mut progress = Progress::default();
        progress.verdicts[verdict as usize] = count;
        progress
    }

    #[test]
    fn a_standstill_is_told_after_a_few_seconds_with_what_ends_it_and_added_up() {
        let (mut standstills, began) = (Standstills::new(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let triggered = GroupBlock::Triggered { reset_ms: Some(60_000) };
        let mut progress = stands(Block::Group { exchange_index: 0, block: triggered });
        progress.standstill.as_mut().unwrap().left_ms = Some(47_500);
        assert_eq!(standstills.look(&progress, [None; 2], at(0)), None);
        assert_eq!(standstills.look(&progress, [None; 2], at(2)), None);
        let text = standstills.look(&progress, [None; 2], at(12)).unwrap();
        let expected = "not trading for 12 s: the order group of shard 0 is triggered; reset after \
                        orders.group_reset_ms, in 48 s";
        assert_eq!(text, expected);
        assert_eq!(standstills.look(&Progress::default(), [None; 2], at(20)), None);
        standstills.look(&progress, [None; 2], at(30));
        standstills.look(&progress, [None; 2], at(35));
        let told = standstills.finish(at(35));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].seconds, told[0].at_end), (25.0, true));
    }

    #[test]
    fn what_went_wrong_last_is_told_with_what_it_explains() {
        let (mut standstills, began) = (Standstills::new(), Instant::now());
        let old = Problem { text: "old".to_owned(), at: began };
        let later = began + Duration::from_mins(1);
        let problem = Problem { text: "GET /portfolio/balance: HTTP 500".to_owned(), at: later };
        let progress = stands(Block::AccountUnread);
        standstills.look(&progress, [None; 2], later);
        let look = |standstills: &mut Standstills, problems| {
            standstills.look(&progress, problems, later + Duration::from_secs(5)).unwrap()
        };
        assert!(
            look(&mut standstills, [Some(&problem), None]).ends_with("last problem: GET /portfolio/balance: HTTP 500")
        );
        assert!(look(&mut standstills, [None, Some(&problem)]).ends_with("it is read until that succeeds"));
        assert!(look(&mut standstills, [Some(&old), None]).ends_with("it is read until that succeeds"));
    }

    #[test]
    fn refusals_of_every_order_are_a_standstill_until_one_is_sent() {
        let (mut standstills, began) = (Standstills::new(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        standstills.look(&refused(Verdict::RefusedBalance, 3), [None; 2], at(0));
        assert_eq!(
            standstills.look(&refused(Verdict::RefusedBalance, 3), [None; 2], at(9)),
            None,
            "it may be one decision"
        );
        let text = standstills.look(&refused(Verdict::RefusedBalance, 9), [None; 2], at(10)).unwrap();
        assert!(text.contains("most as refused_balance"), "{text}");
        let mut sent = refused(Verdict::RefusedBalance, 10);
        sent.verdicts[Verdict::Placed as usize] = 1;
        assert_eq!(standstills.look(&sent, [None; 2], at(11)), None);
        let told = standstills.finish(at(40));
        assert_eq!((told.len(), told[0].seconds, told[0].at_end), (1, 11.0, false));
    }
}
