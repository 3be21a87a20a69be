"""A button whose slot is a coroutine: it requests prices and ends with its window.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/owned_slot_button.py
"""

from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

import qt_upbit
from qt_upbit import SubscriptionError, WebSocketClientProxy, owned_slot

CODES = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]


class Prices(QWidget):
    """Requests once per click; streams of other widgets are not disturbed."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Prices on demand")
        self.proxy = WebSocketClientProxy("prices on demand", parent=self)
        self.button = QPushButton("Ask", self)
        self.label = QLabel("…", self)
        layout = QVBoxLayout(self)
        layout.addWidget(self.button)
        layout.addWidget(self.label)
        self.button.clicked.connect(self.ask)

    @owned_slot
    async def ask(self) -> None:
        """If the window closes meanwhile, this is cancelled at its ``await``."""
        self.button.setEnabled(False)
        try:
            tickers = await self.proxy.get_ticker_snapshot(CODES)
        except SubscriptionError as exc:
            self.label.setText(str(exc))
        else:
            self.label.setText("\n".join(f"{code} {t.trade_price:,f}" for code, t in tickers.items()))
        finally:
            self.button.setEnabled(True)


async def main() -> None:
    widget = Prices()
    widget.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
