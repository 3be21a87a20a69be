"""Icons of one family (Lucide, see ``resources/icons/LICENSE``), in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QIcon, QImage, QPixmap

from demo_app.style.assets import asset
from demo_app.style.theme import Theme

__all__ = ["icon"]

_SIZES = (16, 20, 32)
_RATIO = 2
"""Drawn at twice the size, for high-density screens; Qt scales down elsewhere."""


def icon(name: str, theme: Theme) -> QIcon:
    """An icon in the theme's text colour, muted where the action is disabled.

    Args:
        name: a file in ``resources/icons``, without its extension.
        theme: gives the colours. After a theme change create the icons again.

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
    pixels = size * _RATIO
    drawing = asset(f"icons/{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    # Rendered at its final size: scaled afterwards it would be blurred.
    drawing = drawing.replace('width="24"', f'width="{pixels}"').replace('height="24"', f'height="{pixels}"')
    canvas = QPixmap.fromImage(QImage.fromData(drawing.encode()))
    canvas.setDevicePixelRatio(_RATIO)
    return canvas
