//! Lists as a later version of the exchange might print them: optional fields are `null`, missing, of another kind or with a
//! new word; there are unknown fields; and some elements cannot be read at all. What a reader needs stays as it is: an
//! order's ids, market and terms, a fill's money, a market's times and grid.

use serde_json::{Map, Value, json};

/// A list: its key, the changes of its elements' fields, and the elements to put before them.
struct List {
    key: &'static str,
    fields: &'static [(&'static str, Change)],
    others: fn() -> Vec<Value>,
}

/// The change of a field that is present.
#[derive(Clone, Copy)]
enum Change {
    Null,
    Gone,
    Word,
    Object,
}

use Change::{Gone, Null, Object, Word};

const LISTS: &[List] = &[
    List {
        key: "orders",
        fields: &[
            ("user_id", Null),
            ("type", Word),
            ("self_trade_prevention_type", Word),
            ("side", Word),
            ("action", Gone),
            ("outcome_side", Word),
            ("no_price_dollars", Null),
            ("initial_count_fp", Gone),
            ("taker_fees_dollars", Object),
            ("maker_fees_dollars", Null),
            ("order_group_id", Object),
            ("subaccount_number", Word),
            ("exchange_index", Word),
        ],
        others: || {
            vec![
                json!({ "order_id": "not-an-id", "client_order_id": "somebody", "ticker": "KXSTRANGE-1", "status": "parked" }),
                json!({ "order_id": null, "client_order_id": 7 }),
            ]
        },
    },
    List {
        key: "fills",
        fields: &[
            ("fill_id", Null),
            ("side", Word),
            ("action", Object),
            ("outcome_side", Gone),
            ("no_price_dollars", Null),
            ("market_ticker", Gone),
            ("ts", Word),
            ("subaccount_number", Word),
        ],
        others: Vec::new,
    },
    List {
        key: "market_positions",
        fields: &[
            ("total_traded_dollars", Null),
            ("realized_pnl_dollars", Object),
            ("fees_paid_dollars", Gone),
            ("last_updated_ts", Word),
            ("exchange_index", Word),
        ],
        others: || vec![json!({ "ticker": "KXSTRANGE-1", "position_fp": "0.00", "market_exposure_dollars": null })],
    },
    List {
        key: "settlements",
        fields: &[("revenue", Null), ("settled_time", Word), ("yes_count_fp", Gone), ("event_ticker", Object)],
        others: || vec![Value::Null, json!({ "ticker": "KXSTRANGE-2", "market_result": "void", "value": null })],
    },
    List {
        key: "markets",
        fields: &[
            ("title", Object),
            ("market_type", Word),
            ("open_time", Word),
            ("yes_bid_dollars", Null),
            ("volume_fp", Gone),
            ("rules_primary", Null),
            ("settlement_bounds_type", Word),
        ],
        others: || vec![Value::Null, json!({ "ticker": 7 }), json!({ "ticker": "KXSTRANGE-1", "status": "frozen" })],
    },
    List {
        key: "events",
        fields: &[("title", Null), ("category", Object), ("sub_title", Gone)],
        others: || vec![Value::Null, json!({ "event_ticker": null })],
    },
    List { key: "order_groups", fields: &[], others: || vec![Value::Null, json!({ "id": "not-an-id" })] },
    List {
        key: "balance_breakdown",
        fields: &[],
        others: || vec![json!({ "exchange_index": "all", "balance": null })],
    },
    List {
        key: "exchange_index_statuses",
        fields: &[("description", Null), ("intra_exchange_transfers_active", Word)],
        others: || vec![json!({ "exchange_index": "all" })],
    },
    List { key: "endpoint_costs", fields: &[], others: || vec![Value::Null, json!({ "method": 7 })] },
];

/// A cursor that leads back to its own page.
const REPEATED: &str = "again";

/// The body with its lists changed as much as possible; `None` if it has no list.
pub(super) fn strange(body: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let object = value.as_object_mut()?;
    let mut touched = false;
    for list in LISTS {
        let Some(elements) = object.get_mut(list.key).and_then(Value::as_array_mut) else { continue };
        touched = true;
        let mut others = (list.others)();
        if list.key == "fills" {
            // An element may also occur a second time, without something that a reader needs.
            others.extend(elements.first().and_then(Value::as_object).map(without_fee));
        }
        elements.iter_mut().filter_map(Value::as_object_mut).for_each(|element| change(element, list.fields));
        elements.splice(0..0, others);
    }
    if touched {
        object.insert("new_field".to_owned(), json!([{ "nested": null }]));
    }
    touched.then(|| value.to_string().into_bytes())
}

fn change(element: &mut Map<String, Value>, fields: &[(&str, Change)]) {
    for (field, change) in fields.iter().filter(|(field, _)| element.contains_key(*field)).collect::<Vec<_>>() {
        match change {
            Gone => element.remove(*field),
            Null => element.insert((*field).to_owned(), Value::Null),
            Word => element.insert((*field).to_owned(), json!("a_new_word")),
            Object => element.insert((*field).to_owned(), json!({ "of": [7] })),
        };
    }
    element.insert("new_field".to_owned(), json!({}));
}

fn without_fee(fill: &Map<String, Value>) -> Value {
    let mut copy = fill.clone();
    copy.insert("fee_cost".to_owned(), Value::Null);
    Value::Object(copy)
}

/// The body of a page with a cursor that leads back to that page; `None` if the body is not a page.
pub(super) fn with_repeated_cursor(body: &[u8]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    *value.as_object_mut()?.get_mut("cursor")? = json!(REPEATED);
    Some(value.to_string().into_bytes())
}

/// Whether a request asks for the page of that cursor.
pub(super) fn asks_for_repeated(target: &str) -> bool {
    target.split(['?', '&']).any(|part| part.strip_prefix("cursor=") == Some(REPEATED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::account::{Fill, MarketPosition, Order, Settlement};
    use crate::wire::elements::{Element, Page, read_page};
    use crate::wire::markets::{Market, ShardBalance};

    fn read<T: Element>(element: &Value) -> Page<T> {
        let body = json!({ T::LIST: [element], "cursor": "" }).to_string();
        read_page(&strange(body.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn required_fields_survive_and_strange_elements_are_unusable() {
        let id = "00000000-0000-4000-8000-000000000001";
        let order = json!({ "order_id": id, "client_order_id": "c", "ticker": "A", "book_side": "bid", "outcome_side": "yes",
            "status": "resting", "type": "limit", "yes_price_dollars": "0.4200", "fill_count_fp": "0.00",
            "remaining_count_fp": "1.00", "initial_count_fp": "1.00", "exchange_index": 2 });
        let page = read::<Order>(&order);
        assert_eq!((page.elements.len(), page.unusable.len()), (1, 2), "{page:?}");
        let fill = json!({ "fill_id": id, "trade_id": id, "order_id": id, "ticker": "A", "market_ticker": "A", "book_side": "bid",
            "outcome_side": "yes", "count_fp": "1.00", "yes_price_dollars": "0.4200", "is_taker": true, "fee_cost": "0.0100",
            "created_time": "2026-11-21T00:00:00Z", "ts": 1 });
        let page = read::<Fill>(&fill);
        assert_eq!((page.elements.len(), page.unusable.len()), (1, 1), "{page:?}");
        let position = json!({ "ticker": "A", "position_fp": "1.00", "market_exposure_dollars": "0.4200" });
        assert_eq!(read::<MarketPosition>(&position).elements.len(), 2, "the stranger holds nothing");
        let settlement =
            json!({ "ticker": "A", "market_result": "yes", "revenue": 100, "settled_time": "2026-11-21T00:00:00Z" });
        assert_eq!(read::<Settlement>(&settlement).elements.len(), 2);
        let market = json!({ "ticker": "A", "open_time": "2026-11-21T00:00:00Z", "status": "active" });
        let page = read::<Market>(&market);
        assert_eq!((page.elements.len(), page.unusable.len()), (2, 2), "{page:?}");
        assert_eq!(read::<ShardBalance>(&json!({ "exchange_index": 1, "balance": "1.0000" })).unusable.len(), 1);
        assert_eq!(strange(br#"{"event":{}}"#), None);
    }

    #[test]
    fn a_repeated_cursor_is_recognised_when_it_is_asked_for() {
        let body = with_repeated_cursor(br#"{"orders":[],"cursor":""}"#).unwrap();
        assert_eq!(body, br#"{"cursor":"again","orders":[]}"#);
        assert_eq!(with_repeated_cursor(br#"{"balance":1}"#), None);
        assert!(asks_for_repeated("/orders?limit=5&cursor=again") && !asks_for_repeated("/orders?cursor=again2"));
    }
}
