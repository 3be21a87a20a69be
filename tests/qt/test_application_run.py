"""`run`: start, and every way to end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QDialog, QWidget

import qt_upbit
from qt_upbit.qt import application_run
from qt_upbit.qt.event_loop import QtEventLoop
from tests.support.programs import run_program, start_program
from tests.support.wait import HANG_S, until

# --- run ------------------------------------------------------------------------------------------


def test_run_returns_what_main_returns_and_can_be_called_again(app: QApplication) -> None:
    async def main(n: int) -> int:
        await asyncio.sleep(0.001)
        return n

    assert [qt_upbit.run(main(n)) for n in range(3)] == [0, 1, 2]
    assert QApplication.instance() is app


@pytest.mark.parametrize("kind", [ValueError, KeyError, SystemExit, KeyboardInterrupt])
def test_what_main_raises_comes_out(app: QApplication, kind: type[BaseException]) -> None:
    async def main() -> None:
        await asyncio.sleep(0.001)
        raise kind("from main")

    with pytest.raises(kind, match="from main"):
        qt_upbit.run(main())
    assert qt_upbit.run(asyncio.sleep(0.001, "again")) == "again"


def test_app_quit_cancels_main(app: QApplication) -> None:
    seen: list[str] = []

    async def main() -> None:
        QTimer.singleShot(5, app.quit)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            await asyncio.sleep(0.001)
            seen.append("tidied")
            raise

    assert qt_upbit.run(main()) is None
    assert seen == ["cancelled", "tidied"]


@pytest.fixture
def _much_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what ends by itself soon, on a machine that does other things meanwhile."""
    monkeypatch.setattr(application_run, "_GRACE_S", HANG_S)


@pytest.mark.usefixtures("_much_grace")
def test_main_may_end_by_itself_after_until_quit(app: QApplication) -> None:
    async def main() -> str:
        QTimer.singleShot(5, app.quit)
        await qt_upbit.until_quit()
        await asyncio.sleep(0.01)
        return "tidied"

    assert qt_upbit.run(main()) == "tidied"


@pytest.mark.usefixtures("_much_grace")
def test_quit_while_tidying_up_does_not_cut_it_short(app: QApplication) -> None:
    """A second window that closes asks to quit a second time."""

    async def main() -> str:
        QTimer.singleShot(5, app.quit)
        await qt_upbit.until_quit()
        app.quit()
        for _ in range(5):
            await asyncio.sleep(0.005)
            app.quit()
        return "tidied"

    assert qt_upbit.run(main()) == "tidied"


def test_main_that_does_not_end_after_until_quit_is_cancelled(
    app: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application_run, "_GRACE_S", 0.05)

    async def main() -> None:
        QTimer.singleShot(5, app.quit)
        await qt_upbit.until_quit()
        await asyncio.sleep(3600)

    assert qt_upbit.run(main()) is None


def test_exception_while_tidying_up_comes_out(app: QApplication) -> None:
    async def main() -> None:
        QTimer.singleShot(5, app.quit)
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("while tidying")

    with pytest.raises(ValueError, match="while tidying"):
        qt_upbit.run(main())


def test_runs_until_the_last_window_is_closed(app: QApplication) -> None:
    app.setQuitOnLastWindowClosed(True)
    windows: list[QWidget] = []
    returned: list[bool] = []

    async def main() -> str:
        for _ in range(2):
            window = QWidget()
            window.show()
            windows.append(window)
        QTimer.singleShot(10, windows[0].close)
        QTimer.singleShot(40, lambda: returned.append(windows[1].isVisible()))
        QTimer.singleShot(50, windows[1].close)
        return "main is long over"

    try:
        assert qt_upbit.run(main()) == "main is long over"
    finally:
        app.setQuitOnLastWindowClosed(False)
    assert returned == [True]


@pytest.mark.parametrize("rejects", [True, False])
def test_quit_with_a_dialog_open(app: QApplication, rejects: bool) -> None:
    """Quitting must get through an open modal dialog."""

    async def main() -> None:
        dialog = QDialog()
        QTimer.singleShot(20, app.quit)
        QTimer.singleShot(5, dialog.exec)
        try:
            await asyncio.sleep(3600)
        finally:
            if rejects:
                dialog.reject()

    assert qt_upbit.run(main()) is None


def test_background_tasks_are_cancelled_and_awaited(app: QApplication) -> None:
    seen: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            seen.append("background tidied")

    async def main() -> None:
        task = asyncio.create_task(background())
        await asyncio.sleep(0.01)
        assert not task.done()

    qt_upbit.run(main())
    assert seen == ["background tidied"]


def test_until_quit_outside_run_says_so(app: QApplication) -> None:
    async def main() -> None:
        await qt_upbit.until_quit()

    loop = QtEventLoop(app)
    with pytest.raises(RuntimeError, match=r"qt_upbit\.run"):
        loop.run_until_complete(main())
    loop.close()


async def test_run_inside_a_running_loop_says_so() -> None:
    main = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="running"):
        qt_upbit.run(main)


def test_run_from_a_thread_says_so(app: QApplication) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            qt_upbit.run(asyncio.sleep(0))
        except RuntimeError as exc:
            errors.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_run_leaves_no_filter_and_no_handler_behind(app: QApplication) -> None:
    before = signal.getsignal(signal.SIGINT)
    filters = len(app.findChildren(QObject, "qt_upbit quit filter"))
    qt_upbit.run(asyncio.sleep(0.001))
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(app.findChildren(QObject, "qt_upbit quit filter")) == filters


def test_own_handler_of_sigint_is_left_alone(app: QApplication) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    own = signal.getsignal(signal.SIGINT)
    try:

        async def main() -> None:
            assert signal.getsignal(signal.SIGINT) is own
            signal.raise_signal(signal.SIGINT)
            await until(lambda: bool(seen))

        qt_upbit.run(main())
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


# --- as a process ---------------------------------------------------------------------------------

PROGRAM = """
    import asyncio, sys, warnings
    warnings.simplefilter("error", DeprecationWarning)
    import qt_upbit
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QWidget, QPushButton

    {body}
"""


def program(body: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in PROGRAM.splitlines()).replace("{body}", body)


def test_run_makes_the_application() -> None:
    done = run_program(
        program(
            "async def main():\n"
            "    await asyncio.sleep(0.01)\n"
            "    print(QApplication.instance().arguments())\n"
            "    return 5\n"
            "print(qt_upbit.run(main(), argv=['my-app']))\n"
            "print(qt_upbit.run(main()))\n"
        )
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["['my-app']", "5", "['my-app']", "5"]


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone on Windows")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("waits", ["asyncio.sleep(3600)", "qt_upbit.until_quit()"])
def test_a_signal_ends_in_order(waits: str, name: str) -> None:
    process = start_program(
        program(
            "async def main():\n"
            "    window = QWidget(); window.show()\n"
            "    print('ready', flush=True)\n"
            "    try:\n"
            f"        await {waits}\n"
            "    finally:\n"
            "        print('tidied')\n"
            "qt_upbit.run(main())\n"
            "print('over')\n"
        )
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, getattr(signal, name))
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == ["tidied", "over"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to another process on Windows")
def test_sigterm_and_sighup_that_come_twice_do_not_cut_the_closing_short() -> None:
    process = start_program(
        program(
            "async def main():\n"
            "    print('ready', flush=True)\n"
            "    try:\n"
            "        await asyncio.sleep(3600)\n"
            "    finally:\n"
            "        print('closing', flush=True)\n"
            "        await asyncio.to_thread(sys.stdin.readline)\n"
            "        print('tidied')\n"
            "qt_upbit.run(main())\n"
            "print('over')\n"
        ),
        stdin=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGHUP)
    assert process.stdout.readline() == "closing\n"
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate("\n", timeout=HANG_S)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines() == ["tidied", "over"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_what_nohup_ignores_stays_ignored() -> None:
    process = start_program(
        program(
            "import signal\n"
            "    signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
            "    async def main():\n"
            "        print('ready', flush=True)\n"
            "        await qt_upbit.until_quit()\n"
            "    qt_upbit.run(main())\n"
            "    print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)\n"
        ).replace("\n    ", "\n")
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGHUP)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out, err) == (0, "True\n", "")


# --- Windows' ways to end, by fakes -----------------------------------------------------------------


class _FakeSignals:
    """Windows' `signal` module: a handler runs when Python looks, and there is no ``add_signal_handler``."""

    def __init__(self) -> None:
        self.handlers: dict[int, Any] = {}

    def signal(self, number: int, handler: Any) -> Any:
        before, self.handlers[number] = self.handlers.get(number, signal.SIG_DFL), handler
        return before

    def getsignal(self, number: int) -> Any:
        return self.handlers.get(number, signal.SIG_DFL)


def test_ctrl_break_ends_in_order(app: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, number = _FakeSignals(), 21
    monkeypatch.setattr(signal, "SIGBREAK", number, raising=False)
    monkeypatch.setattr(signal, "signal", fake.signal)
    monkeypatch.setattr(signal, "getsignal", fake.getsignal)

    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(QtEventLoop, "add_signal_handler", refuse, raising=False)
    seen: list[str] = []

    async def main() -> None:
        assert len(app.findChildren(QTimer, "qt_upbit signal poll")) == 1
        fake.handlers[number](number, None)
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("tidied")

    qt_upbit.run(main())
    assert seen == ["tidied"]
    assert fake.handlers[number] is signal.SIG_DFL


class _Session(QObject):
    """What a QGuiApplication says of the session."""

    commitDataRequest = Signal(object)
    saveStateRequest = Signal(object)


@pytest.mark.parametrize("name", ["commitDataRequest", "saveStateRequest"])
@pytest.mark.parametrize("waits", [True, False])
def test_the_end_of_a_windows_session_returns_when_everything_is_closed(
    app: QApplication, monkeypatch: pytest.MonkeyPatch, name: str, waits: bool
) -> None:
    session, seen = _Session(), list[str]()
    right = application_run._quit_at_session_end
    monkeypatch.setattr(
        application_run,
        "_quit_at_session_end",
        lambda _app, quit_filter: right(session, quit_filter, "win32"),
    )

    def end_session() -> None:
        getattr(session, name).emit(None)
        seen.append("Windows goes on")

    async def main() -> None:
        QTimer.singleShot(0, app, end_session)
        try:
            await (qt_upbit.until_quit() if waits else asyncio.sleep(3600))
        finally:
            await asyncio.sleep(0.01)
            seen.append("tidied")

    qt_upbit.run(main())
    session.commitDataRequest.emit(None)
    assert seen == ["tidied", "Windows goes on"]


def test_a_session_elsewhere_may_be_saved_and_go_on(app: QApplication) -> None:
    session = _Session()
    quit_filter = application_run._QuitFilter(app)
    application_run._quit_at_session_end(session, quit_filter, "linux")()
    session.commitDataRequest.emit(None)
    assert not quit_filter.quit_requested.is_set()
    quit_filter.deleteLater()


def test_what_does_not_close_does_not_keep_a_session_forever(
    app: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application_run, "_SESSION_END_S", 0.01)
    quit_filter = application_run._QuitFilter(app)
    quit_filter.close_now()
    assert quit_filter.quit_requested.is_set()
    assert not quit_filter.is_closed
    quit_filter.deleteLater()


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone on Windows")
def test_second_ctrl_c_ends_a_program_that_does_not_want_to() -> None:
    process = start_program(
        program(
            "async def main():\n"
            "    print('ready', flush=True)\n"
            "    for _ in range(3):\n"
            "        try:\n"
            "            await asyncio.sleep(3600)\n"
            "        except asyncio.CancelledError:\n"
            "            print('no', flush=True)\n"
            "qt_upbit.run(main())\n"
        )
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for _ in range(3):
        os.kill(process.pid, signal.SIGINT)
        process.stdout.readline()
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err


@pytest.mark.parametrize("code", ["sys.exit(3)", "raise SystemExit(3)"])
def test_exit_code_of_main(code: str) -> None:
    done = run_program(
        program(f"async def main():\n    await asyncio.sleep(0.01)\n    {code}\nqt_upbit.run(main())\n")
    )
    assert (done.returncode, done.stderr) == (3, "")


def test_exception_of_main_is_a_plain_traceback() -> None:
    done = run_program(program("async def main():\n    raise ValueError('boom')\nqt_upbit.run(main())\n"))
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ValueError: boom")
    assert done.stderr.count("Traceback") == 1


def test_interrupting_a_callback_is_not_swallowed(app: QApplication) -> None:
    """As with asyncio, SystemExit in a callback ends the loop and comes out of `run`."""

    def leave() -> None:
        raise SystemExit(4)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(3600)

    with pytest.raises(SystemExit) as caught:
        qt_upbit.run(main())
    assert caught.value.code == 4
