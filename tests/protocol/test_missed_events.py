"""`missed_events`: what frames would have said of an order, from what REST says of it."""

from __future__ import annotations

from decimal import Decimal

from qt_upbit.protocol.missed_events import missed_events, order_event
from qt_upbit.protocol.tracked_order import TrackedOrder
from qt_upbit.records import Fill, Order
from qt_upbit.types import AskBid, OrderState, OrderType, StreamType

NOW_MS = 1_800_000_000_000


def an_order(**fields: object) -> Order:
    values: dict[str, object] = {
        "uuid": "A",
        "code": "KRW-BTC",
        "ask_bid": AskBid.BID,
        "order_type": OrderType.LIMIT,
        "state": OrderState.DONE,
        "price": Decimal(1000),
        "volume": Decimal(10),
        "remaining_volume": Decimal(0),
        "executed_volume": Decimal(10),
        "trades_count": 2,
        "reserved_fee": Decimal(5),
        "paid_fee": Decimal(5),
        "remaining_fee": Decimal(0),
        "locked": Decimal(0),
        "order_timestamp": NOW_MS - 5000,
    }
    return Order(**(values | fields))  # type: ignore[arg-type]  # of many types


def a_fill(number: int, volume: int) -> Fill:
    return Fill(
        uuid=f"T{number}",
        order_uuid="A",
        code="KRW-BTC",
        ask_bid=AskBid.BID,
        price=Decimal(1000),
        volume=Decimal(volume),
        trade_timestamp=NOW_MS - 1000 + number,
    )


FILLS = {fill.uuid: fill for fill in (a_fill(2, 6), a_fill(1, 4))}


def test_an_order_that_was_unknown() -> None:
    events = [event for _, event in missed_events(None, an_order(), FILLS, NOW_MS)]
    assert [event.state.value for event in events] == ["wait", "trade", "trade", "done"]
    assert [event.executed_volume for event in events] == [0, 4, 10, 10]
    assert [event.remaining_volume for event in events] == [10, 6, 0, 0]
    assert [event.paid_fee for event in events] == [0, 2, 5, 5]
    assert all(event.is_recovered for event in events)
    times = [event.timestamp for event in events]
    assert times == sorted(times)
    assert times[0] == NOW_MS - 5000


def test_only_what_is_new_of_a_known_order() -> None:
    tracked = TrackedOrder(an_order(state=OrderState.WAIT))
    tracked.settle()
    tracked.fills.add(a_fill(1, 4))
    tracked.reported_fills.add("T1")
    cancelled = an_order(state=OrderState.CANCEL)
    events = list(missed_events(tracked, cancelled, FILLS, NOW_MS))
    assert [event.state.value for _, event in events] == ["trade", "cancel"]
    # REST does not say when an order was cancelled.
    assert events[-1][0] == NOW_MS


def test_a_frame_of_a_moment() -> None:
    event = order_event(
        an_order(executed_funds=Decimal(30_000), executed_volume=Decimal(9)),
        OrderState.WAIT,
        NOW_MS,
        stream_type=StreamType.SNAPSHOT,
    )
    assert (event.avg_price, event.trade_uuid, event.timestamp) == (Decimal("3333.33333333"), None, NOW_MS)
    assert event.is_snapshot
