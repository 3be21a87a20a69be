"""`MarketRulesReader`: checks orders against the exchange's rules, and reads those when they matter."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from qt_upbit.exact import EXACT
from qt_upbit.exceptions import DecodeError, InvalidOrderError, QtUpbitError, RestError
from qt_upbit.protocol.market_rules import MarketRules, RuleBook
from qt_upbit.protocol.order_check import OrderOptions, OrderRules, check_order
from qt_upbit.records import Instrument, OrderChance
from qt_upbit.types import AskBid, OrderType, TickerEvent

__all__ = ["MarketRulesReader"]

_log: Final = logging.getLogger(__name__)
_ANY_LEAST: Final = Decimal(0)
_ANY_MOST: Final = Decimal("1E+30")
_OF_RULES: Final = (
    "invalid_price_", "under_min_total_", "over_krw_funds_", "over_btc_funds_", "over_usdt_funds_",
    "over_max_total_", "invalid_time_in_force", "invalid_ord_type",
)  # fmt: skip
"""Names, or their beginnings, with which Upbit refuses an order that our rules allow."""


class MarketRulesReader:
    """Nothing that the exchange allows is refused here, and no order waits for rules that allow it.

    An order is checked against what is known. If a rule of the market would refuse it, and the exchange has
    not been asked lately, it is asked first. Where it does not answer, documented rules are the fallback;
    where it answers something unreadable, the order goes out and the exchange decides.

    Args:
        book: what is known.
        instruments: reads ticks of pairs.
        tickers: reads prices of pairs.
        chance: reads limits, allowed orders and fees of a pair.
    """

    def __init__(
        self,
        book: RuleBook,
        instruments: Callable[[Iterable[str]], Awaitable[Mapping[str, Instrument]]],
        tickers: Callable[[Iterable[str]], Awaitable[Mapping[str, TickerEvent]]],
        chance: Callable[[str], Awaitable[OrderChance]],
    ) -> None:
        self._book = book
        self._instruments = instruments
        self._tickers = tickers
        self._chance = chance

    async def check(
        self,
        code: str,
        ask_bid: AskBid | str,
        order_type: OrderType | str,
        options: OrderOptions,
        *,
        any_total: bool = False,
    ) -> Mapping[str, str]:
        """`check_order` by the exchange's rules; those given in `options` come first.

        Raises:
            InvalidOrderError: it breaks a rule.
        """

        def checked() -> Mapping[str, str]:
            rules = self._order_rules(code, ask_bid, options)
            if any_total:
                rules = dataclasses.replace(rules, min_total=_ANY_LEAST, max_total=_ANY_MOST)
            return check_order(code, ask_bid, order_type, **(options | {"rules": rules}))

        try:
            return checked()
        except InvalidOrderError as error:
            if not error.market_rule or self._book.is_fresh(code):
                raise
        await self._read(code)
        return checked()

    def known(self, code: str) -> MarketRules:
        """What is known of a pair, without asking."""
        return self._book.get(code)

    async def read(self, code: str) -> MarketRules:
        """A pair's rules, asked for unless they were read lately."""
        if not self._book.is_fresh(code):
            await self._read(code)
        return self._book.get(code)

    @contextlib.contextmanager
    def watching(self, code: str) -> Iterator[None]:
        """Read a pair's rules again, when they matter, after Upbit has refused what they allow."""
        try:
            yield
        except RestError as error:
            if (error.name or "").startswith(_OF_RULES):
                self._book.expire(code)
            raise

    def _order_rules(self, code: str, ask_bid: AskBid | str, options: OrderOptions) -> OrderRules:
        given = options.get("rules") or OrderRules()
        is_ask = str(ask_bid).upper() == AskBid.ASK.value
        known = self._book.get(code).order_rules(
            AskBid.ASK if is_ask else AskBid.BID, _price_of(options.get("price"))
        )
        ours = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
        return dataclasses.replace(known, **{name: v for name, v in ours.items() if v is not None})

    async def _read(self, code: str) -> None:
        """Ask for what is not known or old; what fails stays as it is."""
        if not self._book.is_tick_fresh(code):
            await self._read_tick(code)
        if not self._book.is_chance_fresh(code):
            await self._read_chance(code)

    async def _read_tick(self, code: str) -> None:
        try:
            instrument = (await self._instruments([code])).get(code)
        except DecodeError as error:
            _log.warning("the tick of %s cannot be read, the exchange decides: %s", code, error)
            self._book.leave_tick(code)
        except QtUpbitError as error:
            _log.info("the tick of %s was not read: %s", code, error)
        else:
            if instrument is not None:
                self._book.learn_tick(code, instrument.tick_size, await self._price(code))

    async def _read_chance(self, code: str) -> None:
        try:
            await self._chance(code)
        except DecodeError as error:
            _log.warning("limits of %s cannot be read, the exchange decides: %s", code, error)
            self._book.leave_totals(code)
        except QtUpbitError as error:
            _log.info("limits of %s were not read: %s", code, error)

    async def _price(self, code: str) -> Decimal | None:
        """The present price, at which the tick holds."""
        try:
            ticker = (await self._tickers([code])).get(code)
        except QtUpbitError as error:
            _log.info("the price of %s was not read: %s", code, error)
            return None
        return None if ticker is None else ticker.trade_price


def _price_of(value: Any) -> Decimal | None:
    """A price as given, if it is one; `check_order` says what is wrong with any other."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        return None
    try:
        number = EXACT.create_decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None
