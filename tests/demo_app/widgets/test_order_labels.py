"""Every value of an order has a label in both languages, and an unknown one is shown unchanged."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from demo_app.style.language import Language
from demo_app.widgets.order_labels import (
    OrderStage,
    condition_word,
    order_stage,
    side_word,
    smp_word,
    stage_word,
    type_word,
)
from qt_upbit import AskBid, OrderState, OrderType, SmpType, TimeInForce

WORDS: list[tuple[Callable[[Any], str], list[Any]]] = [
    (side_word, list(AskBid)),
    (type_word, list(OrderType)),
    (condition_word, [None, *TimeInForce]),
    (smp_word, [None, *SmpType]),
    (stage_word, list(OrderStage)),
]
EVERY = [(word, value) for word, values in WORDS for value in values]


def _ids(value: object) -> str:
    return getattr(value, "__name__", None) or str(value)


@pytest.mark.parametrize(("word", "value"), EVERY, ids=_ids)
def test_every_value_has_a_label(word: Callable[[Any], str], value: Any, language: Language) -> None:
    english = word(value)
    assert english
    assert english != str(value)
    language.use("ko")
    korean = word(value)
    assert any("가" <= letter <= "힣" for letter in korean), korean


def test_the_two_market_orders_are_one_for_the_user() -> None:
    assert type_word(OrderType.PRICE) == type_word(OrderType.MARKET) == "Market"
    assert len({type_word(kind) for kind in OrderType}) == len(OrderType) - 1


@pytest.mark.parametrize("word", [type_word, condition_word, smp_word], ids=_ids)
def test_an_unknown_value_is_shown_unchanged(word: Callable[[Any], str]) -> None:
    assert word("quantum") == "quantum"


def test_labels_are_distinct() -> None:
    for word, values in WORDS[2:]:
        assert len({word(value) for value in values}) == len(values), word.__name__


@pytest.mark.parametrize(
    ("state", "executed", "prevented", "share", "stage"),
    [
        ("wait", "0", None, None, OrderStage.WAITING),
        ("wait", "0.5", None, None, OrderStage.PARTLY_FILLED),
        ("watch", "0", None, None, OrderStage.RESERVED),
        ("trade", "0.5", None, None, OrderStage.PARTLY_FILLED),
        ("done", "1", None, None, OrderStage.FILLED),
        ("cancel", "0", None, None, OrderStage.CANCELLED),
        ("cancel", None, None, None, OrderStage.CANCELLED),
        ("cancel", "0.5", None, None, OrderStage.PARTLY_CANCELLED),
        ("cancel", "0.5", None, "0.9999", OrderStage.FILLED_REFUNDED),
        ("cancel", "0.5", None, "1", OrderStage.FILLED_REFUNDED),
        ("cancel", "0.5", None, "0.4", OrderStage.PARTLY_CANCELLED),
        ("cancel", "0", None, "0", OrderStage.CANCELLED),
        ("cancel", "0.5", "0.5", None, OrderStage.PREVENTED),
        ("frozen", "0.5", None, None, None),
    ],
)
def test_how_far_an_order_has_come(
    state: str, executed: str | None, prevented: str | None, share: str | None, stage: OrderStage | None
) -> None:
    """A market buy ends as cancelled on the wire, with the rest refunded, although it was filled."""
    amounts = {
        name: None if text is None else Decimal(text)
        for name, text in (("executed", executed), ("prevented", prevented), ("share", share))
    }
    assert order_stage(OrderState(state), **amounts) is stage
