"""`list_markets`: which pairs the simulated exchange lists, with names, popularity and price levels."""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass
from typing import Final

from qt_upbit.regions import QuoteCurrency, Region, quote_currency_of
from qt_upbit.simulator.market.price_path import mix, text_seed, uniform

__all__ = ["FULL_MARKET", "Coin", "Listing", "list_markets"]

FULL_MARKET: Final = {"KRW": 289, "BTC": 328, "USDT": 238}
"""Pairs per quote currency, as seen on one public socket (protocol section 1)."""

# Popularity order with price levels in won; round numbers of late 2026's order of magnitude.
_LEVELS: Final = """
BTC 158000000 ETH 5000000 XRP 4000 SOL 260000 USDT 1400 DOGE 320 ADA 1150 TRX 470 LINK 29000 SUI 4600 XLM 520
AVAX 38000 HBAR 310 BCH 830000 SHIB 0.0172 LTC 152000 DOT 5600 ETC 27000 NEAR 3900 APT 6100 ARB 640 PEPE 0.0142
ONDO 1300 ENA 860 SEI 410 UNI 13500 AAVE 410000 WLD 1700 NEO 9400 ATOM 6300 ALGO 310 STX 870 SAND 390 MANA 420
AXS 3200 BONK 0.0331 POL 340 IMX 770 INJ 18000 GRT 125 RENDER 5200 TIA 2300 PYTH 230 JUP 710 ZRO 2700 TRUMP 11500
VIRTUAL 1800 PENGU 43 BERA 3600 MASK 1700 USDC 1400 USDS 1400 EOS 680 QTUM 3700 BTG 31000 BSV 37000 XEM 4.1
THETA 1100 VET 34 IOTA 270 ZIL 15.2 KAVA 530 XTZ 1050 FLOW 560 CHZ 58 BAT 230 ENJ 98 STORJ 390 SNT 39 WAVES 1600
ICX 180 ONT 195 ANKR 21 IOST 4.9 CRO 290 ELF 330 GAS 4700 ARDR 118 BTT 0.00092 JST 49 SC 4.7 STEEM 210 MLK 305
POWR 245 AERGO 135 CVC 110 STRAX 59 WAXP 34 HIVE 305 KNC 560 PUNDIX 470 MVL 4.6 META 44 HUNT 410 CBK 890 BORA 133
SXP 255 DKA 15 AQT 1300 GLM 350 MBL 3.4 TT 5.5 STMX 7.9 REP 1400 MTL 1000 ARK 640 LSK 560 ZRX 370 OMG 290
"""

_STABLE: Final = frozenset({"USDT", "USDC", "USDS", "TUSD", "PAX", "DAI", "HBD", "SBD"})
_SYLLABLES: Final = (
    ("ba", "바"), ("no", "노"), ("ri", "리"), ("ta", "타"), ("lu", "루"), ("me", "메"), ("ko", "코"), ("so", "소"),
    ("vi", "비"), ("da", "다"), ("ze", "제"), ("po", "포"), ("ki", "키"), ("ra", "라"), ("mu", "무"), ("ne", "네"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coin:
    """A base currency.

    Attributes:
        symbol: ``BTC``.
        rank: 0 is the most traded.
        price: level in the region's currency.
        daily_volatility: of the logarithm.
        beta: how much it follows the market as a whole.
    """

    symbol: str
    korean_name: str
    english_name: str
    rank: int
    price: float
    daily_volatility: float
    beta: float


@dataclass(frozen=True, slots=True)
class Listing:
    """A pair.

    Attributes:
        code: ``KRW-BTC``.
        quote: ``KRW``.
        rank: 0 is the most traded of its quote currency.
    """

    code: str
    quote: str
    coin: Coin
    rank: int

    @property
    def currency(self) -> QuoteCurrency:
        """The row of the quote currency."""
        return quote_currency_of(self.quote)


def _rows() -> list[tuple[str, frozenset[str], str, str]]:
    text = (
        importlib.resources.files("qt_upbit.simulator.market")
        .joinpath("data", "markets.tsv")
        .read_text("utf-8")
    )
    rows = []
    letters = {"K": "KRW", "B": "BTC", "U": "USDT"}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            base, quotes, korean, english = line.split("\t")
            rows.append((base, frozenset(letters[q] for q in quotes), korean, english))
    return rows


def _made_up(taken: set[str], count: int) -> list[tuple[str, frozenset[str], str, str]]:
    """Plausible names for pairs whose real names we do not have."""
    rows: list[tuple[str, frozenset[str], str, str]] = []
    names: set[str] = set()
    n = 0
    while len(rows) < count:
        n += 1
        parts = [_SYLLABLES[mix(n, i) % len(_SYLLABLES)] for i in range(2 + mix(n, 7) % 3)]
        name = "".join(latin for latin, _ in parts)
        symbol = name.upper()[: 3 + mix(n, 9) % 3]
        if symbol not in taken and name not in names:
            taken.add(symbol)
            names.add(name)
            rows.append((symbol, frozenset(), "".join(hangul for _, hangul in parts), name.capitalize()))
    return rows


@functools.cache
def _coins(region: Region) -> tuple[tuple[Coin, frozenset[str]], ...]:
    rows = _rows()
    taken = {row[0] for row in rows}
    rows += _made_up(taken, FULL_MARKET["BTC"] + 1 - len(rows))
    words = _LEVELS.split()
    levels = {symbol: float(price) for symbol, price in zip(words[::2], words[1::2], strict=True)}
    order = {symbol: n for n, symbol in enumerate(levels)}
    rows.sort(key=lambda row: (order.get(row[0], len(order)), "KRW" not in row[1]))
    coins = []
    for rank, (symbol, quotes, korean, english) in enumerate(rows):
        chance = uniform(text_seed(symbol), 1)
        stable = symbol in _STABLE
        price = levels.get(symbol, 1400.0 if stable else 10 ** (0.3 + 3.4 * chance))
        if symbol == "BTC":
            volatility = 0.012
        elif stable:
            volatility = 0.0012
        else:
            volatility = 0.02 + 0.025 * uniform(text_seed(symbol), 2)
        beta = 0.0 if stable else 1.0 if symbol == "BTC" else 0.7 + 0.6 * uniform(text_seed(symbol), 3)
        coins.append(
            (
                Coin(
                    symbol,
                    korean,
                    english,
                    rank,
                    price * region.currency.per_won,
                    volatility,
                    beta,
                ),
                quotes,
            )
        )
    return tuple(coins)


def _ranked(quote: str, region: Region) -> list[Coin]:
    """The coins of a quote currency, most traded first."""
    listed = [(coin, quotes) for coin, quotes in _coins(region) if coin.symbol != quote]
    if quote != "KRW":  # pairs that Upbit really listed come before made-up ones
        listed.sort(key=lambda item: (quote not in item[1], item[0].rank))
    chosen = [coin for coin, _ in listed[: FULL_MARKET[quote]]]
    return sorted(chosen, key=lambda coin: coin.rank)


def coins_of(region: Region) -> dict[str, Coin]:
    """Every coin by symbol."""
    return {coin.symbol: coin for coin, _ in _coins(region)}


def list_markets(
    count: int | None = None, region: Region = Region.KR, also: tuple[str, ...] = ()
) -> list[Listing]:
    """The pairs, most traded first per quote currency, local ones before BTC and USDT.

    Args:
        count: number of pairs, or None for all; a fifth of a smaller market is BTC pairs, a tenth USDT pairs.
        region: whose quote currency the local pairs have.
        also: codes to include whatever their rank.
    """
    total = sum(FULL_MARKET.values())
    if count is None or count >= total:
        counts = FULL_MARKET
    else:
        btc, usdt = min(count // 5, FULL_MARKET["BTC"]), min(count // 10, FULL_MARKET["USDT"])
        krw = min(count - btc - usdt, FULL_MARKET["KRW"])
        # What exceeds the local market is added to the BTC pairs.
        counts = {"KRW": krw, "BTC": min(count - krw - usdt, FULL_MARKET["BTC"]), "USDT": usdt}
        counts["USDT"] = count - krw - counts["BTC"]
    listings = []
    for quote, number in counts.items():
        local = region.quote_currency if quote == "KRW" else quote
        for rank, coin in enumerate(_ranked(quote, region)):
            code = f"{local}-{coin.symbol}"
            if rank < number or code in also:
                listings.append(Listing(code, local, coin, rank))
    return listings
