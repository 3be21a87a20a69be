"""Orders and their states, under the eyes of Qt's own model tester."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from demo_app.i18n import Translator
from demo_app.orders_view import OrderTable
from demo_app.theme import make_theme
from qt_upbit import MyOrderEvent, OrderState, OrderTracker
from tests.support import events

_STATES = ("wait", "watch", "trade", "done", "cancel", "prevented")


def _table(language: str = "en") -> OrderTable:
    return OrderTable(make_theme("dark", korean=language == "ko"), Translator(language))


@pytest.fixture
def table(app: object) -> Iterator[OrderTable]:
    made = _table()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()


class _Orders:
    """Frames, as the account makes orders of them."""

    def __init__(self, table: OrderTable) -> None:
        self._table = table
        self._tracker = OrderTracker()

    def hear(self, event: MyOrderEvent) -> None:
        if (change := self._tracker.apply_order(event)) is not None:
            self._table.take(change.order)


@pytest.fixture
def orders(table: OrderTable) -> _Orders:
    return _Orders(table)


def _order(uuid: str = "1", state: str = "wait", **fields: Any) -> MyOrderEvent:
    values: dict[str, Any] = {
        "price": 1000,
        "volume": 10,
        "remaining_volume": 10,
        "executed_volume": 0,
        "avg_price": 0,
        "paid_fee": 0,
        "executed_funds": None,
        "prevented_volume": 0,
        "prevented_locked": 0,
    }
    return events.my_order(uuid=uuid, state=state, **(values | fields))


def _row(table: OrderTable, row: int = 0) -> dict[str, str]:
    titles = table.headers
    return {title: table.index(row, column).data() for column, title in enumerate(titles)}


def test_an_order_from_waiting_to_filled(table: OrderTable, orders: _Orders) -> None:
    orders.hear(_order())
    assert _row(table)["state"] == "Waiting"
    assert _row(table)["avg_price"] == "–"
    # The frame of a fill carries price and size of the fill, not of the order.
    orders.hear(
        _order(
            state="trade",
            price=999,
            volume=4,
            remaining_volume=6,
            executed_volume=4,
            avg_price=999,
            paid_fee=2,
        )
    )
    row = _row(table)
    assert (row["state"], row["price"], row["size"], row["filled"]) == (
        "Partly filled",
        "1,000",
        "10",
        "40.00%",
    )
    assert (row["avg_price"], row["fee"]) == ("999", "2")
    orders.hear(_order(state="done", remaining_volume=0, executed_volume=10, avg_price=999))
    row = _row(table)
    assert (row["state"], row["price"], row["filled"]) == ("Filled", "1,000", "100.00%")
    assert table.rowCount() == 1


def test_a_cancelled_order_keeps_what_is_known_of_it(table: OrderTable, orders: _Orders) -> None:
    orders.hear(_order())
    orders.hear(_order(state="trade", price=999, volume=4, remaining_volume=6, executed_volume=4))
    orders.hear(_order(state="cancel", price=None, volume=None, remaining_volume=6, executed_volume=4))
    row = _row(table)
    assert (row["state"], row["price"], row["size"], row["filled"]) == ("Cancelled", "1,000", "10", "40.00%")


def test_a_market_buy_is_an_amount_of_money(table: OrderTable, orders: _Orders) -> None:
    """Its ``price`` is no price, and there is no volume."""
    orders.hear(
        _order(
            order_type="price",
            price=5000,
            volume=None,
            remaining_volume=None,
            executed_volume=None,
            executed_funds=0,
        )
    )
    row = _row(table)
    assert (row["type"], row["price"], row["size"], row["filled"]) == ("Market", "–", "5,000 KRW", "0.00%")
    spent = {"remaining_volume": None, "executed_volume": 5, "executed_funds": 5005}
    orders.hear(_order(order_type="price", state="done", price=5000, volume=None, **spent))
    row = _row(table)
    assert (row["filled"], row["avg_price"], row["size"]) == ("100.00%", "1,001", "5,000 KRW")


def test_an_order_first_seen_when_it_fills(table: OrderTable, orders: _Orders) -> None:
    orders.hear(_order(state="trade", price=999, volume=4, remaining_volume=6, executed_volume=4))
    row = _row(table)
    assert (row["price"], row["size"], row["filled"]) == ("–", "10", "40.00%")


def test_a_type_of_order_that_upbit_invents(table: OrderTable, orders: _Orders) -> None:
    orders.hear(_order(order_type="iceberg"))
    assert _row(table)["type"] == "iceberg"


def test_the_newest_order_is_on_top_and_the_oldest_leave(table: OrderTable, orders: _Orders) -> None:
    for number in range(203):
        orders.hear(_order(str(number), price=number))
    assert table.rowCount() == 200
    assert _row(table)["price"] == "202"
    orders.hear(_order("202", state="cancel", price=202))
    assert _row(table)["state"] == "Cancelled"
    assert table.rowCount() == 200


@pytest.mark.parametrize("kind", ["price", "best"])
def test_a_buy_by_amount_that_ends_with_dust_left_over(table: OrderTable, orders: _Orders, kind: str) -> None:
    """Upbit cancels the rest: how much was spent tells more than the state."""
    nothing: dict[str, Any] = {"volume": None, "remaining_volume": None}
    orders.hear(_order(order_type=kind, price=5000, executed_funds=0, **nothing))
    orders.hear(_order(order_type=kind, price=5000, executed_funds=4999, state="cancel", **nothing))
    row = _row(table)
    assert (row["price"], row["size"], row["filled"]) == ("–", "5,000 KRW", "99.98%")


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_state_has_words_and_a_colour(app: object, state: OrderState, language: str) -> None:
    table = _table(language)
    done = {"executed_volume": 4} if state is OrderState.TRADE else {}
    prevented = {"prevented_volume": 4} if state is OrderState.PREVENTED else {"prevented_volume": 0}
    _Orders(table).hear(_order(state=state.value, **done, **prevented))
    index = table.index(0, table.headers.index("state"))
    assert index.data() == Translator(language)(f"order_state.{state}")
    assert index.data(Qt.ItemDataRole.ForegroundRole) is not None


_AMOUNTS = st.one_of(st.none(), st.decimals(0, 10**12, places=8))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(_STATES), _AMOUNTS, _AMOUNTS, _AMOUNTS),
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_frames_gives_readable_rows(
    app: object,
    frames: list[tuple[str, str, Decimal | None, Decimal | None, Decimal | None]],
) -> None:
    table = _table()
    tester = QAbstractItemModelTester(table, QAbstractItemModelTester.FailureReportingMode.Fatal)
    orders = _Orders(table)
    for uuid, state, price, volume, done in frames:
        fields = {"price": price, "volume": volume, "remaining_volume": volume, "executed_volume": done}
        orders.hear(_order(uuid, state, **fields, avg_price=price))
    assert table.rowCount() == len({frame[0] for frame in frames})
    for row in range(table.rowCount()):
        assert all(_row(table, row).values())
    tester.deleteLater()
