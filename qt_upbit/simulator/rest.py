"""`RestApi`: the REST calls of protocol section 9, from the same state as the sockets."""

from __future__ import annotations

from collections.abc import Mapping

from qt_upbit.simulator.exchange import Refusal, SimulatedExchange, error_body

__all__ = ["RestApi"]


class RestApi:
    """Answers REST calls."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange

    async def handle(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
        now: float,
    ) -> Refusal:
        """The answer to one call."""
        return Refusal(404, error_body("not_found", "no Route matched with those values"))
