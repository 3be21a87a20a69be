"""Outcome of an order request: placed, refused, or unknown until looked up.

An order that was placed must never be reported as refused, and no order may be placed twice. So only three
things are conclusive: the order itself, under the identifier that was sent; an error name of Upbit's own
table; and proof that nothing left this machine. After any other answer, or none, the order is looked up by
its identifier; if that does not find it, the error says what is known.
"""

from __future__ import annotations

import asyncio
import enum
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_upbit.exceptions import (
    AuthenticationError,
    DecodeError,
    OrderOutcomeError,
    ProxyClosedError,
    RateLimitedError,
    RestError,
)
from qt_upbit.protocol.error_table import ORDER_NOT_FOUND, is_refusal
from qt_upbit.records import Order
from qt_upbit.types import AskBid, OrderType

__all__ = ["OrderOutcome", "OrderRequest", "RequestFate", "request_fate"]

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 2.0
_LEAST_ANSWER_S: Final = 3.0
"""Minimum timeout of one look-up call, even of one made just before the deadline."""
_SENDS: Final = 3
"""Maximum attempts; an order is sent again only after 429, once Upbit has said that it does not exist."""
_REMEMBERED: Final = 4096


class RequestFate(enum.Enum):
    """What the failure of a call says about the request."""

    NOT_SENT = enum.auto()
    REFUSED = enum.auto()
    UNKNOWN = enum.auto()


def request_fate(error: RestError | AuthenticationError | DecodeError) -> RequestFate:
    """The outcome of a request that ended with an error."""
    if isinstance(error, RestError) and not error.was_sent:
        return RequestFate.NOT_SENT
    if isinstance(error, DecodeError) or not is_refusal(error.status, error.name):
        return RequestFate.UNKNOWN
    return RequestFate.REFUSED


def _denies_order(error: Exception) -> bool:
    """Whether Upbit itself says that there is no such order, or no such open order."""
    return isinstance(error, RestError) and (error.status, error.name) == (404, ORDER_NOT_FOUND)


class _DeniedError(Exception):
    """Upbit knows no such order."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """The terms of an order request, to recognise its order.

    Attributes:
        identifier: sent with it.
        price: of a limit order, else None.
        volume: of a limit order if known, else None.
    """

    identifier: str
    code: str
    ask_bid: AskBid
    order_type: OrderType
    price: Decimal | None = None
    volume: Decimal | None = None

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> OrderRequest:
        """From a request body as `check_order` returns it, with its identifier."""
        order_type = OrderType(fields["ord_type"])
        terms = {
            name: Decimal(fields[name])
            for name in ("price", "volume")
            if order_type is OrderType.LIMIT and name in fields
        }
        return cls(
            identifier=fields["identifier"],
            code=fields["market"],
            ask_bid=AskBid(fields["side"].upper()),
            order_type=order_type,
            price=terms.get("price"),
            volume=terms.get("volume"),
        )

    def may_be(self, order: Order) -> bool:
        """Whether nothing about an order contradicts this request."""
        asked = (self.code, self.ask_bid, self.order_type)
        return asked == (order.code, order.ask_bid, order.order_type) and order.identifier in (
            self.identifier,
            None,
        )

    def has_terms_of(self, order: Order) -> bool:
        """Whether an order has the requested price and volume, as far as both are known."""
        pairs = ((self.price, order.price), (self.volume, order.volume))
        return all(asked == found for asked, found in pairs if asked is not None and found is not None)


class OrderOutcome:
    """Sends order requests and determines their outcome.

    Args:
        get_order: looks up an order by its identifier.
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.
        resolve_timeout_s: how long an order is looked up.
    """

    def __init__(
        self,
        get_order: Callable[[str], Awaitable[Order]],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        resolve_timeout_s: float,
    ) -> None:
        self._get_order = get_order
        self._clock = clock
        self._sleep = sleep
        self._resolve_timeout_s = resolve_timeout_s
        self._sent: OrderedDict[str, None] = OrderedDict()

    async def place(self, request: OrderRequest, send: Callable[[], Awaitable[Order]]) -> tuple[Order, bool]:
        """Send an order request, and look the order up if the answer is not conclusive.

        Args:
            request: the terms.
            send: sends it once and returns the order in the answer; raises `DecodeError` for an answer that
                cannot be read or is for another order.

        Returns:
            The order from the answer and True, or the order that was looked up and False.

        Raises:
            AuthenticationError, RestError: it was refused, or never sent.
            OrderOutcomeError: the outcome is unknown.
        """
        was_used = request.identifier in self._sent
        self._remember(request.identifier)
        for attempt in range(1, _SENDS + 1):
            try:
                return await send(), True
            except (RestError, AuthenticationError, DecodeError) as exc:
                error = exc
            fate = request_fate(error)
            if attempt == 1 and fate is RequestFate.NOT_SENT:
                if not was_used:
                    del self._sent[request.identifier]
                raise error
            if attempt == 1 and (fate is RequestFate.REFUSED or (was_used and _is_duplicate(error))):
                raise error
            may_send_again = _is_excess(error) and attempt < _SENDS
            is_refused = fate is RequestFate.REFUSED  # but the previous attempt may have succeeded
            found = await self._look_up(request, error, until_denied=may_send_again or is_refused)
            if found is not None:
                if _is_duplicate(error) and not request.has_terms_of(found):
                    raise error  # an earlier order has the identifier: nothing was placed
                return found, False
            if is_refused:
                raise error
        raise AssertionError("the last attempt returns or raises")

    async def cancel(
        self, send: Callable[[], Awaitable[Order]], look: Callable[[], Awaitable[Order]]
    ) -> Order:
        """Request the cancellation of an order, again if the outcome is unknown: repeating it is harmless.

        Args:
            send: requests it once and returns the order in the answer.
            look: looks up the order.

        Returns:
            The order from the answer, or its current state if it is no longer open.

        Raises:
            AuthenticationError, RestError, DecodeError: it was refused or never sent, or the outcome stays
                unknown and the order open.
        """
        for attempt in range(1, _SENDS + 1):
            try:
                return await send()
            except (RestError, AuthenticationError, DecodeError) as exc:
                error = exc
            fate = request_fate(error)
            is_repeated = attempt > 1  # the previous attempt may have succeeded
            if fate is RequestFate.NOT_SENT and not is_repeated:
                raise error
            if fate is RequestFate.REFUSED and not (is_repeated and _denies_order(error)):
                raise error
            order = await look()
            if not order.is_open:
                return order
            if attempt == _SENDS or isinstance(error, RateLimitedError):
                raise error
        raise AssertionError("the last attempt returns or raises")

    async def read_on(self, identifier: str, uuid: str, ask: Callable[[], Awaitable[Order]]) -> Order:
        """Read what belongs to an order that is known to be placed, with the timeout of a look-up.

        Raises:
            OrderOutcomeError: it could not be read; carries the `uuid`.
        """
        return await self._ask_until(identifier, ask, None, uuid=uuid)

    async def _look_up(
        self,
        request: OrderRequest,
        answer: RestError | AuthenticationError | DecodeError,
        *,
        until_denied: bool,
    ) -> Order | None:
        """The order; with `until_denied`, None as soon as Upbit says that there is no such order."""

        async def ask() -> Order:
            order = await self._get_order(request.identifier)
            if not request.may_be(order):
                raise DecodeError(f"asked for {request.identifier}, got another order, {order.uuid}")
            return order

        try:
            return await self._ask_until(request.identifier, ask, answer, until_denied=until_denied)
        except _DeniedError:
            return None

    async def _ask_until(
        self,
        identifier: str,
        ask: Callable[[], Awaitable[Order]],
        answer: RestError | AuthenticationError | DecodeError | None,
        *,
        uuid: str = "",
        until_denied: bool = False,
    ) -> Order:
        """Ask repeatedly: the request may still be in flight, and the failure may be temporary.

        Whatever fails here, the error carries the identifier.
        """
        began = self._clock()
        deadline = began + self._resolve_timeout_s
        pause = _FIRST_PAUSE_S
        cause: Exception | None = answer
        while True:
            try:
                # An exchange that hangs must not extend the timeout.
                async with asyncio.timeout(max(deadline - self._clock(), _LEAST_ANSWER_S)):
                    return await ask()
            except (RestError, AuthenticationError, DecodeError, ProxyClosedError, TimeoutError) as exc:
                why: Exception = exc
            is_denied = _denies_order(why)
            if is_denied and until_denied:
                raise _DeniedError from why
            if not isinstance(why, TimeoutError):
                cause = answer if is_denied else why
            now = self._clock()
            if now >= deadline or _ends_look_up(why):
                raise OrderOutcomeError(
                    identifier, round(now - began, 1), is_denied, answer=_described(answer), uuid=uuid
                ) from cause
            await self._sleep(min(pause, max(deadline - now, 0.0)))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _remember(self, identifier: str) -> None:
        self._sent[identifier] = None
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)


def _is_duplicate(error: Exception) -> bool:
    return isinstance(error, RestError) and error.name == "duplicated_identifier"


def _is_excess(error: Exception) -> bool:
    return isinstance(error, RateLimitedError) and error.status == 429


def _ends_look_up(error: Exception) -> bool:
    """Whether asking again can only fail in the same way."""
    if isinstance(error, AuthenticationError):
        return request_fate(error) is RequestFate.REFUSED
    return isinstance(error, ProxyClosedError)


def _described(answer: RestError | AuthenticationError | DecodeError | None) -> str:
    if isinstance(answer, DecodeError):
        return "an answer that cannot be read"
    if answer is None or answer.status is None:
        return ""
    return f"HTTP {answer.status} {answer.name}".rstrip()
