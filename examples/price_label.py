"""The smallest widget: a label that shows a price, usable anywhere in a program.

Run it against the simulated exchange (`python -m qt_upbit.simulator` prints the address):

    QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/price_label.py
"""

from PySide6.QtWidgets import QLabel, QWidget

import qt_upbit
from qt_upbit import TickerEvent, WebSocketClientProxy, format_percent, format_price


class PriceLabel(QLabel):
    """Subscribes in its constructor; its subscription ends with it."""

    def __init__(self, code: str, parent: QWidget | None = None) -> None:
        super().__init__(f"{code} …", parent)
        self.setWindowTitle(code)
        proxy = WebSocketClientProxy(f"price of {code}", parent=self)
        proxy.ticker_received.connect(self.on_ticker)
        proxy.subscribe_ticker([code])

    def on_ticker(self, event: TickerEvent) -> None:
        """At most once per frame of the screen, with the newest price."""
        price = format_price(event.code, event.trade_price)
        # A dash if Upbit left it out: only what an event cannot do without is always there.
        self.setText(f"{event.code} {price} ({format_percent(event.signed_change_rate)})")


async def main() -> None:
    label = PriceLabel("KRW-BTC")
    label.resize(320, 60)
    label.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
