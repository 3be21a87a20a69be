"""Objects that die inside a slot of their own signals or of another object's: the others lose nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QObject

from qt_upbit import (
    Account,
    AskBid,
    CandleFeed,
    ConnectionState,
    Delivery,
    GlobalWebSocketManager,
    IndicatorEventParams,
    IndicatorParams,
    OrderType,
    ProxyClosedError,
    Scope,
    Subscription,
    WebSocketClientProxy,
)
from qt_upbit.core import EVENT_TYPES
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events, exchange
from tests.support.model_server import RSI, event, frame
from tests.support.wait import turns, until

pytestmark = pytest.mark.filterwarnings("ignore:the proxy .* was collected:ResourceWarning")
"""Proxies are dropped here while they subscribe, on purpose."""

# --- ways to die ----------------------------------------------------------------------------------

Kill = Callable[[dict[str, Any], str], None]


def close(alive: dict[str, Any], name: str) -> None:
    alive[name].close()


def delete(alive: dict[str, Any], name: str) -> None:
    shiboken6.delete(alive[name])


def delete_the_parent(alive: dict[str, Any], name: str) -> None:
    shiboken6.delete(alive[f"parent of {name}"])


def delete_later(alive: dict[str, Any], name: str) -> None:
    alive[name].deleteLater()


def delete_the_parent_later(alive: dict[str, Any], name: str) -> None:
    alive[f"parent of {name}"].deleteLater()


def drop(alive: dict[str, Any], name: str) -> None:
    del alive[name]


AT_ONCE: tuple[Kill, ...] = (close, delete, delete_the_parent)
WAYS: tuple[Kill, ...] = (*AT_ONCE, delete_later, delete_the_parent_later, drop)


def has_parent(way: Kill) -> bool:
    return way in (delete_the_parent, delete_the_parent_later)


# --- proxies --------------------------------------------------------------------------------------


@dataclass
class Case:
    """One signal of a proxy: what makes it speak several times in a row, and what must be heard."""

    signal: str
    scope: Scope
    subscribe: Callable[[WebSocketClientProxy], Subscription]
    happen: Callable[[SimulatedServer, GlobalWebSocketManager], Awaitable[None]]
    heard: list[Any]
    read: Callable[..., Any] = lambda *args: args[0]
    config: dict[str, Any] = field(default_factory=dict)


def stream_case(name: str, delivery: Delivery = Delivery.EVERY) -> Case:
    """The signal of an event type: four frames in one packet."""
    row = EVENT_TYPES[name]
    options: dict[str, Any] = {}
    if row.has_snapshot:
        options["snapshot"] = False
    if name == "candle":
        options["unit"] = "1m"
    if "indicator" in name:
        trigger = (
            {"trigger": "overbought", "event_params": {"threshold": 70}} if name.endswith("signal") else {}
        )
        options |= {"timeframe": "5m", "indicators": [RSI | trigger]}
    codes = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"] if row.scope is not Scope.PRIVATE else None

    def subscribe(proxy: WebSocketClientProxy) -> Subscription:
        return proxy.open_subscription(name, codes, delivery=delivery, **options)

    async def happen(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
        session = exchange.session(server, row.scope)
        for number in range(1, 5):
            fields: dict[str, Any] = {}
            if name == "candle":
                fields["candle_date_time_utc"] = f"2030-01-01T00:{number:02}:00"
            elif name == "trade":
                fields["sequential_id"] = number
            elif "indicator" in name:
                fields |= {"timeframe": "5m", "indicator": "rsi", "params": IndicatorParams(period=14)}
                if name.endswith("signal"):
                    fields |= {
                        "trigger": "overbought",
                        "event_params": IndicatorEventParams(threshold=Decimal(70)),
                    }
            code = codes[number - 1] if codes else "KRW-BTC"
            made = event(row.wire_types[0] if name != "candle" else "candle.1m", code, number, **fields)
            server.exchange.send_raw(session, frame(made))

    def read(reported: Any) -> Any:
        return tuple(e.timestamp for e in reported) if isinstance(reported, tuple) else reported.timestamp

    return Case(f"{name}_received", row.scope, subscribe, happen, [1, 2, 3, 4], read)


def trades(proxy: WebSocketClientProxy) -> Subscription:
    return proxy.subscribe_trade(["KRW-BTC"], snapshot=False)


async def cut_the_connection(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    await server.drop(Scope.PUBLIC, "reset")


async def overflow(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    hub = manager._frames.hub
    for subscriber in hub:
        hub.pause(subscriber.key, True)
    for number in range(1, 41):
        server.exchange.send_raw(exchange.session(server), frame(events.trade("KRW-BTC", number)))
    await until(lambda: manager.metrics().scopes[Scope.PUBLIC].messages >= 40)
    for subscriber in hub:
        hub.pause(subscriber.key, False)


async def garbage(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    for text in (b"not json", b"[", b"{"):
        server.exchange.send_raw(exchange.session(server), text)


CASES = [
    *(stream_case(name) for name in EVENT_TYPES),
    stream_case("ticker", Delivery.LATEST),
    stream_case("ticker", Delivery.BATCH),
    Case(
        "connection_state_changed",
        Scope.PUBLIC,
        trades,
        cut_the_connection,
        [ConnectionState.RECONNECTING, ConnectionState.RESYNCING, ConnectionState.LIVE],
        lambda scope, state: state,
    ),
    Case(
        "gap_detected",
        Scope.PUBLIC,
        trades,
        cut_the_connection,
        [("KRW-BTC",)],
        lambda scope, codes, begin, end: codes,
        {"recover_gaps": False},
    ),
    Case("overflowed", Scope.PUBLIC, trades, overflow, [38], lambda kind, lost: lost, {"high_water_mark": 2}),
    Case("error_occurred", Scope.PUBLIC, trades, garbage, ["DecodeError"] * 3, lambda e: type(e).__name__),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.signal)
async def test_slots_that_end_proxies_cost_no_other_proxy_an_event(
    make_server: MakeServer, make_manager: MakeManager, case: Case
) -> None:
    """Each slot ends its own proxy, the next one or the one before, in every way, with more under way."""
    server = await make_server(duplicate_snapshot=False)
    manager = make_manager(server, keys=True, **case.config)
    alive: dict[str, Any] = {}
    heard: dict[str, list[Any]] = {}
    heard_at_death: dict[str, int] = {}
    connect: dict[str, Callable[[], Any]] = {}

    def make(name: str, on_signal: Callable[[], None] = lambda: None, *, parent: bool = False) -> None:
        if parent:
            alive[f"parent of {name}"] = QObject()
        proxy = alive[name] = WebSocketClientProxy(name, alive.get(f"parent of {name}"), manager=manager)
        mine = heard[name] = list[Any]()

        def slot(*args: Any) -> None:
            mine.append(case.read(*args))
            if len(mine) == 1:
                on_signal()

        case.subscribe(proxy)
        connect[name] = lambda: getattr(alive[name], case.signal).connect(slot)

    def end(way: Kill, name: str) -> None:
        if way in AT_ONCE:
            heard_at_death[name] = len(heard[name])
        way(alive, name)

    make("first")
    for way in WAYS:
        itself, later, earlier = (f"{way.__name__}: {which}" for which in ("itself", "later", "earlier"))
        make(itself, lambda way=way, name=itself: end(way, name), parent=has_parent(way))
        make(earlier, parent=has_parent(way))
        make(f"killer {way.__name__}", lambda way=way, a=earlier, b=later: end(way, a) or end(way, b))
        make(later, parent=has_parent(way))
        make(f"after {way.__name__}")
    await until(lambda: exchange.streams(server, case.scope) and manager.state(case.scope) == "live")
    await turns(20)
    for each in connect.values():
        each()

    await case.happen(server, manager)
    witnesses = [name for name in heard if name.startswith(("first", "killer", "after"))]
    await until(lambda: all(len(heard[name]) >= len(case.heard) for name in witnesses) or is_batch(heard))
    await turns(20)
    expected = [tuple(case.heard)] if is_batch(heard) else case.heard
    assert {name: heard[name] for name in witnesses} == dict.fromkeys(witnesses, expected)
    for name, count in heard_at_death.items():
        assert len(heard[name]) == count, f"{name} heard something after its end"
    gc.collect()
    await until(lambda: manager.metrics().proxies == len(witnesses))
    for name in witnesses:
        alive[name].close()


def is_batch(heard: dict[str, list[Any]]) -> bool:
    return isinstance(heard["first"][0], tuple) and len(heard["first"][0]) > 1 if heard["first"] else False


# --- the manager ----------------------------------------------------------------------------------


def begin_aclose(alive: dict[str, Any], name: str) -> None:
    alive["task"] = asyncio.ensure_future(alive[name].aclose())


async def nothing(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    """It speaks by itself."""


async def renew(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    await until(manager.renew)


async def change_keys(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    assert manager.config.credentials is not None
    manager.set_credentials(manager.config.credentials)


async def trade_a_lot(server: SimulatedServer, manager: GlobalWebSocketManager) -> None:
    for number in range(1, 20):
        server.exchange.publish(events.trade("KRW-BTC", number))


MANAGER_CASES = [
    ("state_changed", cut_the_connection),
    ("public_state_changed", cut_the_connection),
    ("error_occurred", garbage),
    ("metrics_updated", nothing),
    ("credentials_changed", change_keys),
    ("token_renewed", renew),
    (Delivery.EVERY, trade_a_lot),
    (Delivery.BATCH, trade_a_lot),
    (Delivery.LATEST, trade_a_lot),
]


@pytest.mark.parametrize("way", [delete, begin_aclose], ids=lambda way: way.__name__)
@pytest.mark.parametrize(("signal", "happen"), MANAGER_CASES, ids=[str(each[0]) for each in MANAGER_CASES])
async def test_a_manager_that_ends_inside_a_slot(
    server: SimulatedServer, make_manager: MakeManager, signal: str | Delivery, happen: Any, way: Kill
) -> None:
    """Its own signals, and those of a proxy that it is delivering to, with more events waiting."""
    manager = make_manager(server, keys=True, metrics_interval_s=0.1)
    clients = [link.client for link in manager._links.values()]
    alive: dict[str, Any] = {"manager": manager}
    proxies = [WebSocketClientProxy(f"proxy {i}", manager=manager) for i in range(3)]
    calls: list[int] = []

    def slot(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            way(alive, "manager")

    for proxy in proxies:
        await proxy.subscribe_trade(["KRW-BTC"], delivery=signal if isinstance(signal, Delivery) else None)
        if signal == "token_renewed":
            await proxy.subscribe_my_order()
    await until(lambda: manager.state(Scope.PUBLIC) is ConnectionState.LIVE)
    await turns(10)
    for proxy in proxies:
        if isinstance(signal, Delivery):
            proxy.trade_received.connect(slot)
    if not isinstance(signal, Delivery):
        getattr(manager, signal).connect(slot)
    await happen(server, manager)
    await until(lambda: calls)
    await until(lambda: not server.exchange.sessions, what="no connection is left at the exchange")
    if way is begin_aclose:
        await alive["task"]
    for proxy in proxies:
        with pytest.raises(ProxyClosedError):
            proxy.subscribe_ticker(["KRW-BTC"])
        proxy.close()
    for client in clients:
        await client.aclose()


# --- the account ----------------------------------------------------------------------------------


def place(server: SimulatedServer) -> TheirOrder:
    account = server.exchange.account
    account.balance("KRW").balance = Decimal(10**9)
    now_ms = server.exchange.market_ms(server.now())
    return account.place(
        account.draft(
            "KRW-BTC", AskBid.BID, OrderType.LIMIT, now_ms, price=Decimal(100_000), volume=Decimal(1)
        )
    )


async def order_and_fill(server: SimulatedServer, alive: dict[str, Any]) -> None:
    order = place(server)
    now_ms = server.exchange.market_ms(server.now())
    for _ in range(3):
        server.exchange.account.fill(order, Decimal(100_000), Decimal("0.2"), now_ms, is_maker=True)


async def ask_again(server: SimulatedServer, alive: dict[str, Any]) -> None:
    for account in [each for each in alive.values() if isinstance(each, Account)]:
        account.resync()


async def cut(server: SimulatedServer, alive: dict[str, Any]) -> None:
    await server.drop(Scope.PRIVATE, "reset")


ACCOUNT_CASES = [
    ("order_changed", order_and_fill),
    ("order_event", order_and_fill),
    ("filled", order_and_fill),
    ("balance_changed", order_and_fill),
    ("synchronized", ask_again),
    ("state_changed", ask_again),  # REST has just been asked
    ("gap_detected", cut),
    ("error_occurred", cut),
]


@pytest.mark.parametrize(("signal", "happen"), ACCOUNT_CASES, ids=[each[0] for each in ACCOUNT_CASES])
async def test_accounts_that_end_inside_a_slot_of_their_own(
    make_server: MakeServer, make_manager: MakeManager, signal: str, happen: Any
) -> None:
    server = await make_server(rest_limit=None)
    manager = make_manager(server, keys=True, recover_gaps="cut" not in happen.__name__)
    alive: dict[str, Any] = {}
    ended: list[str] = []
    references: dict[str, weakref.ref[Account]] = {}

    def make(name: str, way: Kill | None = None) -> None:
        parent = alive[f"parent of {name}"] = QObject() if way is not None and has_parent(way) else None
        account = alive[name] = Account(parent, manager=manager)
        references[name] = weakref.ref(account)

    def end(way: Kill) -> None:
        if way.__name__ not in ended:
            ended.append(way.__name__)
            way(alive, way.__name__)

    make("first")
    for way in WAYS:
        make(way.__name__, way)
    make("last")
    for name in references:
        await alive[name].synchronized_once()
    await turns(5)
    logs: dict[str, list[Any]] = {"first": [], "last": []}
    for name, log in logs.items():
        alive[name].order_event.connect(lambda e, log=log: log.append((e.uuid, e.state, e.trade_uuid)))
    for way in WAYS:
        getattr(alive[way.__name__], signal).connect(lambda *_, way=way: end(way))

    await happen(server, alive)
    await until(lambda: len(ended) == len(WAYS), what=f"{ended}")
    await until(lambda: manager.metrics().proxies == 2)
    await until(lambda: manager.state(Scope.PRIVATE) is ConnectionState.LIVE)
    for name in logs:
        alive[name].resync()
        await alive[name].synchronized_once()
    newest = place(server).uuid
    await until(lambda: all(log[-1:] and log[-1][0] == newest for log in logs.values()))
    assert logs["first"] == logs["last"]
    assert len(set(logs["first"])) == len(logs["first"])
    assert len(logs["first"]) == (5 if happen is order_and_fill else 1)
    alive["first"].close()
    alive["last"].close()
    alive.clear()
    gc.collect()
    await until(lambda: not [name for name, each in references.items() if each() is not None])


# --- a chart's candles ----------------------------------------------------------------------------


FEED_WAYS = (close, delete, drop)
"""Fewer than there are: the exchange gives ten candle calls a second."""


async def another_market(server: SimulatedServer, feed: CandleFeed) -> None:
    feed.set_market("KRW-ETH")


async def change_candle(server: SimulatedServer, feed: CandleFeed) -> None:
    start = feed[-1].candle_date_time_utc
    for price in range(1, 4):
        server.exchange.publish(
            events.candle(
                "KRW-BTC",
                price=price,
                candle_date_time_utc=start,
                timestamp=2**42 + price,
                candle_acc_trade_volume=Decimal(10**12 + price),
                candle_acc_trade_price=Decimal(10**18 + price),
            )
        )


async def more(server: SimulatedServer, feed: CandleFeed) -> None:
    feed.load_more(10)


async def bad_frame(server: SimulatedServer, feed: CandleFeed) -> None:
    server.exchange.send_raw(exchange.session(server), b"not json")


FEED_CASES = [
    ("candles_added", more),
    ("loaded", more),
    ("candle_changed", change_candle),
    ("reset", another_market),
    ("error_occurred", bad_frame),
]


@pytest.mark.parametrize(("signal", "happen"), FEED_CASES, ids=[each[0] for each in FEED_CASES])
async def test_feeds_that_end_inside_a_slot_of_their_own(
    make_server: MakeServer, make_manager: MakeManager, signal: str, happen: Any
) -> None:
    server = await make_server(rest_limit=None, markets=3)
    manager = make_manager(server)
    alive: dict[str, Any] = {"first": CandleFeed("KRW-BTC", count=5, manager=manager)}
    heard: dict[str, list[str]] = {}
    at_death: dict[str, int] = {}

    def note(name: str, what: str, way: Kill) -> None:
        heard[name].append(what)
        if what == signal and name not in at_death:
            at_death[name] = len(heard[name])
            way(alive, name)

    for way in FEED_WAYS:
        name = way.__name__
        parent = alive[f"parent of {name}"] = QObject() if has_parent(way) else None
        alive[name] = CandleFeed("KRW-BTC", count=5, parent=parent, manager=manager)
    feeds = [name for name, each in alive.items() if isinstance(each, CandleFeed)]
    await until(lambda: all(len(alive[name]) >= 5 and not alive[name].is_loading for name in feeds))
    await turns(20)
    for way in FEED_WAYS:
        heard[way.__name__] = []
        for what, _ in FEED_CASES:
            getattr(alive[way.__name__], what).connect(
                lambda *_, name=way.__name__, what=what, way=way: note(name, what, way)
            )
    for name in feeds:
        if name in alive:
            await happen(server, alive[name])
    await until(lambda: len(at_death) == len(FEED_WAYS), what=f"{at_death}")
    await turns(20)
    gc.collect()
    await until(lambda: manager.metrics().proxies == 1)
    for way in (close, delete):
        assert len(heard[way.__name__]) == at_death[way.__name__], f"{way.__name__} went on"
    feed = alive["first"]
    await until(lambda: len(feed) >= 5)
    assert [candle.start for candle in feed] == sorted({candle.start for candle in feed})
    feed.close()
