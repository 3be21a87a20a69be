"""Programs without a console: Python gives them no streams at all."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qt_upbit import console
from qt_upbit.console import has_console, run_program
from qt_upbit.simulator import __main__ as simulator
from tests.support.programs import run_program as run_python


class Shown:
    """Runs programs without a console, and notes the dialogs that were shown."""

    def __init__(self) -> None:
        self.dialogs: list[tuple[str, str]] = []

    def __call__(self, title: str, text: str) -> None:
        self.dialogs.append((title, text))

    def code_of(self, main: Callable[[], int]) -> int:
        """The exit code. pytest's own streams come back with each phase of a test, hence here."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", None)
            patch.setattr(sys, "stderr", None)
            code = main()
            assert not has_console(), "the streams are as they were"
        return code


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    seen = Shown()
    monkeypatch.setattr(simulator, "show_dialog", seen)
    return seen


def test_what_a_program_says_before_it_fails_is_shown(shown: Shown) -> None:
    def fails() -> int:
        print("to standard output")
        print("to standard error", file=sys.stderr)
        sys.stderr.write("and at once")
        return 3

    assert shown.code_of(lambda: run_program("title", fails, shown)) == 3
    assert shown.dialogs == [("title", "to standard output\nto standard error\nand at once")]


def test_an_exception_is_shown(shown: Shown) -> None:
    def fails() -> int:
        raise ZeroDivisionError("lost")

    assert shown.code_of(lambda: run_program("title", fails, shown)) == 1
    assert shown.dialogs[0][1].endswith("ZeroDivisionError: lost")


@pytest.mark.parametrize(
    ("code", "expected", "text"), [(0, 0, ""), (None, 0, ""), (2, 2, ""), ("the reason", 1, "the reason")]
)
def test_leaving_is_shown_if_there_is_something_to_say(
    shown: Shown, code: int | str | None, expected: int, text: str
) -> None:
    def leaves() -> int:
        sys.exit(code)

    assert shown.code_of(lambda: run_program("title", leaves, shown)) == expected
    assert shown.dialogs == ([("title", text)] if text else [])


def test_a_program_that_succeeds_shows_nothing_and_keeps_little(shown: Shown) -> None:
    kept: list[str] = []

    def chats() -> int:
        for i in range(10_000):
            print("line", i)
        assert isinstance(sys.stdout, console._Tail)
        kept.append(sys.stdout.text)
        return 0

    assert shown.code_of(lambda: run_program("title", chats, shown)) == 0
    assert shown.dialogs == []
    assert kept[0].endswith("line 9999\n")
    assert len(kept[0]) == 4_000


def test_with_a_console_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    seen = Shown()
    assert run_program("title", lambda: print("here") or 4, seen) == 4
    with pytest.raises(ZeroDivisionError):
        run_program("title", lambda: 1 // 0, seen)
    with pytest.raises(SystemExit):
        run_program("title", lambda: sys.exit(1), seen)
    assert (capsys.readouterr().out, seen.dialogs) == ("here\n", [])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--help"], 0, "usage: "),
        (["--size", "big"], 2, "must look like 1440x900"),
        (["--screenshot", "no/such/folder/picture.png"], 1, "cannot write the screenshot"),
        (["--replay", "no-such-recording", "--screenshot", "x.png"], 2, "cannot play no-such-recording"),
    ],
)
def test_the_terminal(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    done = run_python(
        "import sys\n"
        "from demo_app import __main__ as terminal\n"
        "out, sys.stdout, sys.stderr = sys.stdout, None, None\n"
        "terminal.show_dialog = lambda title, text: out.write(f'[{title}] {text}')\n"
        f"code = terminal.main({[*arguments, '--settings', str(tmp_path / 'settings.ini')]!r})\n"
        "out.write(f' code {code}')\n"
    )
    assert done.stdout.startswith("[qt_upbit terminal] "), done.stderr
    assert text in done.stdout
    assert done.stdout.endswith(f" code {code}")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--help"], 0, "usage: "),
        (["--markets", "0"], 2, "must be at least 1"),
        (["--replay", "no-such-recording"], 1, "cannot replay"),
        (["--host", "127.0.0.1", "--port", "1"], 1, "cannot listen on 127.0.0.1:1"),
    ],
)
def test_the_simulated_exchange(shown: Shown, arguments: list[str], code: int, text: str) -> None:
    if text.startswith("cannot listen"):
        taken = socket.create_server(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        arguments, text = ["--port", str(port), "--markets", "1"], f"cannot listen on 127.0.0.1:{port}"
    assert shown.code_of(lambda: simulator.main(arguments)) == code
    assert text in shown.dialogs[0][1]
    if text.startswith("cannot listen"):
        taken.close()


def test_the_simulated_exchange_runs_as_long_as_its_dialog(shown: Shown) -> None:
    """Without a console nobody could read its address, or stop it."""
    assert shown.code_of(lambda: simulator.main(["--markets", "1"])) == 0
    [(title, text)] = shown.dialogs
    assert title == "Simulated Upbit"
    assert text.startswith("listening on http://127.0.0.1:")
    assert "stop" in text
