"""An event type without a feed of its own is served by the simulated exchange nevertheless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from websockets.asyncio.client import connect

from qt_upbit.models import decode_all, encode, from_dict, to_dict
from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import SimulatedServer, SimulatorSettings
from qt_upbit.types import (
    EVENT_TYPES,
    AskBid,
    Asset,
    BaseWebSocketEvent,
    CodeRule,
    Delivery,
    IndicatorTimeframe,
    Scope,
    StreamType,
    WireFormat,
    registry,
)
from qt_upbit.types.options import TIMEFRAME, OptionSpec, either
from qt_upbit.types.registry import CodeEvent, event_type
from qt_upbit.types.wire_struct import wire_key

CODES = ("KRW-BTC", "KRW-ETH")
MakeGateway = Callable[..., Any]


TABLES: tuple[dict[str, Any], ...] = (EVENT_TYPES, registry._BY_WIRE_TYPE)


def _only_in_tests(declare: Callable[[], type[BaseWebSocketEvent]]) -> Callable[[], type[BaseWebSocketEvent]]:
    """Declares a type once, and enters it into the tables whenever it is called."""
    before = [dict(table) for table in TABLES]
    cls = declare()
    rows = [
        {name: table[name] for name in table.keys() - known.keys()}
        for table, known in zip(TABLES, before, strict=True)
    ]
    _restore(before)

    def enter() -> type[BaseWebSocketEvent]:
        for table, row in zip(TABLES, rows, strict=True):
            table.update(row)
        return cls

    return enter


def _restore(before: list[dict[str, Any]]) -> None:
    for table, rows in zip(TABLES, before, strict=True):
        table.clear()
        table.update(rows)


@pytest.fixture
def declared() -> Iterator[None]:
    """Types that a test has entered are gone after it."""
    before = [dict(table) for table in TABLES]
    yield
    _restore(before)


@_only_in_tests
def liquidation() -> type[BaseWebSocketEvent]:
    """With an option of its own, and without snapshots."""

    @event_type(
        "liquidation",
        wire_type="liquidation",
        scope=Scope.PUBLIC,
        delivery=Delivery.EVERY,
        options=(OptionSpec("min_total", lambda value, _codes: value, min),),
        accepts=lambda event, options: event.price * event.volume >= options.get("min_total", 0),
    )
    class LiquidationEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
        ask_bid: Annotated[AskBid, wire_key("ab")]
        price: Annotated[Decimal, wire_key("p")]
        volume: Annotated[Decimal, wire_key("v")]
        liquidation_id: Annotated[int, wire_key("lid")]
        liquidation_timestamp: Annotated[int, wire_key("ltms")]
        note: Annotated[str | None, wire_key("n")] = None

    return LiquidationEvent


@_only_in_tests
def funding() -> type[BaseWebSocketEvent]:
    """With snapshots, and streams distinguished by a field."""

    @event_type(
        "funding",
        wire_type="funding",
        scope=Scope.PUBLIC,
        delivery=Delivery.LATEST,
        has_snapshot=True,
        options=(TIMEFRAME,),
        stream_fields=("timeframe",),
    )
    class FundingEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
        timeframe: Annotated[IndicatorTimeframe, wire_key("tf")]
        rate: Annotated[Decimal, wire_key("r")]
        assets: Annotated[tuple[Asset, ...], wire_key("as")]

    return FundingEvent


@_only_in_tests
def margin() -> type[BaseWebSocketEvent]:
    """Of the account, without codes."""

    @event_type(
        "margin",
        wire_type="margin",
        scope=Scope.PRIVATE,
        delivery=Delivery.EVERY,
        codes=CodeRule.FORBIDDEN,
        options=(OptionSpec("include_detail", lambda value, _codes: value, either, narrows=False),),
    )
    class MarginEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
        is_called: Annotated[bool, wire_key("ic")]
        share: Annotated[float, wire_key("sh")]
        detail: Annotated[str | None, wire_key("dt")] = None

    return MarginEvent


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("format", WireFormat)
def test_a_type_with_an_option_and_without_snapshots(gateway: MakeGateway, format: WireFormat) -> None:
    cls = liquidation()
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("liquidation", CODES, options={"min_total": 5}), format=format)
    table.run(3.5)
    events = table.events(session)
    assert {event.code for event in events} == set(CODES)
    assert 6 <= len(events) <= 8, "one a second for each stream"
    assert all(isinstance(event, cls) and event.stream_type == StreamType.REALTIME for event in events)
    assert len({event.liquidation_id for event in events}) == len(events)
    assert all(abs(event.timestamp - table.now * 1000) < 5000 for event in events)
    for event in events:
        assert decode_all(encode(event, format)) == [event]
        assert from_dict(to_dict(event)) == event


@pytest.mark.usefixtures("declared")
def test_an_option_decides_what_is_sent(gateway: MakeGateway) -> None:
    liquidation()
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("liquidation", CODES, options={"min_total": 10**9}))
    table.run(2.5)
    assert table.frames(session) == []
    assert not session.closing


@pytest.mark.usefixtures("declared")
def test_snapshots_and_streams_reported_apart(gateway: MakeGateway) -> None:
    cls = funding()
    table = gateway()
    session = table.connect()
    table.subscribe(
        session,
        RequestItem("funding", CODES, options={"timeframe": "5m"}),
        RequestItem("funding", CODES[:1], options={"timeframe": "1d"}, is_only_snapshot=True),
    )
    table.run(2.6)
    events = table.events(session)
    assert all(isinstance(event, cls) for event in events)
    snapshots = [(event.code, event.timeframe) for event in events if event.is_snapshot]
    assert sorted(snapshots) == [("KRW-BTC", "1d"), ("KRW-BTC", "5m"), ("KRW-ETH", "5m")]
    assert {event.timeframe for event in events if not event.is_snapshot} == {"5m"}
    assert {event.code for event in events if not event.is_snapshot} == set(CODES)


@pytest.mark.usefixtures("declared")
def test_a_market_that_stands_still_has_snapshots_only(gateway: MakeGateway) -> None:
    funding()
    liquidation()
    table = gateway(market_running=False)
    session = table.connect()
    table.subscribe(
        session,
        RequestItem("funding", CODES, options={"timeframe": "5m"}),
        RequestItem("liquidation", CODES),
    )
    table.run(2.5)
    assert [event.is_snapshot for event in table.events(session)] == [True, True]


@pytest.mark.usefixtures("declared")
def test_codes_that_are_not_traded_are_quiet(gateway: MakeGateway) -> None:
    funding()
    table = gateway()
    session = table.connect()
    table.subscribe(session, RequestItem("funding", ("KRW-NOPE",), options={"timeframe": "5m"}))
    table.run(2.5)
    assert table.frames(session) == []


@pytest.mark.usefixtures("declared")
def test_a_private_type_without_codes_and_a_field_that_must_be_asked_for(gateway: MakeGateway) -> None:
    cls = margin()
    table = gateway()
    plain, whole = table.connect(Scope.PRIVATE), table.connect(Scope.PRIVATE)
    table.subscribe(plain, RequestItem("margin", None))
    table.subscribe(whole, RequestItem("margin", None, options={"include_detail": True}))
    table.run(1.5)
    assert all(isinstance(event, cls) for event in table.events(plain))
    assert table.events(plain)
    for session in (plain, whole):
        table.output[session].clear()
    event = from_dict({"type": "margin", "timestamp": 1, "is_called": True, "share": 0.5, "detail": "long"})
    table.exchange.publish(event)
    for session in (plain, whole):
        table.output[session].extend(session.take())
    assert [each.detail for each in table.events(plain)] == [None]
    assert [each.detail for each in table.events(whole)] == ["long"]


@pytest.mark.usefixtures("declared")
def test_declared_types_are_not_sampled(gateway: MakeGateway) -> None:
    table = gateway(market_running=True, rate=0.000001)
    session = table.connect()
    table.subscribe(session, RequestItem("trade", CODES, is_only_realtime=True))
    table.run(3)
    assert table.frames(session) == []


@pytest.mark.usefixtures("declared")
async def test_over_a_real_socket() -> None:
    liquidation()
    async with (
        SimulatedServer(SimulatorSettings(markets=5)) as server,
        connect(server.url.replace("http", "ws") + Scope.PUBLIC.path, proxy=None) as socket,
    ):
        await socket.send(encode_request(Request("t", (RequestItem("liquidation", CODES),))))
        async with asyncio.timeout(60):
            frames = [await socket.recv(decode=False) for _ in range(4)]
    found = [event for frame in frames for event in decode_all(frame)[:1]]
    assert {event.stream_key.code for event in found} == set(CODES)
