"""Open orders and balances, recovered after every gap. Needs keys; the simulated exchange has its own.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/account_panel.py
"""

from PySide6.QtWidgets import QLabel, QListWidget, QVBoxLayout, QWidget

import qt_upbit
from qt_upbit import Account, Credentials, GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY


class AccountPanel(QWidget):
    """Reads the application's one `Account` again on each of its change signals."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("My account")
        self.resize(520, 420)
        self.state, self.news = QLabel(), QLabel("no fill yet")
        self.orders, self.balances = QListWidget(), QListWidget()
        layout = QVBoxLayout(self)
        for widget in (self.state, self.orders, self.balances, self.news):
            layout.addWidget(widget)
        self.account = Account.instance()
        self.account.state_changed.connect(self._show_state)
        self.account.order_changed.connect(self._show_orders)
        self.account.balance_changed.connect(self._show_balances)
        self.account.cleared.connect(self._show_all)  # other keys: another account
        self.account.filled.connect(self._show_fill)
        self._show_state(self.account.state)

    def _show_state(self, state: qt_upbit.AccountState) -> None:
        self.state.setText(f"account: {self.account.error or state}")

    def _show_all(self) -> None:
        self._show_orders()
        self._show_balances()

    def _show_orders(self, *_: object) -> None:
        self.orders.clear()
        for order in self.account.open_orders:
            done = f"{order.executed_volume:f} of {order.volume:f}" if order.volume is not None else "market"
            self.orders.addItem(f"{order.code} {order.ask_bid} {done} at {order.price}")

    def _show_balances(self, *_: object) -> None:
        self.balances.clear()
        for each in self.account.balances.values():
            self.balances.addItem(f"{each.currency} {each.balance:,.8f} and {each.locked:,.8f} in orders")

    def _show_fill(self, fill: qt_upbit.Fill) -> None:
        self.news.setText(f"filled {fill.code} {fill.ask_bid} {fill.volume:f} at {fill.price:,f}")


async def main() -> None:
    # UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY from the environment, or the simulated exchange's keys.
    credentials = Credentials.from_env() or Credentials(
        access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY
    )
    GlobalWebSocketManager.configure(WebSocketConfig.from_env(credentials=credentials))
    panel = AccountPanel()
    panel.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
