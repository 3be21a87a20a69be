"""The public names: all there, all lazy, all typed, all documented."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import qt_upbit
import qt_upbit.core
from tests.support.programs import ROOT

WITHOUT_QT = importlib.util.find_spec("PySide6") is None
NEEDS_QT = ("qt_upbit.qt.", "qt_upbit.item_models")

SEED = {
    "qt_upbit.config": ("Credentials", "WebSocketConfig"),
    "qt_upbit.exceptions": ("QtUpbitError",),
    "qt_upbit.models": ("from_dict", "to_dict"),
    "qt_upbit.protocol.jwt_manager": ("JWTManager",),
    "qt_upbit.protocol.simple_format_converter": ("SimpleFormatConverter",),
    "qt_upbit.protocol.subscription_state_manager": ("SubscriptionStateManager",),
    "qt_upbit.qt.global_websocket_manager": ("GlobalWebSocketManager",),
    "qt_upbit.qt.websocket_client_proxy": ("WebSocketClientProxy",),
    "qt_upbit.routing.data_routing_engine": ("DataRoutingEngine",),
    "qt_upbit.routing.fanout_hub": ("FanoutHub",),
    "qt_upbit.transport.native_websocket_client": ("NativeWebSocketClient",),
    "qt_upbit.types": ("BaseWebSocketEvent", "Delivery", "TickerEvent"),
}
"""The first names of the project: programs that import them from these modules go on working."""


def typed_names(package: str) -> set[str]:
    """What a type checker is shown of a package: the imports of tests/public_names.py."""
    body = ast.parse((ROOT / "tests" / "public_names.py").read_text(encoding="utf-8")).body
    imports = [each for each in body if isinstance(each, ast.ImportFrom) and each.module == package]
    return {alias.name for each in imports for alias in each.names}


@pytest.mark.parametrize("name", [n for n in qt_upbit.__all__ if n != "__version__"])
def test_every_name_of_the_top_level_imports(name: str) -> None:
    home = qt_upbit._HOME_OF[name]
    if home.startswith(NEEDS_QT) and WITHOUT_QT:
        with pytest.raises(ImportError, match="PySide6 cannot be loaded"):
            getattr(qt_upbit, name)
        return
    assert getattr(qt_upbit, name) is getattr(importlib.import_module(home), name)
    assert name in dir(qt_upbit)


@pytest.mark.parametrize("name", qt_upbit.core.__all__)
def test_every_name_for_builders_imports(name: str) -> None:
    assert getattr(qt_upbit.core, name) is not None


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in SEED.items() for name in names]
)
def test_first_names_stay_where_they_were(module: str, name: str) -> None:
    if module.startswith(NEEDS_QT) and WITHOUT_QT:
        with pytest.raises(ImportError, match="PySide6 cannot be loaded"):
            importlib.import_module(module)
        return
    assert hasattr(importlib.import_module(module), name)
    if name[0].isupper():
        assert getattr(qt_upbit, name) is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("package", [qt_upbit, qt_upbit.core])
def test_a_type_checker_sees_the_names_that_exist(package: ModuleType) -> None:
    names = set(package.__all__) - {"__version__"}
    assert typed_names(package.__name__) == names


def test_the_top_level_shows_a_type_checker_no_name_that_fails_at_run_time() -> None:
    tree = ast.parse(Path(inspect.getfile(qt_upbit)).read_text(encoding="utf-8"))
    block = next(each for each in tree.body if isinstance(each, ast.If))
    imports = [each for each in block.body if isinstance(each, ast.ImportFrom)]
    shown = {alias.name: each.module for each in imports for alias in each.names}
    assert shown == qt_upbit._HOME_OF


def test_unknown_names_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = qt_upbit.Nope


@pytest.mark.parametrize("name", sorted(qt_upbit._MOVED_TO_CORE))
def test_a_name_that_moved_is_handed_on_with_a_warning(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"{name} .* qt_upbit.core"):
        value = getattr(qt_upbit, name)
    assert value is getattr(qt_upbit.core, name)
    assert name not in qt_upbit.__all__


def test_the_core_loads_no_qt() -> None:
    names = ("PySide6", "shiboken6", "qasync")
    code = f"import sys, qt_upbit.core; print([m for m in {names} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_importing_loads_neither_qt_nor_sockets() -> None:
    code = (
        "import sys, qt_upbit; from qt_upbit import TickerEvent, from_dict; "
        "print([m for m in ('PySide6', 'qasync', 'websockets', 'asyncio', 'aiohttp') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
