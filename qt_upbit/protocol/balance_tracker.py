"""`BalanceTracker`: the present balance of every currency, from frames and REST (protocol section 3.6)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from qt_upbit.records import Balance
from qt_upbit.types import Asset, MyAssetEvent, StreamType

__all__ = ["BalanceTracker"]

_ZERO: Final = Decimal(0)
_LATE_MS: Final = 1000
"""A frame of a balance is not shown after one that is this much newer; below that, the last to come is."""
_RECENT_KEPT: Final = 16


class _Frame(NamedTuple):
    """What a frame says of a currency."""

    time_ms: int
    balance: Decimal
    locked: Decimal


class BalanceTracker:
    """Balances by currency: frames are folded in by `apply`, answers of REST by `reconcile`.

    Attributes:
        is_in_doubt: frames came in another order than their times say, or one lacked an amount, and only REST
            knows the state.
    """

    def __init__(self) -> None:
        self._balances: dict[str, Balance] = {}
        self._recent: defaultdict[str, deque[_Frame]] = defaultdict(lambda: deque(maxlen=_RECENT_KEPT))
        """The last frames of each currency, to know them again."""
        self._newest_ms: dict[str, int] = {}
        """The newest time of each currency's frames; the last one may be older."""
        self.is_in_doubt = False

    @property
    def balances(self) -> Mapping[str, Balance]:
        """By currency; a view, which follows."""
        return MappingProxyType(self._balances)

    def apply(self, event: MyAssetEvent) -> tuple[Balance, ...]:
        """Fold a frame in; the balances it changed."""
        changed = []
        for asset in event.assets:
            if asset.balance is None or asset.locked is None:
                self.is_in_doubt = True
                continue
            frame = _Frame(_time_of(event), asset.balance, asset.locked)
            recent = self._recent[asset.currency]
            if recent and recent[-1] == frame:
                continue
            # One that comes again after others, or the balance as it was before within a millisecond.
            self.is_in_doubt = self.is_in_doubt or frame in recent
            newest_ms = self._note_time(asset, event)
            if newest_ms > _time_of(event):
                self.is_in_doubt = True
                if newest_ms - _time_of(event) >= _LATE_MS:
                    continue
            recent.append(frame)
            if self._is_known(asset.currency, asset.balance, asset.locked):
                continue
            known = self._balances.get(asset.currency)
            if known is None:
                known = Balance(currency=asset.currency, balance=asset.balance, locked=asset.locked)
            # What was paid on average is REST's to say.
            now = msgspec.structs.replace(known, balance=asset.balance, locked=asset.locked)
            self._balances[asset.currency] = now
            changed.append(now)
        return tuple(changed)

    def pass_over(self, event: MyAssetEvent) -> None:
        """A frame is older than what is known: note that it was seen, in case it comes again."""
        for asset in event.assets:
            self._note_time(asset, event)
            if asset.balance is None or asset.locked is None:
                continue
            frame = _Frame(_time_of(event), asset.balance, asset.locked)
            self._recent[asset.currency].append(frame)

    def _note_time(self, asset: Asset, event: MyAssetEvent) -> int:
        newest_ms = max(self._newest_ms.get(asset.currency, 0), _time_of(event))
        self._newest_ms[asset.currency] = newest_ms
        return newest_ms

    def without_known(self, waiting: Sequence[MyAssetEvent]) -> list[MyAssetEvent]:
        """Of frames that waited while REST was asked, those that the present balances do not contain.

        A balance from REST may be newer than the frames that wait: one by one they would show it going
        back and coming again. The others are passed over.
        """
        known_up_to: dict[str, int] = {}
        for position, event in enumerate(waiting):
            for asset in event.assets:
                if self._is_known(asset.currency, asset.balance, asset.locked):
                    known_up_to[asset.currency] = position
        left = []
        for position, event in enumerate(waiting):
            news = tuple(a for a in event.assets if position > known_up_to.get(a.currency, -1))
            if news == event.assets:
                left.append(event)
                continue
            known = tuple(asset for asset in event.assets if asset not in news)
            self.pass_over(msgspec.structs.replace(event, assets=known))
            if news:
                left.append(msgspec.structs.replace(event, assets=news))
        return left

    def reconcile(
        self, balances: Sequence[Balance], now_ms: int, *, is_first: bool
    ) -> tuple[MyAssetEvent | None, tuple[Balance, ...]]:
        """Take every balance from REST; the event that was missed, if any, and the balances that changed."""
        found = {each.currency: each for each in balances}
        for currency, known in self._balances.items():
            # Upbit leaves out what there is none of any more.
            if currency not in found:
                found[currency] = msgspec.structs.replace(known, balance=_ZERO, locked=_ZERO)
        changed = tuple(each for currency, each in found.items() if self._balances.get(currency) != each)
        moved = tuple(
            Asset(currency=each.currency, balance=each.balance, locked=each.locked)
            for each in changed
            if not self._is_known(each.currency, each.balance, each.locked)
        )
        self._balances = found
        self.is_in_doubt = False
        if not moved:
            return None, changed
        event = MyAssetEvent(
            type="myAsset",
            asset_uuid="",
            assets=moved,
            asset_timestamp=now_ms,
            timestamp=now_ms,
            stream_type=StreamType.SNAPSHOT if is_first else StreamType.RECOVERED,
        )
        return event, changed

    def _is_known(self, currency: str, balance: Decimal | None, locked: Decimal | None) -> bool:
        known = self._balances.get(currency)
        return known is not None and (known.balance, known.locked) == (balance, locked)


def _time_of(event: MyAssetEvent) -> int:
    return event.timestamp if event.asset_timestamp is None else event.asset_timestamp
