"""Frames of the simulator against frames of the exchange."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qt_upbit.models import decode, decode_all
from qt_upbit.simulator.market.frame_writer import encode_frame, encode_object, key_order
from qt_upbit.types import EVENT_TYPES, WireFormat

DATA = Path(__file__).parents[2] / "data"
NAMES = ("ticker", "trade", "orderbook", "candle", "myOrder", "myAsset", "announcement", "indicator_signal")
FRAMES = [
    pytest.param(line.encode(), id=f"{name}:{number}")
    for name in NAMES
    for number, line in enumerate(
        (DATA / f"{name}.default.jsonl").read_text(encoding="utf-8").splitlines(), 1
    )
]


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize("raw", FRAMES)
def test_recorded_events_survive_every_format(raw: bytes, format: WireFormat) -> None:
    event = decode(raw)
    data = encode_frame(event, format)
    assert data.startswith(b"[{" if format.is_list else b"{")
    assert decode_all(data) == [event]


@pytest.mark.parametrize("raw", FRAMES)
def test_keys_stand_in_the_order_of_the_wire(raw: bytes) -> None:
    recorded = list(json.loads(raw))
    written = list(json.loads(encode_object(decode(raw), simple=False)))
    assert [key for key in written if key in recorded] == recorded


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_type_begins_with_type_and_code(name: str) -> None:
    """What routing peeks at."""
    cls = EVENT_TYPES[name].event_class
    order = key_order(cls)
    assert sorted(order) == sorted(cls.__struct_fields__)
    assert order[0] == "type"
    if "code" in order:
        assert order[1] == "code"
