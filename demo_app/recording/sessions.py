"""`SessionRequest`: what the next session of the terminal shall show: a recording, or its own exchange."""

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
        recording: what to play; None leads back to the exchange that the terminal was started with.
        name: of the recording, as a title.
        market: the pair to show at first.
        offset_s: where to begin.
        speed: 2 is twice as fast as recorded.
        is_paused: stand still there.
    """

    recording: Replay | None = None
    name: str = ""
    market: str = ""
    offset_s: float = 0.0
    speed: float = 1.0
    is_paused: bool = False

    def replay(self, now: float) -> Replay | None:
        """The recording as it shall be played, for a server of its own."""
        if self.recording is None:
            return None
        made = self.recording.again()
        made.set_speed(self.speed, now)
        made.seek(self.offset_s, now)
        made.set_paused(self.is_paused, now)
        return made


async def load_recording(path: str | Path) -> SessionRequest:
    """Read a recording beside the running window.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no recording, or an empty one; the text says where.
    """
    recording = await asyncio.to_thread(Replay.from_file, path)
    if not recording.codes:
        raise ValueError(f"{Path(path).name}: nothing of any pair was recorded")
    return SessionRequest(recording, Path(path).name, recording.codes[0])
