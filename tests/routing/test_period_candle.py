"""The running candle of a day and longer: whatever is traded and read when, it is what the trades say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qt_upbit.exceptions import DecodeError
from qt_upbit.routing.candle_source import source_of
from qt_upbit.routing.period_candle import DaysWanted, PeriodCandle
from qt_upbit.types import CandleEvent, CandlePeriod, CandleUnit, StreamType, TickerEvent
from tests.support import events

_WIDE = Context(prec=200)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


def day(when: datetime, *prices: int, volume: str = "1", turnover: str = "1") -> CandleEvent:
    """The candle of a day that opened, rose, fell and closed at these prices."""
    opened, high, low, close = prices
    return events.candle(
        unit="1m",
        candle_date_time_utc=f"{when:%Y-%m-%dT%H:%M:%S}",
        opening_price=Decimal(opened),
        high_price=Decimal(high),
        low_price=Decimal(low),
        price=close,
        candle_acc_trade_volume=Decimal(volume),
        candle_acc_trade_price=Decimal(turnover),
    )


def ticker(
    when: datetime, *prices: int, volume: str = "1", turnover: str = "1", **fields: Any
) -> TickerEvent:
    """The ticker of a day that opened, rose, fell and is at these prices."""
    opened, high, low, last = prices
    return events.ticker(
        price=last,
        opening_price=Decimal(opened),
        high_price=Decimal(high),
        low_price=Decimal(low),
        acc_trade_volume=Decimal(volume),
        acc_trade_price=Decimal(turnover),
        trade_timestamp=int(when.timestamp() * 1000),
        **fields,
    )


def shown(candle: CandleEvent | None) -> tuple[Any, ...] | None:
    if candle is None:
        return None
    return (
        candle.candle_date_time_utc, candle.opening_price, candle.high_price, candle.low_price,
        candle.trade_price, candle.candle_acc_trade_volume, candle.candle_acc_trade_price,
    )  # fmt: skip


def test_a_day_is_its_ticker() -> None:
    candle = PeriodCandle(CandlePeriod.DAY)
    moment = MONDAY + timedelta(hours=30, milliseconds=5)
    event = ticker(moment, 5, 9, 3, 7, volume="2.5", turnover="18", stream_type="REALTIME")
    reported = candle.receive(event)
    assert reported == CandleEvent(
        type="candle.1d",
        code="KRW-BTC",
        candle_date_time_utc="2026-11-03T00:00:00",
        candle_date_time_kst="2026-11-03T09:00:00",
        opening_price=Decimal(5),
        high_price=Decimal(9),
        low_price=Decimal(3),
        trade_price=Decimal(7),
        candle_acc_trade_volume=Decimal("2.5"),
        candle_acc_trade_price=Decimal(18),
        timestamp=event.trade_timestamp or 0,
        stream_type=StreamType.REALTIME,
    )
    assert reported.period is CandlePeriod.DAY
    assert reported == candle.candle


@pytest.mark.parametrize(
    ("period", "start"), [("1w", "2026-11-02"), ("1M", "2026-11-01"), ("1y", "2026-01-01")]
)
def test_a_longer_one_is_its_closed_days_and_the_ticker(period: str, start: str) -> None:
    candle = PeriodCandle(CandlePeriod(period))
    wednesday = MONDAY + timedelta(days=2)
    assert candle.receive(ticker(wednesday, 5, 9, 3, 7)) is None
    assert candle.behind_since == datetime.fromisoformat(start).replace(tzinfo=UTC)
    wanted = candle.begin_reading()
    assert wanted == DaysWanted(datetime.fromisoformat(start).replace(tzinfo=UTC), wednesday)
    assert wanted.limit == (wednesday - wanted.since).days
    assert candle.behind_since is None
    assert candle.candle is None
    days = [day(MONDAY + timedelta(days=1), 2, 8, 2, 5, volume="0.1"), day(MONDAY, 1, 4, 1, 2, volume="0.2")]
    beyond = [day(wednesday, 99, 99, 99, 99), day(datetime(2025, 12, 31, tzinfo=UTC), 99, 99, 99, 99)]
    candle.learn(wanted, days + beyond)
    assert shown(candle.candle) == (f"{start}T00:00:00", 1, 9, 1, 7, Decimal("1.3"), 3)
    assert shown(candle.receive(ticker(wednesday, 5, 11, 3, 10, volume="2"))) == (
        f"{start}T00:00:00", 1, 11, 1, 10, Decimal("2.3"), 3
    )  # fmt: skip


def test_another_day_is_reported_once_its_closed_days_are_known() -> None:
    candle = PeriodCandle(CandlePeriod.WEEK)
    tuesday, wednesday = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
    candle.receive(ticker(tuesday, 2, 3, 2, 3))
    early = candle.begin_reading()
    assert early is not None
    assert candle.receive(ticker(wednesday, 5, 6, 5, 6)) is None
    assert candle.behind_since == MONDAY
    # What was asked for on Tuesday does not know how Tuesday ended.
    candle.learn(early, [day(MONDAY, 1, 1, 1, 1)])
    assert candle.candle is None
    assert candle.behind_since == MONDAY
    late = candle.begin_reading()
    assert late == DaysWanted(MONDAY, wednesday)
    assert candle.begin_reading() == late, "again, after a failure"
    candle.learn(late, [day(MONDAY, 1, 1, 1, 1), day(tuesday, 2, 4, 2, 4)])
    assert shown(candle.candle) == ("2026-11-02T00:00:00", 1, 6, 1, 6, 3, 3)


def test_on_the_first_day_nothing_is_closed() -> None:
    candle = PeriodCandle(CandlePeriod.WEEK)
    assert shown(candle.receive(ticker(MONDAY, 5, 9, 3, 7))) == ("2026-11-02T00:00:00", 5, 9, 3, 7, 1, 1)
    # How the week before ended is to be read all the same.
    assert candle.behind_since == MONDAY
    assert candle.begin_reading() is None
    assert candle.behind_since is None


def _running_week(days_later: timedelta) -> tuple[PeriodCandle, DaysWanted]:
    """A week that was asked for on its Wednesday, and its first trade a number of days later."""
    candle = PeriodCandle(CandlePeriod.WEEK)
    candle.receive(ticker(MONDAY + timedelta(days=2), 2, 3, 2, 3))
    wednesday = candle.begin_reading()
    assert wednesday is not None
    candle.receive(ticker(MONDAY + timedelta(days=2) + days_later, 5, 6, 5, 6))
    return candle, wednesday


def test_a_late_answer_for_the_period_before_does_not_put_the_next_one_behind() -> None:
    candle, late = _running_week(timedelta(days=5))
    assert candle.begin_reading() is None
    right = shown(candle.candle)
    candle.learn(late, [day(MONDAY, 1, 1, 1, 1)])
    assert (shown(candle.candle), candle.behind_since) == (right, None)
    assert right == ("2026-11-09T00:00:00", 5, 6, 5, 6, 1, 1)


@pytest.mark.parametrize("days", [1, 8])
def test_a_late_answer_does_not_unsay_a_newer_one(days: int) -> None:
    candle, late = _running_week(timedelta(days=days))
    wanted = candle.begin_reading()
    assert wanted is not None
    candle.learn(wanted, [day(wanted.since, 1, 9, 1, 1)])
    right = shown(candle.candle)
    assert right is not None
    candle.learn(late, [day(MONDAY, 1, 1, 1, 1)])
    assert (shown(candle.candle), candle.behind_since) == (right, None)


def test_a_late_answer_is_none_to_what_was_asked_since() -> None:
    candle, late = _running_week(timedelta(days=1))
    wanted = candle.begin_reading()
    assert wanted is not None
    candle.learn(late, [day(MONDAY, 1, 1, 1, 1)])
    assert candle.candle is None
    candle.learn(wanted, [day(MONDAY, 1, 9, 1, 1)])
    assert shown(candle.candle) == ("2026-11-02T00:00:00", 1, 9, 1, 6, 2, 2)


def test_days_without_trades() -> None:
    candle = PeriodCandle(CandlePeriod.WEEK)
    candle.receive(ticker(MONDAY + timedelta(days=3), 5, 9, 3, 7))
    wanted = candle.begin_reading()
    assert wanted is not None
    candle.learn(wanted, [])
    assert shown(candle.candle) == ("2026-11-02T00:00:00", 5, 9, 3, 7, 1, 1)


def test_older_tickers_and_those_without_a_trade_change_nothing() -> None:
    candle = PeriodCandle(CandlePeriod.DAY)
    reported = candle.receive(ticker(MONDAY, 5, 9, 3, 7))
    assert candle.receive(ticker(MONDAY - timedelta(seconds=1), 1, 1, 1, 1)) is None
    assert candle.receive(ticker(MONDAY + timedelta(days=1), 1, 1, 1, 1, volume="0E-8")) is None
    assert candle.candle == reported
    quiet = PeriodCandle(CandlePeriod.DAY)
    assert quiet.receive(ticker(MONDAY, 1, 1, 1, 1, volume="0")) is None
    assert (quiet.candle, quiet.behind_since, quiet.begin_reading()) == (None, None, None)


def test_a_day_that_no_calendar_has() -> None:
    candle = PeriodCandle(CandlePeriod.YEAR)
    with pytest.raises(DecodeError):
        candle.receive(events.ticker(trade_timestamp=10**17))
    assert (candle.candle, candle.behind_since) == (None, None)


def test_sums_are_exact_whatever_the_application_rounds_to() -> None:
    candle = PeriodCandle(CandlePeriod.WEEK)
    with localcontext(prec=5):
        candle.receive(ticker(MONDAY + timedelta(days=1), 1, 1, 1, 1, volume="0.00000001"))
        wanted = candle.begin_reading()
        assert wanted is not None
        huge = "1234567890123456789012.12345678"
        candle.learn(wanted, [day(MONDAY, 1, 1, 1, 1, volume=huge, turnover=huge)])
        reported = candle.candle
    assert reported is not None
    assert str(reported.candle_acc_trade_volume) == "1234567890123456789012.12345679"
    assert str(reported.candle_acc_trade_price) == "1234567890123456789013.12345678"


@pytest.mark.parametrize("unit", [*CandleUnit, *CandlePeriod])
def test_every_length_has_a_source(unit: CandleUnit | CandlePeriod) -> None:
    source = source_of(unit)
    if isinstance(unit, CandlePeriod):
        assert (source.event_type, source.options) == ("ticker", {})
        return
    assert (source.event_type, source.options) == ("candle", {"unit": unit})
    event = events.candle(unit=unit)
    assert source.receive(event) is event
    assert (source.candle, source.behind_since, source.begin_reading()) == (None, None, None)


# --- against the trades themselves -----------------------------------------------------------------


class Trade(NamedTuple):
    at: datetime
    price: int
    volume: Decimal


def whole(trades: Sequence[Trade]) -> tuple[Decimal, ...]:
    """Open, high, low, close, volume, turnover."""
    prices = [Decimal(trade.price) for trade in trades]
    with localcontext(_WIDE):
        volume = sum((trade.volume for trade in trades), Decimal(0))
        turnover = sum((trade.volume * trade.price for trade in trades), Decimal(0))
    return prices[0], max(prices), min(prices), prices[-1], volume, turnover


def day_candles(trades: Iterable[Trade], wanted: DaysWanted) -> list[CandleEvent]:
    """As REST answers: newest first, whatever the days before were like."""
    days: dict[date, list[Trade]] = {}
    for trade in trades:
        if trade.at < wanted.before:
            days.setdefault(trade.at.date(), []).append(trade)
    found = []
    for when in sorted(days, reverse=True)[: wanted.limit]:
        opened, high, low, close, volume, turnover = whole(days[when])
        begin = datetime(when.year, when.month, when.day, tzinfo=UTC)
        prices = (int(opened), int(high), int(low), int(close))
        found.append(day(begin, *prices, volume=str(volume), turnover=str(turnover)))
    return found


_volumes = st.decimals(Decimal("0.00000001"), Decimal(10**6), places=8)
_steps = st.tuples(
    st.integers(1, 5 * 86_400_000),
    st.integers(1, 10**9),
    _volumes,
    st.lists(st.sampled_from(["ask", "answer first", "answer last"]), max_size=4),
)
_A_WEEK_ENDS_BETWEEN_QUESTION_AND_ANSWER = (
    CandlePeriod.WEEK,
    datetime(2019, 1, 1),
    [(107_537_209, 1, Decimal(1), ["ask"]), (410_862_791, 1, Decimal(1), ["ask", "answer first"])],
)


@example(*_A_WEEK_ENDS_BETWEEN_QUESTION_AND_ANSWER)
@given(
    st.sampled_from(CandlePeriod),
    st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)),
    st.lists(_steps, max_size=25),
)
def test_whenever_days_are_read_the_candle_is_what_the_trades_say(
    period: CandlePeriod, begin: datetime, steps: list[tuple[int, int, Decimal, list[str]]]
) -> None:
    candle = PeriodCandle(period)
    now = begin.replace(tzinfo=UTC, microsecond=0)
    trades: list[Trade] = []
    asked: list[tuple[DaysWanted, list[CandleEvent]]] = []
    known_on: date | None = None
    for wait_ms, price, volume, readings in steps:
        now += timedelta(milliseconds=wait_ms)
        trades.append(Trade(now, price, volume))
        today = [trade for trade in trades if trade.at.date() == now.date()]
        opened, high, low, last, day_volume, day_turnover = whole(today)
        prices = (int(opened), int(high), int(low), int(last))
        event = ticker(now, *prices, volume=str(day_volume), turnover=str(day_turnover))
        assert candle.receive(event) == candle.candle
        start = period.start_of(now)
        first_day = start.date() == now.date()
        asked_on_its_day = any(wanted.before.date() == now.date() for wanted, _ in asked)
        for reading in readings:
            if reading == "ask":
                asked_on_its_day = True
                if (wanted := candle.begin_reading()) is not None:
                    asked.append((wanted, day_candles(trades, wanted)))
                elif first_day:
                    known_on = now.date()
            elif asked:
                wanted, days = asked.pop(0 if reading == "answer first" else -1)
                candle.learn(wanted, days)
                if wanted.before.date() == now.date():
                    known_on = now.date()
        running = [trade for trade in trades if trade.at >= start]
        right = (f"{start:%Y-%m-%dT%H:%M:%S}", *whole(running))
        # Once known it stays known, whatever comes late; and nothing else says that it is.
        assert shown(candle.candle) == (right if first_day or known_on == now.date() else None)
        is_read = asked_on_its_day or known_on == now.date()
        assert candle.behind_since == (None if is_read else start)
    if trades and candle.candle is None:
        # What it asks for is enough.
        wanted = candle.begin_reading()
        assert wanted is not None
        candle.learn(wanted, day_candles(trades, wanted))
        assert candle.candle is not None
