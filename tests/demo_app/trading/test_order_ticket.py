"""An order form gives one order: each order type has exactly the numbers that Upbit requires."""

from __future__ import annotations

import itertools
from decimal import ROUND_UP, Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.trading import order_entry as entry
from demo_app.trading.order_ticket import CONDITIONS, KINDS, SMP_TYPES, OrderTerms, OrderTicket
from qt_upbit import AskBid, MarketRules, OrderType, TimeInForce

D = Decimal
amounts = st.none() | st.decimals("0", "200000000", places=8)


@st.composite
def tickets(draw: st.DrawFn) -> OrderTicket:
    kind = draw(st.sampled_from(KINDS))
    return OrderTicket(
        "KRW-BTC",
        draw(st.sampled_from(list(AskBid))),
        kind,
        draw(amounts),
        draw(amounts),
        draw(amounts),
        draw(st.sampled_from(CONDITIONS[kind])),
        draw(st.sampled_from(SMP_TYPES)),
    )


@given(tickets())
def test_an_order_has_the_numbers_of_its_type(ticket: OrderTicket) -> None:
    market = MarketRules(code="KRW-BTC", tick_size=D(5), min_total_bid=D(7), min_total_ask=D(8))
    order = ticket.draft(OrderTerms(market=market))
    assert (order.code, order.ask_bid, order.rules) == (
        ticket.code,
        ticket.ask_bid,
        market.order_rules(ticket.ask_bid, ticket.price if ticket.has_price else None),
    )
    assert (order.condition, order.smp_type) == (ticket.condition, ticket.smp_type)
    expected = {
        (OrderType.LIMIT, AskBid.BID): (OrderType.LIMIT, ticket.price, ticket.volume),
        (OrderType.LIMIT, AskBid.ASK): (OrderType.LIMIT, ticket.price, ticket.volume),
        (OrderType.MARKET, AskBid.BID): (OrderType.PRICE, ticket.total, None),
        (OrderType.MARKET, AskBid.ASK): (OrderType.MARKET, None, ticket.volume),
        (OrderType.BEST, AskBid.BID): (OrderType.BEST, ticket.total, None),
        (OrderType.BEST, AskBid.ASK): (OrderType.BEST, None, ticket.volume),
    }
    assert (order.order_type, order.price, order.volume) == expected[ticket.kind, ticket.ask_bid]
    numbers = [order.price] if order.volume is None and not ticket.has_volume else [order.volume]
    numbers += [order.price] if ticket.has_price else []
    assert ticket.is_complete == (None not in numbers)


@pytest.mark.parametrize(
    ("kind", "side", "condition"),
    [
        (kind, side, condition)
        for kind, side in itertools.product(KINDS, AskBid)
        for condition in CONDITIONS[kind]
    ],
)
def test_every_order_type_and_time_in_force_passes_the_librarys_checks(
    kind: OrderType, side: AskBid, condition: TimeInForce | None
) -> None:
    ticket = OrderTicket("KRW-BTC", side, kind, D(100_000_000), D("0.01"), D(1_000_000), condition)
    ticket.draft(OrderTerms()).check()


@given(tickets(), st.booleans())
def test_only_what_the_user_did_not_give_follows(ticket: OrderTicket, by_total: bool) -> None:
    name, value = ticket.follower(by_total=by_total)
    if not ticket.has_volume:
        assert (name, value) == ("volume", None)
    elif not ticket.has_price:
        assert (name, value) == ("total", None)
    elif by_total:
        assert name == "volume"
        if ticket.total is None or not ticket.price:
            assert value is None
        else:
            assert value is not None
            assert entry.total_of(ticket.price, value) <= ticket.total
    else:
        assert (name, value) == ("total", ticket.worth(None))


@given(tickets(), amounts, st.sampled_from([None, D(0), D("0.0005")]))
def test_no_number_depends_on_the_decimal_context(
    ticket: OrderTicket, last: Decimal | None, rate: Decimal | None
) -> None:
    def numbers() -> tuple[object, ...]:
        worth = ticket.worth(last)
        followers = [ticket.follower(by_total=flag) for flag in (False, True)]
        return worth, ticket.needed(worth, rate), ticket.away(last), followers

    usual = numbers()
    with localcontext(Context(prec=3, rounding=ROUND_UP)):
        assert numbers() == usual


def test_the_distance_of_a_limit_from_the_last_price() -> None:
    ticket = OrderTicket("KRW-XRP", AskBid.BID, OrderType.LIMIT, D(110), D(1))
    assert ticket.away(D(100)) == D("0.1")
    assert ticket.away(D(200)) == D("-0.45")
    assert ticket.away(None) is ticket.away(D(0)) is None
    assert OrderTicket("KRW-XRP", AskBid.BID, OrderType.MARKET, None, None, D(1)).away(D(100)) is None


def test_a_buy_needs_its_fee_too() -> None:
    bid = OrderTicket("KRW-XRP", AskBid.BID, OrderType.LIMIT, D(100), D(10))
    ask = OrderTicket("KRW-XRP", AskBid.ASK, OrderType.LIMIT, D(100), D(10))
    assert bid.needed(bid.worth(None), D("0.0005")) == D("1000.5")
    assert ask.needed(ask.worth(None), D("0.0005")) == 10
