"""`RecordingWriter`: writes received events to a file that `Replay` plays."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from qt_upbit import models
from qt_upbit.simulator.replay.replay import HEADER_START
from qt_upbit.types import BaseWebSocketEvent, CandleEvent

__all__ = ["RecordingHeader", "RecordingWriter", "read_header"]

VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingHeader:
    """The first line of a recording. Contains nothing about the account.

    Attributes:
        date: of its start, ISO 8601 with zone.
        region: of the exchange.
        library: version of qt_upbit.
        codes: the pairs that were subscribed.
        markets: code to name.
        qt_upbit_recording: version of the format.
    """

    qt_upbit_recording: int = VERSION
    date: str
    region: str
    library: str
    codes: tuple[str, ...] = ()
    markets: dict[str, str] = field(default_factory=dict)


class RecordingWriter:
    """Writes a compressed recording. What was written before a `flush` stays readable, whatever happens.

    Args:
        path: of the file; must not exist yet.
        header: its first line.

    Raises:
        OSError: by any call, if the file cannot be written. What was flushed stays readable.
    """

    def __init__(self, path: str | Path, header: RecordingHeader) -> None:
        self._file = Path(path).open("xb", buffering=0)  # noqa: SIM115  # closed by `close`
        self._gzip = zlib.compressobj(level=6, wbits=31)
        self.size = 0
        self._put(self._gzip.compress(msgspec.json.encode(header) + b"\n"))
        self.flush()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, recv: float, event: BaseWebSocketEvent) -> None:
        """Add an event received `recv` seconds after the start."""
        scope = event.spec.scope.value
        head = f'{{"recv":{recv:.6f},"scope":"{scope}","frame":'.encode()
        self._put(self._gzip.compress(head + models.encode(event) + b"}\n"))

    def write_history(self, candle: CandleEvent) -> None:
        """Add a candle that ended before the recording began, of any length that REST has."""
        unit = candle.type.partition(".")[2]
        # The socket has no day candles: encoded as minutes, with the unit beside it.
        frame = models.encode(msgspec.structs.replace(candle, type="candle.1m"))
        self._put(self._gzip.compress(f'{{"history":"{unit}","frame":'.encode() + frame + b"}\n"))

    def flush(self) -> None:
        """Write everything so far to disk."""
        self._put(self._gzip.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        """Finish and close the file; it is closed even if the end cannot be written."""
        if self._file.closed:
            return
        try:
            self._put(self._gzip.flush())
        finally:
            self._file.close()

    def _put(self, data: bytes) -> None:
        while data:
            written = self._file.write(data)
            self.size += written
            data = data[written:]


def read_header(path: str | Path) -> RecordingHeader | None:
    """The header of a recording; None if the file has none.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        start = file.read(1_048_576)
    if start.startswith(b"\x1f\x8b"):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, 4_194_304)
        except zlib.error:
            return None
    line = start.split(b"\n", 1)[0]
    if not line.startswith(HEADER_START):
        return None
    try:
        return msgspec.json.decode(line, type=RecordingHeader)
    except msgspec.MsgspecError:
        return None
