"""Nothing of what was captured or documented in November 2026 is lost: every key, every digit.

The files are those of tests/data/2026-11 (their origin: tests/data/README.md). A key that a table below does
not name must be an attribute of the same name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
import pytest

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import decode, encode
from qt_upbit.protocol import wire
from qt_upbit.rest import parsers
from qt_upbit.rest.rate_groups import RateGroups
from qt_upbit.types import AskBid, Change, IndicatorSignalEvent, OrderbookEvent, Scope, WireFormat
from qt_upbit.types.indicators import INDICATORS_WITH_TRIGGER
from tests.support.frames import DATA, lines, rest_rows
from tests.support.passing_time import PassingTime

View = dict[str, Callable[[Any], Any]]
"""By key of the wire: what the decoded object says of it, as the wire would."""

FAULTY: Final = {
    ("candle.default", 1): "type",
    ("candle.default", 2): "type",
    ("myOrder.default", 0): "timestamp",
    ("rest.candles", 6): "timestamp",
    ("rest.ticker", 0): "timestamp",
    ("rest.trades_ticks", 0): "timestamp",
}
"""Lines that their sources had cut or quoted, and what the error must name."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def _signed(trade: Any) -> Decimal:
    return Decimal(trade.change_price).copy_negate() if trade.change is Change.FALL else trade.change_price


MARKET: Final[View] = {"market": lambda one: one.code}
SIDE: Final = {AskBid.ASK: "ask", AskBid.BID: "bid"}
FILL: Final[View] = MARKET | {
    "side": lambda fill: SIDE[fill.ask_bid],
    "created_at": lambda fill: fill.trade_timestamp,
}
ORDER: Final[View] = MARKET | {
    "side": lambda order: SIDE[order.ask_bid],
    "ord_type": lambda order: order.order_type,
    "created_at": lambda order: order.order_timestamp,
    "trades": lambda order: order.fills,
}
TRADE: Final[View] = MARKET | {
    "trade_date_utc": lambda trade: trade.trade_date,
    "trade_time_utc": lambda trade: trade.trade_time,
    "change_price": _signed,
}
CANDLE: Final[View] = MARKET | {"unit": lambda candle: candle.unit.seconds // 60}
CANCELLED: Final[View] = {
    "count": len,
    "orders": lambda orders: orders,
}

BODIES: Final[Mapping[str, tuple[Callable[[Any], Any], View]]] = {
    "rest.order": (parsers.order, ORDER),
    "rest.order.docs": (parsers.order, ORDER),
    "rest.orders_list": (parsers.order, ORDER),
    "rest.ticker": (parsers.ticker, MARKET),
    "rest.trades_ticks": (parsers.trade, TRADE),
    "rest.orderbook": (parsers.orderbook, MARKET),
    "rest.instruments": (parsers.instrument, MARKET),
    "rest.cancel_result.docs": (parsers.cancel_result, {}),
    "rest.pockets.docs": (parsers.pocket, {}),
    "rest.status_wallet.docs": (parsers.wallet_status, {}),
}
FRAMES: Final = (
    "ticker.default",
    "trade.default",
    "orderbook.default",
    "candle.default",
    "myOrder.default",
    "indicator_signal.default.docs",
)
OTHERS: Final = {
    "rest.candles",
    "indicator_signal.simple.docs",
    "indicator_signal.requests.docs",
    "rest.errors",
    "rest.headers",
}
"""Files with a test of their own."""


def check(raw: Any, parsed: Any, where: str, view: View) -> None:
    """Fail if a part of what came over the wire is not in what it was decoded to."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            read = view.get(key)
            nested: View = {"trades": FILL, "orders": MARKET, "success": CANCELLED, "failed": CANCELLED}.get(
                key, {}
            )
            check(value, read(parsed) if read else getattr(parsed, key), f"{where}.{key}", nested)
    elif isinstance(raw, list):
        assert len(raw) == len(parsed), where
        for number, (value, each) in enumerate(zip(raw, parsed, strict=True)):
            check(value, each, f"{where}[{number}]", view)
    elif isinstance(parsed, Decimal):
        exact = Decimal(raw)
        assert parsed.as_tuple() == exact.as_tuple(), f"{where}: {parsed} for {raw}"
    elif isinstance(parsed, datetime):
        assert parsed == datetime.fromisoformat(raw), where
    elif isinstance(parsed, int) and isinstance(raw, str):
        assert parsed == _milliseconds(raw), where
    elif isinstance(parsed, Enum):
        assert parsed.value == raw, where
    else:
        assert parsed == raw, where
        assert type(parsed) is type(raw), where


class _Candle(msgspec.Struct):
    unit: str
    row: msgspec.Raw


def bodies() -> Iterator[tuple[str, int, bytes, Callable[[Any], Any], View]]:
    for name, (convert, view) in BODIES.items():
        for number, line in enumerate(lines(f"2026-11/{name}.jsonl")):
            yield name, number, line, convert, view
    for number, line in enumerate(lines("2026-11/rest.candles.jsonl")):
        each = msgspec.json.decode(line, type=_Candle)
        convert = functools.partial(parsers.candle, unit=each.unit)
        yield "rest.candles", number, bytes(each.row), convert, CANDLE


def frames() -> Iterator[tuple[str, int, bytes]]:
    for name in FRAMES:
        for number, line in enumerate(lines(f"2026-11/{name}.jsonl")):
            yield name, number, line


def test_every_file_is_covered() -> None:
    names = {path.name.removesuffix(".jsonl") for path in (DATA / "2026-11").glob("*")}
    assert names == set(BODIES) | set(FRAMES) | OTHERS


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "number", "raw", "convert", "view"), [*bodies()], ids=_name)
def test_a_body_loses_nothing(
    name: str, number: int, raw: bytes, convert: Callable[[Any], Any], view: View
) -> None:
    if (name, number) in FAULTY:
        with pytest.raises(DecodeError, match=FAULTY[name, number]):
            parsers.parse(raw, convert)
        return
    parsed = parsers.parse(raw, convert)
    check(parsers.parse(raw, lambda value: value), parsed, name, view)


@pytest.mark.parametrize(("name", "number", "raw"), [*frames()], ids=_name)
def test_a_frame_loses_nothing(name: str, number: int, raw: bytes) -> None:
    if (name, number) in FAULTY:
        with pytest.raises(DecodeError, match=FAULTY[name, number]):
            decode(raw)
        return
    event = decode(raw)
    if isinstance(event, OrderbookEvent):
        assert event.orderbook_units
    check(msgspec.json.Decoder(float_hook=Decimal).decode(raw), event, name, {})
    again = encode(event)
    assert decode(again) == event


def test_the_short_frames_say_what_the_long_ones_say() -> None:
    long, short = (lines(f"2026-11/indicator_signal.{form}.docs.jsonl") for form in ("default", "simple"))
    assert len(long) == len(short) == 6
    for default, simple in zip(long, short, strict=True):
        assert decode(simple) == decode(default)
        keys = msgspec.json.decode(encode(decode(simple), WireFormat.SIMPLE))
        assert keys.keys() == msgspec.json.decode(simple).keys()


def test_the_requests_of_the_sdk_are_understood_and_would_be_sent() -> None:
    for line, frame in zip(
        lines("2026-11/indicator_signal.requests.docs.jsonl"),
        lines("2026-11/indicator_signal.default.docs.jsonl"),
        strict=True,
    ):
        (item,) = wire.decode_request(b'[{"ticket":"t"},' + line + b"]").items
        assert item.to_dict() == msgspec.json.decode(line)
        wanted = INDICATORS_WITH_TRIGGER.check(item.options["indicators"], item.codes or ())
        event = decode(frame)
        assert isinstance(event, IndicatorSignalEvent)
        assert event.spec.accepts(event, {"indicators": wanted})
        assert event.spec.scope is Scope.INFO


async def test_the_headers_of_calls_are_understood() -> None:
    for each in rest_rows("2026-11/rest.headers.jsonl"):
        time = PassingTime()
        groups = RateGroups(time, time.sleep)
        groups.note("market", each["remaining-req"])
        await groups.wait("market", each["call"])
        assert not time.pauses
        groups.note("market", re.sub(r"sec=\d+", "sec=0", each["remaining-req"]))
        await groups.wait("market", each["call"])
        assert sum(time.pauses) == 1.0
