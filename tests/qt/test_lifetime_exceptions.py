"""What a user's slot or callback raises: reported with the proxy's name, and the others are served."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from PySide6.QtCore import QEventLoop, Qt, QTimer

from qt_upbit import (
    Account,
    CallbackError,
    CandleFeed,
    ConnectionState,
    Delivery,
    Scope,
    Subscription,
    WebSocketClientProxy,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeProxy
from tests.support import events
from tests.support.wait import turns, until


def broken(*_: Any) -> None:
    raise ZeroDivisionError("in a slot")


class Errors:
    """What a proxy and its manager said."""

    def __init__(self, proxy: WebSocketClientProxy) -> None:
        self.of_proxy: list[Any] = []
        self.of_manager: list[Any] = []
        proxy.error_occurred.connect(self.of_proxy.append)
        proxy._manager.error_occurred.connect(lambda owner, error: self.of_manager.append((owner, error)))


@pytest.mark.raises_in_slots("ZeroDivisionError")
@pytest.mark.parametrize("delivery", list(Delivery))
async def test_a_slot_that_raises(server: SimulatedServer, make_proxy: MakeProxy, delivery: Delivery) -> None:
    proxy, other = make_proxy("my chart"), make_proxy("other")
    seen: list[Any] = []
    others: list[Any] = []
    errors = Errors(proxy)
    proxy.trade_received.connect(broken)
    proxy.trade_received.connect(seen.append)
    other.trade_received.connect(others.append)
    await proxy.subscribe_trade(["KRW-BTC"], delivery=delivery)
    other.subscribe_trade(["KRW-BTC"])
    await until(lambda: seen and others and errors.of_proxy)
    (error,) = errors.of_proxy
    assert isinstance(error, CallbackError)
    assert (error.owner, error.callback) == ("my chart", "broken")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert errors.of_manager == [("my chart", error)]
    proxy.trade_received.disconnect(broken)
    server.exchange.publish(events.trade("KRW-BTC", 7))
    await until(lambda: len(seen) == 2 and len(others) == 2)
    assert len(errors.of_proxy) == 1


@pytest.mark.raises_in_slots(*["ZeroDivisionError"] * 4)
async def test_slots_of_the_other_signals(server: SimulatedServer, make_manager: MakeManager) -> None:
    manager = make_manager(server, recover_gaps=False)
    proxy = WebSocketClientProxy("my chart", manager=manager)
    await proxy.subscribe_trade(["KRW-BTC"])
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await turns(10)
    errors = Errors(proxy)
    gaps: list[Any] = []
    proxy.connection_state_changed.connect(broken)
    proxy.gap_detected.connect(broken)
    proxy.gap_detected.connect(lambda *gap: gaps.append(gap))
    await server.drop(Scope.PUBLIC, "reset")
    await until(lambda: len(gaps) == 1 and manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await until(lambda: len([e for e in errors.of_proxy if isinstance(e, CallbackError)]) == 4)
    assert {error.owner for error in errors.of_proxy if isinstance(error, CallbackError)} == {"my chart"}
    proxy.close()


@pytest.mark.raises_in_slots(*["ZeroDivisionError"] * 5)
async def test_slots_of_the_account_the_candles_and_the_manager(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, keys=True)
    reported: list[tuple[str, Any]] = []
    manager.error_occurred.connect(lambda owner, error: reported.append((owner, error)))
    for signal in (manager.public_state_changed, manager.metrics_updated):
        signal.connect(broken, Qt.ConnectionType.SingleShotConnection)
    account, feed = Account.instance(manager), CandleFeed("KRW-BTC", count=5, manager=manager)
    errors: dict[str, list[Any]] = {"account": [], "candle feed": []}
    account.error_occurred.connect(errors["account"].append)
    feed.error_occurred.connect(errors["candle feed"].append)
    synchronized: list[bool] = []
    account.synchronized.connect(broken)
    account.synchronized.connect(lambda: synchronized.append(True))
    for signal in (feed.candles_added, feed.loaded):
        signal.connect(broken, Qt.ConnectionType.SingleShotConnection)
    await until(lambda: len(reported) == 5 and synchronized == [True])
    assert sorted(owner for owner, _ in reported) == ["account", *["candle feed"] * 2, *["manager"] * 2]
    assert {(error.callback, type(error.__cause__)) for _, error in reported} == {
        ("broken", ZeroDivisionError)
    }
    for owner, said in errors.items():
        assert said == [error for name, error in reported if name == owner]
    feed.close()


@pytest.mark.raises_in_slots("ValueError", "ZeroDivisionError")
async def test_what_is_raised_below_a_dialog_is_not_blamed_on_the_proxy(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy()
    errors = Errors(proxy)
    seen: list[Any] = []

    def elsewhere() -> None:
        raise ValueError("in a button's slot")

    def dialog(event: Any) -> None:
        nested = QEventLoop()
        QTimer.singleShot(0, elsewhere)
        QTimer.singleShot(20, nested.quit)
        nested.exec()
        seen.append(event)
        raise ZeroDivisionError("after the dialog")

    proxy.trade_received.connect(dialog)
    proxy.subscribe_trade(["KRW-BTC"])
    await until(lambda: seen and errors.of_proxy)
    assert [type(error.__cause__) for error in errors.of_proxy] == [ZeroDivisionError]


async def test_the_hook_is_the_applications_own_again(server: SimulatedServer, make_proxy: MakeProxy) -> None:
    before = sys.excepthook
    proxy = make_proxy()
    hooks: list[Any] = []
    seen: list[Any] = []

    def install(event: Any) -> None:
        seen.append(event)
        if len(seen) == 1:
            sys.excepthook = own

    def own(*args: Any) -> None:
        hooks.append(args)

    proxy.trade_received.connect(install)
    await proxy.subscribe_trade(["KRW-BTC"])
    await until(lambda: seen)
    try:
        assert sys.excepthook is own
    finally:
        sys.excepthook = before
    server.exchange.publish(events.trade("KRW-BTC", 7))
    await until(lambda: len(seen) == 2)
    assert sys.excepthook is before


@pytest.mark.raises_in_slots("ZeroDivisionError", "ZeroDivisionError")
async def test_a_slot_for_errors_that_raises_is_no_error_of_its_own(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy()
    calls: list[Any] = []

    def worse(error: Any) -> None:
        calls.append(error)
        raise ZeroDivisionError

    def bad(event: Any) -> None:
        raise ValueError

    proxy.error_occurred.connect(worse)
    await proxy.subscribe_trade(["KRW-BTC"], callback=bad)
    await until(lambda: len(calls) == 1)
    server.exchange.publish(events.trade("KRW-BTC", 7))
    await until(lambda: len(calls) == 2)
    await turns(10)
    assert len(calls) == 2


async def test_a_callback_that_closes_ends_the_batch_it_is_called_for(
    server: SimulatedServer, make_proxy: MakeProxy
) -> None:
    proxy, other = make_proxy(), make_proxy("other")
    signals: list[Any] = []
    others: list[Any] = []
    proxy.trade_received.connect(signals.append)
    subscription: Subscription[Any] = proxy.subscribe_trade(
        ["KRW-BTC"], delivery=Delivery.BATCH, callback=lambda batch: subscription.close()
    )
    other.subscribe_trade(["KRW-BTC"], delivery=Delivery.BATCH, callback=others.append)
    await until(lambda: others)
    await asyncio.sleep(0)
    assert subscription.is_closed
    assert signals == []
