"""Every method of Upbit's own SDK that the simulated exchange has a call for."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import upbit
from upbit._models import BaseModel
from upbit.types import Order
from upbit.types.orderbook_list_response import OrderbookListResponseItem

from .outcomes import AS_DECLARED, Outcomes, arguments

CODE = "KRW-BTC"
OTHER = "KRW-ETH"
FRAMES_S = 30.0
"""How long frames of a stream may take."""


def undeclared(value: Any) -> str:
    """Every field has its declared type, which the SDK has verified; names those it does not know."""
    more = sorted(set(_extra(value)))
    return f"{AS_DECLARED}, and {', '.join(more)}" if more else AS_DECLARED


def _extra(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _extra(each)
    elif isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in type(value).model_fields:
            yield from _extra(getattr(value, name))


def methods_of(client: Any) -> Iterator[str]:
    """Public methods of every resource."""
    for name in (
        "accounts", "api_keys", "candles", "deposits", "orderbooks", "orders", "pockets", "tickers", "trades",
        "trading_pairs", "travel_rule", "wallet_status", "withdraws", "ws_stream",
    ):  # fmt: skip
        for method in dir(getattr(client, name)):
            if not method.startswith(("_", "with_")):
                yield f"{name}.{method}"


def quotation(client: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    call("trading_pairs.list", lambda: client.trading_pairs.list(is_details=True), undeclared)
    call(
        "tickers.list_by_trading_pairs",
        lambda: client.tickers.list_by_trading_pairs(markets=f"{CODE},{OTHER}"),
        undeclared,
    )
    call(
        "tickers.list_by_quote_currencies",
        lambda: client.tickers.list_by_quote_currencies(quote_currencies="KRW"),
        undeclared,
    )
    call(
        "orderbooks.list", lambda: books(client), lambda found: f"{undeclared(found)}, with `level` a number"
    )
    call(
        "orderbooks.list_instruments",
        lambda: client.orderbooks.list_instruments(markets=f"{CODE},{OTHER}"),
        undeclared,
    )
    call(
        "trades.list", lambda: client.trades.list(market=CODE, count=5, to="12:00:00", days_ago=1), undeclared
    )
    call("candles.list_seconds", lambda: client.candles.list_seconds(market=CODE, count=3), undeclared)
    call(
        "candles.list_minutes",
        lambda: [
            client.candles.list_minutes(unit=unit, market=CODE, count=3)
            for unit in (1, 3, 5, 10, 15, 30, 60, 240)
        ],
        undeclared,
    )
    call(
        "candles.list_days",
        lambda: client.candles.list_days(market=CODE, count=3, converting_price_unit="KRW"),
        undeclared,
    )
    for period in ("weeks", "months", "years"):
        call(
            f"candles.list_{period}",
            lambda p=period: getattr(client.candles, f"list_{p}")(market=CODE, count=2),
            undeclared,
        )


def books(client: Any) -> Any:
    """Order books; verified but for `level`, declared as text and a number in Upbit's own samples."""
    # The SDK reads fractions as text.
    raw = client.orderbooks.with_raw_response.list(markets=CODE, count=5).read()
    rows = json.loads(raw, parse_float=str)
    return [OrderbookListResponseItem.model_validate(row | {"level": str(row["level"])}) for row in rows]


def account(client: Any, outcomes: Outcomes) -> None:
    call = outcomes.call
    call("accounts.list", client.accounts.list, undeclared)
    call("api_keys.list", client.api_keys.list, undeclared)
    call("wallet_status.list", client.wallet_status.list, undeclared)
    pockets = call("pockets.list", client.pockets.list, undeclared) or []
    call(
        "pockets.retrieve_balance", lambda: client.pockets.retrieve_balance(uuid=pockets[0].uuid), undeclared
    )
    for resource in (client.deposits, client.withdraws):
        name = "deposits" if resource is client.deposits else "withdraws"
        rows = call(f"{name}.list", lambda r=resource: r.list(limit=5, order_by="desc"), undeclared) or []
        call(
            f"{name}.retrieve",
            lambda r=resource, rows=rows: r.retrieve(uuid=next(iter(rows)).uuid),
            undeclared,
        )


def orders(client: Any, outcomes: Outcomes) -> None:
    call, resource = outcomes.call, client.orders
    # Left out of a buy by amount, on the wire too (tests/data/2026-11/rest.orders_list.jsonl).
    closed = allowing(client, "remaining_volume", "prevented_volume")
    call("orders.retrieve_chance", lambda: resource.retrieve_chance(market=CODE), undeclared)
    last = client.tickers.list_by_trading_pairs(markets=CODE)[0].trade_price
    price = str(int(float(last)) // 1000 * 1000 - 10_000_000)

    def create(**more: Any) -> Any:
        return resource.create(market=CODE, side="bid", ord_type="limit", price=price, volume="0.001", **more)

    call(
        "orders.test_create",
        lambda: resource.test_create(market=CODE, side="bid", ord_type="limit", price=price, volume="0.001"),
        undeclared,
    )
    first: Any = call(
        "orders.create",
        lambda: create(identifier=f"sdk-{time.time_ns()}", smp_type="cancel_maker"),
        undeclared,
    )
    call("orders.retrieve", lambda: resource.retrieve(uuid=first.uuid), undeclared)
    call("orders.list_by_uuids", lambda: resource.list_by_uuids(uuids=[first.uuid], market=CODE), undeclared)
    call(
        "orders.list_open",
        lambda: resource.list_open(market=CODE, states=["wait", "watch"], limit=10),
        undeclared,
    )
    call(
        "orders.cancel_and_new",
        lambda: resource.cancel_and_new(
            prev_order_uuid=first.uuid, new_ord_type="limit", new_price=price, new_volume="0.002"
        ),
        undeclared,
    )
    second, third = create(), create()
    call("orders.cancel", lambda: resource.cancel(uuid=second.uuid), undeclared)
    call("orders.cancel_by_uuids", lambda: resource.cancel_by_uuids(uuids=[third.uuid]), undeclared)
    create()
    call(
        "orders.cancel_open",
        lambda: resource.cancel_open(pairs=CODE, cancel_side="bid", count=20),
        undeclared,
    )
    call("orders.list_closed", closed, undeclared)


def allowing(client: Any, *fields: str) -> Callable[[], Any]:
    """The call for closed orders; verified except for these fields, which an order may lack."""

    def call() -> Any:
        found = client.orders.with_raw_response.list_closed(market=CODE, states=["done", "cancel"], limit=100)
        rows = json.loads(found.read(), parse_float=str)
        for row in rows:
            for name in fields:
                row.setdefault(name, "0")
        return [Order.model_validate(row) for row in rows]

    return call


def streams(client: Any, outcomes: Outcomes) -> None:
    stream = client.ws_stream
    public: dict[str, Callable[[], Any]] = {
        "ticker": lambda: stream.ticker([CODE, OTHER]),
        "trade": lambda: stream.trade([CODE, OTHER]),
        "orderbook": lambda: stream.orderbook([CODE, OTHER]),
        "candle": lambda: stream.candle([CODE, OTHER], interval="1s"),
        "my_order": lambda: stream.my_order([]),
        "announcement": lambda: stream.announcement(),
        "my_asset": lambda: stream.my_asset(),
        "subscribe": lambda: stream.subscribe(
            ticker=[CODE], trade=[CODE], orderbook=[CODE], candle={"1s": [CODE]}
        ),
        "subscribe_private": lambda: stream.subscribe_private(my_order=[], my_asset=True),
    }
    for name, subscribe in public.items():
        outcomes.call(f"ws_stream.{name}", lambda s=subscribe: _frame(s()), undeclared)


def indicators(client: Any, url: str, outcomes: Outcomes) -> None:
    """What is delivered when a candle of five minutes closes: the exchange's clock is put forward."""
    stream = client.ws_stream
    average = {"type": "moving_average", "params": {"type": "SMA", "period": 5}}
    crossings = [
        average | {"trigger": trigger, "event_params": {}}
        for trigger in ("price_cross_above", "price_cross_below")
    ]
    codes = [CODE, OTHER]
    wanted: dict[str, Callable[[], Any]] = {
        "indicator": lambda: stream.indicator(codes, timeframe="5m", indicators=[average]),
        "indicator_signal": lambda: stream.indicator_signal(codes, timeframe="5m", indicators=crossings),
        "subscribe_info": lambda: stream.subscribe_info(
            indicator={"codes": codes, "timeframe": "5m", "indicators": [average]}
        ),
    }
    for name, subscribe in wanted.items():
        with _clock_put_forward(url):
            outcomes.call(f"ws_stream.{name}", lambda s=subscribe: _frame(s()), undeclared)


@contextlib.contextmanager
def _clock_put_forward(url: str, seconds: float = 300.0, every_s: float = 1.0) -> Iterator[None]:
    """Put the exchange's clock forward, again and again."""
    ended = threading.Event()

    def put_forward() -> None:
        body = json.dumps({"fault": "clock_skew", "seconds": seconds}).encode()
        while not ended.wait(every_s):
            request = urllib.request.Request(f"{url}/simulator/faults", body, method="POST")
            urllib.request.urlopen(request, timeout=FRAMES_S).close()

    thread = threading.Thread(target=put_forward)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _frame(subscription: Any) -> Any:
    with subscription as connection:
        for event in connection:
            return event
    raise RuntimeError("the stream ended")


def main() -> None:
    url, access_key, secret_key = arguments()
    outcomes = Outcomes()
    client = upbit.Upbit(
        access_key=access_key, secret_key=secret_key, base_url=url, max_retries=0,
        websocket_base_url=url.replace("http", "ws"), _strict_response_validation=True,
        http_client=upbit.DefaultHttpxClient(trust_env=False),
    )  # fmt: skip
    for part in (quotation, account, orders, streams):
        part(client, outcomes)
    indicators(client, url, outcomes)
    outcomes.end(upbit.__version__, methods_of(client))


if __name__ == "__main__":
    main()
