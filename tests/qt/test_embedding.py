"""Programs with each way of running Qt and asyncio: those that work, and those that are refused with help."""

from __future__ import annotations

import asyncio
import subprocess
import textwrap
from typing import Any

import pytest

from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import Scope
from tests.support.programs import run_program

_LABEL = """
import asyncio, sys
from PySide6.QtCore import QCoreApplication, QObject, QTimer, Qt
import qt_upbit
from qt_upbit import WebSocketClientProxy

class Watcher(QObject):
    def __init__(self, parent=None, count=1):
        super().__init__(parent)
        self.count = count
        self.proxy = WebSocketClientProxy("watcher", parent=self)
        self.proxy.ticker_received.connect(self.show_price)
        self.proxy.subscribe_ticker(["KRW-BTC"])

    def show_price(self, ticker):
        print("price of", ticker.code, flush=True)
        self.count -= 1
        if not self.count:
            QCoreApplication.quit()
"""


async def run(server: SimulatedServer, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program against the exchange, with asyncio's complaints and unclosed resources shown."""
    program = textwrap.dedent(_LABEL) + textwrap.dedent(code)
    settings: dict[str, Any] = {
        "QT_UPBIT_BASE_URL": server.url,
        # The interpreter's own says nothing of us.
        "PYTHONWARNINGS": "default::ResourceWarning,ignore:gc:ResourceWarning",
    }
    return await asyncio.to_thread(lambda: run_program(program, **(settings | env)))


def check_clean(ran: subprocess.CompletedProcess[str], code: int = 0) -> None:
    # On a busy machine a slot may be slower than a frame, and is told.
    said = [line for line in ran.stderr.splitlines() if "and the window stands still meanwhile" not in line]
    assert (ran.returncode, said) == (code, []), ran.stdout


_EXEC = {
    "QApplication": """
        from PySide6.QtWidgets import QApplication, QLabel
        app = QApplication(sys.argv)
        qt_upbit.install(app)
        window = QLabel("…")
        watcher = Watcher(window)
        window.show()
        sys.exit(app.exec())
    """,
    "QGuiApplication": """
        from PySide6.QtGui import QGuiApplication
        app = QGuiApplication(sys.argv)
        qt_upbit.install(app)
        watcher = Watcher()
        sys.exit(app.exec())
    """,
    "QCoreApplication": """
        app = QCoreApplication(sys.argv)
        qt_upbit.install()
        watcher = Watcher()
        sys.exit(QCoreApplication.exec())
    """,
    "made before install": """
        from PySide6.QtWidgets import QApplication
        app = QApplication(sys.argv)
        watcher = Watcher()
        assert qt_upbit.install(app) is qt_upbit.install()
        sys.exit(app.exec())
    """,
    "installed within exec": """
        app = QCoreApplication(sys.argv)
        QTimer.singleShot(0, qt_upbit.install)
        QTimer.singleShot(1, lambda: globals().update(watcher=Watcher()))
        sys.exit(app.exec())
    """,
    "a dialog before exec": """
        from PySide6.QtWidgets import QApplication, QDialog
        app = QApplication(sys.argv)
        app.setQuitOnLastWindowClosed(False)
        qt_upbit.install(app)
        dialog = QDialog()
        proxy = WebSocketClientProxy("login", parent=dialog)
        proxy.subscribe_ticker(["KRW-BTC"], callback=lambda _: dialog.accept())
        dialog.exec()
        watcher = Watcher()
        sys.exit(app.exec())
    """,
    "a task that waits": """
        app = QCoreApplication(sys.argv)
        loop = qt_upbit.install(app)
        async def forever():
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                print("tidied")
        task = loop.create_task(forever())
        watcher = Watcher()
        sys.exit(app.exec())
    """,
}


@pytest.mark.parametrize("code", _EXEC.values(), ids=_EXEC.keys())
async def test_install_makes_exec_enough(server: SimulatedServer, code: str) -> None:
    ran = await run(server, code)
    check_clean(ran)
    assert "price of KRW-BTC" in ran.stdout
    assert ("tidied" in ran.stdout) == ("tidied" in code)
    assert not server.exchange.connection_count(Scope.PUBLIC), "closed before the process ended"


async def test_exec_again_after_it_has_quit(server: SimulatedServer) -> None:
    ran = await run(
        server,
        """
        app = QCoreApplication(sys.argv)
        qt_upbit.install(app)
        for _ in range(3):
            watcher = Watcher()
            app.exec()
            assert watcher.proxy.is_closed or not watcher.proxy.subscriptions[0].is_live
        """,
    )
    check_clean(ran)
    assert ran.stdout.count("price of KRW-BTC") == 3


@pytest.mark.parametrize(
    ("raise_", "code"), [("sys.exit(3)", 3), ("sys.exit()", 0), ("raise KeyboardInterrupt", 130)]
)
async def test_a_task_may_end_the_program(server: SimulatedServer, raise_: str, code: int) -> None:
    ran = await run(
        server,
        f"""
        app = QCoreApplication(sys.argv)
        loop = qt_upbit.install(app)
        proxy = WebSocketClientProxy("p")
        async def main():
            await proxy.subscribe_ticker(["KRW-BTC"])
            {raise_}
        task = loop.create_task(main())
        code = app.exec()
        del task
        sys.exit(code)
        """,
    )
    assert ran.returncode == code, ran.stderr


async def test_a_program_that_never_runs_its_loop_ends(server: SimulatedServer) -> None:
    ran = await run(
        server,
        """
        app = QCoreApplication(sys.argv)
        qt_upbit.install(app)
        watcher = Watcher()
        """,
    )
    check_clean(ran)


_OTHER_LOOPS = {
    "qasync": """
        import qasync
        from PySide6.QtWidgets import QApplication
        app = QApplication(sys.argv)
        loop = qasync.QEventLoop(app)
        asyncio.set_event_loop(loop)
        done = asyncio.Event()
        app.aboutToQuit.connect(done.set)
        watcher = Watcher()
        with loop:
            loop.run_until_complete(done.wait())
    """,
    "qasync, run_forever": """
        import qasync
        from PySide6.QtWidgets import QApplication
        app = QApplication(sys.argv)
        loop = qasync.QEventLoop(app)
        asyncio.set_event_loop(loop)
        watcher = Watcher()
        with loop:
            loop.run_forever()
    """,
    "qasync.run": """
        import qasync
        from PySide6.QtWidgets import QApplication
        async def main():
            proxy = WebSocketClientProxy("p")
            got = asyncio.Event()
            proxy.ticker_received.connect(lambda event: (print("price of", event.code), got.set()))
            await proxy.subscribe_ticker(["KRW-BTC"])
            await got.wait()
        app = QApplication(sys.argv)
        qasync.run(main())
    """,
    "run with a QGuiApplication": """
        from PySide6.QtGui import QGuiApplication
        app = QGuiApplication(sys.argv)
        async def main():
            watcher = Watcher()
            await qt_upbit.until_quit()
        qt_upbit.run(main())
    """,
    "run with a QCoreApplication": """
        app = QCoreApplication(sys.argv)
        async def main():
            watcher = Watcher()
            await qt_upbit.until_quit()
        qt_upbit.run(main())
    """,
}


@pytest.mark.parametrize("code", _OTHER_LOOPS.values(), ids=_OTHER_LOOPS.keys())
async def test_other_ways_end_without_a_traceback(server: SimulatedServer, code: str) -> None:
    """Also without closing anything, as long as nobody asks for resource warnings."""
    ran = await run(server, code, PYTHONWARNINGS="")
    assert "price of KRW-BTC" in ran.stdout, ran.stderr
    check_clean(ran)


_PLAIN = {
    "a proxy": 'WebSocketClientProxy("p")',
    "the manager": "qt_upbit.GlobalWebSocketManager.instance()",
    "a feed": 'qt_upbit.CandleFeed("KRW-BTC", "1m")',
    "a model": "qt_upbit.TickerTableModel()",
}


@pytest.mark.parametrize("call", _PLAIN.values(), ids=_PLAIN.keys())
async def test_asyncio_run_is_refused_at_the_call(server: SimulatedServer, call: str) -> None:
    ran = await run(
        server,
        f"""
        from PySide6.QtWidgets import QApplication
        async def main():
            app = QApplication(sys.argv)
            {call}
            await asyncio.sleep(3600)
        asyncio.run(main())
        """,
    )
    assert ran.returncode == 1
    assert "WrongLoopError: asyncio.run() does not run Qt" in ran.stderr
    assert "qt_upbit.run(main())" in ran.stderr


async def test_asyncio_run_is_refused_at_a_subscription(server: SimulatedServer) -> None:
    """The proxy was made before any loop ran."""
    ran = await run(
        server,
        """
        app = QCoreApplication(sys.argv)
        proxy = WebSocketClientProxy("p")
        async def main():
            await proxy.subscribe_ticker(["KRW-BTC"])
        asyncio.run(main())
        """,
    )
    assert ran.returncode == 1
    assert "WrongLoopError: asyncio.run() does not run Qt" in ran.stderr


async def test_pysides_own_loop_is_refused_at_the_call(server: SimulatedServer) -> None:
    """A loop of that module's name stands for it where PySide comes without it."""
    ran = await run(
        server,
        """
        try:
            from PySide6 import QtAsyncio
        except ImportError:
            import types
            QtAsyncio = types.ModuleType("PySide6.QtAsyncio")
            class QAsyncioEventLoop(asyncio.SelectorEventLoop): ...
            QAsyncioEventLoop.__module__ = "PySide6.QtAsyncio.events"
            def run(main, handle_sigint=False):
                with asyncio.Runner(loop_factory=QAsyncioEventLoop) as runner:
                    runner.run(main)
            QtAsyncio.run = run
        app = QCoreApplication(sys.argv)
        async def main():
            try:
                WebSocketClientProxy("p")
            except qt_upbit.WrongLoopError as exc:
                print(exc)
            app.quit()
        QtAsyncio.run(main(), handle_sigint=True)
        """,
    )
    assert "replace QtAsyncio.run(main()) by qt_upbit.run(main())" in ran.stdout, ran.stderr


async def test_no_loop_at_all_is_told_within_a_turn(server: SimulatedServer) -> None:
    ran = await run(
        server,
        """
        app = QCoreApplication(sys.argv)
        watcher = Watcher()
        # The second turn, after what the first one started.
        QTimer.singleShot(0, lambda: QTimer.singleShot(0, lambda: app.exit(0)))
        sys.exit(app.exec())
        """,
    )
    assert ran.returncode == 0
    assert ran.stderr.count("no asyncio loop is running") == 1
    assert "qt_upbit.install(app)" in ran.stderr


async def test_events_processed_before_the_loop_are_no_reason_to_warn(server: SimulatedServer) -> None:
    """As a splash screen does."""
    ran = await run(
        server,
        """
        app = QCoreApplication(sys.argv)
        watcher = Watcher()
        for _ in range(5):
            app.processEvents()
        async def main():
            await qt_upbit.until_quit()
        qt_upbit.run(main())
        """,
    )
    check_clean(ran)
    assert "price of KRW-BTC" in ran.stdout


async def test_install_refuses_what_cannot_work(server: SimulatedServer) -> None:
    ran = await run(
        server,
        """
        import threading
        def refused(call):
            try:
                call()
            except (RuntimeError, TypeError) as exc:
                print(type(exc).__name__, exc)
        refused(qt_upbit.install)
        app = QCoreApplication(sys.argv)
        refused(lambda: qt_upbit.install("app"))
        thread = threading.Thread(target=refused, args=[lambda: qt_upbit.install(app)])
        thread.start()
        thread.join()
        async def main():
            refused(lambda: qt_upbit.install(app))
        qt_upbit.run(main())
        asyncio.run(main())
        """,
    )
    check_clean(ran)
    lines = ran.stdout.splitlines()
    starts = [
        "RuntimeError make a QApplication first",
        "TypeError install() takes the QApplication, not str",
        "WrongThreadError install() belongs to the GUI thread",
        "RuntimeError an asyncio loop is running already (QtEventLoop)",
        "RuntimeError an asyncio loop is running already",
    ]
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines
