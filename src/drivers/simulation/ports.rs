//! The stages' ports in one thread.

use super::Ring;
use super::network::{Asker, Role};
use super::trouble::Instruments;
use super::wires::{Wires, push};
use crate::market::BookLevels;
use crate::messages::{DecideToFeed, FeedToDecide};
use crate::ports::{
    DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, FeedEffect, FeedMessage,
    FeedPort, Full, NotSent, OrderRequest, ReconcileEffect, ReconcileMessage, ReconcilePort, Refused,
};
use crate::record::Span;

/// The feed stage's port.
pub(super) struct FeedIo<'a, I>(pub(super) &'a mut Wires<I>);

/// The decide stage's port.
pub(super) struct DecideIo<'a, I>(pub(super) &'a mut Wires<I>);

/// The execute stage's port.
pub(super) struct ExecuteIo<'a, I>(pub(super) &'a mut Wires<I>);

/// The reconcile stage's port.
pub(super) struct ReconcileIo<'a, I>(pub(super) &'a mut Wires<I>);

impl<I: Instruments> FeedPort for FeedIo<'_, I> {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        let Wires { rings, instruments, .. } = &mut *self.0;
        match message {
            FeedMessage::Decide(message) => {
                push(instruments, Ring::Books, &mut rings.feed_to_decide, message).map_err(|message| {
                    if !matches!(message, FeedToDecide::Listed(..)) {
                        instruments.lost(message.event().market);
                    }
                    message.into()
                })
            }
            FeedMessage::Execute(message) => {
                push(instruments, Ring::Statuses, &mut rings.feed_to_execute, message).map_err(|_| Full.into())
            }
        }
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(output) => self.0.socket(Role::Feed, output),
            FeedEffect::Overflow(epoch) => self.0.rings.overflow_epoch = epoch,
        }
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now.mono_ns
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.0.rings.pool.pop()
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl<I: Instruments> DecidePort for DecideIo<'_, I> {
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(message) => {
                self.0.record();
                let Wires { rings, instruments, .. } = &mut *self.0;
                push(instruments, Ring::Intents, &mut rings.decide_to_execute, message).map_err(|_| Full)
            }
            DecideMessage::Feed(message) => {
                let DecideToFeed::Resync(request) = &message;
                let Wires { rings, instruments, .. } = &mut *self.0;
                instruments.asked(request);
                push(instruments, Ring::Resyncs, &mut rings.decide_to_feed, message).map_err(|_| Full)
            }
        }
    }

    fn tell(&mut self, effect: DecideEffect<'_>) {
        let DecideEffect::Decided(record) = effect else { return };
        self.0.instruments.decided(record);
        self.0.decisions.push(record.clone().into_owned());
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now.mono_ns
    }

    fn overflow_epoch(&mut self) -> u64 {
        self.0.rings.overflow_epoch
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.0.rings.pool.push(levels);
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl<I: Instruments> ExecutePort for ExecuteIo<'_, I> {
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => {
                self.0.record();
                let Wires { rings, instruments, .. } = &mut *self.0;
                push(instruments, Ring::Portfolios, &mut rings.execute_to_decide, note).map_err(|_| Full)
            }
            ExecuteMessage::Reconcile(message) => {
                let Wires { rings, instruments, .. } = &mut *self.0;
                push(instruments, Ring::Queries, &mut rings.execute_to_reconcile, message).map_err(|_| Full)
            }
        }
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        match effect {
            ExecuteEffect::Presign(..) => {}
            ExecuteEffect::Abandon(request) => self.0.link.abandon(Asker::Execute(request)),
            ExecuteEffect::Groups(known) => {
                if self.0.record() && self.0.instruments.disk_takes_it() {
                    self.0.disk.groups = known.to_vec();
                }
            }
            ExecuteEffect::Day(day) => {
                if self.0.record() && self.0.instruments.disk_takes_it() {
                    self.0.disk.day = *day;
                }
            }
        }
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        if !self.0.is_dead() {
            self.0.instruments.sent(request);
            self.0.request(Asker::Execute(request.id), request.method, request.path, request.body);
        }
        Ok(self.0.now.mono_ns)
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now.mono_ns
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl<I: Instruments> ReconcilePort for ReconcileIo<'_, I> {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        match message {
            ReconcileMessage::Execute(event) => {
                self.0.record();
                let Wires { rings, instruments, .. } = &mut *self.0;
                push(instruments, Ring::Facts, &mut rings.reconcile_to_execute, event).map_err(|_| Full)
            }
            ReconcileMessage::Feed(message) => {
                let Wires { rings, instruments, .. } = &mut *self.0;
                push(instruments, Ring::Listings, &mut rings.reconcile_to_feed, message).map_err(|_| Full)
            }
        }
    }

    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        match effect {
            ReconcileEffect::Socket(output) => self.0.socket(Role::Reconcile, output),
            ReconcileEffect::Get(request, path) => self.0.request(Asker::Reconcile(request), "GET", path, &[]),
        }
    }
}
