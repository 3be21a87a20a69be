"""`Replay`: plays a recording of frames to whoever is subscribed to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from qt_upbit import models
from qt_upbit.exceptions import DecodeError
from qt_upbit.types import BaseWebSocketEvent, WireFormat

__all__ = ["Replay", "ReplayFrame"]

_TOKEN: Final = re.compile(rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")


class _Line(msgspec.Struct, frozen=True):
    recv: float
    frame: msgspec.Raw


@dataclass(frozen=True, slots=True)
class ReplayFrame:
    """One frame of a recording.

    Attributes:
        offset_s: after the first frame.
        raw: untouched.
        format: DEFAULT or SIMPLE, whichever it was recorded in.
        event: what it says.
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
    """A recording: one ``{"recv": seconds, "frame": {…}}`` per line. Played once, complete and in order.

    Args:
        frames: in order.
        speed: 2 is twice as fast as recorded.
    """

    def __init__(self, frames: list[ReplayFrame], speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive")
        self.frames = frames
        self.speed = speed
        self._position = 0
        self._started: float | None = None
        self.last: dict[tuple[str, str], ReplayFrame] = {}

    @classmethod
    def from_file(cls, path: str | Path, speed: float = 1.0) -> Replay:
        """Read a recording.

        Raises:
            OSError: it cannot be read.
            ValueError: a line is not what a recording has; the text tells which.
        """
        decoder = msgspec.json.Decoder(_Line)
        frames: list[ReplayFrame] = []
        first: float | None = None
        for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            if _TOKEN.search(line):
                # It would be sent to whoever subscribes. Not quoted: this text may go into a log.
                raise ValueError(f"{path}, line {number}: holds what looks like a token; take it out")
            try:
                row = decoder.decode(line)
                raw = bytes(row.frame)
                event = models.decode(raw)
            except (msgspec.MsgspecError, DecodeError) as exc:
                raise ValueError(f"{path}, line {number}: {exc}") from exc
            first = row.recv if first is None else first
            simple = raw.lstrip(b"{ ").startswith(b'"ty"')
            format = WireFormat.SIMPLE if simple else WireFormat.DEFAULT
            frames.append(ReplayFrame(row.recv - first, raw, format, event))
        return cls(frames, speed)

    @property
    def codes(self) -> tuple[str, ...]:
        """The pairs it has, in order of appearance."""
        return tuple(dict.fromkeys(frame.code for frame in self.frames if frame.code))

    @property
    def streams(self) -> frozenset[tuple[str, str]]:
        """Type and code of everything it has."""
        return frozenset((frame.event.type, frame.code) for frame in self.frames)

    @property
    def is_finished(self) -> bool:
        """Whether every frame was played."""
        return self._position >= len(self.frames)

    def start(self, now: float) -> None:
        """Begin at `now`, in seconds; later calls change nothing."""
        if self._started is None:
            self._started = now

    def take(self, now: float, limit: int = 1_000_000) -> list[ReplayFrame]:
        """The frames that are due, oldest first, at most `limit`."""
        if self._started is None:
            return []
        reached = (now - self._started) * self.speed
        end = self._position
        while (
            end < len(self.frames) and end - self._position < limit and self.frames[end].offset_s <= reached
        ):
            end += 1
        due = self.frames[self._position : end]
        self._position = end
        for frame in due:
            self.last[frame.event.type, frame.code] = frame
        return due
