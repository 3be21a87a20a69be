"""A subscription is live when it is served what it asked for, and a refusal costs only its culprit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest
import pytest_asyncio

from qt_upbit import (
    Delivery,
    GlobalWebSocketManager,
    OrderbookEvent,
    Scope,
    ServerError,
    Subscription,
    WebSocketClientProxy,
)
from qt_upbit.simulator.faults.faults import ErrorFrame
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import EVENT_TYPES, registry
from qt_upbit.types.enums import CodeRule
from tests.qt.conftest import MakeManager, MakeServer
from tests.support.wait import until

CODE = "KRW-BTC"


@pytest_asyncio.fixture
async def server(make_server: MakeServer) -> SimulatedServer:
    return await make_server(max_indicator_combinations=2, market_running=True)


@pytest.fixture
def manager(server: SimulatedServer, make_manager: MakeManager) -> GlobalWebSocketManager:
    return make_manager(server, keys=True)


@pytest_asyncio.fixture
async def proxy_of(manager: GlobalWebSocketManager) -> AsyncIterator[Any]:
    made: list[WebSocketClientProxy] = []

    def make(name: str) -> WebSocketClientProxy:
        made.append(WebSocketClientProxy(name, manager=manager))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


def indicators(proxy: WebSocketClientProxy, *names: str) -> Subscription:
    return proxy.subscribe_indicator(
        [CODE], timeframe="60m", indicators=[{"type": name, "params": {}} for name in names]
    )


def asked_codes(server: SimulatedServer) -> list[str]:
    return [
        code
        for session in server.exchange.sessions
        for item in session.subscription
        for code in item.codes or ()
    ]


@pytest.mark.parametrize("delivery", [Delivery.LATEST, Delivery.EVERY])
@pytest.mark.parametrize("options", [{}, {"snapshot": False}, {"realtime": False}])
async def test_a_deep_book_beside_a_shallow_one_is_awaited(
    proxy_of: Any, delivery: Delivery, options: dict[str, bool]
) -> None:
    """It returned at once, and the first book had five rows."""
    shallow, deep = proxy_of("shallow"), proxy_of("deep")
    few: list[int] = []
    rows: list[int] = []

    def note(book: OrderbookEvent) -> None:
        rows.append(len(book.orderbook_units))

    await shallow.subscribe_orderbook(
        [CODE], depth=5, callback=lambda book: few.append(len(book.orderbook_units))
    )
    await until(lambda: len(few) > 1)
    subscription = deep.subscribe_orderbook([CODE], depth=30, delivery=delivery, callback=note, **options)
    assert not subscription.is_live
    await subscription
    assert subscription.is_live
    await until(lambda: len(rows) > 2 or (bool(rows) and options == {"realtime": False}))
    assert set(rows) == {30}
    assert set(few) == {5}


async def test_a_refused_request_does_not_drag_the_next_one_along(
    server: SimulatedServer, proxy_of: Any
) -> None:
    await indicators(proxy_of("first"), "rsi")
    greedy = indicators(proxy_of("greedy"), "macd", "volume", "bollinger_bands")
    with pytest.raises(ServerError):
        await greedy
    assert not greedy.is_live
    await until(lambda: server.exchange.total_connections(Scope.INFO) == 2)
    innocent = indicators(proxy_of("innocent"), "moving_average")
    await innocent
    assert innocent.is_live
    assert not greedy.is_live
    with pytest.raises(ServerError):
        await greedy
    assert server.exchange.total_connections(Scope.INFO) == 2, "it was not cut again"


async def test_two_in_one_moment_and_one_of_them_is_refused(server: SimulatedServer, proxy_of: Any) -> None:
    await indicators(proxy_of("first"), "rsi")
    greedy = indicators(proxy_of("greedy"), "macd", "volume", "bollinger_bands")
    innocent = indicators(proxy_of("innocent"), "moving_average")
    results = await asyncio.gather(greedy, innocent, return_exceptions=True)
    assert isinstance(results[0], ServerError)
    assert results[1] is innocent
    assert innocent.is_live
    assert not greedy.is_live


async def test_a_refused_depth_is_no_part_of_the_next_request(server: SimulatedServer, proxy_of: Any) -> None:
    await proxy_of("first").subscribe_orderbook([CODE], depth=5)
    deep = proxy_of("deep").subscribe_orderbook([CODE], depth=30)
    await until(lambda: asked_codes(server) == [CODE])
    server.faults.inject(ErrorFrame(scope=Scope.PUBLIC, error="WRONG_FORMAT"))
    with pytest.raises(ServerError):
        await deep
    middle = await proxy_of("middle").subscribe_orderbook([CODE], depth=15)
    assert middle.is_live
    assert not deep.is_live
    assert asked_codes(server) == [f"{CODE}.15"]


@pytest.fixture
def forced_sale() -> Iterator[None]:
    """A type of the public scope without a first snapshot, declared as any other is."""

    class ForcedSaleEvent(registry.BaseWebSocketEvent, frozen=True, kw_only=True, eq=False, dict=True):
        """A position was liquidated."""

        code: Annotated[str, registry.wire_key("cd")]

    registry.event_type(
        "forced_sale",
        wire_type="forced_sale",
        scope=Scope.PUBLIC,
        delivery=Delivery.EVERY,
        codes=CodeRule.REQUIRED,
    )(ForcedSaleEvent)
    yield
    del EVENT_TYPES["forced_sale"]
    del registry._BY_WIRE_TYPE["forced_sale"]


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.usefixtures("forced_sale")
async def test_a_type_without_snapshots_on_a_scope_that_has_them(proxy_of: Any, beside: bool) -> None:
    """`await` never returned."""
    if beside:
        await proxy_of("other").subscribe_ticker([CODE])
    subscription = await proxy_of("one").subscribe("forced_sale", [CODE])
    assert subscription.is_live
