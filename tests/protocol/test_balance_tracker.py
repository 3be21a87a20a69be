"""`BalanceTracker`: frames in any order, and REST beside them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qt_upbit.protocol.balance_tracker import BalanceTracker
from qt_upbit.records import Balance
from qt_upbit.types import MyAssetEvent
from tests.support import events

NOW_MS = 1_800_000_000_000


def frame(amounts: dict[str, int], time_ms: int) -> MyAssetEvent:
    return events.my_asset(
        assets=[
            {"currency": name, "balance": Decimal(amount), "locked": Decimal(0)}
            for name, amount in amounts.items()
        ],
        asset_timestamp=time_ms,
        timestamp=time_ms,
    )


def of_rest(currency: str, amount: int) -> Balance:
    return Balance(currency=currency, balance=Decimal(amount), locked=Decimal(0), avg_buy_price=Decimal(9))


@pytest.fixture
def tracker() -> BalanceTracker:
    made = BalanceTracker()
    made.reconcile([of_rest("KRW", 100), of_rest("BTC", 2)], NOW_MS, is_first=True)
    return made


def test_only_what_differs_is_a_change(tracker: BalanceTracker) -> None:
    changed = tracker.apply(frame({"KRW": 100, "BTC": 3}, NOW_MS + 1))
    assert [(one.currency, one.balance, one.avg_buy_price) for one in changed] == [("BTC", 3, 9)]
    assert not tracker.apply(frame({"KRW": 100, "BTC": 3}, NOW_MS + 1))
    assert not tracker.is_in_doubt


def test_the_view_follows(tracker: BalanceTracker) -> None:
    view = tracker.balances
    tracker.apply(frame({"XRP": 5}, NOW_MS + 1))
    assert view["XRP"].balance == 5
    tracker.reconcile([of_rest("KRW", 1)], NOW_MS + 2, is_first=False)
    assert tracker.balances["XRP"].balance == 0


def test_a_late_frame_is_in_doubt_until_rest_has_been_asked(tracker: BalanceTracker) -> None:
    tracker.apply(frame({"KRW": 7}, NOW_MS + 5000))
    tracker.apply(frame({"KRW": 6}, NOW_MS + 4000))
    assert (tracker.balances["KRW"].balance, tracker.is_in_doubt) == (7, True)
    event, changed = tracker.reconcile([of_rest("KRW", 6), of_rest("BTC", 2)], NOW_MS, is_first=False)
    assert [one.currency for one in changed] == ["KRW"]
    assert event is not None
    assert event.is_recovered
    assert not tracker.is_in_doubt


def test_frames_that_waited_are_not_shown_again(tracker: BalanceTracker) -> None:
    waiting = [frame({"KRW": 90, "BTC": 5}, NOW_MS + 1), frame({"KRW": 100}, NOW_MS + 2)]
    left = tracker.without_known(waiting)
    assert [[asset.currency for asset in event.assets] for event in left] == [["BTC"]]


def test_a_frame_that_comes_again_after_others_is_in_doubt(tracker: BalanceTracker) -> None:
    """It may be a copy, or the balance of before within the same millisecond."""
    first, second = frame({"KRW": 90}, NOW_MS + 1), frame({"KRW": 80}, NOW_MS + 1)
    tracker.apply(first)
    tracker.apply(second)
    assert not tracker.is_in_doubt
    tracker.apply(first)
    assert (tracker.balances["KRW"].balance, tracker.is_in_doubt) == (90, True)


def test_a_frame_that_was_passed_over_is_known_again(tracker: BalanceTracker) -> None:
    tracker.pass_over(frame({"KRW": 50}, NOW_MS + 1))
    assert not tracker.apply(frame({"KRW": 50}, NOW_MS + 1))
    tracker.pass_over(frame({"KRW": 60}, NOW_MS + 2))
    tracker.apply(frame({"KRW": 50}, NOW_MS + 1))
    assert tracker.is_in_doubt
