"""CI's check of a screenshot of the terminal: each of its failures, provoked."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication

from tests.support.programs import ROOT

WIDTH, HEIGHT = 1440, 900


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("screenshot", ROOT / ".ci" / "screenshot.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


screenshot = _load()


def drawn(*blank: str, word: str = "") -> QImage:
    """Regions full of lines, except the blank ones, which have a word in the middle."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    image.fill(QColor("#101418"))
    painter = QPainter(image)
    for name, (left, top, right, bottom) in screenshot.REGIONS.items():
        area = QRect(
            int(left * WIDTH),
            int(top * HEIGHT),
            int((right - left) * WIDTH),
            int((bottom - top) * HEIGHT),
        )
        painter.setPen(QColor("#e0e0e0"))
        if name in blank:
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, word)
        else:
            for y in range(area.top(), area.bottom(), 8):
                painter.drawLine(area.left(), y, area.right(), y)
    painter.end()
    return image


def test_data_everywhere_passes(app: QApplication) -> None:
    assert list(screenshot.look_at(drawn(), "1440x900")) == []


@pytest.mark.parametrize("word", ["", "Waiting for the order book…"])
@pytest.mark.parametrize("region", screenshot.REGIONS)
def test_a_region_without_data_is_named(app: QApplication, region: str, word: str) -> None:
    (problem,) = screenshot.look_at(drawn(region, word=word), "1440x900")
    assert problem.startswith(f"{region}: ")


def test_another_size_is_reported(app: QApplication) -> None:
    assert list(screenshot.look_at(drawn(), "1000x640")) == ["1440x900 instead of 1000x640"]


def test_a_file_that_is_not_an_image_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "screenshot.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40_000))
    assert screenshot.main([str(path)]) == 1
    assert "no screenshot" in capsys.readouterr().err


def test_a_good_file_passes(app: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "screenshot.png"
    assert drawn().save(str(path))
    assert screenshot.main([str(path)]) == 0
    assert "data in markets" in capsys.readouterr().out
