"""``python -m tests.soak.reconnects --number 1000``: a connection that is cut a thousand times leaks nothing.

The exchange allows five connections a second, and so does the library: a thousand take some minutes.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qt_upbit
from qt_upbit import GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from tests.support.churn import reconnect

NO_PAUSE = {"backoff_initial_s": 0.01, "backoff_max_s": 0.02}
"""What is left is the limit."""


async def _run(number: int) -> int:
    # A market that stands still: what grows is then not the exchange's own history.
    settings = SimulatorSettings(
        market_running=False, account_running=False, announcement_interval_s=None, rest_limit=None
    )
    async with SimulatedServer(settings) as server:
        config = WebSocketConfig.preset("testing", base_url=server.url, recover_gaps=False, **NO_PAUSE)
        manager = GlobalWebSocketManager(config)
        done = await reconnect(number, server, manager)
        violations = dict(server.exchange.violations)
        await manager.aclose()
    print(f"{number} reconnects in {done.seconds:.1f} s\n{'':16}{'before':>10}{'after':>10}")
    for field in fields(done.before):
        before, after = getattr(done.before, field.name), getattr(done.after, field.name)
        print(f"{field.name:16}{before:10.5g}{after:10.5g}")
    print(f"limits broken: {violations or 'none'}")
    return 1 if done.after.leaked_since(done.before) or violations else 0


def main() -> None:
    """Parse the arguments; the exit status is 1 if anything leaked or a limit was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1000)
    raise SystemExit(qt_upbit.run(_run(parser.parse_args().number), argv=["soak"]))


if __name__ == "__main__":
    main()
