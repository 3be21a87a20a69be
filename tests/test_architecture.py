"""The structure, as far as the source shows it: no import circle, no private name of another module.

What is not true yet is listed by name. The lists only shrink: an entry that is no longer true fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Final

import pytest

from tests.support.programs import ROOT
from tests.support.source_graph import Module, circles, imports, private_uses, read_modules

PACKAGES: Final = ("qt_upbit", "demo_app")
MODULES: Final = read_modules(ROOT, PACKAGES)
GRAPH: Final = imports(MODULES)
USES: Final = {name: private_uses(module) for name, module in MODULES.items()}

CIRCLES: Final[frozenset[tuple[str, ...]]] = frozenset()
"""Modules that import each other still, `TYPE_CHECKING` and imports in functions included."""

OF_PYTHON: Final = {
    "_asdict": "of named tuples, which have no public names beside their fields",
    "_fields": "of named tuples",
    "_replace": "of named tuples",
    "_set_running_loop": "asyncio: documented for event loops",
    "_get_running_loop": "asyncio: documented for event loops; the public one raises where there is none",
    "_enter_task": "asyncio: documented for event loops and tasks of other libraries",
    "_leave_task": "asyncio: documented for event loops and tasks of other libraries",
    "_getframe": "sys: documented",
    "_name_": "enum: documented",
    "_value_": "enum: documented",
}
"""Names of the standard library that are public in spite of their underscore."""

OF_ASYNCIO: Final = {
    ("qt_upbit.qt.event_loop", "_run"): "asyncio.Handle: what every event loop calls",
    ("qt_upbit.qt.event_loop", "_callback"): "asyncio.Handle: what says whose protocol is called",
    ("qt_upbit.qt.event_loop", "_args"): "asyncio.Handle: as _callback",
    ("qt_upbit.qt.event_loop", "_asyncgen_firstiter_hook"): "what run_forever of every event loop installs",
    ("qt_upbit.qt.event_loop", "_asyncgen_finalizer_hook"): "what run_forever of every event loop installs",
    ("qt_upbit.qt.event_loop", "_overlapped"): "Windows: what asyncio itself waits for completions with",
    ("qt_upbit.qt.event_loop", "_iocp"): "asyncio's proactor has no other name for its port",
    ("qt_upbit.qt.event_loop", "_set_running_loop"): "asyncio's way for the makers of loops",
}
"""What an event loop of one's own cannot do without, the same in Python 3.11 to 3.14."""

FOREIGN: Final[Mapping[str, str]] = {}
"""Private names of other modules that a module still uses."""

INHERITED: Final[Mapping[str, str]] = {}
"""Private names of a base class in another module that a module still uses on its own objects."""

MOST_LINES: Final = 800
MOST_CLASS_LINES: Final = 600
TOO_LONG: Final[frozenset[str]] = frozenset()
"""Modules, and classes as ``module.Class``, that are longer than they should be still."""


def _listed(table: Mapping[str, str]) -> set[tuple[str, str]]:
    return {(module, name) for module, names in table.items() for name in names.split()}


def _compare(found: Iterable[object], listed: Iterable[object], what: str) -> None:
    found, listed = set(found), set(listed)
    new, gone = found - listed, listed - found
    assert not new, f"{what}: {sorted(map(str, new))}"
    assert not gone, f"this holds now, take it out of the list: {sorted(map(str, gone))}"


def test_no_modules_import_each_other() -> None:
    _compare(circles(GRAPH), CIRCLES, "modules that import each other")


@pytest.mark.parametrize(("kind", "listed"), [("foreign", FOREIGN), ("inherited", INHERITED)])
def test_private_names_stay_in_their_module(kind: str, listed: Mapping[str, str]) -> None:
    found = {
        (module, name)
        for module, uses in USES.items()
        for name in getattr(uses, kind)
        if name not in OF_PYTHON and (module, name) not in OF_ASYNCIO
    }
    _compare(found, _listed(listed), f"private names of other modules ({kind})")


def test_what_is_allowed_is_used() -> None:
    used = {(module, name) for module, uses in USES.items() for name in (*uses.foreign, *uses.inherited)}
    assert set(OF_ASYNCIO) <= used
    assert set(OF_PYTHON) <= {name for _, name in used}


def test_modules_and_classes_are_of_a_size_to_be_read() -> None:
    found = set()
    for name, module in MODULES.items():
        last = max((node.end_lineno or 0 for node in module.tree.body), default=0)
        if last > MOST_LINES:
            found.add(name)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= MOST_CLASS_LINES:
                found.add(f"{name}.{node.name}")
    _compare(found, TOO_LONG, "too long to be read at a sitting")


# --- the search itself -----------------------------------------------------------------------------


def _modules(**sources: str) -> dict[str, Module]:
    found = {}
    for name, source in sources.items():
        is_package = name.endswith("__init__")
        dotted = name.removesuffix("__init__").strip("_").replace("__", ".")
        found[dotted] = Module(dotted, is_package, ast.parse(source))
    return found


@pytest.mark.parametrize(
    "importer",
    [
        "import a.c",
        "from a import c",
        "from a.c import thing",
        "from . import c",
        "from .c import thing",
        "def f():\n    from a.c import thing",
        "if TYPE_CHECKING:\n    from a.c import thing",
        "class K:\n    import a.c as other",
    ],
)
def test_a_circle_is_found_however_it_is_imported(importer: str) -> None:
    modules = _modules(
        a__init__="", a__b=importer, a__c="from a.d import x", a__d="import a.b", a__e="import a.b"
    )
    assert circles(imports(modules)) == {("a.b", "a.c", "a.d")}


def test_two_circles_are_two_and_a_package_above_is_none() -> None:
    modules = _modules(
        a__init__="from a.b import x\nfrom a.d import y",
        a__b="import a.c",
        a__c="import a.b",
        a__d="import a.e, a.b",
        a__e="import a.d",
    )
    assert circles(imports(modules)) == {("a.b", "a.c"), ("a.d", "a.e")}


def test_who_takes_a_name_from_its_own_package_closes_a_circle() -> None:
    modules = _modules(a__init__="from a.b import x", a__b="from a import y")
    assert circles(imports(modules)) == {("a", "a.b")}


@pytest.mark.parametrize(
    ("source", "foreign", "inherited"),
    [
        ("from b import _x", ["_x"], []),
        ("from b._x import y", ["_x"], []),
        ("import b._x", ["_x"], []),
        ("from a._x import y", [], []),
        ("from . import _x", [], []),
        ("import b\nb._x()", ["_x"], []),
        ("def f(o):\n    o._x = 1", ["_x"], []),
        ("def f(o):\n    return getattr(o, '_x')", ["_x"], []),
        ("def f(o):\n    return o.__dict__, o._", [], []),
        ("class K(B):\n    def f(self):\n        return self._x", [], ["_x"]),
        ("class K(B):\n    def f(self):\n        return super()._x()", [], ["_x"]),
        ("class K(B):\n    def f(self):\n        return lambda: self._x", [], ["_x"]),
        ("class K(B):\n    def f(self, o):\n        self._y = o._x", ["_x"], []),
        ("class K:\n    def f(self, o):\n        self._x = 1\n        return o._x", [], []),
        ("class K:\n    def _x(self): ...\ndef f(o): o._x()", [], []),
        ("class K:\n    _x: int\ndef f(o): o._x", [], []),
        ("class K:\n    __slots__ = ('_x',)\ndef f(o): o._x", [], []),
        ("class K:\n    @classmethod\n    def f(cls, o):\n        cls._x = o._x", [], []),
        ("_x, y = 1, 2\nimport a\na.b._x", [], []),
        ("try:\n    _x = 1\nexcept E:\n    pass\no._x", [], []),
        ("def f(o):\n    _x = 1\n    return o._x", ["_x"], []),
        ("from b import y as _x\no._x", ["_x"], []),
    ],
)
def test_private_names_are_distinguished(source: str, foreign: list[str], inherited: list[str]) -> None:
    uses = private_uses(Module("a.here", False, ast.parse(source)))
    assert (sorted(uses.foreign), sorted(uses.inherited)) == (foreign, inherited)


def test_durations_are_measured_with_one_fine_clock() -> None:
    """`time.monotonic` has steps of 15.6 ms on Windows before Python 3.13, and another beginning."""
    found = {
        (name, node.lineno)
        for name, module in MODULES.items()
        for node in ast.walk(module.tree)
        if getattr(node, "attr", getattr(node, "name", None)) in ("monotonic", "monotonic_ns")
        and isinstance(node, ast.Attribute | ast.alias)
    }
    assert not found


def test_no_name_of_qasync_is_used_in_the_library() -> None:
    """Any version of it, released or not, serves whoever brings it along."""
    found = {
        (name, ast.unparse(node))
        for name, module in MODULES.items()
        for node in ast.walk(module.tree)
        if (
            isinstance(node, ast.Import)
            and any(each.name.partition(".")[0] == "qasync" for each in node.names)
        )
        or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "qasync")
        or "_QEventLoop__" in str(getattr(node, "attr", getattr(node, "name", getattr(node, "value", ""))))
    }
    assert not found
