"""The public names: all there, all lazy."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

import qt_upbit

WITHOUT_QT = importlib.util.find_spec("PySide6") is None


@pytest.mark.parametrize("module", sorted(qt_upbit._HOMES))
def test_every_public_name_is_where_it_is_said_to_be(module: str) -> None:
    if module.startswith(("qt_upbit.qt.", "qt_upbit.item_models")) and WITHOUT_QT:
        with pytest.raises(ImportError, match="PySide6 cannot be loaded"):
            getattr(qt_upbit, qt_upbit._HOMES[module][0])
        return
    for name in qt_upbit._HOMES[module]:
        assert (
            getattr(qt_upbit, name).__name__ == name if hasattr(getattr(qt_upbit, name), "__name__") else True
        )
        assert name in qt_upbit.__all__
        assert name in dir(qt_upbit)


def test_unknown_names_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = qt_upbit.Nope


def test_importing_loads_neither_qt_nor_sockets() -> None:
    code = (
        "import sys, qt_upbit; from qt_upbit import TickerEvent, from_dict; "
        "print([m for m in ('PySide6', 'qasync', 'websockets', 'asyncio', 'aiohttp') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
