"""Readable colours, and existing resource files."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from demo_app.style.assets import asset
from demo_app.style.icons import icon
from demo_app.style.theme import COLOURS, THEMES, Theme, make_theme


def _luminance(color: QColor) -> float:
    parts = (color.redF(), color.greenF(), color.blueF())
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: QColor, other: QColor) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=[(name, colours) for name in THEMES for colours in COLOURS], ids="-".join)
def theme(request: pytest.FixtureRequest, app: object) -> Theme:
    name, colours = request.param
    return make_theme(name, korean=False, colours=colours)


@pytest.mark.parametrize("color", ["text", "muted", "up", "down", "accent", "warning"])
def test_every_text_colour_is_readable_on_every_background(theme: Theme, color: str) -> None:
    """WCAG requires 4.5 for small text."""
    for ground in (theme.panel, theme.window):
        assert _contrast(getattr(theme, color), ground) >= 4.5


@pytest.mark.parametrize("color", ["up", "down", "muted", "warning", "accent"])
def test_text_on_a_coloured_tag_is_readable(theme: Theme, color: str) -> None:
    ground = getattr(theme, color)
    assert _contrast(theme.ink_on(ground), ground) >= 4.5


def test_red_rises_in_korea_and_falls_elsewhere(app: object) -> None:
    korean, western = make_theme("dark", korean=True), make_theme("dark", korean=False)
    assert korean.up.red() > 200 > korean.down.red()
    assert western.up.red() < 200 < western.down.red()


def _seen(color: QColor, kind: str) -> tuple[float, float, float]:
    """A colour as seen with red-green blindness (Viénot 1999, linear RGB)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (color.redF(), color.greenF(), color.blueF())
    )
    share = {"protan": (0.11238, 0.88762), "deutan": (0.29275, 0.70725)}[kind]
    yellow = share[0] * red + share[1] * green
    return yellow, yellow, blue


@pytest.mark.parametrize("kind", ["protan", "deutan"])
@pytest.mark.parametrize("name", THEMES)
def test_the_safe_colours_differ_under_red_green_blindness(app: object, name: str, kind: str) -> None:
    def distance(colours: str) -> float:
        theme = make_theme(name, korean=False, colours=colours)
        pairs = zip(_seen(theme.up, kind), _seen(theme.down, kind), strict=True)
        return sum(abs(one - other) for one, other in pairs)

    assert distance("safe") > 0.5
    assert distance("safe") > 1.5 * distance("western"), "which is what it is for"


def test_the_stylesheet_has_no_unfilled_placeholders(theme: Theme) -> None:
    assert "$" not in theme.stylesheet()


def test_a_missing_resource_says_so() -> None:
    assert asset("icon.svg").is_file()
    with pytest.raises(FileNotFoundError, match="install qt-upbit again"):
        asset("nothing.png")


def test_every_icon_takes_the_colours_of_the_theme(app: object, theme: Theme) -> None:
    names = sorted(path.stem for path in asset("icons/LICENSE").parent.glob("*.svg"))
    assert len(names) > 10
    for name in names:
        image = icon(name, theme).pixmap(32).toImage()
        assert image.width() >= 32
        inks = {
            image.pixelColor(x, y).name()
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() == 255
        }
        assert inks == {theme.text.name()}, name
