"""`SignalLeaders`: which of several subscriptions to a stream a shared signal carries."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from qt_upbit.types import ALL_CODES, StreamKey

__all__ = ["SignalLeaders"]

_NONE: Final[frozenset[StreamKey]] = frozenset()
_Group = tuple[str, tuple[Hashable, ...]]


class SignalLeaders:
    """For each stream, the oldest subscription to it leads, so that a signal carries an event once.

    A subscription to all codes of a type leads for those that name some, whichever is older. Every change
    costs as much as it changes, however many subscriptions there are.
    """

    def __init__(self) -> None:
        self._keys: dict[int, tuple[StreamKey, ...]] = {}
        self._led: dict[int, set[StreamKey]] = {}
        # Ordered dictionaries as ordered sets, the oldest first: a plain one is slow to give its first
        # entry after many of the first were removed.
        self._holders: dict[StreamKey, OrderedDict[int, None]] = {}
        self._named: dict[_Group, dict[StreamKey, None]] = {}
        """Streams subscribed by name, by type and variant."""

    def add(self, subscription_id: int, keys: Iterable[StreamKey]) -> set[int]:
        """A new subscription, younger than all others; returns the ids whose `led` has changed."""
        ours = self._keys[subscription_id] = tuple(dict.fromkeys(keys))
        led = self._led[subscription_id] = set()
        changed = {subscription_id}
        for key in ours:
            holders = self._holders.setdefault(key, OrderedDict())
            is_first = not holders
            holders[subscription_id] = None
            if key.code == ALL_CODES:
                if is_first:
                    led.add(key)
                    changed |= self._take_over(key)
            else:
                self._named.setdefault(_group(key), {})[key] = None
                if is_first and _all_codes_of(key) not in self._holders:
                    led.add(key)
        return changed

    def remove(self, subscription_id: int) -> set[int]:
        """A subscription has ended; returns the ids of others whose `led` has changed."""
        changed: set[int] = set()
        led = self._led.pop(subscription_id, set())
        # All codes last: what it gives back must not come to streams of its own.
        for key in sorted(self._keys.pop(subscription_id, ()), key=lambda key: key.code == ALL_CODES):
            holders = self._holders[key]
            del holders[subscription_id]
            if holders:
                if key in led:
                    changed.add(self._lead_by_oldest(key))
                continue
            del self._holders[key]
            if key.code == ALL_CODES:
                changed |= self._give_back(key)
            else:
                named = self._named[_group(key)]
                del named[key]
                if not named:
                    del self._named[_group(key)]
        return changed

    def led(self, subscription_id: int) -> AbstractSet[StreamKey]:
        """The streams that a subscription leads: a view that follows later changes."""
        return self._led.get(subscription_id, _NONE)

    def leads_all(self, subscription_id: int) -> bool:
        """Whether a subscription leads all its streams."""
        return len(self.led(subscription_id)) == len(self._keys.get(subscription_id, ()))

    def _lead_by_oldest(self, key: StreamKey) -> int:
        oldest = next(iter(self._holders[key]))
        self._led[oldest].add(key)
        return oldest

    def _take_over(self, all_codes: StreamKey) -> set[int]:
        """All codes of a type are subscribed now: subscriptions that name some lead no more."""
        changed: set[int] = set()
        for key in self._named.get(_group(all_codes), ()):
            leader = next(iter(self._holders[key]))
            self._led[leader].discard(key)
            changed.add(leader)
        return changed

    def _give_back(self, all_codes: StreamKey) -> set[int]:
        return {self._lead_by_oldest(key) for key in self._named.get(_group(all_codes), ())}


def _group(key: StreamKey) -> _Group:
    return key.type, key.variant


def _all_codes_of(key: StreamKey) -> StreamKey:
    return key._replace(code=ALL_CODES)
