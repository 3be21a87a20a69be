"""The endpoints of Upbit's REST API that this library calls (protocol section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qt_upbit.types import CandlePeriod

__all__ = [
    "ACCOUNTS",
    "API_KEYS",
    "CANCEL",
    "CANCEL_AND_NEW",
    "CANCEL_OPEN",
    "CANCEL_SOME",
    "CANDLES",
    "CHANCE",
    "CLOSED",
    "CREATE",
    "DEPOSIT",
    "DEPOSITS",
    "INSTRUMENTS",
    "MARKETS",
    "MINUTES",
    "OPEN",
    "ORDER",
    "ORDERBOOKS",
    "ORDERS",
    "POCKETS",
    "POCKET_ASSETS",
    "TEST",
    "TICKERS",
    "TICKERS_ALL",
    "TRADES",
    "WALLETS",
    "WITHDRAWAL",
    "WITHDRAWALS",
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
API_KEYS: Final = Endpoint("GET /v1/api_keys", "api_keys.list", "default", is_private=True)
WALLETS: Final = Endpoint("GET /v1/status/wallet", "wallet_status.list", "default", is_private=True)
POCKETS: Final = Endpoint("GET /v1/pockets", "pockets.list", "default", is_private=True)
POCKET_ASSETS: Final = Endpoint(
    "GET /v1/pockets/assets", "pockets.retrieve_balance", "default", is_private=True
)
DEPOSITS: Final = Endpoint("GET /v1/deposits", "deposits.list", "default", is_private=True)
DEPOSIT: Final = Endpoint("GET /v1/deposit", "deposits.retrieve", "default", is_private=True)
WITHDRAWALS: Final = Endpoint("GET /v1/withdraws", "withdraws.list", "default", is_private=True)
WITHDRAWAL: Final = Endpoint("GET /v1/withdraw", "withdraws.retrieve", "default", is_private=True)
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
