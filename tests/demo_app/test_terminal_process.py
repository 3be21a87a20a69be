"""`python -m demo_app` as a process: exit codes and messages."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import PROGRAM_HANG_S, ROOT, environment, run_program, start_program

WITH_TIMEOUT = ("--timeout", str(PROGRAM_HANG_S - 10))
_FATAL_WARNINGS = ("-W", "error")


def _terminal(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *_FATAL_WARNINGS, "-m", "demo_app", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PROGRAM_HANG_S,
        env=environment(**env),
        cwd=ROOT,
    )


def _png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_screenshot_without_any_output(tmp_path: Path, language: str) -> None:
    path = tmp_path / "terminal.png"
    home = tmp_path / "home"
    home.mkdir()
    own: dict[str, Any] = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    done = _terminal("--screenshot", str(path), "--after", "0", *WITH_TIMEOUT, "--lang", language, **own)
    assert not list(home.rglob("*.conf")), "the user's own settings are not touched"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _png_size(path) == (1440, 900)
    looked = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "screenshot.py"), str(path)], capture_output=True, text=True
    )
    assert (looked.returncode, looked.stderr) == (0, ""), "data in every panel"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_without_data_there_is_no_screenshot(tmp_path: Path, language: str) -> None:
    path = tmp_path / "terminal.png"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = _terminal(
            *("--screenshot", str(path), "--after", "0", "--timeout", "0.5"),
            *("--base-url", url, "--lang", language),
        )
    chart = {"ko": "차트", "en": "Chart"}[language]
    assert done.returncode == 1
    *logged, said = done.stderr.splitlines()
    assert re.fullmatch(rf"no screenshot: still no data in .*\b{chart}\b.*", said)
    assert all(line.startswith("public: connection failed: ") for line in logged)
    assert not path.exists()


def test_size_and_theme(tmp_path: Path) -> None:
    path = tmp_path / "small.png"
    done = _terminal(
        *("--screenshot", str(path), "--after", "0", *WITH_TIMEOUT),
        *("--size", "1000x640", "--theme", "light"),
        *("--region", "sg", "--layout", "book"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert _png_size(path) == (1000, 640)


@pytest.mark.parametrize("name", ["no such folder/x.png", "."])
def test_a_screenshot_that_cannot_be_written_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    done = _terminal("--screenshot", str(path), "--after", "0", *WITH_TIMEOUT)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_arguments_end_with_code_two() -> None:
    done = _terminal("--lang", "fr")
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["aiohttp", "upbit", "PySide6"])
def test_a_missing_package_is_explained(module: str) -> None:
    done = run_program(
        """
        import sys
        sys.modules[sys.argv[1]] = None
        from demo_app.__main__ import main
        sys.exit(main(["--screenshot", "never.png", "--after", "0"]))
        """,
        module,
    )
    assert done.returncode == 1
    assert module in done.stderr
    assert 'pip install "qt-upbit[demo]"' in done.stderr
    assert "Traceback" not in done.stderr


_CLOSES = """
    import sys
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from demo_app.__main__ import main
    from qt_upbit import RestClient

    app = QApplication([])
    load = RestClient.get_candles

    async def candles(self, *arguments, **options):
        # The window closes while the history is on its way.
        QTimer.singleShot(int(sys.argv[1]), app.closeAllWindows)
        return await load(self, *arguments, **options)

    RestClient.get_candles = candles
    sys.exit(main(["--lang", "ko", "--settings", sys.argv[2]]))
"""


@pytest.mark.parametrize("after_ms", ["0", "1500"])
def test_closing_the_window_ends_the_process(after_ms: str, tmp_path: Path) -> None:
    settings = tmp_path / "terminal.ini"
    done = run_program(_CLOSES, after_ms, str(settings))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "[window]" in settings.read_text(), "the layout is saved"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process on Windows")
def test_control_c_ends_the_process(tmp_path: Path) -> None:
    process = start_program(
        """
        import sys
        from demo_app.__main__ import main
        from demo_app.shell.market_list import MarketList

        load = MarketList.start

        def start(self):
            load(self)
            print("running", flush=True)

        MarketList.start = start
        sys.exit(main(["--lang", "en", "--settings", sys.argv[1]]))
        """,
        str(tmp_path / "terminal.ini"),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PROGRAM_HANG_S)
    assert (process.returncode, said) == (0, "")
