"""Private frames that are lost on a healthy socket: no order stays open for it, and no fill is hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from qt_upbit import Account, AskBid, Asset, DecodeError, Fill, GlobalWebSocketManager, RestError, Scope
from qt_upbit.models import to_dict
from qt_upbit.simulator.account.account import Order as TheirOrder
from qt_upbit.simulator.faults.faults import LostFrames
from qt_upbit.simulator.server.server import SimulatedServer
from tests.qt.conftest import MakeManager, MakeServer
from tests.support import events, exchange
from tests.support.account import differences, place
from tests.support.wait import until

_NO_AUDIT = None
_MANY = 1000


async def ready(
    make_server: MakeServer, make_manager: MakeManager, audit_s: float | None
) -> tuple[SimulatedServer, GlobalWebSocketManager, Account, list[Fill]]:
    server = await make_server(rest_limit=None, account_running=False)
    manager = make_manager(server, keys=True, account_audit_interval_s=audit_s, recovery_timeout_s=60)
    account = Account.instance(manager)
    fills: list[Fill] = []
    account.filled.connect(fills.append)
    await account.synchronized_once()
    return server, manager, account, fills


def fill(server: SimulatedServer, order: TheirOrder, volume: Decimal) -> None:
    assert order.price is not None
    now_ms = server.exchange.market_ms(server.now())
    server.exchange.account.fill(order, order.price, volume, now_ms, is_maker=True)


def cancel(server: SimulatedServer, order: TheirOrder) -> None:
    server.exchange.account.cancel(order, server.exchange.market_ms(server.now()))


def lose(server: SimulatedServer, **fields: object) -> None:
    server.faults.inject(LostFrames(**({"times": _MANY} | fields)))  # type: ignore[arg-type]  # by name


async def ends_as(account: Account, server: SimulatedServer, fills: list[Fill]) -> None:
    """The account becomes the exchange's, and each fill was told once."""
    real = Counter(each.uuid for order in server.exchange.account.orders.values() for each in order.fills)
    await until(lambda: not differences(account, server) and Counter(each.uuid for each in fills) == real)
    assert account.is_synchronized


# --- what contradicts itself, without the periodic comparison ---------------------------------------------


@pytest.mark.parametrize(
    "lost",
    [
        {"containing": '"done"'},
        {"containing": '"trade"'},
        {"type": "myOrder"},
    ],
    ids=["an end with nothing remaining", "a fill that the end counts", "funds that no open order locks"],
)
async def test_what_contradicts_itself_is_looked_up(
    make_server: MakeServer, make_manager: MakeManager, lost: dict[str, object]
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    order = place(server)
    await until(lambda: account.order(order.uuid) is not None)
    lose(server, **lost)
    fill(server, order, order.volume or Decimal(0))
    await ends_as(account, server, fills)


async def test_a_trade_without_its_order_is_looked_up(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    lose(server, containing='"wait"', times=1)
    order = place(server)
    fill(server, order, Decimal("0.1"))
    await ends_as(account, server, fills)
    known = account.order(order.uuid)
    assert known is not None
    assert (known.price, known.volume) == (order.price, order.volume)


async def test_funds_locked_for_an_order_that_was_never_heard_of_are_looked_up(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    lose(server, type="myOrder")
    place(server)
    await ends_as(account, server, fills)


@pytest.mark.parametrize(
    "ask",
    [
        lambda rest, uuid: rest.cancel_order(uuid=uuid),
        lambda rest, uuid: rest.cancel_and_new(
            "KRW-BTC", AskBid.BID, "limit", prev_order_uuid=uuid, price=100_000, volume=1
        ),
    ],
    ids=["cancel", "replace"],
)
async def test_an_order_that_upbit_does_not_know_is_looked_up(
    make_server: MakeServer, make_manager: MakeManager, ask: Callable[..., object]
) -> None:
    server, manager, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    order = place(server)
    await until(lambda: account.order(order.uuid) is not None)
    lose(server)
    cancel(server, order)
    assert account.open_orders
    with pytest.raises(RestError, match="order_not_found"):
        await ask(manager.rest, order.uuid)
    await ends_as(account, server, fills)


def tell(server: SimulatedServer, order: TheirOrder, **fields: object) -> None:
    """Send a frame of an order with other fields; None leaves one out."""
    event = events.my_order(uuid=order.uuid, state="wait", locked=None, timestamp=1_800_000_000_000)
    payload = {key: value for key, value in (to_dict(event) | fields).items() if key not in fields or value}
    session = exchange.session(server, Scope.PRIVATE)
    server.exchange.send_raw(session, msgspec.json.Encoder(decimal_format="number").encode(payload))


@pytest.mark.parametrize("vital", ["uuid", "state", "ask_bid", "order_type", "timestamp"])
async def test_a_frame_that_lacks_a_vital_field_is_looked_up(
    make_server: MakeServer, make_manager: MakeManager, vital: str
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    errors: list[Exception] = []
    account.error_occurred.connect(errors.append)
    order = place(server)
    await until(lambda: account.order(order.uuid) is not None)
    lose(server)
    fill(server, order, order.volume or Decimal(0))
    server.faults.clear()
    tell(server, order, **{vital: None})
    await ends_as(account, server, fills)
    assert any(isinstance(error, DecodeError) and vital in str(error) for error in errors)


async def test_an_unknown_state_is_shown_and_looked_up(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    states: list[object] = []
    account.order_event.connect(lambda event: states.append(event.state))
    order = place(server)
    await until(lambda: account.order(order.uuid) is not None)
    lose(server)
    fill(server, order, Decimal("0.2"))
    server.faults.clear()
    tell(server, order, state="frozen", price=1, volume=1, remaining_volume=0, executed_volume=9)
    await ends_as(account, server, fills)
    assert "frozen" in states
    known = account.order(order.uuid)
    assert known is not None
    assert (known.is_open, known.price, known.volume) == (True, order.price, order.volume)
    assert known.executed_volume == Decimal("0.2")


# --- what contradicts nothing -------------------------------------------------------------------------------


async def test_what_contradicts_nothing_is_found_by_the_comparison(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, 1.0)
    known = place(server)
    await until(lambda: account.order(known.uuid) is not None)
    # The frames of an order, and those of its balances.
    lose(server)
    fill(server, known, known.volume or Decimal(0))
    unheard_of = place(server, 101_000)
    over = place(server, 102_000)
    fill(server, over, over.volume or Decimal(0))
    await ends_as(account, server, fills)
    assert account.order(unheard_of.uuid) is not None
    assert account.order(over.uuid) is not None


async def test_a_lost_cancellation_is_found_by_the_comparison(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, 1.0)
    order = place(server)
    await until(lambda: account.order(order.uuid) is not None)
    lose(server)
    cancel(server, order)
    await ends_as(account, server, fills)


@pytest.mark.logs("assets.balance is not what Upbit documents")
async def test_a_balance_without_its_amount_is_asked_for(
    make_server: MakeServer, make_manager: MakeManager
) -> None:
    server, _, account, fills = await ready(make_server, make_manager, _NO_AUDIT)
    server.exchange.account.balance("KRW").balance -= 7
    server.exchange.publish(
        msgspec.structs.replace(
            events.my_asset(), assets=(Asset(currency="KRW", balance=None, locked=Decimal(0)),)
        )
    )
    await ends_as(account, server, fills)
