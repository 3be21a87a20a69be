"""The location of the files of `resources/`: in the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

import demo_app

__all__ = ["asset"]

_PACKAGE = Path(demo_app.__file__).resolve().parent


def asset(name: str) -> Path:
    """The path of a resource.

    Raises:
        FileNotFoundError: there is no such resource: the installation is broken.
    """
    for root in (_PACKAGE / "resources", _PACKAGE.parent / "resources"):
        path = root / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"resource {name!r} is missing: install qt-upbit again")
