"""`ScopeStreams`: everything that one connection wants and has asked for, and where the two differ."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Final

from qt_upbit.frame_scan import Head
from qt_upbit.protocol.refusal_search import RefusalSearch
from qt_upbit.protocol.stream_record import Standing, StreamRecord, StreamState
from qt_upbit.protocol.stream_request import StreamRequest, absorb_all_codes, covers, has_same_options
from qt_upbit.types import ALL_CODES, CodeRule, StreamKey, spec_of

__all__ = ["ScopeStreams"]

_LONG_AGO: Final = float("-inf")
_SETTLED_S: Final = 5.0
"""A refusal comes within a round trip (protocol section 4); after this long a request is accepted."""
_ANY_ROWS: Final = 1_000_000


class ScopeStreams:
    """The streams of a scope. Call `changed` after each change of a record: what is derived follows it.

    A change costs as much as it changes; only building a request looks at everything.

    Attributes:
        records: by stream.
        sent: what the server serves now, as far as we know.
        last_request: what the last request asked for.
        pending_snapshots: streams that wait for a first snapshot, by the time of the request, oldest first.
        must_resend: the whole request is to be sent once more.
        has_moved: more or less may be wanted than before, because of what was received.
        search: for the culprit of a refusal.
        awaited: streams of which a frame is news, by the head of their frames.
    """

    def __init__(self) -> None:
        self.records: dict[StreamKey, StreamRecord] = {}
        self.sent: dict[StreamKey, StreamRequest] = {}
        self.last_request: dict[StreamKey, StreamRequest] = {}
        self.pending_snapshots: OrderedDict[StreamKey, float] = OrderedDict()
        self.must_resend = False
        self.has_moved = False
        self.search = RefusalSearch()
        self.awaited: dict[Head, dict[StreamKey, None]] = {}
        self._requested_at = _LONG_AGO
        self._is_accepted = False
        """Whether the server is known to have accepted the last request."""
        self._brought: set[StreamKey] = set()
        """Streams that the last request brought and the one before had not."""
        self._ambiguous: set[StreamKey] = set()
        self._unconfirmed: set[StreamKey] = set()
        """Streams of types without a snapshot of which a request waits for the server's list."""
        self._shallowest: dict[StreamKey, int] = {}
        """Books: the fewest rows that a frame may have, because fewer were asked for earlier."""
        self._sendable_keys: set[StreamKey] = set()
        self._groups: dict[tuple[str, tuple[Hashable, ...]], dict[StreamKey, None]] = {}
        """Streams of types whose codes are optional, by type and variant."""
        self._to_review: set[StreamKey] = set()
        self._uncovered: set[StreamKey] = set()
        """Wanted, and not asked for as it is wanted."""
        self._surplus: set[StreamKey] = set()
        """Runs, and is not wanted."""
        self._desired: dict[StreamKey, StreamRequest] | None = None
        self._sendable: dict[StreamKey, StreamRequest] | None = None

    # --- all of it ---------------------------------------------------------------------------------

    @property
    def desired(self) -> dict[StreamKey, StreamRequest]:
        """Everything wanted, merged."""
        if self._desired is None:
            merged = {key: record.wanted for key, record in self.records.items()}
            self._desired = absorb_all_codes(
                {k: request for k, request in merged.items() if request is not None}
            )
        return self._desired

    @property
    def sendable(self) -> dict[StreamKey, StreamRequest]:
        """The same without what was refused or is deferred."""
        if self._sendable is None:
            merged = {key: record.sendable for key, record in self.records.items()}
            self._sendable = absorb_all_codes(
                {k: request for k, request in merged.items() if request is not None}
            )
        return self._sendable

    @property
    def is_sendable(self) -> bool:
        """Whether there is anything to ask the server for."""
        return bool(self._sendable_keys)

    @property
    def needs_request(self) -> bool:
        """Whether what was asked for is no longer what is wanted."""
        if not self._sendable_keys:
            return False  # there is no request for nothing; the connection is closed after a while
        for key in self._to_review:
            self._review(key)
        self._to_review.clear()
        return self.must_resend or bool(self._uncovered) or bool(self._surplus)

    def serving(self, key: StreamKey) -> StreamRequest | None:
        """The request that serves a stream, or would: its own, or that for all codes."""
        if not self.sent:
            return None
        request = self.sent.get(key)
        if request is None and key.code != ALL_CODES and _has_optional_codes(key):
            request = self.sent.get(key._replace(code=ALL_CODES))
        return request

    def is_awaited(self, key: StreamKey) -> bool:
        """Whether a frame of a stream is news."""
        return key in self.awaited.get(Head(key.type, key.code), ())

    # --- one stream --------------------------------------------------------------------------------

    def record(self, key: StreamKey) -> StreamRecord:
        """The record of a stream, made if there is none; it must be given an owner then."""
        record = self.records.get(key)
        if record is None:
            record = self.records[key] = StreamRecord()
            if _has_optional_codes(key):
                self._groups.setdefault((key.type, key.variant), {})[key] = None
        return record

    def changed(self, key: StreamKey) -> None:
        """The record of a stream has changed; without owners it ends here."""
        self._desired = self._sendable = None
        record = self.records.get(key)
        if record is not None and not record.has_owners:
            del self.records[key]
            self.pending_snapshots.pop(key, None)
            self._ambiguous.discard(key)
            self._unconfirmed.discard(key)
            record = None
        if record is not None:
            record.settle()
        was_sendable = key in self._sendable_keys
        if record is not None and record.is_sendable:
            self._sendable_keys.add(key)
        else:
            self._sendable_keys.discard(key)
        self._to_review.add(key)
        self._update_awaited(key)
        group = self._groups.get((key.type, key.variant)) if key.code == ALL_CODES else None
        if group is not None and was_sendable != (key in self._sendable_keys):
            self._to_review.update(group)  # single codes are swallowed, or asked for again
        if record is None and _has_optional_codes(key):
            self._forget_in_group(key)

    def _forget_in_group(self, key: StreamKey) -> None:
        group = self._groups.get((key.type, key.variant), {})
        group.pop(key, None)
        if not group:
            self._groups.pop((key.type, key.variant), None)

    def _review(self, key: StreamKey) -> None:
        record = self.records.get(key)
        request = record.sendable if record is not None and not self._is_swallowed(key) else None
        self._surplus.discard(key)
        self._uncovered.discard(key)
        if request is None or record is None:
            sent = self.sent.get(key)
            if sent is not None and sent.realtime:
                self._surplus.add(key)
        elif not _is_covered(self.sent.get(key), record, request):
            self._uncovered.add(key)

    def _is_swallowed(self, key: StreamKey) -> bool:
        if key.code == ALL_CODES or not _has_optional_codes(key):
            return False
        return key._replace(code=ALL_CODES) in self._sendable_keys

    def _update_awaited(self, key: StreamKey) -> None:
        if not self.sent and not self.awaited:
            return  # nothing was asked for on this connection
        record = self.records.get(key)
        head = Head(key.type, key.code)
        if record is not None and (
            record.state in (StreamState.SENT, StreamState.SILENT)
            or key in self.pending_snapshots
            or (record.pending and self.serving(key) is not None)
        ):
            self.awaited.setdefault(head, {})[key] = None
        elif (keys := self.awaited.get(head)) is not None:
            keys.pop(key, None)
            if not keys:
                del self.awaited[head]

    # --- what happened -----------------------------------------------------------------------------

    def mark_sent(self, now: float) -> None:
        """The present `sendable` is on its way."""
        self.accept_if_settled(now)
        desired = self.sendable
        before, self.sent = self.sent, dict(desired)
        self._brought = {key for key in desired if key not in before}
        for key, request in desired.items():
            self._was_asked(key, request, before.get(key), now)
        for key, record in self.records.items():
            if key not in desired and record.state is StreamState.DESIRED and record.is_sendable:
                record.state = StreamState.SENT  # swallowed by all codes
            if key not in desired:
                self._update_awaited(key)
                if record.is_sendable:
                    self.await_list(key, record)
        self.last_request = dict(desired)
        self._requested_at = now
        self._is_accepted = False
        self.must_resend = False
        self._to_review.clear()
        self._uncovered.clear()
        self._surplus.clear()

    def _was_asked(
        self, key: StreamKey, request: StreamRequest, before: StreamRequest | None, now: float
    ) -> None:
        record = self.records[key]
        news = not _is_covered(before, record, request)
        if record.state is StreamState.DESIRED or (news and record.state is not StreamState.LIVE):
            record.state = StreamState.SENT
        if news and request.snapshot and request.spec.has_snapshot:
            self.pending_snapshots.pop(key, None)
            self.pending_snapshots[key] = now
        record.needs_snapshot = False
        if request.depth:
            self._shallowest[key] = min(self._shallowest.get(key, request.depth), request.depth)
        if before is None:
            record.proven = None
            record.is_unambiguous = True
            self._ambiguous.discard(key)
        elif not has_same_options(before, request):
            record.is_unambiguous = False
            self._ambiguous.add(key)
            if record.proven is not None and not covers(replace(request, depth=_ANY_ROWS), record.proven):
                record.proven = None
        if record.proven is not None and record.proven.depth > request.depth:
            record.proven = replace(record.proven, depth=request.depth)
        self._update_awaited(key)
        self.await_list(key, record)

    def saw_frame(self, key: StreamKey, rows: int | None) -> bool:
        """A frame of a stream has come; whether it is the first, or shows that a request is served.

        Args:
            key: the stream.
            rows: how many it has, 0 where there are none; None if it is no answer to what was asked for.
        """
        record = self.records.get(key)
        if record is None or not (record.is_sendable or record.state is StreamState.SATISFIED):
            return False
        sent = self.serving(key)
        first = record.state in (StreamState.DESIRED, StreamState.SENT, StreamState.SILENT)
        if first:
            record.state = StreamState.LIVE
        if sent is None:
            if first:
                self.changed(key)
            return first
        if rows is None:
            self.changed(key)
            return first
        is_answer = rows >= sent.depth or not self._may_be_of_earlier(key, sent.depth)
        news = self._serve(key, record, sent, rows)
        if (first or news) and record.is_unambiguous:
            # The server looks at the whole request before it serves any of it.
            if is_answer:
                record.accepted = sent
                if first and key in self._brought:
                    self._accept()
            elif record.accepted is None:
                record.accepted = replace(sent, depth=rows)
        if is_answer:
            if sent.depth:
                self._shallowest[key] = sent.depth
            self.pending_snapshots.pop(key, None)
            if not sent.realtime:
                # Delivered, and inert from now on: another request for it must ask again.
                self.sent.pop(key, None)
        self.changed(key)
        return first or news

    def _may_be_of_earlier(self, key: StreamKey, depth: int) -> bool:
        """Whether a book with fewer rows may answer an earlier request, rather than be all there is."""
        return self._shallowest.get(key, depth) < depth

    def _serve(self, key: StreamKey, record: StreamRecord, sent: StreamRequest, rows: int) -> bool:
        """A frame with this number of rows has come: which requests does it show to be served?"""
        if record.is_unambiguous:
            shown = min(rows, sent.depth)
            known = record.proven.depth if record.proven is not None else 0
            record.proven = replace(sent, depth=max(shown, known))
        proven = record.proven
        news = False
        for owner, request in tuple(record.pending.items()):
            if request.depth > rows and self._may_be_of_earlier(key, request.depth):
                continue
            if (request.realtime and not sent.realtime) or not covers(sent, request):
                continue
            if proven is None or not covers(replace(proven, depth=_ANY_ROWS), request):
                continue
            news = True
            if request.realtime:
                record.move(owner, Standing.SERVED)
            else:
                record.move(owner, Standing.SATISFIED)
                self.has_moved = True
        return news

    def confirm(self, listed: Iterable[StreamKey] | None) -> list[StreamKey]:
        """The server has accepted the last request; returns streams of types without snapshot that it serves.

        Args:
            listed: what it lists; None if it did not answer in time, which is as good as naming everything.
        """
        self._accept()
        for key in self._ambiguous:
            self.records[key].is_unambiguous = True
            self._prove(self.records[key], self.sent.get(key))
        self._ambiguous.clear()
        self._unconfirmed.clear()
        self._shallowest = {key: request.depth for key, request in self.sent.items() if request.depth}
        named = None if listed is None else set(listed)
        confirmed = []
        for key in sorted(each for keys in self.awaited.values() for each in keys):
            sent = self.serving(key)
            if sent is None or (named is not None and not self._is_named(key, named)):
                continue
            if self._confirm(key, self.records[key], sent):
                confirmed.append(key)
        return confirmed

    def _is_named(self, key: StreamKey, named: set[StreamKey]) -> bool:
        return key in named or (key not in self.sent and key._replace(code=ALL_CODES) in named)

    def _confirm(self, key: StreamKey, record: StreamRecord, sent: StreamRequest) -> bool:
        self._prove(record, sent)
        served = [
            owner
            for owner, request in record.pending.items()
            if not request.spec.has_snapshot
            and covers(sent, request)
            and (sent.realtime or not request.realtime)
        ]
        for owner in served:
            record.move(owner, Standing.SERVED)
        if (
            served
            and key not in self.pending_snapshots
            and record.state in (StreamState.SENT, StreamState.SILENT)
        ):
            record.state = StreamState.LIVE
        self.changed(key)
        return bool(served)

    @staticmethod
    def _prove(record: StreamRecord, sent: StreamRequest | None) -> None:
        """The server has confirmed what was sent; how many rows a book has only frames show."""
        depth = record.proven.depth if record.proven is not None else 0
        record.proven = replace(sent, depth=depth) if sent is not None else None

    @property
    def needs_confirmation(self) -> bool:
        """Whether the server's list would show more than frames will."""
        return self.search.is_running or bool(self._ambiguous) or bool(self._unconfirmed)

    def await_list(self, key: StreamKey, record: StreamRecord) -> None:
        """A request was made of a stream that is asked for: the list may show that it is served."""
        if record.pending and not _has_snapshot(key):
            self._unconfirmed.add(key)

    def lost(self) -> None:
        """The connection is gone and with it everything asked for."""
        self.sent.clear()
        self.last_request.clear()
        self.pending_snapshots.clear()
        self.awaited.clear()
        self._brought.clear()
        self._ambiguous.clear()
        self._shallowest.clear()
        self._unconfirmed.clear()
        self._requested_at = _LONG_AGO
        self._is_accepted = False
        self.must_resend = False
        self._surplus.clear()
        for key, record in self.records.items():
            record.lost()
            self.changed(key)

    # --- acceptance and refusal --------------------------------------------------------------------

    def accept_if_settled(self, now: float) -> None:
        """A request that was not refused in time was accepted."""
        if now - self._requested_at >= _SETTLED_S:
            self._accept()

    def _accept(self) -> None:
        """The last request has been served: nothing in it can be to blame for a later refusal."""
        if self._is_accepted or not self.last_request:
            return
        self._is_accepted = True
        for key, request in self.last_request.items():
            record = self.records.get(key)
            if record is not None:
                record.accepted = request
        self.search.in_vain.clear()
        if self.search.is_running:
            self.release(self.search.accepted())

    def release(self, owners: Iterable[Hashable]) -> None:
        """It is their turn to be asked for."""
        names = set(owners)
        if not names:
            return
        for key, record in self.records.items():
            for owner in names.intersection(record.owners):
                if record.standing_of(owner) is Standing.DEFERRED:
                    record.move(owner, Standing.PENDING)
                    self.changed(key)
        self.has_moved = True

    def suspects(self) -> dict[Hashable, list[StreamKey]]:
        """Owners whose part of the last request is more than what had been accepted, with those streams."""
        found: dict[Hashable, list[StreamKey]] = {}
        for key in self.last_request:
            record = self.records.get(key)
            if record is not None:
                for owner, _ in record.suspects():
                    found.setdefault(owner, []).append(key)
        return found

    def move(self, owner: Hashable, keys: Iterable[StreamKey], standing: Standing) -> None:
        """An owner has come to another standing with some of its streams."""
        for key in keys:
            record = self.records.get(key)
            if record is not None and record.standing_of(owner) is not None:
                record.move(owner, standing)
                self.changed(key)

    @property
    def has_accepted(self) -> bool:
        """Whether the server has been seen to accept anything that is wanted now."""
        return any(record.accepted is not None for record in self.records.values())


def _is_covered(sent: StreamRequest | None, record: StreamRecord, request: StreamRequest) -> bool:
    """Whether what was sent will do for what is wanted.

    A snapshot that was delivered and is no longer wanted costs nothing on the server, and a snapshot of a
    live stream comes from our own cache: neither is worth a request.
    """
    if record.needs_snapshot:
        return False
    if sent is None or sent is request:
        return sent is request
    if sent.depth != request.depth or (request.realtime and not sent.realtime):
        return False
    if not has_same_options(sent, request):
        return False
    return sent.snapshot or not request.snapshot or record.state is StreamState.LIVE


def _has_snapshot(key: StreamKey) -> bool:
    spec = spec_of(key.type)
    return spec is not None and spec.has_snapshot


def _has_optional_codes(key: StreamKey) -> bool:
    spec = spec_of(key.type)
    return spec is not None and spec.codes is CodeRule.OPTIONAL
