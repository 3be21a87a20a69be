"""Write docs/public_names.md from the public names and their docstrings: `python -m docs.generate_names`."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from pathlib import Path
from typing import Any, Final

import qt_upbit
import qt_upbit.core

__all__ = ["description", "page"]

_HEAD: Final = """# Public names

<!-- Generated from the docstrings by `python -m docs.generate_names`; do not edit. -->

`qt_upbit` is for applications. `qt_upbit.core` is for programs without Qt and for builders of another front
end on the same parts; importing it loads neither PySide6 nor qasync. Whatever is not listed here is internal.
"""


def description(package: Any, name: str) -> str:
    """The first sentence of what the source says of a public name; empty if it says nothing."""
    value = getattr(package, name)
    text = value.__doc__ if inspect.isclass(value) or inspect.isroutine(value) else _of_constant(name)
    first = re.split(r"\n\s*\n", inspect.cleandoc(text or ""), maxsplit=1)[0]
    sentence = re.match(r"(.+?\.)(?=\s|$)", " ".join(first.split()) + " ")
    return (sentence.group(1) if sentence else " ".join(first.split())).rstrip(":;")


def _of_constant(name: str) -> str:
    for path in sorted(Path(inspect.getfile(qt_upbit)).parent.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, behind in itertools.pairwise(body):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
            if isinstance(behind, ast.Expr) and any(ast.unparse(target) == name for target in targets):
                return str(ast.literal_eval(behind.value))
    return ""


def _table(package: Any) -> list[str]:
    lines = ["| name | what it is |", "|---|---|"]
    for name in sorted(package.__all__, key=str.lower):
        if not name.startswith("__"):
            lines.append(f"| `{name}` | {description(package, name).replace('|', chr(92) + '|')} |")
    return lines


def page() -> str:
    """The whole page."""
    parts = [_HEAD.rstrip()]
    for package in (qt_upbit, qt_upbit.core):
        parts += [f"\n## {package.__name__}\n", *_table(package)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("public_names.md").write_text(page(), encoding="utf-8", newline="\n")
