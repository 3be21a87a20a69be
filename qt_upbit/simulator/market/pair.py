"""`Pair`: one market of the simulated exchange; its quote, trades, day and candles."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from qt_upbit.epoch import datetime_at
from qt_upbit.exact import EXACT
from qt_upbit.simulator.market.book import Book, BookMaker
from qt_upbit.simulator.market.catalog import Listing
from qt_upbit.simulator.market.history import CandleHistory, WarmHistories
from qt_upbit.simulator.market.live_candles import DAY_S, UNITS_S, LiveCandles, TimedCandle
from qt_upbit.simulator.market.price_grid import SCALE, PriceGrid, from_units, turnover
from qt_upbit.simulator.market.price_path import PricePath, mix, text_seed, uniform
from qt_upbit.simulator.market.record_log import Layout, RecordLog, SpillFile
from qt_upbit.types import (
    AskBid,
    CandleEvent,
    CandleUnit,
    Change,
    MarketWarning,
    StreamType,
    TickerEvent,
    TradeEvent,
)

__all__ = ["Pair", "Trade", "utc_text"]

_LAYOUT: Final = Layout("qqwwqwwwww", 32)
_SIDES: Final = (AskBid.ASK, AskBid.BID)
_IDS_PER_MS: Final = 10_000
"""A trade's sequential_id is its time in ms times this, plus a counter."""
_NEWEST: Final = 2**63 - 1
_FINE_PAIRS: Final = 40
"""Number of local pairs with a detailed history; for all of them every start would take seconds longer."""
_RATE_EXPONENT: Final = Decimal("1E-10")


class Trade(NamedTuple):
    """One trade. Price, volume and the best prices and sizes at that moment are in 10^-8."""

    sequential_id: int
    time_ms: int
    price: int
    volume: int
    ask_bid: AskBid
    prev_close: int
    best_ask: tuple[int, int]
    best_bid: tuple[int, int]


def utc_text(start_s: int, hours: int = 0) -> str:
    """``yyyy-MM-ddTHH:mm:ss`` of a time in seconds, `hours` later."""
    return datetime_at(start_s + 3600 * hours).strftime("%Y-%m-%dT%H:%M:%S")


class Pair:
    """One market. Everything random follows from the seed and the calls' times.

    Args:
        listing: which pair.
        seed: of the exchange.
        path: of the base currency, in the region's currency.
        quote_path: of the quote currency, in the region's currency; None if it is that currency.
        start_ms: where history ends and live data begins; a whole second.
        rate: multiplies the frequency of trades and book changes.
        disorder: share of multi-fill orders whose trades arrive out of order.
        spill: where most of what happened since the start is kept; shared by the pairs.
        warm: the histories that keep what they generated; shared by the pairs.
    """

    def __init__(
        self,
        listing: Listing,
        seed: int,
        path: PricePath,
        quote_path: PricePath | None,
        start_ms: int,
        rate: float,
        disorder: float,
        spill: SpillFile | None = None,
        warm: WarmHistories | None = None,
    ) -> None:
        self.listing = listing
        self.code = listing.code
        self.grid = PriceGrid(listing.quote)
        self.candle_keys = tuple((f"candle.{unit.value}", unit.value) for unit in CandleUnit)
        self._seed = mix(seed, text_seed(listing.code))
        self._path = path
        self._quote_path = quote_path
        self._start_ms = start_ms
        self._disorder = disorder
        self._rng = random.Random(self._seed)  # noqa: S311  # a simulation, not a secret
        self._book_rng = random.Random(mix(self._seed, 1))  # noqa: S311
        self.base_trades_per_s, self._books_per_s, day_turnover, self._typical_value = _liveliness(
            listing, self._seed
        )
        self.trades_per_s = self.base_trades_per_s * rate
        self._books_per_s *= rate
        # Busy local books are published on a 100 ms grid, each pair in its own phase.
        self._grid_ms = 1 if listing.currency.is_shared else 100
        self._phase_ms = mix(self._seed, 5) % 100
        quiet = self.base_trades_per_s < 0.02
        self.spread_ticks = 1 + (mix(self._seed, 6) % 3 if quiet else 0)
        self._price_now = self.price_at(start_ms / 1000)
        thin = quiet and mix(self._seed, 8) % 3 != 0 and listing.quote == "BTC"
        self._maker = BookMaker(
            listing.code,
            self._seed,
            self.grid,
            max(int(self._typical_value * 12 / self._price_now * SCALE * SCALE), 1),
            0.35 + 0.5 * uniform(self._seed, 9) if listing.coin.rank else 0.45,
            3 + mix(self._seed, 10) % 26 if thin else 99,
        )
        self.history = CandleHistory(
            self._seed,
            self.price_at,
            self.grid,
            day_turnover,
            self.base_trades_per_s,
            start_ms / 1000 - 3 * DAY_S,
            fine=not listing.currency.is_shared and listing.rank < _FINE_PAIRS,
            warm=warm,
        )
        self._book_time_ms = start_ms - int(min(1000 / self._books_per_s, 200_000) * self._rng.random())
        self._change = mix(self._seed, 11) % 1000
        self._quote: tuple[int, int] | None = None
        self._book: Book | None = None
        self._live: LiveCandles | None = None
        self._spill = spill or SpillFile()
        self._trades = RecordLog(self._spill, _LAYOUT)
        self._last: Trade | None = None
        self._first_id = 0
        self._prev_close = 0
        self._ask_volume = 0
        self._bid_volume = 0
        self._day_s = 0
        self._day24: tuple[tuple[int, int], int, int] = ((-1, -1), 0, 0)
        self._live_volume = 0
        self._live_turnover = 0
        self._year: tuple[int, str, int, str] | None = None
        self.announce_candles = False

    # --- prices and books -----------------------------------------------------------------------

    def price_at(self, t: float) -> float:
        """The fair price at a time in seconds, in 10^-8 of the quote currency, off the grid."""
        log = self._path.log_at(t)
        if self._quote_path is not None:
            log -= self._quote_path.log_at(t)
        return math.exp(log) * SCALE

    @property
    def quote(self) -> tuple[int, int]:
        """Best ask and best bid."""
        if self._quote is None:
            bid = self.grid.snap(int(self.price_at(self._book_time_ms / 1000)))
            ask = bid
            for _ in range(self.spread_ticks):
                ask = self.grid.up(ask)
            self._quote = ask, bid
        return self._quote

    @property
    def book(self) -> Book:
        """The book since its last change."""
        if self._book is None:
            ask, bid = self.quote
            self._book = self._maker.make(ask, bid, self._change, self._book_time_ms)
        return self._book

    def change_book(self, now_ms: int) -> None:
        """Change the book now."""
        self._book_time_ms = max(now_ms, self._book_time_ms)
        self._change += 1
        self._quote = None
        self._book = None

    def next_book_ms(self, now_ms: int) -> int:
        """When the book changes next."""
        wait = max(int(self._book_rng.expovariate(self._books_per_s) * 1000), 1)
        due = now_ms + wait
        if self._grid_ms > 1:
            late = (due - self._phase_ms) % self._grid_ms
            due += (self._grid_ms - late) % self._grid_ms
            if due <= now_ms:
                due += self._grid_ms
        return due

    # --- trades ---------------------------------------------------------------------------------

    def next_trade_ms(self, now_ms: int) -> int:
        """When the next taker's order arrives."""
        heat = min(max(self._path.heat(now_ms / 1000), 0.25), 6.0)
        return now_ms + max(int(self._rng.expovariate(self.trades_per_s * heat) * 1000), 1)

    def trade(self, now_ms: int) -> list[Trade]:
        """Execute one taker's order; its trades in the order in which they are announced."""
        live = self._ensure()
        rng = self._rng
        ask, bid = self.quote
        # Takers follow the price: more buyers while the fair price is nearer to the ask.
        lean = (self.price_at(now_ms / 1000) - bid) / max(ask - bid, 1)
        buying = rng.random() < min(max(0.25 + 0.5 * lean, 0.1), 0.9)
        price = ask if buying else bid
        value = self._typical_value * math.exp(rng.gauss(0.0, 1.3))
        time_ms = max(now_ms - rng.randrange(12, 60), self._start_ms, live.series["1s"].time_ms)
        fills = 1 if rng.random() < 0.86 else rng.randrange(2, 5)
        trades = []
        for _ in range(fills):
            volume = max(int(value / fills * SCALE / price * SCALE * rng.uniform(0.5, 1.5)), 1)
            if rng.random() < 0.1:
                volume = max(volume - volume % max(10 ** (len(str(volume)) - 2), 1), 1)
            trades.append(self._execute(time_ms, price, volume, AskBid.BID if buying else AskBid.ASK))
        if len(trades) > 1 and rng.random() < self._disorder:
            trades[0], trades[-1] = trades[-1], trades[0]
        return trades

    def take(self, now_ms: int, price: int, volume: int, ask_bid: AskBid) -> Trade:
        """Execute a trade of an account with the book: on the tape, and out of the book until it changes.

        `ask_bid` is the taker's side; price and volume in 10^-8.
        """
        live = self._ensure()
        trade = self._execute(max(now_ms, live.series["1s"].time_ms), price, volume, ask_bid)
        book = self.book
        asks, bids = list(book.asks), list(book.bids)
        side = asks if ask_bid is AskBid.BID else bids
        side[:] = [
            (at, size - volume if at == price else size) for at, size in side if at != price or size > volume
        ]
        self._book = Book(self.code, max(now_ms, book.time_ms), asks, bids, self._maker)
        return trade

    def execute(self, now_ms: int, price: int, volume: int, ask_bid: AskBid) -> Trade:
        """Execute a trade of third parties at any price, for tests that move the market; units of 10^-8."""
        live = self._ensure()
        return self._execute(max(now_ms, live.series["1s"].time_ms), price, volume, ask_bid)

    def _execute(self, time_ms: int, price: int, volume: int, ask_bid: AskBid) -> Trade:
        live = self._ensure()
        self._roll_day(time_ms // 1000)
        live.apply(time_ms, price, volume, announce=self.announce_candles)
        if ask_bid is AskBid.ASK:
            self._ask_volume += volume
        else:
            self._bid_volume += volume
        self._live_volume += volume
        self._live_turnover += price * volume
        last = self._last
        counter = time_ms * _IDS_PER_MS
        if last is not None and last.time_ms == time_ms:
            counter = last.sequential_id + 1
        ask, bid = self.quote
        size = self._maker.best_size
        trade = Trade(
            counter, time_ms, price, volume, ask_bid, self._prev_close,
            (ask, size(ask, self._change)), (bid, size(bid, self._change)),
        )  # fmt: skip
        self._keep(trade)
        return trade

    def _keep(self, trade: Trade) -> None:
        self._last = trade
        self._trades.append(
            (
                trade.sequential_id, trade.time_ms, trade.price, trade.volume, _SIDES.index(trade.ask_bid),
                trade.prev_close, *trade.best_ask, *trade.best_bid,
            )
        )  # fmt: skip

    def _ensure(self) -> LiveCandles:
        """Live candles, started from history; created when the pair is first used."""
        if self._live is None:
            self._live = LiveCandles(self._spill)
            start = self._start_ms // 1000
            for unit, length in UNITS_S.items():
                begin = start - start % length
                candle = self.history.between(begin, start)
                if candle is not None:
                    self._live.series[unit].begin(begin, candle, self._start_ms - 1)
            self._day_s = start - start % DAY_S
            today = self._live.series["1d"].current
            if today is None:  # the day has just begun: the exchange still shows the previous one
                self._day_s -= DAY_S
                whole = self.history.candle(self._day_s, DAY_S)
                assert whole is not None  # noqa: S101  # every day has a candle
                self._live.series["1d"].begin(self._day_s, whole, self._start_ms - 1)
                today = self._live.series["1d"].current
            assert today is not None  # noqa: S101  # as above
            yesterday = self.history.candle(self._day_s - DAY_S, DAY_S)
            assert yesterday is not None  # noqa: S101  # as above
            self._prev_close = yesterday.close
            share = 0.42 + 0.16 * uniform(self._seed, self._day_s)
            self._ask_volume = int(today.candle.volume * share)
            self._bid_volume = today.candle.volume - self._ask_volume
            self._first_trade(today)
            self._last_day(start)
        return self._live

    def _first_trade(self, today: TimedCandle) -> None:
        """The last trade of history, so that there is always one to show."""
        past = next(self._past_trades(self._start_ms // 1000), None)
        if past is None:
            price, time_ms = today.candle.close, self._start_ms - 1
            volume = max(today.candle.volume // 1000, 1)
            past = Trade(time_ms * _IDS_PER_MS, time_ms, price, volume, AskBid.BID, self._prev_close,
                         (self.grid.up(price), volume), (price, volume))  # fmt: skip
        self._first_id = past.sequential_id
        self._keep(past)

    def _past_trades(self, before_s: int) -> Iterator[Trade]:
        """The trades of history up to `before_s`, newest first, made from the candles of seconds."""
        for start, candle in self.history.series(1, before_s):
            moving = candle.high > candle.low and candle.volume >= 4
            turns = (candle.high, candle.low) if candle.close < candle.open else (candle.low, candle.high)
            prices = (candle.open, *turns, candle.close) if moving else (candle.close,)
            part = candle.volume // len(prices)
            first_ms = start * 1000 + mix(self._seed, start) % 900
            for n in reversed(range(len(prices))):
                price, time_ms = prices[n], first_ms + 25 * n
                volume = part if n else candle.volume - part * (len(prices) - 1)
                buying = mix(self._seed, start, n) % 2 == 1
                ask, bid = (price, self.grid.down(price)) if buying else (self.grid.up(price), price)
                yield Trade(
                    time_ms * _IDS_PER_MS, time_ms, price, volume, AskBid.BID if buying else AskBid.ASK,
                    self._prev_close, (ask, volume), (bid, volume),
                )  # fmt: skip

    def _roll_day(self, now_s: int) -> None:
        day = now_s - now_s % DAY_S
        if day == self._day_s:
            return
        today = self._ensure().series["1d"].current
        assert today is not None  # noqa: S101  # _ensure begins one
        self._prev_close = today.candle.close
        self._day_s = day
        self._ask_volume = self._bid_volume = 0

    @property
    def last_trade(self) -> Trade:
        """The newest trade; from history if there was none since."""
        self._ensure()
        assert self._last is not None  # noqa: S101  # _ensure keeps one of history
        return self._last

    def trades(self, before_ms: int, before_id: int = _NEWEST) -> Iterator[Trade]:
        """The trades before a time and an id, newest first: every one since the start, then history.

        Ends where trades since the start were given up (`SpillFile`): what was sent is never contradicted.
        """
        self._ensure()
        first = min(before_ms * _IDS_PER_MS, before_id)
        for key, time_ms, price, volume, side, prev_close, *best in self._trades.backwards(first):
            yield Trade(
                key, time_ms, price, volume, _SIDES[side], prev_close, (best[0], best[1]), (best[2], best[3])
            )
        if not self._trades.is_complete:
            return
        # The oldest that is kept is history's newest.
        before_s = min(first // _IDS_PER_MS // 1000 + 1, self._start_ms // 1000)
        for trade in self._past_trades(before_s):
            if trade.sequential_id < min(first, self._first_id):
                yield trade

    # --- candles --------------------------------------------------------------------------------

    def candle(self, unit: str) -> TimedCandle | None:
        """The newest candle of a unit; None if history has none either."""
        live = self._ensure()
        current = live.series[unit].current
        if current is not None:
            return current
        found = next(self.history.series(UNITS_S[unit], self._start_ms // 1000), None)
        return (
            None if found is None else TimedCandle(found[0], found[1], (found[0] + UNITS_S[unit]) * 1000 - 1)
        )

    def take_changed(self, unit: str) -> list[TimedCandle]:
        """Candles of a unit that changed since the last call, oldest first."""
        series = self._ensure().series[unit]
        result, series.ended = series.ended, []
        if series.changed:
            series.changed = False
            current = series.current
            if current is not None:
                result.append(current)
        return result

    def candles(self, unit: str, before_s: int) -> Iterator[TimedCandle]:
        """Candles whose window starts before `before_s`, newest first, live ones followed by history."""
        series = self._ensure().series[unit]
        length = UNITS_S[unit]
        current = series.current
        oldest = self._start_ms // 1000 - (self._start_ms // 1000) % length
        if current is not None:
            oldest = min(current.start_s, oldest)
            if current.start_s < before_s:
                yield current
            # An answer is built in steps: it may close meanwhile.
            before_s = min(before_s, current.start_s)
        for timed in series.closed(before_s):
            oldest = min(timed.start_s, oldest)
            yield timed
        if not series.is_complete:
            return
        end = min(oldest, before_s + length - 1 - (before_s + length - 1) % length)
        for start, candle in self.history.series(length, end):
            yield TimedCandle(start, candle, (start + length) * 1000 - 1 - mix(self._seed, start) % 900)

    # --- events ---------------------------------------------------------------------------------

    def candle_event(self, unit: str, timed: TimedCandle, stream_type: StreamType) -> CandleEvent:
        """The frame of a candle."""
        candle = timed.candle
        return CandleEvent(
            type=f"candle.{unit}",
            code=self.code,
            candle_date_time_utc=utc_text(timed.start_s),
            candle_date_time_kst=utc_text(timed.start_s, 9),
            opening_price=from_units(candle.open),
            high_price=from_units(candle.high),
            low_price=from_units(candle.low),
            trade_price=from_units(candle.close),
            candle_acc_trade_volume=from_units(candle.volume),
            candle_acc_trade_price=turnover(candle.turnover),
            timestamp=timed.time_ms,
            stream_type=stream_type,
        )

    def trade_event(self, trade: Trade, now_ms: int, stream_type: StreamType) -> TradeEvent:
        """The frame of a trade."""
        when = datetime_at(trade.time_ms // 1000)
        return TradeEvent(
            type="trade",
            code=self.code,
            timestamp=max(now_ms, trade.time_ms),
            trade_date=when.strftime("%Y-%m-%d"),
            trade_time=when.strftime("%H:%M:%S"),
            trade_timestamp=trade.time_ms,
            trade_price=from_units(trade.price),
            trade_volume=from_units(trade.volume),
            ask_bid=trade.ask_bid,
            prev_closing_price=from_units(trade.prev_close),
            change=_change(trade.price, trade.prev_close),
            change_price=from_units(abs(trade.price - trade.prev_close)),
            sequential_id=trade.sequential_id,
            best_ask_price=from_units(trade.best_ask[0]),
            best_ask_size=from_units(trade.best_ask[1]),
            best_bid_price=from_units(trade.best_bid[0]),
            best_bid_size=from_units(trade.best_bid[1]),
            stream_type=stream_type,
        )

    def ticker_event(self, now_ms: int, stream_type: StreamType) -> TickerEvent:
        """The frame of the ticker."""
        live = self._ensure()
        day = live.series["1d"].current
        assert day is not None  # noqa: S101  # _ensure begins one
        last = self.last_trade
        when = datetime_at(last.time_ms // 1000)
        difference = last.price - self._prev_close
        rate = EXACT.quantize(EXACT.divide(difference, self._prev_close), _RATE_EXPONENT)
        high52, high_date, low52, low_date = self._extremes(day)
        turnover24, volume24 = self._last_day(now_ms // 1000)
        return TickerEvent(
            type="ticker",
            code=self.code,
            opening_price=from_units(day.candle.open),
            high_price=from_units(day.candle.high),
            low_price=from_units(day.candle.low),
            trade_price=from_units(last.price),
            prev_closing_price=from_units(self._prev_close),
            acc_trade_price=turnover(day.candle.turnover),
            change=_change(last.price, self._prev_close),
            change_price=from_units(abs(difference)),
            signed_change_price=from_units(difference),
            change_rate=rate.copy_abs(),
            signed_change_rate=rate,
            ask_bid=last.ask_bid,
            trade_volume=from_units(last.volume),
            acc_trade_volume=from_units(day.candle.volume),
            trade_date=when.strftime("%Y%m%d"),
            trade_time=when.strftime("%H%M%S"),
            trade_timestamp=last.time_ms,
            acc_ask_volume=from_units(self._ask_volume),
            acc_bid_volume=from_units(self._bid_volume),
            highest_52_week_price=from_units(high52),
            highest_52_week_date=high_date,
            lowest_52_week_price=from_units(low52),
            lowest_52_week_date=low_date,
            is_trading_suspended=False,
            market_warning=MarketWarning.CAUTION if mix(self._seed, 13) % 40 == 0 else MarketWarning.NONE,
            timestamp=max(now_ms, last.time_ms),
            acc_trade_price_24h=turnover(turnover24),
            acc_trade_volume_24h=from_units(volume24),
            stream_type=stream_type,
        )

    def _extremes(self, day: TimedCandle) -> tuple[int, str, int, str]:
        if self._year is None:
            end = self._start_ms // 1000
            end -= end % DAY_S
            times = range(end - 364 * DAY_S, end + 1, 14 * DAY_S)
            prices = [(self.grid.snap(int(self.price_at(t))), utc_text(t)[:10]) for t in times]
            high, low = max(prices), min(prices)
            self._year = (*high, *low)
        high52, high_date, low52, low_date = self._year
        if day.candle.high > high52:
            high52, high_date = day.candle.high, utc_text(day.start_s)[:10]
        if day.candle.low < low52:
            low52, low_date = day.candle.low, utc_text(day.start_s)[:10]
        self._year = year = (high52, high_date, low52, low_date)
        return year

    def _last_day(self, now_s: int) -> tuple[int, int]:
        """Turnover and volume of the last 24 hours, to five minutes."""
        begin = now_s - now_s % 300 - DAY_S
        start = self._start_ms // 1000
        if begin >= start:
            series = self._ensure().series["5m"]
            key = begin, series.closed_count
            if self._day24[0] != key:
                recent = [
                    timed.candle
                    for timed in itertools.takewhile(lambda t: t.start_s >= begin, series.closed())
                ]
                self._day24 = key, sum(c.turnover for c in recent), sum(c.volume for c in recent)
            _, sum24, volume24 = self._day24
            if series.current is None or series.current.start_s < begin:
                return sum24, volume24
            return sum24 + series.current.candle.turnover, volume24 + series.current.candle.volume
        if self._day24[0] != (begin, -1):
            past = self.history.between(begin, start)
            self._day24 = (begin, -1), *((past.turnover, past.volume) if past is not None else (0, 0))
        return self._day24[1] + self._live_turnover, self._day24[2] + self._live_volume


def _change(price: int, prev_close: int) -> Change:
    if price == prev_close:
        return Change.EVEN
    return Change.RISE if price > prev_close else Change.FALL


def _liveliness(listing: Listing, seed: int) -> tuple[float, float, float, float]:
    """Trades and book changes per second, a day's turnover and a typical trade, both in quote currency.

    Chosen so that the full market matches about what was observed: 790 book frames a second for 855 pairs.
    """
    rank = listing.rank
    if listing.quote == "BTC":
        trades, books, value = 0.03 / (1 + 0.1 * rank), 4.0 / (1 + 0.02 * rank) ** 1.5, 80_000.0
    elif listing.quote == "USDT":
        trades, books, value = 0.4 / (1 + 0.4 * rank), 5.0 / (1 + 0.03 * rank) ** 1.3, 150_000.0
    else:
        trades = 4.0 / (1 + 0.25 * rank) ** 1.15
        books = min(30.0 / (1 + 0.3 * rank), 9.5)
        value = 150_000.0 + 450_000.0 / (1 + 0.2 * rank)
    if rank > 25 and mix(seed, 14) % 4 == 0:
        books /= 60.0  # some books stand still for minutes
    value *= listing.currency.per_won
    return trades, books, trades * 86_400 * value, value / 2.3
