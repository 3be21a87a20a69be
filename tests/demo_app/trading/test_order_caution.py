"""What makes an order ask twice: every reason, on both sides, at its limit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from demo_app.trading.order_caution import Caution, CautionLimits, cautions
from demo_app.trading.order_ticket import OrderTicket
from qt_upbit import AskBid, OrderType

D = Decimal
ONE, LAST, THOUSAND = D(1), D(100), D(1000)


def _found(
    ticket: OrderTicket,
    limits: CautionLimits | None = None,
    *,
    last: Decimal | None = LAST,
    needed: Decimal = ONE,
    available: Decimal | None = THOUSAND,
    is_stale: bool = False,
) -> tuple[Caution, ...]:
    return cautions(
        ticket,
        limits or CautionLimits(),
        last_price=last,
        needed=needed,
        available=available,
        is_stale=is_stale,
    )


def _limit(side: AskBid, price: str, volume: str = "1", code: str = "KRW-XRP") -> OrderTicket:
    return OrderTicket(code, side, OrderType.LIMIT, D(price), D(volume))


@pytest.mark.parametrize(
    ("side", "price", "is_far"),
    [
        (AskBid.BID, "105", True),
        (AskBid.BID, "158", True),
        (AskBid.BID, "104.9", False),
        (AskBid.BID, "10", False),
        (AskBid.ASK, "95", True),
        (AskBid.ASK, "1", True),
        (AskBid.ASK, "95.1", False),
        (AskBid.ASK, "200", False),
    ],
)
def test_a_price_far_on_the_wrong_side(side: AskBid, price: str, is_far: bool) -> None:
    assert _found(_limit(side, price)) == ((Caution.FAR,) if is_far else ())
    assert _found(_limit(side, price), CautionLimits(distance=None)) == ()


@pytest.mark.parametrize(
    ("code", "price", "volume", "last"),
    [
        ("KRW-XRP", "100", "100000", "100"),
        ("BTC-XRP", "0.00001", "10000", "0.00001"),
        ("USDT-XRP", "1", "10000", "1"),
    ],
)
def test_a_large_value_in_every_quote_currency(code: str, price: str, volume: str, last: str) -> None:
    assert _found(_limit(AskBid.BID, price, volume, code), last=D(last)) == (Caution.LARGE,)
    assert _found(_limit(AskBid.BID, price, "1", code), last=D(last)) == ()
    assert _found(_limit(AskBid.BID, price, volume, code), CautionLimits(value=None), last=D(last)) == ()


def test_orders_without_a_price_are_valued_at_the_last_one() -> None:
    sale = OrderTicket("KRW-XRP", AskBid.ASK, OrderType.MARKET, None, D(100_000))
    assert _found(sale) == (Caution.LARGE,)
    assert _found(sale, last=None) == (Caution.NO_PRICE,)
    buy = OrderTicket("KRW-XRP", AskBid.BID, OrderType.MARKET, None, None, D(10_000_000))
    assert _found(buy) == (Caution.LARGE,)


@pytest.mark.parametrize(("needed", "is_much"), [("500", True), ("1000", True), ("499.9", False)])
def test_a_large_share_of_the_balance(needed: str, is_much: bool) -> None:
    found = _found(_limit(AskBid.BID, "100"), needed=D(needed))
    assert found == ((Caution.SHARE,) if is_much else ())
    assert _found(_limit(AskBid.BID, "100"), CautionLimits(share=None), needed=D(needed)) == ()
    for unknown in (None, D(0)):
        assert _found(_limit(AskBid.BID, "100"), needed=D(needed), available=unknown) == ()


def test_old_prices_and_several_reasons_at_once() -> None:
    assert _found(_limit(AskBid.ASK, "100"), is_stale=True) == (Caution.STALE,)
    ticket = _limit(AskBid.BID, "200", "100000")
    found = _found(ticket, needed=D(900), is_stale=True)
    assert found == (Caution.FAR, Caution.LARGE, Caution.SHARE, Caution.STALE)


def test_limits_as_the_user_chose_them() -> None:
    assert CautionLimits.of("", "", "") == CautionLimits()
    assert CautionLimits.of("10", "50000000", "75") == CautionLimits(
        distance=D("0.1"), value=D(50_000_000), share=D("0.75")
    )
    assert CautionLimits.of("off", "off", "off") == CautionLimits(distance=None, value=None, share=None)
