"""`OrderFills`: once each, in order, with their sums."""

from __future__ import annotations

import itertools
from decimal import Decimal, localcontext

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from qt_upbit.exact import EXACT
from qt_upbit.protocol.order_fills import OrderFills
from qt_upbit.records import Fill
from qt_upbit.types import AskBid


def a_fill(uuid: str, time_ms: int, volume: str = "0.1", price: str = "1000") -> Fill:
    return Fill(
        uuid=uuid,
        order_uuid="A",
        code="KRW-BTC",
        ask_bid=AskBid.BID,
        price=Decimal(price),
        volume=Decimal(volume),
        trade_timestamp=time_ms,
    )


_AMOUNTS = st.decimals("1E-8", "1E+12", places=8).map(str)
_FILLS = st.lists(
    st.builds(a_fill, st.uuids().map(str), st.integers(1, 20), volume=_AMOUNTS, price=_AMOUNTS),
    max_size=12,
    unique_by=lambda fill: fill.uuid,
)


@given(_FILLS)
def test_whatever_the_order_of_arrival(fills: list[Fill]) -> None:
    found = OrderFills()
    for fill in (*fills, *fills):
        found.add(fill)
    assert len(found) == len(fills)
    assert list(found.ordered) == sorted(fills, key=lambda fill: (fill.trade_timestamp, fill.uuid))
    assert dict(found.by_uuid) == {fill.uuid: fill for fill in fills}
    with localcontext(EXACT):
        assert found.volume == sum((fill.volume for fill in fills), Decimal(0))
        assert found.funds == sum((fill.price * fill.volume for fill in fills), Decimal(0))


def test_what_is_learnt_of_a_fill_takes_its_place() -> None:
    found = OrderFills()
    for number, time_ms in enumerate((3, 1, 1, 2)):
        found.add(a_fill(f"T{number}", time_ms))
    before = found.ordered
    assert found.ordered is before
    for fill in before:
        found.replace(msgspec.structs.replace(fill, fee=Decimal(fill.trade_timestamp), is_maker=True))
    assert [fill.uuid for fill in found.ordered] == ["T1", "T2", "T3", "T0"]
    assert [fill.fee for fill in found.ordered] == [1, 1, 2, 3]
    assert found.get("T3") is found.ordered[2]
    assert found.get("T9") is None
    assert found.volume == Decimal("0.4")


def test_same_millisecond_is_ordered_by_uuid() -> None:
    for arrival in itertools.permutations("abc"):
        found = OrderFills()
        for uuid in arrival:
            found.add(a_fill(uuid, 5))
        assert [fill.uuid for fill in found.ordered] == ["a", "b", "c"]
