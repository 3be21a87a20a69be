"""Qt signals as a type checker sees them. At run time they are PySide's own.

A slot may take fewer arguments than the signal has, as with any Qt signal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

from PySide6.QtCore import Qt, SignalInstance

from qt_upbit.types import Scope

__all__ = ["EventSignal", "GapSignal", "PairSignal", "ValueSignal"]

_T = TypeVar("_T")
_A = TypeVar("_A")
_B = TypeVar("_B")
_AUTO = Qt.ConnectionType.AutoConnection


class _AnySignal(Protocol):
    def disconnect(self, slot: Any = ...) -> bool:
        """Disconnect a slot, or all of them."""


class ValueSignal(_AnySignal, Protocol[_T]):
    """A signal with one argument."""

    @overload
    def connect(self, slot: Callable[[_T], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: Callable[[], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: SignalInstance | ValueSignal[_T], type: Qt.ConnectionType = _AUTO) -> Any: ...

    def emit(self, value: _T) -> None:
        """Call the slots."""


class EventSignal(_AnySignal, Protocol[_T]):
    """The signal of an event type: one event, or under BATCH a tuple of them."""

    @overload
    def connect(self, slot: Callable[[_T], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: Callable[[tuple[_T, ...]], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: Callable[[], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: SignalInstance | EventSignal[_T], type: Qt.ConnectionType = _AUTO) -> Any: ...

    def emit(self, event: _T | tuple[_T, ...]) -> None:
        """Call the slots."""


class PairSignal(_AnySignal, Protocol[_A, _B]):
    """A signal with two arguments."""

    @overload
    def connect(self, slot: Callable[[_A, _B], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: Callable[[_A], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: Callable[[], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: SignalInstance | PairSignal[_A, _B], type: Qt.ConnectionType = _AUTO) -> Any: ...

    def emit(self, first: _A, second: _B) -> None:
        """Call the slots."""


class GapSignal(_AnySignal, Protocol):
    """``gap_detected``: scope, codes, and the two moments between which nothing was received."""

    @overload
    def connect(
        self,
        slot: Callable[[Scope, tuple[str, ...], datetime, datetime], object],
        type: Qt.ConnectionType = _AUTO,
    ) -> Any: ...
    @overload
    def connect(self, slot: Callable[[], object], type: Qt.ConnectionType = _AUTO) -> Any: ...
    @overload
    def connect(self, slot: SignalInstance | GapSignal, type: Qt.ConnectionType = _AUTO) -> Any: ...

    def emit(self, scope: Scope, codes: tuple[str, ...], begin: datetime, end: datetime) -> None:
        """Call the slots."""
