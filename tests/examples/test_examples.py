"""Each example runs as a reader would run it: in its own process, against the simulated exchange."""

from __future__ import annotations

import ast
import contextlib
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY
from tests.support.programs import PROGRAM_HANG_S, ROOT, environment

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

WATCH = """
import os, runpy, sys, threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QPlainTextEdit, QPushButton, QTableView

app = QApplication([])
said = set()
enough = threading.Event()

def wait_for_the_end():
    sys.stdin.read()
    enough.set()

threading.Thread(target=wait_for_the_end, daemon=True).start()

def look():
    if enough.is_set():
        timer.stop()
        app.quit()
        return
    for widget in QApplication.allWidgets():
        if isinstance(widget, QPushButton) and widget.isVisible() and widget.isEnabled():
            if widget not in said:
                said.add(widget)
                widget.click()
        text = widget.text() if isinstance(widget, QLabel) else ""
        if isinstance(widget, QPlainTextEdit):
            text = widget.toPlainText()
        if isinstance(widget, QListWidget):
            text = "\\n".join(widget.item(row).text() for row in range(widget.count()))
        if isinstance(widget, QTableView) and widget.model() is not None:
            rows = [
                [widget.model().index(row, column).data() for column in range(2)]
                for row in range(widget.model().rowCount())
            ]
            known = sum(bool(price) for _, price in rows)
            text = f"{len(rows)} rows, {known} known\\n" + "\\n".join(map(" ".join, rows[:3]))
        if type(widget).__name__ == "OrderbookDepth" and widget.book is not None:
            pixels = widget.grab().toImage()
            colors = {pixels.pixel(x, y) for x in range(0, 300, 10) for y in range(0, 300, 10)}
            text = f"painted {len(colors)} colors"
        for line in text.splitlines():
            if line not in said:
                said.add(line)
                print("shows", line, flush=True)

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    """A simulated exchange as a process; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "qt_upbit.simulator", "--port", "0", "--seed", "7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"listening on (http://\S+)\s*", line)
        assert match, line + (process.stderr.read() if process.stderr and process.poll() else "")
        yield match[1]
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=PROGRAM_HANG_S)
        if process.poll() is None:
            process.kill()
            process.communicate()


def run_example(name: str, address: str, enough: Callable[[list[str]], object]) -> list[str]:
    """Run one until it has printed and shown enough, and return all output; stderr must be empty."""
    path = ROOT / "examples" / name
    lines: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", WATCH, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=environment(QT_UPBIT_BASE_URL=address),
            cwd=ROOT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        guard = threading.Timer(PROGRAM_HANG_S, process.kill)
        guard.start()
        for line in process.stdout:
            lines.append(line.removesuffix("\n"))
            if not process.stdin.closed and enough(lines):
                process.stdin.close()  # which ends it
        process.stdout.close()
        process.stdin.close()
        process.wait()
        guard.cancel()
        guard.join()
        errors.seek(0)
        # The offscreen platform has no size hints, and reports it.
        complaints = [line for line in errors if "propagateSizeHints" not in line]
    assert (process.returncode, complaints) == (0, []), lines[:20]
    return lines


def has(*patterns: str) -> Callable[[list[str]], bool]:
    """Whether there is a line of each pattern."""
    return lambda lines: all(any(re.fullmatch(pattern, line) for line in lines) for pattern in patterns)


def matching(lines: list[str], pattern: str) -> list[str]:
    found = [line for line in lines if re.fullmatch(pattern, line)]
    assert found, f"no line like {pattern!r} in {lines[:20]}"
    return found


def test_quickstart(simulator: str) -> None:
    lines = run_example("quickstart.py", simulator, lambda lines: False)  # it ends by itself
    for code in ("KRW-BTC", "KRW-ETH"):
        matching(lines, rf"signal +{code} [\d.E+]+")
        matching(lines, rf"callback {code} [\d.E+]+")
    assert len(matching(lines, r"snapshot [\d.E+]+")) == 1


def test_price_label(simulator: str) -> None:
    price = r"shows KRW-BTC [\d,.]+ \([+-][\d.]+%\)"
    lines = run_example(
        "price_label.py", simulator, lambda lines: sum(bool(re.fullmatch(price, line)) for line in lines) >= 2
    )
    assert len(matching(lines, price)) >= 2


def test_orderbook_depth(simulator: str) -> None:
    lines = run_example("orderbook_depth.py", simulator, has(r"shows painted ([3-9]|\d\d+) colors"))
    matching(lines, r"shows painted ([3-9]|\d\d+) colors")


def test_candles(simulator: str) -> None:
    row = r"shows \d{4}-\d\d-\d\dT[\d:]+(  [\d,.]+){4}"

    def starts(lines: list[str]) -> set[str]:
        return {line.split()[1] for line in lines if re.fullmatch(row, line)}

    lines = run_example("candles.py", simulator, lambda lines: len(starts(lines)) >= 2)
    assert len(starts(lines)) >= 2


def test_candle_history(simulator: str) -> None:
    wanted = r"shows ([7-9]\d\d|\d{4,}) candles from .+ to .+ UTC", r"shows last [\d,.]+ highest [\d,.]+"
    lines = run_example("candle_history.py", simulator, has(*wanted))
    for pattern in wanted:
        matching(lines, pattern)


def test_my_orders(simulator: str) -> None:
    wanted = (
        r"(wait|trade|done|cancel|watch|prevented) \S+ (ASK|BID) [\d.E+-]+ of .*",
        r"balance [A-Z0-9]+ [\d.E+-]+ locked [\d.E+-]+",
    )
    lines = run_example("my_orders.py", simulator, has(*wanted))
    assert lines[0] == "connected"
    for pattern in wanted:
        matching(lines, pattern)


def test_account_panel(simulator: str) -> None:
    wanted = (
        "shows account: synchronized",
        r"shows KRW [\d,.]+ and [\d,.]+ in orders",
        r"shows KRW-[A-Z0-9]+ (ASK|BID) [\d.]+ of [\d.]+ at .*",
    )
    lines = run_example("account_panel.py", simulator, has(*wanted))
    for pattern in wanted:
        matching(lines, pattern)


def test_rest_calls(simulator: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "rest_calls.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PROGRAM_HANG_S,
        env=environment(
            QT_UPBIT_BASE_URL=simulator,
            UPBIT_ACCESS_KEY=SIMULATED_ACCESS_KEY,
            UPBIT_SECRET_KEY=SIMULATED_SECRET_KEY,
        ),
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    matching(lines, r"\d+ markets, the first is KRW-BTC 비트코인")
    matching(lines, r"not sent: price \d+: is between two valid prices: \d+ or \d+ would do")
    matching(lines, r"placed wait [\d,.]+ KRW locked")
    assert lines[-2:] == ["open True", "ended cancel"]


def test_watch_list(simulator: str) -> None:
    wanted = r"shows \d+ rows, (1[1-9]|[2-9]\d|\d{3,}) known", r"shows KRW-[A-Z0-9]+ [\d,.]+"
    lines = run_example("watch_list.py", simulator, has(*wanted))
    rows, known = map(int, re.findall(r"\d+", matching(lines, wanted[0])[-1]))
    assert 10 < known < 40 < rows, "visible rows, and a few more after a sort"
    assert len(matching(lines, wanted[1])) >= 3


def test_owned_slot_button(simulator: str) -> None:
    wanted = [rf"shows {code} [\d,.]+" for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP")]
    lines = run_example("owned_slot_button.py", simulator, has(*wanted))
    for pattern in wanted:
        matching(lines, pattern)


def test_connection_monitor(simulator: str) -> None:
    wanted = (
        "shows public: live",
        r"shows 1 connection, 3 streams, [1-9]\d* messages/s, [1-9]\d*% saved, p99 [\d.]+ ms",
    )
    lines = run_example("connection_monitor.py", simulator, has(*wanted))
    for pattern in wanted:
        matching(lines, pattern)


def test_headless_core_needs_neither_qt_nor_network() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "headless_core.py")],
        capture_output=True,
        text=True,
        timeout=PROGRAM_HANG_S,
        env={k: v for k, v in environment().items() if k != "QT_UPBIT_BASE_URL"},
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "KRW-BTC 106691000.00000000 0.00009372 2026-09-02T07:46:20.423000+00:00",
        "type, code, timestamp, trade_date, trade_time",
        "round trip exact: True Qt loaded: False",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_is_one_screen_explained_and_tested(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 70
    assert ast.get_docstring(ast.parse(source))
    assert f"def test_{path.stem}" in Path(__file__).read_text(encoding="utf-8")
