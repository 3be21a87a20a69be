"""Events of your orders and balances. Needs keys; the simulated exchange has its own.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT python examples/my_orders.py
"""

import qt_upbit
from qt_upbit import (
    AuthenticationError,
    Credentials,
    GlobalWebSocketManager,
    MyAssetEvent,
    MyOrderEvent,
    WebSocketClientProxy,
    WebSocketConfig,
)
from qt_upbit.simulator.settings import SIMULATED_ACCESS_KEY, SIMULATED_SECRET_KEY


def on_order(event: MyOrderEvent) -> None:
    print(event.state, event.code, event.ask_bid, event.executed_volume, "of", event.volume, flush=True)


def on_asset(event: MyAssetEvent) -> None:
    for asset in event.assets:
        print("balance", asset.currency, asset.balance, "locked", asset.locked, flush=True)


async def main() -> None:
    # UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY from the environment, or the simulated exchange's keys.
    credentials = Credentials.from_env() or Credentials(
        access_key=SIMULATED_ACCESS_KEY, secret_key=SIMULATED_SECRET_KEY
    )
    GlobalWebSocketManager.configure(WebSocketConfig.from_env(credentials=credentials))
    proxy = WebSocketClientProxy("my account")
    orders = proxy.subscribe_my_order(callback=on_order)
    assets = proxy.subscribe_my_asset(callback=on_asset)
    try:
        await orders
        await assets
    except AuthenticationError as exc:
        print(exc)
        return
    print("connected", flush=True)
    await qt_upbit.until_quit()


if __name__ == "__main__":
    qt_upbit.run(main())
