"""`OrderCalls`: the account's REST calls (protocol section 9.2), on the orders that the sockets report."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final, TypeVar

from qt_upbit.epoch import datetime_at
from qt_upbit.exact import EXACT
from qt_upbit.simulator.account.account import Account, Balance, Fill, Order
from qt_upbit.simulator.account.matching_engine import MatchingEngine, OrderRefused, OrderRequest
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.spelling import plain
from qt_upbit.types import KST, AskBid, OrderState, OrderType, SmpType, TimeInForce

__all__ = ["BalanceRow", "OrderCalls", "PrivateCall", "Query", "Steps"]

Query = Mapping[str, str]
Steps = Generator[None, None, Any]
PrivateCall = Callable[[Account, Query, float], Steps]
"""The account, the call's parameters and the exchange's time → the answer, in steps."""
BalanceRow = Callable[[Account, str], dict[str, Any]]
"""The account and a currency → the row of its balance."""
_T = TypeVar("_T")
_WEEK_MS: Final = 7 * 86_400_000
_EIGHT: Final = Decimal("1E-8")
_ALL_STATES: Final = ("wait", "watch", "done", "cancel")
_MOST_PAIRS: Final = 20
_TYPES: Final = ("best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc")


class OrderCalls:
    """One generator per call; each gives the value of the answer, or raises `OrderRefused`.

    A call belongs to one account: it neither sees nor changes another's orders.

    Args:
        market: the pairs.
        engine: places and cancels.
        market_ms: converts the exchange's time to market time.
        unit_currency: the currency of an account's mean prices.
    """

    def __init__(
        self,
        market: SimulatedMarket,
        engine: MatchingEngine,
        market_ms: Callable[[float], int],
        unit_currency: str,
    ) -> None:
        self._market = market
        self._engine = engine
        self._market_ms = market_ms
        self._unit_currency = unit_currency
        self.routes: dict[tuple[str, str], tuple[str, int, PrivateCall]] = {
            ("GET", "/v1/accounts"): ("default", 200, self._accounts),
            ("GET", "/v1/orders/chance"): ("default", 200, self._chance),
            ("POST", "/v1/orders"): ("order", 201, self._create),
            ("POST", "/v1/orders/test"): ("order-test", 201, self._test),
            ("GET", "/v1/order"): ("default", 200, self._order),
            ("GET", "/v1/orders/uuids"): ("default", 200, self._by_ids),
            ("GET", "/v1/orders"): ("default", 200, self._listed_orders),
            ("GET", "/v1/orders/open"): ("default", 200, self._open),
            ("GET", "/v1/orders/closed"): ("default", 200, self._closed),
            ("DELETE", "/v1/order"): ("default", 200, self._cancel),
            ("DELETE", "/v1/orders/uuids"): ("default", 200, self._cancel_ids),
            ("DELETE", "/v1/orders/open"): ("order-cancel-all", 200, self._cancel_open),
            ("POST", "/v1/orders/cancel_and_new"): ("order", 201, self._cancel_and_new),
        }
        """``(method, path)`` → rate group, status of success, call."""

    # --- balances -----------------------------------------------------------------------------------

    def balance_row(self, account: Account, currency: str) -> dict[str, Any]:
        """A balance as REST returns it."""
        held = account.balances.get(currency, Balance(currency))
        return {
            "currency": held.currency,
            "balance": plain(held.balance),
            "locked": plain(held.locked),
            "avg_buy_price": plain(held.avg_buy_price),
            "avg_buy_price_modified": False,
            "unit_currency": self._unit_currency,
        }

    def _accounts(self, account: Account, _query: Query, _now: float) -> Steps:
        yield
        return [self.balance_row(account, currency) for currency in list(account.balances)]

    def _chance(self, account: Account, query: Query, _now: float) -> Steps:
        code = query.get("market", "")
        if not code:
            raise OrderRefused("validation_error", "market 파라미터가 필요합니다.")
        pair = self._market.pairs.get(code)
        if pair is None:
            raise OrderRefused("notfoundmarket", f"다음 마켓에 없는 종목입니다: {code}")
        yield
        quote, base = pair.listing.quote, code.partition("-")[2]
        fee = plain(account.fee_rate(quote))
        rules = self._engine.rules(pair)
        least, most = plain(rules.min_total or Decimal(1)), plain(rules.max_total or Decimal(10**9))
        return {
            "bid_fee": fee,
            "ask_fee": fee,
            "maker_bid_fee": fee,
            "maker_ask_fee": fee,
            "market": {
                "id": code,
                "name": f"{base}/{quote}",
                "order_types": [],
                "order_sides": ["ask", "bid"],
                "bid_types": list(rules.types or (*_TYPES, "price")),
                "ask_types": list(rules.types or (*_TYPES, "market")),
                "bid": {"currency": quote, "min_total": least},
                "ask": {"currency": base, "min_total": least},
                "max_total": most,
                "state": "active",
            },
            "bid_account": self.balance_row(account, quote),
            "ask_account": self.balance_row(account, base),
        }

    # --- placing ------------------------------------------------------------------------------------

    def _create(self, account: Account, query: Query, now: float) -> Steps:
        yield
        # What is answered is the order as accepted, whatever it will match (protocol section 9.3).
        order = self._engine.accept(_request_of(query), self._market_ms(now), account=account)
        row = order_row(order)
        self._engine.match_soon(order)
        return row

    def _test(self, account: Account, query: Query, now: float) -> Steps:
        yield
        now_ms = self._market_ms(now)
        return order_row(self._engine.check(_request_of(query), now_ms, account=account))

    def _cancel_and_new(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        old = _find(account, query.get("prev_order_uuid"), query.get("prev_order_identifier"))
        if not old.is_open:
            raise OrderRefused("order_not_found", "주문을 찾지 못했습니다.", 404)
        fields = {
            name.removeprefix("new_"): value for name, value in query.items() if name.startswith("new_")
        }
        remain_only = fields.get("volume") == "remain_only"
        if remain_only:
            del fields["volume"]
        fields |= {"market": old.code, "side": old.side.value.lower()}
        request = _request_of(fields)
        row = order_row(old) | {"new_order_uuid": self._engine.replace(old, request, remain_only=remain_only)}
        return row | ({"new_order_identifier": request.identifier} if request.identifier else {})

    # --- queries ------------------------------------------------------------------------------------

    def _order(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        order = _find(account, query.get("uuid"), query.get("identifier"))
        return asked_row(order)

    def _by_ids(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        if _listed(query, "uuids") and _listed(query, "identifiers"):
            raise OrderRefused("validation_error", "uuids 와 identifiers 는 함께 사용할 수 없습니다.")
        return _ordered(query, [listed_row(order) for order in _named(account, query, 100)])

    def _open(self, account: Account, query: Query, _now: float) -> Steps:
        states = _states(query, ("wait", "watch"), ("wait",))
        limit, page = min(_number(query, "limit", 100), 100), _number(query, "page", 1)
        yield
        found = [listed_row(order) for order in _matching(account, query, states)]
        return _ordered(query, found)[(page - 1) * limit : page * limit]

    def _listed_orders(self, account: Account, query: Query, _now: float) -> Steps:
        """The call that open, closed and uuids have replaced in 2024; it still answers (section 13)."""
        ids = _listed(query, "uuids") or _listed(query, "identifiers")
        states = _states(query, _ALL_STATES, _ALL_STATES if ids else ("wait",))
        limit, page = min(_number(query, "limit", 100), 100), _number(query, "page", 1)
        yield
        named = _named(account, query, 100) if ids else list(account.orders.values())
        found = [listed_row(order) for order in _matching(account, query, states) if order in named]
        return _ordered(query, found)[(page - 1) * limit : page * limit]

    def _closed(self, account: Account, query: Query, now: float) -> Steps:
        states = _states(query, ("done", "cancel"), ("done", "cancel"))
        limit = min(_number(query, "limit", 100), 1000)
        now_ms = self._market_ms(now)
        start, end = _moment(query, "start_time"), _moment(query, "end_time")
        if start is not None and end is not None and end - start > _WEEK_MS:
            raise OrderRefused("invalid_parameter", "조회 기간은 최대 7일입니다.")
        if end is None:
            end = now_ms if start is None else start + _WEEK_MS
        if start is None:
            start = end - _WEEK_MS
        yield
        found = [
            listed_row(order)
            for order in _matching(account, query, states)
            if start <= order.created_ms - order.created_ms % 1000 <= end
        ]
        return _ordered(query, found)[:limit]

    # --- cancelling ---------------------------------------------------------------------------------

    def _cancel(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        order = _find(account, query.get("uuid"), query.get("identifier"))
        if not order.is_open:
            raise OrderRefused("order_not_found", "주문을 찾지 못했습니다.", 404)
        row = order_row(order)
        self._engine.cancel(order)
        return row

    def _cancel_ids(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        return self._cancel_all(_named(account, query, 20))

    def _cancel_open(self, account: Account, query: Query, _now: float) -> Steps:
        side = query.get("cancel_side", "all")
        if side not in ("all", "ask", "bid"):
            raise OrderRefused("invalid_parameter", "잘못된 파라미터")
        pairs, excluded = _listed(query, "pairs"), _listed(query, "excluded_pairs")
        quotes = _listed(query, "quote_currencies")
        if pairs and quotes:
            raise OrderRefused("validation_error", "pairs 와 quote_currencies 는 함께 사용할 수 없습니다.")
        if max(len(pairs), len(excluded)) > _MOST_PAIRS:
            raise OrderRefused("validation_error", f"페어는 최대 {_MOST_PAIRS}개입니다.")
        yield
        found = [
            order
            for order in account.open_orders
            # Reserved orders are cancelled by their ids only.
            if order.state is not OrderState.WATCH
            and side in ("all", order.side.value.lower())
            and (not pairs or order.code in pairs)
            and order.code not in excluded
            and (not quotes or order.quote in quotes)
        ]
        return self._cancel_all(_ordered(query, found)[: _number(query, "count", 20, 300)])

    def _cancel_all(self, orders: Sequence[Order]) -> dict[str, Any]:
        parts: dict[str, list[dict[str, Any]]] = {"success": [], "failed": []}
        for order in orders:
            part = parts["success" if order.is_open else "failed"]
            row = {"uuid": order.uuid, "market": order.code}
            part.append(row | ({"identifier": order.identifier} if order.identifier else {}))
            if order.is_open:
                self._engine.cancel(order)
        return {name: {"count": len(part), "orders": part} for name, part in parts.items()}


def _find(account: Account, uuid: str | None, identifier: str | None) -> Order:
    if not uuid and not identifier:
        raise OrderRefused("validation_error", "uuid 또는 identifier 가 필요합니다.")
    found = account.orders.get(uuid) if uuid else None
    if not uuid:
        found = next((each for each in account.orders.values() if each.identifier == identifier), None)
    if found is None:
        raise OrderRefused("order_not_found", "주문을 찾지 못했습니다.", 404)
    return found


def _named(account: Account, query: Query, most: int) -> list[Order]:
    uuids, identifiers = _listed(query, "uuids"), _listed(query, "identifiers")
    if not 0 < len(uuids) + len(identifiers) <= most:
        raise OrderRefused("validation_error", f"uuids 또는 identifiers 는 1 ~ {most}개입니다.")
    return [
        order
        for order in account.orders.values()
        if (order.uuid in uuids or order.identifier in identifiers)
        and query.get("market", order.code) == order.code
    ]


def _matching(account: Account, query: Query, states: Sequence[str]) -> list[Order]:
    return [
        order
        for order in account.orders.values()
        if state_of(order) in states and query.get("market", order.code) == order.code
    ]


def _request_of(query: Query) -> OrderRequest:
    return OrderRequest(
        code=_needed(query, "market"),
        side=_member(AskBid, _needed(query, "side").upper()),
        order_type=_member(OrderType, _needed(query, "ord_type")),
        price=_decimal(query, "price"),
        volume=_decimal(query, "volume"),
        time_in_force=_member(TimeInForce, query.get("time_in_force")),
        identifier=query.get("identifier"),
        smp_type=_member(SmpType, query.get("smp_type")),
    )


def _needed(query: Query, name: str) -> str:
    value = query.get(name)
    if not value:
        raise OrderRefused("validation_error", f"{name} 파라미터가 필요합니다.")
    return value


def _member(enumeration: Any, value: str | None) -> Any:
    if value is None:
        return None
    member = next((each for each in enumeration if each.value == value), None)
    if member is None:
        raise OrderRefused("invalid_parameter", "잘못된 파라미터")
    return member


def _decimal(query: Query, name: str) -> Decimal | None:
    value = query.get(name)
    try:
        return None if value is None else Decimal(value)
    except InvalidOperation:
        raise OrderRefused("validation_error", f"{name} 이 숫자가 아닙니다.") from None


def _number(query: Query, name: str, default: int, most: int = 10**9) -> int:
    try:
        number = int(query.get(name, default))
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise OrderRefused("invalid_parameter", "잘못된 파라미터")
    return number


def _moment(query: Query, name: str) -> int | None:
    """A time as ISO 8601 or in milliseconds."""
    text = query.get(name)
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise OrderRefused("invalid_parameter", "잘못된 파라미터") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=KST)).timestamp() * 1000)


def _listed(query: Query, name: str) -> list[str]:
    return [each for each in query.get(name, "").split(",") if each]


def _states(query: Query, allowed: tuple[str, ...], default: tuple[str, ...]) -> list[str]:
    if "states" in query and "state" in query:
        raise OrderRefused("invalid_parameter", "잘못된 파라미터")
    states = _listed(query, "states") or _listed(query, "state") or list(default)
    if not set(states) <= set(allowed):
        raise OrderRefused("invalid_parameter", "잘못된 파라미터")
    return states


def _ordered(query: Query, oldest_first: list[_T]) -> list[_T]:
    return oldest_first if query.get("order_by", "desc") == "asc" else oldest_first[::-1]


def state_of(order: Order) -> str:
    """An order's state in REST, which has no ``trade``: a partly filled order waits."""
    return OrderState.WAIT.value if order.state is OrderState.TRADE else order.state.value


def order_row(order: Order) -> dict[str, Any]:
    """An order as REST returns it; null fields are left out (protocol section 9.2)."""
    row: dict[str, Any] = {
        "market": order.code,
        "uuid": order.uuid,
        "side": order.side.value.lower(),
        "ord_type": order.order_type.value,
        "price": order.price,
        "state": state_of(order),
        "created_at": _kst_text(order.created_ms, "seconds"),
        "volume": order.volume,
        "remaining_volume": order.remaining_volume,
        "executed_volume": order.executed_volume,
        "reserved_fee": order.reserved_fee,
        "remaining_fee": order.remaining_fee,
        "paid_fee": order.paid_fee,
        "locked": order.locked,
        "time_in_force": None if order.time_in_force is None else order.time_in_force.value,
        "identifier": order.identifier,
        "smp_type": None if order.smp_type is None else order.smp_type.value,
        "prevented_volume": None if order.by_amount else order.prevented_volume,
        "prevented_locked": order.prevented_locked,
        "trades_count": len(order.fills),
    }
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
        if value is not None
    }


def listed_row(order: Order) -> dict[str, Any]:
    """An order as the calls about several return it."""
    return order_row(order) | {"executed_funds": plain(order.executed_funds)}


def asked_row(order: Order) -> dict[str, Any]:
    """An order as the call about one returns it. Its average price contains the fee (section 13)."""
    row = order_row(order)
    if order.executed_volume:
        with localcontext(EXACT):
            fee = order.paid_fee if order.side is AskBid.BID else -order.paid_fee
            average = (order.executed_funds + fee) / order.executed_volume
            row["avg_price"] = plain(average.quantize(_EIGHT))
    return row | {
        "application_name": "self_issued_open_api",
        "is_cancel_and_newable": order.is_open,
        "thirdparty": False,
        "trades": [fill_row(order, fill) for fill in order.fills],
    }


def fill_row(order: Order, fill: Fill) -> dict[str, Any]:
    """A fill of an order as REST returns it."""
    return {
        "market": order.code,
        "uuid": fill.uuid,
        "price": plain(fill.price),
        "volume": plain(fill.volume),
        "funds": plain(EXACT.multiply(fill.price, fill.volume)),
        "trend": "up" if order.side is AskBid.BID else "down",
        "created_at": _kst_text(fill.time_ms, "microseconds"),
        "side": order.side.value.lower(),
    }


def _kst_text(time_ms: int, resolution: str) -> str:
    return datetime_at(0, KST, milliseconds=time_ms).isoformat(timespec=resolution)
