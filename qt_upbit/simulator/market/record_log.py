"""`RecordLog`: rows of integers in order of a key, most of them in a temporary file."""

from __future__ import annotations

import bisect
import logging
import struct
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Final

__all__ = ["Layout", "RecordLog", "SpillFile"]

_log: Final = logging.getLogger(__name__)
_MASK: Final = 2**64 - 1
_HEADER: Final = struct.Struct("<q")
"""Of a block: the position of the log's block before it; -1 for the first."""
_NONE: Final = -1
_INDEXED: Final = 64
"""A log remembers the place of at most this many of its blocks; the others are found from those."""


class SpillFile:
    """Temporary files for the blocks of many logs; they have no name, or lose it when the process ends.

    At most `limit` bytes are kept, in two halves: when the newer is full, the older is given up.

    Args:
        limit: bytes on disk.
    """

    def __init__(self, limit: int = 2**30) -> None:
        self._half = max(limit // 2, 1)
        self._files: list[tuple[int, IO[bytes]]] = []
        """Position of the first byte and file, oldest first; positions are never used again."""
        self._end = 0
        self._failed = False
        # Without names on POSIX; Windows deletes the file with its last handle, also of a killed process.
        self._finalizer = weakref.finalize(self, _close_all, self._files)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._end - self._files[0][0] if self._files else 0

    def append(self, data: bytes) -> int | None:
        """Write a block; its position, or None if the disk does not take it (logged once)."""
        try:
            if not self._files or self._end - self._files[-1][0] >= self._half:
                # Unbuffered: a block is written once and read rarely.
                self._files.append((self._end, tempfile.TemporaryFile(buffering=0)))  # noqa: SIM115
                if len(self._files) > 2:
                    self._files.pop(0)[1].close()
            start, file = self._files[-1]
            file.seek(self._end - start)
            if file.write(data) != len(data):
                raise OSError("the disk is full")
        except OSError as exc:
            if not self._failed:
                self._failed = True
                _log.warning("the simulated exchange cannot keep all of its history: %s", exc)
            return None
        position, self._end = self._end, self._end + len(data)
        return position

    def read(self, position: int, size: int) -> bytes | None:
        """A block; None if it was given up."""
        for start, file in reversed(self._files):
            if position >= start:
                file.seek(position - start)
                return file.read(size)
        return None

    def close(self) -> None:
        """Give up every block, and remove the files."""
        _close_all(self._files)


def _close_all(files: list[tuple[int, IO[bytes]]]) -> None:
    while files:
        files.pop()[1].close()


class Layout:
    """How a record is stored: ``q`` for a number of 64 bits, ``w`` for one of 128, both signed.

    Prices and times fit into 64; a day's volume of the cheapest coins and turnovers do not.
    """

    def __init__(self, fields: str, block: int) -> None:
        self._wide = tuple(field == "w" for field in fields)
        self._struct = struct.Struct("<" + fields.replace("w", "Qq"))
        self.size = self._struct.size
        self.block = block
        """Records that are written at once."""

    def pack(self, record: Sequence[int]) -> bytes:
        """The bytes of a record."""
        words: list[int] = []
        for wide, value in zip(self._wide, record, strict=True):
            if wide:
                words += (value & _MASK, value >> 64)
            else:
                words.append(value)
        return self._struct.pack(*words)

    def unpack(self, data: bytes | bytearray, number: int) -> tuple[int, ...]:
        """The record at an index of a block."""
        words = iter(self._struct.unpack_from(data, number * self.size))
        return tuple(next(words) + (next(words) << 64) if wide else next(words) for wide in self._wide)


class RecordLog:
    """Records that are only appended and read from the newest to the oldest.

    Needs little memory however many there are: the newest records that do not fill a block, and the places
    of a few blocks. Each block on disk names the one before it.

    Args:
        spill: where full blocks go.
        layout: of the records; the first field is the key, which never decreases.
    """

    __slots__ = ("_count", "_index", "_keys", "_last", "_layout", "_spill", "_step", "_tail", "is_complete")

    def __init__(self, spill: SpillFile, layout: Layout) -> None:
        self._spill = spill
        self._layout = layout
        self._tail = bytearray()
        self._last = _NONE
        self._count = 0
        self._step = 1
        self._keys = array("q")
        self._index = array("q")
        self.is_complete = True
        """Whether the oldest record is still there; False from the read that found it missing."""

    def append(self, record: Sequence[int]) -> None:
        """Add the newest record."""
        self._tail += self._layout.pack(record)
        if len(self._tail) >= self._layout.size * self._layout.block:
            self._write()

    def _write(self) -> None:
        key = self._layout.unpack(self._tail, 0)[0]
        position = self._spill.append(_HEADER.pack(self._last) + self._tail)
        self._tail.clear()
        if position is None:
            self.is_complete = False
            self._last = _NONE
            self._count, self._step = 0, 1
            del self._keys[:], self._index[:]
            return
        self._last = position
        if self._count % self._step == 0:
            self._keys.append(key)
            self._index.append(position)
            if len(self._keys) > _INDEXED:
                self._step *= 2
                del self._keys[1::2], self._index[1::2]
        self._count += 1

    def backwards(self, before: int) -> Iterator[tuple[int, ...]]:
        """Records with a key below `before`, newest first; what is appended meanwhile is not among them."""
        layout = self._layout
        # The first indexed block that is too new, or the newest; from there, each names the one before.
        later = bisect.bisect_left(self._keys, before)
        position = self._index[later] if later < len(self._index) else self._last
        if position == self._last:
            yield from self._older(bytes(self._tail), before)
        size = _HEADER.size + layout.size * layout.block
        while position != _NONE:
            data = self._spill.read(position, size)
            if data is None:
                self.is_complete = False
                return
            position = _HEADER.unpack_from(data)[0]
            yield from self._older(data[_HEADER.size :], before)

    def _older(self, data: bytes, before: int) -> Iterator[tuple[int, ...]]:
        for number in reversed(range(len(data) // self._layout.size)):
            record = self._layout.unpack(data, number)
            if record[0] < before:
                yield record
