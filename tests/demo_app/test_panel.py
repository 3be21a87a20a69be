"""What every panel does: explain why it is empty, look stale, change language and colours, be released."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from demo_app.panel import Panel
from demo_app.style.theme import make_theme
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.trading.trading_guard import TradingGuard
from qt_upbit import AskBid, Market


@pytest.fixture
def state(app: QApplication, tmp_path: Path) -> TerminalState:
    guard = TradingGuard(simulated=True, live=False, has_keys=lambda: False)
    settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
    return TerminalState(make_theme("dark", korean=True), guard, settings, "KRW-BTC")


class Figures(Panel):
    NAME = "figures"

    def __init__(self, state: TerminalState) -> None:
        super().__init__(state)
        self.label = QLabel("body")
        self.set_body(self.label)
        self.translated = self.themed = 0

    def title(self) -> str:
        return self.tr("Figures")

    def retranslate(self) -> None:
        self.translated += 1

    def apply_theme(self) -> None:
        self.themed += 1


@pytest.fixture
def panel(state: TerminalState) -> Iterator[Figures]:
    """Deleted as by a window; left to the garbage collector, PySide may crash."""
    made = Figures(state)
    yield made
    shiboken6.delete(made)


def _colour(panel: Panel) -> str:
    image = panel.grab().toImage()
    return image.pixelColor(image.width() // 2, image.height() - 5).name()


def test_a_placeholder_covers_the_body_until_there_is_something_to_show(panel: Figures) -> None:
    asked: list[int] = []
    panel.resize(300, 200)
    panel.show_placeholder("No keys", "Enter keys", lambda: asked.append(1))
    panel.show()
    button = panel.findChild(QPushButton)
    assert button is not None
    assert button.isVisible()
    assert button.text() == "Enter keys"
    button.click()
    assert asked == [1]
    assert panel.has_placeholder
    panel.show_placeholder("Loading…")
    assert not button.isVisible()
    panel.show_body()
    assert not panel.has_placeholder
    panel.close()


def test_a_panel_looks_stale_and_live_again(panel: Figures) -> None:
    panel.resize(300, 200)
    panel.label.setStyleSheet("background: #ffffff")
    panel.show()
    fresh = _colour(panel)
    panel.set_stale("Not live")
    assert _colour(panel) != fresh
    panel.set_stale("")
    assert _colour(panel) == fresh
    panel.close()


def test_language_and_theme_reach_it(state: TerminalState, panel: Figures) -> None:
    QApplication.sendEvent(panel, QEvent(QEvent.Type.LanguageChange))
    assert panel.translated == 1
    state.set_theme(make_theme("light", korean=True))
    assert panel.themed == 1
    assert state.theme.name == "light"


def test_the_state_emits_only_what_changed(state: TerminalState) -> None:
    emitted: list[object] = []
    state.market_changed.connect(emitted.append)
    state.markets_changed.connect(lambda: emitted.append("markets"))
    state.order_drafted.connect(emitted.append)
    state.set_market("KRW-BTC")
    state.set_market("KRW-ETH")
    state.set_markets([Market(code="KRW-ETH", korean_name="이더리움", english_name="Ethereum")])
    draft = OrderPrefill("KRW-ETH", AskBid.BID, Decimal("5000000"))
    state.order_drafted.emit(draft)
    assert emitted == ["KRW-ETH", "markets", draft]
    assert state.markets["KRW-ETH"].korean_name == "이더리움"


def test_a_deleted_panel_is_released(state: TerminalState) -> None:
    panel = Figures(state)
    gone = weakref.ref(panel)
    panel.deleteLater()
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    state.set_theme(make_theme("light", korean=False))
