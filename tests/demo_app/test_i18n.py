"""Both languages say everything."""

from __future__ import annotations

import string

import pytest

from demo_app.i18n import LANGUAGES, TEXTS, Translator
from qt_upbit import AskBid, OrderState, OrderType


def _placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_a_text_stands_in_every_language_with_the_same_placeholders(key: str) -> None:
    texts = TEXTS[key]
    assert len(texts) == len(LANGUAGES)
    assert all(text.strip() == text and text for text in texts)
    assert len({tuple(_placeholders(text)) for text in texts}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_of_the_wire_has_a_text(language: str) -> None:
    texts = Translator(language)
    for prefix, values in (
        ("order_state", OrderState),
        ("order_type", OrderType),
        ("side", AskBid),
    ):
        for value in values:
            assert texts(f"{prefix}.{value.value}")


def test_a_value_that_upbit_invents_is_shown_as_it_is() -> None:
    assert Translator("ko").or_raw("order_type", "iceberg") == "iceberg"
    assert Translator("en").or_raw("order_type", "limit") == "Limit"


def test_an_unknown_text_or_language_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Translator("en")("nonsense")
    with pytest.raises(ValueError, match="fr"):
        Translator("fr")


def test_korean_is_korean() -> None:
    assert Translator("ko").is_korean
    assert not Translator("en").is_korean
