//! `kalshi-actor exchange`.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::exchange::{Account, RunningExchange};
use crate::host::signals::Signals;
use crate::wire::sign::Algorithm;
use clap::Args;
use serde::Serialize;

use super::ConfigArgs;
use super::out::{Out, note, say};
use super::world::WorldArgs;

#[derive(Debug, Args)]
pub(super) struct ExchangeArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[command(flatten)]
    world: WorldArgs,
    /// Print the scenario as TOML, to start one of your own from, and exit
    #[arg(long)]
    print: bool,
    /// How many markets are open at any time, or how many of the recorded ones are played [default: all of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    markets: Option<u32>,
    /// How many accounts there are to trade with, each with its own keys and cash
    #[arg(long, value_name = "N", default_value = "1")]
    accounts: NonZeroU8,
    /// No other participants trade: the generated markets open, close and settle, and only clients fill their books
    #[arg(long, conflicts_with = "from")]
    quiet_markets: bool,
    /// Let web pages served from this machine read the responses (CORS)
    #[arg(long)]
    cors: bool,
    /// The folder that the private keys are written to
    #[arg(long, value_name = "DIR", default_value = "./exchange-keys")]
    keys: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What a client needs to know, printed as one JSON line.
#[derive(Serialize)]
struct Facts<'a> {
    rest_url: &'a str,
    ws_url: &'a str,
    /// The keys of the first account.
    #[serde(flatten)]
    first: AccountKeys<'a>,
    /// The keys of all accounts, including the first.
    accounts: Vec<AccountKeys<'a>>,
}

/// The keys of an account. Either one may sign for it.
#[derive(Serialize)]
struct AccountKeys<'a> {
    key_id: &'a str,
    private_key_path: Option<&'a PathBuf>,
    ed25519_key_id: &'a str,
    ed25519_private_key_path: Option<&'a PathBuf>,
}

impl<'a> AccountKeys<'a> {
    fn of(account: &'a Account) -> Self {
        let key = |algorithm| account.key(algorithm).expect("both keys are asked for below");
        let (rsa, ed25519) = (key(Algorithm::Rsa), key(Algorithm::Ed25519));
        Self {
            key_id: &rsa.key_id,
            private_key_path: rsa.path.as_ref(),
            ed25519_key_id: &ed25519.key_id,
            ed25519_private_key_path: ed25519.path.as_ref(),
        }
    }
}

impl<'a> Facts<'a> {
    fn of(exchange: &'a RunningExchange) -> Self {
        Self {
            rest_url: &exchange.rest_url,
            ws_url: &exchange.ws_url,
            first: AccountKeys::of(&exchange.accounts[0]),
            accounts: exchange.accounts.iter().map(AccountKeys::of).collect(),
        }
    }
}

pub(super) fn run(args: &ExchangeArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let scenario = args.world.scenario()?;
    if args.print {
        out.text(scenario.text());
        return Ok(ExitCode::SUCCESS);
    }
    let config = args.config.load()?;
    let signals = Signals::install()?;
    let markets = args.markets.map(usize::try_from).transpose()?;
    let exchange = args.world.exchange(&config)?;
    let exchange = if let Some(mut recordings) = args.world.recordings()? {
        let played = recordings.tickers(markets)?.len();
        recordings.markets.truncate(played);
        recordings.notes.iter().for_each(|text| note!("{text}"));
        exchange.recordings(recordings.markets)
    } else {
        let count = markets.unwrap_or_else(|| scenario.market_count());
        exchange.scenario_of(scenario, count).quiet(args.quiet_markets)
    };
    let exchange = exchange
        .accounts(args.accounts.get())
        .rsa_keys()
        .keys_in(&args.keys)
        .listen(args.listen)
        .cors(args.cors)
        .start()?;
    say!(out, "{}", serde_json::to_string(&Facts::of(&exchange))?);
    out.show();
    // Without its addresses and keys nobody can use the exchange.
    out.check()?;
    while !signals.stop_requested() && exchange.is_running() {
        std::thread::sleep(Duration::from_millis(50));
    }
    exchange.stop()?;
    Ok(ExitCode::SUCCESS)
}
