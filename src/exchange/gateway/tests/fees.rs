//! Fees as published: in series, events and markets, in the lists of changes, and in frames.

use super::*;
use crate::exchange::engine::{FeeChange, FeeScope};
use crate::market::{FeeSchedule, FeeType};

const API: &str = "/trade-api/v2";

impl Venue {
    fn settle(&mut self, scope: FeeScope, schedule: Option<FeeSchedule>, in_ms: i64) {
        let from_ms = self.now.session_ms + in_ms;
        let now = self.now;
        self.exchange.command(now, |engine, now_ms| {
            engine.change_fees(FeeChange { scope, schedule, from_ms }, now_ms);
        });
    }

    fn told(&mut self, rest: &str) -> Value {
        let answer = self.anonymous("GET", &format!("{API}{rest}"));
        assert_eq!(answer.status, 200, "{rest}: {}", answer.text);
        answer.json()
    }
}

#[test]
fn a_series_shows_its_fees_and_lists_scheduled_changes() {
    let mut venue = Venue::immediate();
    let schedule = FeeSchedule::of(FeeType::QuadraticWithMakerFees, 5_000);
    venue.settle(FeeScope::Series("KXSIMCENT".to_owned()), Some(schedule), 10_000);
    let series = venue.told("/series/KXSIMCENT")["series"].clone();
    assert_eq!((&series["fee_type"], &series["fee_multiplier"]), (&"quadratic".into(), &1.into()));
    let upcoming = venue.told("/series/fee_changes?series_ticker=KXSIMCENT")["series_fee_change_arr"].clone();
    assert_eq!(upcoming.as_array().unwrap().len(), 1);
    assert_eq!(
        (&upcoming[0]["fee_type"], &upcoming[0]["fee_multiplier"], &upcoming[0]["scheduled_ts"]),
        (&"quadratic_with_maker_fees".into(), &0.5.into(), &rfc3339_of(START_MS + 10_000))
    );
    assert_eq!(
        venue.told("/series/fee_changes?series_ticker=KXSIMTAPER")["series_fee_change_arr"],
        Value::Array(vec![])
    );
    venue.pass(10_000);
    let series = venue.told("/series/KXSIMCENT")["series"].clone();
    assert_eq!((&series["fee_type"], &series["fee_multiplier"]), (&"quadratic_with_maker_fees".into(), &0.5.into()));
    assert_eq!(venue.told("/series/fee_changes")["series_fee_change_arr"], Value::Array(vec![]));
    let past = venue.told("/series/fee_changes?show_historical=true")["series_fee_change_arr"].clone();
    assert_eq!(past, upcoming);
}

#[test]
fn an_override_is_listed_shown_on_its_event_and_announced_by_frames() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, r#"{"id":1,"cmd":"subscribe","params":{"channels":["market_lifecycle_v2"]}}"#);
    let scope = || FeeScope::Event("KXSIMCENT-0001".to_owned());
    venue.settle(scope(), Some(FeeSchedule::of(FeeType::QuadraticWithComboMakerFees, 10_000)), 1_000);
    venue.settle(scope(), None, 2_000);
    let updates = |venue: &mut Venue| -> Vec<Value> {
        venue.frames(7).into_iter().filter(|frame| frame["type"] == "event_fee_update").collect()
    };
    assert!(updates(&mut venue).is_empty(), "what is settled is told when its time comes");
    let event = venue.told("/events/KXSIMCENT-0001")["event"].clone();
    assert_eq!((event.get("fee_type_override"), event.get("fee_multiplier_override")), (None, None));
    venue.pass(1_000);
    let begun = updates(&mut venue);
    assert_eq!(
        begun[0]["msg"].to_string(),
        r#"{"event_ticker":"KXSIMCENT-0001","fee_multiplier_override":1,"fee_type_override":"quadratic_with_combo_maker_fees"}"#
    );
    assert!(begun[0]["seq"].is_u64());
    let event = venue.told("/events/KXSIMCENT-0001")["event"].clone();
    assert_eq!(event["fee_type_override"], "quadratic_with_combo_maker_fees");
    assert_eq!(event["fee_multiplier_override"], 1);
    venue.pass(1_000);
    let ended = updates(&mut venue);
    assert_eq!(
        ended[0]["msg"].to_string(),
        r#"{"event_ticker":"KXSIMCENT-0001","fee_multiplier_override":null,"fee_type_override":null}"#
    );
    let first = venue.told("/events/fee_changes?event_ticker=KXSIMCENT-0001&limit=1");
    assert_eq!(first["event_fee_changes"][0]["fee_type_override"], Value::Null, "the newest first");
    let second = venue.told(&format!("/events/fee_changes?limit=1&cursor={}", first["cursor"].as_str().unwrap()));
    assert_eq!(second["event_fee_changes"][0]["series_ticker"], "KXSIMCENT");
    assert_eq!(second["cursor"], "");
    assert_eq!(venue.told("/events/fee_changes?event_ticker=KXNONE-1")["event_fee_changes"], Value::Array(vec![]));
}

fn rfc3339_of(time_ms: i64) -> Value {
    crate::wire::time::timestamp(time_ms).unwrap().to_string().into()
}
