"""``python -m tests.soak.proxies --number 10000``: proxies made and ended in five ways leave nothing."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qt_upbit
from qt_upbit import GlobalWebSocketManager, WebSocketConfig
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from tests.support.churn import WAYS, churn


async def _run(number: int) -> int:
    # A market that stands still: what grows is then not the exchange's own history.
    settings = SimulatorSettings(market_running=False, account_running=False, announcement_interval_s=None)
    leaked = 0
    print(f"{number} of each way\n{'way':18}{'seconds':>9}{'leaked':>40}{'MB before':>12}{'after':>8}")
    async with SimulatedServer(settings) as server:
        manager = GlobalWebSocketManager(WebSocketConfig.preset("testing", base_url=server.url))
        for way in WAYS:
            done = await churn(number, way, server, manager)
            left = done.after.leaked_since(done.before)
            leaked += bool(left)
            what = ", ".join(f"{count} {name}" for name, count in left.items()) or "nothing"
            print(
                f"{way:18}{done.seconds:9.1f}{what:>40}{done.before.memory_mb:12.1f}{done.after.memory_mb:8.1f}"
            )
        await manager.aclose()
    return min(leaked, 1)


def main() -> None:
    """Parse the arguments; the exit status is 1 if anything leaked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=10_000, help="proxies of each way")
    raise SystemExit(qt_upbit.run(_run(parser.parse_args().number), argv=["soak"]))


if __name__ == "__main__":
    main()
