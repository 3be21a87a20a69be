"""Numbers of REST answers are spelled as in captured bodies, and their values never change."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.server.rest_spelling import encode_rows
from tests.support.frames import lines

AMOUNTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=8)
KEYS = st.sampled_from(["trade_price", "change_rate", "acc_trade_price", "ask_price", "level", "anything"])


@given(st.lists(st.dictionaries(KEYS, AMOUNTS | st.integers() | st.text() | st.none() | st.booleans())))
def test_spelling_never_changes_a_value(rows: list[dict[str, object]]) -> None:
    assert msgspec.json.Decoder(float_hook=Decimal).decode(encode_rows(rows)) == rows


class _Captured(msgspec.Struct):
    row: dict[str, msgspec.Raw]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_candles_are_spelled_as_they_were_captured(number: int) -> None:
    """The rows of rest.candles that their sources had kept as they came."""
    line = lines("2026-11/rest.candles.jsonl")[number]
    captured = msgspec.json.decode(line, type=_Captured).row
    exact = {key: msgspec.json.Decoder(float_hook=Decimal).decode(text) for key, text in captured.items()}
    assert (
        encode_rows(exact)
        == b"{" + b",".join(b'"%s":%s' % (key.encode(), bytes(text)) for key, text in captured.items()) + b"}"
    )


def test_zero_is_spelled_as_upbit_does() -> None:
    zero = Decimal(0)
    row = encode_rows({"trade_price": zero, "change_rate": zero, "level": zero, "balance": "0"})
    assert row == b'{"trade_price":0E-8,"change_rate":0E-10,"level":0,"balance":"0"}'
