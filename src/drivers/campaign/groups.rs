//! Checks order groups: each of our resting orders belongs to one. Once the exchange works again, all groups take
//! orders, and the trader and the exchange agree on that.

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use crate::decide::policy::Policy;

/// `groups_hold`, after every step: no order rests outside of a group of its shard or in a triggered one.
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

/// `groups_hold`, after a minute without faults: every group takes orders, and has the limit that the trader expects.
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
