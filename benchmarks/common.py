"""What several benchmarks share: a replay server, a subscribed manager, costs and tables."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import qt_upbit
from benchmarks.replay_server import SHARES
from qt_upbit import Delivery, GlobalWebSocketManager, Scope, WebSocketClientProxy, WebSocketConfig
from qt_upbit.types import BaseWebSocketEvent

__all__ = ["Cost", "Server", "received", "run", "serving", "subscribed", "table"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Server:
    """A replay server that runs."""

    port: int
    codes: list[str]
    frames: int
    bytes: float
    secure_port: int = 0
    ca_file: str | None = None

    @property
    def url(self) -> str:
        """For the configuration of a manager."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        """For other clients."""
        return f"ws://127.0.0.1:{self.port}/websocket/v1"

    @property
    def secure_url(self) -> str:
        """The same through TLS; the server was started with ``tls=True``."""
        return f"https://127.0.0.1:{self.secure_port}"

    @property
    def secure_websocket_url(self) -> str:
        """For other clients."""
        return f"wss://127.0.0.1:{self.secure_port}/websocket/v1"

    def client_context(self) -> ssl.SSLContext:
        """Trusts the server."""
        return ssl.create_default_context(cafile=self.ca_file)


@contextlib.contextmanager
def serving(
    codes: int, frames: int, wire_format: str = "DEFAULT", *, tls: bool = False, **options: float
) -> Iterator[Server]:
    """A replay server in a process of its own, with TLS on a second port; options as on its command line."""
    named = {"codes": codes, "frames": frames, "format": wire_format, **options}
    command = [sys.executable, "-m", "benchmarks.replay_server"]
    command += [f"--{name}={value}" for name, value in named.items()]
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem") if tls else None
        if ca_file is not None:
            command.append(f"--ca-file={ca_file}")
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield Server(**json.loads(process.stdout.readline()), ca_file=ca_file)
        finally:
            process.kill()
            process.communicate()


class Cost:
    """CPU and wall time since `begin`, per frame."""

    def __init__(self) -> None:
        self.cpu = self.wall = self.share = 0.0
        self._began = (0.0, 0.0)

    def begin(self) -> None:
        """From now on."""
        self._began = (time.process_time(), time.perf_counter())

    def end(self, frames: int) -> None:
        """Until now; microseconds a frame, and the share of one core."""
        cpu, wall = time.process_time() - self._began[0], time.perf_counter() - self._began[1]
        frames = max(frames, 1)  # few frames may all come with the first
        self.cpu, self.wall, self.share = cpu / frames * 1e6, wall / frames * 1e6, cpu / wall


def run(made: Awaitable[_T]) -> _T:
    """Run a coroutine on the library's loop."""

    async def awaited() -> tuple[_T]:
        return (await made,)

    found = qt_upbit.run(awaited(), argv=["benchmark"])
    assert found is not None
    return found[0]


@contextlib.asynccontextmanager
async def subscribed(
    server: Server,
    delivery: Delivery,
    slot: Callable[[BaseWebSocketEvent], object],
    *,
    proxies: int = 1,
    compression: bool = False,
    tls: bool = False,
) -> AsyncIterator[GlobalWebSocketManager]:
    """A manager with proxies each of which has subscribed everything."""
    config = WebSocketConfig(
        base_url=server.secure_url if tls else server.url,
        ca_bundle=server.ca_file if tls else None,
        compression=compression,
        recover_gaps=False,
    )
    manager = GlobalWebSocketManager(config)
    made = [WebSocketClientProxy(f"slot {i}", manager=manager) for i in range(proxies)]
    for proxy in made:
        for name in SHARES:
            getattr(proxy, f"{name}_received").connect(slot)
            proxy.open_subscription(name, server.codes, delivery=delivery)
    try:
        yield manager
    finally:
        for proxy in made:
            proxy.close()
        await manager.aclose()
        manager.deleteLater()


def received(manager: GlobalWebSocketManager) -> int:
    """Data messages that have come."""
    return manager._links[Scope.PUBLIC].client.counters.messages


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """As markdown."""
    print(f"\n{title}\n")
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
