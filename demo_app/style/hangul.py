"""Search for names as Koreans type them: by syllables, initial consonants (초성), or both. Knows no Qt."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["fold", "initial_of", "matches"]

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_VOWELS: Final = 21
_FINALS: Final = 28
_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_FINAL_CONSONANTS: Final = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")


def fold(text: str) -> str:
    """Normalise a text for comparison: composed, case-folded, without spaces."""
    return "".join(unicodedata.normalize("NFC", text).casefold().split())


def initial_of(character: str) -> str:
    """The initial consonant of a syllable: ㅂ of 비; any other character as it is."""
    number = ord(character) - _FIRST
    if not 0 <= number <= _LAST - _FIRST:
        return character
    return _INITIALS[number // (_VOWELS * _FINALS)]


def matches(query: str, text: str) -> bool:
    """Whether `text` contains what was typed.

    A lone consonant stands for every syllable that begins with it. The last syllable may be incomplete:
    비 finds 빗, and 빝, which is what 비ㅌ looks like on its way to 비트, finds 비트.

    Args:
        query: what was typed; an empty query matches everything.
        text: a name or a code.
    """
    wanted, text = fold(query), fold(text)
    if not wanted or wanted in text:
        return True
    return any(
        _is_at(spelling, text, start)
        for spelling in _spellings(wanted)
        for start in range(len(text) - len(spelling) + 1)
    )


def _spellings(wanted: str) -> tuple[str, ...]:
    """The query, and a variant with the final consonant of its last syllable as the next initial."""
    number = ord(wanted[-1]) - _FIRST
    if not 0 <= number <= _LAST - _FIRST:
        return (wanted,)
    final = _FINAL_CONSONANTS[number % _FINALS]
    if not final or final not in _INITIALS:
        return (wanted,)
    return wanted, f"{wanted[:-1]}{chr(ord(wanted[-1]) - number % _FINALS)}{final}"


def _is_at(wanted: str, text: str, start: int) -> bool:
    last = len(wanted) - 1
    return all(
        mine == theirs
        or (mine in _INITIALS and initial_of(theirs) == mine)
        or (i == last and _is_open_beginning(mine, theirs))
        for i, (mine, theirs) in enumerate(zip(wanted, text[start:], strict=False))
    )


def _is_open_beginning(mine: str, theirs: str) -> bool:
    """Whether `mine` is `theirs` before its final consonant was typed."""
    number, other = ord(mine) - _FIRST, ord(theirs) - _FIRST
    limit = _LAST - _FIRST
    if not (0 <= number <= limit and 0 <= other <= limit) or number % _FINALS:
        return False
    return number // _FINALS == other // _FINALS
