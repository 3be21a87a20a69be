"""`RefusalSearch`: which of several owners made the server refuse a request.

The server says that a request was refused, and closes; not what was wrong with it. Where one owner's part was
new, that was it. Where several were, half of them is tried first, then half of what is left, each on top of
what is known to be accepted, until every culprit stood alone: it costs about two connections per halving, and
no innocent request is ever left out for good. Requests that come meanwhile wait for the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence

__all__ = ["RefusalSearch"]


class _Group:
    __slots__ = ("has_culprit", "is_newcomers", "owners")

    def __init__(self, owners: Iterable[Hashable], *, has_culprit: bool, is_newcomers: bool = False) -> None:
        self.owners = dict.fromkeys(owners)
        self.has_culprit = has_culprit
        """Whether it would be refused as a whole, if all groups before are accepted."""
        self.is_newcomers = is_newcomers
        """Whether it waits for the end of the search, and was not blamed."""


class RefusalSearch:
    """Owners in groups that are tried one after another; the first group is asked for now."""

    def __init__(self) -> None:
        self._groups: deque[_Group] = deque()
        self.in_vain: list[Hashable] = []
        """Owners who were refused alone while the server had not accepted anything yet."""

    @property
    def is_running(self) -> bool:
        """Whether a culprit is being looked for."""
        return bool(self._groups)

    def clear(self) -> None:
        """Give up."""
        self._groups.clear()
        self.in_vain.clear()

    def narrow(self, suspects: Sequence[Hashable]) -> tuple[Hashable, ...]:
        """Two or more were refused together: the first half stays; returns the others, to be deferred."""
        if self._groups:
            self._end_of_first(found=True)
        half = (len(suspects) + 1) // 2
        second = _Group(suspects[half:], has_culprit=True)
        self._groups.appendleft(second)
        self._groups.appendleft(_Group(suspects[:half], has_culprit=False))
        return tuple(second.owners)

    def found(self) -> tuple[Hashable, ...]:
        """The only suspect of the first group was refused; returns whom to ask for next."""
        if not self._groups:
            return ()
        self._end_of_first(found=True)
        return self._first()

    def accepted(self) -> tuple[Hashable, ...]:
        """The server has accepted the first group; returns whom to ask for next."""
        if not self._groups:
            return ()
        self._end_of_first(found=False)
        if self._groups and self._groups[0].has_culprit and len(self._groups[0].owners) > 1:
            group = tuple(self._groups.popleft().owners)
            half = (len(group) + 1) // 2
            self._groups.appendleft(_Group(group[half:], has_culprit=True))
            self._groups.appendleft(_Group(group[:half], has_culprit=False))
        return self._first()

    def join(self, owner: Hashable) -> None:
        """A request comes while a culprit is looked for, and is to be deferred."""
        last = self._groups[-1]
        if len(self._groups) == 1 or not last.is_newcomers:
            last = _Group((), has_culprit=False, is_newcomers=True)
            self._groups.append(last)
        last.owners[owner] = None

    def forget(self, owner: Hashable) -> tuple[Hashable, ...]:
        """An owner is gone, or asks for something else; returns whom to ask for next, if it was the first."""
        if owner in self.in_vain:
            self.in_vain.remove(owner)
        if not self._groups:
            return ()
        first = self._groups[0]
        for group in self._groups:
            group.owners.pop(owner, None)
        self._groups = deque(group for group in self._groups if group.owners)
        return () if self._groups and self._groups[0] is first else self._first()

    def _end_of_first(self, *, found: bool) -> None:
        self._groups.popleft()
        if found and self._groups:
            self._groups[0].has_culprit = False  # it may have another one

    def _first(self) -> tuple[Hashable, ...]:
        return tuple(self._groups[0].owners) if self._groups else ()
