"""`SubscribeMethods`: the ``subscribe`` methods of a proxy, typed to the slot."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, overload

from qt_upbit.qt.subscribe_by_name import (
    Depth,
    Either,
    Indicators,
    Many,
    One,
    Single,
    SubscribeByName,
    Timeframe,
    Unit,
)
from qt_upbit.qt.subscription import EventCallback, Subscription
from qt_upbit.types import (
    AnnouncementEvent,
    CandleEvent,
    CandleUnit,
    Delivery,
    IndicatorEvent,
    IndicatorSignalEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)

__all__ = ["Depth", "SubscribeMethods", "Unit"]


class SubscribeMethods(SubscribeByName):
    """One method per event type, and `subscribe` by name. All end in `open_subscription`."""

    @overload
    def subscribe_ticker(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: One[TickerEvent] = None,
        delivery: Single = None,
    ) -> Subscription[TickerEvent]: ...

    @overload
    def subscribe_ticker(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[TickerEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[TickerEvent, ...]]: ...

    @overload
    def subscribe_ticker(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[TickerEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_ticker(
        self,
        codes: Sequence[str],
        *,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[Any]:
        """Current price. Gives `TickerEvent`, by default the latest once per frame of the screen.

        Args:
            codes: pairs, upper case, ``["KRW-BTC"]``.
            callback: called in addition to the signal; referenced weakly if it is a method of a QObject.
            delivery: LATEST, EVERY or BATCH instead of the type's default.
            snapshot: whether to request a first snapshot.
            realtime: whether to request changes.

        Raises:
            InvalidSubscriptionError: a code or option is wrong.
            ProxyClosedError: the proxy or its manager is closed.
            WrongThreadError: this is not the GUI thread.
        """
        return self.open_subscription(
            "ticker", codes, callback, delivery, snapshot=snapshot, realtime=realtime
        )

    @overload
    def subscribe_trade(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: One[TradeEvent] = None,
        delivery: Single = None,
    ) -> Subscription[TradeEvent]: ...

    @overload
    def subscribe_trade(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[TradeEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[TradeEvent, ...]]: ...

    @overload
    def subscribe_trade(
        self,
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[TradeEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_trade(
        self,
        codes: Sequence[str],
        *,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[Any]:
        """Trades. Gives `TradeEvent`, by default every one; the snapshot is the last trade."""
        return self.open_subscription(
            "trade", codes, callback, delivery, snapshot=snapshot, realtime=realtime
        )

    @overload
    def subscribe_orderbook(
        self,
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
        callback: One[OrderbookEvent] = None,
        delivery: Single = None,
    ) -> Subscription[OrderbookEvent]: ...

    @overload
    def subscribe_orderbook(
        self,
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[OrderbookEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[OrderbookEvent, ...]]: ...

    @overload
    def subscribe_orderbook(
        self,
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[OrderbookEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_orderbook(
        self,
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[Any]:
        """Whole order books. Gives `OrderbookEvent`, by default the latest once per frame.

        `depth` is the number of rows: 1, 5, 15 or 30. `level` groups prices, in the quote currency; 0 is
        no grouping, the only choice for BTC and USDT pairs. ``/v1/orderbook/instruments`` lists the levels of
        a pair; an unsupported one never delivers.
        """
        return self.open_subscription(
            "orderbook",
            codes,
            callback,
            delivery,
            snapshot=snapshot,
            realtime=realtime,
            depth=depth,
            level=level,
        )

    @overload
    def subscribe_candle(
        self,
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
        callback: One[CandleEvent] = None,
        delivery: Single = None,
    ) -> Subscription[CandleEvent]: ...

    @overload
    def subscribe_candle(
        self,
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[CandleEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[CandleEvent, ...]]: ...

    @overload
    def subscribe_candle(
        self,
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[CandleEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_candle(
        self,
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[Any]:
        """Candles of one length. Gives `CandleEvent`: the newest of each candle once per frame.

        The final update of a closed candle is never conflated away.
        """
        return self.open_subscription(
            "candle", codes, callback, delivery, snapshot=snapshot, realtime=realtime, unit=unit
        )

    @overload
    def subscribe_my_order(
        self,
        codes: Sequence[str] | None = None,
        *,
        callback: One[MyOrderEvent] = None,
        delivery: Single = None,
    ) -> Subscription[MyOrderEvent]: ...

    @overload
    def subscribe_my_order(
        self,
        codes: Sequence[str] | None = None,
        *,
        callback: Many[MyOrderEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[MyOrderEvent, ...]]: ...

    @overload
    def subscribe_my_order(
        self,
        codes: Sequence[str] | None = None,
        *,
        callback: Either[MyOrderEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_my_order(
        self,
        codes: Sequence[str] | None = None,
        *,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
    ) -> Subscription[Any]:
        """Your orders, of all pairs or of `codes`. Gives every `MyOrderEvent`.

        Raises:
            CredentialsRequiredError: no keys are configured.
        """
        return self.open_subscription("my_order", codes, callback, delivery)

    @overload
    def subscribe_my_asset(
        self, *, callback: One[MyAssetEvent] = None, delivery: Single = None
    ) -> Subscription[MyAssetEvent]: ...

    @overload
    def subscribe_my_asset(
        self, *, callback: Many[MyAssetEvent] = None, delivery: Literal[Delivery.BATCH]
    ) -> Subscription[tuple[MyAssetEvent, ...]]: ...

    @overload
    def subscribe_my_asset(
        self, *, callback: Either[MyAssetEvent] = None, delivery: Delivery | None
    ) -> Subscription[Any]: ...

    def subscribe_my_asset(
        self, *, callback: EventCallback | None = None, delivery: Delivery | None = None
    ) -> Subscription[Any]:
        """Your balances, as they change. Gives every `MyAssetEvent`. Needs keys."""
        return self.open_subscription("my_asset", None, callback, delivery)

    @overload
    def subscribe_announcement(
        self,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: One[AnnouncementEvent] = None,
        delivery: Single = None,
    ) -> Subscription[AnnouncementEvent]: ...

    @overload
    def subscribe_announcement(
        self,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: Many[AnnouncementEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[AnnouncementEvent, ...]]: ...

    @overload
    def subscribe_announcement(
        self,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: Either[AnnouncementEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_announcement(
        self,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
    ) -> Subscription[Any]:
        """Notices of the exchange, all or of some categories. Gives `AnnouncementEvent`. Needs keys."""
        return self.open_subscription(
            "announcement", None, callback, delivery, categories=categories, include_body=include_body
        )

    @overload
    def subscribe_indicator(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: One[IndicatorEvent] = None,
        delivery: Single = None,
    ) -> Subscription[IndicatorEvent]: ...

    @overload
    def subscribe_indicator(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Many[IndicatorEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[IndicatorEvent, ...]]: ...

    @overload
    def subscribe_indicator(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Either[IndicatorEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_indicator(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
    ) -> Subscription[Any]:
        """Indicators that Upbit computes at a candle's close; KRW pairs. Gives `IndicatorEvent`. Needs keys.

        `timeframe` is 5m, 15m, 60m, 240m or 1d; `indicators` for example
        ``[{"type": "rsi", "params": {"period": 14}}]``.
        """
        return self.open_subscription(
            "indicator", codes, callback, delivery, timeframe=timeframe, indicators=indicators
        )

    @overload
    def subscribe_indicator_signal(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: One[IndicatorSignalEvent] = None,
        delivery: Single = None,
    ) -> Subscription[IndicatorSignalEvent]: ...

    @overload
    def subscribe_indicator_signal(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Many[IndicatorSignalEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[IndicatorSignalEvent, ...]]: ...

    @overload
    def subscribe_indicator_signal(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Either[IndicatorSignalEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe_indicator_signal(
        self,
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
    ) -> Subscription[Any]:
        """Conditions on indicators that came true; KRW pairs. Gives `IndicatorSignalEvent`. Needs keys.

        `timeframe` is 5m, 15m, 60m, 240m or 1d; `indicators` each carry a ``trigger`` and, where it has a
        threshold, ``event_params``.
        """
        return self.open_subscription(
            "indicator_signal", codes, callback, delivery, timeframe=timeframe, indicators=indicators
        )
