"""`place_first_orders`: what an account had done before the exchange was started, and what still waits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

from qt_upbit.exact import exactly
from qt_upbit.simulator.account.account import Account, InsufficientFunds
from qt_upbit.simulator.account.matching_engine import MatchingEngine, OrderRefused, OrderRequest
from qt_upbit.simulator.market.pair import Pair
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.market.price_path import mix
from qt_upbit.types import AskBid, OrderType

__all__ = ["place_first_orders"]

_EIGHT: Final = Decimal("1E-8")
_PAST: Final[Sequence[tuple[int, int, AskBid, OrderType, int]]] = (
    (0, 118, AskBid.BID, OrderType.LIMIT, 2),
    (1, 93, AskBid.BID, OrderType.PRICE, 1),
    (2, 71, AskBid.BID, OrderType.LIMIT, 3),
    (0, 44, AskBid.ASK, OrderType.LIMIT, 1),
    (3, 27, AskBid.ASK, OrderType.MARKET, 1),
    (1, 12, AskBid.BID, OrderType.LIMIT, 0),
)
"""Pair, minutes ago, side, type and number of fills; without fills it was cancelled."""
_WAITING: Final[Sequence[tuple[int, AskBid, Decimal]]] = (
    (0, AskBid.BID, Decimal("0.0002")),
    (0, AskBid.ASK, Decimal("0.0005")),
    (1, AskBid.BID, Decimal("0.0005")),
)
"""Pair, side and distance from the best price of that side, as a fraction: the market moves that far."""


@exactly
def place_first_orders(
    pairs: Sequence[Pair], account: Account, engine: MatchingEngine, *, worth: Decimal, seed: int, now_ms: int
) -> None:
    """Give a funded account a few closed orders at prices of the past, and three open ones near the market.

    Args:
        pairs: the pairs to use; those beyond its end are left out.
        account: the owner.
        engine: places the open ones.
        worth: of an order, quote currency.
        seed: everything random follows from it.
        now_ms: when the exchange starts.
    """
    rng = random.Random(mix(seed, 43))  # noqa: S311  # a simulation, not a secret
    for index, minutes, side, kind, fills in _PAST:
        if index < len(pairs):
            at_ms = now_ms - minutes * 60_000 + rng.randrange(50_000)
            _trade(pairs[index], account, side, kind, fills, worth, at_ms, rng)
    for index, side, distance in _WAITING:
        if index < len(pairs):
            _wait(pairs[index], account, engine, side, distance, worth, now_ms)


def _trade(
    pair: Pair,
    account: Account,
    side: AskBid,
    kind: OrderType,
    fills: int,
    worth: Decimal,
    at_ms: int,
    rng: random.Random,
) -> None:
    start_s = at_ms // 60_000 * 60
    candle = pair.history.between(start_s - 600, start_s + 60)
    if candle is None:
        return
    price = from_units(candle.close).normalize()
    volume = (worth / price).quantize(_EIGHT, ROUND_DOWN)
    by_amount = kind is OrderType.PRICE
    order = account.draft(
        pair.code,
        side,
        kind,
        at_ms,
        price=worth if by_amount else price if kind is OrderType.LIMIT else None,
        volume=None if by_amount else volume,
    )
    try:
        account.place(order)
    except InsufficientFunds:
        return
    rest = volume
    for number in range(fills):
        part = rest if number == fills - 1 else (volume / fills * Decimal("0.8")).quantize(_EIGHT, ROUND_DOWN)
        rest -= part
        at_ms += rng.randrange(200, 4_000)
        account.fill(order, price, part, at_ms, is_maker=kind is OrderType.LIMIT)
    if order.is_open:
        account.cancel(order, at_ms + 30_000)


def _wait(
    pair: Pair,
    account: Account,
    engine: MatchingEngine,
    side: AskBid,
    distance: Decimal,
    worth: Decimal,
    now_ms: int,
) -> None:
    ask, bid = pair.quote
    is_bid = side is AskBid.BID
    units = int(bid * (1 - distance)) if is_bid else int(ask * (1 + distance))
    price = from_units(pair.grid.snap(units)).normalize()
    volume = (worth / price).quantize(_EIGHT, ROUND_DOWN)
    request = OrderRequest(code=pair.code, side=side, order_type=OrderType.LIMIT, price=price, volume=volume)
    try:
        engine.place(request, now_ms, account=account)
    except OrderRefused:
        return  # too small for an order, or not enough of the currency
