"""`Subscription`: returned by ``subscribe_*``; `SubscriptionRecord`: the library's view of it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterable, Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar

import shiboken6
from PySide6.QtCore import QObject

from qt_upbit.event_reader import EventReader
from qt_upbit.exceptions import CallbackError, QtUpbitError, SubscriptionError
from qt_upbit.protocol.subscription_progress import SubscriptionProgress
from qt_upbit.qt.typed_signals import GapSignal, PairSignal, ValueSignal
from qt_upbit.qt.waiting import check_timeout, limited
from qt_upbit.types import BaseWebSocketEvent, ConnectionState, Delivery, EventSpec, Scope, StreamKey

__all__ = [
    "EventCallback",
    "Subscription",
    "SubscriptionOwner",
    "SubscriptionRecord",
    "check_callback",
    "named",
]

if TYPE_CHECKING:
    import typing_extensions

    # With a default: `Subscription` alone stays a type.
    _E = typing_extensions.TypeVar("_E", default=Any)
else:
    _E = TypeVar("_E")

EventCallback = Callable[[Any], object]
"""Called with an event, or with a tuple of events under BATCH."""


_ASYNC_HELP: Final = (
    "a callback is called, not awaited, so it cannot be an async def: a task for each event would lose their "
    "order. Use `async for event in subscription`, or connect a method decorated with qt_upbit.owned_slot"
)


def check_callback(callback: object) -> None:
    """Refuse what cannot be called back, at the call.

    Raises:
        TypeError: it cannot be called, or it is a coroutine function.
    """
    if callback is None:
        return
    if not callable(callback):
        raise TypeError(f"callback must be callable with one argument, not {type(callback).__name__}")
    inner: object = callback
    while isinstance(inner, functools.partial):
        inner = inner.func
    call = getattr(type(inner), "__call__", None)  # noqa: B004  # of an object, not whether there is one
    if any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in (inner, call)):
        raise TypeError(_ASYNC_HELP)


class SubscriptionOwner(Protocol):
    """What subscriptions and the manager need of their owner, such as a proxy.

    It is a QObject that also has a signal ``<name>_received`` for each declared event type.
    """

    id: int
    name: str
    max_buffered: int
    connection_state_changed: PairSignal[Scope, ConnectionState]
    gap_detected: GapSignal
    overflowed: PairSignal[str, int]
    error_occurred: ValueSignal[QtUpbitError]

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, or its QObject was deleted."""

    def check_thread(self) -> None:
        """Raise `WrongThreadError` if this is not its thread."""

    def last_error(self, scope: Scope) -> QtUpbitError | None:
        """Why a scope is not connected; None if it is, or if that is not known."""

    def released(self, subscription_id: int) -> None:
        """Remove a closed subscription."""

    def report(self, error: QtUpbitError) -> None:
        """Count an error and send it to ``error_occurred``. Call it from a plain Qt callback."""


class SubscriptionRecord:
    """One open subscription as the library sees it: where events go, and its progress.

    The user's view of it is `Subscription`, through which its owner references it; everything else
    references it weakly, because a callback may reference the owner.

    Attributes:
        id: unique in the process.
        spec: the declaration of its event type.
        keys: its streams, in the order requested.
        delivery: how events reach it.
        owner_id: id of the object that subscribed.
        progress: which streams are live, without data, or refused.
        leads_all: whether the owner's signal carries all its streams from this subscription.
    """

    def __init__(
        self,
        subscription_id: int,
        owner: SubscriptionOwner,
        spec: EventSpec,
        keys: Iterable[StreamKey],
        delivery: Delivery,
        callback: EventCallback | None,
    ) -> None:
        self.id = subscription_id
        self.spec = spec
        self.keys = tuple(keys)
        self.delivery = delivery
        self.owner_id = owner.id
        self.progress = SubscriptionProgress(spec.name, self.keys)
        self.is_closed = False
        self._owner = weakref.ref(owner)
        self._callback = _hold(callback)
        self._has_callback = callback is not None
        self._readers: weakref.WeakSet[EventReader[Any]] = weakref.WeakSet()
        self._led: AbstractSet[StreamKey] = frozenset(self.keys)
        self.leads_all = True

    @property
    def owner(self) -> SubscriptionOwner | None:
        """The object that subscribed, which may be closed; None once it is garbage-collected."""
        return self._owner()

    @property
    def has_callback(self) -> bool:
        """Whether a callback was given, or the events are iterated over."""
        return self._has_callback or bool(self._readers)

    @property
    def refusal(self) -> QtUpbitError | None:
        """Why the exchange refused every stream of it; None if one of them goes on."""
        return self.progress.refusal if self.progress.is_all_refused else None

    def add_waiter(self, waiter: Callable[[], object]) -> None:
        """Have `waiter` called when it is closed or refused."""
        self.progress.add_waiter(waiter)

    def remove_waiter(self, waiter: Callable[[], object]) -> None:
        """Call it no more."""
        self.progress.remove_waiter(waiter)

    def add_reader(self) -> EventReader[Any]:
        """A reader of the events that follow, for as long as it is referenced."""
        owner = self.owner
        reader: EventReader[Any] = EventReader(self, 1 if owner is None else owner.max_buffered)
        self._readers.add(reader)
        return reader

    def take_lost(self) -> int:
        """Events that readers did not read in time, since the last call."""
        return sum(reader.take_lost() for reader in tuple(self._readers))

    def lead(self, keys: AbstractSet[StreamKey], *, is_all: bool) -> None:
        """Make the owner's signal carry the events of these streams from this subscription."""
        self._led = keys
        self.leads_all = is_all

    def leads(self, event: BaseWebSocketEvent) -> bool:
        """Whether the owner's signal carries this event from this subscription."""
        return self.leads_all or event.stream_key in self._led

    def call_back(self, value: BaseWebSocketEvent | tuple[BaseWebSocketEvent, ...]) -> None:
        """Call the callback with an event or a batch of events; what it raises is reported."""
        for reader in tuple(self._readers):
            reader.put(value)
        callback = self._callback()
        if callback is None:
            return
        try:
            result = callback(value)
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError(_ASYNC_HELP)
        except Exception as exc:  # whatever an application raises, other subscribers still get the event
            owner = self._owner()
            if owner is not None:
                name = getattr(callback, "__qualname__", repr(callback))
                error = CallbackError(owner.name, name)
                error.__cause__ = exc
                owner.report(error)

    def mark_live(self, keys: Iterable[StreamKey]) -> None:
        """Frames of these streams arrived, or the server lists them as active."""
        for key in keys:
            self.progress.mark_live(key)

    def mark_silent(self, keys: Collection[StreamKey], waited_s: float) -> None:
        """Streams had no frame for `waited_s`; the owner is notified."""
        if not self.progress.mark_silent(keys, waited_s):
            return
        owner = self._owner()
        if owner is not None and not owner.is_closed:
            owner.report(SubscriptionError(self.keys[0].type, (key.code for key in keys), waited_s))

    def mark_refused(self, keys: Iterable[StreamKey], refusal: QtUpbitError) -> None:
        """The server refused these streams; the error itself is reported elsewhere."""
        self.progress.mark_refused(keys, refusal)

    def mark_retried(self) -> None:
        """Refused streams are requested again."""
        self.progress.mark_retried()

    def close(self) -> None:
        """Stop delivering, and release the callback. Idempotent."""
        self.is_closed = True
        self._callback = _no_callback
        self.progress.close()


class Subscription(Generic[_E]):
    """An open subscription of one proxy. It lives as long as the proxy, with or without a reference to it.

    ``await subscription`` waits until every code has received its first frame, and returns the
    subscription; cancelling the wait does not cancel the subscription; ``wait(timeout)`` has an end also
    while there is no connection. ``close()`` ends it, and so
    does leaving an ``async with`` block. Awaiting raises:

    * `SubscriptionError` naming the codes that never delivered; the others continue;
    * `AuthenticationError` or `ServerError` if Upbit refused;
    * `ProxyClosedError` if it was closed meanwhile.
    """

    def __init__(self, record: SubscriptionRecord) -> None:
        self._record = record
        self._early: EventReader[Any] | None = None
        """For the ``async for`` inside an ``async with``, which waits for the first frame before it."""

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "live" if self.is_live else "waiting"
        codes = ",".join(key.code or "*" for key in self.keys[:5]) + ("…" if len(self.keys) > 5 else "")
        return f"<Subscription {self.spec.name} {codes} {self.delivery.value} {state}>"

    @property
    def id(self) -> int:
        """Unique in the process."""
        return self._record.id

    @property
    def spec(self) -> EventSpec:
        """The declaration of its event type."""
        return self._record.spec

    @property
    def row(self) -> EventSpec:
        """`spec`, by its earlier name."""
        warnings.warn("a subscription's row is called spec", DeprecationWarning, stacklevel=2)
        return self._record.spec

    @property
    def keys(self) -> tuple[StreamKey, ...]:
        """The streams, in the order requested."""
        return self._record.keys

    @property
    def delivery(self) -> Delivery:
        """How events reach it."""
        return self._record.delivery

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in the order given; empty for all codes or a type without codes."""
        return tuple(key.code for key in self.keys if key.code)

    @property
    def is_live(self) -> bool:
        """Whether every code has received its first frame."""
        return self._record.progress.is_live

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by `close` or with its proxy."""
        return self._record.is_closed

    @property
    def error(self) -> QtUpbitError | None:
        """Why Upbit refused it; None if it was not refused, or once it is requested again."""
        return self._record.progress.refusal

    def __aiter__(self) -> AsyncIterator[_E]:
        """The events from now on, in order; under BATCH tuples of them. Each iteration gets all of them.

        It ends with the subscription, and raises `error` if Upbit refuses all its streams. At most
        ``high_water_mark`` events wait for a slow loop; under LATEST only the newest of each kind. What is
        lost is counted, and reported by ``overflowed``. After ``async with`` it begins with the first frame::

            async with proxy.subscribe_trade(["KRW-BTC"]) as trades:
                async for trade in trades:
                    ...

        Raises:
            WrongThreadError: this is not the GUI thread.
        """
        owner = self._record.owner
        if owner is not None:
            owner.check_thread()
        reader, self._early = self._early or self._record.add_reader(), None
        reader.start()
        return reader

    def leads(self, event: BaseWebSocketEvent) -> bool:
        """Whether the proxy's signal carries this event from this subscription."""
        return self._record.leads(event)

    def close(self) -> None:
        """Stop receiving, immediately and permanently. Idempotent."""
        if not self.is_closed:
            owner = self._record.owner
            if owner is not None:
                owner.check_thread()
            self._record.close()
            if owner is not None:
                owner.released(self.id)

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait().__await__()

    async def wait(self, timeout: float) -> Self:
        """Same as awaiting it, for a limited time; the subscription goes on in any case.

        Args:
            timeout: seconds; `math.inf` for no limit.

        Raises:
            WaitTimeoutError: codes without a first frame are named, and why, if that is known.
            InvalidRequestError: `timeout` is not a number above zero.
        """
        check_timeout(timeout)
        record = self._record

        def reason() -> QtUpbitError | None:
            owner = record.owner
            return None if owner is None else owner.last_error(record.spec.scope)

        def what() -> str:
            return f"the first frame of {named(sorted(record.progress.awaited, key=lambda key: key[:2]))}"

        async with limited(timeout, what, reason):
            return await self._wait()

    async def __aenter__(self) -> Self:
        self._early = self._record.add_reader()
        return await self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._early = None
        self.close()

    async def _wait(self) -> Self:
        owner = self._record.owner
        if owner is not None:
            owner.check_thread()
        del owner  # waiting must not keep it alive
        progress = self._record.progress
        if not progress.is_settled:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            resume = functools.partial(_resume, waiter)
            progress.add_waiter(resume)
            try:
                await waiter
            finally:
                progress.remove_waiter(resume)
        if (failure := progress.failure) is not None:
            # The error is raised in several tasks and must not accumulate the frames of all of them.
            raise failure.with_traceback(None)
        return self


def named(keys: Sequence[StreamKey]) -> str:
    """Streams, for messages: their type and the first codes."""
    codes = ", ".join(key.code for key in keys[:5] if key.code)
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
    return f"{keys[0].type if keys else 'a stream'} {codes}{more}".rstrip()


def _resume(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _no_callback() -> None:
    return None


def _hold(callback: EventCallback | None) -> Callable[[], EventCallback | None]:
    """Reference a callback: weakly for a method of a QObject, which would otherwise never be collected.

    Returns a function that returns the callback, or None once its object is gone.
    """
    if callback is None:
        return _no_callback
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
