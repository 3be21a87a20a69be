"""`RestClient`: REST calls through Upbit's official SDK, on any asyncio loop, as our types.

`endpoints` declares the calls, `arguments` validates their arguments, `RestSession` makes them, `parsers`
reads the responses, and `OrderOutcome` determines the outcome of an order whose answer was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import time
import uuid as uuids
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import msgspec

from qt_upbit.config import WebSocketConfig
from qt_upbit.exceptions import (
    DecodeError,
    InvalidOrderError,
    InvalidRequestError,
)
from qt_upbit.protocol.market_rules import MarketRules, RuleBook
from qt_upbit.protocol.order_check import OrderOptions
from qt_upbit.protocol.subscription_request import check_code, resolve_unit
from qt_upbit.records import (
    Balance,
    ByCode,
    Instrument,
    Market,
    Order,
    OrderChance,
    RestCandle,
    RestTicker,
)
from qt_upbit.rest import arguments, endpoints, parsers
from qt_upbit.rest.code_lists import ask_for_codes
from qt_upbit.rest.funds_calls import FundsCalls
from qt_upbit.rest.look_up import LookUp
from qt_upbit.rest.market_rules_reader import MarketRulesReader
from qt_upbit.rest.open_order_calls import OpenOrderCalls, order_of
from qt_upbit.rest.order_outcome import OrderOutcome, OrderRequest
from qt_upbit.rest.session import RestSession
from qt_upbit.types import (
    AskBid,
    CandlePeriod,
    CandleUnit,
    OrderbookEvent,
    OrderState,
    OrderType,
    TradeEvent,
)

__all__ = ["RestClient"]


_T = TypeVar("_T")
_CANDLES_PER_CALL: Final = 200
_TRADES_PER_CALL: Final = 500
_CLOSED_PER_CALL: Final = 1000
_CLOSED_WINDOW: Final = timedelta(days=7)
_MOST_DEPTH: Final = 30
_MOST_DAYS_AGO: Final = 7
_CLOSED_STATES: Final = (OrderState.DONE, OrderState.CANCEL)
_MARKETS_PER_CALL: Final = 100
"""Keeps URLs well below the length that servers accept."""


class RestClient(FundsCalls, OpenOrderCalls):
    """Upbit's REST calls. One per account is enough; `GlobalWebSocketManager.rest` is the application's.

    Every call waits for its turn within Upbit's rate limits, in order, and may be cancelled while it waits.
    Read-only calls are retried a few times after a network failure, a server error or 429. Others are
    looked up first: an order is sent again only after 429, and only once Upbit has said that it does not
    exist; a cancellation only for orders that are still open.

    Raises (all calls):
        AuthenticationError: the key was refused, or lacks a permission.
        CredentialsRequiredError: the call needs keys and none are configured.
        RateLimitedError: Upbit has blocked us for some time; calls of that group raise at once until then.
        RestError: any other refusal, or no answer.
        DecodeError: an answer that does not match the documentation.
        ProxyClosedError: after `aclose`.

    Args:
        config: URLs, keys, timeouts.
        clock: seconds, monotonic.
        sleep: waits the given number of seconds.
        new_identifier: returns a new unique string for each order.
        now: the wall clock, aware.

    Raises:
        ConfigError: the extra ``rest`` is not installed.
    """

    def __init__(
        self,
        config: WebSocketConfig,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        new_identifier: Callable[[], str] = lambda: str(uuids.uuid4()),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._region = config.region
        self._session = RestSession(config, clock=clock, sleep=sleep)
        new_look_up = functools.partial(LookUp, clock, sleep, config.order_resolve_timeout_s)
        FundsCalls.__init__(self, self._session)
        OpenOrderCalls.__init__(self, self._session, new_look_up)
        self._new_identifier = new_identifier
        self._now = now
        self._book = RuleBook(clock)
        self._rules = MarketRulesReader(
            self._book, self.get_instruments, self.get_tickers, self.get_order_chance
        )
        self._outcome = OrderOutcome(
            lambda identifier: self.get_order(identifier=identifier), new_look_up=new_look_up
        )

    def follow_order_not_found(self, callback: Callable[[str], object]) -> None:
        """Have `callback` called with the id, yours or Upbit's, of each order the exchange does not know.

        A cancellation, replacement or query that ends so contradicts an order that is shown as open.
        """
        self._session.on_order_not_found = callback

    @staticmethod
    def is_available() -> bool:
        """Whether the extra ``rest`` is installed."""
        return RestSession.is_available()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the HTTP connections; waiting calls fail. Idempotent."""
        await self._session.aclose()

    async def retire(self) -> None:
        """Close once the running calls, and the calls that follow from them, are done. Idempotent."""
        await self._session.retire()

    # --- markets ------------------------------------------------------------------------------------

    async def get_markets(self) -> tuple[Market, ...]:
        """Every pair, with names and warnings."""
        raw = await self._session.ask(endpoints.MARKETS, is_details=True)
        return tuple(await parsers.parse_list(raw, parsers.market))

    async def get_instruments(self, codes: Iterable[str]) -> ByCode[Instrument]:
        """Tick size and supported levels of pairs; `ByCode.missing` names those not listed."""

        async def ask(part: Sequence[str]) -> dict[str, Instrument]:
            raw = await self._session.ask(endpoints.INSTRUMENTS, markets=",".join(part))
            found = await parsers.parse_list(raw, parsers.instrument)
            for one in found:
                self._book.learn_tick(one.code, one.tick_size)
            return {one.code: one for one in found}

        return await self._by_code(codes, ask)

    async def get_tickers(self, codes: Iterable[str]) -> ByCode[RestTicker]:
        """Current prices of pairs; `ByCode.missing` names those not listed."""

        async def ask(part: Sequence[str]) -> dict[str, RestTicker]:
            raw = await self._session.ask(endpoints.TICKERS, markets=",".join(part))
            return {one.code: one for one in await parsers.parse_list(raw, parsers.ticker)}

        return await self._by_code(codes, ask)

    async def _by_code(
        self, codes: Iterable[str], ask: Callable[[Sequence[str]], Awaitable[Mapping[str, _T]]]
    ) -> ByCode[_T]:
        async def listed() -> frozenset[str]:
            return frozenset(market.code for market in await self.get_markets())

        with self._session.running:
            return await ask_for_codes(arguments.check_codes(codes), _MARKETS_PER_CALL, ask, listed)

    async def get_all_tickers(self, quote_currencies: Iterable[str] | None = None) -> dict[str, RestTicker]:
        """Current prices of all pairs of some quote currencies, in one call; None: the region's own."""
        if quote_currencies is None:
            quote_currencies = (self._region.quote_currency,)
        names = ",".join(arguments.check_currencies(quote_currencies))
        raw = await self._session.ask(endpoints.TICKERS_ALL, quote_currencies=names)
        return {one.code: one for one in await parsers.parse_list(raw, parsers.ticker)}

    async def get_orderbooks(
        self, codes: Iterable[str], *, depth: int = 30, level: int | Decimal | None = None
    ) -> ByCode[OrderbookEvent]:
        """Order books of pairs, `depth` rows (1 to 30), grouped by `level`; 0 or None is no grouping.

        `ByCode.missing` names pairs that are not listed, or that have no such level.
        """
        arguments.check_count("depth", depth, most=_MOST_DEPTH)
        grouping = {} if level is None else {"level": arguments.check_level(level)}

        async def ask(part: Sequence[str]) -> dict[str, OrderbookEvent]:
            query: dict[str, Any] = {"markets": ",".join(part), "count": depth, **grouping}
            raw = await self._session.ask(endpoints.ORDERBOOKS, **query)
            return {one.code: one for one in await parsers.parse_list(raw, parsers.orderbook)}

        return await self._by_code(codes, ask)

    async def get_trades(
        self,
        code: str,
        *,
        count: int = 500,
        before_id: int | None = None,
        days_ago: int | None = None,
        to: time_of_day | None = None,
    ) -> list[TradeEvent]:
        """Trades of a pair, newest last; one call, 500 at most.

        Args:
            code: the pair.
            count: number of trades, 1 or more.
            before_id: only those with a smaller ``sequential_id``, to read backwards.
            days_ago: of an earlier day (UTC), 1 to 7; by default the latest.
            to: only those before this time of that day, UTC, whole seconds.
        """
        check_code(code)
        arguments.check_count("count", count)
        query: dict[str, Any] = {"market": code, "count": min(count, _TRADES_PER_CALL)}
        if before_id is not None:
            query["cursor"] = str(arguments.check_count("before_id", before_id))
        if days_ago is not None:
            query["days_ago"] = arguments.check_count("days_ago", days_ago, most=_MOST_DAYS_AGO)
        if to is not None:
            query["to"] = arguments.check_time_of_day("to", to)
        raw = await self._session.ask(endpoints.TRADES, **query)
        return (await parsers.parse_list(raw, parsers.trade))[::-1]

    async def get_candles(
        self,
        code: str,
        unit: CandleUnit | CandlePeriod | str,
        *,
        count: int | None = 200,
        before: datetime | None = None,
        after: datetime | None = None,
        converting_price_unit: str | None = None,
    ) -> list[RestCandle]:
        """Candles of a pair, oldest first, in as many calls as needed.

        Periods without a trade have no candle, so 200 candles may span more than 200 periods.

        Args:
            code: the pair.
            unit: ``1s`` to ``240m``, or a `CandlePeriod`.
            count: number of candles, 1 or more, counted from the newest; None for all since `after`.
            before: only those that start before this aware datetime; by default up to the current one.
            after: only those that start at this aware datetime or later.
            converting_price_unit: fills `RestCandle.converted_trade_price` in this currency, for example
                ``KRW``; days only.
        """
        if count is None and after is None:
            raise InvalidRequestError("count=None needs `after`: it would load the whole history")
        arguments.check_order_of("after", after, "before", before)
        found: list[RestCandle] = []
        pages_of = self.candle_pages(
            code, unit, count=count, before=before, converting_price_unit=converting_price_unit
        )
        async with contextlib.aclosing(pages_of) as pages:
            async for page in pages:
                new = [each for each in page if after is None or each.start >= after]
                found = new + found
                if len(new) < len(page) or (count is not None and len(found) >= count):
                    break
        return found if count is None else found[max(len(found) - count, 0) :]

    def candle_pages(
        self,
        code: str,
        unit: CandleUnit | CandlePeriod | str,
        *,
        count: int | None = None,
        before: datetime | None = None,
        converting_price_unit: str | None = None,
    ) -> AsyncGenerator[list[RestCandle]]:
        """Candles of a pair backwards, one page per call, each oldest first; ends where history begins.

        Args:
            code: the pair.
            unit: as in `get_candles`.
            count: total number of candles, 1 or more, so that the last page is no larger than needed.
            before: as in `get_candles`.
            converting_price_unit: as in `get_candles`.
        """
        check_code(code)
        resolve_unit(unit)
        arguments.check_aware(before)
        if count is not None:
            arguments.check_count("count", count)
        more: dict[str, Any] = {}
        if converting_price_unit is not None:
            if unit != CandlePeriod.DAY:
                raise InvalidRequestError("only day candles have a converting_price_unit")
            more["converting_price_unit"] = arguments.check_currency(converting_price_unit)
        return self._candle_pages(code, unit, count, before, more)

    async def _candle_pages(
        self,
        code: str,
        unit: CandleUnit | CandlePeriod | str,
        wanted: int | None,
        before: datetime | None,
        more: Mapping[str, Any],
    ) -> AsyncGenerator[list[RestCandle]]:
        while wanted is None or wanted > 0:
            size = _CANDLES_PER_CALL if wanted is None else min(wanted, _CANDLES_PER_CALL)
            page = await self._candle_page(code, str(unit), size, before, more)
            if not page:
                return
            yield page
            if len(page) < size:
                return
            before = page[0].start
            wanted = None if wanted is None else wanted - len(page)

    async def _candle_page(
        self, code: str, unit: str, count: int, before: datetime | None, more: Mapping[str, Any]
    ) -> list[RestCandle]:
        query: dict[str, Any] = {"market": code, "count": count, **more}
        if before is not None:
            # Rounded up to include a candle that starts within the second before.
            query["to"] = f"{_up_to_second(before):%Y-%m-%dT%H:%M:%SZ}"
        call = endpoints.CANDLES.get(unit, endpoints.MINUTES)
        if call is endpoints.MINUTES:
            query["unit"] = CandleUnit(unit).seconds // 60
        raw = await self._session.ask(call, **query)
        return (await parsers.parse_list(raw, lambda row: parsers.candle(row, unit)))[::-1]

    # --- the account --------------------------------------------------------------------------------

    async def get_accounts(self) -> tuple[Balance, ...]:
        """Balances of all currencies that the account has or had."""
        raw = await self._session.ask(endpoints.ACCOUNTS)
        return tuple(await parsers.parse_list(raw, parsers.balance))

    async def get_order_chance(self, code: str) -> OrderChance:
        """Fees, limits and balances for orders of a pair."""
        check_code(code)
        raw = await self._session.ask(endpoints.CHANCE, market=code)
        chance = parsers.parse(raw, parsers.order_chance)
        self._book.learn_chance(chance)
        return chance

    async def get_market_rules(self, code: str) -> MarketRules:
        """Tick, limits, allowed orders and fees of a pair, by the exchange; kept for ten minutes.

        What the exchange does not answer is None. Orders are checked against these rules; documented ones
        are the fallback.
        """
        check_code(code)
        return await self._rules.read(code)

    def known_market_rules(self, code: str) -> MarketRules:
        """The rules of a pair as far as they were read, without asking."""
        check_code(code)
        return self._rules.known(code)

    async def get_closed_orders(
        self,
        code: str | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        states: Iterable[OrderState] = _CLOSED_STATES,
    ) -> list[Order]:
        """Finished orders, of one pair or of all, oldest first, without fills.

        Args:
            code: the pair.
            start: aware; by default seven days before `end`. Upbit returns seven days per call, so longer
                ranges take several calls.
            end: aware; by default the exchange's current time.
            states: which final states.
        """
        if code is not None:
            check_code(code)
        arguments.check_order_of("start", start, "end", end)
        ends = arguments.check_members("states", OrderState, states, _CLOSED_STATES)
        # Rounded outwards to seconds: Upbit's times are no finer, and a window must not exceed seven days.
        until = _up_to_second(self._now() if end is None else end)
        start = until - _CLOSED_WINDOW if start is None else start.replace(microsecond=0)
        found: dict[str, Order] = {}
        while True:
            stop = min(start + _CLOSED_WINDOW, until)
            is_last = stop == until
            # "Now" is the exchange's: its clock may be ahead of ours, and new ends have its time.
            part = await self._closed_page(code, start, None if is_last and end is None else stop, ends)
            before = len(found)
            found |= {one.uuid: one for one in part}
            if len(part) < _CLOSED_PER_CALL:
                if is_last:
                    return list(found.values())
                start = stop
                continue
            newest = part[-1].ordered_at
            if newest is not None and len(found) > before and newest > start:
                start = newest
            else:
                # A thousand within one second cannot be paged: continue after that second.
                start += timedelta(seconds=1)
            if start >= until and end is not None:
                return list(found.values())

    async def _closed_page(
        self, code: str | None, start: datetime, end: datetime | None, states: Sequence[OrderState]
    ) -> list[Order]:
        query: dict[str, Any] = {
            "start_time": _iso(start),
            "states": states,
            "limit": _CLOSED_PER_CALL,
            "order_by": "asc",
        }
        if end is not None:
            query["end_time"] = _iso(end)
        if code is not None:
            query["market"] = code
        raw = await self._session.ask(endpoints.CLOSED, **query)
        return await parsers.parse_list(raw, parsers.order)

    # --- orders -------------------------------------------------------------------------------------

    async def create_order(
        self, code: str, ask_bid: AskBid | str, order_type: OrderType | str, **options: Unpack[OrderOptions]
    ) -> Order:
        """Place an order; see `check_order` for the arguments.

        It is always sent with an identifier, a new one if you give none. Unless the answer is the order or a
        named refusal of Upbit's, the order is looked up by identifier for ``order_resolve_timeout_s``. It is
        never sent twice, except after 429 (too many calls) once Upbit has said that it does not exist. If
        the task is cancelled while it waits for the answer, the outcome is unknown: pass your own identifier
        if that can happen, and look it up with `get_order`.

        Raises:
            InvalidOrderError: Upbit would refuse it; nothing was sent.
            OrderOutcomeError: the answer was not conclusive, and the order was not found.
        """
        self._identify(options)
        body = await self._rules.check(code, ask_bid, order_type, options)
        request = OrderRequest.of(body)

        async def send() -> Order:
            raw = await self._session.ask(endpoints.CREATE, **body)
            order = parsers.parse(raw, parsers.order)
            if not request.is_of(order):
                raise DecodeError("the answer is for another order", raw)
            return order

        with self._session.running, self._rules.watching(code):
            return (await self._outcome.place(request, send))[0]

    async def test_order(
        self, code: str, ask_bid: AskBid | str, order_type: OrderType | str, **options: Unpack[OrderOptions]
    ) -> Order:
        """Have Upbit validate an order without placing it; the returned uuid is meaningless."""
        fields = await self._rules.check(code, ask_bid, order_type, options)
        with self._rules.watching(code):
            raw = await self._session.ask(endpoints.TEST, **fields)
        return parsers.parse(raw, parsers.order)

    def _identify(self, options: OrderOptions) -> str:
        """The order's identifier, generated if the caller gave none."""
        given = options.get("identifier")
        identifier = options["identifier"] = self._new_identifier() if given is None else given
        return identifier

    async def cancel_and_new(
        self,
        code: str,
        ask_bid: AskBid | str,
        order_type: OrderType | str,
        *,
        prev_order_uuid: str | None = None,
        prev_order_identifier: str | None = None,
        remain_only: bool = False,
        **options: Unpack[OrderOptions],
    ) -> Order:
        """Cancel an order and place another of the same pair and side once it is cancelled.

        Args:
            code: the pair of both.
            ask_bid: the side of both.
            order_type: of the new order.
            prev_order_uuid: Upbit's id of the order to cancel, or
            prev_order_identifier: yours.
            remain_only: use the remaining volume of the old order; a `volume` is refused then.
            options: of the new order, as in `check_order`.

        Returns:
            The old order, with ``new_order_uuid`` and ``new_order_identifier``. Nothing is placed if the old
            order was filled meanwhile.

        Raises:
            InvalidOrderError: Upbit would refuse it; nothing was sent.
            OrderOutcomeError: the answer was not conclusive, and the new order was not found; its
                `replaced_state` says what became of the old one.
        """
        given = arguments.check_one_of(
            prev_order_uuid=prev_order_uuid, prev_order_identifier=prev_order_identifier
        )
        old = {name.removeprefix("prev_order_"): value for name, value in given.items()}
        identifier = self._identify(options)
        if arguments.check_flag("remain_only", remain_only):
            if options.get("volume") is not None:
                raise InvalidOrderError("volume", options["volume"], "give either a volume or remain_only")
            options["volume"] = 1
        body = dict(given)
        # The remaining volume is unknown here, so only the price can be checked.
        fields = await self._rules.check(code, ask_bid, order_type, options, any_total=remain_only)
        body |= {f"new_{name}": value for name, value in fields.items() if name not in ("market", "side")}
        if remain_only:
            body["new_volume"] = "remain_only"
        request = OrderRequest.of(fields)
        if remain_only:
            request = dataclasses.replace(request, volume=None)

        async def send() -> Order:
            raw = await self._session.ask(endpoints.CANCEL_AND_NEW, **body)
            reported = order_of(raw, **old)
            if (
                reported.code != code
                or reported.new_order_identifier != identifier
                or reported.new_order_uuid is None
            ):
                raise DecodeError("the answer is for another order", raw)
            return reported

        with self._session.running, self._rules.watching(code):
            found, is_answer = await self._outcome.place(request, send, lambda: self.get_order(**old))
            if is_answer:
                return found
            reported = await self._outcome.read_on(identifier, found.uuid, lambda: self.get_order(**old))
        return msgspec.structs.replace(reported, new_order_uuid=found.uuid, new_order_identifier=identifier)


def _parts(items: Sequence[str], size: int) -> Iterable[tuple[str, ...]]:
    return (tuple(items[begin : begin + size]) for begin in range(0, len(items), size))


def _up_to_second(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
