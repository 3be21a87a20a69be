"""`NetworkWatch`: tells when the system says that the network is back or has changed."""

from __future__ import annotations

import logging
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

__all__ = ["NetworkWatch", "load_information"]

_logger: Final = logging.getLogger("qt_upbit.network")


def load_information() -> Any:
    """Qt's `QNetworkInformation`, None where it or its backend is missing."""
    try:
        # Late: it takes some milliseconds, and some builds of Qt are without it.
        from PySide6.QtNetwork import QNetworkInformation
    except ImportError:
        return None
    return QNetworkInformation.instance() if QNetworkInformation.loadDefaultBackend() else None


class NetworkWatch(QObject):
    """Listens to `QNetworkInformation`, where there is one; without it nothing is ever told.

    Signals:
        ``network_returned()``: it was not reachable and is, or it is another one: Wi-Fi after a cable.

    Args:
        parent: owner.
    """

    network_returned = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("qt_upbit network watch")
        self._information: Any = None
        self._is_online = True
        self._is_begun = False

    def begin(self) -> None:
        """Start listening in the next turn of Qt's loop: it takes some milliseconds. Idempotent."""
        if not self._is_begun:
            self._is_begun = True
            QTimer.singleShot(0, self, self._listen)

    def _listen(self) -> None:
        self._information = load_information()
        if self._information is None:
            _logger.debug("Qt does not tell here when the network is back")
            return
        self._is_online = self._says_online(self._information.reachability())
        self._information.reachabilityChanged.connect(self._on_reachability_changed)
        self._information.transportMediumChanged.connect(self._on_medium_changed)

    @staticmethod
    def _says_online(reachability: Any) -> bool:
        # Local and Site may be all that a system ever says behind a proxy or without its own test server.
        return getattr(reachability, "name", "") != "Disconnected"

    def _on_reachability_changed(self, reachability: Any) -> None:
        was_online, self._is_online = self._is_online, self._says_online(reachability)
        # Also from Local to Online: only then is there a way to the exchange.
        if self._is_online and (not was_online or reachability.name == "Online"):
            self.network_returned.emit()

    def _on_medium_changed(self, _medium: Any) -> None:
        if self._is_online:
            self.network_returned.emit()
