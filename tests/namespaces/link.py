"""A link between two network namespaces: what one TUN device sends, the other one receives, or not."""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time
from typing import Final

_SET_INTERFACE: Final = 0x400454CA
_TUN_WITHOUT_HEADER: Final = 0x1001
_LARGEST: Final = 65_536


class Link:
    """Passes IP packets on, in a thread of its own, and loses those that it is told to lose.

    TCP sees what it would see of `tc … netem`, which many kernels lack.

    Attributes:
        loss: share of the packets that are lost, in each direction.
        delay_s: of each packet, one way.
        mtu: longer packets vanish, and no ICMP message tells; None is no limit.
        is_black_hole: everything vanishes.
        passed: number of packets that arrived.
        lost: number that did not.
    """

    def __init__(self, near: str, far: str, *, seed: int = 1) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self.mtu: int | None = None
        self.is_black_hole = False
        self.passed = self.lost = 0
        self._random = random.Random(seed)  # no secret; the same losses for the same packets
        self._ends = _open(near), _open(far)
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begin, once both devices are where they belong."""
        self._thread.start()

    def heal(self) -> None:
        """Lose nothing any more."""
        self.loss, self.mtu, self.is_black_hole = 0.0, None, False

    def _is_lost(self, packet: bytes) -> bool:
        too_long = self.mtu is not None and len(packet) > self.mtu
        return self.is_black_hole or too_long or self._random.random() < self.loss

    def _run(self) -> None:
        near, far = self._ends
        other = {near: far, far: near}
        waiting: list[tuple[float, int, int, bytes]] = []
        number = 0
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for end in select.select(self._ends, (), (), timeout)[0]:
                packet = _read(end)
                if packet is None:
                    continue
                if self._is_lost(packet):
                    self.lost += 1
                    continue
                number += 1
                heapq.heappush(waiting, (time.monotonic() + self.delay_s, number, other[end], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                self._write(end, packet)

    def _write(self, end: int, packet: bytes) -> None:
        try:
            os.write(end, packet)
            self.passed += 1
        except OSError:  # the device is down
            self.lost += 1


def _open(name: str) -> int:
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, _SET_INTERFACE, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
    return end


def _read(end: int) -> bytes | None:
    try:
        return os.read(end, _LARGEST)
    except OSError:  # the device is down, or another packet was taken
        time.sleep(0.001)
        return None
