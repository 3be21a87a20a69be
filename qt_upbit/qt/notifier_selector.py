"""`NotifierSelector`: asyncio's register of sockets, watched by Qt."""

from __future__ import annotations

import functools
import selectors
from collections.abc import Callable, Mapping
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from types import MappingProxyType
from typing import Any, Final

from PySide6.QtCore import QSocketNotifier

__all__ = ["NotifierSelector", "OnReady"]

OnReady = Callable[[QSocketNotifier, SelectorKey, int], None]
"""Called with the notifier, the key of its descriptor and the event, `EVENT_READ` or `EVENT_WRITE`."""

_NOTIFIER_TYPES: Final = {EVENT_READ: QSocketNotifier.Type.Read, EVENT_WRITE: QSocketNotifier.Type.Write}


class NotifierSelector(selectors.BaseSelector):
    """A selector that does not wait: it calls back whenever Qt's loop finds a descriptor ready.

    Belongs to the thread that made it. Each descriptor has one notifier for each event it is registered for.
    """

    def __init__(self, on_ready: OnReady) -> None:
        self._on_ready = on_ready
        self._keys: dict[int, SelectorKey] = {}
        self._notifiers: dict[tuple[int, int], QSocketNotifier] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Watch a descriptor.

        Raises:
            ValueError: no such events, or not a descriptor.
            KeyError: it is registered already.
        """
        if not events or events & ~(EVENT_READ | EVENT_WRITE):
            raise ValueError(f"events must be EVENT_READ, EVENT_WRITE or both, not {events!r}")
        fd = self._descriptor_of(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is already registered")
        key = self._keys[fd] = SelectorKey(fileobj, fd, events, data)
        for event in _NOTIFIER_TYPES:
            if events & event:
                self._watch(fd, event)
        return key

    def unregister(self, fileobj: Any) -> SelectorKey:
        """Stop watching a descriptor, even one that is closed meanwhile.

        Raises:
            KeyError: it is not registered.
        """
        key = self._keys.pop(self._registered(fileobj))
        for event in _NOTIFIER_TYPES:
            self._unwatch(key.fd, event)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Watch a descriptor for other events, or with other data.

        Raises:
            ValueError: no such events.
            KeyError: it is not registered.
        """
        fd = self._registered(fileobj)
        before = self._keys[fd]
        if events != before.events:
            if not events or events & ~(EVENT_READ | EVENT_WRITE):
                raise ValueError(f"events must be EVENT_READ, EVENT_WRITE or both, not {events!r}")
            for event in _NOTIFIER_TYPES:
                if events & event and not before.events & event:
                    self._watch(fd, event)
                elif before.events & event and not events & event:
                    self._unwatch(fd, event)
        key = self._keys[fd] = SelectorKey(before.fileobj, fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Nothing: Qt's loop waits, and events arrive through `on_ready`."""
        return []

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """The keys by descriptor."""
        return MappingProxyType(self._keys)

    def get_key(self, fileobj: Any) -> SelectorKey:
        """The key of a descriptor.

        Raises:
            KeyError: it is not registered.
        """
        return self._keys[self._registered(fileobj)]

    def close(self) -> None:
        """Watch nothing any more."""
        for fd, event in list(self._notifiers):
            self._unwatch(fd, event)
        self._keys.clear()

    def key_of(self, notifier: QSocketNotifier, fd: int, event: int) -> SelectorKey | None:
        """What a notifier stands for at present; None after it was replaced or removed."""
        return self._keys.get(fd) if self._notifiers.get((fd, event)) is notifier else None

    def _watch(self, fd: int, event: int) -> None:
        notifier = self._notifiers[fd, event] = QSocketNotifier(fd, _NOTIFIER_TYPES[event])
        activated: Any = notifier.activated  # PySide's stubs do not know overloads
        activated["int"].connect(functools.partial(self._activated, fd, event))

    def _unwatch(self, fd: int, event: int) -> None:
        notifier = self._notifiers.pop((fd, event), None)
        if notifier is not None:
            notifier.setEnabled(False)
            activated: Any = notifier.activated
            activated["int"].disconnect()

    def _activated(self, fd: int, event: int, _fd: int = 0) -> None:
        # The local reference keeps the notifier while it emits, whatever the callback removes.
        notifier, key = self._notifiers.get((fd, event)), self._keys.get(fd)
        if notifier is not None and key is not None:
            self._on_ready(notifier, key, event)

    def _registered(self, fileobj: Any) -> int:
        try:
            fd = self._descriptor_of(fileobj)
        except ValueError:
            # Closed: it has no descriptor any more.
            fd = next((key.fd for key in self._keys.values() if key.fileobj is fileobj), -1)
        if fd not in self._keys:
            raise KeyError(f"{fileobj!r} is not registered")
        return fd

    @staticmethod
    def _descriptor_of(fileobj: Any) -> int:
        try:
            fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"not a file or a descriptor: {fileobj!r}") from None
        if fd < 0:
            raise ValueError(f"not an open descriptor: {fileobj!r}")
        return fd
