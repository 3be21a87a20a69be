from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.simulator.account.account import CLOSED_KEPT, Account, InsufficientFunds
from qt_upbit.types import AskBid, BaseWebSocketEvent, MyAssetEvent, MyOrderEvent, OrderState, OrderType

START = {"KRW": Decimal("50000000.37231066771348207123"), "BTC": Decimal("0.5")}
NOW = 1_795_402_151_234


def make() -> tuple[Account, list[BaseWebSocketEvent]]:
    events: list[BaseWebSocketEvent] = []
    account = Account(7, events.append)
    for currency, amount in START.items():
        account.balance(currency).balance = amount
    return account, events


def orders(events: list[BaseWebSocketEvent]) -> list[MyOrderEvent]:
    return [event for event in events if isinstance(event, MyOrderEvent)]


def test_a_limit_buy_locks_price_times_volume_and_fee() -> None:
    """The numbers of Upbit's own sample (protocol section 9.2)."""
    account, _ = make()
    order = account.place(
        account.draft(
            "KRW-BTC", AskBid.BID, OrderType.LIMIT, NOW, price=Decimal(155772000), volume=Decimal("0.0001")
        )
    )
    assert order.reserved_fee == order.remaining_fee == Decimal("7.7886")
    assert order.locked == Decimal("15584.9886")
    assert account.balance("KRW").locked == Decimal("15584.9886")


def test_a_market_buy_ends_as_cancel_and_keeps_its_rest() -> None:
    """The numbers of Upbit's own sample (protocol section 9.2)."""
    account, events = make()
    order = account.place(account.draft("KRW-BTC", AskBid.BID, OrderType.PRICE, NOW, price=Decimal(6000)))
    price = Decimal(160594000)
    account.fill(order, price, account.affordable(order, price), NOW, is_maker=False)
    account.cancel(order, NOW)
    assert order.reserved_fee == 3
    assert order.executed_volume == Decimal("0.00003736")
    assert order.paid_fee == Decimal("2.99989592")
    assert order.remaining_fee == Decimal("0.00010408")
    assert order.locked == Decimal("0.20826408")
    frames = orders(events)
    assert [frame.state for frame in frames] == [OrderState.WAIT, OrderState.TRADE, OrderState.CANCEL]
    assert frames[0].volume is frames[0].executed_volume is None
    assert frames[-1].locked == order.locked
    assert account.balance("KRW").locked == 0
    assert account.balance("KRW").balance == START["KRW"] - Decimal("5999.79184") - order.paid_fee


def test_a_better_price_gives_the_difference_back() -> None:
    account, _ = make()
    order = account.place(
        account.draft("KRW-BTC", AskBid.BID, OrderType.LIMIT, NOW, price=Decimal(100), volume=Decimal(10))
    )
    account.fill(order, Decimal(90), Decimal(10), NOW, is_maker=False)
    assert order.state is OrderState.DONE
    assert account.balance("KRW").balance == START["KRW"] - Decimal(900) * Decimal("1.0005")


def test_one_frame_per_changed_currency_with_one_time() -> None:
    account, events = make()
    order = account.place(
        account.draft(
            "KRW-BTC", AskBid.ASK, OrderType.LIMIT, NOW, price=Decimal(158000000), volume=Decimal("0.1")
        )
    )
    events.clear()
    account.fill(order, Decimal(158000000), Decimal("0.04"), NOW + 5, is_maker=True)
    assets = [event for event in events if isinstance(event, MyAssetEvent)]
    assert [[asset.currency for asset in event.assets] for event in assets] == [["KRW"], ["BTC"]]
    assert len({event.asset_timestamp for event in assets}) == 1
    assert assets[1].timestamp == assets[0].timestamp + 1


def test_what_is_not_there_cannot_be_locked() -> None:
    account, events = make()
    with pytest.raises(InsufficientFunds):
        account.place(account.draft("KRW-BTC", AskBid.ASK, OrderType.MARKET, NOW, volume=Decimal(1)))
    assert events == []
    assert account.balance("BTC").balance == START["BTC"]


AMOUNTS = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-8))
PRICES = st.integers(1, 2 * 10**5).map(lambda n: Decimal(n) * 1000)


@given(st.lists(st.tuples(st.booleans(), PRICES, AMOUNTS, st.integers(0, 100), st.booleans()), max_size=15))
def test_nothing_is_lost_and_nothing_is_made(
    steps: list[tuple[bool, Decimal, Decimal, int, bool]],
) -> None:
    account, events = make()
    for bid, price, volume, share, cancel in steps:
        side = AskBid.BID if bid else AskBid.ASK
        try:
            order = account.place(
                account.draft("KRW-BTC", side, OrderType.LIMIT, NOW, price=price, volume=volume)
            )
        except InsufficientFunds:
            continue
        part = (volume * share / 100).quantize(Decimal("1E-8"))
        if part:
            account.fill(order, price, part, NOW, is_maker=True)
        if cancel and order.is_open:
            account.cancel(order, NOW)
    won = coins = Decimal(0)
    for frame in orders(events):
        if frame.state is OrderState.TRADE:
            assert frame.price is not None
            assert frame.volume is not None
            assert frame.trade_fee is not None
            sign = 1 if frame.ask_bid is AskBid.BID else -1
            coins += sign * frame.volume
            won -= sign * frame.price * frame.volume + frame.trade_fee
    for currency, change in (("KRW", won), ("BTC", coins)):
        held = account.balance(currency)
        assert held.balance >= 0
        assert held.locked >= 0
        assert held.balance + held.locked == START[currency] + change
    held_by_orders = sum(
        (order.locked for order in account.open_orders if order.side is AskBid.BID), Decimal(0)
    )
    assert account.balance("KRW").locked == held_by_orders


def test_an_account_remembers_its_newest_finished_orders_and_every_open_one() -> None:
    account, _ = make()

    def place() -> str:
        drafted = account.draft(
            "KRW-BTC", AskBid.BID, OrderType.LIMIT, NOW, price=Decimal(100_000), volume=Decimal("0.1")
        )
        return account.place(drafted).uuid

    first, uuids = place(), []
    for _ in range(CLOSED_KEPT + 500):
        uuids.append(place())
        account.cancel(account.orders[uuids[-1]], NOW)
    assert len(account.orders) <= CLOSED_KEPT + 150
    assert set(uuids[-CLOSED_KEPT:]) < set(account.orders)
    assert first in account.orders
