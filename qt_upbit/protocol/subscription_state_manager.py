"""`SubscriptionStateManager`: many owners' wishes, one desired set per scope.

Upbit replaces everything a connection had subscribed with every request (protocol section 2.5), so
each request must hold everything that anybody wants. How wishes for the same code share a request:

* **Depth** (order books): the deepest wins; whoever wanted fewer rows gets the book cut to them, with
  the totals of those rows, which is what Upbit itself sends for that depth.
* **Level** (order books) and **timeframe** (indicators): different values are different streams; each
  has its own object in the request, and its frames carry the value.
* **Snapshot and realtime**: the stream runs if anybody wants it; it starts with a snapshot if anybody
  wants one. Who wanted no snapshot is not given one, who wanted only one is released after it.
* **Lists** (announcement categories, indicator definitions): the union is asked for, and everyone gets
  what they asked for. No list means everything.
* **All codes** (my orders): swallows single codes; who named codes gets those.

No rule ever drops a subscriber.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import msgspec

from qt_upbit.protocol.wire import DEFAULT_BOOK_DEPTH, RequestItem
from qt_upbit.types import ALL_CODES, EVENT_TYPES, CodeRule, EventType, Scope, StreamKey, event_type_of

__all__ = ["StreamState", "SubscriptionStateManager", "Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What one owner wants of one stream.

    Attributes:
        key: the stream.
        depth: rows of an order book; 0 where there is no depth.
        snapshot: wants a first picture.
        realtime: wants the changes.
        options: the request options that do not tell streams apart: a union of lists, or a flag.
            None as a value means everything.
    """

    key: StreamKey
    depth: int = 0
    snapshot: bool = True
    realtime: bool = True
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def row(self) -> EventType:
        """The declaration of the wish's type."""
        row = event_type_of(self.key.type)
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
    QUARANTINED = enum.auto()
    """The server refused the request that brought it; left out so that the others live."""


@dataclass(slots=True)
class _Stream:
    state: StreamState = StreamState.DESIRED
    sent_at: float = 0.0


class _ScopeState:
    """What one connection wants and has asked for."""

    def __init__(self) -> None:
        self.streams: dict[StreamKey, _Stream] = {}
        self.sent: dict[StreamKey, Wish] = {}
        self.last_request: dict[StreamKey, Wish] = {}
        self.accepted: frozenset[StreamKey] = frozenset()
        self.quarantined: set[StreamKey] = set()


class SubscriptionStateManager:
    """Owners → wishes → one merged desired set per scope, reference-counted by owner.

    Pure bookkeeping: nothing is sent here. After `add` or `remove`, ask `needs_request`; take
    `request_items` and tell `mark_sent` once it is on its way.
    """

    def __init__(self) -> None:
        self._wishes: dict[Hashable, tuple[Wish, ...]] = {}
        self._by_key: dict[StreamKey, dict[Hashable, Wish]] = {}
        self._scopes = {scope: _ScopeState() for scope in Scope}

    # --- owners ------------------------------------------------------------------------------------

    def add(self, owner: Hashable, wishes: Iterable[Wish]) -> set[Scope]:
        """Set what `owner` wants, instead of what it wanted before; return the scopes concerned.

        A repeated key within `wishes` merges.
        """
        scopes = self.remove(owner)
        merged: dict[StreamKey, Wish] = {}
        for wish in wishes:
            merged[wish.key] = _merge(merged[wish.key], wish) if wish.key in merged else wish
        if not merged:
            return scopes
        self._wishes[owner] = tuple(merged.values())
        for wish in merged.values():
            self._by_key.setdefault(wish.key, {})[owner] = wish
            state = self._scopes[wish.row.scope]
            state.streams.setdefault(wish.key, _Stream())
            # A fresh wish deserves a fresh try.
            if wish.key in state.quarantined:
                state.quarantined.discard(wish.key)
                state.streams[wish.key].state = StreamState.DESIRED
            scopes.add(wish.row.scope)
        return scopes

    def remove(self, owner: Hashable) -> set[Scope]:
        """Forget an owner; return the scopes concerned. Unknown owners are none of our business."""
        scopes: set[Scope] = set()
        for wish in self._wishes.pop(owner, ()):
            scope = wish.row.scope
            scopes.add(scope)
            owners = self._by_key[wish.key]
            del owners[owner]
            if not owners:
                del self._by_key[wish.key]
                state = self._scopes[scope]
                state.streams.pop(wish.key, None)
                state.quarantined.discard(wish.key)
        return scopes

    def wishes_of(self, owner: Hashable) -> tuple[Wish, ...]:
        """What an owner wants."""
        return self._wishes.get(owner, ())

    def owners_of(self, key: StreamKey) -> tuple[Hashable, ...]:
        """Who wants a stream, oldest first."""
        return tuple(self._by_key.get(key, ()))

    # --- the merged set ----------------------------------------------------------------------------

    def desired(self, scope: Scope) -> dict[StreamKey, Wish]:
        """Everything wanted of a scope, merged, in the order it was first asked for."""
        state = self._scopes[scope]
        merged: dict[StreamKey, Wish] = {}
        for key in state.streams:
            owners = iter(self._by_key[key].values())
            wish = next(owners)
            for other in owners:
                wish = _merge(wish, other)
            merged[key] = wish
        return _absorb_all_codes(merged)

    def is_wanted(self, scope: Scope) -> bool:
        """Whether anybody wants anything of a scope."""
        return bool(self._scopes[scope].streams)

    def codes(self, scope: Scope) -> tuple[str, ...]:
        """The codes wanted of a scope, sorted."""
        return tuple(sorted({key.code for key in self._scopes[scope].streams} - {ALL_CODES}))

    def needs_request(self, scope: Scope) -> bool:
        """Whether what was asked for on this connection is no longer what is wanted.

        A snapshot that was delivered and is no longer wanted costs nothing on the server, and a
        snapshot for a live stream comes from our own cache: neither is worth a request.
        """
        state = self._scopes[scope]
        desired = self._sendable(scope)
        if any(not self._covers(state, key, wish) for key, wish in desired.items()):
            return True
        return bool(desired) and any(wish.realtime and key not in desired for key, wish in state.sent.items())

    def request_items(self, scope: Scope) -> tuple[RequestItem, ...]:
        """The whole desired set as the data-type objects of one request."""
        groups: dict[tuple[Any, ...], list[tuple[StreamKey, Wish]]] = {}
        for key, wish in self._sendable(scope).items():
            options = _options_key(wish.options)
            flags = (wish.snapshot and not wish.realtime, wish.realtime and not wish.snapshot)
            groups.setdefault((key.type, key.variant, flags, options), []).append((key, wish))
        order = {name: i for i, name in enumerate(t for row in EVENT_TYPES.values() for t in row.wire_types)}
        items = []
        for (wire_type, variant, flags, _), members in sorted(groups.items(), key=lambda g: order[g[0][0]]):
            wish = members[0][1]
            items.append(
                RequestItem(
                    wire_type,
                    _request_codes(wish.row, members),
                    # Types without a snapshot know no flags.
                    is_only_snapshot=flags[0] and wish.row.has_snapshot,
                    is_only_realtime=flags[1] and wish.row.has_snapshot,
                    options=_request_options(wish, variant),
                )
            )
        return tuple(items)

    # --- what happened on the connection -----------------------------------------------------------

    def mark_sent(self, scope: Scope, now: float) -> None:
        """The present `request_items` are on their way."""
        state = self._scopes[scope]
        desired = self._sendable(scope)
        for key in desired:
            stream = state.streams[key]
            if stream.state is StreamState.DESIRED or key not in state.sent:
                stream.state = StreamState.SENT
                stream.sent_at = now
        state.accepted = frozenset(
            key for key in state.sent if key in desired and state.streams[key].state is StreamState.LIVE
        )
        state.sent = dict(desired)
        state.last_request = dict(desired)

    def mark_live(self, scope: Scope, key: StreamKey) -> bool:
        """A frame of a stream has come; True if it is the first on this connection."""
        state = self._scopes[scope]
        stream = state.streams.get(key)
        if stream is None or stream.state is StreamState.LIVE:
            return False
        stream.state = StreamState.LIVE
        sent = state.sent.get(key)
        if sent is not None and not sent.realtime:
            # Delivered, and inert from now on: another wish for it must ask again.
            del state.sent[key]
        return True

    def mark_lost(self, scope: Scope) -> None:
        """The connection is gone and with it everything asked for."""
        state = self._scopes[scope]
        state.sent.clear()
        state.last_request.clear()
        state.accepted = frozenset()
        for key, stream in state.streams.items():
            if key not in state.quarantined:
                stream.state = StreamState.DESIRED

    def resend(self, scope: Scope) -> None:
        """Make `needs_request` true although nothing changed: the server disagrees with us."""
        self._scopes[scope].sent.clear()

    def quarantine_newcomers(self, scope: Scope) -> tuple[StreamKey, ...]:
        """The last request was refused: leave out what it brought beyond what had been live.

        Returns what was left out; empty when nothing was live before, so that nobody is to blame.
        """
        state = self._scopes[scope]
        # A request that only repeated what was live cannot be told apart; blame nobody then.
        newcomers = tuple(key for key in state.last_request if key not in state.accepted)
        if not state.accepted or not newcomers:
            return ()
        for key in newcomers:
            if key in state.streams:
                state.quarantined.add(key)
                state.streams[key].state = StreamState.QUARANTINED
        return newcomers

    def state_of(self, key: StreamKey) -> StreamState | None:
        """How far a stream has come; None when nobody wants it."""
        row = event_type_of(key.type)
        stream = self._scopes[row.scope].streams.get(key) if row else None
        return stream.state if stream else None

    def awaited(self, scope: Scope) -> frozenset[StreamKey]:
        """Streams that were asked for and have not shown a frame, silent ones included."""
        streams = self._scopes[scope].streams
        return frozenset(k for k, s in streams.items() if s.state in (StreamState.SENT, StreamState.SILENT))

    def next_silence(self, scope: Scope, timeout_s: float) -> float | None:
        """When `take_silent` may next have something to say; None for never."""
        times = [
            s.sent_at
            for key, s in self._scopes[scope].streams.items()
            if s.state is StreamState.SENT and self._must_speak(key)
        ]
        return min(times) + timeout_s if times else None

    def take_silent(self, scope: Scope, now: float, timeout_s: float) -> tuple[StreamKey, ...]:
        """Streams that owe a snapshot and stayed silent for `timeout_s`; each is named once."""
        silent = tuple(
            key
            for key, stream in self._scopes[scope].streams.items()
            if stream.state is StreamState.SENT
            and stream.sent_at + timeout_s <= now
            and self._must_speak(key)
        )
        for key in silent:
            self._scopes[scope].streams[key].state = StreamState.SILENT
        return silent

    def _must_speak(self, key: StreamKey) -> bool:
        row = event_type_of(key.type)
        owners = self._by_key.get(key, {}).values()
        return row is not None and row.has_snapshot and any(wish.snapshot for wish in owners)

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
        listed: set[StreamKey] = set()
        for entry in result:
            row = event_type_of(str(entry.get("type")))
            if row is None:
                continue
            variant = tuple(_variant_value(entry.get(name, 0)) for name in row.stream_fields)
            codes = entry.get("codes") or (ALL_CODES,)
            listed.update(StreamKey(str(entry["type"]), str(c).partition(".")[0], variant) for c in codes)
        owed = {
            key
            for key, wish in state.last_request.items()
            if wish.realtime
            and key in state.streams
            and (state.streams[key].state is StreamState.LIVE or not wish.row.has_snapshot)
        }
        return owed - listed, listed - set(state.last_request)

    # --- helpers -----------------------------------------------------------------------------------

    def _sendable(self, scope: Scope) -> dict[StreamKey, Wish]:
        state = self._scopes[scope]
        return {key: wish for key, wish in self.desired(scope).items() if key not in state.quarantined}

    def _covers(self, state: _ScopeState, key: StreamKey, wish: Wish) -> bool:
        sent = state.sent.get(key)
        if sent is None:
            return not wish.realtime and state.streams[key].state is StreamState.LIVE
        if sent.depth != wish.depth or _options_key(sent.options) != _options_key(wish.options):
            return False
        if wish.realtime and not sent.realtime:
            return False
        # A live stream has a last value in our cache, so nobody needs the server's snapshot.
        return sent.snapshot or not wish.snapshot or state.streams[key].state is StreamState.LIVE


def _merge(a: Wish, b: Wish) -> Wish:
    return replace(
        a,
        depth=max(a.depth, b.depth),
        snapshot=a.snapshot or b.snapshot,
        realtime=a.realtime or b.realtime,
        options=_merge_options(a.options, b.options),
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


def _absorb_all_codes(merged: dict[StreamKey, Wish]) -> dict[StreamKey, Wish]:
    """Drop single codes of a type whose every code is wanted: the request cannot say both."""
    everything = {
        (key.type, key.variant) for key, wish in merged.items()
        if key.code == ALL_CODES and wish.row.codes is CodeRule.OPTIONAL
    }  # fmt: skip
    if not everything:
        return merged
    return {
        key: wish
        for key, wish in merged.items()
        if key.code == ALL_CODES or (key.type, key.variant) not in everything
    }


def _variant_value(value: Any) -> Hashable:
    if isinstance(value, str):
        return value
    exact = Decimal(value or 0)
    return int(exact) if exact == exact.to_integral_value() else exact


def _options_key(options: tuple[tuple[str, Any], ...]) -> bytes:
    """Options as comparable text; the order in which owners came does not matter."""
    ordered = {
        name: sorted(value, key=repr) if isinstance(value, tuple) else value for name, value in options
    }
    return msgspec.json.encode(ordered, order="sorted")


def _request_codes(row: EventType, members: list[tuple[StreamKey, Wish]]) -> tuple[str, ...] | None:
    if row.codes is CodeRule.FORBIDDEN or any(key.code == ALL_CODES for key, _ in members):
        return None
    return tuple(
        f"{key.code}.{wish.depth}" if row.has_depth and wish.depth != DEFAULT_BOOK_DEPTH else key.code
        for key, wish in members
    )


def _request_options(wish: Wish, variant: tuple[Hashable, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {
        name: value for name, value in zip(wish.row.stream_fields, variant, strict=True) if value
    }
    option: Any
    for name, option in wish.options:
        if option is not None and option is not False:
            options[name] = list(option) if isinstance(option, tuple) else option
    return options
