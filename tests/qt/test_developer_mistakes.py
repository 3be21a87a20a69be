"""Mistakes of the application raise where they are made, say what would be right, and change nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from PySide6.QtCore import QObject

from qt_upbit import (
    Account,
    ConfigError,
    CredentialsRequiredError,
    Delivery,
    GlobalWebSocketManager,
    InvalidRequestError,
    InvalidSubscriptionError,
    LocalProtocolError,
    ProxyClosedError,
    WebSocketClientProxy,
)
from qt_upbit.qt.candle_feed import CandleFeed
from qt_upbit.rest.endpoints import Endpoint
from qt_upbit.rest.session import RestSession
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.types import Scope
from tests.qt.conftest import MakeManager
from tests.support.wait import turns

IDS = ("uuids", "identifiers")
_EMPTY: tuple[Any, ...] = ([], (), set(), frozenset(), {}, iter([]))
LISTS: dict[str, tuple[str, ...]] = {
    "get_orders": IDS,
    "cancel_orders": IDS,
    "cancel_open_orders": ("codes", "excluded_codes", "quote_currencies"),
    "get_open_orders": ("states",),
    "get_closed_orders": ("states",),
}
"""Arguments of REST calls that take several values and may be left out."""

RSI = [{"type": "rsi", "params": {"period": 14}}]
SIGNAL = [{"type": "rsi", "params": {"period": 14}, "trigger": "price_cross_above"}]

MARKET_CALLS: dict[str, dict[str, Any]] = {
    "subscribe_ticker": {},
    "subscribe_trade": {},
    "subscribe_orderbook": {},
    "subscribe_candle": {},
    "get_ticker_snapshot": {},
    "get_trade_snapshot": {},
    "get_orderbook_snapshot": {},
    "get_candle_snapshot": {},
    "subscribe_my_order": {},
    "subscribe_indicator": {"timeframe": "5m", "indicators": RSI},
    "subscribe_indicator_signal": {"timeframe": "5m", "indicators": SIGNAL},
}
"""Every call that takes codes, with what else it needs."""

OTHER_CALLS = ("subscribe_my_asset", "subscribe_announcement")

BAD_CODES: list[tuple[Any, str]] = [
    (["krw-btc"], "'KRW-BTC'"),
    (["KRW-BTC", "krw-eth"], "'KRW-ETH'"),
    (["BTC-KRW"], "'KRW-BTC'"),
    (["btc-krw"], "'KRW-BTC'"),
    (["KRW/BTC"], "'KRW-BTC'"),
    (["KRW_BTC"], "'KRW-BTC'"),
    (["KRWBTC"], "'KRW-BTC'"),
    (["KRW-BTC.5"], "depth=5"),
    ([" KRW-BTC"], "'KRW-BTC'"),
    (["KRW-BTC\n"], "'KRW-BTC'"),
    (["KRW-비트코인"], "'KRW-BTC'"),
    (["K" * 100_000], "'KRW-BTC'"),
    ([""], "'KRW-BTC'"),
    ([], '"KRW-BTC"'),
    ((), '"KRW-BTC"'),
    ("KRW-BTC", "['KRW-BTC']"),
    (b"KRW-BTC", '"KRW-BTC"'),
    ({"KRW-BTC": 1}, '"KRW-BTC"'),
    (5, '"KRW-BTC"'),
    (True, '"KRW-BTC"'),
    (object(), '"KRW-BTC"'),
    ([None], "'KRW-BTC'"),
    ([5], "'KRW-BTC'"),
    ([b"KRW-BTC"], "'KRW-BTC'"),
    ([["KRW-BTC"]], "'KRW-BTC'"),
]

_FLAGS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"snapshot": 1}, InvalidSubscriptionError, "True or False"),
    ({"realtime": "no"}, InvalidSubscriptionError, "True or False"),
    ({"snapshot": False, "realtime": False}, InvalidSubscriptionError, "True"),
]
_RECEIVER: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"delivery": "sometimes"}, InvalidSubscriptionError, "latest, every, batch"),
    ({"delivery": 5}, InvalidSubscriptionError, "latest, every, batch"),
    ({"delivery": Delivery}, InvalidSubscriptionError, "latest, every, batch"),
    ({"callback": "print"}, TypeError, "callable"),
    ({"callback": 5}, TypeError, "callable"),
]
_DEPTHS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"depth": wrong}, InvalidSubscriptionError, "1, 5, 15, 30")
    for wrong in (0, -1, 10, 31, "5", 5.0, True, [5])
]
_LEVELS: list[tuple[dict[str, Any], type[Exception], str]] = [
    *(
        ({"level": wrong}, InvalidSubscriptionError, "whole number or Decimal, 0 or more")
        for wrong in (
            -1,
            0.5,
            "1000",
            None,
            True,
            Decimal("NaN"),
            Decimal("Infinity"),
            Decimal("1e999999999"),
            10**5000,
        )
    ),
    ({"codes": ["BTC-ETH"], "level": 1}, InvalidSubscriptionError, "level=0"),
    ({"codes": ["KRW-BTC", "USDT-BTC"], "level": Decimal("0.1")}, InvalidSubscriptionError, "level=0"),
]
_UNITS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"unit": wrong}, InvalidSubscriptionError, "1s, 1m, 3m")
    for wrong in ("2m", "1d", "1M", "", None, 1, ["1m"])
]
_TIMEFRAMES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"timeframe": "1m"}, InvalidSubscriptionError, "5m, 15m"),
    ({"timeframe": None}, InvalidSubscriptionError, "5m, 15m"),
    ({"indicators": []}, InvalidSubscriptionError, "must be a list"),
    ({"indicators": "rsi"}, InvalidSubscriptionError, "must be a list"),
    ({"indicators": [5]}, InvalidSubscriptionError, "indicator 5"),
    ({"indicators": [{"type": "wave", "params": {}}]}, InvalidSubscriptionError, "volume, rsi"),
    ({"codes": ["BTC-ETH"]}, InvalidSubscriptionError, "not available for BTC and USDT pairs"),
]

OPTION_MISTAKES: dict[str, list[tuple[dict[str, Any], type[Exception], str]]] = {
    "subscribe_ticker": [*_FLAGS, *_RECEIVER],
    "subscribe_trade": [*_FLAGS, *_RECEIVER],
    "subscribe_orderbook": [*_FLAGS, *_RECEIVER, *_DEPTHS, *_LEVELS],
    "subscribe_candle": [*_FLAGS, *_RECEIVER, *_UNITS],
    "get_orderbook_snapshot": [*_DEPTHS, *_LEVELS],
    "get_candle_snapshot": _UNITS,
    "subscribe_my_order": _RECEIVER,
    "subscribe_my_asset": _RECEIVER,
    "subscribe_announcement": [
        *_RECEIVER,
        ({"categories": "trade"}, InvalidSubscriptionError, '["trade"]'),
        ({"categories": []}, InvalidSubscriptionError, '["trade"]'),
        ({"categories": ["gossip"]}, InvalidSubscriptionError, "notice, trade"),
        ({"include_body": "yes"}, InvalidSubscriptionError, "True or False"),
    ],
    "subscribe_indicator": [*_RECEIVER, *_TIMEFRAMES],
    "subscribe_indicator_signal": [
        *_RECEIVER,
        *_TIMEFRAMES,
        ({"indicators": RSI}, InvalidSubscriptionError, "price_cross_above"),
    ],
}


class Watched:
    """A proxy with keys, and a look at what a refused call must not change."""

    def __init__(self, server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
        self._server = server
        self.manager = manager
        self.proxy = WebSocketClientProxy("proxy", manager=manager)

    async def call(self, name: str, options: dict[str, Any]) -> Any:
        """Call a method of the proxy; what is no coroutine raises before anything is awaited."""
        values = dict(MARKET_CALLS.get(name, {})) | options
        if name in MARKET_CALLS and "codes" not in values:
            values["codes"] = ["KRW-BTC"]
        method = getattr(self.proxy, name)
        if "codes" in values:
            found = method(values.pop("codes"), **values)
        else:
            found = method(**values)
        return await found if inspect.iscoroutine(found) else found

    async def check_untouched(self) -> None:
        await turns()
        metrics = self.manager.metrics()
        assert metrics.subscriptions == 0
        assert self.proxy.subscriptions == ()
        for scope in Scope:
            assert self.manager.streams(scope) == {}
            assert self._server.exchange.total_connections(scope) == 0


@pytest_asyncio.fixture
async def watched(server: SimulatedServer, make_manager: MakeManager) -> Any:
    watched = Watched(server, make_manager(server, keys=True))
    yield watched
    watched.proxy.close()


def test_the_tables_name_every_call_of_a_proxy() -> None:
    calls = {
        name
        for name in dir(WebSocketClientProxy)
        if (name.startswith("subscribe_") or name.endswith("_snapshot")) and not name.startswith("_")
    }
    assert calls == {*MARKET_CALLS, *OTHER_CALLS}
    assert OPTION_MISTAKES.keys() <= calls


@pytest.mark.parametrize("call", MARKET_CALLS)
async def test_wrong_codes(watched: Watched, call: str) -> None:
    for codes, says in BAD_CODES:
        with pytest.raises(InvalidSubscriptionError) as caught:
            await watched.call(call, {"codes": codes})
        assert says in str(caught.value), codes
        assert len(str(caught.value)) < 300
    if call != "subscribe_my_order":
        with pytest.raises(InvalidSubscriptionError, match=r'\["KRW-BTC"\]'):
            await watched.call(call, {"codes": None})
    await watched.check_untouched()


@pytest.mark.parametrize("call", OPTION_MISTAKES)
async def test_wrong_options(watched: Watched, call: str) -> None:
    for options, error, says in OPTION_MISTAKES[call]:
        with pytest.raises(error) as caught:
            await watched.call(call, options)
        assert type(caught.value) is error, options
        assert says in str(caught.value), options
        assert len(str(caught.value)) < 400
    await watched.check_untouched()


async def test_what_is_no_mistake(watched: Watched) -> None:
    """Any iterable of codes will do, and a code named twice is wanted once."""
    generator = (code for code in ("KRW-BTC", "KRW-ETH", "KRW-BTC"))
    subscription = watched.proxy.subscribe_ticker(generator)  # type: ignore[call-overload]  # the mistake
    assert subscription.codes == ("KRW-BTC", "KRW-ETH")
    assert watched.proxy.subscribe_ticker({"KRW-BTC": None}.keys()).codes == ("KRW-BTC",)  # type: ignore[call-overload]  # works nevertheless
    assert watched.proxy.subscribe_trade(["KRW-BTC"], delivery="every").delivery is Delivery.EVERY  # type: ignore[call-overload]  # works nevertheless
    assert watched.manager.metrics().subscriptions == 3


async def test_private_streams_without_keys(server: SimulatedServer, make_manager: MakeManager) -> None:
    watched = Watched(server, make_manager(server))
    for call in ("subscribe_my_order", *OTHER_CALLS, "subscribe_indicator", "subscribe_indicator_signal"):
        with pytest.raises(CredentialsRequiredError, match=r"UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY"):
            await watched.call(call, {})
    with pytest.raises(CredentialsRequiredError, match="UPBIT_ACCESS_KEY"):
        Account(manager=watched.manager)
    await watched.check_untouched()
    assert watched.manager.metrics().proxies == 1
    watched.proxy.close()


async def test_a_closed_proxy(watched: Watched) -> None:
    watched.proxy.close()
    for call in (*MARKET_CALLS, *OTHER_CALLS):
        with pytest.raises(ProxyClosedError, match=r"proxy 'proxy' is closed: make a new one"):
            await watched.call(call, {})
    await watched.check_untouched()


async def test_a_closed_manager(watched: Watched) -> None:
    await watched.manager.aclose()
    for call in (*MARKET_CALLS, *OTHER_CALLS):
        with pytest.raises(ProxyClosedError, match="make a new proxy"):
            await watched.call(call, {})
    makers: tuple[Callable[[], object], ...] = (
        lambda: WebSocketClientProxy("late", manager=watched.manager),
        lambda: CandleFeed("KRW-BTC", manager=watched.manager),
        lambda: Account(manager=watched.manager),
        lambda: watched.manager.rest,
        watched.manager.reconnect,
        watched.manager.renew,
    )
    for make in makers:
        with pytest.raises(ProxyClosedError, match="closed"):
            make()


@pytest.mark.parametrize("name", ["", None, 5, b"chart", ["chart"]])
async def test_a_proxy_without_a_name(watched: Watched, name: Any) -> None:
    with pytest.raises(ValueError, match='"my_chart"'):
        WebSocketClientProxy(name, manager=watched.manager)
    assert watched.manager.metrics().proxies == 1


@pytest.mark.parametrize("parent", ["window", 5, object()])
async def test_a_parent_that_is_no_qobject(watched: Watched, parent: Any) -> None:
    with pytest.raises(TypeError, match="parent must be a QObject"):
        WebSocketClientProxy("chart", parent, manager=watched.manager)
    assert watched.manager.metrics().proxies == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"code": "krw-btc"}, "'KRW-BTC'"),
        ({"code": "BTC-KRW"}, "'KRW-BTC'"),
        ({"code": ["KRW-BTC"]}, "'KRW-BTC'"),
        ({"code": None}, "'KRW-BTC'"),
        ({"unit": "2m"}, "1s, 1m"),
        ({"unit": None}, "1s, 1m"),
        ({"count": 0}, "200"),
        ({"count": "all"}, "200"),
        ({"count": True}, "200"),
    ],
)
async def test_a_candle_feed_with_a_mistake_leaves_nothing_with_its_parent(
    watched: Watched, arguments: dict[str, Any], says: str
) -> None:
    parent = QObject()
    with pytest.raises(InvalidSubscriptionError) as caught:
        CandleFeed(**({"code": "KRW-BTC"} | arguments), parent=parent, manager=watched.manager)
    assert says in str(caught.value)
    assert parent.children() == []
    assert watched.manager.metrics().proxies == 1
    await watched.check_untouched()


REST_MISTAKES: list[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    *(
        (name, (["KRW-ETH", wrong],), {}, InvalidSubscriptionError, "'KRW-BTC'")
        for name in ("get_tickers", "get_orderbooks", "get_instruments")
        for wrong in ("krw-btc", "BTC-KRW", "KRWBTC", None, 5)
    ),
    *(
        (name, ("KRW-BTC",), {}, TypeError, "['KRW-BTC']")
        for name in ("get_tickers", "get_orderbooks", "get_instruments")
    ),
    *(
        (name, (wrong, *rest), {}, InvalidSubscriptionError, "'KRW-BTC'")
        for name, rest in (("get_trades", ()), ("get_candles", ("1m",)), ("get_order_chance", ()))
        for wrong in ("krw-btc", "BTC-KRW", None, ["KRW-BTC"])
    ),
    *(
        ("get_candles", ("KRW-BTC", wrong), {}, InvalidSubscriptionError, "1s, 1m")
        for wrong in ("2m", None, 5)
    ),
    *(
        ("get_orderbooks", (["KRW-BTC"],), {"depth": wrong}, InvalidSubscriptionError, "1 to 30")
        for wrong in (0, 31, "5", True)
    ),
    ("get_candles", ("KRW-BTC", "1m"), {"count": None}, ValueError, "`after`"),
    ("get_order", (), {}, ValueError, "uuid, identifier"),
    ("cancel_orders", (), {}, ValueError, "uuids or identifiers"),
    *(
        (name, (empty,), {}, InvalidRequestError, "never means all")
        for name in ("get_tickers", "get_orderbooks", "get_instruments", "get_all_tickers")
        for empty in _EMPTY
    ),
    *(
        (name, (), {argument: empty}, InvalidRequestError, f"{argument} is empty")
        for name, arguments in LISTS.items()
        for argument in arguments
        for empty in _EMPTY
    ),
    *(
        (name, (), {argument: text}, InvalidRequestError, "give a list of")
        for name, arguments in (LISTS | {"get_all_tickers": ("quote_currencies",)}).items()
        for argument in arguments
        for text in ("KRW-BTC", "KRW", "wait", "", b"KRW-BTC", 5, ["KRW-BTC", []])
    ),
    *(
        (name, (), {argument: wrong}, InvalidRequestError, says)
        for name, argument, wrong, says in (
            ("get_orders", "uuids", ["u1", ""], "id of an order"),
            ("get_orders", "identifiers", ["u1", None], "id of an order"),
            ("cancel_orders", "uuids", [str(n) for n in range(21)], "1 to 20"),
            ("get_all_tickers", "quote_currencies", ["krw"], "'KRW'"),
            ("get_all_tickers", "quote_currencies", ["KRW,BTC"], "'KRW'"),
            ("get_all_tickers", "quote_currencies", ["KRW", None], "'KRW'"),
            ("cancel_open_orders", "codes", [f"KRW-A{n}" for n in range(21)], "1 to 20"),
            ("cancel_open_orders", "excluded_codes", [f"KRW-A{n}" for n in range(21)], "1 to 20"),
            ("cancel_open_orders", "quote_currencies", ["KRW-BTC"], "'KRW'"),
            ("cancel_open_orders", "ask_bid", "buy", "AskBid.ASK, AskBid.BID"),
            ("cancel_open_orders", "ask_bid", "", "AskBid.ASK, AskBid.BID"),
            ("cancel_open_orders", "all_markets", "no", "True or False"),
            ("cancel_open_orders", "all_markets", False, "all_markets=True"),
            ("cancel_order", "uuid", "", "id of an order"),
            ("get_order", "identifier", " ", "id of an order"),
            ("get_open_orders", "states", ["done"], "OrderState.WAIT, OrderState.WATCH"),
            ("get_open_orders", "states", [None], "OrderState.WAIT, OrderState.WATCH"),
            ("get_closed_orders", "states", ["wait"], "OrderState.DONE, OrderState.CANCEL"),
        )
    ),
    *(
        ("cancel_open_orders", (), {"all_markets": True, "count": wrong}, InvalidRequestError, "1 to 300")
        for wrong in (0, -5, True, False, 301, "20", 1.0, None)
    ),
    *(
        (name, ("KRW-BTC", *rest), {"count": wrong}, InvalidRequestError, "1 or more")
        for name, rest in (("get_trades", ()), ("get_candles", ("1m",)), ("candle_pages", ("1m",)))
        for wrong in (0, -5, True, "20", 1.0)
    ),
    *(
        ("get_trades", ("KRW-BTC",), {argument: wrong}, InvalidRequestError, argument)
        for argument in ("before_id", "days_ago")
        for wrong in (0, -1, True, "1")
    ),
    ("get_trades", ("KRW-BTC",), {"days_ago": 8}, InvalidRequestError, "1 to 7"),
    *(
        ("get_orderbooks", (["KRW-BTC"],), {"level": wrong}, InvalidRequestError, "0 or more")
        for wrong in (-1, 1.5, True, "10000", Decimal("nan"))
    ),
    ("cancel_open_orders", (), {}, InvalidRequestError, "all_markets=True"),
    *(
        ("cancel_open_orders", (), both, InvalidRequestError, "give only one of")
        for both in (
            {"codes": ["KRW-BTC"], "quote_currencies": ["KRW"]},
            {"codes": ["KRW-BTC"], "all_markets": True},
            {"quote_currencies": ["KRW"], "all_markets": True},
        )
    ),
    ("cancel_order", (), {"uuid": "u", "identifier": "i"}, InvalidRequestError, "one of uuid, identifier"),
    ("cancel_order", (), {}, InvalidRequestError, "one of uuid, identifier"),
    ("cancel_orders", (), {"uuids": ["u"], "identifiers": ["i"]}, InvalidRequestError, "not both"),
    *(
        ("cancel_and_new", ("KRW-BTC", "BID", "limit"), ids, InvalidRequestError, "prev_order_uuid")
        for ids in ({}, {"prev_order_uuid": ""}, {"prev_order_uuid": "u", "prev_order_identifier": "i"})
    ),
]


async def test_wrong_rest_calls(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = watched.manager.rest
    sent: list[str] = []

    async def ask(session: RestSession, endpoint: Endpoint, **_: Any) -> bytes:
        sent.append(endpoint.name)
        return b"[]"

    monkeypatch.setattr(RestSession, "ask", ask)
    for name, positional, named, error, says in REST_MISTAKES:
        with pytest.raises(error) as caught:
            await getattr(rest, name)(*positional, **named)
        assert says in str(caught.value), (name, positional, named)
        assert isinstance(caught.value, LocalProtocolError)
        assert not sent, (name, positional, named)


@pytest.mark.parametrize("wrong", [None, "keys", 5, {"access_key": "a"}])
async def test_things_that_are_no_configuration(watched: Watched, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="takes a WebSocketConfig"):
        GlobalWebSocketManager.configure(wrong)
    with pytest.raises(ConfigError, match="takes Credentials"):
        watched.manager.set_credentials(wrong)
