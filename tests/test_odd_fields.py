"""One odd field never darkens a stream: every field of every event type, null, absent and of wrong types."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import decode, decode_all, encode
from qt_upbit.types import (
    EVENT_TYPES,
    Asset,
    BaseWebSocketEvent,
    Delivery,
    EventSpec,
    MyAssetEvent,
    Scope,
    WireFormat,
)
from qt_upbit.types.wire_struct import simple_key_of, wire_hints, wire_key
from tests.support.frames import INCOMPLETE, event_frames, lines

_ABSENT = object()
_READ = {"units_json": "orderbook_units"}
_ODD: dict[str, Any] = {
    "null": None,
    "absent": _ABSENT,
    "an object": {"year": 2026},
    "a list": [1],
    "text": "odd",
    "empty text": "",
    "true": True,
    "a number": 7,
    "a fraction": Decimal("1.5"),
    "an endless number": "NaN",
    "too large a number": "1e999",
}
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def sample(spec: EventSpec) -> BaseWebSocketEvent:
    """The sample frame of a type that says most."""
    frames = [
        decode_all(raw)[0]
        for name, raw in event_frames()
        if name not in INCOMPLETE and name.startswith(f"{spec.wire_type}.")
    ]
    if not frames:
        # No public capture shows an indicator; its fields are among those of a signal.
        signal = decode(lines("indicator_signal.default.jsonl")[0])
        names = set(spec.event_class.__struct_fields__) - {"type"}
        return spec.event_class(type=spec.wire_type, **{name: getattr(signal, name) for name in names})
    return max(frames, key=lambda event: sum(value is not None for value in msgspec.structs.astuple(event)))


_SAMPLED = [
    spec
    for spec in EVENT_TYPES.values()
    if any(n.startswith(f"{spec.wire_type}.") for n, _ in event_frames())
]


def fields_of(spec: EventSpec, format: WireFormat) -> Iterator[tuple[str, str]]:
    """Name and key of each field."""
    cls = spec.event_class
    for name, key in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        yield name, simple_key_of(cls, name) if format.is_simple else key


def with_odd(event: BaseWebSocketEvent, format: WireFormat, key: str, odd: Any) -> bytes:
    payload = _decoder.decode(encode(event, format))
    (inner,) = payload if format.is_list else (payload,)
    inner.pop(key, None)
    if odd is not _ABSENT:
        inner[key] = odd
    return _encoder.encode(payload)


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize("spec", EVENT_TYPES.values(), ids=lambda spec: spec.name)
def test_what_is_not_vital_is_none_and_the_rest_arrives(spec: EventSpec, format: WireFormat) -> None:
    right = sample(spec)
    for name, key in fields_of(spec, format):
        if name in spec.vital:
            continue
        default = next(f for f in msgspec.structs.fields(spec.event_class) if f.name == name).default
        for what, odd in _ODD.items():
            (event,) = decode_all(with_odd(right, format, key, odd))
            value = getattr(event, name)
            context = (name, what, value)
            others = [_READ.get(each, each) for each in spec.event_class.__struct_fields__ if each != name]
            assert [getattr(event, each) for each in others] == [getattr(right, each) for each in others]
            assert event.spec is spec
            if value is None or name not in spec.stream_fields:
                assert event.stream_key == right.stream_key, context
            if odd is _ABSENT and default is not msgspec.NODEFAULT:
                assert (value, event.odd_fields) == (default, ()), context
            elif odd is None and default is None:
                assert (value, event.odd_fields) == (None, ()), context
            elif value is None and name != "delisting_date":
                assert [(each.type, each.field) for each in event.odd_fields] == [(event.type, name)], context
            # It can be encoded, compared and shown like any other.
            assert decode_all(encode(event, format)) == [event]
            assert name in repr(event) or spec.name == "orderbook"


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize("spec", EVENT_TYPES.values(), ids=lambda spec: spec.name)
def test_what_is_vital_is_refused_by_name(spec: EventSpec, format: WireFormat) -> None:
    right = sample(spec)
    for name, key in fields_of(spec, format):
        # A frame without type is no event, and without code it is another stream's.
        if name not in spec.vital or name in ("type", "units_json"):
            continue
        for odd in (None, _ABSENT, [[]]):
            with pytest.raises(DecodeError, match=rf"{key}|at the head"):
                decode_all(with_odd(right, format, key, odd))


@pytest.mark.parametrize("spec", EVENT_TYPES.values(), ids=lambda spec: spec.name)
def test_types_say_what_may_be_none(spec: EventSpec) -> None:
    hints = typing.get_type_hints(spec.event_class)
    for name in spec.event_class.__struct_fields__:
        may_be_none = type(None) in typing.get_args(hints[name])
        assert may_be_none is (name not in spec.vital), name


def test_vital_fields_of_a_ticker() -> None:
    assert EVENT_TYPES["ticker"].vital == ("type", "code", "timestamp", "trade_price")


def test_the_fast_decoders_read_what_is_documented_and_nothing_else() -> None:
    for spec in EVENT_TYPES.values():
        for simple in (False, True):
            for name, hint in wire_hints(spec.event_class, simple).items():
                field = next(f for f in msgspec.structs.fields(spec.event_class) if f.name == name)
                is_nullable = type(None) in typing.get_args(hint)
                assert is_nullable is (field.default is None), (spec.name, name)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (None, None),
        (_ABSENT, None),
        ("", None),
        ("2026-12-21", "2026-12-21"),
        ("2026-12-21T00:00:00", "2026-12-21T00:00:00"),
        ({"year": 2026, "month": 12, "day": 21}, "2026-12-21"),
    ],
)
@pytest.mark.parametrize("format", WireFormat)
def test_a_delisting_date_in_every_form(format: WireFormat, sent: Any, read: str | None) -> None:
    key = "dd" if format.is_simple else "delisting_date"
    (event,) = decode_all(with_odd(sample(EVENT_TYPES["ticker"]), format, key, sent))
    assert event.delisting_date == read  # type: ignore[attr-defined]  # a ticker
    assert event.odd_fields == ()


@pytest.mark.parametrize("format", WireFormat)
@pytest.mark.parametrize("name", ["balance", "locked"])
@pytest.mark.parametrize("what", [what for what in _ODD if what not in ("a number", "a fraction")])
def test_an_odd_amount_of_one_currency_leaves_the_others(format: WireFormat, name: str, what: str) -> None:
    right = decode(lines("myAsset.default.jsonl")[1])
    assert isinstance(right, MyAssetEvent)
    payload = _decoder.decode(encode(right, format))
    (frame,) = payload if format.is_list else (payload,)
    rows = frame["ast" if format.is_simple else "assets"]
    rows += [dict(rows[0]), dict(rows[0])]
    for row in rows[1:]:
        key = simple_key_of(Asset, name) if format.is_simple else name
        row.pop(key)
        if _ODD[what] is not _ABSENT:
            row[key] = _ODD[what]
    (event,) = decode_all(_encoder.encode(payload))
    assert isinstance(event, MyAssetEvent)
    assert event.assets[0] == right.assets[0]
    assert {asset.currency for asset in event.assets} == {right.assets[0].currency}
    assert {getattr(asset, name) for asset in event.assets[1:]} == {None}
    assert [each.field for each in event.odd_fields] == [f"assets.{name}"]


def test_an_asset_without_its_currency_is_none() -> None:
    payload = _decoder.decode(lines("myAsset.default.jsonl")[0])
    del payload["assets"][0]["currency"]
    with pytest.raises(DecodeError, match="assets"):
        decode(_encoder.encode(payload))


def test_a_type_that_names_nothing_vital_needs_what_is_never_none() -> None:
    class ForcedSaleEvent(BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
        code: Annotated[str, wire_key("cd")]
        price: Annotated[Decimal, wire_key("p")]
        volume: Annotated[Decimal | None, wire_key("v")]
        note: Annotated[str, wire_key("n")] = ""

    spec = EventSpec("sale", "sale", Scope.PUBLIC, Delivery.EVERY, ForcedSaleEvent)
    assert spec.vital == ("type", "timestamp", "code", "price")


def test_an_odd_value_inside_another_costs_only_itself() -> None:
    raw = lines("indicator_signal.default.jsonl")[0]
    right: Any = decode(raw)
    payload = _decoder.decode(raw)
    name, value = next(iter(payload["value"].items()))
    payload["value"][name] = [value]
    event: Any = decode(_encoder.encode(payload))
    assert [each.field for each in event.odd_fields] == [f"value.{name}"]
    assert event.params == right.params
