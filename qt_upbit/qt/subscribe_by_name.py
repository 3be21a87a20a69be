"""`SubscribeByName`: ``subscribe("ticker", …)`` of a proxy, typed to the slot, and types of arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeVar, overload

from qt_upbit.qt.subscription import EventCallback, Subscription
from qt_upbit.types import (
    AnnouncementEvent,
    CandleEvent,
    CandleUnit,
    Delivery,
    IndicatorDefinition,
    IndicatorEvent,
    IndicatorSignalEvent,
    IndicatorTimeframe,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)

__all__ = ["Depth", "Either", "Indicators", "Many", "One", "Single", "SubscribeByName", "Timeframe", "Unit"]

_E = TypeVar("_E")

One = Callable[[_E], object] | None
Many = Callable[[tuple[_E, ...]], object] | None
Either = Callable[[_E | tuple[_E, ...]], object] | None
"""For a delivery that is only known at run time."""
Single = Literal[Delivery.LATEST, Delivery.EVERY] | None
Depth = Literal[1, 5, 15, 30]
"""Rows of an order book that Upbit offers."""
Unit = CandleUnit | Literal["1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m"]
Timeframe = IndicatorTimeframe | Literal["5m", "15m", "60m", "240m", "1d"]
Indicators = Sequence[IndicatorDefinition | Mapping[str, Any]]


class SubscribeByName:
    """Subscribes to an event type by its name."""

    def open_subscription(
        self,
        name: str,
        codes: Sequence[str] | None,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        **options: Any,
    ) -> Subscription[Any]:
        """Subscribe, with arguments that are checked at run time only."""
        raise NotImplementedError

    @overload
    def subscribe(
        self,
        name: Literal["ticker"],
        codes: Sequence[str],
        callback: One[TickerEvent] = None,
        delivery: Single = None,
        *,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[TickerEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["ticker"],
        codes: Sequence[str],
        callback: Many[TickerEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[tuple[TickerEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["ticker"],
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[TickerEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[TickerEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["ticker"],
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[TickerEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["trade"],
        codes: Sequence[str],
        callback: One[TradeEvent] = None,
        delivery: Single = None,
        *,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[TradeEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["trade"],
        codes: Sequence[str],
        callback: Many[TradeEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[tuple[TradeEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["trade"],
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[TradeEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[TradeEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["trade"],
        codes: Sequence[str],
        *,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[TradeEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["orderbook"],
        codes: Sequence[str],
        callback: One[OrderbookEvent] = None,
        delivery: Single = None,
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[OrderbookEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["orderbook"],
        codes: Sequence[str],
        callback: Many[OrderbookEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[tuple[OrderbookEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["orderbook"],
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
    def subscribe(
        self,
        name: Literal["orderbook"],
        codes: Sequence[str],
        *,
        depth: Depth = 30,
        level: int | Decimal = 0,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[OrderbookEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["candle"],
        codes: Sequence[str],
        callback: One[CandleEvent] = None,
        delivery: Single = None,
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[CandleEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["candle"],
        codes: Sequence[str],
        callback: Many[CandleEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
    ) -> Subscription[tuple[CandleEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["candle"],
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Many[CandleEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[CandleEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["candle"],
        codes: Sequence[str],
        *,
        unit: Unit = CandleUnit.M1,
        snapshot: bool = True,
        realtime: bool = True,
        callback: Either[CandleEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_order"],
        codes: Sequence[str] | None = None,
        callback: One[MyOrderEvent] = None,
        delivery: Single = None,
    ) -> Subscription[MyOrderEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_order"],
        codes: Sequence[str] | None,
        callback: Many[MyOrderEvent],
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[MyOrderEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_order"],
        codes: Sequence[str] | None = None,
        *,
        callback: Many[MyOrderEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[MyOrderEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_order"],
        codes: Sequence[str] | None = None,
        *,
        callback: Either[MyOrderEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_asset"],
        codes: None = None,
        callback: One[MyAssetEvent] = None,
        delivery: Single = None,
    ) -> Subscription[MyAssetEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_asset"],
        codes: None,
        callback: Many[MyAssetEvent],
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[MyAssetEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_asset"],
        codes: None = None,
        *,
        callback: Many[MyAssetEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[MyAssetEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["my_asset"],
        codes: None = None,
        *,
        callback: Either[MyAssetEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["announcement"],
        codes: None = None,
        callback: One[AnnouncementEvent] = None,
        delivery: Single = None,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
    ) -> Subscription[AnnouncementEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["announcement"],
        codes: None,
        callback: Many[AnnouncementEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
    ) -> Subscription[tuple[AnnouncementEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["announcement"],
        codes: None = None,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: Many[AnnouncementEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[AnnouncementEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["announcement"],
        codes: None = None,
        *,
        categories: Sequence[str] | None = None,
        include_body: bool = False,
        callback: Either[AnnouncementEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator"],
        codes: Sequence[str],
        callback: One[IndicatorEvent] = None,
        delivery: Single = None,
        *,
        timeframe: Timeframe,
        indicators: Indicators,
    ) -> Subscription[IndicatorEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator"],
        codes: Sequence[str],
        callback: Many[IndicatorEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
    ) -> Subscription[tuple[IndicatorEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator"],
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Many[IndicatorEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[IndicatorEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator"],
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Either[IndicatorEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator_signal"],
        codes: Sequence[str],
        callback: One[IndicatorSignalEvent] = None,
        delivery: Single = None,
        *,
        timeframe: Timeframe,
        indicators: Indicators,
    ) -> Subscription[IndicatorSignalEvent]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator_signal"],
        codes: Sequence[str],
        callback: Many[IndicatorSignalEvent],
        delivery: Literal[Delivery.BATCH],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
    ) -> Subscription[tuple[IndicatorSignalEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator_signal"],
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Many[IndicatorSignalEvent] = None,
        delivery: Literal[Delivery.BATCH],
    ) -> Subscription[tuple[IndicatorSignalEvent, ...]]: ...

    @overload
    def subscribe(
        self,
        name: Literal["indicator_signal"],
        codes: Sequence[str],
        *,
        timeframe: Timeframe,
        indicators: Indicators,
        callback: Either[IndicatorSignalEvent] = None,
        delivery: Delivery | None,
    ) -> Subscription[Any]: ...

    def subscribe(
        self,
        name: str,
        codes: Sequence[str] | None = None,
        callback: EventCallback | None = None,
        delivery: Delivery | None = None,
        **options: Any,
    ) -> Subscription[Any]:
        """Subscribe to any declared event type by name; the named methods call this one.

        Args:
            name: `EventSpec.name`, for example ``my_order``.
            codes: pairs, or None for a type without codes, or for all codes where Upbit offers that.
            callback: as in `subscribe_ticker`.
            delivery: as in `subscribe_ticker`.
            options: the other arguments of the type's named method.
        """
        return self.open_subscription(name, codes, callback, delivery, **options)
