"""Names are found as Koreans type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.style.hangul import initial_of, matches

SYLLABLES = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=8)
LATIN = st.text("abcXYZ09-", min_size=1, max_size=8)
NAMES = st.one_of(SYLLABLES, LATIN, st.tuples(SYLLABLES, LATIN).map("".join))


@pytest.mark.parametrize(
    "query", ["비트코인", "ㅂㅌ", "비ㅌ", "ㅂ트", "빝", "비트콩"[:2], "ㅋㅇ", "트ㅋ", " 비 트", "코이", ""]
)
def test_queries_that_find_bitcoin(query: str) -> None:
    assert matches(query, "비트코인")


@pytest.mark.parametrize("query", ["ㅌㅂ", "비코", "비티", "빌트", "ㅂㅋ", "바", "코인비", "bit"])
def test_queries_that_do_not_find_bitcoin(query: str) -> None:
    assert not matches(query, "비트코인")


def test_an_incomplete_syllable_matches_only_at_the_end() -> None:
    assert matches("비", "빗썸")
    assert not matches("비썸", "빗썸")


def test_codes_and_english_names_in_any_case_and_spacing() -> None:
    assert matches("krw-b", "KRW-BTC")
    assert matches("BITCOINC", "Bitcoin Cash")
    assert not matches("btcx", "KRW-BTC")


@given(NAMES, st.data())
def test_every_part_of_a_name_finds_it_spelled_or_by_initials_or_mixed(
    name: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    part = name[start : data.draw(st.integers(start + 1, len(name)))]
    query = "".join(initial_of(one) if data.draw(st.booleans()) else one for one in part)
    assert matches(query, name)
    assert matches(query.upper(), name)


@given(SYLLABLES)
def test_initials_are_consonants_and_their_own_initials(name: str) -> None:
    for initial in map(initial_of, name):
        assert initial in "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
        assert initial_of(initial) == initial


@given(SYLLABLES, LATIN)
def test_an_absent_text_finds_nothing(name: str, other: str) -> None:
    assert not matches(other, name)
    assert not matches(name + "ㄱ", name)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_may_be_typed(query: str, name: str) -> None:
    assert matches(query, name) in (True, False)
    assert matches(name, name)
