"""Every method of pyupbit that the simulated exchange has a call for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pyupbit
from pyupbit import exchange_api, quotation_api, request_api, websocket_api

from .outcomes import AS_DECLARED, Outcomes, arguments

CODE = "KRW-BTC"
HOST = "https://api.upbit.com"


def point_to(url: str) -> None:
    """Send its calls to `url`: the address is written into the library."""
    for name in ("get", "post", "delete"):
        send = getattr(request_api.requests, name)
        setattr(request_api.requests, name, lambda to, send=send, **more: send(to.replace(HOST, url), **more))
    connect = websocket_api.websockets.connect
    websocket_api.websockets.connect = lambda to, **more: connect(
        to.replace("wss://api.upbit.com", url.replace("http", "ws")), **more
    )


def has(*keys: str) -> Callable[[Any], str]:
    """Checks that an answer, or each of its rows, has what pyupbit's documentation names."""

    def check(value: Any) -> str:
        if value is None:
            raise RuntimeError("it returned None, which is how it reports an error")
        rows = value if isinstance(value, list) else [value]
        lacking = sorted({key for row in rows for key in keys if key not in row})
        if not rows:
            return "no: an empty list"
        return f"no: without {', '.join(lacking)}" if lacking else AS_DECLARED

    return check


def number(value: Any) -> str:
    """Checks that it is a number."""
    if value is None:
        raise RuntimeError("it returned None, which is how it reports an error")
    return AS_DECLARED if isinstance(value, int | float) else f"no: {type(value).__name__}"


def table(value: Any) -> str:
    """Checks a table of candles."""
    if value is None:
        raise RuntimeError("it returned None, which is how it reports an error")
    columns = ["open", "high", "low", "close", "volume", "value"]
    return AS_DECLARED if list(value.columns) == columns and len(value) else f"no: {list(value.columns)}"


def quotation(outcomes: Outcomes) -> None:
    call = outcomes.call
    codes = (
        call("get_tickers", pyupbit.get_tickers, lambda found: AS_DECLARED if CODE in found else "no") or []
    )
    call("get_current_price", lambda: pyupbit.get_current_price(codes), has(CODE))
    call(
        "get_orderbook",
        lambda: pyupbit.get_orderbook([CODE, "KRW-ETH"]),
        has("market", "timestamp", "orderbook_units"),
    )
    intervals = ["day", "week", "month", *(f"minute{unit}" for unit in (1, 3, 5, 10, 15, 30, 60, 240))]
    call(
        "get_ohlcv",
        lambda: [pyupbit.get_ohlcv(CODE, interval=interval, count=5) for interval in intervals],
        lambda tables: next((found for found in map(table, tables) if found != AS_DECLARED), AS_DECLARED),
    )  # fmt: skip
    last = pyupbit.get_ohlcv(CODE, interval="minute60", count=50).index[0]
    call(
        "get_ohlcv_from", lambda: pyupbit.get_ohlcv_from(CODE, interval="minute60", fromDatetime=last), table
    )


def account(client: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    balance = has("currency", "balance", "locked", "avg_buy_price", "avg_buy_price_modified", "unit_currency")
    call("Upbit.get_balances", client.get_balances, balance)
    for name in ("get_balance", "get_balance_t", "get_avg_buy_price", "get_amount"):
        call(f"Upbit.{name}", lambda n=name: getattr(client, n)("KRW" if "balance" in n else "ALL"), number)
    call("Upbit.get_chance", lambda: client.get_chance(CODE), has("bid_fee", "market", "bid_account"))
    call("Upbit.get_api_key_list", client.get_api_key_list, has("access_key", "expire_at"))
    call(
        "Upbit.get_deposit_withdraw_status",
        client.get_deposit_withdraw_status,
        has("currency", "wallet_state"),
    )
    movement = has("type", "uuid", "currency", "txid", "state", "created_at", "done_at", "amount", "fee")
    for kind in ("deposit", "withdraw"):
        rows = call(
            f"Upbit.get_{kind}_list", lambda k=kind: getattr(client, f"get_{k}_list")("KRW"), movement
        )
        call(
            f"Upbit.get_individual_{kind}_order",
            lambda k=kind, rows=rows: getattr(client, f"get_individual_{k}_order")(rows[0]["uuid"], "KRW"),
            movement,
        )


def orders(client: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    order = has("uuid", "side", "ord_type", "state", "market", "created_at", "locked", "executed_volume")
    price = int(pyupbit.get_current_price(CODE)) // 1000 * 1000
    placed: Any = call(
        "Upbit.buy_limit_order", lambda: client.buy_limit_order(CODE, price - 10_000_000, 0.001), order
    )
    call("Upbit.sell_limit_order", lambda: client.sell_limit_order(CODE, price + 10_000_000, 0.001), order)
    call("Upbit.get_order", lambda: client.get_order(CODE), order)
    call("Upbit.get_individual_order", lambda: client.get_individual_order(placed["uuid"]), order)
    call("Upbit.cancel_order", lambda: client.cancel_order(placed["uuid"]), order)
    call("Upbit.buy_market_order", lambda: client.buy_market_order(CODE, 10_000), order)
    call("Upbit.sell_market_order", lambda: client.sell_market_order(CODE, 0.001), order)


def streams(outcomes: Outcomes) -> None:
    def frame() -> Any:
        manager = pyupbit.WebSocketManager("ticker", [CODE])
        try:
            return manager.get()
        finally:
            manager.terminate()

    outcomes.call("WebSocketManager", frame, has("type", "code", "trade_price", "timestamp"))


def main() -> None:
    url, access_key, secret_key = arguments()
    point_to(url)
    outcomes = Outcomes()
    client = pyupbit.Upbit(access_key, secret_key)
    quotation(outcomes)
    account(client, outcomes)
    orders(client, outcomes)
    streams(outcomes)
    functions = [
        name for name, _ in inspect.getmembers(quotation_api, inspect.isfunction) if name.startswith("get_")
    ]
    methods = [f"Upbit.{name}" for name, _ in inspect.getmembers(exchange_api.Upbit, inspect.isfunction)]
    # Only makes an address; calls nothing.
    functions.remove("get_url_ohlcv")
    own = [name for name in (*functions, *methods) if not name.startswith("Upbit._")]
    outcomes.end(version("pyupbit"), [*own, "WebSocketManager"])


if __name__ == "__main__":
    main()
