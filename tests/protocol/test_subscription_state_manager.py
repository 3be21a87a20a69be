"""Many owners' requests, one desired set: merge rules, reference counts, states, and no owner dropped."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qt_upbit.protocol import stream_record, wire
from qt_upbit.protocol import stream_request as stream_request_module
from qt_upbit.protocol.stream_record import Standing
from qt_upbit.protocol.subscription_state_manager import (
    StreamRequest,
    StreamState,
    SubscriptionStateManager,
)
from qt_upbit.types import ALL_CODES, CandleUnit, IndicatorDefinition, Scope, StreamKey, WireFormat
from tests.support.model_server import MACD, RSI, stream_requests
from tests.support.profiles import examples
from tests.support.request_strategies import some_requests

BTC, ETH = StreamKey("ticker", "KRW-BTC"), StreamKey("ticker", "KRW-ETH")
BOOK = StreamKey("orderbook", "KRW-BTC", (0,))
ALL_ORDERS, BTC_ORDERS = StreamKey("myOrder", ALL_CODES), StreamKey("myOrder", "KRW-BTC")


@pytest.fixture
def subscriptions() -> SubscriptionStateManager:
    return SubscriptionStateManager()


def send(subscriptions: SubscriptionStateManager, now: float = 0.0, scope: Scope = Scope.PUBLIC) -> None:
    assert subscriptions.needs_request(scope)
    subscriptions.mark_sent(scope, now)
    assert not subscriptions.needs_request(scope)


def items(subscriptions: SubscriptionStateManager, scope: Scope = Scope.PUBLIC) -> list[dict[str, Any]]:
    return [item.to_dict() for item in subscriptions.request_items(scope)]


# --- owners and reference counts ------------------------------------------------------------------


def test_release_of_last_owner_drops_code(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", "KRW-ETH"))
    subscriptions.add("b", stream_requests("ticker", "KRW-BTC"))
    assert subscriptions.owners_of(BTC) == ("a", "b")
    assert subscriptions.remove("a") == {Scope.PUBLIC}
    assert list(subscriptions.desired(Scope.PUBLIC)) == [BTC]
    assert subscriptions.codes(Scope.PUBLIC) == ("KRW-BTC",)
    subscriptions.remove("b")
    assert subscriptions.desired(Scope.PUBLIC) == {}
    assert not subscriptions.is_wanted(Scope.PUBLIC)
    assert subscriptions.state_of(BTC) is None
    assert subscriptions.owners_of(BTC) == subscriptions.requests_of("a") == ()


def test_unknown_owner_is_nobodys_business(subscriptions: SubscriptionStateManager) -> None:
    assert subscriptions.remove("unknown") == set()
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    assert subscriptions.remove("a") == {Scope.PUBLIC}
    assert subscriptions.remove("a") == set()


def test_a_second_add_replaces_the_first_and_keeps_what_goes_on(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    assert subscriptions.add("a", stream_requests("ticker", "KRW-BTC", "KRW-ETH")) == {Scope.PUBLIC}
    assert subscriptions.state_of(BTC) is StreamState.LIVE, "it was not interrupted"
    assert subscriptions.state_of(ETH) is StreamState.DESIRED
    assert subscriptions.add("a", stream_requests("my_asset")) == {Scope.PUBLIC, Scope.PRIVATE}
    assert subscriptions.desired(Scope.PUBLIC) == {}


def test_requests_for_one_stream_within_one_owner_merge(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add(
        "a",
        [
            *stream_requests("orderbook", "KRW-BTC", depth=1),
            *stream_requests("orderbook", "KRW-BTC", depth=15),
        ],
    )
    assert subscriptions.desired(Scope.PUBLIC)[BOOK].depth == 15
    assert len(subscriptions.requests_of("a")) == 1


def test_an_unknown_type_changes_nothing(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    with pytest.raises(ValueError, match="unknown type"):
        subscriptions.add(
            "a", [*stream_requests("ticker", "KRW-ETH"), StreamRequest(StreamKey("nope", "KRW-BTC"))]
        )
    assert list(subscriptions.desired(Scope.PUBLIC)) == [BTC]


# --- merge rules, as the module states them -------------------------------------------------------


def test_the_deepest_book_wins(subscriptions: SubscriptionStateManager) -> None:
    for owner, depth in enumerate((5, 30, 1)):
        subscriptions.add(owner, stream_requests("orderbook", "KRW-BTC", depth=depth))
    assert items(subscriptions) == [{"type": "orderbook", "codes": ["KRW-BTC"]}]
    subscriptions.remove(1)
    assert items(subscriptions) == [{"type": "orderbook", "codes": ["KRW-BTC.5"]}]


def test_depths_of_different_codes_share_an_object(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", stream_requests("orderbook", "KRW-BTC", depth=5))
    subscriptions.add("b", stream_requests("orderbook", "KRW-ETH", depth=15))
    assert items(subscriptions) == [{"type": "orderbook", "codes": ["KRW-BTC.5", "KRW-ETH.15"]}]


def test_levels_and_units_are_streams_of_their_own(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", stream_requests("orderbook", "KRW-BTC"))
    subscriptions.add("b", stream_requests("orderbook", "KRW-BTC", level=10_000, depth=5))
    subscriptions.add("c", stream_requests("orderbook", "KRW-DOGE", level=Decimal("0.1")))
    subscriptions.add("d", stream_requests("candle", "KRW-BTC", unit=CandleUnit.M1))
    subscriptions.add("e", stream_requests("candle", "KRW-BTC", unit="1s"))
    assert items(subscriptions) == [
        {"type": "orderbook", "codes": ["KRW-BTC"]},
        {"type": "orderbook", "codes": ["KRW-BTC.5"], "level": 10_000},
        {"type": "orderbook", "codes": ["KRW-DOGE"], "level": Decimal("0.1")},
        {"type": "candle.1s", "codes": ["KRW-BTC"]},
        {"type": "candle.1m", "codes": ["KRW-BTC"]},
    ]


@pytest.mark.parametrize(
    ("kinds", "flags"),
    [
        (((True, False),), {"is_only_snapshot": True}),
        (((False, True),), {"is_only_realtime": True}),
        (((True, True),), {}),
        (((True, False), (False, True)), {}),
        (((False, True), (True, True)), {}),
    ],
)
def test_a_stream_runs_and_begins_as_anybody_wants(
    subscriptions: SubscriptionStateManager, kinds: tuple[tuple[bool, bool], ...], flags: dict[str, bool]
) -> None:
    for owner, (snapshot, realtime) in enumerate(kinds):
        subscriptions.add(owner, stream_requests("trade", "KRW-BTC", snapshot=snapshot, realtime=realtime))
    assert items(subscriptions) == [{"type": "trade", "codes": ["KRW-BTC"]} | flags]


def test_lists_are_united_and_no_list_means_everything(subscriptions: SubscriptionStateManager) -> None:
    scope = Scope.PRIVATE
    subscriptions.add("a", stream_requests("announcement", categories=["trade"]))
    subscriptions.add("b", stream_requests("announcement", categories=["event", "trade"], include_body=True))
    assert items(subscriptions, scope) == [
        {"type": "announcement", "categories": ["trade", "event"], "include_body": True}
    ]
    subscriptions.add("c", stream_requests("announcement"))
    assert items(subscriptions, scope) == [{"type": "announcement", "include_body": True}]
    subscriptions.remove("b")
    assert items(subscriptions, scope) == [{"type": "announcement"}]


def test_indicator_definitions_are_united_per_timeframe(subscriptions: SubscriptionStateManager) -> None:
    for owner, (timeframe, one) in enumerate([("5m", RSI), ("5m", MACD), ("5m", RSI), ("60m", RSI)]):
        subscriptions.add(
            owner, stream_requests("indicator", "KRW-BTC", timeframe=timeframe, indicators=[one])
        )
    asked = subscriptions.request_items(Scope.INFO)
    assert [(item.options["timeframe"], [d.type for d in item.options["indicators"]]) for item in asked] == [
        ("5m", ["rsi", "macd"]),
        ("60m", ["rsi"]),
    ]


def test_all_codes_swallow_single_ones_and_give_them_back(subscriptions: SubscriptionStateManager) -> None:
    scope = Scope.PRIVATE
    subscriptions.add("one", stream_requests("my_order", "KRW-BTC"))
    send(subscriptions, scope=scope)
    subscriptions.add("all", stream_requests("my_order"))
    subscriptions.add("asset", stream_requests("my_asset"))
    assert items(subscriptions, scope) == [{"type": "myOrder"}, {"type": "myAsset"}]
    send(subscriptions, scope=scope)
    subscriptions.remove("all")
    assert items(subscriptions, scope) == [{"type": "myOrder", "codes": ["KRW-BTC"]}, {"type": "myAsset"}]
    assert subscriptions.needs_request(scope)


def test_a_swallowed_code_is_awaited_like_the_others(subscriptions: SubscriptionStateManager) -> None:
    """It was never marked as sent, so who waited for it waited forever."""
    subscriptions.add("all", stream_requests("my_order"))
    subscriptions.add("one", stream_requests("my_order", "KRW-BTC"))
    send(subscriptions, scope=Scope.PRIVATE)
    assert subscriptions.awaited(Scope.PRIVATE) == {ALL_ORDERS, BTC_ORDERS}


def test_single_codes_are_asked_for_while_all_codes_are_refused(
    subscriptions: SubscriptionStateManager,
) -> None:
    """All codes swallowed them first and were left out then."""
    scope = Scope.PRIVATE
    subscriptions.add("one", stream_requests("my_order", "KRW-BTC"))
    send(subscriptions, scope=scope)
    subscriptions.mark_live(scope, BTC_ORDERS)
    subscriptions.add("all", stream_requests("my_order"))
    send(subscriptions, 1.0, scope=scope)
    assert subscriptions.quarantine_newcomers(scope) == (ALL_ORDERS,)
    subscriptions.mark_lost(scope)
    assert items(subscriptions, scope) == [{"type": "myOrder", "codes": ["KRW-BTC"]}]


def test_855_codes_are_one_object(subscriptions: SubscriptionStateManager) -> None:
    codes = [f"KRW-C{i}" for i in range(855)]
    for i, code in enumerate(codes):
        subscriptions.add(i, stream_requests("ticker", code))
    (item,) = subscriptions.request_items(Scope.PUBLIC)
    assert item.codes == tuple(codes)


def test_the_request_depends_only_on_the_order_of_arrival() -> None:
    wanted = [
        (owner, stream_requests(name, code))
        for owner, (name, code) in enumerate(
            (n, c) for n in ("trade", "orderbook", "ticker") for c in ("KRW-BTC", "KRW-ETH", "BTC-ETH")
        )
    ]
    requests = set()
    for _ in range(3):
        subscriptions = SubscriptionStateManager()
        for owner, stream_request in wanted:
            subscriptions.add(owner, stream_request)
        requests.add(repr(subscriptions.request_items(Scope.PUBLIC)))
    assert len(requests) == 1
    types = [item.type for item in subscriptions.request_items(Scope.PUBLIC)]
    assert types == ["ticker", "trade", "orderbook"], "in the order of declaration"


# --- states ---------------------------------------------------------------------------------------


def test_desired_sent_live(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    assert subscriptions.state_of(BTC) is StreamState.DESIRED
    send(subscriptions)
    assert subscriptions.state_of(BTC) is StreamState.SENT
    assert subscriptions.awaited(Scope.PUBLIC) == {BTC}
    assert subscriptions.mark_live(Scope.PUBLIC, BTC)
    assert subscriptions.state_of(BTC) is StreamState.LIVE
    assert not subscriptions.mark_live(Scope.PUBLIC, BTC), "only the first frame is one"
    assert subscriptions.awaited(Scope.PUBLIC) == frozenset()
    subscriptions.mark_lost(Scope.PUBLIC)
    assert subscriptions.state_of(BTC) is StreamState.DESIRED
    assert subscriptions.needs_request(Scope.PUBLIC)


def test_silent_codes_are_named_once_per_connection(subscriptions: SubscriptionStateManager) -> None:
    scope = Scope.PUBLIC
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", "KRW-NOPE"))
    nope = StreamKey("ticker", "KRW-NOPE")
    send(subscriptions, 100.0)
    subscriptions.mark_live(scope, BTC)
    assert subscriptions.next_silence(scope, 10.0) == 110.0
    assert subscriptions.take_silent(scope, 109.9, 10.0) == ()
    assert subscriptions.take_silent(scope, 110.0, 10.0) == (nope,)
    assert subscriptions.state_of(nope) is StreamState.SILENT
    assert subscriptions.next_silence(scope, 10.0) is None
    # Other changes, and a resent subscription, do not name it again.
    subscriptions.add("b", stream_requests("ticker", "KRW-ETH"))
    send(subscriptions, 120.0)
    subscriptions.mark_live(scope, ETH)
    subscriptions.resend(scope)
    send(subscriptions, 130.0)
    assert subscriptions.state_of(BTC) is StreamState.LIVE
    assert subscriptions.take_silent(scope, 1000.0, 10.0) == ()
    # It may begin any time.
    assert subscriptions.mark_live(scope, nope)
    subscriptions.mark_lost(scope)
    send(subscriptions, 2000.0)
    assert subscriptions.take_silent(scope, 2010.0, 10.0) == (BTC, nope, ETH)


def test_who_requests_for_a_silent_code_again_hears_of_it_again(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions, 0.0)
    assert subscriptions.take_silent(Scope.PUBLIC, 10.0, 10.0) == (BTC,)
    subscriptions.add("b", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions, 50.0)
    assert subscriptions.state_of(BTC) is StreamState.SENT
    assert subscriptions.take_silent(Scope.PUBLIC, 60.0, 10.0) == (BTC,)


def test_a_snapshot_asked_for_late_has_its_own_time(subscriptions: SubscriptionStateManager) -> None:
    """The stream was asked for long ago, its snapshot just now: it was reported silent at once."""
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", snapshot=False))
    send(subscriptions, 0.0)
    assert subscriptions.next_silence(Scope.PUBLIC, 10.0) is None, "no snapshot is pending"
    subscriptions.add("b", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions, 1000.0)
    assert subscriptions.take_silent(Scope.PUBLIC, 1000.0, 10.0) == ()
    assert subscriptions.next_silence(Scope.PUBLIC, 10.0) == 1010.0


def test_private_streams_have_no_pending_first_frame(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", [*stream_requests("my_order"), *stream_requests("my_asset")])
    send(subscriptions, scope=Scope.PRIVATE)
    assert subscriptions.next_silence(Scope.PRIVATE, 10.0) is None
    assert subscriptions.take_silent(Scope.PRIVATE, 1e9, 10.0) == ()


def test_a_stream_taken_over_within_one_turn_shows_a_first_snapshot(
    subscriptions: SubscriptionStateManager,
) -> None:
    """One chart closes and another opens on the same code: the second never got a first frame."""
    subscriptions.add("old", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.remove("old")
    subscriptions.add("new", stream_requests("ticker", "KRW-BTC"))
    assert subscriptions.state_of(BTC) is StreamState.LIVE, "from the cache"
    assert not subscriptions.needs_request(Scope.PUBLIC)
    subscriptions.remove("new")
    subscriptions.add("newer", stream_requests("ticker", "KRW-BTC"), unserved={BTC})
    assert subscriptions.state_of(BTC) is StreamState.SENT
    send(subscriptions, 1.0)
    assert BTC in subscriptions.awaited(Scope.PUBLIC)
    assert subscriptions.mark_live(Scope.PUBLIC, BTC)


def test_a_stream_taken_over_without_a_snapshot_needs_no_request(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("old", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.remove("old")
    subscriptions.add("new", stream_requests("ticker", "KRW-BTC", snapshot=False))
    assert not subscriptions.needs_request(Scope.PUBLIC)
    assert subscriptions.awaited(Scope.PUBLIC) == {BTC}


# --- one snapshot ----------------------------------------------------------------------------------


def test_one_snapshot_and_then_nothing(subscriptions: SubscriptionStateManager) -> None:
    scope = Scope.PUBLIC
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", realtime=False))
    send(subscriptions)
    assert subscriptions.mark_live(scope, BTC)
    assert subscriptions.take_released(scope)
    assert not subscriptions.take_released(scope)
    assert subscriptions.state_of(BTC) is StreamState.SATISFIED
    assert not subscriptions.is_wanted(scope)
    assert subscriptions.desired(scope) == {}
    assert not subscriptions.needs_request(scope)
    subscriptions.mark_lost(scope)
    assert not subscriptions.needs_request(scope), "not after a reconnect either"
    assert subscriptions.owners_of(BTC) == ("a",)


def test_one_snapshot_is_asked_again_when_requested_again(subscriptions: SubscriptionStateManager) -> None:
    """The value of the first request may be hours old."""
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", realtime=False))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.add("b", stream_requests("ticker", "KRW-BTC", realtime=False))
    assert subscriptions.state_of(BTC) is StreamState.DESIRED
    send(subscriptions)
    assert subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", realtime=False))
    assert subscriptions.needs_request(Scope.PUBLIC)


def test_a_shallower_book_is_no_snapshot(subscriptions: SubscriptionStateManager) -> None:
    """The tail of a replaced subscription must not stand for the snapshot that is under way."""
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC", realtime=False))
    send(subscriptions)
    assert subscriptions.mark_live(Scope.PUBLIC, BTC, snapshot=False)
    assert subscriptions.is_wanted(Scope.PUBLIC)
    assert subscriptions.is_awaited(Scope.PUBLIC, BTC)
    assert not subscriptions.is_served("a", BTC)
    assert subscriptions.mark_live(Scope.PUBLIC, BTC, snapshot=True), "now it is served"
    assert subscriptions.is_served("a", BTC)
    assert not subscriptions.is_wanted(Scope.PUBLIC)


def test_a_snapshot_of_a_running_stream_comes_from_the_cache_or_is_asked_for(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("runs", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.add("cached", stream_requests("ticker", "KRW-BTC", realtime=False))
    assert not subscriptions.needs_request(Scope.PUBLIC)
    assert subscriptions.state_of(BTC) is StreamState.LIVE
    subscriptions.add("asked", stream_requests("ticker", "KRW-BTC", realtime=False), unserved={BTC})
    send(subscriptions)
    assert subscriptions.state_of(BTC) is StreamState.LIVE
    assert subscriptions.awaited(Scope.PUBLIC) == {BTC}
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.remove("runs")
    assert not subscriptions.is_wanted(Scope.PUBLIC), "both have their snapshot"


def test_a_deeper_snapshot_ends_the_deep_stream(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("runs", stream_requests("orderbook", "KRW-BTC", depth=5))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BOOK)
    subscriptions.add("deep", stream_requests("orderbook", "KRW-BTC", realtime=False))
    send(subscriptions)
    assert items(subscriptions) == [{"type": "orderbook", "codes": ["KRW-BTC"]}]
    assert not subscriptions.mark_live(Scope.PUBLIC, BOOK, rows=5)
    assert not subscriptions.is_served("deep", BOOK)
    assert subscriptions.mark_live(Scope.PUBLIC, BOOK, rows=30)
    assert subscriptions.is_served("deep", BOOK)
    send(subscriptions)
    assert items(subscriptions) == [{"type": "orderbook", "codes": ["KRW-BTC.5"]}]


def test_a_snapshot_of_a_running_stream_that_stays_away_is_reported(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("runs", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    subscriptions.add("asked", stream_requests("ticker", "KRW-BTC", realtime=False), unserved={BTC})
    send(subscriptions, 5.0)
    assert subscriptions.take_silent(Scope.PUBLIC, 15.0, 10.0) == (BTC,)
    assert subscriptions.state_of(BTC) is StreamState.LIVE


# --- refusals -------------------------------------------------------------------------------------


def test_newcomers_are_left_out_and_the_others_live(subscriptions: SubscriptionStateManager) -> None:
    scope = Scope.PUBLIC
    subscriptions.add("old", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    subscriptions.mark_live(scope, BTC)
    subscriptions.add("new", stream_requests("ticker", "KRW-ETH"))
    send(subscriptions, 1.0)
    assert subscriptions.quarantine_newcomers(scope, 1.2) == (ETH,)
    assert subscriptions.owners_left_out([ETH]) == ("new",)
    subscriptions.mark_lost(scope)
    assert subscriptions.state_of(ETH) is StreamState.QUARANTINED
    assert items(subscriptions) == [{"type": "ticker", "codes": ["KRW-BTC"]}]
    send(subscriptions, 2.0)
    assert not subscriptions.mark_live(scope, ETH)
    subscriptions.remove("old")
    assert not subscriptions.is_wanted(scope), "a connection for what is refused is none"
    subscriptions.add("again", stream_requests("ticker", "KRW-ETH"))
    assert items(subscriptions) == [{"type": "ticker", "codes": ["KRW-ETH"]}], "a fresh request, a fresh try"


def test_a_newcomer_of_a_running_stream_is_left_out_alone(subscriptions: SubscriptionStateManager) -> None:
    """Both want indicators of the same code: the second one's definitions must not cost the first one's."""
    scope, key = Scope.INFO, StreamKey("indicator", "KRW-BTC", ("5m",))
    subscriptions.add("old", stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI]))
    send(subscriptions, scope=scope)
    subscriptions.mark_live(scope, key)
    subscriptions.add("new", stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[MACD]))
    send(subscriptions, 1.0, scope)
    assert subscriptions.quarantine_newcomers(scope, 1.2) == (key,)
    assert subscriptions.owners_left_out([key]) == ("new",)
    subscriptions.mark_lost(scope)
    assert subscriptions.state_of(key) is StreamState.DESIRED
    (item,) = subscriptions.request_items(scope)
    assert [one.type for one in item.options["indicators"]] == ["rsi"]


def test_no_owner_is_to_blame_where_nothing_was_accepted_or_everything(
    subscriptions: SubscriptionStateManager,
) -> None:
    subscriptions.add("a", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions)
    assert subscriptions.quarantine_newcomers(Scope.PUBLIC) == ()
    subscriptions.mark_live(Scope.PUBLIC, BTC)
    assert subscriptions.quarantine_newcomers(Scope.PUBLIC) == ()
    subscriptions.mark_lost(Scope.PUBLIC)
    subscriptions.add("b", stream_requests("ticker", "KRW-ETH"))
    send(subscriptions)
    assert subscriptions.quarantine_newcomers(Scope.PUBLIC) == (ETH,), "what was accepted stays known"


def test_a_quiet_stream_that_was_asked_for_long_ago_is_not_to_blame(
    subscriptions: SubscriptionStateManager,
) -> None:
    """A refusal comes within a round trip."""
    quiet = StreamKey("trade", "KRW-ETH")
    subscriptions.add("quiet", stream_requests("trade", "KRW-ETH", snapshot=False))
    send(subscriptions, 0.0)
    subscriptions.add("new", stream_requests("ticker", "KRW-BTC"))
    send(subscriptions, 100.0)
    assert subscriptions.quarantine_newcomers(Scope.PUBLIC, 100.2) == (BTC,)
    assert subscriptions.state_of(quiet) is StreamState.SENT
    subscriptions.mark_lost(Scope.PUBLIC)
    send(subscriptions, 101.0)
    assert subscriptions.quarantine_newcomers(Scope.PUBLIC, 200.0) == ()


# --- the server's own list ------------------------------------------------------------------------


def test_audit_names_what_is_missing_and_what_is_too_much(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add(
        "a",
        [
            *stream_requests("ticker", "KRW-BTC", "KRW-NOPE"),
            *stream_requests("orderbook", "KRW-BTC", depth=5),
        ],
    )
    send(subscriptions)
    for key in (BTC, BOOK):
        subscriptions.mark_live(Scope.PUBLIC, key)
    complete: list[dict[str, Any]] = [
        {"type": "ticker", "codes": ["KRW-BTC"]},
        {"type": "orderbook", "codes": ["KRW-BTC.5"], "level": 0},
    ]
    assert subscriptions.audit(Scope.PUBLIC, complete) == (set(), set()), "unknown codes are not missed"
    assert subscriptions.audit(Scope.PUBLIC, complete[1:]) == ({BTC}, set())
    more = [*complete, {"type": "ticker", "codes": ["KRW-ETH"]}]
    assert subscriptions.audit(Scope.PUBLIC, more) == (set(), {ETH})
    other = [complete[0], {"type": "orderbook", "codes": ["KRW-BTC"], "level": 10000}]
    assert subscriptions.audit(Scope.PUBLIC, other) == ({BOOK}, {BOOK._replace(variant=(10000,))})


def test_audit_reads_lists_that_say_less_or_spell_out_more(subscriptions: SubscriptionStateManager) -> None:
    subscriptions.add("a", [*stream_requests("my_order"), *stream_requests("my_asset")])
    send(subscriptions, scope=Scope.PRIVATE)
    spelled: list[dict[str, Any]] = [
        {"type": "myOrder", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "myAsset"},
    ]
    assert subscriptions.audit(Scope.PRIVATE, spelled) == (set(), set())
    assert subscriptions.audit(Scope.PRIVATE, [{"type": "myOrder", "codes": []}]) == (
        {StreamKey("myAsset", ALL_CODES)},
        set(),
    )
    subscriptions.add("b", stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[RSI]))
    send(subscriptions, scope=Scope.INFO)
    assert subscriptions.audit(Scope.INFO, [{"type": "indicator", "codes": ["KRW-BTC"]}]) == (set(), set())
    other = [{"type": "indicator", "codes": ["KRW-BTC"], "timeframe": "1d"}]
    assert len(subscriptions.audit(Scope.INFO, other)[0]) == 1


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["ticker", "orderbook", "myOrder", "indicator"]) | _json,
                "codes": st.lists(st.text(max_size=8), max_size=3) | _json,
                "level": _json,
                "timeframe": _json,
            },
        ),
        max_size=4,
    )
)
def test_no_list_from_outside_raises(result: list[dict[str, Any]]) -> None:
    subscriptions = SubscriptionStateManager()
    subscriptions.add("a", [*stream_requests("orderbook", "KRW-BTC"), *stream_requests("my_order")])
    subscriptions.mark_sent(Scope.PUBLIC, 0.0)
    for scope in Scope:
        subscriptions.audit(scope, result)


def test_a_monstrous_level_is_no_work() -> None:
    subscriptions = SubscriptionStateManager()
    entry = {"type": "orderbook", "codes": ["KRW-BTC"], "level": Decimal("1E+999999999")}
    assert len(subscriptions.audit(Scope.PUBLIC, [entry])[1]) == 1


# --- costs ----------------------------------------------------------------------------------------


def test_a_change_does_not_merge_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """855 pairs of three types, wanted by 200 owners each: only what changed is merged again."""
    subscriptions = SubscriptionStateManager()
    codes = [f"KRW-C{i}" for i in range(855)]
    for owner in range(200):
        for name in ("ticker", "trade", "orderbook"):
            subscriptions.add((owner, name), stream_requests(name, *codes))
    assert len(subscriptions.desired(Scope.PUBLIC)) == 3 * 855
    subscriptions.mark_sent(Scope.PUBLIC, 0.0)
    merges = 0
    merge = stream_request_module.merge

    def counting(a: StreamRequest, b: StreamRequest) -> StreamRequest:
        nonlocal merges
        merges += 1
        return merge(a, b)

    for module in (stream_request_module, stream_record):
        monkeypatch.setattr(module, "merge", counting)
    assert not subscriptions.needs_request(Scope.PUBLIC)
    assert merges == 0
    subscriptions.add("one more", stream_requests("ticker", "KRW-C7"))
    assert not subscriptions.needs_request(Scope.PUBLIC)
    assert merges <= 200
    merges = 0
    for owner in range(200):
        subscriptions.remove((owner, "trade"))
    assert subscriptions.needs_request(Scope.PUBLIC)
    assert merges == 0


# --- properties -----------------------------------------------------------------------------------


def covers(asked: StreamRequest, stream_request: StreamRequest) -> bool:
    """Whether a merged request brings everything that one owner named."""
    return (
        stream_request_module.covers(asked, stream_request)
        and (asked.realtime or not stream_request.realtime)
        and (asked.snapshot or not stream_request.snapshot)
    )


class Merging(RuleBasedStateMachine):
    """Any order of add, replace, remove, sent, live, silent, lost and refused."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriptions = SubscriptionStateManager()
        self.owners: dict[int, list[StreamRequest]] = {}
        self.server: dict[Scope, dict[StreamKey, StreamRequest]] = {scope: {} for scope in Scope}
        self.reported: dict[Scope, list[StreamKey]] = {scope: [] for scope in Scope}
        self.now = 0.0

    @initialize()
    def start(self) -> None:
        self.now = 0.0

    @rule(owner=st.integers(0, 5), wanted=some_requests(), cached=st.booleans())
    def add(self, owner: int, wanted: list[StreamRequest], cached: bool) -> None:
        before = {stream_request.spec.scope for stream_request in self.owners.get(owner, [])}
        unserved = () if cached else {stream_request.key for stream_request in wanted}
        concerned = self.subscriptions.add(owner, wanted, unserved)
        assert concerned >= {stream_request.spec.scope for stream_request in wanted}
        assert concerned <= before | {stream_request.spec.scope for stream_request in wanted}
        self.owners[owner] = wanted

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        owner = data.draw(st.sampled_from(sorted(self.owners)))
        self.subscriptions.remove(owner)
        del self.owners[owner]

    @rule(scope=st.sampled_from(Scope), waits=st.sampled_from([0.0, 0.1, 10.0]))
    def send(self, scope: Scope, waits: float) -> None:
        self.now += waits
        if not self.subscriptions.needs_request(scope):
            return
        encoded = wire.encode_request(wire.Request("t", self.subscriptions.request_items(scope)))
        decoded = wire.decode_request(encoded)
        again = wire.encode_request(wire.Request("t", decoded.items, WireFormat.DEFAULT))
        assert again == encoded
        self.subscriptions.mark_sent(scope, self.now)
        assert not self.subscriptions.needs_request(scope)
        self.server[scope] = dict(self.subscriptions._scopes[scope].sendable)

    @rule(scope=st.sampled_from(Scope), snapshot=st.booleans(), data=st.data())
    def frame(self, scope: Scope, snapshot: bool, data: st.DataObject) -> None:
        served = [
            k for k, stream_request in self.server[scope].items() if stream_request.realtime or snapshot
        ]
        if served:
            key = data.draw(st.sampled_from(sorted(served)))
            self.subscriptions.mark_live(scope, key, snapshot=snapshot)
            assert self.subscriptions.state_of(key) is not StreamState.SENT
            if snapshot and not self.server[scope][key].realtime:
                del self.server[scope][key]

    @rule(scope=st.sampled_from(Scope))
    def silence(self, scope: Scope) -> None:
        self.now += 10.0
        silent = self.subscriptions.take_silent(scope, self.now, 10.0)
        assert len(set(silent)) == len(silent)
        assert self.subscriptions.next_silence(scope, 10.0) is None
        assert self.subscriptions.take_silent(scope, self.now + 1000, 10.0) == ()

    @rule(scope=st.sampled_from(Scope))
    def lost(self, scope: Scope) -> None:
        self.subscriptions.mark_lost(scope)
        self.server[scope] = {}

    @rule(scope=st.sampled_from(Scope))
    def refused(self, scope: Scope) -> None:
        keys = self.subscriptions.quarantine_newcomers(scope, self.now)
        assert bool(self.subscriptions.owners_left_out(keys)) == bool(keys)
        self.lost(scope)

    @rule(scope=st.sampled_from(Scope))
    def resend(self, scope: Scope) -> None:
        self.subscriptions.resend(scope)
        assert self.subscriptions.needs_request(scope) == bool(self.subscriptions._scopes[scope].sendable)

    @invariant()
    def no_owner_is_dropped(self) -> None:
        for scope in Scope:
            state = self.subscriptions._scopes[scope]
            for owner, wanted in self.owners.items():
                for stream_request in wanted:
                    if stream_request.spec.scope is not scope:
                        continue
                    record = state.records[stream_request.key]
                    standing = record.standing_of(owner)
                    if standing is Standing.SATISFIED:
                        assert not stream_request.realtime
                        continue
                    if standing in (Standing.REFUSED, Standing.DEFERRED):
                        continue
                    everything = state.sendable.get(stream_request.key._replace(code=ALL_CODES))
                    asked = everything or state.sendable[stream_request.key]
                    assert covers(asked, record.request_of(owner))

    @invariant()
    def nothing_lacks_unnoticed(self) -> None:
        """If no request is needed, the server serves what is wanted; wherever one is, it lacks something."""
        for scope in Scope:
            state = self.subscriptions._scopes[scope]
            if not state.sendable:
                assert not self.subscriptions.needs_request(scope)
            elif not self.subscriptions.needs_request(scope):
                for key, stream_request in state.sendable.items():
                    served = self.server[scope][key]
                    assert served.depth == stream_request.depth
                    assert stream_request_module.has_same_options(served, stream_request)
                    assert served.realtime or not stream_request.realtime
                surplus = {
                    key for key, stream_request in self.server[scope].items() if stream_request.realtime
                }
                assert surplus <= set(state.sendable)

    @invariant()
    def states_fit(self) -> None:
        for scope in Scope:
            state = self.subscriptions._scopes[scope]
            for key, record in state.records.items():
                standings = [record.standing_of(owner) for owner in record.owners]
                assert standings
                assert (record.state is StreamState.SATISFIED) == (record.wanted is None)
                assert (record.state is StreamState.QUARANTINED) == (
                    record.wanted is not None
                    and record.sendable is None
                    and Standing.DEFERRED not in standings
                )
                assert key in self.subscriptions.awaited(scope) or record.state is not StreamState.SENT
            assert set(state.pending_snapshots) <= set(state.records)
            assert list(state.pending_snapshots.values()) == sorted(state.pending_snapshots.values())
            assert set(self.subscriptions.codes(scope)) == {
                key.code for key, record in state.records.items() if record.wanted is not None
            } - {ALL_CODES}

    def teardown(self) -> None:
        """Whatever happened: once everything was sent, the server's set is the union of the requests."""
        for scope in Scope:
            for _ in range(3):
                if self.subscriptions.needs_request(scope):
                    self.subscriptions.mark_sent(scope, self.now)
                    self.server[scope] = dict(self.subscriptions._scopes[scope].sendable)
                for key in list(self.server[scope]):
                    self.subscriptions.mark_live(scope, key)
            assert not self.subscriptions.needs_request(scope)
            running = {key for key, stream_request in self.server[scope].items() if stream_request.realtime}
            sendable = self.subscriptions._scopes[scope].sendable
            if sendable:
                assert running == {key for key, stream_request in sendable.items() if stream_request.realtime}
            assert all(stream_request.realtime for stream_request in sendable.values()), (
                "every snapshot was taken"
            )


TestMerging = Merging.TestCase
TestMerging.settings = settings(max_examples=examples(120), stateful_step_count=30)


@given(st.lists(some_requests(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_union_does_not_depend_on_the_order(
    wanted: list[list[StreamRequest]], rng: random.Random
) -> None:
    one, two = SubscriptionStateManager(), SubscriptionStateManager()
    for owner, stream_requests_of_one in enumerate(wanted):
        one.add(owner, stream_requests_of_one)
    shuffled = list(enumerate(wanted))
    rng.shuffle(shuffled)
    for owner, stream_requests_of_one in shuffled:
        two.add(owner, stream_requests_of_one)
    for scope in Scope:
        first, second = one.desired(scope), two.desired(scope)
        assert first.keys() == second.keys()
        for key, stream_request in first.items():
            other = second[key]
            assert (stream_request.depth, stream_request.snapshot, stream_request.realtime) == (
                other.depth,
                other.snapshot,
                other.realtime,
            )
            assert stream_request_module.has_same_options(stream_request, other)


def test_definitions_that_are_spelled_differently_are_one() -> None:
    subscriptions = SubscriptionStateManager()
    bands = {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 2}}
    same = IndicatorDefinition(type="bollinger_bands", params=requests_params(Decimal("2.0")))
    subscriptions.add("a", stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[bands]))
    subscriptions.add("b", stream_requests("indicator", "KRW-BTC", timeframe="5m", indicators=[same]))
    (item,) = subscriptions.request_items(Scope.INFO)
    assert len(item.options["indicators"]) == 1


def requests_params(multiplier: Decimal) -> Any:
    from qt_upbit.types import IndicatorParams

    return IndicatorParams(period=20, multiplier=multiplier)
