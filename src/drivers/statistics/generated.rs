//! The frames of a scenario: an exchange without a trader on virtual time, whose public stream one client follows
//! through the wire encoding.

use std::path::Path;

use thiserror::Error;

use super::{Figures, Statistics};
use crate::exchange::gateway::{ExchangeNow, HttpRequest, Output};
use crate::exchange::participants::World;
use crate::exchange::recorded::RecordedFrame;
use crate::exchange::{BuildError, Exchange};
use crate::market::BookLevels;
use crate::wire::frame;
use crate::wire::sign::{Credentials, SignError};
use crate::wire::{WS_PATH, WireError};

/// The id of the client's session.
const SESSION: u64 = 1;

/// What to generate.
#[derive(Debug)]
pub struct GeneratedPlan {
    /// The world, without its faults since the figures describe its participants.
    pub world: World,
    /// The start of session time, in milliseconds.
    pub start_ms: i64,
    /// How long to run, in session milliseconds.
    pub duration_ms: i64,
    /// Only count markets whose tickers have this prefix.
    pub prefix: String,
    /// Only count markets seen for at least this many seconds.
    pub shortest_s: f64,
}

/// Why a scenario could not be measured.
#[derive(Debug, Error)]
pub enum GeneratedError {
    /// The client's key is unusable.
    #[error("the key of the client that follows the scenario: {0}")]
    Key(#[from] SignError),
    /// The world is impossible.
    #[error(transparent)]
    Exchange(#[from] BuildError),
    /// The exchange wrote a frame that the client can't parse.
    #[error("a frame of the embedded exchange: {0}")]
    Frame(#[from] WireError),
}

/// The figures of a scenario's markets.
///
/// # Errors
/// When the world is impossible.
pub fn generated(plan: GeneratedPlan) -> Result<Vec<Figures>, GeneratedError> {
    let mut world = plan.world;
    world.faults.clear();
    let (mut exchange, accounts) = Exchange::builder().seed(world.seed).world(world).start_ms(plan.start_ms).build()?;
    open(&mut exchange, &accounts[0].credentials()?, plan.start_ms)?;
    let (mut statistics, mut levels) = (Statistics::default(), BookLevels::default());
    let (mut now_ms, mut followed) = (plan.start_ms, 0);
    let end_ms = plan.start_ms.saturating_add(plan.duration_ms);
    while now_ms < end_ms {
        followed = follow(&mut exchange, followed, &plan.prefix, now_ms);
        while let Some(output) = exchange.poll() {
            if let Output::Frame { text, .. } = output {
                let frame = frame::parse(&text, &mut levels)?;
                let recorded = RecordedFrame {
                    file: 0,
                    path: Path::new("scenario"),
                    line: 0,
                    stamped_ms: frame.time_ms(),
                    received_ms: Some(now_ms),
                    frame: &frame,
                    stretch: 0,
                    ended: None,
                };
                statistics.frame(&recorded, &levels);
            }
        }
        now_ms = exchange.next_deadline_ms().unwrap_or(end_ms).clamp(now_ms + 1, end_ms);
        exchange.advance(at(now_ms));
    }
    Ok(statistics.figures(plan.shortest_s))
}

const fn at(session_ms: i64) -> ExchangeNow {
    ExchangeNow { session_ms, wall_ms: session_ms }
}

fn open(exchange: &mut Exchange, credentials: &Credentials, now_ms: i64) -> Result<(), SignError> {
    let [(_, key_id), (_, timestamp), (_, signature)] = credentials.headers(now_ms, "GET", WS_PATH)?;
    let request = HttpRequest {
        method: "GET",
        target: WS_PATH,
        key_id: Some(&key_id),
        timestamp: Some(&timestamp),
        signature: Some(&signature),
        body: &[],
    };
    exchange.open(SESSION, &request, at(now_ms)).expect("the key is the exchange's own, and was just used");
    Ok(())
}

/// Subscribes to newly listed markets. Returns the number of markets.
fn follow(exchange: &mut Exchange, followed: u32, prefix: &str, now_ms: i64) -> u32 {
    let listed = exchange.engine().market_count();
    for market in followed..listed {
        let ticker = exchange.engine().market(market).spec().ticker.clone();
        if ticker.starts_with(prefix) {
            let command = format!(
                r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta","trade"],"market_tickers":["{ticker}"]}}}}"#
            );
            exchange.text(SESSION, command.as_bytes(), at(now_ms));
        }
    }
    listed
}
