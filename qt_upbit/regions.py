"""Upbit's regions and quote currencies: each is declared here once and nowhere else.

A new region is one member of `Region`: hosts, checks of orders and subscriptions, tick rules, the simulated
exchange and the demo read its declaration.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

__all__ = ["QUOTE_CURRENCIES", "QuoteCurrency", "Region", "RegionSpec", "TickTable", "quote_currency_of"]

TickTable = tuple[tuple[Decimal, Decimal], ...]
"""``(price from, tick)`` rows, highest price first."""


def _ticks(*rows: tuple[str, str]) -> TickTable:
    return tuple((Decimal(start), Decimal(tick)) for start, tick in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteCurrency:
    """A currency that coins are quoted in (protocol section 9.4).

    Attributes:
        symbol: ``KRW``.
        per_won: how much of it one Korean won is worth, roughly: for orders of magnitude, never for money.
        decimals: of an amount as usually written; 0 for currencies without a smaller unit.
        small_balance: holdings worth less than this may be hidden.
        ticks: the documented tick table; None if there is none, and only ``tick_size`` of the instruments is
            known.
        min_total: of an order; None if undocumented.
        max_total: of an order; None if undocumented.
        fee_rate: fraction of an order's total that is paid as fee.
        is_shared: quoted in every region, from the same books. Those books are not grouped, and have no
            indicators (protocol sections 2.4 and 3.8).
    """

    symbol: str
    per_won: float
    decimals: int
    small_balance: Decimal
    ticks: TickTable | None = None
    min_total: Decimal | None = None
    max_total: Decimal | None = None
    fee_rate: Decimal = Decimal("0.0005")
    is_shared: bool = False

    @property
    def likely_ticks(self) -> TickTable:
        """The documented table, or that of the documented currency whose unit has the closest value.

        For display and simulation; orders are never checked against another currency's table.
        """
        if self.ticks is not None:
            return self.ticks
        return _KRW_TICKS if self.per_won >= 0.1 else _USDT_TICKS


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSpec:
    """Declaration of one country's Upbit (protocol section 1).

    Attributes:
        country: its English name.
        base_url: scheme and host of REST and WebSocket API.
        currency: of its own markets; BTC and USDT are quoted everywhere.
        has_full_order_frames: its myOrder frames have every documented field; captures from other countries
            lack some (protocol section 3.5).
    """

    country: str
    base_url: str
    currency: QuoteCurrency
    has_full_order_frames: bool = False


_KRW_TICKS: Final = _ticks(
    ("1000000", "1000"),
    ("500000", "500"),
    ("100000", "100"),
    ("50000", "50"),
    ("10000", "10"),
    ("5000", "5"),
    ("100", "1"),
    ("10", "0.1"),
    ("1", "0.01"),
    ("0.1", "0.001"),
    ("0.01", "0.0001"),
    ("0.001", "0.00001"),
    ("0.0001", "0.000001"),
    ("0.00001", "0.0000001"),
    ("0", "0.00000001"),
)
_USDT_TICKS: Final = _ticks(
    ("10", "0.01"),
    ("1", "0.001"),
    ("0.1", "0.0001"),
    ("0.01", "0.00001"),
    ("0.001", "0.000001"),
    ("0.0001", "0.0000001"),
    ("0", "0.00000001"),
)


class Region(enum.StrEnum):
    """A country's Upbit; BTC and USDT books are shared between regions (protocol section 1)."""

    spec: RegionSpec
    """The region's declaration."""

    def __new__(cls, value: str, spec: RegionSpec | None = None) -> Region:
        """A member from its value and its declaration; ``Region("kr")`` looks it up."""
        if spec is None:
            raise TypeError(f"region {value!r} has no declaration")
        member = str.__new__(cls, value)
        member._value_ = value
        member.spec = spec
        return member

    KR = (
        "kr",
        RegionSpec(
            country="Korea",
            base_url="https://api.upbit.com",
            has_full_order_frames=True,
            currency=QuoteCurrency(
                symbol="KRW",
                per_won=1.0,
                decimals=0,
                small_balance=Decimal(10_000),
                ticks=_KRW_TICKS,
                min_total=Decimal(5000),
                max_total=Decimal(1_000_000_000),
            ),
        ),
    )
    SG = (
        "sg",
        RegionSpec(
            country="Singapore",
            base_url="https://sg-api.upbit.com",
            currency=QuoteCurrency(symbol="SGD", per_won=1 / 1080, decimals=2, small_balance=Decimal(10)),
        ),
    )
    ID = (
        "id",
        RegionSpec(
            country="Indonesia",
            base_url="https://id-api.upbit.com",
            currency=QuoteCurrency(symbol="IDR", per_won=11.5, decimals=0, small_balance=Decimal(100_000)),
        ),
    )
    TH = (
        "th",
        RegionSpec(
            country="Thailand",
            base_url="https://th-api.upbit.com",
            currency=QuoteCurrency(symbol="THB", per_won=1 / 43, decimals=2, small_balance=Decimal(250)),
        ),
    )

    @property
    def base_url(self) -> str:
        """Scheme and host of this region's REST and WebSocket API."""
        return self.spec.base_url

    @property
    def country(self) -> str:
        """English name of the country."""
        return self.spec.country

    @property
    def currency(self) -> QuoteCurrency:
        """The currency of the region's own markets."""
        return self.spec.currency

    @property
    def quote_currency(self) -> str:
        """Symbol of the currency of the region's own markets."""
        return self.spec.currency.symbol


_SHARED: Final = (
    QuoteCurrency(
        symbol="BTC",
        per_won=1 / 158_000_000,
        decimals=8,
        small_balance=Decimal("0.00006"),
        ticks=_ticks(("0", "0.00000001")),
        min_total=Decimal("0.00005"),
        max_total=Decimal(10),
        fee_rate=Decimal("0.0025"),
        is_shared=True,
    ),
    QuoteCurrency(
        symbol="USDT",
        per_won=1 / 1400,
        decimals=2,
        small_balance=Decimal(10),
        ticks=_USDT_TICKS,
        min_total=Decimal("0.5"),
        fee_rate=Decimal("0.0025"),
        is_shared=True,
    ),
)

QUOTE_CURRENCIES: Final[Mapping[str, QuoteCurrency]] = MappingProxyType(
    {each.symbol: each for each in (*(region.currency for region in Region), *_SHARED)}
)
"""By symbol: the regions' own, then the shared ones."""


def quote_currency_of(code: str) -> QuoteCurrency:
    """A pair's quote currency, or a currency by symbol; one that is not declared is treated like the dollar.

    Args:
        code: ``KRW-BTC`` or ``KRW``.
    """
    symbol = code.partition("-")[0]
    known = QUOTE_CURRENCIES.get(symbol)
    if known is not None:
        return known
    return QuoteCurrency(symbol=symbol, per_won=1 / 1400, decimals=2, small_balance=Decimal(10))
