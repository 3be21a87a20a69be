"""Proxies and subscriptions, over real sockets, against the simulated exchange."""

from __future__ import annotations

import ast
import asyncio
import inspect
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLabel, QWidget

from qt_upbit import (
    CallbackError,
    CredentialsRequiredError,
    Delivery,
    GlobalWebSocketManager,
    InvalidSubscriptionError,
    ProxyClosedError,
    ServerError,
    StreamType,
    Subscription,
    SubscriptionError,
    WebSocketClientProxy,
    WrongThreadError,
)
from qt_upbit.core import EVENT_TYPES
from qt_upbit.protocol.subscription_state_manager import StreamState
from qt_upbit.protocol.wire import RequestItem
from qt_upbit.simulator.faults.faults import ErrorFrame
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import ConnectionState, Scope
from tests.qt.conftest import MakeManager, MakeProxy, MakeServer
from tests.support import events, exchange
from tests.support.cpu_share import own_time
from tests.support.wait import HANG_S, turns, until

# --- subscribing ----------------------------------------------------------------------------------


class PriceLabel(QLabel):
    """An ordinary widget."""

    def __init__(self, code: str, manager: GlobalWebSocketManager, parent: QWidget | None = None) -> None:
        super().__init__("…", parent)
        self.proxy = WebSocketClientProxy("label", self, manager=manager)
        self.proxy.ticker_received.connect(self.on_ticker)
        self.proxy.subscribe_ticker([code])
        self.events: list[Any] = []

    def on_ticker(self, event: Any) -> None:
        self.events.append(event)
        self.setText(f"{event.code} {event.trade_price:.0f}")


async def test_a_widget_subscribes_in_its_constructor(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    label = PriceLabel("KRW-BTC", manager)
    await until(lambda: label.text() != "…")
    assert label.events[0].is_snapshot
    server.exchange.publish(events.ticker("KRW-BTC", 123))
    await until(lambda: label.text() == "KRW-BTC 123")
    assert label.events[-1].stream_type is StreamType.REALTIME
    label.deleteLater()
    await until(lambda: manager.metrics().proxies == 0)


async def test_subscribing_from_a_slot(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    labels: list[PriceLabel] = []
    QTimer.singleShot(0, lambda: labels.append(PriceLabel("KRW-ETH", manager)))
    await until(lambda: labels and labels[0].text() != "…")
    labels.pop().deleteLater()
    await until(lambda: manager.metrics().proxies == 0)


async def test_awaiting_waits_for_the_first_frame_of_each_code(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, seen = make_proxy(), list[str]()
    subscription = proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    assert not subscription.is_live
    assert "waiting" in repr(subscription)
    proxy.ticker_received.connect(lambda e: seen.append(e.code))
    assert await subscription is subscription
    assert subscription.is_live
    assert "live" in repr(subscription)
    assert await subscription is subscription, "again, at once"
    await until(lambda: set(seen) == {"KRW-BTC", "KRW-ETH"})


async def test_several_await_the_same(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    subscription = make_proxy().subscribe_trade(["KRW-BTC"])

    async def wait() -> Subscription:
        return await subscription

    assert await asyncio.gather(*(wait() for _ in range(5))) == [subscription] * 5


async def test_cancelling_the_wait_leaves_the_subscription(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    subscription = make_proxy().subscribe_ticker(["KRW-BTC"])

    async def wait() -> None:
        await subscription

    task = asyncio.create_task(wait())
    await turns(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not subscription.is_closed
    await subscription


async def test_silent_codes_are_named_and_the_good_ones_flow(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, silent_code_timeout_s=0.3, clock=own_time)
    proxy = WebSocketClientProxy("mixed", manager=manager)
    seen: list[str] = []
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    subscription = proxy.subscribe_ticker(
        ["KRW-NOPE", "KRW-BTC", "KRW-ALSO"], callback=lambda e: seen.append(e.code)
    )
    with pytest.raises(SubscriptionError) as caught:
        await subscription
    assert caught.value.codes == ("KRW-ALSO", "KRW-NOPE")
    assert "KRW-NOPE" in str(caught.value)
    assert seen == ["KRW-BTC"]
    server.exchange.publish(events.ticker("KRW-BTC", 5))
    await until(lambda: len(seen) == 2)
    assert [(type(e), e.codes) for e in errors] == [(SubscriptionError, ("KRW-ALSO", "KRW-NOPE"))]
    proxy.close()


async def test_who_comes_after_a_code_was_found_silent_is_reported_as_well(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, silent_code_timeout_s=0.2, clock=own_time)
    first = WebSocketClientProxy("first", manager=manager)
    second = WebSocketClientProxy("second", manager=manager)
    with pytest.raises(SubscriptionError):
        await first.subscribe_ticker(["KRW-NOPE"])
    async with asyncio.timeout(HANG_S):
        with pytest.raises(SubscriptionError):
            await second.subscribe_ticker(["KRW-NOPE", "KRW-BTC"])
        with pytest.raises(SubscriptionError):
            await second.get_ticker_snapshot(["KRW-NOPE"])
    first.close()
    second.close()


async def test_async_with_ends_the_subscription(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    keeper = await proxy.subscribe_ticker(["KRW-ETH"])
    async with proxy.subscribe_ticker(["KRW-BTC"]) as subscription:
        assert subscription.is_live
        assert exchange.streams(server) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH")}
    assert subscription.is_closed
    await until(lambda: exchange.streams(server) == {("ticker", "KRW-ETH")})
    assert not keeper.is_closed


async def test_close_ends_delivery_at_once(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, seen, others = make_proxy(), list[Any](), list[Any]()
    subscription = proxy.subscribe_trade(["KRW-BTC"], callback=seen.append)
    await subscription
    await make_proxy().subscribe_trade(["KRW-BTC"], callback=others.append)
    await until(lambda: seen and others)
    server.exchange.publish(events.trade("KRW-BTC", 5))
    subscription.close()
    subscription.close()
    assert proxy.subscriptions == ()
    assert "closed" in repr(subscription)
    await until(lambda: len(others) == 2)
    await turns()
    assert len(seen) == 1
    with pytest.raises(ProxyClosedError):
        await subscription


async def test_closing_wakes_who_waits(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    await server.stop_listening()
    proxy = make_proxy()
    for close in (lambda s: s.close(), lambda s: proxy.close()):
        subscription = proxy.subscribe_ticker(["KRW-BTC"])
        asyncio.get_running_loop().call_later(0.02, close, subscription)
        with pytest.raises(ProxyClosedError):
            await subscription


async def test_use_after_close(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    await proxy.cleanup()
    await proxy.cleanup()
    proxy.close()
    assert proxy.is_closed
    with pytest.raises(ProxyClosedError):
        proxy.subscribe_ticker(["KRW-BTC"])
    with pytest.raises(ProxyClosedError):
        await proxy.get_ticker_snapshot(["KRW-BTC"])


@pytest.mark.parametrize(
    ("method", "arguments", "options"),
    [
        ("ticker", (["krw-btc"],), {}),
        ("ticker", ("KRW-BTC",), {}),
        ("ticker", ([],), {}),
        ("ticker", (["KRW-BTC"],), {"snapshot": False, "realtime": False}),
        ("orderbook", (["KRW-BTC"],), {"depth": 7}),
        ("orderbook", (["BTC-ETH"],), {"level": 10}),
        ("candle", (["KRW-BTC"],), {"unit": "1d"}),
    ],
)
async def test_mistakes_raise_at_the_call(
    make_proxy: MakeProxy, method: str, arguments: Any, options: Any
) -> None:
    proxy = make_proxy()
    with pytest.raises(InvalidSubscriptionError):
        getattr(proxy, f"subscribe_{method}")(*arguments, **options)
    assert proxy.subscriptions == ()


async def test_callback_and_delivery_are_checked(make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    with pytest.raises(TypeError):
        proxy.subscribe_ticker(["KRW-BTC"], callback=5)  # type: ignore[call-overload]  # the mistake
    with pytest.raises(ValueError, match="sometimes"):
        proxy.subscribe_ticker(["KRW-BTC"], delivery="sometimes")  # type: ignore[call-overload]  # the mistake
    with pytest.raises(ValueError, match="name"):
        make_proxy("")
    assert proxy.subscriptions == ()


async def test_private_streams_need_keys(make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    for subscribe in (proxy.subscribe_my_order, proxy.subscribe_my_asset, proxy.subscribe_announcement):
        with pytest.raises(CredentialsRequiredError, match="UPBIT_ACCESS_KEY"):
            subscribe()
    assert proxy.subscriptions == ()


# --- callbacks and signals ------------------------------------------------------------------------


class Receiver(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def take(self, event: Any) -> None:
        self.got.append(event)


async def test_every_kind_of_callback(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, plain, receiver = make_proxy(), list[Any](), Receiver()

    class Plain:
        def take(self, event: Any) -> None:
            plain.append(event)

    def function(event: Any) -> None:
        plain.append(event)

    for callback in (function, lambda e: plain.append(e), Plain().take, plain.append, receiver.take):
        proxy.subscribe_trade(["KRW-BTC"], callback=callback)
    await until(lambda: len(plain) == 4 and len(receiver.got) == 1)


async def test_method_of_a_qobject_is_held_weakly(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, receivers = make_proxy(), [Receiver()]
    gone: list[str] = []
    receivers[0].destroyed.connect(lambda: gone.append("gone"))
    subscription = await proxy.subscribe_trade(["KRW-BTC"], callback=receivers[0].take)
    await until(lambda: receivers[0].got)
    receivers.clear()
    assert gone == ["gone"]
    server.exchange.publish(events.trade("KRW-BTC", 77))
    signals: list[Any] = []
    proxy.trade_received.connect(signals.append)
    await until(lambda: signals)
    assert not subscription.is_closed


async def test_callback_of_a_deleted_qobject_is_not_called(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, receiver, signals = make_proxy(), Receiver(), list[Any]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=receiver.take)
    await until(lambda: receiver.got)
    receiver.deleteLater()
    await turns(20)
    proxy.trade_received.connect(signals.append)
    server.exchange.publish(events.trade("KRW-BTC", 77))
    await until(lambda: signals)
    assert len(receiver.got) == 1


async def test_raising_callback_is_reported_and_others_are_served(
    server: SimulatedServer, make_proxy: MakeProxy, manager: GlobalWebSocketManager
) -> None:
    proxy, good = make_proxy("my chart"), list[Any]()
    errors: list[Any] = []
    at_manager: list[Any] = []
    signals: list[Any] = []
    proxy.error_occurred.connect(errors.append)
    manager.error_occurred.connect(lambda owner, error: at_manager.append((owner, error)))
    proxy.trade_received.connect(signals.append)

    def bad(event: Any) -> None:
        raise ZeroDivisionError("in the callback")

    proxy.subscribe_trade(["KRW-BTC"], callback=bad)
    proxy.subscribe_trade(["KRW-BTC"], callback=good.append)
    await until(lambda: good and errors)
    assert isinstance(errors[0], CallbackError)
    assert isinstance(errors[0].__cause__, ZeroDivisionError)
    assert "my chart" in str(errors[0])
    assert "bad" in str(errors[0])
    assert at_manager == [("my chart", errors[0])]
    assert len(signals) == 1
    server.exchange.publish(events.trade("KRW-BTC", 5))
    await until(lambda: len(good) == 2 and len(errors) == 2)


@pytest.mark.raises_in_slots("ZeroDivisionError")
async def test_raising_slot_does_not_stop_the_others(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, seen = make_proxy(), list[Any]()

    def bad(event: Any) -> None:
        raise ZeroDivisionError

    proxy.trade_received.connect(bad)
    proxy.trade_received.connect(seen.append)
    await proxy.subscribe_trade(["KRW-BTC"])
    await until(lambda: seen)


@pytest.mark.parametrize("how", ["close", "deleteLater", "delete", "subscription"])
@pytest.mark.parametrize("delivery", list(Delivery))
async def test_slot_that_ends_its_own_proxy(
    server: SimulatedServer, make_proxy: MakeProxy, how: str, delivery: Delivery
) -> None:
    import shiboken6

    proxy, other = make_proxy("dies"), make_proxy("lives")
    seen: list[Any] = []
    others: list[Any] = []
    same: list[str] = []

    def starts(value: Any) -> list[str]:
        return [each.candle_date_time_utc for each in (value if isinstance(value, tuple) else (value,))]

    def take(value: Any) -> None:
        seen.extend(starts(value))
        if len(seen) < 3:
            return
        if how == "close":
            proxy.close()
        elif how == "deleteLater":
            proxy.deleteLater()
            proxy.close()
        elif how == "delete":
            shiboken6.delete(proxy)
        else:
            subscription.close()

    proxy.candle_received.connect(take)
    subscription = proxy.subscribe_candle(["KRW-BTC"], delivery=delivery)
    other.subscribe_candle(["KRW-BTC"], delivery=Delivery.EVERY, callback=others.append)
    other.subscribe_candle(["KRW-BTC"], delivery=delivery, callback=lambda value: same.extend(starts(value)))
    await until(lambda: len(others) == 1 and seen)
    for minute in range(10):
        start = f"2030-01-01T00:{minute:02}:00"
        server.exchange.publish(events.candle("KRW-BTC", candle_date_time_utc=start))
    await until(lambda: len(others) == 11)
    await until(lambda: same[-1] == start)
    await turns()
    assert len(seen) <= 3 if delivery is not Delivery.BATCH else len(seen) <= 11


async def test_signals_carry_the_type_they_are_named_for(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True)
    proxy = WebSocketClientProxy("all", manager=manager)
    got: dict[str, Any] = {}
    for row in EVENT_TYPES.values():
        getattr(proxy, f"{row.name}_received").connect(lambda e, name=row.name: got.setdefault(name, e))
    proxy.subscribe_ticker(["KRW-BTC"])
    proxy.subscribe_trade(["KRW-BTC"])
    proxy.subscribe_orderbook(["KRW-BTC"])
    proxy.subscribe_candle(["KRW-BTC"], unit="5m")
    order, asset = proxy.subscribe_my_order(), proxy.subscribe_my_asset()
    await order
    await asset
    server.exchange.publish(events.my_order("KRW-BTC"))
    server.exchange.publish(events.my_asset())
    await until(lambda: len(got) == 6)
    for name, event in got.items():
        assert type(event).__mro__[0] is EVENT_TYPES[name].event_class or isinstance(
            event, EVENT_TYPES[name].event_class
        )
    assert got["candle"].type == "candle.5m"
    proxy.close()


async def test_two_subscriptions_of_one_proxy_give_each_event_to_the_signal_once(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, signals = make_proxy(), list[str]()
    one: list[str] = []
    two: list[str] = []
    proxy.trade_received.connect(lambda e: signals.append(e.code))
    first = proxy.subscribe_trade(["KRW-BTC", "KRW-ETH"], callback=lambda e: one.append(e.code))
    second = proxy.subscribe_trade(["KRW-ETH", "KRW-XRP"], callback=lambda e: two.append(e.code))
    await first
    await second
    await until(lambda: len(signals) == 3)
    assert sorted(signals) == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    assert sorted(one) == ["KRW-BTC", "KRW-ETH"]
    assert sorted(two) == ["KRW-ETH", "KRW-XRP"]
    first.close()
    signals.clear()
    server.exchange.publish(events.trade("KRW-ETH", 9))
    await until(lambda: signals)
    assert signals == ["KRW-ETH"]


async def test_subscribing_the_same_twice_costs_no_request(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy()
    await proxy.subscribe_ticker(["KRW-BTC"])
    again = await proxy.subscribe_ticker(["KRW-BTC"])
    again.close()
    await turns()
    assert not proxy._manager._state.needs_request(Scope.PUBLIC)
    await make_proxy().subscribe_trade(["KRW-ETH"])
    assert len(exchange.requests(server)) == 2, "the first, and that of the last"


# --- delivery -------------------------------------------------------------------------------------


async def test_latest_conflates_and_ends_with_the_newest(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, seen = make_proxy(), list[Decimal]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=lambda e: seen.append(e.trade_price))
    for price in range(1, 301):
        server.exchange.publish(events.ticker("KRW-BTC", price))
    await until(lambda: seen[-1:] == [Decimal(300)])
    assert len(seen) < 100
    assert seen[1:] == sorted(seen[1:])


async def test_every_gives_each_in_order(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, seen = make_proxy(), list[int]()
    await proxy.subscribe_ticker(
        ["KRW-BTC"], delivery=Delivery.EVERY, callback=lambda e: seen.append(int(e.trade_price))
    )
    await until(lambda: seen)
    for price in range(1, 301):
        server.exchange.publish(events.ticker("KRW-BTC", price))
    await until(lambda: len(seen) == 301)
    assert seen[1:] == list(range(1, 301))


async def test_batch_gives_tuples(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    callback: list[tuple[Any, ...]] = []
    signal: list[tuple[Any, ...]] = []
    proxy.trade_received.connect(signal.append)
    await proxy.subscribe_trade(["KRW-BTC"], delivery=Delivery.BATCH, callback=callback.append)
    for number in range(1, 301):
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: sum(map(len, callback)) == 301)
    assert [e.sequential_id for batch in callback for e in batch][1:] == list(range(1, 301))
    assert all(type(batch) is tuple for batch in callback)
    assert len(callback) < 100
    assert signal == callback


async def test_closed_candle_is_never_conflated_away(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy, last = make_proxy(), dict[str, Decimal]()
    await proxy.subscribe_candle(
        ["KRW-BTC"], callback=lambda e: last.__setitem__(e.candle_date_time_utc, e.trade_price)
    )
    for minute in range(20):
        for price in range(10):
            start = f"2030-01-01T00:{minute:02}:00"
            event = events.candle("KRW-BTC", price=minute * 100 + price, candle_date_time_utc=start)
            server.exchange.publish(event)
    await until(lambda: last.get("2030-01-01T00:19:00") == 1909)
    for minute in range(20):
        assert last[f"2030-01-01T00:{minute:02}:00"] == minute * 100 + 9


async def test_overflow_is_reported_with_the_number_lost(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, high_water_mark=10)
    proxy = WebSocketClientProxy("slow", manager=manager)
    lost: list[Any] = []
    seen: list[int] = []
    proxy.overflowed.connect(lambda kind, count: lost.append((kind, count)))
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: seen.append(e.sequential_id))
    await until(lambda: seen)
    manager._frames.hub.pause(proxy.subscriptions[0].id, True)
    for number in range(1, 51):
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].messages >= 51)
    manager._frames.hub.pause(proxy.subscriptions[0].id, False)
    await until(lambda: seen[-1] == 50)
    assert seen[1:] == list(range(41, 51))
    await until(lambda: lost)
    assert lost == [("trade", 40)]
    assert manager.metrics().events_lost == 40
    proxy.close()


async def test_visible_only_holds_delivery_while_hidden(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    widget, seen = QWidget(), list[Any]()
    proxy = make_proxy("chart", widget, visible_only=True)
    others = list[Any]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await make_proxy("always in sight").subscribe_ticker(["KRW-BTC"], callback=others.append)
    await until(lambda: others)
    assert seen == []
    assert exchange.streams(server) == {("ticker", "KRW-BTC")}
    widget.show()
    await until(lambda: len(seen) == 1)
    widget.hide()
    for price in range(1, 10):
        server.exchange.publish(events.ticker("KRW-BTC", price))
    await until(lambda: others[-1].trade_price == 9)
    assert len(seen) == 1
    widget.show()
    await until(lambda: len(seen) == 2)
    assert seen[-1].trade_price == 9
    widget.deleteLater()
    await until(lambda: proxy.is_closed)


async def test_visible_only_needs_a_widget(manager: GlobalWebSocketManager) -> None:
    parent = QObject()
    for one in (None, parent):
        with pytest.raises(ValueError, match="QWidget"):
            WebSocketClientProxy("chart", one, visible_only=True, manager=manager)
    assert parent.children() == []
    assert manager.metrics().proxies == 0


async def test_late_subscriber_gets_the_last_value_flagged_as_snapshot_and_no_request_is_sent(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    early, late, seen = make_proxy(), make_proxy(), list[Any]()
    first = list[Any]()
    await early.subscribe_ticker(["KRW-BTC"], callback=first.append)
    server.exchange.publish(events.ticker("KRW-BTC", 55))
    await until(lambda: first and first[-1].trade_price == 55)
    subscription = late.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    await subscription
    await until(lambda: seen)
    assert seen[0].trade_price == 55
    assert seen[0].is_snapshot
    assert not first[-1].is_snapshot
    assert not late._manager._state.needs_request(Scope.PUBLIC)
    server.exchange.publish(events.ticker("KRW-BTC", 56))
    await until(lambda: len(seen) == 2)
    assert seen[-1].trade_price == 56
    assert len(exchange.requests(server)) == 1


async def test_snapshot_only_and_realtime_only(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    only_snapshot: list[bool] = []
    only_realtime: list[bool] = []
    proxy.subscribe_trade(["KRW-BTC"], realtime=False, callback=lambda e: only_snapshot.append(e.is_snapshot))
    proxy.subscribe_trade(["KRW-BTC"], snapshot=False, callback=lambda e: only_realtime.append(e.is_snapshot))
    await until(lambda: only_snapshot)
    for number in range(1, 4):
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: len(only_realtime) == 3)
    assert only_snapshot == [True]
    assert only_realtime == [False] * 3


async def test_books_of_different_depths_and_levels(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    rows: dict[str, set[int]] = {"deep": set(), "flat": set(), "grouped": set()}
    levels: dict[str, set[Decimal]] = {"deep": set(), "flat": set(), "grouped": set()}

    def note(name: str) -> Any:
        def take(event: Any) -> None:
            rows[name].add(len(event.orderbook_units))
            levels[name].add(event.level)

        return take

    await proxy.subscribe_orderbook(["KRW-BTC"], depth=5, callback=note("flat"))
    await proxy.subscribe_orderbook(["KRW-BTC"], depth=30, callback=note("deep"))
    await proxy.subscribe_orderbook(["KRW-BTC"], level=10000, callback=note("grouped"))
    await until(lambda: all(rows.values()))
    assert rows["flat"] == {5}
    assert max(rows["deep"]) > 15
    assert levels == {"deep": {Decimal(0)}, "flat": {Decimal(0)}, "grouped": {Decimal(10000)}}


# --- snapshots ------------------------------------------------------------------------------------


async def test_snapshots_without_any_subscription(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    tickers = await proxy.get_ticker_snapshot(["KRW-ETH", "KRW-BTC"])
    assert list(tickers) == ["KRW-ETH", "KRW-BTC"]
    assert tickers["KRW-BTC"].code == "KRW-BTC"
    assert tickers["KRW-BTC"].is_snapshot
    books = await proxy.get_orderbook_snapshot(["KRW-BTC"], depth=5)
    assert len(books["KRW-BTC"].orderbook_units) == 5
    trades = await proxy.get_trade_snapshot(["KRW-BTC"])
    assert trades["KRW-BTC"].type == "trade"
    candles = await proxy.get_candle_snapshot(["KRW-BTC"], unit="15m")
    assert candles["KRW-BTC"].type == "candle.15m"
    assert proxy.subscriptions == ()


async def test_snapshot_disturbs_no_running_stream(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    # The library cannot fix what the server leaves out while it prepares repeated snapshots.
    server = await make_server(duplicate_snapshot=False)
    proxy, seen = WebSocketClientProxy("proxy", manager=make_manager(server)), list[int]()
    await proxy.subscribe_trade(["KRW-BTC"], callback=lambda e: seen.append(e.sequential_id))
    await until(lambda: seen)
    number = 0
    stop = False

    async def market() -> None:
        nonlocal number
        while not stop:
            number += 1
            server.exchange.publish(events.trade("KRW-BTC", number))
            await asyncio.sleep(0.001)

    running = asyncio.create_task(market())
    for code in ("KRW-ETH", "KRW-XRP"):
        assert (await proxy.get_ticker_snapshot([code]))[code].code == code
    stop = True
    await running
    await until(lambda: seen[-1] == number)
    assert seen[1:] == list(range(1, number + 1))
    for parts in exchange.requests(server):
        assert ("trade", "KRW-BTC") in exchange.requested(parts)
    proxy.close()


async def test_snapshot_of_a_live_stream_comes_from_the_cache(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, seen = make_proxy(), list[Any]()
    await proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    server.exchange.publish(events.ticker("KRW-BTC", 55))
    await until(lambda: seen and seen[-1].trade_price == 55)
    assert (await proxy.get_ticker_snapshot(["KRW-BTC"]))["KRW-BTC"].trade_price == 55
    assert len(exchange.requests(server)) == 1


async def test_snapshot_with_more_rows_than_run(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    await proxy.subscribe_orderbook(["KRW-BTC"], depth=5)
    assert len((await proxy.get_orderbook_snapshot(["KRW-BTC"], depth=1))["KRW-BTC"].orderbook_units) == 1
    assert len((await proxy.get_orderbook_snapshot(["KRW-BTC"]))["KRW-BTC"].orderbook_units) > 15


async def test_snapshot_of_an_unknown_code(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server, silent_code_timeout_s=0.2, clock=own_time)
    proxy = WebSocketClientProxy("proxy", manager=manager)
    with pytest.raises(SubscriptionError) as caught:
        await proxy.get_ticker_snapshot(["KRW-NOPE", "KRW-BTC"])
    assert caught.value.codes == ("KRW-NOPE",)
    assert manager.streams(Scope.PUBLIC) == {}
    assert (await proxy.get_ticker_snapshot(["KRW-BTC"]))["KRW-BTC"]
    proxy.close()


async def test_cancelled_snapshot_leaves_nothing(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    await server.stop_listening()
    proxy = make_proxy()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await proxy.get_ticker_snapshot(["KRW-BTC"])
    assert proxy._manager.streams(Scope.PUBLIC) == {}
    assert len(proxy._manager.snapshots) == 0


async def test_closing_ends_a_pending_snapshot(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    await server.stop_listening()
    proxy = make_proxy()
    asyncio.get_running_loop().call_later(0.02, proxy.close)
    with pytest.raises(ProxyClosedError):
        await proxy.get_ticker_snapshot(["KRW-BTC"])
    assert proxy._manager.streams(Scope.PUBLIC) == {}


async def test_many_snapshots_at_once(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    codes = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    results = await asyncio.gather(*(proxy.get_ticker_snapshot([code]) for code in codes * 5))
    assert [next(iter(result)) for result in results] == codes * 5
    assert len(exchange.requests(server)) <= 2


# --- private --------------------------------------------------------------------------------------


async def test_private_streams_with_keys(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server, keys=True)
    proxy = WebSocketClientProxy("account", manager=manager)
    orders: list[Any] = []
    assets: list[Any] = []
    proxy.my_order_received.connect(orders.append)
    proxy.my_asset_received.connect(assets.append)
    states: list[Any] = []
    proxy.connection_state_changed.connect(lambda scope, state: states.append((scope, state)))
    eth: list[Any] = []
    every = proxy.subscribe_my_order()
    proxy.subscribe_my_order(["KRW-ETH"], callback=eth.append)
    assets_subscription = proxy.subscribe_my_asset()
    async with asyncio.timeout(HANG_S):
        await every
        await assets_subscription
    for i, code in enumerate(["KRW-BTC", "KRW-ETH", "KRW-BTC"]):
        server.exchange.publish(events.my_order(code, uuid=f"order-{i}"))
    server.exchange.publish(events.my_asset())
    await until(lambda: len(orders) == 3 and len(assets) == 1)
    assert [order.uuid for order in orders] == ["order-0", "order-1", "order-2"]
    assert [order.uuid for order in eth] == ["order-1"]
    assert server.exchange.total_connections(Scope.PRIVATE) == 1
    assert server.exchange.total_connections(Scope.PUBLIC) == 0
    assert (Scope.PRIVATE, ConnectionState.LIVE) in states
    proxy.close()


# --- rules of use ---------------------------------------------------------------------------------


async def test_use_from_another_thread(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    proxy = make_proxy()
    subscription = proxy.subscribe_ticker(["KRW-BTC"])
    raised: list[BaseException] = []

    def work() -> None:
        calls = (
            lambda: proxy.subscribe_ticker(["KRW-ETH"]),
            subscription.close,
            proxy.close,
            lambda: proxy._manager.reconnect(),
        )
        for call in calls:
            try:
                call()
            except WrongThreadError as exc:
                raised.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert len(raised) == 4
    assert "GUI thread" in str(raised[0])
    assert not proxy.is_closed
    await subscription


async def test_making_a_proxy_in_another_thread(manager: GlobalWebSocketManager) -> None:
    def work() -> Any:
        try:
            return WebSocketClientProxy("late", manager=manager)
        except WrongThreadError as exc:
            return str(exc)

    assert "GUI thread" in await asyncio.to_thread(work)
    assert manager.metrics().proxies == 0


# --- declarations ---------------------------------------------------------------------------------


def test_a_signal_a_method_and_a_declaration_for_each_event_type() -> None:
    names = [f"{row.name}_received" for row in EVENT_TYPES.values()]
    for row in EVENT_TYPES.values():
        assert hasattr(WebSocketClientProxy, f"{row.name}_received")
        method = getattr(WebSocketClientProxy, f"subscribe_{row.name}")
        parameters = inspect.signature(method).parameters
        assert {"callback", "delivery"} <= set(parameters)
        assert set(row.option_names) <= set(parameters)
        assert ("unit" in parameters) == bool(row.units)
        assert ("depth" in parameters) == row.has_depth
        assert ("snapshot" in parameters) == row.has_snapshot
        assert hasattr(WebSocketClientProxy, f"get_{row.name}_snapshot") == row.has_snapshot
        assert row.event_class.__name__ in (method.__doc__ or "")
    subscribing = [n for n in dir(WebSocketClientProxy) if n.startswith("subscribe_")]
    assert sorted(subscribing) == sorted(f"subscribe_{row.name}" for row in EVENT_TYPES.values())
    for name in names:
        assert name in (WebSocketClientProxy.__doc__ or "")

    source = Path(inspect.getsourcefile(WebSocketClientProxy) or "").read_text(encoding="utf-8")
    declared = [
        statement.target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.target.id.endswith("_received")
    ]
    assert sorted(declared) == sorted(names)


async def test_codes_that_were_refused_stay_refused_while_others_of_the_subscription_go_on(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    """An error frame that follows a change blames what the change brought."""
    first, second = make_proxy("first"), make_proxy("second")
    await first.subscribe_ticker(["KRW-BTC"])
    both = second.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    await until(lambda: server.exchange.wants("ticker", "KRW-ETH"))
    server.faults.inject(ErrorFrame(scope=Scope.PUBLIC, error="INVALID_PARAM"))
    with pytest.raises(ServerError, match="INVALID_PARAM"):
        await both
    await until(lambda: server.exchange.total_connections(Scope.PUBLIC) == 2)
    again = await first.subscribe_ticker(["KRW-BTC"])  # KRW-BTC is live again, for all who have it
    assert again.is_live
    with pytest.raises(ServerError, match="INVALID_PARAM"):
        await both
    assert not server.exchange.wants("ticker", "KRW-ETH")
    both.close()
    assert (await second.subscribe_ticker(["KRW-ETH"])).is_live


async def test_a_request_that_was_refused_is_not_taken_for_served_by_what_another_is_served(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    # Seed 5147 of the chaos suite: once the other had left, nothing was asked for, and nothing said so.
    first, second = make_proxy("first"), make_proxy("second")
    shallow = await first.subscribe_orderbook(["KRW-BTC"], depth=5)
    deep = second.subscribe_orderbook(["KRW-BTC"], depth=15)
    await until(lambda: any("KRW-BTC.15" in (item.codes or ()) for item in _asked(server)))
    server.faults.inject(ErrorFrame(scope=Scope.PUBLIC, error="WRONG_FORMAT"))
    await until(lambda: deep.error is not None)
    await until(lambda: server.exchange.total_connections(Scope.PUBLIC) == 2)
    await first.subscribe_ticker(["KRW-BTC"])  # the connection is up again, and the shallow book live
    await until(lambda: first._manager.streams(Scope.PUBLIC)[shallow.keys[0]] is StreamState.LIVE)
    await turns(10)
    with pytest.raises(ServerError, match="WRONG_FORMAT"):
        await deep
    deep.close()
    assert (await second.subscribe_orderbook(["KRW-BTC"], depth=15)).is_live


def _asked(server: SimulatedServer) -> list[RequestItem]:
    return [item for session in server.exchange.sessions for item in session.subscription]
