"""A simulated exchange behind an adversary, who loses, delays and replaces requests and answers at will."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from qt_upbit.simulator.account.account import Order
from qt_upbit.simulator.exchange import SimulatedExchange
from qt_upbit.simulator.server.rest import RestApi
from qt_upbit.simulator.settings import SimulatorSettings
from tests.support.http_server import Answer, Request
from tests.support.order_answers import NO_ANSWERS, NOT_FOUND, error
from tests.support.passing_time import PassingTime

__all__ = ["WRONG_ANSWERS", "AdversarialExchange", "Fault", "When"]

_EPOCH: Final = 1_790_000_000.0
_LINE_S: Final = 0.02
"""Time of a request, so that the exchange lives on however fast the test is."""

WRONG_ANSWERS: Final = NO_ANSWERS | {
    "418": error(418, "too_many_requests", **{"Retry-After": "3"}),
    "429": error(429, "too_many_requests"),
    "429 with HTML": Answer(429, b"<html>", "text/html"),
    "200 with another result": Answer(
        200, {"success": {"orders": [{"uuid": "u-9", "market": "KRW-XRP"}]}, "failed": {"orders": []}}
    ),
    "200 with an empty list": Answer(200, []),
}
"""By name: answers that say nothing about the request."""


class When(enum.Enum):
    """Whether the exchange carries out a request whose answer is replaced."""

    NEVER = "never"
    BEFORE = "before"
    """Before the wrong answer goes out."""
    LATE = "late"
    """While the client already looks it up: before the second request after it."""
    LAGGING = "lagging"
    """It is carried out; for a look-up, the exchange does not know the order yet (`order_not_found`)."""


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    Attributes:
        answer: name of the wrong answer.
        when: whether the exchange carries it out.
    """

    answer: str
    when: When


class AdversarialExchange:
    """Script of an `HttpServer`.

    Args:
        time: what passes for both sides.

    Attributes:
        exchange: what is true.
        faults: of the next requests, first to last; None for a correct answer.
        sent: identifier and path of each order request, and of each look-up that denied one, in order.
    """

    def __init__(self, time: PassingTime) -> None:
        settings = SimulatorSettings(markets=3, account_running=False, market_running=False, rest_limit=None)
        self.time = time
        self.exchange = SimulatedExchange(settings, now=_EPOCH)
        self.faults: list[Fault | None] = []
        self.used: list[Fault] = []
        self.sent: list[tuple[str, str]] = []
        self._rest = RestApi(self.exchange)
        self._late: list[tuple[int, Request]] = []

    @property
    def orders(self) -> dict[str, Order]:
        """Every order there is, by uuid."""
        return self.exchange.account.orders

    def by_identifier(self, identifier: str) -> Order | None:
        """The order with an identifier."""
        found = [order for order in self.orders.values() if order.identifier == identifier]
        assert len(found) <= 1
        return found[0] if found else None

    def bid_price(self, code: str) -> Decimal:
        """The best bid."""
        return Decimal(self.exchange.market.pairs[code].quote[1]).scaleb(-8)

    def settle(self) -> None:
        """Let what is late happen now, and what was accepted finish."""
        self.faults = []
        late, self._late = self._late, []
        for _, request in late:
            self._carry_out(request)
        self.time.now += 1.0
        self._tick()

    def __call__(self, request: Request) -> Answer:
        self.time.now += _LINE_S
        due = [(left, late) for left, late in self._late if left == 0]
        self._late = [(left - 1, late) for left, late in self._late if left]
        for _, late in due:
            self._carry_out(late)
        self._tick()
        fault = self.faults.pop(0) if self.faults else None
        answer = self._answer(request, fault)
        identifier = request.fields.get("identifier") or request.fields.get("new_identifier")
        if identifier and request.method == "POST":
            self.sent.append(("POST", identifier))
        elif (
            identifier
            and request.method == "GET"
            and answer.status == 404
            and b"order_not_found" in _raw(answer)
        ):
            self.sent.append(("DENIED", identifier))
        return answer

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        if fault is None:
            return self._carry_out(request)
        self.used.append(fault)
        match fault.when:
            case When.LAGGING if request.path == "/v1/order" and request.method == "GET":
                return NOT_FOUND
            case When.BEFORE | When.LAGGING:
                self._carry_out(request)
            case When.LATE:
                self._late.append((1, request))
        return WRONG_ANSWERS[fault.answer]

    def _carry_out(self, request: Request) -> Answer:
        now = _EPOCH + self.time.now
        steps = self._rest.answer(
            request.method, request.path, request.query, request.headers, "127.0.0.1", now, request.body
        )
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return Answer(done.value.status, done.value.body, headers=done.value.headers)

    def _tick(self) -> None:
        while self.exchange.tick(_EPOCH + self.time.now):
            pass


def _raw(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
