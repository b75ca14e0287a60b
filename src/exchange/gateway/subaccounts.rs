//! Subaccounts over REST (protocol page 3.4): opening them, moving cash between them, and reading their balances and
//! transfers. Owns the transfers made, so that a repeated request moves nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json as value;

use super::account_reads::page;
use super::decode::{self, Object, ShardName};
use super::limits::Tier;
use super::market_reads::{Answer, json};
use super::route::{Query, Route};
use super::{Gateway, HttpResponse, Refusal};
use crate::exchange::engine::{AccountId, Engine, Transfer};
use crate::market::{Money, TransferId};
use crate::wire::Dollars4;

/// A write of a subaccount.
#[derive(Clone, Copy, Debug)]
pub(super) enum SubaccountWrite {
    Open { exchange_index: u8 },
    Transfer { id: TransferId, from: u32, to: u32, amount_cents: i64, exchange_index: u8 },
    Netting,
}

/// A transfer as shown by `GET /portfolio/subaccounts/transfers`.
#[derive(Clone, Debug, Serialize)]
struct MadeTransfer {
    transfer_id: TransferId,
    from_subaccount: u32,
    to_subaccount: u32,
    amount_cents: i64,
    created_ts: i64,
    exchange_index: u8,
}

/// The transfers of every account, oldest first.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    made: BTreeMap<AccountId, Vec<MadeTransfer>>,
    ids: BTreeSet<(AccountId, TransferId)>,
}

/// Decodes a request that opens a subaccount, moves cash or sets netting.
pub(super) fn decode(route: Route<'_>, body: &[u8], tier: Tier) -> Result<SubaccountWrite, Refusal> {
    if route == Route::CreateSubaccount {
        if tier == Tier::Basic {
            return Err(Refusal::with_details(403, "forbidden", "subaccounts need the tier advanced or above"));
        }
        let body = if body.is_empty() { value!({}) } else { decode::json(body)? };
        let exchange_index = shard(&Object::new(&body, "CreateSubaccountRequest")?)?;
        return Ok(SubaccountWrite::Open { exchange_index });
    }
    let body = decode::json(body)?;
    if route == Route::SetNetting {
        let body = Object::new(&body, "UpdateSubaccountNettingRequest")?;
        numbered(&body, "subaccount_number")?;
        if body.flag("enabled")? {
            return Err(Refusal::invalid("netting across markets is not modelled here and stays off"));
        }
        return Ok(SubaccountWrite::Netting);
    }
    let body = Object::new(&body, "ApplySubaccountTransferRequest")?;
    let id = TransferId::parse(body.required("client_transfer_id")?);
    Ok(SubaccountWrite::Transfer {
        id: id.map_err(|error| Refusal::invalid(&format!("client_transfer_id: {error}")))?,
        from: numbered(&body, "from_subaccount")?,
        to: numbered(&body, "to_subaccount")?,
        amount_cents: body.integer("amount_cents")?.ok_or_else(|| body.missing("amount_cents"))?,
        exchange_index: shard(&body)?,
    })
}

fn numbered(body: &Object<'_>, key: &'static str) -> Result<u32, Refusal> {
    decode::subaccount(Some(body.integer(key)?.ok_or_else(|| body.missing(key))?))
}

fn shard(body: &Object<'_>) -> Result<u8, Refusal> {
    match body.shard()? {
        ShardName::Absent => Ok(0),
        ShardName::Index(shard) => Ok(shard),
        ShardName::ByTicker => Err(Refusal::invalid("exchange_index must be 0 or above")),
    }
}

impl Transfers {
    /// Carries out a write of a subaccount. A transfer whose id was used before succeeds without moving anything.
    pub(super) fn execute(
        &mut self,
        engine: &mut Engine,
        account: AccountId,
        write: SubaccountWrite,
        now_ms: i64,
    ) -> Answer {
        match write {
            SubaccountWrite::Open { exchange_index } => {
                let number = engine.open_subaccount(account, exchange_index)?;
                Ok(json(201, &value!({ "subaccount_number": number })))
            }
            SubaccountWrite::Netting => Ok(json(200, &value!({}))),
            SubaccountWrite::Transfer { id, from, to, amount_cents, exchange_index } => {
                if self.ids.contains(&(account, id)) {
                    return Ok(json(200, &value!({})));
                }
                let cents_max = i64::MAX / 10_000;
                let amount = Money::from_cents(amount_cents.clamp(-cents_max, cents_max));
                engine.transfer(&Transfer { account, from, to, exchange_index, amount }, now_ms)?;
                self.ids.insert((account, id));
                self.made.entry(account).or_default().push(MadeTransfer {
                    transfer_id: id,
                    from_subaccount: from,
                    to_subaccount: to,
                    amount_cents,
                    created_ts: now_ms.div_euclid(1_000),
                    exchange_index,
                });
                Ok(json(200, &value!({})))
            }
        }
    }
}

impl Gateway {
    /// `GET /portfolio/subaccounts/balances`, with the same lag as other reads.
    pub(super) fn subaccount_balances(&mut self, account: AccountId, now_ms: i64) -> HttpResponse {
        let updated_ts = self.visible.as_of_ms(now_ms).div_euclid(1_000);
        let cash = &self.visible.account(account).cash;
        let entry = |subaccount: u32, shard: u8, cash: Money| {
            value!({
                "subaccount_number": subaccount,
                "exchange_index": shard,
                "balance": Dollars4(cash),
                "updated_ts": updated_ts,
            })
        };
        let balances: Vec<_> = cash
            .iter()
            .flat_map(|(subaccount, shards)| shards.iter().map(|(shard, cash)| entry(*subaccount, *shard, *cash)))
            .collect();
        json(200, &value!({ "subaccount_balances": balances }))
    }

    /// `GET /portfolio/subaccounts/transfers`, newest first.
    pub(super) fn subaccount_transfers(&self, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetSubaccountTransfers");
        let made = self.transfers.made.get(&account).map_or(&[][..], Vec::as_slice);
        let (transfers, cursor) = page(&query, made, |_| true)?;
        Ok(json(200, &value!({ "transfers": transfers, "cursor": cursor })))
    }
}
