"""`PeriodCandle`: the running candle of a day, week, month or year, reported by the ticker. Knows no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any, Final, NamedTuple

from qt_upbit.exact import EXACT
from qt_upbit.types import KST, CandleEvent, CandlePeriod, StreamType, TickerEvent

__all__ = ["DaysWanted", "PeriodCandle"]

_ZERO: Final = Decimal(0)


class DaysWanted(NamedTuple):
    """Day candles to be read over REST: those that start at `since` or later and before `before`.

    Attributes:
        since: start of the period, aware, UTC.
        before: start of the ticker's day.
    """

    since: datetime
    before: datetime

    @property
    def limit(self) -> int:
        """There are no more than these; days without a trade have no candle."""
        return (self.before - self.since).days


class PeriodCandle:
    """Closed days as REST has them, and the ticker's day on top.

    Upbit streams no candle of a day or longer, but each ticker has open, high, low, last price, volume and
    turnover since 00:00 UTC (protocol section 3.1): that is the running day exactly. The days of the period
    before it are closed, and read once for each day (section 9.1).

    Which day it is, the ticker's last trade says and no clock: one that is wrong would make the candle wait
    for a day that the exchange does not have, or count a day as closed that still runs.

    Args:
        period: length of the candle.
    """

    event_type = "ticker"
    few: int | None = 3
    """The last one, the running one, and one that shows that there are no more."""

    def __init__(self, period: CandlePeriod) -> None:
        self._period = period
        self._ticker: TickerEvent | None = None
        self._day: datetime | None = None
        """Of the ticker."""
        self._closed: _Values | None = None
        """The days of the period before `_closed_before`; None if there are none."""
        self._closed_before: datetime | None = None
        self._asked_before: datetime | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What a subscription takes besides the code."""
        return {}

    @property
    def behind_since(self) -> datetime | None:
        """Start of the candle if its closed days, and how the one before it ended, are yet to be read.

        None if they were, or `begin_reading` has named them.
        """
        if self._day is None or self._day in (self._closed_before, self._asked_before):
            return None
        return self._period.start_of(self._day)

    @property
    def candle(self) -> CandleEvent | None:
        """The running candle as far as it is known; as REST gives it, with the time of the last trade.

        None before there is a ticker, and while the closed days of a period are not known.
        """
        if self._ticker is None or self._day is None:
            return None
        start = self._period.start_of(self._day)
        if start == self._day:
            closed = None
        elif self._closed_before == self._day:
            closed = self._closed
        else:
            return None
        today = _today(self._ticker)
        return None if today is None else _candle(self._period, start, closed, today, self._ticker)

    def receive(self, event: TickerEvent) -> CandleEvent | None:
        """Take the newest ticker of the pair; the candle as it is now, None if it is not known.

        One of an earlier day says nothing, and neither does one without any volume: there was no trade in
        its day. One that lacks a price or an amount of the day says nothing either.

        Raises:
            DecodeError: no calendar has its day.
        """
        day = CandlePeriod.DAY.start_of(event.traded_at or event.time)
        if not event.acc_trade_volume or _today(event) is None or (self._day is not None and day < self._day):
            return None
        self._ticker, self._day = event, day
        return self.candle

    def begin_reading(self) -> DaysWanted | None:
        """The closed days to read now, to be given to `learn`; None where there are none to read.

        May be called again, after a failure or to read them again.
        """
        day = self._day
        if day is None:
            return None
        since = self._period.start_of(day)
        if since == day:
            self._closed, self._closed_before = None, day
            return None
        self._asked_before = day
        return DaysWanted(since, day)

    def learn(self, wanted: DaysWanted, days: Iterable[CandleEvent]) -> None:
        """Take the closed days that were asked for, in any order; `candle` may be another one now.

        An answer that is late, to what was asked on an earlier day, is ignored: it does not know how the days
        since then ended, and what is known of them already stays known.
        """
        if wanted.before != self._day:
            return
        closed = [day for day in sorted(days, key=_start) if wanted.since <= day.start < wanted.before]
        self._closed = _joined([_Values.of(day) for day in closed]) if closed else None
        self._closed_before = wanted.before


class _Values(NamedTuple):
    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    candle_acc_trade_volume: Decimal
    candle_acc_trade_price: Decimal

    @classmethod
    def of(cls, candle: CandleEvent) -> _Values:
        return cls(*(getattr(candle, name) or _ZERO for name in cls._fields))


def _joined(rows: list[_Values]) -> _Values:
    """Candles that follow each other as one."""
    with localcontext(EXACT):
        return _Values(
            rows[0].opening_price,
            max(row.high_price for row in rows),
            min(row.low_price for row in rows),
            rows[-1].trade_price,
            sum((row.candle_acc_trade_volume for row in rows[1:]), rows[0].candle_acc_trade_volume),
            sum((row.candle_acc_trade_price for row in rows[1:]), rows[0].candle_acc_trade_price),
        )


def _today(ticker: TickerEvent) -> _Values | None:
    """The day so far; None where the ticker does not say all of it."""
    prices = (ticker.opening_price, ticker.high_price, ticker.low_price, ticker.trade_price)
    known = [each for each in (*prices, ticker.acc_trade_volume, ticker.acc_trade_price) if each is not None]
    return _Values(*known) if len(known) == len(_Values._fields) else None


def _candle(
    period: CandlePeriod, start: datetime, closed: _Values | None, today: _Values, ticker: TickerEvent
) -> CandleEvent:
    values = today if closed is None else _joined([closed, today])
    return CandleEvent(
        type=f"candle.{period}",
        code=ticker.code,
        candle_date_time_utc=_text(start),
        candle_date_time_kst=_text(start.astimezone(KST)),
        timestamp=ticker.timestamp if ticker.trade_timestamp is None else ticker.trade_timestamp,
        stream_type=StreamType.SNAPSHOT if ticker.is_snapshot else StreamType.REALTIME,
        **values._asdict(),
    )


def _text(moment: datetime) -> str:
    """A moment as Upbit writes the start of a candle."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _start(candle: CandleEvent) -> str:
    return candle.candle_date_time_utc
