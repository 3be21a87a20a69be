"""``python -m qt_upbit.simulator.control``: inject faults into a running simulated exchange."""

from __future__ import annotations

import sys

from qt_upbit.simulator.faults.control import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
