"""REST response bodies, as Upbit sent or documented them, become exact values; others are refused."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, Rounded, localcontext
from typing import Any

import msgspec
import pytest

from qt_upbit.exceptions import DecodeError
from qt_upbit.models import decode, encode
from qt_upbit.rest import parsers
from qt_upbit.types import AskBid, CandleEvent, CandlePeriod, Change, OrderState, OrderType, TimeInForce
from tests.support.frames import lines, rest_rows

QUOTED_INTEGERS = {"USDT-BTC"}
"""The pair of a test harness's rows that quote every integer (tests/data/README.md)."""

TICKERS = rest_rows("rest.ticker.jsonl") + rest_rows("2026-11/rest.ticker.jsonl")
TRADES = rest_rows("rest.trades_ticks.jsonl") + rest_rows("2026-11/rest.trades_ticks.jsonl")
CANDLES = [
    *zip(("1d", "1s"), rest_rows("rest.candles.jsonl"), strict=True),
    *((each["unit"], each["row"]) for each in rest_rows("2026-11/rest.candles.jsonl")),
]
ORDERS = [
    row
    for name in ("rest.order", "2026-11/rest.order", "2026-11/rest.order.docs", "2026-11/rest.orders_list")
    for row in rest_rows(f"{name}.jsonl")
]

API_KEY = {"access_key": "A" * 40, "expire_at": "2026-12-31T23:59:59+09:00"}
DEPOSIT = {
    "type": "deposit", "uuid": "00000000-0000-4000-8000-000000000009", "currency": "XRP", "net_type": "XRP",
    "txid": "D" * 64, "state": "ACCEPTED", "created_at": "2026-11-04T10:00:00+09:00",
    "done_at": "2026-11-04T10:03:21+09:00", "amount": "100.12345678", "fee": "0.0",
    "transaction_type": "default",
}  # fmt: skip
"""With the fields that the official SDK declares; no body of these calls was found in public."""
WITHDRAWAL = DEPOSIT | {"type": "withdraw", "state": "WAITING", "done_at": None, "is_cancelable": True}

PARSERS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "ticker": (parsers.ticker, TICKERS),
    "orderbook": (parsers.orderbook, rest_rows("2026-11/rest.orderbook.jsonl")),
    "trade": (parsers.trade, TRADES),
    "market": (parsers.market, rest_rows("rest.market_all.jsonl")),
    "instrument": (parsers.instrument, rest_rows("2026-11/rest.instruments.jsonl")),
    "balance": (parsers.balance, rest_rows("rest.accounts.jsonl")),
    "order": (parsers.order, ORDERS),
    "order_chance": (parsers.order_chance, rest_rows("rest.orders_chance.jsonl")),
    "cancel_result": (parsers.cancel_result, rest_rows("2026-11/rest.cancel_result.docs.jsonl")),
    "api_key": (parsers.api_key, [API_KEY]),
    "pocket": (parsers.pocket, rest_rows("2026-11/rest.pockets.docs.jsonl")),
    "wallet_status": (parsers.wallet_status, rest_rows("2026-11/rest.status_wallet.docs.jsonl")),
    "deposit": (parsers.deposit, [DEPOSIT]),
    "withdrawal": (parsers.withdrawal, [WITHDRAWAL]),
    **{f"candle {unit}": (lambda row, unit=unit: parsers.candle(row, unit), [row]) for unit, row in CANDLES},
}
"""Every parser with its sample bodies."""


def is_quoted(row: Any) -> bool:
    return isinstance(row.get("timestamp"), str)


def test_every_parser_has_samples() -> None:
    named = {name.partition(" ")[0] for name in PARSERS}
    assert named | {"parse", "parse_list"} == set(parsers.__all__)
    assert all(rows for _, rows in PARSERS.values())


# --- quotation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in TICKERS if not is_quoted(row)], ids=lambda row: row["market"])
def test_a_ticker_is_exact(row: Any) -> None:
    event = parsers.ticker(row)
    assert (event.type, event.code, event.timestamp) == ("ticker", row["market"], row["timestamp"])
    assert event.is_snapshot
    assert (event.ask_bid, event.acc_ask_volume) == (None, None), "nothing is made up"
    for name in ("trade_price", "acc_trade_price_24h", "signed_change_rate", "acc_trade_volume"):
        assert getattr(event, name) == Decimal(row[name])
    assert event.delisting_date is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("2026-12-21", "2026-12-21"),
        ({"year": 2026, "month": 12, "day": 21}, "2026-12-21"),
    ],
    ids=str,
)
def test_a_ticker_of_a_pair_that_is_delisted(value: Any, expected: str | None) -> None:
    row = rest_rows("rest.ticker.jsonl")[0]
    event = parsers.ticker(row | {"delisting_date": value})
    assert event.delisting_date == expected
    assert msgspec.structs.replace(event, delisting_date=None) == parsers.ticker(row)


@pytest.mark.parametrize("row", [row for row in TRADES if not is_quoted(row)], ids=lambda row: row["market"])
def test_a_trade_gets_back_the_sign_of_its_change(row: Any) -> None:
    event = parsers.trade(row)
    assert event.sequential_id == int(row["sequential_id"])
    assert event.change_price == abs(Decimal(row["change_price"]))
    signed = (
        event.change_price * {Change.RISE: 1, Change.FALL: -1, Change.EVEN: 0}[event.change or Change.EVEN]
    )
    assert signed == Decimal(row["change_price"])
    assert event.trade_timestamp == row["timestamp"]
    assert (event.trade_price, event.trade_volume) == (row["trade_price"], row["trade_volume"])


@pytest.mark.parametrize(
    ("signed", "change"), [("5", Change.RISE), ("-5", Change.FALL), ("0.0", Change.EVEN)]
)
def test_a_change_has_the_direction_of_its_sign(signed: str, change: Change) -> None:
    event = parsers.trade(rest_rows("rest.trades_ticks.jsonl")[0] | {"change_price": Decimal(signed)})
    assert (event.change, event.change_price) == (change, abs(Decimal(signed)))


def test_an_order_book_is_whole() -> None:
    (row,) = rest_rows("2026-11/rest.orderbook.jsonl")
    book = parsers.orderbook(row)
    assert (book.code, book.timestamp) == (row["market"], row["timestamp"])
    assert [(unit.ask_price, unit.bid_size) for unit in book.orderbook_units] == [
        (unit["ask_price"], unit["bid_size"]) for unit in row["orderbook_units"]
    ]
    assert book.total_ask_size == row["total_ask_size"]


@pytest.mark.parametrize(
    ("unit", "row"),
    [(unit, row) for unit, row in CANDLES if not is_quoted(row)],
    ids=lambda value: str(value)[:40],
)
def test_a_candle_is_named_by_its_unit(unit: str, row: Any) -> None:
    event = parsers.candle(row, unit)
    assert event.type == f"candle.{unit}"
    assert event.start == datetime.fromisoformat(row["candle_date_time_utc"]).replace(tzinfo=UTC)
    assert event.period == (CandlePeriod(unit) if unit in set(CandlePeriod) else None)
    for name in ("opening_price", "high_price", "low_price", "trade_price", "candle_acc_trade_volume"):
        assert getattr(event, name) == Decimal(row[name])


def test_events_of_rest_are_those_of_the_socket_and_keep_what_only_rest_says() -> None:
    day = next(row for unit, row in CANDLES if unit == "1d")
    candle = parsers.candle(day, "1d")
    fields = {name: getattr(candle, name) for name in CandleEvent.__struct_fields__}
    assert candle == CandleEvent(**fields)
    assert hash(candle) == hash(CandleEvent(**fields))
    assert pickle.loads(pickle.dumps(candle)).change_price == candle.change_price == day["change_price"]
    ticker = parsers.ticker(TICKERS[0])
    assert pickle.loads(pickle.dumps(ticker)).trade_time_kst == TICKERS[0]["trade_time_kst"]
    assert decode(encode(ticker)) == ticker
    assert msgspec.structs.replace(candle, stream_type="RECOVERED").change_price == candle.change_price


def test_a_week_begins_on_its_first_day() -> None:
    weeks = [row for unit, row in CANDLES if unit == "1w"]
    assert weeks
    for row in weeks:
        assert f"{parsers.candle(row, '1w').start:%Y-%m-%d}" == row["first_day_of_period"]


def test_quoted_integers_are_reported_and_not_guessed_at() -> None:
    rows = [*TICKERS, *TRADES, *(row for _, row in CANDLES)]
    assert {row["market"] for row in rows if is_quoted(row)} == QUOTED_INTEGERS
    for convert, bodies in PARSERS.values():
        for row in filter(is_quoted, bodies):
            with pytest.raises(DecodeError, match="timestamp"):
                convert(row)


def test_a_market_has_names_and_warnings() -> None:
    bitcoin, ether, *_ = rest_rows("rest.market_all.jsonl")
    assert parsers.market(bitcoin).korean_name == "비트코인"
    assert not parsers.market(bitcoin).warning
    assert parsers.market(ether).warning
    flags = {"PRICE_FLUCTUATIONS": True, "TRADING_VOLUME_SOARING": True, "GLOBAL_PRICE_DIFFERENCES": False}
    cautious = parsers.market(bitcoin | {"market_event": {"warning": False, "caution": flags}})
    assert cautious.cautions == ("PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING")


def test_old_market_rows_have_no_details() -> None:
    rows = rest_rows("rest.market_all.2021-04-17.jsonl")
    assert len(rows) == 294
    for row in rows:
        market = parsers.market(row)
        assert (market.code, market.english_name) == (row["market"], row["english_name"])
        assert (market.warning, market.cautions) == (False, ())
    assert parsers.market({"market": "KRW-X", "korean_name": "", "english_name": None}).korean_name == "KRW-X"


def test_an_instrument_has_its_tick_and_levels() -> None:
    (row,) = rest_rows("2026-11/rest.instruments.jsonl")
    instrument = parsers.instrument(row)
    assert (instrument.code, instrument.quote_currency, instrument.tick_size) == ("KRW-DOGE", "KRW", 1)
    assert instrument.supported_levels == (0, 1, 10, 100)


# --- account --------------------------------------------------------------------------------------


def test_balances_keep_all_digits() -> None:
    for row in rest_rows("rest.accounts.jsonl"):
        balance = parsers.balance(row)
        assert balance.currency == row["currency"]
        for name in ("balance", "locked", "avg_buy_price"):
            assert str(getattr(balance, name)) == row[name]
        assert balance.avg_buy_price_modified is row["avg_buy_price_modified"]
        assert balance.unit_currency == row["unit_currency"]
    assert parsers.balance({"currency": "P", "balance": "1", "locked": "0"}).avg_buy_price is None


@pytest.mark.parametrize("row", ORDERS, ids=lambda row: f"{row['market']} {row['ord_type']} {row['state']}")
def test_an_order_is_exact(row: Any) -> None:
    order = parsers.order(row)
    assert (order.uuid, order.code) == (row["uuid"], row["market"])
    assert order.ask_bid is AskBid(row["side"].upper())
    assert order.order_type is OrderType(row["ord_type"])
    assert order.state is OrderState(row["state"])
    for name in (
        "price",
        "volume",
        "remaining_volume",
        "paid_fee",
        "locked",
        "reserved_fee",
        "prevented_volume",
    ):
        assert getattr(order, name) == (None if name not in row else Decimal(row[name])), name
    assert order.executed_volume == Decimal(row["executed_volume"])
    assert order.trades_count == row["trades_count"]
    assert order.time_in_force == (TimeInForce(row["time_in_force"]) if "time_in_force" in row else None)
    reported = sorted(row.get("trades", []), key=lambda each: each["created_at"])
    assert [(fill.uuid, fill.funds) for fill in order.fills] == [
        (each["uuid"], Decimal(each["funds"])) for each in reported
    ]
    is_known = "executed_funds" in row or len(reported) == row["trades_count"]
    assert (order.executed_funds is not None) is is_known, "unknown is not zero"


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_times_are_exact_to_the_millisecond() -> None:
    row = ORDERS[0]
    order = parsers.order(row)
    assert order.ordered_at == datetime.fromisoformat(row["created_at"])
    exact = datetime.fromisoformat(row["trades"][0]["created_at"])
    assert order.fills[0].trade_timestamp == _milliseconds(exact)
    fill = next(
        each for row in ORDERS for each in row.get("trades", ()) if each["created_at"].endswith("+09:0")
    )
    order = parsers.order(row | {"trades": [fill]})
    exact = datetime.fromisoformat(fill["created_at"] + "0")
    assert order.fills[0].trade_timestamp == _milliseconds(exact)


def test_fills_are_sorted_by_time() -> None:
    row = ORDERS[0]
    (fill,) = row["trades"]
    later = fill | {"uuid": "later", "created_at": "2025-08-09T16:44:01+09:00"}
    order = parsers.order(row | {"trades": [later, fill], "trades_count": 2})
    assert [each.uuid for each in order.fills] == [fill["uuid"], "later"]
    assert order.executed_funds == 2 * Decimal(fill["funds"])


def test_a_replaced_order_names_the_new_one() -> None:
    (row,) = rest_rows("rest.cancel_and_new.jsonl")
    order = parsers.order(row)
    assert (order.uuid, order.new_order_uuid) == (row["uuid"], row["new_order_uuid"])
    assert order.new_order_identifier == row["new_order_identifier"]


def test_chances_have_fees_limits_and_balances() -> None:
    (row,) = rest_rows("rest.orders_chance.jsonl")
    chance = parsers.order_chance(row)
    assert (chance.code, chance.state) == ("KRW-BTC", "active")
    assert (chance.bid_fee, chance.maker_ask_fee) == (Decimal("0.0005"), Decimal("0.0005"))
    assert (chance.min_total_bid, chance.min_total_ask, chance.max_total) == (5000, 5000, 1_000_000_000)
    assert "price" in chance.bid_types
    assert "market" in chance.ask_types
    assert chance.bid_account.currency == row["bid_account"]["currency"]
    assert chance.ask_account.balance == Decimal(row["ask_account"]["balance"])


def test_a_cancel_of_several_lists_accepted_and_failed() -> None:
    (row,) = rest_rows("2026-11/rest.cancel_result.docs.jsonl")
    result = parsers.cancel_result(row)
    assert [(each.uuid, each.code) for each in result.success] == [
        (each["uuid"], each["market"]) for each in row["success"]["orders"]
    ]
    assert [each.code for each in result.failed] == ["BTC-XRP"]
    named = row | {"failed": {"count": 1, "orders": [{"uuid": "u", "market": "KRW-BTC", "identifier": "i"}]}}
    assert parsers.cancel_result(named).failed[0].identifier == "i"
    assert parsers.cancel_result({"success": {"count": 0}, "failed": {"orders": None}}).success == ()


@pytest.mark.parametrize(
    "row", [row for row in ORDERS if "executed_funds" in row], ids=lambda row: row["uuid"]
)
def test_the_funds_of_an_order_in_a_list_are_upbits(row: Any) -> None:
    assert str(parsers.order(row).executed_funds) == row["executed_funds"]


def test_the_average_price_of_rest_is_kept_and_used_where_nothing_better_is_known() -> None:
    row = next(row for row in ORDERS if "avg_price" in row)
    order = parsers.order(row)
    assert (order.reported_avg_price, order.avg_price) == (Decimal("315.1575"), Decimal("315.1575"))
    assert (order.application_name, order.thirdparty) == ("self_issued_open_api", False)
    assert order.is_cancel_and_newable is False
    assert parsers.order(row | {"executed_funds": "4999.99999905"}).avg_price == Decimal(315), "without fee"
    assert parsers.order(row | {"state": "wait"}).avg_price is None, "it may have been filled further"


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_text_is_none(value: Any) -> None:
    row = ORDERS[0]
    assert parsers.order(row | {"identifier": value}) == parsers.order(row)


def test_the_programs_decimal_context_changes_nothing() -> None:
    row = next(row for row in ORDERS if row["trades_count"] and row.get("trades"))
    before = parsers.order(row)
    with localcontext(Context(prec=3, traps=[Inexact, Rounded])):
        order = parsers.order(row)
        assert (order.executed_funds, order.avg_price) == (before.executed_funds, before.avg_price)
        bare = [msgspec.structs.replace(fill, reported_funds=None) for fill in order.fills]
        assert [fill.funds for fill in bare] == [Decimal(fill["funds"]) for fill in row["trades"]]
        balance = parsers.balance({"currency": "KRW", "balance": "1234567.89", "locked": "0.00000001"})
        assert balance.total == Decimal("1234567.89000001")


# --- keys, pockets, wallets -----------------------------------------------------------------------


def test_a_key_says_when_it_expires_and_does_not_show_itself() -> None:
    key = parsers.api_key(API_KEY)
    assert key.expires_at == datetime(2026, 12, 31, 14, 59, 59, tzinfo=UTC)
    assert key.expires_within(timedelta(days=1), datetime(2026, 12, 31, tzinfo=UTC))
    assert not key.expires_within(timedelta(days=1), datetime(2026, 12, 30, tzinfo=UTC))
    assert API_KEY["access_key"] not in repr(key)


@pytest.mark.parametrize(
    ("state", "can"),
    [("working", (True, True)), ("withdraw_only", (False, True)), ("deposit_only", (True, False)),
     ("paused", (False, False)), ("unsupported", (False, False)), ("new", (False, False))],
)  # fmt: skip
def test_a_wallet_says_what_is_possible(state: str, can: tuple[bool, bool]) -> None:
    row = rest_rows("2026-11/rest.status_wallet.docs.jsonl")[0]
    status = parsers.wallet_status(
        row | {"wallet_state": state, "block_height": None, "block_updated_at": None}
    )
    assert (status.can_deposit, status.can_withdraw) == can
    assert (status.block_height, status.block_updated_at) == (None, None)


def test_deposits_and_withdrawals_are_exact() -> None:
    deposit = parsers.deposit(DEPOSIT)
    assert (deposit.currency, str(deposit.amount), str(deposit.fee)) == ("XRP", "100.12345678", "0.0")
    assert deposit.done_at == datetime(2026, 11, 4, 1, 3, 21, tzinfo=UTC)
    withdrawal = parsers.withdrawal(WITHDRAWAL)
    assert (withdrawal.state, withdrawal.done_at, withdrawal.is_cancelable) == ("WAITING", None, True)
    assert parsers.withdrawal(WITHDRAWAL | {"state": "SOMETHING_NEW"}).state == "SOMETHING_NEW"


# --- invalid bodies --------------------------------------------------------------------------------


NEEDED = frozenset(
    {
        "market",
        "uuid",
        "currency",
        "balance",
        "tick_size",
        "side",
        "state",
        "created_at",
        "success",
        "ask_fee",
        "access_key",
        "expire_at",
        "wallet_state",
        "amount",
    }
    | {"orderbook_units"}
)


@pytest.mark.parametrize("name", PARSERS)
def test_a_body_that_is_not_as_documented_is_a_decode_error(name: str) -> None:
    convert, bodies = PARSERS[name]
    odd: list[Any] = [None, 5, "text", [], {}]
    for row in [row for row in bodies if not is_quoted(row)][:1]:
        needed = NEEDED & set(row)
        odd += [{key: value for key, value in row.items() if key != left_out} for left_out in needed]
        odd += [row | {key: value} for key in needed for value in (None, True, "", [None])]
    for each in odd:
        with pytest.raises(DecodeError):
            parsers.parse(msgspec.json.encode(each), convert)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[",
        b"{}",
        b'[{"market": "KRW-BTC"}]',
        b'[{"market": 1}]',
        b"[null]",
        b"<html>",
        b"\xff",
        b"[" * 5000,
    ],
    ids=lambda raw: str(raw[:12]),
)
async def test_unreadable_lists_are_decode_errors(raw: bytes) -> None:
    for convert in (parsers.ticker, parsers.trade, parsers.order, parsers.balance, parsers.instrument):
        with pytest.raises(DecodeError):
            await parsers.parse_list(raw, convert)


@pytest.mark.parametrize("value", ['"NaN"', '"Infinity"', '"1E+999999999"', '"x"', '""', "[]", "null"])
def test_invalid_numbers_are_refused(value: str) -> None:
    raw = f'{{"currency":"BTC","balance":{value},"locked":"0"}}'.encode()
    with pytest.raises(DecodeError):
        parsers.parse(raw, parsers.balance)


def test_json_numbers_are_never_floats() -> None:
    raw = b'{"currency":"BTC","balance":0.1000000000000000000000001,"locked":1e-8}'
    balance = parsers.parse(raw, parsers.balance)
    assert balance.balance == Decimal("0.1000000000000000000000001")
    assert balance.locked == Decimal("1e-8")


async def test_lists_are_read_in_order() -> None:
    raw = b"[" + b",".join(line for line in lines("rest.accounts.jsonl")) + b"]"
    balances = await parsers.parse_list(raw, parsers.balance)
    assert [each.currency for each in balances] == [
        row["currency"] for row in rest_rows("rest.accounts.jsonl")
    ]
    assert await parsers.parse_list(b"[]", parsers.balance) == []


async def test_long_lists_yield_to_the_loop() -> None:
    reading = asyncio.create_task(
        parsers.parse_list(b"[" + b",".join(b"%d" % n for n in range(120)) + b"]", int)
    )
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert reading.result() == list(range(120))
    assert turns >= 3
