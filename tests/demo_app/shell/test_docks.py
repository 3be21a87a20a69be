"""Panels as docks: built-in layouts, user layouts, and the next run."""

from __future__ import annotations

import gc
import re
import weakref

import pytest
from PySide6.QtCore import QEvent, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication

from demo_app.shell.docks import PanelDock
from demo_app.shell.main_window import MainWindow
from demo_app.shell.registry import LAYOUTS, PANELS
from demo_app.style.language import Language
from demo_app.terminal_state import TerminalState
from tests.demo_app.conftest import Open
from tests.support.programs import ROOT
from tests.support.wait import turns, until

pytestmark = pytest.mark.usefixtures("offline")


def _shown(window: MainWindow) -> set[str]:
    return {name for name, dock in window.docks.docks.items() if not dock.isHidden()}


def test_the_registry_is_consistent() -> None:
    names = [spec.name for spec in PANELS]
    assert all(names)
    assert len(set(names)) == len(names)
    keys = [spec.shortcut for spec in PANELS]
    assert len(set(keys)) == len(keys)
    for spec in PANELS:
        assert spec.places.keys() <= LAYOUTS.keys()


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_a_layout_places_its_panels(open_window: Open, layout: str) -> None:
    window = open_window(layout=layout)
    placed = {spec.name: spec.places[layout] for spec in PANELS if layout in spec.places}
    assert placed
    assert _shown(window) == placed.keys()
    await turns()
    front: dict[tuple[int, int], str] = {}
    for name, place in placed.items():
        front.setdefault((place.column, place.row), name)
    in_front = {name: placed[name] for name in front.values()}  # the others are tabs behind these
    rects = {name: window.docks.docks[name].geometry() for name in in_front}
    for one, here in in_front.items():
        for other, there in in_front.items():
            if here.column < there.column:
                assert rects[one].right() < rects[other].left()
            elif here.column == there.column and here.row < there.row:
                assert rects[one].bottom() < rects[other].top()


@pytest.mark.parametrize("layout", ["trading", "wide"])
async def test_the_order_form_gets_exactly_its_preferred_height(open_window: Open, layout: str) -> None:
    window = open_window(layout=layout)
    window.resize(1920, 1080)
    window.docks.apply(layout)
    dock = window.docks.docks["order_form"]
    await until(lambda: abs(dock.height() - dock.sizeHint().height()) <= 4)


async def test_hidden_panels_are_not_created(open_window: Open) -> None:
    window = open_window(layout="chart")
    dock = window.docks.docks["orderbook"]
    assert dock.panel is None
    assert dock.windowTitle() == "Order book"
    window.commands.actions["toggle.orderbook"].trigger()
    await turns()
    assert dock.panel is not None
    assert _shown(window) == {"chart", "orderbook"}


async def test_a_user_layout_can_be_saved_applied_and_deleted(open_window: Open) -> None:
    window = open_window(layout="trading")
    window.docks.docks["trades"].hide()
    window.docks.save_own(" night/shift & co ")
    assert window.docks.own == ["night-shift & co"]
    window.docks.apply("book")
    assert _shown(window) == {"orderbook", "trades"}
    entry = window.commands._menus["own"].actions()[0]
    assert entry.text() == "night-shift && co"
    entry.trigger()
    assert "trades" not in _shown(window)
    assert "chart" in _shown(window)
    window.commands._menus["delete"].actions()[0].trigger()
    assert window.docks.own == []
    assert not window.commands._menus["own"].menuAction().isEnabled()
    assert not window.docks.apply_own("night-shift & co")


async def test_the_next_run_restores_the_layout(open_window: Open, settings: QSettings) -> None:
    first = open_window(layout="wide")
    first.docks.docks["orders"].hide()
    first.close()
    second = open_window()
    assert "orders" not in _shown(second)
    assert second.docks.current == "wide"
    second.commands.actions["layout_reset"].trigger()
    assert "orders" in _shown(second)


async def test_broken_settings_give_the_default_layout(open_window: Open, settings: QSettings) -> None:
    settings.setValue("window/state", "nonsense")
    settings.setValue("window/geometry", 7)
    settings.setValue("window/layout", "diagonal")
    window = open_window()
    first = next(iter(LAYOUTS))
    assert _shown(window) == {spec.name for spec in PANELS if first in spec.places}


async def test_a_shortcut_goes_to_a_panel_wherever_it_is(open_window: Open) -> None:
    window = open_window(layout="chart")
    window.commands.actions["go.trades"].trigger()
    assert "trades" in _shown(window)
    floating = window.docks.docks["trades"]
    floating.setFloating(True)
    window.docks.apply("trading")
    assert not floating.isFloating()


async def test_a_closed_window_has_no_running_panel_timers(open_window: Open) -> None:
    window = open_window(layout="trading")
    timers = [QTimer(window.panel(spec.name), interval=1) for spec in PANELS]
    for timer in timers:
        timer.start()
    window.close()
    assert not any(timer.isActive() for timer in timers)


async def test_tabs_follow_the_language(open_window: Open, language: Language) -> None:
    window = open_window(layout="chart")
    language.use("ko")
    QApplication.sendPostedEvents()
    assert {dock.windowTitle() for dock in window.docks.docks.values()} >= {"호가", "체결"}


async def test_a_deleted_dock_deletes_its_panel(open_window: Open, state: TerminalState) -> None:
    window = open_window(layout="chart")
    dock = PanelDock(PANELS[1], state, window)
    panel = weakref.ref(dock.make())
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    dock.deleteLater()
    del dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert panel() is None


def test_the_terminal_docs_name_each_panel_and_its_shortcut() -> None:
    page = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    for spec in PANELS:
        assert f"| {spec.title} | {spec.shortcut} |" in page
    for screenshot in re.findall(r"\(screenshots/([\w-]+)\.png\)", page):
        assert (ROOT / "docs" / "screenshots" / f"{screenshot}.png").is_file(), screenshot
