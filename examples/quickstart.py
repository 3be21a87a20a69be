"""The shortest program: ticks of two pairs, one snapshot, and a clean exit.

Run it against the simulated exchange (`python -m qt_upbit.simulator` prints the address):

    QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/quickstart.py
"""

import asyncio

import qt_upbit
from qt_upbit import TickerEvent, WebSocketClientProxy


async def main() -> None:
    def on_ticker(event: TickerEvent) -> None:
        print("signal  ", event.code, event.trade_price)

    proxy = WebSocketClientProxy("my_chart_component")
    proxy.ticker_received.connect(on_ticker)
    await proxy.subscribe_ticker(
        ["KRW-BTC", "KRW-ETH"], callback=lambda e: print("callback", e.symbol, e.trade_price)
    )
    tickers = await proxy.get_ticker_snapshot(["KRW-BTC"])
    print("snapshot", tickers["KRW-BTC"].trade_price)
    await asyncio.sleep(1)
    await proxy.cleanup()


qt_upbit.run(main())
