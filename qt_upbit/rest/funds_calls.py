"""`FundsCalls`: keys, pockets, wallets, deposits and withdrawals, all of them read-only.

There is no call that moves money or makes an address: a program for trading needs none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from qt_upbit.exceptions import InvalidRequestError
from qt_upbit.records import ApiKey, Balance, Deposit, Pocket, WalletStatus, Withdrawal
from qt_upbit.rest import arguments, endpoints, parsers
from qt_upbit.rest.endpoints import Endpoint
from qt_upbit.rest.session import RestSession

__all__ = ["FundsCalls"]

_MOVEMENTS_PER_CALL: Final = 100
_M = TypeVar("_M", Deposit, Withdrawal)


class FundsCalls:
    """Part of `RestClient`, which documents what all calls have in common.

    Args:
        session: makes the calls.
    """

    def __init__(self, session: RestSession) -> None:
        self._account_session = session

    async def get_api_keys(self) -> tuple[ApiKey, ...]:
        """The account's API keys, with the time at which each expires (Korea only)."""
        raw = await self._account_session.ask(endpoints.API_KEYS)
        return tuple(await parsers.parse_list(raw, parsers.api_key))

    async def get_wallet_status(self) -> tuple[WalletStatus, ...]:
        """Whether each coin can be deposited and withdrawn, one entry per coin and network."""
        raw = await self._account_session.ask(endpoints.WALLETS)
        return tuple(await parsers.parse_list(raw, parsers.wallet_status))

    async def get_pockets(self) -> tuple[Pocket, ...]:
        """The account's pockets; the key needs the permission for pockets."""
        raw = await self._account_session.ask(endpoints.POCKETS)
        return tuple(await parsers.parse_list(raw, parsers.pocket))

    async def get_pocket_assets(self, uuid: str) -> tuple[Balance, ...]:
        """Balances of one pocket, by the uuid that `get_pockets` gives."""
        raw = await self._account_session.ask(
            endpoints.POCKET_ASSETS, uuid=arguments.check_one_id("uuid", uuid)
        )
        return tuple(await parsers.parse_list(raw, parsers.balance))

    async def get_deposit(
        self, *, uuid: str | None = None, txid: str | None = None, currency: str | None = None
    ) -> Deposit:
        """One deposit, by Upbit's id or that of the network's transaction."""
        raw = await self._account_session.ask(endpoints.DEPOSIT, **_one(uuid, txid, currency))
        return parsers.parse(raw, parsers.deposit)

    async def get_withdrawal(
        self, *, uuid: str | None = None, txid: str | None = None, currency: str | None = None
    ) -> Withdrawal:
        """One withdrawal, by Upbit's id or that of the network's transaction."""
        raw = await self._account_session.ask(endpoints.WITHDRAWAL, **_one(uuid, txid, currency))
        return parsers.parse(raw, parsers.withdrawal)

    async def get_deposits(
        self,
        currency: str | None = None,
        *,
        state: str | None = None,
        uuids: Iterable[str] | None = None,
        txids: Iterable[str] | None = None,
        count: int = 100,
    ) -> list[Deposit]:
        """The newest deposits, newest first, in as many calls as needed.

        Args:
            currency: only of this one.
            state: only in this one, for example ``ACCEPTED``; see `Deposit`.
            uuids: only these, by Upbit's ids, or
            txids: by those of the networks' transactions.
            count: how many, 1 or more.
        """
        query = _some(currency, state, uuids, txids)
        return await self._movements(endpoints.DEPOSITS, parsers.deposit, query, count)

    async def get_withdrawals(
        self,
        currency: str | None = None,
        *,
        state: str | None = None,
        uuids: Iterable[str] | None = None,
        txids: Iterable[str] | None = None,
        count: int = 100,
    ) -> list[Withdrawal]:
        """The newest withdrawals, newest first; arguments as of `get_deposits`."""
        query = _some(currency, state, uuids, txids)
        return await self._movements(endpoints.WITHDRAWALS, parsers.withdrawal, query, count)

    async def _movements(
        self, endpoint: Endpoint, convert: Callable[[Any], _M], query: dict[str, Any], count: int
    ) -> list[_M]:
        arguments.check_count("count", count)
        found: dict[str, _M] = {}
        for page in itertools.count(1):
            raw = await self._account_session.ask(
                endpoint, page=page, limit=_MOVEMENTS_PER_CALL, order_by="desc", **query
            )
            part = await parsers.parse_list(raw, convert)
            # What arrives between two pages shifts the others, so they may overlap.
            found |= {one.uuid: one for one in part}
            if len(found) >= count or len(part) < _MOVEMENTS_PER_CALL:
                break
        return list(found.values())[:count]


def _one(uuid: str | None, txid: str | None, currency: str | None) -> dict[str, Any]:
    # Without an id Upbit returns the newest one, which is not what was asked for.
    query: dict[str, Any] = arguments.check_one_of(uuid=uuid, txid=txid)
    if currency is not None:
        query["currency"] = arguments.check_currency(currency)
    return query


def _some(
    currency: str | None, state: str | None, uuids: Iterable[str] | None, txids: Iterable[str] | None
) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if currency is not None:
        query["currency"] = arguments.check_currency(currency)
    if state is not None:
        query["state"] = arguments.check_one_id("state", state)
    for name, ids in (("uuids", uuids), ("txids", txids)):
        if ids is not None:
            query[name] = list(arguments.check_ids(name, ids, most=_MOVEMENTS_PER_CALL))
    if uuids is not None and txids is not None:
        raise InvalidRequestError("give uuids or txids, not both")
    return query
