//! Response bodies about events and series. On this exchange neither exists by itself: an event consists of the markets that
//! name it, as does a series, and its properties are those of the first of these markets.

use serde_json::{Number, json as value};

use super::Refusal;
use super::directory::{Group, is_combo};
use super::frames::rfc3339;
use super::market_reads::{Answer, Listed, has_status, json};
use super::route::{PageLimit, Query, cursor};
use crate::exchange::engine::{FeeScope, MarketSpec};
use crate::market::{Count, FeeSchedule};
use crate::wire::events::{Event, EventBody, EventsPage, Series, SeriesBody, SeriesPage};
use crate::wire::fees::{EventFeeChange, EventFeeChangesPage, SeriesFeeChange, SeriesFeeChangesBody, multiplier};
use crate::wire::markets::fee_type_name;

/// The category of every series.
const CATEGORY: &str = "Simulation";
/// The filter words of `GET /events`, in the order in which they are tried: an event has the first status that fits any of
/// its markets.
const EVENT_STATUSES: [&str; 4] = ["open", "unopened", "closed", "settled"];

/// A fee schedule as published: the name of its type, which determines the makers' multiplier, and the takers' multiplier.
fn told(schedule: FeeSchedule) -> (String, Number) {
    (fee_type_name(schedule.fee_type()).to_owned(), multiplier(schedule))
}

/// The identifier of a fee change, from its number in the order of scheduling.
fn change_id(number: usize) -> String {
    format!("00000000-0000-4000-9000-{number:012x}")
}

impl Listed<'_> {
    /// `GET /series/fee_changes`: future changes, or all of them if asked for.
    pub(super) fn series_fee_changes(self, target: &str) -> Answer {
        let query = Query::new(target, "GetSeriesFeeChanges");
        let (all, wanted) = (query.flag("show_historical")?, query.get("series_ticker"));
        let changes = self.engine.fee_changes().iter().enumerate().filter_map(|(number, change)| {
            let FeeScope::Series(series) = &change.scope else { return None };
            let (fee_type, fee_multiplier) = told(change.schedule?);
            let shown = (all || change.from_ms > self.now_ms) && wanted.is_none_or(|wanted| wanted == series);
            shown.then(|| SeriesFeeChange {
                id: change_id(number),
                series_ticker: series.clone(),
                fee_type,
                fee_multiplier,
                scheduled_ts: rfc3339(change.from_ms),
            })
        });
        Ok(json(200, &SeriesFeeChangesBody { series_fee_change_arr: changes.collect() }))
    }

    /// `GET /events/fee_changes`: past and future changes, newest first.
    pub(super) fn event_fee_changes(self, target: &str) -> Answer {
        let query = Query::new(target, "GetEventFeeChanges");
        let (limit, wanted) = (query.limit(PageLimit::ACCOUNT)?, query.get("event_ticker"));
        let all = self.engine.fee_changes();
        let below = query.position().unwrap_or(all.len()).min(all.len());
        let mut found = all[..below].iter().enumerate().rev().filter_map(|(number, change)| {
            let FeeScope::Event(event) = &change.scope else { return None };
            let overridden = change.schedule.map(told);
            let series = self.directory.events.find(event).map(|group| self.first_spec(group).series_ticker.clone());
            wanted.is_none_or(|wanted| wanted == event).then(|| {
                let change = EventFeeChange {
                    id: change_id(number),
                    event_ticker: event.clone(),
                    series_ticker: series.unwrap_or_else(|| event.split('-').next().unwrap_or(event).to_owned()),
                    fee_type_override: overridden.clone().map(|(fee_type, _)| fee_type),
                    fee_multiplier_override: overridden.map(|(_, multiplier)| multiplier),
                    scheduled_ts: rfc3339(change.from_ms),
                };
                (number, change)
            })
        });
        let page: Vec<(usize, EventFeeChange)> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = page.last().filter(|_| more).map_or_else(String::new, |(last, _)| cursor(*last));
        let event_fee_changes = page.into_iter().map(|(_, change)| change).collect();
        Ok(json(200, &EventFeeChangesPage { event_fee_changes, cursor: next }))
    }

    fn first_spec(&self, group: &Group) -> &MarketSpec {
        let first = group.markets.first().expect("a group is created with its first market");
        self.engine.market(*first).spec()
    }

    fn event_body(self, group: &Group, nested: bool) -> Event {
        let first = self.first_spec(group);
        let overridden = first.fees.of_event(self.now_ms).map(told);
        Event {
            event_ticker: group.ticker.clone(),
            series_ticker: first.series_ticker.clone(),
            title: first.title.clone(),
            sub_title: String::new(),
            collateral_return_type: String::new(),
            mutually_exclusive: first.exclusive,
            category: Some(CATEGORY.to_owned()),
            fee_type_override: overridden.clone().map(|(fee_type, _)| fee_type.into()),
            fee_multiplier_override: overridden.map(|(_, multiplier)| multiplier.into()),
            markets: if nested { self.market_bodies(&group.markets) } else { Vec::new() },
            settlement_sources: None,
            last_updated_ts: Some(rfc3339(self.directory.changed_ms(&group.markets))),
            exchange_index: Some(first.exchange_index),
        }
    }

    fn event_status(self, group: &Group) -> &'static str {
        let fits = |word: &&str| {
            let states = group.markets.iter().map(|market| self.engine.market(*market).state());
            // A paused market is listed with the open ones.
            states.into_iter().any(|state| has_status(state, word) || (*word == "open" && has_status(state, "paused")))
        };
        EVENT_STATUSES.into_iter().find(fits).expect("every state of a market has a filter word")
    }

    /// `GET /events`: newest first, without combos.
    pub(super) fn events(self, target: &str) -> Answer {
        let query = Query::new(target, "GetEvents");
        let limit = query.limit(PageLimit::EVENTS)?;
        // Captured without details here, unlike for markets.
        let status = query.status(&EVENT_STATUSES).map_err(|_| Refusal::new(400, "bad_request"))?;
        let milestones = query.flag("with_milestones")?.then(Vec::new);
        let min_close_ms = query.integer("min_close_ts")?.map(|seconds| seconds.saturating_mul(1_000));
        let min_updated_ms = query.integer("min_updated_ts")?.map(|seconds| seconds.saturating_mul(1_000));
        let closes_after = |group: &Group, ms: i64| {
            group.markets.iter().any(|market| self.engine.market(*market).spec().close_ms > ms)
        };
        let wanted = |group: &Group| {
            !is_combo(&group.ticker)
                && status.is_none_or(|status| status == self.event_status(group))
                && min_close_ms.is_none_or(|ms| closes_after(group, ms))
                && min_updated_ms.is_none_or(|ms| self.directory.changed_ms(&group.markets) > ms)
        };
        self.events_page(&query, limit, milestones, wanted)
    }

    /// `GET /events/multivariate`: only combos. This exchange has no collections, so a filter for one matches nothing.
    pub(super) fn combo_events(self, target: &str) -> Answer {
        let query = Query::new(target, "GetMultivariateEvents");
        let limit = query.limit(PageLimit::COMBO_EVENTS)?;
        let collection = query.get("collection_ticker").is_some();
        if collection && query.get("series_ticker").is_some() {
            return Err(Refusal::bad_query("collection_ticker and series_ticker are mutually exclusive"));
        }
        self.events_page(&query, limit, None, |group| is_combo(&group.ticker) && !collection)
    }

    /// A page of the events that are `wanted` and pass the filters common to both lists.
    fn events_page(
        self,
        query: &Query<'_>,
        limit: usize,
        milestones: Option<Vec<serde_json::Value>>,
        wanted: impl Fn(&Group) -> bool,
    ) -> Answer {
        let nested = query.flag("with_nested_markets")?;
        let (tickers, series) = (query.list("tickers"), query.get("series_ticker"));
        let passes = |group: &Group| {
            tickers.as_ref().is_none_or(|tickers| tickers.contains(&group.ticker.as_str()))
                && series.is_none_or(|series| series == self.first_spec(group).series_ticker)
                && wanted(group)
        };
        // A cursor is the number of events before its page, which new listings don't change.
        let all = self.directory.events.all();
        let below = query.position().unwrap_or(all.len()).min(all.len());
        let mut found = all[..below].iter().enumerate().rev().filter(|(_, group)| passes(group));
        let page: Vec<(usize, &Group)> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = page.last().filter(|_| more).map_or_else(String::new, |(last, _)| cursor(*last));
        let events = page.into_iter().map(|(_, group)| self.event_body(group, nested)).collect();
        Ok(json(200, &EventsPage { events, milestones, cursor: next }))
    }

    /// `GET /events/{event_ticker}`: its markets are beside it, or nested in it if asked for.
    pub(super) fn event(self, target: &str, ticker: &str) -> Answer {
        let query = Query::new(target, "GetEvent");
        let (nested, excluded) = (query.flag("with_nested_markets")?, query.flag("exclude_markets")?);
        if nested && excluded {
            return Err(Refusal::bad_query("exclude_markets cannot be combined with with_nested_markets"));
        }
        let group = self.directory.events.find(ticker).ok_or_else(Refusal::not_found)?;
        let markets = if nested || excluded { Vec::new() } else { self.market_bodies(&group.markets) };
        Ok(json(200, &EventBody { event: self.event_body(group, nested), markets }))
    }

    /// `GET /events/{event_ticker}/metadata`: images and colours, which this exchange does not have.
    pub(super) fn event_metadata(self, ticker: &str) -> Answer {
        let group = self.directory.events.find(ticker).ok_or_else(Refusal::not_found)?;
        let details: Vec<_> = group
            .markets
            .iter()
            .map(|market| &self.directory.name(*market).ticker)
            .map(|ticker| value!({ "market_ticker": ticker, "image_url": "", "color_code": "" }))
            .collect();
        let body = value!({
            "image_url": "", "featured_image_url": "", "market_details": details, "settlement_sources": [],
        });
        Ok(json(200, &body))
    }

    fn series_body(self, group: &Group, with_volume: bool) -> Series {
        let first = self.first_spec(group);
        let (fee_type, fee_multiplier) = told(first.fees.of_series(self.now_ms));
        let volume = || group.markets.iter().map(|market| self.engine.market(*market).volume()).sum::<Count>();
        Series {
            ticker: group.ticker.clone(),
            frequency: "custom".to_owned(),
            title: first.title.clone(),
            category: CATEGORY.to_owned(),
            categories: vec![CATEGORY.to_owned()],
            tags: None,
            settlement_sources: None,
            contract_url: String::new(),
            contract_terms_url: String::new(),
            fee_type,
            fee_multiplier: fee_multiplier.into(),
            additional_prohibitions: None,
            volume_fp: with_volume.then(volume),
            last_updated_ts: Some(rfc3339(self.directory.changed_ms(&group.markets))),
            exchange_index: Some(first.exchange_index),
        }
    }

    /// `GET /series`: everything at once, newest first. Series of this exchange have no tags.
    pub(super) fn series_list(self, target: &str) -> Answer {
        let query = Query::new(target, "GetSeriesList");
        let with_volume = query.flag("include_volume")?;
        query.flag("include_product_metadata")?;
        let min_updated_ms = query.integer("min_updated_ts")?.map(|seconds| seconds.saturating_mul(1_000));
        let wanted = |group: &&Group| {
            query.get("category").is_none_or(|category| category == CATEGORY)
                && query.get("tags").is_none()
                && min_updated_ms.is_none_or(|ms| self.directory.changed_ms(&group.markets) > ms)
        };
        let series = self.directory.series.all().iter().rev().filter(wanted);
        let series = series.map(|group| self.series_body(group, with_volume)).collect();
        Ok(json(200, &SeriesPage { series }))
    }

    /// `GET /series/{series_ticker}`.
    pub(super) fn series(self, target: &str, ticker: &str) -> Answer {
        let with_volume = Query::new(target, "GetSeries").flag("include_volume")?;
        let group = self.directory.series.find(ticker).ok_or_else(Refusal::not_found)?;
        Ok(json(200, &SeriesBody { series: self.series_body(group, with_volume) }))
    }
}
