"""Keys, pockets, wallets, deposits and withdrawals of the simulated exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from qt_upbit.rest import parsers
from qt_upbit.simulator import SimulatedExchange, SimulatorSettings
from qt_upbit.simulator.account.funds_calls import FundsCalls
from qt_upbit.simulator.account.matching_engine import OrderRefused
from qt_upbit.simulator.market.spelling import plain
from qt_upbit.simulator.settings import SimulatedAccount
from tests.support.frames import rest_rows

START = 1_795_402_151.0
OTHER = SimulatedAccount(access_key="OTHER", secret_key="s" * 64, balances={"KRW": 5_000_000, "XRP": 10})


class Funds:
    """The calls of one exchange, made without HTTP."""

    def __init__(self, **settings: Any) -> None:
        self.exchange = SimulatedExchange(
            SimulatorSettings(markets=30, market_running=False, further_accounts=(OTHER,), **settings),
            now=START,
        )
        self.calls = FundsCalls(
            self.exchange.settings, self.exchange.accounts, self.exchange.market, self._balance
        )

    @staticmethod
    def _balance(account: Any, currency: str) -> dict[str, Any]:
        return {"currency": currency, "balance": plain(account.balances[currency].balance)}

    def ask(self, path: str, *, key: str | None = None, now: float = START, **query: str) -> Any:
        account = self.exchange.account if key is None else self.exchange.accounts[key]
        group, status, call = self.calls.routes["GET", path]
        assert (group, status) == ("default", 200)
        steps = call(account, query, now)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value


@pytest.fixture(scope="module")
def funds() -> Funds:
    return Funds()


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1/status/wallet", "rest.status_wallet.docs"), ("/v1/pockets", "rest.pockets.docs")],
)
def test_rows_have_the_keys_of_the_official_samples(funds: Funds, path: str, name: str) -> None:
    (sample, *_) = rest_rows(f"2026-11/{name}.jsonl")
    for row in funds.ask(path):
        assert list(row) == list(sample)


def test_each_account_sees_its_own_key_and_when_it_expires(funds: Funds) -> None:
    (mine,) = funds.ask("/v1/api_keys")
    (other,) = funds.ask("/v1/api_keys", key="OTHER")
    assert (mine["access_key"], other["access_key"]) == (funds.exchange.settings.access_key, "OTHER")
    (soon,) = Funds(api_key_lifetime_days=3).ask("/v1/api_keys")
    left = parsers.api_key(soon).expires_at.timestamp() - START
    assert 2.9 < left / 86_400 < 3.1


def test_wallets_move_on_and_a_few_are_not_working(funds: Funds) -> None:
    early, late = funds.ask("/v1/status/wallet"), funds.ask("/v1/status/wallet", now=START + 7200)
    assert [row["currency"] for row in early] == [row["currency"] for row in late]
    assert all(
        before["block_height"] < after["block_height"] for before, after in zip(early, late, strict=True)
    )
    whole = SimulatedExchange(SimulatorSettings(market_running=False), now=START)
    calls = Funds()
    calls.exchange = whole
    calls.calls = FundsCalls(whole.settings, whole.accounts, whole.market, calls._balance)
    states = {row["wallet_state"] for row in calls.ask("/v1/status/wallet")}
    assert states == {"working", "deposit_only", "withdraw_only", "paused"}


def test_pockets_and_their_assets(funds: Funds) -> None:
    main, other = funds.ask("/v1/pockets")
    assets = funds.ask("/v1/pockets/assets", uuid=main["uuid"])
    assert {row["currency"] for row in assets} == set(funds.exchange.account.balances)
    assert funds.ask("/v1/pockets/assets", uuid=other["uuid"]) == []
    for query, name, status in (
        ({"uuid": "unknown"}, "pocket_not_found", 404),
        ({}, "validation_error", 400),
        ({"uuid": funds.ask("/v1/pockets", key="OTHER")[0]["uuid"]}, "pocket_not_found", 404),
    ):
        with pytest.raises(OrderRefused) as refused:
            funds.ask("/v1/pockets/assets", **query)
        assert (refused.value.name, refused.value.status) == (name, status)


def test_pockets_need_their_permission() -> None:
    sample = rest_rows("2026-11/rest.errors.jsonl")[-1]
    for path in ("/v1/pockets", "/v1/pockets/assets"):
        with pytest.raises(OrderRefused) as refused:
            Funds(pockets_allowed=False).ask(path)
        error = {"name": refused.value.name, "message": refused.value.message}
        assert (refused.value.status, {"error": error}) == (sample["status"], sample["body"])


@pytest.mark.parametrize("key", [None, "OTHER"])
def test_deposits_less_withdrawals_are_what_the_account_began_with(funds: Funds, key: str | None) -> None:
    total: dict[str, Decimal] = {}
    for path, sign in (("/v1/deposits", 1), ("/v1/withdraws", -1)):
        rows = funds.ask(path, key=key)
        assert [row["created_at"] for row in rows] == sorted(
            (row["created_at"] for row in rows), reverse=True
        )
        for row in rows:
            moved = Decimal(row["amount"]) + (Decimal(row["fee"]) if sign < 0 else 0)
            total[row["currency"]] = total.get(row["currency"], Decimal(0)) + sign * moved
    account = funds.exchange.account if key is None else funds.exchange.accounts[key]
    assert total == {name: held.balance for name, held in account.balances.items()}


def test_a_list_is_filtered_ordered_and_paged(funds: Funds) -> None:
    rows = funds.ask("/v1/deposits")
    assert len(rows) > 3
    assert funds.ask("/v1/deposits", order_by="asc") == rows[::-1]
    assert funds.ask("/v1/deposits", limit="2", page="2") == rows[2:4]
    assert funds.ask("/v1/deposits", limit="1000") == rows, "clamped"
    assert funds.ask("/v1/deposits", currency=rows[1]["currency"]) == [rows[1]]
    assert funds.ask("/v1/deposits", state="accepted") == rows
    assert funds.ask("/v1/deposits", state="REJECTED") == []
    assert funds.ask("/v1/deposits", uuids=f"{rows[0]['uuid']},{rows[2]['uuid']}") == [rows[0], rows[2]]
    assert funds.ask("/v1/deposits", txids=rows[0]["txid"]) == [rows[0]]
    wrong: list[dict[str, Any]] = [
        {"state": "DONE"},
        {"limit": "0"},
        {"page": "x"},
        {"uuids": "a", "txids": "b"},
    ]
    for query in wrong:
        with pytest.raises(OrderRefused, match="invalid_parameter"):
            funds.ask("/v1/deposits", **query)


@pytest.mark.parametrize("one", ["deposit", "withdraw"])
def test_one_is_found_by_either_id(funds: Funds, one: str) -> None:
    newest, *_ = funds.ask(f"/v1/{one}s")
    assert funds.ask(f"/v1/{one}") == newest
    assert funds.ask(f"/v1/{one}", uuid=newest["uuid"]) == newest
    assert funds.ask(f"/v1/{one}", txid=newest["txid"], currency=newest["currency"]) == newest
    for query in ({"uuid": "unknown"}, {"uuid": newest["uuid"], "currency": "NOPE"}):
        with pytest.raises(OrderRefused, match=f"{one}_not_found"):
            funds.ask(f"/v1/{one}", **query)
