"""Candles: the running one changes, a closed one is final; its final update is never skipped.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/candles.py
"""

from PySide6.QtWidgets import QPlainTextEdit

import qt_upbit
from qt_upbit import CandleEvent, CandleUnit, WebSocketClientProxy


class CandleList(QPlainTextEdit):
    """One line per candle, newest first. The same candle arrives many times: the last update wins."""

    def __init__(self, code: str, unit: CandleUnit) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setWindowTitle(f"{code} {unit}")
        self.candles: dict[str, CandleEvent] = {}
        proxy = WebSocketClientProxy("candles", parent=self)
        proxy.candle_received.connect(self.on_candle)
        proxy.subscribe_candle([code], unit=unit)

    def on_candle(self, event: CandleEvent) -> None:
        """A candle that changed, or the final update of one that closed."""
        self.candles[event.candle_date_time_utc] = event
        lines = (
            f"{start}  {c.opening_price:,f}  {c.high_price:,f}  {c.low_price:,f}  {c.trade_price:,f}"
            for start, c in sorted(self.candles.items(), reverse=True)
        )
        self.setPlainText("\n".join(lines))


async def main() -> None:
    widget = CandleList("KRW-BTC", CandleUnit.S1)
    widget.resize(640, 300)
    widget.show()
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
