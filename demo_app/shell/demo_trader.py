"""`DemoTrader`: a scripted trader on the simulated exchange, in an account of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from demo_app.terminal_state import TerminalState
from qt_upbit import Credentials

if TYPE_CHECKING:
    from qt_upbit.simulator import SimulatedServer

__all__ = ["DEMO_ACCESS_KEY", "DEMO_SECRET_KEY", "DemoTrader"]

DEMO_ACCESS_KEY: Final = "simulated-access-key-of-the-demo-trader"
DEMO_SECRET_KEY: Final = "simulated-secret-key-of-the-demo-trader-0123456789-abcdefghijklmnopq"  # noqa: S105  # invented
"""Of its account; valid nowhere else."""


class DemoTrader(QObject):
    """Shows the account of the scripted trader while it trades, and the user's own otherwise.

    Signals:
        ``changed(is_running)``: it was started or stopped.

    Args:
        server: the embedded exchange, which has the account of `DEMO_ACCESS_KEY`.
        state: whose manager gets the keys.
        own: the keys of the user's own account.
        parent: owner.
    """

    changed = Signal(bool)

    def __init__(
        self, server: SimulatedServer, state: TerminalState, own: Credentials, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.setObjectName("demo trader")
        self._server = server
        self._state = state
        self._own = own

    @property
    def is_running(self) -> bool:
        """Whether it trades, and its account is shown."""
        return self._server.exchange.is_trader_running

    def set_running(self, is_wanted: bool) -> None:
        """Start or stop it; the keys of the account to show are used from now on."""
        if is_wanted == self.is_running:
            return
        self._server.exchange.is_trader_running = is_wanted
        demo = Credentials(access_key=DEMO_ACCESS_KEY, secret_key=DEMO_SECRET_KEY)
        self._state.manager.set_credentials(demo if is_wanted else self._own)
        self.changed.emit(is_wanted)
