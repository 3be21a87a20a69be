"""Mistakes are refused at the call, and say what would be right: Upbit would ignore them silently."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.protocol.subscription_request import requests_for, resolve_spec, resolve_unit
from qt_upbit.protocol.subscription_state_manager import StreamRequest, SubscriptionStateManager
from qt_upbit.types import (
    ALL_CODES,
    EVENT_TYPES,
    AnnouncementCategory,
    CandlePeriod,
    CandleUnit,
    IndicatorDefinition,
    IndicatorParams,
    IndicatorTimeframe,
    StreamKey,
)
from tests.support.model_server import RSI

BTC = ["KRW-BTC"]
SIGNAL = RSI | {"trigger": "overbought", "event_params": {"threshold": 70}}


def requested(name: str, codes: Any, **options: Any) -> tuple[StreamRequest, ...]:
    return requests_for(resolve_spec(name), codes, **options)


MISTAKES: list[tuple[str, Any, dict[str, Any], str]] = [
    # codes
    ("ticker", ["krw-btc"], {}, r"upper case, 'KRW-BTC'"),
    ("ticker", ["KRW-BTC", "krw-eth"], {}, r"'krw-eth'.*'KRW-ETH'"),
    ("ticker", "KRW-BTC", {}, r"must be a list: \['KRW-BTC'\]"),
    ("ticker", [], {}, r"empty.*\[\"KRW-BTC\"\]"),
    ("ticker", (), {}, r"empty"),
    ("ticker", None, {}, r"list such as|empty"),
    ("ticker", 5, {}, r"list such as \[\"KRW-BTC\"\]"),
    ("ticker", {"KRW-BTC": 1}, {}, r"list such as"),
    ("ticker", b"KRW-BTC", {}, r"list such as"),
    ("ticker", [b"KRW-BTC"], {}, r"text such as 'KRW-BTC', not bytes"),
    ("ticker", [None], {}, r"text.*NoneType"),
    ("ticker", [["KRW-BTC"]], {}, r"text.*list"),
    ("ticker", ["BTC"], {}, r"QUOTE-BASE, such as 'KRW-BTC'"),
    ("ticker", ["BTC/KRW"], {}, r"with a hyphen"),
    ("ticker", ["btc-krw"], {}, r"quote currency comes first, 'KRW-BTC'"),
    ("ticker", ["KRW_BTC"], {}, r"with a hyphen"),
    ("ticker", ["BTC-KRW"], {}, r"quote currency comes first, 'KRW-BTC'"),
    ("ticker", ["KRW-BTC "], {}, r"QUOTE-BASE"),
    ("ticker", ["KRW-BTC\n"], {}, r"QUOTE-BASE"),
    ("ticker", [""], {}, r"QUOTE-BASE"),
    ("ticker", ["KRW-비트코인"], {}, r"QUOTE-BASE"),
    ("orderbook", ["KRW-BTC.5"], {}, r"depth=5.*'KRW-BTC'"),
    ("my_order", [], {}, r"None for all pairs"),
    ("my_order", ["krw-btc"], {}, r"upper case"),
    ("my_asset", BTC, {}, r"takes no codes"),
    ("announcement", BTC, {}, r"takes no codes"),
    # units
    ("candle", BTC, {}, r"unit None must be one of 1s, 1m"),
    ("candle", BTC, {"unit": "2m"}, r"'2m' must be one of 1s, 1m, 3m"),
    ("candle", BTC, {"unit": "1d"}, r"must be one of"),
    ("candle", BTC, {"unit": 1}, r"must be one of"),
    ("candle", BTC, {"unit": []}, r"must be one of"),
    ("ticker", BTC, {"unit": "1m"}, r"no unit: only candles"),
    # depth and level
    ("orderbook", BTC, {"depth": 20}, r"20 must be one of 1, 5, 15, 30"),
    ("orderbook", BTC, {"depth": 0}, r"must be one of 1, 5, 15, 30"),
    ("orderbook", BTC, {"depth": True}, r"must be one of"),
    ("orderbook", BTC, {"depth": 5.0}, r"must be one of"),
    ("orderbook", BTC, {"depth": "5"}, r"must be one of"),
    ("trade", BTC, {"depth": 5}, r"no depth: only order books"),
    ("orderbook", ["BTC-ETH"], {"level": 10}, r"BTC-ETH never delivers with it: use level=0"),
    ("orderbook", ["KRW-BTC", "USDT-BTC"], {"level": 10}, r"USDT-BTC"),
    ("orderbook", BTC, {"level": -1}, r"0 or more"),
    ("orderbook", BTC, {"level": 0.1}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": "10000"}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": True}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": None}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": Decimal("NaN")}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": Decimal("sNaN")}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": Decimal("Infinity")}, r"whole number or Decimal"),
    ("orderbook", BTC, {"level": Decimal("1E+999999999")}, r"whole number or Decimal"),
    # flags and options
    ("ticker", BTC, {"snapshot": False, "realtime": False}, r"set one of them"),
    ("ticker", BTC, {"snapshot": "no"}, r"snapshot must be True or False"),
    ("ticker", BTC, {"realtime": 1}, r"realtime must be True or False"),
    ("my_order", None, {"realtime": False}, r"no snapshot: leave realtime=True"),
    ("ticker", BTC, {"level": 0}, r"takes no level: it takes no options"),
    ("orderbook", BTC, {"levels": 0}, r"takes no levels: it takes level"),
    ("announcement", None, {"categories": "trade"}, r'list such as \["trade"\]'),
    ("announcement", None, {"categories": []}, r"or None for all"),
    ("announcement", None, {"categories": 5}, r"list such as"),
    ("announcement", None, {"categories": ["gossip"]}, r"'gossip' must be one of notice, trade"),
    ("announcement", None, {"categories": [5]}, r"5 must be one of"),
    ("announcement", None, {"include_body": 1}, r"True or False"),
    # indicators
    ("indicator", BTC, {}, r"needs indicators and timeframe"),
    ("indicator", BTC, {"timeframe": "5m"}, r"needs indicators"),
    ("indicator", BTC, {"indicators": [RSI]}, r"needs timeframe"),
    ("indicator", BTC, {"timeframe": "1m", "indicators": [RSI]}, r"'1m' must be one of 5m"),
    ("indicator", BTC, {"timeframe": 5, "indicators": [RSI]}, r"must be one of"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": RSI}, r"must be a list"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": "rsi"}, r"must be a list"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": 5}, r"must be a list"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": []}, r"must be a list"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": ["rsi"]}, r"'rsi'"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [{"type": "rsi"}]}, r"params"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [RSI | {"params": {"perod": 14}}]}, r"perod"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [RSI | {"triger": "x"}]}, r"triger"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [RSI | {"params": {"period": "x"}}]}, r"int"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [RSI | {"type": "vwap"}]}, r"must be one of volume"),
    ("indicator", BTC, {"timeframe": "5m", "indicators": [SIGNAL]}, r"indicator_signal, or leave it out"),
    ("indicator_signal", BTC, {"timeframe": "5m", "indicators": [RSI]}, r"needs a trigger for rsi"),
    ("indicator", ["BTC-ETH"], {"timeframe": "5m", "indicators": [RSI]}, r"not available for BTC.*BTC-ETH"),
    ("indicator", [f"KRW-C{i}" for i in range(101)], {"timeframe": "5m", "indicators": [RSI]}, r"100 comb"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codes", "options", "says"), MISTAKES)
def test_mistakes_say_what_would_be_right(name: str, codes: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidSubscriptionError, match=says):
        requested(name, codes, **options)


@pytest.mark.parametrize("name", ["Ticker", "orderBook", "", None, 5, []])
def test_unknown_event_types_name_the_known_ones(name: Any) -> None:
    with pytest.raises(InvalidSubscriptionError, match=r"choose from ticker, trade, orderbook"):
        resolve_spec(name)


def test_every_length_of_candles_by_its_name() -> None:
    """A minute and a month differ by a capital letter."""
    units = [*CandleUnit, *CandlePeriod]
    assert [resolve_unit(unit.value) for unit in units] == units
    assert all(resolve_unit(unit) is unit for unit in units)
    assert (resolve_unit("1m"), resolve_unit("1M")) == (CandleUnit.M1, CandlePeriod.MONTH)


@pytest.mark.parametrize("wrong", ["2d", "1D", "1W", "", None, 1, ["1d"]])
def test_a_length_that_there_is_not(wrong: Any) -> None:
    with pytest.raises(InvalidSubscriptionError, match=r"1s, 1m, .*, 1d, 1w, 1M, 1y"):
        resolve_unit(wrong)


def test_every_event_type_can_be_requested_for() -> None:
    needed: dict[str, dict[str, Any]] = {
        "candle": {"unit": "1m"},
        "indicator": {"timeframe": "5m", "indicators": [RSI]},
        "indicator_signal": {"timeframe": "5m", "indicators": [SIGNAL]},
    }
    for name, spec in EVENT_TYPES.items():
        codes = None if spec.codes.name == "FORBIDDEN" else BTC
        (stream_request,) = requested(name, codes, **needed.get(name, {}))
        assert stream_request.spec is spec
        assert stream_request.key.code == (ALL_CODES if codes is None else "KRW-BTC")


VALID: list[tuple[str, Any, dict[str, Any], list[StreamRequest]]] = [
    (
        "ticker",
        ["KRW-BTC", "BTC-ETH", "KRW-BTC"],
        {},
        [StreamRequest(StreamKey("ticker", "KRW-BTC")), StreamRequest(StreamKey("ticker", "BTC-ETH"))],
    ),
    ("ticker", (c for c in BTC), {}, [StreamRequest(StreamKey("ticker", "KRW-BTC"))]),
    ("ticker", ["KRW-1INCH"], {}, [StreamRequest(StreamKey("ticker", "KRW-1INCH"))]),
    ("trade", BTC, {"snapshot": False}, [StreamRequest(StreamKey("trade", "KRW-BTC"), snapshot=False)]),
    ("trade", BTC, {"realtime": False}, [StreamRequest(StreamKey("trade", "KRW-BTC"), realtime=False)]),
    ("orderbook", BTC, {}, [StreamRequest(StreamKey("orderbook", "KRW-BTC", (0,)), 30)]),
    ("orderbook", BTC, {"depth": None}, [StreamRequest(StreamKey("orderbook", "KRW-BTC", (0,)), 30)]),
    (
        "orderbook",
        ["BTC-ETH"],
        {"depth": 1, "level": 0},
        [StreamRequest(StreamKey("orderbook", "BTC-ETH", (0,)), 1)],
    ),
    (
        "orderbook",
        BTC,
        {"level": Decimal("1E+4")},
        [StreamRequest(StreamKey("orderbook", "KRW-BTC", (10_000,)), 30)],
    ),
    (
        "orderbook",
        BTC,
        {"level": Decimal("0.10")},
        [StreamRequest(StreamKey("orderbook", "KRW-BTC", (Decimal("0.1"),)), 30)],
    ),
    ("candle", BTC, {"unit": CandleUnit.S1}, [StreamRequest(StreamKey("candle.1s", "KRW-BTC"))]),
    ("candle", BTC, {"unit": "240m"}, [StreamRequest(StreamKey("candle.240m", "KRW-BTC"))]),
    ("my_order", None, {}, [StreamRequest(StreamKey("myOrder", ""))]),
    ("my_order", BTC, {}, [StreamRequest(StreamKey("myOrder", "KRW-BTC"))]),
    ("my_asset", None, {}, [StreamRequest(StreamKey("myAsset", ""))]),
    ("my_asset", [], {}, [StreamRequest(StreamKey("myAsset", ""))]),
    ("announcement", None, {}, [StreamRequest(StreamKey("announcement", ""))]),
    (
        "announcement",
        None,
        {"categories": [AnnouncementCategory.TRADE, "event", "trade"], "include_body": True},
        [
            StreamRequest(
                StreamKey("announcement", ""),
                options=(("categories", ("trade", "event")), ("include_body", True)),
            )
        ],
    ),
    (
        "indicator",
        BTC,
        {"timeframe": IndicatorTimeframe.D1, "indicators": [RSI, RSI]},
        [
            StreamRequest(
                StreamKey("indicator", "KRW-BTC", ("1d",)),
                options=(
                    ("indicators", (IndicatorDefinition(type="rsi", params=IndicatorParams(period=14)),)),
                ),
            )
        ],
    ),
]


@pytest.mark.parametrize(("name", "codes", "options", "expected"), VALID)
def test_valid_calls_give_the_right_requests(
    name: str, codes: Any, options: dict[str, Any], expected: list[StreamRequest]
) -> None:
    assert list(requested(name, codes, **options)) == expected


def test_false_is_the_same_as_left_out() -> None:
    assert requested("announcement", None, include_body=False) == requested("announcement", None)


_OPTIONS = (
    "unit", "depth", "level", "snapshot", "realtime", "categories", "include_body", "timeframe", "indicators",
)  # fmt: skip
_anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=3),
    st.decimals(), st.sampled_from(["KRW-BTC", "1m", "5m", 30, 10_000]),
    st.lists(st.sampled_from(["KRW-BTC", "trade", 5, None, "krw-btc"]) | st.text(max_size=8), max_size=3),
    st.dictionaries(st.sampled_from(["type", "params"]), st.none() | st.text(max_size=3), max_size=2),
)  # fmt: skip


@given(
    name=st.sampled_from(list(EVENT_TYPES)),
    codes=st.just(BTC) | st.none() | _anything,
    options=st.dictionaries(st.sampled_from(_OPTIONS), _anything, max_size=3),
)
def test_anything_else_is_refused_with_our_own_error(name: str, codes: Any, options: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidSubscriptionError):
        wanted = requested(name, codes, **options)
        assert wanted
        assert SubscriptionStateManager().add("owner", wanted) == {EVENT_TYPES[name].scope}
