"""Under Wine: psutil reads the processors' times with a call that Wine lacks, but it has their sum."""

import ctypes
from collections import namedtuple

import psutil

_Times = namedtuple("_Times", "user system idle")


def _cpu_times(percpu=False):
    idle, kernel, user = (ctypes.c_uint64() for _ in range(3))
    ctypes.windll.kernel32.GetSystemTimes(ctypes.byref(idle), ctypes.byref(kernel), ctypes.byref(user))
    # The kernel's time contains the idle time; in units of 100 ns.
    return _Times(user.value / 1e7, (kernel.value - idle.value) / 1e7, idle.value / 1e7)


try:
    psutil.cpu_times()
except OSError:
    psutil.cpu_times = _cpu_times
