"""`DeveloperMenu`: injects faults into the simulated exchange, from its own table of faults."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from demo_app.style.language import QT_TRANSLATE_NOOP
from qt_upbit import Scope
from qt_upbit.simulator import (
    FAULTS,
    ConnectionFault,
    ExchangeFault,
    Fault,
    FrameFault,
    HandshakeFault,
    SimulatedServer,
)

__all__ = ["DeveloperMenu", "fault_name"]

_KINDS: Final[dict[type[Fault], str]] = {
    ConnectionFault: QT_TRANSLATE_NOOP("Faults", "Connection"),
    FrameFault: QT_TRANSLATE_NOOP("Faults", "Messages"),
    HandshakeFault: QT_TRANSLATE_NOOP("Faults", "Connecting"),
    ExchangeFault: QT_TRANSLATE_NOOP("Faults", "Exchange"),
}
_NAMES: Final = {
    "close": QT_TRANSLATE_NOOP("Faults", "Clean close"),
    "cut": QT_TRANSLATE_NOOP("Faults", "Cut without a close frame"),
    "reset": QT_TRANSLATE_NOOP("Faults", "TCP reset"),
    "silence": QT_TRANSLATE_NOOP("Faults", "Silence on an open connection"),
    "stop_reading": QT_TRANSLATE_NOOP("Faults", "Stops reading"),
    "stall": QT_TRANSLATE_NOOP("Faults", "Stall in the middle of a frame"),
    "error_frame": QT_TRANSLATE_NOOP("Faults", "Error frame: too many requests"),
    "garbage": QT_TRANSLATE_NOOP("Faults", "Garbage text"),
    "truncated": QT_TRANSLATE_NOOP("Faults", "Truncated JSON"),
    "wrong_types": QT_TRANSLATE_NOOP("Faults", "Wrong types"),
    "missing_fields": QT_TRANSLATE_NOOP("Faults", "Missing fields"),
    "unknown_type": QT_TRANSLATE_NOOP("Faults", "Unknown event type"),
    "huge": QT_TRANSLATE_NOOP("Faults", "Huge frame"),
    "compression_bomb": QT_TRANSLATE_NOOP("Faults", "Compression bomb"),
    "unknown_fields": QT_TRANSLATE_NOOP("Faults", "Unknown fields"),
    "microseconds": QT_TRANSLATE_NOOP("Faults", "Timestamps in microseconds"),
    "duplicate": QT_TRANSLATE_NOOP("Faults", "Duplicate frames"),
    "lost_frames": QT_TRANSLATE_NOOP("Faults", "Lost frames of the account"),
    "odd_fields": QT_TRANSLATE_NOOP("Faults", "Odd fields"),
    "reorder": QT_TRANSLATE_NOOP("Faults", "Trades out of order"),
    "fragment": QT_TRANSLATE_NOOP("Faults", "Fragmented messages"),
    "refuse_handshakes": QT_TRANSLATE_NOOP("Faults", "Refused once (503)"),
    "slow_handshakes": QT_TRANSLATE_NOOP("Faults", "Slow handshake"),
    "not_listening": QT_TRANSLATE_NOOP("Faults", "Not listening for 3 s"),
    "maintenance": QT_TRANSLATE_NOOP("Faults", "Maintenance for 10 s"),
    "clock_skew": QT_TRANSLATE_NOOP("Faults", "Clock 30 s ahead"),
    "delist": QT_TRANSLATE_NOOP("Faults", "Delist KRW-DOGE"),
    "new_listing": QT_TRANSLATE_NOOP("Faults", "List KRW-DOGE"),
    "drop_streams": QT_TRANSLATE_NOOP("Faults", "Drop half of the streams"),
    "late_frames": QT_TRANSLATE_NOOP("Faults", "Late frames of an old subscription"),
}
_FRAMES: Final = 20


def fault_name(name: str) -> str:
    """The name of a fault, in the current language."""
    return QCoreApplication.translate("Faults", _NAMES[name])


class DeveloperMenu(QMenu):
    """One entry per fault, by kind. Only for the embedded exchange.

    Args:
        server: the exchange.
        say: shows a one-line message.
        parent: owner.
    """

    def __init__(
        self, server: SimulatedServer, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("developer")
        self._faults = server.faults
        self._say = say
        self._menus: dict[type[Fault], QMenu] = {}
        self._entries: dict[str, QAction] = {}
        for kind in _KINDS:
            menu = self._menus[kind] = self.addMenu("")
            menu.setToolTipsVisible(True)
            for name, fault in FAULTS.items():
                if issubclass(fault, kind):
                    action = self._entries[name] = menu.addAction("")
                    action.setObjectName(name)
                    action.setToolTip((fault.__doc__ or "").partition("\n")[0])
                    action.triggered.connect(functools.partial(self._inject, fault))
        self._scope: Scope | None = Scope.PUBLIC
        self._scopes = self._add_scopes(self._menus[ConnectionFault])
        self.addSeparator()
        self._clear_action = self.addAction("")
        self._clear_action.triggered.connect(self._clear)
        self.retranslate()

    def _add_scopes(self, menu: QMenu) -> list[QAction]:
        """Add the choice of the connections that the faults apply to."""
        menu.addSeparator()
        group = QActionGroup(self)
        lines = []
        for scope in (Scope.PUBLIC, Scope.PRIVATE, None):
            action = menu.addAction("")
            action.setCheckable(True)
            action.setChecked(scope is self._scope)
            action.triggered.connect(functools.partial(self._choose, scope))
            group.addAction(action)
            lines.append(action)
        return lines

    def _choose(self, scope: Scope | None, *_: object) -> None:
        self._scope = scope

    def retranslate(self) -> None:
        """Set every text again."""
        texts = (self.tr("Public connection"), self.tr("Private connection"), self.tr("All connections"))
        for action, text in zip(self._scopes, texts, strict=True):
            action.setText(text)
        self.setTitle(self.tr("Fa&ults"))
        for kind, menu in self._menus.items():
            menu.setTitle(QCoreApplication.translate("Faults", _KINDS[kind]))
        for name, action in self._entries.items():
            action.setText(fault_name(name))
        self._clear_action.setText(self.tr("Clear all"))

    def _inject(self, kind: type[Fault], *_: object) -> None:
        fault = kind(times=_FRAMES) if issubclass(kind, FrameFault) else kind()
        if isinstance(fault, ConnectionFault):
            fault.scope = self._scope
        name = fault_name(kind.name())
        try:
            self._faults.inject(fault)
        except ValueError as exc:  # for example, the pair no longer exists
            self._say(f"{name}: {exc}")
        else:
            self._say(self.tr("Fault: {name}").format(name=name))

    def _clear(self) -> None:
        self._faults.clear()
        self._say("")
