"""What subscribing costs does not depend on how many subscriptions there are. Counted, not timed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication

from qt_upbit import GlobalWebSocketManager, Subscription, WebSocketClientProxy, WebSocketConfig
from qt_upbit.types import Delivery
from tests.support.work import lines_run

FEW, MANY = 20, 160


@pytest_asyncio.fixture
async def manager(app: QApplication) -> AsyncIterator[GlobalWebSocketManager]:
    manager = GlobalWebSocketManager(WebSocketConfig(base_url="http://127.0.0.1:9"))
    yield manager
    await manager.aclose()


def codes(count: int) -> list[str]:
    return [f"KRW-A{number}" for number in range(count)]


def close_all(subscriptions: list[Subscription]) -> None:
    for subscription in subscriptions:
        subscription.close()


def on_one_proxy(manager: GlobalWebSocketManager, count: int) -> tuple[int, int]:
    proxy = WebSocketClientProxy("one", manager=manager)
    opening, open_ones = lines_run(lambda: [proxy.subscribe_ticker([code]) for code in codes(count)])
    closing, _ = lines_run(lambda: close_all(open_ones))
    proxy.close()
    return opening, closing


def to_one_stream(manager: GlobalWebSocketManager, count: int) -> tuple[int, int]:
    proxy = WebSocketClientProxy("one", manager=manager)
    opening, open_ones = lines_run(lambda: [proxy.subscribe_ticker(["KRW-BTC"]) for _ in range(count)])
    closing, _ = lines_run(lambda: close_all(open_ones))
    proxy.close()
    return opening, closing


def below_one_to_all(manager: GlobalWebSocketManager, count: int) -> tuple[int, int]:
    """The first holds every code, so that each of the others leads when it goes."""
    proxy = WebSocketClientProxy("one", manager=manager)
    everything = proxy.subscribe_trade(codes(count))
    opening, open_ones = lines_run(lambda: [proxy.subscribe_trade([code]) for code in codes(count)])
    closing, _ = lines_run(everything.close)
    close_all(open_ones)
    proxy.close()
    return opening, closing


def on_a_proxy_each(manager: GlobalWebSocketManager, count: int) -> tuple[int, int]:
    proxies = [WebSocketClientProxy("one of many", manager=manager) for _ in range(count)]
    opening, open_ones = lines_run(
        lambda: [proxy.subscribe_ticker([code]) for proxy, code in zip(proxies, codes(count), strict=True)]
    )
    closing, _ = lines_run(lambda: close_all(open_ones))
    for proxy in proxies:
        proxy.close()
    return opening, closing


def by_the_proxies_end(manager: GlobalWebSocketManager, count: int) -> tuple[int, int]:
    opening, proxies = lines_run(
        lambda: [WebSocketClientProxy("one of many", manager=manager) for _ in range(count)]
    )
    for proxy in proxies:
        proxy.subscribe_ticker(["KRW-BTC"], delivery=Delivery.EVERY)

    def close_proxies() -> None:
        for proxy in proxies:
            proxy.close()

    return opening, lines_run(close_proxies)[0]


@pytest.mark.parametrize(
    "way", [on_one_proxy, to_one_stream, below_one_to_all, on_a_proxy_each, by_the_proxies_end]
)
async def test_cost_is_linear_in_the_number_of_subscriptions(
    manager: GlobalWebSocketManager, way: Callable[[GlobalWebSocketManager, int], tuple[int, int]]
) -> None:
    few, many = way(manager, FEW), way(manager, MANY)
    for opening_or_closing, few_lines, many_lines in zip(("opening", "closing"), few, many, strict=True):
        each, each_of_many = few_lines / FEW, many_lines / MANY
        assert each_of_many <= each * 1.1 + 1, opening_or_closing
