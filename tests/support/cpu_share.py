"""How much of the processor this process gets: a starved run is slow, not broken.

A promise in seconds is one about the program, not about what else the machine does meanwhile. Time is
counted here as the program's own: without the moments in which a thread was ready to run and another
program ran instead.
"""

from __future__ import annotations

import enum
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import psutil

_THREADS = Path("/proc/self/task")


class StarvedWarning(UserWarning):
    """A bound in seconds was missed, and could not have been kept with what the machine gave."""


class Verdict(enum.Enum):
    """What a measured time says about a promised one."""

    KEPT = enum.auto()
    STARVED = enum.auto()
    """Too long, but not by more than the time without a processor."""
    BROKEN = enum.auto()


def _thread_waits() -> dict[str, float]:
    """For each thread of this process: seconds in which it was ready to run, and did not (Linux)."""
    waits = {}
    for thread in _THREADS.iterdir():
        try:
            waits[thread.name] = int((thread / "schedstat").read_bytes().split()[1]) / 1e9
        except (OSError, IndexError):
            continue  # it has just ended
    return waits


def _own_wait() -> Callable[[], float]:
    """The same for the thread that asks first; always 0 on a system that does not report it."""
    try:
        # Kept open: it is read with every look at the clock.
        stat = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        os.pread(stat, 64, 0).split()[1]
    except (AttributeError, OSError, IndexError):
        return lambda: 0.0
    return lambda: int(os.pread(stat, 64, 0).split()[1]) / 1e9


_main_thread_wait = _own_wait()


def own_time() -> float:
    """Seconds of a steady clock that stands still while the main thread wants the processor in vain.

    For programs whose deadlines are to be those of an idle machine, and that compare it with no other clock.
    On systems that do not report who waited (only Linux does), it is the ordinary steady clock.
    """
    return time.monotonic() - _main_thread_wait()


class CpuShare:
    """What the process got of the processor since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._cpu = time.process_time()
        self._waits = _thread_waits() if _THREADS.is_dir() else {}
        self._all = psutil.cpu_times()

    @property
    def elapsed_s(self) -> float:
        """By the clock on the wall."""
        return time.monotonic() - self._began

    @property
    def starved_s(self) -> float:
        """Seconds without a processor, at most.

        On Linux those that the threads of this process waited for one, together: as much as a chain of steps
        that go from thread to thread can have been delayed. Elsewhere as much of the time as other programs
        took of the machine.
        """
        if self._waits:
            return sum(wait - self._waits.get(thread, 0.0) for thread, wait in _thread_waits().items())
        now = psutil.cpu_times()
        total = sum(now) - sum(self._all)
        others = total - (now.idle - self._all.idle) - (time.process_time() - self._cpu)
        return self.elapsed_s * min(max(others / total, 0.0), 1.0) if total > 0 else 0.0

    @property
    def share(self) -> float:
        """What it got of what it wanted, from 0 to 1."""
        ran = time.process_time() - self._cpu
        wanted = ran + self.starved_s
        return ran / wanted if wanted > 0 else 1.0

    def judge(self, took_s: float, bound_s: float) -> Verdict:
        """Compare a time that was measured since this was made with a promise."""
        if took_s <= bound_s:
            return Verdict.KEPT
        return Verdict.STARVED if took_s - self.starved_s <= bound_s else Verdict.BROKEN

    def check(self, what: str, took_s: float, bound_s: float) -> None:
        """Fail if a promise was broken; say so, and do not fail, if the process was starved."""
        verdict = self.judge(took_s, bound_s)
        assert verdict is not Verdict.BROKEN, f"{what} took {took_s:.2f} s and not {bound_s:g} s; {self}"
        if verdict is Verdict.STARVED:
            say_starved(f"{what} took {took_s:.2f} s, promised are {bound_s:g} s; {self}")

    def excuse(self, what: str, slack_s: float) -> None:
        """Fail because of what must not be, unless the process was starved for longer than explains it."""
        assert self.starved_s > slack_s, f"{what}; {self}"
        say_starved(f"{what}; {self}")

    def __str__(self) -> str:
        return (
            f"the process had {self.share:.0%} of the processor it wanted, and waited {self.starved_s:.1f} s "
            f"of {self.elapsed_s:.1f} s for one"
        )


def say_starved(what: str) -> None:
    """Show in pytest's summary that a bound could not be judged; no failure, whatever the filters say."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", StarvedWarning)
        warnings.warn(f"starved: {what}", StarvedWarning, stacklevel=3)
