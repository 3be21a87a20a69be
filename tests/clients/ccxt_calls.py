"""Every method of ccxt, unified, implicit and streaming, that the simulated exchange has a call for."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import ccxt
import ccxt.pro
from ccxt.abstract.upbit import ImplicitAPI

from .outcomes import AS_DECLARED, Outcomes, arguments

SYMBOL = "BTC/KRW"
CODE = "KRW-BTC"
FRAMES_S = 60.0
IMPLICIT = re.compile(r"(public|private)(Get|Post|Delete)[A-Z]")
ORDER = ("id", "symbol", "side", "type", "status", "timestamp", "amount", "filled")
TRANSACTION = ("id", "currency", "amount", "status", "timestamp", "txid")
TICKER = ("symbol", "last", "open", "high", "low", "baseVolume", "quoteVolume", "percentage", "timestamp")


def has(*keys: str) -> Callable[[Any], str]:
    """Checks that a unified structure, or each of several, has values where ccxt's manual has them."""

    def check(value: Any) -> str:
        rows = value if isinstance(value, list) else [value]
        if not rows:
            return "no: an empty list"
        lacking = sorted({key for row in rows for key in keys if row.get(key) is None})
        return f"no: without {', '.join(lacking)}" if lacking else AS_DECLARED

    return check


def of_each(check: Callable[[Any], str], least: int = 1) -> Callable[[Any], str]:
    """Checks each value of a dictionary by symbol."""

    def checked(value: Any) -> str:
        if len(value) < least:
            return f"no: {len(value)} of {least}"
        return next((found for found in map(check, value.values()) if found != AS_DECLARED), AS_DECLARED)

    return checked


def book(value: Any) -> str:
    """Checks that a book has two sides, best first."""
    # A thin side is padded with zero slots.
    asks, bids = ([row for row in value[side] if row[0]] for side in ("asks", "bids"))
    ordered = asks and bids and bids[0][0] < asks[0][0]
    return AS_DECLARED if ordered and asks == sorted(asks) else "no: not ordered"


def not_empty(value: Any) -> str:
    """Checks that a body that ccxt passes on is there."""
    return AS_DECLARED if value else "no: empty"


def candles(value: Any) -> str:
    """Checks rows of time, four prices and a volume."""
    value = value if value and isinstance(value[0], list) else [value]
    good = all(len(row) == 6 and None not in row for row in value)
    return AS_DECLARED if good else "no: incomplete rows"


def quotation(exchange: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    markets = (
        call("fetchMarkets", exchange.fetch_markets, has("id", "symbol", "base", "quote", "precision")) or []
    )
    exchange.load_markets()
    call("fetchTicker", lambda: exchange.fetch_ticker(SYMBOL), has(*TICKER))
    call("fetchTickers", exchange.fetch_tickers, of_each(has("symbol", "last"), len(markets)))
    call("fetchOrderBook", lambda: exchange.fetch_order_book(SYMBOL, 5), book)
    call("fetchOrderBooks", exchange.fetch_order_books, of_each(book, len(markets)))
    call(
        "fetchTrades",
        lambda: exchange.fetch_trades(SYMBOL, limit=10),
        has("id", "price", "amount", "side", "timestamp"),
    )
    call(
        "fetchOHLCV",
        lambda: [exchange.fetch_ohlcv(SYMBOL, frame, limit=3) for frame in exchange.timeframes],
        lambda found: next((text for text in map(candles, found) if text != AS_DECLARED), AS_DECLARED),
    )
    call("fetchTradingFee", lambda: exchange.fetch_trading_fee(SYMBOL), has("symbol", "maker", "taker"))
    call("fetchTradingFees", exchange.fetch_trading_fees, of_each(has("maker", "taker")))


def account(exchange: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    call("fetchBalance", exchange.fetch_balance, has("info", "free", "used", "total", "KRW"))
    call("fetchMarket", lambda: exchange.fetch_market(SYMBOL), has("id", "symbol", "active", "limits"))
    deposits = call("fetchDeposits", exchange.fetch_deposits, has(*TRANSACTION)) or []
    call("fetchDeposit", lambda: exchange.fetch_deposit(deposits[0]["id"]), has(*TRANSACTION))
    withdrawals = call("fetchWithdrawals", exchange.fetch_withdrawals, has(*TRANSACTION)) or []
    call("fetchWithdrawal", lambda: exchange.fetch_withdrawal(withdrawals[0]["id"]), has(*TRANSACTION))


def orders(exchange: Any, outcomes: Outcomes) -> None:
    call, low = outcomes.call, exchange.fetch_ticker(SYMBOL)["last"] // 1000 * 1000 - 10_000_000

    def create(**more: Any) -> Any:
        return exchange.create_order(SYMBOL, "limit", "buy", 0.001, low, more)

    first: Any = call("createOrder", lambda: create(clientOrderId=f"ccxt-{time.time_ns()}"), has(*ORDER))
    sold: Any = call(
        "createMarketOrder",
        lambda: exchange.create_market_order(SYMBOL, "sell", 0.001),
        has("id", "symbol", "side"),
    )
    spent: Any = call(
        "createMarketBuyOrderWithCost",
        lambda: exchange.create_market_buy_order_with_cost(SYMBOL, 10_000),
        has("id", "symbol", "side", "type"),
    )
    # An order by cost has no amount, and is open until the matching engine has come to it.
    for order in (sold, spent):
        until(lambda uuid=order["id"]: exchange.fetch_order(uuid)["status"] != "open")
    call("fetchOrder", lambda: exchange.fetch_order(first["id"]), has(*ORDER))
    call("fetchOpenOrders", lambda: exchange.fetch_open_orders(SYMBOL), has(*ORDER))
    call(
        "editOrder",
        lambda: exchange.edit_order(first["id"], SYMBOL, "limit", "buy", 0.002, low),
        has("id", "symbol"),
    )
    second = create()
    call("cancelOrder", lambda: exchange.cancel_order(second["id"]), has(*ORDER))
    # The cancellation is carried out a moment after it was accepted.
    until(lambda: exchange.fetch_order(second["id"])["status"] == "canceled")
    call(
        "fetchCanceledOrders",
        lambda: exchange.fetch_canceled_orders(SYMBOL),
        has("id", "symbol", "side", "status"),
    )
    bought = exchange.create_order(SYMBOL, "limit", "buy", 0.001, low + 20_000_000)
    until(lambda: exchange.fetch_order(bought["id"])["status"] == "closed")
    call("fetchClosedOrders", lambda: exchange.fetch_closed_orders(SYMBOL), has(*ORDER))


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the exchange did not do it")
        time.sleep(0.05)


def implicit(exchange: Any, outcomes: Outcomes) -> None:
    """The methods that ccxt makes of the paths, with the parameters of Upbit."""
    low = int(exchange.fetch_ticker(SYMBOL)["last"] // 1000 * 1000 - 10_000_000)
    order = {"market": CODE, "side": "bid", "ord_type": "limit", "price": str(low), "volume": "0.001"}

    def placed() -> str:
        return str(exchange.privatePostOrders(dict(order))["uuid"])

    pocket = exchange.privateGetPockets()[0]["uuid"]
    market, units = {"market": CODE}, (1, 3, 5, 10, 15, 30, 60, 240)
    periods = ("Seconds", "Days", "Weeks", "Months", "Years")
    calls: dict[str, Callable[[], dict[str, Any]]] = {
        "publicGetMarketAll": dict,
        "publicGetTicker": lambda: {"markets": CODE},
        "publicGetTickerAll": lambda: {"quote_currencies": "KRW"},
        "publicGetOrderbook": lambda: {"markets": CODE},
        "publicGetOrderbookInstruments": lambda: {"markets": CODE},
        "publicGetTradesTicks": lambda: {**market, "count": 2},
        "publicGetCandlesTimeframe": lambda: {**market, "timeframe": "weeks"},
        "publicGetCandlesTimeframeUnit": lambda: {**market, "timeframe": "minutes", "unit": 3},
        "publicGetCandlesMinutesUnit": lambda: {**market, "unit": 3},
        **{f"publicGetCandlesMinutes{unit}": lambda: dict(market) for unit in units},
        **{f"publicGetCandles{kind}": lambda: dict(market) for kind in periods},
        "privateGetAccounts": dict,
        "privateGetApiKeys": dict,
        "privateGetStatusWallet": dict,
        "privateGetPockets": dict,
        "privateGetPocketsAssets": lambda: {"uuid": pocket},
        "privateGetDeposits": lambda: {"limit": 2},
        "privateGetDeposit": dict,
        "privateGetWithdraws": lambda: {"limit": 2},
        "privateGetWithdraw": dict,
        "privateGetOrdersChance": lambda: dict(market),
        "privatePostOrders": lambda: dict(order),
        "privatePostOrdersTest": lambda: dict(order),
        "privateGetOrder": lambda: {"uuid": placed()},
        "privateGetOrdersUuids": lambda: {"uuids[]": placed(), "market": CODE},
        "privateGetOrdersOpen": lambda: dict(market),
        "privateGetOrdersClosed": lambda: dict(market),
        "privatePostOrdersCancelAndNew": lambda: {
            "prev_order_uuid": placed(), "new_ord_type": "limit", "new_price": str(low), "new_volume": "0.01",
        },
        "privateDeleteOrder": lambda: {"uuid": placed()},
        "privateDeleteOrdersUuids": lambda: {"uuids[]": placed()},
        "privateDeleteOrdersOpen": lambda: {"pairs": CODE},
    }  # fmt: skip
    for name, parameters in calls.items():
        # Twelve orders a second are allowed.
        time.sleep(0.1)
        outcomes.call(
            name,
            lambda n=name, p=parameters: getattr(exchange, n)(p()),
            lambda found: AS_DECLARED if found else "no: empty",
        )


async def streams(exchange: Any, outcomes: Outcomes) -> None:
    await exchange.load_markets()

    async def while_trading(watch: Callable[[], Any]) -> Any:
        """Trade until the stream says so."""
        watching = asyncio.ensure_future(watch())
        end = time.monotonic() + FRAMES_S
        while not watching.done() and time.monotonic() < end:
            await exchange.create_order(SYMBOL, "market", "buy", 1, 10_000)
            await asyncio.wait([watching], timeout=1.0)
        return await asyncio.wait_for(watching, 0.1)

    symbols = [SYMBOL, "ETH/KRW"]
    watches: dict[str, tuple[Callable[[], Any], Callable[[Any], str]]] = {
        "watchTicker": (lambda: exchange.watch_ticker(SYMBOL), has(*TICKER)),
        "watchTickers": (lambda: exchange.watch_tickers(symbols), of_each(has("symbol", "last"))),
        "watchOrderBook": (lambda: exchange.watch_order_book(SYMBOL), book),
        "watchTrades": (lambda: exchange.watch_trades(SYMBOL), has("id", "price", "amount", "side")),
        "watchTradesForSymbols": (
            lambda: exchange.watch_trades_for_symbols(symbols),
            has("id", "price", "amount"),
        ),
        "watchOHLCV": (lambda: exchange.watch_ohlcv(SYMBOL, "1s"), candles),
        "watchOrders": (
            lambda: while_trading(lambda: exchange.watch_orders(SYMBOL)),
            has("id", "symbol", "status"),
        ),
        "watchMyTrades": (
            lambda: while_trading(lambda: exchange.watch_my_trades(SYMBOL)),
            has("id", "price", "amount"),
        ),
        "watchBalance": (lambda: while_trading(exchange.watch_balance), has("free", "used", "total")),
    }
    for name, (watch, check) in watches.items():
        try:
            found = await asyncio.wait_for(watch(), FRAMES_S)
            outcomes.report(name, True, check(found))
        except Exception as exc:  # whatever it raises is what is to be reported
            outcomes.report(name, False, f"{type(exc).__name__}: {exc}")


def options(url: str, access_key: str, secret_key: str) -> dict[str, Any]:
    """Of the constructor: the address is one of ccxt's own settings."""
    return {
        "apiKey": access_key,
        "secret": secret_key,
        "enableRateLimit": False,
        "urls": {"api": {"public": url, "private": url, "ws": url.replace("http", "ws") + "/websocket/v1"}},
    }


def methods_of(exchange: Any) -> Iterator[str]:
    """Unified methods that it says it has, and those of the paths."""
    yield from (name for name, present in exchange.has.items() if present is True and not name.isupper())
    yield from (name for name in vars(ImplicitAPI) if IMPLICIT.match(name))
    yield "fetchMarket"


async def main() -> None:
    url, access_key, secret_key = arguments()
    outcomes = Outcomes()
    exchange: Any = ccxt.upbit(options(url, access_key, secret_key))
    for part in (quotation, account, orders, implicit):
        part(exchange, outcomes)
    streaming: Any = ccxt.pro.upbit(options(url, access_key, secret_key))
    try:
        await streams(streaming, outcomes)
        outcomes.end(ccxt.__version__, methods_of(streaming))
    finally:
        await streaming.close()


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit(0)
