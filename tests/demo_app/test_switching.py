"""Switching the pair: old data looks stale until the new comes, and nothing jumps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import shiboken6

from demo_app.shell.connection_line import ConnectionLine
from demo_app.shell.ticker_header import TickerHeader
from demo_app.terminal_state import TerminalState
from qt_upbit.simulator import SimulatedServer
from tests.support import events
from tests.support.programs import run_program

Terminal = Callable[..., Awaitable[SimulatedServer]]

pytestmark = pytest.mark.usefixtures("offline")


async def test_the_ticker_header_is_grey_while_switching(state: TerminalState) -> None:
    header = TickerHeader(state)
    header.proxy.ticker_received.emit(events.ticker("KRW-BTC", 158_000_000))
    assert header.isEnabled()
    state.set_market("KRW-XRP")
    assert not header.isEnabled()
    header.set_stale(True)
    header.proxy.ticker_received.emit(events.ticker("KRW-XRP", 4_000))
    assert not header.isEnabled()
    header.set_stale(False)
    assert header.isEnabled()
    shiboken6.delete(header)


async def test_a_long_error_does_not_widen_the_window(state: TerminalState) -> None:
    line = ConnectionLine(state)
    line.resize(900, 24)
    line.grab()
    least = line.minimumSizeHint().width()
    text = "<b>refused</b> " + "W" * 300
    line.show_error(text)
    line.grab()
    assert line.minimumSizeHint().width() == least
    assert line._error.text().startswith("<b>refused")
    assert line._error.text().endswith("…")
    assert line._error.toolTip() == text
    line.show_error("")
    assert (line._error.text(), line._error.toolTip()) == ("", "")
    shiboken6.delete(line)


def test_the_window_does_not_wait_for_the_sdk() -> None:
    done = run_program("import sys, demo_app.application; sys.exit('upbit' in sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


# --- the past -------------------------------------------------------------------------------------
