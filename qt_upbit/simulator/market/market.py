"""`SimulatedMarket`: every pair of the exchange, driven by time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from typing import ClassVar, Final, Protocol

from qt_upbit.simulator.market.book import Book
from qt_upbit.simulator.market.catalog import Listing, coins_of, list_markets
from qt_upbit.simulator.market.history import WarmHistories
from qt_upbit.simulator.market.pair import Pair, Trade
from qt_upbit.simulator.market.price_path import PricePath, mix, text_seed
from qt_upbit.simulator.market.record_log import SpillFile
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import (
    BaseWebSocketEvent,
    CandleEvent,
    OrderbookEvent,
    StreamType,
    TickerEvent,
    TradeEvent,
    spec_of,
)
from qt_upbit.types.registry import spec_of_class

__all__ = ["MarketSink", "SimulatedMarket"]

_BOOK, _TRADE, _TICKER, _CANDLE = range(4)
_BOOK_TYPE: Final = spec_of_class(OrderbookEvent).wire_type
_TRADE_TYPE: Final = spec_of_class(TradeEvent).wire_type
_TICKER_TYPE: Final = spec_of_class(TickerEvent).wire_type
_TICKER_DELAY_MS: Final = 40
_TICKER_GAP_MS: Final = 250
_CATCH_UP_MS: Final = 5_000


class MarketSink(Protocol):
    """Where a market delivers its events."""

    def wants(self, wire_type: str, code: str) -> bool:
        """Whether a stream has a subscriber; otherwise nothing is made for it."""

    def publish(self, event: BaseWebSocketEvent) -> None:
        """Deliver an event."""

    def publish_book(self, book: Book) -> None:
        """Deliver a changed book."""


class SimulatedMarket:
    """The pairs and their clock. `tick` processes what is due; times are milliseconds of market time.

    `EVENTS` are the event classes it makes.

    Args:
        settings: of the exchange.
        start_ms: where history ends and live data begins.
        also: codes to list whatever their rank.
    """

    EVENTS: ClassVar[tuple[type[BaseWebSocketEvent], ...]] = (
        TickerEvent,
        TradeEvent,
        OrderbookEvent,
        CandleEvent,
    )

    def __init__(self, settings: SimulatorSettings, start_ms: int, also: tuple[str, ...] = ()) -> None:
        self.start_ms = start_ms - start_ms % 1000
        self.pairs: dict[str, Pair] = {}
        self.trade_listeners: list[Callable[[Pair, Trade], None]] = []
        self.book_listeners: list[Callable[[Pair, int], None]] = []
        self._settings = settings
        self.spill = SpillFile(settings.max_history_bytes)
        self._warm = WarmHistories()
        self._paths: dict[str, PricePath] = {}
        self._coins = coins_of(settings.region)
        self._whole = PricePath(mix(settings.seed, 77), 1.0, 0.02, self.start_ms / 1000, shortest_s=100.0)
        self._gone: dict[str, Pair] = {}
        for listing in list_markets(settings.markets, settings.region, also):
            self.pairs[listing.code] = self._make_pair(listing)
        self._due: list[tuple[int, int, int, Pair]] = []
        self._count = 0
        self._pending: set[tuple[int, str]] = set()
        self._ticker_times: dict[str, int] = {}
        self.now_ms = self.start_ms
        for pair in self.pairs.values():
            self._start(pair)

    def _make_pair(self, listing: Listing) -> Pair:
        quote, region = listing.quote, self._settings.region
        priced_in_coin = quote in self._coins and quote != region.quote_currency
        return Pair(
            listing,
            self._settings.seed,
            self._path(listing.coin.symbol),
            self._path(quote) if priced_in_coin else None,
            self.start_ms,
            self._settings.rate,
            self._settings.trade_disorder,
            self.spill,
            self._warm,
        )

    def _path(self, symbol: str) -> PricePath:
        if symbol not in self._paths:
            coin = self._coins[symbol]
            self._paths[symbol] = PricePath(
                mix(self._settings.seed, text_seed(symbol)),
                coin.price,
                coin.daily_volatility,
                self.start_ms / 1000,
                market=self._whole if coin.beta else None,
                beta=coin.beta,
            )
        return self._paths[symbol]

    def _start(self, pair: Pair) -> None:
        if self._settings.market_running:
            self._schedule(pair.next_book_ms(self.now_ms), _BOOK, pair)
            self._schedule(pair.next_trade_ms(self.now_ms), _TRADE, pair)

    def delist(self, code: str) -> Pair | None:
        """Delist a pair; None if it is not listed."""
        pair = self.pairs.pop(code, None)
        if pair is not None:
            self._gone[code] = pair
        return pair

    def list_pair(self, code: str) -> Pair | None:
        """List a pair; None if it is listed already or its coin is unknown."""
        if code in self.pairs:
            return None
        pair = self._gone.pop(code, None)
        if pair is None:
            listings = list_markets(self._settings.markets, self._settings.region, (code,))
            listing = next((each for each in listings if each.code == code), None)
            if listing is None:
                return None
            pair = self._make_pair(listing)
        self.pairs[code] = pair
        # What was scheduled before the delisting is still due (`tick` skips it), and would be due twice.
        self._due = [entry for entry in self._due if entry[3] is not pair]
        heapq.heapify(self._due)
        self._pending = {entry for entry in self._pending if entry[1] != code}
        self._start(pair)
        return pair

    @property
    def next_due_ms(self) -> int | None:
        """When the next thing is due; None if nothing is."""
        return self._due[0][0] if self._due else None

    def tick(self, now_ms: int, sink: MarketSink, max_events: int = 1_000_000) -> bool:
        """Process everything that is due; return whether `max_events` left something over."""
        self.now_ms = max(now_ms, self.now_ms)
        for _ in range(max_events):
            if not self._due or self._due[0][0] > now_ms:
                return False
            due, _, kind, pair = heapq.heappop(self._due)
            # After a long pause (a suspended machine) the market continues from now.
            at = max(due, now_ms - _CATCH_UP_MS)
            if pair.code not in self.pairs:
                continue
            _HANDLERS[kind](self, pair, at, now_ms, sink)
        return bool(self._due) and self._due[0][0] <= now_ms

    def _schedule(self, due_ms: int, kind: int, pair: Pair) -> None:
        self._count += 1
        heapq.heappush(self._due, (due_ms, self._count, kind, pair))

    def _schedule_once(self, due_ms: int, kind: int, pair: Pair) -> None:
        if (kind, pair.code) not in self._pending:
            self._pending.add((kind, pair.code))
            self._schedule(due_ms, kind, pair)

    def _on_book(self, pair: Pair, at: int, now_ms: int, sink: MarketSink) -> None:
        due = pair.next_book_ms(at)
        while due <= now_ms - 200:  # late: only the newest of a pair's books is of interest
            at, due = due, pair.next_book_ms(due)
        pair.change_book(at)
        self._schedule(due, _BOOK, pair)
        self.book_changed(pair, at, sink)

    def book_changed(self, pair: Pair, at: int, sink: MarketSink) -> None:
        """Publish a changed book, and match the orders that it crosses."""
        for listener in self.book_listeners:
            listener(pair, at)
        if sink.wants(_BOOK_TYPE, pair.code):
            sink.publish_book(pair.book)

    def _on_trade(self, pair: Pair, at: int, now_ms: int, sink: MarketSink) -> None:
        self._schedule(pair.next_trade_ms(at), _TRADE, pair)
        pair.announce_candles = self._wants_candles(pair, sink)
        trades = pair.trade(at)
        self.announce(pair, trades, at, sink)
        for listener in self.trade_listeners:
            for trade in trades:
                listener(pair, trade)

    def _wants_candles(self, pair: Pair, sink: MarketSink) -> bool:
        return any(sink.wants(key, pair.code) for key, _ in pair.candle_keys)

    def announce(self, pair: Pair, trades: list[Trade], at: int, sink: MarketSink) -> None:
        """Publish trades, and the tickers and candles that follow from them."""
        code = pair.code
        if sink.wants(_TRADE_TYPE, code):
            for trade in trades:
                sink.publish(pair.trade_event(trade, at, StreamType.REALTIME))
        if sink.wants(_TICKER_TYPE, code):
            soonest = self._ticker_times.get(code, 0) + _TICKER_GAP_MS
            self._schedule_once(max(at + _TICKER_DELAY_MS, soonest), _TICKER, pair)
        if self._wants_candles(pair, sink):
            phase = 100 + mix(text_seed(code)) % 800
            self._schedule_once(at - at % 1000 + phase + (1000 if at % 1000 >= phase else 0), _CANDLE, pair)

    def _on_ticker(self, pair: Pair, at: int, now_ms: int, sink: MarketSink) -> None:
        self._pending.discard((_TICKER, pair.code))
        self._ticker_times[pair.code] = at
        if sink.wants(_TICKER_TYPE, pair.code):
            sink.publish(pair.ticker_event(at, StreamType.REALTIME))

    def _on_candle(self, pair: Pair, at: int, now_ms: int, sink: MarketSink) -> None:
        self._pending.discard((_CANDLE, pair.code))
        for key, unit in pair.candle_keys:
            changed = pair.take_changed(unit)
            if sink.wants(key, pair.code):
                for timed in changed:
                    sink.publish(pair.candle_event(unit, timed, StreamType.REALTIME))

    def snapshot(self, wire_type: str, code: str) -> BaseWebSocketEvent | None:
        """The snapshot of a stream other than a book; None if there is nothing to show."""
        spec, pair = spec_of(wire_type), self.pairs.get(code)
        make = None if spec is None else _SNAPSHOTS.get(spec.event_class)
        return None if make is None or pair is None else make(self, pair, wire_type)

    def _ticker(self, pair: Pair, _wire_type: str) -> TickerEvent:
        # Trades since the last ticker make this a later one.
        last = self._ticker_times.get(pair.code, 0) + ((_TICKER, pair.code) in self._pending)
        at = max(pair.last_trade.time_ms, self.now_ms - 1_000, last)
        return pair.ticker_event(at, StreamType.SNAPSHOT)

    def _trade(self, pair: Pair, _wire_type: str) -> TradeEvent:
        trade = pair.last_trade
        return pair.trade_event(trade, trade.time_ms + 46, StreamType.SNAPSHOT)

    def _candle(self, pair: Pair, wire_type: str) -> CandleEvent | None:
        unit = wire_type.partition(".")[2]
        timed = pair.candle(unit)
        return None if timed is None else pair.candle_event(unit, timed, StreamType.SNAPSHOT)

    def supported_levels(self, code: str) -> tuple[int, ...]:
        """Price groupings of a pair, 0 first; only local pairs have others."""
        listing = self.pairs[code].listing
        if listing.currency.is_shared:
            return (0,)
        # Those of won pairs, as round numbers of about the same value.
        exponent = round(math.log10(listing.currency.per_won))
        price = listing.coin.price / listing.currency.per_won
        return (
            0,
            *(
                10 ** (n + exponent)
                for n in _level_exponents(listing.coin.symbol, price)
                if n + exponent >= 0
            ),
        )

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs.values())


def _level_exponents(symbol: str, price_in_won: float) -> range:
    if symbol == "BTC":
        return range(4, 9)
    if price_in_won >= 1_000_000:
        return range(4, 7)
    if price_in_won >= 100:
        return range(3) if price_in_won < 1_000 else range(1, 4)
    return range(0)


_SNAPSHOTS: Final[
    dict[type[BaseWebSocketEvent], Callable[[SimulatedMarket, Pair, str], BaseWebSocketEvent | None]]
] = {
    TickerEvent: SimulatedMarket._ticker,
    TradeEvent: SimulatedMarket._trade,
    CandleEvent: SimulatedMarket._candle,
}

_HANDLERS: Final[dict[int, Callable[[SimulatedMarket, Pair, int, int, MarketSink], None]]] = {
    _BOOK: SimulatedMarket._on_book,
    _TRADE: SimulatedMarket._on_trade,
    _TICKER: SimulatedMarket._on_ticker,
    _CANDLE: SimulatedMarket._on_candle,
}
