//! Deliberate bugs, to prove that the invariants of the campaigns catch what they are meant to catch.
//!
//! With the cargo feature `planted`, a thread can have one of these bugs active in the code that it runs. Without the
//! feature the macro `planted!` is the literal `false`, and the binary contains nothing of the bugs. Never trade with a
//! build that has the feature.
//!
//! This is the one exception to "no globals": passing a switch through every stage, every parser and the exchange would
//! change code that must not know of it. The switch is thread-local, so seeds that run in parallel do not see each
//! other's bugs.

/// Whether this bug is active in the current thread; the literal `false` without the feature `planted`.
#[cfg(feature = "planted")]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}

/// Whether this bug is active in the current thread; the literal `false` without the feature `planted`.
#[cfg(not(feature = "planted"))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(feature = "planted")]
pub use bugs::{Bug, Part, is, with};

#[cfg(feature = "planted")]
mod bugs {
    use std::cell::Cell;
    use std::fmt;
    use std::str::FromStr;

    /// The part of the system that a bug is in.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Part {
        /// Encoding and decoding of frames, requests and answers.
        Wire,
        /// Sequence numbers, staleness and levels.
        Book,
        /// Money and positions.
        Ledger,
        /// What answers and reports mean for an order.
        LifeCycle,
        /// Restarts and reconnections.
        Recovery,
        /// The expiry and renewal of resting orders.
        Leases,
        /// Order groups.
        Groups,
        /// The budget of write tokens.
        Tokens,
        /// The risk gate.
        Gate,
        /// What a strategy is told and remembers.
        Strategy,
        /// The embedded exchange.
        Exchange,
    }

    impl fmt::Display for Part {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                Self::Wire => "wire",
                Self::Book => "book",
                Self::Ledger => "ledger",
                Self::LifeCycle => "life cycle",
                Self::Recovery => "recovery",
                Self::Leases => "leases",
                Self::Groups => "order groups",
                Self::Tokens => "write tokens",
                Self::Gate => "risk gate",
                Self::Strategy => "strategy",
                Self::Exchange => "exchange",
            })
        }
    }

    macro_rules! bugs {
        ($($bug:ident, $part:ident, $name:literal, $what:literal;)*) => {
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Bug {
                $(#[doc = $what] $bug,)*
            }

            impl Bug {
                pub const ALL: &'static [Self] = &[$(Self::$bug,)*];

                /// The name on the command line.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self { $(Self::$bug => $name,)* }
                }

                #[must_use]
                pub const fn part(self) -> Part {
                    match self { $(Self::$bug => Part::$part,)* }
                }

                /// A short description of the bug.
                #[must_use]
                pub const fn what(self) -> &'static str {
                    match self { $(Self::$bug => $what,)* }
                }
            }
        };
    }

    bugs! {
        MinusSignLost, Wire, "minus-sign-lost", "a delta's minus sign is ignored";
        SubCentDigitsDropped, Wire, "sub-cent-digits-dropped", "prices of frames are cut to whole cents";
        FillFeeIgnored, Wire, "fill-fee-ignored", "the fee of a fill on the stream is read as zero";
        AnswerCountsSwapped, Wire, "answer-counts-swapped", "filled and remaining of a create's answer are confused";
        AskSentAsNoPrice, Wire, "ask-sent-as-no-price", "an ask is sent at its NO price instead of its YES price";
        StrangeElementDropsList, Wire, "strange-element-drops-list", "one unusable element makes its whole list unusable";
        SeqOffByOne, Book, "seq-off-by-one", "a single missing frame does not count as a gap";
        GapStalesOneMarket, Book, "gap-stales-one-market", "a gap makes only the market of the next frame stale";
        StaleBookUsed, Book, "stale-book-used", "deltas are applied to stale books, and decisions are taken on them";
        OverflowIgnored, Book, "overflow-ignored", "decisions are taken although events were lost to a full ring";
        BestLevelKept, Book, "best-level-kept", "an emptied best level stays in the book";
        CrossingIsAnError, Book, "crossing-is-an-error", "a book that is crossed for an instant counts as wrong at once";
        FillToldTwice, Strategy, "fill-told-twice", "some fills are reported to the strategy twice";
        EarlyFillNotTold, Strategy, "early-fill-not-told", "fills of orders that are not known yet are never reported to the strategy";
        MemoryNotRestored, Strategy, "memory-not-restored", "a restored strategy has lost its memory";
        CrossedBookUsed, Book, "crossed-book-used", "decisions are taken on crossed books";
        PartialFillLost, Ledger, "partial-fill-lost", "fills are identified by their order alone, so a second one is lost";
        FillDoubled, Ledger, "fill-doubled", "a fill that was streamed is booked again when it is read";
        CashReturnedTwice, Ledger, "cash-returned-twice", "a cancel returns the reserved cash of its order twice";
        SmallerAmendSide, Ledger, "smaller-amend-side", "an amend in flight reserves the smaller of its two sides";
        CloseAtOwnPrice, Ledger, "close-at-own-price", "closing a position pays the price of the wrong outcome";
        EarlyFillDropped, Ledger, "early-fill-dropped", "a fill that comes before its order's id is known is ignored";
        MakersPayAsTakers, Ledger, "makers-pay-as-takers", "a maker's fee is computed with the takers' multiplier";
        WaiverNeverEnds, Ledger, "waiver-never-ends", "a fee waiver never ends";
        NotFoundIsCancelled, LifeCycle, "not-found-is-cancelled", "a 404 on a cancel counts as cancelled";
        TimeoutIsRejection, LifeCycle, "timeout-is-rejection", "a create without an answer counts as rejected";
        IdReused, LifeCycle, "id-reused", "an order that was not acknowledged gives its client order id to the next";
        CancelForgetsFills, LifeCycle, "cancel-forgets-fills", "a cancelled order is assumed to have filled only what was booked";
        AmendAssumedApplied, LifeCycle, "amend-assumed-applied", "an amend without an answer counts as applied";
        RestingForgotten, Recovery, "resting-forgotten", "a restart leaves the orders of the last start alone";
        PositionsNotRead, Recovery, "positions-not-read", "a restart begins without positions";
        ReadFillsDropped, Recovery, "read-fills-dropped", "fills are taken from the stream alone, so missed ones stay missing";
        NonceTooCoarse, Recovery, "nonce-too-coarse", "a restart soon after the last draws the same client order ids";
        FirstStatusKept, Recovery, "first-status-kept", "the exchange's status is read only at the start";
        MarketsReadOnce, Recovery, "markets-read-once", "after the start a market's phase changes by frames alone";
        LeaseLeftOut, Leases, "lease-left-out", "creates are sent without an expiration";
        LeaseFromItsEnd, Leases, "lease-from-its-end", "a renewal counts the new lease from the end of the old one";
        LeaseRoundedUp, Leases, "lease-rounded-up", "the end of a lease is rounded up to the second";
        GroupLeftOut, Groups, "group-left-out", "creates name no order group";
        TriggeredIsActive, Groups, "triggered-is-active", "a triggered group counts as active";
        GroupNeverReset, Groups, "group-never-reset", "a triggered group is never reset";
        CancelReserveSpent, Tokens, "cancel-reserve-spent", "tokens reserved for cancels are spent on creates and amends";
        RefillCountedAgain, Tokens, "refill-counted-again", "all tokens refilled since the start are added again at each write";
        ChargedWhenSent, Tokens, "charged-when-sent", "a write that arrives late is counted as charged when it was sent";
        AmendForACancel, Tokens, "amend-for-a-cancel", "an amend is charged like a cancel";
        OrderNotCounted, Gate, "order-not-counted", "the position limit ignores the order itself";
        ReservedNotAtRisk, Gate, "reserved-not-at-risk", "cash at risk counts positions, not orders";
        UnknownNotCounted, Gate, "unknown-not-counted", "an order of unknown outcome reserves nothing";
        CollarFromTheTouch, Gate, "collar-from-the-touch", "the price collar is measured from the touch";
        AmendsNotCounted, Gate, "amends-not-counted", "message rates ignore amends";
        DuplicateWindowKept, Gate, "duplicate-window-kept", "an order placed again keeps its first time";
        EventWithoutOrders, Gate, "event-without-orders", "the loss of an event counts positions, not other orders";
        ExclusiveAssumed, Gate, "exclusive-assumed", "the markets of every event count as mutually exclusive";
        DrawdownFromZero, Gate, "drawdown-from-zero", "drawdown is measured from the start rather than from the peak";
        ExecutionsNotCounted, Gate, "executions-not-counted", "repeated execution is never counted";
        RefusedKeyIgnored, Gate, "refused-key-ignored", "a refused key counts as a rejection of the order alone";
        StopsForgotten, Gate, "stops-forgotten", "a restart lifts drawdown and repeated execution";
        LevelKeptOnPartialFill, Exchange, "level-kept-on-partial-fill", "a partial fill of a resting order is not published";
        FeeChargedTwice, Exchange, "fee-charged-twice", "a maker is charged its fee twice and told of it once";
        CancelKeepsOrder, Exchange, "cancel-keeps-order", "a cancel is confirmed but the order stays";
    }

    impl fmt::Display for Bug {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.name())
        }
    }

    impl FromStr for Bug {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let bug = Self::ALL.iter().copied().find(|bug| bug.name() == text);
            bug.ok_or_else(|| format!("bug `{text}`; `--plant list` names them"))
        }
    }

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether the bug is active in this thread.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Calls `act` with a bug active in this thread, or with none.
    pub fn with<T>(bug: Option<Bug>, act: impl FnOnce() -> T) -> T {
        struct Restore(Option<Bug>);
        impl Drop for Restore {
            fn drop(&mut self) {
                PLANTED.set(self.0);
            }
        }
        let _restore = Restore(PLANTED.replace(bug));
        act()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_bug_is_planted_in_one_thread_and_only_while_asked() {
            with(Some(Bug::IdReused), || {
                assert!(is(Bug::IdReused) && !is(Bug::FillDoubled));
                assert!(!std::thread::spawn(|| is(Bug::IdReused)).join().unwrap());
                with(None, || assert!(!is(Bug::IdReused)));
                assert!(is(Bug::IdReused));
            });
            assert!(!is(Bug::IdReused));
        }

        #[test]
        fn names_are_read_back_and_every_part_has_its_bugs() {
            for bug in Bug::ALL {
                assert_eq!(bug.name().parse(), Ok(*bug));
            }
            let of = |part| Bug::ALL.iter().filter(|bug| bug.part() == part).count();
            let parts = [Part::Wire, Part::Book, Part::Ledger, Part::LifeCycle, Part::Recovery];
            let later = [Part::Leases, Part::Groups, Part::Tokens, Part::Gate];
            for part in parts.into_iter().chain(later) {
                assert!(of(part) >= 3, "{part}");
            }
            assert!(of(Part::Exchange) >= 2);
        }
    }
}
