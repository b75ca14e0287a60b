//! Reads the markets that a configuration names, with their fees, before a session starts and without a stage. It makes
//! the same requests as the stage; the caller sends them.

use std::collections::{BTreeMap, VecDeque};

use super::config::DirectoryConfig;
use super::directory::Directory;
use super::fetch::{Fetch, Gathered};
use super::reads::{missing_terms, start_markets};
use crate::market::FeeTerms;
use crate::wire::markets::{Market, MarketLifeStatus};

/// A market as the exchange describes it, with the terms of its event and series.
#[derive(Clone, Debug)]
pub struct CatalogMarket {
    pub market: Market,
    pub series: String,
    pub fees: FeeTerms,
}

/// A read of markets: request [`Catalog::next_path`] and pass the response to [`Catalog::answer`], until there is no
/// next path.
#[derive(Debug)]
pub struct Catalog {
    wanted: DirectoryConfig,
    fetches: VecDeque<Fetch>,
    gathered: Gathered,
    directory: Directory,
    listed: bool,
    pages: u32,
    problems: Vec<String>,
}

/// The most pages of markets that are read.
const PAGES_MAX: u32 = 1_000;

impl Catalog {
    /// Starts to read the markets that the configuration names: by ticker, all open ones of a series, or the first open
    /// ones.
    #[must_use]
    pub fn new(wanted: DirectoryConfig) -> Self {
        let fetches = start_markets(&wanted).into();
        let directory = Directory::new(0, i64::MAX).with_makers(wanted.maker_multipliers_e4.clone());
        let gathered = Gathered::default();
        Self { wanted, fetches, gathered, directory, listed: false, pages: 0, problems: Vec::new() }
    }

    /// The path to `GET` next, from the root; `None` at the end. The endpoints are public and need no signature.
    #[must_use]
    pub fn next_path(&self) -> Option<String> {
        self.fetches.front().map(Fetch::path)
    }

    /// Takes the response to the path that was next.
    ///
    /// # Errors
    /// A description of the problem if the response is unusable; the next path is then unchanged.
    pub fn answer(&mut self, status: u16, body: &[u8]) -> Result<(), String> {
        let Some(fetch) = self.fetches.front() else { return Ok(()) };
        let page = if status == 200 {
            fetch.read(body, &mut self.gathered, &mut self.directory)?
        } else if status == 404 && fetch.read_nothing(&mut self.gathered, &mut self.directory) {
            None
        } else {
            let text: String = String::from_utf8_lossy(body).chars().take(120).collect();
            return Err(format!("GET {}: HTTP {status}: {text}", fetch.path()));
        };
        self.fetches.pop_front();
        if let Some(page) = page {
            self.pages += 1;
            match page.follow(self.pages, PAGES_MAX, &mut self.gathered) {
                Ok(()) => self.fetches.push_front(page),
                Err(problem) => self.problems.push(problem),
            }
        }
        if self.fetches.is_empty() {
            if !self.listed {
                self.listed = true;
                self.choose();
            }
            self.fetches.extend(missing_terms(&self.directory, &self.gathered.markets));
        }
        Ok(())
    }

    /// Keeps the markets that are wanted, in the order of the configuration or of their close times.
    fn choose(&mut self) {
        let read = std::mem::take(&mut self.gathered.markets);
        if !self.wanted.tickers.is_empty() {
            let mut by_ticker: BTreeMap<_, _> =
                read.into_iter().map(|market| (market.ticker.clone(), market)).collect();
            self.gathered.markets = self.wanted.tickers.iter().filter_map(|ticker| by_ticker.remove(ticker)).collect();
            return;
        }
        let mut open: Vec<_> =
            read.into_iter().filter(|market| market.status == Some(MarketLifeStatus::Active)).collect();
        open.retain(|market| match market.check_terms() {
            Ok(()) => true,
            Err(problem) => {
                self.problems.push(format!("market {}: {problem}", market.ticker));
                false
            }
        });
        if self.wanted.series.is_some() {
            open.sort_by_key(|market| (market.close_time, market.ticker.clone()));
        } else {
            open.truncate(self.wanted.count.unwrap_or(1));
        }
        self.gathered.markets = open;
    }

    /// The markets that were read, and a description of each problem, such as a market whose terms can't be represented.
    #[must_use]
    pub fn finish(self) -> (Vec<CatalogMarket>, Vec<String>) {
        let (mut markets, mut problems) = (Vec::new(), self.problems);
        problems.extend(self.gathered.unusable.iter().map(ToString::to_string));
        for market in self.gathered.markets {
            let series = self.directory.series_of_event(market.event()).unwrap_or_default().to_owned();
            match market.check_terms().and_then(|()| self.directory.fees(market.event())) {
                Ok(fees) => markets.push(CatalogMarket { market, series, fees }),
                Err(problem) => problems.push(format!("market {}: {problem}", market.ticker)),
            }
        }
        (markets, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(ticker: &str, status: &str, close: &str) -> String {
        format!(
            r#"{{"ticker":"{ticker}","event_ticker":"KXA-1","open_time":"2026-08-05T03:45:00Z","close_time":"{close}","status":"{status}","price_ranges":[{{"start":"0.0000","end":"1.0000","step":"0.0100"}}]}}"#
        )
    }

    fn wanted() -> DirectoryConfig {
        let maker_multipliers_e4 = BTreeMap::new();
        DirectoryConfig { tickers: Vec::new(), series: None, count: None, max_markets: 8, maker_multipliers_e4 }
    }

    fn names(catalog: Catalog) -> Vec<String> {
        catalog.finish().0.into_iter().map(|market| market.market.ticker).collect()
    }

    #[test]
    fn events_are_read_together_and_those_that_no_listing_has_one_by_one() {
        let tickers = ["KXA-1-A", "KXA-2-A", "KXM-3-A"].map(str::to_owned).to_vec();
        let mut catalog = Catalog::new(DirectoryConfig { tickers, ..wanted() });
        let close = "2026-08-05T05:00:00Z";
        let [a, b, c] = [("KXA-1-A", "KXA-1"), ("KXA-2-A", "KXA-2"), ("KXM-3-A", "KXM-3")].map(|(ticker, event)| {
            market(ticker, "active", close).replace(r#""KXA-1","open"#, &format!(r#""{event}","open"#))
        });
        catalog.answer(200, format!(r#"{{"markets":[{a},{b},{c}]}}"#).as_bytes()).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("/events?tickers=KXA-1,KXA-2,KXM-3&limit=200"));
        let listed = ["KXA-1", "KXA-2"].map(|event| format!(r#"{{"event_ticker":"{event}","series_ticker":"KXA"}}"#));
        catalog.answer(200, format!(r#"{{"events":[{}],"cursor":""}}"#, listed.join(",")).as_bytes()).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("/events/KXM-3"));
        catalog.answer(200, br#"{"event":{"event_ticker":"KXM-3","series_ticker":"KXM"}}"#).unwrap();
        let series =
            |ticker: &str| format!(r#"{{"series":{{"ticker":"{ticker}","fee_type":"quadratic","fee_multiplier":1}}}}"#);
        assert!(catalog.next_path().unwrap().ends_with("/series/KXA"));
        catalog.answer(200, series("KXA").as_bytes()).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("/series/KXM"));
        catalog.answer(200, series("KXM").as_bytes()).unwrap();
        assert_eq!(catalog.next_path(), None);
        assert_eq!(names(catalog), ["KXA-1-A", "KXA-2-A", "KXM-3-A"]);
    }

    #[test]
    fn a_series_is_read_with_its_events_and_fees_soonest_close_first() {
        let mut catalog = Catalog::new(DirectoryConfig { series: Some("KXA".to_owned()), ..wanted() });
        assert!(catalog.next_path().unwrap().contains("series_ticker=KXA&status=open"));
        let late = market("KXA-1-B", "active", "2026-08-05T05:00:00Z");
        let soon = market("KXA-1-A", "active", "2026-08-05T04:00:00Z");
        let closed = market("KXA-1-C", "closed", "2026-08-05T03:50:00Z");
        catalog.answer(200, format!(r#"{{"markets":[{late},{soon},{closed}]}}"#).as_bytes()).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("/events/KXA-1"));
        assert!(catalog.answer(503, b"later").is_err());
        catalog.answer(200, br#"{"event":{"event_ticker":"KXA-1","series_ticker":"KXA"}}"#).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("/series/KXA"));
        let series = br#"{"series":{"ticker":"KXA","fee_type":"quadratic","fee_multiplier":1}}"#;
        catalog.answer(200, series).unwrap();
        assert_eq!(catalog.next_path(), None);
        assert_eq!(names(catalog), ["KXA-1-A", "KXA-1-B"]);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_a_list_without_end_ends() {
        let mut catalog = Catalog::new(DirectoryConfig { series: Some("KXA".to_owned()), ..wanted() });
        let [good, bad] = ["A", "B"].map(|ticker| market(ticker, "active", "2026-08-05T05:00:00Z"));
        let bad = bad.replace("price_ranges", "ranges");
        catalog.answer(200, format!(r#"{{"markets":[{good},{bad},7],"cursor":"x"}}"#).as_bytes()).unwrap();
        assert!(catalog.next_path().unwrap().ends_with("&cursor=x"));
        catalog.answer(200, br#"{"markets":[],"cursor":"x"}"#).unwrap();
        catalog.answer(404, b"").unwrap();
        catalog.answer(200, br#"{"series":{"ticker":"KXA","fee_type":"quadratic","fee_multiplier":1}}"#).unwrap();
        assert_eq!(catalog.next_path(), None);
        let (markets, problems) = catalog.finish();
        assert_eq!(markets.iter().map(|market| market.market.ticker.as_str()).collect::<Vec<_>>(), ["A"]);
        for words in ["cursor=x: the list does not end", "market B: `price_ranges`", "market (number 3 of its list)"] {
            assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
        }
    }

    #[test]
    fn named_markets_come_in_the_order_asked_for_and_unknown_fees_are_named() {
        let mut catalog = Catalog::new(DirectoryConfig { tickers: vec!["B".into(), "A".into()], ..wanted() });
        let [a, b] = ["A", "B"].map(|ticker| market(ticker, "closed", "2026-08-05T04:00:00Z"));
        catalog.answer(200, format!(r#"{{"markets":[{a},{b}]}}"#).as_bytes()).unwrap();
        catalog.answer(404, b"").unwrap();
        catalog.answer(404, b"").unwrap();
        assert_eq!(catalog.next_path(), None);
        let (markets, problems) = catalog.finish();
        assert!(markets.is_empty());
        assert!(problems[0].starts_with("market B: ") && problems[1].contains("KXA"), "{problems:?}");
    }
}
