"""Events made from what the exchange really sent, with the fields a test cares about replaced."""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from qt_upbit.models import from_dict
from qt_upbit.types import (
    CandleEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)

DATA = Path(__file__).parents[1] / "data"


@functools.cache
def _sample(name: str, line: int = 0) -> dict[str, Any]:
    text = (DATA / f"{name}.default.jsonl").read_text(encoding="utf-8").splitlines()[line]
    payload: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return payload


def _make(name: str, line: int, **fields: Any) -> Any:
    return from_dict(_sample(name, line) | {"stream_type": "REALTIME"} | fields)


def ticker(code: str = "KRW-BTC", price: int = 100, **fields: Any) -> TickerEvent:
    event: TickerEvent = _make("ticker", 0, code=code, trade_price=Decimal(price), **fields)
    return event


def trade(code: str = "KRW-BTC", number: int = 1, **fields: Any) -> TradeEvent:
    event: TradeEvent = _make("trade", 0, code=code, sequential_id=number, **fields)
    return event


def orderbook(code: str = "KRW-BTC", timestamp: int = 1_800_000_000_000, **fields: Any) -> OrderbookEvent:
    event: OrderbookEvent = _make("orderbook", 2, code=code, timestamp=timestamp, **fields)
    return event


def candle(code: str = "KRW-BTC", unit: str = "1m", price: int = 100, **fields: Any) -> CandleEvent:
    event: CandleEvent = _make(
        "candle", 0, type=f"candle.{unit}", code=code, trade_price=Decimal(price), **fields
    )
    return event


def my_order(code: str = "KRW-BTC", **fields: Any) -> MyOrderEvent:
    event: MyOrderEvent = _make("myOrder", 0, code=code, **fields)
    return event


def my_asset(**fields: Any) -> MyAssetEvent:
    event: MyAssetEvent = _make("myAsset", 0, **fields)
    return event
