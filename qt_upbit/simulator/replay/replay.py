"""`Replay`: plays a recording of frames to the sessions subscribed to them."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from qt_upbit import models
from qt_upbit.exceptions import DecodeError
from qt_upbit.frame_scan import is_simple
from qt_upbit.types import BaseWebSocketEvent, CandleEvent, WireFormat, spec_of

__all__ = ["Replay", "ReplayFrame"]

_TOKEN: Final = re.compile(rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")


HEADER_START: Final = b'{"qt_upbit_recording":'
"""The start of the first line of a recording that has a header."""


def _lines(path: Path) -> list[bytes]:
    """The lines of a recording; of a truncated compressed file, the complete ones."""
    data = path.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return data.splitlines()
    whole = io.BytesIO()
    try:
        with gzip.open(io.BytesIO(data)) as file:
            while piece := file.read1(65_536):
                whole.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return whole.getvalue().split(b"\n")[:-1]
    return whole.getvalue().splitlines()


class _Line(msgspec.Struct, frozen=True):
    frame: msgspec.Raw
    recv: float | None = None
    history: str = ""


@dataclass(frozen=True, slots=True)
class ReplayFrame:
    """One frame of a recording.

    Attributes:
        offset_s: seconds after the first frame.
        raw: the bytes, unchanged.
        format: DEFAULT or SIMPLE, as recorded.
        event: the decoded frame.
    """

    offset_s: float
    raw: bytes
    format: WireFormat
    event: BaseWebSocketEvent

    @property
    def code(self) -> str:
        """Its pair; empty for types without."""
        return str(getattr(self.event, "code", ""))


class Replay:
    """A recording: one ``{"recv": seconds, "frame": {…}}`` per line. Played complete and in order.

    A file may be compressed, may begin with a `RecordingHeader`, and may have candles from before its start,
    each a ``{"history": unit, "frame": {…}}``; a truncated file is played up to the cut.

    Args:
        frames: in order.
        speed: 2 is twice as fast as recorded.
        history: candles that ended before it began, in any order; REST returns them.
    """

    def __init__(
        self, frames: list[ReplayFrame], speed: float = 1.0, history: Sequence[CandleEvent] = ()
    ) -> None:
        _check_speed(speed)
        self.frames = frames
        self.history = tuple(history)
        self._speed = speed
        # Frames are in order of arrival, but the clock may have been set back meanwhile.
        self._duration_s = max((frame.offset_s for frame in frames), default=0.0)
        self._position = 0
        self._is_paused = False
        # The last known position and its time; playback continues from there.
        self._offset_s = 0.0
        self._since: float | None = None
        self._snapshots: list[ReplayFrame] = []
        self.last: dict[tuple[str, str], ReplayFrame] = {}

    @classmethod
    def from_file(cls, path: str | Path, speed: float = 1.0) -> Replay:
        """Read a recording.

        Raises:
            OSError: the file cannot be read.
            ValueError: a line is not valid; the message has its number.
        """
        decoder = msgspec.json.Decoder(_Line)
        frames: list[ReplayFrame] = []
        history: list[CandleEvent] = []
        first: float | None = None
        for number, line in enumerate(_lines(Path(path)), 1):
            if not line.strip() or line.startswith(HEADER_START):
                continue
            if _TOKEN.search(line):
                # It would be sent to subscribers. Not quoted: this text may go into a log.
                raise ValueError(f"{path}, line {number}: contains what looks like a token; remove it")
            try:
                row = decoder.decode(line)
                raw = bytes(row.frame)
                event = models.decode(raw)
            except (msgspec.MsgspecError, DecodeError) as exc:
                raise ValueError(f"{path}, line {number}: {exc}") from exc
            if row.history:
                if not isinstance(event, CandleEvent):
                    raise ValueError(f"{path}, line {number}: history must be candles, not {event.type!r}")
                history.append(msgspec.structs.replace(event, type=f"candle.{row.history}"))
                continue
            if row.recv is None:
                raise ValueError(f"{path}, line {number}: `recv`, the time of arrival, is missing")
            first = row.recv if first is None else first
            format = WireFormat.SIMPLE if is_simple(raw) else WireFormat.DEFAULT
            frames.append(ReplayFrame(row.recv - first, raw, format, event))
        return cls(frames, speed, history)

    def again(self) -> Replay:
        """The same recording from its beginning, at its own speed; the file is not read again."""
        return Replay(self.frames, history=self.history)

    @property
    def codes(self) -> tuple[str, ...]:
        """The pairs it has, in order of appearance."""
        return tuple(dict.fromkeys(frame.code for frame in self.frames if frame.code))

    @property
    def streams(self) -> frozenset[tuple[str, str]]:
        """The type and code of every stream it has."""
        return frozenset((frame.event.type, frame.code) for frame in self.frames)

    @property
    def is_finished(self) -> bool:
        """Whether every frame was played."""
        return self._position >= len(self.frames)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return self._duration_s

    @property
    def began_ms(self) -> int:
        """When the exchange sent the first frame, ms since 1970; 0 of an empty recording."""
        return self.frames[0].event.timestamp if self.frames else 0

    def moment_ms(self, now: float) -> int:
        """The moment of the recording that is shown at `now`, ms since 1970."""
        return self.began_ms + round(self.position_s(now) * 1000)

    @property
    def speed(self) -> float:
        """2 is twice as fast as recorded; infinity is as fast as it can be sent."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        """Whether it is paused."""
        return self._is_paused

    def start(self, now: float) -> None:
        """Start at `now`, in seconds; later calls change nothing."""
        if self._since is None:
            self._since = now

    def position_s(self, now: float) -> float:
        """Position in the recording at `now`, in seconds."""
        if self._since is None or self._is_paused or now <= self._since:
            return self._offset_s
        # Not by multiplication alone: infinity times a moment that is zero is not a number.
        return min(self._offset_s + (now - self._since) * self._speed, self.duration_s)

    def set_speed(self, speed: float, now: float) -> None:
        """Continue at another speed from the current position."""
        _check_speed(speed)
        self._fix_position(now)
        self._speed = speed

    def set_paused(self, paused: bool, now: float) -> None:
        """Pause, or resume from the same position."""
        self._fix_position(now)
        self._is_paused = paused

    def seek(self, offset_s: float, now: float) -> None:
        """Continue from another position: the last frame of every public stream up to there comes first.

        Trades and account events up to that position are not repeated: they are history, not a snapshot.
        """
        self._fix_position(now)
        self._offset_s = min(max(offset_s, 0.0), self.duration_s)
        later = (number for number, frame in enumerate(self.frames) if frame.offset_s > self._offset_s)
        self._position = next(later, len(self.frames))
        self.last = {(frame.event.type, frame.code): frame for frame in self.frames[: self._position]}
        self._snapshots = [frame for (type, _), frame in self.last.items() if _is_snapshot(type)]

    def take(self, now: float, limit: int = 1_000_000) -> list[ReplayFrame]:
        """The frames that are due, oldest first, at most `limit`; after a `seek` its snapshots come first."""
        if self._since is None or now < self._since:
            return []
        snapshots, self._snapshots = self._snapshots[:limit], self._snapshots[limit:]
        if self._snapshots or self._is_paused:
            return snapshots
        limit -= len(snapshots)
        reached = self.position_s(now)
        end = self._position
        while (
            end < len(self.frames) and end - self._position < limit and self.frames[end].offset_s <= reached
        ):
            end += 1
        due = self.frames[self._position : end]
        self._position = end
        for frame in due:
            self.last[frame.event.type, frame.code] = frame
        return snapshots + due

    def _fix_position(self, now: float) -> None:
        """Make the position at `now` the one to continue from."""
        self._offset_s = self.position_s(now)
        if self._since is not None:
            self._since = max(now, self._since)


def _check_speed(speed: float) -> None:
    if not speed > 0:
        raise ValueError("speed must be positive")


def _is_snapshot(wire_type: str) -> bool:
    """Whether an event of a type is a state, not an occurrence."""
    row = spec_of(wire_type)
    return row is not None and row.has_snapshot and not row.order_is_identity
