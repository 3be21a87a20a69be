"""What the source says about who imports whom, and who touches whose private names. Nothing is run.

Used by `tests/test_architecture.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Module", "PrivateUses", "circles", "imports", "private_uses", "read_modules"]

_REFLECTION: Final = frozenset(("getattr", "setattr", "hasattr", "delattr"))


@dataclass(frozen=True)
class Module:
    """One file of a package.

    Attributes:
        name: dotted.
        is_package: whether it is an ``__init__.py``.
        tree: its source.
    """

    name: str
    is_package: bool
    tree: ast.Module


def read_modules(root: Path, packages: Iterable[str]) -> dict[str, Module]:
    """Every module of these packages below `root`, by dotted name."""
    found: dict[str, Module] = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found[name] = Module(name, is_package, ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return found


def imports(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Which of these modules each of them imports.

    Every import counts: inside a function, inside a class, below ``if TYPE_CHECKING``. That a package is
    loaded before its submodules is not one: nothing of it is used.
    """
    return {name: set(_imported(module, modules)) - {name} for name, module in modules.items()}


def _imported(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            for alias in node.names:
                # ``from package import module`` names the module, not the package.
                target = f"{source}.{alias.name}"
                if target in modules:
                    yield target
                elif source in modules:
                    yield source


def _source(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    base = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*base, *filter(None, [node.module])])


def circles(graph: Mapping[str, Iterable[str]]) -> set[tuple[str, ...]]:
    """The strongly connected groups of more than one module, each sorted (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    found: set[tuple[str, ...]] = set()

    def visit(start: str) -> None:
        # Without recursion: a chain of imports may be long.
        work = [(start, iter(sorted(graph[start])))]
        order[start] = lowest[start] = len(order)
        stack.append(start)
        waiting.add(start)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = lowest[target] = len(order)
                    stack.append(target)
                    waiting.add(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in waiting:
                    lowest[node] = min(lowest[node], order[target])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == order[node]:
                    group = []
                    while True:
                        member = stack.pop()
                        waiting.discard(member)
                        group.append(member)
                        if member == node:
                            break
                    if len(group) > 1:
                        found.add(tuple(sorted(group)))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


@dataclass(frozen=True)
class PrivateUses:
    """Private names that a module uses and does not have itself, with the lines where it does.

    Attributes:
        foreign: of another object or module: ``from y import _x``, ``something._x``, also as text for
            `getattr`.
        inherited: of the object itself, so a base class in another module has it: ``self._x``.
    """

    foreign: dict[str, list[int]]
    inherited: dict[str, list[int]]


def private_uses(module: Module) -> PrivateUses:
    """Private names that a module takes from elsewhere.

    Its own are the names that its functions, classes and methods have, that its classes list in their bodies
    or ``__slots__``, that its methods assign on their first argument, and that stand at the top of the file.
    A private module belongs to the package it is in.
    """
    search = _PrivateSearch(module)
    search.visit(module.tree)
    return PrivateUses(search.foreign, search.inherited)


class _PrivateSearch(ast.NodeVisitor):
    def __init__(self, module: Module) -> None:
        self.foreign: dict[str, list[int]] = {}
        self.inherited: dict[str, list[int]] = {}
        self._module = module
        self._own = frozenset(_own_names(module.tree))
        self._self: list[str | None] = [None]
        """How the object itself is called here, innermost function last."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*child.args.posonlyargs, *child.args.args]
                self._self.append(arguments[0].arg if arguments else None)
                self.generic_visit(child)
                self._self.pop()
            else:
                self.visit(child)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._use(node.attr, node.lineno, node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        is_reflection = isinstance(node.func, ast.Name) and node.func.id in _REFLECTION and len(node.args) > 1
        if is_reflection and isinstance(node.args[1], ast.Constant):
            self._use(str(node.args[1].value), node.lineno, node.args[0])
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        source = _source(self._module, node)
        for alias in node.names:
            self._import(f"{source}.{alias.name}", node.lineno)

    def _import(self, target: str, line: int) -> None:
        parts = target.split(".")
        for index, part in enumerate(parts):
            package = ".".join(parts[:index])
            if _is_private(part) and not f"{self._module.name}.".startswith(f"{package}."):
                self.foreign.setdefault(part, []).append(line)

    def _use(self, name: str, line: int, value: ast.expr) -> None:
        if not _is_private(name) or name in self._own:
            return
        match value:
            case ast.Name(id=here) if here == self._self[-1]:
                self.inherited.setdefault(name, []).append(line)
            case ast.Call(func=ast.Name(id="super")):
                self.inherited.setdefault(name, []).append(line)
            case _:
                self.foreign.setdefault(name, []).append(line)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name.strip("_") != ""


def _own_names(tree: ast.Module) -> Iterator[str]:
    yield from _bound(tree.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _bound(node.body)
            yield from _slots(node)
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _assigned_on_self(method)


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that statements at the top of a module or class bind; an import binds nothing of one's own."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name
            case ast.If() | ast.For() | ast.While() | ast.With():
                yield from _bound(statement.body)
                yield from _bound(getattr(statement, "orelse", []))
            case ast.Try():
                for part in (statement.body, statement.orelse, statement.finalbody):
                    yield from _bound(part)
                for handler in statement.handlers:
                    yield from _bound(handler.body)
            case ast.Import() | ast.ImportFrom():
                pass
            case _:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        yield node.id


def _slots(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__slots__" for target in targets):
            assert isinstance(statement, ast.Assign)
            for value in ast.walk(statement.value):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def _assigned_on_self(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    arguments = [*method.args.posonlyargs, *method.args.args]
    if not arguments:
        return
    first = arguments[0].arg
    for node in ast.walk(method):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == first
        ):
            yield node.attr
