"""`SubscriptionStateManager`: many owners' requests, one desired set per scope.

Upbit replaces everything a connection had subscribed with every request (protocol section 2.5), so
each request must hold everything that anybody wants. How requests for the same code share a request:

* **Depth** (order books): the deepest wins; whoever wanted fewer rows gets the book cut to them, with
  the totals of those rows, which is what Upbit itself sends for that depth.
* **Level** (order books) and **timeframe** (indicators): different values are different streams; each
  has its own object in the request, and its frames carry the value.
* **Snapshot and realtime**: the stream runs if anybody wants it; it starts with a snapshot if anybody
  wants one. Who wanted no snapshot is not given one, who wanted only one is released after it: it is no
  part of later requests, also not after a reconnect.
* **Lists** (announcement categories, indicator definitions): the union is asked for, and everyone gets
  what they asked for. No list means everything.
* **All codes** (my orders): swallows single codes; who named codes gets those.

No rule ever drops a subscriber. If the server refuses a request, those requests are left out that it brought
beyond what the server had accepted before, whoever else wants the same stream; they are reported, and tried
again when somebody requests for the stream again.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import msgspec

from qt_upbit.protocol.wire import DEFAULT_BOOK_DEPTH, RequestItem
from qt_upbit.types import ALL_CODES, EVENT_TYPES, CodeRule, EventSpec, Scope, StreamKey, spec_of

__all__ = ["StreamRequest", "StreamState", "SubscriptionStateManager", "listed_streams"]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What one owner wants of one stream.

    Attributes:
        key: the stream.
        depth: rows of an order book; 0 where there is no depth.
        snapshot: wants a first snapshot.
        realtime: wants the changes.
        options: the request options that do not distinguish streams: a union of lists, or a flag.
            None as a value means everything.
    """

    key: StreamKey
    depth: int = 0
    snapshot: bool = True
    realtime: bool = True
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def row(self) -> EventSpec:
        """The declaration of the request's type."""
        row = spec_of(self.key.type)
        if row is None:
            raise ValueError(f"unknown type {self.key.type!r}")
        return row


class StreamState(enum.Enum):
    """How far a stream has come."""

    DESIRED = enum.auto()
    """Wanted, not yet asked for on this connection."""
    SENT = enum.auto()
    """Asked for; there is no acknowledgement, so only a frame tells."""
    LIVE = enum.auto()
    """A frame has come, or the server lists it."""
    SILENT = enum.auto()
    """No frame in the time allowed; reported, and still asked for."""
    SATISFIED = enum.auto()
    """Only first snapshots were wanted and everybody has one; asked again when requested again."""
    QUARANTINED = enum.auto()
    """The server refused the request that brought it; left out so that the others live."""


class _Stream:
    """One stream: who wants it, and how far it has come."""

    __slots__ = (
        "_sendable",
        "_wanted",
        "accepted",
        "refused",
        "satisfied",
        "snapshot_due",
        "state",
        "stream_requests",
    )

    def __init__(self) -> None:
        self.stream_requests: dict[Hashable, StreamRequest] = {}
        self.satisfied: set[Hashable] = set()
        """Owners who wanted one snapshot and have it."""
        self.refused: set[Hashable] = set()
        """Owners whose request made the server refuse a request."""
        self.state = StreamState.DESIRED
        self.snapshot_due = False
        """Somebody needs a snapshot that is neither in our cache nor under way."""
        self.accepted: StreamRequest | None = None
        """What the server has been seen to accept, also on an earlier connection."""
        self._wanted: StreamRequest | None = None
        self._sendable: StreamRequest | None = None

    def changed(self) -> None:
        """The owners' requests are to be merged again."""
        self._wanted = self._sendable = None

    @property
    def is_wanted(self) -> bool:
        """Whether anybody is not satisfied."""
        return len(self.satisfied) < len(self.stream_requests)

    @property
    def is_sendable(self) -> bool:
        """Whether anybody is neither satisfied nor refused."""
        return self.is_wanted and (
            not self.refused or len(self.satisfied | self.refused) < len(self.stream_requests)
        )

    @property
    def wanted(self) -> StreamRequest | None:
        """Everybody's request in one; None when all are satisfied."""
        if self._wanted is None and self.is_wanted:
            self._wanted = _merge_all(w for o, w in self.stream_requests.items() if o not in self.satisfied)
        return self._wanted

    @property
    def sendable(self) -> StreamRequest | None:
        """The same without those whose request the server refused."""
        if not self.refused:
            return self.wanted
        if self._sendable is None and self.is_sendable:
            left_out = self.satisfied | self.refused
            self._sendable = _merge_all(w for o, w in self.stream_requests.items() if o not in left_out)
        return self._sendable

    def settle(self) -> None:
        """Correct the state after owners came, went or were left out."""
        if self.is_sendable:
            if self.state in (StreamState.SATISFIED, StreamState.QUARANTINED):
                self.state = StreamState.DESIRED
        elif self.is_wanted:
            self.state = StreamState.QUARANTINED
        else:
            self.state = StreamState.SATISFIED


class _ScopeState:
    """What one connection wants and has asked for."""

    def __init__(self) -> None:
        self.streams: dict[StreamKey, _Stream] = {}
        self.sent: dict[StreamKey, StreamRequest] = {}
        """What the server serves now, as far as we know."""
        self.last_request: dict[StreamKey, StreamRequest] = {}
        self.requested_at = _LONG_AGO
        self.pending_snapshots: dict[StreamKey, float] = {}
        """Streams that owe a first snapshot, by the time it was asked for, oldest first."""
        self.again = False
        """The whole request is to be sent once more."""
        self.released = False
        """Somebody got the one snapshot it wanted."""
        self._desired: dict[StreamKey, StreamRequest] | None = None
        self._sendable: dict[StreamKey, StreamRequest] | None = None

    def changed(self) -> None:
        self._desired = self._sendable = None

    @property
    def desired(self) -> dict[StreamKey, StreamRequest]:
        if self._desired is None:
            merged = {key: stream.wanted for key, stream in self.streams.items()}
            self._desired = _absorb_all_codes(
                {k: stream_request for k, stream_request in merged.items() if stream_request is not None}
            )
        return self._desired

    @property
    def sendable(self) -> dict[StreamKey, StreamRequest]:
        if self._sendable is None:
            merged = {key: stream.sendable for key, stream in self.streams.items()}
            self._sendable = _absorb_all_codes(
                {k: stream_request for k, stream_request in merged.items() if stream_request is not None}
            )
        return self._sendable

    def accept_all(self) -> None:
        """The last request has been served: nothing in it can be to blame for a later refusal."""
        for key, stream_request in self.sent.items():
            stream = self.streams.get(key)
            if stream is not None:
                stream.accepted = stream_request


_LONG_AGO: Final = float("-inf")
_SETTLED_S: Final = 5.0
"""A refusal comes within a round trip (protocol section 4); after this long a request is accepted."""


class SubscriptionStateManager:
    """Owners → requests → one merged desired set per scope, reference-counted by owner.

    Pure bookkeeping: nothing is sent here. After `add` or `remove`, ask `needs_request`; take
    `request_items` and tell `mark_sent` once it is on its way.
    """

    def __init__(self) -> None:
        self._stream_requests: dict[Hashable, tuple[StreamRequest, ...]] = {}
        self._scopes = {scope: _ScopeState() for scope in Scope}

    # --- owners ------------------------------------------------------------------------------------

    def add(
        self, owner: Hashable, stream_requests: Iterable[StreamRequest], unserved: Collection[StreamKey] = ()
    ) -> set[Scope]:
        """Set what `owner` wants, instead of what it wanted before; return the scopes concerned.

        A repeated key within `stream_requests` merges. Who wants a first snapshot of a LIVE stream is taken
        to have it from the cache, unless `unserved` names the stream: then the server is asked again.
        """
        merged: dict[StreamKey, StreamRequest] = {}
        for stream_request in stream_requests:
            merged[stream_request.key] = (
                _merge(merged[stream_request.key], stream_request)
                if stream_request.key in merged
                else stream_request
            )
        rows = {
            key: stream_request.row for key, stream_request in merged.items()
        }  # raises before anything is changed
        scopes = self._drop(owner, [w for w in self._stream_requests.pop(owner, ()) if w.key not in merged])
        if merged:
            self._stream_requests[owner] = tuple(merged.values())
        for key, stream_request in merged.items():
            scope = rows[key].scope
            scopes.add(scope)
            state = self._scopes[scope]
            stream = state.streams.get(key)
            if stream is None:
                stream = state.streams[key] = _Stream()
            self._put(state, stream, owner, stream_request, served=key not in unserved)
            state.changed()
        return scopes

    def _put(
        self,
        state: _ScopeState,
        stream: _Stream,
        owner: Hashable,
        stream_request: StreamRequest,
        *,
        served: bool,
    ) -> None:
        sent = state.sent.get(stream_request.key)
        stream.stream_requests[owner] = stream_request
        stream.satisfied.discard(owner)
        # A fresh request deserves a fresh try, and so do those who were refused the same stream.
        stream.refused.clear()
        stream.changed()
        stream.settle()
        if stream.state is StreamState.DESIRED and sent is not None and sent.realtime:
            # Its last owner left, and the server was not reported yet: it still runs.
            shown = stream_request.snapshot and stream_request.row.has_snapshot and served
            stream.state = StreamState.LIVE if shown else StreamState.SENT
        if (
            not (stream_request.snapshot and stream_request.row.has_snapshot)
            or sent is None
            or stream_request.key in state.pending_snapshots
        ):
            return
        if stream.state is not StreamState.LIVE or not served or not _subsumes(sent, stream_request):
            stream.snapshot_due = True
        elif not stream_request.realtime:
            stream.satisfied.add(owner)
            stream.changed()
            stream.settle()

    def remove(self, owner: Hashable) -> set[Scope]:
        """Forget an owner; return the scopes concerned. Unknown owners are none of our business."""
        return self._drop(owner, self._stream_requests.pop(owner, ()))

    def _drop(self, owner: Hashable, stream_requests: Iterable[StreamRequest]) -> set[Scope]:
        scopes: set[Scope] = set()
        for stream_request in stream_requests:
            scope = stream_request.row.scope
            scopes.add(scope)
            state = self._scopes[scope]
            state.changed()
            stream = state.streams[stream_request.key]
            del stream.stream_requests[owner]
            if not stream.stream_requests:
                del state.streams[stream_request.key]
                state.pending_snapshots.pop(stream_request.key, None)
                continue
            stream.satisfied.discard(owner)
            stream.refused.discard(owner)
            stream.changed()
            stream.settle()
        return scopes

    def requests_of(self, owner: Hashable) -> tuple[StreamRequest, ...]:
        """What an owner wants."""
        return self._stream_requests.get(owner, ())

    def owners_of(self, key: StreamKey) -> tuple[Hashable, ...]:
        """Who wants a stream, oldest first."""
        stream = self._stream(key)
        return tuple(stream.stream_requests) if stream is not None else ()

    # --- the merged set ----------------------------------------------------------------------------

    def desired(self, scope: Scope) -> dict[StreamKey, StreamRequest]:
        """Everything wanted of a scope, merged, in the order it was first asked for."""
        return dict(self._scopes[scope].desired)

    def is_wanted(self, scope: Scope) -> bool:
        """Whether there is anything to ask the server of a scope for."""
        return any(stream.is_sendable for stream in self._scopes[scope].streams.values())

    def codes(self, scope: Scope) -> tuple[str, ...]:
        """The codes wanted of a scope, sorted."""
        streams = self._scopes[scope].streams.items()
        wanted = {key.code for key, stream in streams if stream.is_wanted}
        return tuple(sorted(wanted - {ALL_CODES}))

    def needs_request(self, scope: Scope) -> bool:
        """Whether what was asked for on this connection is no longer what is wanted.

        A snapshot that was delivered and is no longer wanted costs nothing on the server, and a
        snapshot for a live stream comes from our own cache: neither is worth a request.
        """
        state = self._scopes[scope]
        desired = state.sendable
        if not desired:
            return False  # there is no request for nothing; the connection is closed after a while
        return (
            state.again
            or not all(
                self._is_covered(state, key, stream_request) for key, stream_request in desired.items()
            )
            or any(
                stream_request.realtime and key not in desired for key, stream_request in state.sent.items()
            )
        )

    def request_items(self, scope: Scope) -> tuple[RequestItem, ...]:
        """The whole desired set as the data-type objects of one request."""
        groups: dict[tuple[Any, ...], list[tuple[StreamKey, StreamRequest]]] = {}
        for key, stream_request in self._scopes[scope].sendable.items():
            options = _options_key(stream_request.options) if stream_request.options else b""
            flags = (
                stream_request.snapshot and not stream_request.realtime,
                stream_request.realtime and not stream_request.snapshot,
            )
            groups.setdefault((key.type, key.variant, flags, options), []).append((key, stream_request))
        order = {name: i for i, name in enumerate(t for row in EVENT_TYPES.values() for t in row.wire_types)}
        items = []
        for (wire_type, variant, flags, _), members in sorted(groups.items(), key=lambda g: order[g[0][0]]):
            stream_request = members[0][1]
            items.append(
                RequestItem(
                    wire_type,
                    _request_codes(stream_request.row, members),
                    # Types without a snapshot know no flags.
                    is_only_snapshot=flags[0] and stream_request.row.has_snapshot,
                    is_only_realtime=flags[1] and stream_request.row.has_snapshot,
                    options=_request_options(stream_request, variant),
                )
            )
        return tuple(items)

    # --- what happened on the connection -----------------------------------------------------------

    def mark_sent(self, scope: Scope, now: float) -> None:
        """The present `request_items` are on their way."""
        state = self._scopes[scope]
        if now - state.requested_at >= _SETTLED_S:
            state.accept_all()
        desired = state.sendable
        for key, stream_request in desired.items():
            stream = state.streams[key]
            news = not self._is_covered(state, key, stream_request)
            if stream.state is StreamState.DESIRED or (news and stream.state is not StreamState.LIVE):
                stream.state = StreamState.SENT
            if news and stream_request.snapshot and stream_request.row.has_snapshot:
                state.pending_snapshots.pop(key, None)
                state.pending_snapshots[key] = now
            stream.snapshot_due = False
        for key, stream in state.streams.items():
            if key not in desired and stream.state is StreamState.DESIRED:
                stream.state = StreamState.SENT  # swallowed by all codes
        state.sent = dict(desired)
        state.last_request = dict(desired)
        state.requested_at = now
        state.again = False

    def running(self, scope: Scope) -> frozenset[StreamKey]:
        """The streams of which the server was asked for changes."""
        return frozenset(
            key for key, stream_request in self._scopes[scope].sent.items() if stream_request.realtime
        )

    def rows_asked(self, scope: Scope, key: StreamKey) -> int:
        """How many rows a book was asked for with; 0 for other types and streams."""
        sent = self._scopes[scope].sent.get(key)
        return sent.depth if sent is not None else 0

    def mark_live(self, scope: Scope, key: StreamKey, *, snapshot: bool = True) -> bool:
        """A frame of a stream has come; True if it is the first on this connection.

        Args:
            scope: the stream's.
            key: the stream.
            snapshot: whether the frame shows all that was asked for, which satisfies who wanted just that.
        """
        state = self._scopes[scope]
        stream = state.streams.get(key)
        if stream is None or stream.state is StreamState.QUARANTINED:
            return False
        first = stream.state in (StreamState.DESIRED, StreamState.SENT, StreamState.SILENT)
        sent = state.sent.get(key)
        if first:
            stream.state = StreamState.LIVE
            # The server looks at the whole request before it serves any of it.
            stream.accepted = sent if sent is not None else stream.accepted
        if snapshot and sent is not None:
            state.pending_snapshots.pop(key, None)
            self._satisfy(state, stream, sent)
        return first

    def _satisfy(self, state: _ScopeState, stream: _Stream, sent: StreamRequest) -> None:
        if not sent.realtime:
            # Delivered, and inert from now on: another request for it must ask again.
            del state.sent[sent.key]
        satisfied = {
            owner
            for owner, stream_request in stream.stream_requests.items()
            if not stream_request.realtime and owner not in stream.refused and _subsumes(sent, stream_request)
        }
        if satisfied - stream.satisfied:
            stream.satisfied |= satisfied
            stream.changed()
            stream.settle()
            state.changed()
            state.released = True

    def take_released(self, scope: Scope) -> bool:
        """Whether owners were satisfied by a snapshot since the last call, so that less may be wanted."""
        state = self._scopes[scope]
        released, state.released = state.released, False
        return released

    def mark_lost(self, scope: Scope) -> None:
        """The connection is gone and with it everything asked for."""
        state = self._scopes[scope]
        state.sent.clear()
        state.last_request.clear()
        state.pending_snapshots.clear()
        state.requested_at = _LONG_AGO
        state.again = False
        for stream in state.streams.values():
            stream.snapshot_due = False
            if stream.state not in (StreamState.SATISFIED, StreamState.QUARANTINED):
                stream.state = StreamState.DESIRED

    def resend(self, scope: Scope) -> None:
        """Make `needs_request` true although nothing changed: the server disagrees with us."""
        self._scopes[scope].again = True

    def quarantine_newcomers(self, scope: Scope, now: float = _LONG_AGO) -> tuple[StreamKey, ...]:
        """The last request was refused: leave out the requests it brought beyond what had been accepted.

        Returns their streams; empty when nothing was accepted before, or everything was, so that nobody
        is to blame. `owners_left_out` tells whose requests they are.
        """
        state = self._scopes[scope]
        if now - state.requested_at >= _SETTLED_S:
            state.accept_all()
        if all(stream.accepted is None for stream in state.streams.values()):
            return ()
        blamed = []
        for key in state.last_request:
            stream = state.streams.get(key)
            if stream is None:
                continue
            accepted = stream.accepted
            newcomers = {
                owner
                for owner, stream_request in stream.stream_requests.items()
                if accepted is None or not _subsumes(accepted, stream_request)
            } - stream.satisfied
            if newcomers:
                stream.refused |= newcomers
                stream.changed()
                stream.settle()
                blamed.append(key)
        if blamed:
            state.changed()
        return tuple(blamed)

    def owners_left_out(self, keys: Iterable[StreamKey]) -> tuple[Hashable, ...]:
        """Owners whose requests for these streams are in quarantine, each once."""
        streams = (self._stream(key) for key in keys)
        return tuple(dict.fromkeys(o for s in streams if s for o in s.stream_requests if o in s.refused))

    def state_of(self, key: StreamKey) -> StreamState | None:
        """How far a stream has come; None when nobody wants it."""
        stream = self._stream(key)
        return stream.state if stream is not None else None

    def is_awaited(self, scope: Scope, key: StreamKey) -> bool:
        """Whether a frame of a stream tells something: its first one, or a snapshot it owes."""
        state = self._scopes[scope]
        stream = state.streams.get(key)
        return stream is not None and (
            stream.state in (StreamState.SENT, StreamState.SILENT) or key in state.pending_snapshots
        )

    def awaited(self, scope: Scope) -> frozenset[StreamKey]:
        """Streams that were asked for and have not shown a frame or a snapshot, silent ones included."""
        return frozenset(key for key in self._scopes[scope].streams if self.is_awaited(scope, key))

    def has_pending_snapshots(self, scope: Scope, *, known: bool = False) -> bool:
        """Whether first snapshots are under way; with `known`, of streams that have been live before."""
        state = self._scopes[scope]
        return any(not known or state.streams[key].accepted is not None for key in state.pending_snapshots)

    def forget_accepted(self, scope: Scope) -> None:
        """Nothing of what was live before answers any more: expect no more of it than of new streams."""
        for stream in self._scopes[scope].streams.values():
            stream.accepted = None

    def next_silence(self, scope: Scope, timeout_s: float) -> float | None:
        """When `take_silent` may next have something to say; None for never."""
        asked_at = next(iter(self._scopes[scope].pending_snapshots.values()), None)
        return None if asked_at is None else asked_at + timeout_s

    def take_silent(self, scope: Scope, now: float, timeout_s: float) -> tuple[StreamKey, ...]:
        """Streams with a snapshot pending for `timeout_s` or longer; each is named once per request."""
        state = self._scopes[scope]
        silent = []
        for key, asked_at in state.pending_snapshots.items():
            if asked_at + timeout_s > now:
                break
            silent.append(key)
        for key in silent:
            del state.pending_snapshots[key]
            if state.streams[key].state is StreamState.SENT:
                state.streams[key].state = StreamState.SILENT
        return tuple(silent)

    # --- the server's own list ---------------------------------------------------------------------

    def audit(
        self, scope: Scope, result: Iterable[Mapping[str, Any]]
    ) -> tuple[set[StreamKey], set[StreamKey]]:
        """Compare a LIST_SUBSCRIPTIONS result with what was asked for.

        Returns:
            ``(missing, surplus)``: live streams the server does not list, and streams it lists that
            are not in our last request. Streams that never showed a frame are not missed: the server
            ignores unknown codes, and whether it lists them is unknown.
        """
        state = self._scopes[scope]
        asked = state.last_request
        listed: set[StreamKey] = set()
        surplus: set[StreamKey] = set()
        for entry in result:
            for key, exact in listed_streams(entry):
                # An entry may leave out what distinguishes its streams, or spell all codes out.
                ours = [key] if exact and key in asked else [k for k in asked if _may_be(key, k, exact)]
                listed.update(ours)
                if not ours:
                    surplus.add(key)
        pending_snapshots = {
            key
            for key, stream_request in asked.items()
            if stream_request.realtime
            and key in state.streams
            and (state.streams[key].state is StreamState.LIVE or not stream_request.row.has_snapshot)
        }
        return pending_snapshots - listed, surplus

    # --- helpers -----------------------------------------------------------------------------------

    def _stream(self, key: StreamKey) -> _Stream | None:
        row = spec_of(key.type)
        return self._scopes[row.scope].streams.get(key) if row else None

    def _is_covered(self, state: _ScopeState, key: StreamKey, stream_request: StreamRequest) -> bool:
        stream = state.streams[key]
        if stream.snapshot_due:
            return False
        sent = state.sent.get(key)
        if sent is None or sent is stream_request:
            return sent is stream_request
        if sent.depth != stream_request.depth or (stream_request.realtime and not sent.realtime):
            return False
        if sent.options != stream_request.options and _options_key(sent.options) != _options_key(
            stream_request.options
        ):
            return False
        # A live stream has a last value in our cache, so nobody needs the server's snapshot.
        return sent.snapshot or not stream_request.snapshot or stream.state is StreamState.LIVE


def _merge_all(stream_requests: Iterable[StreamRequest]) -> StreamRequest:
    return functools.reduce(_merge, stream_requests)


def _merge(a: StreamRequest, b: StreamRequest) -> StreamRequest:
    if a == b:
        return a
    return replace(
        a,
        depth=max(a.depth, b.depth),
        snapshot=a.snapshot or b.snapshot,
        realtime=a.realtime or b.realtime,
        options=_merge_options(a.options, b.options),
    )


def _subsumes(asked: StreamRequest, stream_request: StreamRequest) -> bool:
    """Whether what was asked brings all rows and everything in the lists that a request names."""
    merged = _merge_options(asked.options, stream_request.options)
    return stream_request.depth <= asked.depth and (
        merged == asked.options or _options_key(merged) == _options_key(asked.options)
    )


def _merge_options(
    a: tuple[tuple[str, Any], ...], b: tuple[tuple[str, Any], ...]
) -> tuple[tuple[str, Any], ...]:
    if a == b:
        return a
    left, right = dict(a), dict(b)
    merged = []
    for name in dict.fromkeys((*left, *right)):
        x, y = left.get(name), right.get(name)
        value: Any
        if isinstance(x, bool) or isinstance(y, bool):
            value = bool(x) or bool(y)
        elif x is None or y is None:
            value = None
        else:
            value = (*x, *(item for item in y if item not in x))
        merged.append((name, value))
    return tuple(merged)


def _absorb_all_codes(merged: dict[StreamKey, StreamRequest]) -> dict[StreamKey, StreamRequest]:
    """Drop single codes of a type whose every code is wanted: the request cannot say both."""
    everything = {
        (key.type, key.variant) for key, stream_request in merged.items()
        if key.code == ALL_CODES and stream_request.row.codes is CodeRule.OPTIONAL
    }  # fmt: skip
    if not everything:
        return merged
    return {
        key: stream_request
        for key, stream_request in merged.items()
        if key.code == ALL_CODES or (key.type, key.variant) not in everything
    }


def listed_streams(entry: Mapping[str, Any]) -> Iterator[tuple[StreamKey, bool]]:
    """The streams of one entry of the server's list, each with whether it says all that distinguishes it.

    Nothing here may raise: the list comes from outside.
    """
    wire_type = entry.get("type")
    row = spec_of(wire_type) if isinstance(wire_type, str) else None
    if row is None or not isinstance(wire_type, str):
        return
    variant = tuple(_variant_value(entry.get(name)) for name in row.stream_fields)
    codes = entry.get("codes")
    for code in codes if isinstance(codes, list) and codes else (ALL_CODES,):
        bare = code.partition(".")[0] if isinstance(code, str) else ALL_CODES
        yield StreamKey(wire_type, bare, variant), None not in variant


def _may_be(listed: StreamKey, ours: StreamKey, exact: bool) -> bool:
    if listed.type != ours.type or (exact and listed.variant != ours.variant):
        return False
    row = spec_of(ours.type)
    if row is not None and row.codes is CodeRule.OPTIONAL and ours.code == ALL_CODES:
        return True  # all codes, spelled out
    return not exact and listed.code == ours.code


def _variant_value(value: Any) -> Hashable:
    """A stream field as it stands in a `StreamKey`; None if it says nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, int) or value.adjusted() > 30 or value != value.to_integral_value():
        return value
    return int(value)


def _options_key(options: tuple[tuple[str, Any], ...]) -> bytes:
    """Options as comparable text; the order in which owners came does not matter."""
    ordered = {
        name: sorted(value, key=repr) if isinstance(value, tuple) else value for name, value in options
    }
    return msgspec.json.encode(ordered, order="sorted")


def _request_codes(row: EventSpec, members: list[tuple[StreamKey, StreamRequest]]) -> tuple[str, ...] | None:
    if row.codes is CodeRule.FORBIDDEN or any(key.code == ALL_CODES for key, _ in members):
        return None
    return tuple(
        f"{key.code}.{stream_request.depth}"
        if row.has_depth and stream_request.depth != DEFAULT_BOOK_DEPTH
        else key.code
        for key, stream_request in members
    )


def _request_options(stream_request: StreamRequest, variant: tuple[Hashable, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: value for name, value in zip(stream_request.row.stream_fields, variant, strict=True) if value
    }
    option: Any
    for name, option in stream_request.options:
        if option is not None and option is not False:
            options[name] = list(option) if isinstance(option, tuple) else option
    return options
