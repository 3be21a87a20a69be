"""After any sequence of events each model is what a plain dictionary or list would be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtTest import QAbstractItemModelTester

from qt_upbit import (
    Account,
    AskBid,
    Balance,
    BalanceTableModel,
    GlobalWebSocketManager,
    LiveTableModel,
    Order,
    OrderState,
    OrderTableModel,
    OrderType,
    TickerTableModel,
    TradeListModel,
)
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager
from tests.support import events
from tests.support.profiles import examples

FRAME = "frame"
CODES = ["KRW-A1", "KRW-B2", "KRW-C3", "KRW-D4", "KRW-E5"]
few = settings(max_examples=examples(60))


class Copy:
    """What a view holds that believes nothing but the model's signals."""

    def __init__(self, model: LiveTableModel) -> None:
        self.model = model
        self.rows = [self._row(i) for i in range(model.rowCount())]
        model.dataChanged.connect(self._changed)
        model.rowsInserted.connect(self._inserted)
        model.rowsRemoved.connect(self._removed)
        model.rowsMoved.connect(self._moved)
        model.modelReset.connect(self._reset)
        mode = QAbstractItemModelTester.FailureReportingMode.Fatal
        self.tester = QAbstractItemModelTester(model, mode, model)

    def _row(self, row: int) -> list[Any]:
        return [self.model.index(row, column).data() for column in range(self.model.columnCount())]

    def _changed(self, first: Any, last: Any, roles: list[int]) -> None:
        if 0 in roles:
            for row in range(first.row(), last.row() + 1):
                for column in range(first.column(), last.column() + 1):
                    self.rows[row][column] = self.model.index(row, column).data()

    def _inserted(self, _parent: Any, first: int, last: int) -> None:
        self.rows[first:first] = [self._row(row) for row in range(first, last + 1)]

    def _removed(self, _parent: Any, first: int, last: int) -> None:
        del self.rows[first : last + 1]

    def _moved(self, _parent: Any, first: int, last: int, _to: Any, row: int) -> None:
        moved = self.rows[first : last + 1]
        del self.rows[first : last + 1]
        at = row if row < first else row - len(moved)
        self.rows[at:at] = moved

    def _reset(self) -> None:
        self.rows = [self._row(row) for row in range(self.model.rowCount())]

    def check(self) -> None:
        assert self.rows == [self._row(row) for row in range(self.model.rowCount())]


async def test_tickers(manager: GlobalWebSocketManager) -> None:
    code_lists = st.lists(st.sampled_from(CODES), unique=True, max_size=5)
    ticks = st.tuples(st.sampled_from(CODES), st.integers(1, 5))

    @few
    @given(st.lists(st.one_of(ticks, ticks, code_lists, st.just(FRAME)), min_size=10, max_size=30))
    def follow(steps: list[Any]) -> None:
        model = TickerTableModel(columns=["code", "trade_price", "low_price"], manager=manager)
        copy = Copy(model)
        shown: dict[str, int | None] = {}
        for step in [*steps, FRAME]:
            if step == FRAME:
                model.frames.due.emit()
                copy.check()
            elif isinstance(step, list):
                model.set_codes(step)
                shown = {code: shown.get(code) for code in step}
                copy.check()
            else:
                model._proxy.ticker_received.emit(events.ticker(*step))
                if step[0] in shown:
                    shown[step[0]] = step[1]
                else:
                    # Ticks of a pair without a row are ignored.
                    model.frames.due.emit()
        assert [(row[0], row[1]) for row in copy.rows] == [
            (code, "" if price is None else str(price)) for code, price in shown.items()
        ]
        model.close()

    follow()


async def test_trades(manager: GlobalWebSocketManager) -> None:
    @few
    @given(st.lists(st.one_of(st.just(FRAME), st.lists(st.integers(1, 12), max_size=9)), max_size=15))
    def follow(steps: list[Any]) -> None:
        model = TradeListModel(limit=4, columns=["sequential_id"], manager=manager)
        model.set_codes(["KRW-BTC"])
        assert model._subscription is not None
        model._subscription.close()
        copy = Copy(model)
        plain: list[int] = []
        for step in [*steps, FRAME]:
            if step == FRAME:
                model.frames.due.emit()
                copy.check()
                continue
            plain += [n for i, n in enumerate(step) if n not in plain and n not in step[:i]]
            model._proxy.trade_received.emit(tuple(events.trade(number=n) for n in step))
        assert [row[0] for row in copy.rows] == [str(n) for n in plain[:-5:-1]]
        model.close()

    follow()


def order(number: int, state: OrderState, left: int) -> Order:
    return Order(
        uuid=f"u{number}",
        code="KRW-BTC",
        ask_bid=AskBid.BID,
        order_type=OrderType.LIMIT,
        state=state,
        remaining_volume=Decimal(left),
        order_timestamp=number * 1000,
    )


async def test_orders_and_balances(server: SimulatedServer, make_manager: MakeManager) -> None:
    account = Account(manager=make_manager(server, keys=True))
    states = st.sampled_from((OrderState.WAIT, OrderState.WAIT, OrderState.DONE, OrderState.CANCEL))
    changes = st.builds(order, st.integers(1, 5), states, st.integers(0, 3))
    amounts = st.builds(
        lambda name, amount: Balance(currency=name, balance=Decimal(amount), locked=Decimal(1)),
        st.sampled_from(["KRW", "BTC", "ETH", "XRP"]),
        st.integers(0, 3),
    )

    @few
    @given(st.lists(st.one_of(changes, changes, amounts, st.just(FRAME)), min_size=20, max_size=40))
    def follow(steps: list[Any]) -> None:
        orders = OrderTableModel(
            account=account, max_closed_orders=3, columns=["uuid", "state", "remaining_volume"]
        )
        balances = BalanceTableModel(account=account, columns=["currency", "balance"])
        copies = Copy(orders), Copy(balances)
        open_: dict[str, Order] = {}
        closed: list[Order] = []
        held: dict[str, str] = {}
        for step in [*steps, FRAME]:
            if step == FRAME:
                orders.frames.due.emit()
                balances.frames.due.emit()
            elif isinstance(step, Order):
                account.order_changed.emit(step)
                # Frame by frame: within one an order that closes and opens again has only its last state.
                orders.frames.due.emit()
                was = [each.uuid for each in closed]
                if step.is_open:
                    closed = [each for each in closed if each.uuid != step.uuid]
                    open_[step.uuid] = step
                else:
                    open_.pop(step.uuid, None)
                    if step.uuid in was:
                        closed[was.index(step.uuid)] = step
                    else:
                        closed.insert(0, step)
                    del closed[3:]
            else:
                account.balance_changed.emit(step)
                held[step.currency] = str(step.balance)
            for copy in copies:
                copy.check()
        count = len(open_)
        rows = [tuple(row) for row in copies[0].rows]
        assert sorted(rows[:count]) == sorted(
            (each.uuid, each.state.value, str(each.remaining_volume)) for each in open_.values()
        )
        assert rows[count:] == [(each.uuid, each.state.value, str(each.remaining_volume)) for each in closed]
        assert dict(map(tuple, copies[1].rows)) == held
        assert (list(held) and [row[0] for row in copies[1].rows] == sorted(held)) or not held
        orders.close()
        balances.close()

    follow()
    account.close()


async def test_an_order_that_closes_moves_below_the_open_ones(
    server: SimulatedServer, make_manager: MakeManager
) -> None:
    account = Account(manager=make_manager(server, keys=True))
    model = OrderTableModel(account=account, columns=["uuid"])
    copy = Copy(model)
    for number in (1, 2, 3):
        account.order_changed.emit(order(number, OrderState.WAIT, 1))
    model.frames.due.emit()
    assert [row[0] for row in copy.rows] == ["u3", "u2", "u1"]
    account.order_changed.emit(order(3, OrderState.DONE, 0))
    model.frames.due.emit()
    assert [row[0] for row in copy.rows] == ["u2", "u1", "u3"]
    account.order_changed.emit(order(2, OrderState.CANCEL, 1))
    model.frames.due.emit()
    assert [row[0] for row in copy.rows] == ["u1", "u2", "u3"]
    copy.check()
    model.close()
    account.close()
