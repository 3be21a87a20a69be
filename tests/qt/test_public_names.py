"""The page of public names, which reads the docstrings of widgets' classes too."""

from __future__ import annotations

from types import ModuleType

import pytest

import qt_upbit
import qt_upbit.core
from docs import generate_names
from tests.support.programs import ROOT


@pytest.mark.parametrize("package", [qt_upbit, qt_upbit.core])
def test_every_public_name_is_documented(package: ModuleType) -> None:
    names = [name for name in package.__all__ if name != "__version__"]
    assert names
    assert not [name for name in names if not generate_names.description(package, name)]


def test_the_page_is_current() -> None:
    written = (ROOT / "docs" / "public_names.md").read_text(encoding="utf-8")
    assert written == generate_names.page(), "run `python -m docs.generate_names`"
