"""Searching one pair out of hundreds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCompleter

from demo_app.shell.market_selector import MarketSelector
from demo_app.style.language import Language
from demo_app.terminal_state import TerminalState
from demo_app.widgets.market_label import market_label
from qt_upbit import Market

pytestmark = pytest.mark.usefixtures("offline")

_MARKETS = [
    Market(code="KRW-BTC", korean_name="비트코인", english_name="Bitcoin"),
    Market(code="KRW-ETH", korean_name="이더리움", english_name="Ethereum"),
    Market(code="KRW-ETC", korean_name="이더리움클래식", english_name="Ethereum Classic"),
    Market(code="BTC-ETH", korean_name="이더리움", english_name="Ethereum"),
    Market(code="KRW-XYZ", korean_name="XYZ", english_name="XYZ"),
]


@pytest.fixture(params=["ko", "en"])
def selector(
    request: pytest.FixtureRequest, offline: None, state: TerminalState, language: Language
) -> Iterator[MarketSelector]:
    language.use(request.param)
    made = MarketSelector(state)
    state.set_markets(_MARKETS)
    yield made
    shiboken6.delete(made)


def _found(selector: MarketSelector, typed: str) -> list[str]:
    completer = selector.completer()
    assert isinstance(completer, QCompleter)
    completer.setCompletionPrefix(typed)
    model = completer.completionModel()
    return [
        str(model.index(row, 0).data(completer.completionRole())).split()[0]
        for row in range(model.rowCount())
    ]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("이더리움", ["KRW-ETH", "KRW-ETC", "BTC-ETH"]),
        ("클래식", ["KRW-ETC"]),
        ("ether", ["KRW-ETH", "KRW-ETC", "BTC-ETH"]),
        ("krw-e", ["KRW-ETH", "KRW-ETC"]),
        ("BTC", ["KRW-BTC", "BTC-ETH"]),
        ("nonsense", []),
    ],
)
async def test_typing_finds_code_and_both_names(
    selector: MarketSelector, typed: str, codes: list[str]
) -> None:
    assert _found(selector, typed) == codes


def _type(selector: MarketSelector, text: str) -> list[str]:
    chosen: list[str] = []
    selector._state.market_changed.connect(chosen.append)
    edit = selector.lineEdit()
    assert edit is not None
    edit.selectAll()
    # Hangul comes from an input method, not from key events.
    edit.insert(text)
    edit.textEdited.emit(edit.text())
    QTest.keyClick(edit, Qt.Key.Key_Return)
    return chosen


@pytest.mark.parametrize(
    ("typed", "code"), [("krw-eth", "KRW-ETH"), ("클래식", "KRW-ETC"), ("eth", "KRW-ETH")]
)
async def test_enter_selects_the_first_match(selector: MarketSelector, typed: str, code: str) -> None:
    assert _type(selector, typed) == [code]
    assert selector._state.market == code
    assert selector.currentText().startswith(code)


@pytest.mark.parametrize("typed", ["nonsense", "", "KRW-BTC"])
async def test_an_unknown_text_changes_nothing(selector: MarketSelector, typed: str) -> None:
    assert _type(selector, typed) == []
    assert selector._state.market == "KRW-BTC"
    assert selector.currentText().startswith("KRW-BTC")
    assert selector.count() == len(_MARKETS)


async def test_the_list_follows_the_language(selector: MarketSelector, language: Language) -> None:
    for name, first in (("ko", "이더리움"), ("en", "Ethereum")):
        language.use(name)
        QApplication.sendEvent(selector, QEvent(QEvent.Type.LanguageChange))
        assert selector.itemText(1).split()[1] == first
        assert selector.accessibleName() == {"ko": "마켓", "en": "Market"}[name]


async def test_a_pair_that_is_not_listed_stays_selected(state: TerminalState) -> None:
    made = MarketSelector(state)
    state.set_market("KRW-NEW")
    state.set_markets(_MARKETS)
    assert state.market == "KRW-NEW"
    assert made.currentText() == "KRW-NEW"
    shiboken6.delete(made)


def test_a_name_equal_in_both_languages_is_shown_once() -> None:
    assert market_label(_MARKETS[-1], korean=True).split() == ["KRW-XYZ", "XYZ"]
    assert "비트코인" in market_label(_MARKETS[0], korean=False)
