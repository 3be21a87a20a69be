"""`OpenOrderCalls`: orders by their ids, and the open ones: read and cancelled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from qt_upbit.exceptions import DecodeError, InvalidRequestError
from qt_upbit.protocol.subscription_request import check_code
from qt_upbit.records import CancelResult, Order
from qt_upbit.rest import arguments, endpoints, parsers
from qt_upbit.rest.cancel_outcome import IDS_PER_CANCEL, CancelOutcome, IdKind
from qt_upbit.rest.look_up import LookUp
from qt_upbit.rest.open_selection import MOST_OPEN_CANCELS, OpenOrderSelection
from qt_upbit.rest.session import RestSession
from qt_upbit.types import KST, AskBid, OrderState

__all__ = ["OpenOrderCalls", "order_of"]

_OPEN_PER_CALL: Final = 100
_IDS_PER_CALL: Final = 100
_OPEN_STATES: Final = (OrderState.WAIT, OrderState.WATCH)
_IDENTIFIERS_SINCE: Final = datetime(2024, 10, 18, tzinfo=KST)
"""Orders placed from then on carry their identifier in every answer (protocol section 11)."""


class OpenOrderCalls:
    """Part of `RestClient`, which documents what all calls have in common.

    Args:
        session: makes the calls.
        new_look_up: starts the time of a look-up.
    """

    def __init__(self, session: RestSession, new_look_up: Callable[[], LookUp]) -> None:
        self._order_session = session
        self._cancels = CancelOutcome(
            new_look_up=new_look_up,
            send_ids=self._cancel_ids,
            get_orders=self._get_by,
        )

    async def _get_by(self, kind: IdKind, ids: Sequence[str]) -> list[Order]:
        return await (self.get_orders(uuids=ids) if kind == "uuids" else self.get_orders(identifiers=ids))

    async def get_order(self, *, uuid: str | None = None, identifier: str | None = None) -> Order:
        """One order with its fills, by Upbit's id or yours."""
        key: dict[str, Any] = arguments.check_one_of(uuid=uuid, identifier=identifier)
        raw = await self._order_session.ask(endpoints.ORDER, **key)
        return order_of(raw, **key)

    async def get_orders(
        self,
        *,
        uuids: Iterable[str] | None = None,
        identifiers: Iterable[str] | None = None,
        code: str | None = None,
    ) -> list[Order]:
        """Orders by Upbit's ids, yours or both, without fills; unknown ones are left out.

        Args:
            uuids: Upbit's ids.
            identifiers: yours.
            code: only orders of this pair.
        """
        found: list[Order] = []
        if code is not None:
            check_code(code)
        market = {} if code is None else {"market": code}
        for name, ids in _given_ids(uuids, identifiers).items():
            for part in _parts(ids, _IDS_PER_CALL):
                key: dict[str, Any] = {name: list(part), **market}
                raw = await self._order_session.ask(endpoints.ORDERS, **key)
                found += await parsers.parse_list(raw, parsers.order)
        return found

    async def get_open_orders(
        self,
        code: str | None = None,
        *,
        states: Iterable[OrderState] = _OPEN_STATES,
    ) -> list[Order]:
        """All open orders, of one pair or of all, oldest first, without fills.

        More than a hundred take several calls: if an order ends meanwhile, another may be missing.
        """
        if code is not None:
            check_code(code)
        query: dict[str, Any] = {"limit": _OPEN_PER_CALL, "order_by": "asc"}
        query["states"] = arguments.check_members("states", OrderState, states, _OPEN_STATES)
        if code is not None:
            query["market"] = code
        found: dict[str, Order] = {}
        for page in itertools.count(1):
            raw = await self._order_session.ask(endpoints.OPEN, page=page, **query)
            part = await parsers.parse_list(raw, parsers.order)
            # An order that ends between two pages shifts the others: pages may overlap, or skip one.
            found |= {one.uuid: one for one in part}
            if len(part) < _OPEN_PER_CALL:
                return list(found.values())
        raise AssertionError("itertools.count never ends")

    async def cancel_order(self, *, uuid: str | None = None, identifier: str | None = None) -> Order:
        """Request the cancellation of an order; returns the order as it was then, usually still open.

        The ``cancel`` event reports that it was cancelled. Unless the answer is the order or a named refusal
        of Upbit's, the order is looked up for ``order_resolve_timeout_s``, and the request repeated while it
        is open, which is harmless.

        Raises:
            CancelOutcomeError: no answer was conclusive, and the order is still open, or was not found.
        """
        key: dict[str, Any] = arguments.check_one_of(uuid=uuid, identifier=identifier)

        async def send() -> Order:
            return order_of(await self._order_session.ask(endpoints.CANCEL, **key), **key)

        with self._order_session.running:
            return await self._cancels.cancel_one(
                next(iter(key.values())), send, lambda: self.get_order(**key)
            )

    async def cancel_orders(
        self, *, uuids: Iterable[str] | None = None, identifiers: Iterable[str] | None = None
    ) -> CancelResult:
        """Request the cancellation of up to 20 orders, by Upbit's ids or yours; returns which were accepted.

        Orders waiting for their trigger (``watch``) are cancelled as well. It is a single call; if its answer
        is lost, the orders are looked up, and it is repeated for those that are still open.

        Raises:
            CancelOutcomeError: no answer was conclusive; it names the orders in doubt.
        """
        given = _given_ids(uuids, identifiers, most=IDS_PER_CANCEL)
        if len(given) != 1:
            raise InvalidRequestError(f"give 1 to {IDS_PER_CANCEL} uuids or identifiers, not both")
        with self._order_session.running:
            for kind, ids in given.items():
                return await self._cancels.cancel_some(kind, ids)
        raise AssertionError("one kind was given")

    async def _cancel_ids(self, kind: IdKind, ids: Sequence[str]) -> CancelResult:
        key: dict[str, Any] = {kind: list(ids)}
        raw = await self._order_session.ask(endpoints.CANCEL_SOME, **key)
        result = parsers.parse(raw, parsers.cancel_result)
        for each in (*result.success, *result.failed):
            # Upbit need not repeat an identifier.
            if (each.uuid if kind == "uuids" else each.identifier) not in (*ids, None):
                raise DecodeError("the answer is for other orders", raw)
        for each in result.failed:
            # Finished or unknown: an account that shows it as open asks what became of it.
            self._order_session.on_order_not_found(each.uuid)
        return result

    async def cancel_open_orders(
        self,
        *,
        ask_bid: AskBid | str | None = None,
        codes: Iterable[str] | None = None,
        excluded_codes: Iterable[str] | None = None,
        quote_currencies: Iterable[str] | None = None,
        all_markets: bool = False,
        count: int = MOST_OPEN_CANCELS,
        include_watch: bool = False,
    ) -> CancelResult:
        """Request the cancellation of up to 300 open orders, newest first.

        Name the orders: a call without a selection is refused, and so is an empty list, which may come from a
        filter without matches. Upbit's call for this cancels orders in the book (``wait``) only (protocol
        section 9.2); with `include_watch` the client lists the orders and cancels each by its uuid, those
        waiting for their trigger (``watch``) too.

        If the answer is lost, the orders that were open when the call began are looked up, and those still
        open are cancelled by uuid; unless there were more than `count`, as the lost request, should it
        arrive late, would then cancel others.

        Args:
            ask_bid: only one side.
            codes: only these pairs, 20 at most; not together with `quote_currencies`.
            excluded_codes: never these pairs, 20 at most.
            quote_currencies: only markets of these, for example ``KRW``.
            all_markets: True for every market; not together with `codes` or `quote_currencies`.
            count: maximum number of orders, 1 to 300.
            include_watch: True for orders waiting for their trigger too. In several calls, of 20 each; if the
                orders cannot be listed, nothing is cancelled.

        Raises:
            CancelOutcomeError: no answer was conclusive; it names the orders in doubt.
        """
        selection = OpenOrderSelection.of(
            ask_bid=ask_bid, codes=codes, excluded_codes=excluded_codes, quote_currencies=quote_currencies,
            all_markets=all_markets, count=count,
        )  # fmt: skip
        is_complete = arguments.check_flag("include_watch", include_watch)
        states = _OPEN_STATES if is_complete else (OrderState.WAIT,)

        async def list_open() -> list[Order]:
            return selection.matching(await self.get_open_orders(states=states))

        async def send() -> CancelResult:
            raw = await self._order_session.ask(endpoints.CANCEL_OPEN, **selection.query())
            return selection.check_answer(parsers.parse(raw, parsers.cancel_result), raw)

        with self._order_session.running:
            if not is_complete:
                return await self._cancels.cancel_open(send, list_open, count)
            return await self._cancels.cancel_listed(list_open, count)


def order_of(raw: bytes, *, uuid: str | None = None, identifier: str | None = None) -> Order:
    """The order in an answer.

    Raises:
        DecodeError: it cannot be read, or is not the requested order.
    """
    order = parsers.parse(raw, parsers.order)
    if (uuid is not None and order.uuid != uuid) or (
        identifier is not None and order.identifier != identifier and not _is_without_identifier(order)
    ):
        raise DecodeError("the answer is for another order", raw)
    return order


def _is_without_identifier(order: Order) -> bool:
    """Whether Upbit does not tell its identifier, if it has one: it was placed before 2024-10-18."""
    return order.identifier is None and (order.ordered_at is None or order.ordered_at < _IDENTIFIERS_SINCE)


def _given_ids(
    uuids: Iterable[str] | None, identifiers: Iterable[str] | None, *, most: int | None = None
) -> dict[IdKind, tuple[str, ...]]:
    given: dict[IdKind, Iterable[str] | None] = {"uuids": uuids, "identifiers": identifiers}
    checked = {
        name: arguments.check_ids(name, ids, most=most) for name, ids in given.items() if ids is not None
    }
    if not checked:
        raise InvalidRequestError("give uuids or identifiers")
    return checked


def _parts(items: Sequence[str], size: int) -> Iterable[tuple[str, ...]]:
    return (tuple(items[begin : begin + size]) for begin in range(0, len(items), size))
