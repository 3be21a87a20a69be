"""`FundsCalls`: the calls about keys, pockets, wallets, deposits and withdrawals (protocol section 9.2).

All of it is to be read only: nothing here moves money. The balances that an account starts with are told as
deposits made before, from one of which a part was withdrawn again.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from qt_upbit.epoch import datetime_at
from qt_upbit.simulator.account.account import Account
from qt_upbit.simulator.account.matching_engine import OrderRefused
from qt_upbit.simulator.account.order_calls import BalanceRow, PrivateCall, Query, Steps
from qt_upbit.simulator.market.market import SimulatedMarket
from qt_upbit.simulator.market.price_path import mix, text_seed
from qt_upbit.simulator.market.spelling import plain
from qt_upbit.simulator.settings import SimulatorSettings
from qt_upbit.types import KST

__all__ = ["FundsCalls"]

_DAY_S: Final = 86_400
_MOST: Final = 100
_DEPOSIT_STATES: Final = (
    "PROCESSING", "ACCEPTED", "CANCELLED", "REJECTED", "TRAVEL_RULE_SUSPECTED", "REFUNDING", "REFUNDED",
)  # fmt: skip
_WITHDRAWAL_STATES: Final = ("WAITING", "PROCESSING", "DONE", "FAILED", "CANCELLED", "REJECTED")
_WALLET_STATES: Final = ("deposit_only", "withdraw_only", "paused")
_ODD_WALLETS: Final = 20
"""One wallet in this many is not working."""


@dataclass(frozen=True, slots=True)
class _Movements:
    """One kind of movement: its rows, newest first, by access key.

    Attributes:
        states: that a call may ask for.
        not_found: the error's name and text.
    """

    rows: Mapping[str, list[dict[str, Any]]]
    states: tuple[str, ...]
    not_found: tuple[str, str]


class FundsCalls:
    """One generator per call, as in `OrderCalls`.

    Args:
        settings: keys and their expiry, whether they may see pockets.
        accounts: by access key, with the balances that they start with.
        market: its coins have wallets.
        balance_row: the row of a balance.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        accounts: Mapping[str, Account],
        market: SimulatedMarket,
        balance_row: BalanceRow,
    ) -> None:
        self._settings = settings
        self._keys = {account.uuid: key for key, account in accounts.items()}
        self._accounts = accounts
        self._market = market
        self._start_s = market.start_ms // 1000
        self._balance_row = balance_row
        local = settings.region.quote_currency
        deposits = {key: self._deposits_of(account, local) for key, account in accounts.items()}
        withdrawals = {key: self._withdrawals_of(rows, local) for key, rows in deposits.items()}
        # These texts are not documented.
        self._deposits = _Movements(
            deposits, _DEPOSIT_STATES, ("deposit_not_found", "입금 정보를 찾지 못했습니다.")
        )
        self._withdrawals = _Movements(
            withdrawals, _WITHDRAWAL_STATES, ("withdraw_not_found", "출금 정보를 찾지 못했습니다.")
        )
        self.routes: dict[tuple[str, str], tuple[str, int, PrivateCall]] = {
            ("GET", "/v1/api_keys"): ("default", 200, self._api_keys),
            ("GET", "/v1/status/wallet"): ("default", 200, self._wallets),
            ("GET", "/v1/pockets"): ("default", 200, self._pockets),
            ("GET", "/v1/pockets/assets"): ("default", 200, self._pocket_assets),
            ("GET", "/v1/deposits"): ("default", 200, self._list(self._deposits)),
            ("GET", "/v1/deposit"): ("default", 200, self._one(self._deposits)),
            ("GET", "/v1/withdraws"): ("default", 200, self._list(self._withdrawals)),
            ("GET", "/v1/withdraw"): ("default", 200, self._one(self._withdrawals)),
        }
        """``(method, path)`` → rate group, status of success, call."""

    # --- keys and pockets ---------------------------------------------------------------------------

    def _api_keys(self, account: Account, _query: Query, _now: float) -> Steps:
        yield
        expires = self._start_s + self._settings.api_key_lifetime_days * _DAY_S
        return [{"access_key": self._keys[account.uuid], "expire_at": _kst(expires)}]

    def _pockets(self, account: Account, _query: Query, _now: float) -> Steps:
        yield
        self._check_scope()
        return [{"uuid": uuid, "name": name, "type": kind} for uuid, name, kind in self._pockets_of(account)]

    def _pocket_assets(self, account: Account, query: Query, _now: float) -> Steps:
        yield
        self._check_scope()
        (main, *_), *others = self._pockets_of(account)
        uuid = query.get("uuid", "")
        if not uuid:
            raise OrderRefused("validation_error", "uuid 파라미터가 필요합니다.")
        if uuid == main:
            return [self._balance_row(account, currency) for currency in list(account.balances)]
        if uuid not in [other for other, *_ in others]:
            raise OrderRefused("pocket_not_found", "포켓을 찾지 못했습니다.", 404)
        return []

    def _check_scope(self) -> None:
        if not self._settings.pockets_allowed:
            raise OrderRefused("out_of_scope", "권한이 부족합니다.", 403)

    @staticmethod
    def _pockets_of(account: Account) -> tuple[tuple[str, str, str], ...]:
        return (
            (account.uuid, "메인포켓", "main"),
            (_uuid(account.uuid, "pocket"), "단기 트레이딩 계좌", "user_spot_trading"),
        )

    # --- wallets ------------------------------------------------------------------------------------

    def _wallets(self, _account: Account, _query: Query, now: float) -> Steps:
        rows = []
        coins = {pair.listing.coin.symbol: pair.listing.coin for pair in self._market}
        for symbol, coin in sorted(coins.items()):
            number = mix(self._settings.seed, text_seed(f"wallet {symbol}"))
            interval_s = 12 + number % 600
            passed_s = int(now) % interval_s
            odd = number % _ODD_WALLETS == 0
            rows.append(
                {
                    "currency": symbol,
                    "wallet_state": _WALLET_STATES[number // 20 % 3] if odd else "working",
                    "block_state": "delayed" if odd else "normal",
                    "block_height": number % 10_000_000 + int(now) // interval_s,
                    "block_updated_at": _utc_ms(int(now) - passed_s),
                    "block_elapsed_minutes": passed_s // 60,
                    "net_type": symbol,
                    "network_name": coin.english_name,
                }
            )
            yield
        return rows

    # --- deposits and withdrawals -------------------------------------------------------------------

    def _deposits_of(self, account: Account, local: str) -> list[dict[str, Any]]:
        rows = []
        for days, (currency, held) in enumerate(account.balances.items(), 2):
            # What was withdrawn of the first one came in with it.
            extra = Decimal(100_000) if days == 2 else Decimal(0)
            begun_s = self._start_s - days * _DAY_S + text_seed(currency) % 40_000
            rows.append(
                self._movement("deposit", account, currency, local, begun_s, begun_s + 127)
                | {"state": "ACCEPTED", "amount": plain(held.balance + extra), "fee": "0.0"}
            )
        return rows

    def _withdrawals_of(self, deposits: list[dict[str, Any]], local: str) -> list[dict[str, Any]]:
        rows = []
        for first in deposits[:1]:
            begun_s = int(datetime.fromisoformat(first["done_at"]).timestamp()) + 3600
            fee = Decimal(1000)
            rows.append(
                self._movement("withdraw", first["uuid"], first["currency"], local, begun_s, begun_s + 61)
                | {"state": "DONE", "amount": plain(100_000 - fee), "fee": plain(fee), "is_cancelable": False}
            )
        return rows

    @staticmethod
    def _movement(
        kind: str, owner: Account | str, currency: str, local: str, begun_s: int, done_s: int
    ) -> dict[str, Any]:
        of = owner if isinstance(owner, str) else owner.uuid
        return {
            "type": kind,
            "uuid": _uuid(of, f"{kind} {currency}"),
            "currency": currency,
            "net_type": None if currency == local else currency,
            "txid": _uuid(of, f"txid {kind} {currency}").replace("-", ""),
            "state": "",
            "created_at": _kst(begun_s),
            "done_at": _kst(done_s),
            "amount": "0",
            "fee": "0",
            "transaction_type": "default",
        }

    def _list(self, kind: _Movements) -> PrivateCall:
        def call(account: Account, query: Query, _now: float) -> Steps:
            limit, page = _number(query, "limit", _MOST), _number(query, "page", 1)
            uuids, txids = _listed(query, "uuids"), _listed(query, "txids")
            state = query.get("state")
            if (state is not None and state.upper() not in kind.states) or (uuids and txids):
                raise OrderRefused("invalid_parameter", "잘못된 파라미터")
            yield
            rows = [
                row
                for row in kind.rows[self._keys[account.uuid]]
                if query.get("currency", row["currency"]) == row["currency"]
                and (state is None or row["state"] == state.upper())
                and (not uuids or row["uuid"] in uuids)
                and (not txids or row["txid"] in txids)
            ]
            rows = rows if query.get("order_by", "desc") == "desc" else rows[::-1]
            limit = min(limit, _MOST)
            return rows[(page - 1) * limit : page * limit]

        return call

    def _one(self, kind: _Movements) -> PrivateCall:
        def call(account: Account, query: Query, _now: float) -> Steps:
            yield
            # Without an id it is the newest one.
            for row in kind.rows[self._keys[account.uuid]]:
                if all(query.get(name, row[name]) == row[name] for name in ("uuid", "txid", "currency")):
                    return row
            raise OrderRefused(*kind.not_found, 404)

        return call


def _listed(query: Query, name: str) -> list[str]:
    return [each for each in query.get(name, "").split(",") if each]


def _number(query: Query, name: str, default: int) -> int:
    try:
        number = int(query.get(name, default))
    except ValueError:
        number = 0
    if number < 1:
        raise OrderRefused("invalid_parameter", "잘못된 파라미터")
    return number


def _uuid(of: str, what: str) -> str:
    return str(uuids.uuid5(uuids.UUID(of), what))


def _kst(seconds: float) -> str:
    return datetime_at(seconds, KST).isoformat(timespec="seconds")


def _utc_ms(seconds: int) -> str:
    return datetime_at(seconds).isoformat(timespec="milliseconds")
