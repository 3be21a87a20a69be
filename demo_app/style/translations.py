"""``python -m demo_app.style.translations``: compiles the Korean texts into the file that the terminal loads.

After changing a text: ``pyside6-lupdate FILES -ts resources/i18n/ko/NAME.ts``, finish its entries, run this.
Every ``resources/i18n/ko/*.ts`` goes into one ``resources/i18n/terminal_ko.qm``; both are committed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import PySide6

import demo_app

__all__ = ["compile_texts", "tool"]

TEXTS: Final = Path(demo_app.__file__).resolve().parents[1] / "resources" / "i18n"


def tool(name: str) -> str:
    """The path of a tool of Qt Linguist: ``lrelease`` or ``lupdate``.

    Raises:
        FileNotFoundError: this PySide6 came without it.
    """
    beside = str(Path(PySide6.__file__).parent)
    found = shutil.which(name, path=beside) or shutil.which(f"pyside6-{name}")
    if found is None:
        raise FileNotFoundError(f"{name} is not there: install PySide6-Essentials from PyPI")
    return found


def compile_texts(sources: Path = TEXTS / "ko", target: Path = TEXTS / "terminal_ko.qm") -> None:
    """Compile all ``.ts`` files of a folder into one ``.qm``.

    Raises:
        FileNotFoundError: there is no ``lrelease``.
        subprocess.CalledProcessError: it refused, and said why.
    """
    files = sorted(str(path) for path in sources.glob("*.ts"))
    # A list of paths of this checkout, never text from outside.
    command = [tool("lrelease"), "-silent", *files, "-qm", str(target)]
    subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    compile_texts()
    sys.stdout.write(f"{TEXTS / 'terminal_ko.qm'}\n")
