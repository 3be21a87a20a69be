"""Amounts are the same whatever decimal context the application has set."""

from __future__ import annotations

import decimal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_app.style import formats
from demo_app.trading import order_entry
from demo_app.trading.holdings import Holding
from qt_upbit import AskBid, OrderType, StreamType, check_order, exactly, round_to_tick, to_dict
from qt_upbit.core import OrderTracker
from qt_upbit.exact import EXACT, exact_sum, plain_text, quotient
from qt_upbit.models import decode_all
from qt_upbit.protocol.market_rules import MarketRules
from qt_upbit.records import Balance
from qt_upbit.rest import parsers
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.simulator.account.matching_engine import OrderRequest
from qt_upbit.simulator.account.order_calls import fill_row, listed_row, order_row
from qt_upbit.types import MyOrderEvent

DATA = Path(__file__).parent / "data"
AMOUNTS = st.decimals("-1E+12", "1E+12", places=8)


def hostile() -> decimal.Context:
    """Three digits, rounding up, and a trap for everything that is not exact."""
    return decimal.Context(
        prec=3, rounding=decimal.ROUND_UP, capitals=0, clamp=1,
        traps=[decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped],
    )  # fmt: skip


@given(st.lists(AMOUNTS, max_size=20))
def test_a_sum_is_exact(values: list[D]) -> None:
    with decimal.localcontext(hostile()):
        total, texts = exact_sum(values), [plain_text(value) for value in values]
    assert total == D(sum(int(value.scaleb(8, EXACT)) for value in values)).scaleb(-8, EXACT)
    assert [D(text) for text in texts] == values
    assert all("e" not in text.lower() and not ("." in text and text.endswith("0")) for text in texts)


def test_division_by_zero_and_nonsense_still_raise() -> None:
    with pytest.raises(decimal.DivisionByZero):
        EXACT.divide(D(1), D(0))
    with pytest.raises(decimal.InvalidOperation):
        EXACT.create_decimal("many")
    assert str(quotient(D(1), D(3))) == "0." + "3" * 28


def test_a_function_runs_exactly_and_leaves_the_callers_context_alone() -> None:
    @exactly
    def product(first: D, *, second: D) -> D:
        """Multiply."""
        return first * second

    with decimal.localcontext(hostile()):
        assert str(product(D("155772000.12345678"), second=D("0.12345678"))) == "19231109.5494015765279684"
        assert decimal.getcontext().prec == 3
    assert (product.__name__, product.__doc__) == ("product", "Multiply.")


def rules() -> list[Any]:
    found: list[Any] = [
        check_order("KRW-BTC", "ASK", "limit", price=155_772_000, volume="0.12345678"),
        check_order("KRW-PEPE", "BID", "limit", price="0.0123", volume="1234567.12345678"),
        check_order("USDT-BTC", "BID", "limit", price="97123.45", volume="0.00010001"),
        check_order("BTC-DOGE", "BID", "limit", price=D("1E-8"), volume=D("1E4")),
        round_to_tick("KRW-XRP", D("4123.456789"), "down"),
        round_to_tick("KRW-XRP", D("4123.456789"), "up"),
        round_to_tick("KRW-XRP", D("4123.456789"), "nearest"),
        MarketRules(code="SGD-BTC", tick_size=D("0.05"), price=D("150.05")).tick_at(D("163.25")),
    ]
    for price in ("155772500", "123456.789"):
        try:
            check_order("KRW-BTC", "BID", "limit", price=price, volume="0.001")
        except ValueError as error:
            found.append(str(error))
    return found


def frames() -> list[Any]:
    found: list[Any] = []
    for path in sorted(DATA.glob("*.default.jsonl")):
        for line in path.read_bytes().splitlines():
            try:
                events = decode_all(line)
            except ValueError as error:  # lines that are faulty by their source
                found.append(type(error).__name__)
                continue
            found += [to_dict(event) for event in events]
            found += [event.truncated(2).total_ask_size for event in events if hasattr(event, "truncated")]
    return found


def account() -> list[Any]:
    """Orders, fills, fees and balances of the simulated exchange, and what the tracker makes of them."""
    settings = SimulatorSettings(markets=3, market_running=False, account_running=True)
    exchange = SimulatedExchange(settings, now=1.8e9)
    seen: list[Any] = []
    tracker, owner = OrderTracker(), exchange.account
    publish = owner._publish

    def watch(event: Any) -> None:
        seen.append(to_dict(event))
        if isinstance(event, MyOrderEvent):
            seen.append(tracker.apply_order(event))
        publish(event)

    owner._publish = watch
    pair, now_ms = exchange.market.pairs["KRW-BTC"], exchange.market_ms(1.8e9)
    requests = [
        OrderRequest(code="KRW-BTC", side=AskBid.BID, order_type=OrderType.PRICE, price=D(123_457)),
        OrderRequest(code="KRW-BTC", side=AskBid.ASK, order_type=OrderType.MARKET, volume=D("0.00123457")),
        OrderRequest(
            code="KRW-BTC", side=AskBid.BID, order_type=OrderType.LIMIT, volume=D("0.00345679"),
            price=round_to_tick("KRW-BTC", D(pair.quote[1] // 10**8), "down"),
        ),
    ]  # fmt: skip
    for request in requests:
        order = exchange.engine.place(request, now_ms)
        exchange.trade("KRW-BTC", D("100000000"), D("0.00123457"), AskBid.ASK, 1.8e9)
        rows = [order_row(order), listed_row(order)]
        full = rows[0] | {"trades": [fill_row(order, fill) for fill in order.fills]}
        read = parsers.order(full)
        seen += [*rows, full, read, read.avg_price, read.executed_funds]
    seen += [
        Balance(currency=each.currency, balance=each.balance, locked=each.locked, avg_buy_price=None).total
        for each in owner.balances.values()
    ]
    return [
        *seen,
        pair.ticker_event(now_ms, seen_kind()),
    ]


def seen_kind() -> Any:

    return StreamType.REALTIME


def texts() -> list[Any]:
    held = Holding("BTC", D("1.12345678"), D("0.00000001"), D("155772000.5"), D("158219000"))
    return [
        formats.price(D("155772123.456"), "KRW"),
        formats.amount(D("1234567.123456789")),
        formats.size(D("0.000123456")),
        formats.percent(D("0.0123456")),
        order_entry.exact_text(D("155772000.10")),
        *(held.total, held.value, held.profit, held.profit_rate),
        order_entry.volume_for(D(123457), D(155772000)),
        order_entry.fee_of(D("1234567.89"), D("0.0005")),
        order_entry.nearest_price("SGD-BTC", 123456.789),
    ]


@pytest.mark.parametrize("results", [rules, frames, account, texts])
def test_the_ambient_context_changes_no_answer(results: Callable[[], list[Any]]) -> None:
    usual = results()
    assert usual
    formats._steps.cache_clear()
    with decimal.localcontext(hostile()):
        under_traps = results()
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP, traps=[])):
        rounded = results()
    assert repr(under_traps) == repr(usual)
    assert repr(rounded) == repr(usual)


_CHANGED_DEFAULTS = """
import decimal
context = decimal.DefaultContext
context.prec, context.rounding = 3, decimal.ROUND_UP
context.traps[decimal.Inexact] = context.traps[decimal.Rounded] = True
decimal.setcontext(decimal.Context())
from tests import test_exact
for results in (test_exact.rules, test_exact.frames, test_exact.account, test_exact.texts):
    print(len(results()))
"""


def test_defaults_that_were_changed_before_the_import_change_nothing() -> None:
    done = subprocess.run(  # our own program
        [sys.executable, "-c", _CHANGED_DEFAULTS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [int(line) for line in done.stdout.split()] == [
        len(results()) for results in (rules, frames, account, texts)
    ]
