"""Run the demo or the tests on a machine that has nothing but Python.

    python3 run.py demo [options of the demo]
    python3 run.py test [options of pytest]

On Windows say `py run.py demo`. The first run makes an environment of its own beside this file
(`.venv-demo`, `.venv-test`) and installs into it exactly what the lock file names; later runs
start at once. Nothing outside the checkout changes, except that root on a Debian-like system
gets the system libraries that Qt needs.

Uses the standard library alone, prints ASCII alone (a Windows console may not show more), and
parses on Python 3.6, so that an old interpreter ends in a sentence and not in a SyntaxError.
"""

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit(
        f"qt_upbit needs Python 3.11 or newer; this is {platform.python_version()} ({sys.executable}).\n"
        "Start run.py with a newer one (on Windows: py -3.13 run.py ...)."
    )

ROOT = Path(__file__).resolve().parent
LOCK_FILES = {"demo": "requirements-demo.lock", "test": "requirements.lock"}
MODULES = {"demo": "demo_app", "test": "pytest"}
USAGE = "usage: python3 run.py demo [options of the demo]\n       python3 run.py test [options of pytest]"

# What Qt loads beyond a minimal Debian 12 or 13, in Debian's names.
OFFSCREEN_PACKAGES = (
    "libglib2.0-0",
    "libgl1",
    "libegl1",
    "libxkbcommon0",
    "libdbus-1-3",
    "libfontconfig1",
    "libgssapi-krb5-2",
    "fonts-nanum",  # without a Hangul font Korean names are empty boxes
)
# ... and what a window on a screen needs on top.
WINDOW_PACKAGES = (
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
    "libx11-xcb1",
    "libwayland-client0",
    "libwayland-cursor0",
    "libwayland-egl1",
)

# The oldest systems for which the wheels of PySide6 in the lock files are built (docs/platforms.md).
OLDEST_MACOS = (13,)
OLDEST_WINDOWS = (10, 0, 17763)
OLDEST_GLIBC = {"x86_64": (2, 34), "aarch64": (2, 39)}

NO_HANGUL_FONT = 77
# Run in the new environment and not here: a missing library may abort the process.
QT_PROBE = f"""
import sys
from PySide6 import QtGui, QtWidgets
if sys.platform.startswith("linux"):
    app = QtWidgets.QApplication(["probe"])
    if not QtGui.QFontDatabase.families(QtGui.QFontDatabase.WritingSystem.Korean):
        sys.exit({NO_HANGUL_FONT})
"""


class Stop(Exception):
    """Ends the run with a message for the person at the keyboard."""


def main(argv: list[str]) -> int:
    """Prepare what the command needs, run it, and return its exit code."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper here
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper here
    try:
        command, arguments = parse(argv)
        require_64_bit(sys.maxsize)
        require_system(sys.platform, platform.machine(), system_release(sys.platform))
        environ = qt_environment(command, arguments, dict(os.environ), sys.platform)
        python = ensure_environment(command)
        ensure_qt_starts(python, environ)
        # The demo keeps the caller's folder (`--screenshot FILE`); pytest wants the checkout's.
        cwd = ROOT if command == "test" else None
        return run([str(python), "-m", MODULES[command], *arguments], environ, cwd)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def parse(argv: list[str]) -> tuple[str, list[str]]:
    """Split the command line into our command and the arguments that belong to the program."""
    if not argv or argv[0] not in MODULES:
        raise Stop(USAGE)
    return argv[0], argv[1:]


def require_64_bit(maxsize: int) -> None:
    """Refuse a 32-bit Python, for which pip would only say that it finds no PySide6."""
    if maxsize <= 2**32:
        raise Stop("Qt for Python exists for 64-bit Python only, and this Python is a 32-bit one.")


def system_release(system: str) -> str:
    """Return the version of macOS, Windows or glibc; nothing where there is no glibc."""
    if system == "darwin":
        return platform.mac_ver()[0]
    if system == "win32":
        return platform.version()
    name, version = platform.libc_ver()
    return version if name == "glibc" else ""


def require_system(system: str, machine: str, release: str) -> None:
    """Refuse a system that PySide6 has no wheels for, of which pip would only say that it finds none."""
    version = tuple(int(part) for part in release.split(".") if part.isdigit())
    if system == "darwin":
        # 10.16 is what a newer macOS tells old programs.
        if version and version != (10, 16) and version < OLDEST_MACOS:
            raise Stop(f"Qt for Python needs macOS 13 or newer; this is {release}.")
    elif system == "win32":
        if version and version < OLDEST_WINDOWS:
            raise Stop(f"Qt for Python needs Windows 10 of 2018 (1809) or newer; this is {release}.")
    elif system.startswith("linux"):
        needed = OLDEST_GLIBC.get({"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine))
        if needed is None:
            raise Stop(f"Qt for Python exists for x86_64 and aarch64 on Linux; this is {machine}.")
        if not version:
            raise Stop(
                "Qt for Python needs a Linux with glibc; Alpine and other systems with musl have none."
            )
        if version < needed:
            raise Stop(
                f"Qt for Python needs glibc {needed[0]}.{needed[1]} or newer on {machine}; "
                f"this is {release}.\n"
                "On x86_64 Ubuntu 22.04, Debian 12 and Fedora 35 have it; "
                "on aarch64 Ubuntu 24.04 and Debian 13."
            )


def qt_environment(
    command: str, arguments: list[str], environ: dict[str, str], system: str
) -> dict[str, str]:
    """Return the environment to run in; choose Qt's offscreen platform where no window is wanted."""
    if environ.get("QT_QPA_PLATFORM"):
        return environ
    opens_window = command == "demo" and not any(
        argument in ("-h", "--help") or argument.split("=")[0] == "--screenshot" for argument in arguments
    )
    has_screen = not system.startswith("linux") or has_display(environ)
    if opens_window and not has_screen:
        raise Stop(
            "There is no display to open the window on: neither DISPLAY nor WAYLAND_DISPLAY is set.\n"
            "Save a screenshot of the window instead:\n"
            "    python3 run.py demo --screenshot demo.png --after 5\n"
            "or start it on a virtual display (Debian: packages xvfb and xauth):\n"
            "    xvfb-run -a python3 run.py demo"
        )
    if command == "test" or not has_screen:
        return {**offscreen_fonts(environ, system), **environ, "QT_QPA_PLATFORM": "offscreen"}
    return environ


def offscreen_fonts(environ: dict[str, str], system: str) -> dict[str, str]:
    """Point Qt at the fonts of Windows, which its offscreen platform does not look for by itself."""
    # Without a font every letter measures as a box (reports against Qt 6.11 on Windows).
    if system != "win32":
        return {}
    return {"QT_QPA_FONTDIR": environ.get("WINDIR", "C:\\Windows") + "\\Fonts"}


def has_display(environ: dict[str, str]) -> bool:
    """Return whether a Linux session has a screen."""
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def ensure_environment(command: str) -> Path:
    """Return the Python of the command's environment, made or renewed if it is not up to date."""
    folder = ROOT / f".venv-{command}"
    lock = ROOT / LOCK_FILES[command]
    python = environment_python(folder, os.name)
    stamp = folder / "run-py-stamp"
    wanted = fingerprint([lock, ROOT / "pyproject.toml"], [str(ROOT), sys.version, sys.base_prefix])
    if is_current(python, stamp, wanted):
        return python
    print(f"Preparing {folder.name}: about 100 MB to download, once.", flush=True)
    try:
        pip = make_environment(folder, python)
        # `--no-deps`: the lock is complete, and nothing that it does not name may come in.
        pip_install(pip, ["--no-deps", "--require-hashes", "-r", str(lock)])
        pip_install(pip, ["--no-deps", "--no-index", "--no-build-isolation", "-e", str(ROOT)])
        stamp.write_text(wanted, encoding="utf-8")
    except OSError as error:
        raise Stop(
            f"Cannot write {folder}: {error}\nIs a program from it still running, or the disk full?"
        ) from error
    return python


def environment_python(folder: Path, os_name: str) -> Path:
    """Return where an environment keeps its interpreter."""
    return folder / ("Scripts/python.exe" if os_name == "nt" else "bin/python")


def fingerprint(files: list[Path], facts: list[str]) -> str:
    """Digest everything whose change makes an environment out of date."""
    digest = hashlib.sha256()
    for content in [file.read_bytes() for file in files] + [fact.encode() for fact in facts]:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def is_current(python: Path, stamp: Path, wanted: str) -> bool:
    """Return whether an environment is complete and was made from the current files."""
    return python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def make_environment(folder: Path, python: Path) -> list[str]:
    """Make an empty environment; return the pip command that installs into it."""
    # Debian leaves ensurepip out of `python3`, but its own pip can serve the environment, and
    # the ban on installing into the system's Python (PEP 668) does not apply to that.
    has_ensurepip, has_pip = has_module("ensurepip"), has_module("pip")
    if not has_ensurepip and not has_pip:
        if not may_install_packages():
            raise Stop(advice("This Python comes without pip.", sys.platform, ["python3-venv"]))
        install_packages(["python3-venv"])
        has_ensurepip = True
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    if run(command if has_ensurepip else [*command, "--without-pip"]) != 0:
        raise Stop(f"Making the environment {folder} failed; see above.")
    if has_ensurepip:
        return [str(python), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(python)]


def has_module(name: str) -> bool:
    """Return whether this Python can import a module."""
    return importlib.util.find_spec(name) is not None


def pip_install(pip: list[str], what: list[str]) -> None:
    """Run `pip install`, showing its progress."""
    # A user's `user = true` in pip's configuration would make an environment refuse.
    environ = {**os.environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if run([*pip, "install", "--no-input", *what], environ) != 0:
        raise Stop("pip could not install; see its message above. (Is the package index reachable?)")


def ensure_qt_starts(python: Path, environ: dict[str, str]) -> None:
    """Make sure that Qt starts and can write Korean; install what is missing if we may."""
    problem = probe_qt(python, environ)
    if not problem:
        return
    if not sys.platform.startswith("linux"):
        raise Stop(advice(problem, sys.platform, []))
    packages = list(OFFSCREEN_PACKAGES)
    if environ.get("QT_QPA_PLATFORM") != "offscreen":
        packages += WINDOW_PACKAGES
    if may_install_packages():
        print(problem, "Installing the system packages for it.", flush=True)
        install_packages(packages)
        problem = probe_qt(python, environ)
    if problem:
        raise Stop(advice(problem, sys.platform, packages))


def probe_qt(python: Path, environ: dict[str, str]) -> str:
    """Start Qt in a process of its own; return what is wrong, or nothing."""
    result = subprocess.run(
        [str(python), "-c", QT_PROBE],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return explain_probe(result.returncode, result.stderr)


def explain_probe(returncode: int, stderr: str) -> str:
    """Turn the outcome of the probe into a sentence; an empty one means that all is well."""
    if returncode == 0:
        return ""
    if returncode == NO_HANGUL_FONT:
        return "No font with Korean letters is installed."
    if "could not connect to display" in stderr:
        raise Stop(
            "Qt cannot reach the display that DISPLAY or WAYLAND_DISPLAY names.\n"
            "Without one, save a screenshot of the window instead:\n"
            "    QT_QPA_PLATFORM=offscreen python3 run.py demo --screenshot demo.png --after 5"
        )
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "cannot open shared object file" in line or "is needed" in line]
    detail = (telling or lines or [f"exit code {returncode}"])[-1]
    return f"Qt does not start: {detail.removeprefix('ImportError: ').rstrip('.')}."


def may_install_packages() -> bool:
    """Return whether we are root on a system with apt."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(packages: list[str]) -> None:
    """Install Debian packages without asking."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in apt_commands(packages):
        if run(command, environ) != 0:
            raise Stop(f"This failed; see above: {shlex.join(command)}")
    importlib.invalidate_caches()


def apt_commands(packages: list[str]) -> list[list[str]]:
    """Return the commands that install Debian packages."""
    return [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]]


def advice(problem: str, system: str, packages: list[str]) -> str:
    """Say what is wrong and what to do about it on this system."""
    if system.startswith("linux"):
        return packages_advice(problem, packages, has_apt=shutil.which("apt-get") is not None)
    if "pip" in problem:
        how = {
            "win32": "It is the embeddable package, or a part was left out. Install Python from python.org\n"
            "or the Microsoft Store, then start run.py with it (py -3.13 run.py ...).",
            "darwin": "Install Python from python.org or with Homebrew, then start run.py with it.",
        }
    else:
        how = {
            "win32": "If a DLL is missing, install the current Microsoft Visual C++ Redistributable.\n"
            "If Korean letters are missing, add the optional feature of Windows for Korean fonts.",
            "darwin": "Qt needs macOS 13 or newer. If a library cannot be loaded, remove the environment\n"
            "(.venv-demo, .venv-test) and run this command again.",
        }
    return f"{problem}\n" + how.get(system, "Install what it names with the tools of your system.")


def packages_advice(problem: str, packages: list[str], has_apt: bool = True) -> str:
    """Say what is wrong and exactly what to type, for someone who is not root."""
    if not has_apt:
        return (
            f"{problem}\n"
            f"Install the packages of your system that contain the same libraries as these of Debian:\n"
            f"    {' '.join(packages)}\n"
            f"and for Korean letters a font such as Nanum or Noto Sans CJK. Then run this command again."
        )
    install = " && ".join("sudo " + shlex.join(command) for command in apt_commands(packages))
    return (
        f"{problem}\n"
        f"On Debian, Ubuntu and relatives install what is missing with:\n"
        f"    {install}\n"
        f"Elsewhere install the packages that contain the same libraries, and for Korean letters\n"
        f"a font such as Nanum or Noto Sans CJK. Then run this command again."
    )


def run(command: list[str], environ: dict[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a command to its end and return its exit code, as a shell would count it."""
    interrupted = False
    with subprocess.Popen(command, env=environ, cwd=cwd) as process:
        while process.returncode is None:
            try:
                process.wait()
            except KeyboardInterrupt:
                # Ctrl-C reached the child as well; it decides how long closing takes.
                interrupted = True
    if interrupted and process.returncode:
        raise KeyboardInterrupt
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
