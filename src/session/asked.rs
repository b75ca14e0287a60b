//! Checks before a session starts that the exchange has the markets it is to trade. Otherwise a misspelt name would
//! give a session that does nothing and reports success.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::config::MarketsConfig;
use crate::network::net::Trust;
use crate::network::rest::RestClient;
use crate::network::venue::Venue;
use crate::wire::{REST_PREFIX, escape_query};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Tickers per look-up: the most that the listing's filter accepts.
const TICKERS_IN_FILTER: usize = 100;
/// The most unknown tickers that an error names.
const NAMED_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskedError {
    #[error("markets that the exchange does not have: {0}; expected tickers of its markets")]
    Markets(String),
    #[error(
        "series {0}: the exchange does not have it; expected a series such as the beginning of its markets' tickers"
    )]
    Series(String),
}

#[derive(Deserialize)]
struct Page {
    markets: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    ticker: String,
}

/// Looks up the markets or the series that the configuration names. If a look-up fails, the session starts anyway and
/// reports what is wrong with the exchange.
///
/// # Errors
/// When the exchange answers that it does not have a market or the series.
pub(super) fn check(markets: &MarketsConfig, venue: &Venue, trust: &Trust) -> Result<(), AskedError> {
    let client = RestClient::new(&venue.rest, trust, None, TIMEOUT);
    if !markets.tickers.is_empty() {
        return check_tickers(&markets.tickers, &client);
    }
    if markets.series.is_empty() {
        return Ok(());
    }
    let mut path = format!("{REST_PREFIX}/series/");
    escape_query(&mut path, &markets.series);
    match client.get(&path) {
        Ok(answer) if answer.status == 404 => Err(AskedError::Series(markets.series.clone())),
        _ => Ok(()),
    }
}

fn check_tickers(tickers: &[String], client: &RestClient) -> Result<(), AskedError> {
    let mut unknown = Vec::new();
    for tickers in tickers.chunks(TICKERS_IN_FILTER) {
        let mut path = format!("{REST_PREFIX}/markets?limit=1000&tickers=");
        for (position, ticker) in tickers.iter().enumerate() {
            if position > 0 {
                path.push(',');
            }
            escape_query(&mut path, ticker);
        }
        let Some(answer) = client.get(&path).ok().filter(|answer| answer.status == 200) else { return Ok(()) };
        let Ok(page) = serde_json::from_slice::<Page>(&answer.body) else { return Ok(()) };
        let known: BTreeSet<&str> = page.markets.iter().map(|market| market.ticker.as_str()).collect();
        unknown.extend(tickers.iter().filter(|ticker| !known.contains(ticker.as_str())));
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let mut names = unknown.iter().take(NAMED_MAX).map(|ticker| ticker.as_str()).collect::<Vec<_>>().join(", ");
    if unknown.len() > NAMED_MAX {
        write!(names, " and {} more", unknown.len() - NAMED_MAX).expect("writing to a String cannot fail");
    }
    Err(AskedError::Markets(names))
}
