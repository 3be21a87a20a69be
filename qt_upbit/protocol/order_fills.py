"""`OrderFills`: the fills of one order in order of time, with their sums."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Final

from qt_upbit.exact import EXACT
from qt_upbit.records import Fill

__all__ = ["OrderFills"]

_ZERO: Final = Decimal(0)


class OrderFills:
    """Every known fill of one order, once each by its uuid, oldest first.

    An order may have thousands: adding the newest costs the same however many there are, and one that
    comes late is put in its place.

    Attributes:
        volume: of all together, base currency.
        funds: of all together, quote currency.
    """

    __slots__ = ("_by_uuid", "_fills", "_keys", "_ordered", "funds", "volume")

    def __init__(self) -> None:
        self._by_uuid: dict[str, Fill] = {}
        self._fills: list[Fill] = []
        self._keys: list[tuple[int, str]] = []
        """Of the fills, in the same order."""
        self._ordered: tuple[Fill, ...] | None = ()
        self.volume = _ZERO
        self.funds = _ZERO

    def __len__(self) -> int:
        return len(self._fills)

    def __contains__(self, uuid: object) -> bool:
        return uuid in self._by_uuid

    @property
    def by_uuid(self) -> Mapping[str, Fill]:
        """The fills by uuid; a view, which follows."""
        return MappingProxyType(self._by_uuid)

    @property
    def ordered(self) -> tuple[Fill, ...]:
        """Oldest first; the same object until something changes."""
        if self._ordered is None:
            self._ordered = tuple(self._fills)
        return self._ordered

    def get(self, uuid: str) -> Fill | None:
        """A fill; None if it is not known."""
        return self._by_uuid.get(uuid)

    def add(self, fill: Fill) -> None:
        """Take a fill in, unless it is known."""
        if fill.uuid in self._by_uuid:
            return
        key = _key(fill)
        if not self._keys or self._keys[-1] < key:
            self._keys.append(key)
            self._fills.append(fill)
        else:
            position = bisect.bisect(self._keys, key)
            self._keys.insert(position, key)
            self._fills.insert(position, fill)
        self._by_uuid[fill.uuid] = fill
        self._ordered = None
        with localcontext(EXACT):
            self.volume += fill.volume
            self.funds += fill.funds

    def replace(self, fill: Fill) -> None:
        """Put a fill of which more is known in the place of the same one; time and amounts are the same."""
        self._by_uuid[fill.uuid] = fill
        self._fills[bisect.bisect_left(self._keys, _key(fill))] = fill
        self._ordered = None


def _key(fill: Fill) -> tuple[int, str]:
    return fill.trade_timestamp, fill.uuid
