"""`StreamRecord`: one stream, who wants it, and how far each of them has come."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterator
from typing import Any, Final

from qt_upbit.protocol.stream_request import StreamRequest, covers, merge, merge_all

__all__ = ["Standing", "StreamRecord", "StreamState"]


class StreamState(enum.Enum):
    """How far a stream has come."""

    DESIRED = enum.auto()
    """Wanted, not yet asked for on this connection."""
    SENT = enum.auto()
    """Asked for; there is no acknowledgement, so only a frame shows it."""
    LIVE = enum.auto()
    """A frame has come, or the server lists it."""
    SILENT = enum.auto()
    """No frame in the time allowed; reported, and still asked for."""
    SATISFIED = enum.auto()
    """Only first snapshots were wanted and everybody has one; asked again when requested again."""
    QUARANTINED = enum.auto()
    """The server refused the request that brought it; left out so that the others live."""


class Standing(enum.Enum):
    """How far one owner's request for a stream has come."""

    PENDING = enum.auto()
    """Asked for or to be asked for; nothing shows yet that the server serves it."""
    SERVED = enum.auto()
    """The server serves at least what was requested."""
    SATISFIED = enum.auto()
    """One snapshot was requested, and was delivered."""
    DEFERRED = enum.auto()
    """Left out while the culprit of a refusal is looked for; asked for in its turn."""
    REFUSED = enum.auto()
    """The server refused it; left out until its owner asks again."""


_SENDABLE: Final = (Standing.PENDING, Standing.SERVED)


class _Union:
    """Requests of several owners merged into one, counted by kind: owners often want the same."""

    __slots__ = ("_kinds", "_merged")

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], list[Any]] = {}
        """How many are of a kind, and the first of them."""
        self._merged: StreamRequest | None = None

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def add(self, request: StreamRequest) -> None:
        kind = _kind_of(request)
        if (known := self._kinds.get(kind)) is not None:
            known[0] += 1
            return
        self._kinds[kind] = [1, request]
        if self._merged is not None:
            self._merged = merge(self._merged, request)

    def remove(self, request: StreamRequest) -> None:
        kind = _kind_of(request)
        known = self._kinds[kind]
        known[0] -= 1
        if not known[0]:
            del self._kinds[kind]
            self._merged = None

    def distinct(self) -> Iterator[StreamRequest]:
        return (request for _, request in self._kinds.values())

    @property
    def merged(self) -> StreamRequest | None:
        if self._merged is None and self._kinds:
            self._merged = merge_all(self.distinct())
        return self._merged


def _kind_of(request: StreamRequest) -> tuple[object, ...]:
    """All but the stream, which is the same: cheaper to compare than the whole."""
    return (request.depth, request.snapshot, request.realtime, request.options)


class StreamRecord:
    """Requests for one stream by owner. Every change costs the same, however many owners there are.

    Attributes:
        state: how far the stream has come.
        needs_snapshot: an owner needs a snapshot that is neither in our cache nor under way.
        accepted: what the server has been seen to accept, also on an earlier connection.
        proven: what this connection has been seen to serve; its depth is that of the deepest book shown.
        is_unambiguous: whether a frame can only answer what is asked for now; after a change of options it
            may answer the request before, until the server has confirmed the new one.
    """

    __slots__ = (
        "_pending",
        "_requests",
        "_sendable",
        "_standings",
        "_wanted",
        "accepted",
        "is_unambiguous",
        "needs_snapshot",
        "proven",
        "state",
    )

    def __init__(self) -> None:
        self._requests: dict[Hashable, StreamRequest] = {}
        self._standings: dict[Hashable, Standing] = {}
        self._pending: dict[Hashable, StreamRequest] = {}
        self._wanted = _Union()
        self._sendable = _Union()
        self.state = StreamState.DESIRED
        self.needs_snapshot = False
        self.accepted: StreamRequest | None = None
        self.proven: StreamRequest | None = None
        self.is_unambiguous = True

    # --- owners ------------------------------------------------------------------------------------

    @property
    def owners(self) -> tuple[Hashable, ...]:
        """Who wants it, oldest first."""
        return tuple(self._requests)

    @property
    def has_owners(self) -> bool:
        """Whether anybody wants it."""
        return bool(self._requests)

    def request_of(self, owner: Hashable) -> StreamRequest:
        """What one of the owners wants."""
        return self._requests[owner]

    def standing_of(self, owner: Hashable) -> Standing | None:
        """How far an owner has come; None if it does not want this stream."""
        return self._standings.get(owner)

    @property
    def pending(self) -> dict[Hashable, StreamRequest]:
        """Requests to be asked for of which nothing shows yet that they are served. Do not change it."""
        return self._pending

    def suspects(self) -> Iterator[tuple[Hashable, StreamRequest]]:
        """Requests that are asked for and are more than what the server has been seen to accept."""
        for owner, request in self._requests.items():
            if self._standings[owner] in _SENDABLE and not self.is_accepted(request):
                yield owner, request

    def is_accepted(self, request: StreamRequest) -> bool:
        """Whether the server has been seen to accept as much."""
        return self.accepted is not None and covers(self.accepted, request)

    def put(self, owner: Hashable, request: StreamRequest, standing: Standing) -> None:
        """An owner wants it, or wants something else of it than before."""
        if owner in self._requests:
            self._leave(owner)
        self._requests[owner] = request
        self._enter(owner, standing)

    def drop(self, owner: Hashable) -> None:
        """An owner wants it no more."""
        self._leave(owner)
        del self._requests[owner]
        del self._standings[owner]

    def move(self, owner: Hashable, standing: Standing) -> None:
        """An owner has come to another standing."""
        if self._standings[owner] is not standing:
            self._leave(owner)
            self._enter(owner, standing)

    def _enter(self, owner: Hashable, standing: Standing) -> None:
        request = self._requests[owner]
        self._standings[owner] = standing
        if standing is not Standing.SATISFIED:
            self._wanted.add(request)
        if standing in _SENDABLE:
            self._sendable.add(request)
        if standing is Standing.PENDING:
            self._pending[owner] = request

    def _leave(self, owner: Hashable) -> None:
        request, standing = self._requests[owner], self._standings[owner]
        if standing is not Standing.SATISFIED:
            self._wanted.remove(request)
        if standing in _SENDABLE:
            self._sendable.remove(request)
        if standing is Standing.PENDING:
            del self._pending[owner]

    # --- all of them -------------------------------------------------------------------------------

    @property
    def is_wanted(self) -> bool:
        """Whether any owner is not satisfied."""
        return bool(self._wanted)

    @property
    def is_sendable(self) -> bool:
        """Whether there is anything to ask the server for."""
        return bool(self._sendable)

    @property
    def wanted(self) -> StreamRequest | None:
        """Everything in one; None when all are satisfied."""
        return self._wanted.merged

    @property
    def sendable(self) -> StreamRequest | None:
        """The same without what was refused or is deferred."""
        return self._sendable.merged

    def distinct(self) -> Iterator[StreamRequest]:
        """The different requests of what is `sendable`."""
        return self._sendable.distinct()

    def settle(self) -> None:
        """Correct the state after owners came, went or moved."""
        if self.is_sendable:
            if self.state in (StreamState.SATISFIED, StreamState.QUARANTINED):
                self.state = StreamState.DESIRED
        elif not self.is_wanted:
            self.state = StreamState.SATISFIED
        elif Standing.DEFERRED in self._standings.values():
            self.state = StreamState.DESIRED
        else:
            self.state = StreamState.QUARANTINED

    def lost(self) -> None:
        """The connection is gone, and with it all that was asked for."""
        self.needs_snapshot = False
        self.proven = None
        self.is_unambiguous = True
        if self.state not in (StreamState.SATISFIED, StreamState.QUARANTINED):
            self.state = StreamState.DESIRED
        for owner, standing in tuple(self._standings.items()):
            if standing is Standing.SERVED:
                self.move(owner, Standing.PENDING)
