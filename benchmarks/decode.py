"""Exactness and speed of decoding, beside json.loads and pydantic's own JSON path.

    python -m benchmarks.decode            the tables of benchmarks/README.md
    python -m benchmarks.decode --quick    the same in a second, for a look

Rounds are interleaved and medians printed, so that a machine whose speed drifts still gives honest
ratios. Compare within one run only.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pydantic

from qt_upbit import models
from qt_upbit.types import OrderbookEvent, WireFormat

TICKER = (
    b'{"type":"ticker","code":"KRW-BTC","opening_price":158219000.00000000,"high_price":159278000.00000000,'
    b'"low_price":157588000.00000000,"trade_price":158201000.00000000,"prev_closing_price":158200000.00000000,'
    b'"acc_trade_price":95078733694.3792000000000000,"change":"RISE","change_price":1000.00000000,'
    b'"signed_change_price":1000.00000000,"change_rate":0.0000063211,"signed_change_rate":0.0000063211,'
    b'"ask_bid":"BID","trade_volume":0.00006321,"acc_trade_volume":600.02894052,"trade_date":"20250926",'
    b'"trade_time":"082645","trade_timestamp":1758875205145,"acc_ask_volume":341.67985038,'
    b'"acc_bid_volume":258.34909014,"highest_52_week_price":169900000.00000000,'
    b'"highest_52_week_date":"2025-08-14","lowest_52_week_price":80635000.00000000,'
    b'"lowest_52_week_date":"2024-10-10","market_state":"ACTIVE","is_trading_suspended":false,'
    b'"delisting_date":null,"market_warning":"NONE","timestamp":1758875205276,'
    b'"acc_trade_price_24h":331188513477.17233,"acc_trade_volume_24h":2094.14512021,"stream_type":"SNAPSHOT"}'
)
TRADE = (
    b'{"type":"trade","code":"KRW-BTC","timestamp":1788335180423,"trade_date":"2026-09-02",'
    b'"trade_time":"07:46:20","trade_timestamp":1788335180377,"trade_price":106691000.00000000,'
    b'"trade_volume":0.00009372,"ask_bid":"ASK","prev_closing_price":107005000.00000000,"change":"FALL",'
    b'"change_price":314000.00000000,"sequential_id":17883351803770004,"best_ask_price":106705000,'
    b'"best_ask_size":0.00906333,"best_bid_price":106691000,"best_bid_size":0.00702247,"stream_type":"REALTIME"}'
)

SPELLINGS = (
    "1234567890123.12345678",
    "158219000.00000000",
    "0E-8",
    "1.16539E8",
    "7.9276E-4",
    "95078733694.3792000000000000",
    "1386929.37231066771348207123",
    "17883351803770004",
)


def book(rows: int) -> bytes:
    """An order-book frame with the given number of rows, spelled as Upbit spells them."""
    units = ",".join(
        f'{{"ask_price":1.16{539 + i}E8,"bid_price":1.16{538 - i}E8,'
        f'"ask_size":0.{i + 1:02}054761,"bid_size":0.{i + 1:02}120946}}'
        for i in range(rows)
    )
    return (
        '{"type":"orderbook","code":"KRW-BTC","timestamp":1790134742106,"total_ask_size":2.51469375,'
        f'"total_bid_size":1.63815297,"orderbook_units":[{units}],"stream_type":"REALTIME","level":0}}'
    ).encode()


def _pydantic_model(raw: bytes) -> type[pydantic.BaseModel]:
    """The model a pydantic user would write for a frame: a Decimal per number with a fraction."""

    def field(value: Any) -> Any:
        if isinstance(value, list):
            return list[_model("Unit", value[0], field)]  # type: ignore[misc]  # a type made at run time
        if isinstance(value, bool) or value is None:
            return Any
        return Decimal if isinstance(value, float) else type(value)

    return _model("Event", json.loads(raw), field)


def _model(name: str, sample: dict[str, Any], field: Callable[[Any], Any]) -> type[pydantic.BaseModel]:
    fields: dict[str, Any] = {key: (field(value), ...) for key, value in sample.items()}
    return pydantic.create_model(name, __config__=pydantic.ConfigDict(frozen=True), **fields)


def _read_all(raw: bytes) -> object:
    event = models.decode(raw)
    return event.orderbook_units if isinstance(event, OrderbookEvent) else event


def _read_floats(raw: bytes) -> object:
    event = models.decode(raw)
    return event.float_levels if isinstance(event, OrderbookEvent) else event


def ways(raw: bytes) -> dict[str, Callable[[], object]]:
    """What is timed for one frame, by name; json.loads is the measure."""
    model = _pydantic_model(raw)
    untyped = msgspec.json.Decoder(float_hook=Decimal)
    simple = models.encode(models.decode(raw), WireFormat.SIMPLE)
    return {
        "json.loads (floats)": lambda: json.loads(raw),
        "json.loads (Decimal)": lambda: json.loads(raw, parse_float=Decimal),
        "pydantic validate_json": lambda: model.model_validate_json(raw),
        "msgspec → pydantic": lambda: model.model_validate(untyped.decode(raw)),
        "qt_upbit, as delivered": lambda: models.decode(raw),
        "qt_upbit, SIMPLE": lambda: models.decode(simple),
        "qt_upbit, every decimal read": lambda: _read_all(raw),
        "qt_upbit, rows as floats": lambda: _read_floats(raw),
    }


def measure(calls: dict[str, Callable[[], object]], rounds: int, loops: int) -> dict[str, float]:
    """Median microseconds per call, rounds interleaved, collector off."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in calls.items():
                start = time.perf_counter()
                for _ in range(loops):
                    call()
                times[name].append((time.perf_counter() - start) / loops * 1e6)
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in times.items()}


def exactness() -> list[tuple[str, dict[str, bool]]]:
    """For each spelling, which way keeps value and digits."""
    key = b'"total_ask_size":'
    frame = book(1)
    start = frame.index(key) + len(key)
    end = frame.index(b",", start)
    model = _pydantic_model(frame)
    table = []
    for text in SPELLINGS:
        raw = frame[:start] + text.encode() + frame[end:]
        wanted = Decimal(text).as_tuple()

        def same(value: Any, wanted: Any = wanted) -> bool:
            return isinstance(value, int | Decimal) and Decimal(value).as_tuple() == wanted

        event = models.decode(raw)
        assert isinstance(event, OrderbookEvent)
        validated: Any = model.model_validate_json(raw)
        table.append(
            (
                text,
                {
                    "json.loads": same(json.loads(raw)["total_ask_size"]),
                    "pydantic": same(validated.total_ask_size),
                    "qt_upbit": same(event.total_ask_size),
                },
            )
        )
    return table


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, not a measurement")
    quick = parser.parse_args().quick
    rounds, loops = (3, 20) if quick else (25, 400)

    print("| on the wire | json.loads | pydantic validate_json | qt_upbit |\n|---|---|---|---|")
    for text, row in exactness():
        marks = " | ".join(
            "exact" if row[way] else "**changed**" for way in ("json.loads", "pydantic", "qt_upbit")
        )
        print(f"| `{text}` | {marks} |")

    frames = {"ticker": TICKER, "trade": TRADE, "book 15": book(15), "book 30": book(30)}
    results = {name: measure(ways(raw), rounds, loops) for name, raw in frames.items()}
    print(f"\n| µs per frame (× json.loads) | {' | '.join(frames)} |\n|---|{'---|' * len(frames)}")
    for way in ways(TICKER):
        cells = []
        for name in frames:
            result = results[name]
            cells.append(f"{result[way]:.1f} (×{result[way] / result['json.loads (floats)']:.2f})")
        print(f"| {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
