"""The process ends in the middle of everything: a stream, calls that wait, slots that run. Quietly."""

from __future__ import annotations

import textwrap

import pytest

from tests.support.programs import run_program

STREAMING = """
    import asyncio, logging, signal, sys
    logging.basicConfig(level=logging.WARNING)
    # The exchange ends with its block, in this process and before the connections: that is told, rightly.
    logging.getLogger("qt_upbit").setLevel(logging.ERROR)
    import qt_upbit
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QWidget
    from qt_upbit import *
    from qt_upbit.simulator.server.server import RestFault, SimulatedServer
    from qt_upbit.simulator.settings import *

    kept = []

    class Window(QWidget):
        def __init__(self):
            super().__init__()
            self.proxy = WebSocketClientProxy("window", self)
            self.feed = CandleFeed("KRW-BTC", count=1000, parent=self)

        @owned_slot
        async def wait(self):
            await self.proxy.get_ticker_snapshot(["KRW-NONE"])

    async def stream(on_event=None):
        '''Everything at once; `on_event` is called in a slot, in the middle.'''
        # Answers wait forever: account and feed have calls under way when it ends.
        faults = [RestFault("GET", path, "wait", 99) for path in ("/v1/accounts", "/v1/candles/minutes/1")]
        server = SimulatedServer(SimulatorSettings(seed=3, rate=20.0, snapshot_delays_s=(0.01, 0.02)))
        server.rest_faults += faults
        await server.start()
        kept.append(server)
        keys = Credentials(access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY)
        config = WebSocketConfig.preset(
            "testing", base_url=server.url, credentials=keys, silent_code_timeout_s=60
        )
        GlobalWebSocketManager.configure(config)
        window = Window()
        window.show()
        window.wait()
        kept.append(window)
        kept.append(Account.instance())
        enough, count = asyncio.Event(), 0

        def take(event):
            nonlocal count
            count += 1
            if count > 50 and all(fault.times < 99 for fault in faults) and not enough.is_set():
                enough.set()
                if on_event is not None:
                    print("done", flush=True)
                    on_event()

        proxy = WebSocketClientProxy("proxy")
        kept.append(proxy)
        proxy.trade_received.connect(take)
        proxy.subscribe_trade(["KRW-BTC", "KRW-ETH"])
        proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"], delivery="every")
        await enough.wait()

    async def stop():
        for fault in kept[0].rest_faults:
            fault.release.set()
        await kept[0].stop()
        kept[1].close()
        kept.clear()
"""

ENDINGS = {
    "sys.exit in a slot": """
        async def main():
            await stream(on_event=sys.exit)
            await asyncio.sleep(60)
        qt_upbit.run(main())
    """,
    "an interrupt, with main asleep": """
        async def main():
            await stream(on_event=lambda: signal.raise_signal(signal.SIGINT))
            try:
                await asyncio.sleep(60)
            finally:
                await stop()
        qt_upbit.run(main())
    """,
    "sys.exit in main, between two calls": """
        async def main():
            await stream()
            print("done")
            sys.exit()
        qt_upbit.run(main())
    """,
    "two runs; a slot quits in the first and closes the last window in the second": """
        managers = []
        async def main(leave):
            try:
                await stream(on_event=leave)
                await asyncio.sleep(60)
            finally:
                managers.append(GlobalWebSocketManager.instance())
                await stop()
        qt_upbit.run(main(lambda: QApplication.quit()))
        GlobalWebSocketManager._configured = None
        qt_upbit.run(main(lambda: kept[1].close()))
        assert len(set(managers)) == 2
    """,
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_exit_in_the_middle_is_quiet(ending: str) -> None:
    done = run_program(textwrap.dedent(STREAMING) + textwrap.dedent(ENDINGS[ending]))
    assert done.stderr == ""
    assert (done.returncode, set(done.stdout.splitlines())) == (0, {"done"})


def test_an_exception_in_main_is_the_only_thing_said() -> None:
    body = """
        async def main():
            await stream()
            raise ValueError("boom")
        qt_upbit.run(main())
    """
    done = run_program(textwrap.dedent(STREAMING) + textwrap.dedent(body))
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.strip().endswith("ValueError: boom")
