"""`OrderTracker`: the odd cases of Upbit's private streams, one by one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from qt_upbit.epoch import datetime_at
from qt_upbit.protocol.order_tracker import AccountSnapshot, OrderTracker
from qt_upbit.records import Balance, Fill, Order
from qt_upbit.types import AskBid, MyAssetEvent, MyOrderEvent, OrderState, OrderType
from tests.support import events

NOW_MS = 1_800_000_000_000
_NOTHING: dict[str, Any] = {
    "trade_uuid": None,
    "trade_timestamp": None,
    "trade_fee": None,
    "is_maker": None,
    "prevented_volume": 0,
    "prevented_locked": 0,
    "identifier": None,
    "executed_funds": None,
}


def frame(state: str = "wait", **fields: Any) -> MyOrderEvent:
    values: dict[str, Any] = {
        "uuid": "A",
        "state": state,
        "price": 1000,
        "volume": 10,
        "remaining_volume": 10,
        "executed_volume": 0,
        "trades_count": 0,
        "paid_fee": 0,
        "locked": None,
        "timestamp": NOW_MS,
        "order_timestamp": NOW_MS - 1000,
    }
    return events.my_order(**(_NOTHING | values | fields))


def trade(number: int, done: int, price: int = 1000, **fields: Any) -> MyOrderEvent:
    values: dict[str, Any] = {
        "trade_uuid": f"T{number}",
        "trade_timestamp": NOW_MS + number,
        "trades_count": number,
        "price": price,
        "volume": 2,
        "executed_volume": done,
        "remaining_volume": 10 - done,
        "paid_fee": done,
    }
    return frame("trade", **(values | fields))


def listed(**fields: Any) -> Order:
    values: dict[str, Any] = {
        "uuid": "A",
        "code": "KRW-BTC",
        "ask_bid": AskBid.BID,
        "order_type": OrderType.LIMIT,
        "state": OrderState.WAIT,
        "price": Decimal(1000),
        "volume": Decimal(10),
        "remaining_volume": Decimal(10),
        "order_timestamp": NOW_MS,
    }
    return Order(**(values | fields))


def a_fill(number: int, volume: int = 2) -> Fill:
    return Fill(
        uuid=f"T{number}",
        order_uuid="A",
        code="KRW-BTC",
        ask_bid=AskBid.BID,
        price=Decimal(1000),
        volume=Decimal(volume),
        trade_timestamp=NOW_MS + number,
    )


def assets(krw: int, time_ms: int, currency: str = "KRW", locked: int = 0) -> MyAssetEvent:
    return events.my_asset(
        assets=[{"currency": currency, "balance": Decimal(krw), "locked": Decimal(locked)}],
        asset_timestamp=time_ms,
        timestamp=time_ms,
    )


@pytest.fixture
def tracker() -> OrderTracker:
    """One that knows there is nothing."""
    made = OrderTracker()
    made.reconcile(AccountSnapshot(balances=()), NOW_MS - 60_000)
    return made


def order(tracker: OrderTracker, uuid: str = "A") -> Order:
    found = tracker.order(uuid)
    assert found is not None
    return found


def test_a_fill_without_wait_first(tracker: OrderTracker) -> None:
    change = tracker.apply_order(trade(1, 2, trade_fee=Decimal("0.5"), is_maker=False))
    assert change is not None
    assert change.fill is not None
    assert (change.fill.volume, change.fill.fee) == (2, Decimal("0.5"))
    now = order(tracker)
    assert (now.state, now.price, now.volume, now.executed_funds) == (OrderState.WAIT, None, 10, 2000)
    assert tracker.is_in_doubt
    # The wait frame comes late: reported, and only what was unknown is taken from it.
    assert tracker.apply_order(frame()) is not None
    now = order(tracker)
    assert (now.price, now.executed_volume, now.remaining_volume) == (1000, 2, 8)
    assert not tracker.is_in_doubt


def test_a_market_buy_ends_as_cancel(tracker: OrderTracker) -> None:
    kind: dict[str, Any] = {"order_type": "price", "remaining_volume": None}
    tracker.apply_order(frame(price=5000, volume=None, executed_volume=None, **kind))
    tracker.apply_order(trade(1, 2, **kind))
    tracker.apply_order(
        frame(
            "cancel",
            price=5000,
            volume=None,
            executed_volume=2,
            trades_count=1,
            locked=Decimal("0.2"),
            **kind,
        )
    )
    now = order(tracker)
    assert (now.state, now.price, now.volume) == (OrderState.CANCEL, 5000, None)
    # What a cancelled order held stays written in it.
    assert (now.locked, now.executed_volume, now.executed_funds) == (Decimal("0.2"), 2, 2000)


def test_fills_out_of_order_repeated_and_after_the_end(tracker: OrderTracker) -> None:
    reported = [
        tracker.apply_order(event)
        for event in (
            frame(),
            trade(2, 4),
            frame("done", executed_volume=10, remaining_volume=0, trades_count=3, paid_fee=10),
            trade(1, 2),
            trade(2, 4),
            trade(3, 10, volume=6),
            frame("done", executed_volume=10, remaining_volume=0, trades_count=3, paid_fee=10),
            frame("cancel"),
        )
    ]
    assert [None if change is None else change.order.executed_volume for change in reported] == [
        0, 4, 10, 10, None, 10, None, None,
    ]  # fmt: skip
    now = order(tracker)
    assert (now.state, now.paid_fee, now.trades_count) == (OrderState.DONE, 10, 3)
    assert [fill.uuid for fill in now.fills] == ["T1", "T2", "T3"]
    assert now.executed_funds == 10_000
    assert tracker.duplicates == 3


def test_self_match_prevention_reduces(tracker: OrderTracker) -> None:
    tracker.apply_order(frame())
    reduced = frame("prevented", remaining_volume=7, prevented_volume=3, prevented_locked=3000)
    assert tracker.apply_order(reduced) is not None
    assert tracker.apply_order(reduced) is None
    now = order(tracker)
    assert (now.state, now.remaining_volume, now.prevented_volume) == (OrderState.WAIT, 7, 3)
    again = frame("prevented", remaining_volume=5, prevented_volume=5, prevented_locked=5000)
    assert tracker.apply_order(again) is not None
    end = frame("cancel", remaining_volume=5, prevented_volume=5, prevented_locked=5000)
    assert tracker.apply_order(end) is not None
    assert order(tracker).state is OrderState.CANCEL


def test_a_regional_account_says_less(tracker: OrderTracker) -> None:
    less: dict[str, Any] = dict.fromkeys(("prevented_volume", "prevented_locked", "smp_type"))
    tracker.apply_order(frame(**less))
    changes = [tracker.apply_order(trade(1, 2, **less)), tracker.apply_order(trade(2, 4, paid_fee=5, **less))]
    # What each fill cost follows from what was paid before.
    assert [change.fill.fee for change in changes if change is not None and change.fill is not None] == [2, 3]
    now = order(tracker)
    assert (now.executed_funds, now.avg_price) == (4000, 1000)


def test_a_reserved_order_begins_to_wait(tracker: OrderTracker) -> None:
    tracker.apply_order(frame("watch"))
    assert order(tracker).state is OrderState.WATCH
    tracker.apply_order(frame())
    assert order(tracker).state is OrderState.WAIT
    tracker.apply_order(frame("watch"))
    assert order(tracker).state is OrderState.WAIT


def test_finished_orders_are_bounded_and_open_ones_are_not() -> None:
    tracker = OrderTracker(max_finished_orders=2)
    for number in range(5):
        tracker.apply_order(frame(uuid=f"open {number}"))
        tracker.apply_order(frame(uuid=f"over {number}"))
        tracker.apply_order(frame("cancel", uuid=f"over {number}"))
    assert len(tracker.open_orders) == 5
    assert {o.uuid for o in tracker.orders if not o.is_open} == {"over 3", "over 4"}
    # A frame of a forgotten order, and a list that holds it, bring nothing back.
    assert tracker.apply_order(frame("cancel", uuid="over 0")) is None
    tracker.reconcile(AccountSnapshot(open_orders=[listed(uuid=f"open {n}") for n in range(5)]), NOW_MS)
    found = tracker.reconcile(
        AccountSnapshot(closed_orders=[listed(uuid="over 0", state=OrderState.CANCEL)]), NOW_MS
    )
    assert not found.changes
    with pytest.raises(ValueError, match="1 or more"):
        OrderTracker(max_finished_orders=0)


def test_an_order_can_be_found_by_its_identifier(tracker: OrderTracker) -> None:
    tracker.apply_order(frame(identifier="mine"))
    assert tracker.order_by_identifier("mine") is order(tracker)
    assert tracker.order_by_identifier("yours") is None


def test_what_has_to_be_asked(tracker: OrderTracker) -> None:
    for uuid in ("known", "gone", "grown"):
        tracker.apply_order(frame(uuid=uuid))
    grown = listed(uuid="grown", trades_count=1, executed_volume=Decimal(2))
    new = listed(uuid="new", state=OrderState.DONE, trades_count=1, executed_volume=Decimal(10))
    idle = listed(uuid="idle", state=OrderState.CANCEL)
    needed = tracker.needed([listed(uuid="known"), grown], [new, idle])
    assert set(needed) == {"grown", "new", "gone"}


def test_nothing_is_reported_of_an_order_whose_fills_are_not_known_yet(tracker: OrderTracker) -> None:
    tracker.apply_order(frame())
    done = listed(
        state=OrderState.DONE, trades_count=1, executed_volume=Decimal(10), remaining_volume=Decimal(0)
    )
    found = tracker.reconcile(AccountSnapshot(closed_orders=[done]), NOW_MS)
    assert (found.unresolved, found.changes) == (("A",), ())
    assert order(tracker).is_open
    answer = msgspec.structs.replace(done, fills=(a_fill(1, 10),))
    found = tracker.reconcile(AccountSnapshot(closed_orders=[done], asked={"A": answer}), NOW_MS)
    reported = [change.event.state for change in found.changes if change.event is not None]
    assert reported == [OrderState.TRADE, OrderState.DONE]
    assert all(change.event.is_recovered for change in found.changes if change.event is not None)
    # The frames come all the same, later.
    late = trade(1, 10, volume=10, trade_fee=Decimal(5), is_maker=True)
    change = tracker.apply_order(late)
    assert change is not None
    assert (change.event, change.fill) == (None, None)
    assert order(tracker).fills[0].fee == 5
    assert tracker.apply_order(late) is None
    assert tracker.apply_order(frame("done")) is None


def test_fills_that_rest_itself_does_not_know_are_given_up_once(tracker: OrderTracker) -> None:
    tracker.apply_order(frame())
    poor = listed(trades_count=2, executed_volume=Decimal(4), fills=(a_fill(2),))
    snapshot = AccountSnapshot(open_orders=[listed(trades_count=2)], asked={"A": poor})
    found = tracker.reconcile(snapshot, NOW_MS)
    assert found.lost == ("A",)
    assert [change.fill.uuid for change in found.changes if change.fill is not None] == ["T2"]
    assert order(tracker).executed_volume == 4
    assert not tracker.needed([poor], [])
    assert not tracker.reconcile(snapshot, NOW_MS).lost


def test_an_open_order_that_upbit_does_not_know_any_more_is_over(tracker: OrderTracker) -> None:
    tracker.apply_order(frame())
    assert tracker.needed([], []) == ("A",)
    found = tracker.reconcile(AccountSnapshot(asked={"A": None}), NOW_MS)
    assert found.lost == ("A",)
    assert order(tracker).state is OrderState.CANCEL
    assert not tracker.needed([], [])


def test_since_when_finished_orders_are_read() -> None:
    tracker = OrderTracker()
    now = datetime_at(NOW_MS / 1000)
    assert tracker.closed_since(NOW_MS) == now - timedelta(hours=1)
    tracker.reconcile(AccountSnapshot(), NOW_MS)
    week_later = NOW_MS + 7 * 86_400_000
    assert tracker.closed_since(week_later) == now - timedelta(minutes=10)
    # What was lost may be older than the last event.
    tracker.apply_order(frame(timestamp=NOW_MS + 5000))
    assert tracker.closed_since(week_later) == now - timedelta(minutes=10)
    tracker.reconcile(AccountSnapshot(open_orders=[listed()]), NOW_MS + 6000)
    assert tracker.closed_since(week_later) == now - timedelta(minutes=10) + timedelta(seconds=5)


# --- balances ---------------------------------------------------------------------------------------


def test_balances_follow_the_frames(tracker: OrderTracker) -> None:
    assert [b.balance for b in tracker.apply_asset(assets(5, NOW_MS))] == [5]
    assert not tracker.apply_asset(assets(5, NOW_MS))
    assert not tracker.apply_asset(assets(5, NOW_MS + 1))
    assert not tracker.is_in_doubt
    assert [b.total for b in tracker.apply_asset(assets(3, NOW_MS + 2, locked=2))] == [5]


def test_a_late_frame_of_a_balance_puts_it_in_doubt(tracker: OrderTracker) -> None:
    tracker.apply_asset(assets(5, NOW_MS))
    assert not tracker.apply_asset(assets(4, NOW_MS - 1000))
    assert tracker.balances["KRW"].balance == 5
    assert tracker.is_in_doubt
    # A little late is no proof: the exchange's parts may stamp differently.
    assert tracker.apply_asset(assets(6, NOW_MS - 1))
    tracker.reconcile(
        AccountSnapshot(balances=[Balance(currency="KRW", balance=Decimal(7), locked=Decimal(0))]), 0
    )
    assert not tracker.is_in_doubt


def test_balances_from_rest(tracker: OrderTracker) -> None:
    tracker.apply_asset(assets(5, NOW_MS))
    tracker.apply_asset(assets(1, NOW_MS, "BTC"))
    held = Balance(
        currency="KRW", balance=Decimal(5), locked=Decimal(0), avg_buy_price=Decimal(9), unit_currency="KRW"
    )
    found = tracker.reconcile(AccountSnapshot(balances=[held]), NOW_MS)
    # What there is none of any more is left out by Upbit.
    assert {(b.currency, b.balance) for b in found.balances} == {("KRW", 5), ("BTC", 0)}
    assert found.asset_event is not None
    assert found.asset_event.is_recovered
    assert [asset.currency for asset in found.asset_event.assets] == ["BTC"]
    tracker.apply_asset(assets(6, NOW_MS + 1))
    assert tracker.balances["KRW"].avg_buy_price == 9


def test_frames_that_rest_has_reported_already_are_passed_over(tracker: OrderTracker) -> None:
    frames = [assets(n, NOW_MS + n) for n in (1, 2, 3)] + [assets(9, NOW_MS, "BTC")]
    two = Balance(currency="KRW", balance=Decimal(2), locked=Decimal(0))
    tracker.reconcile(AccountSnapshot(balances=[two]), NOW_MS)
    assert tracker.without_known(frames) == frames[2:]


# --- cost -------------------------------------------------------------------------------------------


class Work:
    """How often a number was compared or calculated with."""

    count = 0


def _counted(name: str, base: type) -> Any:
    original = getattr(base, name)

    def method(self: Any, *args: Any) -> Any:
        Work.count += 1
        return original(self, *args)

    return method


class CountedInt(int):
    """A time that counts how often it is compared."""

    __lt__ = _counted("__lt__", int)
    __le__ = _counted("__le__", int)
    __gt__ = _counted("__gt__", int)
    __ge__ = _counted("__ge__", int)


class CountedDecimal(Decimal):
    """An amount that counts how often it is added, multiplied or compared."""

    __add__ = _counted("__add__", Decimal)
    __radd__ = _counted("__radd__", Decimal)
    __mul__ = _counted("__mul__", Decimal)
    __rmul__ = _counted("__rmul__", Decimal)
    __lt__ = _counted("__lt__", Decimal)
    __gt__ = _counted("__gt__", Decimal)


def _counted_trade(number: int) -> MyOrderEvent:
    # Made without the decoder, which would make plain numbers of them.
    return msgspec.structs.replace(
        trade(number, 0),
        price=CountedDecimal(1000),
        volume=CountedDecimal("0.001"),
        executed_volume=Decimal(number) / 1000,
        remaining_volume=10 - Decimal(number) / 1000,
        trade_timestamp=CountedInt(NOW_MS + number),
    )


def _work(tracker: OrderTracker, event: MyOrderEvent) -> int:
    Work.count = 0
    tracker.apply_order(event)
    return Work.count


def _work_after(fills: int) -> dict[str, int]:
    tracker = OrderTracker()
    for number in range(2, 2 * fills, 2):
        tracker.apply_order(_counted_trade(number))
    return {
        "next": _work(tracker, _counted_trade(2 * fills)),
        "repeated": _work(tracker, _counted_trade(2 * fills)),
        "late": _work(tracker, _counted_trade(fills + 1 + fills % 2)),
    }


def test_a_fill_costs_the_same_however_many_there_were() -> None:
    """4,000 fills of one order were sorted and added up with each frame: a millisecond each."""
    few, many = _work_after(40), _work_after(2000)
    assert many["next"] == few["next"] > 0
    assert many["repeated"] == few["repeated"]
    # A late one is searched for its place.
    assert few["late"] <= many["late"] <= few["late"] + 8


def test_whether_something_is_in_doubt_is_known_without_looking_at_every_order() -> None:
    tracker = OrderTracker()
    for number in range(300):
        tracker.apply_order(trade(1, 2, uuid=f"without price {number}"))
    assert tracker.is_in_doubt
    for number in range(300):
        tracker.apply_order(frame(uuid=f"without price {number}"))
    assert not tracker.is_in_doubt
    tracker.apply_order(trade(1, 2, uuid="ends"))
    assert tracker.is_in_doubt
    tracker.apply_order(frame("cancel", uuid="ends"))
    assert not tracker.is_in_doubt
