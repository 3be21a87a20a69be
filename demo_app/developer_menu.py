"""`DeveloperMenu`: lets things go wrong at the simulated exchange, from its own table of faults."""

from __future__ import annotations

import functools
from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from demo_app.i18n import Translator
from demo_app.theme import Theme
from qt_upbit import Scope
from qt_upbit.simulator import (
    FAULTS,
    ExchangeFault,
    Fault,
    FrameFault,
    HandshakeFault,
    LineFault,
    SimulatedServer,
)

__all__ = ["DeveloperMenu"]

_KINDS: tuple[type[Fault], ...] = (LineFault, FrameFault, HandshakeFault, ExchangeFault)
_FRAMES = 20


class DeveloperMenu(QMenu):
    """One entry per fault, by kind. Only for the exchange inside this program.

    Args:
        server: the exchange.
        theme, texts: how it looks and speaks.
        say: shows one line of text.
    """

    def __init__(
        self,
        server: SimulatedServer,
        theme: Theme,
        texts: Translator,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._faults = server.faults
        self._texts = texts
        self._say = say
        self.setFont(theme.font())
        for kind in _KINDS:
            menu = self.addMenu(texts(f"faults.{kind.__name__}"))
            menu.setFont(theme.font())
            menu.setToolTipsVisible(True)
            for name, fault in FAULTS.items():
                if issubclass(fault, kind):
                    action = menu.addAction(texts(f"fault.{name}"))
                    action.setObjectName(name)
                    action.setToolTip((fault.__doc__ or "").partition("\n")[0])
                    action.triggered.connect(functools.partial(self._inject, fault))
        self.addSeparator()
        self.addAction(texts("faults.clear")).triggered.connect(self._clear)

    def _inject(self, kind: type[Fault], *_: object) -> None:
        fault = kind(times=_FRAMES) if issubclass(kind, FrameFault) else kind()
        if isinstance(fault, LineFault):
            fault.scope = Scope.PUBLIC
        name = self._texts(f"fault.{kind.name()}")
        try:
            self._faults.inject(fault)
        except ValueError as exc:  # no such pair any more, for example
            self._say(f"{name}: {exc}")
        else:
            self._say(self._texts("faults.injected", name=name))

    def _clear(self) -> None:
        self._faults.clear()
        self._say("")
