"""`LookUp`: reads what became of a request whose answer was lost or not conclusive.

Only Upbit's own words are conclusive: what a failed call says about its request is decided here, once.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from qt_upbit.exceptions import (
    AuthenticationError,
    DecodeError,
    ProxyClosedError,
    RateLimitedError,
    RestError,
)
from qt_upbit.protocol.error_table import ORDER_NOT_FOUND, is_refusal

__all__ = ["LookUp", "LookUpFailedError", "RequestFate", "denies_order", "described", "request_fate"]

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LEAST_ANSWER_S: Final = 3.0
"""Minimum timeout of one call of a look-up, even of one made just before the deadline."""
_T = TypeVar("_T")

Failure = RestError | AuthenticationError | DecodeError
"""How a call that was made can end, other than with its answer."""


class RequestFate(enum.Enum):
    """What the failure of a call says about the request."""

    NOT_SENT = enum.auto()
    REFUSED = enum.auto()
    UNKNOWN = enum.auto()


def request_fate(error: Failure) -> RequestFate:
    """The outcome of a request that ended with an error."""
    if isinstance(error, RestError) and not error.was_sent:
        return RequestFate.NOT_SENT
    if isinstance(error, DecodeError) or not is_refusal(error.status, error.name):
        return RequestFate.UNKNOWN
    return RequestFate.REFUSED


def denies_order(error: BaseException) -> bool:
    """Whether Upbit itself says that there is no such order, or no such open order."""
    return isinstance(error, RestError) and (error.status, error.name) == (404, ORDER_NOT_FOUND)


def described(answer: Failure | None) -> str:
    """What came instead of an answer, for a message; empty when nothing came."""
    if isinstance(answer, DecodeError):
        return "an answer that cannot be read"
    if answer is None or answer.status is None:
        return ""
    return f"HTTP {answer.status} {answer.name}".rstrip()


class LookUpFailedError(Exception):
    """The look-up ended without an answer. ``__cause__`` is the last failure.

    Attributes:
        is_denied: the last answer was Upbit's, that there is no such order.
    """

    def __init__(self, is_denied: bool) -> None:
        super().__init__(is_denied)
        self.is_denied = is_denied


class LookUp:
    """Asks repeatedly: the request may still be in flight, and a failure may be temporary.

    Made for one request; its time begins at once, and may be spent on several questions.

    Args:
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.
        timeout_s: how long to ask.
    """

    def __init__(
        self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]], timeout_s: float
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._deadline = self._began + timeout_s
        self._pause_s = _FIRST_PAUSE_S

    @property
    def asked_for_s(self) -> float:
        """How long it has taken so far."""
        return round(self._clock() - self._began, 1)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self._clock() >= self._deadline

    async def pause(self) -> None:
        """Wait before the next question, each time longer, but not past the deadline."""
        await self._sleep(min(self._pause_s, max(self._deadline - self._clock(), 0.0)))
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)

    async def read(self, ask: Callable[[], Awaitable[_T]], *, until_denied: bool = False) -> _T:
        """The first answer to `ask`.

        Args:
            ask: makes the call.
            until_denied: end as soon as Upbit says that there is no such order.

        Raises:
            LookUpFailedError: the time is up, or asking again can only fail in the same way.
        """
        while True:
            try:
                return await self._ask(ask, self._deadline - self._clock())
            except LookUpFailedError as failed:
                is_useless = self._is_useless_after(failed.__cause__)
                if (failed.is_denied and until_denied) or self.is_over or is_useless:
                    raise
            await self.pause()

    async def read_once(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """The answer to `ask`, asked once and for a short time.

        Raises:
            LookUpFailedError: there was none.
        """
        return await self._ask(ask, 0.0)

    def _is_useless_after(self, error: BaseException | None) -> bool:
        """Whether asking again can only fail in the same way."""
        if isinstance(error, AuthenticationError):
            return request_fate(error) is RequestFate.REFUSED
        if isinstance(error, RateLimitedError) and not error.was_sent:
            return self._clock() + error.retry_after_s > self._deadline
        return isinstance(error, ProxyClosedError)

    async def _ask(self, ask: Callable[[], Awaitable[_T]], timeout_s: float) -> _T:
        try:
            # An exchange that hangs must not extend the timeout.
            async with asyncio.timeout(max(timeout_s, _LEAST_ANSWER_S)):
                return await ask()
        except (RestError, AuthenticationError, DecodeError, ProxyClosedError, TimeoutError) as exc:
            raise LookUpFailedError(denies_order(exc)) from exc
