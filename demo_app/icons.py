"""Icons of one family (Lucide, see ``resources/icons/LICENSE``), in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap

from demo_app.assets import asset
from demo_app.theme import Theme

__all__ = ["icon"]

_SIZES = (16, 20, 32)
_RATIO = 2
"""Drawn at twice the size, for screens of high density; Qt scales down elsewhere."""


def icon(name: str, theme: Theme) -> QIcon:
    """An icon in the theme's text colour, muted where the action is disabled.

    Args:
        name: of a file in ``resources/icons``, without its ending.
        theme: for the colours. After another theme make the icons again.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    made = QIcon()
    for size in _SIZES:
        made.addPixmap(_pixmap(name, theme.text.name(), size))
        made.addPixmap(_pixmap(name, theme.muted.name(), size), QIcon.Mode.Disabled)
    return made


@lru_cache(maxsize=512)
def _pixmap(name: str, color: str, size: int) -> QPixmap:
    drawing = asset(f"icons/{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    image = QImage.fromData(drawing.encode())
    pixels = size * _RATIO
    canvas = QPixmap(QSize(pixels, pixels))
    canvas.fill(Qt.GlobalColor.transparent)
    painter = QPainter(canvas)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(
        canvas.rect(),
        image.scaled(
            pixels, pixels, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        ),
    )
    painter.end()
    canvas.setDevicePixelRatio(_RATIO)
    return canvas
