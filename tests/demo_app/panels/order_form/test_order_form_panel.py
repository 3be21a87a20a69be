"""The order form: fields that follow each other, checks, the confirmation, the guard, and results."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPointF, QSettings, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton

from demo_app.panels.order_form.order_form_panel import OrderFormPanel
from demo_app.preferences import Preferences
from demo_app.style.theme import make_theme
from demo_app.terminal_state import OrderPrefill, TerminalState
from demo_app.trading.trading_guard import TradingGuard, TradingState
from demo_app.widgets.number_field import NumberField
from demo_app.widgets.trading_dialogs import ConfirmDialog, UnlockDialog
from qt_upbit import AskBid, GlobalWebSocketManager, Market, OrderRules, OrderType, TimeInForce
from qt_upbit.simulator import SimulatedServer
from qt_upbit.simulator.server.server import RestFault
from tests.support.wait import until

D = Decimal
Exchange = Callable[..., Awaitable[SimulatedServer]]
Make = Callable[..., OrderFormPanel]


@pytest.fixture
def make(app: QApplication, tmp_path: Path) -> Iterator[Make]:
    made: list[OrderFormPanel] = []

    def panel(*, live: bool = False, code: str = "KRW-BTC") -> OrderFormPanel:
        guard = TradingGuard(simulated=not live, live=live, has_keys=lambda: True)
        settings = QSettings(str(tmp_path / "terminal.ini"), QSettings.Format.IniFormat)
        state = TerminalState(make_theme("dark", korean=False), guard, settings, code)
        state.set_markets([Market(code=code, korean_name="비트코인", english_name="Bitcoin")])
        form = OrderFormPanel(state)
        form.resize(300, 480)
        form.show()
        made.append(form)
        return form

    yield panel
    for form in made:
        form.close()
        form.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def _ready(form: OrderFormPanel) -> OrderFormPanel:
    await until(
        lambda: form.last_price and form.fields.percents.button(10).isEnabled(), what="fees and price"
    )
    await until(lambda: not form.has_placeholder)
    return form


def _type(form: OrderFormPanel, price: str, volume: str) -> None:
    for field, text in ((form.fields.price, price), (form.fields.volume, volume)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)


def _dialog(form: OrderFormPanel) -> ConfirmDialog:
    dialog = form.findChild(ConfirmDialog)
    assert dialog is not None
    return dialog


async def test_price_size_and_total_follow_each_other(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    fields = form.fields
    _type(form, "140000000", "0.001")
    assert fields.total.value == 140_000
    fields.total.selectAll()
    QTest.keyClicks(fields.total, "10000")
    assert fields.volume.value == D("0.00007142")
    fields.volume.setFocus()  # leaving the field updates the total to the size's exact cost
    fields.total.editingFinished.emit()
    assert fields.total.value == D("9998.8")
    fields.price.setFocus()
    QTest.keyClick(fields.price, Qt.Key.Key_Up)
    assert fields.price.value == 140_001_000
    assert fields.total.value == D("140001000") * D("0.00007142")
    QTest.keyClick(fields.price, Qt.Key.Key_PageDown)
    assert fields.price.value == 139_991_000


async def test_the_wheel_steps_only_with_the_focus(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    price = form.fields.price
    _type(form, "140000000", "1")

    def turn() -> None:
        at = QPointF(5, 5)
        none = Qt.MouseButton.NoButton
        phase, keys = Qt.ScrollPhase.NoScrollPhase, Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(
            at, at, at.toPoint(), at.toPoint() * 0 + (at * 24).toPoint(), none, keys, phase, False
        )
        QApplication.sendEvent(price, event)

    form.activateWindow()
    form.fields.volume.setFocus()
    turn()
    assert price.value == 140_000_000
    price.setFocus()
    assert price.hasFocus()
    turn()
    assert price.value == 140_001_000


async def test_percents_leave_enough_for_the_fee(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    fields = form.fields
    fields.percents.button(100).click()
    available, total = form.available, fields.total.value
    assert available is not None
    assert total is not None
    assert available - 4 < total * D("1.0005") <= available
    assert fields.submit.isEnabled()
    form.sell()
    fields.percents.button(50).click()
    assert form.available is not None
    assert fields.volume.value == (form.available / 2).quantize(D("1E-8"), "ROUND_DOWN")


async def test_the_exchanges_rules_win(exchange: Exchange, make: Make) -> None:
    rules = {
        "KRW-BTC": OrderRules(D(500), min_total=D(1000), types=("limit", "limit_ioc", "price", "market"))
    }
    await exchange(market_rules=rules)
    form = await _ready(make())
    hint = form.fields.hint
    _type(form, "150000500", "0.00001")
    assert form.fields.submit.isEnabled(), hint.text()
    QTest.keyClick(form.fields.price, Qt.Key.Key_Up)
    assert form.fields.price.value == 150_001_000
    QTest.keyClick(form.fields.price, Qt.Key.Key_Down)
    assert form.fields.price.value == 150_000_500
    _type(form, "150000250", "0.00001")
    assert hint.text() == "Between two valid prices: 150,000,000 or 150,000,500 would do."
    assert "documentation" not in hint.toolTip()
    assert not form.fields.submit.isEnabled()
    _type(form, "150000500", "0.000001")
    assert hint.text() == "Below the minimum total of 1,000 KRW."


async def test_before_the_exchange_has_answered_the_form_says_whose_rules_it_uses(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    for path in ("/v1/orders/chance", "/v1/orderbook/instruments"):
        server.rest_faults.append(RestFault("GET", path, "wait", times=100))
    form = make()
    await until(lambda: form.last_price)
    _type(form, "150000500", "0.00001")
    assert "documentation" in form.fields.hint.toolTip()
    for fault in server.rest_faults:
        fault.release.set()


async def test_errors_suggest_valid_values(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    hint, height = form.fields.hint, form.fields.hint.height()
    _type(form, "140000001", "0.001")
    assert hint.text() == "Between two valid prices: 140,000,000 or 140,001,000 would do."
    assert not form.fields.submit.isEnabled()
    _type(form, "140000000", "0.00001")
    assert hint.text() == "Below the minimum total of 5,000 KRW."
    _type(form, "140000000", "1")
    assert "More than is available" in hint.text()
    assert not form.fields.submit.isEnabled()
    _type(form, "300000000", "0.001")
    assert "above the last price" in hint.text()
    assert form.fields.submit.isEnabled()
    assert hint.height() == height


async def test_enter_sends_nothing_until_confirmed(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make())
    noticed: list[str] = []
    form.state.noticed.connect(lambda title, text: noticed.append(text))
    _type(form, "100000000", "0.001")
    QTest.keyClick(form.fields.volume, Qt.Key.Key_Return)
    dialog = _dialog(form)
    assert not server.exchange.account.orders
    said = [label.text() for label in dialog.findChildren(type(form.fields.fee))]
    for words in ("Bitcoin (KRW-BTC)", "Buy", "Limit", "100,000,000 KRW", "0.001 BTC", "100,000 KRW"):
        assert words in said
    dialog.leave.click()
    form.submit()
    _dialog(form).do.click()
    form.submit()  # in progress: no second confirmation
    assert not form.fields.submit.isEnabled()
    await until(lambda: noticed)
    (order,) = server.exchange.account.orders.values()
    assert (order.price, order.volume, order.side) == (100_000_000, D("0.001"), AskBid.BID)
    assert order.identifier
    assert noticed[0].startswith("Sent: Bitcoin")
    assert form.message.text() == noticed[0]
    assert form.fields.volume.value is None
    assert form.fields.price.value == 100_000_000
    assert form.focusWidget() is form.fields.volume


@pytest.mark.parametrize(
    ("side", "price", "volume", "words"),
    [
        (AskBid.BID, "250000000", "0.001", "above the last price"),
        (AskBid.ASK, "100000000", "0.001", "below the last price"),
        (AskBid.BID, "100000000", "0.11", "A large order: 11,000,000 KRW"),
        (AskBid.BID, "100000000", "0.3", "60.03% of what is available"),
    ],
)
async def test_enter_twice_sends_nothing_unusual(
    exchange: Exchange, make: Make, side: AskBid, price: str, volume: str, words: str
) -> None:
    """The default button is the dismissing one; sending needs a tick and then the other button."""
    server = await exchange()
    form = await _ready(make())
    (form.buy if side is AskBid.BID else form.sell)()
    _type(form, price, volume)
    QTest.keyClick(form.fields.volume, Qt.Key.Key_Return)
    dialog = _dialog(form)
    said = "\n".join(label.text() for label in dialog.findChildren(QLabel))
    assert words in said
    assert dialog.leave.isDefault()
    assert not dialog.do.isEnabled()
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    await until(lambda: form.findChild(ConfirmDialog) is None)
    assert not server.exchange.account.orders
    QTest.keyClick(form.fields.volume, Qt.Key.Key_Return)
    dialog = _dialog(form)
    dialog.read.click()
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    await until(lambda: form.findChild(ConfirmDialog) is None)
    assert not server.exchange.account.orders
    form.submit()
    dialog = _dialog(form)
    dialog.read.click()
    dialog.do.click()
    await until(lambda: server.exchange.account.orders)


async def test_the_limits_of_asking_twice_can_be_chosen(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    _type(form, "250000000", "0.001")
    assert "above the last price" in form.fields.hint.text()
    for name in ("caution_distance", "caution_value", "caution_share"):
        Preferences(form.state.settings).set(name, "off")
    form.submit()
    dialog = _dialog(form)
    assert dialog.do.isEnabled()
    assert not dialog.read.isVisible()


async def test_a_market_buy_spends_an_amount_and_a_market_sale_a_volume(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    form = await _ready(make())
    fields = form.fields
    fields.kind.setCurrentIndex(1)
    assert not fields.price.isEnabled()
    assert not fields.volume.isEnabled()
    QTest.keyClicks(fields.total, "100000")
    form.submit()
    _dialog(form).do.click()
    await until(lambda: server.exchange.account.orders and not form.is_busy("order"))
    (bought,) = server.exchange.account.orders.values()
    assert (bought.order_type, bought.price, bought.volume) == (OrderType.PRICE, 100_000, None)
    form.sell()
    assert not fields.total.isEnabled()
    QTest.keyClicks(fields.volume, "0.001")
    form.submit()
    _dialog(form).do.click()
    await until(lambda: len(server.exchange.account.orders) == 2 and not form.is_busy("order"))
    sold = list(server.exchange.account.orders.values())[1]
    assert (sold.order_type, sold.price, sold.volume) == (OrderType.MARKET, None, D("0.001"))


async def test_times_in_force_depend_on_the_order_type(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make())
    fields = form.fields
    fields.advanced.setChecked(True)
    assert fields.fold.isVisible()
    fields.condition.setCurrentIndex(3)
    _type(form, "100000000", "0.001")
    fields.smp.setCurrentIndex(1)
    assert "Post only does not go with" in fields.hint.text()
    fields.kind.setCurrentIndex(2)
    assert [fields.condition.itemData(i) for i in range(fields.condition.count())] == ["ioc", "fok"]
    fields.kind.setCurrentIndex(0)
    fields.condition.setCurrentIndex(3)
    fields.smp.setCurrentIndex(0)
    form.submit()
    _dialog(form).do.click()
    await until(lambda: server.exchange.account.orders)
    (order,) = server.exchange.account.orders.values()
    assert order.time_in_force is TimeInForce.POST_ONLY


async def test_a_limit_order_after_a_best_price_order_rests_in_the_book(
    exchange: Exchange, make: Make
) -> None:
    """Best price is IOC or FOK; this time in force must not silently apply to the next order."""
    server = await exchange()
    form = await _ready(make())
    form.fields.kind.setCurrentIndex(2)
    assert form.fields.terms.text() == "Best price · IOC (fill now, cancel the rest)"
    form.fields.kind.setCurrentIndex(0)
    assert form.fields.terms.text() == "Limit · Until cancelled"
    _type(form, "100000000", "0.001")
    form.submit()
    _dialog(form).do.click()
    await until(lambda: server.exchange.account.orders)
    (order,) = server.exchange.account.orders.values()
    assert (order.order_type, order.time_in_force) == (OrderType.LIMIT, None)


@pytest.mark.parametrize(("kind", "condition"), [(0, 1), (0, 2), (0, 3), (2, 0), (2, 1)])
@pytest.mark.parametrize("is_open", [False, True])
async def test_what_is_special_about_an_order_is_in_sight_in_the_smallest_form(
    exchange: Exchange, make: Make, kind: int, condition: int, is_open: bool
) -> None:
    """Neither a fold nor a scroll bar hides a time in force or self-match prevention that will be sent."""
    await exchange()
    form = await _ready(make())
    fields = form.fields
    fields.advanced.setChecked(is_open)
    fields.kind.setCurrentIndex(kind)
    fields.condition.setCurrentIndex(condition)
    fields.smp.setCurrentIndex(2)
    form.resize(240, 330)
    QApplication.processEvents()
    assert fields.condition.currentText() in fields.terms.text()
    assert fields.smp.currentText() in fields.terms.text()
    seen = fields.terms.visibleRegion().boundingRect()
    assert seen == fields.terms.rect()
    assert seen.height() >= fields.terms.heightForWidth(seen.width()) > 0


async def test_another_pair_starts_with_an_ordinary_order(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    form.fields.condition.setCurrentIndex(1)
    form.fields.smp.setCurrentIndex(3)
    form.state.set_market("KRW-ETH")
    ticket = form.ticket
    assert (ticket.condition, ticket.smp_type) == (None, None)
    assert form.fields.terms.text() == "Limit · Until cancelled"


async def test_the_order_does_not_depend_on_order_types_chosen_before(exchange: Exchange, make: Make) -> None:
    """The order sent is the one shown, independent of earlier input."""
    await exchange()
    form, fresh = await _ready(make()), await _ready(make())

    def choose(combo: QComboBox, index: int) -> None:
        combo.setCurrentIndex(index % combo.count())

    def put(to: OrderFormPanel, name: str, text: str) -> None:
        field: NumberField = getattr(to.fields, name)
        if field.isEnabled():
            field.setText(text)
            field.edited.emit()
            field.editingFinished.emit()

    amounts = st.sampled_from(["", "100000000", "0.001", "0,5", "250,000"])
    steps = st.one_of(
        st.tuples(st.just("kind"), st.integers(0, 2)),
        st.tuples(st.just("condition"), st.integers(0, 3)),
        st.tuples(st.just("smp"), st.integers(0, 4)),
        st.tuples(st.just("side"), st.booleans()),
        st.tuples(st.sampled_from(["price", "volume", "total"]), amounts),
        st.tuples(st.just("draft"), st.sampled_from([None, D(100_000_000)])),
    )

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, max_size=12))
    def walk(steps: list[tuple[str, Any]]) -> None:
        for what, value in steps:
            match what:
                case "kind":
                    before = form.kind
                    choose(form.fields.kind, value)
                    if form.kind is not before:
                        assert form.fields.condition.currentIndex() == 0
                case "condition" | "smp":
                    choose(getattr(form.fields, what), value)
                case "side":
                    (form.buy if value else form.sell)()
                case "draft":
                    form.take(OrderPrefill("KRW-BTC", AskBid.BID, value, D("0.002")))
                case _:
                    put(form, what, value)
        form.fields.total.editingFinished.emit()  # as `submit` and `test` do
        shown, draft = form.fields, form.draft()
        said = shown.terms.text()
        fresh.fields.smp.setCurrentIndex(0)
        for index in ((shown.kind.currentIndex() + 1) % 3, shown.kind.currentIndex()):
            fresh.fields.kind.setCurrentIndex(index)
        (fresh.buy if shown.buy.isChecked() else fresh.sell)()
        for combo in (fresh.fields.condition, fresh.fields.smp):
            for index in range(1, combo.count()):
                if combo.itemText(index) in said:
                    combo.setCurrentIndex(index)
        for name in ("price", "volume", "total"):
            put(fresh, name, "")
        for name in ("price", "volume") if shown.volume.isEnabled() else ("total",):
            put(fresh, name, getattr(shown, name).text())
        assert fresh.draft() == draft
        for field in (shown.price, shown.volume, shown.total):
            # Values that are not sent are not shown.
            assert field.isEnabled() or not field.text()

    walk()


async def test_an_invalid_number_is_reported_and_never_sent(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make())
    fields = form.fields
    for name in ("price", "volume", "total"):
        _type(form, "100000000", "0.001")
        assert fields.submit.isEnabled()
        field = getattr(fields, name)
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, "0,5")
        assert (field.value, field.text()) == (None, "0,5")
        for next_field in (fields.price, fields.volume, fields.total):
            next_field.setFocus()
        assert field.text() == "0,5"
        assert fields.hint.text() == "Not a number (as in 1,234,567.5)"
        assert not fields.submit.isEnabled()
        assert not fields.test.isEnabled()
        QTest.keyClick(field, Qt.Key.Key_Up)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert field.text() == "0,5"
        assert form.findChild(ConfirmDialog) is None
    assert not server.exchange.account.orders


async def test_a_test_order_places_nothing(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make(live=True))
    _type(form, "100000000", "0.001")
    form.fields.test.click()
    await until(lambda: "Nothing was placed" in form.message.text())
    assert not server.exchange.account.orders
    assert form.fields.volume.value == D("0.001")


async def test_a_real_order_needs_the_phrase_and_the_confirmation(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make(live=True))
    band = form.fields.band
    assert "locked" in band.label.text()
    _type(form, "100000000", "0.001")
    form.submit()
    assert form.findChild(ConfirmDialog) is None
    unlock = form.findChild(UnlockDialog)
    assert unlock is not None
    unlock.field.setText("real orders")
    unlock.do.click()
    assert unlock.isVisible()
    assert form.state.guard.state is TradingState.LIVE_LOCKED
    unlock.field.setText("REAL ORDERS")
    unlock.do.click()
    assert "real money" in band.label.text()
    dialog = _dialog(form)
    assert dialog.leave.isDefault()
    form.state.guard.lock()  # the session ended while the dialog was open
    dialog.do.click()
    assert "locked" in form.message.text()
    assert not server.exchange.account.orders
    form.state.guard.unlock("REAL ORDERS")
    form.submit()
    _dialog(form).do.click()
    await until(lambda: server.exchange.account.orders)
    band.show_state()
    band.button.click()
    assert form.state.guard.state is TradingState.LIVE_LOCKED
    assert "locked" in band.label.text()


async def test_an_order_with_a_lost_response_is_looked_up_and_placed_once(
    exchange: Exchange, make: Make
) -> None:
    server = await exchange()
    form = await _ready(make())
    _type(form, "100000000", "0.001")
    server.rest_faults.append(RestFault("POST", "/v1/orders", "lose_answer"))
    form.submit()
    _dialog(form).do.click()
    await until(lambda: form.message.text().startswith("Sent: "))
    assert len(server.exchange.account.orders) == 1


async def test_a_refused_order_is_reported_and_stays_in_the_form(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make())
    _type(form, "100000000", "0.001")
    form.submit()
    server.exchange.account.balance("KRW").balance = D(0)
    _dialog(form).do.click()
    await until(lambda: form.message.text())
    assert form.message.text() == "Not enough is available, fee included: make the order smaller."
    assert form.fields.volume.value == D("0.001")
    assert form.fields.submit.isEnabled()


async def test_drafts_fill_the_form_and_send_nothing(exchange: Exchange, make: Make) -> None:
    server = await exchange()
    form = await _ready(make())
    form.fields.kind.setCurrentIndex(1)
    form.state.order_drafted.emit(OrderPrefill("KRW-XRP", AskBid.ASK, D("5000"), D("12.5")))
    assert form.state.market == form.code == "KRW-XRP"
    assert form.fields.side is AskBid.ASK
    assert form.kind is OrderType.LIMIT
    assert (form.fields.price.value, form.fields.volume.value, form.fields.total.value) == (
        5000,
        D("12.5"),
        62_500,
    )
    form.state.order_drafted.emit(OrderPrefill("KRW-XRP", price=D("4900")))
    assert (form.fields.side, form.fields.total.value) == (AskBid.ASK, 61_250)
    assert not server.exchange.account.orders


async def test_another_pair_clears_the_form(exchange: Exchange, make: Make) -> None:
    await exchange()
    form = await _ready(make())
    _type(form, "100000000", "0.001")
    form.state.set_market("KRW-ETH")
    assert (form.fields.price.value, form.fields.volume.value) == (None, None)
    assert not form.fields.submit.isEnabled()
    await until(lambda: form.last_price == form.fields.price.value is not None)


async def test_a_lost_connection_is_in_the_hint_and_does_not_cover_the_band(
    exchange: Exchange, make: Make
) -> None:
    await exchange()
    form = await _ready(make())
    before = form.grab(form.fields.band.geometry()).toImage()
    form.set_stale("Not live")
    assert form.fields.hint.text() == "Not live"
    band = form.fields.band
    assert form.grab(band.geometry()).toImage() == before
    form.set_stale("")
    assert not form.fields.hint.text()


async def test_without_keys_it_asks_for_them(exchange: Exchange, make: Make) -> None:
    await exchange(keys=None)
    form, wanted = make(), []
    form.state.keys_wanted.connect(lambda: wanted.append(1))
    assert form.has_placeholder
    (button,) = (each for each in form.findChildren(QPushButton) if each.text() == "Enter API keys")
    button.click()
    assert wanted == [1]


async def test_the_panel_is_released_with_its_parent(exchange: Exchange, make: Make) -> None:
    await exchange()
    state = make().state
    form = await _ready(OrderFormPanel(state))
    gone = weakref.ref(form)
    form.deleteLater()
    del form
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    names = [each.owner for each in GlobalWebSocketManager.instance().subscription_metrics()]
    assert names.count("order_form") == 1
