"""Rows of REST responses as our types (protocol section 9): exact, with the field names of the events."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any, Final, TypeVar

import msgspec

from qt_upbit.exact import EXACT
from qt_upbit.exceptions import DecodeError
from qt_upbit.models import from_dict
from qt_upbit.records import (
    ApiKey,
    Balance,
    CancelledOrder,
    CancelResult,
    Deposit,
    Fill,
    Instrument,
    Market,
    Order,
    OrderChance,
    Pocket,
    RestCandle,
    RestTicker,
    WalletStatus,
    Withdrawal,
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
    "api_key",
    "balance",
    "cancel_result",
    "candle",
    "deposit",
    "instrument",
    "market",
    "order",
    "order_chance",
    "orderbook",
    "parse",
    "parse_list",
    "pocket",
    "ticker",
    "trade",
    "wallet_status",
    "withdrawal",
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


def ticker(row: Row) -> RestTicker:
    """A row of ``/v1/ticker``; fields that only the socket has are None."""
    return RestTicker(
        **_fields(_event(TickerEvent, row, "ticker")),
        trade_date_kst=_optional_text(row, "trade_date_kst"),
        trade_time_kst=_optional_text(row, "trade_time_kst"),
    )


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


def candle(row: Row, unit: str) -> RestCandle:
    """A row of ``/v1/candles``."""
    # The socket has no day candles: decoded as minutes, and relabelled afterwards.
    return RestCandle(
        **_fields(_event(CandleEvent, row, "candle.1m")) | {"type": f"candle.{unit}"},
        prev_closing_price=_decimal(row, "prev_closing_price"),
        change_price=_decimal(row, "change_price"),
        change_rate=_decimal(row, "change_rate"),
        converted_trade_price=_decimal(row, "converted_trade_price"),
        first_day_of_period=_optional_text(row, "first_day_of_period"),
    )


def _fields(event: BaseWebSocketEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


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
    stated = _decimal(row, "executed_funds")
    if stated is None and len(fills) == int(row.get("trades_count") or 0):
        stated = _total(fill.funds for fill in fills)
    return Order(
        uuid=_text(row, "uuid"),
        code=_text(row, "market"),
        ask_bid=side,
        order_type=OrderType(row["ord_type"]),
        state=OrderState(_text(row, "state")),
        price=_decimal(row, "price"),
        volume=_decimal(row, "volume"),
        remaining_volume=_decimal(row, "remaining_volume"),
        executed_volume=Decimal(0) if row.get("executed_volume") is None else _exact(row["executed_volume"]),
        executed_funds=stated,
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
        reported_avg_price=_decimal(row, "avg_price"),
        application_name=_optional_text(row, "application_name"),
        is_cancel_and_newable=_flag(row, "is_cancel_and_newable"),
        thirdparty=_flag(row, "thirdparty"),
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
        trend=_optional_text(row, "trend"),
        reported_funds=_decimal(row, "funds"),
    )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum, whatever the program's decimal context."""
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))


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
        name=_optional_text(about, "name"),
        order_types=tuple(about.get("order_types") or ()),
        order_sides=tuple(about.get("order_sides") or ()),
        bid_currency=_optional_text(about["bid"], "currency"),
        ask_currency=_optional_text(about["ask"], "currency"),
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


# --- keys, pockets, wallets -----------------------------------------------------------------------


def api_key(row: Row) -> ApiKey:
    """A row of ``/v1/api_keys``."""
    return ApiKey(access_key=_text(row, "access_key"), expires_at=_moment(_text(row, "expire_at")))


def pocket(row: Row) -> Pocket:
    """A row of ``/v1/pockets``."""
    return Pocket(uuid=_text(row, "uuid"), name=str(row.get("name") or ""), type=_text(row, "type"))


def wallet_status(row: Row) -> WalletStatus:
    """A row of ``/v1/status/wallet``."""
    return WalletStatus(
        currency=_text(row, "currency"),
        wallet_state=_text(row, "wallet_state"),
        block_state=_optional_text(row, "block_state"),
        block_height=_integer(row, "block_height"),
        block_updated_at=_optional_moment(row, "block_updated_at"),
        block_elapsed_minutes=_integer(row, "block_elapsed_minutes"),
        net_type=_optional_text(row, "net_type"),
        network_name=_optional_text(row, "network_name"),
    )


def deposit(row: Row) -> Deposit:
    """A row of ``/v1/deposits``."""
    return Deposit(**_movement(row))


def withdrawal(row: Row) -> Withdrawal:
    """A row of ``/v1/withdraws``."""
    return Withdrawal(**_movement(row), is_cancelable=_flag(row, "is_cancelable"))


def _movement(row: Row) -> dict[str, Any]:
    return {
        "uuid": _text(row, "uuid"),
        "currency": _text(row, "currency"),
        "amount": _exact(row["amount"]),
        "fee": _exact(row["fee"]),
        "state": _text(row, "state"),
        "type": _text(row, "type"),
        "created_at": _moment(_text(row, "created_at")),
        "done_at": _optional_moment(row, "done_at"),
        "txid": _optional_text(row, "txid"),
        "net_type": _optional_text(row, "net_type"),
        "transaction_type": _optional_text(row, "transaction_type"),
    }


# --- values ---------------------------------------------------------------------------------------


def _text(row: Row, name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{name} must be text, not {value!r:.40}")
    return value


def _optional_text(row: Row, name: str) -> str | None:
    # "" is how some of Upbit's rows say that there is none.
    return None if row.get(name) in (None, "") else _text(row, name)


def _flag(row: Row, name: str) -> bool | None:
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, not {value!r:.40}")
    return value


def _integer(row: Row, name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r:.40}")
    validate_numbers(value)
    return value


def _decimal(row: Row, name: str) -> Decimal | None:
    value = row.get(name)
    return None if value is None else _exact(value)


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError(f"{value} is not a number")
    number = Decimal(value)
    validate_numbers(number)
    return number


def _moment(text: str) -> datetime:
    """A time as Upbit writes it; UTC where it names no offset."""
    # Documented samples end in "+09:0".
    moment = datetime.fromisoformat(text + "0" if _SHORT_OFFSET.search(text) else text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _optional_moment(row: Row, name: str) -> datetime | None:
    text = _optional_text(row, name)
    return None if text is None else _moment(text)


def _milliseconds(text: str) -> int:
    moment = _moment(text)
    # Integer arithmetic: a float of microseconds is not exact.
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
