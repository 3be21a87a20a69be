"""REST calls, without a window: markets, a book, an order checked, placed, found and cancelled.

QT_UPBIT_BASE_URL=http://127.0.0.1:PORT UPBIT_ACCESS_KEY=… UPBIT_SECRET_KEY=… python examples/rest_calls.py
"""

import asyncio
from decimal import Decimal

from qt_upbit import (
    AskBid,
    InvalidOrderError,
    OrderType,
    RestClient,
    WebSocketConfig,
    round_to_tick,
)


async def main() -> None:
    config = WebSocketConfig.from_env()
    if config.base_url is None:
        raise SystemExit("set QT_UPBIT_BASE_URL to a simulated exchange: this example places an order")
    async with RestClient(config) as rest:
        markets = await rest.get_markets()
        print(len(markets), "markets, the first is", markets[0].code, markets[0].korean_name)

        book = (await rest.get_orderbooks(["KRW-BTC"], depth=1))["KRW-BTC"]
        # A tenth below the best bid, so that it rests in the book.
        price = round_to_tick("KRW-BTC", book.bids[0].price * Decimal("0.9"), "down")
        try:
            await rest.create_order("KRW-BTC", AskBid.BID, OrderType.LIMIT, price=price + 1, volume="0.001")
        except InvalidOrderError as error:
            print("not sent:", error)

        order = await rest.create_order("KRW-BTC", AskBid.BID, OrderType.LIMIT, price=price, volume="0.001")
        print("placed", order.state.value, format(order.locked, ",f"), "KRW locked")
        print("open", order.uuid in {each.uuid for each in await rest.get_open_orders("KRW-BTC")})

        # Only a request: the `cancel` event or another read confirms it.
        await rest.cancel_order(uuid=order.uuid)
        while (order := await rest.get_order(uuid=order.uuid)).is_open:
            await asyncio.sleep(0.05)
        print("ended", order.state.value)


if __name__ == "__main__":
    asyncio.run(main())
