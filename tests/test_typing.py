"""What a type checker tells a user: each planted mistake, and nothing about correct programs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import ROOT, environment

_HEAD = """
from __future__ import annotations

import asyncio
from decimal import Decimal

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QLabel

import qt_upbit
from qt_upbit import (
    Account, CandleEvent, CandleUnit, ConnectionState, Delivery, GlobalWebSocketManager, MyOrderEvent,
    OrderbookEvent, QtUpbitError, Scope, Subscription, TickerEvent, TradeEvent, WebSocketClientProxy,
    format_price,
)

proxy = WebSocketClientProxy("p")
manager = GlobalWebSocketManager.instance()

def on_ticker(event: TickerEvent) -> None: ...
def on_trade(event: TradeEvent) -> None: ...
def on_trades(events: tuple[TradeEvent, ...]) -> None: ...
def on_two(event: TickerEvent, more: int) -> None: ...
def on_any(event: TickerEvent | TradeEvent) -> None: ...
"""

PLANTED = {
    "the event of another signal": "proxy.ticker_received.connect(on_trade)",
    "the event of another subscription": 'proxy.subscribe_ticker(["KRW-BTC"], callback=on_trade)',
    "two arguments for a slot": "proxy.ticker_received.connect(on_two)",
    "two arguments for a callback": 'proxy.subscribe_ticker(["KRW-BTC"], callback=on_two)',
    "one event under BATCH": 'proxy.subscribe_trade(["KRW-BTC"], callback=on_trade, delivery=Delivery.BATCH)',
    "a tuple without BATCH": 'proxy.subscribe_trade(["KRW-BTC"], callback=on_trades)',
    "a tuple under EVERY": (
        'proxy.subscribe_trade(["KRW-BTC"], callback=on_trades, delivery=Delivery.EVERY)'
    ),
    "a depth that Upbit has not": 'proxy.subscribe_orderbook(["KRW-BTC"], depth=10)',
    "a depth of a snapshot": 'proxy.get_orderbook_snapshot(["KRW-BTC"], depth=2)',
    "a unit that Upbit has not": 'proxy.subscribe_candle(["KRW-BTC"], unit="2m")',
    "a timeframe that Upbit has not": (
        'proxy.subscribe_indicator(["KRW-BTC"], timeframe="2m", indicators=[{"type": "rsi"}])'
    ),
    "a typo in a lambda for a callback": (
        'proxy.subscribe_ticker(["KRW-BTC"], callback=lambda event: print(event.trade_prise))'
    ),
    "a typo in a lambda for a signal": (
        "proxy.ticker_received.connect(lambda event: print(event.trade_prise))"
    ),
    "a name that is no event": 'proxy.subscribe("tickr", ["KRW-BTC"])',
    "an option of another event": 'proxy.subscribe("ticker", ["KRW-BTC"], depth=5)',
    "an event of another name": 'proxy.subscribe("ticker", ["KRW-BTC"], on_trade)',
    "a state that is none": "x: int = manager.public_state",
    "an error handler of another kind": "proxy.error_occurred.connect(on_ticker)",
    "states in the wrong order": (
        "def on_state(state: ConnectionState, scope: Scope) -> None: ...\n"
        "manager.state_changed.connect(on_state)"
    ),
    "the loop's event": (
        "async def loop() -> None:\n"
        '    async for event in proxy.subscribe_trade(["KRW-BTC"]): print(event.acc_trade_price)'
    ),
    "a timeout that is a text": 'proxy.get_ticker_snapshot(["KRW-BTC"], timeout="5")',
}

CORRECT = """
class Label(QLabel):
    price_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.proxy = WebSocketClientProxy("label", parent=self)
        self.proxy.ticker_received.connect(self.show_price)
        self.proxy.ticker_received.connect(self.price_changed)
        self.proxy.ticker_received.connect(self.update)
        self.proxy.trade_received.connect(on_trades)
        self.proxy.connection_state_changed.connect(self.show_state)
        self.proxy.error_occurred.connect(self.show_error)
        self.proxy.error_occurred.connect(print)
        self.proxy.overflowed.connect(lambda kind, lost: print(kind, lost + 1))
        self.proxy.gap_detected.connect(lambda scope, codes, begin, end: print(codes[0], end - begin))
        self.proxy.gap_detected.connect(lambda: print("gap"))
        self.subscription: Subscription = self.proxy.subscribe_ticker(["KRW-BTC"])
        self.trades: Subscription[TradeEvent] = self.proxy.subscribe_trade(["KRW-BTC"], callback=on_trade)

    @Slot(object)
    def show_price(self, event: TickerEvent) -> None:
        self.setText(format_price(event.code, event.trade_price))

    def show_state(self, scope: Scope, state: ConnectionState) -> None:
        self.setEnabled(state is ConnectionState.LIVE)

    def show_error(self, error: QtUpbitError) -> None:
        self.setText(str(error))

proxy.ticker_received.connect(lambda event: print(event.trade_price))
proxy.ticker_received.connect(on_any)
proxy.ticker_received.disconnect(on_any)
proxy.subscribe_ticker(["KRW-BTC"], callback=on_any)
proxy.subscribe_ticker(("KRW-BTC",), callback=lambda event: print(event.trade_price), snapshot=False)
proxy.subscribe_trade(["KRW-BTC"], callback=on_trades, delivery=Delivery.BATCH)
proxy.subscribe_trade(["KRW-BTC"], callback=lambda events: print(len(events)), delivery=Delivery.BATCH)
proxy.subscribe_orderbook(["KRW-BTC"], depth=5, level=Decimal(1000))
proxy.subscribe_candle(["KRW-BTC"], unit="1m")
proxy.subscribe_candle(["KRW-BTC"], unit=CandleUnit.M5)
proxy.subscribe_my_order(callback=lambda event: print(event.uuid))
proxy.subscribe("ticker", ["KRW-BTC"], on_ticker)
proxy.subscribe("ticker", ["KRW-BTC"], callback=on_ticker, delivery=Delivery.EVERY)
proxy.subscribe("trade", ["KRW-BTC"], delivery=Delivery.BATCH)
proxy.subscribe("trade", ["KRW-BTC"], on_trades, Delivery.BATCH)
proxy.subscribe("orderbook", ["KRW-BTC"], depth=15)
proxy.subscribe("my_asset")
manager.state_changed.connect(lambda scope, state: print(scope.value, state.name))
manager.public_state_changed.connect(lambda state: print(state.name))
manager.error_occurred.connect(lambda owner, error: print(owner.upper(), error))
manager.metrics_updated.connect(lambda metrics: print(metrics.errors))
live: bool = manager.public_state is ConnectionState.LIVE

def chosen(delivery: Delivery) -> None:
    proxy.subscribe_trade(["KRW-BTC"], delivery=delivery, callback=print)

async def main() -> None:
    subscription = await proxy.subscribe_ticker(["KRW-BTC"])
    await subscription.wait(timeout=5)
    async for ticker in subscription:
        print(ticker.trade_price)
    async with proxy.subscribe_trade(["KRW-BTC"], delivery=Delivery.BATCH) as batches:
        async for batch in batches:
            print(batch[0].sequential_id)
    books = await proxy.get_orderbook_snapshot(["KRW-BTC"], depth=5, timeout=3)
    print(books["KRW-BTC"].asks[0].price)
    await Account.instance().synchronized_once(timeout=10)

qt_upbit.run(main())
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each planted mistake, and under an empty name, of the correct programs."""
    folder = tmp_path_factory.mktemp("typing")
    names = {f"planted_{number}": name for number, name in enumerate(PLANTED)} | {"correct": ""}
    for stem, name in names.items():
        (folder / f"{stem}.py").write_text(_HEAD + (PLANTED[name] if name else CORRECT), encoding="utf-8")
    arguments = ["--strict", "--config-file=", "--no-incremental", *(f"{stem}.py" for stem in names)]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(MYPYPATH=str(ROOT), MYPY_CACHE_DIR=str(folder / "cache")),
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    found = dict.fromkeys(names.values(), "")
    for line in ran.stdout.splitlines():
        match = re.match(r"(\w+)\.py:\d+: error", Path(line).name)
        if match is not None and match[1] in names:
            found[names[match[1]]] += line + "\n"
    return found


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found(complaints: dict[str, str], name: str) -> None:
    assert complaints[name], PLANTED[name]


def test_correct_programs_are_not_complained_of(complaints: dict[str, str]) -> None:
    assert complaints[""] == ""
