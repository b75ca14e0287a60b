//! Order groups: each of our resting orders belongs to one. Once the exchange works again, the trader and the exchange agree on
//! which groups take orders, and all of them do.

use super::invariants::{Checked, hold};
use crate::decide::policy::Policy;
use super::instruments::Tried;

/// `groups_hold`, after every step: no order rests outside of a group of its shard, or in one that is triggered.
pub(super) fn orders_are_in_groups<P: Policy>(simulation: &Tried<P>) -> Checked {
    let exchange = simulation.exchange();
    let (engine, account) = (exchange.engine(), exchange.clients()[0]);
    for order in engine.open_orders_of(account) {
        let group = order.group.and_then(|group| engine.group(account, group));
        let shard = engine.market(order.market).spec().exchange_index;
        let held = group.is_some_and(|group| group.exchange_index == shard && !group.triggered);
        hold("groups_hold", held, || format!("an order rests on shard {shard} with its group being {group:?}"))?;
    }
    Ok(())
}

/// `groups_hold`, when nothing has gone wrong for a minute: every group takes orders, and has the limit that the trader
/// believes.
pub(super) fn groups_agree<P: Policy>(simulation: &Tried<P>) -> Checked {
    let execute = &simulation.stages().execute;
    if execute.tripped().is_some() || !execute.is_synced() {
        return Ok(());
    }
    let exchange = simulation.exchange();
    let (engine, account) = (exchange.engine(), exchange.clients()[0]);
    for ours in execute.groups() {
        let theirs = ours.group.and_then(|group| engine.group(account, group));
        let agree = ours.active && theirs.is_some_and(|group| !group.triggered && group.limit == ours.limit);
        hold("groups_hold", agree, || format!("the trader has {ours:?}, the exchange {theirs:?}"))?;
    }
    Ok(())
}
