"""Health and figures of the connection, as a status bar would show them.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/connection_monitor.py
"""

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

import qt_upbit
from qt_upbit import (
    ConnectionState,
    GlobalWebSocketManager,
    Metrics,
    QtUpbitError,
    Scope,
    WebSocketClientProxy,
)


class ConnectionMonitor(QWidget):
    """Watches the manager; it subscribes to no stream."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Connection")
        self.state, self.figures, self.error = QLabel("idle"), QLabel(), QLabel()
        layout = QVBoxLayout(self)
        for label in (self.state, self.figures, self.error):
            layout.addWidget(label)
        manager = GlobalWebSocketManager.instance()
        manager.state_changed.connect(self.on_state)
        manager.metrics_updated.connect(self.on_metrics)
        manager.error_occurred.connect(self.on_error)

    def on_state(self, scope: Scope, state: ConnectionState) -> None:
        """One of the three connections changed."""
        self.state.setText(f"{scope}: {state}")

    def on_metrics(self, metrics: Metrics) -> None:
        """Every second while anything is connected."""
        public = metrics.scopes[Scope.PUBLIC]
        self.figures.setText(
            f"{public.connections_open} connection, {public.streams} streams, "
            f"{public.messages_per_second:.0f} messages/s, {public.compression_saving:.0%} saved, "
            f"p99 {metrics.latency_p99_s * 1000:.1f} ms"
        )

    def on_error(self, owner: str, error: QtUpbitError) -> None:
        """Something went wrong and was survived."""
        self.error.setText(f"{owner}: {error}")


async def main() -> None:
    monitor = ConnectionMonitor()
    monitor.resize(520, 120)
    monitor.show()
    proxy = WebSocketClientProxy("load", parent=monitor)
    proxy.subscribe_orderbook(["KRW-BTC", "KRW-ETH", "KRW-XRP"])
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
