//! `kalshi-actor exchange`.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::clock::SessionClock;
use crate::exchange::launch::{LaunchConfig, launch};
use crate::exchange::participants::World;
use crate::exchange::recorded::Holes;
use crate::exchange::scenario::Scenario;
use crate::exchange::server::ServerConfig;
use crate::host::signals::Signals;
use crate::session::{Recordings, cash, settings};
use clap::Args;

use super::ConfigArgs;
use super::out::{Out, note, say};

/// The arguments of `exchange`.
#[derive(Debug, Args)]
pub(super) struct ExchangeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What it is like: calm, busy, news, thin, settling or gold, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "busy")]
    scenario: String,
    /// Print the scenario as TOML, to begin one of your own with, and end
    #[arg(long)]
    print: bool,
    /// How many markets are open at any time; without it as many as the scenario has
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    markets: Option<u32>,
    /// How many accounts there are to trade with, each with keys and cash of its own
    #[arg(long, value_name = "N", default_value = "1")]
    accounts: NonZeroU8,
    /// Nobody else trades: the generated markets open, close and settle, and their books are the clients' own
    #[arg(long, conflicts_with = "from")]
    quiet_markets: bool,
    /// Play recorded markets instead of generated ones: frames files, .jsonl or .zst
    #[arg(long, value_name = "FRAMES", num_args = 1..)]
    from: Vec<PathBuf>,
    /// Seeds everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let web pages that this machine serves read answers (CORS)
    #[arg(long)]
    cors: bool,
    /// Where the private keys are written
    #[arg(long, value_name = "DIR", default_value = "./exchange-keys")]
    keys: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ExchangeArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::find(&args.scenario)?;
    if args.print {
        out.text(scenario.text());
        return Ok(ExitCode::SUCCESS);
    }
    let config = args.config.load()?;
    let signals = Signals::install()?;
    let mut server = ServerConfig { listen: args.listen, cors: args.cors, ..ServerConfig::local() };
    let mut settings = settings(&config.exchange)?;
    scenario.adjust(&mut settings);
    let markets = args.markets.map_or(Ok(scenario.market_count()), usize::try_from)?;
    let mut world = scenario.world(args.seed, markets, server.session_ms());
    world.quiet = args.quiet_markets;
    let mut recordings = Vec::new();
    if !args.from.is_empty() {
        let recorded = Recordings::load(&args.from, None, Holes::Told)?;
        recorded.notes.iter().for_each(|text| note!("{text}"));
        server.clock = SessionClock::new(0, recorded.start_ms, 1_000).with_breaks(&recorded.breaks);
        (world, recordings) = (World::default(), recorded.markets);
    }
    let (handle, facts) = launch(LaunchConfig {
        seed: args.seed,
        settings,
        world,
        accounts: args.accounts,
        cash: cash(&config.exchange, scenario.shards()),
        direct_member: scenario.has_direct_members(),
        recordings,
        server,
        key_directory: args.keys.clone(),
    })?;
    say!(out, "{}", serde_json::to_string(&facts)?);
    out.show();
    // Without its addresses and keys nobody can use it.
    out.check()?;
    while !signals.stop_requested() && handle.is_running() {
        std::thread::sleep(Duration::from_millis(50));
    }
    handle.stop()?;
    Ok(ExitCode::SUCCESS)
}
