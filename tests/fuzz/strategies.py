"""Near-valid frames: real ones with one thing, or a few, wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import sample_lines

NUMBERS = (
    "0", "-0", "-1", "1e400", "1e-400", "1e999999", "-1e999999", "1e999999999", "1e-999999999",
    "1e99999999999999999999", "9" * 18, "9" * 19, "9" * 40, "9" * 10_000, "0." + "9" * 10_000,
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "253402300799999", "253402300800000", "1000000000000001", "1.0", "1.5", "0e999999999", "NaN",
    "Infinity", "-Infinity", "01", "+1", ".5", "1.", "0x10", "1-2", "1--", "1e",
)  # fmt: skip
TEXTS = (
    "", "NaN", "sNaN", "-Infinity", "inf", "1_0", "１", "1e999999999", " 1 ", "\x00", "\ufeff",
    "K" * 41, "K" * 100_000, "krw-btc", "BTC-KRW", "한" * 50, "2026-13-40T99:99:99", "0000-00-00T00:00:00",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-01-01T00:00:00+25:00", "candle.", "candle.1M",
    "orderbook", "__class__",
)  # fmt: skip
RAW = (
    "null", "true", "false", "[]", "{}", "[[]]", "[{}]", '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"',
    '"\\x"',
    "[" * 2_000 + "]" * 2_000, "[" * 100_000, '{"a":' * 100_000, '"' + "\\u00e9" * 30 + '"',
)  # fmt: skip

values = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS).map(json.dumps),
    st.sampled_from(TEXTS).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(RAW),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=8).map(json.dumps),
)
"""The text of a value, not always JSON."""

Pairs = list[tuple[str, str]]


def _objects() -> list[Pairs]:
    found: list[Pairs] = []
    for line in sample_lines():
        payload = json.loads(line, parse_float=_Number, parse_int=_Number)
        for each in payload if isinstance(payload, list) else (payload,):
            if isinstance(each, dict):
                found.append([(key, _text(value)) for key, value in each.items()])
    return found


class _Number(str):
    """A number as it stood in the text."""


def _text(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


OBJECTS = _objects()


@st.composite
def near_valid(draw: st.DrawFn) -> bytes:
    """A real object with fields dropped, doubled, renamed or given another value."""
    pairs = list(draw(st.sampled_from(OBJECTS)))
    for _ in range(draw(st.integers(0, 3))):
        if not pairs:
            break
        at = draw(st.integers(0, len(pairs) - 1))
        key, value = pairs[at]
        match draw(
            st.sampled_from(["value", "value", "value", "drop", "double", "rename", "move", "inside"])
        ):
            case "value":
                pairs[at] = key, draw(values)
            case "drop":
                del pairs[at]
            case "double":
                pairs.insert(draw(st.integers(0, len(pairs))), (key, draw(values)))
            case "rename":
                pairs[at] = (
                    draw(st.sampled_from(["type", "ty", "code", "", "\x00", "K" * 1000, key.upper()])),
                    value,
                )
            case "move":
                pairs.append(pairs.pop(at))
            case "inside":
                cut = draw(st.integers(0, len(value)))
                pairs[at] = key, value[:cut] + draw(values) + value[cut + 1 :]
    text = "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}"
    data = text.encode(errors="surrogatepass")
    match draw(
        st.sampled_from(["as it is"] * 6 + ["list", "long list", "cut", "bom", "space", "binary", "utf16"])
    ):
        case "list":
            return b"[" + data + b"]"
        case "long list":
            return b"[" + b",".join([data] * 20) + b"]"
        case "cut":
            return data[: draw(st.integers(0, len(data)))]
        case "bom":
            return b"\xef\xbb\xbf" + data
        case "space":
            return b" \n" + data + b"\n\x00"
        case "binary":
            at = draw(st.integers(0, len(data)))
            return data[:at] + draw(st.binary(max_size=4)) + data[at:]
        case "utf16":
            return text.encode("utf-16", errors="surrogatepass")
    return data


@st.composite
def mutations(draw: st.DrawFn, inputs: Sequence[bytes]) -> bytes:
    """Known inputs, cut, joined and overwritten; or near-valid objects; or anything."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind < 4:
        return bytes((draw(st.integers(0, 11)),)) * draw(st.booleans()) + draw(near_valid())
    data = draw(st.sampled_from(inputs))
    for _ in range(draw(st.integers(0, 4))):
        at, end = draw(st.integers(0, len(data))), draw(st.integers(0, 16))
        data = data[:at] + draw(st.binary(max_size=8)) + data[at + end :]
    return data + (b"\n" + draw(st.sampled_from(inputs)) if draw(st.booleans()) else b"")
