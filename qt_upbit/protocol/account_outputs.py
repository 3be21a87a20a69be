"""What an `AccountSync` wants done, and what it reports."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from qt_upbit.exceptions import QtUpbitError
from qt_upbit.records import Balance, Fill, Order
from qt_upbit.types import MyOrderEvent

__all__ = [
    "AccountReset",
    "AccountState",
    "AccountStateChanged",
    "AccountSyncAction",
    "AccountSyncEvent",
    "BalanceChanged",
    "CancelRead",
    "FillReported",
    "GapReported",
    "OrderChanged",
    "OrderEventReported",
    "ReadFailed",
    "ReadRest",
    "Synchronized",
]


class AccountState(enum.StrEnum):
    """How far what an `Account` shows can be believed."""

    SYNCHRONIZING = "synchronizing"
    """The first state, or what was missed, is being read; live events wait for it."""
    SYNCHRONIZED = "synchronized"
    """Orders and balances are the exchange's own."""
    INCOMPLETE = "incomplete"
    """Something may be missing, because REST cannot be asked; `Account.error` says why."""
    CLOSED = "closed"
    """Closed for good."""


# --- what to do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadRest:
    """Read an `AccountSnapshot` once both private streams are served, which say what happens from then on.

    Report `read_answered`, `read_failed`, `rest_missing` or `read_cancelled` with this id.

    Attributes:
        read_id: of this reading.
        closed_since: from when on finished orders are wanted, aware.
        timeout_s: after this long the reading has failed.
    """

    read_id: int
    closed_since: datetime
    timeout_s: float


@dataclass(frozen=True, slots=True)
class CancelRead:
    """Stop the reading of this id; nothing needs to be reported."""

    read_id: int


AccountSyncAction = ReadRest | CancelRead
"""What `AccountSync` wants done."""


# --- what to report -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order is new or different."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderEventReported:
    """Something happened to an order: each once, live, missed (``is_recovered``) or known from the start."""

    event: MyOrderEvent


@dataclass(frozen=True, slots=True)
class FillReported:
    """An order was executed in part or wholly: each fill once, live or missed."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """A balance is new or different."""

    balance: Balance


@dataclass(frozen=True, slots=True)
class AccountReset:
    """Other credentials: what was known may be another account's and is forgotten.

    Attributes:
        orders: that were known and are not any more, oldest first.
        balances: the same.
    """

    orders: tuple[Order, ...]
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class GapReported:
    """Between two moments something happened, or may have, that could not be read.

    Attributes:
        begin_ms, end_ms: milliseconds since the epoch, UTC.
        uuids: of the orders, where they are known.
    """

    begin_ms: int
    end_ms: int
    uuids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """REST cannot be asked: the first of a row of failures."""

    error: QtUpbitError


@dataclass(frozen=True, slots=True)
class AccountStateChanged:
    """How far what is shown can be believed has changed."""

    state: AccountState


@dataclass(frozen=True, slots=True)
class Synchronized:
    """A reading is done: orders and balances are the exchange's own."""


AccountSyncEvent = (
    OrderChanged
    | OrderEventReported
    | FillReported
    | BalanceChanged
    | AccountReset
    | GapReported
    | ReadFailed
    | AccountStateChanged
    | Synchronized
)
"""What `AccountSync` reports."""
