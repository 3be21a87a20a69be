"""`MatchingEngine`: orders of accounts against the simulated market (protocol sections 9.2 to 9.4)."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from qt_upbit.exact import exactly
from qt_upbit.exceptions import InvalidOrderError
from qt_upbit.protocol.order_check import DOCUMENTED_RULES, OrderRules, check_order
from qt_upbit.simulator.account.account import Account, Order
from qt_upbit.simulator.market.market import MarketSink, SimulatedMarket
from qt_upbit.simulator.market.pair import Pair, Trade
from qt_upbit.simulator.market.price_grid import from_units, to_units
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import AskBid, OrderbookEvent, OrderState, OrderType, SmpType, TimeInForce
from qt_upbit.types.registry import spec_of_class

__all__ = ["MatchingEngine", "OrderRefused", "OrderRequest"]

_ZERO: Final = Decimal(0)
_MOST_RESERVED: Final = 20
"""Reserved orders of an account and pair (protocol section 9.3)."""
_BOOK_TYPE: Final = spec_of_class(OrderbookEvent).wire_type
_SIDE: Final = {AskBid.ASK: "ask", AskBid.BID: "bid"}
_UNDER_MIN_TOTAL: Final = "최소 주문 금액 이상으로 주문해주세요."
_OTHER: Final = {AskBid.ASK: AskBid.BID, AskBid.BID: AskBid.ASK}


class OrderRefused(Exception):
    """Upbit's refusal of an order: its error name and text (protocol section 9.5)."""

    def __init__(self, name: str, message: str, status: int = 400) -> None:
        super().__init__(name)
        self.name = name
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as requested. `price` is the amount to spend for a buy without volume."""

    code: str
    side: AskBid
    order_type: OrderType
    price: Decimal | None = None
    volume: Decimal | None = None
    time_in_force: TimeInForce | None = None
    identifier: str | None = None
    smp_type: SmpType | None = None


class MatchingEngine:
    """Checks orders, matches them with the visible book, and lets market trades fill open orders.

    A taker's fills are real trades: they appear on the public tape, and what they took is gone from the
    book until it changes. Open orders of all accounts match beside the book in price-time priority: a
    match between two accounts is an ordinary trade, one within an account is prevented
    (`SmpType`). Prices and volumes are exact.

    Args:
        settings: unverified behaviour.
        market: the pairs.
        account: the first account; the default where none is named.
        sink: receives public trades and changed books.
        call_later: schedules a callback after a number of seconds.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        market: SimulatedMarket,
        account: Account,
        sink: MarketSink,
        call_later: Callable[[float, Callable[[int], None]], None],
    ) -> None:
        self._settings = settings
        self._market = market
        self._account = account
        self._accounts = [account]
        self._sink = sink
        self._call_later = call_later
        self._cancelling: set[str] = set()
        self._unmatched: set[str] = set()
        market.trade_listeners.append(self.on_trade)
        market.book_listeners.append(self.on_book)

    # --- orders -------------------------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """Match the orders of another account too."""
        self._accounts.append(account)

    def rules(self, pair: Pair) -> OrderRules:
        """The limits of a pair: its own by the settings, the documented ones for the rest."""
        documented = DOCUMENTED_RULES.get(pair.listing.quote, OrderRules())
        own = self._settings.market_rules.get(pair.code, documented)
        return OrderRules(
            own.tick_size,
            documented.min_total if own.min_total is None else own.min_total,
            documented.max_total if own.max_total is None else own.max_total,
            own.types,
        )

    @exactly
    def check(
        self,
        request: OrderRequest,
        now_ms: int = 0,
        replaced: Order | None = None,
        *,
        account: Account | None = None,
    ) -> Order:
        """Refuse what Upbit refuses; return the order as it would be placed.

        Args:
            request: what is asked for.
            now_ms: when.
            replaced: an order that would be cancelled first, so that what it locks can be spent.
            account: the owner; None is the first account.

        Raises:
            OrderRefused: with Upbit's name.
        """
        account = account or self._account
        side = _SIDE[request.side]
        pair = self._market.pairs.get(request.code)
        if pair is None:
            raise OrderRefused("notfoundmarket", f"다음 마켓에 없는 종목입니다: {request.code}")
        if request.identifier is not None and request.identifier in account.used_identifiers:
            raise OrderRefused("duplicated_identifier", "이미 사용된 identifier 입니다.")
        try:
            check_order(
                request.code, request.side, request.order_type, price=request.price, volume=request.volume,
                time_in_force=request.time_in_force, smp_type=request.smp_type, identifier=request.identifier,
                rules=self._settings.market_rules.get(request.code),
            )  # fmt: skip
        except InvalidOrderError as exc:
            raise _refusal(exc, side) from exc
        least = self.rules(pair).min_total or _ZERO
        # A market sell: its proceeds are known only here.
        if request.price is None and (request.volume or _ZERO) * from_units(pair.quote[1]) < least:
            raise OrderRefused(f"under_min_total_{side}", _UNDER_MIN_TOTAL)
        if (
            request.time_in_force is TimeInForce.POST_ONLY
            and self._settings.post_only_crossing == "refuse"
            and self._crosses(pair, request, account)
        ):
            raise OrderRefused("invalid_post_only", "주문조건을 다시 확인해 주세요.")
        order = account.draft(
            request.code, request.side, request.order_type, now_ms,
            price=request.price, volume=request.volume, time_in_force=request.time_in_force,
            identifier=request.identifier,
            smp_type=self._self_match_prevention(request),
        )  # fmt: skip
        currency = order.held_currency
        available = account.available(currency)
        if replaced is not None and replaced.held_currency == currency:
            available += replaced.locked
        if available < order.locked:
            raise OrderRefused(f"insufficient_funds_{side}", f"주문 가능한 금액({currency})이 부족합니다.")
        return order

    def _self_match_prevention(self, request: OrderRequest) -> SmpType | None:
        """The kind in force: with POST_ONLY, which takes nothing, only NONE (protocol section 9.3)."""
        if request.smp_type is not None:
            return request.smp_type
        default = self._settings.default_smp_type
        is_post_only = request.time_in_force is TimeInForce.POST_ONLY
        return SmpType.NONE if is_post_only and default is not None else default

    @exactly
    def place(
        self,
        request: OrderRequest,
        now_ms: int,
        uuid: str | None = None,
        *,
        account: Account | None = None,
    ) -> Order:
        """`accept` an order and match it in the same moment; arguments and errors as there."""
        order = self.accept(request, now_ms, uuid, account=account)
        self._match(order, now_ms)
        return order

    @exactly
    def accept(
        self,
        request: OrderRequest,
        now_ms: int,
        uuid: str | None = None,
        *,
        account: Account | None = None,
    ) -> Order:
        """Check an order and lock what it needs.

        One that matches nothing is in the book; every other one awaits `match_soon`.

        Args:
            request: what is asked for.
            now_ms: when.
            uuid: of the order, if a caller was already given one.
            account: the owner; None is the first account.

        Raises:
            OrderRefused: nothing was changed.
        """
        order = self.check(request, now_ms, account=account)
        account = order.account
        order.uuid = uuid or order.uuid
        crosses = self._crosses(self._market.pairs[request.code], request, account)
        account.place(order, announce=self._settings.wait_before_fill or not crosses)
        if crosses or not self._may_wait(order):
            self._unmatched.add(order.uuid)
        return order

    def match_soon(self, order: Order) -> None:
        """Match an accepted order after the answer to its request (protocol section 9.3).

        With the setting ``fills_before_answer`` at once, so that its frames overtake the answer.
        """
        if order.uuid not in self._unmatched:
            return
        if self._settings.fills_before_answer:
            self._match(order, order.created_ms)
        else:
            self._call_later(self._settings.match_delay_s, lambda now_ms: self._match(order, now_ms))

    @exactly
    def _match(self, order: Order, now_ms: int) -> None:
        self._unmatched.discard(order.uuid)
        pair = self._market.pairs.get(order.code)
        if pair is None or not order.is_open:
            return  # delisted or cancelled meanwhile
        if order.time_in_force is TimeInForce.POST_ONLY:
            if self._would_match(pair, order):
                order.account.cancel(order, now_ms + 2)
        elif order.time_in_force is TimeInForce.FOK and not self._can_fill(pair, order):
            order.account.cancel(order, now_ms + 2)
        else:
            self._take(pair, order, now_ms + 2)
            if order.is_open and not self._may_wait(order):
                order.account.cancel(order, now_ms + 4)

    def reserve(self, request: OrderRequest, now_ms: int, *, account: Account | None = None) -> Order:
        """Hold a limit order for its trigger, in state ``watch``: it locks its funds and matches nothing.

        Upbit's own applications place such orders, its API does not.

        Raises:
            OrderRefused: nothing was changed.
        """
        order = self.check(request, now_ms, account=account)
        held = [each for each in order.account.open_orders if each.state is OrderState.WATCH]
        if sum(each.code == order.code for each in held) >= _MOST_RESERVED:
            raise OrderRefused("too_many_reserved_orders", f"{order.code}: {_MOST_RESERVED} at most")
        order.state = OrderState.WATCH
        return order.account.place(order)

    def trigger(self, order: Order, now_ms: int) -> None:
        """Place a reserved order now."""
        order.account.trigger(order, now_ms)
        self._take(self._market.pairs[order.code], order, now_ms + 2)

    def cancel(self, order: Order) -> None:
        """Accept the request; the order is cancelled a moment later, unless it is finished by then."""
        if order.uuid in self._cancelling:
            return
        self._cancelling.add(order.uuid)

        def finish(now_ms: int) -> None:
            self._cancelling.discard(order.uuid)
            if order.is_open:
                order.account.cancel(order, now_ms)

        self._call_later(self._settings.cancel_delay_s, finish)

    @exactly
    def replace(self, order: Order, request: OrderRequest, *, remain_only: bool = False) -> str:
        """Accept a cancel-and-new request; the new order is placed only if the old one is really cancelled.

        Args:
            order: the one to cancel.
            request: the one to place then.
            remain_only: the new order gets the volume that remains at that moment.

        Returns:
            The uuid that the new order will have.

        Raises:
            OrderRefused: the new order could not be placed; nothing was changed.
        """

        def wanted() -> OrderRequest:
            return dataclasses.replace(request, volume=order.remaining_volume) if remain_only else request

        account = order.account
        self.check(wanted(), replaced=order, account=account)
        self.cancel(order)
        uuid = account.new_uuid()

        def place(now_ms: int) -> None:
            # The new order may be refused by now: then the old one is cancelled and nothing replaces it.
            if order.state is OrderState.CANCEL:
                with contextlib.suppress(OrderRefused):
                    self.place(wanted(), now_ms, uuid, account=account)

        self._call_later(self._settings.cancel_delay_s + 0.001, place)
        return uuid

    @staticmethod
    def _may_wait(order: Order) -> bool:
        return order.order_type is OrderType.LIMIT and order.time_in_force is not TimeInForce.IOC

    # --- matching -----------------------------------------------------------------------------------

    def _offers(self, pair: Pair, side: AskBid, account: Account) -> list[tuple[int, int]]:
        """What is offered to a taker of `side`, as price and size in units, best first."""
        levels = list(pair.book.asks if side is AskBid.BID else pair.book.bids)
        waiting = [
            (to_units(order.price or _ZERO), to_units(order.remaining_volume or _ZERO))
            for order in self._resting(pair.code, _OTHER[side])
            if order.account is not account
        ]
        if not waiting:
            return levels
        return sorted([*waiting, *levels], key=lambda offer: offer[0], reverse=side is AskBid.ASK)

    @staticmethod
    def _limit(offers: Sequence[tuple[int, int]], kind: OrderType, price: Decimal | None) -> int | None:
        """The worst price a taker accepts, in units; None for any."""
        if kind is OrderType.BEST:
            return offers[0][0] if offers else None
        if kind is OrderType.LIMIT and price is not None:
            return to_units(price)
        return None

    def _would_match(self, pair: Pair, order: Order) -> bool:
        request = OrderRequest(
            code=order.code, side=order.side, order_type=order.order_type, price=order.price
        )
        return self._crosses(pair, request, order.account)

    def _crosses(self, pair: Pair, request: OrderRequest, account: Account) -> bool:
        offers = self._offers(pair, request.side, account)
        limit = self._limit(offers, request.order_type, request.price)
        if offers and (limit is None or _accepts(request.side, offers[0][0], limit)):
            return True
        return limit is not None and any(
            other.price is not None and _accepts(request.side, to_units(other.price), limit)
            for other in self._resting(request.code, _OTHER[request.side])
        )

    def _can_fill(self, pair: Pair, order: Order) -> bool:
        offers = self._offers(pair, order.side, order.account)
        limit = self._limit(offers, order.order_type, order.price)
        left_volume, left_funds = order.remaining_volume, order.price
        for units, size in offers:
            if limit is not None and not _accepts(order.side, units, limit):
                break
            price, volume = from_units(units), from_units(size)
            if left_volume is not None:
                left_volume -= volume
                if left_volume <= 0:
                    return True
            elif left_funds is not None:
                left_funds -= price * volume
                if left_funds <= 0:
                    return True
        return False

    def _resting(self, code: str, side: AskBid) -> list[Order]:
        """Open limit orders of every account on one side, best price first, then oldest."""
        found = [
            order
            for account in self._accounts
            for order in account.open_orders
            if order.code == code
            and order.side is side
            and order.order_type is OrderType.LIMIT
            and order.state is not OrderState.WATCH
            and order.price is not None
            and order.uuid not in self._unmatched
        ]
        sign = 1 if side is AskBid.ASK else -1
        return sorted(found, key=lambda order: (sign * (order.price or _ZERO), order.created_ms))

    def _take(self, pair: Pair, order: Order, now_ms: int) -> None:
        offers = self._offers(pair, order.side, order.account)
        limit = self._limit(offers, order.order_type, order.price)
        book = pair.book
        self._walk(pair, order, limit, self._resting(order.code, _OTHER[order.side]), now_ms)
        if pair.book is not book and self._sink.wants(_BOOK_TYPE, pair.code):
            self._sink.publish_book(pair.book)

    def _walk(self, pair: Pair, order: Order, limit: int | None, waiting: list[Order], now_ms: int) -> None:
        """Take level by level, from the accounts' open orders and the book, best price first."""
        levels = list(pair.book.asks if order.side is AskBid.BID else pair.book.bids)
        while order.is_open and (levels or waiting):
            known = to_units(waiting[0].price or _ZERO) if waiting else None
            visible = levels[0][0] if levels else None
            if known is not None and (visible is None or _accepts(order.side, known, visible)):
                if limit is not None and not _accepts(order.side, known, limit):
                    return
                self._meet(pair, order, waiting.pop(0), now_ms)
                continue
            assert visible is not None  # noqa: S101  # one of the two exists
            if limit is not None and not _accepts(order.side, visible, limit):
                return
            units, size = levels.pop(0)
            price = from_units(units).normalize()
            volume = self._wanted(order, price)
            if not volume:
                return
            part = min(volume, from_units(size))
            order.account.fill(order, price, part, now_ms, is_maker=False)
            trade = pair.take(now_ms, units, to_units(part), order.side)
            self._market.announce(pair, [trade], now_ms, self._sink)
            if part == volume:
                return

    def _wanted(self, order: Order, price: Decimal) -> Decimal:
        """Volume that the order still takes at a price; for a buy by amount, truncated to eight decimals."""
        if order.remaining_volume is not None:
            return order.remaining_volume
        return order.account.affordable(order, price)

    def _meet(self, pair: Pair, taker: Order, maker: Order, now_ms: int) -> None:
        """Match two orders; within one account, the match is prevented as the taker's `SmpType` says."""
        price = maker.price or _ZERO
        volume = min(self._wanted(taker, price), maker.remaining_volume or _ZERO)
        if not volume:
            taker.account.cancel(taker, now_ms)
            return
        account = taker.account
        match taker.smp_type if maker.account is account else None:
            case SmpType.CANCEL_MAKER:
                account.prevent(maker, maker.remaining_volume or _ZERO, price, now_ms)
            case SmpType.CANCEL_TAKER:
                account.prevent(taker, self._wanted(taker, price), price, now_ms)
            case SmpType.REDUCE:
                account.prevent(maker, volume, price, now_ms)
                account.prevent(taker, volume, price, now_ms)
            case _:
                maker.account.fill(maker, price, volume, now_ms, is_maker=True)
                account.fill(taker, price, volume, now_ms, is_maker=False)
                trade = pair.execute(now_ms, to_units(price), to_units(volume), taker.side)
                self._market.announce(pair, [trade], now_ms, self._sink)

    @exactly
    def on_book(self, pair: Pair, now_ms: int) -> None:
        """Fill open orders that the book's best prices cross, at the orders' price and on the tape."""
        for side, best in zip((AskBid.BID, AskBid.ASK), pair.quote, strict=True):
            for order in self._resting(pair.code, side):
                if order.price is None or not _accepts(side, best, to_units(order.price)):
                    break
                levels = pair.book.asks if side is AskBid.BID else pair.book.bids
                offered = sum(size for at, size in levels if _accepts(side, at, to_units(order.price)))
                volume = min(order.remaining_volume or _ZERO, from_units(offered))
                if volume:
                    trade = pair.execute(now_ms, to_units(order.price), to_units(volume), _OTHER[side])
                    self._market.announce(pair, [trade], now_ms, self._sink)
                    order.account.fill(order, order.price.normalize(), volume, now_ms, is_maker=True)

    @exactly
    def on_trade(self, pair: Pair, trade: Trade) -> None:
        """Let a market trade fill the open orders that its price reaches, best price first."""
        left = from_units(trade.volume)
        for order in self._resting(pair.code, _OTHER[trade.ask_bid]):
            assert order.price is not None  # noqa: S101  # _resting gives limit orders
            if not _accepts(trade.ask_bid, to_units(order.price), trade.price) or left <= 0:
                break
            volume = min(order.remaining_volume or _ZERO, left)
            left -= volume
            at = max(trade.time_ms, order.created_ms)
            order.account.fill(order, order.price.normalize(), volume, at, is_maker=True)


def _accepts(side: AskBid, price: int, limit: int) -> bool:
    """Whether a taker of `side` with a limit takes a price."""
    return price <= limit if side is AskBid.BID else price >= limit


def _refusal(exc: InvalidOrderError, side: str) -> OrderRefused:
    """The library's own check, translated into Upbit's refusal."""
    if exc.field.startswith("price") and "valid prices" in exc.reason:
        return OrderRefused(
            f"invalid_price_{side}", "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요."
        )
    if "minimum" in exc.reason:
        return OrderRefused(f"under_min_total_{side}", _UNDER_MIN_TOTAL)
    if "maximum" in exc.reason:
        text = "최대 주문 가능 금액 1000000000 KRW 보다 작은 주문을 입력해 주세요."
        return OrderRefused(f"over_krw_funds_{side}", text)
    if exc.field == "time_in_force":
        return OrderRefused("invalid_time_in_force", "주문조건을 다시 확인해 주세요.")
    if exc.field == "smp_type":
        return OrderRefused("invalid_post_only", "주문조건을 다시 확인해 주세요.")
    if exc.field == "volume" and "decimals" in exc.reason:
        return OrderRefused(f"create_{side}_error", "주문수량 단위를 잘못 입력하셨습니다.")
    return OrderRefused("validation_error", f"잘못된 API 요청입니다. {exc.field}")
