"""`MessageSender`: requests and questions on one socket, within the limits of one connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from qt_upbit.config import WebSocketConfig
from qt_upbit.protocol import wire
from qt_upbit.protocol.connection_outputs import ConnectionOutputs, SendText
from qt_upbit.protocol.timing import TRANSIT_S, CountedEvent, RollingWindowLimiter

__all__ = ["MessageSender"]

_MAX_COALESCE_S: Final = 2.0


class MessageSender:
    """Encodes and counts messages. A limit is the connection's own: a new socket starts with a clean account.

    Args:
        config: limits and the wire format.
        new_ticket: makes the ticket of each message.
        outputs: where messages go.
    """

    def __init__(
        self, config: WebSocketConfig, new_ticket: Callable[[], str], outputs: ConnectionOutputs
    ) -> None:
        self._config = config
        self._new_ticket = new_ticket
        self._outputs = outputs
        limits = ((config.messages_per_second, 1.0), (config.messages_per_minute, 60.0))
        self._limiter = RollingWindowLimiter(limits, transit_s=TRANSIT_S)
        self._unanswered: deque[tuple[str, CountedEvent]] = deque(maxlen=config.messages_per_minute)
        """With their tickets, in order."""

    def delay(self, now: float) -> float:
        """Seconds until a message is allowed."""
        return self._limiter.delay(now)

    def coalesce_s(self, now: float) -> float:
        """How long to gather changes: longer once half of the minute's messages are used up."""
        limit = self._config.messages_per_minute
        if self._limiter.used(now, 60.0) < limit // 2:
            return self._config.coalesce_s
        return max(self._config.coalesce_s, min(2 * 60.0 / limit, _MAX_COALESCE_S))

    def answered(self, ticket: str, now: float) -> None:
        """Something came that answers the message with this ticket: the earlier ones have arrived as well.

        Answered messages may make the next one possible sooner: ask `delay` again.
        """
        if any(ticket == sent for sent, _ in self._unanswered):
            sent = ""
            while sent != ticket:
                sent, event = self._unanswered.popleft()
                event.answered(now)

    def request(self, items: Sequence[wire.RequestItem], epoch: int, now: float) -> str:
        """Replace the subscription of a socket; returns the ticket."""
        ticket = self._new_ticket()
        self._send(wire.Request(ticket, tuple(items), self._config.wire_format), epoch, now)
        return ticket

    def ask_for_list(self, epoch: int, now: float) -> str:
        """Ask the server for its list; returns the ticket that the answer will have."""
        ticket = self._new_ticket()
        # In the format in use: another would switch the live streams (protocol section 2.6).
        question = wire.Request(ticket, format=self._config.wire_format, method=wire.LIST_SUBSCRIPTIONS)
        self._send(question, epoch, now)
        return ticket

    def _send(self, request: wire.Request, epoch: int, now: float) -> None:
        self._unanswered.append((request.ticket, self._limiter.record(now)))
        self._outputs.do(SendText(wire.encode_request(request), epoch))
