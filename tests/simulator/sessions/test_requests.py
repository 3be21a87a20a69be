"""Whatever a client can encode, the exchange understands as it was meant."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.protocol import wire
from qt_upbit.protocol.wire import Request, RequestItem, SubscriptionsFrame, encode_request
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.types import EVENT_TYPES, CodeRule, EventSpec, Scope, WireFormat
from qt_upbit.types.registry import specs_of

START = 1_795_402_151.0
EXCHANGE = SimulatedExchange(SimulatorSettings(markets=10, market_running=False), now=START)
CODES = st.sampled_from(["KRW-BTC", "KRW-ETH", "KRW-BTC.5", "BTC-ETH", "krw-btc", "KRW-NOPE", "KRW-BTC.20"])
INDICATORS = [{"type": "rsi", "params": {"period": 14}}]


@st.composite
def items(draw: st.DrawFn, row: EventSpec) -> RequestItem:
    codes = None
    if row.codes is CodeRule.REQUIRED or (row.codes is CodeRule.OPTIONAL and draw(st.booleans())):
        codes = tuple(draw(st.lists(CODES, min_size=1, max_size=4)))
    options: dict[str, Any] = {}
    if "level" in row.option_names and draw(st.booleans()):
        options["level"] = draw(st.sampled_from([0, 10_000, 12_345]))
    if "timeframe" in row.option_names:
        options |= {"timeframe": draw(st.sampled_from(["5m", "1d"])), "indicators": INDICATORS}
    if "categories" in row.option_names and draw(st.booleans()):
        options |= {"categories": ["trade"], "include_body": draw(st.booleans())}
    return RequestItem(
        draw(st.sampled_from(row.wire_types)), codes, draw(st.booleans()), draw(st.booleans()), options
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[Scope, Request]:
    scope = draw(st.sampled_from(Scope))
    rows = list(specs_of(scope))
    wanted = draw(st.lists(st.sampled_from(rows).flatmap(items), min_size=1, max_size=5))
    format = draw(st.sampled_from([None, *WireFormat]))
    return scope, Request(draw(st.text(min_size=1, max_size=20)), tuple(wanted), format)


@given(requests())
def test_requests_round_trip(wanted: tuple[Scope, Request]) -> None:
    scope, request = wanted
    session = EXCHANGE.connect(scope, START)
    try:
        EXCHANGE.receive(session, encode_request(request), START)
        assert session.take() == []
        assert session.subscription == request.items
        assert session.ticket == request.ticket
        assert session.format is (request.format or WireFormat.DEFAULT)
        question = Request("question", format=request.format, method=wire.LIST_SUBSCRIPTIONS)
        EXCHANGE.receive(session, encode_request(question), START)
        (raw,) = session.take()
        assert isinstance(raw, bytes)
        reply = wire.decode_control(raw)
        assert isinstance(reply, SubscriptionsFrame)
        assert reply.ticket == "question"
        assert [entry["type"] for entry in reply.result] == [item.type for item in request.items]
        assert session.subscription == request.items
    finally:
        EXCHANGE.disconnect(session)


def test_every_type_is_asked_for() -> None:
    assert {row for scope in Scope for row in specs_of(scope)} == set(EVENT_TYPES.values())
