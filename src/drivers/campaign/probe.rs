//! Records what the invariants need to know of a step and cannot see in the stages or the exchange afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::drivers::simulation::Observer;
use crate::market::{MarketKey, OrderId, TradeId};
use crate::messages::{AccountEvent, DecisionRecord, FeedToDecide, ResyncRequest};
use crate::ports::ConnectionId;

/// A fact that was given to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// A fill, at the exchange's time.
    Fill { trade: TradeId, order: OrderId, time_ms: i64 },
    /// The payment of a settled market.
    Payment { market: MarketKey },
}

/// Collects events until the checks take them.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// The newest public frame, and its connection.
    frame: Option<(ConnectionId, Arc<[u8]>)>,
    /// Markets of which an event was lost to a full ring, until `decide` gets a snapshot.
    lost: BTreeSet<u16>,
    /// Decisions that were taken on such a market.
    blind: Vec<MarketKey>,
    /// Snapshots that `decide` requested, including repetitions.
    asked: Vec<ResyncRequest>,
    handed: Vec<Handed>,
}

impl Probe {
    /// The newest frame that reached the feed stage since the last call, and its connection.
    pub(super) fn take_newest_frame(&mut self) -> Option<(ConnectionId, Arc<[u8]>)> {
        self.frame.take()
    }

    /// Decisions since the last call on markets of which an event was lost to a full ring and no snapshot has come since.
    pub(super) fn take_blind_decisions(&mut self) -> Vec<MarketKey> {
        std::mem::take(&mut self.blind)
    }

    /// Snapshots that `decide` requested since the last call, including repetitions.
    pub(super) fn take_resync_requests(&mut self) -> Vec<ResyncRequest> {
        std::mem::take(&mut self.asked)
    }

    /// Fills and payments that `execute` was given since the last call, in order.
    pub(super) fn take_handed(&mut self) -> Vec<Handed> {
        std::mem::take(&mut self.handed)
    }
}

impl Observer for Probe {
    fn frame(&mut self, connection: ConnectionId, text: &Arc<[u8]>) {
        self.frame = Some((connection, Arc::clone(text)));
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        if self.lost.contains(&record.market.index) {
            self.blind.push(record.market);
        }
    }

    fn asked(&mut self, request: &ResyncRequest) {
        self.asked.push(*request);
    }

    fn lost(&mut self, market: MarketKey) {
        self.lost.insert(market.index);
    }

    fn fed(&mut self, message: &FeedToDecide) {
        if let FeedToDecide::Snapshot(event, _) = message {
            self.lost.remove(&event.market.index);
        }
    }

    fn handed(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Fill(fill) => {
                self.handed.push(Handed::Fill { trade: fill.trade, order: fill.order, time_ms: fill.time_ms });
            }
            AccountEvent::Settlement { market, .. } => self.handed.push(Handed::Payment { market: *market }),
            _ => {}
        }
    }

    /// What a dead trader was given no longer counts.
    fn killed(&mut self) {
        self.lost.clear();
        self.blind.clear();
        self.asked.clear();
        self.handed.clear();
    }
}
