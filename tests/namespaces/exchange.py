"""The simulated exchange behind TLS, in a namespace of its own; `python -m tests.namespaces` starts it.

It prints lines of JSON: where it listens, and after `publish` and `stop` how many orders it sent.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from qt_upbit import OrderState
from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from tests.support import events
from tests.support.relays import TlsFront
from tests.support.world import Authority

HOST = "exchange.test"
ADDRESS = "10.9.0.2"
SETTINGS = SimulatorSettings(
    markets=2, rate=12.0, account_running=False, announcement_interval_s=None, tick_interval_s=0.01
)
_ORDER_EVERY_S = 0.02


def _say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


class _Orders:
    """Orders of the account, one after the other."""

    def __init__(self, server: SimulatedServer) -> None:
        self.published = 0
        self._server = server
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            self.published += 1
            uuid = f"order-{self.published}"
            event = events.my_order(uuid=uuid, trade_uuid=f"t-{self.published}", state=OrderState.TRADE)
            self._server.exchange.publish(event)
            await asyncio.sleep(_ORDER_EVERY_S)

    def stop(self) -> int:
        self._task.cancel()
        return self.published


async def _serve(folder: Path) -> None:
    authority = Authority()
    context = authority.server_context(HOST, ADDRESS)
    async with SimulatedServer(SETTINGS, hosts=[HOST, ADDRESS]) as server:
        port = int(server.url.rpartition(":")[2])
        async with TlsFront(port, context, host=ADDRESS) as front:
            _say(port=front.port, ca_bundle=authority.file(folder))
            lines = asyncio.StreamReader()
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
            orders: _Orders | None = None
            while line := (await lines.readline()).strip():
                if line == b"publish":
                    orders = _Orders(server)
                elif line == b"stop" and orders is not None:
                    _say(published=orders.stop())


def main() -> None:
    """Wait for the device, give it its address, and serve until the input ends."""
    _say(ready=True)
    folder, device = sys.stdin.readline().split()
    for command in (
        "ip link set lo up",
        f"ip address add {ADDRESS}/24 dev {device}",
        f"ip link set {device} up",
    ):
        subprocess.run(command.split(), check=True)
    asyncio.run(_serve(Path(folder)))


if __name__ == "__main__":
    main()
