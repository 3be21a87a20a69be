"""`BalanceTableModel`: the balances of the account."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from PySide6.QtCore import QObject

from qt_upbit.item_models.base import LiveTableModel, Values
from qt_upbit.item_models.fields import Field, fields_of
from qt_upbit.qt.account import Account
from qt_upbit.qt.global_websocket_manager import GlobalWebSocketManager
from qt_upbit.records import Balance

__all__ = ["BalanceTableModel"]


class BalanceTableModel(LiveTableModel):
    """One row per currency, by name, with the fields of `Balance` and ``total``.

    ::

        model = BalanceTableModel(parent=self)
        view.setModel(model)

    Valuation is up to the application, with prices of its choice. After a change of credentials the rows are
    replaced by those of the other account.

    Args:
        parent, columns, manager: as `LiveTableModel`.
        account: whose balances; `Account.instance` unless given. It is not closed with the model.

    Raises:
        CredentialsRequiredError: no keys are configured.
    """

    FIELDS = (
        *fields_of(
            Balance,
            ("currency",),
            headers={
                "balance": "Available",
                "locked": "In orders",
                "avg_buy_price": "Mean buy price",
                "unit_currency": "Priced in",
            },
        ),
        Field("total", "Total", True),
    )
    DEFAULT_COLUMNS = ("currency", "balance", "locked", "total", "avg_buy_price")
    _names = tuple(field.name for field in FIELDS)

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        account: Account | None = None,
        columns: Sequence[str] | None = None,
        manager: GlobalWebSocketManager | None = None,
    ) -> None:
        source = account if account is not None else Account.instance(manager)
        super().__init__(parent, columns=columns, manager=manager or source.manager)
        self._account: Account | None = source
        self._currencies: list[str] = []
        """The currencies of the rows."""
        self._pending: dict[str, Balance] = dict(source.balances)
        self._accounts_before = 0
        self._flush()
        source.balance_changed.connect(self._on_balance)
        source.cleared.connect(self._on_cleared)

    def row_of(self, currency: str) -> int:
        """The row of a currency.

        Raises:
            ValueError: there is none.
        """
        return self._currencies.index(currency)

    def _release(self) -> None:
        if self._account is not None and not self._account.is_closed:
            self._account.balance_changed.disconnect(self._on_balance)
            self._account.cleared.disconnect(self._on_cleared)
        self._account = None
        self._pending.clear()

    def _on_balance(self, balance: Balance) -> None:
        self._pending[balance.currency] = balance
        self.frames.schedule()

    def _on_cleared(self) -> None:
        """The credentials changed: start over with the other account."""
        self._accounts_before += 1
        self._pending.clear()
        self._currencies.clear()
        self.rows.reset()

    def _values(self, balance: Balance) -> Values:
        return tuple(getattr(balance, name) for name in self._names)

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        known = set(self._currencies)
        accounts_before = self._accounts_before
        for currency in sorted(pending.keys() - known):
            row = bisect.bisect_left(self._currencies, currency)
            self._currencies.insert(row, currency)
            self.rows.insert(row, [self._values(pending[currency])])
            # A slot notified of a row may close the model, or change the credentials.
            if self.is_closed or accounts_before != self._accounts_before:
                return
        rows = {currency: row for row, currency in enumerate(self._currencies)}
        self.rows.put({rows[c]: self._values(b) for c, b in pending.items() if c in known})
