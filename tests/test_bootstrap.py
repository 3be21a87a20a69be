"""The parts of run.py that decide something; what they lead to is run whole by .ci/run."""

import ast
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run as bootstrap

RUN_PY = Path(bootstrap.__file__)


def test_the_rest_of_the_line_belongs_to_the_program() -> None:
    assert bootstrap.parse(["demo", "--lang", "ko"]) == ("demo", ["--lang", "ko"])
    assert bootstrap.parse(["test", "--help"]) == ("test", ["--help"])


@pytest.mark.parametrize("argv", [[], ["--help"], ["deploy"]])
def test_anything_but_a_command_shows_the_usage(argv: list[str]) -> None:
    with pytest.raises(bootstrap.Stop, match=r"usage: python3 run\.py demo"):
        bootstrap.parse(argv)


def test_a_wrong_command_ends_with_usage_and_no_traceback_on_any_console() -> None:
    result = subprocess.run(
        [sys.executable, str(RUN_PY), "배포"],
        env={**os.environ, "PYTHONIOENCODING": "cp949"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith(b"usage: ")
    assert b"Traceback" not in result.stderr


def test_an_old_python_can_read_the_version_check() -> None:
    """Python 3.7 is the oldest grammar that `ast` still knows."""
    tree = ast.parse(RUN_PY.read_text(encoding="utf-8"), feature_version=(3, 7))
    kinds = [type(node) for node in tree.body]
    check = next(node for node in tree.body if isinstance(node, ast.If))
    assert "version_info" in ast.unparse(check.test)
    assert tree.body.index(check) < kinds.index(ast.FunctionDef)


def test_it_prints_only_what_every_console_can_show() -> None:
    assert RUN_PY.read_text(encoding="utf-8").isascii()


def test_a_32_bit_python_is_refused() -> None:
    bootstrap.require_64_bit(2**63 - 1)
    with pytest.raises(bootstrap.Stop, match="64-bit"):
        bootstrap.require_64_bit(2**31 - 1)


SCREENSHOT = ["--screenshot", "a.png", "--after", "3"]


@pytest.mark.parametrize(
    ("command", "arguments", "environ", "system", "platform"),
    [
        pytest.param("test", [], {"DISPLAY": ":0"}, "linux", "offscreen", id="tests-open-no-windows"),
        pytest.param("test", [], {}, "win32", "offscreen", id="nor-on-windows"),
        pytest.param("test", [], {"QT_QPA_PLATFORM": "xcb"}, "linux", "xcb", id="unless-asked-to"),
        pytest.param("demo", [], {"DISPLAY": ":0"}, "linux", None, id="x11"),
        pytest.param("demo", [], {"WAYLAND_DISPLAY": "wayland-0"}, "linux", None, id="wayland"),
        pytest.param("demo", [], {}, "darwin", None, id="macos"),
        pytest.param("demo", [], {}, "win32", None, id="windows"),
        pytest.param("demo", [], {"QT_QPA_PLATFORM": "vnc"}, "linux", "vnc", id="own-choice"),
        pytest.param("demo", SCREENSHOT, {}, "linux", "offscreen", id="screenshot"),
        pytest.param("demo", ["--screenshot=a.png"], {}, "linux", "offscreen", id="screenshot-in-one-word"),
        pytest.param("demo", SCREENSHOT, {"DISPLAY": ":0"}, "linux", None, id="screenshot-of-a-real-window"),
        pytest.param("demo", ["--help"], {}, "linux", "offscreen", id="help"),
    ],
)
def test_qt_platform(
    command: str, arguments: list[str], environ: dict[str, str], system: str, platform: str | None
) -> None:
    result = bootstrap.qt_environment(command, arguments, environ, system)
    assert result.get("QT_QPA_PLATFORM") == platform
    assert result.items() >= environ.items()


def test_offscreen_qt_finds_the_fonts_of_windows() -> None:
    environ = bootstrap.qt_environment("test", [], {"WINDIR": "D:\\Windows"}, "win32")
    assert environ["QT_QPA_FONTDIR"] == "D:\\Windows\\Fonts"
    own = bootstrap.qt_environment("test", [], {"QT_QPA_FONTDIR": "C:\\mine"}, "win32")
    assert own["QT_QPA_FONTDIR"] == "C:\\mine"
    assert "QT_QPA_FONTDIR" not in bootstrap.qt_environment("test", [], {}, "linux")


def test_a_window_without_a_display_is_explained() -> None:
    with pytest.raises(bootstrap.Stop, match=r"--screenshot[\s\S]*xvfb-run"):
        bootstrap.qt_environment("demo", ["--lang", "ko"], {}, "linux")


def test_the_interpreter_is_where_the_system_keeps_it() -> None:
    assert bootstrap.environment_python(Path("env"), "nt") == Path("env/Scripts/python.exe")
    assert bootstrap.environment_python(Path("env"), "posix") == Path("env/bin/python")


def test_an_environment_is_renewed_when_a_file_or_the_python_changes(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1")
    stamp = tmp_path / "stamp"
    python = Path(sys.executable)
    first = bootstrap.fingerprint([lock], ["3.11.7"])
    assert not bootstrap.is_current(python, stamp, first)

    stamp.write_text(first)
    assert bootstrap.is_current(python, stamp, bootstrap.fingerprint([lock], ["3.11.7"]))
    assert not bootstrap.is_current(tmp_path / "gone", stamp, first)
    assert not bootstrap.is_current(python, stamp, bootstrap.fingerprint([lock], ["3.12.1"]))
    lock.write_text("a==2")
    assert not bootstrap.is_current(python, stamp, bootstrap.fingerprint([lock], ["3.11.7"]))


def test_the_probe_of_a_sound_qt_finds_no_problem() -> None:
    assert bootstrap.explain_probe(0, "some warning") == ""


def test_the_probe_names_the_missing_library_without_a_traceback() -> None:
    stderr = (
        "Traceback (most recent call last):\n"
        '  File "<string>", line 3, in <module>\n'
        "ImportError: libEGL.so.1: cannot open shared object file: No such file or directory\n"
    )
    assert bootstrap.explain_probe(1, stderr) == (
        "Qt does not start: libEGL.so.1: cannot open shared object file: No such file or directory."
    )


def test_the_probe_names_what_an_aborted_qt_asked_for() -> None:
    stderr = (
        "qt.qpa.plugin: From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the plugin.\n"
        "This application failed to start because no Qt platform plugin could be initialized.\n\n"
        "Available platform plugins are: xcb, offscreen.\n"
    )
    assert "libxcb-cursor0 is needed" in bootstrap.explain_probe(-6, stderr)
    assert bootstrap.explain_probe(-11, "") == "Qt does not start: exit code -11."


def test_the_probe_distinguishes_a_missing_font_from_a_missing_library() -> None:
    assert "Korean letters" in bootstrap.explain_probe(bootstrap.NO_HANGUL_FONT, "")


def test_an_unreachable_display_is_no_reason_to_install_packages() -> None:
    with pytest.raises(bootstrap.Stop, match="cannot reach the display"):
        bootstrap.explain_probe(-6, "qt.qpa.xcb: could not connect to display :77\n")


@pytest.mark.parametrize(
    ("system", "machine", "release", "message"),
    [
        ("darwin", "arm64", "13.0", ""),
        ("darwin", "x86_64", "15.1.1", ""),
        ("darwin", "x86_64", "10.16", ""),
        ("darwin", "arm64", "12.7.6", "macOS 13"),
        ("win32", "AMD64", "10.0.17763", ""),
        ("win32", "ARM64", "10.0.26100", ""),
        ("win32", "AMD64", "10.0.14393", "Windows 10"),
        ("win32", "AMD64", "6.3.9600", "Windows 10"),
        ("linux", "x86_64", "2.34", ""),
        ("linux", "aarch64", "2.41", ""),
        ("linux", "x86_64", "2.31", r"glibc 2\.34"),
        ("linux", "aarch64", "2.36", r"glibc 2\.39"),
        ("linux", "x86_64", "", "musl"),
        ("linux", "armv7l", "2.36", "aarch64"),
        ("freebsd14", "amd64", "", ""),
    ],
)
def test_a_system_without_wheels_of_qt_is_told(system: str, machine: str, release: str, message: str) -> None:
    if not message:
        bootstrap.require_system(system, machine, release)
        return
    with pytest.raises(bootstrap.Stop, match=message) as stop:
        bootstrap.require_system(system, machine, release)
    assert any(fact in str(stop.value) for fact in (release or "musl", machine))


def test_this_system_has_wheels_of_qt() -> None:
    bootstrap.require_system(sys.platform, platform.machine(), bootstrap.system_release(sys.platform))


@pytest.mark.parametrize("system", ["win32", "darwin", "linux", "freebsd14"])
@pytest.mark.parametrize(
    "problem", ["This Python comes without pip.", "Qt does not start: DLL load failed.", "No font."]
)
def test_the_advice_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch, system: str, problem: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    told = bootstrap.advice(problem, system, ["libgl1"])
    assert told.startswith(f"{problem}\n")
    assert "apt-get" not in told
    assert ("libgl1" in told) == (system == "linux")
    assert ("Microsoft" in told) == (system == "win32")
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    assert ("apt-get" in bootstrap.advice(problem, system, ["libgl1"])) == (system == "linux")


def test_without_root_the_exact_command_is_printed() -> None:
    advice = bootstrap.packages_advice("No font.", ["libgl1", "fonts-nanum"])
    assert advice.startswith("No font.\n")
    assert (
        "\n    sudo apt-get update && sudo apt-get install -y --no-install-recommends libgl1 fonts-nanum\n"
    ) in advice


def test_exit_codes_pass_through() -> None:
    assert bootstrap.run([sys.executable, "-c", "raise SystemExit(5)"]) == 5


@pytest.mark.skipif(os.name == "nt", reason="Windows ends no process by a signal")
def test_a_death_by_signal_reads_as_in_a_shell() -> None:
    assert bootstrap.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]) == 143


def test_the_real_probe_finds_out_whether_qt_is_here() -> None:
    environ = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    problem = bootstrap.probe_qt(Path(sys.executable), environ)
    if importlib.util.find_spec("PySide6") is None:
        assert "PySide6" in problem
    else:
        assert problem == ""


def test_the_real_probe_sees_a_broken_qt(tmp_path: Path) -> None:
    package = tmp_path / "PySide6"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    problem = bootstrap.probe_qt(Path(sys.executable), environ)
    assert problem == "Qt does not start: libGL.so.1: cannot open shared object file."
