"""Settings for what is unverified of Upbit: each value does what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qt_upbit.models import decode_all
from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import ErrorFrame, RequestItem
from qt_upbit.simulator import SimulatorSettings
from qt_upbit.types import MyOrderEvent, OrderbookEvent, OrderState, Scope, StreamType, WireFormat
from tests.simulator.conftest import Gateway

MakeGateway = Callable[..., Gateway]


@pytest.mark.parametrize(
    ("both_flags", "kinds"),
    [
        ("both", {"SNAPSHOT", "REALTIME"}),
        ("snapshot", {"SNAPSHOT"}),
        ("realtime", {"REALTIME"}),
        ("nothing", set()),
    ],
)
def test_both_flags(gateway: MakeGateway, both_flags: str, kinds: set[str]) -> None:
    table = gateway(both_flags=both_flags)
    session = table.connect()
    table.subscribe(
        session, RequestItem("orderbook", ("KRW-BTC",), is_only_snapshot=True, is_only_realtime=True)
    )
    table.run(2.0)
    assert {str(event.stream_type) for event in table.events(session)} == kinds


@pytest.mark.parametrize(("accepted", "kinds"), [(True, {"SNAPSHOT"}), (False, {"SNAPSHOT", "REALTIME"})])
def test_camel_case_flags(gateway: MakeGateway, accepted: bool, kinds: set[str]) -> None:
    table = gateway(camel_case_flags=accepted)
    session = table.connect()
    table.send(session, '[{"ticket":"t"},{"type":"orderbook","codes":["KRW-BTC"],"isOnlySnapshot":true}]')
    table.run(2.0)
    assert {str(event.stream_type) for event in table.events(session)} == kinds


@pytest.mark.parametrize(("same_code", "levels"), [("both", {0, 10_000}), ("last", {10_000})])
def test_one_code_with_two_levels(gateway: MakeGateway, same_code: str, levels: set[int]) -> None:
    table = gateway(same_code=same_code)
    session = table.connect()
    table.subscribe(
        session,
        RequestItem("orderbook", ("KRW-BTC",)),
        RequestItem("orderbook", ("KRW-BTC",), options={"level": 10_000}),
    )
    table.run(2.0)
    assert {
        int(event.level or 0) for event in table.events(session) if isinstance(event, OrderbookEvent)
    } == levels


def test_list_formats_may_batch(gateway: MakeGateway) -> None:
    sizes = {}
    for batching in (False, True):
        table = gateway(list_batching=batching)
        session = table.connect()
        codes = tuple(table.exchange.market.pairs)
        table.subscribe(session, RequestItem("ticker", codes), format=WireFormat.SIMPLE_LIST)
        table.run(2.0)
        sizes[batching] = max(len(decode_all(raw)) for raw in table.frames(session))
        assert {event.code for event in table.events(session)} == set(codes)
    assert sizes[False] == 1
    assert sizes[True] > 1


def test_errors_may_be_wrapped(gateway: MakeGateway) -> None:
    table = gateway(list_wraps_control=True)
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)), format=WireFormat.JSON_LIST)
    table.send(session, "nonsense")
    raw = table.frames(session)[-1]
    assert raw.startswith(b"[")
    assert isinstance(wire.decode_control(raw), ErrorFrame)


@pytest.mark.parametrize(("resets", "format"), [(False, WireFormat.SIMPLE), (True, WireFormat.DEFAULT)])
def test_list_subscriptions_without_a_format(gateway: MakeGateway, resets: bool, format: WireFormat) -> None:
    table = gateway(list_subscriptions_resets_format=resets)
    session = table.connect()
    table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)), format=WireFormat.SIMPLE)
    table.send(session, '[{"ticket":"q"},{"method":"LIST_SUBSCRIPTIONS"}]')
    assert session.format is format


def test_binary_requests_may_be_refused(gateway: MakeGateway) -> None:
    for accepted in (True, False):
        table = gateway(binary_requests=accepted)
        session = table.connect()
        table.exchange.receive(session, b'[{"ticket":"t"},{"type":"ticker","codes":["KRW-BTC"]}]', table.now)
        assert bool(session.subscription) is accepted


def test_a_replacement_may_leave_live_codes_without_a_second_snapshot(gateway: MakeGateway) -> None:
    for repeats, expected in ((True, 3), (False, 2)):
        table = gateway(duplicate_snapshot=repeats)
        session = table.connect()
        table.subscribe(session, RequestItem("orderbook", ("KRW-BTC",)))
        table.run(1.0)
        table.subscribe(session, RequestItem("orderbook", ("KRW-BTC", "KRW-ETH")))
        table.run(1.0)
        snapshots = [event for event in table.events(session) if event.stream_type == StreamType.SNAPSHOT]
        assert len(snapshots) == expected


@pytest.mark.parametrize(("excess", "codes"), [("error", [1000]), ("abort", [None]), ("count", [])])
def test_too_many_messages(gateway: MakeGateway, excess: str, codes: list[int | None]) -> None:
    table = gateway(message_excess=excess)
    session = table.connect()
    for _ in range(6):
        table.subscribe(session, RequestItem("ticker", ("KRW-BTC",)))
    table.run(1.0)
    assert [close.code for close in table.closes(session)] == codes
    assert table.exchange.violations["message_second"] == 1


def test_pings_may_count_and_may_keep_the_line_open(gateway: MakeGateway) -> None:
    for keeps in (True, False):
        table = gateway(market_running=False, ping_keeps_open=keeps, ping_frame_counts=False)
        session = table.connect()
        table.run(50.0)
        assert table.exchange.receive_ping(session, table.now)
        table.run(20.0)
        assert bool(table.closes(session)) is not keeps
    table = gateway(ping_frame_counts=True)
    session = table.connect()
    assert [table.exchange.receive_ping(session, table.now) for _ in range(6)] == [True] * 5 + [False]


def test_orders_that_fill_at_once_may_have_no_wait(gateway: MakeGateway) -> None:
    table = gateway(account_running=True, order_interval_s=0.3, wait_before_fill=False)
    session = table.connect(Scope.PRIVATE)
    table.subscribe(session, RequestItem("myOrder"))
    table.run(60.0)
    first: dict[str, MyOrderEvent] = {}
    for event in table.events(session):
        assert isinstance(event, MyOrderEvent)
        first.setdefault(event.uuid, event)
    taker = [event for event in first.values() if event.state is OrderState.TRADE]
    assert taker
    assert all(event.is_maker is False for event in taker)


@pytest.mark.parametrize("setting", ["markets", "time_scale", "rate", "tick_interval_s"])
def test_impossible_settings_are_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        SimulatorSettings(**{setting: 0})  # type: ignore[arg-type]  # a number where another type is due


def test_the_secret_is_in_no_repr() -> None:
    settings = SimulatorSettings(secret_key="do-not-show", access_key="nor-this")
    assert "do-not-show" not in repr(settings)
    assert "nor-this" not in repr(settings)
