"""Programs at the limits of their system: a name server that hangs, no file handle left."""

from __future__ import annotations

import asyncio
import sys

import pytest

from qt_upbit.simulator.server.server import SimulatedServer
from qt_upbit.simulator.settings import SimulatorSettings
from tests.support.programs import run_program

HANGING_NAMES = """
import asyncio, socket, threading
import qt_upbit
from qt_upbit import GlobalWebSocketManager, QtUpbitError, WebSocketClientProxy, WebSocketConfig

asked = threading.Event()
real = socket.getaddrinfo

def hang(host, *args, **options):
    if options.get("flags", 0) & socket.AI_NUMERICHOST:
        return real(host, *args, **options)
    asked.set()
    threading.Event().wait()

socket.getaddrinfo = hang

async def call(rest):
    try:
        await rest.get_markets()
    except QtUpbitError as exc:
        print(type(exc).__name__)

async def main():
    GlobalWebSocketManager.configure(WebSocketConfig(base_url="https://exchange.test"))
    proxy = WebSocketClientProxy("chart")
    proxy.subscribe_ticker(["KRW-BTC"])
    running = asyncio.ensure_future(call(GlobalWebSocketManager.instance().rest))
    while not asked.is_set() or threading.active_count() < 3:
        await asyncio.sleep(0.01)
    print("leaving", flush=True)

qt_upbit.run(main())
print("left", flush=True)
"""


def test_a_name_server_that_hangs_does_not_keep_the_process() -> None:
    """The loop's default executor was joined at exit: 23 s after quit, or never."""
    ended = run_program(HANGING_NAMES)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.split()[0] == "leaving"
    assert ended.stdout.split()[-1] == "left"


NO_HANDLES = """
import asyncio, os, resource, sys
import qt_upbit
from qt_upbit import GlobalWebSocketManager, QtUpbitError, WebSocketClientProxy, WebSocketConfig

async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    manager = GlobalWebSocketManager(WebSocketConfig.preset("testing", base_url=sys.argv[1]))
    if sys.argv[2] == "warm":
        await manager.rest.get_markets()  # its libraries are loaded
        await manager.rest.aclose()
        manager._rest_clients.retire()
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    errors, seen = [], []
    manager.error_occurred.connect(lambda owner, error: errors.append(error))
    proxy = WebSocketClientProxy("chart", manager=manager)
    proxy.subscribe_ticker(["KRW-BTC"], callback=seen.append)
    rest_error = None
    try:
        await manager.rest.get_markets()
    except QtUpbitError as exc:
        rest_error = exc
    while not errors:
        await asyncio.sleep(0.01)
    for each in taken:
        os.close(each)
    while not seen:
        await asyncio.sleep(0.01)
    print(errors[0])
    print(rest_error)
    assert await manager.rest.get_markets()
    proxy.close()
    await manager.aclose()
    print("recovered", flush=True)

qt_upbit.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("start", ["warm", "cold"])
async def test_no_file_handle_left_is_an_error_and_over_when_there_are_some(start: str) -> None:
    """A Qt thread cannot start without, and aborts the process."""
    async with SimulatedServer(SimulatorSettings(markets=3)) as server:
        ended = await asyncio.to_thread(run_program, NO_HANDLES, server.url, start)
    assert ended.returncode == 0, ended.stderr
    first, second, last = ended.stdout.splitlines()
    assert "no file handle is left" in first
    assert "no file handle is left" in second
    assert last == "recovered"
