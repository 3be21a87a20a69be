"""SIMPLE ↔ DEFAULT for whole payloads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given

from qt_upbit import SimpleFormatConverter
from qt_upbit.models import encode
from qt_upbit.types import BaseWebSocketEvent, WireFormat
from tests.support.frames import all_events, event_frames, lines

converter = SimpleFormatConverter()
_exact = msgspec.json.Decoder(float_hook=Decimal)


@given(all_events)
def test_conversion_agrees_with_the_wire_both_ways(event: BaseWebSocketEvent) -> None:
    default: Any = _exact.decode(encode(event, WireFormat.DEFAULT))
    simple: Any = _exact.decode(encode(event, WireFormat.SIMPLE))
    assert converter.to_simple(default) == simple
    assert converter.to_default(simple) == default


@pytest.mark.parametrize(("name", "raw"), list(event_frames()), ids=lambda v: v if isinstance(v, str) else "")
def test_real_payloads_come_back_unchanged(name: str, raw: bytes) -> None:
    """Including the two whose sources had cut them: conversion is by key."""
    payload: Any = _exact.decode(raw)
    there, back = (
        (converter.to_default, converter.to_simple)
        if b'"ty"' in raw
        else (converter.to_simple, converter.to_default)
    )
    assert back(there(payload)) == payload
    assert list(back(there(payload))) == list(payload)


def test_undocumented_keys_stay() -> None:
    simple = converter.to_simple({"type": "ticker", "code": "KRW-BTC", "brand_new": {"type": 1}})
    assert simple == {"ty": "ticker", "cd": "KRW-BTC", "brand_new": {"type": 1}}


def test_a_short_key_means_what_its_place_says() -> None:
    """Section 10: s, l, p, v, ap and id differ between types."""
    order = converter.to_default(
        {"ty": "myOrder", "s": "wait", "l": 1, "p": 2, "v": 3, "ap": 4, "id": "mine", "uid": "theirs"}
    )
    assert order == {
        "type": "myOrder", "state": "wait", "locked": 1, "price": 2, "volume": 3, "avg_price": 4,
        "identifier": "mine", "uuid": "theirs",
    }  # fmt: skip
    book = converter.to_default({"ty": "orderbook", "obu": [{"ap": 1, "bp": 2, "as": 3, "bs": 4}]})
    assert book["orderbook_units"] == [{"ask_price": 1, "bid_price": 2, "ask_size": 3, "bid_size": 4}]
    signal = converter.to_default({"ty": "indicator_signal", "p": {"p": 5, "t": "SMA"}, "v": {"value": 1}})
    assert signal["params"] == {"period": 5, "type": "SMA"}
    assert signal["value"] == {"value": 1}


def test_the_trade_date_differs_from_the_tickers() -> None:
    assert converter.to_simple({"type": "trade", "trade_date": "x"}) == {"ty": "trade", "td": "x"}
    assert converter.to_simple({"type": "ticker", "trade_date": "x"}) == {"ty": "ticker", "tdt": "x"}


@pytest.mark.parametrize("raw", lines("list_subscriptions.default.jsonl"))
def test_list_subscriptions_replies_are_understood(raw: bytes) -> None:
    reply: Any = _exact.decode(raw)
    simple = converter.to_simple(reply)
    assert set(simple) == {"mthd", "rslt", "tckt"}
    assert simple["rslt"][0]["ty"] == reply["result"][0]["type"]
    assert converter.to_default(simple) == reply


@pytest.mark.parametrize("payload", [{}, {"type": "nope", "code": 1}, {"status": "UP"}, [], "text", None, 5])
def test_anything_else_is_left_alone(payload: Any) -> None:
    assert converter.to_simple(payload) == payload
    assert converter.to_default(payload) == payload
