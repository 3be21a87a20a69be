"""`async for` over a subscription: everything, in order, bounded, and ending with the subscription."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from PySide6.QtCore import QObject

from qt_upbit import (
    Delivery,
    ServerError,
    Subscription,
    TradeEvent,
    WebSocketClientProxy,
    WrongThreadError,
    owned_slot,
)
from qt_upbit.event_reader import EventReader
from qt_upbit.protocol.subscription_progress import SubscriptionProgress
from qt_upbit.simulator.faults.faults import ErrorFrame
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import Scope, StreamKey
from tests.qt.conftest import MakeManager, MakeProxy
from tests.support import events
from tests.support.wait import HANG_S, until


class Source:
    """A subscription, as far as a reader can see."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.is_closed = False
        self.refusal: ServerError | None = None
        self.waiters: list[Callable[[], object]] = []

    def add_waiter(self, waiter: Callable[[], object]) -> None:
        self.waiters.append(waiter)

    def remove_waiter(self, waiter: Callable[[], object]) -> None:
        self.waiters.remove(waiter)

    def end(self) -> None:
        self.is_closed = True
        for waiter in tuple(self.waiters):
            waiter()


async def taken(reader: AsyncIterator[Any], count: int) -> list[Any]:
    async with asyncio.timeout(HANG_S):
        return [await anext(reader) for _ in range(count)]


async def test_every_trade_in_order_from_the_snapshot_on(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, numbers = make_proxy(), list[int]()
    async with asyncio.timeout(HANG_S), proxy.subscribe_trade(["KRW-BTC"]) as trades:
        for number in range(1, 51):
            server.exchange.publish(events.trade("KRW-BTC", number))
        async for trade in trades:
            if trade.is_snapshot:
                continue
            numbers.append(trade.sequential_id)
            if len(numbers) == 50:
                break
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 50


async def test_a_slow_loop_gets_the_newest_under_latest(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, seen = make_proxy(), list[Any]()
    subscription = proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"], callback=seen.append)
    reader = aiter(subscription)
    await subscription
    server.exchange.publish(events.ticker("KRW-ETH", 7))
    for price in (1, 2, 3):
        server.exchange.publish(events.ticker("KRW-BTC", price))
        await until(lambda price=price: seen[-1].trade_price == price)
    await until(lambda: any(event.code == "KRW-ETH" and event.trade_price == 7 for event in seen))
    got = await taken(reader, 2)
    assert {event.code: event.trade_price for event in got} == {"KRW-BTC": 3, "KRW-ETH": 7}


async def test_batches_are_tuples(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    subscription = make_proxy().subscribe_trade(["KRW-BTC"], delivery=Delivery.BATCH)
    (batch,) = await taken(aiter(subscription), 1)
    assert isinstance(batch, tuple)
    assert isinstance(batch[0], TradeEvent)


async def test_each_iteration_gets_everything_and_signals_go_on(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, signalled, called = make_proxy(), list[Any](), list[Any]()
    proxy.trade_received.connect(signalled.append)
    subscription = proxy.subscribe_trade(["KRW-BTC"], callback=called.append)
    first, second = aiter(subscription), aiter(subscription)
    await subscription
    server.exchange.publish(events.trade("KRW-BTC", 1))
    got = await taken(first, 2)
    assert got == await taken(second, 2) == signalled == called


async def test_losses_are_told(server: SimulatedServer, make_manager: MakeManager) -> None:
    proxy = WebSocketClientProxy("p", manager=make_manager(server, high_water_mark=10))
    lost: list[tuple[str, int]] = []
    proxy.overflowed.connect(lambda kind, count: lost.append((kind, count)))
    seen: list[Any] = []
    subscription = proxy.subscribe_trade(["KRW-BTC"], callback=seen.append)
    reader = aiter(subscription)
    for number in range(1, 31):
        await until(lambda number=number: len(seen) >= number)
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: len(seen) == 31)
    got = await taken(reader, 10)
    assert got == seen[-10:], "the newest are kept, in order"
    await until(lambda: sum(count for _, count in lost) == 21)
    assert {kind for kind, _ in lost} == {"trade"}
    proxy.close()


@pytest.mark.parametrize("how", ["subscription", "proxy", "manager"])
async def test_it_ends_with_the_subscription(
    server: SimulatedServer, make_manager: MakeManager, how: str
) -> None:
    manager = make_manager(server)
    proxy = WebSocketClientProxy("p", manager=manager)
    subscription = proxy.subscribe_ticker(["KRW-BTC"])
    got: list[Any] = []

    async def read() -> str:
        async for event in subscription:
            got.append(event)
        return "ended"

    task = asyncio.create_task(read())
    await until(lambda: got)
    if how == "manager":
        await manager.aclose()
    elif how == "proxy":
        proxy.close()
    else:
        subscription.close()
    async with asyncio.timeout(HANG_S):
        assert await task == "ended"
        assert [event async for event in subscription] == []
    proxy.close()


async def test_a_refusal_is_raised(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    await proxy.subscribe_ticker(["KRW-BTC"])
    refused = proxy.subscribe_ticker(["KRW-ETH"])
    await until(lambda: server.exchange.wants("ticker", "KRW-ETH"))
    server.faults.inject(ErrorFrame(scope=Scope.PUBLIC, error="INVALID_PARAM"))

    async def read() -> None:
        async with asyncio.timeout(HANG_S):
            async for event in refused:
                assert event.code == "KRW-ETH"

    with pytest.raises(ServerError, match="INVALID_PARAM"):
        await read()


async def test_a_refusal_of_some_ends_nothing() -> None:
    source = Source(Delivery.EVERY)
    progress = SubscriptionProgress("ticker", [StreamKey("ticker", code) for code in ("A", "B")])
    progress.mark_refused([StreamKey("ticker", "A")], ServerError("INVALID_PARAM"))
    assert not progress.is_all_refused
    progress.mark_refused([StreamKey("ticker", "B")], ServerError("INVALID_PARAM"))
    assert progress.is_all_refused
    source.refusal = ServerError("INVALID_PARAM")
    reader: EventReader[Any] = EventReader(source, 10)
    reader.put(events.trade("KRW-BTC", 1))
    assert len(await taken(reader, 1)) == 1, "what came before"
    with pytest.raises(ServerError):
        await taken(reader, 1)


async def test_who_stops_reading_costs_nothing_more(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    subscription = make_proxy().subscribe_trade(["KRW-BTC"])
    reader = aiter(subscription)
    gone = weakref.ref(reader)
    await taken(reader, 1)
    del reader
    gc.collect()
    assert gone() is None
    assert not subscription.is_closed


async def test_another_thread_is_refused(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    subscription = make_proxy().subscribe_ticker(["KRW-BTC"])
    raised: list[type[BaseException]] = []

    def read() -> None:
        try:
            aiter(subscription)
        except WrongThreadError as exc:
            raised.append(type(exc))

    thread = threading.Thread(target=read)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert raised == [WrongThreadError]


async def test_two_tasks_on_one_iterator_are_refused() -> None:
    source = Source(Delivery.EVERY)
    reader: EventReader[Any] = EventReader(source, 10)
    task = asyncio.create_task(anext(reader))
    await until(lambda: source.waiters)
    with pytest.raises(RuntimeError, match="another task reads"):
        await anext(reader)
    source.end()
    with pytest.raises((StopAsyncIteration, RuntimeError)):
        await task
    with pytest.raises((StopAsyncIteration, RuntimeError)):
        await taken(reader, 1)
    assert source.waiters == []


async def test_a_cancelled_read_loses_nothing() -> None:
    source = Source(Delivery.EVERY)
    reader: EventReader[Any] = EventReader(source, 10)
    task = asyncio.create_task(anext(reader))
    await until(lambda: source.waiters)
    reader.put(events.trade("KRW-BTC", 1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    reader.put(events.trade("KRW-BTC", 2))
    assert [event.sequential_id for event in await taken(reader, 2)] == [
        events.trade("KRW-BTC", number).sequential_id for number in (1, 2)
    ]


# --- callbacks that are coroutines -----------------------------------------------------------------


class Widget(QObject):
    async def method(self, event: object) -> None:
        """Never called."""

    async def generate(self, event: object) -> AsyncIterator[int]:
        yield 1

    async def __call__(self, event: object) -> None:
        """Never called."""

    @owned_slot
    async def slot(self, event: object) -> None:
        """A slot that is a task."""

    @staticmethod
    async def static(event: object) -> None:
        """Never called."""


async def function(event: object) -> None:
    """Never called."""


WIDGET = Widget()
COROUTINES: list[Any] = [
    function,
    WIDGET.method,
    WIDGET.generate,
    WIDGET,
    Widget.static,
    functools.partial(function),
    functools.partial(functools.partial(WIDGET.method)),
]


@pytest.mark.parametrize("callback", COROUTINES)
async def test_an_async_def_is_refused_at_the_call(
    server: SimulatedServer, make_proxy: MakeProxy, callback: Any
) -> None:
    proxy = make_proxy()
    subscribe: list[Callable[..., Subscription]] = [
        lambda **options: proxy.subscribe_ticker(["KRW-BTC"], **options),
        lambda **options: proxy.subscribe("trade", ["KRW-BTC"], **options),
    ]
    for call in subscribe:
        with pytest.raises(TypeError, match=r"async for event in subscription.*owned_slot"):
            call(callback=callback)
    assert proxy.subscriptions == ()


async def test_what_only_turns_out_to_be_a_coroutine_is_reported(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, errors, made = make_proxy(), list[Any](), list[Any]()
    proxy.error_occurred.connect(errors.append)

    def call(event: object) -> Any:
        made.append(function(event))
        return made[-1]

    await proxy.subscribe_ticker(["KRW-BTC"], callback=lambda event: call(event))
    await until(lambda: errors)
    assert "async for event in subscription" in str(errors[0])
    assert all(inspect.getcoroutinestate(each) == inspect.CORO_CLOSED for each in made)


async def test_an_owned_slot_is_a_callback(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    await make_proxy().subscribe_ticker(["KRW-BTC"], callback=WIDGET.slot)
