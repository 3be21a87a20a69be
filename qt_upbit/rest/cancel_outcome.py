"""Outcome of cancellations: accepted, refused, or unknown until the orders are looked up.

Cancelling the same order again is harmless, so a request without a conclusive answer is repeated for the
orders that a look-up shows to be still open, and only for those: "the newest 20 open orders" would mean
other orders the second time. What stays in doubt is named by the error.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Literal

from qt_upbit.exceptions import (
    AuthenticationError,
    CancelOutcomeError,
    DecodeError,
    RateLimitedError,
    RestError,
)
from qt_upbit.records import CancelledOrder, CancelResult, Order
from qt_upbit.rest.look_up import (
    Failure,
    LookUp,
    LookUpFailedError,
    RequestFate,
    denies_order,
    described,
    request_fate,
)
from qt_upbit.types import OrderState

__all__ = ["IDS_PER_CANCEL", "CancelOutcome", "IdKind"]

IDS_PER_CANCEL: Final = 20
"""Maximum number of ids in one request (protocol section 9.2)."""
IdKind = Literal["uuids", "identifiers"]


class CancelOutcome:
    """Sends cancellations and determines their outcome.

    Args:
        new_look_up: starts the time of a look-up.
        send_ids: requests the cancellation of up to `IDS_PER_CANCEL` orders.
        get_orders: looks up orders by ids; unknown ones are left out.
    """

    def __init__(
        self,
        *,
        new_look_up: Callable[[], LookUp],
        send_ids: Callable[[IdKind, Sequence[str]], Awaitable[CancelResult]],
        get_orders: Callable[[IdKind, Sequence[str]], Awaitable[list[Order]]],
    ) -> None:
        self._new_look_up = new_look_up
        self._send_ids = send_ids
        self._get_orders = get_orders

    async def cancel_one(
        self, key: str, send: Callable[[], Awaitable[Order]], look: Callable[[], Awaitable[Order]]
    ) -> Order:
        """Request the cancellation of one order.

        Args:
            key: the order's id in the call.
            send: requests it once and returns the order in the answer.
            look: looks up the order.

        Returns:
            The order from the answer, or its current state if it is no longer open.

        Raises:
            AuthenticationError, RestError: it was refused, or never sent.
            CancelOutcomeError: the outcome is unknown.
        """
        look_up: LookUp | None = None
        while True:
            try:
                return await send()
            except (RestError, AuthenticationError, DecodeError) as exc:
                error = exc
            if look_up is None:
                if request_fate(error) is not RequestFate.UNKNOWN:
                    raise error
                look_up = self._new_look_up()
            try:
                order = await look_up.read(look)
            except LookUpFailedError as failed:
                raise CancelOutcomeError(
                    look_up.asked_for_s, found_none=failed.is_denied, answer=described(error), unknown=(key,)
                ) from (error if failed.is_denied else failed.__cause__)
            if not order.is_open:
                return order
            if look_up.is_over or _ends(error):
                raise CancelOutcomeError(
                    look_up.asked_for_s, answer=described(error), still_open=(key,)
                ) from error
            await look_up.pause()

    async def cancel_some(self, kind: IdKind, ids: Sequence[str]) -> CancelResult:
        """Request the cancellation of orders; in several requests if there are many.

        Args:
            kind: of the ids.
            ids: each once.

        Returns:
            What Upbit has accepted, and what it could not cancel; in the latter case, or after a lost
            answer, an order that a look-up shows to be cancelled counts as accepted. Ids that Upbit does
            not know are in neither.

        Raises:
            AuthenticationError, RestError: refused, or never sent; nothing was cancelled.
            CancelOutcomeError: some are in doubt, or only some were cancelled before a refusal.
        """
        return await _Batch(kind, ids, self._new_look_up, self._send_ids, self._get_orders).carry_out()

    async def cancel_open(
        self,
        send: Callable[[], Awaitable[CancelResult]],
        list_open: Callable[[], Awaitable[list[Order]]],
        count: int,
    ) -> CancelResult:
        """Request the cancellation of open orders that Upbit selects.

        Args:
            send: requests it once.
            list_open: the open orders from which Upbit selects, oldest first.
            count: how many of them it selects, the newest.

        Raises:
            As `cancel_some`. If the answer is lost, orders placed while the call runs may be cancelled
            without being named.
        """
        # Read before, as afterwards nothing says which orders it was. A failure must not prevent a cancel.
        before: list[Order] | None = None
        with contextlib.suppress(LookUpFailedError):
            before = await self._new_look_up().read_once(list_open)
        targets = [order.uuid for order in (before or ())[-count:]]
        batch = _Batch("uuids", targets, self._new_look_up, self._send_ids, self._get_orders)
        # Where it selects from more, a request still in flight would select others after a repetition.
        may_repeat = before is not None and len(before) <= count
        try:
            result = await send()
            await self._check_known(result, targets)
        except (RestError, AuthenticationError, DecodeError) as exc:
            error: Failure = exc
        else:
            batch.accept(result)
            if batch.is_complete or not may_repeat:
                return batch.result()
            error = DecodeError("the answer leaves out orders that were open")
        if request_fate(error) is not RequestFate.UNKNOWN:
            raise error
        if targets:
            return await batch.carry_out(after=error, may_repeat=may_repeat)
        look_up = self._new_look_up()
        try:
            after = await look_up.read(list_open)
        except LookUpFailedError as failed:
            raise CancelOutcomeError(look_up.asked_for_s, answer=described(error)) from failed.__cause__
        raise CancelOutcomeError(
            look_up.asked_for_s,
            found_none=not after,
            answer=described(error),
            still_open=[order.uuid for order in after],
        ) from error

    async def _check_known(self, result: CancelResult, known: Sequence[str]) -> None:
        """Check that an answer is about this account's orders, as far as they can be looked up.

        Raises:
            DecodeError: Upbit does not know them.
        """
        others = [each.uuid for each in (*result.success, *result.failed) if each.uuid not in known]
        if not others:
            return
        try:
            found = await self._new_look_up().read(lambda: self._get_orders("uuids", others))
        except LookUpFailedError:
            return
        if not {order.uuid for order in found} >= set(others):
            raise DecodeError("the answer is for other orders")

    async def cancel_listed(
        self, list_open: Callable[[], Awaitable[list[Order]]], count: int
    ) -> CancelResult:
        """List open orders, and request the cancellation of the newest of them by uuid.

        Args:
            list_open: oldest first.
            count: how many at most.

        Raises:
            AuthenticationError, RestError, DecodeError: they cannot be listed, and nothing was cancelled; or
                as `cancel_some`.
            CancelOutcomeError: as `cancel_some`.
        """
        try:
            orders = await list_open()
        except (RestError, AuthenticationError, DecodeError) as exc:
            if request_fate(exc) is not RequestFate.UNKNOWN:
                raise
            try:
                orders = await self._new_look_up().read(list_open)
            except LookUpFailedError:
                raise exc from None
        return await self.cancel_some("uuids", [order.uuid for order in orders[-count:]])


class _Batch:
    """The cancellation of orders that are known by their ids."""

    def __init__(
        self,
        kind: IdKind,
        ids: Sequence[str],
        new_look_up: Callable[[], LookUp],
        send_ids: Callable[[IdKind, Sequence[str]], Awaitable[CancelResult]],
        get_orders: Callable[[IdKind, Sequence[str]], Awaitable[list[Order]]],
    ) -> None:
        self._kind: IdKind = kind
        self._ids = frozenset(ids)
        self._pending = list(ids)
        self._new_look_up = new_look_up
        self._send_ids = send_ids
        self._get_orders = get_orders
        self._success: dict[str, CancelledOrder] = {}
        self._failed: dict[str, CancelledOrder] = {}
        self._still_open: tuple[str, ...] = ()
        self._seen: set[str] = set()
        """Ids of orders that exist: Upbit cannot cease to know them."""

    def accept(self, result: CancelResult) -> None:
        """Take over an answer to a request that has been sent for these orders and maybe others."""
        self._ids |= {each.uuid for each in (*result.success, *result.failed)}
        self._note(self._success, result.success)
        self._note(self._failed, result.failed)

    async def carry_out(self, *, after: Failure | None = None, may_repeat: bool = True) -> CancelResult:
        """Send, look up what is in doubt, and repeat for what is still open.

        Args:
            after: the failure of a request that has already been sent for these orders.
            may_repeat: False to wait for that one only.
        """
        error = after
        look_up: LookUp | None = None
        while True:
            if after is None or (self._still_open and may_repeat):
                error = await self._send_all(is_first=after is None)
                after = error or after
            if not self._pending:
                return self.result()
            look_up = look_up or self._new_look_up()
            await self._look(look_up, after)
            if not self._pending or (error is None and not self._still_open):
                return self.result()  # nothing is in doubt; of what remains Upbit knows nothing
            if look_up.is_over or (error is not None and _ends(error)):
                raise self._in_doubt(look_up, after) from error
            await look_up.pause()

    async def _send_all(self, *, is_first: bool) -> Failure | None:
        """Request what is pending; returns the first failure.

        Raises:
            AuthenticationError, RestError: the first request was refused, or never sent.
        """
        for part in _parts(tuple(self._pending)):
            try:
                result = await self._send_ids(self._kind, part)
            except (RestError, AuthenticationError, DecodeError) as exc:
                is_known = is_first and not self._success and not self._failed
                if is_known and request_fate(exc) is not RequestFate.UNKNOWN:
                    raise
                return exc
            self._note(self._success, result.success)
            if is_first:
                # Of a repetition it may say that the request before has cancelled them: looked up below.
                self._note(self._failed, result.failed)
        return None

    def _note(self, known: dict[str, CancelledOrder], orders: Iterable[CancelledOrder]) -> None:
        for order in orders:
            # Upbit need not repeat an identifier: such an order is recognised when it is looked up.
            known[self._id_of(order) or order.uuid] = order
        self._settle()

    def _id_of(self, order: CancelledOrder | Order) -> str | None:
        return order.uuid if self._kind == "uuids" else order.identifier

    def _settle(self) -> None:
        known = self._success.keys() | self._failed.keys()
        self._pending = [each for each in self._pending if each not in known]

    async def _look(self, look_up: LookUp, error: Failure | None) -> None:
        pending = tuple(self._pending)

        async def ask() -> list[Order]:
            found = await self._get_orders(self._kind, pending)
            named = {self._id_of(each) for each in found}
            if not named <= set(pending) or not self._seen.intersection(pending) <= named:
                raise DecodeError("the answer is for other orders")
            return found

        try:
            found = await look_up.read(ask)
        except LookUpFailedError as failed:
            raise self._in_doubt(look_up, error) from failed.__cause__
        still_open = []
        for order in found:
            key = self._id_of(order) or order.uuid
            self._seen.add(key)
            row = CancelledOrder(uuid=order.uuid, code=order.code, identifier=order.identifier)
            if order.uuid in self._success:
                self._success[key] = self._success.pop(order.uuid)
            elif order.uuid in self._failed:
                self._failed[key] = self._failed.pop(order.uuid)
            elif order.is_open:
                still_open.append(key)
            elif order.state is OrderState.CANCEL:
                self._success[key] = row
            else:
                self._failed[key] = row
        self._still_open = tuple(still_open)
        self._settle()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is in doubt."""
        return not self._pending

    def result(self) -> CancelResult:
        """What is known."""
        # What was recognised neither by its id nor by a look-up is not ours.
        success, failed = (
            tuple(order for key, order in known.items() if key in self._ids)
            for known in (self._success, self._failed)
        )
        return CancelResult(success=success, failed=failed)

    def _in_doubt(self, look_up: LookUp, error: Failure | None) -> CancelOutcomeError:
        still_open = [each for each in self._pending if each in self._still_open]
        return CancelOutcomeError(
            look_up.asked_for_s,
            answer=described(error),
            cancelled=[each for each in self._success if each in self._ids],
            ended=[each for each in self._failed if each in self._ids],
            still_open=still_open,
            unknown=[each for each in self._pending if each not in still_open],
        )


def _ends(error: Failure) -> bool:
    """Whether repeating cannot help: Upbit refuses for a reason that does not change, or has blocked us."""
    if isinstance(error, RateLimitedError):
        return error.status != 429
    return request_fate(error) is RequestFate.REFUSED and not denies_order(error)


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[begin : begin + IDS_PER_CANCEL] for begin in range(0, len(ids), IDS_PER_CANCEL))
