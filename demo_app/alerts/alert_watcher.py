"""`AlertWatcher`: watches prices and fills for the user's alerts, and reports when one fires."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from PySide6.QtCore import QObject, Signal

from demo_app.alerts.alerts import Alert, AlertKind, AlertRule, alerts_from_text, alerts_to_text
from demo_app.style import formats
from demo_app.terminal_state import TerminalState
from demo_app.widgets.order_labels import side_word
from qt_upbit import (
    KST,
    Account,
    CredentialsRequiredError,
    Delivery,
    Fill,
    Subscription,
    TradeEvent,
    WebSocketClientProxy,
)

__all__ = ["AlertWatcher"]

_KEY: Final = "alerts/list"


class AlertWatcher(QObject):
    """Stores the alerts in the settings and watches the pairs of the enabled ones only.

    It receives every trade: a ticker may skip a price that was reached for a few milliseconds, and trades
    missed while the connection was down come afterwards. An alert whose price is already reached fires on
    the first trade. No alert fires while a recording is played: its prices are from another day.

    Signals:
        ``changed()``: the list, or a price, has changed.
        ``fired(alert)``: see `last_fired`; the state's ``noticed`` notifies the user.

    Args:
        state: what all panels share; its settings store the alerts.
        parent: owner.
    """

    changed = Signal()
    fired = Signal(object)

    def __init__(self, state: TerminalState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("alert watcher")
        self._state = state
        self._manager = state.manager
        self._rules: dict[str, AlertRule] = {}
        self.prices: dict[str, Decimal] = {}
        """The last price of each watched pair."""
        self.last_fired: dict[str, tuple[datetime, str]] = {}
        """When an alert fired in this session, and the text that was shown."""
        self._now = 0.0
        self._subscription: Subscription | None = None
        self._codes: frozenset[str] = frozenset()
        self._proxy = WebSocketClientProxy("alerts", parent=self)
        self._proxy.trade_received.connect(self._on_trade)
        self._account: Account | None = None
        self._manager.credentials_changed.connect(self._sign_in)
        for alert in alerts_from_text(str(state.settings.value(_KEY, ""))):
            self._rules[alert.name] = AlertRule(alert)
        self._follow()
        self._notify_prices()
        self._sign_in()

    @property
    def alerts(self) -> list[Alert]:
        """All alerts, in the order of creation."""
        return [rule.alert for rule in self._rules.values()]

    def put(self, alert: Alert) -> None:
        """Add an alert, or replace the one of the same name; it is armed again."""
        self._rules[alert.name] = AlertRule(alert)
        self._keep()

    def remove(self, names: Iterable[str]) -> None:
        """Delete alerts."""
        for name in names:
            self._rules.pop(name, None)
            self.last_fired.pop(name, None)
        self._keep()

    def free_name(self) -> str:
        """A name that is not in use."""
        number = 1
        while str(number) in self._rules:
            number += 1
        return str(number)

    def _keep(self) -> None:
        self._state.settings.setValue(_KEY, alerts_to_text(self.alerts))
        self._follow()
        self._notify_prices()
        self.changed.emit()

    def _notify_prices(self) -> None:
        prices: dict[str, list[Decimal]] = {}
        for alert in self.alerts:
            if alert.is_enabled and alert.kind in (AlertKind.ABOVE, AlertKind.BELOW):
                prices.setdefault(alert.code, []).append(alert.threshold)
        self._state.set_alert_prices(prices)

    def _follow(self) -> None:
        codes = frozenset(
            alert.code for alert in self.alerts if alert.is_enabled and alert.kind is not AlertKind.FILL
        )
        if self._state.is_replay:
            codes = frozenset()
        if codes == self._codes:
            return
        self._codes = codes
        before, self._subscription = self._subscription, None
        if codes:
            self._subscription = self._proxy.subscribe_trade(sorted(codes), delivery=Delivery.EVERY)
        if before is not None:
            before.close()

    def _sign_in(self) -> None:
        if self._account is not None and not self._account.is_closed:
            self._account.filled.disconnect(self._on_fill)
        self._account = None
        try:
            self._account = Account.instance(self._manager)
        except CredentialsRequiredError:
            return
        self._account.filled.connect(self._on_fill)

    def _on_trade(self, event: TradeEvent) -> None:
        if event.is_backfilled:
            for rule in list(self._rules.values()):
                if rule.alert.code == event.code and rule.missed_price(event.trade_price):
                    self._fire(rule.alert, self._price_text(event))
            return
        self.prices[event.code] = event.trade_price
        # Exchange timestamps may go back when its clock is set; rules need monotonic time.
        self._now = max(self._now, event.trade_timestamp / 1_000)
        for rule in list(self._rules.values()):
            if rule.alert.code == event.code and rule.price(self._now, event.trade_price):
                self._fire(rule.alert, self._price_text(event))
        self.changed.emit()

    def _on_fill(self, fill: Fill) -> None:
        for rule in list(self._rules.values()):
            if rule.fill(fill.code):
                quote, _, base = fill.code.partition("-")
                price = f"{formats.amount(fill.price)} {quote}"
                text = f"{side_word(fill.ask_bid)} {formats.amount(fill.volume)} {base} @ {price}"
                self._fire(rule.alert, text)

    @staticmethod
    def _price_text(event: TradeEvent) -> str:
        quote = event.code.partition("-")[0]
        return f"{formats.price(event.trade_price, quote)} {quote}"

    def _fire(self, alert: Alert, what: str) -> None:
        title = f"{self._state.market_name(alert.code)} ({alert.code})"
        self.last_fired[alert.name] = (datetime.now(KST), what)
        if alert.is_once:
            self._rules[alert.name].alert = replace(alert, is_enabled=False)
            self._keep()
        self.fired.emit(alert)
        self._state.noticed.emit(title, f"{self.condition(alert)}: {what}")
        self.changed.emit()

    def condition(self, alert: Alert) -> str:
        """What an alert waits for, in words."""
        quote = alert.code.partition("-")[0]
        if alert.kind is AlertKind.FILL:
            return self.tr("My order is filled")
        if alert.kind is AlertKind.CHANGE:
            return self.tr("Moves {percent}% within {minutes} min").format(
                percent=formats.amount(alert.threshold), minutes=f"{alert.window_s / 60:g}"
            )
        price = f"{formats.amount(alert.threshold)} {quote}"
        if alert.kind is AlertKind.ABOVE:
            return self.tr("Price at or above {price}").format(price=price)
        return self.tr("Price at or below {price}").format(price=price)
