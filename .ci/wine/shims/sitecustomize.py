"""What tests need under Wine, which hides Qt's variables and lacks a call that psutil makes."""

import ctypes
import os
from collections import namedtuple

import psutil

_Times = namedtuple("_Times", "user system idle")


def _cpu_times(percpu=False):
    idle, kernel, user = (ctypes.c_uint64() for _ in range(3))
    ctypes.windll.kernel32.GetSystemTimes(ctypes.byref(idle), ctypes.byref(kernel), ctypes.byref(user))
    # The kernel's time contains the idle time; in units of 100 ns.
    return _Times(user.value / 1e7, (kernel.value - idle.value) / 1e7, idle.value / 1e7)


os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Qt's offscreen platform looks for fonts in no place of its own on Windows.
os.environ.setdefault("QT_QPA_FONTDIR", "Z:/usr/share/fonts/truetype/nanum")
try:
    psutil.cpu_times()
except OSError:
    psutil.cpu_times = _cpu_times
