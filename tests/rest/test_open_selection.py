"""`OpenOrderSelection`: says which orders, sends all of it, and knows which orders that means."""

from __future__ import annotations

from typing import Any

import pytest

from qt_upbit import (
    AskBid,
    CancelledOrder,
    CancelResult,
    DecodeError,
    InvalidRequestError,
    InvalidSubscriptionError,
    Order,
    OrderState,
    OrderType,
)
from qt_upbit.rest.open_selection import OpenOrderSelection

NOTHING: dict[str, Any] = {
    "ask_bid": None, "codes": None, "excluded_codes": None, "quote_currencies": None, "all_markets": False,
    "count": 300,
}  # fmt: skip


def select(**given: Any) -> OpenOrderSelection:
    return OpenOrderSelection.of(**NOTHING | given)


def order(uuid: str, code: str, side: AskBid = AskBid.BID) -> Order:
    return Order(uuid=uuid, code=code, ask_bid=side, order_type=OrderType.LIMIT, state=OrderState.WAIT)


@pytest.mark.parametrize(
    "mistake",
    [
        {},
        {"codes": []},
        {"codes": "KRW-BTC"},
        {"codes": ["KRW-BTC"], "quote_currencies": ["KRW"]},
        {"codes": ["KRW-BTC"], "all_markets": True},
        {"quote_currencies": ["KRW"], "all_markets": True},
        {"quote_currencies": "KRW"},
        {"quote_currencies": ()},
        {"excluded_codes": set()},
        {"excluded_codes": "KRW-BTC"},
        {"all_markets": True, "excluded_codes": []},
        {"all_markets": 1},
        {"all_markets": None},
        {"ask_bid": ""},
        {"ask_bid": "all"},
        {"all_markets": True, "count": 0},
        {"all_markets": True, "count": -1},
        {"all_markets": True, "count": 301},
        {"all_markets": True, "count": True},
        {"all_markets": True, "count": 2.0},
        {"codes": [f"KRW-A{n}" for n in range(21)]},
        {"codes": ["krw-btc"]},
    ],
    ids=str,
)
def test_what_is_not_said_clearly_is_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises((InvalidRequestError, InvalidSubscriptionError)):
        select(**mistake)


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"all_markets": True}, {"cancel_side": "all", "count": 300}),
        (
            {"codes": ["KRW-BTC", "KRW-ETH"], "count": 1},
            {"pairs": "KRW-BTC,KRW-ETH", "cancel_side": "all", "count": 1},
        ),
        (
            {"quote_currencies": ["KRW"], "excluded_codes": ["KRW-BTC"], "ask_bid": "bid"},
            {"quote_currencies": "KRW", "excluded_pairs": "KRW-BTC", "cancel_side": "bid", "count": 300},
        ),
        ({"ask_bid": AskBid.ASK}, {"cancel_side": "ask", "count": 300}),
    ],
    ids=str,
)
def test_everything_is_spelt_out(given: dict[str, Any], query: dict[str, Any]) -> None:
    assert select(**given).query() == query


@pytest.mark.parametrize(
    ("given", "uuids"),
    [
        ({"all_markets": True}, "1234"),
        ({"codes": ["KRW-BTC"]}, "12"),
        ({"codes": ["KRW-BTC"], "excluded_codes": ["KRW-BTC"]}, ""),
        ({"quote_currencies": ["KRW"]}, "123"),
        ({"quote_currencies": ["BTC", "USDT"]}, "4"),
        ({"excluded_codes": ["KRW-BTC"]}, "34"),
        ({"ask_bid": "ASK"}, "24"),
        ({"ask_bid": "ASK", "quote_currencies": ["BTC"]}, "4"),
    ],
    ids=str,
)
def test_it_selects_as_the_exchange_does(given: dict[str, Any], uuids: str) -> None:
    orders = [
        order("1", "KRW-BTC"),
        order("2", "KRW-BTC", AskBid.ASK),
        order("3", "KRW-ETH"),
        order("4", "BTC-ETH", AskBid.ASK),
    ]
    assert "".join(each.uuid for each in select(**given).matching(orders)) == uuids


def test_an_answer_about_other_orders_is_no_answer() -> None:
    def result(*codes: str) -> CancelResult:
        rows = tuple(CancelledOrder(uuid=str(n), code=code) for n, code in enumerate(codes))
        return CancelResult(success=rows[:1], failed=rows[1:])

    own = select(codes=["KRW-BTC"], count=2)
    for right in (result(), result("KRW-BTC"), result("KRW-BTC", "KRW-BTC")):
        assert own.check_answer(right, b"") is right
    for wrong in (result("KRW-ETH"), result("KRW-BTC", "KRW-ETH"), result(*["KRW-BTC"] * 3)):
        with pytest.raises(DecodeError, match="other orders"):
            own.check_answer(wrong, b"{}")
    with pytest.raises(DecodeError):
        select(excluded_codes=["KRW-BTC"]).check_answer(result("KRW-BTC"), b"")
    with pytest.raises(DecodeError):
        select(quote_currencies=["KRW"]).check_answer(result("BTC-ETH"), b"")
