//! The order in which the levels changed by one command are published.

use super::*;

fn venue(remainder_first: bool) -> Venue {
    let settings =
        GatewaySettings { order_latency_ms: 0, tier: Tier::Unlimited, remainder_first, ..GatewaySettings::default() };
    let mut venue = Venue::new(settings);
    for (count, price) in [("10.00", "0.4500"), ("3.00", "0.4600"), ("5.00", "0.4800")] {
        venue.create(0, &order(CENTS, "ask", count, price));
    }
    venue.open(1, 7);
    let command = r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["TICKER"]}}"#;
    venue.command(7, &command.replace("TICKER", CENTS));
    venue.pass(1_000);
    venue
}

/// The levels in the frames since the last call: side, price and change. All have the same time and clock.
fn levels(venue: &mut Venue) -> Vec<String> {
    let frames = venue.frames(7);
    for pair in frames.windows(2) {
        let [one, next] = [&pair[0], &pair[1]];
        assert_eq!(one["seq"].as_u64().unwrap() + 1, next["seq"].as_u64().unwrap());
        assert_eq!((&one["msg"]["ts_ms"], &one["msg"]["clock"]), (&next["msg"]["ts_ms"], &next["msg"]["clock"]));
    }
    let text = |frame: &Value| {
        ["side", "price_dollars", "delta_fp"].map(|key| frame["msg"][key].as_str().unwrap().to_owned()).join(" ")
    };
    frames.iter().map(text).collect()
}

#[test]
fn remainders_are_published_first_if_configured() {
    let (removals, rest) = (["no 0.5500 -10.00", "no 0.5400 -3.00"], "yes 0.4600 2.00");
    for (remainder_first, expected) in
        [(false, [removals[0], removals[1], rest]), (true, [rest, removals[0], removals[1]])]
    {
        let mut venue = venue(remainder_first);
        venue.create(1, &order(CENTS, "bid", "15.00", "0.4600"));
        assert_eq!(levels(&mut venue), expected);
        let book = venue.get(1, &format!("/trade-api/v2/markets/{CENTS}/orderbook"));
        assert_eq!(book["orderbook_fp"]["yes_dollars"].to_string(), r#"[["0.4600","2.00"]]"#);
    }
}

#[test]
fn an_amend_leaves_its_own_level_first() {
    let mut venue = venue(true);
    let resting = venue.placed(1, &order(CENTS, "bid", "12.00", "0.4000"));
    levels(&mut venue);
    let body = format!(r#"{{"ticker":"{CENTS}","side":"bid","price":"0.4500","count":"12.00"}}"#);
    assert_eq!(venue.call(1, "POST", &format!("{ORDERS}/{resting}/amend"), &body).status, 200);
    assert_eq!(levels(&mut venue), ["yes 0.4000 -12.00", "yes 0.4500 2.00", "no 0.5500 -10.00"], "locked in between");
}

#[test]
fn orders_without_a_remainder_or_a_trade_are_published_as_usual() {
    let mut venue = venue(true);
    venue.create(1, &order(CENTS, "bid", "10.00", "0.4500"));
    assert_eq!(levels(&mut venue), ["no 0.5500 -10.00"]);
    let ioc = order(CENTS, "bid", "10.00", "0.4600").replace("good_till_canceled", "immediate_or_cancel");
    venue.create(1, &ioc);
    assert_eq!(levels(&mut venue), ["no 0.5400 -3.00"]);
    venue.create(1, &order(CENTS, "bid", "1.00", "0.4700"));
    assert_eq!(levels(&mut venue), ["yes 0.4700 1.00"]);
}
