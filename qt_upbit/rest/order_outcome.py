"""Outcome of an order request: placed, refused, or unknown until looked up.

An order that was placed must never be reported as refused, and no order may be placed twice. So only three
things are conclusive: the order itself, under the identifier that was sent; an error name of Upbit's own
table; and proof that nothing left this machine. After any other answer, or none, the order is looked up by
its identifier; if that does not find it, the error says what is known.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_upbit.exceptions import (
    AuthenticationError,
    DecodeError,
    OrderOutcomeError,
    RateLimitedError,
    RestError,
)
from qt_upbit.records import Order
from qt_upbit.rest.look_up import (
    Failure,
    LookUp,
    LookUpFailedError,
    RequestFate,
    described,
    request_fate,
)
from qt_upbit.types import AskBid, OrderType

__all__ = ["OrderOutcome", "OrderRequest", "RequestFate", "request_fate"]

_SENDS: Final = 3
"""Maximum attempts; an order is sent again only after 429, once Upbit has said that it does not exist."""
_REMEMBERED: Final = 4096
_DUPLICATE: Final = "duplicated_identifier"
_TERMS: Final[Mapping[OrderType, tuple[str, ...]]] = {
    OrderType.LIMIT: ("price", "volume"),
    OrderType.PRICE: ("price",),
    OrderType.MARKET: ("volume",),
    OrderType.BEST: (),
}
"""What Upbit repeats of each order type exactly as it was requested."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """The terms of an order request, to recognise its order.

    Attributes:
        identifier: sent with it.
        price: of a limit order or a buy by amount, else None.
        volume: of a limit order or a market sell if known, else None.
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
        terms = {name: Decimal(fields[name]) for name in _TERMS[order_type] if name in fields}
        return cls(
            identifier=fields["identifier"],
            code=fields["market"],
            ask_bid=AskBid(fields["side"].upper()),
            order_type=order_type,
            price=terms.get("price"),
            volume=terms.get("volume"),
        )

    def is_of(self, order: Order) -> bool:
        """Whether an order carries the identifier, and nothing that cannot change contradicts this request.

        Every order since 2024-10-18 carries its identifier (protocol section 11).
        """
        asked = (self.identifier, self.code, self.ask_bid, self.order_type)
        return asked == (order.identifier, order.code, order.ask_bid, order.order_type)

    def has_terms_of(self, order: Order) -> bool:
        """Whether an order has the requested price and volume, as far as both are known."""
        pairs = ((self.price, order.price), (self.volume, order.volume))
        return all(asked == found for asked, found in pairs if asked is not None and found is not None)


class OrderOutcome:
    """Sends order requests and determines their outcome.

    Args:
        get_order: looks up an order by its identifier.
        new_look_up: starts the time of a look-up.
    """

    def __init__(
        self, get_order: Callable[[str], Awaitable[Order]], *, new_look_up: Callable[[], LookUp]
    ) -> None:
        self._get_order = get_order
        self._new_look_up = new_look_up
        self._sent: OrderedDict[str, None] = OrderedDict()

    async def place(
        self,
        request: OrderRequest,
        send: Callable[[], Awaitable[Order]],
        get_replaced: Callable[[], Awaitable[Order]] | None = None,
    ) -> tuple[Order, bool]:
        """Send an order request, and look the order up if the answer is not conclusive.

        Args:
            request: the terms.
            send: sends it once and returns the order in the answer; raises `DecodeError` for an answer that
                cannot be read or is for another order.
            get_replaced: looks up the order that it replaces, if any.

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
            if attempt == 1:
                # A refusal of a later copy says nothing about the first, which may be carried out late.
                fate = request_fate(error)
                if fate is RequestFate.NOT_SENT and not was_used:
                    del self._sent[request.identifier]
                if fate is not RequestFate.UNKNOWN or (was_used and _is_duplicate(error)):
                    raise error
            may_send_again = _is_excess(error) and attempt < _SENDS
            found = await self._look_up(request, error, may_send_again, get_replaced)
            if found is None:
                continue
            if request.has_terms_of(found):
                return found, False
            # An earlier order has the identifier, which can be used once.
            if _is_duplicate(error):
                raise error
            raise OrderOutcomeError(
                request.identifier, 0.0, False, answer=f"order {found.uuid} has this identifier, other terms"
            ) from error
        raise AssertionError("the last attempt returns or raises")

    async def read_on(self, identifier: str, uuid: str, ask: Callable[[], Awaitable[Order]]) -> Order:
        """Read what belongs to an order that is known to be placed, with the timeout of a look-up.

        Raises:
            OrderOutcomeError: it could not be read; carries the `uuid`.
        """
        look_up = self._new_look_up()
        try:
            return await look_up.read(ask)
        except LookUpFailedError as failed:
            raise OrderOutcomeError(
                identifier, look_up.asked_for_s, failed.is_denied, uuid=uuid
            ) from failed.__cause__

    async def _look_up(
        self,
        request: OrderRequest,
        answer: Failure,
        until_denied: bool,
        get_replaced: Callable[[], Awaitable[Order]] | None,
    ) -> Order | None:
        """The order; with `until_denied`, None as soon as Upbit says that there is no such order."""

        async def ask() -> Order:
            order = await self._get_order(request.identifier)
            if not request.is_of(order):
                raise DecodeError(f"asked for {request.identifier}, got another order, {order.uuid}")
            return order

        look_up = self._new_look_up()
        try:
            return await look_up.read(ask, until_denied=until_denied)
        except LookUpFailedError as failed:
            if failed.is_denied and until_denied:
                return None
            # Upbit's denial is no cause; a failure to ask is, unless nothing more than the time ran out.
            cause = failed.__cause__
            is_cause = not failed.is_denied and not isinstance(cause, TimeoutError)
            asked_for_s, replaced_state = look_up.asked_for_s, ""
            if get_replaced is not None:
                with contextlib.suppress(LookUpFailedError):
                    replaced_state = (await look_up.read_once(get_replaced)).state.value
            raise OrderOutcomeError(
                request.identifier, asked_for_s, failed.is_denied,
                answer=described(answer), replaced_state=replaced_state,
            ) from (cause if is_cause else answer)  # fmt: skip

    def _remember(self, identifier: str) -> None:
        self._sent[identifier] = None
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)


def _is_duplicate(error: Exception) -> bool:
    return isinstance(error, RestError) and error.name == _DUPLICATE


def _is_excess(error: Exception) -> bool:
    return isinstance(error, RateLimitedError) and error.status == 429
