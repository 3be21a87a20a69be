"""Stream requests of every kind, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from qt_upbit.protocol.subscription_state_manager import StreamRequest
from tests.support.model_server import MACD, RSI, stream_requests

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
_KINDS = ("ticker", "trade", "book", "candle", "order", "orders", "asset", "notice", "indicator")


@st.composite
def some_requests(draw: st.DrawFn) -> list[StreamRequest]:
    """What one owner may want, of every kind."""
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True))
    snapshot, realtime = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    flags: dict[str, Any] = {"snapshot": snapshot, "realtime": realtime}
    kind = draw(st.sampled_from(_KINDS))
    match kind:
        case "ticker" | "trade":
            made = stream_requests(kind, *codes, **flags)
        case "book":
            depth, level = draw(st.sampled_from([1, 5, 15, 30])), draw(st.sampled_from([0, 0, 10_000]))
            made = stream_requests("orderbook", *codes, depth=depth, level=level, **flags)
        case "candle":
            made = stream_requests("candle", *codes, unit=draw(st.sampled_from(["1s", "1m"])), **flags)
        case "order":
            made = stream_requests("my_order", *codes)
        case "orders":
            made = stream_requests("my_order")
        case "asset":
            made = stream_requests("my_asset")
        case "notice":
            categories = draw(
                st.none() | st.lists(st.sampled_from(["trade", "event"]), min_size=1, max_size=2)
            )
            made = stream_requests("announcement", categories=categories, include_body=draw(st.booleans()))
        case _:
            one = draw(st.lists(st.sampled_from([RSI, MACD]), min_size=1, max_size=2))
            timeframe = draw(st.sampled_from(["5m", "1d"]))
            made = stream_requests("indicator", *codes, timeframe=timeframe, indicators=one)
    return list(made)
