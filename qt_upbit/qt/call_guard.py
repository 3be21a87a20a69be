"""`CallGuard`: what is checked before a manager, or an object that works with it, does what it is asked."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, QThread

from qt_upbit.exceptions import CredentialsRequiredError, ProxyClosedError, WrongThreadError
from qt_upbit.types import EventSpec

__all__ = ["CallGuard", "check_gui_thread"]


class CallGuard:
    """Raises at the call that makes a mistake, rather than somewhere else later.

    `GlobalWebSocketManager.guard` is the one that proxies, feeds and models use as well.

    Args:
        owner: the manager.
        is_usable: whether it is neither closed nor deleted.
        has_credentials: whether keys are configured now.
    """

    def __init__(
        self, owner: QObject, is_usable: Callable[[], bool], has_credentials: Callable[[], bool]
    ) -> None:
        self._owner = owner
        self._is_usable = is_usable
        self._has_credentials = has_credentials

    def check_thread(self) -> None:
        """Refuse a call from another thread than the manager's; allowed after its end.

        Raises:
            WrongThreadError: as its name says.
        """
        if shiboken6.isValid(self._owner) and QThread.currentThread() is not self._owner.thread():
            raise WrongThreadError(
                "proxies belong to the GUI thread: from another thread, emit a signal of your own that is "
                "connected to a slot here"
            )

    def check_usable(self) -> None:
        """Refuse a call after the end of the manager, or from another thread.

        Raises:
            ProxyClosedError, WrongThreadError: as their names say.
        """
        if not self._is_usable():
            raise ProxyClosedError("the manager of this proxy is closed: make a new proxy")
        self.check_thread()

    def check_credentials(self, spec: EventSpec) -> None:
        """Refuse an event type that needs keys while none are configured.

        Raises:
            CredentialsRequiredError: as its name says.
        """
        if spec.scope.needs_auth and not self._has_credentials():
            raise CredentialsRequiredError(spec.name)


def check_gui_thread() -> None:
    """Refuse to make a manager where it could not work.

    Raises:
        RuntimeError: there is no QApplication yet.
        WrongThreadError: this is not the thread of the QApplication.
    """
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("make a QApplication first, or start the program with qt_upbit.run(...)")
    if QThread.currentThread() is not app.thread():
        raise WrongThreadError("the manager belongs to the GUI thread, and this is another one")
