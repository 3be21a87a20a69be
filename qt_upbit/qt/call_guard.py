"""`CallGuard`: checks before calls of a manager and of the objects that use it."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, QThread

from qt_upbit.exceptions import CredentialsRequiredError, ProxyClosedError, WrongThreadError
from qt_upbit.qt.loop_check import check_running_loop
from qt_upbit.types import EventSpec

__all__ = ["CallGuard", "check_gui_thread"]


class CallGuard:
    """Raises at the call that is wrong, rather than later elsewhere.

    Proxies, feeds and models use `GlobalWebSocketManager.guard` as well.

    Args:
        owner: the manager.
        is_usable: whether it is neither closed nor deleted.
        has_credentials: whether keys are currently configured.
    """

    def __init__(
        self, owner: QObject, is_usable: Callable[[], bool], has_credentials: Callable[[], bool]
    ) -> None:
        self._owner = owner
        self._is_usable = is_usable
        self._has_credentials = has_credentials

    def check_thread(self) -> None:
        """Refuse a call from a thread other than the manager's; allowed once it is deleted.

        Raises:
            WrongThreadError: this is not the GUI thread.
        """
        if shiboken6.isValid(self._owner) and QThread.currentThread() is not self._owner.thread():
            raise WrongThreadError(
                "proxies belong to the GUI thread: from another thread, emit a signal of your own that is "
                "connected to a slot here"
            )

    def check_usable(self) -> None:
        """Refuse a call once the manager is closed, from another thread, or in a loop that Qt does not drive.

        Raises:
            ProxyClosedError: the manager is closed.
            WrongThreadError: this is not the GUI thread.
            WrongLoopError: `check_running_loop`.
        """
        if not self._is_usable():
            raise ProxyClosedError("the manager of this proxy is closed: make a new proxy")
        self.check_thread()
        check_running_loop()

    def check_credentials(self, spec: EventSpec) -> None:
        """Refuse an event type that needs keys while none are configured.

        Raises:
            CredentialsRequiredError: no keys are configured.
        """
        if spec.scope.needs_auth and not self._has_credentials():
            raise CredentialsRequiredError(spec.name)


def check_gui_thread() -> None:
    """Refuse to create a manager where it could not work.

    Raises:
        RuntimeError: there is no QApplication yet.
        WrongThreadError: this is not the thread of the QApplication.
        WrongLoopError: `check_running_loop`.
    """
    app = QCoreApplication.instance()
    if app is None:
        check_running_loop()
        raise RuntimeError("make a QApplication first, or start the program with qt_upbit.run(...)")
    if QThread.currentThread() is not app.thread():
        raise WrongThreadError("the manager belongs to the GUI thread, and this is another one")
    check_running_loop()
