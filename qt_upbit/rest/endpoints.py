"""The endpoints of Upbit's REST API that this library calls (protocol section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qt_upbit.types import CandlePeriod

__all__ = [
    "ACCOUNTS",
    "CANCEL",
    "CANCEL_AND_NEW",
    "CANCEL_OPEN",
    "CANCEL_SOME",
    "CANDLES",
    "CHANCE",
    "CLOSED",
    "CREATE",
    "INSTRUMENTS",
    "MARKETS",
    "MINUTES",
    "OPEN",
    "ORDER",
    "ORDERBOOKS",
    "ORDERS",
    "TEST",
    "TICKERS",
    "TICKERS_ALL",
    "TRADES",
    "Endpoint",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of Upbit's REST API, apart from its parameters.

    Attributes:
        name: method and path, for messages.
        method: the SDK's method.
        group: its rate limit group.
        is_private: needs keys.
        is_safe: changes nothing, so it may be retried; of others `OrderOutcome` and `CancelOutcome` decide.
    """

    name: str
    method: str
    group: str
    is_private: bool = False
    is_safe: bool = True


MARKETS: Final = Endpoint("GET /v1/market/all", "trading_pairs.list", "market")
TICKERS: Final = Endpoint("GET /v1/ticker", "tickers.list_by_trading_pairs", "ticker")
TICKERS_ALL: Final = Endpoint("GET /v1/ticker/all", "tickers.list_by_quote_currencies", "ticker")
ORDERBOOKS: Final = Endpoint("GET /v1/orderbook", "orderbooks.list", "orderbook")
INSTRUMENTS: Final = Endpoint("GET /v1/orderbook/instruments", "orderbooks.list_instruments", "orderbook")
TRADES: Final = Endpoint("GET /v1/trades/ticks", "trades.list", "trade")
MINUTES: Final = Endpoint("GET /v1/candles/minutes", "candles.list_minutes", "candle")
CANDLES: Final = {
    "1s": Endpoint("GET /v1/candles/seconds", "candles.list_seconds", "candle"),
    CandlePeriod.DAY: Endpoint("GET /v1/candles/days", "candles.list_days", "candle"),
    CandlePeriod.WEEK: Endpoint("GET /v1/candles/weeks", "candles.list_weeks", "candle"),
    CandlePeriod.MONTH: Endpoint("GET /v1/candles/months", "candles.list_months", "candle"),
    CandlePeriod.YEAR: Endpoint("GET /v1/candles/years", "candles.list_years", "candle"),
}
ACCOUNTS: Final = Endpoint("GET /v1/accounts", "accounts.list", "default", is_private=True)
CHANCE: Final = Endpoint("GET /v1/orders/chance", "orders.retrieve_chance", "default", is_private=True)
ORDER: Final = Endpoint("GET /v1/order", "orders.retrieve", "default", is_private=True)
ORDERS: Final = Endpoint("GET /v1/orders/uuids", "orders.list_by_uuids", "default", is_private=True)
OPEN: Final = Endpoint("GET /v1/orders/open", "orders.list_open", "default", is_private=True)
CLOSED: Final = Endpoint("GET /v1/orders/closed", "orders.list_closed", "default", is_private=True)
CREATE: Final = Endpoint("POST /v1/orders", "orders.create", "order", is_private=True, is_safe=False)
TEST: Final = Endpoint("POST /v1/orders/test", "orders.test_create", "order-test", is_private=True)
CANCEL: Final = Endpoint("DELETE /v1/order", "orders.cancel", "default", is_private=True, is_safe=False)
CANCEL_SOME: Final = Endpoint(
    "DELETE /v1/orders/uuids", "orders.cancel_by_uuids", "default", is_private=True, is_safe=False
)
CANCEL_OPEN: Final = Endpoint(
    "DELETE /v1/orders/open", "orders.cancel_open", "order-cancel-all", is_private=True, is_safe=False
)
CANCEL_AND_NEW: Final = Endpoint(
    "POST /v1/orders/cancel_and_new",
    "orders.cancel_and_new",
    "order",
    is_private=True,
    is_safe=False,
)
