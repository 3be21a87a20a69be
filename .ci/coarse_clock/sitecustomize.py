"""On PYTHONPATH: the clocks that Python 3.11 and 3.12 have on Windows, on any system.

`time.monotonic` and `time.time` advance in steps of 15.625 ms there, and `monotonic` does not count from the
same moment as `perf_counter`, which stays fine: the two must not be mixed.
"""

import math
import time

STEP_S = 0.015625
SHIFT_S = 12_345.0

_fine = {"monotonic": time.monotonic, "time": time.time}
_info = time.get_clock_info


def _step(name, shift_s):
    fine = _fine[name]
    return lambda: math.floor((fine() + shift_s) / STEP_S) * STEP_S


def _get_clock_info(name):
    info = _info(name)
    if name in _fine:
        info.resolution = STEP_S
    return info


time.monotonic = _step("monotonic", SHIFT_S)
time.time = _step("time", 0.0)
time.monotonic_ns = lambda: int(time.monotonic() * 10**9)
time.time_ns = lambda: int(time.time() * 10**9)
time.get_clock_info = _get_clock_info
