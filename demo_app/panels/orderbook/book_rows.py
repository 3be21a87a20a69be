"""An order book prepared for painting, row by row, and the layout of its columns. Knows no widget."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from demo_app.style import formats
from qt_upbit import AskBid, Order, OrderbookEvent, exactly

__all__ = ["BookView", "Columns", "group_of", "own_volumes"]


@dataclass(frozen=True)
class BookView:
    """One book as floats, for painting.

    Attributes:
        code: the pair.
        asks, bids: price and size, best first.
        ask_sums, bid_sums: cumulative sums, in base or quote currency.
        digits: decimals of prices.
        size_digits: decimals of sizes.
        in_quote: whether the sums are in quote currency.
    """

    code: str
    asks: tuple[tuple[float, float], ...]
    bids: tuple[tuple[float, float], ...]
    ask_sums: tuple[float, ...] = field(repr=False)
    bid_sums: tuple[float, ...] = field(repr=False)
    digits: int
    size_digits: int
    in_quote: bool

    @classmethod
    def of(cls, book: OrderbookEvent, *, in_quote: bool) -> BookView:
        """Prepare a book for painting.

        Raises:
            DecodeError: its rows cannot be read.
        """
        asks, bids = book.float_levels
        best = bids[0][0] if bids else asks[0][0] if asks else 1.0
        # The highest price decides: a book that spans a tick-size boundary is formatted uniformly.
        quote = book.code.partition("-")[0]
        return cls(
            book.code, asks, bids, _sums(asks, in_quote), _sums(bids, in_quote),
            formats.decimals_of(best, quote), min(4, formats.volume_decimals(best, quote)), in_quote,
        )  # fmt: skip

    @property
    def quote(self) -> str:
        """The currency of its prices."""
        return self.code.partition("-")[0]

    @property
    def largest(self) -> float:
        """The largest size of a row."""
        return max((size for _, size in (*self.asks, *self.bids)), default=1.0) or 1.0

    @property
    def deepest(self) -> float:
        """The larger of the sums."""
        return max((sums[-1] for sums in (self.ask_sums, self.bid_sums) if sums), default=1.0) or 1.0

    @property
    def spread(self) -> tuple[float, float] | None:
        """Best ask less best bid, and as a fraction of the bid; None while a side is empty."""
        if not self.asks or not self.bids:
            return None
        difference = self.asks[0][0] - self.bids[0][0]
        return difference, difference / self.bids[0][0]

    def row(self, side: AskBid, position: int) -> tuple[float, float, float] | None:
        """Price, size and sum of a level, counted from the best; None where there is none."""
        levels, sums = (self.asks, self.ask_sums) if side is AskBid.ASK else (self.bids, self.bid_sums)
        return (*levels[position], sums[position]) if 0 <= position < len(levels) else None


def _sums(levels: Iterable[tuple[float, float]], in_quote: bool) -> tuple[float, ...]:
    return tuple(itertools.accumulate(price * size if in_quote else size for price, size in levels))


@exactly
def group_of(price: Decimal, side: AskBid, level: Decimal) -> Decimal:
    """The row of a grouped book that contains a price: asks are grouped upwards, bids downwards."""
    if not level:
        return price
    way = ROUND_CEILING if side is AskBid.ASK else ROUND_FLOOR
    return (price / level).to_integral_value(way) * level


@exactly
def own_volumes(orders: Iterable[Order], level: Decimal) -> dict[tuple[AskBid, float], Decimal]:
    """The remaining volumes of the user's orders, by side and price of the row."""
    found: dict[tuple[AskBid, float], Decimal] = {}
    for order in orders:
        if order.price is None or order.remaining_volume is None:
            continue
        key = (order.ask_bid, float(group_of(order.price, order.ask_bid, level)))
        found[key] = found.get(key, Decimal(0)) + order.remaining_volume
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Right edges of the columns, in pixels; None where there is no room for one.

    Attributes:
        price, change, size, total: right edge of the text.
    """

    price: float
    change: float | None
    size: float
    total: float | None

    @classmethod
    def fit(cls, room: float, price: float, change: float, size: float, total: float) -> Columns:
        """Place the columns, given the width of the widest text of each with margins.

        Without room the change is dropped first, then the sum. Spare width is shared by all.
        """
        shows_change = price + change + size + total <= room
        shows_total = shows_change or price + size + total <= room
        widths = [price, change * shows_change, size, total * shows_total]
        spare = max(0.0, room - sum(widths)) / sum(1 for width in widths if width)
        edges = list(itertools.accumulate(width + spare if width else 0.0 for width in widths))
        return cls(
            edges[0],
            edges[1] if shows_change else None,
            edges[2],
            edges[3] if shows_total else None,
        )
