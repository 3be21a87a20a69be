"""`Subscription`: what a ``subscribe_*`` call returns."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import shiboken6
from PySide6.QtCore import QObject

from qt_upbit.exceptions import CallbackError, ProxyClosedError, QtUpbitError, SubscriptionError
from qt_upbit.types import BaseWebSocketEvent, Delivery, EventSpec, StreamKey

if TYPE_CHECKING:
    from qt_upbit.qt.websocket_client_proxy import WebSocketClientProxy

__all__ = ["EventCallback", "Subscription"]

EventCallback = Callable[[Any], object]
"""Called with an event; with a tuple of events under BATCH."""


class Subscription:
    """A running subscription of one proxy. It lives as long as the proxy, whether you keep it or not.

    ``await subscription`` waits until every code has shown its first frame, and returns the
    subscription; cancelling the wait does not cancel the subscription. ``close()`` ends it, and so
    does the end of an ``async with`` block. Awaiting raises:

    * `SubscriptionError` naming the codes that stayed silent; the others go on;
    * `AuthenticationError` or `ServerError` if Upbit refused;
    * `ProxyClosedError` if it was closed meanwhile.
    """

    def __init__(
        self,
        subscription_id: int,
        proxy: WebSocketClientProxy,
        row: EventSpec,
        keys: Iterable[StreamKey],
        delivery: Delivery,
        callback: EventCallback | None,
    ) -> None:
        self.id = subscription_id
        self.row = row
        self.keys = tuple(keys)
        self.delivery = delivery
        self._proxy = weakref.ref(proxy)
        self._callback = _hold(callback)
        self._awaited = set(self.keys)
        self._silent: set[StreamKey] = set()
        self._error: QtUpbitError | None = None
        self._refused: set[StreamKey] = set()
        self._closed = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._waited_s = 0.0
        self.has_callback = callback is not None
        self._lead(self.keys)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "live" if not self._awaited else "waiting"
        codes = ",".join(key.code or "*" for key in self.keys[:5]) + ("…" if len(self.keys) > 5 else "")
        return f"<Subscription {self.row.name} {codes} {self.delivery.value} {state}>"

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in the order given; empty for all codes or a type without codes."""
        return tuple(key.code for key in self.keys if key.code)

    @property
    def is_live(self) -> bool:
        """Whether every code has shown its first frame."""
        return not self._awaited and not self._closed

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by `close` or with its proxy."""
        return self._closed

    def leads(self, event: BaseWebSocketEvent) -> bool:
        """Whether the proxy's signal carries this event from this subscription."""
        return self.leads_all or event.stream_key in self._leading_keys

    def close(self) -> None:
        """Stop receiving, at once and for good. Idempotent."""
        if not self._closed:
            proxy = self._proxy()
            if proxy is not None:
                proxy._manager.guard.check_thread()
            self._mark_closed()
            if proxy is not None:
                proxy._release(self)

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait().__await__()

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _wait(self) -> Self:
        proxy = self._proxy()
        if proxy is not None:
            proxy._manager.guard.check_thread()
        del proxy  # waiting does not keep it alive
        if not self._is_settled():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        if self._closed:
            raise ProxyClosedError(f"the subscription to {self.row.name} was closed while it was awaited")
        if self._error is not None:
            # Told to several, it must not gather and keep the frames of them all.
            raise self._error.with_traceback(None)
        if self._silent:
            raise SubscriptionError(self.keys[0].type, {str(k.code) for k in self._silent}, self._waited_s)
        return self

    def _is_settled(self) -> bool:
        return self._closed or self._error is not None or self._awaited <= self._silent

    def _settle(self) -> None:
        if self._is_settled():
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _lead(self, keys: Iterable[StreamKey]) -> None:
        """The proxy's signal carries the events of these streams from this subscription."""
        self._leading_keys = frozenset(keys)
        self.leads_all = len(self._leading_keys) == len(self.keys)

    # --- told by the manager -----------------------------------------------------------------------

    def _mark_live(self, key: StreamKey) -> None:
        self._awaited.discard(key)
        self._silent.discard(key)
        if key in self._refused:
            # Another code that is served says nothing of the one that was refused.
            self._refused.clear()
            self._error = None
        self._settle()

    def _mark_silent(self, keys: Iterable[StreamKey], waited_s: float) -> set[StreamKey]:
        """Note silent streams; return those that are ours."""
        mine = self._awaited.intersection(keys)
        self._silent |= mine
        self._waited_s = waited_s
        self._settle()
        return mine

    def _mark_refused(self, keys: Iterable[StreamKey], error: QtUpbitError) -> None:
        self._refused.update(keys)
        self._error = error
        self._settle()

    def _mark_retried(self) -> None:
        """What was refused with its connection is asked for again: whoever waits hears the new answer."""
        self._awaited |= self._refused
        self._refused.clear()
        self._error = None

    def _mark_closed(self) -> None:
        self._closed = True
        self._callback = _nobody
        self._settle()

    def _deliver(self, value: BaseWebSocketEvent | tuple[BaseWebSocketEvent, ...]) -> None:
        """Hand over an event, or the events of a batch. Reports what a callback raises."""
        callback = self._callback()
        if callback is None:
            return
        try:
            callback(value)
        except Exception as exc:  # whatever an application raises must not cost others their event
            proxy = self._proxy()
            if proxy is not None:
                name = getattr(callback, "__qualname__", repr(callback))
                error = CallbackError(proxy.name, name)
                error.__cause__ = exc
                proxy._report(error)


def _nobody() -> None:
    return None


def _hold(callback: EventCallback | None) -> Callable[[], EventCallback | None]:
    """How to keep a callback: weakly for a method of a QObject, which would otherwise never die.

    Returns a function that gives the callback, or None once its object is gone.
    """
    if callback is None:
        return _nobody
    owner = getattr(callback, "__self__", None)
    if not (inspect.ismethod(callback) and isinstance(owner, QObject)):
        return lambda: callback
    method = weakref.WeakMethod(callback)

    def alive() -> EventCallback | None:
        bound = method()
        if bound is None or not shiboken6.isValid(bound.__self__):
            return None
        return bound

    return alive
