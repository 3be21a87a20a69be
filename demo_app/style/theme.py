"""One palette, one spacing scale, one stylesheet."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from string import Template
from typing import Final

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette

from demo_app.style.assets import asset

__all__ = ["COLOURS", "SPACE", "THEMES", "Theme", "make_theme"]

THEMES: Final = ("dark", "light")
COLOURS: Final = ("korean", "western", "safe")
"""The colour of a rise: red, green, or blue against orange, which is colour-blind safe."""

SPACE: Final = 8
"""The spacing unit, in device-independent pixels."""

_FAMILIES: Final = (
    "Pretendard",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "NanumBarunGothic",
    "NanumGothic",
    "Segoe UI",
)


_STYLED: Final = ("window", "panel", "border", "text", "muted", "accent", "warning", "up", "down")
_INKS: Final = ("accent", "warning", "up", "down")
"""Colours used as text backgrounds: the stylesheet has ``$on_accent`` and so on."""


# Window, panel, border, grid, text, muted, accent, warning.
_DARK: Final = ("#0e1117", "#151a23", "#232a36", "#1d2430", "#e4e8ef", "#8b95a7", "#5b8def", "#e0a526")
_LIGHT: Final = ("#eef1f5", "#ffffff", "#d8dee7", "#edf0f4", "#1b2330", "#566070", "#2b62c9", "#855700")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by meaning; `up` and `down` follow a convention, one of `COLOURS`."""

    name: str
    colours: str
    window: QColor
    panel: QColor
    border: QColor
    grid: QColor
    text: QColor
    muted: QColor
    accent: QColor
    up: QColor
    down: QColor
    warning: QColor

    def faded(self, color: QColor, alpha: int) -> QColor:
        """The same colour, translucent."""
        faded = QColor(color)
        faded.setAlpha(alpha)
        return faded

    @staticmethod
    def ink_on(color: QColor) -> QColor:
        """Black or white, whichever reads better on a colour (WCAG's contrast)."""
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (color.redF(), color.greenF(), color.blueF())
        )
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return QColor("#000000" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff")

    def font(self, points: float = 9.5, *, bold: bool = False) -> QFont:
        """The text font: digits of equal width, Hangul from the system's own family."""
        font = QFont()
        font.setFamilies(_families() or [font.family()])
        font.setPointSizeF(points)
        font.setBold(bold)
        font.setFeature(QFont.Tag.fromString("tnum"), 1)
        return font

    def stylesheet(self) -> str:
        """The application's stylesheet with this theme's colours."""
        template = Template(asset("terminal.qss").read_text(encoding="utf-8"))
        values = {name: getattr(self, name).name() for name in _STYLED}
        values |= {f"on_{name}": self.ink_on(getattr(self, name)).name() for name in _INKS}
        # One spacing scale: half a unit, one, two.
        values |= {"half": f"{SPACE // 2}px", "space": f"{SPACE}px", "double": f"{SPACE * 2}px"}
        # Arrows and check marks, in this theme's colours.
        values["icons"] = asset(f"icons/style/{self.name}/check.svg").parent.as_posix()
        return template.substitute(values)

    def palette(self) -> QPalette:
        """The palette, for widgets that the stylesheet does not reach."""
        palette, role = QPalette(), QPalette.ColorRole
        for names, color in (
            ((role.Window, role.Button, role.AlternateBase), self.window),
            ((role.Base, role.ToolTipBase), self.panel),
            ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), self.text),
            ((role.Highlight, role.Link, role.LinkVisited), self.accent),
            ((role.HighlightedText,), self.ink_on(self.accent)),
            ((role.PlaceholderText,), self.muted),
        ):
            for name in names:
                palette.setColor(name, color)
        for name in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, name, self.muted)
        return palette


@functools.cache
def _families() -> list[str]:
    """Those of `_FAMILIES` that this system has. Cached: it has hundreds, and painters often ask."""
    available = set(QFontDatabase.families())
    return [name for name in _FAMILIES if name in available]


def make_theme(name: str, *, korean: bool, colours: str = "") -> Theme:
    """The dark or light theme.

    Args:
        name: one of `THEMES`.
        korean: the convention if none is named: red rises in Korea, green in the West.
        colours: one of `COLOURS`.
    """
    dark = name == "dark"
    red = QColor("#f4706d" if dark else "#b71c1c")
    blue = QColor("#5f9bfa" if dark else "#0f5cc4")
    green = QColor("#2fb3a6" if dark else "#00695c")
    orange = QColor("#ff9a4d" if dark else "#a64200")
    colours = colours or ("korean" if korean else "western")
    up, down = {"korean": (red, blue), "western": (green, red), "safe": (blue, orange)}[colours]
    colors = _DARK if dark else _LIGHT
    window, panel, border, grid, text, muted, accent, warning = (QColor(color) for color in colors)
    return Theme(name, colours, window, panel, border, grid, text, muted, accent, up, down, warning)
