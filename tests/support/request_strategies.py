"""Wishes of every kind, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from qt_upbit.protocol.subscription_state_manager import Wish
from tests.support.model_server import MACD, RSI, wishes

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
_KINDS = ("ticker", "trade", "book", "candle", "order", "orders", "asset", "notice", "indicator")


@st.composite
def some_wishes(draw: st.DrawFn) -> list[Wish]:
    """What one owner may want, of every kind."""
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True))
    snapshot, realtime = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    flags: dict[str, Any] = {"snapshot": snapshot, "realtime": realtime}
    kind = draw(st.sampled_from(_KINDS))
    match kind:
        case "ticker" | "trade":
            made = wishes(kind, *codes, **flags)
        case "book":
            depth, level = draw(st.sampled_from([1, 5, 15, 30])), draw(st.sampled_from([0, 0, 10_000]))
            made = wishes("orderbook", *codes, depth=depth, level=level, **flags)
        case "candle":
            made = wishes("candle", *codes, unit=draw(st.sampled_from(["1s", "1m"])), **flags)
        case "order":
            made = wishes("my_order", *codes)
        case "orders":
            made = wishes("my_order")
        case "asset":
            made = wishes("my_asset")
        case "notice":
            categories = draw(
                st.none() | st.lists(st.sampled_from(["trade", "event"]), min_size=1, max_size=2)
            )
            made = wishes("announcement", categories=categories, include_body=draw(st.booleans()))
        case _:
            one = draw(st.lists(st.sampled_from([RSI, MACD]), min_size=1, max_size=2))
            timeframe = draw(st.sampled_from(["5m", "1d"]))
            made = wishes("indicator", *codes, timeframe=timeframe, indicators=one)
    return list(made)
