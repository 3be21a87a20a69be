"""Candles as a chart needs them: history of any length and the live stream in one continuous series.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/candle_history.py
"""

from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

import qt_upbit
from qt_upbit import CandleFeed


class CandleHistory(QWidget):
    """The number of one-minute candles of KRW-BTC, the oldest and the newest, and more on request."""

    def __init__(self) -> None:
        super().__init__()
        self.text = QLabel("waiting ...")
        self.more = QPushButton("200 more", enabled=False)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.more)

        self.feed = CandleFeed("KRW-BTC", "1m", count=500, parent=self)
        # A chart paints self.feed[first:end]; these signals say what to repaint.
        self.feed.candles_added.connect(self.show_candles)
        self.feed.candle_changed.connect(self.show_candles)
        self.feed.loaded.connect(lambda: self.more.setEnabled(not self.feed.is_complete))
        self.feed.error_occurred.connect(lambda error: self.setWindowTitle(str(error)))
        self.more.clicked.connect(lambda: self.feed.load_more(200))

    def show_candles(self) -> None:
        """Show both ends of the series; called on every change."""
        first, last = self.feed[0], self.feed[-1]
        highest = max(candle.high_price for candle in self.feed)
        self.text.setText(
            f"{len(self.feed)} candles from {first.start:%m-%d %H:%M} to {last.start:%m-%d %H:%M} UTC\n"
            f"last {last.trade_price:,f} highest {highest:,f}"
        )


async def main() -> None:
    window = CandleHistory()
    window.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
