"""Series, events, and their fee changes."""

from __future__ import annotations

import pytest
from kalshi_python_sync.exceptions import ApiException, NotFoundException

from support.trader import Trader, refusal

CENT, TAPER = "KXSIMCENT", "KXSIMTAPER"


@pytest.mark.success("GetSeries")
def test_a_series_says_how_its_markets_are_charged(alice: Trader) -> None:
    series = alice.sdk.get_series(CENT).series
    assert series.ticker == CENT
    assert series.fee_type == "quadratic"
    assert series.fee_multiplier == 1
    assert series.category in series.categories


@pytest.mark.error("GetSeries")
def test_an_unknown_series_is_not_found(alice: Trader) -> None:
    with pytest.raises(ApiException) as error:
        alice.sdk.get_series("KXNOSUCHSERIES")
    status, body = refusal(error.value)
    assert status == 404
    assert body["error"]["code"] == "not_found"


@pytest.mark.success("GetSeriesList")
def test_all_series_are_listed_and_can_be_filtered_by_category(alice: Trader) -> None:
    listed = {series.ticker: series for series in alice.sdk.get_series_list().series}
    assert {CENT, TAPER, "KXSIMDECI", "KXSIMHALF", "KXSIM15S"} <= set(listed)
    category = listed[CENT].categories[0]
    assert CENT in {series.ticker for series in alice.sdk.get_series_list(category=category).series}
    assert alice.sdk.get_series_list(category="No such category").series == []


@pytest.mark.success("GetSeriesList")
def test_a_series_shows_its_volume_when_asked(alice: Trader) -> None:
    with_volume = {series.ticker: series.volume_fp for series in alice.sdk.get_series_list(include_volume=True).series}
    without = {series.ticker: series.volume_fp for series in alice.sdk.get_series_list().series}
    assert with_volume["KXSIMHALF"] is not None
    assert without["KXSIMHALF"] is None


@pytest.mark.error("GetSeriesList")
def test_a_time_that_is_no_number_is_refused(alice: Trader) -> None:
    answer = alice.raw.get("/series", min_updated_ts="yesterday")
    assert answer.status == 400
    assert answer.json


@pytest.mark.success("GetSeriesFeeChanges")
def test_no_fee_change_is_scheduled(alice: Trader) -> None:
    assert alice.sdk.get_series_fee_changes(series_ticker=CENT, show_historical=True).series_fee_change_arr == []


@pytest.mark.error("GetSeriesFeeChanges")
def test_show_historical_must_be_a_boolean(alice: Trader) -> None:
    answer = alice.raw.get("/series/fee_changes", show_historical="perhaps")
    assert answer.status == 400
    assert answer.json


@pytest.mark.success("GetEventFeeChanges")
def test_no_event_fee_change_is_scheduled(alice: Trader) -> None:
    page = alice.sdk.get_event_fee_changes()
    assert page.event_fee_changes == []
    assert page.cursor == ""


@pytest.mark.error("GetEventFeeChanges")
def test_a_page_of_event_fee_changes_has_at_most_1000(alice: Trader) -> None:
    answer = alice.raw.get("/events/fee_changes", limit=1001)
    assert answer.status == 400
    assert "Limit" in answer.json["msg"]


@pytest.mark.success("GetEvents")
def test_events_come_in_pages_that_share_nothing(alice: Trader) -> None:
    first = alice.sdk.get_events(limit=3, series_ticker=TAPER, status="open")
    second = alice.sdk.get_events(limit=3, series_ticker=TAPER, status="open", cursor=first.cursor)
    assert len(first.events) == len(second.events) == 3
    assert first.cursor
    assert not {event.event_ticker for event in first.events} & {event.event_ticker for event in second.events}
    assert all(event.series_ticker == TAPER for event in first.events + second.events)


@pytest.mark.success("GetEvents")
def test_the_pages_of_events_end_with_an_empty_cursor_and_have_every_event(alice: Trader) -> None:
    seen: list[str] = []
    cursor = None
    while cursor != "":
        page = alice.sdk.get_events(limit=60, series_ticker=CENT, cursor=cursor)
        assert len(page.events) <= 60
        seen += [event.event_ticker for event in page.events]
        cursor = page.cursor
    listed = alice.sdk.get_markets(limit=1000, series_ticker=CENT).markets
    assert sorted(seen) == sorted(market.event_ticker for market in listed)


@pytest.mark.success("GetEvents")
def test_events_show_their_markets_only_when_asked(alice: Trader) -> None:
    nested = alice.sdk.get_events(limit=2, series_ticker=CENT, with_nested_markets=True).events
    plain = alice.sdk.get_events(limit=2, series_ticker=CENT).events
    assert all(len(event.markets or []) == 1 for event in nested)
    assert all(not event.markets for event in plain)


@pytest.mark.parametrize("query, told", [({"limit": 201}, "limit"), ({"status": "active"}, "bad request")])
@pytest.mark.error("GetEvents")
def test_events_refuse_a_limit_over_200_and_a_status_that_is_no_filter_word(
    alice: Trader, query: dict, told: str
) -> None:
    answer = alice.raw.get("/events", **query)
    assert answer.status == 400
    assert told in answer.body.decode().lower()


@pytest.mark.success("GetEvent")
def test_an_event_has_its_markets_beside_it_or_nested(alice: Trader) -> None:
    ticker = alice.sdk.get_events(limit=1, series_ticker=TAPER).events[0].event_ticker
    beside = alice.sdk.get_event(ticker)
    nested = alice.sdk.get_event(ticker, with_nested_markets=True)
    assert beside.event.event_ticker == nested.event.event_ticker == ticker
    assert [market.event_ticker for market in beside.markets or []] == [ticker]
    assert [market.event_ticker for market in nested.event.markets or []] == [ticker]
    assert not beside.event.markets
    assert not nested.markets
    assert beside.event.exchange_index == 2


@pytest.mark.success("GetEvent")
def test_an_event_can_leave_its_markets_out(alice: Trader) -> None:
    ticker = alice.sdk.get_events(limit=1, series_ticker=TAPER).events[0].event_ticker
    # The SDK of this version does not have the parameter.
    bare = alice.raw.get(f"/events/{ticker}", exclude_markets="true").json
    assert bare["event"]["event_ticker"] == ticker
    assert not bare.get("markets")
    assert not bare["event"].get("markets")


@pytest.mark.error("GetEvent")
def test_an_unknown_event_is_not_found(alice: Trader) -> None:
    with pytest.raises(NotFoundException) as error:
        alice.sdk.get_event("KXNOSUCHEVENT-1")
    assert refusal(error.value)[1]["error"]["code"] == "not_found"


@pytest.mark.success("GetMultivariateEvents")
def test_there_are_no_combos(alice: Trader) -> None:
    page = alice.sdk.get_multivariate_events()
    assert page.events == []
    assert page.cursor == ""


@pytest.mark.error("GetMultivariateEvents")
def test_a_page_of_combos_has_at_most_200(alice: Trader) -> None:
    answer = alice.raw.get("/events/multivariate", limit=201)
    assert answer.status == 400
    assert "Limit" in answer.json["msg"]


@pytest.mark.success("GetEventMetadata")
def test_the_metadata_of_an_event_names_its_markets(alice: Trader) -> None:
    event = alice.sdk.get_events(limit=1, series_ticker=CENT).events[0]
    metadata = alice.sdk.get_event_metadata(event.event_ticker)
    assert [market.market_ticker for market in metadata.market_details] == [f"{event.event_ticker}-A"]


@pytest.mark.error("GetEventMetadata")
def test_an_unknown_event_has_no_metadata(alice: Trader) -> None:
    with pytest.raises(NotFoundException) as error:
        alice.sdk.get_event_metadata("KXNOSUCHEVENT-1")
    assert refusal(error.value)[0] == 404
