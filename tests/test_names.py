"""No test and no code needs `localhost` to be known: a machine without a hosts file does not know it."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator

import pytest

from tests.support.names import LOCAL_NAME, resolver
from tests.support.programs import ROOT

FOLDERS = (".ci", "benchmarks", "demo_app", "docs", "examples", "qt_upbit", "tests")
ALLOWED = {
    "qt_upbit/config.py": "counts the name as this machine",
    "qt_upbit/simulator/__main__.py": "says which hosts it takes",
    "qt_upbit/simulator/server/host_check.py": "says which hosts it answers to",
    "tests/simulator/server/test_host_check.py": "the name in a header",
    "tests/simulator/server/test_loopback.py": "a name that only looks like it is refused",
    "tests/support/names.py": "resolves it without the system",
    "tests/test_encryption.py": "which names count as this machine",
}


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every string but the docstrings."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_the_name_is_used_only_where_it_is_the_subject() -> None:
    paths = [ROOT / "run.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
    using = {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path != ROOT / "tests" / "test_names.py"
        and any(LOCAL_NAME in text for text in _texts(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert using - set(ALLOWED) == set(), "use 127.0.0.1"
    assert set(ALLOWED) - using == set(), "no longer: take them out of the list"


@pytest.mark.parametrize("host", [LOCAL_NAME, LOCAL_NAME.encode()])
def test_tests_that_need_a_name_bring_their_own(host: str | bytes) -> None:
    real = socket.getaddrinfo
    with resolver() as switch:
        found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)
        assert {address[0] for *_, address in found} == {"127.0.0.1"}
        switch(False)
        with pytest.raises(socket.gaierror, match="does not answer"):
            socket.getaddrinfo(host, 80)
    assert socket.getaddrinfo is real
