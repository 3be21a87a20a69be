"""`ScriptedTrader`: places orders of the account automatically, at prices of the simulated market."""

from __future__ import annotations

import random
from decimal import ROUND_DOWN, Decimal
from typing import Final

from qt_upbit.exact import exactly
from qt_upbit.simulator.account.account import Account, Order
from qt_upbit.simulator.account.matching_engine import MatchingEngine, OrderRefused, OrderRequest
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.pair import Pair
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.market.price_path import mix
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import AskBid, OrderType, TimeInForce

__all__ = ["ScriptedTrader"]

_PAIRS: Final = 5
_EIGHT: Final = Decimal("1E-8")
# The long tail is what real balances have after years of fees (frames/).
_TAIL: Final = Decimal("0.37231066771348207123")


class ScriptedTrader:
    """Buys and sells on a few local pairs: limit orders that fill gradually or are cancelled, market orders.

    Args:
        settings: order interval and initial balances.
        market: where it trades.
        account: the owner of the orders.
        engine: places them.
    """

    @exactly
    def __init__(
        self,
        settings: SimulatorSettings,
        market: SimulatedMarket,
        account: Account,
        engine: MatchingEngine,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._account = account
        self._rng = random.Random(mix(settings.seed, 41))  # noqa: S311  # a simulation, not a secret
        local = settings.region.quote_currency
        self._pairs = [pair for pair in market if pair.listing.quote == local][:_PAIRS]
        self._deadlines: dict[Order, int] = {}
        self._next_ms = market.start_ms
        self._plan_next(market.start_ms)
        self.fund(account)

    @exactly
    def fund(self, account: Account) -> None:
        """Give an account the initial money, and something of each of the pairs."""
        local = self._settings.region.quote_currency
        account.balance(local).balance = self._settings.initial_krw + _TAIL
        worth = Decimal(self._settings.initial_krw) / 10
        for pair in self._pairs:
            price = from_units(pair.quote[1])
            held = account.balance(pair.listing.coin.symbol)
            held.balance = (worth / price).quantize(_EIGHT)
            held.avg_buy_price = (price * Decimal("0.97")).quantize(_EIGHT)

    @property
    def pairs(self) -> list[Pair]:
        """The pairs it trades."""
        return self._pairs

    @exactly
    def tick(self, now_ms: int) -> None:
        """Place and cancel what is due."""
        for order, deadline in list(self._deadlines.items()):
            if not order.is_open:
                del self._deadlines[order]
            elif deadline <= now_ms:
                del self._deadlines[order]
                self._account.cancel(order, now_ms)
        if now_ms >= self._next_ms and self._pairs:
            self._plan_next(now_ms)
            self._act(self._rng.choice(self._pairs), now_ms)

    def _plan_next(self, now_ms: int) -> None:
        wait = min(max(self._rng.expovariate(1.0), 0.2), 3.0) * self._settings.order_interval_s
        self._next_ms = now_ms + int(wait * 1000)

    def _act(self, pair: Pair, now_ms: int) -> None:
        rng = self._rng
        money = Decimal(rng.randrange(20, 400)) * self._settings.initial_krw / 50_000
        side = rng.choice((AskBid.BID, AskBid.ASK))
        kind = rng.random()
        try:
            if kind < 0.1:
                self._buy_by_amount(pair, money, OrderType.PRICE, None, now_ms)
            elif kind < 0.16:
                self._buy_by_amount(pair, money, OrderType.BEST, TimeInForce.IOC, now_ms)
            elif kind < 0.24:
                self._sell_at_market(pair, money, now_ms)
            elif kind < 0.34:
                self._limit(pair, side, money, now_ms, crossing=True)
            else:
                self._limit(pair, side, money, now_ms, crossing=False)
        except OrderRefused:
            return  # no money left, or too little for an order

    def _limit(self, pair: Pair, side: AskBid, money: Decimal, now_ms: int, *, crossing: bool) -> None:
        rng = self._rng
        ask, bid = pair.quote
        units = bid if (side is AskBid.BID) != crossing else ask
        for _ in range(0 if crossing else rng.choice((0, 0, 0, 1, 2, 6))):
            units = pair.grid.down(units) if side is AskBid.BID else pair.grid.up(units)
        price = from_units(units).normalize()
        order = self._engine.place(
            OrderRequest(
                code=pair.code,
                side=side,
                order_type=OrderType.LIMIT,
                price=price,
                volume=(money / price).quantize(_EIGHT, rounding=ROUND_DOWN),
                time_in_force=TimeInForce.IOC if crossing and rng.random() < 0.3 else None,
                identifier=f"sim-{rng.getrandbits(64):016x}" if rng.random() < 0.3 else None,
            ),
            now_ms,
            account=self._account,
        )
        if order.is_open:
            self._deadlines[order] = now_ms + rng.randrange(8_000, 45_000)

    def _buy_by_amount(
        self, pair: Pair, money: Decimal, kind: OrderType, condition: TimeInForce | None, now_ms: int
    ) -> None:
        self._engine.place(
            OrderRequest(
                code=pair.code,
                side=AskBid.BID,
                order_type=kind,
                price=money.quantize(Decimal(1)),
                time_in_force=condition,
            ),
            now_ms,
            account=self._account,
        )

    def _sell_at_market(self, pair: Pair, money: Decimal, now_ms: int) -> None:
        volume = (money / from_units(pair.quote[1])).quantize(_EIGHT, rounding=ROUND_DOWN)
        self._engine.place(
            OrderRequest(code=pair.code, side=AskBid.ASK, order_type=OrderType.MARKET, volume=volume),
            now_ms,
            account=self._account,
        )
