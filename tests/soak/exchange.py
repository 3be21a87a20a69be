"""The exchange of the soak, a program of its own: its memory is not ours."""

from __future__ import annotations

import asyncio
import sys

from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings


async def _serve(speed: float, markets: int | None, rate: float) -> None:
    settings = SimulatorSettings(
        markets=markets, time_scale=speed, rate=rate / speed,
        # Per market second there are as many events as per real one without compression.
        order_interval_s=1.0 * speed, announcement_interval_s=10.0 * speed, indicator_delay_s=1.0 * speed,
    )  # fmt: skip
    async with SimulatedServer(settings) as server:
        print(server.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]) or None, float(sys.argv[3])))
