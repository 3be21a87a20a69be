"""The library speaks through the standard log, whether somebody listens to its signals or not."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QEventLoop, QTimer

from qt_upbit import CallbackError, Delivery, GlobalWebSocketManager, WebSocketClientProxy, WebSocketConfig
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager
from tests.support import events
from tests.support.programs import run_program
from tests.support.wait import until


def lines(caplog: pytest.LogCaptureFixture, name: str, level: int = logging.NOTSET) -> list[str]:
    return [r.message for r in caplog.records if r.name == f"qt_upbit.{name}" and r.levelno >= level]


@pytest.mark.logs("public: connection failed")
async def test_an_error_that_nobody_listens_to_is_a_warning(
    unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    config = WebSocketConfig.preset("testing", base_url=f"http://127.0.0.1:{unused_tcp_port}")
    manager = GlobalWebSocketManager(config)
    proxy = WebSocketClientProxy("chart", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: lines(caplog, "connection", logging.WARNING))
    (line,) = lines(caplog, "connection", logging.WARNING)
    assert "ConnectionRefusedError" in line or "refused" in line, "the first at once, repetitions sampled"
    proxy.close()
    await manager.aclose()
    manager.deleteLater()


async def test_states_requests_and_subscriptions_are_told(
    server: SimulatedServer, make_manager: MakeManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="qt_upbit")
    manager = make_manager(server)
    proxy = WebSocketClientProxy("chart", manager=manager)
    await proxy.subscribe_ticker(["KRW-BTC"])
    await until(lambda: any("LIVE" in line for line in lines(caplog, "connection", logging.INFO)))
    assert any('"codes":["KRW-BTC"]' in line for line in lines(caplog, "connection"))
    assert any("chart: subscribes to ticker KRW-BTC" in line for line in lines(caplog, "subscription"))
    proxy.close()
    assert any("chart: subscription" in line for line in lines(caplog, "subscription"))
    caplog.clear()


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("through", ["callback", "signal"])
@pytest.mark.logs("slots and callback of ticker took")
async def test_a_slow_slot_is_named_with_its_milliseconds(
    server: SimulatedServer,
    make_manager: MakeManager,
    caplog: pytest.LogCaptureFixture,
    delivery: Delivery,
    through: str,
) -> None:
    manager = make_manager(server, slow_slot_ms=1.0)
    proxy = WebSocketClientProxy("slow chart", manager=manager)
    calls: list[object] = []

    def work(event: object) -> None:
        calls.append(event)
        time.sleep(0.003)

    if through == "signal":
        proxy.ticker_received.connect(work)
    await proxy.subscribe_ticker(
        ["KRW-BTC"], delivery=delivery, callback=work if through == "callback" else None
    )
    for price in range(5):
        server.exchange.publish(events.ticker("KRW-BTC", 100 + price))
        await until(lambda price=price: len(calls) > price)
    (line,) = lines(caplog, "callbacks", logging.WARNING)
    assert line.startswith("slow chart: slots and callback of ticker took")
    proxy.close()


async def test_a_slot_that_opens_a_dialog_is_not_slow(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    manager = make_manager(server, slow_slot_ms=1.0)
    proxy = WebSocketClientProxy("chart", manager=manager)
    done: list[bool] = []

    def ask(_event: object) -> None:
        dialog, before = QEventLoop(), manager.metrics().loop_lag.count
        timer = QTimer(dialog)
        timer.timeout.connect(lambda: manager.metrics().loop_lag.count > before and dialog.quit())
        timer.start(5)
        dialog.exec()
        timer.stop()
        done.append(True)

    await proxy.subscribe_trade(["KRW-BTC"], callback=ask)
    await until(lambda: done)
    proxy.close()


async def test_a_proxy_collected_with_open_subscriptions_is_warned_of(
    server: SimulatedServer, manager: GlobalWebSocketManager
) -> None:
    def forget_the_parent() -> None:
        WebSocketClientProxy("my_chart", manager=manager).subscribe_ticker(["KRW-BTC"])

    async def until_it_is_gone() -> None:
        gc.collect()
        await until(lambda: manager.metrics().proxies == 0)

    forget_the_parent()
    with pytest.warns(ResourceWarning, match=r"'my_chart' .* 1 open subscription, .*parent="):
        await until_it_is_gone()


def _close(proxy: WebSocketClientProxy) -> None:
    proxy.close()


@pytest.mark.parametrize("end", [_close, WebSocketClientProxy.deleteLater])
async def test_a_proxy_that_ends_otherwise_is_not(
    server: SimulatedServer, manager: GlobalWebSocketManager, end: Callable[[WebSocketClientProxy], object]
) -> None:
    proxy = WebSocketClientProxy("my_chart", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"])
    end(proxy)
    await until(lambda: manager.metrics().proxies == 0)
    del proxy
    gc.collect()


_RAISING = """
import asyncio
import qt_upbit
from PySide6.QtCore import QObject, Signal
from qt_upbit.qt.slot_errors import emit_watched

class Sender(QObject):
    sent = Signal(object)

async def main():
    sender = Sender()
    def on_ticker(event):
        raise ValueError("odd")
    sender.sent.connect(on_ticker)
    print(sum(len(emit_watched(sender.sent, 1, owner="chart")) for _ in range(20)))

qt_upbit.run(main())
"""


def test_a_slot_that_raises_at_each_tick_is_printed_once() -> None:
    ran = run_program(_RAISING)
    assert ran.stdout.strip() == "20", "each is counted"
    assert ran.stderr.count("ValueError: odd") == 1


def test_an_applications_own_hook_gets_every_exception() -> None:
    hook = "import sys; seen = []; sys.excepthook = lambda *about: seen.append(about)\n"
    ran = run_program(hook + _RAISING + "print(len(seen))")
    assert ran.stdout.split() == ["20", "20"]


@pytest.mark.raises_in_slots("ValueError", "ValueError", "ValueError")
async def test_every_exception_is_counted_and_reported_and_logged_once(
    server: SimulatedServer, manager: GlobalWebSocketManager, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = WebSocketClientProxy("chart", manager=manager)
    errors: list[Any] = []
    proxy.error_occurred.connect(errors.append)

    def on_trade(_event: object) -> None:
        raise ValueError("odd")

    proxy.trade_received.connect(on_trade)
    await proxy.subscribe_trade(["KRW-BTC"], snapshot=True)
    for number in (1, 2):
        server.exchange.publish(events.trade("KRW-BTC", number))
    await until(lambda: len(errors) == 3)
    assert all(isinstance(error, CallbackError) for error in errors)
    assert manager.metrics().errors == 3
    (line,) = lines(caplog, "callbacks")
    assert "on_trade" in line
    assert "ValueError: odd" in line
    proxy.close()
