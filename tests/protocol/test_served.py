"""Who is served is asked per request: its rows, options and flags; and a refusal costs only its culprit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_upbit.protocol import wire
from qt_upbit.protocol.connection import OpenSocket, StreamsLive, StreamsRefused
from qt_upbit.protocol.stream_request import covers
from qt_upbit.protocol.subscription_state_manager import StreamRequest, StreamState, SubscriptionStateManager
from qt_upbit.types import EVENT_TYPES, Scope, StreamKey, registry
from tests.support.model_server import MACD, RSI, Rig, book, event, frame, stream_requests
from tests.support.profiles import examples

BTC = StreamKey("ticker", "KRW-BTC")
BOOK = StreamKey("orderbook", "KRW-BTC", (0,))
VOLUME = {"type": "volume", "params": {"period": 20}}
BANDS = {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 2}}


def indicators(*definitions: dict[str, Any], code: str = "KRW-BTC") -> tuple[StreamRequest, ...]:
    return stream_requests("indicator", code, timeframe="5m", indicators=list(definitions))


def live(*wanted: StreamRequest, owner: object = "first", scope: Scope = Scope.PUBLIC, **config: Any) -> Rig:
    """A rig whose first owner is served."""
    rig = Rig(scope, **config)
    rig.add(*wanted, owner=owner)
    rig.run(8.0)
    assert rig.state == "LIVE"
    assert served(rig, owner)
    return rig


def served(rig: Rig, owner: object) -> bool:
    """Whether an owner is served all that it wants of the rig's scope."""
    mine = [each for each in rig.subscriptions.requests_of(owner) if each.spec.scope is rig.scope]
    return bool(mine) and all(rig.subscriptions.is_served(owner, each.key) for each in mine)


def refuse_items(rig: Rig, is_bad: Callable[[wire.RequestItem], bool]) -> None:
    """The server refuses requests with such an item."""
    rig.server.refuse = lambda request: ("WRONG_FORMAT", "") if any(map(is_bad, request.items)) else None


def refuse_types(rig: Rig, *types: str) -> None:
    refuse_items(rig, lambda item: item.type in types)


def refuse_indicators(rig: Rig, *names: str) -> None:
    """The server does not know these indicators."""
    refuse_items(
        rig,
        lambda item: any(each["type"] in names for each in item.options.get("indicators", ())),
    )


def limit_indicators(rig: Rig, number: int) -> None:
    """Limit the combinations of indicator and code that the server accepts."""

    def refuse(request: wire.Request) -> tuple[str, str] | None:
        combinations = sum(
            len(item.options.get("indicators", ())) * len(item.codes or ()) for item in request.items
        )
        return ("TOO_MANY_REQUEST", "") if combinations > number else None

    rig.server.refuse = refuse


def refused_owners(rig: Rig) -> list[object]:
    return [owner for one in rig.log.of(StreamsRefused) for owner in one.owners]


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [{}, {"realtime": False}, {"snapshot": False}])
def test_a_deep_book_is_not_served_by_a_shallow_one(flags: dict[str, bool]) -> None:
    rig = live(*stream_requests("orderbook", "KRW-BTC", depth=5))
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=30, **flags), owner="deep")
    assert not served(rig, "deep")
    rig.send(frame(book(ms=1, rows=5)))
    assert not served(rig, "deep"), "before it was asked for"
    rig.run(0.08)
    assert len(rig.log.requests()) == 2
    rig.send(frame(book(ms=2, rows=5)))
    assert not served(rig, "deep"), "the tail of the shallow one"
    assert rig.log.of(StreamsLive) == [StreamsLive((BOOK,))]
    rig.send(frame(book(ms=3, rows=30)))
    assert served(rig, "deep")
    assert rig.log.of(StreamsLive) == [StreamsLive((BOOK,))] * 2
    assert served(rig, "first")


def test_a_shallow_book_is_served_by_a_deep_one_at_once() -> None:
    rig = live(*stream_requests("orderbook", "KRW-BTC", depth=30))
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=5), owner="shallow")
    assert served(rig, "shallow")
    rig.run(1.0)
    assert len(rig.log.requests()) == 1


def test_after_the_deep_one_left_its_rows_are_not_promised() -> None:
    rig = live(*stream_requests("orderbook", "KRW-BTC", depth=5))
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=30), owner="deep")
    rig.run(1.0)
    assert served(rig, "deep")
    rig.remove("deep")
    rig.run(1.0)
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=15, snapshot=False), owner="new")
    assert not served(rig, "new")
    rig.run(1.0)
    rig.tick_market()
    assert served(rig, "new")
    assert rig.socket.depth(BOOK) == 15


def test_a_thin_book_without_a_request_for_fewer_rows_is_all_there_is() -> None:
    """Upbit pads its books; who does not is believed, where nothing else can be meant."""
    rig = Rig()
    rig.server.sends_data = False
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=30), owner="first")
    rig.run(0.2)
    rig.send(frame(book(ms=1, rows=2, snapshot=True)))
    assert served(rig, "first")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (stream_requests("orderbook", "KRW-BTC"), stream_requests("orderbook", "KRW-BTC", level=10_000)),
        (stream_requests("candle", "KRW-BTC", unit="1s"), stream_requests("candle", "KRW-BTC", unit="1m")),
        (stream_requests("ticker", "KRW-BTC"), stream_requests("ticker", "KRW-ETH")),
    ],
    ids=["levels", "units", "codes"],
)
def test_another_stream_is_another_stream(
    first: tuple[StreamRequest, ...], second: tuple[StreamRequest, ...]
) -> None:
    rig = live(*first)
    rig.add(*second, owner="second")
    rig.tick_market()
    assert not served(rig, "second")
    rig.run(1.0)
    assert served(rig, "second")


# --- flags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ticker", "trade"])
def test_changes_are_not_served_by_a_single_snapshot(name: str) -> None:
    rig = live(*stream_requests("ticker", "KRW-ETH"))
    rig.add(*stream_requests(name, "KRW-BTC", realtime=False), owner="one")
    rig.run(1.0)
    assert served(rig, "one")
    rig.add(*stream_requests(name, "KRW-BTC", snapshot=False), owner="changes")
    assert not served(rig, "changes")
    rig.run(1.0)
    assert not served(rig, "changes"), "none has come"
    rig.tick_market()
    assert served(rig, "changes")


@pytest.mark.parametrize("name", ["ticker", "trade"])
def test_a_snapshot_is_not_served_by_a_stream_that_began_without(name: str) -> None:
    rig = Rig()
    rig.add(*stream_requests(name, "KRW-BTC", snapshot=False), owner="changes")
    rig.run(1.0)
    key = StreamKey(name, "KRW-BTC")
    rig.changed(rig.subscriptions.add("one", stream_requests(name, "KRW-BTC", realtime=False), {key}))
    assert not served(rig, "one")
    rig.run(1.0)
    assert served(rig, "one")
    assert not rig.subscriptions.desired(Scope.PUBLIC)[key].snapshot, "it has it, and is part of nothing more"


# --- options --------------------------------------------------------------------------------------


def test_other_indicators_are_not_served_by_those_that_run() -> None:
    rig = live(*indicators(RSI), scope=Scope.INFO)
    rig.add(*indicators(MACD), owner="more")
    assert not served(rig, "more")
    rig.run(0.05)
    rig.send(frame(event("indicator", timeframe="5m")))
    assert not served(rig, "more"), "it may answer the request before"
    rig.run(1.0)
    assert served(rig, "more")
    rig.add(*indicators(RSI), owner="same")
    assert served(rig, "same")
    assert len(rig.log.requests()) == 2


def test_other_categories_are_not_served_by_those_that_run() -> None:
    rig = live(*stream_requests("announcement", categories=["trade"]), scope=Scope.PRIVATE)
    more: dict[str, dict[str, Any]] = {
        "other": {"categories": ["event"]},
        "all": {"categories": None},
        "bodies": {"categories": ["trade"], "include_body": True},
    }
    for owner, options in more.items():
        rig.add(*stream_requests("announcement", **options), owner=owner)
        assert not served(rig, owner)
        rig.run(1.0)
        assert served(rig, owner)
    rig.add(*stream_requests("announcement", categories=["event"], include_body=True), owner="late")
    assert served(rig, "late")


def test_options_that_were_given_up_are_not_promised() -> None:
    rig = live(*indicators(RSI), scope=Scope.INFO)
    rig.add(*indicators(MACD), owner="more")
    rig.run(2.0)
    rig.remove("more")
    rig.run(2.0)
    rig.server.answers_lists = False
    rig.add(*indicators(MACD), owner="again")
    rig.run(0.1)
    rig.send(frame(event("indicator", timeframe="5m")))
    assert not served(rig, "again")
    rig.run(3.0)
    assert served(rig, "again"), "not refused in time"


def test_a_single_code_is_served_with_all_codes() -> None:
    """It waited forever: nothing more had to be asked for."""
    rig = live(*stream_requests("my_order"), scope=Scope.PRIVATE)
    rig.add(*stream_requests("my_order", "KRW-BTC"), owner="one")
    assert served(rig, "one")
    rig.lose()
    assert not served(rig, "one")
    rig.run(3.0)
    assert served(rig, "one")
    assert served(rig, "first")


# --- types without a first snapshot ---------------------------------------------------------------


@pytest.fixture
def trade_without_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trades as a type of the public scope that Upbit sends no first snapshot of."""
    row = dataclasses.replace(EVENT_TYPES["trade"], has_snapshot=False)
    monkeypatch.setitem(EVENT_TYPES, "trade", row)
    monkeypatch.setitem(registry._BY_WIRE_TYPE, "trade", row)


@pytest.mark.parametrize("answers_lists", [True, False])
@pytest.mark.parametrize("beside", [(), stream_requests("ticker", "KRW-BTC")], ids=["alone", "beside"])
@pytest.mark.usefixtures("trade_without_snapshot")
def test_a_type_without_snapshots_is_served_by_the_servers_list(
    beside: tuple[StreamRequest, ...], answers_lists: bool
) -> None:
    rig = live(*beside) if beside else Rig()
    rig.server.answers_lists = answers_lists
    rig.add(*stream_requests("trade", "KRW-BTC", "KRW-ETH"), owner="trades")
    rig.run(0.5 if answers_lists else 3.0)
    assert rig.state == "LIVE"
    assert served(rig, "trades")
    assert len(rig.log.requests()) == 1 + bool(beside)
    rig.lose()
    assert not served(rig, "trades")
    rig.run(3.0)
    assert served(rig, "trades")
    assert len(rig.log.times(OpenSocket)) == 2


@pytest.mark.usefixtures("trade_without_snapshot")
def test_a_type_without_snapshots_that_the_server_does_not_list_is_not_served() -> None:
    rig = live(*stream_requests("ticker", "KRW-BTC"))
    rig.server.edit_list = lambda items: [item for item in items if item.type != "trade"]
    rig.add(*stream_requests("trade", "KRW-BTC"), owner="trades")
    rig.run(10.0)
    assert not served(rig, "trades")
    rig.tick_market(StreamKey("trade", "KRW-BTC"))
    assert served(rig, "trades"), "but it comes"


@pytest.mark.usefixtures("trade_without_snapshot")
def test_a_refused_type_without_snapshots_is_not_served() -> None:
    rig = live(*stream_requests("ticker", "KRW-BTC"))
    refuse_types(rig, "trade")
    rig.add(*stream_requests("trade", "KRW-BTC"), owner="trades")
    rig.run(10.0)
    assert not served(rig, "trades")
    assert refused_owners(rig) == ["trades"]
    assert rig.state == "LIVE"


# --- refusals -------------------------------------------------------------------------------------


def test_a_refused_request_does_not_drag_the_next_one_along() -> None:
    """Three indicators where two are allowed; then another owner's single one, which is fine."""
    rig = live(*indicators(RSI), scope=Scope.INFO)
    limit_indicators(rig, 2)
    rig.add(*indicators(MACD, VOLUME, BANDS), owner="greedy")
    rig.run(5.0)
    assert refused_owners(rig) == ["greedy"]
    assert not served(rig, "greedy")
    sockets = len(rig.log.times(OpenSocket))
    rig.add(*indicators(MACD), owner="innocent")
    rig.run(5.0)
    assert served(rig, "innocent")
    assert not served(rig, "greedy")
    assert refused_owners(rig) == ["greedy"]
    assert len(rig.log.times(OpenSocket)) == sockets, "the connection was not cut again"
    assert rig.subscriptions.owners_left_out(rig.subscriptions.desired(Scope.INFO)) == ("greedy",)


def test_a_refused_depth_is_no_part_of_the_next_request() -> None:
    rig = live(*stream_requests("orderbook", "KRW-BTC", depth=5))
    refuse_items(rig, lambda item: item.codes == ("KRW-BTC",))
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=30), owner="deep")
    rig.run(5.0)
    assert refused_owners(rig) == ["deep"]
    rig.add(*stream_requests("orderbook", "KRW-BTC", depth=15), owner="middle")
    rig.run(2.0)
    assert rig.socket.depth(BOOK) == 15
    assert served(rig, "middle")
    assert served(rig, "first")
    assert not served(rig, "deep")


def test_who_was_refused_is_tried_again_when_it_asks_again() -> None:
    rig = live(*indicators(RSI), scope=Scope.INFO)
    limit_indicators(rig, 2)
    rig.add(*indicators(MACD, VOLUME, BANDS), owner="greedy")
    rig.run(5.0)
    rig.add(*indicators(MACD), owner="greedy")
    rig.run(5.0)
    assert served(rig, "greedy")


@pytest.mark.parametrize("order", [("bad", "good"), ("good", "bad")])
@pytest.mark.parametrize("known", [True, False], ids=["beside another", "first of all"])
def test_of_two_in_one_request_only_the_culprit_is_refused(order: tuple[str, str], known: bool) -> None:
    rig = live(*indicators(RSI), scope=Scope.INFO) if known else Rig(Scope.INFO)
    refuse_indicators(rig, "macd")
    for owner in order:
        rig.add(*indicators(MACD if owner == "bad" else VOLUME), owner=owner)
    rig.run(20.0)
    assert rig.state == "LIVE"
    assert set(refused_owners(rig)) == {"bad"}
    assert served(rig, "good")
    assert not served(rig, "bad")
    assert not known or served(rig, "first")


def test_of_many_in_one_request_only_the_culprits_are_refused() -> None:
    rig = live(*stream_requests("ticker", "KRW-BTC"))
    bad = {3, 17, 18}
    refuse_items(rig, lambda item: any(code in {f"KRW-C{i}" for i in bad} for code in item.codes or ()))
    for i in range(32):
        rig.add(*stream_requests("trade", f"KRW-C{i}"), owner=i)
    rig.run(120.0)
    assert set(refused_owners(rig)) == bad
    for i in range(32):
        assert served(rig, i) == (i not in bad)
    assert len(rig.log.times(OpenSocket)) <= 2 + 5 * len(bad), "halving, not one by one"
    rig.check_limits()


def test_who_comes_while_a_culprit_is_looked_for_waits_for_the_end() -> None:
    rig = live(*stream_requests("ticker", "KRW-BTC"))
    refuse_types(rig, "trade")
    rig.add(*stream_requests("trade", "KRW-BTC"), owner="bad")
    rig.add(*stream_requests("ticker", "KRW-ETH"), owner="good")
    rig.run(5.0, stop=lambda: rig.state != "LIVE")
    assert rig.state != "LIVE", "the first refusal"
    rig.add(*stream_requests("ticker", "KRW-XRP"), owner="late")
    rig.add(*stream_requests("trade", "KRW-ETH"), owner="late and bad")
    rig.add(*stream_requests("ticker", "KRW-BTC"), owner="known")
    assert rig.subscriptions.state_of(StreamKey("ticker", "KRW-XRP")) is StreamState.DESIRED
    rig.run(30.0)
    for owner in ("first", "good", "late", "known"):
        assert served(rig, owner), owner
    assert set(refused_owners(rig)) == {"bad", "late and bad"}


def test_a_suspect_that_leaves_does_not_hold_up_the_others() -> None:
    for leaving in ("bad", "good", "third"):
        rig = live(*stream_requests("ticker", "KRW-BTC"))
        refuse_types(rig, "trade")
        rig.add(*stream_requests("trade", "KRW-BTC"), owner="bad")
        rig.add(*stream_requests("ticker", "KRW-ETH"), owner="good")
        rig.add(*stream_requests("ticker", "KRW-XRP"), owner="third")
        rig.run(5.0, stop=lambda rig=rig: rig.state != "LIVE")
        rig.remove(leaving)
        rig.run(30.0)
        for owner in {"good", "third"} - {leaving}:
            assert served(rig, owner), (leaving, owner)
        assert set(refused_owners(rig)) <= {"bad"}


@pytest.mark.parametrize("owners", [1, 2, 5, 40])
def test_a_server_that_refuses_everything_is_not_asked_forever(owners: int) -> None:
    rig = Rig()
    rig.server.refuse = lambda request: ("WRONG_FORMAT", "")
    for i in range(owners):
        rig.add(*stream_requests("ticker", f"KRW-C{i}"), owner=i)
    rig.run(300.0)
    assert rig.state == "REJECTED"
    assert len(rig.log.times(OpenSocket)) <= 30
    assert not any(served(rig, i) for i in range(owners))
    rig.server.refuse = lambda request: None
    rig.connection.retry(rig.now)
    rig.carry_out(rig.scope)
    rig.run(10.0)
    assert all(served(rig, i) for i in range(owners)), "every owner is served"


@pytest.mark.parametrize("scope", [Scope.PUBLIC, Scope.PRIVATE])
def test_a_question_that_was_never_understood_is_blamed_before_a_request(scope: Scope) -> None:
    rig = Rig(scope, audit_interval_s=1.0)
    rig.server.refuse = lambda request: ("INVALID_PARAM", "") if request.method else None
    first, second = ("my_order", "my_asset") if scope is Scope.PRIVATE else ("ticker", "trade")
    rig.add(*stream_requests(first), owner="a") if scope is Scope.PRIVATE else rig.add(
        *stream_requests(first, "KRW-BTC"), owner="a"
    )
    rig.add(*stream_requests(second), owner="b") if scope is Scope.PRIVATE else rig.add(
        *stream_requests(second, "KRW-BTC"), owner="b"
    )
    rig.run(20.0)
    assert rig.state == "LIVE"
    assert refused_owners(rig) == []
    assert served(rig, "a")
    assert served(rig, "b")
    assert len(rig.log.times(OpenSocket)) == 2


def test_a_lost_connection_in_a_search_changes_nothing() -> None:
    rig = live(*stream_requests("ticker", "KRW-BTC"))
    refuse_types(rig, "trade")
    rig.add(*stream_requests("ticker", "KRW-ETH"), owner="good")
    rig.add(*stream_requests("trade", "KRW-BTC"), owner="bad")
    rig.run(5.0, stop=lambda: rig.state != "LIVE")
    for _ in range(3):
        rig.run(5.0, stop=lambda: rig.state == "RESYNCING")
        rig.lose()
    rig.run(30.0)
    assert served(rig, "good")
    assert refused_owners(rig) == ["bad"]


# --- properties -----------------------------------------------------------------------------------

_BAD = ("macd", "event", "KRW-XRP.15", "candle.1m")
"""What the server refuses: an indicator, a category, a book, a type."""


def _is_bad(item: wire.RequestItem) -> bool:
    named = [each["type"] for each in item.options.get("indicators", ())]
    named += item.options.get("categories") or ()
    return bool({*named, *(item.codes or ()), item.type} & set(_BAD))


@st.composite
def _requests(draw: st.DrawFn) -> tuple[StreamRequest, ...]:
    code = draw(st.sampled_from(["KRW-BTC", "KRW-ETH", "KRW-XRP"]))
    snapshot, realtime = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    flags = {"snapshot": snapshot, "realtime": realtime}
    match draw(st.sampled_from(["ticker", "book", "candle", "indicator", "notice", "order"])):
        case "ticker":
            return stream_requests("ticker", code, **flags)
        case "book":
            depth, level = draw(st.sampled_from([1, 5, 15, 30])), draw(st.sampled_from([0, 10_000]))
            return stream_requests("orderbook", code, depth=depth, level=level, **flags)
        case "candle":
            return stream_requests("candle", code, unit=draw(st.sampled_from(["1s", "1m"])), **flags)
        case "notice":
            options = st.sampled_from([None, ["trade"], ["event"], ["trade", "event"]])
            return stream_requests("announcement", categories=draw(options))
        case "order":
            return stream_requests("my_order", *draw(st.sampled_from([(), (code,)])))
        case _:
            some = st.lists(st.sampled_from([RSI, MACD, VOLUME]), min_size=1, max_size=3, unique_by=str)
            return indicators(*draw(some), code=code)


def _is_innocent(wanted: Iterable[StreamRequest]) -> bool:
    """Whether the server would take a request for nothing else."""
    alone = SubscriptionStateManager()
    alone.add("it", wanted)
    requests = (wire.Request("t", alone.request_items(scope)) for scope in Scope if alone.is_wanted(scope))
    decoded = (wire.decode_request(wire.encode_request(request)) for request in requests)
    return not any(_is_bad(item) for request in decoded for item in request.items)


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), st.integers(0, 6), _requests()),
        st.tuples(st.just("release"), st.integers(0, 6)),
        st.tuples(st.just("drop"), st.sampled_from(Scope)),
        st.tuples(st.just("pass"), st.sampled_from([0.0, 0.02, 0.06, 0.3, 2.0, 7.0])),
    ),
    max_size=25,
)


@given(steps=_STEPS, answers_lists=st.booleans())
@settings(max_examples=examples(200))
def test_whatever_is_not_refused_is_served_with_at_least_what_it_asked_for(
    steps: list[tuple[Any, ...]], answers_lists: bool
) -> None:
    """Any order of subscribe, release, refuse and drop ends with sent == desired."""
    rig = Rig(*Scope)
    rig.server.answers_lists = answers_lists
    refuse_items(rig, _is_bad)
    wanted: dict[int, tuple[StreamRequest, ...]] = {}
    for step in steps:
        match step:
            case "subscribe", owner, requests:
                rig.add(*requests, owner=owner)
                wanted[owner] = requests
            case "release", owner:
                rig.remove(owner)
                wanted.pop(owner, None)
            case "drop", scope:
                if rig.sockets[scope] is not None:
                    rig.lose(scope)
            case "pass", seconds:
                rig.run_market(seconds, 0.5)
    rig.run_market(60.0, 4.0)
    for owner, requests in wanted.items():
        for request in requests:
            is_refused = owner in rig.subscriptions.owners_left_out([request.key])
            is_served = rig.subscriptions.is_served(owner, request.key)
            alone = rig.connections[request.spec.scope].state.name == "REJECTED"
            if _is_innocent(requests):
                assert not is_refused, f"{owner} was blamed for another"
                assert is_served
            else:
                # What is bad alone may be part of a union that is not: all categories, a deeper book.
                assert is_refused or alone or is_served
                assert not is_refused or not is_served
    for scope, connection in rig.connections.items():
        if connection.state.name in ("IDLE", "REJECTED"):
            continue
        rig.scope = scope
        streams = rig.socket.streams()
        running = {key for key, item in streams.items() if not item.is_only_snapshot}
        assert not rig.subscriptions.needs_request(scope)
        assert running == rig.subscriptions.running(scope), "sent is what is desired"
        sent = rig.subscriptions._scopes[scope].sendable
        assert running == set(sent)
        for owner, requests in wanted.items():
            for request in requests:
                is_running = request.realtime and request.spec.scope is scope
                if is_running and rig.subscriptions.is_served(owner, request.key):
                    asked = sent.get(request.key) or sent[request.key._replace(code="")]
                    assert covers(asked, request)
    rig.check_limits()
