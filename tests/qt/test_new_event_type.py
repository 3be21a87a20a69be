"""A new event type is one declaration: requests, merging, signals, simulator and decoding follow."""

from __future__ import annotations

from tests.support.programs import run_program

PROGRAM = """
import asyncio
from decimal import Decimal
from typing import Annotated

import pytest

from qt_upbit.exceptions import InvalidSubscriptionError
from qt_upbit.types import AskBid, Delivery, OptionSpec, Scope
from qt_upbit.types.registry import CodeEvent, event_type
from qt_upbit.types.wire_struct import wire_key


def check_min_total(value, codes):
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidSubscriptionError(f"min_total must be a whole number above 0, not {value!r:.80}")
    return value


# --- the row -------------------------------------------------------------------------------------------
@event_type(
    "liquidation", wire_type="liquidation", scope=Scope.PUBLIC, delivery=Delivery.EVERY,
    options=(OptionSpec("min_total", check_min_total, merge=min),),
    accepts=lambda event, options: event.price * event.volume >= options.get("min_total", 0),
)
class LiquidationEvent(CodeEvent, frozen=True, kw_only=True, eq=False, dict=True):
    '''A forced sale, say.'''
    ask_bid: Annotated[AskBid, wire_key("ab")]
    price: Annotated[Decimal, wire_key("p")]
    volume: Annotated[Decimal, wire_key("v")]
    liquidation_timestamp: Annotated[int, wire_key("ltms")]
# --------------------------------------------------------------------------------------------------------

import qt_upbit
from qt_upbit import GlobalWebSocketManager, WebSocketClientProxy, WebSocketConfig
from qt_upbit.simulator import SimulatedServer, SimulatorSettings


def event(total):
    return LiquidationEvent(
        type="liquidation", code="KRW-BTC", timestamp=1, stream_type="REALTIME", ask_bid=AskBid.ASK,
        price=Decimal(total), volume=Decimal(1), liquidation_timestamp=2)


async def main():
    settings = SimulatorSettings(markets=5, market_running=False)
    async with SimulatedServer(settings) as server:
        GlobalWebSocketManager.configure(
            WebSocketConfig.preset("testing", base_url=server.url, wire_format="FORMAT"))
        manager = GlobalWebSocketManager.instance()
        with pytest.raises(InvalidSubscriptionError, match="min_total must be a whole number"):
            WebSocketClientProxy("bad").subscribe("liquidation", ["KRW-BTC"], min_total=-1)
        with pytest.raises(InvalidSubscriptionError, match="takes no nonsense: it takes min_total"):
            WebSocketClientProxy("bad").subscribe("liquidation", ["KRW-BTC"], nonsense=1)
        large, small = WebSocketClientProxy("large"), WebSocketClientProxy("small")
        seen = {"large": [], "small": []}
        large.liquidation_received.connect(seen["large"].append)
        small.liquidation_received.connect(seen["small"].append)
        # No first snapshot, on a scope whose other types have one: the server's own list proves it.
        tickers = large.subscribe_ticker(["KRW-BTC"])
        await large.subscribe("liquidation", ["KRW-BTC"], min_total=5000)
        await small.subscribe("liquidation", ["KRW-BTC"], min_total=50)
        await tickers
        listed = await manager.list_subscriptions(Scope.PUBLIC)
        assert any(key.type == "liquidation" for key in listed), listed
        server.exchange.publish(event(100))
        server.exchange.publish(event(10_000))
        while len(seen["small"]) < 2 or not seen["large"]:
            await asyncio.sleep(0.01)
        assert [int(each.price) for each in seen["small"]] == [100, 10_000]
        assert [int(each.price) for each in seen["large"]] == [10_000]
        large.close()
        small.close()
    print("done")


qt_upbit.run(main())
"""


def test_a_new_event_type_is_one_declaration() -> None:
    for wire_format in ("DEFAULT", "SIMPLE"):
        ran = run_program(PROGRAM.replace("FORMAT", wire_format))
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.strip() == "done", ran.stderr
