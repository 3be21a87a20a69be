"""One pair out of hundreds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCompleter

from demo_app.i18n import Translator
from demo_app.market_selector import Market, MarketSelector
from demo_app.theme import make_theme

_MARKETS = [
    Market("KRW-BTC", "비트코인", "Bitcoin"),
    Market("KRW-ETH", "이더리움", "Ethereum"),
    Market("KRW-ETC", "이더리움클래식", "Ethereum Classic"),
    Market("BTC-ETH", "이더리움", "Ethereum"),
    Market("KRW-XYZ", "XYZ", "XYZ"),
]


@pytest.fixture(params=["ko", "en"])
def selector(request: pytest.FixtureRequest, app: object) -> Iterator[MarketSelector]:
    texts = Translator(request.param)
    made = MarketSelector(make_theme("dark", korean=texts.is_korean), texts)
    made.select("KRW-BTC")
    made.set_markets(_MARKETS)
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
def test_what_is_typed_finds_code_and_both_names(
    selector: MarketSelector, typed: str, codes: list[str]
) -> None:
    assert _found(selector, typed) == codes


def _type(selector: MarketSelector, text: str) -> list[str]:
    chosen: list[str] = []
    selector.market_selected.connect(chosen.append)
    edit = selector.lineEdit()
    assert edit is not None
    edit.selectAll()
    # Hangul comes from an input method, not from keys.
    edit.insert(text)
    edit.textEdited.emit(edit.text())
    QTest.keyClick(edit, Qt.Key.Key_Return)
    return chosen


@pytest.mark.parametrize(
    ("typed", "code"), [("krw-eth", "KRW-ETH"), ("클래식", "KRW-ETC"), ("eth", "KRW-ETH")]
)
def test_enter_takes_the_first_that_fits(selector: MarketSelector, typed: str, code: str) -> None:
    assert _type(selector, typed) == [code]
    assert selector.current == code
    assert selector.currentText().startswith(code)


@pytest.mark.parametrize("typed", ["nonsense", "", "KRW-BTC"])
def test_nonsense_changes_nothing(selector: MarketSelector, typed: str) -> None:
    assert _type(selector, typed) == []
    assert selector.current == "KRW-BTC"
    assert selector.currentText().startswith("KRW-BTC")
    assert selector.count() == len(_MARKETS)


def test_the_same_pair_again_is_no_news(selector: MarketSelector) -> None:
    chosen: list[str] = []
    selector.market_selected.connect(chosen.append)
    selector.select("KRW-BTC")
    selector.select("KRW-ETH")
    assert chosen == ["KRW-ETH"]


def test_a_pair_that_is_not_in_the_list_stays_chosen(app: object) -> None:
    made = MarketSelector(make_theme("dark", korean=False), Translator("en"))
    made.select("KRW-NEW")
    made.set_markets(_MARKETS)
    assert made.current == "KRW-NEW"
    assert made.currentText() == "KRW-NEW"
    shiboken6.delete(made)


def test_a_name_that_is_its_own_translation_stands_once() -> None:
    assert _MARKETS[-1].label(korean=True).split() == ["KRW-XYZ", "XYZ"]
    assert "비트코인" in _MARKETS[0].label(korean=False)
