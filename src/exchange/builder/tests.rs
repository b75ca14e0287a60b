use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::exchange::engine::AccountId;
use crate::exchange::recorded::{RecordedMarket, SessionMarket, Step};
use crate::market::FeeSchedule;
use crate::wire::sign::{Algorithm, Signer};

const START_MS: i64 = 1_790_000_000_000;

/// A recorded market on a shard, with empty steps at these times.
fn recording(ticker: &str, exchange_index: u8, times: &[i64]) -> Recording {
    let step = |&ts_ms: &i64| Step { ts_ms, complete_ms: ts_ms + 5, entries: Vec::new() };
    let steps = times.iter().map(step).collect();
    let steps = RecordedMarket { ticker: ticker.to_owned(), steps, ..RecordedMarket::default() };
    let mut terms = SessionMarket::inferred(&steps, FeeSchedule::QUADRATIC);
    (terms.spec.exchange_index, terms.spec.recorded) = (exchange_index, true);
    Recording { terms, steps }
}

fn cash(exchange: &Exchange, account: AccountId) -> Vec<(u8, Money)> {
    let engine = exchange.engine();
    engine.shards_of(account).into_iter().map(|shard| (shard, engine.balance(account, shard))).collect()
}

#[test]
fn keys_stay_in_memory_unless_a_folder_is_named() {
    let (_, accounts) = Exchange::builder().accounts(2).build().unwrap();
    assert_eq!(accounts.len(), 2);
    for account in &accounts {
        let [key] = &account.keys[..] else { panic!("one key is enough: {:?}", account.keys) };
        assert_eq!((key.algorithm, &key.path), (Algorithm::Ed25519, &None));
    }
    assert_ne!(accounts[0].keys[0].key_id, accounts[1].keys[0].key_id);
}

#[test]
fn a_folder_gets_every_key_for_its_owner_alone_and_those_of_an_earlier_start_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let build = || Exchange::builder().accounts(2).rsa_keys().keys_in(&keys).build().unwrap().1;
    build();
    let accounts = build();
    assert_eq!(files(), ["account-2-ed25519.pem", "account-2-rsa.pem", "ed25519.pem", "rsa.pem"]);
    for key in accounts.iter().flat_map(|account| &account.keys) {
        let path = key.path.as_ref().unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == key.private_key_pem, "{} has the newest key", path.display());
        assert_eq!(Signer::from_pem(&written).unwrap().algorithm(), key.algorithm);
    }
}

#[test]
fn a_folder_that_cannot_be_created_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let error = Exchange::builder().keys_in(file.join("keys")).build().unwrap_err().to_string();
    assert!(error.contains("key file") && error.contains("a-file/keys"), "{error}");
}

#[test]
fn accounts_have_cash_where_there_are_markets() {
    let dollars = |shards: &[u8], dollars| shards.iter().map(|&shard| (shard, Money::from_dollars(dollars))).collect();
    let cash_of = |exchange: Builder| {
        let (exchange, accounts) = exchange.start_ms(START_MS).build().unwrap();
        cash(&exchange, accounts[0].id)
    };
    let expected: Vec<_> = dollars(&[0, 2], 1_000);
    assert_eq!(cash_of(Exchange::builder()), expected, "a world without markets");
    let scenario = Scenario::default();
    let expected: Vec<_> = dollars(&scenario.shards(), 5);
    assert_eq!(cash_of(Exchange::builder().scenario(scenario).cash(Money::from_dollars(5))), expected);
    let recorded = Exchange::builder().recordings(vec![recording("KXREC-1", 3, &[START_MS + 10])]);
    let expected: Vec<_> = dollars(&[0, 2, 3], 1_000);
    assert_eq!(cash_of(recorded), expected, "the recorded market's shard too");
    let expected: Vec<_> = dollars(&[1], 1_000);
    assert_eq!(cash_of(Exchange::builder().shards([1])), expected);
    let own = AccountPlan { cash: Some(dollars(&[2], 7)), ..AccountPlan::default() };
    let expected: Vec<_> = dollars(&[2], 7);
    assert_eq!(cash_of(Exchange::builder().account_plans(vec![own])), expected, "an account's own goes before");
}

#[test]
fn an_account_keeps_the_key_that_it_brings() {
    let key = crate::exchange::keys::issue_ed25519().unwrap();
    let plan = AccountPlan { keys: vec![key.clone()], ..AccountPlan::default() };
    let (_, accounts) = Exchange::builder().account_plans(vec![plan, AccountPlan::default()]).build().unwrap();
    assert_eq!(accounts[0].keys[0].key_id, key.key_id);
    assert_eq!(accounts[0].credentials().unwrap().key_id, key.key_id);
    assert_ne!(accounts[1].keys[0].key_id, key.key_id);
    assert_eq!(accounts.iter().map(|account| account.id).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_scenario_brings_its_settings_and_its_own_number_of_markets() {
    let scenario = Scenario::shipped("thin").unwrap();
    let settings = GatewaySettings { read_lag_ms: 7, ..GatewaySettings::default() };
    let mut expected = settings.clone();
    scenario.adjust(&mut expected);
    assert_ne!(expected.tier, settings.tier, "thin has a tier of its own");
    let markets = scenario.market_count();
    let (exchange, _) = Exchange::builder().settings(settings).scenario(scenario).start_ms(START_MS).build().unwrap();
    assert_eq!(exchange.gateway().settings(), &expected);
    assert_eq!(exchange.engine().market_count() as usize, markets);
}

#[test]
fn session_time_begins_before_the_first_recorded_frame_and_is_shared_with_the_client() {
    let origin = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
    let exchange = Exchange::builder()
        .recordings(vec![recording("KXREC-1", 0, &[START_MS, START_MS + 100])])
        .speed_milli(500)
        .origin(origin)
        .start()
        .unwrap();
    let start_ms = START_MS - 1_000;
    assert_eq!(exchange.clock.session_ms(0), start_ms, "two seconds of the wall clock are one of the session");
    let began_ns = exchange.clock.mono_ns(start_ms + 1) - 2_000_000;
    let now_ns = u64::try_from(origin.elapsed().as_nanos()).unwrap();
    assert!((5_000_000_000..=now_ns).contains(&began_ns), "it begins at the start, 5 s after the origin: {began_ns}");
}

#[test]
fn breaks_of_recordings_are_passed_quickly_unless_the_start_is_behind_them() {
    let day_ms = 86_400_000;
    let recordings = || vec![recording("KXREC-1", 0, &[START_MS]), recording("KXREC-2", 0, &[START_MS + day_ms])];
    let exchange = Exchange::builder().recordings(recordings()).start().unwrap();
    let wait_ns = exchange.clock.mono_ns(START_MS + day_ms) - exchange.clock.mono_ns(START_MS);
    assert!(wait_ns < 60_000_000_000, "a day between two recordings takes {wait_ns} ns");
    let late = Exchange::builder().recordings(recordings()).start_ms(START_MS + day_ms - 1_000).start().unwrap();
    let wait_ns = late.clock.mono_ns(START_MS + day_ms) - late.clock.mono_ns(START_MS + day_ms - 1_000);
    assert!((999_000_000..=1_000_000_000).contains(&wait_ns), "{wait_ns}");
}

#[test]
fn a_dropped_exchange_is_stopped() {
    let exchange = Exchange::builder().start().unwrap();
    let address = exchange.addr;
    std::net::TcpStream::connect(address).unwrap();
    drop(exchange);
    std::net::TcpStream::connect(address).unwrap_err();
}
