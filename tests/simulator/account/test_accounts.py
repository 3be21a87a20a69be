"""Accounts by key: several on one simulated exchange, each for itself, in one market."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
import upbit
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from qt_upbit.config import Credentials
from qt_upbit.models import decode_all
from qt_upbit.protocol.jwt_manager import JWTManager
from qt_upbit.protocol.wire import Request, RequestItem, encode_request
from qt_upbit.simulator import (
    SIMULATED_ACCESS_KEY,
    SIMULATED_SECRET_KEY,
    SimulatedAccount,
    SimulatedExchange,
    SimulatedServer,
    SimulatorSettings,
)
from qt_upbit.simulator.account.account import Account, Order
from qt_upbit.simulator.account.matching_engine import OrderRefused, OrderRequest
from qt_upbit.simulator.market.price_grid import from_units
from qt_upbit.simulator.server.rest import RestApi
from qt_upbit.types import (
    AskBid,
    BaseWebSocketEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderState,
    OrderType,
    Scope,
    SmpType,
    TimeInForce,
    TradeEvent,
)
from tests.support.wait import until

NOW = 1_800_000_000.0
BTC = "KRW-BTC"
SECOND = SimulatedAccount(
    access_key="second-access-key-of-no-account",
    secret_key="second-secret-" * 5,
    balances={"KRW": 10**9, "BTC": Decimal("2.5")},
)
EMPTY = SimulatedAccount(access_key="third-access-key-of-no-account", secret_key="third-secret-" * 6)
FIRST_KEYS = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
SECOND_KEYS = Credentials(access_key=SECOND.access_key, secret_key=SECOND.secret_key)


def authorization(keys: Credentials) -> str:
    return JWTManager(keys).authorization_header()["Authorization"]


class Table:
    """An exchange that stands still, with three accounts."""

    def __init__(self, **options: Any) -> None:
        settings = SimulatorSettings(
            markets=3,
            market_running=False,
            account_running=False,
            further_accounts=(SECOND, EMPTY),
            **options,
        )
        self.exchange = SimulatedExchange(settings, now=NOW)
        self.first, self.second, self.third = self.exchange.accounts.values()

    @property
    def best(self) -> tuple[Decimal, Decimal]:
        """Best ask and best bid of the visible book."""
        ask, bid = self.exchange.market.pairs[BTC].quote
        return from_units(ask).normalize(), from_units(bid).normalize()

    def place(
        self, account: Account, side: AskBid, kind: OrderType = OrderType.LIMIT, **fields: Any
    ) -> Order:
        request = OrderRequest(code=BTC, side=side, order_type=kind, **fields)
        return self.exchange.engine.place(request, self.exchange.market_ms(NOW), account=account)

    def private(self, keys: Credentials) -> Any:
        session = self.exchange.connect(Scope.PRIVATE, NOW, {"Authorization": authorization(keys)})
        items = (RequestItem("myOrder", None), RequestItem("myAsset", None))
        self.exchange.receive(session, encode_request(Request("t", items)), NOW)
        self.exchange.tick(NOW)
        return session


def events_of(session: Any) -> list[BaseWebSocketEvent]:
    return [event for raw in session.take() if isinstance(raw, bytes) for event in decode_all(raw)]


def test_one_account_by_default() -> None:
    exchange = SimulatedExchange(SimulatorSettings(markets=3), now=NOW)
    assert list(exchange.accounts) == [SIMULATED_ACCESS_KEY]
    assert exchange.account is exchange.accounts[SIMULATED_ACCESS_KEY]


def test_each_begins_with_its_own() -> None:
    table = Table()
    assert table.first is table.exchange.account
    assert table.first.available("KRW") > 50_000_000
    assert (table.second.available("KRW"), table.second.available("BTC")) == (10**9, Decimal("2.5"))
    assert table.third.balances == {}
    assert len({table.first.uuid, table.second.uuid, table.third.uuid}) == 3


def test_private_frames_go_to_their_account_only() -> None:
    table = Table()
    first, second = table.private(FIRST_KEYS), table.private(SECOND_KEYS)
    order = table.place(table.second, AskBid.BID, price=table.best[1] - 10_000, volume=Decimal("0.01"))
    assert first.take() == []
    frames = events_of(second)
    assert [event.type for event in frames] == ["myOrder", "myAsset"]
    assert isinstance(frames[0], MyOrderEvent)
    assert frames[0].uuid == order.uuid
    assert isinstance(frames[1], MyAssetEvent)
    assert frames[1].asset_uuid == table.second.uuid
    table.place(table.first, AskBid.BID, price=table.best[1] - 10_000, volume=Decimal("0.01"))
    assert len(first.take()) == 2
    assert second.take() == []


def test_what_one_takes_of_the_other_is_a_trade_for_both_and_on_the_tape() -> None:
    table = Table()
    public = table.exchange.connect(Scope.PUBLIC, NOW)
    request = encode_request(Request("t", (RequestItem("trade", (BTC,), is_only_realtime=True),)))
    table.exchange.receive(public, request, NOW)
    table.exchange.tick(NOW + 1)
    public.take()
    price = (table.best[0] + table.best[1]) // 2 // 1000 * 1000
    if price == table.best[1]:
        price = table.best[0]  # no room between the two: before the book's own
    maker = table.place(table.second, AskBid.ASK, price=price, volume=Decimal("0.3"))
    assert maker.state is OrderState.WAIT
    taker = table.place(table.first, AskBid.BID, price=price, volume=Decimal("0.1"))
    assert (taker.state, maker.state) == (OrderState.DONE, OrderState.TRADE)
    assert (taker.fills[0].is_maker, maker.fills[0].is_maker) == (False, True)
    assert taker.fills[0].price == maker.fills[0].price == price
    (trade,) = events_of(public)
    assert isinstance(trade, TradeEvent)
    assert (trade.trade_price, trade.trade_volume) == (price, Decimal("0.1"))
    assert maker.remaining_volume == Decimal("0.2")


@pytest.mark.parametrize("smp", [*SmpType, None])
def test_self_match_prevention_is_between_orders_of_one_account(smp: SmpType | None) -> None:
    table = Table(default_smp_type=None)
    price = table.best[0]
    other = table.place(table.second, AskBid.ASK, price=price, volume=Decimal("0.1"), smp_type=smp)
    order = table.place(table.first, AskBid.BID, price=price, volume=Decimal("0.1"), smp_type=smp)
    assert order.state is other.state is OrderState.DONE
    assert order.prevented_volume == other.prevented_volume == 0


def test_price_then_age_for_every_account() -> None:
    table = Table()
    price = table.best[1]
    tick = Decimal(1000)
    old = table.place(table.first, AskBid.BID, price=price - tick, volume=Decimal("0.1"))
    better = table.place(table.second, AskBid.BID, price=price, volume=Decimal("0.1"))
    table.exchange.trade(BTC, price - tick, Decimal("0.15"), AskBid.ASK, NOW)
    assert better.state is OrderState.DONE
    assert old.executed_volume == Decimal("0.05")


def test_fill_or_kill_counts_what_other_accounts_offer() -> None:
    table = Table()
    price = table.best[0]
    asks = table.exchange.market.pairs[BTC].book.asks
    visible = from_units(asks[0][1])
    volume = (visible + Decimal("0.5")).quantize(Decimal("1E-8"))
    table.first.balance("KRW").balance = Decimal(10**12)
    alone = table.place(table.first, AskBid.BID, price=price, volume=volume, time_in_force=TimeInForce.FOK)
    assert alone.state is OrderState.CANCEL
    table.place(table.second, AskBid.ASK, price=price, volume=Decimal("0.5"))
    order = table.place(table.first, AskBid.BID, price=price, volume=volume, time_in_force=TimeInForce.FOK)
    assert order.state is OrderState.DONE


def test_an_identifier_is_good_once_for_each_account() -> None:
    table = Table()
    fields: dict[str, Any] = {
        "price": table.best[1] - 10_000,
        "volume": Decimal("0.01"),
        "identifier": "mine",
    }
    table.place(table.first, AskBid.BID, **fields)
    table.place(table.second, AskBid.BID, **fields)
    with pytest.raises(OrderRefused, match="duplicated_identifier"):
        table.place(table.second, AskBid.BID, **fields)


def test_a_delisted_pair_ends_the_orders_of_all() -> None:
    table = Table()
    for account in (table.first, table.second):
        table.place(account, AskBid.BID, price=table.best[1] - 10_000, volume=Decimal("0.01"))
    table.exchange.delist(BTC)
    assert not table.first.open_orders
    assert not table.second.open_orders


def test_connections_are_counted_for_each_key() -> None:
    table = Table()
    for _ in range(table.exchange.settings.connects_per_second):
        headers = {"Authorization": authorization(FIRST_KEYS)}
        assert table.exchange.admit(Scope.PRIVATE, headers, "127.0.0.1", NOW) is None
    refused = table.exchange.admit(
        Scope.PRIVATE, {"Authorization": authorization(FIRST_KEYS)}, "127.0.0.1", NOW
    )
    assert refused is not None
    assert refused.status == 429
    headers = {"Authorization": authorization(SECOND_KEYS)}
    assert table.exchange.admit(Scope.PRIVATE, headers, "127.0.0.1", NOW) is None


STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(list(AskBid)),
        st.integers(-3, 3),
        st.integers(1, 30),
        st.booleans(),
    ),
    max_size=25,
)


@given(STEPS)
def test_nothing_is_made_and_nothing_is_lost_between_accounts(
    steps: list[tuple[int, AskBid, int, int, bool]],
) -> None:
    """Money moves between accounts and the market by fills and fees only; `locked` is that of open orders."""
    table = Table()
    accounts = (table.first, table.second)
    begin = [{name: held.balance for name, held in account.balances.items()} for account in accounts]
    middle = table.best[1]
    for who, side, ticks, parts, cancel in steps:
        account = accounts[who]
        try:
            order = table.place(account, side, price=middle + ticks * 1000, volume=Decimal(parts).scaleb(-3))
        except OrderRefused:
            continue
        assert order.account is account
        if cancel and order.is_open:
            account.cancel(order, int(NOW * 1000))
    for account, start in zip(accounts, begin, strict=True):
        change = {"KRW": Decimal(0), "BTC": Decimal(0)}
        for order in account.orders.values():
            sign = 1 if order.side is AskBid.BID else -1
            change["BTC"] += sign * order.executed_volume
            change["KRW"] -= sign * order.executed_funds + order.paid_fee
        for currency, difference in change.items():
            held = account.balance(currency)
            assert held.balance + held.locked == start[currency] + difference
            locked = sum(
                (each.locked for each in account.open_orders if each.held_currency == currency), Decimal(0)
            )
            assert held.locked == locked


@pytest.mark.parametrize(
    "fields",
    [
        {"access_key": ""},
        {"secret_key": ""},
        {"balances": {"KRW": -1}},
        {"balances": {"KRW": Decimal("NaN")}},
    ],
)
def test_impossible_accounts_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        SimulatedAccount(**({"access_key": "a", "secret_key": "b"} | fields))


def test_balances_are_exact_numbers() -> None:
    with pytest.raises(TypeError, match="KRW"):
        SimulatedAccount(access_key="a", secret_key="b", balances={"KRW": 0.5})  # type: ignore[dict-item]  # the mistake


def test_no_two_accounts_have_one_key() -> None:
    with pytest.raises(ValueError, match="access_key"):
        SimulatorSettings(further_accounts=(SECOND, SECOND))
    with pytest.raises(ValueError, match="access_key"):
        SimulatorSettings(access_key=SECOND.access_key, further_accounts=(SECOND,))


def test_settings_with_accounts_hash_and_hide_their_secrets() -> None:
    settings = SimulatorSettings(further_accounts=(SECOND,))
    assert hash(settings) == hash(SimulatorSettings(further_accounts=(SECOND,)))
    for secret in (SECOND.access_key, SECOND.secret_key):
        assert secret not in repr(settings)
        assert secret not in repr(SECOND)
        assert secret not in str(SECOND)


# --- on real sockets --------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SimulatedServer]:
    settings = SimulatorSettings(
        markets=5, account_running=False, market_running=False, further_accounts=(SECOND, EMPTY)
    )
    async with SimulatedServer(settings) as running:
        yield running


MakeSdk = Callable[[Credentials], Any]


@pytest_asyncio.fixture
async def sdk(server: SimulatedServer) -> AsyncIterator[MakeSdk]:
    """Makes Upbit's own client for a key."""
    clients: list[upbit.AsyncUpbit] = []

    def make(keys: Credentials) -> Any:
        client = upbit.AsyncUpbit(
            access_key=keys.access_key.get_secret_value(),
            secret_key=keys.secret_key.get_secret_value(),
            base_url=server.url,
            max_retries=0,
            http_client=upbit.DefaultAsyncHttpxClient(trust_env=False),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


async def _private(server: SimulatedServer, keys: Credentials) -> ClientConnection:
    socket = await connect(
        server.url.replace("http", "ws") + Scope.PRIVATE.path,
        additional_headers={"Authorization": authorization(keys)},
        proxy=None,
    )
    items = (RequestItem("myOrder", None), RequestItem("myAsset", None))
    await socket.send(encode_request(Request("t", items)))
    await socket.send(encode_request(Request("l", (), method="LIST_SUBSCRIPTIONS")))
    await socket.recv(decode=False)  # what is subscribed: the request has arrived
    return socket


async def test_rest_and_sockets_of_two_accounts(server: SimulatedServer, sdk: MakeSdk) -> None:
    first = sdk(FIRST_KEYS)
    second = sdk(SECOND_KEYS)
    third = sdk(Credentials(access_key=EMPTY.access_key, secret_key=EMPTY.secret_key))
    assert {each.currency: each.balance for each in await second.accounts.list()} == {
        "KRW": "1000000000",
        "BTC": "2.5",
    }
    assert await third.accounts.list() == []
    assert len(await first.accounts.list()) > 2
    price = f"{Decimal(server.exchange.market.pairs[BTC].quote[1]).scaleb(-8) - 5000:f}"
    one, two = await _private(server, FIRST_KEYS), await _private(server, SECOND_KEYS)
    async with one, two:
        order = await second.orders.create(
            market=BTC, side="bid", ord_type="limit", price=price, volume="0.01", identifier="same"
        )
        mine = await first.orders.create(
            market=BTC, side="bid", ord_type="limit", price=price, volume="0.02", identifier="same"
        )
        for socket, expected in ((two, order), (one, mine)):
            (frame,) = decode_all(await socket.recv(decode=False))
            assert isinstance(frame, MyOrderEvent)
            assert frame.uuid == expected.uuid
    assert [each.uuid async for each in second.orders.list_open()] == [order.uuid]
    assert [each.uuid async for each in first.orders.list_open()] == [mine.uuid]
    assert (await first.orders.retrieve(identifier="same")).uuid == mine.uuid
    assert (await second.orders.retrieve(identifier="same")).uuid == order.uuid
    for client in (first, third):
        with pytest.raises(upbit.NotFoundError):
            await client.orders.retrieve(uuid=order.uuid)
        with pytest.raises(upbit.NotFoundError):
            await client.orders.cancel(uuid=order.uuid)
    cancelled = await third.orders.cancel_open()
    assert cancelled.success.count == 0
    with pytest.raises(upbit.BadRequestError, match="insufficient_funds_bid"):
        await third.orders.create(market=BTC, side="bid", ord_type="limit", price=price, volume="0.01")
    await second.orders.cancel_open()
    await until(lambda: not server.exchange.accounts[SECOND.access_key].open_orders)
    assert [each.uuid for each in server.exchange.account.open_orders] == [mine.uuid]


def test_calls_are_counted_for_each_account() -> None:
    settings = SimulatorSettings(
        markets=5, account_running=False, market_running=False, further_accounts=(SECOND,)
    )
    exchange = SimulatedExchange(settings, now=NOW)
    rest = RestApi(exchange)

    def status(keys: Credentials) -> int:
        steps = rest.answer(
            "GET", "/v1/accounts", "", {"Authorization": authorization(keys)}, "127.0.0.1", NOW
        )
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return int(done.value.status)

    while status(FIRST_KEYS) == 200:
        pass
    assert exchange.violations["rest"] == 1
    assert status(SECOND_KEYS) == 200


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (Credentials(access_key="unknown", secret_key=SECOND.secret_key), "invalid_access_key"),
        (Credentials(access_key=SECOND.access_key, secret_key=SIMULATED_SECRET_KEY), "jwt_verification"),
        (Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SECOND.secret_key), "jwt_verification"),
    ],
)
async def test_a_key_opens_with_its_own_secret_only(
    server: SimulatedServer, sdk: MakeSdk, keys: Credentials, name: str
) -> None:
    client = sdk(keys)
    with pytest.raises(upbit.AuthenticationError, match=name):
        await client.accounts.list()
    with pytest.raises(InvalidStatus) as refused:
        await _private(server, keys)
    assert refused.value.response.status_code == 401
