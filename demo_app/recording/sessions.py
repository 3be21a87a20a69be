"""`SessionRequest`: what the terminal's next session shows: a recording, or the original exchange."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from qt_upbit.simulator import Replay

__all__ = ["SessionRequest", "load_recording"]


@dataclass(frozen=True)
class SessionRequest:
    """A session is a connection to one exchange and a window; the next one begins when it ends.

    Attributes:
        recording: what to play; None returns to the exchange that the terminal was started with.
        name: title of the recording.
        market: the pair to show first.
        offset_s: where to start, seconds.
        speed: 2 is twice as fast as recorded.
        is_paused: start paused.
    """

    recording: Replay | None = None
    name: str = ""
    market: str = ""
    offset_s: float = 0.0
    speed: float = 1.0
    is_paused: bool = False

    def replay(self, now: float) -> Replay | None:
        """Create the replay of the recording, for its own server."""
        if self.recording is None:
            return None
        made = self.recording.again()
        made.set_speed(self.speed, now)
        made.seek(self.offset_s, now)
        made.set_paused(self.is_paused, now)
        return made


async def load_recording(path: str | Path) -> SessionRequest:
    """Read a recording while the window is running.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a recording, or an empty one; the text says where.
    """
    recording = await asyncio.to_thread(Replay.from_file, path)
    if not recording.codes:
        raise ValueError(f"{Path(path).name}: it contains no recorded pair")
    return SessionRequest(recording, Path(path).name, recording.codes[0])
