//! Parsers of the responses to order writes: they return `Copy` structs, and allocate only if the body is rejected. Any key order
//! is accepted, unknown keys are ignored, and `null` counts as absent.

use crate::market::{Count, Money, OrderId};
use crate::wire::WireError;
use crate::wire::scan::{RawText, Scanner};

/// The response to a create, an amend or a decrease, as the order state machine needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderAnswer {
    pub order: OrderId,
    /// Filled by this write; an amend may leave it out, a decrease always does.
    pub filled: Option<Count>,
    /// Left in the book; an amend may leave it out.
    pub remaining: Option<Count>,
    /// The average YES price of the fills, if there were any.
    pub average_price: Option<Money>,
    /// The average fee per contract, if there were fills.
    pub average_fee: Option<Money>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// The response to a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedAnswer {
    pub order: OrderId,
    /// Filled immediately.
    pub filled: Count,
    /// Left in the book; zero after immediate-or-cancel.
    pub remaining: Count,
    /// The average YES price of the fills, if there were any.
    pub average_price: Option<Money>,
    /// The average fee per contract, if there were fills.
    pub average_fee: Option<Money>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// One item of the response to a batched cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanceledAnswer<'a> {
    pub order: OrderId,
    /// Contracts cancelled; zero after an error.
    pub reduced_by: Count,
    /// The matching engine's time; absent after an error.
    pub ts_ms: Option<i64>,
    /// The error's code, as sent; empty if the error has none.
    pub error: Option<&'a str>,
}

/// Parses the response to `POST /portfolio/events/orders` (201).
///
/// # Errors
/// If the body is not a JSON object, or the id, a count or the time is missing or invalid.
pub fn parse_created(bytes: &[u8]) -> Result<CreatedAnswer, WireError> {
    let what = "created order";
    let mut answer = parse(what, bytes)?;
    if planted!(AnswerCountsSwapped) {
        std::mem::swap(&mut answer.filled, &mut answer.remaining);
    }
    Ok(CreatedAnswer {
        order: answer.order,
        filled: answer.filled.ok_or(WireError::Missing { what, field: "fill_count" })?,
        remaining: answer.remaining.ok_or(WireError::Missing { what, field: "remaining_count" })?,
        average_price: answer.average_price,
        average_fee: answer.average_fee,
        ts_ms: answer.ts_ms,
    })
}

/// Parses the response to `POST /portfolio/events/orders/{order_id}/amend` (200).
///
/// # Errors
/// If the body is not a JSON object, the id or the time is missing, or a value is invalid.
pub fn parse_amended(bytes: &[u8]) -> Result<OrderAnswer, WireError> {
    parse("amended order", bytes)
}

fn parse(what: &'static str, bytes: &[u8]) -> Result<OrderAnswer, WireError> {
    let mut scanner = Scanner::new(what, bytes)?;
    let (mut order, mut filled, mut remaining, mut ts_ms) = (None, None, None, None);
    let (mut average_price, mut average_fee) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "order_id" => order = order_id(scanner)?,
            "fill_count" => filled = scanner.decimal("fill_count", Count::parse_bytes)?,
            "remaining_count" => remaining = scanner.decimal("remaining_count", Count::parse_bytes)?,
            "average_fill_price" => average_price = scanner.decimal("average_fill_price", Money::parse_bytes)?,
            "average_fee_paid" => average_fee = scanner.decimal("average_fee_paid", Money::parse_bytes)?,
            "ts_ms" => ts_ms = scanner.integer("ts_ms")?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    Ok(OrderAnswer {
        order: scanner.required(order, "order_id")?,
        filled,
        remaining,
        average_price,
        average_fee,
        ts_ms: scanner.required(ts_ms, "ts_ms")?,
    })
}

/// Parses the response to `DELETE /portfolio/events/orders/batched` (200), and calls `each` with its items in the order of the
/// request.
///
/// # Errors
/// If the body is not a JSON object with an array `orders`, or an item lacks its id, or has neither a time nor an error. `each`
/// is still called with all other items, wherever they are.
pub fn parse_canceled_batch<'a>(bytes: &'a [u8], mut each: impl FnMut(CanceledAnswer<'a>)) -> Result<(), WireError> {
    let mut scanner = Scanner::new("cancelled batch", bytes)?;
    let (mut found, mut unusable) = (None, None);
    scanner.object(|scanner, key| match key {
        "orders" => {
            found = Some(());
            scanner.array(|scanner| {
                let before = *scanner;
                match canceled_item(scanner) {
                    Ok(item) => each(item),
                    Err(error) => {
                        *scanner = before;
                        scanner.skip()?;
                        unusable = unusable.take().or(Some(error));
                    }
                }
                Ok(())
            })
        }
        _ => scanner.skip(),
    })?;
    scanner.end()?;
    scanner.required(found, "orders")?;
    unusable.map_or(Ok(()), Err)
}

fn canceled_item<'a>(scanner: &mut Scanner<'a>) -> Result<CanceledAnswer<'a>, WireError> {
    let (mut order, mut reduced_by, mut ts_ms, mut error) = (None, None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "order_id" => order = order_id(scanner)?,
            "reduced_by" => reduced_by = scanner.decimal("reduced_by", Count::parse_bytes)?,
            "ts_ms" => ts_ms = scanner.integer("ts_ms")?,
            "error" if scanner.null() => {}
            "error" => error = Some(error_code(scanner)?),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let order = scanner.required(order, "order_id")?;
    if error.is_none() {
        // Without an error all of these are promised, and cash will be released because of them.
        scanner.required(reduced_by, "reduced_by")?;
        scanner.required(ts_ms, "ts_ms")?;
    }
    Ok(CanceledAnswer { order, reduced_by: reduced_by.unwrap_or(Count::ZERO), ts_ms, error })
}

fn error_code<'a>(scanner: &mut Scanner<'a>) -> Result<&'a str, WireError> {
    let mut code = None;
    scanner.object(|scanner, key| {
        match key {
            "code" => code = scanner.string("code")?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(code.map_or("", RawText::as_sent))
}

fn order_id(scanner: &mut Scanner<'_>) -> Result<Option<OrderId>, WireError> {
    let Some(text) = scanner.string("order_id")? else { return Ok(None) };
    OrderId::parse(&text.decoded()).map(Some).map_err(|error| scanner.bad_value("order_id", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Dollars4;
    use crate::wire::error::ErrorBody;
    use crate::wire::orders::{AmendedOrder, CanceledBatch, CanceledBatchItem, CreatedOrder};

    const ORDER: &str = "3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d";

    fn order() -> OrderId {
        OrderId::parse(ORDER).unwrap()
    }

    #[test]
    fn responses_of_the_exchange_are_parsed() {
        let average = Some(Dollars4(Money::from_micros(520_000)));
        let created = CreatedOrder {
            order_id: ORDER.into(),
            client_order_id: Some("c-1".into()),
            fill_count: Count::from_contracts(1),
            remaining_count: Count::from_units(50),
            average_fill_price: average,
            average_fee_paid: Some(Dollars4(Money::from_micros(17_500))),
            ts_ms: 7,
        };
        let read = parse_created(&serde_json::to_vec(&created).unwrap()).unwrap();
        let expected = CreatedAnswer {
            order: order(),
            filled: Count::from_contracts(1),
            remaining: Count::from_units(50),
            average_price: Some(Money::from_micros(520_000)),
            average_fee: Some(Money::from_micros(17_500)),
            ts_ms: 7,
        };
        assert_eq!(read, expected);

        let amended = AmendedOrder {
            order_id: ORDER.into(),
            client_order_id: None,
            remaining_count: Some(Count::from_contracts(3)),
            fill_count: None,
            average_fill_price: average,
            average_fee_paid: None,
            ts_ms: 8,
        };
        let read = parse_amended(&serde_json::to_vec(&amended).unwrap()).unwrap();
        assert_eq!((read.order, read.filled, read.ts_ms), (order(), None, 8));
        assert_eq!(read.remaining, Some(Count::from_contracts(3)));
    }

    #[test]
    fn each_item_of_a_cancelled_batch_is_returned_with_its_error() {
        let item = |reduced_by, ts_ms, error| CanceledBatchItem {
            order_id: ORDER.into(),
            client_order_id: None,
            reduced_by,
            ts_ms,
            error,
        };
        let refused = ErrorBody { code: "not_found".into(), message: "not found".into(), details: None };
        let batch = CanceledBatch {
            orders: vec![item(Count::from_contracts(4), Some(5), None), item(Count::ZERO, None, Some(refused))],
        };
        let bytes = serde_json::to_vec(&batch).unwrap();
        let mut items = Vec::new();
        parse_canceled_batch(&bytes, |item| items.push(item)).unwrap();
        let given: Vec<_> = items.iter().map(|item| (item.order, item.reduced_by, item.ts_ms, item.error)).collect();
        let expected =
            [(order(), Count::from_contracts(4), Some(5), None), (order(), Count::ZERO, None, Some("not_found"))];
        assert_eq!(given, expected);
    }

    #[test]
    fn a_response_without_what_the_ledger_needs_is_rejected() {
        for body in [
            "",
            "[]",
            r#"{"fill_count":"0.00","remaining_count":"1.00","ts_ms":1}"#,
            r#"{"order_id":"x","fill_count":"0.00","remaining_count":"1.00","ts_ms":1}"#,
            r#"{"order_id":"3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d","remaining_count":"1.00","ts_ms":1}"#,
            r#"{"order_id":"3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d","fill_count":0,"remaining_count":"1.00","ts_ms":1}"#,
            r#"{"order_id":"3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d","fill_count":"0.00","remaining_count":"1.00"}"#,
        ] {
            assert!(parse_created(body.as_bytes()).is_err(), "{body}");
        }
        for body in ["{}", r#"{"orders":[{"order_id":"3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d"}]}"#] {
            assert!(parse_canceled_batch(body.as_bytes(), |_| ()).is_err(), "{body}");
        }
    }
}
