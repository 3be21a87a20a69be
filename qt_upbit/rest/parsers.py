"""Rows of REST responses as our types (protocol section 9): exact, with the field names of the events."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from qt_upbit.exact import exact_sum
from qt_upbit.exceptions import DecodeError
from qt_upbit.models import from_dict
from qt_upbit.records import (
    Balance,
    CancelledOrder,
    CancelResult,
    Fill,
    Instrument,
    Market,
    Order,
    OrderChance,
)
from qt_upbit.types import (
    AskBid,
    BaseWebSocketEvent,
    CandleEvent,
    Change,
    OrderbookEvent,
    OrderState,
    OrderType,
    SmpType,
    StreamType,
    TickerEvent,
    TimeInForce,
    TradeEvent,
)
from qt_upbit.types.wire_struct import validate_numbers

__all__ = [
    "balance",
    "cancel_result",
    "candle",
    "instrument",
    "market",
    "order",
    "order_chance",
    "orderbook",
    "parse",
    "parse_list",
    "ticker",
    "trade",
]

Row = Mapping[str, Any]
_T = TypeVar("_T")
_E = TypeVar("_E", bound=BaseWebSocketEvent)
_SHORT_OFFSET: Final = re.compile(r"[+-]\d\d:\d\Z")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_ROWS_AT_ONCE: Final = 50


def parse(raw: bytes, convert: Callable[[Any], _T]) -> _T:
    """Decode a response body, with exact numbers, and convert it.

    Raises:
        DecodeError: not JSON, or it does not match the documentation.
    """
    with _decode_errors(raw):
        return convert(_decoder.decode(raw))


async def parse_list(raw: bytes, convert: Callable[[Any], _T]) -> list[_T]:
    """As `parse`, for a list of rows: in slices, as hundreds take longer than a screen frame."""
    with _decode_errors(raw):
        answer = _decoder.decode(raw)
        if not isinstance(answer, list):
            raise TypeError(f"expected a list, not {type(answer).__name__}")
    found: list[_T] = []
    for begin in range(0, len(answer), _ROWS_AT_ONCE):
        if begin:
            await asyncio.sleep(0)
        with _decode_errors(raw):
            found += [convert(row) for row in answer[begin : begin + _ROWS_AT_ONCE]]
    return found


@contextlib.contextmanager
def _decode_errors(raw: bytes) -> Iterator[None]:
    try:
        yield
    except DecodeError:
        raise
    except (
        msgspec.MsgspecError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as exc:
        raise DecodeError(f"{type(exc).__name__}: {exc}", raw) from exc


# --- quotation ------------------------------------------------------------------------------------


def ticker(row: Row) -> TickerEvent:
    """A row of ``/v1/ticker``; fields that only the socket has are None."""
    return _event(TickerEvent, row, "ticker")


def orderbook(row: Row) -> OrderbookEvent:
    """A row of ``/v1/orderbook``."""
    return _event(OrderbookEvent, row, "orderbook")


def trade(row: Row) -> TradeEvent:
    """A row of ``/v1/trades/ticks``, where the change has its sign and ``timestamp`` is the trade's."""
    signed = _exact(row["change_price"])
    change = Change.EVEN if not signed else Change.RISE if signed > 0 else Change.FALL
    return _event(
        TradeEvent,
        row,
        "trade",
        trade_date=row["trade_date_utc"],
        trade_time=row["trade_time_utc"],
        trade_timestamp=row["timestamp"],
        change=change.value,
        change_price=signed.copy_abs(),
    )


def candle(row: Row, unit: str) -> CandleEvent:
    """A row of ``/v1/candles``."""
    # The socket has no day candles: decoded as minutes, and relabelled afterwards.
    return msgspec.structs.replace(_event(CandleEvent, row, "candle.1m"), type=f"candle.{unit}")


def _event(kind: type[_E], row: Row, wire_type: str, **fields: Any) -> _E:
    event = from_dict(
        {
            **row,
            **fields,
            "type": wire_type,
            "code": _text(row, "market"),
            "stream_type": StreamType.SNAPSHOT.value,
        }
    )
    if not isinstance(event, kind):
        raise TypeError(f"{wire_type} is not a {kind.__name__}")
    return event


def market(row: Row) -> Market:
    """A row of ``/v1/market/all`` with details."""
    event = row.get("market_event") or {}
    cautions = event.get("caution") or {}
    return Market(
        code=_text(row, "market"),
        korean_name=row.get("korean_name") or row["market"],
        english_name=row.get("english_name") or row["market"],
        warning=bool(event.get("warning", False)),
        cautions=tuple(sorted(name for name, on in cautions.items() if on)),
    )


def instrument(row: Row) -> Instrument:
    """A row of ``/v1/orderbook/instruments``."""
    return Instrument(
        code=_text(row, "market"),
        quote_currency=_text(row, "quote_currency"),
        tick_size=_exact(row["tick_size"]),
        supported_levels=tuple(_exact(level) for level in row["supported_levels"]),
    )


# --- account --------------------------------------------------------------------------------------


def balance(row: Row) -> Balance:
    """A row of ``/v1/accounts``."""
    return Balance(
        currency=_text(row, "currency"),
        balance=_exact(row["balance"]),
        locked=_exact(row["locked"]),
        avg_buy_price=_decimal(row, "avg_buy_price"),
        avg_buy_price_modified=row.get("avg_buy_price_modified"),
        unit_currency=_optional_text(row, "unit_currency"),
    )


def order(row: Row) -> Order:
    """An order from any call; with fills only if the call returns ``trades``."""
    side = AskBid(row["side"].upper())
    fills = tuple(sorted((_fill(each, row, side) for each in row.get("trades") or ()), key=_by_time))
    complete = len(fills) == int(row.get("trades_count") or 0)
    return Order(
        uuid=_text(row, "uuid"),
        code=_text(row, "market"),
        ask_bid=side,
        order_type=OrderType(row["ord_type"]),
        state=OrderState(row["state"]),
        price=_decimal(row, "price"),
        volume=_decimal(row, "volume"),
        remaining_volume=_decimal(row, "remaining_volume"),
        executed_volume=_decimal(row, "executed_volume") or Decimal(0),
        executed_funds=exact_sum(fill.funds for fill in fills) if complete else None,
        trades_count=int(row.get("trades_count") or 0),
        reserved_fee=_decimal(row, "reserved_fee"),
        remaining_fee=_decimal(row, "remaining_fee"),
        paid_fee=_decimal(row, "paid_fee"),
        locked=_decimal(row, "locked"),
        time_in_force=None if row.get("time_in_force") is None else TimeInForce(row["time_in_force"]),
        identifier=_optional_text(row, "identifier"),
        smp_type=None if row.get("smp_type") is None else SmpType(row["smp_type"]),
        prevented_volume=_decimal(row, "prevented_volume"),
        prevented_locked=_decimal(row, "prevented_locked"),
        order_timestamp=_milliseconds(row["created_at"]),
        fills=fills,
        new_order_uuid=_optional_text(row, "new_order_uuid"),
        new_order_identifier=_optional_text(row, "new_order_identifier"),
    )


def _fill(row: Row, of: Row, side: AskBid) -> Fill:
    return Fill(
        uuid=_text(row, "uuid"),
        order_uuid=_text(of, "uuid"),
        code=_text(of, "market"),
        ask_bid=side,
        price=_exact(row["price"]),
        volume=_exact(row["volume"]),
        trade_timestamp=_milliseconds(row["created_at"]),
    )


def _by_time(fill: Fill) -> tuple[int, str]:
    return fill.trade_timestamp, fill.uuid


def order_chance(row: Row) -> OrderChance:
    """The response of ``/v1/orders/chance``."""
    about = row["market"]
    return OrderChance(
        code=_text(about, "id"),
        bid_fee=_exact(row["bid_fee"]),
        ask_fee=_exact(row["ask_fee"]),
        maker_bid_fee=_exact(row["maker_bid_fee"]),
        maker_ask_fee=_exact(row["maker_ask_fee"]),
        bid_types=tuple(about.get("bid_types") or ()),
        ask_types=tuple(about.get("ask_types") or ()),
        min_total_bid=_exact(about["bid"]["min_total"]),
        min_total_ask=_exact(about["ask"]["min_total"]),
        max_total=_decimal(about, "max_total"),
        state=about.get("state") or "active",
        bid_account=balance(row["bid_account"]),
        ask_account=balance(row["ask_account"]),
    )


def cancel_result(row: Row) -> CancelResult:
    """The response of a call that cancels several orders."""

    def orders(part: Row) -> tuple[CancelledOrder, ...]:
        return tuple(
            CancelledOrder(
                uuid=_text(each, "uuid"),
                code=_text(each, "market"),
                identifier=_optional_text(each, "identifier"),
            )
            for each in part.get("orders") or ()
        )

    return CancelResult(success=orders(row["success"]), failed=orders(row["failed"]))


def _text(row: Row, name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{name} must be text, not {value!r:.40}")
    return value


def _optional_text(row: Row, name: str) -> str | None:
    return None if row.get(name) is None else _text(row, name)


def _decimal(row: Row, name: str) -> Decimal | None:
    value = row.get(name)
    return None if value is None else _exact(value)


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError(f"{value} is not a number")
    number = Decimal(value)
    validate_numbers(number)
    return number


def _milliseconds(text: str) -> int:
    # Documented samples end in "+09:0".
    moment = datetime.fromisoformat(text + "0" if _SHORT_OFFSET.search(text) else text)
    # Integer arithmetic: a float of microseconds is not exact.
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
