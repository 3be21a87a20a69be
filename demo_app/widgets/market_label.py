"""The label of a pair in a list of pairs."""

from __future__ import annotations

from qt_upbit import Market

__all__ = ["market_label"]


def market_label(market: Market, *, korean: bool) -> str:
    """Code and both names, the one in the user's language first: all are searchable."""
    first, second = market.korean_name, market.english_name
    if not korean:
        first, second = second, first
    return f"{market.code}   {first} · {second}" if second != first else f"{market.code}   {first}"
