"""`SubscriptionStateManager`: many owners' requests, one desired set per scope.

Upbit replaces everything a connection had subscribed with every request (protocol section 2.5), so
each request must hold everything that anybody wants. How requests for the same code share a request:

* **Depth** (order books): the deepest wins; a subscriber to fewer rows gets the book cut to them, with
  the totals of those rows, which is what Upbit itself sends for that depth.
* **Level** (order books) and **timeframe** (indicators): different values are different streams; each
  has its own object in the request, and its frames carry the value.
* **Snapshot and realtime**: the stream runs if anybody wants it; it starts with a snapshot if anybody
  wants one. Who wanted no snapshot is not given one, who wanted only one is released after it: it is no
  part of later requests, also not after a reconnect.
* **Lists** (announcement categories, indicator definitions): the union is asked for, and everyone gets
  what they asked for. No list means everything.
* **All codes** (my orders): swallows single codes; who named codes gets those.

No rule ever drops a subscriber. "Is served" is asked per request: who wants thirty rows is not served by a
book of five that runs already. If the server refuses a request, those owners are left out that brought more
than it had accepted before, whichever other owners want the same streams. Where several did, the culprit is
looked for (`refusal_search`), so that no innocent request is refused with it, or with the next one. A refused
owner is notified, and is tried again when it asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from qt_upbit.frame_scan import Head
from qt_upbit.protocol import server_list
from qt_upbit.protocol.scope_streams import ScopeStreams
from qt_upbit.protocol.server_list import listed_streams
from qt_upbit.protocol.stream_record import Standing, StreamRecord, StreamState
from qt_upbit.protocol.stream_request import StreamRequest, build_items, covers, merge
from qt_upbit.protocol.wire import RequestItem
from qt_upbit.types import ALL_CODES, Scope, StreamKey, spec_of

__all__ = ["Blame", "StreamRequest", "StreamState", "SubscriptionStateManager", "listed_streams"]

_LONG_AGO: Final = float("-inf")
_MAX_IN_VAIN: Final = 8
"""Owners who are tried alone before it is clear that the server refuses everything."""
_SHOWN: Final = (Standing.SERVED, Standing.SATISFIED)


@dataclass(frozen=True, slots=True)
class Blame:
    """Who is to blame for a refused request.

    Attributes:
        keys: streams that are left out from now on.
        owners: whose requests for them are left out.
        is_searching: several may be to blame; some of them are tried first, and none is left out yet.
        is_everything: everybody was tried alone, and the server refuses everything.
    """

    keys: tuple[StreamKey, ...] = ()
    owners: tuple[Hashable, ...] = ()
    is_searching: bool = False
    is_everything: bool = False


class SubscriptionStateManager:
    """Owners → requests → one merged desired set per scope, reference-counted by owner.

    Pure bookkeeping: nothing is sent here. After `add` or `remove`, ask `needs_request`; take
    `request_items` and call `mark_sent` once it is on its way.
    """

    def __init__(self) -> None:
        self._requests: dict[Hashable, tuple[StreamRequest, ...]] = {}
        self._scopes = {scope: ScopeStreams() for scope in Scope}

    # --- owners ------------------------------------------------------------------------------------

    def add(
        self, owner: Hashable, requests: Iterable[StreamRequest], unserved: Collection[StreamKey] = ()
    ) -> set[Scope]:
        """Set what `owner` wants, instead of what it wanted before; return the scopes concerned.

        A repeated key within `requests` merges. Who wants a first snapshot of a LIVE stream is taken to
        have it from the cache, unless `unserved` names the stream: then the server is asked again.
        """
        merged: dict[StreamKey, StreamRequest] = {}
        for request in requests:
            merged[request.key] = merge(merged[request.key], request) if request.key in merged else request
        specs = {key: request.spec for key, request in merged.items()}  # raises before anything is changed
        scopes = self._drop(owner, self._requests.pop(owner, ()), kept=merged)
        if merged:
            self._requests[owner] = tuple(merged.values())
        for key, request in merged.items():
            scope = specs[key].scope
            scopes.add(scope)
            streams = self._scopes[scope]
            self._put(streams, streams.record(key), owner, request, served=key not in unserved)
            streams.changed(key)
        return scopes

    def _put(
        self,
        streams: ScopeStreams,
        record: StreamRecord,
        owner: Hashable,
        request: StreamRequest,
        *,
        served: bool,
    ) -> None:
        if streams.search.is_running and not record.is_accepted(request):
            streams.search.join(owner)
            record.put(owner, request, Standing.DEFERRED)
            return
        sent = streams.serving(request.key)
        record.put(owner, request, Standing.PENDING)
        record.settle()
        needs_snapshot = request.snapshot and request.spec.has_snapshot
        if sent is None:
            return
        if record.state is StreamState.DESIRED and sent.realtime:
            # Its last owner left, and no request has said so yet, or all codes are served: it runs.
            running = (needs_snapshot and served) or self._is_swallowed_live(streams, request)
            record.state = StreamState.LIVE if running else StreamState.SENT
        is_running = (
            record.state is StreamState.LIVE and covers(sent, request) and sent.realtime >= request.realtime
        )
        if not needs_snapshot:
            if is_running and self._is_proven(streams, record, request):
                record.move(owner, Standing.SERVED)
            else:
                streams.await_list(request.key, record)
        elif is_running and served:
            record.move(owner, Standing.SERVED if request.realtime else Standing.SATISFIED)
        elif request.key not in streams.pending_snapshots:
            record.needs_snapshot = True

    @staticmethod
    def _is_swallowed_live(streams: ScopeStreams, request: StreamRequest) -> bool:
        """Whether a stream is served with all codes of its type."""
        everything = streams.records.get(request.key._replace(code=ALL_CODES))
        return (
            request.key not in streams.sent
            and everything is not None
            and everything.state is StreamState.LIVE
        )

    @staticmethod
    def _is_proven(streams: ScopeStreams, record: StreamRecord, request: StreamRequest) -> bool:
        proven = record.proven
        if proven is None and request.key not in streams.sent:
            everything = streams.records.get(request.key._replace(code=ALL_CODES))
            proven = everything.proven if everything is not None else None
        return proven is not None and covers(proven, request)

    def remove(self, owner: Hashable) -> set[Scope]:
        """Forget an owner; return the scopes concerned. Unknown owners are none of our business."""
        return self._drop(owner, self._requests.pop(owner, ()))

    def _drop(
        self, owner: Hashable, requests: Iterable[StreamRequest], kept: Collection[StreamKey] = ()
    ) -> set[Scope]:
        scopes: set[Scope] = set()
        for request in requests:
            streams = self._scopes[request.spec.scope]
            if request.spec.scope not in scopes:
                scopes.add(request.spec.scope)
                streams.release(streams.search.forget(owner))
            if request.key not in kept:
                streams.records[request.key].drop(owner)
                streams.changed(request.key)
        return scopes

    def requests_of(self, owner: Hashable) -> tuple[StreamRequest, ...]:
        """What an owner wants."""
        return self._requests.get(owner, ())

    def owners_of(self, key: StreamKey) -> tuple[Hashable, ...]:
        """Who wants a stream, oldest first."""
        record = self._record(key)
        return record.owners if record is not None else ()

    def is_served(self, owner: Hashable, key: StreamKey) -> bool:
        """Whether an owner is known to be served what it requested of a stream: all its rows and options.

        Never where the server refused it, and not before it was asked for and shown.
        """
        record = self._record(key)
        return record is not None and record.standing_of(owner) in _SHOWN

    def owners_left_out(self, keys: Iterable[StreamKey]) -> tuple[Hashable, ...]:
        """Owners whose requests for these streams were refused, each once."""
        records = (self._record(key) for key in keys)
        return tuple(
            dict.fromkeys(
                owner
                for record in records
                if record is not None
                for owner in record.owners
                if record.standing_of(owner) is Standing.REFUSED
            )
        )

    # --- the merged set ----------------------------------------------------------------------------

    def desired(self, scope: Scope) -> dict[StreamKey, StreamRequest]:
        """Everything wanted of a scope, merged, in the order it was first asked for."""
        return dict(self._scopes[scope].desired)

    def is_wanted(self, scope: Scope) -> bool:
        """Whether there is anything to ask the server of a scope for."""
        return self._scopes[scope].is_sendable

    def codes(self, scope: Scope) -> tuple[str, ...]:
        """The codes wanted of a scope, sorted."""
        records = self._scopes[scope].records.items()
        wanted = {key.code for key, record in records if record.is_wanted}
        return tuple(sorted(wanted - {ALL_CODES}))

    def needs_request(self, scope: Scope) -> bool:
        """Whether what was asked for on this connection is no longer what is wanted."""
        return self._scopes[scope].needs_request

    def request_items(self, scope: Scope) -> tuple[RequestItem, ...]:
        """The whole desired set as the data-type objects of one request."""
        return build_items(self._scopes[scope].sendable)

    def distinct_requests(self, scope: Scope) -> frozenset[StreamRequest]:
        """What owners ask for one by one, each kind once: two may differ where their union does not."""
        records = self._scopes[scope].records.values()
        return frozenset(request for record in records for request in record.distinct())

    # --- what happened on the connection -----------------------------------------------------------

    def mark_sent(self, scope: Scope, now: float) -> None:
        """The present `request_items` are on their way."""
        self._scopes[scope].mark_sent(now)

    def running(self, scope: Scope) -> frozenset[StreamKey]:
        """The streams of which the server was asked for changes."""
        return frozenset(key for key, request in self._scopes[scope].sent.items() if request.realtime)

    def rows_asked(self, scope: Scope, key: StreamKey) -> int:
        """How many rows a book was asked for with; 0 for other types and streams."""
        sent = self._scopes[scope].sent.get(key)
        return sent.depth if sent is not None else 0

    def mark_live(
        self, scope: Scope, key: StreamKey, *, rows: int | None = None, snapshot: bool = True
    ) -> bool:
        """A frame of a stream has come; True if it is the first, or shows that more owners are served.

        Args:
            scope: the stream's.
            key: the stream.
            rows: how many rows the frame has; None for as many as were asked for.
            snapshot: without `rows`, whether the frame shows all that was asked for.
        """
        if rows is None and snapshot:
            rows = self.rows_asked(scope, key)
        return self._scopes[scope].saw_frame(key, rows)

    def confirm(self, scope: Scope, result: Iterable[Mapping[str, Any]] | None) -> list[StreamKey]:
        """The last request was accepted; returns streams of which more owners are served now.

        Only those of types without a first snapshot: the others show a frame.

        Args:
            scope: of the connection.
            result: of the LIST_SUBSCRIPTIONS that was asked after the request; None if it was not answered in
                time, and nothing was refused either.
        """
        streams = self._scopes[scope]
        if result is None:
            return streams.confirm(None)
        listed, _ = server_list.compare(result, streams.last_request)
        return streams.confirm(listed)

    def needs_confirmation(self, scope: Scope) -> bool:
        """Whether the server's list would show something that no frame shows, or not soon."""
        return self._scopes[scope].needs_confirmation

    def take_released(self, scope: Scope) -> bool:
        """Whether less or more may be wanted since the last call, because of what was received.

        Owners were satisfied by a snapshot, or it is the turn of others to be asked for.
        """
        streams = self._scopes[scope]
        moved, streams.has_moved = streams.has_moved, False
        return moved

    def mark_lost(self, scope: Scope) -> None:
        """The connection is gone and with it everything asked for."""
        self._scopes[scope].lost()

    def resend(self, scope: Scope) -> None:
        """Make `needs_request` true although nothing changed: the server disagrees with us."""
        self._scopes[scope].must_resend = True

    def quarantine_newcomers(self, scope: Scope, now: float = _LONG_AGO) -> tuple[StreamKey, ...]:
        """The streams of `blame`."""
        return self.blame(scope, now).keys

    def blame(self, scope: Scope, now: float = _LONG_AGO) -> Blame:
        """The last request was refused: leave out the owners that brought more than had been accepted.

        No owner is blamed where nothing was accepted before and only one owner was asked for, or where
        everything had been accepted.
        """
        streams = self._scopes[scope]
        streams.accept_if_settled(now)
        suspects = streams.suspects()
        search = streams.search
        if len(suspects) > 1:
            for owner in search.narrow(tuple(suspects)):
                streams.move(owner, suspects[owner], Standing.DEFERRED)
            return Blame(is_searching=True)
        has_accepted = streams.has_accepted
        if not suspects or not (has_accepted or search.is_running):
            return Blame()
        ((owner, keys),) = suspects.items()
        streams.move(owner, keys, Standing.REFUSED)
        streams.release(search.found())
        if not has_accepted:
            search.in_vain.append(owner)
            if not search.is_running or len(search.in_vain) >= _MAX_IN_VAIN:
                self._give_up(streams)
                return Blame(is_everything=True)
        return Blame(tuple(keys), (owner,))

    def _give_up(self, streams: ScopeStreams) -> None:
        """The server refuses whatever is asked: it is not the requests."""
        for record in streams.records.values():
            for owner in record.owners:
                is_tried = record.standing_of(owner) is Standing.REFUSED and owner in streams.search.in_vain
                if is_tried or record.standing_of(owner) is Standing.DEFERRED:
                    record.move(owner, Standing.PENDING)
        streams.search.clear()
        for key in tuple(streams.records):
            streams.changed(key)

    def state_of(self, key: StreamKey) -> StreamState | None:
        """How far a stream has come; None when no owner wants it."""
        record = self._record(key)
        return record.state if record is not None else None

    def is_awaited(self, scope: Scope, key: StreamKey) -> bool:
        """Whether a frame of a stream is news: its first one, a pending snapshot, more owners served."""
        return self._scopes[scope].is_awaited(key)

    def awaited(self, scope: Scope) -> frozenset[StreamKey]:
        """Streams of which a frame is news, silent ones included."""
        return frozenset(key for keys in self._scopes[scope].awaited.values() for key in keys)

    def awaited_by_head(self, scope: Scope) -> Mapping[Head, Collection[StreamKey]]:
        """The same by the head of their frames: a view that follows all changes, for the hot path."""
        return self._scopes[scope].awaited

    def has_pending_snapshots(self, scope: Scope, *, known: bool = False) -> bool:
        """Whether first snapshots are under way; with `known`, of streams that have been live before."""
        streams = self._scopes[scope]
        return any(
            not known or streams.records[key].accepted is not None for key in streams.pending_snapshots
        )

    def forget_accepted(self, scope: Scope) -> None:
        """Nothing of what was live before answers any more: expect no more of it than of new streams."""
        for record in self._scopes[scope].records.values():
            record.accepted = None

    def next_silence(self, scope: Scope, timeout_s: float) -> float | None:
        """When `take_silent` may next have something to say; None for never."""
        asked_at = next(iter(self._scopes[scope].pending_snapshots.values()), None)
        return None if asked_at is None else asked_at + timeout_s

    def take_silent(self, scope: Scope, now: float, timeout_s: float) -> tuple[StreamKey, ...]:
        """Streams whose snapshot has been pending for `timeout_s`, each named once per request for it."""
        streams = self._scopes[scope]
        silent = []
        for key, asked_at in streams.pending_snapshots.items():
            if asked_at + timeout_s > now:
                break
            silent.append(key)
        for key in silent:
            del streams.pending_snapshots[key]
            if streams.records[key].state is StreamState.SENT:
                streams.records[key].state = StreamState.SILENT
            streams.changed(key)
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
        streams = self._scopes[scope]
        listed, surplus = server_list.compare(result, streams.last_request)
        expected = {
            key
            for key, request in streams.last_request.items()
            if request.realtime
            and key in streams.records
            and (streams.records[key].state is StreamState.LIVE or not request.spec.has_snapshot)
        }
        return expected - listed, surplus

    # --- helpers -----------------------------------------------------------------------------------

    def _record(self, key: StreamKey) -> StreamRecord | None:
        spec = spec_of(key.type)
        return self._scopes[spec.scope].records.get(key) if spec else None
