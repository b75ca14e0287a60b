//! The policy of a seed, which is the campaign's or the script of a seed with tight limits; and what the policy was
//! told about its own orders, which is part of its memory.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use crate::decide::policy::{
    Answer, MemoryError, OwnRefusal, Policy, PolicyIdentity, PolicyRecord, PolicyTerms, ScriptPolicy, View,
    restore_memory, save_memory,
};
use crate::decide::{DecideStage, RestoreError};
use crate::exchange::engine::Engine;
use crate::market::{ClientOrderId, MarketKey, OrderId, TradeId};
use crate::messages::{OwnFill, OwnSettlement};

/// A policy, and what it was told.
#[derive(Clone, Debug)]
pub(super) struct Watched<P> {
    decides: Decides<P>,
    told: Told,
}

/// What decides.
#[derive(Clone, Debug)]
enum Decides<P> {
    /// The campaign's policy.
    Own(P),
    /// The script of a seed with tight limits.
    Script(ScriptPolicy),
}

/// What a policy was told about its own orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    decisions: u64,
    fills: BTreeSet<(TradeId, OrderId)>,
    /// The first fill that was reported twice.
    again: Option<(TradeId, OrderId)>,
    /// Settled contracts by market.
    settled: Vec<(MarketKey, i64)>,
}

macro_rules! either {
    ($decides:expr, $policy:ident => $call:expr) => {
        match $decides {
            Decides::Own($policy) => $call,
            Decides::Script($policy) => $call,
        }
    };
}

impl<P: Policy> Watched<P> {
    /// Uses the campaign's policy, or the script that the seed has instead.
    pub(super) fn new(policy: P, script: Option<ScriptPolicy>) -> Self {
        Self { decides: script.map_or(Decides::Own(policy), Decides::Script), told: Told::default() }
    }

    /// `fills_told_once`: no fill is reported twice.
    pub(super) fn step(&self) -> Checked {
        hold("fills_told_once", self.told.again.is_none(), || format!("told again: {:?}", self.told.again))
    }

    /// `fills_told`: when everything has had time to arrive, the policy was told of every fill of its own orders since
    /// the ledger's baseline, and of no other.
    pub(super) fn at_the_end(&self, engine: &Engine, account: u32, nonce: u64, baseline_ms: i64) -> Checked {
        let ours: BTreeSet<OrderId> = engine
            .orders_of(account)
            .filter(|order| {
                order.client_order_id.as_deref().and_then(ClientOrderId::parse).is_some_and(|id| id.nonce == nonce)
            })
            .map(|order| order.order)
            .collect();
        let fills = engine.fills_of(account).filter(|fill| ours.contains(&fill.order) && fill.time_ms >= baseline_ms);
        let fills: BTreeSet<(TradeId, OrderId)> = fills.map(|fill| (fill.trade, fill.order)).collect();
        let missing: Vec<_> = fills.difference(&self.told.fills).take(3).collect();
        hold("fills_told", missing.is_empty(), || format!("never told: {missing:?}"))?;
        let foreign: Vec<_> = self.told.fills.iter().filter(|(_, order)| !ours.contains(order)).take(3).collect();
        hold("fills_told", foreign.is_empty(), || format!("told, and not its own: {foreign:?}"))
    }
}

/// `checkpoint_restores`: the stage restored from a checkpoint of the decide stage has the same checkpoint.
pub(super) fn checkpoint_restores<P: Policy + Clone>(simulation: &Tried<Watched<P>>, fresh: &Watched<P>) -> Checked {
    let bytes = |stage: &DecideStage<Watched<P>>| postcard::to_stdvec(stage).expect("a stage has a binary form");
    let recorded = bytes(&simulation.stages().decide);
    let restored = postcard::from_bytes::<DecideStage<PolicyRecord>>(&recorded);
    let restored = restored
        .map_err(|error| error.to_string())
        .and_then(|stage| stage.with_policy(fresh.clone()).map_err(|error: RestoreError| error.to_string()));
    let detail = match restored {
        Ok(restored) if bytes(&restored) == recorded => return Ok(()),
        Ok(_) => "the decide stage that is restored has another checkpoint".to_owned(),
        Err(error) => error,
    };
    hold("checkpoint_restores", false, || detail)
}

impl<P: Policy> Policy for Watched<P> {
    fn identity(&self) -> PolicyIdentity {
        either!(&self.decides, policy => policy.identity())
    }

    fn terms(&self) -> &PolicyTerms {
        either!(&self.decides, policy => policy.terms())
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        self.told.decisions += 1;
        either!(&mut self.decides, policy => policy.decide(view))
    }

    fn rehearse(&mut self, view: &View<'_>) {
        either!(&mut self.decides, policy => policy.rehearse(view));
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        let key = (fill.trade, fill.order);
        if !self.told.fills.insert(key) {
            self.told.again.get_or_insert(key);
        }
        either!(&mut self.decides, policy => policy.on_fill(fill));
    }

    fn on_settlement(&mut self, settlement: &OwnSettlement) {
        self.told.settled.push((settlement.market, settlement.contracts.units()));
        either!(&mut self.decides, policy => policy.on_settlement(settlement));
    }

    fn on_refusal(&mut self, refusal: &OwnRefusal) {
        either!(&mut self.decides, policy => policy.on_refusal(refusal));
    }

    fn save(&self, memory: &mut Vec<u8>) {
        let mut own = Vec::new();
        either!(&self.decides, policy => policy.save(&mut own));
        save_memory(&(&self.told, own), memory);
    }

    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        let (told, own): (Told, Vec<u8>) = restore_memory(memory)?;
        self.told = told;
        either!(&mut self.decides, policy => policy.restore(&own))
    }
}
